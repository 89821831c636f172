"""Masking with all that a set can say: parts of texts, JSON in strings, keys, members that go, tokens."""

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core import document
from residency.core.faults import Faults
from residency.core.mask import removal
from residency.core.mask.engine import (
    inspect_json,
    inspect_text,
    mask_json,
    mask_text,
    mask_value,
    require,
)
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets, parse
from residency.errors import Unread
from tests.jsonbody import mask


def sets(text: str) -> MaskSets:
    """Sets from the rows of one, or whole."""
    if not text.lstrip().startswith("sets:"):
        text = f"sets:\n  - name: s\n    why: a test\n{text}"
    faults = Faults()
    made = parse(document.read(f"version: 1\n{text}", "masks.yaml", faults), faults)
    assert [str(f) for f in faults.found] == []
    assert made
    return made


def fields(*rows: str, more: str = "") -> MaskSets:
    return sets(f"    fields: [{', '.join(rows)}]\n{more}")


def session() -> Session:
    return Session(b"k" * 32, b"nonce")


def masked(text: str, using: MaskSets, call: Session | None = None) -> str:
    job = using.job(using.names)
    edited = mask_json(text.encode(), job, call or session())
    assert edited.counts == inspect_json(text.encode(), job)
    return edited.data.decode()


def reason(text: str, using: MaskSets) -> str:
    with pytest.raises(Unread) as caught:
        masked(text, using)
    assert "canary" not in str(caught.value)
    return caught.value.reason


# Members and elements that go


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":1,"b":2}', '{"b":2}'),
        ('{"b":2,"a":1}', '{"b":2}'),
        ('{"a":1}', "{}"),
        ('{ "b" : 2 , "a" : 1 }', '{ "b" : 2   }'),
        ('{ "a" : 1 , "b" : 2 }', '{   "b" : 2 }'),
        ('{\n  "b": 2,\n  "a": {"a": ","}\n}', '{\n  "b": 2\n  \n}'),
        ('[{"a":1},{"a":[1,"]"],"x":"\\"a\\":1,"}]', '[{},{"x":"\\"a\\":1,"}]'),
        ('{"x\\\\\\"":{"a":1},"\\u0061":2,"y":3}', '{"x\\\\\\"":{},"y":3}'),
        ('{"é":1,"a":2,"ü":3}', '{"é":1,"ü":3}'),
    ],
)
def test_a_removed_member_goes_with_one_comma(before: str, after: str) -> None:
    assert masked(before, fields("{path: $..a, with: remove}")) == after


@pytest.mark.parametrize("count", range(1, 5))
def test_whichever_members_go_the_rest_is_json_and_stays(count: int) -> None:
    names = ["p", "q", "r", "s"][:count]
    for gone in itertools.chain.from_iterable(
        itertools.combinations(names, n) for n in range(1, count + 1)
    ):
        text = "{ " + " , ".join(f'"{n}" : {{"{n}":0}}' for n in names) + " }"
        using = fields(*(f"{{path: $.{name}, with: remove}}" for name in gone))

        left = masked(text, using)

        assert json.loads(left) == {n: {n: 0} for n in names if n not in gone}
        assert left.count(",") == max(count - len(gone) - 1, 0)


@pytest.mark.parametrize(("before", "after"), [("[1,2,3]", "[]"), ("[ 1 , 2 ]", "[    ]")])
def test_every_element_may_go(before: str, after: str) -> None:
    assert masked(before, fields('{path: "$[*]", with: remove}')) == after


def test_a_removal_does_not_read_all_that_stands_before_it() -> None:
    class Counted(bytes):
        read = 0

        def __getitem__(self, at: Any) -> Any:
            found = super().__getitem__(at)
            self.read += 1 if isinstance(found, int) else len(found)
            return found

    data = Counted(b"[" + b"1," * 50_000)

    assert not removal.is_root(data, 90_001)
    assert 0 < data.read < 10
    assert removal.is_root(b" \t1", 2)


def test_elements_go_by_what_they_are() -> None:
    using = fields('{path: "$[?@.minor == true]", with: remove}')

    assert masked('[{"n":1},{"minor":true},{"n":2},{"minor":true}]', using) == '[{"n":1},{"n":2}]'


def test_a_removed_body_is_null() -> None:
    assert masked(' {"a": 1} ', fields("{path: $, with: remove}")) == " null "


