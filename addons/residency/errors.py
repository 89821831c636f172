"""Everything this package raises on purpose, and every code that a caller may be given.

ResidencyError
├── ConfigurationError   rule files cannot be used      → at start: refuse to run; on reload: keep the last good
├── CallError            this call cannot go on         → per call: deny with its code
│   ├── IdentityError    the caller is not known        → 407; 503 where the issuer cannot be asked
│   ├── RegionError      the request's target is unclear → 400 or 451
│   ├── Unread           the body cannot be read exactly → 451 where a rule needs it
│   ├── StageError       an earlier stage left no record → 500
│   └── LedgerError      the ledger cannot be written    → 503, for every call
├── HoldError            a ruling is not valid           → to the approver; the hold stands
├── VerifyError          a ledger is not what was written → to the auditor
└── GatewayError         a running gateway cannot be asked → to whoever asked
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Code:
    """What one error code means to a caller: HTTP status, a title, and what to do."""

    status: int
    title: str
    mend: str


#: Every code that an answer, a ledger record or a command may carry. README.md lists the same.
CODES: dict[str, Code] = {
    # decisions
    "rule": Code(451, "A rule blocks this call", "Ask the owner of the rule, or call a function in a permitted place."),
    "no-rule": Code(451, "No rule permits this call", "Ask for a rule, or call a function in a permitted place."),
    "unmaskable": Code(451, "Fields must be masked and cannot be",
        "Send UTF-8 JSON, a plain form or lines of JSON, unsigned, with one content coding at most."),
    "answer-unmaskable": Code(451, "Fields of the answer must be masked and cannot be",
        "Ask for a plain answer: JSON, not streamed, no part of a range."),
    "body-unread": Code(451, "The body cannot be read exactly",
        "Send UTF-8 JSON, a plain form or lines of JSON, with one content coding at most."),
    "denied": Code(451, "An approver denied this call", "Ask the approver; the reason is in the ledger."),
    "held": Code(503, "This call waits for an approver", "Try the same call again; the approval id says which one it is."),
    "hold-full": Code(503, "Too many calls wait for an approver", "Try again later."),
    "stale": Code(451, "What was approved is no longer what would be sent", "Send the call again."),
    # identity
    "identity-missing": Code(407, "No identity", "Put a token into the proxy URL: HTTPS_PROXY=http://token:TOKEN@gateway:8080."),
    "identity-malformed": Code(407, "The identity cannot be read",
        "Send one JWT, as Bearer, or as user or password of the proxy URL."),
    "identity-conflict": Code(407, "More than one identity", "Send exactly one Proxy-Authorization header."),
    "identity-issuer": Code(407, "Unknown issuer", "Use a token of an issuer that the gateway trusts."),
    "identity-audience": Code(407, "The token is not for this gateway", "Ask the issuer for the gateway's audience."),
    "identity-algorithm": Code(407, "The token's algorithm is not accepted", "Ask the issuer for an accepted algorithm."),
    "identity-key": Code(407, "The token's key is not known",
        "Use a current token; the gateway's operator may have to renew the keys."),
    "identity-signature": Code(407, "The token's signature is wrong", "Use the token as the issuer gave it."),
    "identity-expired": Code(407, "The token has expired", "Get a new token."),
    "identity-early": Code(407, "The token is not valid yet", "Check the clocks."),
    "identity-claims": Code(407, "The token lacks a claim, or has a wrong one",
        "The token needs exp, iat, iss, aud and sub."),
    "identity-assertion": Code(407, "The SAML assertion does not count",
        "Get a new one, for this gateway; the detail says which part does not fit."),
    "identity-encrypted": Code(407, "The SAML assertion is encrypted",
        "Have the identity provider sign, and not encrypt, what it sends over TLS."),
    "identity-replayed": Code(407, "The SAML assertion has been used",
        "Get a new assertion; one is exchanged once, and a token comes of it."),
    "identity-busy": Code(503, "Too many assertions at once", "Try again in a moment."),
    "identity-certificate": Code(407, "The client certificate is not accepted",
        "Use a client certificate, with its intermediates, of an authority that the gateway trusts."),
    "identity-binding": Code(407, "The token is bound to another client certificate",
        "Use the token over https:// to the gateway, with the certificate it was issued for."),
    "identity-client": Code(407, "The issuer refuses these client credentials",
        "Correct client id and secret in the proxy URL, or have the client registered."),
    "identity-exchange": Code(407, "The issuer does not exchange this token",
        "Use a token that is valid and that the issuer exchanges."),
    "identity-inactive": Code(407, "The issuer says that the token does not count", "Get a new token."),
    "identity-unavailable": Code(503, "The issuer cannot be asked now", "Try again in a moment."),
    # the request itself
    "request-malformed": Code(400, "The request is not well formed", "Send a request that RFC 9110 and RFC 9112 allow."),
    "host-invalid": Code(400, "The host is not a host name or address", "Use a plain host name."),
    "host-mismatch": Code(451, "CONNECT, SNI and Host name different targets", "Name one target everywhere."),
    "port-refused": Code(451, "This port is not open", "Use port 443, or have the port declared in destinations.yaml."),
    "plaintext-refused": Code(451, "Plain HTTP is not permitted to this target",
        "Use https, or have it declared in destinations.yaml."),
    "upgrade-refused": Code(451, "Protocol upgrades are not permitted",
        "Use plain requests, or a rule with websockets: true."),
    "trailers-refused": Code(400, "Request trailers are not accepted", "Send no trailers."),
    "protocol-refused": Code(451, "Only HTTP may pass", "Use HTTP inside the tunnel."),
    "replayed": Code(451, "Replayed flows are not permitted", "Send a new call."),
    "read-timeout": Code(503, "The body was not read in time", "Try again later, or send less."),
    "too-large": Code(413, "The body is larger than the gateway reads", "Send less, or have body_size_limit raised."),
    # the gateway's own
    "address-refused": Code(451, "The target's address is not permitted", "Have the target declared in destinations.yaml."),
    "address-conflict": Code(451, "The target's address contradicts where it is said to be",
        "Ask the gateway's operator: the ledger has the address, and the feed that knows it."),
    "name-unknown": Code(502, "The target's name has no address", "Check the host's spelling."),
    "name-unavailable": Code(503, "The target's name cannot be looked up now", "Try again in a moment."),
    "not-ready": Code(503, "The gateway is not ready", "Try again in a moment."),
    "ledger": Code(503, "The ledger cannot be written", "Try again later; the gateway's operator has been told."),
    "internal": Code(500, "The gateway failed", "Tell the gateway's operator the decision id."),
    "signing-unavailable": Code(503, "The gateway cannot sign this call anew now",
        "Try again in a moment; if that does not help, tell the gateway's operator."),
    "aborted": Code(503, "The call ended before it was decided", "Send the call again."),
}  # fmt: skip


class ResidencyError(Exception):
    """The root of the tree; never raised itself."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault in one file: where it stands, what is wrong, how to mend it.

    ``line`` and ``column`` count from 1; 0 where the fault has no place in the text.
    ``where`` is the place as a path, such as ``rules[3].then``.
    """

    source: str
    line: int
    column: int
    where: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        where = f" {self.where}:" if self.where else ""
        return f"{place}:{where} {self.message}" + (f" ({self.mend})" if self.mend else "")


class ConfigurationError(ResidencyError):
    """Rule files cannot be used. ``faults`` holds every fault that was found, sorted."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([count, *map(str, self.faults)]))


