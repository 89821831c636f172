"""The format of identity.yaml's block ``saml``. What each key means to an operator stands in the shipped file."""

import re
from typing import Annotated

import pydantic

from residency.core.duration import seconds

MAX_LEEWAY = 60
#: A gateway token lives no longer than its key is kept: see ``residency.proxy.mint``.
MAX_LIFETIME = 24 * 3600


def _filled(value: str) -> str:
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("is empty or has blanks around it; write a value")
    return value


def _duration(value: object) -> object:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else seconds(value)
    return value


type _Text = Annotated[str, pydantic.AfterValidator(_filled)]
type _Duration = Annotated[int, pydantic.BeforeValidator(_duration)]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class MetadataBlock(_Block):
    """Where the identity provider's metadata is. A file alone: it pins the certificates."""

    file: _Text


class SamlBlock(_Block):
    """One identity provider. ``subject`` is ``NameID`` or the name of an attribute."""

    idp: _Text
    metadata: MetadataBlock
    gateway: _Text
    audience: _Text
    recipient: _Text
    subject: _Text = "NameID"
    subjects: _Text = "*"
    groups: _Text = "groups"
    max_lifetime: Annotated[_Duration, pydantic.Field(ge=1, le=MAX_LIFETIME)] = 3600
    leeway: Annotated[_Duration, pydantic.Field(ge=0, le=MAX_LEEWAY)] = 30
    approvers: bool = False