def test_a_key_is_not_masked_where_its_member_goes() -> None:
    using = fields("{path: $.a, with: remove}", "{path: $.*~, with: hmac}")

    assert re.fullmatch(r'\{"hmac:[0-9a-f]{32}":2\}', masked('{"a":1,"b":2}', using))


def test_where_a_removal_makes_more_match_nothing_is_sent() -> None:
    using = fields('{path: "$[?!@.a].b", with: constant}', "{path: $..a, with: remove}")

    assert reason('[{"a":1,"b":"canary"}]', using) == "drift"


# Keys


def test_keys_that_are_data_are_masked_in_their_place() -> None:
    using = fields('{path: "$.contacts.*~", with: token:email}')
    call = session()

    sent = masked('{"contacts": {"a@b.de" : 1, "\\u0063@d.de":{}}, "x": 1}', using, call)

    first, second = call.originals
    assert sent == f'{{"contacts": {{"{first}" : 1, "{second}":{{}}}}, "x": 1}}'
    assert set(call.originals.values()) == {'"a@b.de"', '"c@d.de"'}


def test_masked_keys_that_would_be_equal_are_not_sent() -> None:
    assert reason('{"canary1": 1, "canary2": 2}', fields('{path: "$.*~"}')) == "duplicate-key"


def test_a_key_and_its_value_may_both_be_masked() -> None:
    using = fields('{path: "$.a~", with: constant:k}', "{path: $.a, with: constant:v}")

    assert masked('{"a": 1}', using) == '{"k": "v"}'


# Parts of texts


def test_only_what_is_detected_is_replaced_and_the_rest_keeps_its_spelling() -> None:
    using = fields('{path: $..notes, detect: [email, card], with: "partial:4"}')
    text = '{"notes": "\\u00dcber \\u0061\\u0040b.de\\/ \\ud83d\\ude00\\n4111 1111 1111 1111é", "x": "a@b.de"}'

    sent = masked(text, using)

    assert sent == text.replace("\\u0061\\u0040b", "**b").replace(
        "4111 1111 1111 1111", "*" * 15 + "1111"
    )


@pytest.mark.parametrize(
    "text",
    ['{"x": "mail a@b.de now"}', '["a@b.de"]', '"a@b.de"', '{"a@b.de": 1}', '{"x": [{"y": "<a\\u0040b.de>"}]}', '"\\u200ba@b.\\u00adde"'],
)  # fmt: skip
def test_without_a_path_every_string_is_looked_at(text: str) -> None:
    sent = masked(text, fields("{detect: [email]}"))

    assert "***" in sent
    assert "b.de" not in sent


def test_a_number_that_is_a_card_becomes_a_text() -> None:
    using = fields('{detect: [card], with: "partial:4"}')

    assert (
        masked('{"n": 4111111111111111, "m": 4111111111111112}', using)
        == '{"n": "************1111", "m": 4111111111111112}'
    )


@pytest.mark.parametrize(
    ("number", "new"),
    [
        ("4.111111111111111e15", "***"),
        ("4111111111111111.0E+00", "***.0"),
        ("-41111111111111110e-1", "-***.0"),
        ("411111111111111100e-0002", "***.00"),
    ],
)
def test_a_number_that_is_a_card_is_one_however_it_is_scaled(number: str, new: str) -> None:
    assert masked(f"[{number}, 1e5]", fields("{detect: [card]}")) == f'["{new}", 1e5]'


def test_a_number_with_a_huge_exponent_is_not_written_out() -> None:
    text = "[1e999999999, 4e-99999, 1" + "0" * 10_000 + "e99]"

    assert masked(text, fields("{detect: [card]}")) == text


def test_a_selected_object_is_looked_at_with_all_that_is_in_it() -> None:
    using = fields("{path: $.a, detect: [email]}")

    assert (
        masked('{"a": {"x": ["a@b.de"]}, "b": "a@b.de"}', using)
        == '{"a": {"x": ["***"]}, "b": "a@b.de"}'
    )


def test_what_overlaps_goes_with_the_strictest_method_whatever_the_order() -> None:
    rows = [
        '{detect: [email], with: "partial:4"}',
        "{path: $.a, detect: [{pattern: 'EMP-[0-9]+', name: emp}], with: remove}",
    ]
    for order in itertools.permutations(rows):
        assert masked('{"a": "x EMP-1@b.de y"}', fields(*order)) == '{"a": "x  y"}'


