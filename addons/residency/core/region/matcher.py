"""Hosts → entries, by labels from the right: the cost is that of the host, not of the catalogue.

Region codes are literal labels here, so a code that the provider or the partition does not have
never matches. Of several patterns that fit, the one that says more of the first label from the right
in which they differ decides, alone: what its entries do not cover is unknown, and never falls to a
more general pattern.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from residency.core.host import REMEMBERED
from residency.core.region.entry import Entry
from residency.core.region.pattern import PatternError, split, whole
from residency.core.region.tables import Table

_KINDS = ("region", "zone", "code")
_DOT = re.compile(r"\.(?!\.|\})(?<!\.\.)")  # no dot of a {rest...}
_LITERAL = re.compile(r"[a-z0-9_-]+")
_KIND_WEIGHTS = {"literal": 5, "codes": 4, "coded": 3, "glued": 2, "any": 1}
_LONGEST = 64  # more than a label has characters
_SPELLINGS = (
    256  # kinds of labels with codes that one loading has; a table that is gone goes with them
)


@dataclass(slots=True)
class _Leaf:
    """``weight`` says how much a pattern says of each label, from the right."""

    weight: tuple[int, ...]
    order: int
    entries: list[tuple[Entry, tuple[str, ...]]] = field(default_factory=list)


@dataclass(slots=True)
class _Node:
    """``fixed``: label → (next node, the code in the label). ``kin`` serves building only."""

    fixed: dict[str, list[tuple["_Node", str | None]]] = field(default_factory=dict)
    glued: list[tuple[re.Pattern[str], "_Node"]] = field(default_factory=list)
    any: "_Node | None" = None
    rest: _Leaf | None = None
    leaf: _Leaf | None = None
    kin: dict[object, "_Node"] = field(default_factory=dict)


class Matcher:
    """A trie over labels; ``add`` while loading, then ``match``."""

    def __init__(self) -> None:
        self._root = _Node()
        self._leaves = 0
        #: The entries of the best fitting pattern, in file order, with the host's positions. Not to be changed.
        self.match = functools.lru_cache(maxsize=REMEMBERED)(self._match)

    def add(self, host: str, entry: Entry, table: Table, partitions: list[str] | None) -> None:
        """Let hosts like *host* be *entry*'s.

        ``{suffix}`` stands for every suffix of the table's partitions, or of *partitions*.

        Raises:
            PatternError: *host* cannot be read, or names a partition that the table does not have.
        """
        self.match.cache_clear()
        unknown = [p for p in partitions or () if p not in table.partitions]
        if unknown:
            raise PatternError(f"has a partition that is not in the table: {unknown[0]}")
        fits = frozenset(partitions) if partitions is not None else None
        if not host.endswith(".{suffix}"):
            self._add(host, entry, table, fits)
            return
        for suffix, having in table.suffixes.items():
            shared = having if fits is None else having & fits
            if shared:
                self._add(host.removesuffix("{suffix}") + suffix, entry, table, shared)

    def _match(self, host: str) -> list[tuple[Entry, dict[str, str]]]:
        labels = host.split(".")
        labels.reverse()
        best: _Leaf | None = None
        values: tuple[str, ...] = ()
        stack: list[tuple[_Node, int, tuple[str, ...]]] = [(self._root, 0, ())]
        while stack:
            node, i, got = stack.pop()
            leaf = node.leaf
            if i < len(labels):
                leaf = node.rest
                _push(stack, node, labels[i], i + 1, got)
            if leaf and (best is None or (best.weight, -best.order) < (leaf.weight, -leaf.order)):
                best = leaf
                values = (*got, ".".join(reversed(labels[i:]))) if leaf is node.rest else got
        if best is None:
            return []
        return [(e, dict(zip(names, values, strict=True))) for e, names in best.entries]

    def below(self, suffix: str) -> list[Entry]:
        """Every entry whose hosts end in the literal labels of *suffix*."""
        node = self._root
        for label in reversed(suffix.split(".")):
            step = [child for child, code in node.fixed.get(label, ()) if code is None]
            if not step:
                return []
            node = step[0]
        found: dict[int, Entry] = {}
        stack = [node]
        while stack:
            node = stack.pop()
            stack.extend(node.kin.values())
            for leaf in (node.leaf, node.rest):
                found.update({id(e): e for e, _ in leaf.entries} if leaf else {})
        return list(found.values())

    def _add(self, host: str, entry: Entry, table: Table, fits: frozenset[str] | None) -> None:
        node, weight, names = self._root, list[int](), list[str]()
        labels = _DOT.split(host)
        for i, label in enumerate(reversed(labels)):
            parts = split(label)
            names += [name for _, name, _ in parts if name]
            if any(more for _, _, more in parts):
                whole(parts)
                if i != len(labels) - 1:
                    raise PatternError("has a {rest...} that is not the first label")
                node.rest = node.rest or self._leaf(weight)
                node.rest.entries.append((entry, tuple(names)))
                return
            kind, node = _step(node, label, parts, table, fits)
            literal = sum(len(text) for text, _, _ in parts)
            weight.append(_KIND_WEIGHTS[kind] * _LONGEST + literal)
        if len(set(names)) != len(names):
            raise PatternError("names one position twice")
        node.leaf = node.leaf or self._leaf(weight)
        node.leaf.entries.append((entry, tuple(names)))

    def _leaf(self, weight: list[int]) -> _Leaf:
        self._leaves += 1
        return _Leaf(tuple(weight), self._leaves)


def _push(
    stack: list[tuple[_Node, int, tuple[str, ...]]],
    node: _Node,
    label: str,
    after: int,
    got: tuple[str, ...],
) -> None:
    for child, code in node.fixed.get(label, ()):
        stack.append((child, after, got if code is None else (*got, code)))
    for pattern, child in node.glued:
        if match := pattern.fullmatch(label):
            stack.append((child, after, (*got, *match.groups())))
    if node.any is not None:
        stack.append((node.any, after, (*got, label)))


def _step(
    node: _Node,
    label: str,
    parts: list[tuple[str, str, bool]],
    table: Table,
    fits: frozenset[str] | None,
) -> tuple[str, _Node]:
    """The node after *label*, made if need be, and which kind of label it is."""
    positions = [name for _, name, _ in parts if name]
    if not positions:
        if not _LITERAL.fullmatch(label):
            raise PatternError("has a label of no host name, or an upper-case one")
        return "literal", _fixed(node, label, {label: None})
    codes = {name: _codes(table, name, fits) for name in positions if name in _KINDS}
    if any(not table_of for table_of in codes.values()):
        raise PatternError("has a {region}, {zone} or {code}, and the provider's table has none")
    if len(positions) == 1 and codes:
        return "codes", _fixed(node, *_spelled(table, fits, parts[0], parts[1][0]))
    if len(positions) == 1 and parts[0][0] == parts[1][0] == "":
        node.any = node.any or _kin(node, "{any}")
        return "any", node.any
    text = _glued(parts, codes)
    if text not in node.kin:
        node.glued.append((re.compile(text), _kin(node, text)))
    return "coded" if codes else "glued", node.kin[text]


@functools.lru_cache(maxsize=_SPELLINGS)
def _codes(table: Table, name: str, fits: frozenset[str] | None) -> Mapping[str, object]:
    return table.codes(name, fits)


@functools.lru_cache(maxsize=_SPELLINGS)
def _spelled(
    table: Table, fits: frozenset[str] | None, part: tuple[str, str, bool], after: str
) -> tuple[object, Mapping[str, str]]:
    """A key, and the labels that *part* with each code and then *after* may be, each with its code."""
    before, name, _ = part
    wanted = {f"{before}{code}{after}": code for code in _codes(table, name, fits)}
    return (before, name, after, frozenset(wanted)), wanted


def _fixed(node: _Node, key: object, labels: Mapping[str, str | None]) -> _Node:
    if key not in node.kin:
        child = _kin(node, key)
        for label, code in labels.items():
            node.fixed.setdefault(label, []).append((child, code))
    return node.kin[key]


def _kin(node: _Node, key: object) -> _Node:
    return node.kin.setdefault(key, _Node())


def _glued(parts: list[tuple[str, str, bool]], codes: Mapping[str, Mapping[str, object]]) -> str:
    """The longest code wins where one begins another: ``us-east1`` and ``us-east11``."""
    text = ""
    for literal, name, _ in parts:
        text += re.escape(literal)
        if name in codes:
            text += (
                "(" + "|".join(sorted(map(re.escape, codes[name]), key=len, reverse=True)) + ")"
            )
        elif name:
            text += "([a-z0-9_-]+)"
    return text
