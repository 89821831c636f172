"""What a verified token's claims say: how long it counts, and which names are names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from residency.errors import IdentityError

if TYPE_CHECKING:
    from residency.core.identity.book import Issuer

#: Longest subject and group, in characters (OIDC Core 1.0, 2: 255 for ``sub``).
MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a token counts: Unix time in whole seconds, and how far clocks may differ."""

    begins: int
    expires: int
    leeway: int

    def check(self, now: float) -> None:
        """Ask whether the token counts at *now*.

        Raises:
            IdentityError: ``identity-expired`` or ``identity-early``: it does not.
        """
        # Asked this way round a clock that answers NaN is refused too.
        if not now < self.expires + self.leeway:
            raise IdentityError("identity-expired")
        if not now >= self.begins - self.leeway:
            raise IdentityError("identity-early")


def lifetime_of(claims: Mapping[str, object], issuer: "Issuer") -> Lifetime:
    """The lifetime that exp, iat and nbf give.

    RFC 7519, 2 has fractions in times; issuers do not write them, and 1e308, which PyJWT 2.15
    takes, is one.

    Raises:
        IdentityError: ``identity-claims``: one is not a whole number, or the token lives too long.
    """
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = max(issued, _time(claims, "nbf")) if "nbf" in claims else issued
    if not 0 < expires - issued <= issuer.max_lifetime:
        raise IdentityError(
            "identity-claims", f"exp is not within {issuer.max_lifetime} seconds after iat"
        )
    return Lifetime(begins, expires, issuer.leeway)


def is_name(value: object) -> TypeGuard[str]:
    """True for text fit for a record: no control characters, no lone surrogates, not endless."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()


def _time(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    # bool is an int to Python, and JSON's true is no time.
    if type(value) is not int:
        raise IdentityError("identity-claims", f"{name} is not a whole number of seconds")
    return value
