"""``residency whoami``: whom a token, a client or an assertion proves, as the gateway would see them."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.assertion import assertion_option, caller_of
from residency.cli.options import format_option, rules_option, token_or_client
from residency.errors import CODES, IdentityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, IssuerBook, KeySet, Purpose

#: Seconds to wait for an issuer's keys.
PATIENCE = 10.0


@click.command()
@token_or_client[0]
@token_or_client[1]
@token_or_client[2]
@assertion_option
@rules_option
@format_option
@click.pass_context
def whoami(
    ctx: click.Context,
    token_file: str | None,
    client_id: str | None,
    client_secret_file: str | None,
    assertion_file: str | None,
    rules: Path | None,
    form: str,
) -> None:
    """Say whom a token, a client's id and secret, or a SAML assertion prove.

    Verifies it as the gateway does: who it is, until when, which groups and where each comes from,
    whether it fits calls, rulings on held calls or both, and which rules name the caller.

    The issuer's keys are read from its file, or fetched now; where identity.yaml has the gateway ask
    an issuer, it is asked now. Neither token nor secret nor assertion is ever shown.

    Exit codes: 0 the caller is known; 1 not, with the code and what to do; 2 bad usage or rules.
    """
    from residency.cli.caller import Shown

    secret = _secret(ctx, token_file, client_id, client_secret_file, assertion_file)
    folder = options.folder(rules)
    configuration = options.load(folder)
    now = time.time()
    try:
        caller, audiences = (
            _prove(configuration, folder, secret, client_id, now)
            if assertion_file is None
            else caller_of(configuration, assertion_file, now)
        )
    except IdentityError as e:
        if form == "json":
            output.document(
                {"known": False, "code": e.code, "detail": e.detail, "mend": CODES[e.code].mend}
            )
        else:
            output.error(f"{e} ({CODES[e.code].mend})")
        ctx.exit(1)
    shown = Shown.of(caller, audiences, configuration.policy.rules, now)
    if form == "json":
        output.document(shown.plain())
    else:
        output.pairs(shown.rows())


def _secret(
    ctx: click.Context,
    token_file: str | None,
    client_id: str | None,
    secret_file: str | None,
    assertion_file: str | None,
) -> str:
    """The token, or the secret of the client that is named instead; empty where there is an assertion.

    Raises:
        click.UsageError: None is given, or more than one, or half of one.
    """
    if (client_id is None) != (secret_file is None):
        raise click.UsageError("--client-id and --client-secret-file go together")
    source = ctx.get_parameter_source("token_file")
    named = source is click.core.ParameterSource.COMMANDLINE
    if sum((named, secret_file is not None, assertion_file is not None)) > 1:
        raise click.UsageError("give one of a token, a client and an assertion")
    if assertion_file is not None:
        return ""
    if secret_file is not None:
        return options.token_of(secret_file, "secret")
    if token_file is None:
        raise click.UsageError(
            "give --token-file, or --client-id and --client-secret-file, or --assertion-file"
        )
    return options.token_of(token_file)


def _prove(
    configuration: "Configuration", folder: Path, secret: str, client: str | None, now: float
) -> "tuple[Caller, list[Purpose]]":
    from residency.cli import proof

    credentials = proof.proof_of(secret, client)
    issuer = proof.asked_about(configuration.identity, credentials)
    if issuer is None:
        return _verify(configuration, secret, now)
    return proof.ask(configuration, folder, credentials, issuer, PATIENCE), ["call"]


def _verify(
    configuration: "Configuration", token: str, now: float
) -> "tuple[Caller, list[Purpose]]":
    """Whom *token* proves, and what for.

    Raises:
        IdentityError: It fits nothing: as ``verify`` for a call.
    """
    from residency.core.faults import Faults
    from residency.core.identity import UnknownKey, verify

    book, faults = configuration.identity, Faults()
    keys = book.file_keys(configuration.jwks, faults)
    faults.check()
    try:
        verify(token, book, keys, now=now)
    except UnknownKey as e:
        if e.issuer in keys:
            raise
        keys = {e.issuer: _fetch(book, e.issuer)}
    except IdentityError:
        pass  # it may fit rulings; what a call says to it is said below
    return _fitting(token, book, keys, now)


def _fitting(
    token: str, book: "IssuerBook", keys: "Mapping[str, KeySet]", now: float
) -> "tuple[Caller, list[Purpose]]":
    from residency.core.identity import verify

    refused: IdentityError | None = None
    fits: list[Purpose] = []
    purposes: tuple[Purpose, ...] = ("call", "approve")
    for purpose in purposes:
        try:
            caller = verify(token, book, keys, now=now, audience=purpose)
        except IdentityError as e:
            refused = refused or e
        else:
            fits.append(purpose)
    if not fits and refused:
        raise refused
    return caller, fits


def _fetch(book: "IssuerBook", issuer: str) -> "KeySet":
    """The keys of *issuer* alone, fetched now.

    Raises:
        IdentityError: ``identity-key``: they cannot be, in ``PATIENCE`` seconds.
    """
    import asyncio

    said = _Said()
    log = logging.getLogger("residency.keys")
    log.addHandler(said)
    try:
        keys = asyncio.run(_fetched(book, issuer))
    finally:
        log.removeHandler(said)
    if keys is None:
        why = said.text or f"{issuer}: no answer in {PATIENCE:.0f} s"
        raise IdentityError("identity-key", f"the issuer's keys cannot be had: {why}")
    return keys


async def _fetched(book: "IssuerBook", issuer: str) -> "KeySet | None":
    import asyncio

    from residency.core.identity import IssuerBook
    from residency.proxy.keys import KeyStore, Pace

    found: dict[str, KeySet | None] = {}
    # The request gives up first, and so closes what it opened.
    pace = Pace(timeout=PATIENCE / 2)
    store = KeyStore(IssuerBook({issuer: book.issuers[issuer]}), pace=pace)
    store.on_change = found.__setitem__
    store.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await store.refresh(issuer)
    except TimeoutError:
        return None
    finally:
        store.stop()
    return found.get(issuer)


class _Said(logging.Handler):
    """Keeps what the key store says went wrong, so that it stands in the one line of the error."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()
