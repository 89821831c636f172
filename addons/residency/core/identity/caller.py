"""The caller of one call, as a verified token names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from residency.core.plain import Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls.

    ``groups`` are sorted and unique; ``expires`` is Unix time in seconds, without leeway.
    ``sources`` are pairs of a group and what it comes from, in the words of identity.yaml. They are
    for people who ask at once: no part of the value, and in no record.
    """

    stage: ClassVar[str] = "caller"

    issuer: str
    subject: str
    groups: tuple[str, ...] = ()
    expires: float
    sources: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What names one caller: a subject means something per issuer only (OIDC Core 1.0, 2)."""
        return (self.issuer, self.subject)

    def to_plain(self) -> dict[str, Plain]:
        return {
            "issuer": self.issuer,
            "subject": self.subject,
            "groups": list(self.groups),
            "expires": self.expires,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        """The inverse of ``to_plain``.

        Raises:
            TypeError: *plain* is nothing that ``to_plain`` answers.
        """
        issuer, subject, expires = plain.get("issuer"), plain.get("subject"), plain.get("expires")
        if not isinstance(issuer, str) or not isinstance(subject, str):
            raise TypeError("issuer and subject must be strings")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise TypeError("expires must be a number")
        groups = plain.get("groups")
        names = [g for g in groups if isinstance(g, str)] if isinstance(groups, list) else None
        if names is None or names != groups or names != sorted(set(names)):
            raise TypeError("groups must be a sorted list of different strings")
        return cls(issuer=issuer, subject=subject, groups=tuple(names), expires=float(expires))
