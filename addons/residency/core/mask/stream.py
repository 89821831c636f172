"""An answer that streams, message by message: fields masked, tokens restored, and out at once.

Pure: bytes in, bytes out, in whatever chunks they come. Never more than a message is held, and what waits for the end
of a token (``restore``). What cannot be masked exactly is not passed: ``Unread`` means that the answer ends here. What
cannot be restored passes as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from residency.core.mask.coding import Decoder, Encoder
from residency.core.mask.compose import add
from residency.core.mask.cutter import is_utf8
from residency.core.mask.frames import Kind
from residency.core.mask.job import Job
from residency.core.mask.restore import Restorer
from residency.core.mask.session import Session
from residency.core.mask.weave import Originals
from residency.errors import Unread


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked in an answer. The session is not the request's: what it gives out is not restored."""

    job: Job
    session: Session


def check(job: Job) -> None:
    """See that *job* can be done on a stream, of which nobody knows the end when its beginning leaves.

    Models cut what they say anywhere, so what ``detect`` looks for, and JSON in strings, may stand in no one message.

    Raises:
        Unread: ``stream``.
    """
    if any(one.detect or one.required for one in job.fields):
        raise Unread("stream", "detect and required need the whole answer")
    # Sets that have no field in this direction do not apply.
    sets = [job.sets[number] for number in {holder for holder, _ in job.rows}]
    if any(one.json or one.text_or_json for one in sets):
        raise Unread("stream", "JSON in strings needs the whole answer")


class Stream:
    """One answer."""

    def __init__(
        self,
        kind: Kind,
        codings: Sequence[str],
        *,
        originals: Originals,
        limit: int,
        masking: Masking | None = None,
    ) -> None:
        """An answer at its beginning.

        Args:
            kind: Its format.
            codings: The values of all Content-Encoding headers.
            originals: What tokens stand for.
            limit: The most bytes of one message.
            masking: What is masked; ``None``: nothing.

        Raises:
            Unread: ``coding``; ``stream`` if *masking* cannot be done on this.
        """
        if masking:
            check(masking.job)
            if not kind.mask:
                raise Unread("stream", "a text needs to be whole")
        self._kind, self._masking = kind, masking
        self._decoder, self._encoder = Decoder(codings), Encoder(codings)
        self._cutter = kind.cutter(limit)
        self._restorer: Restorer | None = Restorer(originals) if originals else None
        #: What was masked.
        self.counts = masking.job.counts() if masking else {}

    def feed(self, chunk: bytes) -> bytes:
        """What may leave once *chunk* has come.

        Raises:
            Unread: The answer cannot go on.
        """
        data = self._decoder.feed(chunk)
        if self._restorer is None and self._masking is None:
            return self._encoder.feed(data)
        return self._encoder.feed(self._pass(data))

    def close(self) -> bytes:
        """What is left at the end.

        Raises:
            Unread: The end is missing.
        """
        self._decoder.close()
        left = self._cutter.rest()
        out = self._message(left) if left else b""
        if self._restorer:
            out += self._restorer.finish()
        return self._encoder.feed(out) + self._encoder.close()

    def _pass(self, data: bytes) -> bytes:
        out: list[bytes] = []
        try:
            for raw in self._cutter.feed(data):
                out.append(self._message(raw))  # noqa: PERF401 - what comes before an error is kept
        except Unread:
            if self._masking:
                raise
            # Nothing has to be masked, and what comes cannot be read: it passes as it is from here on.
            out += self._give_up(), self._cutter.rest()
        return b"".join(out)

    def _give_up(self) -> bytes:
        left = self._restorer.finish() if self._restorer else b""
        self._restorer = None
        return left

    def _message(self, raw: bytes) -> bytes:
        if self._masking and self._kind.mask:
            edited = self._kind.mask(raw, self._masking.job, self._masking.session)
            add(self.counts, edited.counts)
            raw = edited.data
        if self._restorer is None:
            return raw
        if self._kind.open is None:
            # What is left at the end of a text is a part of a character.
            return self._restorer.text(raw) if is_utf8(raw) else self._give_up() + raw
        try:
            opened = self._kind.open(raw)
        except Unread:
            if self._masking:
                raise
            return self._give_up() + raw
        return self._restorer.push(raw, *opened) if opened else self._restorer.push(raw)
