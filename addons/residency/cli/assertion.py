"""``--assertion-file``: whom a SAML assertion names, as the gateway would see them."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, Purpose

#: Bytes of an assertion file that are read.
MAX_FILE = 256 * 1024

assertion_option = click.option(
    "--assertion-file", metavar="FILE|-",
    help="The file with a SAML assertion, as XML or base64, in place of a token; - is standard input.",
)  # fmt: skip


def caller_of(
    configuration: "Configuration", path: str, now: float
) -> "tuple[Caller, list[Purpose]]":
    """Whom the assertion in the file at *path* names, and what it, or a token for it, is good for.

    Raises:
        IdentityError: The gateway would refuse it; or it takes none at all.
        ConfigurationError: The metadata cannot be used.
        click.UsageError: There is no such file.
    """
    from residency.core.faults import Faults
    from residency.core.saml.text import xml_of
    from residency.core.saml.verify import verify
    from residency.errors import IdentityError

    raw = _read(path)
    book, faults = configuration.identity, Faults()
    trust = book.trust(configuration.jwks, faults)
    faults.check()
    if book.saml is None or trust is None:
        raise IdentityError("identity-malformed", "this gateway takes no SAML assertions")
    if not raw.lstrip().startswith(b"<"):
        raw = xml_of("".join(raw.decode("ascii", "replace").split())).encode()
    fits: list[Purpose] = ["call", "approve"] if book.saml.approvers else ["call"]
    return verify(raw, book.saml, trust, now=now).caller, fits


def _read(path: str) -> bytes:
    try:
        with click.open_file(path, "rb") as file:
            raw: bytes = file.read(MAX_FILE)
    except OSError as e:
        raise click.UsageError(f"the assertion file {path}: {e.strerror}") from None
    if not raw.strip():
        raise click.UsageError(f"the assertion file {path} is empty")
    return raw
