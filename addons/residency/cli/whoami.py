"""``residency whoami``: whom a token, or a client's id and secret, prove, as the gateway would see them."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option, token_or_client
from residency.core.plain import Plain
from residency.errors import CODES, IdentityError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, IssuerBook, KeySet
    from residency.core.policy.rule import Rule

#: Seconds to wait for an issuer's keys.
PATIENCE = 10.0


@click.command()
@token_or_client[0]
@token_or_client[1]
@token_or_client[2]
@rules_option
@format_option
@click.pass_context
def whoami(
    ctx: click.Context,
    token_file: str | None,
    client_id: str | None,
    client_secret_file: str | None,
    rules: Path | None,
    form: str,
) -> None:
    """Say whom a token, or a client's id and secret, prove.

    Verifies it as a call's identity: who it is, until when, and which rules' from names them.

    The issuer's keys are read from its file, or fetched now; where identity.yaml has the gateway ask an issuer, it is
    asked now. Neither token nor secret is ever shown.

    Exit codes: 0 the caller is known; 1 not, with the code and what to do; 2 bad usage or rules.
    """
    secret = _secret(ctx, token_file, client_id, client_secret_file)
    folder = options.folder(rules)
    configuration = options.load(folder)
    now = time.time()
    try:
        caller = _prove(configuration, folder, secret, client_id, now)
    except IdentityError as e:
        if form == "json":
            output.document(
                {"known": False, "code": e.code, "detail": e.detail, "mend": CODES[e.code].mend}
            )
        else:
            output.error(f"{e} ({CODES[e.code].mend})")
        ctx.exit(1)
    naming = [rule for rule in configuration.policy.rules if rule.names(caller)]
    if form == "json":
        output.document(_plain(caller, naming, now))
        return
    output.pairs([
        ("subject", (caller.subject, "green")),
        ("issuer", caller.issuer),
        ("groups", ", ".join(caller.groups) or "none"),
        ("expires", f"{output.moment(caller.expires)}, in {output.duration(caller.expires - now)}"),
        *(("rules" if n == 0 else "", _say(rule)) for n, rule in enumerate(naming)),
    ])  # fmt: skip
    if not naming:
        output.pairs([("rules  ", "none names this caller: every call is blocked")])


def _plain(caller: "Caller", naming: "list[Rule]", now: float) -> Plain:
    return {
        "known": True,
        "subject": caller.subject,
        "issuer": caller.issuer,
        "groups": list(caller.groups),
        "expires": output.moment(caller.expires),
        "expires_in": int(caller.expires - now),
        "rules": [rule.id for rule in naming],
    }


def _say(rule: "Rule") -> str:
    over = rule.basis is not None and rule.basis.expired(options.today())
    return f"{rule.id} ({rule.then}{', its basis has ended' if over else ''})"


def _secret(
    ctx: click.Context, token_file: str | None, client_id: str | None, secret_file: str | None
) -> str:
    """The token, or the secret of the client that is named instead.

    Raises:
        click.UsageError: Neither is, or both are, or half of one.
    """
    if (client_id is None) != (secret_file is None):
        raise click.UsageError("--client-id and --client-secret-file go together")
    if secret_file is not None:
        source = ctx.get_parameter_source("token_file")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError("give either a token or a client, not both")
        return options.token_of(secret_file, "secret")
    if token_file is None:
        raise click.UsageError("give --token-file, or --client-id and --client-secret-file")
    return options.token_of(token_file)


def _prove(
    configuration: "Configuration", folder: Path, secret: str, client: str | None, now: float
) -> "Caller":
    from residency.cli import proof

    credentials = proof.proof_of(secret, client)
    issuer = proof.asked_about(configuration.identity, credentials)
    if issuer is None:
        return _verify(configuration, secret, now)
    return proof.ask(configuration, folder, credentials, issuer, PATIENCE)


def _verify(configuration: "Configuration", token: str, now: float) -> "Caller":
    from residency.core.faults import Faults
    from residency.core.identity import UnknownKey, verify

    book, faults = configuration.identity, Faults()
    keys = book.file_keys(configuration.jwks, faults)
    faults.check()
    try:
        return verify(token, book, keys, now=now)
    except UnknownKey as e:
        if e.issuer in keys:
            raise
        issuer = e.issuer
    return verify(token, book, {issuer: _fetch(book, issuer)}, now=now)


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
    pace = Pace(timeout=PATIENCE * 0.9)
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
        message = record.getMessage()
        # That it took too long is told with how long it was waited for.
        self.text = "" if message.endswith("TimeoutError") else message
