"""Names in any case: whoever reads ``EMAIL`` as ``email`` finds nothing there that was not masked."""

import json
from urllib.parse import urlencode

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from residency.core import document
from residency.core.body import Content, mask_body
from residency.core.faults import Faults
from residency.core.mask.engine import mask_json
from residency.core.mask.names import fold
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets, parse
from residency.core.mask.swift import SMALLEST


def read(text: str) -> tuple[MaskSets | None, list[str]]:
    faults = Faults()
    sets = parse(document.read(f"version: 1\nsets:\n{text}", "masks.yaml", faults), faults)
    return sets, [str(fault) for fault in sorted(faults.found)]


def one(*fields: str, more: str = "") -> MaskSets:
    sets, faults = read(
        f"  - {{name: s, why: w, names: any-case, fields: [{', '.join(fields)}]{more}}}\n"
    )
    assert sets, faults
    return sets


EMAIL = one("{path: $..email}")
SPELLINGS = ["email", "Email", "EMAIL", "eMaIl", "\\u0045mail"]


def masked(text: str, sets: MaskSets = EMAIL) -> str:
    return mask_json(text.encode(), sets.job(["s"]), Session()).data.decode()


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_name_matches_whatever_its_case(name: str) -> None:
    assert (
        masked(f'{{"a":[{{"{name}":"secret"}}],"mail":1}}')
        == f'{{"a":[{{"{name}":"***"}}],"mail":1}}'
    )


def test_names_that_differ_in_their_case_only_are_both_masked() -> None:
    assert masked('{"email":"secret","EMAIL":{"x":"secret"}}') == '{"email":"***","EMAIL":"***"}'


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("kind", "\u212aIND"), ("sex", "\u017fex"), ("stra\u00dfe", "STRA\u1e9eE"), ("stra\u00dfe", "STRASSE"), ("\u03c3", "\u03c2"), ("mail", "MA\u0130L"), ("mail", "ma\u0131l")],
)  # fmt: skip
def test_letters_that_some_reader_takes_for_another_match(name: str, spelled: str) -> None:
    using = one(f"{{path: \"$['{name}']\"}}")

    assert masked(json.dumps({spelled: "secret"}, ensure_ascii=False), using) == json.dumps(
        {spelled: "***"}, ensure_ascii=False
    )


def test_what_one_letter_is_to_unicode_it_is_here() -> None:
    """RE2 folds as Go does: both by the simple foldings of Unicode, and one by its author."""
    cased = [c for c in map(chr, range(0x110000)) if not 0xD800 <= ord(c) < 0xE000 and {c.upper(), c.lower(), c.casefold()} != {c}]  # fmt: skip
    text = "".join(cased)
    assert len(cased) > 2000

    for c in cased:
        assert {fold(d) for d in re2.findall(f"(?i){re2.escape(c)}", text)} == {fold(c)}


def test_without_it_names_match_as_they_are_spelled() -> None:
    sets, _ = read("  - {name: s, why: w, fields: [{path: $..email}]}\n")
    assert sets

    assert masked('{"Email":1,"email":1}', sets) == '{"Email":1,"email":"***"}'


def test_it_is_the_names_of_its_own_set_alone() -> None:
    sets, faults = read(
        "  - {name: s, why: w, names: any-case, fields: [{path: $.a}]}\n"
        '  - {name: t, why: w, fields: [{path: $.b, with: "null"}]}\n'
    )
    assert sets, faults
    job = sets.job(["s", "t"])

    assert (
        mask_json(b'{"A":1,"B":1,"a":1,"b":1}', job, Session()).data
        == b'{"A":"***","B":1,"a":"***","b":null}'
    )


@pytest.mark.parametrize(
    "field", ["{path: \"$['A', 'b'].c\"}", '{path: "$.*.c"}', '{path: "$.a[0].C"}', "{path: $..c, detect: [email]}"]
)  # fmt: skip
def test_every_name_of_a_path_is_one(field: str) -> None:
    text = '{"a":[{"C":"x@y.org"}],"A":{"c":"x@y.org"},"B":{"C":"x@y.org"}}'
    out = masked(text, one(field))

    want = {"$['A', 'b'].c": 2, "$.*.c": 2, "$.a[0].C": 1, "$..c": 3}
    assert out.count("***") == next(n for p, n in want.items() if p in field)


def test_keys_that_are_data_are_found_in_any_case() -> None:
    assert (
        masked('{"CONTACTS":{"bob":1}}', one('{path: "$.contacts.*~"}'))
        == '{"CONTACTS":{"***":1}}'
    )


