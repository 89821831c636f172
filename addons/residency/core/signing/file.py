"""``signing.yaml``: the format, and everything that can be wrong with it. It has names of profiles, and never a key."""

import importlib.util
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from residency.core.document import Document, fit
from residency.core.faults import Faults
from residency.core.signing.role import Role

type Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
type Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
type Profile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+=/-]{0,127}$")]
type Service = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")]
type Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$")]
type Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_*]{1,128}$")]


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
