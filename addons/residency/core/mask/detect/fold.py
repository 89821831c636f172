"""Text without disguises: the same digits, signs and spaces whichever script or width they are written in.

Covered: decimal digits of every script, full-width and other compatibility forms of ASCII characters (NFKC), all
kinds of dashes and spaces, and characters that do not show (format characters such as zero-width spaces and joiners,
soft hyphens, marks of direction, variation selectors), which are passed over. Not covered: letters of other scripts
that look alike, digits spelled as words, and characters that are written between visible ones.
"""

import functools
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

_HIDDEN = {*range(0xFE00, 0xFE10), 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
#: The last code point that has such forms; the tags above it are hidden, too.
_LAST = 0x1FBF9


def _plain(char: str) -> str:
    """What *char* stands for, at most one character."""
    category = unicodedata.category(char)
    if category == "Cf" or ord(char) in _HIDDEN:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd" or char == "\u2212":
        return "-"
    if category == "Zs":
        return " "
    form = unicodedata.normalize("NFKC", char)
    return form if len(form) == 1 and form.isascii() else char


@functools.cache
def _table() -> dict[str, str]:
    """What each odd character stands for; made when text beyond ASCII is first seen, because it takes its time."""
    points = [*range(0x80, _LAST + 1), *range(0xE0001, 0xE01F0)]
    made = {char: _plain(char) for char in map(chr, points)}
    return {char: form for char, form in made.items() if char != form}


@dataclass(frozen=True, slots=True)
class Folded:
    """A text's plain form: ``marks`` are the places in it from which offsets shift, ``real`` these in the text itself."""

    text: str = field(repr=False)
    marks: tuple[int, ...] = ()
    real: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the text as it was has what the plain form has from *start* to *end*."""
        return self._place(start), self._place(end - 1) + 1

    def _place(self, at: int) -> int:
        number = bisect_right(self.marks, at) - 1
        return at if number < 0 else self.real[number] + at - self.marks[number]


def fold(text: str) -> Folded:
    """*text* in its plain form, with the way back."""
    table = {} if text.isascii() else _table()
    odd = table.keys() & set(text) if table else None
    if not odd:
        return Folded(text)
    parts: list[str] = []
    marks: list[int] = []
    real: list[int] = []
    last = length = 0
    for found in re.finditer(f"[{re.escape(''.join(sorted(odd)))}]", text):
        form = table[found[0]]
        parts += text[last : found.start()], form
        length += found.start() - last + len(form)
        last = found.end()
        if not form:
            marks.append(length)
            real.append(last)
    return Folded("".join([*parts, text[last:]]), tuple(marks), tuple(real))
