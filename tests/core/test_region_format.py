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
        ("hosts: [a.test]\nwhere: [{places: [DE], pin: true}]", "pin goes with"),
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
        (
            "hosts: [a.test]\nread: {m: {body: $.a}}\nshapes: {m: ['[x']}\nwhere: [{places: anywhere}]",
            "bracket without",
        ),
        (
            "hosts: [a.test]\nread: {m: {body: $.a}}\nshapes: {m: ['[a[b]]']}\nwhere: [{places: anywhere}]",
            "one within another",
        ),
        ("hosts: [a.test]\nfunction: 'a]'\nwhere: [{places: anywhere}]", "bracket without"),
        (
            "hosts: [a.test]\nread: {m: {body: $.a}}\nshapes: {m: ['{a}:{a}']}\nwhere: [{places: anywhere}]",
            "is no pattern: redefinition",
        ),
        (
            "hosts: [a.test]\nread: {m: {query: a, take: scheme}}\nwhere: [{places: anywhere}]",
            "goes with body only",
        ),
    ],
)
def test_a_bad_entry_is_refused_with_its_place(text: str, says: str) -> None:
    atlas, faults = build(PINS, entry(text))

    assert atlas is None
    assert any(says in str(f) and f.line > 0 for f in faults.found), faults.found


@pytest.mark.parametrize("expression", ["(x)", "(?P<b>x)", "(", "[", "x{2,1}"])
def test_what_a_position_is_made_of_is_an_expression_without_groups(expression: str) -> None:
    text = ENTRY.replace("entries:", f"made_of: {{m: '{expression}'}}\nentries:")
    _, faults = build(PINS, text + "    hosts: [a.test]\n    where: [{places: anywhere}]\n")

    (fault,) = faults.found
    assert "catalogue.yaml:7:14: made_of.m: is no regular expression without groups" in str(fault)


OWNED = """
hosts: [a.test]
read: {v: {body: $.v}, who: {body: $.who}}
shapes: {v: ['[{owner}:]{name}[:{more}]']}
function: '[{owner}/]{name}'
where: [{when: {more: present}, places: [DE]}, {when: {name: present}, places: [FR]}]
"""


@pytest.mark.parametrize(
    ("value", "function", "places"),
    [
        ("n", "n", "FR"),
        ("12:n", "12/n", "FR"),
        ("12:n:m", "12/n", "DE"),
        ("n:m", "n", "DE"),
        ("n/m", "?", "unknown"),
        ("", "?", "unknown"),
        (None, "?", "unknown"),
        (7, "?", "unknown"),
    ],
)
def test_what_is_in_brackets_may_be_absent_and_a_value_of_no_shape_is_unread(
    value: object, function: str, places: str
) -> None:
    text = entry(OWNED.strip()).replace("entries:", "made_of: {owner: '[0-9]+'}\nentries:")
    atlas, faults = build(PINS, text)

    assert atlas, faults.found
    answer = ask("a.test/", {"v": value}, atlas=atlas)
    assert (answer.function, str(answer.places)) == (f"aws:s:{function}", places)


def test_an_owner_that_is_not_read_leaves_no_name() -> None:
    """Else the name would be that of whoever needs no owner."""
    text = OWNED.replace("read: {v: {body: $.v}, who", "read: {name: {body: $.v}, owner").strip()
    atlas, faults = build(
        PINS,
        entry(
            text.replace("shapes: {v: ['[{owner}:]{name}[:{more}]']}\n", "").replace(
                "more:", "owner:"
            )
        ),
    )

    assert atlas, faults.found
    assert ask("a.test/", {"v": "n"}, atlas=atlas).function == "aws:s:n"
    assert ask("a.test/", {"v": "n", "who": "o"}, atlas=atlas).function == "aws:s:o/n"
    assert ask("a.test/", {"v": "n", "who": 7}, atlas=atlas).function == "aws:s:?"
    assert ask("a.test/", atlas=atlas).function == "aws:s:?"


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("https://a.test/", "https"),
        ("DATA:text/plain;base64," + "A" * 9999, "data"),
        ("no-url", UNREADABLE),
        (" data:x", UNREADABLE),
        ("//a.test:1", UNREADABLE),
        ({"url": "data:"}, UNREADABLE),
        (None, ABSENT),
    ],
)
def test_of_a_url_only_the_scheme_is_read(value: object, scheme: object) -> None:
    assert select({"a": value}, steps("$.a"), "scheme") == (scheme,)


def test_why_an_answer_is_unknown_is_evidence() -> None:
    text = "hosts: [a.test]\nwhere: [{places: unknown, note: ask the vendor}]"
    atlas, _ = build(PINS, entry(text))

    assert [e.says for e in ask("a.test/", atlas=atlas).evidence] == ["one", "ask the vendor"]


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
        (PENDING, "$..a", {PENDING}),
        ({"i": "text"}, "$.i..a", {ABSENT}),
        ({"i": [{"a": "x"}, {"b": [{"a": {"a": "y"}}]}]}, "$.i..a", {"x", UNREADABLE, "y"}),
        (
            {"i": [{"tools": [{"type": "mcp"}]}], "tools": [{"type": "z"}]},
            "$.i..tools[*].type",
            {"mcp"},
        ),
        ({"a": None}, "$..a", {ABSENT}),
        ([{"a": "x"}], "$.i..a", {UNREADABLE}),
    ],
)
def test_selectors(body: object, selector: str, expected: set[object]) -> None:
    assert set(select(body, steps(selector))) == expected


@pytest.mark.parametrize(
    "selector", ["a", "$...a", "$..", "$.a[0]", "$.a[?(@.b)]", "$.a b", "x$.a"]
)
def test_a_selector_that_is_more_than_names_is_refused(selector: str) -> None:
    with pytest.raises(PatternError):
        steps(selector)


def test_a_position_inside_a_segment_ends_at_a_colon() -> None:
    pattern = PathPattern.parse("/models/{model}:{operation}")

    assert pattern.match(("models", "m:go")) == {"model": "m", "operation": "go"}
    assert pattern.match(("models", "m")) is None
