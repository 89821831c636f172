"""The caller gets its own values back: tokens in an answer become what they stand for.

A value takes on the escapes of its place (``nest``). Where a token that is all of a string stands for a number or an
object, that comes back as it was, and not as a text; but not under the names that providers give to texts, where
clients expect one. Whatever cannot be read stays as it is: a token says nothing.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from residency.core.mask.lexemes import Lexeme, every, is_array, parsed, suspects
from residency.core.mask.strings import changed, rewritten
from residency.core.mask.weave import TOKEN, Originals, Piece, Weave

#: What every token has in JSON, as itself or as an escape.
_SIGNS = re.compile(rb"<|u003[cC]")
#: Members whose value is a text to a model's client.
_TEXTS = frozenset(
    {"content", "text", "delta", "arguments", "partial_json", "input", "thinking", "refusal"}
)
_OPENING = ("{", "[", '"')
#: Texts that go on at once, and how many messages later a text that has not gone on is over.
_MOST_TEXTS = 1024
_PATIENCE = 8
#: Characters of a message beyond which no text goes on from or to it, and of all that are held back at once.
_LARGE = 64 * 1024
_MOST_HELD = 1024 * 1024


def document(data: bytes, originals: Originals) -> bytes:
    """A whole JSON document, or else a text, with everything restored; *data* itself if there is nothing to restore."""
    if not originals or not _SIGNS.search(data):
        return data
    try:
        text = data.decode()
        value = parsed(text)
        spots = list(every(text, value) if is_array(value) else suspects(text))
    except (ValueError, RecursionError):
        return _plain(data, originals)
    weaves: dict[Hashable, Weave] = {}
    pieces = []
    for number, spot in enumerate(spots):
        pieces.append(_piece(spot, originals, 0))
        if pieces[-1].whole is None:
            # Only the messages of an array go on from one to the next.
            place = spot.place if is_array(value) else number
            weaves.setdefault(place, Weave(originals)).add(pieces[-1])
    for weave in weaves.values():
        weave.finish()
    return _edited(text, list(zip(spots, pieces, strict=True))) or data


def _plain(data: bytes, originals: Originals) -> bytes:
    try:
        piece = Piece(data.decode())
    except UnicodeDecodeError:
        return data
    weave = Weave(originals)
    weave.add(piece)
    weave.finish()
    return changed(piece.text, piece.changes)[0].encode() if piece.is_changed else data


def _piece(spot: Lexeme, originals: Originals, owner: int) -> Piece:
    piece = Piece(spot.text, owner)
    found = TOKEN.fullmatch(spot.text) if originals.has_values else None
    if found and spot.key not in _TEXTS:
        original = originals.get(found[1])
        piece.whole = original if original and not original.startswith('"') else None
    return piece


def _edited(text: str, pieces: list[tuple[Lexeme, Piece]]) -> bytes | None:
    """*text* after the pieces' changes; ``None`` if there are none."""
    parts: list[bytes] = []
    at = 0
    for spot, piece in pieces:
        if piece.is_changed:
            lexeme = text[spot.start : spot.end].encode()
            new = piece.whole.encode() if piece.whole else rewritten(lexeme, piece.changes)
            parts += text[at : spot.start].encode(), new
            at = spot.end
    return b"".join([*parts, text[at:].encode()]) if parts else None


@dataclass(slots=True)
class _Message:
    """One message that waits, and how to make it anew around another document."""

    raw: bytes = field(repr=False)
    build: Callable[[bytes], bytes]
    text: str = field(default="", repr=False)
    pieces: list[tuple[Lexeme, Piece]] = field(default_factory=list, repr=False)
    #: A document that is no JSON is one text.
    alone: Piece | None = None

    def to_bytes(self) -> bytes:
        if self.alone:
            new = changed(self.text, self.alone.changes)[0].encode()
            return self.build(new) if self.alone.is_changed else self.raw
        edited = _edited(self.text, self.pieces)
        return self.raw if edited is None else self.build(edited)


class Restorer:
    """The messages of one stream, in order; one leaves as soon as no token can begin in it and end in the next."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._weaves: OrderedDict[Hashable, Weave] = OrderedDict()
        self._waiting: deque[tuple[int, _Message]] = deque()
        self._number = 0
        self._held = 0

    def push(
        self,
        raw: bytes,
        data: bytes | None = None,
        build: Callable[[bytes], bytes] = bytes,
    ) -> bytes:
        """*raw* comes next; what may leave by now.

        Args:
            raw: The message as it came.
            data: The document in it, if it has one; what begins like no JSON is a text that goes on.
            build: The message around another document.
        """
        self._number += 1
        self._held += len(raw)
        self._waiting.append((self._number, self._message(raw, data, build)))
        if self._held > _MOST_HELD:
            return self.finish()
        return self._leave()

    def text(self, raw: bytes) -> bytes:
        """As ``push``, for a part of one text, which is no document even if it looks like one."""
        self._number += 1
        self._held += len(raw)
        message = _Message(raw, bytes, raw.decode())
        self._alone(message)
        self._waiting.append((self._number, message))
        return self._leave() if self._held <= _MOST_HELD else self.finish()

    def finish(self) -> bytes:
        """Everything that is left: no more comes, or is waited for."""
        for weave in self._weaves.values():
            weave.finish()
        return self._leave()

    def _message(
        self, raw: bytes, data: bytes | None, build: Callable[[bytes], bytes]
    ) -> _Message:
        message = _Message(raw, build)
        if not data or not self._originals:
            return message
        if len(data) > _LARGE:
            restored = document(data, self._originals)
            message.raw = raw if restored is data else build(restored)
            return message
        try:
            message.text = data.decode()
        except UnicodeDecodeError:
            return message
        try:
            value = parsed(message.text) if message.text.lstrip()[:1] in _OPENING else None
            spots = list(every(message.text, value))
        except (ValueError, RecursionError):
            value = None
        if value is None:
            self._alone(message)
            return message
        places: dict[Hashable, list[Piece]] = {}
        for spot in spots:
            piece = _piece(spot, self._originals, self._number)
            message.pieces.append((spot, piece))
            if piece.whole is None:
                places.setdefault(spot.place, []).append(piece)
        self._weave(places)
        return message

    def _alone(self, message: _Message) -> None:
        message.alone = Piece(message.text, self._number)
        self._weave({(): [message.alone]})

    def _weave(self, places: dict[Hashable, list[Piece]]) -> None:
        for weave in self._weaves.values():
            weave.idle += 1
        for place, pieces in places.items():
            weave = self._weaves.get(place) or Weave(self._originals)
            self._weaves[place] = weave
            self._weaves.move_to_end(place)
            for piece in pieces:
                weave.add(piece)
        for weave in self._weaves.values():
            if weave.idle > _PATIENCE:
                weave.finish()
        while len(self._weaves) > _MOST_TEXTS:
            self._weaves.popitem(last=False)[1].finish()

    def _leave(self) -> bytes:
        held = (weave.first for weave in self._weaves.values())
        until = min((first for first in held if first is not None), default=self._number + 1)
        gone: list[bytes] = []
        while self._waiting and self._waiting[0][0] < until:
            message = self._waiting.popleft()[1]
            self._held -= len(message.raw)
            gone.append(message.to_bytes())
        return b"".join(gone)
