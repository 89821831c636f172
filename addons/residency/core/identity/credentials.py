"""What a call's Proxy-Authorization headers hold: one token, or a client's id and secret.

``HTTPS_PROXY=http://TOKEN:@gateway`` and ``http://anything:TOKEN@gateway`` both arrive as Basic
(RFC 7617); clients that can set the header send Bearer (RFC 6750). Which of these it is can be told
from the text alone:

- a JWT, as Bearer, user or password                     → ``Token``
- a base64 SAML assertion as password                    → ``Assertion``
- user and password, neither of them one of these        → ``ClientCredentials``
- one of the two alone, or Bearer, and it is no JWT      → ``Opaque``

The user name ``token`` is no client's: it says that the password is a token, for clients that send
no credentials where one of the two is empty. What is sent twice, or could be read in two ways, is
refused.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from residency.core.saml.text import is_assertion
from residency.errors import IdentityError

#: Longest header value that is looked at, and longest token, in characters.
MAX_SIZE = 16 * 1024
#: Longest client id, in characters.
MAX_ID = 256

#: The user name that says that the password is a token.
TOKEN_USER = "token"  # noqa: S105 - no password

# A JOSE header is a JSON object and "{" is 0x7B, so its base64url begins with "e" and one of w-z,
# 0-9, - and _. Without that, user names such as "svc.team.prod" would be taken for tokens.
_JWT = re.compile(r"e[w-z0-9_-][A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
# RFC 6750, 2.1: b64token.
_OPAQUE = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# RFC 6749, A.1 and A.2: visible ASCII and space.
_CLIENT = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A JWT by its looks, unverified."""

    text: str


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials:
    """A client's id and secret (RFC 6749, 2.3.1), for its issuer to judge."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True, repr=False)
class Opaque:
    """A token that only its issuer can read."""

    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Assertion:
    """A SAML assertion in base64 by its looks, unverified."""

    text: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """Nothing in the headers: the client certificate of the connection is the proof."""


#: None of them shows what it holds: ``repr`` is that of a plain object.
type Credentials = Token | ClientCredentials | Opaque | Assertion | Certificate


def is_jwt(text: str) -> bool:
    """True if *text* looks like a JWT (RFC 7519) with a signature's place."""
    return bool(_JWT.fullmatch(text))


def credentials(values: Sequence[str]) -> Credentials:
    """The one proof of identity that a call brings, unverified.

    Args:
        values: The values of **all** Proxy-Authorization headers, one item a header line.

    Raises:
        IdentityError: ``identity-missing`` there is no header; ``identity-conflict`` there are
            two, or one that joins two, or both user and password are JWTs; ``identity-malformed``
            everything else.
    """
    if not values:
        raise IdentityError("identity-missing")
    if len(values) > 1:
        raise IdentityError("identity-conflict", "Proxy-Authorization stands more than once")
    if len(values[0]) > MAX_SIZE:
        raise _malformed(f"Proxy-Authorization is longer than {MAX_SIZE} characters")
    scheme, _, rest = values[0].strip(" \t").partition(" ")
    if scheme.lower() not in ("bearer", "basic"):
        raise _malformed("Proxy-Authorization is neither Bearer nor Basic")
    if "," in rest:
        # Neither base64 nor a token has a comma: two headers were joined (RFC 9110, 5.3).
        raise IdentityError("identity-conflict", "Proxy-Authorization holds more than one value")
    rest = rest.strip(" ")
    return _basic(rest) if scheme.lower() == "basic" else _token(rest, "the Bearer value")


def _token(text: str, name: str) -> Token | Opaque:
    if is_jwt(text):
        return Token(text)
    if not _OPAQUE.fullmatch(text) or is_assertion(text):
        raise _malformed(f"{name} is not a token")
    return Opaque(text)


def _basic(text: str) -> Credentials:
    pair = _decode(text)
    if pair is None:
        raise _malformed("the Basic value is not base64 of user:password in UTF-8")
    user, colon, password = pair.partition(":")
    if not colon:
        raise _malformed("the Basic value has no colon")
    # Some clients send the proxy URL's user and password as written, percent signs and all.
    user, password = unquote(user), unquote(password)
    found: list[Credentials] = [Token(part) for part in (user, password) if is_jwt(part)]
    if is_assertion(password):
        found.append(Assertion(password))
    if len(found) > 1:
        raise IdentityError("identity-conflict", "user and password both are tokens")
    if found:
        return found[0]
    if user == TOKEN_USER:
        return _token(password, "the password")
    if not user or not password:
        return _token(user or password, "the Basic value")
    return _client(user, password)


def _client(user: str, password: str) -> ClientCredentials:
    if len(user) > MAX_ID or not _CLIENT.fullmatch(user) or not _CLIENT.fullmatch(password):
        raise _malformed("user and password are no client id and secret (RFC 6749, A.1)")
    return ClientCredentials(user, password)


def _decode(text: str) -> str | None:
    """Strict base64 (one spelling for one value) of strict UTF-8."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
        return raw.decode("utf-8") if base64.b64encode(raw).decode("ascii") == text else None
    except ValueError:
        return None


def _malformed(detail: str) -> IdentityError:
    return IdentityError("identity-malformed", detail)
