"""The ledger shows every change that is made to it."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from residency.core.ledger import (
    GENESIS,
    MAX_DEPTH,
    MAX_LINE,
    Chain,
    draft,
    parse_line,
    verify,
)
from residency.core.plain import Plain, canonical
from residency.errors import VerifyError

NOON = 1795345200.123456  # 2026-11-22T11:00:00.123456Z
ENVELOPE = ["v", "seq", "time", "kind", "prev", "hash"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.text().filter(lambda name: name not in ENVELOPE)
fields_of = st.dictionaries(names, values, max_size=4)
kinds = st.from_regex(r"[a-z][a-z0-9._-]{0,63}", fullmatch=True)
times = st.floats(min_value=0, max_value=4e9)


@st.composite
def ledgers(draw: st.DrawFn, min_size: int = 1) -> list[bytes]:
    chain = Chain()
    drawn = draw(st.lists(st.tuples(kinds, fields_of, times), min_size=min_size, max_size=4))
    return [chain.seal(kind, fields, time=time) for kind, fields, time in drawn]


def ledger(count: int = 5) -> list[bytes]:
    chain = Chain()
    return [
        chain.seal("decision", {"action": "block", "n": n}, time=NOON + n) for n in range(count)
    ]


def lines_of(data: bytes) -> Iterator[bytes]:
    """What iterating a binary file gives."""
    return iter(re.findall(rb"[^\n]*\n|[^\n]+\Z", data))


def forge(line: bytes, **changes: object) -> bytes:
    """*line* with *changes*, by someone who knows how a line is made."""
    record = {**json.loads(line), **changes}
    record.pop("hash")
    sealed = hashlib.sha256(canonical(record)).hexdigest()
    ordered = {k: record[k] for k in ("v", "seq", "time", "kind")}
    ordered |= {k: record[k] for k in sorted(record) if k not in ENVELOPE}
    ordered |= {"prev": record["prev"], "hash": sealed}
    return json.dumps(ordered, separators=(",", ":")).encode() + b"\n"


# --- what an attacker may do to a file


@given(st.data())
def test_any_single_byte_changed_anywhere_is_found(data: st.DataObject) -> None:
    written = b"".join(data.draw(ledgers()))
    at = data.draw(st.integers(0, len(written) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != written[at]))

    altered = written[:at] + bytes([byte]) + written[at + 1 :]

    with pytest.raises(VerifyError):
        verify(lines_of(altered))


def test_every_byte_of_a_small_ledger_is_held() -> None:
    written = b"".join(ledger(2))
    unseen = []

    for at in range(len(written)):
        for byte in (written[at] ^ 0x01, written[at] ^ 0x20, ord(" "), ord("\n"), 0):
            if byte != written[at]:
                try:
                    verify(lines_of(written[:at] + bytes([byte]) + written[at + 1 :]))
                except VerifyError:
                    continue
                unseen.append((at, byte))

    assert unseen == []


@given(st.data())
def test_any_byte_removed_or_added_is_found(data: st.DataObject) -> None:
    written = b"".join(data.draw(ledgers()))
    at = data.draw(st.integers(0, len(written) - 1))
    added = data.draw(st.binary(max_size=1))

    altered = written[:at] + added + written[at + (not added) :]

    with pytest.raises(VerifyError):
        verify(lines_of(altered))


@pytest.mark.parametrize("removed", range(4))
def test_a_line_removed_is_found_where_it_stood(removed: int) -> None:
    lines = ledger()
    del lines[removed]

    with pytest.raises(VerifyError, match="removed") as caught:
        verify(lines)

    assert caught.value.line == removed + 1


@given(st.data())
def test_two_lines_swapped_are_found(data: st.DataObject) -> None:
    lines = data.draw(ledgers(min_size=2))
    a, b = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    lines[a], lines[b] = lines[b], lines[a]

    with pytest.raises(VerifyError) as caught:
        verify(lines)

    assert caught.value.line == min(a, b) + 1


@pytest.mark.parametrize("at", range(6))
def test_a_line_inserted_is_found(at: int) -> None:
    lines = ledger()
    prev = json.loads(lines[at - 1])["hash"] if at else GENESIS
    lines.insert(at, Chain(at, prev).seal("decision", {"action": "allow"}, time=NOON))

    if at == len(lines) - 1:
        lines.append(ledger()[-1])

    with pytest.raises(VerifyError, match="removed, added or moved"):
        verify(lines)


def test_a_line_repeated_is_found() -> None:
    lines = ledger()

    with pytest.raises(VerifyError, match="moved"):
        verify([*lines, lines[-1]])


def test_a_record_sealed_anew_no_longer_fits_the_next() -> None:
    lines = ledger()
    lines[2] = forge(lines[2], action="allow")
    parse_line(lines[2])

    with pytest.raises(VerifyError) as caught:
        verify(lines)

    assert caught.value.line == 4


@pytest.mark.parametrize("seq", [1, 4, 6, 7])
def test_a_last_record_sealed_anew_with_another_number_is_found(seq: int) -> None:
    lines = ledger()
    lines[-1] = forge(lines[-1], seq=seq)
    parse_line(lines[-1])

    with pytest.raises(VerifyError, match="does not follow") as caught:
        verify(lines)

    assert caught.value.line == 5


def test_a_value_changed_without_its_hash_is_called_altered() -> None:
    line = ledger(1)[0].replace(b"block", b"allow")

    with pytest.raises(VerifyError, match="other values"):
        parse_line(line)


def test_a_torn_last_line_is_found() -> None:
    lines = ledger()
    lines[-1] = lines[-1][:-1]

    with pytest.raises(VerifyError, match="torn") as caught:
        verify(lines)

    assert caught.value.line == 5


def test_a_cut_tail_is_found_against_an_anchor() -> None:
    lines = ledger()
    anchor = (5, json.loads(lines[-1])["hash"])
    verify(lines, expect=anchor)

    with pytest.raises(VerifyError, match="expected") as caught:
        verify(lines[:-1], expect=anchor)

    assert caught.value.line == 5


def test_no_ledger_at_all_is_found_against_an_anchor() -> None:
    with pytest.raises(VerifyError, match="expected"):
        verify([], expect=(1, json.loads(ledger()[0])["hash"]))


def test_a_ledger_written_anew_is_found_against_an_anchor() -> None:
    anchor = (3, json.loads(ledger()[2])["hash"])
    chain = Chain()
    anew = [chain.seal("decision", {"action": "allow"}, time=NOON) for _ in range(5)]
    verify(anew)

    with pytest.raises(VerifyError, match="another record") as caught:
        verify(anew, expect=anchor)

    assert caught.value.line == 3


def test_a_ledger_may_grow_beyond_its_anchor() -> None:
    lines = ledger()

    assert verify(lines, expect=(3, json.loads(lines[2])["hash"])).count == 5


def test_an_anchor_before_the_first_line_is_not_passed_over() -> None:
    lines = ledger()
    after = (2, json.loads(lines[1])["hash"])

    with pytest.raises(VerifyError, match="expected"):
        verify(lines[2:], after=after, expect=(1, json.loads(lines[0])["hash"]))


# --- a second spelling, and what is no record


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.replace('":', '": ', 1), id="a space"),
        pytest.param(lambda s: s.replace("block", r"bl\u006fck"), id="an escape that is not needed"),
        pytest.param(lambda s: s.replace(r"\u00e9", "é"), id="a character that is not ASCII"),
        pytest.param(lambda s: s.replace(r"\u00e9", r"\u00E9"), id="an escape in upper case"),
        pytest.param(lambda s: s.replace('"n":1', '"n":1.0'), id="a float for an integer"),
        pytest.param(lambda s: s.replace('"x":0.5', '"x":0.50'), id="a zero too many"),
        pytest.param(lambda s: s.replace('"x":0.5', '"x":5e-1'), id="an exponent"),
        pytest.param(lambda s: s.replace('"n":1', '"n":2,"n":1'), id="a key twice, the last is right"),
        pytest.param(lambda s: s.replace('"n":1,"x":0.5', '"x":0.5,"n":1'), id="another order"),
        pytest.param(lambda s: s.replace("\n", "\r\n"), id="CR LF"),
        pytest.param(lambda s: "\ufeff" + s, id="a byte order mark"),
        pytest.param(lambda s: "\n" + s, id="an empty line before"),
        pytest.param(lambda s: s + "\n", id="an empty line after"),
    ],
)  # fmt: skip
def test_a_second_spelling_of_the_same_values_does_not_pass(change: Callable[[str], str]) -> None:
    line = Chain().seal("decision", {"action": "block", "é": 1, "n": 1, "x": 0.5}, time=NOON)
    other = change(line.decode()).encode()
    assert other != line

    with pytest.raises(VerifyError):
        parse_line(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"v": True}, {"v": 1.0}, {"seq": 0}, {"seq": -1}, {"seq": True}, {"seq": 1.0}, {"seq": "1"},
        {"time": "2026-11-22T11:00:00Z"}, {"time": "2026-13-22T11:00:00.000000Z"}, {"time": "yesterday"},
        {"time": "2026-11-22T11:00:00.000000+00:00"}, {"time": 1795345200}, {"time": "\ud800"},
        {"kind": ""}, {"kind": "Decision"}, {"kind": 'a","x":"'}, {"kind": None}, {"kind": "a" * 65},
        {"prev": ""}, {"prev": "A" * 64}, {"prev": None}, {"prev": "0" * 63},
    ],
    ids=repr,
)  # fmt: skip
def test_an_envelope_that_seal_never_writes_does_not_pass(changes: Mapping[str, object]) -> None:
    forged = forge(ledger(1)[0], **changes)

    with pytest.raises(VerifyError, match="not a record"):
        parse_line(forged)


@pytest.mark.parametrize("name", ENVELOPE)
def test_an_envelope_with_a_part_missing_does_not_pass(name: str) -> None:
    record = json.loads(ledger(1)[0])
    del record[name]

    with pytest.raises(VerifyError):
        parse_line(json.dumps(record, separators=(",", ":")).encode() + b"\n")


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"{}\n", b"[]\n", b"null\n", b"1\n", b"{\n", b"\xff\xfe{\n", b"\x00\n", b"[" * 100_000 + b"\n",
        b'{"a":' * 100_000 + b"\n", b"9" * 5000 + b"\n",
    ],
    ids=lambda line: repr(line[:8]),
)  # fmt: skip
def test_what_is_no_record_is_refused_with_its_line(line: bytes) -> None:
    lines = ledger(2)

    with pytest.raises(VerifyError) as caught:
        verify([*lines, line])

    assert caught.value.line == 3


@pytest.mark.parametrize(
    "value", [b"NaN", b"Infinity", b"1e999", b"9" * 5000], ids=lambda v: repr(v[:9])
)
def test_a_number_that_json_cannot_hold_is_refused(value: bytes) -> None:
    line = ledger(1)[0].replace(b'"n":0', b'"n":' + value)

    with pytest.raises(VerifyError):
        parse_line(line)


def test_a_line_longer_than_a_reader_may_have_to_hold_is_refused() -> None:
    chain = Chain()
    room = MAX_LINE - 600
    longest = chain.seal("decision", {"x": "x" * room}, time=NOON)
    longer = forge(longest, x="x" * MAX_LINE)
    parse_line(longest)

    with pytest.raises(VerifyError, match="longer"):
        parse_line(longer)


def test_an_error_does_not_repeat_what_the_line_holds() -> None:
    line = ledger(1)[0].replace(b"block", b"canary")

    with pytest.raises(VerifyError) as caught:
        verify([line])

    assert "canary" not in str(caught.value)


# --- what may be sealed


@given(ledgers(min_size=0))
def test_whatever_is_sealed_verifies(lines: list[bytes]) -> None:
    summary = verify(lines_of(b"".join(lines)))

    assert summary.count == len(lines)
    assert sum(summary.kinds.values()) == len(lines)


@given(kinds, fields_of, times)
@example("decision", {"\ud800": "\udfff"}, NOON)
@example("decision", {"": "", "-0": -0.0, "big": 2**200, "small": 5e-324}, NOON)
def test_what_is_sealed_is_read_back(kind: str, fields: dict[str, Plain], time: float) -> None:
    # halves that meet and become one character are read back as that character
    assume(json.loads(json.dumps(fields)) == fields)

    record = parse_line(Chain().seal(kind, fields, time=time))

    assert (record.kind, record.fields, record.seq, record.prev) == (kind, fields, 1, GENESIS)


@given(fields_of)
def test_a_line_holds_no_byte_that_moves_a_terminal(fields: dict[str, Plain]) -> None:
    line = Chain().seal("decision", fields, time=NOON)

    assert re.fullmatch(rb"[ -~]+\n", line)


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\u202e", "\x00", "\r\n{}", "\x7f", "\x85", "\u2028", "\x9b"], ids=repr
)
def test_control_and_bidi_characters_are_escaped(text: str) -> None:
    line = Chain().seal("decision", {text: text}, time=NOON)

    assert re.fullmatch(rb"[ -~]+\n", line)
    assert parse_line(line).fields == {text: text}


def test_a_line_is_spelled_as_the_module_says() -> None:
    chain = Chain()

    line = chain.seal("decision", {"rule": None, "action": "block"}, time=NOON)

    sealed = hashlib.sha256(
        b'{"action":"block","kind":"decision","prev":"' + b"0" * 64 + b'","rule":null,"seq":1,'
        b'"time":"2026-11-22T11:00:00.123456Z","v":1}'
    ).hexdigest()
    assert line.decode() == (
        '{"v":1,"seq":1,"time":"2026-11-22T11:00:00.123456Z","kind":"decision","action":"block","rule":null,'
        f'"prev":"{"0" * 64}","hash":"{sealed}"}}\n'
    )
    assert (chain.seq, chain.head) == (1, sealed)


def test_a_record_may_have_no_fields() -> None:
    assert parse_line(Chain().seal("start", {}, time=NOON)).fields == {}


@pytest.mark.parametrize("name", ENVELOPE)
def test_a_field_may_not_take_the_name_of_the_envelope(name: str) -> None:
    with pytest.raises(ValueError, match=f"named {name}"):
        Chain().seal("decision", {name: 1}, time=NOON)


@pytest.mark.parametrize("kind", ["", "A", "a b", 'a"', "a\n", "é", "1", "a" * 65])
def test_a_kind_is_a_short_plain_word(kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        Chain().seal(kind, {}, time=NOON)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes", {1, 2}, object(), 10**5000, {"a": {(1,): 2}}],
    ids=["nan", "infinity", "bytes", "set", "object", "number too long", "key that is a tuple"],
)
def test_what_is_not_plain_is_not_sealed(value: Plain) -> None:
    with pytest.raises(ValueError, match="plain"):
        Chain().seal("decision", {"x": value}, time=NOON)


def test_what_holds_itself_is_not_sealed() -> None:
    loop: list[Plain] = []
    loop.append(loop)

    with pytest.raises(ValueError, match="plain"):
        Chain().seal("decision", {"x": loop}, time=NOON)


@pytest.mark.parametrize("depth", [MAX_DEPTH, 500, 100_000])
def test_what_nests_too_deep_is_not_sealed(depth: int) -> None:
    value: Plain = []
    for _ in range(depth - 1):
        value = [value]

    with pytest.raises(ValueError, match=r"deeper|plain"):
        Chain().seal("decision", {"x": value}, time=NOON)


def test_what_nests_as_deep_as_is_allowed_is_sealed() -> None:
    value: Plain = 1
    for _ in range(MAX_DEPTH - 1):
        value = {"a": value}

    parse_line(Chain().seal("decision", {"x": value}, time=NOON))


def test_a_record_too_large_for_a_line_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="larger"):
        Chain().seal("decision", {"x": "x" * MAX_LINE}, time=NOON)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"\ud83d\ude00": 1, "\uffff": 2}, id="order changes when halves meet"),
        pytest.param({"\ud83d\ude00": 1, "\U0001f600": 2}, id="two keys become one"),
    ],
)
def test_keys_that_do_not_read_back_as_written_are_not_sealed(fields: dict[str, Plain]) -> None:
    with pytest.raises(ValueError, match="read back"):
        Chain().seal("decision", fields, time=NOON)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e20, 1e20])
def test_a_time_that_is_none_is_not_sealed(time: float) -> None:
    with pytest.raises(ValueError, match="time"):
        Chain().seal("decision", {}, time=time)


def test_a_refused_record_does_not_move_the_chain() -> None:
    chain = Chain()
    first = chain.seal("decision", {}, time=NOON)

    with pytest.raises(ValueError, match="plain"):
        chain.seal("decision", {"x": float("nan")}, time=NOON)

    assert verify([first, chain.seal("decision", {}, time=NOON)]).count == 2


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(ValueError, match="plain") as caught:
        Chain().seal("decision", {"x": {"canary": b"canary"}}, time=NOON)

    assert "canary" not in str(caught.value)


def test_a_draft_does_not_change_with_what_it_was_made_of() -> None:
    inner: list[Plain] = [1]
    entry = draft("decision", {"x": inner}, time=NOON)

    inner.append(2)

    assert entry.fields == {"x": [1]}


# --- what verify answers


def test_a_summary_says_what_the_ledger_holds() -> None:
    chain = Chain()
    lines = [
        chain.seal(kind, {}, time=NOON + n)
        for n, kind in enumerate(["start", "decision", "decision"])
    ]

    summary = verify(lines)

    assert (summary.count, summary.head) == (3, chain.head)
    assert summary.first_time == "2026-11-22T11:00:00.123456Z"
    assert summary.last_time == "2026-11-22T11:00:02.123456Z"
    assert summary.kinds == {"start": 1, "decision": 2}


def test_no_lines_are_a_ledger_that_ends_where_it_began() -> None:
    summary = verify([])

    assert (summary.count, summary.head, summary.first_time, summary.last_time) == (
        0,
        GENESIS,
        None,
        None,
    )


def test_a_ledger_is_verified_line_by_line() -> None:
    chain, taken = Chain(), 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        for taken in range(1, 1000):
            yield chain.seal("decision", {}, time=NOON) if taken != 3 else b"{}\n"

    with pytest.raises(VerifyError):
        verify(lines())

    assert taken == 3


def test_a_part_of_a_ledger_verifies_after_the_record_before_it() -> None:
    lines = ledger()
    after = (2, json.loads(lines[1])["hash"])

    assert verify(lines[2:], after=after).count == 3
    with pytest.raises(VerifyError) as caught:
        verify(lines[3:], after=after)
    assert caught.value.line == 3


def test_a_clock_that_steps_back_does_not_break_the_ledger() -> None:
    chain = Chain()

    lines = [chain.seal("decision", {}, time=NOON - n) for n in range(3)]

    assert verify(lines).count == 3
