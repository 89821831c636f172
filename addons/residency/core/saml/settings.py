"""What an assertion is judged by."""

import re
from dataclasses import dataclass

from cryptography import x509

from residency.core.glob import compile_globs
from residency.core.saml.block import SamlBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The certificates that may sign, and until when (Unix time; ``None``: no end is written)."""

    certificates: tuple[x509.Certificate, ...]
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlSettings:
    """The block ``saml``, as values. Times are in seconds.

    ``gateway`` names callers' issuer, and is issuer and audience of gateway tokens. ``subject`` is
    the attribute that names the subject; ``None``: NameID does.
    """

    idp: str
    metadata: str
    gateway: str
    audience: str
    recipient: str
    subject: str | None
    subjects: re.Pattern[str]
    groups: str
    max_lifetime: int
    leeway: int
    approvers: bool


def settings(block: SamlBlock) -> SamlSettings:
    return SamlSettings(
        idp=block.idp,
        metadata=block.metadata.file,
        gateway=block.gateway,
        audience=block.audience,
        recipient=block.recipient,
        subject=None if block.subject == "NameID" else block.subject,
        subjects=compile_globs([block.subjects]),
        groups=block.groups,
        max_lifetime=block.max_lifetime,
        leeway=block.leeway,
        approvers=block.approvers,
    )
