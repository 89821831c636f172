"""Which issuer is asked about a proof of identity. Nothing secret goes to any other."""

from residency.core.identity.book import Issuer, IssuerBook
from residency.core.identity.credentials import MAX_SIZE
from residency.core.identity.endpoint import ClientGrant, ExchangeGrant, Introspection
from residency.core.identity.strict import json_object, unbase64url


def for_client(book: IssuerBook, client: str) -> tuple[Issuer, ClientGrant] | None:
    """The first issuer whose ``clients`` take *client* in; else the one that names none."""
    found = [(i, g) for i in book.issuers.values() if (g := i.endpoints.client_credentials)]
    for issuer, grant in found:
        if grant.clients and grant.clients.fullmatch(client):
            return issuer, grant
    return next(((i, g) for i, g in found if g.clients is None), None)


def for_token(book: IssuerBook, token: str) -> tuple[Issuer, ExchangeGrant] | None:
    """The issuer that exchanges *token*; ``None`` too for one that needs no exchange.

    Reads the token without verifying it: whom it names decides only who is asked to verify it.
    """
    claims = unverified(token)
    name = claims.get("iss")
    if not isinstance(name, str):
        return None
    own = book.issuers.get(name)
    if own and _audiences(claims) & own.audiences["call"]:
        return None
    for issuer in book.issuers.values():
        grant = issuer.endpoints.exchange
        if grant and name in grant.issuers:
            return issuer, grant
    return None


def for_opaque(book: IssuerBook) -> tuple[Issuer, Introspection] | None:
    """The issuer of opaque tokens."""
    found = ((i, i.endpoints.introspection) for i in book.issuers.values())
    return next(((i, g) for i, g in found if g), None)


def unverified(token: str) -> dict[str, object]:
    """The claims that *token* makes; none where it is not a strict JWT. Nobody vouches for them."""
    if len(token) > MAX_SIZE or token.count(".") != 2:  # noqa: PLR2004 - RFC 7515, 7.1
        return {}
    try:
        return json_object(unbase64url(token.split(".")[1]).decode("utf-8"))
    except (ValueError, RecursionError):
        return {}


def _audiences(claims: dict[str, object]) -> set[str]:
    audience = claims.get("aud")
    names = audience if isinstance(audience, list) else [audience]
    return {name for name in names if isinstance(name, str)}
