"""Which operation a GraphQL document executes, by its text alone.

The document is cut into tokens exactly as the specification says, and only its outermost level is
looked at: an alias, a field, an argument, a comment or a string is never taken for an operation.

Sources:
    GraphQL specification, September 2025, 2.1 (lexical grammar), 2.3 (operations), 6.1
    (GetOperation).
"""

import re

#: Characters; a longer document is not read. What people and clients write is far shorter.
MAX_DOCUMENT = 32_768
_PAIRS = {"{": "}", "(": ")", "[": "]"}
_STRING = r'"""(?:\\"""|(?!""")[\s\S])*+"""|"(?!"")(?:[^"\\\n\r]|\\[^\n\r])*+"'
_NAME = r"[_A-Za-z][_0-9A-Za-z]*+"
_TOKEN = re.compile(
    rf"[\ufeff\t \n\r,]+|#[^\n\r]*+"
    rf"|({_STRING}|{_NAME}|\.\.\.|[!$&()=:@\[\]{{}}|]|-?[0-9][0-9A-Za-z.+-]*+)"
)
# Wider than the grammar: what only begins like a document is one that is not told, and not none.
_SPACE = r"(?:[\s,\ufeff]|#[^\n\r]*+)*+"
_BEGINS = re.compile(
    rf"{_SPACE}(?:(?:{_STRING}){_SPACE})?"
    r"(?:\{|(?:query|mutation|subscription|fragment)(?![_0-9A-Za-z]))"
)
#: One definition, of its outermost tokens.
_DEFINITION = re.compile(
    r'(?:"" )?'
    rf"(?:(?:(?P<type>query|mutation|subscription)(?: (?P<name>{_NAME}))?(?: \( \))?"
    rf"|(?P<fragment>fragment {_NAME}(?: \( \))? on {_NAME}))(?: @ {_NAME}(?: \( \))?)*+ )?"
    r"\{ \} "
)

type Operation = tuple[str, str | None]


def is_document(text: str) -> bool:
    """Whether *text* begins as a document that can be executed does."""
    return _BEGINS.match(text) is not None


def operation(text: str, name: str | None = None) -> Operation | None:
    """Type and name (``None`` if it has none) of the operation of *text* that is executed.

    ``None`` where that cannot be told: *text* is too long or no document, has no operation called
    *name*, or several and no *name* says which.
    """
    found = _operations(text)
    names = [n for _, n in found]
    # Several without a name, or two of one name, are no document that may be executed.
    if len(set(names)) != len(names) or (None in names and len(names) > 1):
        return None
    chosen = found if name is None else [o for o in found if o[1] == name]
    return chosen[0] if len(chosen) == 1 else None


def _operations(text: str) -> list[Operation]:
    outline = _outline(text)
    found: list[Operation] = []
    at = 0
    while at < len(outline):
        match = _DEFINITION.match(outline, at)
        if match is None:
            return []
        at = match.end()
        if not match["fragment"]:
            found.append((match["type"] or "query", match["name"]))
    return found


def _outline(text: str) -> str:
    """The outermost tokens, with a space after each: what a group holds is left out; empty, if *text* has others."""
    found: list[str] = []
    open_: list[str] = []
    at, end = 0, len(text) if len(text) <= MAX_DOCUMENT else -1
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            return ""
        at, token = match.end(), match[1]
        outermost = not open_
        if token in _PAIRS:
            open_.append(_PAIRS[token])
        elif token in (")", "]", "}"):
            if not open_ or open_.pop() != token:
                return ""
            outermost = not open_
        if token is not None and outermost:
            found.append('""' if token[0] == '"' else token)
    return "".join(f"{token} " for token in found) if not open_ else ""
