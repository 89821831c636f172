"""Places: where a call may be processed, and the names that stand for sets of them.

A place is an ISO 3166-1 alpha-2 code. A destination has a set of possible places, or is ``anywhere``
(documented as global), or is ``unknown`` (one place, but the request does not tell which).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from residency.core.plain import Plain

CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Places:
    """Possible places of one destination. Empty, the default, is ``unknown``: it is never permissive."""

    codes: frozenset[str] = frozenset()
    anywhere: bool = False

    @property
    def unknown(self) -> bool:
        return not self.codes and not self.anywhere

    def __or__(self, other: Self) -> "Places":
        """Either may be the one: unknown with anything is unknown, then anywhere wins."""
        if self.unknown or other.unknown:
            return UNKNOWN
        if self.anywhere or other.anywhere:
            return ANYWHERE
        return Places(self.codes | other.codes)

    def to_plain(self) -> Plain:
        """``"unknown"``, ``"anywhere"`` or the sorted codes."""
        if self.unknown:
            return "unknown"
        return "anywhere" if self.anywhere else sorted(self.codes)

    @classmethod
    def from_plain(cls, plain: Plain) -> "Places":
        """The inverse of ``to_plain``.

        Raises:
            TypeError: *plain* is nothing that ``to_plain`` answers.
        """
        if plain == "unknown":
            return UNKNOWN
        if plain == "anywhere":
            return ANYWHERE
        if isinstance(plain, list) and plain and all(isinstance(c, str) for c in plain):
            return Places(frozenset(str(c) for c in plain))
        raise TypeError("places must be a list of codes, 'anywhere' or 'unknown'")

    def __str__(self) -> str:
        plain = self.to_plain()
        return plain if isinstance(plain, str) else " ".join(sorted(self.codes))


UNKNOWN = Places()
ANYWHERE = Places(anywhere=True)


@dataclass(frozen=True, slots=True)
class Area:
    """What a rule's ``to`` admits: codes, and whether ``anywhere`` and ``unknown`` are named."""

    codes: frozenset[str] = frozenset()
    anywhere: bool = False
    unknown: bool = False

    def covers(self, places: Places) -> bool:
        """True only if **every** possible place is inside. ``anywhere`` admits every known place."""
        if places.unknown:
            return self.unknown
        if self.anywhere:
            return True
        return not places.anywhere and places.codes <= self.codes

    def touches(self, places: Places) -> bool:
        """True unless it is certain that **no** possible place is inside."""
        if places.unknown or places.anywhere or self.anywhere:
            return True
        return bool(places.codes & self.codes)

    def within(self, other: Self) -> bool:
        """True if whatever this admits, *other* admits too."""
        return (other.anywhere or (not self.anywhere and self.codes <= other.codes)) and (
            other.unknown or not self.unknown
        )


@dataclass(frozen=True, slots=True)
class Jurisdictions:
    """Named sets of places, such as ``EU`` or ``eu-adequate``. Names are matched exactly."""

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def area(self, names: list[str]) -> Area:
        """The area that *names* (codes, jurisdictions, ``anywhere``, ``unknown``) stand for.

        Raises:
            KeyError: A name is none of these; its argument is the name.
        """
        codes: set[str] = set()
        for name in names:
            if name in self.members:
                codes |= self.members[name]
            elif CODE.fullmatch(name) and name in self.known:
                codes.add(name)
            elif name not in ("anywhere", "unknown"):
                raise KeyError(name)
        return Area(frozenset(codes), anywhere="anywhere" in names, unknown="unknown" in names)

    @property
    def known(self) -> frozenset[str]:
        """Every ISO 3166-1 alpha-2 code in force."""
        return ISO_3166


#: ISO 3166-1 alpha-2, officially assigned codes (ISO Online Browsing Platform; 249 codes).
ISO_3166 = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW""".split()  # noqa: SIM905 - 249 lines less
)
