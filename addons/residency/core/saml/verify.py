"""An assertion → whom it names and how long, or the one reason why not (RFC 7522, 3; SAML 2.0 Profiles, 4.1.4).

``InResponseTo`` and ``Address`` are not looked at: nobody here asked for the assertion, and a
service's address is not its own behind a network's translation.
"""

import hashlib
from dataclasses import dataclass

from residency.core.identity.caller import Caller
from residency.core.identity.claims import Lifetime, is_name
from residency.core.identity.groups import MAX_GROUPS
from residency.core.saml.assertion import Assertion, Confirmation, read, refused
from residency.core.saml.markup import tree
from residency.core.saml.settings import SamlSettings, Trust
from residency.core.saml.signature import signed
from residency.core.saml.text import plain
from residency.errors import IdentityError

_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
#: learn.microsoft.com, "Configure group claims": over 150 groups Entra ID sends a link instead.
_OVERAGE = "http://schemas.microsoft.com/claims/groups.link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Whom an assertion names.

    ``caller.expires`` and ``lifetime`` are those of the assertion as a password, of which
    ``max_lifetime`` counts from IssueInstant. ``until`` is when what was exchanged for it must end
    (Unix time, whole seconds); ``last`` when it is refused for its times alone, so that its ``id``
    (the SHA-256 of its ID) need not be remembered longer.
    """

    id: bytes
    caller: Caller
    lifetime: Lifetime
    until: int
    last: int
    one_time: bool


def verify(raw: bytes, settings: SamlSettings, trust: Trust, *, now: float) -> Verified:
    """Whom the assertion *raw* (XML) names.

    Args:
        raw: Any bytes.
        settings: What it must be.
        trust: Who may have signed it.
        now: Unix time in seconds.

    Raises:
        IdentityError: Nothing else, whatever *raw* is. Neither code nor detail holds anything of
            it, and no exception of a library is chained to it.
    """
    try:
        root = tree(plain(raw))
        found = read(signed(root, trust, now=now))
        return _judge(found, settings, now)
    except IdentityError:
        raise
    except Exception:  # noqa: BLE001, S110 - whatever a foreign text does to a library is its fault
        pass
    raise IdentityError("identity-malformed", "the assertion cannot be read")


def _judge(found: Assertion, settings: SamlSettings, now: float) -> Verified:
    if found.issuer != settings.idp:
        raise IdentityError("identity-issuer", "the assertion is of another identity provider")
    if not found.audiences or any(settings.audience not in a for a in found.audiences):
        raise IdentityError("identity-audience", "the assertion is not for this gateway")
    if found.ends is None:
        raise refused("Conditions has no NotOnOrAfter")
    begins = max(found.issued, found.begins or found.issued)
    content = min(found.ends, found.session_ends or found.ends)
    Lifetime(begins, content, settings.leeway).check(now)
    ends = _delivered(found.confirmations, settings, now)
    expires = min(content, ends, found.issued + settings.max_lifetime)
    lifetime = Lifetime(begins, expires, settings.leeway)
    lifetime.check(now)
    groups = _groups(found, settings)
    caller = Caller(
        issuer=settings.gateway,
        subject=_subject(found, settings),
        groups=groups,
        expires=float(expires),
        sources=tuple((group, f"attribute {settings.groups}") for group in groups),
    )
    return Verified(
        id=hashlib.sha256(found.id.encode("utf-8", "surrogatepass")).digest(),
        caller=caller,
        lifetime=lifetime,
        until=content,
        last=expires + settings.leeway,
        one_time=found.one_time,
    )


def _delivered(found: tuple[Confirmation, ...], settings: SamlSettings, now: float) -> int:
    """When the assertion may last be handed over: one confirmation that holds is enough (Core, 2.4.1)."""
    if not found:
        raise refused("Subject has no SubjectConfirmation of a bearer")
    error: IdentityError | None = None
    for one in found:
        try:
            return _confirmed(one, settings, now)
        except IdentityError as e:
            error = error or e
    raise error or refused("Subject is not confirmed")


def _confirmed(one: Confirmation, settings: SamlSettings, now: float) -> int:
    if one.recipient != settings.recipient:
        raise IdentityError("identity-audience", "the assertion's Recipient is not this gateway")
    if one.ends is None:
        raise refused("SubjectConfirmationData has no NotOnOrAfter")
    Lifetime(one.begins or 0, one.ends, settings.leeway).check(now)
    return one.ends


def _subject(found: Assertion, settings: SamlSettings) -> str:
    name = _name(found, settings) if settings.subject is None else _named(found, settings.subject)
    if not is_name(name) or name != name.strip() or not settings.subjects.fullmatch(name):
        raise refused("its subject is not one that is accepted")
    return name


def _name(found: Assertion, settings: SamlSettings) -> str | None:
    qualifier, ours, form = found.qualifiers
    if qualifier not in (None, settings.idp) or ours not in (None, settings.audience):
        raise refused("NameID is a name in another one's terms")
    if form == _TRANSIENT:
        raise refused("NameID is transient, so it names nobody; name an attribute as subject")
    return found.name


def _named(found: Assertion, attribute: str) -> str:
    values = found.attributes.get(attribute, ())
    if len(values) != 1:
        raise refused("the subject's attribute has not exactly one value")
    return values[0]


def _groups(found: Assertion, settings: SamlSettings) -> tuple[str, ...]:
    """Sorted and unique; none where the attribute is absent."""
    if _OVERAGE in found.attributes:
        raise refused("the provider left the groups out: there are too many")
    names = found.attributes.get(settings.groups, ())
    if len(names) > MAX_GROUPS or not all(map(is_name, names)):
        raise refused("the groups attribute is not a list of names")
    return tuple(sorted(set(names)))
