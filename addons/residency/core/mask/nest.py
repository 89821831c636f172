"""How deep in strings of JSON a place in a text is, while the text still comes.

A value that is put into a text has to be escaped once for each JSON string that it stands in: the arguments of a tool
call are JSON in a string, and may have strings that hold JSON again. A text that begins with ``{`` or ``[`` is taken for
JSON, whatever comes behind; any other is prose, in which quotation marks say nothing.
"""

import re

#: Strings in strings beyond this are prose to us.
DEEPEST = 8
_BLANK = re.compile(r"[ \t\n\r]*+")
_PLAIN = re.compile(r'[^"\\]*+')
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_HEX = 4


class Nest:
    """One text, as far as it has come."""

    __slots__ = ("_escape", "_inner", "_is_json", "_room")

    def __init__(self, room: int = DEEPEST) -> None:
        self._room = room
        #: Unknown as long as nothing but blanks has come.
        self._is_json: bool | None = None if room else False
        #: The string that is open, as a text of its own.
        self._inner: Nest | None = None
        #: An escape that has not ended, with its backslash.
        self._escape = ""

    @property
    def depth(self) -> int:
        """In how many strings of JSON the end of what has come stands: how often a value there is escaped."""
        return 0 if self._inner is None else 1 + self._inner.depth

    def feed(self, text: str) -> None:
        """*text* comes next."""
        at = 0
        if self._is_json is None:
            at = _BLANK.match(text).end()  # type: ignore[union-attr]  # it always matches
            if at == len(text):
                return
            self._is_json = text[at] in "{["
        if not self._is_json:
            return
        while at < len(text):
            at = self._step(text, at)

    def _step(self, text: str, at: int) -> int:
        if self._inner is None:
            found = text.find('"', at)
            if found < 0:
                return len(text)
            self._inner = Nest(self._room - 1)
            return found + 1
        if self._escape:
            return self._escaped(text, at)
        end = _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        if end > at:
            self._inner.feed(text[at:end])
        if end == len(text):
            return end
        if text[end] == '"':
            self._inner = None
        else:
            self._escape = "\\"
        return end + 1

    def _escaped(self, text: str, at: int) -> int:
        """One more character of an escape."""
        self._escape += text[at]
        if self._escape.startswith("\\u") and len(self._escape) < 2 + _HEX:
            return at + 1
        said, self._escape = self._escape[1:], ""
        if self._inner is not None:
            self._inner.feed(_meaning(said))
        return at + 1


def _meaning(escape: str) -> str:
    if not escape.startswith("u"):
        return _SHORT.get(escape, escape)
    try:
        return chr(int(escape[1:], 16))
    except ValueError:
        # No JSON after all; what it would have said does not matter to whoever counts quotation marks.
        return " "
