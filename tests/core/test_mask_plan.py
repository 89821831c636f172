"""One plan over bytes: where what paths select stands."""

from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.plan import Hit, Plan, extent


def test_offsets_are_bytes() -> None:
    data = '{"é": ["ü", {"a": "€"}]}'.encode()

    (hit,) = Plan([compile("$..a")]).select(data)

    assert data[hit.start : hit.end] == '"€"'.encode()
    assert hit == Hit(20, 25, (0,))


def test_a_member_goes_from_its_key_to_the_end_of_its_value() -> None:
    data = b'{"x": 1, "a\\"\\\\" : [2]}'
    (member,) = Plan([compile("$['a\"\\\\']")]).select(data)
    (element,) = Plan([compile("$['a\"\\\\'][0]")]).select(data)

    assert data[slice(*extent(data, member))] == b'"a\\"\\\\" : [2]'
    assert data[slice(*extent(data, element))] == b"2"


def test_what_stands_alone_is_its_own_extent() -> None:
    for data, path in ((b" [1]", "$"), (b'[":", [2]]', "$[1]"), (b'{"a": 1}', "$.a~")):
        (hit,) = Plan([compile(path)]).select(data)
        assert extent(data, hit) == (hit.start, hit.end)
