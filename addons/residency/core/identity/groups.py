"""Which groups a verified token puts its caller into, and what each of them comes from.

identity.yaml names the sources: claims (a list of names, one name, or one text of several), as they
are, with a prefix or by a map, and the subject itself for issuers that send no groups. A group goes
with its origin, in the words of identity.yaml alone, so that ``whoami`` can say where it comes from.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from residency.core.glob import compile_globs
from residency.core.identity.claims import is_name
from residency.errors import IdentityError

#: Most values that one claim may have, and most groups that one caller may be in.
MAX_GROUPS = 2000

#: A group and what it comes from, such as ``("billing", "claim realm_access.roles")``.
type Grant = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Globs and the groups that each gives to what it matches. All that match count."""

    entries: tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, groups: Mapping[str, Iterable[str]]) -> "Table":
        """A table of *groups* by glob (``*`` stands for any text)."""
        return cls(tuple((g, compile_globs([g]), tuple(named)) for g, named in groups.items()))

    def grants(self, value: str, origin: str) -> Iterator[Grant]:
        """The groups of *value*; the glob is added to *origin*."""
        for glob, pattern, groups in self.entries:
            if pattern.fullmatch(value):
                for group in groups:
                    yield group, f"{origin} {glob!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClaim:
    """One claim that groups come from.

    ``path`` is the path of claim names that leads to it, ``says`` how identity.yaml spells that.
    ``split`` parts one text into values. A value is a group by itself, behind ``prefix``, or where
    there is a ``table`` only what that makes of it.
    """

    path: tuple[str, ...]
    says: str
    split: str | None = None
    prefix: str = ""
    table: Table | None = None

    def grants(self, claims: Mapping[str, object]) -> Iterator[Grant]:
        """The groups that *claims* give; none where the claim is absent.

        Raises:
            IdentityError: As ``grants``.
        """
        origin = f"claim {self.says}"
        for value in self._values(claims):
            if self.table is not None:
                yield from self.table.grants(value, f"{origin}, map")
            elif is_name(self.prefix + value):
                yield self.prefix + value, origin
            else:
                raise IdentityError("identity-claims", f"{self.says}: a group's name is too long")

    def _values(self, claims: Mapping[str, object]) -> list[str]:
        found, value = claim(claims, self.path)
        if found is None:
            raise IdentityError("identity-claims", f"{self.says} is not where it should be")
        if not found:
            return []
        if self.split and isinstance(value, str):
            value = [part for part in value.split(self.split) if part]
        values: list[object] = value if isinstance(value, list) else [value]
        names = [v for v in values[: MAX_GROUPS + 1] if is_name(v)]
        if len(names) != len(values) or len(names) > MAX_GROUPS:
            raise IdentityError("identity-claims", f"{self.says} is not a list of names")
        return names


def grants(
    claims: Mapping[str, object], subject: str, sources: Iterable[GroupClaim], subjects: Table
) -> tuple[Grant, ...]:
    """The groups of a verified token, each with its origins, sorted and unique.

    Args:
        claims: The token's claims.
        subject: Its subject, which *subjects* are looked up by.
        sources: The claims that groups come from.
        subjects: Groups by subject.

    Raises:
        IdentityError: ``identity-claims``: a claim is there and holds no names, or the issuer left
            it out because there were too many. That caller may be in any group.
    """
    found = set(subjects.grants(subject, "subjects"))
    for source in sources:
        _not_left_out(claims, source.path)
        found.update(source.grants(claims))
    if len(found) > MAX_GROUPS:
        raise IdentityError("identity-claims", f"the caller is in more than {MAX_GROUPS} groups")
    return tuple(sorted(found))


def claim(claims: Mapping[str, object], path: tuple[str, ...]) -> tuple[bool | None, object]:
    """Whether there is a claim at *path*, and its value; ``None``: what should hold it cannot."""
    value: object = claims
    for name in path:
        if not isinstance(value, Mapping):
            return None, None
        if name not in value:
            return False, None
        value = value[name]
    return True, value


def _not_left_out(claims: Mapping[str, object], path: tuple[str, ...]) -> None:
    """Refuse a token whose issuer has more groups for it than it holds.

    Sources:
        learn.microsoft.com, "Configure group claims and app roles in tokens": over 200 groups,
        Entra ID sends ``_claim_names`` with ``groups`` (or ``hasgroups: true``) and no groups.
        OIDC Core 1.0, 5.6.2: ``_claim_names`` says which claims are kept elsewhere.
    """
    elsewhere = claims.get("_claim_names", {})
    left_out = not isinstance(elsewhere, dict) or path[0] in elsewhere
    if left_out or (path[0] == "groups" and claims.get("hasgroups", False) is not False):
        raise IdentityError(
            "identity-claims", "the issuer left the groups out: there are too many"
        )
