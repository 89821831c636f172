"""masks.yaml: every fault at once, each where it stands."""

from pathlib import Path

import pytest

from residency.core import document
from residency.core.faults import Faults
from residency.core.mask.method import Method
from residency.core.mask.sets import MaskSets, parse

SHIPPED = Path(__file__).parents[2] / "rules" / "masks.yaml"
GOOD = """\
version: 1
sets:
  - name: personal-data
    why: GDPR Art. 4(1)
    fields:
      - path: $..email
      - {path: "$..phone", with: "partial:2"}
  - name: other-2
    why: because
    fields: [{path: $.a, with: null}]
"""


def load(text: str) -> tuple[MaskSets | None, list[str]]:
    faults = Faults()
    sets = parse(document.read(text, "masks.yaml", faults), faults)
    return sets, [str(fault) for fault in sorted(faults.found)]


def good(text: str = GOOD.replace("with: null", 'with: "null"')) -> MaskSets:
    sets, faults = load(text)
    assert faults == []
    assert sets
    return sets


def test_a_file_becomes_sets_in_its_order() -> None:
    sets = good()

    assert sets.names == ("personal-data", "other-2")
    assert sets.get("personal-data").why == "GDPR Art. 4(1)"
    assert [f.label for f in sets.get("personal-data").fields] == ["$..email", "$..phone"]
    assert [f.method for f in sets.get("personal-data").fields] == [
        Method(),
        Method("partial", "", keep=2),
    ]


def test_an_unquoted_null_is_a_method() -> None:
    """Scalars are the text that was written, so that YAML's null is no trap."""
    assert good(GOOD).get("other-2").fields[0].method == Method("null", "")


def test_an_unknown_set_is_not_an_empty_one() -> None:
    with pytest.raises(KeyError):
        good().get("personal")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("$..email", "..email", "masks.yaml:6:15: sets[0].fields[0].path: '..email' does not begin with $; write $.email"),
        ("$..email", "$..e-mail", "masks.yaml:6:15: sets[0].fields[0].path: '$..e-mail', at character 2: this name needs quotes; write $..['e-mail']"),
        ("$..email", "[a]", "masks.yaml:6:9: sets[0].fields[0].path: must be one JSONPath, as text; write it like $..email"),
        ("partial:2", "hash", "masks.yaml:7:34: sets[0].fields[1].with: 'hash' is no way to mask; write constant, constant:TEXT, null, remove, hmac, token, token:TYPE, partial:N, partial:first:N, round:N, truncate:N or truncate:year"),
        ("with: null", "with: []", "masks.yaml:10:26: sets[1].fields[0].with: must be text; write it like partial:4, or leave it out"),
        ("version: 1", "version: 2", "masks.yaml:1:10: version: must be 1, the only version there is; write version: 1"),
        ("name: other-2", "name: Other", "masks.yaml:8:11: sets[1].name: a name is of a-z, 0-9 and -; write it like personal-data"),
        ("name: other-2", "name: personal-data", "masks.yaml:8:11: sets[1].name: the name 'personal-data' a second time (keep one)"),
        ('"$..phone"', "$..email", "masks.yaml:7:16: sets[0].fields[1].path: the path '$..email' a second time (keep one)"),
        ("with: null", "using: null", "masks.yaml:10:33: sets[1].fields[0].using: is not a key that is known here (correct its spelling, or remove it)"),
        ("    why: because\n", "", "masks.yaml:8:5: sets[1].why: is missing (add it)"),
    ],
    ids=lambda v: v[:30],
)  # fmt: skip
def test_a_fault_stands_at_its_place(old: str, new: str, fault: str) -> None:
    sets, faults = load(GOOD.replace(old, new))

    assert sets is None
    assert fault in faults


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("$..email", "", "sets[0].fields[0].path"),
        ("$..email", '""', "sets[0].fields[0].path"),
        ("with: null", "with: ", "sets[1].fields[0].with"),
        ("why: because", "why:", "sets[1].why"),
        ("why: because", "why: ''", "sets[1].why"),
        ("version: 1", "version:", "version"),
    ],
)
def test_an_empty_value_is_a_fault_and_no_default(old: str, new: str, where: str) -> None:
    sets, faults = load(GOOD.replace(old, new))

    assert sets is None
    assert [fault.split(": ")[1] for fault in faults] == [where]


