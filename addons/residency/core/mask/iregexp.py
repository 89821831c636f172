"""I-Regexp (RFC 9485), the patterns of ``match`` and ``search``, run by RE2.

RE2 takes time in proportion to the text, whatever the pattern. The two dialects differ in dots, escapes and brackets,
so a pattern is read by the RFC's grammar and spelled anew, each odd character by its number.
"""

import re
from functools import lru_cache

import re2

_ESCAPED = re.compile(r"\\([(-+\-.?\[-^nrt{-}])")
_CATEGORY = re.compile(
    r"\\[pP]\{(?:L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|Z[lps]?|S[ckmo]?|C[cfo])\}"
)
_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
#: What RE2 may need for one pattern, in bytes. Its automata grow with the pattern, not with the text.
_MEMORY = 4 << 20
_DEEPEST = 20


@lru_cache(maxsize=256)
def compile(pattern: str) -> "re2._Regexp":  # noqa: A001 - read as iregexp.compile
    """*pattern* for RE2, over UTF-8.

    Raises:
        ValueError: It is no I-Regexp, or one that means two things, or too large; the message says what works.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    spelled = _Reader(pattern).read()
    try:
        return re2.compile(spelled, options)
    except re2.error:
        fault = f"the pattern {pattern!a} is too large, or has a range upside down"
    raise ValueError(f"{fault}; write a smaller one, of at most 1000 repetitions")


class _Reader:
    """One reading of one pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> str:
        spelled = self.branches(0)
        if self.at < len(self.text):
            raise self.fault("a bracket closes that none opened", "write \\\\) or \\\\]")
        return spelled

    def branches(self, depth: int) -> str:
        if depth > _DEEPEST:
            raise self.fault("nested too deep", f"nest at most {_DEEPEST} parentheses")
        spelled = self.pieces(depth)
        while self.text.startswith("|", self.at):
            self.at += 1
            spelled += "|" + self.pieces(depth)
        return spelled

    def pieces(self, depth: int) -> str:
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.atom(depth))
            if quantifier := _QUANTIFIER.match(self.text, self.at):
                parts.append(quantifier[0])
                self.at = quantifier.end()
        return "".join(parts)

    def atom(self, depth: int) -> str:
        here = self.text[self.at]
        if here == "(":
            return self.group(depth)
        if here == "[":
            return self.brackets()
        if here == ".":
            self.at += 1
            return r"[^\n\r]"
        if here in "^$":
            # Plain characters by the RFC's grammar, anchors by its mappings: readers differ.
            raise self.fault(
                "^ and $ mean two things", "leave them out: match() takes the whole string"
            )
        return self.category() or _spelled(self.character("*+?{}]"))

    def group(self, depth: int) -> str:
        self.at += 1
        inner = self.branches(depth + 1)
        if not self.text.startswith(")", self.at):
            raise self.fault("a parenthesis is not closed", "close it, or write \\\\(")
        self.at += 1
        return f"(?:{inner})"

    def brackets(self) -> str:
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        parts = [self.hyphen(), *self.ranges(), self.hyphen()]
        if not self.text.startswith("]", self.at) or not any(parts):
            raise self.fault("brackets are empty or not closed", "write like [a-z0-9_-]")
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def hyphen(self) -> str:
        if not self.text.startswith("-", self.at):
            return ""
        self.at += 1
        return _spelled("-")

    def ranges(self) -> list[str]:
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "-]":
            parts.append(self.category() or self.range())
        return parts

    def range(self) -> str:
        first = _spelled(self.character("[]-"))
        if not self.text.startswith("-", self.at) or self.text.startswith("-]", self.at):
            return first
        self.at += 1
        return f"{first}-{_spelled(self.character('[]-'))}"

    def category(self) -> str:
        found = _CATEGORY.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found[0] if found else ""

    def character(self, special: str) -> str:
        here = self.text[self.at : self.at + 1]
        if found := _ESCAPED.match(self.text, self.at):
            self.at = found.end()
            return _CONTROLS.get(found[1], found[1])
        if not here or here == "\\" or here in special:
            mend = "write the character behind two backslashes, [0-9] for digits, \\\\p{L} for letters"
            raise self.fault("not an I-Regexp (RFC 9485)", mend)
        self.at += 1
        return here

    def fault(self, reason: str, mend: str) -> ValueError:
        return ValueError(
            f"the pattern {self.text!a}, at character {self.at + 1}: {reason}; {mend}"
        )


def _spelled(character: str) -> str:
    return (
        character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):x}}}"
    )
