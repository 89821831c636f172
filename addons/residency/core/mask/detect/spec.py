"""Detectors as ``masks.yaml`` spells them: ``email``, ``phone:DE``, ``{pattern: …, name: …}``."""

import re
from collections.abc import Callable, Mapping

from residency.core.mask.detect import national, patterns
from residency.core.mask.detect.base import Detector
from residency.core.mask.detect.national import NATIONAL, TAX
from residency.core.mask.detect.numbers import Card, Iban, Ip
from residency.core.mask.detect.phone import REGIONS, Phone
from residency.core.mask.detect.presidio import presidio

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PLAIN: dict[str, Callable[[], Detector]] = {
    "email": patterns.email,
    "iban": Iban,
    "card": Card,
    "ip": Ip,
    "secret": patterns.secret,
}
WORKS = (
    "write email, phone, phone:DE, iban, card, national-id:DK, tax-id:DE, ip, secret, presidio:PERSON or "
    "{pattern: …, name: …}"
)


def parse(spec: str) -> Detector:
    """The detector that *spec* names.

    Raises:
        ValueError: There is none; the message says what works.
    """
    name, colon, argument = spec.partition(":")
    if name in _PLAIN and not colon:
        return _PLAIN[name]()
    if name == "phone":
        if colon and argument not in REGIONS:
            raise ValueError(
                f"{spec!a}: no region that telephone numbers have; write it like phone:DE"
            )
        return Phone(argument or None)
    if name in ("national-id", "tax-id"):
        table = NATIONAL if name == "national-id" else TAX
        if argument not in table:
            raise ValueError(
                f"{spec!a}: not offered; write {name}: and one of {', '.join(sorted(table))}"
            )
        return national.numbers(name, argument)
    if name == "presidio" and argument:
        return presidio(argument)
    raise ValueError(f"{spec!a} is nothing that can be detected; {WORKS}")


def own(spec: Mapping[str, object]) -> Detector:
    """The detector of an operator's own pattern.

    Raises:
        ValueError: It is not ``pattern`` and ``name``, or the pattern is refused.
    """
    pattern, name = spec.get("pattern"), spec.get("name")
    if (
        set(spec) != {"pattern", "name"}
        or not isinstance(pattern, str)
        or not isinstance(name, str)
    ):
        raise ValueError('an own pattern is {pattern: "…", name: …}; write both, and nothing else')
    if not _NAME.fullmatch(name):
        raise ValueError("a pattern's name is of a-z, 0-9 and -; write it like employee-no")
    return patterns.own(pattern, name)
