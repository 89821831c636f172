"""Where an issuer is asked about a caller, as whom, and for what. Values alone; nothing is sent."""

import re
from dataclasses import dataclass, field
from typing import Literal

from residency.errors import Fault

type Method = Literal["client_secret_basic", "client_secret_post"]
type Member = Literal["token_endpoint", "introspection_endpoint"]
type Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where the gateway's own secret is: a path as written, or the name of an environment variable.

    ``fault`` is what to say where it cannot be read.
    """

    kind: Literal["file", "env"]
    location: str
    fault: Fault = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OwnClient:
    """The gateway itself, as a client of the issuer."""

    id: str
    secret: SecretSource


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL to post to; ``discovered``: the URL of the document that names it as ``member``."""

    location: str
    member: Member
    discovered: bool
    method: Method


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientGrant:
    """Client credentials (RFC 6749, 4.4). ``clients`` are the ids; ``None``: those nobody else names."""

    endpoint: Endpoint
    clients: re.Pattern[str] | None
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeGrant:
    """Token exchange (RFC 8693) of tokens of the ``issuers``."""

    endpoint: Endpoint
    issuers: frozenset[str]
    client: OwnClient | None
    subject_type: str
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """Token introspection (RFC 7662). ``keep`` is how long an answer is believed, in seconds."""

    endpoint: Endpoint
    client: OwnClient
    keep: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What one issuer is asked for; nothing by default."""

    client_credentials: ClientGrant | None = None
    exchange: ExchangeGrant | None = None
    introspection: Introspection | None = None

    @property
    def own_clients(self) -> list[OwnClient]:
        """The gateway's own registrations with the issuer."""
        clients = [
            self.exchange.client if self.exchange else None,
            self.introspection.client if self.introspection else None,
        ]
        return [c for c in clients if c is not None]
