"""A proof that an issuer has to be asked about, for ``whoami``: asked as the gateway asks."""

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from residency.core.faults import Faults
from residency.core.identity import (
    Caller,
    ClientCredentials,
    Credentials,
    Issuer,
    IssuerBook,
    Opaque,
    Token,
    Verifier,
)
from residency.core.identity.credentials import is_jwt
from residency.core.identity.route import for_client, for_opaque, for_token
from residency.errors import IdentityError
from residency.proxy.callers import Callers
from residency.proxy.exchange import Exchange, check_secrets
from residency.proxy.keys import KeyStore

if TYPE_CHECKING:
    from residency.core.configuration import Configuration


#: What an issuer may have to be asked about.
type Asked = Token | ClientCredentials | Opaque


def proof_of(text: str, client: str | None) -> Asked:
    """*text* as a token, or as the secret of *client*."""
    if client is not None:
        return ClientCredentials(client, text)
    return Token(text) if is_jwt(text) else Opaque(text)


def asked_about(book: IssuerBook, proof: Asked) -> Issuer | None:
    """The issuer that has to be asked about *proof*; ``None`` for a token that is verified as it is.

    Raises:
        IdentityError: ``identity-malformed``: no issuer takes such a proof.
    """
    match proof:
        case Token():
            found = for_token(book, proof.text)
            return found[0] if found else None
        case ClientCredentials():
            client = for_client(book, proof.id)
            if client is None:
                raise IdentityError(
                    "identity-malformed",
                    "no client_credentials of identity.yaml takes this client id",
                )
            return client[0]
        case Opaque():
            opaque = for_opaque(book)
            if opaque is None:
                raise IdentityError("identity-malformed", "the token is not a JWT")
            return opaque[0]


def ask(
    configuration: "Configuration",
    folder: Path,
    proof: Credentials,
    issuer: Issuer,
    patience: float,
) -> Caller:
    """The caller that *issuer* makes of *proof*, which is sent to no other.

    Raises:
        ConfigurationError: A secret of the gateway's own, or a key file, cannot be read.
        IdentityError: As ``Callers.caller``; ``identity-unavailable`` after *patience* seconds.
    """
    book, faults = (
        IssuerBook({issuer.name: issuer}, unread=configuration.identity.unread),
        Faults(),
    )
    check_secrets(book, folder, faults)
    faults.check()
    store = KeyStore(book, files=configuration.jwks)
    return asyncio.run(_asked(book, folder, store, proof, patience))


async def _asked(
    book: IssuerBook, folder: Path, store: KeyStore, proof: Credentials, patience: float
) -> Caller:
    verifier = Verifier(book)
    store.on_change = verifier.set_keys
    callers = Callers(verifier, store)
    key = secrets.token_bytes(32)
    # The request gives up first, and so closes what it opened.
    exchange = Exchange(
        book, folder=folder, key=key, verify=callers.verified, timeout=patience * 0.9
    )
    callers.exchange = exchange
    store.start()
    try:
        async with asyncio.timeout(patience):
            return await callers.caller(proof)
    except TimeoutError:
        why = f"the issuer cannot be asked: no answer in {patience:.0f} s"
        raise IdentityError("identity-unavailable", why) from None
    finally:
        exchange.stop()
        store.stop()
