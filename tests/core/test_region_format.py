"""The catalogue's format: what is wrong is said, all of it, with its place."""

import pytest

from residency.core.region.cases import ABSENT, PENDING, UNREADABLE
from residency.core.region.pattern import PathPattern, PatternError
from residency.core.region.reading import segments, select, steps
from tests.atlases import ask, build

ENTRY = """
version: 1
provider: aws
source: s
as_of: 2026-11-22
confidence: high
entries:
  - id: one
    service: s
    source: s
"""
PINS = "version: 1\ndestinations: []\n"


def entry(text: str) -> str:
    return ENTRY + "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hosts: [a.test]\nwhere: [{regions: [eu-west-99]}]", "is no region of aws"),
        ('hosts: [a.test]\nwhere: [{regions: ["{region}"]}]', "region is no position"),
        ("hosts: [a.test]\nwhere: [{jurisdiction: XX}]", "jurisdictions.yaml"),
        ("hosts: [a.test]\nwhere: nowhere", "file's cases"),
        ("hosts: [a.test]\nwhere: [nowhere]", "file's cases"),
        ("hosts: [a.test]\nwhere: [{places: [UK]}]", "ISO 3166"),
        ("hosts: [a.test]\nwhere: [{places: anywhere, jurisdiction: EU}]", "give one of"),
        ("hosts: [a.test]\nwhere: [{places: anywhere, pin: true}]", "pin goes with"),
        ('hosts: ["{a}.test"]\nwhere: [{when: {a: ["x*y"]}, places: anywhere}]', "one end"),
        ("hosts: [a.test]\nwhere: [{when: {b: [x]}, places: anywhere}]", "b is no position"),
        ('hosts: [a.test]\nfunction: "{b}"\nwhere: [{places: anywhere}]', "{b} is no position"),
        ('hosts: ["{a.test"]\nwhere: [{places: anywhere}]', "brace"),
        ("hosts: [A.test]\nwhere: [{places: anywhere}]", "upper-case"),
        ('hosts: ["{a}.{a}.test"]\nwhere: [{places: anywhere}]', "twice"),
        ('hosts: ["b.{a...}.test"]\nwhere: [{places: anywhere}]', "first label"),
        ('hosts: ["{zone}.test"]\nwhere: [{places: anywhere}]', "table has none"),
        ("hosts: [a.test]\npartitions: [aws-xx]\nwhere: [{places: anywhere}]", "aws-xx"),
        ("hosts: [a.test]\npaths: [x]\nwhere: [{places: anywhere}]", "begin with /"),
        ('hosts: [a.test]\npaths: ["/{a...}/b"]\nwhere: [{places: anywhere}]', "after {rest...}"),
        ("hosts: [a.test]\nread: {m: {body: model}}\nwhere: [{places: anywhere}]", "no selector"),
        (
            "hosts: [a.test]\nread: {m: {body: $.a, query: b}}\nwhere: [{places: anywhere}]",
            "give one of",
        ),
        (
            "hosts: [a.test]\nread: {m: {body: $.a}}\nshapes: {m: nothing}\nwhere: [{places: anywhere}]",
            "file's shapes",
        ),
        ("hosts: [a.test]\nshapes: {m: [x]}\nwhere: [{places: anywhere}]", "no position"),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(text: str, says: str) -> None:
    atlas, faults = build(PINS, entry(text))

    assert atlas is None
    assert any(says in str(f) and f.line > 0 for f in faults.found), faults.found


def test_all_faults_come_at_once() -> None:
    _, faults = build(PINS, entry("hosts: [A.test]\npaths: [x]\nwhere: [{places: [UK]}]"))

    assert len(faults.found) == 3


def test_headers_and_queries_can_be_read() -> None:
    text = 'hosts: [a.test]\nread: {r: {header: X-Region}}\nwhere: [{when: {r: present}, regions: ["{r}"]}]'
    atlas, _ = build(PINS, entry(text))

    assert str(ask("a.test/", atlas=atlas, headers=(("x-region", "eu-west-1"),)).places) == "IE"
    assert ask("a.test/", atlas=atlas, headers=(("x-region", "eu-west-1"),) * 2).places.unknown
    assert ask("a.test/", atlas=atlas, headers=(("x-region", "DE"),)).places.unknown
    assert ask("a.test/", atlas=atlas).places.unknown


