"""What comes back: fields of sets for responses masked, tokens of the call restored, the head put right.

Masking fails closed: what cannot be masked exactly raises ``Unread``. Restoring never fails: what cannot be read keeps
its tokens. A response's masks have a session of their own, so nothing that they hide is restored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from residency.core.body import Content, Masked, mask_body
from residency.core.call import Headers
from residency.core.mask import coding
from residency.core.mask.formats import media
from residency.core.mask.frames import kind_of
from residency.core.mask.restore import document
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.core.mask.stream import Masking, Stream
from residency.core.mask.weave import Originals
from residency.errors import Unread

#: Of the body that was: with another one they would be wrong (RFC 9110, sections 8.8.3 and 14.3; RFC 9530; RFC 1864).
_STALE = frozenset(
    {"content-length", "etag", "digest", "content-digest", "repr-digest", "content-md5", "accept-ranges", "x-goog-hash"}
)  # fmt: skip
_SIGNED = frozenset({"signature", "signature-input"})
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Returning:
    """What is done with the answer to one call: ``names`` of ``sets`` are masked, ``originals`` come back.

    ``session`` is for what is masked, never the one whose tokens are restored.
    """

    sets: MaskSets
    names: Sequence[str]
    session: Session = field(repr=False)
    originals: Originals = field(repr=False)

    @property
    def masks(self) -> bool:
        return bool(self.sets.job(self.names, "response").fields)

    def is_idle(self) -> bool:
        """True if there is nothing to do."""
        return not self.masks and not self.originals


def is_stale(name: str) -> bool:
    """True for a header that speaks of the body as it was; *name* in small letters."""
    return name in _STALE or name.startswith("x-amz-checksum-")


def begin(status: int, headers: Headers, returning: Returning, *, limit: int) -> Stream | None:
    """The stream that the answer with this head becomes; ``None``: it has to be whole first.

    Raises:
        Unread: It cannot be masked. Where nothing is to be masked, that it is best left as it is.
    """
    names = {name for name, _ in headers}
    if status == _PARTIAL or "content-range" in names:
        raise Unread("format", "a part of an answer")
    if names & _SIGNED:
        raise Unread("signed")
    kind = kind_of([value for name, value in headers if name == "content-type"])
    codings = [value for name, value in headers if name == "content-encoding"]
    if kind and (kind.mask or not returning.masks):
        job = returning.sets.job(returning.names, "response")
        return Stream(
            kind,
            codings,
            originals=returning.originals,
            limit=limit,
            masking=Masking(job, returning.session) if returning.masks else None,
        )
    if any(n == "content-length" and v.isdecimal() and int(v) > limit for n, v in headers):
        raise Unread("too-large")
    if not returning.masks and not _restorable(headers):
        raise Unread("format")
    coding.Decoder(codings)
    return None


def head(headers: Headers, returning: Returning) -> Masked:
    """The head of an answer that streams, masked.

    Raises:
        Unread: A header cannot be masked.
    """
    return mask_body(
        Content(b"", _kept(headers)), returning.sets, returning.names, returning.session,
        limit=0, direction="response",
    )  # fmt: skip


def whole(raw: bytes, headers: Headers, returning: Returning, *, limit: int) -> Masked:
    """An answer that is whole, masked and restored; the very *raw* if nothing changed.

    Raises:
        Unread: It cannot be masked.
    """
    content = Content(raw, _kept(headers))
    masked = Masked(raw, {})
    if returning.masks:
        masked = mask_body(
            content, returning.sets, returning.names, returning.session,
            limit=limit, direction="response",
        )  # fmt: skip
    if not returning.originals or not masked.raw or not _restorable(headers):
        return masked
    try:
        data = coding.decode(masked.raw, content.codings, limit=limit)
    except Unread:
        return masked
    restored = document(data, returning.originals)
    if restored is data:
        return masked
    return Masked(coding.encode(restored, content.codings), masked.counts, None, masked.headers)


def _kept(headers: Headers) -> Headers:
    """Headers without those that are taken off, in their places."""
    return tuple(("", "") if is_stale(name) else (name, value) for name, value in headers)


def _restorable(headers: Headers) -> bool:
    """True for JSON and plain text."""
    try:
        kind = media.parse([value for name, value in headers if name == "content-type"]).kind
    except Unread:
        return False
    return "json" in kind or kind in ("", "?", "text/plain", "application/octet-stream")
