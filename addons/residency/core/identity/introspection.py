"""An issuer's word about an opaque token → the caller, as strictly as a JWT is read (RFC 7662)."""

from collections.abc import Mapping

from residency.core.identity.book import Issuer
from residency.core.identity.claims import Lifetime, lifetime_of
from residency.core.identity.credentials import ClientCredentials
from residency.core.identity.endpoint import Introspection
from residency.core.identity.grant import Form, answered, form, unavailable
from residency.core.identity.token import Verified, caller_of
from residency.errors import IdentityError


def introspection_form(asked: Introspection, token: str, own: ClientCredentials) -> Form:
    """The request (RFC 7662, 2.1)."""
    parameters = (("token", token), ("token_type_hint", "access_token"))
    return form(parameters, own, asked.endpoint.method)


def introspected(status: int, text: str, issuer: Issuer, *, now: float) -> Verified:
    """The caller that the answer names (RFC 7662, 2.2).

    Where ``sub`` is absent, the client itself is the subject, as in RFC 9068 2.2. ``iat`` may be
    absent, ``exp`` and ``aud`` may not.

    Args:
        status: The answer's HTTP status. A refusal refuses the gateway, not the caller.
        text: Its body.
        issuer: Who was asked.
        now: Unix time in seconds.

    Raises:
        IdentityError: ``identity-inactive`` the token does not count; ``identity-unavailable`` the
            issuer does not say; else as ``token.verify``.
    """
    claims = answered(status, text)
    active = claims.get("active")
    if active is False:
        raise IdentityError("identity-inactive")
    if active is not True:
        raise unavailable("its answer does not say whether the token is active")
    if claims.get("iss", issuer.name) != issuer.name:
        raise IdentityError("identity-issuer")
    _check_use(claims, issuer)
    lifetime = _lifetime(claims, issuer, now)
    lifetime.check(now)
    subject = claims["sub"] if "sub" in claims else claims.get("client_id")
    return Verified(caller_of(claims, subject, issuer, lifetime), lifetime)


def _check_use(claims: Mapping[str, object], issuer: Issuer) -> None:
    """Ask whether the token is an access token, for the gateway, for whoever bears it."""
    kind = claims.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() not in ("bearer", "access_token"):
        raise IdentityError("identity-claims", "the token is not of the type Bearer")
    if "cnf" in claims:
        raise IdentityError("identity-claims", "the token is bound to a key (cnf)")
    audience = claims.get("aud")
    names = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(n, str) and n in issuer.audiences["call"] for n in names):
        raise IdentityError("identity-audience")


def _lifetime(claims: Mapping[str, object], issuer: Issuer, now: float) -> Lifetime:
    """As of a JWT; without ``iat`` what is left of it may not be longer than a token's whole life."""
    if "iat" in claims:
        return lifetime_of(claims, issuer)
    return lifetime_of({"iat": claims.get("nbf", int(now)), **claims}, issuer)
