"""Detectors of national and tax numbers, by country: of the shape that the country prints, with valid check digits.

The arithmetic is python-stdnum's. Numbers without check digits (the National Insurance number of GB, US numbers in one
piece) are not offered, because any number would look like one; ``US`` has the groups and areas that are given out, and
only with hyphens.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_11 = r"[0-9]{11}"

#: By country: module of stdnum, and the shapes in which it is written.
NATIONAL: dict[str, tuple[tuple[str, str], ...]] = {
    "AT": (("at.vnr", r"[0-9]{4} ?[0-9]{6}"),),
    "BE": (("be.nn", r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}[ \-]?[0-9]{3}\.?[0-9]{2}"),),
    "BG": (("bg.egn", r"[0-9]{10}"),),
    "BR": (("br.cpf", r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}"),),
    "CA": (("ca.sin", r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}"),),
    "CH": (("ch.ssn", r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}"),),
    "CN": (("cn.ric", r"[0-9]{17}[0-9Xx]"),),
    "CZ": (("cz.rc", r"[0-9]{6}/?[0-9]{4}"),),
    "DK": (("dk.cpr", r"[0-9]{6}-[0-9]{4}"),),
    "EE": (("ee.ik", _11),),
    "ES": (
        ("es.dni", r"[0-9]{8}[ \-]?[A-Za-z]"),
        ("es.nie", r"[XYZxyz][ \-]?[0-9]{7}[ \-]?[A-Za-z]"),
    ),
    "FI": (("fi.hetu", r"[0-9]{6}[\-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Za-z]"),),
    "FR": (
        ("fr.nir", r"[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9ABab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"),
    ),
    "GB": (("gb.nhs", r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}"),),
    "GR": (("gr.amka", _11),),
    "HR": (("hr.oib", _11),),
    "IE": (("ie.pps", r"[0-9]{7}[A-Wa-w][ABWTXabwtx]?"),),
    "IL": (("il.idnr", r"[0-9]{9}"),),
    "IN": (("in_.aadhaar", r"[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{4}"),),
    "IT": (
        (
            "it.codicefiscale",
            r"[A-Za-z]{6}[0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{3}[A-Za-z]",
        ),
    ),
    "KR": (("kr.rrn", r"[0-9]{6}-?[0-9]{7}"),),
    "LT": (("lt.asmens", _11),),
    "LV": (("lv.pvn", r"[0-9]{6}-?[0-9]{5}"),),
    "MX": (("mx.curp", r"[A-Za-z]{4}[0-9]{6}[A-Za-z]{6}[0-9A-Za-z][0-9]"),),
    "NL": (("nl.bsn", r"[0-9]{4}[ .]?[0-9]{2}[ .]?[0-9]{3}"),),
    "NO": (("no.fodselsnummer", r"[0-9]{6}[ \-]?[0-9]{5}"),),
    "PL": (("pl.pesel", _11),),
    "PT": (("pt.cc", r"[0-9]{8}[ \-]?[0-9][ \-]?[0-9A-Za-z]{2}[0-9]"),),
    "RO": (("ro.cnp", r"[0-9]{13}"),),
    "SE": (("se.personnummer", r"(?:[0-9]{2})?[0-9]{6}[\-+]?[0-9]{4}"),),
    "SI": (("si.emso", r"[0-9]{13}"),),
    "SK": (("sk.rc", r"[0-9]{6}/?[0-9]{4}"),),
    "TR": (("tr.tckimlik", _11),),
    "US": (("us.ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}"),),
    "ZA": (("za.idnr", r"[0-9]{13}"),),
}
TAX: dict[str, tuple[tuple[str, str], ...]] = {
    "AU": (("au.tfn", r"[0-9]{3} ?[0-9]{3} ?[0-9]{2,3}"),),
    "BR": (("br.cnpj", r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/?[0-9]{4}-?[0-9]{2}"),),
    "CH": (("ch.uid", r"CHE-?[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}"),),
    "DE": (("de.idnr", r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}"),),
    "ES": (("es.cif", r"[A-HJNP-SUVWa-hjnp-suvw][ \-]?[0-9]{7}[ \-]?[0-9A-Ja-j]"),),
    "FR": (("fr.siren", r"[0-9]{3} [0-9]{3} [0-9]{3}"),),
    "GB": (("gb.utr", r"[0-9]{5} ?[0-9]{5}"),),
    "IT": (("it.iva", _11),),
    "NL": (("nl.btw", r"NL[0-9]{9}B[0-9]{2}"),),
    "PL": (("pl.nip", r"[0-9]{3}-?[0-9]{3}-?[0-9]{2}-?[0-9]{2}"),),
    "PT": (("pt.nif", r"[1-35689][0-9]{8}"),),
    "US": (("us.itin", r"9[0-9]{2}-[0-9]{2}-[0-9]{4}"),),
    "EU": (
        (
            "eu.vat",
            r"(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)[0-9A-Z+*]{8,12}",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one country."""

    spec: str
    kind: str
    checks: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = field(repr=False)
    whole: bool = False

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        found = {
            match.span(1)
            for shape, is_valid in self.checks
            for match in shape.finditer(text)
            if is_valid(match[1])
        }
        last = 0
        for start, end in sorted(found):
            if start >= last:
                yield start, end
                last = end


def numbers(kind: str, country: str) -> Numbers:
    """The detector of ``national-id`` or ``tax-id`` of *country*.

    Raises:
        KeyError: There is none.
    """
    table = NATIONAL if kind == "national-id" else TAX
    checks = tuple((_shape(shape), _check(module)) for module, shape in table[country])
    return Numbers(f"{kind}:{country}", kind, checks)


def _shape(pattern: str) -> re.Pattern[str]:
    # Looked for at every place, so that what is no number hides none behind it.
    return re.compile(rf"(?<![0-9A-Za-z])(?=({pattern})(?![0-9A-Za-z]))")


def _check(module: str) -> Callable[[str], bool]:
    is_valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return is_valid
