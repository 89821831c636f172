"""The format of ``certificates`` in identity.yaml. What each key means stands in the shipped file."""

import re
from typing import Annotated, Self

import pydantic

from residency.core.identity.spiffe import MAX_DOMAIN, is_trust_domain


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write a value")
    return value


def _name(value: str) -> str:
    if not value.isprintable() or len(value) > MAX_DOMAIN:
        raise ValueError(f"is not a name of at most {MAX_DOMAIN} printable characters")
    return value


def _domain(value: str) -> str:
    if not is_trust_domain(value):
        raise ValueError(
            "is not a SPIFFE trust domain; write lower-case letters, digits, dots, - and _, such as example.org"
        )
    return value


def _boolean(value: object) -> object:
    # Pydantic also reads "on", "1" and "y"; one spelling is enough.
    if isinstance(value, str) and not re.fullmatch("true|false", value):
        raise ValueError("is neither true nor false; write one of them")
    return value


type Text = Annotated[str, pydantic.AfterValidator(_filled)]
type Name = Annotated[Text, pydantic.AfterValidator(_name)]
type Names = Annotated[list[Name], pydantic.BeforeValidator(_listed), pydantic.Field(min_length=1)]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class AuthoritiesBlock(_Block):
    """Where the authorities' certificates are."""

    file: Text


class SpiffeBlock(_Block):
    """What makes a certificate an X.509-SVID of ours."""

    trust_domain: Annotated[str, pydantic.AfterValidator(_domain)]


class CertificateBlock(_Block):
    """Certificates of one set of authorities."""

    name: Name
    authorities: AuthoritiesBlock
    spiffe: SpiffeBlock | None = None
    subject: Text | None = None
    groups: dict[Text, Names] = {}
    transport: Annotated[bool, pydantic.BeforeValidator(_boolean)] = False

    @pydantic.model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.transport and (self.spiffe or self.subject or self.groups):
            raise ValueError(
                "transport certificates name nobody; remove transport, or spiffe, subject and groups"
            )
        if not self.transport and not (self.spiffe or self.subject):
            raise ValueError(
                "does not say who the certificate names; write spiffe: {trust_domain: …}, subject: PATTERN,"
                " or transport: true"
            )
        return self
