"""What stays is not walked again; what goes is still collected."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from residency.proxy import heap


class Ring:
    """Refers to itself, so that only the collector can end it."""

    def __init__(self) -> None:
        self.ring = self


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_there_is_out_of_the_collectors_sight() -> None:
    ring = Ring()

    heap.settle()

    assert not any(found is ring for found in gc.get_objects())
    assert gc.get_freeze_count() > 0


def test_what_former_rules_leave_is_collected_at_the_next_settling() -> None:
    ring = Ring()
    left = weakref.ref(ring)
    heap.settle()
    del ring
    gc.collect()
    assert left() is not None

    heap.settle()

    assert left() is None