def test_a_value_that_goes_as_a_whole_takes_its_parts_with_it() -> None:
    using = fields("{path: $.a}", "{detect: [email], with: constant:e}")

    assert masked('{"a": {"b": "a@b.de"}, "c": "a@b.de"}', using) == '{"a": "***", "c": "e"}'


def test_what_masking_has_put_there_may_look_like_what_is_detected() -> None:
    using = fields("{detect: [email], with: 'constant:nobody@example.com'}")

    assert masked('["a@b.de x@y.de"]', using) == '["nobody@example.com nobody@example.com"]'


def test_where_masking_makes_another_match_nothing_is_sent() -> None:
    using = fields(
        "{detect: [{pattern: 'b', name: b}], with: remove}",
        "{detect: [{pattern: 'ac', name: ac}]}",
    )

    assert reason('"abc canary"', using) == "drift"


def test_a_token_for_a_part_has_the_type_of_what_was_detected() -> None:
    call = session()
    sent = masked('"from a@b.de to a@b.de"', fields("{detect: [email], with: token}"), call)

    (token,) = call.originals
    assert token.startswith("<email:")
    assert sent == f'"from {token} to {token}"'
    assert call.originals[token] == '"a@b.de"'


@pytest.mark.parametrize(
    "body",
    ['{"email": "x@y.de"}', '{"args": "{\\"email\\": \\"x@y.de\\"}"}', '{"args": ["x@y.de"]}'],
)
def test_a_set_finds_the_same_whatever_other_sets_take(body: str) -> None:
    """A call with an address was clean to ``none_of: [b]`` where another set took the value as a whole."""
    two = """sets:
  - {name: a, why: t, fields: [{path: $.email}, {path: $.args}]}
  - {name: b, why: t, fields: [{detect: [email]}, {path: $..email}], json: [$.args]}
"""
    using = sets(two if '"{' in body else two.replace(", json: [$.args]", ""))

    alone = inspect_json(body.encode(), using.job(["b"]))

    assert any(alone["b"].values())
    assert inspect_json(body.encode(), using.job(["a", "b"]))["b"] == alone["b"]


def test_counts_of_parts_are_by_field() -> None:
    using = fields("{path: $.a, detect: [email, iban]}", "{detect: [card]}", "{path: $.a}")
    job = using.job(["s"])

    counts = inspect_json(b'{"a": "a@b.de x@y.de 4111111111111111"}', job)

    assert counts == {"s": {"$.a detect:email,iban": 2, "detect:card": 1, "$.a": 1}}
    assert inspect_json(b'{"b": "4111111111111111"}', job)["s"]["detect:card"] == 1


def test_plain_text_is_looked_at_by_fields_without_a_path() -> None:
    using = fields("{detect: [email], with: token}", "{path: $.a}", "{path: $, detect: [card]}")
    job, call = using.job(["s"]), session()

    text, counts = mask_text("é a@b.de 4111111111111111", job, call)

    assert text == f"é {next(iter(call.originals))} 4111111111111111"
    assert (
        counts
        == inspect_text("é a@b.de 4111111111111111", job)
        == {"s": {"detect:email": 1, "$.a": 0, "$ detect:card": 0}}
    )


# JSON in strings

TOOLS = "    json: ['$..arguments']\n"


def test_json_in_a_string_is_masked_inside_and_the_rest_keeps_its_spelling() -> None:
    using = fields("{path: $..email}", more=TOOLS)

    sent = masked(
        '{"arguments": "{\\"email\\":\\u0022a\\u0040b.de\\", \\"n\\": 1.00,\\n\\"x\\":\\"\\u00e9é\\\\u00e9\\"}"}',
        using,
    )

    assert (
        sent
        == '{"arguments": "{\\"email\\":\\"***\\", \\"n\\": 1.00,\\n\\"x\\":\\"\\u00e9é\\\\u00e9\\"}"}'
    )


