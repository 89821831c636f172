"""The one token in a call's Proxy-Authorization headers.

``HTTPS_PROXY=http://TOKEN:@gateway`` and ``http://anything:TOKEN@gateway`` both arrive as Basic
(RFC 7617); clients that can set the header send Bearer (RFC 6750). The password of Basic may also be
a base64 SAML assertion. What is sent twice, or could be read in two ways, is refused.
"""

import base64
import re
from collections.abc import Sequence
from urllib.parse import unquote

from residency.core.saml.text import is_assertion
from residency.errors import IdentityError

#: Longest header value that is looked at, and longest token, in characters.
MAX_SIZE = 16 * 1024

# A JOSE header is a JSON object and "{" is 0x7B, so its base64url begins with "e" and one of w-z,
# 0-9, - and _. Without that, user names such as "svc.team.prod" would be taken for tokens.
_JWT = re.compile(r"e[w-z0-9_-][A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def credentials(values: Sequence[str]) -> str:
    """The text of the one token, unverified.

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
        # Neither base64 nor a JWT has a comma: two headers were joined (RFC 9110, 5.3).
        raise IdentityError("identity-conflict", "Proxy-Authorization holds more than one value")
    rest = rest.strip(" ")
    return _basic(rest) if scheme.lower() == "basic" else _bearer(rest)


def _bearer(text: str) -> str:
    if not _JWT.fullmatch(text):
        raise _malformed("the Bearer value is not a JWT")
    return text


def _basic(text: str) -> str:
    pair = _decode(text)
    if pair is None:
        raise _malformed("the Basic value is not base64 of user:password in UTF-8")
    user, colon, password = pair.partition(":")
    if not colon:
        raise _malformed("the Basic value has no colon")
    # Some clients send the proxy URL's user and password as written, percent signs and all.
    tokens = [part for part in (unquote(user), unquote(password)) if _JWT.fullmatch(part)]
    if is_assertion(unquote(password)):
        tokens.append(unquote(password))
    if len(tokens) > 1:
        raise IdentityError("identity-conflict", "user and password both are tokens")
    if not tokens:
        raise _malformed("neither user nor password is a JWT, and the password is no assertion")
    return tokens[0]


def _decode(text: str) -> str | None:
    """Strict base64 (one spelling for one value) of strict UTF-8."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
        return raw.decode("utf-8") if base64.b64encode(raw).decode("ascii") == text else None
    except ValueError:
        return None


def _malformed(detail: str) -> IdentityError:
    return IdentityError("identity-malformed", detail)
