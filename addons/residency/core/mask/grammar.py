"""The grammar of RFC 9535, to the letter: from text to segments. Here the filters, section 2.3.5.

Three things the RFC allows are refused, each where it can only be a slip or a risk: a slice with step 0, which selects
nothing; a pattern for ``match`` or ``search`` that the body would choose; and what ``iregexp`` refuses.
"""

import re
from decimal import Decimal
from typing import Literal as OneOf
from typing import cast

from residency.core.mask import iregexp
from residency.core.mask.segments import Segments
from residency.core.mask.tree import (
    Call,
    Comparable,
    Compare,
    Every,
    Literal,
    Logical,
    Matches,
    Not,
    Query,
    Some,
)

_DEEPEST = 20
#: How long an exponent may be, sign included.
_EXPONENT = 5
_NUMBER = re.compile(r"(?:0|-?[1-9][0-9]*+|-0)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_WORD = re.compile(r"[a-z][a-z_0-9]*+")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_KEYWORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Reader(Segments):
    """One reading of one path, filters and all."""

    def __init__(self, text: str, at: int = 0) -> None:
        super().__init__(text, at)
        self.depth = 0

    def logical(self) -> Logical:
        """An expression of ``||``, ``&&`` and what stands between."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.fault("nested too deep", f"nest filters at most {_DEEPEST} deep")
        some = [self.every()]
        while self.operator("||"):
            some.append(self.every())
        self.depth -= 1
        return some[0] if len(some) == 1 else Some(tuple(some))

    def every(self) -> Logical:
        every = [self.basic()]
        while self.operator("&&"):
            every.append(self.basic())
        return every[0] if len(every) == 1 else Every(tuple(every))

    def basic(self) -> Logical:
        self.blank()
        if self.ahead("!") and not self.ahead("!="):
            self.at += 1
            self.blank()
            return Not(self.parentheses() if self.take("(") else self.test(self.operand()))
        if self.take("("):
            return self.parentheses()
        left = self.operand()
        begun = self.at
        self.blank()
        operator = _OPERATOR.match(self.text, self.at)
        if not operator:
            self.at = begun
            return self.test(left)
        self.at = operator.end()
        sides = (self.comparable(left), self.comparable(self.operand()))
        word = cast('OneOf["==", "!=", "<", "<=", ">", ">="]', operator[0])
        return Compare(sides[0], word, sides[1])

    def parentheses(self) -> Logical:
        inner = self.logical()
        self.blank()
        self.expect(")")
        return inner

    def operand(self) -> Comparable | Matches:
        """What stands on one side of a comparison, or is tested by itself."""
        self.blank()
        if self.ahead("@", "$"):
            return self.query()
        if self.ahead("'", '"'):
            return Literal(self.string())
        if number := _NUMBER.match(self.text, self.at):
            return self.number(number)
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return self.call(word[0]) if self.take("(") else self.keyword(word[0])
        raise self.fault("not an expression", "write like [?@.name == 'x'] or [?@.name]")

    def number(self, found: re.Match[str]) -> Literal:
        exponent = found[0].lower().partition("e")[2]
        if len(exponent) > _EXPONENT or re.match(r"[0-9]", self.text[found.end() :]):
            raise self.fault("not a number, or one beyond all use", "write it like 0, -1.5 or 1e3")
        self.at = found.end()
        return Literal(Decimal(found[0]))

    def keyword(self, word: str) -> Literal:
        if word not in _KEYWORDS:
            self.at -= len(word)
            raise self.fault(
                "neither a value nor a path", "write @.name for a member, 'text' for text"
            )
        return Literal(_KEYWORDS[word])

    def query(self) -> Query:
        absolute = self.text[self.at] == "$"
        self.at += 1
        segments, singular = self.segments()
        return Query(segments, absolute, singular)

    def call(self, name: str) -> Call | Matches:
        begun = self.at
        arguments = [self.operand()]
        self.blank()
        while self.take(","):
            arguments.append(self.operand())
            self.blank()
        self.expect(")")
        match name, arguments:
            case "length", [of]:
                return Call("length", self.comparable(of))
            case "count" | "value", [Query() as query]:
                return Call(name, query)
            case "match" | "search", [of, Literal(value=str(pattern))]:
                iregexp.compile(pattern)
                return Matches(self.comparable(of), pattern, name == "match")
            case "match" | "search", [_, _]:
                self.at = begun
                raise self.fault(
                    "the pattern has to stand in the path", "write it, like match(@.a, 'a.*')"
                )
        self.at = begun
        known = "length(@.a), count(@.*), value(@..a), match(@.a, 'x.*') and search(@.a, 'x')"
        raise self.fault(
            "this function, or its arguments, are not RFC 9535's", f"there are {known}"
        )

    def comparable(self, of: Comparable | Matches) -> Comparable:
        if isinstance(of, Matches) or (isinstance(of, Query) and not of.singular):
            better = "compare @.name or @[0]; test [?@..name] or [?match(@.a, 'x')] by itself; or use value(@..name)"
            raise self.fault("what is compared must be one value", better)
        return of

    def test(self, of: Comparable | Matches) -> Logical:
        if not isinstance(of, Query | Matches):
            raise self.fault(
                "a value is no condition", "compare it, like length(@.a) > 2 or @.a == true"
            )
        return of
