"""Characters, blanks and strings of a path, as RFC 9535 writes them."""

import re

_BLANK = re.compile(r"[ \t\n\r]*+")
_PAIR = r"[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:([bfnrt/\\'\"])|u((?![dD][89a-fA-F])[0-9a-fA-F]{{4}}|{_PAIR}))")
_PLAIN = re.compile(r"[^'\"\\\x00-\x1f\ud800-\udfff]++")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Tokens:
    """One reading of one path: ``at`` is where it is. A method takes what it is named after."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    def string(self) -> str:
        quote, other = self.text[self.at], "'\"".replace(self.text[self.at], "")
        self.at += 1
        parts: list[str] = []
        while not self.take(quote):
            if plain := _PLAIN.match(self.text, self.at):
                parts.append(plain[0])
                self.at = plain.end()
            elif self.take(other):
                parts.append(other)
            else:
                parts.append(self.escape(other))
        return "".join(parts)

    def escape(self, other: str) -> str:
        found = _ESCAPE.match(self.text, self.at)
        if not found or found[1] == other:
            works = r"write the character itself, \n, \t, \\, \u0000 and the like"
            raise self.fault(
                "this string is not closed, or has what needs an escape, or an odd one", works
            )
        self.at = found.end()
        if found[1]:
            return _ESCAPED.get(found[1], found[1])
        units = bytes.fromhex(found[2].replace("\\u", ""))
        return units.decode("utf-16-be")

    def operator(self, text: str) -> bool:
        begun = self.at
        self.blank()
        if self.take(text):
            return True
        self.at = begun
        return False

    def blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]

    def ahead(self, *texts: str) -> bool:
        return self.text.startswith(texts, self.at)

    def take(self, text: str) -> bool:
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fault(f"{text} is missing", f"write {text}")

    def fault(self, reason: str, mend: str) -> ValueError:
        return ValueError(f"{self.text!a}, at character {self.at + 1}: {reason}; {mend}")
