"""Claims that a token must have beside the usual ones, with a value that identity.yaml accepts.

An issuer that many tenants share signs tokens for all of them: signature, issuer and audience say
nothing about *whose* they are. A claim does (Entra ``tid``, GitHub ``repository_owner_id``).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from residency.core.identity.groups import claim
from residency.errors import IdentityError

#: Issuers that sign for anybody: tokens of strangers, for any audience they ask for.
SHARED = frozenset(
    {
        "https://accounts.google.com",
        "https://gitlab.com",
        "https://token.actions.githubusercontent.com",
        "https://app.terraform.io",
        "https://agent.buildkite.com",
        # Entra's tenant of private Microsoft accounts.
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    }
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One claim: the path to it, how identity.yaml spells that, and what its value must match."""

    path: tuple[str, ...]
    says: str
    pattern: re.Pattern[str]

    def fits(self, claims: Mapping[str, object]) -> bool:
        """True if the claim is there and its value, or one item of its list, matches.

        Numbers and truth values are compared as JSON writes them; nothing else ever matches.
        """
        found, value = claim(claims, self.path)
        if not found:
            return False
        values = value if isinstance(value, list) else [value]
        return any(self.pattern.fullmatch(t) for v in values if (t := _text(v)) is not None)


def check(claims: Mapping[str, object], requirements: Iterable[Requirement]) -> None:
    """Ask whether *claims* are what is required of their issuer.

    Raises:
        IdentityError: ``identity-claims``: one is not. Its detail names the claim, which is of
            identity.yaml, and not its value, which is of the token.
    """
    for requirement in requirements:
        if not requirement.fits(claims):
            raise IdentityError(
                "identity-claims", f"{requirement.says} is not what is required of this issuer"
            )


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    # 1.0 and 1e0 are no ways to write an id; and an integer has one spelling.
    return str(value) if isinstance(value, str | int) else None
