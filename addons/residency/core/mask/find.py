"""What a job finds in one document: values as a whole, and parts of strings, also of JSON inside strings."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from residency.core.mask import schema, several
from residency.core.mask.detect.finder import Span, find
from residency.core.mask.fields import MaskField
from residency.core.mask.job import Action, Job, Layer
from residency.core.mask.plan import Hit
from residency.core.mask.strings import meaning, scalars
from residency.errors import Unread


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a string, in characters: the field that replaces it, and the type of a token for it."""

    start: int
    end: int
    field: int
    kind: str


@dataclass(slots=True)
class Text:
    """A string (or number) at these bytes: what it says, and what is found in it or in the JSON that it holds.

    The JSON is all of it or its head. ``cuts`` are in the ``prose`` behind that, which begins at ``rest``; they count
    from the beginning of the text.
    """

    start: int
    end: int
    text: str = field(repr=False)
    cuts: list[Cut] = field(default_factory=list)
    inner: "Found | None" = None
    rest: int = 0

    @property
    def prose(self) -> str:
        return self.text[self.rest :]


@dataclass(slots=True)
class Found:
    """What is found in one document: values as a whole, outermost ones only, and texts with something in them."""

    data: bytes = field(repr=False)
    layer: Layer
    wholes: list[tuple[Hit, Action]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wholes or self.texts)

    def takes(self, at: int) -> bool:
        """True if what stands at *at* goes with a value as a whole."""
        number = bisect_right(self.wholes, at, key=lambda whole: whole[0].start) - 1
        return number >= 0 and at < self.wholes[number][0].end


