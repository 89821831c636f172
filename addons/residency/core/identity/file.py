"""The format of identity.yaml. What each key means to an operator stands in the shipped file."""

import re
from typing import Annotated, Literal, Self

import pydantic

from residency.core.duration import seconds
from residency.core.identity.certificatefile import CertificateBlock
from residency.core.identity.endpoint_file import (
    ClientCredentialsBlock,
    ExchangeBlock,
    IntrospectionBlock,
)
from residency.core.identity.keys import ALGORITHMS
from residency.core.identity.spiffe import is_trust_domain
from residency.core.identity.url import fault_of
from residency.core.saml.block import SamlBlock

MAX_LEEWAY = 60


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def path_of(value: str) -> list[str]:
    """The claim names that *value* spells: RFC 6901 behind a slash, a URL, or parted by dots."""
    if value.startswith("/"):
        return [n.replace("~1", "/").replace("~0", "~") for n in value[1:].split("/")]
    # A URL is one namespaced claim (RFC 7519, 4.2).
    return [value] if "://" in value else value.split(".")


def _path(value: object) -> object:
    return path_of(value) if isinstance(value, str) else value


def _sources(value: object) -> object:
    """One source, by itself or as the path of its claim, is a list of one."""
    if isinstance(value, str):
        return [{"claim": value}]
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and value:
        texts = sum(isinstance(v, str | None) for v in value)
        if texts == len(value):
            return [{"claim": value}]
        if texts:
            raise ValueError("names and sources are mixed; write each source as {claim: …}")
    return value


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


def _claim(value: str) -> str:
    if not all(path_of(value)):
        raise ValueError("is no claim; write tid, google.project or /kubernetes.io/namespace")
    return value


def _domain(value: str) -> str:
    if not is_trust_domain(value):
        raise ValueError("is no SPIFFE trust domain; write its name alone, such as example.org")
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
type ClaimName = Annotated[str, pydantic.AfterValidator(_claim)]
type Groups = Annotated[dict[Text, Texts], pydantic.Field(min_length=1)]
type Required = Annotated[dict[ClaimName, Texts], pydantic.Field(min_length=1)]
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


class GroupsBlock(_Block):
    """One claim that groups come from."""

    claim: ClaimPath
    split: Literal["space", "comma"] | None = None
    prefix: str = ""
    map: Groups | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> Self:
        if self.prefix and self.map is not None:
            raise ValueError("prefix and map exclude each other: write whole names into map")
        return self


class IssuerBlock(_Block):
    """One issuer. Without ``approver_audience`` its tokens rule on nothing."""

    issuer: Text
    audience: Texts
    approver_audience: Texts | None = None
    algorithms: Annotated[list[Algorithm], pydantic.Field(min_length=1)] = ["RS256", "ES256"]
    keys: KeysBlock
    groups: Annotated[
        list[GroupsBlock], pydantic.BeforeValidator(_sources), pydantic.Field(min_length=1)
    ] = [GroupsBlock(claim=["groups"])]
    subjects: Groups | None = None
    require: Required | None = None
    spiffe: Annotated[str, pydantic.AfterValidator(_domain)] | None = None
    types: Annotated[list[Text], pydantic.Field(min_length=1)] = ["at+jwt", "JWT", "absent"]
    max_lifetime: Annotated[Duration, pydantic.Field(ge=1)] = 24 * 3600
    leeway: Annotated[Duration, pydantic.Field(ge=0, le=MAX_LEEWAY)] = 30
    subject: Texts = ["*"]
    client_credentials: ClientCredentialsBlock | None = None
    exchange: ExchangeBlock | None = None
    introspection: IntrospectionBlock | None = None


class IdentityFile(_Block):
    """identity.yaml, all of it: at least one of the three, and one that names callers."""

    version: Literal["1"]
    issuers: Annotated[list[IssuerBlock], pydantic.Field(min_length=1)] | None = None
    saml: SamlBlock | None = None
    certificates: list[CertificateBlock] = []

    @pydantic.model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not self.issuers and not self.saml and all(c.transport for c in self.certificates):
            raise ValueError(
                "names no caller; write issuers, saml, or certificates that are not transport"
            )
        return self
