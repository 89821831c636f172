"""What a verified token's claims say: how long it counts, and the caller's groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from residency.core.identity.book import Issuer
from residency.errors import IdentityError

#: Longest subject and group, in characters (OIDC Core 1.0, 2: 255 for ``sub``).
MAX_NAME = 256
MAX_GROUPS = 2000


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


def lifetime_of(claims: Mapping[str, object], issuer: Issuer) -> Lifetime:
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


def groups_of(claims: Mapping[str, object], path: tuple[str, ...]) -> tuple[str, ...]:
    """The groups at *path*, sorted and unique; none where the claim is absent.

    Raises:
        IdentityError: ``identity-claims``: the claim is no text and no list of texts, or the
            issuer left it out because there were too many. That caller may be in any group.

    Sources:
        learn.microsoft.com, "Configure group claims and app roles in tokens": over 200 groups,
        Entra ID sends ``_claim_names`` with ``groups`` (or ``hasgroups: true``) and no groups.
    """
    elsewhere = claims.get("_claim_names", {})
    left_out = not isinstance(elsewhere, dict) or path[0] in elsewhere
    if left_out or (path[0] == "groups" and claims.get("hasgroups", False) is not False):
        raise IdentityError(
            "identity-claims", "the issuer left the groups out: there are too many"
        )
    value: object = claims
    for name in path:
        if not isinstance(value, dict):
            raise IdentityError("identity-claims", "the groups claim is not where it should be")
        if name not in value:
            return ()
        value = value[name]
    names = value if isinstance(value, list) else [value]
    if len(names) > MAX_GROUPS or not all(map(is_name, names)):
        raise IdentityError("identity-claims", "the groups claim is not a list of names")
    return tuple(sorted(set(names)))


def is_name(value: object) -> TypeGuard[str]:
    """True for text fit for a record: no control characters, no lone surrogates, not endless."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()


def _time(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    # bool is an int to Python, and JSON's true is no time.
    if type(value) is not int:
        raise IdentityError("identity-claims", f"{name} is not a whole number of seconds")
    return value
