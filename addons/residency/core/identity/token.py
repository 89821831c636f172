"""A token → the caller, or the one reason why not (RFC 7519, read as RFC 8725 asks).

The order is: shape, strict JSON, issuer, algorithm, type, key, signature, then claims. Only the
issuer's name is used before the signature holds, and only to look up the one issuer in whose terms
all the rest is judged. ``jku``, ``x5u``, ``jwk`` and ``x5c`` are never looked at: a token does not
choose its own key.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from residency.core.identity.binding import Holder, bound_to, check_binding
from residency.core.identity.book import Issuer, IssuerBook, Purpose
from residency.core.identity.caller import Caller
from residency.core.identity.claims import Lifetime, is_name, lifetime_of
from residency.core.identity.credentials import MAX_SIZE
from residency.core.identity.groups import grants
from residency.core.identity.keys import Key, KeySet
from residency.core.identity.require import check as check_required
from residency.core.identity.signature import check as check_signature
from residency.core.identity.signature import listed
from residency.core.identity.spiffe import issuer_of, trust_domain
from residency.core.identity.strict import json_object, unbase64url
from residency.errors import IdentityError

MAX_KID = 256


class UnknownKey(IdentityError):  # noqa: N818 - named as what is wrong
    """The issuer is believed, but its keys lack the token's: they may have to be renewed.

    ``issuer`` is the name in the book.
    """

    def __init__(self, issuer: str) -> None:
        super().__init__("identity-key")
        self.issuer = issuer


@dataclass(frozen=True, slots=True)
class Verified:
    """A caller, when the token that names it counts, and the certificate it is bound to, if any."""

    caller: Caller
    lifetime: Lifetime
    bound: str | None = None


def verify(
    token: str,
    book: IssuerBook,
    keys: Mapping[str, KeySet],
    *,
    now: float,
    audience: Purpose = "call",
    certificate: Holder | None = None,
) -> Caller:
    """The caller that *token* names.

    Args:
        token: Any text.
        book: Whom to believe.
        keys: Each issuer's keys, by its name, as far as they are known.
        now: Unix time in seconds.
        audience: What the token is for; each issuer has its audience for each.
        certificate: The client certificate of the connection that the token came by, if any.

    Raises:
        IdentityError: Nothing else, whatever *token* is. ``UnknownKey`` where new keys may
            help. Neither code nor detail holds anything of the token.
    """
    found = examine(token, book, keys, now=now, audience=audience)
    check_binding(found.bound, certificate)
    return found.caller


def examine(
    token: str,
    book: IssuerBook,
    keys: Mapping[str, KeySet],
    *,
    now: float,
    audience: Purpose,
) -> Verified:
    """``verify``, and how long its answer holds, and for whom: ``bound`` is not checked yet."""
    try:
        return _examine(token, book, keys, now, audience)
    except IdentityError:
        raise
    except Exception:  # noqa: BLE001, S110 - whatever a foreign text does to a library is its fault
        pass
    # Outside the handler, so that no exception that holds a piece of the token is chained to it.
    raise IdentityError("identity-malformed")


def _examine(
    token: str, book: IssuerBook, keys: Mapping[str, KeySet], now: float, audience: Purpose
) -> Verified:
    header, claims = _open(token)
    issuer = _issuer(claims, book)
    key = _key(header, issuer, keys.get(issuer.name))
    check_signature(token, key, issuer, issuer.audiences[audience], named="iss" in claims)
    lifetime = lifetime_of(claims, issuer)
    lifetime.check(now)
    caller = caller_of(claims, claims["sub"], issuer, lifetime)
    return Verified(caller, lifetime, bound_to(claims))


def caller_of(
    claims: Mapping[str, object], sub: object, issuer: Issuer, lifetime: Lifetime
) -> Caller:
    """The caller that the verified *claims* name, whose subject is *sub*.

    Raises:
        IdentityError: ``identity-claims``: subject, required claims or groups are not as they should be.
    """
    subject = subject_of(sub, issuer)
    check_required(claims, issuer.require)
    sources = grants(claims, subject, issuer.groups, issuer.subjects)
    return Caller(
        issuer=issuer.name,
        subject=subject,
        groups=tuple(sorted({group for group, _ in sources})),
        expires=float(lifetime.expires),
        sources=sources,
    )


def _open(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims, strictly read and not verified."""
    if len(token) > MAX_SIZE:
        raise IdentityError(
            "identity-malformed", f"the token is longer than {MAX_SIZE} characters"
        )
    head, body, signature = token.split(".")
    unbase64url(signature)
    header = json_object(unbase64url(head).decode("utf-8"))
    claims = json_object(unbase64url(body).decode("utf-8"))
    if "crit" in header or "b64" in header:
        raise IdentityError("identity-malformed", "the header has a critical extension")
    kid = header.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID:
        raise IdentityError(
            "identity-malformed", f"kid is not a text of at most {MAX_KID} characters"
        )
    return header, claims


def _issuer(claims: dict[str, object], book: IssuerBook) -> Issuer:
    if "iss" not in claims and (found := issuer_of(claims, book.trust_domains)):
        return found
    name = claims.get("iss")
    if not isinstance(name, str):
        raise IdentityError("identity-claims", "iss is missing or not a text")
    if name in book.issuers:
        return book.issuers[name]
    other = name.removesuffix("/") if name.endswith("/") else f"{name}/"
    if other in book.issuers:
        raise IdentityError(
            "identity-issuer", "iss differs from an issuer that is trusted by a slash at its end"
        )
    raise IdentityError("identity-issuer")


def subject_of(subject: object, issuer: Issuer) -> str:
    """*subject*, if it is one that is accepted of *issuer*.

    Raises:
        IdentityError: ``identity-claims``: it is not.
    """
    if not is_name(subject) or not issuer.subject.fullmatch(subject):
        raise IdentityError(
            "identity-claims", "sub is not a subject that is accepted of this issuer"
        )
    if issuer.spiffe and trust_domain(subject) != issuer.spiffe:
        raise IdentityError(
            "identity-claims", f"sub is no SPIFFE ID of a workload in {issuer.spiffe}"
        )
    return subject


def _key(header: dict[str, object], issuer: Issuer, keys: KeySet | None) -> tuple[Key, str]:
    """The one key that *header* means, and the algorithm, which issuer and key both must allow."""
    algorithm, kind = header.get("alg"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise IdentityError("identity-algorithm", f"alg is not one of {listed(issuer.algorithms)}")
    # RFC 7515, 4.1.9: a media type, so case says nothing and "application/" is implied.
    known = kind.lower().removeprefix("application/") if isinstance(kind, str) else None
    if known not in issuer.types or (known is None and "typ" in header):
        raise IdentityError(
            "identity-claims", f"typ is not one of {listed(t or 'absent' for t in issuer.types)}"
        )
    if keys is None:
        raise UnknownKey(issuer.name)
    if "kid" not in header:
        fitting = keys.fitting(algorithm)
        if len(fitting) > 1:
            raise IdentityError("identity-key", "the token has no kid, and more than one key fits")
        key = fitting[0] if fitting else None
    else:
        key = keys.named.get(str(header["kid"]))
    if key is None:
        raise UnknownKey(issuer.name)
    if algorithm not in key.algorithms:
        raise IdentityError("identity-algorithm", "the token's key is not for its algorithm")
    return key, algorithm
