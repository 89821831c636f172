"""Whether a key signed a token, for this issuer and one of these audiences: the part that PyJWT does.

Times are not judged here but in ``claims``, with the core's own clock; what PyJWT reads leniently is
refused before by ``token``.
"""

from collections.abc import Iterable

import jwt

from residency.core.identity.book import Issuer
from residency.core.identity.keys import Key
from residency.errors import IdentityError

# Times are judged in ``claims``, with the core's own clock; the other checks stay on.
_OPTIONS: jwt.types.Options = {
    "require": ["exp", "iat", "iss", "aud", "sub"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_jti": False,
}

# JWT-SVIDs may come without iss; whose they are follows from their trust domain (``spiffe``).
_NAMELESS: jwt.types.Options = {
    **_OPTIONS,
    "require": ["exp", "iat", "aud", "sub"],
    "verify_iss": False,
}

_REFUSALS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.MissingRequiredClaimError, "identity-claims"),
    (jwt.InvalidSignatureError, "identity-signature"),
    (jwt.InvalidAudienceError, "identity-audience"),
    (jwt.InvalidIssuerError, "identity-issuer"),
    (jwt.exceptions.InvalidSubjectError, "identity-claims"),
    (jwt.InvalidAlgorithmError, "identity-algorithm"),
    (jwt.InvalidKeyError, "identity-algorithm"),
)


def check(
    token: str, key: tuple[Key, str], issuer: Issuer, audiences: frozenset[str], *, named: bool
) -> None:
    """Ask for signature, issuer (where it is *named*) and audience.

    Raises:
        IdentityError: With the code of the first that is wrong.
    """
    public, algorithm = key[0].public, key[1]
    options, name = (_OPTIONS, issuer.name) if named else (_NAMELESS, None)
    try:
        jwt.decode(token, public, [algorithm], options, audience=audiences, issuer=name)
    except jwt.PyJWTError as e:
        code = next(
            (code for kind, code in _REFUSALS if isinstance(e, kind)), "identity-malformed"
        )
        detail = f"{e.claim} is missing" if isinstance(e, jwt.MissingRequiredClaimError) else ""
        if code == "identity-audience":
            # The signature holds: whoever asks has a real token, and may know what it lacks.
            detail = f"aud names none of {listed(audiences)}"
    else:
        return
    raise IdentityError(code, detail)


def listed(names: Iterable[str]) -> str:
    """What identity.yaml accepts: no secret, and the one thing that helps who is refused."""
    return ", ".join(sorted(names))
