"""The caller gets its own values back, wherever a token stands and however it is cut."""

import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from residency.core.mask.restore import Restorer, document
from residency.core.mask.weave import Originals

MAIL = "<email:0123456789abcdef>"
ODD = "<name:00000000000000aa>"
AGE = "<age:00000000000000bb>"
HOME = "<address:00000000000000cc>"
VALUE = 'say "hi"\\\n\u2028é😀'
KNOWN = Originals(
    {MAIL: '"a@b.example"', ODD: json.dumps(VALUE), AGE: "42", HOME: '{"street":"x"}'}
)
STRANGER = "<email:ffffffffffffffff>"


def restored(value: object) -> object:
    found: object = json.loads(document(json.dumps(value).encode(), KNOWN))
    return found


def test_a_token_alone_and_in_a_text() -> None:
    assert restored({"to": MAIL, "say": f"to {MAIL}!"}) == {
        "to": "a@b.example",
        "say": "to a@b.example!",
    }


def test_a_token_that_was_not_given_out_stays() -> None:
    data = json.dumps({"to": STRANGER}).encode()

    assert document(data, KNOWN) is data


def test_everything_else_stays_byte_for_byte() -> None:
    data = b'{ "n":1.50, "\\u0061" : "\\u00e9 <email:0123456789abcdef> \\/", "n":1.50 }\n'

    assert document(data, KNOWN) == data.replace(MAIL.encode(), b"a@b.example")


@pytest.mark.parametrize("depth", range(5))
def test_a_value_is_escaped_for_its_place(depth: int) -> None:
    text = f"x {ODD} y"
    for _ in range(depth):
        text = json.dumps({"a": text})

    found = document(text.encode(), KNOWN).decode()

    for _ in range(depth):
        found = json.loads(found)["a"]
    assert found == f"x {VALUE} y"


def test_brackets_may_be_escapes_at_any_depth() -> None:
    once = json.dumps(MAIL).replace("<", "\\u003c").replace(">", "\\u003E")
    twice = json.dumps({"arguments": '{"to":' + once + "}"})

    assert json.loads(document(once.encode(), KNOWN)) == "a@b.example"
    assert json.loads(json.loads(document(twice.encode(), KNOWN))["arguments"]) == {
        "to": "a@b.example"
    }


def test_numbers_and_objects_come_back_as_they_were() -> None:
    assert restored({"age": AGE, "home": HOME, "say": f"{AGE} years"}) == {
        "age": 42,
        "home": {"street": "x"},
        "say": "42 years",
    }


def test_numbers_come_back_inside_json_in_strings() -> None:
    found = restored({"arguments": json.dumps({"age": AGE, "say": f"{AGE}."})})

    assert isinstance(found, dict)
    assert json.loads(found["arguments"]) == {"age": 42, "say": "42."}


def test_what_a_client_expects_to_be_a_text_stays_one() -> None:
    assert restored({"content": AGE, AGE: 1}) == {"content": "42", "42": 1}


def test_quotation_marks_in_prose_are_no_json() -> None:
    assert document(f'he said "{ODD}"'.encode(), KNOWN) == f'he said "{VALUE}"'.encode()


@pytest.mark.parametrize(
    "data", [b"\xff" + MAIL.encode(), b"[" * 5000 + MAIL.encode()], ids=["utf-8", "depth"]
)
def test_what_cannot_be_read_does_no_harm(data: bytes) -> None:
    assert document(data, KNOWN) in (data, data.replace(MAIL.encode(), b"a@b.example"))


# Streams


def chat(text: str) -> object:
    return {"id": "c1", "choices": [{"index": 0, "delta": {"content": text}}]}


def arguments(text: str) -> object:
    call = {"index": 0, "function": {"arguments": text}}
    return {"id": "c1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}


def responses(text: str) -> object:
    return {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text}  # fmt: skip


def anthropic(text: str) -> object:
    return {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "text_delta", "text": text},
    }


def anthropic_input(text: str) -> object:
    delta = {"type": "input_json_delta", "partial_json": text}
    return {"type": "content_block_delta", "index": 1, "delta": delta}


def bedrock(text: str) -> object:
    return {"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"}


def bedrock_input(text: str) -> object:
    return {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}, "p": "abcd"}


def vertex(text: str) -> object:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]}


SHAPES = [chat, arguments, responses, anthropic, anthropic_input, bedrock, bedrock_input, vertex]


