"""Masking a body: only what is selected changes, and what cannot be read is never clean."""

import itertools
import json

import pytest

from residency.core.body import Masked
from residency.core.mask import apply, coding, method, path
from residency.core.mask.coding import decode, encode
from residency.core.mask.sets import MaskField, MaskSet, MaskSets
from residency.errors import Unread, UnreadReason
from tests.jsonbody import inspect, mask

LIMIT = 100_000


def sets(**fields: dict[str, str]) -> MaskSets:
    return MaskSets(
        tuple(
            MaskSet(
                name=name,
                why="a test",
                fields=tuple(MaskField(path.compile(p), method.parse(m)) for p, m in of.items()),
            )
            for name, of in fields.items()
        )
    )


PII = sets(pii={"$..ssn": "constant", "$..pan": "partial:4"}, other={"$.id": "null"})


def masked(text: str, using: MaskSets = PII, *names: str) -> str:
    return mask(text.encode(), [], using, names or using.names, limit=LIMIT).raw.decode()


def reason(raw: bytes, codings: list[str]) -> str:
    reasons: set[UnreadReason] = set()
    for ask in (inspect, mask):
        with pytest.raises(Unread) as caught:
            ask(raw, codings, PII, ["pii"], limit=LIMIT)
        reasons.add(caught.value.reason)
    (one,) = reasons
    return one


def test_only_the_values_bytes_change() -> None:
    text = '{ "n":1E5,\r\n\t"ssn" : "12\\u0033-45" ,"s\\u0073n2":0.10, "é\\/":[-0,1.0,1e400,\n{"ssn":[ 1 ]}],"pan":"4111111111111234"} \n'

    assert masked(text) == text.replace('"12\\u0033-45"', '"***"').replace(
        "[ 1 ]", '"***"'
    ).replace("411111111111", "************")


def test_a_key_is_found_however_it_is_escaped() -> None:
    assert masked('{"s\\u0073n": 1}') == '{"s\\u0073n": "***"}'


def test_text_beyond_ascii_does_not_shift_a_span() -> None:
    assert (
        masked('{"é😀": "ü", "ssn": "ß😀", "z": "😀"}') == '{"é😀": "ü", "ssn": "***", "z": "😀"}'
    )


@pytest.mark.parametrize(
    "value", ["12345", "true", "null", "[1, [2]]", '{"a": {"b": 1}}', '""', "-1.5e3"]
)
def test_a_value_of_any_kind_goes_as_a_whole(value: str) -> None:
    assert masked(f'{{"ssn":{value},"x":{value}}}') == f'{{"ssn":"***","x":{value}}}'


def test_the_whole_body_may_be_masked() -> None:
    assert masked(' {"a": 1} ', sets(all={"$": "null"})) == " null "


def test_counts_name_every_set_and_path() -> None:
    counts = inspect(b'[{"ssn": 1}, {"ssn": {"ssn": 2}}]', [], PII, ["other", "pii"], limit=LIMIT)

    assert counts == {"other": {"$.id": 0}, "pii": {"$..ssn": 3, "$..pan": 0}}
    assert list(counts) == ["other", "pii"]


def test_only_the_named_sets_are_used() -> None:
    assert masked('{"id": 1, "ssn": 2}', PII, "other") == '{"id": null, "ssn": 2}'


