"""In which order a shape has its selected keys, and what stands between them.

Keys that come in one order are found in *runs*: from one selected key to the next as long as all between them is keys and
scalars, which one regular expression of Python's reads at once. Some runs stand once, then some over and over.
"""

import re
from dataclasses import dataclass, field

#: What is a scalar if it is JSON. Most strings end at the next quote, which is found fastest.
VALUE = rb'(?:"[^"]*+(?<!\\)"|"(?:[^"\\]++|\\.)*+"|[-+.0-9a-zA-Z]++)'


@dataclass(frozen=True, slots=True)
class Slot:
    """A key that is selected, by these paths; or by none where one of the same name is selected elsewhere."""

    token: bytes
    paths: tuple[int, ...]


@dataclass(slots=True)
class Run:
    """Keys with nothing but keys and scalars between them; ``token`` is the first.

    ``kept`` are patterns of what stands before each selected value, ``paths`` who selects these, ``rest`` the pattern of
    what comes behind up to the last key that is called like a selected one. Then it takes at least ``gap`` bytes to the
    next run.
    """

    token: bytes
    kept: list[bytes] = field(default_factory=list)
    paths: list[tuple[int, ...]] = field(default_factory=list)
    rest: bytes = b""
    gap: int = 0

    @property
    def groups(self) -> int:
        return 2 * len(self.kept) + 1

    def compiled(self) -> re.Pattern[bytes]:
        """With a group for each part: kept, value, kept, value and so on, and what is kept at the end."""
        parts = [b"(%s)(%s)" % (kept, VALUE) for kept in self.kept]
        return re.compile(b"%s(%s.{0,%d}+)" % (b"".join(parts), self.rest, self.gap), re.DOTALL)


@dataclass(slots=True)
class Order:
    """The runs of a shape, as far as it has been read, in the order of the text.

    The runs ``before`` stand once each, then the ``cycle`` repeats up to the end. Not ``ordered``: there is no such order,
    and the runs say nothing.
    """

    slots: list[Slot] = field(default_factory=list)
    before: list[Run] = field(default_factory=list)
    cycle: list[Run] = field(default_factory=list)
    ordered: bool = True
    #: The fewest bytes since the last slot.
    least: int = 0
    _looping: bool = False
    #: The run that has not ended, and the pattern of what came in it since its last value.
    _run: Run | None = None
    _since: bytes = b""
    #: The fewest bytes from the beginning of an element to the first run of the cycle.
    _head: int = 0

    def put(self, pattern: bytes, least: int) -> None:
        """The text goes on with what *pattern* matches, which are *least* bytes or more."""
        if self._run:
            self._since += pattern
        self.least += least

    def slot(self, token: bytes, gap: bytes, paths: tuple[int, ...], literal: bytes) -> None:
        """The text goes on with this key, which *literal* matches, and a *gap*; then comes its value."""
        self.slots.append(Slot(token, paths))
        self.ordered = self.ordered and (self._looping or not self.cycle)
        run = self._run = self._run or self._begin(token)
        self._since += literal + gap
        if paths:
            run.kept.append(self._since)
            run.paths.append(paths)
            self._since = b""
        run.rest = self._since
        self.least = 0

    def _begin(self, token: bytes) -> Run:
        """A new run, and the end of the one before."""
        if self._looping and not self.cycle:
            self._head = self.least - self._head
        for last in (*self.before, *self.cycle)[-1:]:
            last.gap = self.least
        self._since = b""
        run = Run(token)
        (self.cycle if self._looping else self.before).append(run)
        return run

    def vary(self) -> None:
        """What comes next is not told by the shape alone."""
        self._run = None

    def enter(self) -> tuple[bool, int, int]:
        """The elements of an array begin; the answer is for ``leave``."""
        state = self._looping, len(self.cycle), self.least
        self.vary()
        self.least += 1
        if not self._looping and not self.cycle:
            self._head = self.least
        self._looping = True
        return state

    def leave(self, state: tuple[bool, int, int]) -> None:
        """An array ends, which may have had no element."""
        self._looping, runs, least = state
        self.vary()
        if len(self.cycle) == runs:
            self.least = least + 2
        elif self._looping or runs:
            self.ordered = False
        else:
            self.cycle[-1].gap = self.least + 1 + self._head
