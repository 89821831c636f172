"""``residency whoami``: whom a token proves, as the gateway would see them."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.assertion import assertion_option, caller_of
from residency.cli.options import format_option, rules_option
from residency.errors import CODES, IdentityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, IssuerBook, KeySet, Purpose

#: Seconds to wait for an issuer's keys.
PATIENCE = 10.0


@click.command()
@click.option(
    "--token-file", metavar="FILE|-", envvar="RESIDENCY_TOKEN_FILE", show_envvar=True,
    help="The file with the token; - is standard input.",
)  # fmt: skip
@assertion_option
@rules_option
@format_option
@click.pass_context
def whoami(
    ctx: click.Context,
    token_file: str | None,
    assertion_file: str | None,
    rules: Path | None,
    form: str,
) -> None:
    """Say whom a token, or a SAML assertion, proves.

    Verifies it as the gateway does: who it is, until when, which groups and where each comes from,
    whether it fits calls, rulings on held calls or both, and which rules name the caller.

    The issuer's keys are read from its file, or fetched now. Neither token nor assertion is ever shown.

    Exit codes: 0 the caller is known; 1 not, with the code and what to do; 2 bad usage or rules.
    """
    from residency.cli.caller import Shown

    if assertion_file is None and token_file is None:
        raise click.UsageError("Missing option '--token-file' or '--assertion-file'.")
    token = options.token_of(token_file) if token_file and assertion_file is None else ""
    configuration = options.load(options.folder(rules))
    now = time.time()
    try:
        caller, audiences = (
            _verify(configuration, token, now)
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
    from residency.proxy.keys import KeyStore

    found: dict[str, KeySet | None] = {}
    store = KeyStore(IssuerBook({issuer: book.issuers[issuer]}))
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
