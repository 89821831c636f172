"""Answers to masked calls: tokens come back as values, what has to be hidden is hidden, and nothing passes unseen."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from residency.proxy import flowstate, returns
from residency.proxy.returns import Returned, withheld
from tests.proxy.conftest import CHAT, Gateway, problem_of, started, write_rules

MASKS = """\
version: 1
sets:
  - {name: personal-data, why: w, fields: [{path: $..email, with: token}, {path: $..age, with: token}]}
  - {name: payment-data, why: w, direction: response, fields: [{path: $..iban}, {header: x-customer}]}
  - {name: health-data, why: w, fields: [$..x]}
  - {name: credentials, why: w, fields: [$..x]}
"""
MASKS = MASKS.replace("[$..x]", "[{path: $..x}]")
#: As those, with nothing to hide in answers.
QUIET = MASKS.replace("direction: response, ", "")
BODY = b'{"model":"gpt-5","email":"a\\"@b","age":42}'
SSE = "text/event-stream"


def prepared(masks: str, loaded: Gateway, tmp_path: Path) -> None:
    """Give *loaded* the shipped rules with other mask sets."""
    loaded.rules = write_rules(tmp_path / "rules")
    (loaded.rules / "masks.yaml").write_text(masks, encoding="utf-8")
    policy = loaded.rules / "policy.yaml"
    policy.write_text(policy.read_text(encoding="utf-8").partition("\ntests:")[0], encoding="utf-8")  # fmt: skip


@pytest.fixture
async def gateway(loaded: Gateway, tmp_path: Path) -> Gateway:
    """Masks e-mail addresses and ages by tokens, and bank accounts in answers."""
    prepared(MASKS, loaded, tmp_path)
    return await started(loaded, tmp_path)


@pytest.fixture
async def quiet(loaded: Gateway, tmp_path: Path) -> Gateway:
    """As ``gateway``, and hides nothing in answers."""
    prepared(QUIET, loaded, tmp_path)
    return await started(loaded, tmp_path)


async def sent(gateway: Gateway, body: bytes = BODY) -> tuple[http.HTTPFlow, dict[str, Any]]:
    """A call that has left, and what the far side sees."""
    flow = await gateway.call(gateway.flow(CHAT, body, groups=["analytics"]))
    assert flow.response is None
    return flow, json.loads(flow.request.raw_content or b"")


async def answered(
    gateway: Gateway, flow: http.HTTPFlow, *chunks: bytes, media: str = "application/json", status: int = 200, **headers: str
) -> bytes:  # fmt: skip
    """What the caller gets of an answer in *chunks*, as mitmproxy passes it."""
    fields = {"content-type": media} | {k.replace("_", "-"): v for k, v in headers.items()}
    flow.response = http.Response.make(status, b"")
    flow.response.raw_content = None
    flow.response.headers.clear()
    for name, value in fields.items():
        flow.response.headers[name] = value
    await gateway.hook("responseheaders", flow)
    stream = flow.response.stream
    if stream is True:
        await gateway.hook("response", flow)
        return b"".join(chunks)
    if callable(stream):
        parts = [part for chunk in (*chunks, b"") for part in stream(chunk)]
        out = b"".join(part for part in parts if isinstance(part, bytes))
        await gateway.hook("response", flow)
        return out
    flow.response.raw_content = b"".join(chunks)
    await gateway.hook("response", flow)
    return flow.response.raw_content or b""


async def test_the_far_side_sees_tokens_and_the_caller_its_values(gateway: Gateway) -> None:
    flow, seen = await sent(gateway)
    echo = json.dumps({"say": f"to {seen['email']}", "age": seen["age"], "iban": "x"})

    got = json.loads(await answered(gateway, flow, echo.encode()))

    assert "a" not in seen["email"].partition(":")[2][:0]
    assert seen["email"].startswith("<email:")
    assert got == {"say": 'to a"@b', "age": 42, "iban": "***"}


async def test_tokens_of_two_calls_are_strangers(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)
    _, other = await sent(gateway)
    echo = json.dumps({"email": other["email"]}).encode()

    assert await answered(gateway, flow, echo) == echo


async def test_a_stream_is_masked_and_restored_event_by_event(gateway: Gateway) -> None:
    flow, seen = await sent(gateway)
    token = seen["email"]
    events = [f"data: {json.dumps(e)}\n\n".encode() for e in ({"iban": "x", "delta": token[:9]}, {"delta": token[9:]})]  # fmt: skip

    got = await answered(gateway, flow, *events, media=SSE, content_length="1", etag="x")

    assert [json.loads(e[6:]) for e in got.decode().strip().split("\n\n")] == [
        {"iban": "***", "delta": 'a"@b'}, {"delta": ""},
    ]  # fmt: skip
    assert flow.response
    assert not {"content-length", "etag"} & set(flow.response.headers)
    assert flow.response.headers["transfer-encoding"] == "chunked"
    assert flowstate.read(flow, Returned).counts["payment-data"]["$..iban"] == 1


async def test_headers_of_an_answer_are_masked_too(gateway: Gateway) -> None:
    for media, chunk in ((SSE, b"data: {}\n\n"), ("application/json", b"{}")):
        flow, _ = await sent(gateway)
        await answered(gateway, flow, chunk, media=media, x_customer="CANARY")

        assert flow.response
        assert flow.response.headers["x-customer"] == "***"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"content_encoding": "snappy"}, "coding"),
        ({"media": "text/plain"}, "format"),
        ({"media": "image/png"}, "format"),
        ({"media": "application/json; charset=utf-16"}, "charset"),
        ({"status": 206}, "format"),
        ({"signature_input": "x"}, "signed"),
        ({"content_length": "99999999"}, "too-large"),
        ({"content_encoding": "gzip"}, "coding"),
    ],
    ids=lambda v: "-".join(map(str, v.values())) if isinstance(v, dict) else v,
)
async def test_an_answer_that_cannot_be_masked_is_a_problem(
    gateway: Gateway, headers: dict[str, Any], reason: str
) -> None:
    flow, _ = await sent(gateway)

    got = json.loads(await answered(gateway, flow, b"CANARY", **headers))

    assert (got["status"], got["code"], got["reason"]) == (451, "answer-unmaskable", reason)
    await asyncio.sleep(0.05)
    outcome = gateway.records()[-1]
    assert (outcome["kind"], outcome["answer"], outcome["code"], outcome["reason"]) == (
        "outcome", "refused", "answer-unmaskable", reason,
    )  # fmt: skip


async def test_a_stream_that_breaks_is_cut_before_what_cannot_be_masked(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)

    got = await answered(gateway, flow, b"data: {}\n\n", b"data: CANARY\n\n", b"data: {}\n\n", media=SSE)  # fmt: skip

    assert got == b"data: {}\n\n"
    assert flow.error
    assert flowstate.read(flow, Returned) == Returned(
        way="cut", code="answer-unmaskable", reason="format"
    )


async def test_a_fault_of_our_own_in_a_stream_cuts_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, _ = await sent(gateway)

    def broken(*_: object) -> bytes:
        raise RuntimeError("CANARY")

    monkeypatch.setattr("residency.core.mask.stream.Stream.feed", broken)
    got = await answered(gateway, flow, b"data: {}\n\n", media=SSE)

    assert got == b""
    assert flowstate.read(flow, Returned).code == "internal"


def breaking(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CANARY")

    return lambda patch: patch.setattr(name, broken)


@pytest.mark.parametrize(
    "where", ["residency.proxy.mask.whole", "residency.core.answer.begin", "residency.proxy.returns.Returns.stream"]
)  # fmt: skip
async def test_a_fault_of_our_own_is_an_answer_of_our_own(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    flow, _ = await sent(gateway)
    breaking(where)(monkeypatch)

    got = await answered(gateway, flow, b'{"iban":"CANARY"}')

    assert json.loads(got)["code"] == "internal"
    assert flow.response
    assert flow.response.status_code == 500


async def test_nothing_passes_if_our_stages_are_never_asked(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)
    flow.response = http.Response.make(200, b"")

    gateway.front.responseheaders(flow)

    assert flow.response.stream is withheld
    assert withheld(b"CANARY") == []


async def test_a_whole_answer_does_not_pass_if_masking_is_never_asked(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)
    flow.response = http.Response.make(200, b'{"iban":"CANARY"}', {"content-type": "text/json"})
    await gateway.hook("responseheaders", flow)
    gateway.front.response(flow)

    assert problem_of(flow)["code"] == "not-ready"


async def test_a_masked_call_without_a_word_about_its_answer_gets_none(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)
    flow.response = http.Response.make(200, b"")
    await gateway.hook("responseheaders", flow, "front", "audit")

    assert flow.response.status_code == 500


async def test_a_hook_that_runs_twice_changes_nothing(gateway: Gateway) -> None:
    flow, seen = await sent(gateway)
    echo = json.dumps({"email": seen["email"], "iban": "x"}).encode()
    first = await answered(gateway, flow, echo)
    await gateway.hook("response", flow)

    assert flow.response
    assert flow.response.raw_content == first
    assert json.loads(first) == {"email": 'a"@b', "iban": "***"}


async def test_a_copy_of_a_call_does_not_inherit_its_values(gateway: Gateway) -> None:
    flow, seen = await sent(gateway)
    copy = flow.copy()
    echo = json.dumps({"email": seen["email"]}).encode()

    got = await answered(gateway, copy, echo)

    assert json.loads(got).get("email") != 'a"@b'


async def test_rules_that_change_meanwhile_do_not_change_the_answers_masks(
    gateway: Gateway,
) -> None:
    flow, _ = await sent(gateway)
    masks = gateway.rules / "masks.yaml"
    masks.write_text(QUIET, encoding="utf-8")
    await gateway.runtime.reload()
    await gateway.runtime.reload()

    assert await answered(gateway, flow, b'{"iban":"x"}') == b'{"iban":"***"}'


async def test_values_are_gone_with_the_call(gateway: Gateway) -> None:
    flow, seen = await sent(gateway)
    await answered(gateway, flow, b"{}")

    assert not gateway.runtime.returns.held(flow)
    assert "@b" not in str(flow.metadata) + gateway.ledger_path.read_text()
    other, _ = await sent(gateway)
    await gateway.hook("error", other)
    echo = json.dumps({"email": seen["email"]}).encode()
    assert 'a"@b' not in (await answered(gateway, other, echo)).decode()


async def test_an_empty_answer_stays_one(gateway: Gateway) -> None:
    flow, _ = await sent(gateway)

    assert await answered(gateway, flow, status=204) == b""
    assert flow.response
    assert flow.response.status_code == 204


# Nothing to hide


@pytest.mark.parametrize(
    "headers",
    [
        {"content_encoding": "snappy"},
        {"media": "image/png"},
        {"status": 206},
        {"content_length": "99999999"},
        {"signature": "x"},
        {"content_encoding": "gzip"},
    ],
    ids=str,
)
async def test_what_cannot_be_restored_passes_as_it_is(
    quiet: Gateway, headers: dict[str, Any]
) -> None:
    flow, seen = await sent(quiet)
    echo = json.dumps({"email": seen["email"]}).encode()

    assert await answered(quiet, flow, echo, **headers) == echo


async def test_a_plain_text_is_restored_as_it_streams(quiet: Gateway) -> None:
    flow, seen = await sent(quiet)
    token = seen["email"].encode()

    assert await answered(quiet, flow, b"to " + token[:5], token[5:], media="text/plain") == b'to a"@b'  # fmt: skip


async def test_an_answer_streams_as_it_is_where_no_token_was_given_out(quiet: Gateway) -> None:
    flow, _ = await sent(quiet, b'{"model":"gpt-5"}')
    await answered(quiet, flow, b"{}")

    assert flow.response
    assert flow.response.stream is True
    assert flowstate.read(flow, Returned).outcome() == {}


def test_a_record_of_an_answer_survives_and_odd_ones_do_not() -> None:
    record = Returned(way="cut", code="internal", counts={"s": {"$.a": 1}})

    assert Returned.from_plain(record.to_plain()) == record
    with pytest.raises(TypeError):
        Returned.from_plain(record.to_plain() | {"way": "odd"})


def test_codes_of_unknown_errors_are_internal() -> None:
    assert returns.code_of(ValueError("CANARY")) == ("internal", "")
