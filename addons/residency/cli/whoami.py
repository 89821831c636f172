"""``residency whoami``: whom a token, a client, an assertion or a certificate proves, as the gateway would see them."""

import dataclasses
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import assertion, certificate, options, output
from residency.cli.options import format_option, rules_option, token_or_client
from residency.errors import CODES, IdentityError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, IssuerBook, KeySet, Purpose

    type Other = Callable[[Configuration, float], tuple[Caller, list[Purpose]]]

_ONE = "give one of a token, a client, an assertion and a certificate"
#: Seconds to wait for an issuer's keys.
PATIENCE = 10.0


@click.command()
@token_or_client[0]
@token_or_client[1]
@token_or_client[2]
@assertion.assertion_option
@certificate.certificate_option
@rules_option
@format_option
@click.pass_context
def whoami(
    ctx: click.Context,
    token_file: str | None,
    client_id: str | None,
    client_secret_file: str | None,
    assertion_file: str | None,
    certificate_file: str | None,
    rules: Path | None,
    form: str,
) -> None:
    """Say whom a token, a client's id and secret, a SAML assertion, or a client certificate prove.

    Verifies it as the gateway does: who it is, until when, which groups and where each comes from,
    whether it fits calls, rulings on held calls or both, and which rules name the caller.

    The issuer's keys are read from its file, or fetched now; where identity.yaml has the gateway ask
    an issuer, it is asked now. Neither token nor secret nor assertion nor key is ever shown.

    Exit codes: 0 the caller is known; 1 not, with the code and what to do; 2 bad usage or rules.
    """
    from residency.cli.caller import Shown

    other = _other(assertion_file, certificate_file)
    secret = _secret(ctx, token_file, client_id, client_secret_file, other)
    folder = options.folder(rules)
    configuration = options.load(folder)
    now = time.time()
    try:
        caller, audiences = (
            other(configuration, now)
            if other
            else _prove(configuration, folder, secret, client_id, now)
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
    if certificate_file:
        authorities = certificate.authorities_of(configuration, caller)
        shown = dataclasses.replace(shown, authorities=authorities)
    if form == "json":
        output.document(shown.plain())
    else:
        output.pairs(shown.rows())


def _other(assertion_file: str | None, certificate_file: str | None) -> "Other | None":
    """What the proof is read by where it is neither token nor client.

    Raises:
        click.UsageError: Two are given.
    """
    if assertion_file is not None and certificate_file is not None:
        raise click.UsageError(_ONE)
    if assertion_file is not None:
        return lambda found, now: assertion.caller_of(found, assertion_file, now)
    if certificate_file is not None:
        return lambda found, now: certificate.caller_of(found, certificate_file, now)
    return None


def _secret(
    ctx: click.Context,
    token_file: str | None,
    client_id: str | None,
    secret_file: str | None,
    other: "Other | None",
) -> str:
    """The token, or the secret of the client that is named instead; empty where there is *other* proof.

    Raises:
        click.UsageError: None is given, or more than one, or half of one.
    """
    if (client_id is None) != (secret_file is None):
        raise click.UsageError("--client-id and --client-secret-file go together")
    source = ctx.get_parameter_source("token_file")
    named = source is click.core.ParameterSource.COMMANDLINE
    if sum((named, secret_file is not None, other is not None)) > 1:
        raise click.UsageError(_ONE)
    if other is not None:
        return ""
    if secret_file is not None:
        return options.token_of(secret_file, "secret")
    if token_file is None:
        raise click.UsageError(
            "give --token-file, or --client-id and --client-secret-file, or --assertion-file, or --certificate"
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
