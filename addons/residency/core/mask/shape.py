"""The shape of a document: which keys stand in which order, whatever the scalars are.

Bodies that services send repeat their shape: record after record, call after call. As a regular expression a shape
accepts strict JSON only: its keys are distinct, its depth is bounded, strings are UTF-8 and have no lone surrogates. So
one pass of RE2 over the bytes proves all that at once.
"""

from dataclasses import dataclass, field, replace
from functools import reduce

#: A shape with more nodes, or an object with more variants, is no shape that repeats.
MAX_NODES = 400
MAX_VARIANTS = 6
#: How many elements of an array are looked at first. A document that differs later is looked at whole.
SAMPLE = 40

WS = rb"[ \t\n\r]*"
_HEX = rb"[0-9a-fA-F]"
_PAIR = rb"[dD][89abAB]%s{2}\\u[dD][c-fC-F]%s{2}" % (_HEX, _HEX)
_UNIT = rb"u(?:[0-9abcefABCEF]%s{3}|[dD][0-7]%s{2}|%s)" % (_HEX, _HEX, _PAIR)
STRING = rb'"(?:[^"\\\x00-\x1f\x{d800}-\x{dfff}]|\\(?:["\\/bfnrt]|' + _UNIT + rb'))*"'
NUMBER = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
SCALAR = rb"(?:" + STRING + rb"|" + NUMBER + rb"|true|false|null)"


@dataclass(frozen=True, slots=True)
class Gaps:
    """White space, as patterns: after a colon, after a comma, and elsewhere. There is none before a colon."""

    colon: bytes
    comma: bytes
    other: bytes


LOOSE = Gaps(WS, WS, WS)
_ASCII = 128
#: What may come behind a string in JSON.
_BEHIND = (",", ":", "]", "}", " ")


class Unfit(Exception):  # noqa: N818 - never leaves this package
    """Not a shape, or not one with which a plan can do."""


@dataclass(frozen=True, slots=True)
class Node:
    """What may stand at one place: a ``scalar``, an ``array`` of one kind, or objects, each with its keys in order."""

    scalar: bool = False
    objects: tuple[tuple[tuple[str, "Node"], ...], ...] = ()
    array: "Node | None" = None
    #: How many nodes it is made of.
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        size = 1 + sum(child.size for one in self.objects for _, child in one)
        size += self.array.size if self.array else 0
        # Here and not later, because whatever is done with a node takes as long as it is large.
        if size > MAX_NODES:
            raise Unfit
        object.__setattr__(self, "size", size)


#: The element of an array that has none.
NONE = Node()


def learn(value: object, sample: int | None = SAMPLE) -> Node:
    """The shape of a parsed document, from at most *sample* elements of each array.

    Raises:
        Unfit: It is too large, or has too many variants.
    """
    if isinstance(value, dict):
        if len(value) > MAX_NODES:
            raise Unfit
        return Node(objects=(tuple((k, learn(v, sample)) for k, v in value.items()),))
    if isinstance(value, list):
        kinds: set[Node] = set()
        for element in value[:sample]:
            kinds.add(learn(element, sample))
            if len(kinds) > MAX_NODES:
                raise Unfit
        return Node(array=reduce(_merged, kinds, NONE))
    return Node(scalar=True)


def _merged(left: Node, right: Node) -> Node:
    """What may stand where either does."""
    objects = {tuple(k for k, _ in one): one for one in left.objects}
    for one in right.objects:
        keys = tuple(k for k, _ in one)
        if keys in objects:
            both = zip(objects[keys], one, strict=True)
            objects[keys] = tuple((k, _merged(a, b)) for (k, a), (_, b) in both)
        else:
            objects[keys] = one
    if len(objects) > MAX_VARIANTS:
        raise Unfit
    array = left.array or right.array
    if left.array and right.array:
        array = _merged(left.array, right.array)
    return replace(
        left, scalar=left.scalar or right.scalar, objects=tuple(objects.values()), array=array
    )


def depth(node: Node) -> int:
    """How many containers deep its documents nest at most."""
    inside = [depth(child) for one in node.objects for _, child in one]
    if node.array:
        inside.append(depth(node.array))
    return 1 + max(inside, default=0) if node.objects or node.array else 0


def key(name: str) -> bytes:
    """*name* as keys are usually spelled.

    Raises:
        Unfit: It needs an escape, so that it could be spelled, or hold another key, in more ways than one. Or it begins as
            what follows a string, so that its quotes may be the end of one and the beginning of the next: ``["a",":1"]``.
    """
    if not name.isprintable() or '"' in name or "\\" in name or name.startswith(_BEHIND):
        raise Unfit
    return b'"' + name.encode() + b'"'


def literal(text: bytes) -> bytes:
    """*text*, which is UTF-8, as a pattern that matches it and nothing else."""
    return b"".join(
        bytes([c]) if bytes([c]).isalnum() or c >= _ASCII else rb"\x%02x" % c for c in text
    )


def gaps(data: bytes) -> Gaps:
    """How *data* seems to be spaced: most bodies are, throughout, as one of two encoders writes them."""
    head = data[:2000]
    if b"\n" in head or b"\t" in head:
        return LOOSE
    return Gaps(b" ", b" ", b"") if b'": ' in head or b', "' in head else Gaps(b"", b"", b"")
