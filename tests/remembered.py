"""The shipped places and catalogue, read once for all tests of a process: reading them is half a second each time.

What is remembered is what was read without a fault: from a text by that text, from what was read before by its identity.
The values are frozen, or changed by nobody once they are made.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from residency.core import configuration
from residency.core.faults import Faults
from residency.core.region import atlas, feednames, tables
from tests import atlases


def _key(given: Any) -> Any:
    match given:
        case list() | tuple():
            return tuple(map(_key, given))
        case Faults():
            return None
        case str():
            return given
        case _:
            return id(given)


def remembering[**P, T](read: Callable[P, T]) -> Callable[P, T]:
    """*read*, which adds to the ``Faults`` among its arguments, done once for equal ones."""
    known: dict[Any, tuple[Any, T]] = {}

    def remembered(*given: P.args, **more: P.kwargs) -> T:
        key = _key([*given, *sorted(more.items())])
        if key in known:
            return known[key][1]
        (faults,) = (g for g in given if isinstance(g, Faults))
        before = len(faults.found)
        found = read(*given, **more)
        if len(faults.found) == before:
            # The arguments stay, too: that no other object gets the address of one.
            known[key] = given, found
        return found

    return remembered


def patched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (configuration, "read"), (atlases, "read"), (tables, "jurisdictions"), (tables, "tables"),
            (feednames, "parse"), (atlas, "compile_all"),
        ):  # fmt: skip
            patch.setattr(module, name, remembering(getattr(module, name)))
        yield
