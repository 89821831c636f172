"""``--certificate``: whom a client certificate names, as the gateway would see them."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.identity import Caller, Presented, Purpose

#: Bytes of a certificate file that are read.
MAX_FILE = 256 * 1024

certificate_option = click.option(
    "--certificate", "certificate_file", metavar="FILE|-",
    help="The file with a client certificate and its intermediates, as PEM, in place of a token; - is standard input. "
         "A private key in it is not read.",
)  # fmt: skip


def caller_of(
    configuration: "Configuration", path: str, now: float
) -> "tuple[Caller, list[Purpose]]":
    """Whom the certificate in the file at *path* names, and what it is good for: calls alone.

    Raises:
        IdentityError: The gateway would refuse it, or ask for a token beside it.
        ConfigurationError: The authorities cannot be used.
        click.UsageError: There is no such file, or no certificate in it.
    """
    from residency.core.faults import Faults
    from residency.core.identity import CertificateVerifier
    from residency.errors import IdentityError

    presented = _presented(path)
    book, faults = configuration.identity, Faults()
    book.file_keys(configuration.jwks, faults)
    faults.check()
    if not book.certificates:
        raise IdentityError("identity-certificate", "this gateway takes no client certificates")
    verifier = CertificateVerifier(book.certificates, configuration.jwks)
    caller = verifier.identify(presented, now=now).caller
    if caller is None:
        raise IdentityError("identity-missing", "the certificate is transport and names nobody")
    return caller, ["call"]


def authorities_of(configuration: "Configuration", caller: "Caller") -> str:
    """The file of the authorities by whose word a certificate names *caller*, as identity.yaml has it."""
    return next(c.file for c in configuration.identity.certificates if c.name == caller.issuer)


def _presented(path: str) -> "Presented":
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from residency.core.identity import Presented

    try:
        with click.open_file(path, "rb") as file:
            raw: bytes = file.read(MAX_FILE)
    except OSError as e:
        raise click.UsageError(f"the certificate file {path}: {e.strerror}") from None
    try:
        leaf, *others = (
            c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(raw)
        )
    except ValueError:
        raise click.UsageError(f"the certificate file {path} holds no PEM certificate") from None
    return Presented(leaf, tuple(others))