class Search:
    """One search for a job: ``counts`` are by the numbers of its fields, overlaps included.

    Args:
        job: What is searched for.
        all_: Look into values, too, that a field takes as a whole, and count what is there: a set finds the same whatever
            other sets are asked about with it. What masking has put there need not be looked into.
    """

    def __init__(self, job: Job, *, all_: bool = False) -> None:
        self.job, self.all = job, all_
        self.counts = [0] * len(job.fields)

    def document(self, data: bytes) -> Found:
        """What is in *data*, which has to be one strict JSON value.

        Raises:
            Unread: It is not, or a string in it is not JSON that has to be.
        """
        layer = self.job.top
        return self._hits(data, layer.plan.select(data), layer, frozenset(), 0)

    def text(self, text: str) -> list[Cut]:
        """What the fields that look at all strings detect in *text*."""
        whole = Text(0, len(text), text)
        self._detect([whole], self.job.top.texts)
        return whole.cuts

    def value(self, text: str, number: int) -> list[Cut]:
        """What the field of this number detects in *text*."""
        whole = Text(0, len(text), text)
        self._detect([whole], frozenset({number}))
        return whole.cuts

    def _hits(
        self, data: bytes, hits: Sequence[Hit], layer: Layer, texts: frozenset[int], depth: int
    ) -> Found:
        found = Found(data, layer)
        tally: dict[Action, int] = {}
        parts: list[tuple[Hit, Action]] = []
        at = 0
        for hit, paths in schema.resolved(data, hits, layer):
            action = layer.actions.get(paths) or layer.action(paths)
            if action.parts or action.inside:
                parts.append((hit, action))
            tally[action] = tally.get(action, 0) + 1
            if action.whole is not None and hit.start >= at:
                found.wholes.append((hit, action))
                at = hit.end
        for action, many in tally.items():
            for number in action.counted:
                self.counts[number] += many
        if parts or texts or layer.texts:
            self._parts(found, parts, texts | layer.texts, depth)
        return found

    def _parts(
        self, found: Found, parts: Sequence[tuple[Hit, Action]], texts: frozenset[int], depth: int
    ) -> None:
        """Look into the strings of *found*'s document; those of values that go as a whole only where all is asked for."""
        holders = {
            hit.start: action
            for hit, action in parts
            if action.inside and found.data.startswith(b'"', hit.start)
        }
        rows: dict[frozenset[int], list[Text]] = {}
        for start, end, fields in self._scalars(found, parts, texts):
            text = Text(start, end, meaning(found.data[start:end]))
            if start in holders:
                self._inside(text, holders[start], fields, depth)
                if text.inner:
                    found.texts.append(text)
                if not text.prose:
                    continue
            if fields in rows:
                rows[fields].append(text)
            elif fields:
                rows[fields] = [text]
        for fields, strings in rows.items():
            self._detect(strings, fields)
            found.texts += [text for text in strings if text.cuts and not text.inner]
        if self.all:
            found.texts = [text for text in found.texts if not found.takes(text.start)]
        found.texts.sort(key=lambda text: text.start)

    def _inside(self, of: Text, action: Action, fields: frozenset[int], depth: int) -> None:
        """Look into the JSON that *of* holds, if it holds some or must."""
        text, data = of.text, of.text.encode()
        # Some readers pass over a byte order mark; ``parse`` says that it is unread.
        opening = text.removeprefix("\ufeff").lstrip()[:1]
        if not data.strip() or not (action.strict or opening in ("{", "[")):
            return
        if depth >= min(self.job.sets[n].depth for n in action.inside):
            raise Unread("depth", "JSON in strings, deeper than the mask set says")
        layer = self.job.layer(action.inside)
        hits, rest = None, len(text)
        try:
            hits = layer.plan.select(data)
        except Unread as e:
            if action.strict or e.reason != "not-json":
                raise
        if hits is None:
            hits, rest = several.select(text, layer.plan)
            data = text[:rest].encode()
        # What looks at strings looks into this one, too, whichever set it stands in.
        inner = self._hits(data, hits, layer, fields, depth + 1)
        # Where nothing is in the documents, prose is all of the text, as it is where there are none.
        if inner or rest == len(text):
            of.inner, of.rest = inner, rest

    def _detect(self, strings: Sequence[Text], fields: frozenset[int]) -> None:
        """Put into *strings* what the fields of these numbers detect there."""
        owners = [(n, detector) for n in sorted(fields) for detector in self.job.fields[n].detect]
        spans = find([text.prose for text in strings], [detector for _, detector in owners])
        for number, found in spans.items():
            for span in found:
                self.counts[owners[span.which][0]] += 1
            named = [(span, owners[span.which][0], owners[span.which][1].kind) for span in found]
            strings[number].cuts = _merged(named, self.job.fields, strings[number].rest)

    def _scalars(
        self, found: Found, parts: Sequence[tuple[Hit, Action]], texts: frozenset[int]
    ) -> Iterator[tuple[int, int, frozenset[int]]]:
        """Strings and numbers to look into, keys among them, with the fields that look."""
        areas = [(0, len(found.data), texts)] * bool(texts)
        areas += [(hit.start, hit.end, action.parts) for hit, action in parts if action.parts]
        # Only what it holds is asked of these.
        alone = [(hit.start, hit.end) for hit, action in parts if not action.parts]
        gone = [] if self.all else [(hit.start, hit.end) for hit, _ in found.wholes]
        return scalars(found.data, areas, alone, gone)


def _merged(
    spans: Sequence[tuple[Span, int, str]], fields: Sequence[MaskField], at: int
) -> list[Cut]:
    """One cut for spans that overlap: the strictest method takes all of it. Spans are of what begins *at* there."""
    cuts: list[Cut] = []
    for span, number, kind in sorted(spans, key=lambda s: (s[0].start, s[0].end)):
        new = Cut(at + span.start, at + span.end, number, kind)
        if cuts and new.start < cuts[-1].end:
            last = cuts.pop()
            strict = min(last, new, key=lambda c: (fields[c.field].method.rank, c.kind))
            new = Cut(last.start, max(last.end, new.end), strict.field, strict.kind)
        cuts.append(new)
    return cuts
