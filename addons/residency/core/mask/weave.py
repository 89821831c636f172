"""A text that comes in pieces, with what tokens stand for in their place, wherever a token is cut.

Models answer a few characters at a time, so a token is most often cut. What may be the beginning of one is held back;
if it turns out to be one, the first of its pieces gets the whole value, and the others lose their parts of it.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from residency.core.mask.nest import Nest
from residency.core.mask.strings import Change

_NAME = r"[a-z][a-z0-9_-]{0,31}:[0-9a-f]{16}"
_RUN = r"(?<!\\)\\++"
#: A token; strings of JSON may have its brackets as escapes, with more backslashes the deeper they stand.
TOKEN = re.compile(rf"(?:<|{_RUN}u003[cC])({_NAME})(?:>|\\++u003[eE])")
_ESCAPE_BEGUN = r"(?:u(?:0(?:03?)?)?)?"
#: What may be the beginning of a token, at the end of a text; the name as far as it has come.
_BEGUN = re.compile(
    rf"(?:(?:<|{_RUN}u003[cC])([a-z0-9_:-]{{0,49}})(\\++{_ESCAPE_BEGUN})?|{_RUN}{_ESCAPE_BEGUN})\Z"
)
_QUOTE = re.compile(r'(?<!\\)\\*+"\Z')
#: Backslashes at the end of a text that would be too many for any quotation mark or bracket.
_FAR = 512


class Originals:
    """What tokens stand for: token → JSON."""

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = dict(originals)
        self._names = sorted(token[1:-1] for token in self._originals)
        #: True if one stands for something else than a string: then the quotation marks around it go with it.
        self.has_values = any(not o.startswith('"') for o in self._originals.values())

    def __bool__(self) -> bool:
        return bool(self._originals)

    def get(self, name: str) -> str | None:
        """The original, as JSON, of the token of this name, which is what stands between its brackets."""
        return self._originals.get(f"<{name}>")

    def begins(self, name: str) -> bool:
        """True if a token's name begins with *name*."""
        at = bisect_left(self._names, name)
        return at < len(self._names) and self._names[at].startswith(name)


@dataclass(slots=True, eq=False)
class Piece:
    """A part of a text, and what is to change in it. ``whole`` is JSON that takes the place of the whole string."""

    text: str = field(repr=False)
    owner: int = 0
    changes: list[Change] = field(default_factory=list)
    whole: str | None = field(default=None, repr=False)

    @property
    def is_changed(self) -> bool:
        return bool(self.changes) or self.whole is not None


class Weave:
    """One text."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._nest = Nest()
        #: What is held back, and the pieces it comes from, each with where in it that begins.
        self._held = ""
        self._pieces: list[tuple[Piece, int]] = []
        #: For whoever counts how long nothing has come.
        self.idle = 0

    @property
    def first(self) -> int | None:
        """The owner of the first piece that is held back."""
        return self._pieces[0][0].owner if self._held else None

    def add(self, piece: Piece) -> None:
        """*piece* comes next."""
        self.idle = 0
        if piece.text:
            self._pieces.append((piece, 0))
            self._held += piece.text
            self._weave(final=False)

    def finish(self) -> None:
        """Nothing more comes, or is waited for."""
        self._weave(final=True)

    def _weave(self, *, final: bool) -> None:
        at = 0
        tail = len(self._held)
        for found in TOKEN.finditer(self._held):
            original = self._originals.get(found[1])
            if original is None:
                continue
            if not (final or original.startswith('"')) and self._is_open(found.end()):
                tail = self._quoted(found.start())
                break
            self._nest.feed(self._held[at : found.start()])
            self._put(found.start(), found.end(), original)
            self._nest.feed(found[0])
            at = found.end()
        else:
            tail = tail if final else self._begun(at)
        self._nest.feed(self._held[at:tail])
        self._keep(tail)

    def _put(self, start: int, end: int, original: str) -> None:
        depth = self._nest.depth
        if original.startswith('"'):
            text = str(json.loads(original))
        else:
            text = original
            quote = "\\" * (2 ** (depth - 1) - 1) + '"' if depth else ""
            before, after = self._held[:start], self._held[end:]
            if quote and before.endswith(quote) and after.startswith(quote):
                # A value of its own, and not a part of a text.
                start, end, depth = start - len(quote), end + len(quote), depth - 1
        for _ in range(depth):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        self._replace(start, end, text)

    def _replace(self, start: int, end: int, text: str) -> None:
        at = 0
        for piece, offset in self._pieces:
            length = len(piece.text) - offset
            first, last = max(start, at), min(end, at + length)
            if first < last:
                piece.changes.append(Change(first - at + offset, last - at + offset, text))
                text = ""
            at += length

    def _is_open(self, end: int) -> bool:
        """True if the quotation mark that may follow has not come as a whole."""
        return not self._held[end : end + _FAR].strip("\\")

    def _quoted(self, start: int) -> int:
        """Where what stands at *start* begins together with the quotation mark before it."""
        found = _QUOTE.search(self._held, max(0, start - _FAR), start)
        return found.start() if found else start

    def _begun(self, at: int) -> int:
        """Where what may be the beginning of a token begins, from *at* on."""
        end = len(self._held)
        found = _BEGUN.search(self._held, max(at, end - _FAR))
        while found and not self._may_be(found):
            found = _BEGUN.search(self._held, found.start() + 1)
        begun = found.start() if found else end
        return max(at, self._quoted(begun)) if self._originals.has_values else begun

    def _may_be(self, found: re.Match[str]) -> bool:
        if found[1] is None:
            return True
        if found[2]:
            return self._originals.get(found[1]) is not None
        return self._originals.begins(found[1])

    def _keep(self, tail: int) -> None:
        """Hold back what stands from *tail* on."""
        kept = []
        at = 0
        for piece, offset in self._pieces:
            length = len(piece.text) - offset
            if at + length > tail:
                kept.append((piece, offset + max(0, tail - at)))
            at += length
        self._held, self._pieces = self._held[tail:], kept