def test_the_more_literal_host_decides_alone() -> None:
    text = 'hosts: ["{service}.{region}.{suffix}"]\nwhere: [{regions: ["{region}"]}]\n'
    special = "  - {id: two, service: x, source: s, hosts: [ai.eu-west-1.amazonaws.com], paths: [/a], where: [{places: anywhere}]}\n"
    atlas, faults = build(PINS, entry(text) + special)

    assert atlas, faults.found
    assert str(ask("x.eu-west-1.amazonaws.com/b", atlas=atlas).places) == "IE"
    assert str(ask("ai.eu-west-1.amazonaws.com/a", atlas=atlas).places) == "anywhere"
    assert ask("ai.eu-west-1.amazonaws.com/b", atlas=atlas).places.unknown


def test_glued_labels_take_the_longest_code_and_rest_takes_many() -> None:
    text = 'hosts: ["{region}-{project}.f.test", "{more...}.r.test"]\nwhere: [{when: {region: present}, regions: ["{region}"]}, {places: anywhere}]'
    atlas, faults = build(PINS, entry(text))

    assert atlas, faults.found
    assert str(ask("eu-west-1-us-east-1.f.test/", atlas=atlas).places) == "IE"
    assert ask("x-eu-west-1-a.f.test/", atlas=atlas).provider is None
    assert str(ask("a.b.c.r.test/", atlas=atlas).places) == "anywhere"
    assert ask("r.test/", atlas=atlas).provider is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ()), ("/a/b", ("a", "b")), ("/a%3Ab", ("a:b",)), ("/arn:x%2Fy", ("arn:x/y",)), ("/a%2Fb", None), ("/arn:x%2F..%2Fy", None),
        ("", None), ("a", None), ("/a//b", None), ("/a/", None), ("/.", None), ("/%2e", None), ("/a%zz", None), ("/a%252f", None),
        ("/a b", None), ("/a%20b", None), ("/a\n", None), ("/a%0a", None), ("/a?b", None), ("/a#b", None), ("/a%3fb", None),
    ],
)  # fmt: skip
def test_segments_are_decoded_once_or_not_at_all(path: str, expected: object) -> None:
    assert segments(path) == expected


@pytest.mark.parametrize(
    ("body", "selector", "expected"),
    [
        ({"a": {"b": "x"}}, "$.a.b", {"x"}),
        ({"a": [{"b": "x"}, {"b": "y"}, {}]}, "$.a[*].b", {"x", "y", ABSENT}),
        ({"a": []}, "$.a[*].b", {ABSENT}),
        ({"a": None}, "$.a.b", {ABSENT}),
        ({"a": "text"}, "$.a.b", {UNREADABLE}),
        ({"a": {"b": "x"}}, "$.a[*]", {UNREADABLE}),
        ([{"a": "x"}], "$.a", {UNREADABLE}),
        ({"a": 5}, "$.a", {UNREADABLE}),
        ({"a": "x" * 5000}, "$.a", {UNREADABLE}),
        ({"a": [{"b": str(i)} for i in range(100)]}, "$.a[*].b", {UNREADABLE}),
        (PENDING, "$.a", {PENDING}),
    ],
)
def test_selectors(body: object, selector: str, expected: set[object]) -> None:
    assert set(select(body, steps(selector))) == expected


@pytest.mark.parametrize("selector", ["a", "$..a", "$.a[0]", "$.a[?(@.b)]", "$.a b", "x$.a"])
def test_a_selector_that_is_more_than_names_is_refused(selector: str) -> None:
    with pytest.raises(PatternError):
        steps(selector)


def test_a_position_inside_a_segment_ends_at_a_colon() -> None:
    pattern = PathPattern.parse("/models/{model}:{operation}")

    assert pattern.match(("models", "m:go")) == {"model": "m", "operation": "go"}
    assert pattern.match(("models", "m")) is None
