"""The part of identity.yaml that says where an issuer is asked, and the values it makes."""

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

import pydantic

from residency.core.document import Document, Path
from residency.core.duration import Seconds
from residency.core.faults import Faults
from residency.core.glob import compile_globs
from residency.core.identity.endpoint import (
    ClientGrant,
    Endpoint,
    Endpoints,
    ExchangeGrant,
    Introspection,
    Member,
    Method,
    OwnClient,
    Parameters,
    SecretSource,
)
from residency.core.identity.url import fault_of

if TYPE_CHECKING:
    from residency.core.identity.file import IssuerBlock

MAX_KEEP = 300
_TYPE = "urn:ietf:params:oauth:token-type:"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _visible(value: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", value):
        raise ValueError("is empty or not plain ASCII; write a value")
    return value


def _askable(value: str) -> str:
    if fault := fault_of(value):
        raise ValueError(f"nothing secret may be sent to this URL: {fault}")
    return value


type Text = Annotated[str, pydantic.AfterValidator(_visible)]
type Texts = Annotated[list[Text], pydantic.BeforeValidator(_listed), pydantic.Field(min_length=1)]
type Url = Annotated[str, pydantic.AfterValidator(_askable)]


class _Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class SecretBlock(_Block):
    """Where the gateway's own secret is: exactly one of the two."""

    file: Text | None = None
    env: Text | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("write exactly one of file: PATH and env: NAME")
        return self


class _EndpointBlock(_Block):
    endpoint: Url | None = None
    method: Method = "client_secret_basic"


class _GrantBlock(_EndpointBlock):
    scope: Text | None = None
    audience: Texts | None = None
    resource: Annotated[list[Url], pydantic.BeforeValidator(_listed)] | None = None

    @property
    def parameters(self) -> Parameters:
        """What is asked for: RFC 6749 3.3, RFC 8693 2.1 and RFC 8707 2."""
        return (
            *((("scope", self.scope),) if self.scope else ()),
            *(("audience", value) for value in self.audience or ()),
            *(("resource", value) for value in self.resource or ()),
        )


class ClientCredentialsBlock(_GrantBlock):
    """``CLIENT_ID:SECRET`` in the proxy URL."""

    clients: Texts | None = None


class ExchangeBlock(_GrantBlock):
    """Tokens of other issuers, or for other audiences, made into tokens for the gateway."""

    tokens_of: Texts
    token_type: Literal["jwt", "access_token", "id_token"] = "jwt"  # noqa: S105 - a type
    client_id: Text | None = None
    secret: SecretBlock | None = None

    @pydantic.model_validator(mode="after")
    def _both(self) -> Self:
        if (self.client_id is None) != (self.secret is None):
            raise ValueError("write both client_id and secret, or neither")
        return self


class IntrospectionBlock(_EndpointBlock):
    """Opaque tokens, read by the issuer that made them."""

    client_id: Text
    secret: SecretBlock
    keep: Annotated[Seconds, pydantic.Field(ge=1, le=MAX_KEEP)] = 30


def endpoints(block: "IssuerBlock", document: Document, path: Path) -> Endpoints:
    """What *block*, at *path*, says about where its issuer is asked."""
    return Endpoints(
        client_credentials=_client_credentials(block),
        exchange=_exchange(block, document, path),
        introspection=_introspection(block, document, path),
    )


def check(blocks: "list[IssuerBlock]", document: Document, faults: Faults) -> None:
    """Add a fault wherever it would not be clear which issuer is asked."""
    taken: set[tuple[str, str]] = set()
    for index, block in enumerate(blocks):
        for part, names in _claims(block):
            where = ("issuers", index, part)
            for name in names:
                if (part, name) in taken:
                    what = f"{_spelled(part, name)} a second time"
                    faults.add(document.fault(where, what, "let one issuer have it"))
                taken.add((part, name))
            asked = getattr(block, part)
            if not asked.endpoint and (fault := fault_of(block.issuer, query=False)):
                mend = "write the issuer's URL, or give the endpoint"
                faults.add(document.fault(where, f"discovery needs a URL: {fault}", mend))


def _spelled(part: str, name: str) -> str:
    """What is there twice, in words."""
    if part == "introspection":
        return "opaque tokens do not name their issuer: introspection"
    if part == "exchange":
        return f"tokens of {name}"
    return f"clients {name!r}" if name else "client_credentials without clients"


def _claims(block: "IssuerBlock") -> list[tuple[str, list[str]]]:
    """What only one issuer can have, by part of the block."""
    found: list[tuple[str, list[str]]] = []
    if block.client_credentials:
        found.append(("client_credentials", block.client_credentials.clients or [""]))
    if block.exchange:
        found.append(("exchange", block.exchange.tokens_of))
    if block.introspection:
        found.append(("introspection", [""]))
    return found


def _client_credentials(block: "IssuerBlock") -> ClientGrant | None:
    written = block.client_credentials
    if written is None:
        return None
    return ClientGrant(
        endpoint=_endpoint(block.issuer, written, "token_endpoint"),
        clients=compile_globs(written.clients) if written.clients else None,
        parameters=written.parameters,
    )


def _exchange(block: "IssuerBlock", document: Document, path: Path) -> ExchangeGrant | None:
    written = block.exchange
    if written is None:
        return None
    client = None
    if written.client_id and written.secret:
        secret = _secret(written.secret, document, (*path, "exchange", "secret"))
        client = OwnClient(written.client_id, secret)
    return ExchangeGrant(
        endpoint=_endpoint(block.issuer, written, "token_endpoint"),
        issuers=frozenset(written.tokens_of),
        client=client,
        subject_type=_TYPE + written.token_type,
        parameters=written.parameters,
    )


def _introspection(block: "IssuerBlock", document: Document, path: Path) -> Introspection | None:
    written = block.introspection
    if written is None:
        return None
    secret = _secret(written.secret, document, (*path, "introspection", "secret"))
    return Introspection(
        endpoint=_endpoint(block.issuer, written, "introspection_endpoint"),
        client=OwnClient(written.client_id, secret),
        keep=written.keep,
    )


def _secret(block: SecretBlock, document: Document, path: Path) -> SecretSource:
    fault = document.fault(path, "the secret cannot be read, or is empty", "provide it")
    if block.file is not None:
        return SecretSource("file", block.file, fault)
    return SecretSource("env", block.env or "", fault)


def _endpoint(issuer: str, block: _EndpointBlock, member: Member) -> Endpoint:
    if block.endpoint:
        return Endpoint(block.endpoint, member, discovered=False, method=block.method)
    url = issuer.removesuffix("/") + "/.well-known/openid-configuration"
    return Endpoint(url, member, discovered=True, method=block.method)
