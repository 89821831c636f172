"""A call's regulated fields counted and masked, read exactly or not at all: what stages, ``explain`` and policy tests share.

A call is its body and the head around it. ``inspect_body`` and ``mask_body`` look at both, and count the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from residency.core.call import Head, Headers
from residency.core.mask import coding, compose, digests, engine, places
from residency.core.mask.fields import Direction
from residency.core.mask.formats import splitter
from residency.core.mask.formats.part import Split
from residency.core.mask.formats.protobuf import Call
from residency.core.mask.job import Counts, Job
from residency.core.mask.places import Target
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.core.mask.text import parse
from residency.core.policy.decide import Carrying
from residency.core.signing import Signature
from residency.core.signing import signature as signatures
from residency.errors import Unread


@dataclass(frozen=True, slots=True)
class Content:
    """All of a message in which fields may be. Never shown.

    ``raw`` is the body as sent; ``headers`` are all, with names in small letters, values as latin-1, order as sent;
    ``path`` and ``query`` as sent, and ``host``, the canonical name of whom it goes to, empty for a response.
    """

    raw: bytes = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    path: str = field(default="", repr=False)
    query: str = field(default="", repr=False)
    host: str = ""

    @classmethod
    def of(cls, raw: bytes, head: Head) -> "Content":
        """The body *raw* of the request that *head* begins."""
        return cls(raw, head.headers, head.path, head.query, head.host)

    @property
    def codings(self) -> tuple[str, ...]:
        return self._all("content-encoding")

    @property
    def message_codings(self) -> tuple[str, ...]:
        """Of gRPC's messages, each by itself."""
        return self._all("grpc-encoding")

    @property
    def content_types(self) -> tuple[str, ...]:
        return self._all("content-type")

    @property
    def signed(self) -> bool:
        """True if the sender signed it, or put a digest into it that cannot be made anew."""
        return digests.is_signed(self.headers, self.query, self.raw)

    @property
    def signature(self) -> Signature | None:
        """What can be told of the sender's signature; ``None`` if there is none."""
        if not self.signed:
            return None
        return signatures.read(self.headers, self.query, self.host, self.raw)

    def _all(self, name: str) -> tuple[str, ...]:
        return tuple(v for n, v in self.headers if n == name)


@dataclass(frozen=True, slots=True)
class Masked:
    """A message as it may be sent, and what was found in it. Never shown.

    ``raw`` is the very object that was given where the body stays as it is. ``target`` is the new path with its query;
    ``None`` if it stays. ``headers`` has the new values of headers, digests of the body among them, by their numbers;
    ``None``: that one goes. Content-Length is left to whoever frames the message.
    """

    raw: bytes = field(repr=False)
    counts: Counts
    target: str | None = field(default=None, repr=False)
    headers: dict[int, str | None] = field(default_factory=dict, repr=False)


def read_json(raw: bytes, codings: Sequence[str], *, limit: int) -> object:
    """The JSON value of a body that is not empty. Numbers come as text.

    Raises:
        Unread: It is not exactly one strict JSON value.
    """
    text = parse(coding.decode(raw, codings, limit=limit)).text
    return json.loads(text, parse_int=str, parse_float=str)


def inspect_body(
    content: Content,
    sets: MaskSets,
    names: Sequence[str],
    *,
    limit: int,
    direction: Direction = "request",
) -> Carrying:
    """What a message carries of the sets *names*: one that cannot be read is ``unread``, whatever is wrong with it.

    Args:
        content: The message.
        sets: All mask sets.
        names: Which of them to look for.
        limit: The most bytes that its body may decode to.
        direction: Which way it goes; sets are for one or both.

    Raises:
        KeyError: *sets* does not have one of *names*.
    """
    signature = content.signature
    signed = signature is not None
    if not names:
        return Carrying(state="read", signed=signed)
    looked_for = {name: sets.get(name).paths for name in names}
    job = sets.job(names, direction)
    try:
        counts = places.inspect(_target(content), job)
        if data := _data(content, job, limit):
            compose.add(counts, compose.inspect(data, _splitter(data, content, sets, limit), job))
    except Unread as e:
        return Carrying(state="unread", reason=e.reason, signed=signed, signature=signature)
    # Paths without a match are left out: a record is to say what is there.
    found = {name: {p: n for p, n in paths.items() if n} for name, paths in counts.items()}
    return Carrying(
        state="read", counts=found, signed=signed, sets=looked_for, signature=signature
    )


def mask_body(
    content: Content,
    sets: MaskSets,
    names: Sequence[str],
    session: Session | None = None,
    *,
    limit: int,
    direction: Direction = "request",
    resign: bool = False,
) -> Masked:
    """The message without the values of the sets *names*, body and head; all else stays byte for byte.

    Args:
        content: The message.
        sets: All mask sets.
        names: Which of them to use.
        session: The call's; methods that need a key have none without.
        limit: The most bytes that its body may decode to.
        direction: Which way it goes.
        resign: Whether its signature is made anew afterwards, where that can be done.

    Raises:
        Unread: It cannot be done exactly; ``signed`` if the sender signed what would be changed.
        KeyError: *sets* does not have one of *names*.
    """
    job, session = sets.job(names, direction), session or Session()
    head = places.mask(_target(content), job, session)
    counts = head.counts
    raw = content.raw
    if data := _data(content, job, limit):
        edited = compose.mask(data, _splitter(data, content, sets, limit), job, session)
        compose.add(counts, edited.counts)
        if edited.data != data:
            raw = _encoded(edited.data, content.codings)
    engine.require(job, counts)
    target = _joined(head.path, head.query)
    same = target == _joined(content.path, content.query)
    headers = dict(head.headers)
    if raw is not content.raw or headers or not same:
        signature = content.signature
        if signature and (signature.problem or not resign):
            raise Unread("signed")
        headers |= digests.renew(content.headers, raw)
    return Masked(raw, counts, None if same else target, headers)


def mask_call(
    content: Content,
    sets: MaskSets,
    names: Sequence[str],
    session: Session,
    *,
    limit: int,
    resign: bool = False,
) -> tuple[Masked, Session]:
    """As ``mask_body`` for a request, with the session and what it gave out: another process may do this."""
    return mask_body(content, sets, names, session, limit=limit, resign=resign), session


def _target(content: Content) -> Target:
    return Target(content.path, content.query, content.headers)


def _data(content: Content, job: Job, limit: int) -> bytes:
    """The body without its coding; empty if no field is looked for in bodies."""
    if not content.raw or all(one.place for one in job.fields):
        return b""
    return coding.decode(content.raw, content.codings, limit=limit)


def _splitter(data: bytes, content: Content, sets: MaskSets, limit: int) -> Split:
    call = Call(content.path, content.message_codings, limit)
    return splitter(data, content.content_types, call, sets.schema)


def _encoded(data: bytes, codings: Sequence[str]) -> bytes:
    raw = coding.encode(data, codings)
    if coding.decode(raw, codings, limit=len(data)) != data:
        raise Unread("drift")
    return raw


def _joined(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