def test_json_in_strings_and_schemas_are_found_in_any_case() -> None:
    using = one("{path: $..email}", more=", json: [$.arguments], schemas: [$.parameters]")
    text = json.dumps(
        {"Arguments": '{"Email":"secret"}', "PARAMETERS": {"properties": {"Email": {}}}}
    )

    assert json.loads(masked(text, using)) == {
        "Arguments": '{"Email":"***"}',
        "PARAMETERS": {"properties": {"Email": {}}},
    }


def test_large_bodies_go_the_quick_way() -> None:
    rows = [{"EMAIL": f"secret{n}", "x": n} for n in range(SMALLEST // 20)]
    text = json.dumps(rows)
    job = EMAIL.job(["s"])

    assert json.loads(masked(text)) == [{**row, "EMAIL": "***"} for row in rows]
    assert job.top.plan.swift.courses


def test_lines_are_asked_about_together() -> None:
    raw = b"\n".join(b'{"Email":"secret"}' for _ in range(40))
    content = Content(raw, (("content-type", "application/x-ndjson"),))

    assert mask_body(content, EMAIL, ["s"], limit=10_000).raw == raw.replace(b"secret", b"***")


@pytest.mark.parametrize("name", ["Email", "user[EMAIL]", "EMAIL[]", "User.Email"])
def test_forms_have_names_too(name: str) -> None:
    raw = urlencode({name: "secret", "x": "y"}).encode()
    content = Content(raw, (("content-type", "application/x-www-form-urlencoded"),))

    assert mask_body(content, EMAIL, ["s"], limit=10_000).raw == raw.replace(b"secret", b"***")


@pytest.mark.parametrize("place", ["query", "cookie"])
@pytest.mark.parametrize("name", ["Email", "EMAIL", "email"])
def test_a_calls_head_has_names_too(place: str, name: str) -> None:
    """ASP.NET Core reads parameters and form fields in any case."""
    using = one(f"{{{place}: eMail}}")
    content = Content(b"", (("cookie", f"a=1; {name}=secret"),), "/", f"a=1&{name}=secret")

    found = mask_body(content, using, ["s"], limit=0)

    assert found.counts["s"] == {f"{place}:eMail": 1}
    assert (found.target, found.headers) == (
        (f"/?a=1&{name}=***", {}) if place == "query" else (None, {0: f"a=1; {name}=***"})
    )


def test_a_filter_in_such_a_set_is_a_fault_at_its_place() -> None:
    sets, faults = read(
        '  - name: s\n    why: w\n    names: any-case\n    json: ["$[?@.b].a"]\n'
        "    fields:\n      - path: $.a\n      - path: $..x[?@.a == 1]\n"
    )

    assert sets is None
    mend = "(put this field into a set without names: any-case)"
    assert [f.partition(": ")[0] for f in faults] == ["masks.yaml:6:12", "masks.yaml:9:15"]
    assert all(f.endswith(mend) for f in faults)


def test_another_word_than_any_case_is_a_fault() -> None:
    _, faults = read("  - {name: s, why: w, names: any, fields: [{path: $.a}]}\n")

    assert [f.partition(": ")[0] for f in faults] == ["masks.yaml:3:30"]


def test_records_tell_such_a_set_from_the_same_without() -> None:
    sets, _ = read("  - {name: s, why: w, fields: [{path: $..email}]}\n")
    assert sets

    assert sets.get("s").paths != EMAIL.get("s").paths


NAMES = st.text(
    "eEmMaAiIlL\u0130\u0131kK\u212asS\u017f\u00df\u1e9e\u00e9\u0301", min_size=1, max_size=4
)
DOCUMENTS = st.recursive(
    st.integers(0, 9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)  # fmt: skip


@given(DOCUMENTS, NAMES)
def test_it_selects_what_the_same_path_selects_of_folded_names(value: object, name: str) -> None:
    def replaced(value: object) -> object:
        if isinstance(value, list):
            return [replaced(v) for v in value]
        if isinstance(value, dict):
            return {k: "***" if fold(k) == fold(name) else replaced(v) for k, v in value.items()}
        return value

    using = one(f"{{path: {json.dumps(f'''$..["{name}"]''')}}}")
    assert json.loads(masked(json.dumps(value), using)) == replaced(value)


def test_a_path_says_whether_it_folds() -> None:
    assert not path("$..email").folds
    assert path("$..email").in_any_case.folds
    assert path("$..Email").in_any_case.text == "$..Email"
