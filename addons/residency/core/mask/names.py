"""Names that are equal but for upper and lower case, to any of the readers that take them for the same.

Go's encoding/json compares by Unicode's simple folding (``foldName``, src/encoding/json/fold.go: the Kelvin sign is k, the
long s is s), .NET's web defaults by upper case (``PropertyNameCaseInsensitive``), Java's ``equalsIgnoreCase`` by both, each
letter by itself, so that an I with a dot is i. Full folding takes all these for the same, and a little more: a sharp s is
two of s.
"""

from collections import defaultdict


def fold(name: str) -> str:
    """Equal for names of which some reader takes one for the other."""
    return (
        name
        if name.islower() and name.isascii()
        else name.upper().casefold().replace("i\u0307", "i")
    )


class Names:
    """Fields by the names that they have, as spelled or in any case."""

    def __init__(self) -> None:
        self._exact: defaultdict[str, list[int]] = defaultdict(list)
        self._folded: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, name: str, number: int, *, any_case: bool) -> None:
        """The field of this number is called *name*."""
        if any_case:
            self._folded[fold(name)].append(number)
        else:
            self._exact[name].append(number)

    def get(self, name: str) -> list[int]:
        """The numbers of the fields that are called *name*, which is in small letters for headers."""
        return [*self._exact.get(name, ()), *self._folded.get(fold(name), ())]

    def __bool__(self) -> bool:
        return bool(self._exact or self._folded)
