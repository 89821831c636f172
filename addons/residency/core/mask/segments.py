"""The segments and selectors of a path, as RFC 9535 writes them (section 2.5)."""

import re
from abc import abstractmethod

from residency.core.mask.tokens import Tokens
from residency.core.mask.tree import Logical, Segment, Slice

#: RFC 9535, section 2.1: integers are those of I-JSON.
_LARGEST = 2**53 - 1
_DIGITS = len(str(-_LARGEST))

_NAME = re.compile(
    r"[A-Za-z_\x80-\ud7ff\ue000-\U0010ffff][0-9A-Za-z_\x80-\ud7ff\ue000-\U0010ffff]*+"
)
_INT = re.compile(r"0|-?[1-9][0-9]*+")
_FORMS = "write .name, ['name'], [0] or .. before them"
_INSTEAD = "write ['name'], [0], [-1], [0:2], [*] or [?@.name]"
#: What may stand where no name does, why it is refused, and what works.
_ODD = (
    (r"\.\[", "a dot before a bracket is not JSONPath", "remove the dot"),
    (r"\.{1,2}+\Z", "the path ends with a dot", "remove it, or write .*"),
    (r"\.{1,2}+[ \t\n\r]", "a blank after a dot is not JSONPath", "remove it"),
    (r"\.{1,2}+[^.\[\]]*`", "jsonpath-ng's own operators are not JSONPath", "name the members"),
    (r"\.{1,2}+[^.\[\]]*\(", "functions work in filters only", "write [?length(@.name) > 2]"),
    (r"\.{3}|\.{1,2}+(?:[.\[*]|[^.\[]*\])", "not JSONPath", _FORMS),
)


class Segments(Tokens):
    """Segments, and filters as far as another class reads them."""

    @abstractmethod
    def logical(self) -> Logical: ...

    def segments(self) -> tuple[tuple[Segment, ...], bool]:
        """As many segments as there are, and whether they are a singular query's.

        Raises:
            ValueError: Something begins like a segment and is none; the message says why, and what works.
        """
        found: list[Segment] = []
        singular = True
        while True:
            begun = self.at
            self.blank()
            if not self.ahead("[", "."):
                self.at = begun
                return tuple(found), singular
            segment, plain = self.segment()
            singular = singular and plain
            found.append(segment)

    def segment(self) -> tuple[Segment, bool]:
        begun = self.at
        if self.take("..["):
            return self.brackets(deep=True)[0], False
        if self.take("["):
            return self.brackets(deep=False)
        deep = self.take("..")
        if not deep:
            self.expect(".")
        if self.take("*"):
            return Segment(every=True, deep=deep), False
        return Segment(names=(self.shorthand(begun),), deep=deep), not deep

    def shorthand(self, begun: int) -> str:
        name = _NAME.match(self.text, self.at)
        # Where the name cannot go on, nor what has it, the name was meant to be longer.
        follows = self.text[name.end() :][:1] if name else ""
        if not name or follows not in ".[ \t\n\r~)=!<>&|,]":
            raise self.unquoted(begun)
        self.at = name.end()
        return name[0]

    def unquoted(self, begun: int) -> ValueError:
        """What is wrong with a name after the dots at *begun*."""
        self.at = begun
        rest = self.text[begun:]
        for pattern, reason, mend in _ODD:
            if re.match(pattern, rest):
                return self.fault(reason, mend)
        dots, name, rest = re.match(r"(\.*+)([^.\[\]]*+)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        deep = dots if len(dots) > 1 else ""
        return self.fault(
            "this name needs quotes", f"write {self.text[:begun]}{deep}['{quoted}']{rest}"
        )

    def brackets(self, *, deep: bool) -> tuple[Segment, bool]:
        """Selectors up to the closing bracket."""
        begun, count = self.at, 0
        names: list[str] = []
        indices: list[int] = []
        slices: list[Slice] = []
        filters: list[Logical] = []
        every = False
        while True:
            self.blank()
            if self.take("*"):
                every = True
            elif self.ahead("'", '"'):
                names.append(self.string())
            elif self.take("?"):
                filters.append(self.logical())
            else:
                index = self.index()
                slices.append(index) if isinstance(index, tuple) else indices.append(index)
            count += 1
            end = self.at
            self.blank()
            if not self.take(","):
                break
        if not self.take("]"):
            raise self.fault("these brackets do not work", _INSTEAD)
        segment = Segment(tuple(names), tuple(indices), every, tuple(slices), tuple(filters), deep)
        tight = end == self.at - 1 and self.text[begun] not in " \t\n\r"
        return segment, not deep and count == 1 and tight and bool(names or indices)

    def index(self) -> int | Slice:
        """An index, or a slice if a colon comes."""
        start = self.integer()
        begun = self.at
        self.blank()
        if not self.take(":"):
            self.at = begun
            if start is None:
                raise self.bracketed()
            return start
        self.blank()
        end = self.integer()
        self.blank()
        step = None
        if self.take(":"):
            self.blank()
            step = self.integer()
        if step == 0:
            raise self.fault("a slice with step 0 selects nothing", "write another step, or none")
        return start, end, step

    def bracketed(self) -> ValueError:
        rest = self.text[self.at :]
        if re.match(r"-0|0\d", rest):
            return self.fault("an index has no leading or minus zero", "write it like 0, 10 or -1")
        if re.match(r"[^\W\d]", rest):
            return self.fault("a name in brackets needs quotes", "write ['name']")
        if rest.startswith("("):
            return self.fault(
                "scripts are not JSONPath", "write [?@.name > 2] to filter, [-1] for the last"
            )
        return self.fault("these brackets do not work", _INSTEAD)

    def integer(self) -> int | None:
        found = _INT.match(self.text, self.at)
        if not found:
            return None
        if re.match(r"0[0-9]", self.text[self.at :]):
            raise self.bracketed()
        number = int(found[0]) if len(found[0]) <= _DIGITS else _LARGEST + 1
        if abs(number) > _LARGEST:
            raise self.fault("beyond what RFC 9535 lets an index be", "write a smaller one")
        self.at = found.end()
        return number