class CallError(ResidencyError):
    """This call cannot go on.

    ``code`` is a key of ``CODES``; the message never holds a value from the payload or a token.
    """

    code: str

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail or CODES[code].title
        super().__init__(f"{code}: {self.detail}")


class IdentityError(CallError):
    """The caller is not known. Its codes begin with ``identity-``."""


class RegionError(CallError):
    """The request does not say clearly, or not permissibly, what it calls."""


type UnreadReason = Literal[
    "coding", "bomb", "charset", "format", "not-json", "duplicate-key", "number", "surrogate",
    "depth", "too-large", "signed", "trailers", "drift", "required", "key", "stream",
]  # fmt: skip


class Unread(ResidencyError):  # noqa: N818 - a state of a body, not a slip
    """A body cannot be read, or masked, exactly: unread is never clean.

    ``reason`` names why:  ``coding`` unknown, stacked, broken or with bytes left over; ``bomb`` output or ratio
    over the limit; ``charset`` not strict UTF-8; ``format`` none that can be read, or one that readers may
    differ about; ``not-json``; ``duplicate-key``; ``number`` NaN or Infinity;
    ``surrogate`` a lone one; ``depth`` nested too deep; ``too-large``; ``signed`` the sender signed the body;
    ``trailers``; ``drift`` a masked body did not read back as expected; ``required`` a field that has to be there
    is not; ``key`` a way to mask lacks the key that it needs; ``stream`` messages of a stream that are
    broken, or fields that a stream cannot be searched for.
    """

    def __init__(self, reason: UnreadReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class StageError(CallError):
    """An earlier stage left no record, or an odd one: the chain is out of order."""

    def __init__(self, detail: str) -> None:
        super().__init__("internal", detail)


class LedgerError(CallError):
    """The ledger cannot be written: no record, no call."""

    def __init__(self, detail: str) -> None:
        super().__init__("ledger", detail)


class HoldError(ResidencyError):
    """A ruling is not valid. ``reason`` is a stable word, ``status`` the admin API's HTTP status."""

    def __init__(self, reason: str, message: str, *, status: int = 409) -> None:
        self.reason = reason
        self.status = status
        super().__init__(message)


class VerifyError(ResidencyError):
    """A ledger is not what was written. ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}")


class GatewayError(ResidencyError):
    """A running gateway cannot be asked, or refuses."""