def test_json_in_json_in_a_string_is_masked_inside() -> None:
    inner = json.dumps(
        {"arguments": json.dumps({"email": "é@b.de", "x": "é"}), "é": 1}, ensure_ascii=False
    )
    using = fields("{path: $..email, with: token}", more=TOOLS)
    call = session()

    sent = json.loads(masked(json.dumps({"arguments": inner, "email": 1}), using, call))

    assert json.loads(json.loads(sent["arguments"])["arguments"])["x"] == "é"
    assert json.loads(json.loads(sent["arguments"])["arguments"])["email"] in call.originals
    assert set(call.originals.values()) == {'"\\u00e9@b.de"', "1"}


def test_json_in_strings_is_entered_as_deep_as_the_set_says_and_no_deeper() -> None:
    using = fields("{path: $..email}", more=TOOLS + "    depth: 2\n")

    def nested(deep: int) -> str:
        value: object = {"email": "canary"}
        for _ in range(deep):
            value = {"arguments": json.dumps(value)}
        return json.dumps(value)

    assert "canary" not in masked(nested(2), using)
    assert reason(nested(3), using) == "depth"


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ('{"email": "canary"', "not-json"),
        ("canary", "not-json"),
        ('{"email": 1, "email": "canary"}', "duplicate-key"),
        ('{"a": NaN}', "number"),
        ('{"a": "\\ud800"}', "surrogate"),
        ("[" * 65 + "]" * 65, "depth"),
    ],
)
def test_a_string_that_has_to_be_json_and_is_not_is_not_sent(inner: str, why: str) -> None:
    assert reason(json.dumps({"arguments": inner}), fields("{path: $..email}", more=TOOLS)) == why


@pytest.mark.parametrize("value", ['""', '" "', "{}", "null", '{"email": 1}', "3"])
def test_where_json_is_expected_it_may_stand_as_it_is_or_not_at_all(value: str) -> None:
    sent = masked(f'{{"arguments": {value}}}', fields("{path: $..email}", more=TOOLS))

    assert sent == f'{{"arguments": {value}}}'.replace('"email": 1', '"email": "***"')


def test_a_text_that_may_be_json_is_looked_at_as_what_it_is() -> None:
    using = fields("{path: $..ssn}", "{detect: [email]}", more="    text_or_json: ['$.content']\n")

    assert masked('{"content": "[a@b.de] ssn"}', using) == '{"content": "[***] ssn"}'
    assert (
        masked('{"content": "{\\"ssn\\":1,\\"a\\\\u0040b.de\\":2}"}', using)
        == '{"content": "{\\"ssn\\":\\"***\\",\\"***\\":2}"}'
    )
    assert reason('{"content": "{\\"a\\":1,\\"a\\":\\"canary\\"}"}', using) == "duplicate-key"


PROSE = fields("{path: $..ssn}", "{detect: [email]}", more="    text_or_json: ['$.content']\n")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('{"ssn":1}\n{"ssn":"é"}', '{"ssn":"***"}\n{"ssn":"***"}'),
        ('\r\n{"é":1} \n\n[{"ssn":{}}]\n', '\r\n{"é":1} \n\n[{"ssn":"***"}]\n'),
        ('{\n "ssn": 1\n}\n{\n "ssn": 2\n}', '{\n "ssn": "***"\n}\n{\n "ssn": "***"\n}'),
        ('{"ssn":1},\n{"ssn":2}', '{"ssn":"***"},\n{"ssn":"***"}'),
        ('\x1e{"ssn":1}\n\x1e{"ssn":2}\n', '\x1e{"ssn":"***"}\n\x1e{"ssn":"***"}\n'),
        ('{"ssn":1}\n{"a":"x@y.org"}', '{"ssn":"***"}\n{"a":"***"}'),
        ('{"ssn":1} is é, of x@y.org', '{"ssn":"***"} is é, of ***'),
        ('{"ssn":"x@y.org"}x@y.org {"a":"x@y.org"}', '{"ssn":"***"}*** {"a":"***"}'),
        ("[1] as é says: x@y.org", "[1] as é says: ***"),
        ("[x](http://y.org) of x@y.org", "[x](http://y.org) of ***"),
        ("{ssn: 1} of x@y.org", "{ssn: 1} of ***"),
        ("{} {} x@y.org", "{} {} ***"),
    ],
)
def test_a_text_of_several_documents_is_masked_in_each(said: str, left: str) -> None:
    for ascii_only in (True, False):
        sent = masked(json.dumps({"content": said}, ensure_ascii=ascii_only), PROSE)

        assert sent == json.dumps({"content": left}, ensure_ascii=ascii_only)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"ssn":"canary"', "not-json"),
        ('{"ssn":"cana', "not-json"),
        ('[1, {"ssn":"canary"', "not-json"),
        ('{"ssn":"canary",}', "not-json"),
        ('{"a":1}\n{"ssn":"cana', "not-json"),
        ('{"a":1}\n{"ssn":1,"ssn":"canary"}', "duplicate-key"),
        ('{"a":1}\n{"ssn":NaN}', "number"),
        ('{"a":1}\n{"ssn":"\\ud800"}', "surrogate"),
        ('{"a":1}\n' + "[" * 65 + "]" * 65, "depth"),
        ('{"a":1}\n' + "[" * 100_000, "depth"),
    ],
)
def test_a_text_that_is_json_but_breaks_off_is_not_sent(said: str, why: str) -> None:
    assert reason(json.dumps({"content": said}), PROSE) == why


