"""Header fields change by their numbers, and no other does."""

from residency.proxy.headers import changed


def test_values_change_or_go_and_the_rest_stays() -> None:
    fields = ((b"A", b"1"), (b"a", b"\xff"), (b"B", b"3"))

    assert changed(fields, {0: "x", 2: None}) == ((b"A", b"x"), (b"a", b"\xff"))
