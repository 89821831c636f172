"""Patterns with named positions: ``lambda.{region}.{suffix}``, ``/model/{model}/converse``.

In hosts and paths a position is one label or segment, or a part of one between literal text;
``{rest...}`` is all that remain. In values (``shapes``) it ends at ``:`` and ``/``, unless the file
says what it is made of. In shapes and in functions' names ``[...]`` is what may be absent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from residency.core.region.cases import ABSENT, Binding, Gap

POSITION = re.compile(r"\{([a-z][a-z_]*)(\.\.\.)?\}")
#: Words of a path; whatever is no plain word may be an id, or a payload, and is ``?``.
WORD = re.compile(r"[a-z][a-z_]{0,39}")
#: What may stand in a function's name: one plain name, or the words of a path.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*|(?:[a-z_]+|\?)(?:\.(?:[a-z_]+|\?))*")
_MAX_NAME = 128
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why."""


def split(text: str) -> list[tuple[str, str, bool]]:
    """``text`` as (literal, position after it or empty, whether that is a rest) parts.

    Raises:
        PatternError: A brace that belongs to no position.
    """
    parts, end = [], 0
    for found in POSITION.finditer(text):
        parts.append((text[end : found.start()], found[1], bool(found[2])))
        end = found.end()
    parts.append((text[end:], "", False))
    if any("{" in literal or "}" in literal for literal, _, _ in parts):
        raise PatternError("has a brace that belongs to no {position}")
    return parts


def names(text: str) -> list[str]:
    """The positions in *text*, in order."""
    return [found[1] for found in POSITION.finditer(text)]


def runs(text: str) -> list[tuple[bool, list[tuple[str, str, bool]]]]:
    """*text* as (whether it is in brackets, ``split`` of it) runs.

    Raises:
        PatternError: A bracket without its other, or one within another.
    """
    texts = _OPTIONAL.split(text)
    if any(bracket in part for part in texts for bracket in "[]"):
        raise PatternError("has a bracket without its other, or one within another")
    return [(i % 2 == 1, split(part)) for i, part in enumerate(texts)]


@dataclass(frozen=True, slots=True)
class Template:
    """Text in which positions are replaced, ``[{account}/]{name}``; for functions' names."""

    runs: tuple[tuple[bool, tuple[tuple[str, str], ...]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Template":
        return cls(
            tuple(
                (optional, tuple((literal, name) for literal, name, _ in parts))
                for optional, parts in runs(text)
            )
        )

    @property
    def position(self) -> str:
        """The position that this is the whole of; empty if it is more, or none."""
        match self.runs:
            case ((False, (("", name), ("", ""))),):
                return name
        return ""

    def fill(self, binding: Binding) -> str:
        """The text; ``?`` for each position without a value that is a plain name.

        Brackets go where a position in them is absent. Where one is only not known, so is the
        whole: without it the name would be another's.
        """
        text = ""
        for optional, parts in self.runs:
            if optional:
                gaps = [v for _, n in parts if n and isinstance(v := binding.get(n, ABSENT), Gap)]
                if ABSENT in gaps:
                    continue
                if gaps:
                    return "?"
            for literal, name in parts:
                text += literal + plain(binding.get(name)) if name else literal
        return text

    def glob(self) -> str:
        """What it may be filled to, as a glob of rules."""
        return "".join(
            "*" if optional else lit + ("*" if name else "")
            for optional, parts in self.runs
            for lit, name in (parts[:1] if optional else parts)
        )


def plain(value: object) -> str:
    """*value* as a part of a function's name; ``?`` unless it is a plain one."""
    if not isinstance(value, str):
        return "?"
    return value if len(value) <= _MAX_NAME and _PLAIN.fullmatch(value) else "?"


@dataclass(frozen=True, slots=True)
class PathPattern:
    """One path: a literal, a position (``None`` literal) or an expression for each segment."""

    segments: tuple[tuple[str | re.Pattern[str] | None, tuple[str, ...]], ...]
    rest: str = ""

    @classmethod
    def parse(cls, text: str) -> "PathPattern":
        """Raises: PatternError: not a path, or a rest that is not the last segment."""
        if not text.startswith("/"):
            raise PatternError("does not begin with /")
        segments: list[tuple[str | re.Pattern[str] | None, tuple[str, ...]]] = []
        rest = ""
        for segment in text[1:].split("/"):
            parts = split(segment)
            if rest or not segment:
                raise PatternError("has an empty segment, or one after {rest...}")
            if any(more for _, _, more in parts):
                rest = whole(parts)
            elif len(parts) == 1:
                segments.append((segment, ()))
            elif POSITION.fullmatch(segment):
                segments.append((None, (parts[0][1],)))
            else:
                segments.append((_compiled(_expression(parts)), tuple(names(segment))))
        return cls(tuple(segments), rest)

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """The positions' values, or ``None``."""
        if len(path) < len(self.segments) or (len(path) > len(self.segments) and not self.rest):
            return None
        found: dict[str, str] = {}
        for (want, positions), segment in zip(self.segments, path, strict=False):
            if want is None:
                found[positions[0]] = segment
            elif isinstance(want, str):
                if want != segment:
                    return None
            elif match := want.fullmatch(segment):
                found.update(zip(positions, match.groups(), strict=True))
            else:
                return None
        if self.rest and len(path) > len(self.segments):
            words = path[len(self.segments) :]
            found[self.rest] = ".".join(w if WORD.fullmatch(w) else "?" for w in words)[:_MAX_NAME]
        return found


def shape(text: str, made_of: Mapping[str, str]) -> re.Pattern[str]:
    """An expression with one named group for each position of a value such as an ARN.

    *made_of* are expressions for positions that are more, or less, than text without ``:`` and
    ``/``.
    """
    expression = ""
    for optional, parts in runs(text):
        inner = _expression(parts, made_of)
        expression += f"(?:{inner})?" if optional else inner
    return _compiled(expression)


def whole(parts: Sequence[tuple[str, str, bool]]) -> str:
    """The one position that *parts* are.

    Raises:
        PatternError: There is anything else in them.
    """
    (before, name, _), *after = parts
    if before or [literal for literal, _, _ in after] != [""]:
        raise PatternError("has a {rest...} that is only a part of a segment or label")
    return name


def _expression(
    parts: Sequence[tuple[str, str, bool]], made_of: Mapping[str, str] | None = None
) -> str:
    text = ""
    for literal, name, more in parts:
        if more:
            raise PatternError("has a {rest...} that is only a part")
        text += re.escape(literal)
        if name:
            text += f"(?P<{name}>{(made_of or {}).get(name, '[^:/]+')})"
    return text


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as e:
        raise PatternError(f"is no pattern: {e.msg}") from e
