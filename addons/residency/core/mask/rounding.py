"""Numbers and dates with less precision, worked out on their digits as they are spelled: no float is involved."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

UNITS = ("year", "month", "day")

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
#: Longer numbers are no measurements; their digits would be data themselves.
_LONGEST = 100
#: Digits enough for the longest number with the largest exponent.
_EXACT = Context(prec=2000)
#: ISO 8601 calendar dates, whole or reduced, extended or basic; RFC 3339 allows a small t and z.
_DATE = re.compile(
    r"(?:[0-9]{4}|[0-9]{4}-[0-9]{2}|(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})(?P<time>[Tt ][0-9]{2}(?::?[0-9]{2}){0,2}"
    r"(?:[.,][0-9]{1,9})?(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)"
)


def number(lexeme: str, digits: int, *, nearest: bool) -> str | None:
    """The number *lexeme* with at most *digits* after its point; negative ones count before it.

    Half goes away from zero where the *nearest* is asked for; else everything goes toward zero. A number with no more
    digits stays as it is spelled. ``None`` if *lexeme* is no JSON number, or is longer than 100 characters.
    """
    if len(lexeme) > _LONGEST or not _NUMBER.fullmatch(lexeme):
        return None
    value = Decimal(lexeme)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -digits:
        return lexeme
    unit = Decimal(1).scaleb(-digits)
    rounded = value.quantize(unit, ROUND_HALF_UP if nearest else ROUND_DOWN, _EXACT)
    # Minus zero would still tell the sign.
    return format(rounded or abs(rounded), "f")


def date(text: str, unit: str) -> str | None:
    """The first moment of the year, month or day in which the ISO 8601 date *text* is, spelled as it was.

    Its zone stays. ``None`` if it is no such date.
    """
    found = _DATE.fullmatch(text)
    if not found:
        return None
    until = found.start("time") if found["time"] else len(text)
    zone = found.start("zone") if found["zone"] else len(text)
    day = text[:until]
    keep = 4 + UNITS.index(unit) * (3 if "-" in day else 2)
    first = day[:keep] + re.sub("[0-9]{2}", "01", day[keep:])
    return first + re.sub("[0-9]", "0", text[until:zone]) + text[zone:]
