"""What ``when`` asks of a position."""

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.region.cases import ABSENT, PENDING, UNREADABLE, Reading
from residency.core.region.conditions import Test as Asked
from residency.core.region.conditions import condition


def holds(asked: Asked, value: Reading, other: Reading = ABSENT) -> bool | None:
    faults = Faults()
    document = read("a: b\n", "a.yaml", faults)
    made = condition("a", asked, document, ("a",), faults)
    faults.check()
    return made.holds({"a": value, "b": other})


@pytest.mark.parametrize(
    ("asked", "value", "expected"),
    [
        ("present", "x", True),
        ("present", ABSENT, False),
        ("absent", ABSENT, True),
        ("absent", "x", False),
        (["x", "y"], "y", True),
        (["x"], "xx", False),
        (["x*"], "xx", True),
        (["x*"], "ax", False),
        (["*x"], "ax", True),
        (["*x"], "xa", False),
        (["x"], ABSENT, False),
        (["x"], PENDING, None),
        (["x"], UNREADABLE, None),
        ("present", UNREADABLE, None),
        ("absent", PENDING, None),
    ],
)
def test_each_test_of_one_value(asked: Asked, value: Reading, *, expected: bool | None) -> None:
    assert holds(asked, value) is expected


@pytest.mark.parametrize(
    ("other", "expected"), [("x", True), ("y", False), (ABSENT, False), (PENDING, None)]
)
def test_a_value_may_be_asked_to_equal_anothers(other: Reading, *, expected: bool | None) -> None:
    assert holds(["{b}"], "x", other) is expected


@pytest.mark.parametrize("text", ["*", "", "a*b", "*a*"])
def test_a_star_elsewhere_than_at_one_end_is_a_fault(text: str) -> None:
    faults = Faults()
    document = read("a: [b]\n", "a.yaml", faults)
    condition("a", [text], document, ("a",), faults)

    (fault,) = faults.found
    assert "one end" in str(fault)
