"""The format of identity.yaml. What each key means to an operator stands in the shipped file."""

import re
from typing import Annotated, Literal, Self

import pydantic

from residency.core.duration import seconds
from residency.core.identity.endpoint_file import (
    ClientCredentialsBlock,
    ExchangeBlock,
    IntrospectionBlock,
)
from residency.core.identity.keys import ALGORITHMS
from residency.core.identity.url import fault_of

MAX_LEEWAY = 60


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _path(value: object) -> object:
    """A list is the path, a URL one namespaced claim (RFC 7519, 4.2); else dots part the names."""
    if not isinstance(value, str):
        return value
    return [value] if "://" in value else value.split(".")


def _duration(value: object) -> object:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else seconds(value)
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write a value")
    return value


def _asymmetric(value: str) -> str:
    if value.lower() == "none":
        raise ValueError("none means no signature: anybody could write such a token; remove it")
    if value.upper().startswith("HS"):
        raise ValueError(
            f"{value} is symmetric: whoever can verify can also sign; write RS256 or ES256"
        )
    if value not in ALGORITHMS:
        raise ValueError(f"{value} is not known here; write some of {', '.join(ALGORITHMS)}")
    return value


def _fetchable(value: str) -> str:
    if fault := fault_of(value):
        raise ValueError(f"keys cannot be fetched from this URL: {fault}")
    return value


type Text = Annotated[str, pydantic.AfterValidator(_filled)]
type Texts = Annotated[list[Text], pydantic.BeforeValidator(_listed), pydantic.Field(min_length=1)]
type ClaimPath = Annotated[
    list[Text], pydantic.BeforeValidator(_path), pydantic.Field(min_length=1)
]
type Algorithm = Annotated[str, pydantic.AfterValidator(_asymmetric)]
type Duration = Annotated[int, pydantic.BeforeValidator(_duration)]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class KeysBlock(_Block):
    """Where the keys are: exactly one of the three."""

    file: Text | None = None
    url: Annotated[str, pydantic.AfterValidator(_fetchable)] | None = None
    discovery: bool = False

    @pydantic.model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.file, self.url, self.discovery))) != 1:
            raise ValueError("write exactly one of file: PATH, url: URL and discovery: true")
        return self


class IssuerBlock(_Block):
    """One issuer. Without ``approver_audience`` its tokens rule on nothing."""

    issuer: Text
    audience: Texts
    approver_audience: Texts | None = None
    algorithms: Annotated[list[Algorithm], pydantic.Field(min_length=1)] = ["RS256", "ES256"]
    keys: KeysBlock
    groups: ClaimPath = ["groups"]
    types: Annotated[list[Text], pydantic.Field(min_length=1)] = ["at+jwt", "JWT", "absent"]
    max_lifetime: Annotated[Duration, pydantic.Field(ge=1)] = 24 * 3600
    leeway: Annotated[Duration, pydantic.Field(ge=0, le=MAX_LEEWAY)] = 30
    subject: Text = "*"
    client_credentials: ClientCredentialsBlock | None = None
    exchange: ExchangeBlock | None = None
    introspection: IntrospectionBlock | None = None


class IdentityFile(_Block):
    """identity.yaml, all of it."""

    version: Literal["1"]
    issuers: Annotated[list[IssuerBlock], pydantic.Field(min_length=1)]
