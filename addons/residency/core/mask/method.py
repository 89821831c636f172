"""How a masked value is replaced.

============================  ===========================================================================
``constant[:TEXT]``           the string ``***``, or TEXT; the default. Always a string, whatever was there
``null``                      null
``remove``                    nothing: the member or element goes, with one comma; a whole body becomes null
``hmac``                      ``hmac:`` and 128 bits that stand for the same text in every call, every field
                              and every set of a deployment, so that joins survive
``token[:TYPE]``              ``<TYPE:…>``, which stands for the value in this call only; the caller gets its
                              own value back in the answer. TYPE is the field's last name if left out
``partial:N``,                the last, or first, N characters of a string, ``*`` for each other one
``partial:first:N``
``round:N``, ``truncate:N``   a number with N digits after its point (-9 to 9), half away from zero or toward
                              it; worked out on the digits as they are spelled
``truncate:year``             the first moment of the year, month or day of an ISO 8601 date, spelled as it
(``month``, ``day``)          was: ``2024-05-17T10:20:30Z`` is ``2024-01-01T00:00:00Z``
============================  ===========================================================================

What a method does not fit (``partial`` of a number, ``round`` of a text) becomes the string ``***``.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from residency.core.mask import rounding
from residency.core.mask.session import Session

DEFAULT = "***"

type Kind = Literal[
    "remove", "null", "constant", "token", "hmac", "partial", "round", "truncate", "date"
]
#: The stricter first: what leaves least of the value, and lets least be joined.
_RANKS: tuple[Kind, ...] = (
    "remove", "null", "constant", "token", "hmac", "date", "truncate", "round", "partial",
)  # fmt: skip
_PARTIAL = re.compile(r"(?:(first|last):)?(0|[1-9][0-9]{0,2})")
_DIGITS = re.compile(r"0|-?[1-9]")
_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_WORKS = (
    "write constant, constant:TEXT, null, remove, hmac, token, token:TYPE, partial:N, partial:first:N, "
    "round:N, truncate:N or truncate:year"
)


@dataclass(frozen=True, slots=True)
class Method:
    """One way to replace a value.

    ``text`` is TEXT of ``constant``, TYPE of ``token`` or the unit of a date; ``keep`` how many characters or digits.
    """

    kind: Kind = "constant"
    text: str = DEFAULT
    keep: int = 0
    first: bool = False

    @property
    def rank(self) -> tuple[int, int, str]:
        """Smaller is stricter, so that the order of sets and fields never matters.

        Of two ``partial``, ``round`` or ``truncate`` the one that keeps less; of two constants, or tokens, which hide
        equally much, the one whose text sorts first.
        """
        keep = rounding.UNITS.index(self.text) if self.kind == "date" else self.keep
        return (_RANKS.index(self.kind), keep, "first" if self.first else self.text)

    @property
    def for_texts(self) -> bool:
        """True if parts of a text can be replaced this way."""
        return self.kind in ("remove", "constant", "token", "hmac", "partial")

    def replace(self, lexeme: str, session: Session, kind: str = "value") -> str:
        """What stands in the place of the JSON value *lexeme*: JSON again, in ASCII.

        Args:
            lexeme: The value as spelled in its document.
            session: The call's.
            kind: The type of a token that has none of its own.

        Raises:
            Unread: ``key``: the session has no key for this method.
        """
        if self.kind in ("null", "remove"):
            return "null"
        if lexeme.startswith('"'):
            return json.dumps(self.rewrite(json.loads(lexeme), session, kind))
        if self.kind in ("round", "truncate"):
            return self._number(lexeme) or json.dumps(DEFAULT)
        return json.dumps(self._opaque(lexeme, lexeme, session, kind))

    def rewrite(self, text: str, session: Session, kind: str = "value") -> str:
        """What stands in the place of *text*: a string's, a key's, or a part of one.

        Raises:
            Unread: ``key``: the session has no key for this method.
        """
        match self.kind:
            case "remove":
                return ""
            case "partial":
                return self._partial(text)
            case "date":
                return rounding.date(text, self.text) or DEFAULT
            case "round" | "truncate":
                return self._number(text) or DEFAULT
            case _:
                return self._opaque(text, json.dumps(text), session, kind)

    def _opaque(self, text: str, lexeme: str, session: Session, kind: str) -> str:
        """The methods that do not look at what they replace."""
        match self.kind:
            case "constant":
                return self.text
            case "hmac":
                return f"hmac:{session.digest(text)}"
            case "token":
                return session.token(self.text or kind, lexeme)
            case _:
                return DEFAULT

    def _partial(self, value: str) -> str:
        hidden = len(value) - self.keep
        # A value that has nothing to hide but itself is not told by its length either.
        if hidden <= 0:
            return DEFAULT
        return value[: self.keep] + "*" * hidden if self.first else "*" * hidden + value[hidden:]

    def _number(self, lexeme: str) -> str | None:
        return rounding.number(lexeme, self.keep, nearest=self.kind == "round")


def parse(spec: str) -> Method:
    """The method that *spec* spells, as ``METHOD[:ARG]``; the table at the head of this module says what each does.

    Raises:
        ValueError: *spec* is none of these; the message says what works.
    """
    name, colon, argument = spec.partition(":")
    if name not in _SPELLINGS:
        raise ValueError(f"{spec!a} is no way to mask; {_WORKS}")
    made, needs = _SPELLINGS[name]
    method = made(argument if colon else None)
    if not method:
        raise ValueError(f"{spec!a} {needs}; {_WORKS}")
    return method


def _constant(argument: str | None) -> Method | None:
    if argument is None:
        return Method()
    return Method(text=argument) if argument and argument.isprintable() else None


def _token(argument: str | None) -> Method | None:
    fits = argument is None or _TYPE.fullmatch(argument)
    return Method("token", text=argument or "") if fits else None


def _partial(argument: str | None) -> Method | None:
    found = _PARTIAL.fullmatch(argument or "")
    return Method("partial", "", int(found[2]), found[1] == "first") if found else None


def _round(argument: str | None) -> Method | None:
    fits = _DIGITS.fullmatch(argument or "")
    return Method("round", "", int(fits[0])) if fits else None


def _truncate(argument: str | None) -> Method | None:
    if argument in rounding.UNITS:
        return Method("date", argument)
    fits = _DIGITS.fullmatch(argument or "")
    return Method("truncate", "", int(fits[0])) if fits else None


def _bare(kind: Kind) -> Callable[[str | None], Method | None]:
    return lambda argument: Method(kind, "") if argument is None else None


#: By name: what reads the argument, and what to say of one that does not fit.
_SPELLINGS: dict[str, tuple[Callable[[str | None], Method | None], str]] = {
    "constant": (_constant, "has no text, or one with control characters"),
    "null": (_bare("null"), "takes no argument"),
    "remove": (_bare("remove"), "takes no argument"),
    "hmac": (_bare("hmac"), "takes no argument"),
    "token": (_token, "needs a type of a-z, 0-9, _ and -, 32 at most, or none"),
    "partial": (_partial, "needs how many characters to keep, 0 to 999"),
    "round": (_round, "needs how many digits to keep, -9 to 9"),
    "truncate": (_truncate, "needs how many digits to keep, -9 to 9, or year, month or day"),
}