def test_more_documents_in_a_text_than_a_body_may_have_are_not_sent() -> None:
    assert reason(json.dumps({"content": "{}\n" * 20_001}), PROSE) == "too-large"


def test_what_is_removed_from_one_document_of_a_text_leaves_the_others() -> None:
    using = fields(
        "{path: $.ssn, with: remove}",
        "{path: $.a, with: token}",
        more="    text_or_json: ['$.content']\n",
    )
    said = '{"ssn":1,"b":1}\n{"ssn":2}\n{"a":"x","ssn":3}'
    call = session()

    sent = json.loads(masked(json.dumps({"content": said}), using, call))["content"]

    assert sent == '{"b":1}\n{}\n{"a":' + json.dumps(call.token("a", '"x"')) + "}"


def test_a_document_that_is_removed_is_null() -> None:
    using = fields(
        "{path: $.content}",
        "{path: '$[?@.ssn]', with: remove}",
        more="    text_or_json: ['$.x']\n",
    )
    whole = fields("{path: $, with: remove}", more="    text_or_json: ['$.content']\n")

    assert masked('{"x":"[{\\"ssn\\":1}] []"}', using) == '{"x":"[] []"}'
    assert masked('{"content":"{} []"}', whole) == "null"


def test_json_behind_a_byte_order_mark_is_not_taken_for_a_text() -> None:
    using = fields("{path: $..ssn}", more="    text_or_json: [$.a]\n")

    assert reason(json.dumps({"a": '\ufeff {"ssn": "canary"}'}), using) == "charset"
    assert masked('{"a": "\ufeffhello"}', using) == '{"a": "\ufeffhello"}'


def test_other_sets_detect_inside_the_json_that_one_declares() -> None:
    using = sets(
        "sets:\n"
        "  - {name: a, why: w, fields: [{path: $..ssn}], json: [$.arguments]}\n"
        "  - {name: b, why: w, fields: [{detect: [email]}, {path: $.ssn, with: remove}]}\n"
    )

    sent = masked('{"arguments": "{\\"ssn\\":1,\\"x\\":\\"a\\\\u0040b.de\\"}"}', using)

    assert sent == '{"arguments": "{\\"ssn\\":\\"***\\",\\"x\\":\\"***\\"}"}'


def test_members_of_json_in_a_string_may_go() -> None:
    using = fields("{path: $..email, with: remove}", more=TOOLS)

    assert (
        masked('{"arguments":"{\\"email\\":\\"é\\",\\"é\\":1}"}', using)
        == '{"arguments":"{\\"é\\":1}"}'
    )


def test_a_string_with_json_that_goes_as_a_whole_is_not_entered() -> None:
    using = fields("{path: $.arguments}", "{path: $..email}", more=TOOLS)

    assert (
        masked('{"arguments": "no json"}'.replace("no json", "{}"), using)
        == '{"arguments": "***"}'
    )


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "email", "é"]), inner, max_size=3)
        | st.dictionaries(st.just("arguments"), inner.map(json.dumps), max_size=1)
    ),
    max_leaves=12,
)


def replaced(value: object) -> object:
    """An independent reading of ``$..email`` and ``json: $..arguments``."""
    if isinstance(value, list):
        return [replaced(one) for one in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, object] = {}
    for key, one in value.items():
        if key == "email":
            made[key] = "***"
        elif key == "arguments" and isinstance(one, str):
            made[key] = replaced(json.loads(one)) if one.strip() else one
        else:
            made[key] = replaced(one)
    return made


