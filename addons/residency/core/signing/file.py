"""``signing.yaml``: the format, and everything that can be wrong with it. It has names of profiles, and never a key."""

import importlib.util
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from residency.core.document import Document, fit
from residency.core.faults import Faults
from residency.core.signing.role import Role

type Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


def _like(pattern: str, words: str) -> AfterValidator:
    """Text that *pattern* matches; *words* say what is wrong with other text, and how it is written."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


type Name = Annotated[
    str, _like(r"[a-z0-9][a-z0-9._-]{0,79}", "is no name; write it like masked-eu")
]
type Profile = Annotated[
    str,
    _like(
        r"[A-Za-z0-9][A-Za-z0-9_.@+=/-]{0,127}",
        "is no name of a profile in ~/.aws/config; write it like masked-eu",
    ),
]
type Service = Annotated[
    str,
    _like(r"[A-Za-z0-9-]{1,60}", "is no name that calls are signed for; write it like lambda"),
]
type Region = Annotated[
    str,
    _like(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}", "is no region; write it like eu-central-1"),
]
type Key = Annotated[
    str, _like(r"[A-Za-z0-9_*]{1,128}", "is no access key's id; write it like AKIAEXAMPLE*")
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoleText(_Strict):
    """One row of ``roles``."""

    name: Name
    why: Text | None = None
    profile: Profile
    groups: Annotated[tuple[Text, ...], Field(min_length=1)]
    services: Annotated[tuple[Service, ...], Field(min_length=1)]
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    keys: Annotated[tuple[Key, ...], Field(min_length=1)] | None = None


class FileText(_Strict):
    """All of ``signing.yaml``."""

    version: Literal["1"]
    roles: Annotated[tuple[RoleText, ...], Field(min_length=1)]


def parse(document: Document, faults: Faults) -> tuple[Role, ...] | None:
    """The roles, in file order; ``None`` with every fault added to *faults*."""
    text = fit(document, FileText, faults)
    if text is None:
        return None
    if importlib.util.find_spec("botocore") is None:
        message = "signing calls anew needs botocore, which is not installed"
        mend = "pip install 'mitmproxy-residency[aws]'"
        faults.add(document.fault(("roles",), message, mend))
    seen: set[str] = set()
    for i, role in enumerate(text.roles):
        if role.name in seen:
            faults.add(
                document.fault(("roles", i, "name"), f"{role.name!r} a second time", "rename one")
            )
        seen.add(role.name)
    return tuple(Role(**{**role.model_dump(), "why": role.why or ""}) for role in text.roles)
