"""How a masked value is replaced: ``constant[:TEXT]``, ``null`` or ``partial:N``."""

import json
import re
from dataclasses import dataclass
from typing import Literal

DEFAULT = "***"

_PARTIAL = re.compile(r"0|[1-9][0-9]{0,2}")
_WORKS = "write constant, constant:TEXT, null or partial:N"


@dataclass(frozen=True, slots=True)
class Method:
    """One way to replace a value. ``text`` belongs to ``constant``, ``keep`` to ``partial``."""

    kind: Literal["null", "constant", "partial"] = "constant"
    text: str = DEFAULT
    keep: int = 0

    @property
    def rank(self) -> tuple[int, int, str]:
        """Smaller is stricter: ``null``, ``constant``, then ``partial`` with fewer characters.

        Two constants hide equally much; the one whose text sorts first is taken, so that the order
        of sets and fields never matters.
        """
        return (("null", "constant", "partial").index(self.kind), self.keep, self.text)

    def replace(self, lexeme: str) -> str:
        """What stands in the place of the JSON value *lexeme*: JSON again, in ASCII."""
        if self.kind == "null":
            return "null"
        return json.dumps(self._partial(lexeme) if self.kind == "partial" else self.text)

    def _partial(self, lexeme: str) -> str:
        value = json.loads(lexeme) if lexeme.startswith('"') else ""
        hidden = len(value) - self.keep
        # A value that has nothing to hide but itself is not told by its length either.
        if hidden <= 0:
            return DEFAULT
        return "*" * hidden + value[hidden:]


def parse(spec: str) -> Method:
    """The method that *spec* spells, as ``METHOD[:ARG]``.

    ``constant`` replaces with the string ``***``, ``constant:TEXT`` with TEXT; ``null`` with null;
    ``partial:N`` keeps the last N characters (Unicode code points, 0 to 999) of a string, masks
    each other one with ``*``, and answers ``***`` for strings of N or fewer and for all else.

    Raises:
        ValueError: *spec* is none of these; the message says what works.
    """
    name, colon, argument = spec.partition(":")
    match name:
        case "constant" if not colon:
            return Method()
        case "constant" if argument and argument.isprintable():
            return Method(text=argument)
        case "constant":
            raise ValueError(f"{spec!a} has no text, or one with control characters; {_WORKS}")
        case "null" if not colon:
            return Method("null")
        case "partial" if _PARTIAL.fullmatch(argument):
            return Method("partial", keep=int(argument))
        case "partial":
            raise ValueError(f"{spec!a} needs how many characters to keep, 0 to 999; {_WORKS}")
        case _:
            raise ValueError(f"{spec!a} is no way to mask; {_WORKS}")