def opened(value: object) -> object:
    if isinstance(value, list):
        return [opened(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        k: opened(json.loads(v))
        if k == "arguments" and isinstance(v, str) and v.strip()
        else opened(v)
        for k, v in value.items()
    }


@given(DOCUMENTS, st.booleans())
def test_json_in_strings_is_masked_like_json(value: object, ascii_only: bool) -> None:  # noqa: FBT001
    using = fields("{path: $..email}", more=TOOLS + "    depth: 8\n")

    sent = masked(json.dumps(value, ensure_ascii=ascii_only), using)

    assert opened(json.loads(sent)) == replaced(value)


# JSON Schemas

SCHEMA = "    schemas: ['$.tools[*].parameters']\n"


def test_the_definition_of_a_field_in_a_schema_is_not_the_field() -> None:
    using = fields("{path: $..email}", "{detect: [email]}", more=SCHEMA)
    text = (
        '{"tools":[{"parameters":{"properties":{"email":{"default":"a@b.de","email":"canary"}},'
        '"example":{"email":"canary"}}}],"email":{"x":"canary"}}'
    )

    sent = masked(text, using)

    assert sent == (
        '{"tools":[{"parameters":{"properties":{"email":{"default":"***","email":"***"}},'
        '"example":{"email":"***"}}}],"email":"***"}'
    )


@pytest.mark.parametrize(
    ("schema", "left"),
    [
        # What a definition has as data are values of its field.
        ('{"email":{"type":"string","default":"canary"}}', '{"email":{"type":"string","default":"***"}}'),
        ('{"email":{"const":{"x":"canary"},"title":"t"}}', '{"email":{"const":"***","title":"t"}}'),
        ('{"email":{"enum":["canary", 2]}}', '{"email":{"enum":["***", "***"]}}'),
        ('{"email":{"examples":[["canary"]],"example":1}}', '{"email":{"examples":["***"],"example":"***"}}'),
        ('{"email":{"examples":{"a":"canary"}}}', '{"email":{"examples":"***"}}'),
        ('{"email":{"items":[{"Default":"canary"}]}}', '{"email":{"items":[{"Default":"***"}]}}'),
        ('{"email":{"anyOf":[{"const":"canary"},{}]}}', '{"email":{"anyOf":[{"const":"***"},{}]}}'),
        ('{"email":{"d\\u0065fault":"canary"}}', '{"email":{"d\\u0065fault":"***"}}'),
        ('{"email":{"properties":{"é":{"default":"canary"}}}}', '{"email":{"properties":{"é":{"default":"***"}}}}'),
        # In data an object of that name is data.
        ('{"a":{"default":{"email":{"x":"canary"}}}}', '{"a":{"default":{"email":"***"}}}'),
        ('{"a":{"enum":[{"email":{"x":"canary"}}]}}', '{"a":{"enum":[{"email":"***"}]}}'),
        ('{"a":{"const":{"properties":{"email":{"x":"canary"}}}}}', '{"a":{"const":{"properties":{"email":"***"}}}}'),
        # A property of that name is no keyword.
        ('{"default":{"type":"object"},"email":{"properties":{"default":{"type":"x"}}}}', None),
        ('{"example":{"properties":{"email":{"type":"string"}}}}', None),
        ('{"email":{"description":"d","pattern":".","$defs":{"const":{"type":"x"}}}}', None),
        ('{"a":{"default":"x","enum":["y"]}}', None),
    ],
)  # fmt: skip
def test_data_in_a_schema_is_data(schema: str, left: str | None) -> None:
    def text(properties: str) -> str:
        return (
            f'{{"tools":[{{"parameters":{{"type":"object","properties":{properties},'
            '"required":["email"]}}]}'
        )

    assert masked(text(schema), fields("{path: $..email}", more=SCHEMA)) == text(left or schema)


def test_where_definitions_meet_the_strictest_method_takes_their_data() -> None:
    rows = ("{path: $..address, with: hmac}", '{path: $..street, with: "null"}')
    text = '{"tools":[{"parameters":{"properties":{"address":{"properties":{"street":{"default":"x"}}}}}}]}'

    for order in (rows, rows[::-1]):
        assert masked(text, fields(*order, more=SCHEMA)) == text.replace('"x"', "null")


def test_data_in_a_schema_can_be_removed() -> None:
    using = fields("{path: $..email, with: remove}", more=SCHEMA)
    text = (
        '{"tools":[{"parameters":{"properties":{"email":{"type":"s","default":1,"enum":[1,2]}}}}]}'
    )

    assert masked(text, using) == text.replace(',"default":1', "").replace("[1,2]", "[]")


def test_a_field_that_a_schema_has_data_of_is_there() -> None:
    using = fields("{path: $..email, required: true}", more=SCHEMA)
    job = using.job(["s"])
    text = b'{"tools":[{"parameters":{"properties":{"email":{%s}}}}]}'

    assert mask_json(text % b'"enum":[1,2]', job, session()).counts == {"s": {"$..email": 2}}
    assert mask_json(text % b"", job, session()).counts == {"s": {"$..email": 0}}


def test_a_schema_is_one_to_the_sets_that_say_so() -> None:
    rows = ("{path: $..email}", "{path: $..x}")
    using = sets(
        "sets:\n"
        f"  - {{name: a, why: w, fields: [{rows[0]}], schemas: [$.tools]}}\n"
        f"  - {{name: b, why: w, fields: [{', '.join(rows)}]}}\n"
    )

    text = '{"tools":{"properties":{"email":{"x":1}}}}'
    assert masked(text, using) == '{"tools":{"properties":{"email":"***"}}}'
    assert mask_json(text.encode(), using.job(["a"]), session()).counts == {"a": {"$..email": 0}}


# What is required


def test_where_a_required_field_is_missing_nothing_is_sent() -> None:
    using = fields("{path: $.patient.id, required: true}", "{path: $.x}")

    with pytest.raises(Unread) as caught:
        mask(b'{"patient": {}}', [], using, ["s"], limit=100)
    assert (caught.value.reason, caught.value.detail) == (
        "required",
        "nothing to mask at $.patient.id",
    )
    with pytest.raises(Unread, match="required"):
        mask(b"", [], using, ["s"], limit=100)
    assert (
        mask(b'{"patient":{"id":1}}', [], using, ["s"], limit=100).raw
        == b'{"patient":{"id":"***"}}'
    )
    require(using.job(["s"]), {"s": {"$.patient.id": 1, "$.x": 0}})


# Directions and places


def test_a_set_for_answers_finds_nothing_in_requests() -> None:
    using = fields("{path: $.a}", more="    direction: response\n")

    assert mask_json(b'{"a": 1}', using.job(["s"]), session()).data == b'{"a": 1}'
    assert mask_json(b'{"a": 1}', using.job(["s"], "response"), session()).data == b'{"a": "***"}'
    assert using.job(["s"]).counts() == {"s": {}}


def test_a_value_of_the_head_is_masked_by_its_field() -> None:
    using = fields("{query: email, with: token}", "{header: X-Note, detect: [email]}")
    job, call = using.job(["s"]), session()

    assert job.places == (0, 1)
    assert [job.fields[n].label for n in job.places] == [
        "query:email",
        "header:x-note detect:email",
    ]
    assert mask_value("a@b.de", 0, job, call) == (next(iter(call.originals)), 1)
    assert mask_value("to a@b.de", 1, job, call) == ("to ***", 1)
    assert mask_value("nobody", 1, job, call) == ("nobody", 0)


def test_a_token_of_a_field_has_its_last_name_for_a_type() -> None:
    for path, kind in (
        ("$..Email", "email"),
        ("$['e-mail'][0]", "e-mail"),
        ("$.a.*", "a"),
        ("$", "value"),
        ("$.x[?@.y == 'z']", "value"),
    ):
        call = session()
        job = sets(f'    fields: [{{path: "{path}", with: token}}]\n').job(["s"])
        mask_json(b'{"Email": 1, "e-mail": [1], "a": {"b": 1}, "x": [{"y": "z"}]}', job, call)
        assert next(iter(call.originals)).startswith(f"<{kind}:")


def test_a_job_is_made_once_and_sets_travel_without_it() -> None:
    import pickle

    using = fields("{path: $.a}")

    assert using.job(["s", "s"]) is using.job(["s"])
    assert pickle.loads(pickle.dumps(using)) == using  # noqa: S301 - our own bytes