@pytest.mark.parametrize(
    "text",
    ["", "version: 1\nsets: []\n", "version: 1\n", "[]", "version: 1\nsets: {}\n", "version: 1\nsets: [1, {fields: [1]}]\n",
     "version: 1\nsets: [{name: a, why: b, fields: []}]\n", "version: 1\nsets: [{name: a, why: b, fields: {path: $}}]\n"],
)  # fmt: skip
def test_a_file_without_any_field_is_refused(text: str) -> None:
    sets, faults = load(text)

    assert sets is None
    assert faults


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{with: remove}", "says neither where to look nor what to detect; write path: or detect:"),
        ("{path: $.a, query: b}", "path and query are two places; write a field for each"),
        ("{detect: [mail]}", "'mail' is nothing that can be detected; write email"),
        ("{detect: email}", "is not a list (write [a, b])"),
        ("{detect: []}", "list should have at least 1 item"),
        ("{detect: [{pattern: '(?=a)', name: a}]}", "it has no look-around"),
        ("{detect: [email], with: round:2}", "a part of a text cannot become round; write constant, remove, token"),
        ("{detect: [email], with: null}", "a part of a text cannot become null"),
        ("{path: '$.a~', with: null}", "a key has to stay a text; write constant"),
        ("{path: '$.a~', with: remove}", "a key has to stay a text; write constant"),
        ("{path: '$.a[0]', with: remove}", "would take its place; write with: null"),
        ("{path: '$.a[1:]', with: remove}", "would take its place; write with: null"),
        ("{query: a, with: null}", "there is no null in a call's head; write constant or remove"),
        ("{header: Authorization}", "frames the call or says who sends it"),
        ("{header: content-length}", "frames the call or says who sends it"),
        ("{header: 'a b'}", "is no name of a header"),
        ("{cookie: 'a;b'}", "is no name of a cookie"),
        ("{segment: /a/b, name: id}", "a segment is a path with one {name}"),
        ("{segment: '/a/{id}'}", "a segment is a path with one {name}"),
        ("{segment: '/a/{id}', name: id, with: remove}", "would be another function's"),
        ("{path: $.a, name: id}", "a name belongs to a segment; remove it"),
        ("{path: $.a, required: maybe}", "should be a valid boolean"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_meant_is_told_with_what_works(row: str, fault: str) -> None:
    sets, faults = load(GOOD.replace("{path: $.a, with: null}", row))

    assert sets is None
    assert len(faults) == 1
    assert faults[0].startswith("masks.yaml:10:")
    assert fault in faults[0]


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("json: ['$.a~']", "a key is no document; remove the ~"),
        ("json: [a]", "does not begin with $"),
        ("schemas: $.a", "is not a list"),
        ("depth: 0", "greater than or equal to 1"),
        ("depth: 9", "less than or equal to 8"),
        ("direction: back", "'request', 'response' or 'both'"),
    ],
)
def test_a_set_that_cannot_be_meant_is_told_with_what_works(key: str, fault: str) -> None:
    sets, faults = load(GOOD.replace("    why: because\n", f"    why: because\n    {key}\n"))

    assert sets is None
    assert [fault in one for one in faults] == [True]


def test_two_fields_that_differ_only_in_their_method_are_one_too_many() -> None:
    _, faults = load(
        GOOD.replace("{path: $.a, with: null}", "{detect: [card]}, {detect: [card], with: token}")
    )

    assert faults == [
        "masks.yaml:10:32: sets[1].fields[1]: the field 'detect:card' a second time (keep one)"
    ]


def test_one_path_may_be_looked_at_for_several_things() -> None:
    sets = good(
        GOOD.replace(
            "{path: $.a, with: null}",
            "{path: $.a, detect: [card]}, {path: $.a, detect: [email]}, {path: $.a}",
        )
    )

    assert [f.label for f in sets.get("other-2").fields] == [
        "$.a detect:card",
        "$.a detect:email",
        "$.a",
    ]


def test_sets_say_whether_they_need_a_key() -> None:
    assert good(GOOD.replace("with: null", "with: hmac")).with_hmac == ("other-2",)
    assert good().with_hmac == ()


def test_what_a_sets_counts_depend_on_tells_sets_apart() -> None:
    other = "    why: because\n"
    texts = [
        GOOD.replace("with: null", "with: constant").replace(other, other + more)
        for more in (
            "",
            "    json: [$.a]\n",
            "    text_or_json: [$.a]\n",
            "    schemas: [$.a]\n",
            "    direction: both\n",
            "    json: [$.a]\n    depth: 2\n",
        )
    ]

    assert len({good(text).get("other-2").paths for text in texts}) == len(texts)
    assert good(texts[0]).get("other-2").paths == good().get("other-2").paths


def test_sets_travel_to_another_process() -> None:
    import pickle

    sets = good(
        GOOD.replace(
            "$..email",
            "$..email\n      - {detect: [email, phone:DE, card, national-id:FR, {pattern: a, name: a}]}",
        )
    )
    again = pickle.loads(pickle.dumps(sets))  # noqa: S301 - our own bytes

    assert [f.label for f in again.get("personal-data").fields] == [
        f.label for f in sets.get("personal-data").fields
    ]
    assert list(again.get("personal-data").fields[1].detect[0].spans("a@b.de")) == [(0, 6)]


def test_every_fault_is_told_at_once() -> None:
    text = (
        GOOD.replace("$..email", "email")
        .replace("partial:2", "hash")
        .replace("other-2", "personal-data")
    )
    _, faults = load(text.replace("$.a", "$.a|$.b"))

    assert [fault.split(": ")[1] for fault in faults] == [
        "sets[0].fields[0].path",
        "sets[0].fields[1].with",
        "sets[1].name",
        "sets[1].fields[0].path",
    ]


def test_a_fault_of_another_file_is_not_this_ones() -> None:
    faults = Faults()
    document.read("a: 1\na: 2\n", "other.yaml", faults)

    assert parse(document.read(GOOD, "masks.yaml", faults), faults)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("personal-data", "$..email"),
        ("personal-data", "$..phone"),
        ("personal-data", "$..ssn"),
        ("payment-data", "$..iban"),
        ("payment-data", "$..card_number"),
        ("health-data", "$..diagnosis"),
        ("credentials", "$..password"),
    ],
)
def test_the_shipped_sets_have_the_plain_fields(name: str, path: str) -> None:
    sets = good(SHIPPED.read_text(encoding="utf-8"))

    assert path in [f.label for f in sets.get(name).fields]


def test_no_sets_have_no_name() -> None:
    assert MaskSets().names == ()
