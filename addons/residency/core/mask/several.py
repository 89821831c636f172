"""JSON documents one after another at the head of a text, as tools print them: one a line, or spread over several.

What follows the last of them is prose. A text that breaks off within a document, or goes on as none does, is no prose: who
reads it sees the members that came before.
"""

import json
import re
from dataclasses import replace

from residency.core.mask.formats.part import MAX_PARTS
from residency.core.mask.plan import Hit, Plan
from residency.errors import Unread

#: Blanks of any kind, record separators among them, a comma, and the byte order marks of files that were joined.
_BETWEEN = re.compile(r"[\s,\ufeff]*+")
_MEMBER = re.compile(r'"\s*+:')
_ANY = json.JSONDecoder(object_pairs_hook=lambda _: None, parse_int=str, parse_float=str)


def select(text: str, plan: Plan) -> tuple[list[Hit], int]:
    """What *plan* selects in each document that *text* begins with, in bytes; and where prose begins, in characters.

    Raises:
        Unread: A document is not strict JSON; ``too-large``: there are more than a body may have parts.
    """
    hits: list[Hit] = []
    end = offset = count = 0
    while (begun := _begun(text, end)) is not None and (stop := _end(text, begun)) is not None:
        count += 1
        if count > MAX_PARTS:
            raise Unread("too-large", f"more than {MAX_PARTS} documents in a text")
        offset += len(text[end:begun].encode())
        document = text[begun:stop].encode()
        hits += (
            replace(hit, start=hit.start + offset, end=hit.end + offset)
            for hit in plan.select(document)
        )
        offset += len(document)
        end = stop
    return hits, end if _BETWEEN.match(text, end).end() < len(text) else len(text)  # type: ignore[union-attr]


def _begun(text: str, at: int) -> int | None:
    """Where the next document begins; ``None``: none comes."""
    at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it always matches
    return at if text[at : at + 1] in ("{", "[") else None


def _end(text: str, at: int) -> int | None:
    """Where the value at *at* ends; ``None``: it is none.

    Raises:
        Unread: ``not-json``: it is none, but has a member; ``depth``.
    """
    fault = Unread("not-json", "a text that begins with JSON and breaks off")
    try:
        return _ANY.raw_decode(text, at)[1]
    except json.JSONDecodeError as e:
        if not _MEMBER.search(text, at, e.pos):
            return None
    except RecursionError:
        fault = Unread("depth")
    raise fault
