"""Rule files: YAML in which nothing means two things, and every value knows its place.

YAML 1.1 reads ``NO`` as false, ``012`` as ten and keeps the last of two equal keys in silence. Here
every scalar is the text that was written, an empty one is ``None``, and equal keys, aliases, tags and
second documents are refused. Types are pydantic's business, so ``version: 1`` still is a number where
the model says so. The values come from PyYAML's event stream, which knows line and column.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pydantic
import yaml
from pydantic_core import ErrorDetails

from residency.core.faults import Faults
from residency.errors import Fault

type Value = str | list[Value] | dict[str, Value] | None
type Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 32
MAX_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Document:
    """A parsed file: its values, and where each key and value stands (line, column; from 1)."""

    source: str
    value: Value = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def fault(self, path: Path, message: str, mend: str = "") -> Fault:
        """A fault at *path*, or at the nearest enclosing value that is in the text."""
        line, column = 0, 0
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                line, column = self.places[path[:length]]
                break
        return Fault(self.source, line, column, spell(path), message, mend)


def spell(path: Path) -> str:
    """``("rules", 3, "then")`` → ``rules[3].then``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str, source: str, faults: Faults) -> Document:
    """Parse one file. What cannot be parsed is added to *faults* and leaves ``value`` ``None``."""
    document = Document(source)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        faults.add(Fault(source, 0, 0, "", f"larger than {MAX_BYTES} bytes"))
        return document
    try:
        _Builder(document, faults).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = f"not YAML: {e.problem or e.context}"
        faults.add(Fault(source, line, column, "", problem, _mend(e, text)))
        document.value = None
    except (yaml.YAMLError, ValueError) as e:
        faults.add(Fault(source, 0, 0, "", f"not YAML: {str(e).splitlines()[0]}"))
        document.value = None
    return document


def _mend(error: yaml.MarkedYAMLError, text: str) -> str:
    """How what YAML's own grammar refuses in *text* is usually mended; our own limits say it themselves."""
    if not isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return ""
    mark = error.problem_mark
    lines = text.split("\n")
    # libyaml's marks have no buffer to look into.
    if mark and mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t"):
        return "indent with spaces, not tabs"
    return "mend the indentation, close brackets and quotes, or quote text with : # or other signs"


def fit[M: pydantic.BaseModel](document: Document, model: type[M], faults: Faults) -> M | None:
    """The document as *model*; every misfit is added to *faults* with its place."""
    if document.value is None:
        if not any(f.source == document.source for f in faults.found):
            faults.add(Fault(document.source, 0, 0, "", "the file is empty", "fill it"))
        return None
    try:
        return model.model_validate(document.value)
    except pydantic.ValidationError as e:
        for error in e.errors(include_url=False):
            if _only_follows(error):
                continue
            path = _known(document, error["loc"])
            message, mend = _say(error["type"], error["msg"], error["input"])
            faults.add(document.fault(path, message, mend))
        return None


def _only_follows(error: ErrorDetails) -> bool:
    """True for pydantic's "too short" about a list that is long enough, but whose items misfit (told on their own)."""
    value = error["input"]
    return (
        error["type"] == "too_short"
        and isinstance(value, list)
        and len(value) >= error["ctx"]["min_length"]
    )


def _known(document: Document, loc: tuple[int | str, ...]) -> Path:
    """A location of pydantic's without the names of union members, which the text does not have."""
    path: Path = ()
    for part in loc:
        if (*path, part) in document.places:
            path = (*path, part)
    if loc and loc[-1] not in path and isinstance(loc[-1], str) and loc[-1].isidentifier():
        return (*path, loc[-1])
    return path


#: pydantic's kinds of misfit for which its own words say too little: what is wrong, how to mend it.
_SAY = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is not a key that is known here", "correct its spelling, or remove it"),
    "tuple_type": ("is not a list", "write [a, b]"),
    "list_type": ("is not a list", "write [a, b]"),
    "dict_type": ("is not a mapping", "write {key: value}"),
    "model_type": ("is not a mapping", "write {key: value}"),
}


def _say(kind: str, message: str, value: object) -> tuple[str, str]:
    if kind.endswith("_type") and value is None:
        return "is empty", "write a value"
    if kind in _SAY:
        return _SAY[kind]
    if kind == "value_error":
        return message.removeprefix("Value error, "), ""
    mend = "write one of these" if kind in ("literal_error", "enum") else ""
    return message[:1].lower() + message[1:], mend


class _Builder:
    """Events → values. Iterative, so that depth is a limit of ours and not of Python's stack."""

    def __init__(self, document: Document, faults: Faults) -> None:
        self.document = document
        self.faults = faults
        self.stack: list[list[Value] | dict[str, Value]] = []
        self.paths: list[Path] = []
        self.keys: list[str | None] = []
        self.documents = 0

    def build(self, events: Iterator[yaml.Event]) -> None:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self.refuse(event, "a second document in one file", "keep one")
            if self.documents > 1:
                continue
            self.take(event)

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, "an alias", "write the value out")
            self.place(event, None)
            return
        if isinstance(event, yaml.NodeEvent):
            if event.anchor:
                self.refuse(event, "an anchor", "write values out where they are used")
            if getattr(event, "tag", None):
                self.refuse(event, f"a tag, {event.tag!r}", "remove it")  # type: ignore[attr-defined]
        if isinstance(event, yaml.ScalarEvent):
            empty = not event.style and event.value in ("", "~")
            self.place(event, None if empty else event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.open(event, [] if isinstance(event, yaml.SequenceStartEvent) else {})
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
            self.paths.pop()
            self.keys.pop()

    def open(self, event: yaml.Event, container: list[Value] | dict[str, Value]) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {MAX_DEPTH}",
                problem_mark=event.start_mark,  # type: ignore[arg-type]  # the C parser's kind
            )
        path = self.place(event, container)
        self.stack.append(container)
        self.paths.append(path)
        self.keys.append(None)

    def place(self, event: yaml.Event, value: Value) -> Path:
        where = _start(event)
        if not self.stack:
            self.document.value = value
            self.document.places[()] = where
            return ()
        top, path = self.stack[-1], self.paths[-1]
        if isinstance(top, list):
            top.append(value)
            path = (*path, len(top) - 1)
            self.document.places[path] = where
            return path
        return self.entry(event, top, path, value, where)

    def entry(
        self,
        event: yaml.Event,
        top: dict[str, Value],
        path: Path,
        value: Value,
        where: tuple[int, int],
    ) -> Path:
        key = self.keys[-1]
        if key is None:
            if not isinstance(value, str):
                self.refuse(event, "a key that is not plain text", "write the key as text")
                value = f"?{len(top)}"
            self.keys[-1] = value
            path = (*path, value)
            if value in top:
                self.refuse(event, f"the key {value!r} a second time", "keep one", path)
            self.document.places[path] = where
            return path
        self.keys[-1] = None
        top[key] = value
        path = (*path, key)
        # A key's own place serves better than its value's where the value is a container.
        if not isinstance(value, dict | list):
            self.document.places[path] = where
        return path

    def refuse(self, event: yaml.Event, what: str, mend: str, path: Path | None = None) -> None:
        line, column = _start(event)
        here = path if path is not None else (self.paths[-1] if self.paths else ())
        self.faults.add(
            Fault(
                self.document.source,
                line,
                column,
                spell(here),
                f"{what} is refused",
                mend,
            )
        )


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