@pytest.mark.parametrize("ask", [inspect, mask])
def test_a_set_that_is_not_there_is_an_error(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(KeyError):
        ask(b"", [], PII, ["personal"], limit=LIMIT)


def test_mask_counts_what_inspect_counts() -> None:
    raw = b'{"ssn": {"ssn": 1, "pan": "x"}, "id": 1}'

    assert mask(raw, [], PII, PII.names, limit=LIMIT).counts == inspect(
        raw, [], PII, PII.names, limit=LIMIT
    )


@pytest.mark.parametrize(
    "codings",
    [[], ["gzip"], ["zstd"], ["br"], ["deflate"], ["nonsense"], ["gzip", "br"]],
    ids=repr,
)
def test_no_bytes_carry_no_field(codings: list[str]) -> None:
    zero = {"pii": {"$..ssn": 0, "$..pan": 0}}

    assert inspect(b"", codings, PII, ["pii"], limit=LIMIT) == zero
    assert mask(b"", codings, PII, ["pii"], limit=LIMIT) == Masked(b"", zero)


@pytest.mark.parametrize("name", ["identity", "gzip", "deflate", "br", "zstd"])
def test_a_masked_body_keeps_its_coding(name: str) -> None:
    raw = encode(b'{"ssn": 1, "n": 1.0}', [name])

    sent = mask(raw, [name], PII, ["pii"], limit=LIMIT).raw

    assert decode(sent, [name], limit=LIMIT) == b'{"ssn": "***", "n": 1.0}'


@pytest.mark.parametrize("name", ["identity", "gzip", "deflate", "br", "zstd"])
def test_where_nothing_is_found_the_very_bytes_are_returned(name: str) -> None:
    raw = encode(b'{"n": 1.0}', [name])

    assert mask(raw, [name], PII, ["pii"], limit=LIMIT).raw is raw


def test_a_masked_body_may_be_longer_than_the_limit() -> None:
    raw = encode(b'{"ssn":1}', ["gzip"])

    assert mask(raw, ["gzip"], PII, ["pii"], limit=9).counts["pii"]["$..ssn"] == 1


@pytest.mark.parametrize(
    ("raw", "codings", "why"),
    [
        (b'{"ssn": 1}', ["gzip"], "coding"),
        (b'{"ssn": 1}', ["hex"], "coding"),
        (encode(bytes(LIMIT + 1), ["br"]), ["br"], "bomb"),
        (b" " * (LIMIT + 1), [], "too-large"),
        (b'{"x": "\xff"}', [], "charset"),
        (b"ssn=1", [], "not-json"),
        (b'{"ssn": 1}\n{"ssn": 2}', [], "not-json"),
        (b'{"ssn": 1, "ssn": 2}', [], "duplicate-key"),
        (b'{"n": NaN}', [], "number"),
        (b'{"ssn": "\\ud800"}', [], "surrogate"),
        (b"[" * 65 + b"]" * 65, [], "depth"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_never_clean(raw: bytes, codings: list[str], why: str) -> None:
    assert reason(raw, codings) == why


def test_an_outer_match_takes_what_is_inside_it() -> None:
    using = sets(a={"$.user": "constant", "$.user.ssn": "null", "$..x": "partial:1"})

    assert (
        masked('{"user": {"ssn": 1, "x": ["ab"]}, "x": "ab"}', using)
        == '{"user": "***", "x": "*b"}'
    )


def test_an_outer_partial_does_not_open_what_is_inside_it() -> None:
    using = sets(a={"$.user": "partial:9", "$.user.ssn": "constant"})

    assert masked('{"user": {"ssn": "123456789"}}', using) == '{"user": "***"}'


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["partial:4", "constant:x", "null"])), ids=str
)
def test_the_strictest_method_wins_in_any_order(order: tuple[str, ...]) -> None:
    paths = {"partial:4": "$.a", "constant:x": "$..a", "null": "$.*"}
    using = sets(**{f"s{n}": {paths[m]: m} for n, m in enumerate(order)})

    assert masked('{"a": "secrets"}', using) == '{"a": null}'
    assert masked('{"a": "secrets"}', using, *reversed(using.names)) == '{"a": null}'


@pytest.mark.parametrize(
    "wrong",
    [
        b'{"ssn": 1}',
        b'{"ssn": "***", "ssn2": 1}',
        b'{"ssn": "***" }',
        b'{"ssn": "+++"}',
        b'{"x": "***"}',
        b"",
        b"{}",
    ],
)
def test_bytes_that_do_not_read_back_are_not_sent(
    monkeypatch: pytest.MonkeyPatch, wrong: bytes
) -> None:
    monkeypatch.setattr(coding, "encode", lambda _data, _codings: wrong)

    with pytest.raises(Unread) as caught:
        mask(b'{"ssn": 12345}', [], PII, ["pii"], limit=LIMIT)

    assert caught.value.reason in ("drift", "too-large")


def splice_into(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """Masking takes the right places for replaced, and sends other bytes."""
    right = apply._spliced
    monkeypatch.setattr(
        apply, "_spliced", lambda data, edits: (wrong.encode(), right(data, edits)[1])
    )


@pytest.mark.parametrize(
    "wrong",
    [
        '{"ssn": 1}',
        '{"ssn": "*** "}',
        '{"ssm": "***"}',
        '{"pan": "***"}',
        ' {"ssn": "***"}',
        '{"ssn": "***", "pan": 1}',
    ],
)
def test_a_splice_that_misses_is_not_sent(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    splice_into(monkeypatch, wrong)

    with pytest.raises(Unread, match="drift"):
        mask(b'{"ssn": 12345}', [], PII, ["pii"], limit=LIMIT)


def test_another_part_that_changes_on_the_way_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "encode", lambda _data, _codings: b'{"ssn": "***", "x": 2}')

    with pytest.raises(Unread, match="drift"):
        mask(b'{"ssn": 12345, "x": 1}', [], PII, ["pii"], limit=LIMIT)


def test_a_replacement_that_is_not_what_was_meant_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as the right one, so that its place alone does not tell."""
    splice_into(monkeypatch, '{"ssn": "123"}')

    with pytest.raises(Unread, match="drift"):
        mask(b'{"ssn": 12345}', [], PII, ["pii"], limit=LIMIT)


def test_a_body_is_never_shown() -> None:
    result = mask(b'{"ssn": 1, "x": "hidden"}', [], PII, ["pii"], limit=LIMIT)

    assert "hidden" not in repr(result)


def test_a_large_body_is_masked_whole() -> None:
    rows = [{"id": n, "ssn": f"{n:09}", "note": "x" * 50} for n in range(1000)]

    got = json.loads(masked(json.dumps(rows)))

    assert got == [{**row, "ssn": "***"} for row in rows]
