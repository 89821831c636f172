"""Detectors of numbers that prove themselves: payment cards, bank accounts, addresses on the Internet.

A pattern of bounded length proposes, arithmetic disposes. Letters or digits right before or behind speak against it.
"""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from stdnum import iban as stdnum_iban
from stdnum import luhn, numdb

#: Each pattern matches at every place where it can, so that what is no number hides none behind it.
_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?=("
    r"[2-6][0-9]{3}([ .\-]?)[0-9]{4}\2[0-9]{4}\2[0-9]{4}(?:\2[0-9]{1,3})?"
    r"|3[0-9]{3}([ .\-]?)[0-9]{6}\3[0-9]{4,5}"
    r"|[2-6][0-9]{11,18}"
    r")(?![0-9A-Za-z]))"
)
#: ISO/IEC 7812: the first digits that the networks have. American Express, Diners, JCB; Visa; Mastercard; Discover,
#: UnionPay, Maestro.
_ISSUERS = re.compile(r"3[0-9]|4|5[0-9]|2[2-7]|6")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}[ \-]?[0-9]{2}(?=[ \-]?[0-9A-Za-z])")
_IBAN_REST = re.compile(r"(?:[ \-]?[0-9A-Za-z]){11,30}")
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{2,39}(?:\.[0-9]{1,3}){0,3}(?![0-9A-Za-z:])")


def _lengths() -> dict[str, int]:
    """By country: how many characters its IBAN has, from the registry that python-stdnum carries."""
    made: dict[str, int] = {}
    for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            found = numdb.get("iban").info(first + second)[0][1].get("bban", "")
            if found:
                made[first + second] = 4 + sum(int(n) for n in re.findall(r"([0-9]+)!", found))
    return made


_LENGTHS = _lengths()


@dataclass(frozen=True, slots=True)
class Card:
    """Payment cards of 12 to 19 digits, in one piece or grouped as they are printed, with a valid Luhn digit."""

    spec: str = "card"
    kind: str = "card"
    whole: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        last = 0
        for found in _CARD.finditer(text):
            start, end = found.span(1)
            digits = re.sub(r"[ .\-]", "", found[1])
            if start >= last and _ISSUERS.match(digits) and luhn.checksum(digits) == 0:
                yield start, end
                last = end


@dataclass(frozen=True, slots=True)
class Iban:
    """International bank account numbers (ISO 13616) of the registry's countries, with valid check digits."""

    spec: str = "iban"
    kind: str = "iban"
    whole: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        last = 0
        for found in _IBAN.finditer(text):
            if found.start() >= last and (end := self._end(text, found)):
                yield found.start(), end
                last = end

    def _end(self, text: str, found: re.Match[str]) -> int:
        """Where the number that begins with *found* ends; 0 if there is none."""
        head = found[0].replace(" ", "").replace("-", "").upper()
        rest = _IBAN_REST.match(text, found.end())
        wanted = _LENGTHS.get(head[:2], 0) - len(head)
        if not rest or wanted < 0:
            return 0
        places = [m.end() for m in re.finditer("[0-9A-Za-z]", rest[0])]
        if len(places) < wanted:
            return 0
        end = found.end() + places[wanted - 1]
        if text[end : end + 1].isalnum():
            return 0
        return end if stdnum_iban.is_valid(text[found.start() : end]) else 0


@dataclass(frozen=True, slots=True)
class Ip:
    """IPv4 addresses with four parts, and IPv6 addresses (RFC 4291, section 2.2)."""

    spec: str = "ip"
    kind: str = "ip"
    whole: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        candidates = [*_IPV4.finditer(text), *_IPV6.finditer(text)]
        last = 0
        for found in sorted(candidates, key=lambda m: m.start()):
            if found.start() >= last and _is_address(found[0]):
                yield found.span()
                last = found.end()


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(text).version == 4 or len(text) > len("::")  # noqa: PLR2004 - IPv4
    return False
