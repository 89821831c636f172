"""What readers make of the name of a field, in forms, queries and cookies.

Rack, qs and the like take ``user[email]`` for an ``email`` in a ``user``, others ``user.email`` too. Brackets that stand
alone mean nothing to them: ``[email]`` is ``email``. PHP drops blanks before a name, and writes ``_`` for a dot, for a
blank, and for a bracket that is not closed: ``first.name`` is ``first_name``.
"""

import re

from residency.errors import Unread

type Steps = tuple[str, ...]

_STEPS = re.compile(r"\[\]|[^\[\].]+")
_INDEX = re.compile(r"\[([^\]]*)\]")
_INDICES = re.compile(rf"(?:{_INDEX.pattern})*")
_ODD = re.compile(r"[ .\[\]]")
#: More brackets, dots and blanks than this are no name; most frameworks go 5 to 100 deep.
_MOST = 60


def readings(name: str) -> tuple[Steps, ...]:
    """The ways in which *name* is read, each as the names that lead to the value; ``[]`` is an element of a list.

    As it is written comes first; most names are read in this way only.

    Raises:
        Unread: ``depth``: there is no end of brackets or dots in it.
    """
    if not _ODD.search(name):
        return ((name,),)
    if len(_ODD.findall(name)) > _MOST:
        raise Unread("depth", f"a name with more than {_MOST} brackets and dots")
    found = [(name,), tuple(_STEPS.findall(name)), _php(name)]
    return tuple(dict.fromkeys(steps for steps in found if steps))


def called(name: str) -> tuple[str, ...]:
    """The names by which some reader asks for the value of *name*, or for a list or object with it."""
    found = readings(name)
    if "[" in name:
        return tuple(dict.fromkeys(steps[0] for steps in found))
    # Nobody asks for ``user`` where ``user.email`` is the name of a parameter.
    return tuple(steps[0] for steps in found if len(steps) == 1)


def _php(name: str) -> Steps:
    """As PHP does (main/php_variables.c, ``php_register_variable_ex``)."""
    base, bracket, rest = name.lstrip(" ").partition("[")
    if bracket and "]" not in rest:
        base, bracket, rest = f"{base}_{rest}", "", ""
    base = re.sub("[ .]", "_", base)
    indices = _INDICES.match(bracket + rest)
    return (base, *(key or "[]" for key in _INDEX.findall(indices[0] if indices else "")))