def texts(value: object) -> list[str]:
    """The strings that ``SHAPES`` put their text into."""
    if isinstance(value, dict):
        found = [v for k, v in value.items() if k in ("content", "arguments", "delta", "text", "partial_json", "input") and isinstance(v, str)]  # fmt: skip
        return found + [t for v in value.values() for t in texts(v)]
    return [t for v in value for t in texts(v)] if isinstance(value, list) else []


def stream(messages: list[object]) -> tuple[list[object], list[int]]:
    """What comes out, and how many bytes after each message."""
    restorer = Restorer(KNOWN)
    out, sizes = b"", []
    for message in messages:
        raw = json.dumps(message).encode()
        out += restorer.push(raw + b"\n", raw, lambda data: data + b"\n")
        sizes.append(len(out))
    out += restorer.finish()
    return [json.loads(line) for line in out.splitlines()], sizes


WORDS = f"Hi {MAIL}, you <b> are {AGE} <email:01 and <{ODD} \\ok"
SAID = f"Hi a@b.example, you <b> are 42 <email:01 and <{VALUE} \\ok"
CALL = json.dumps({"to": MAIL, "age": AGE, "deep": json.dumps({"who": ODD}), "x": "\\<"})
CALLED = {"to": "a@b.example", "age": 42, "deep": json.dumps({"who": VALUE}), "x": "\\<"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_prose_in_deltas_of_any_length(shape: "type[object]", step: int) -> None:
    messages = [shape(WORDS[i : i + step]) for i in range(0, len(WORDS), step)]  # type: ignore[call-arg]

    found, _ = stream(messages)

    assert len(found) == len(messages)
    assert "".join(t for m in found for t in texts(m)) == SAID


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_json_in_deltas_of_any_length(shape: "type[object]", step: int) -> None:
    messages = [shape(CALL[i : i + step]) for i in range(0, len(CALL), step)]  # type: ignore[call-arg]

    found, _ = stream(messages)

    whole = json.loads("".join(t for m in found for t in texts(m)))
    assert whole | {"deep": json.loads(whole["deep"])} == CALLED | {"deep": {"who": VALUE}}


@given(st.lists(st.integers(1, len(CALL) - 1), unique=True).map(sorted))
@example([1])
def test_any_split_of_arguments(cuts: list[int]) -> None:
    parts = [CALL[a:b] for a, b in itertools.pairwise([0, *cuts, len(CALL)])]

    found, _ = stream([arguments(p) for p in parts])

    assert json.loads("".join(t for m in found for t in texts(m)))["age"] == 42


def test_texts_that_take_turns_are_kept_apart() -> None:
    def choice(number: int, text: str) -> object:
        return {"choices": [{"index": number, "delta": {"content": text}}]}

    messages = [choice(n, c) for c in MAIL for n in (0, 1)]

    found, _ = stream(messages)

    for number in (0, 1):
        mine = [m for m in found if isinstance(m, dict) and m["choices"][0]["index"] == number]
        assert "".join(t for m in mine for t in texts(m)) == "a@b.example"


def test_a_message_leaves_at_once_unless_a_token_may_have_begun() -> None:
    _, sizes = stream([chat("Hello"), chat("a < b"), chat("<ema"), chat("il of"), chat("x <")])

    assert sizes[0] > 0
    assert sizes[1] > sizes[0]
    assert sizes[2] == sizes[1]
    assert sizes[3] > sizes[2]


def test_a_beginning_that_nothing_follows_is_not_waited_for_forever() -> None:
    messages = [chat("<ema"), *[{"choices": [{"index": 0, "delta": {}}]}] * 20]

    _, sizes = stream(messages)

    assert 0 == sizes[8] < sizes[9]


def test_the_end_of_a_stream_lets_everything_go() -> None:
    found, _ = stream([chat("<email:0123")])

    assert found == [chat("<email:0123")]


def test_the_messages_of_an_array_go_on_from_one_to_the_next() -> None:
    data = json.dumps([vertex(MAIL[:5]), vertex(MAIL[5:])]).encode()

    assert [t for m in json.loads(document(data, KNOWN)) for t in texts(m)] == ["a@b.example", ""]


def test_a_text_that_is_no_json_goes_on_from_message_to_message() -> None:
    restorer = Restorer(KNOWN)
    out = b"".join(restorer.push(p, p) for p in (b"to <ema", b"il:0123456789abcdef>", b" it"))

    assert out + restorer.finish() == b"to a@b.example it"
