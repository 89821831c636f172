"""Tokens that only the holder of one client certificate may use (RFC 8705, 3; RFC 7800, 3.1)."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from residency.errors import IdentityError

#: The member of ``cnf`` that can be checked: the SHA-256 of the certificate's DER, in base64url.
MEMBER = "x5t#S256"

# 32 bytes are 43 characters, and the last one has two bits to spare that must be zero.
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


@dataclass(frozen=True, slots=True)
class Holder:
    """The client certificate of the connection that a token came by.

    ``thumbprint`` is as in ``cnf``. ``transport``: the certificate names nobody, so that a token
    that is not bound to it may stand beside it.
    """

    thumbprint: str
    transport: bool


def bound_to(claims: Mapping[str, object]) -> str | None:
    """The thumbprint of the certificate that the token with *claims* is bound to, if it is.

    Raises:
        IdentityError: ``identity-binding``: the token is bound to what cannot be checked here, as
            to a DPoP key (``jkt``, RFC 9449), or to more than a certificate.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or set(confirmation) != {MEMBER}:
        raise IdentityError("identity-binding", f"cnf is not {MEMBER} alone: it cannot be checked")
    thumbprint = confirmation[MEMBER]
    if not isinstance(thumbprint, str) or not _DIGEST.fullmatch(thumbprint):
        raise IdentityError("identity-binding", f"{MEMBER} is not a SHA-256 in base64url")
    return thumbprint


def check_binding(bound: str | None, holder: Holder | None) -> None:
    """Ask whether a token may be used on the connection of *holder*.

    Args:
        bound: What ``bound_to`` answered.
        holder: The connection's client certificate; ``None`` if it has none.

    Raises:
        IdentityError: ``identity-binding``: the token is bound to a certificate that the
            connection does not have. ``identity-conflict``: token and certificate both name a
            caller, and nothing says that it is the same.
    """
    if bound is None:
        if holder is not None and not holder.transport:
            raise IdentityError(
                "identity-conflict",
                "the connection has a client certificate, and the token is not bound to it",
            )
        return
    if holder is None:
        raise IdentityError(
            "identity-binding", "the token is bound to a client certificate, and there is none"
        )
    if not hmac.compare_digest(bound, holder.thumbprint):
        raise IdentityError("identity-binding")
