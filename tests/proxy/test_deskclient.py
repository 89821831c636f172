"""The desk's side of the admin API, against a real server."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado import simple_httpclient

from residency.core.hold import State
from residency.errors import GatewayError
from residency.proxy.deskclient import MAX_TEXT, Gateway, HeldCall, printable, url_fault
from tests.admin_api import TOKEN, AdminApi, hold_of


@pytest.fixture
async def api() -> AsyncIterator[AdminApi]:
    found = AdminApi()
    found.start()
    yield found
    await found.close()


@pytest.fixture
async def http() -> AsyncIterator[simple_httpclient.SimpleAsyncHTTPClient]:
    client = simple_httpclient.SimpleAsyncHTTPClient(force_instance=True, max_body_size=100_000)
    yield client
    client.close()


class TokenFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, content: str | None) -> None:
        self.path.unlink(missing_ok=True)
        if content is not None:
            self.path.write_text(content, encoding="latin-1")


@pytest.fixture
def token_file(tmp_path: Path) -> TokenFile:
    found = TokenFile(tmp_path / "token")
    found.put(TOKEN + "\n")
    return found


@pytest.fixture
def gateway(
    api: AdminApi, http: simple_httpclient.SimpleAsyncHTTPClient, token_file: TokenFile
) -> Gateway:
    return Gateway(http, url=api.url, token_file=str(token_file.path))


async def test_a_held_call_is_told_with_names_and_counts(api: AdminApi, gateway: Gateway) -> None:
    id_ = api.hold(1)

    (hold,) = await gateway.holds()

    assert (hold.id, hold.state, hold.places) == (id_, State.WAITING, ("US",))
    assert hold.masked == {"personal-data": {"$.messages[*].content": 2}}


async def test_a_hold_without_a_known_function_or_place_is_told_too(
    api: AdminApi, gateway: Gateway
) -> None:
    api.hold(1, function=None, places="unknown", rule=None)

    (hold,) = await gateway.holds()

    assert (hold.function, hold.places) == (None, "unknown")


@pytest.mark.parametrize("word", ["approve", "deny"])
async def test_a_ruling_arrives_once_with_its_reason(
    api: AdminApi, gateway: Gateway, word: str
) -> None:
    id_ = api.hold(1)

    await gateway.rule(id_, approve=word == "approve", reason='it\'s "fine"')

    assert api.rulings == [(id_, {"ruling": word, "reason": 'it\'s "fine"'})]


async def test_a_ruling_without_a_reason_is_not_sent(api: AdminApi, gateway: Gateway) -> None:
    id_ = api.hold(1)

    with pytest.raises(GatewayError, match="needs a reason"):
        await gateway.rule(id_, approve=True, reason=" \t")

    assert not api.requests


async def test_a_refused_ruling_says_why(api: AdminApi, gateway: Gateway) -> None:
    id_ = api.hold(1, state="denied")

    with pytest.raises(GatewayError, match=r"the hold is denied already \(closed\)"):
        await gateway.rule(id_, approve=True, reason="late")


async def test_a_ruling_is_not_taken_for_given_on_an_odd_answer(
    api: AdminApi, gateway: Gateway
) -> None:
    id_ = api.hold(1)
    api.broken = (200, '{"state": "approved"}')

    with pytest.raises(GatewayError, match="not a gateway's"):
        await gateway.rule(id_, approve=True, reason="why")

    assert api.requests == 1


async def test_the_token_is_read_anew_for_each_request(
    api: AdminApi, gateway: Gateway, token_file: TokenFile
) -> None:
    await gateway.holds()
    api.tokens = {"next"}
    token_file.put("next")

    assert await gateway.holds() == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "FileNotFoundError"),
        ("", "empty"),
        ("one\ntwo", "more than one"),
        ("a\r\nX-Evil: b", "more than one"),
        ("caf\xe9", "UnicodeDecodeError"),
    ],
    ids=["no file", "empty", "two lines", "a header in it", "not ASCII"],
)
async def test_what_is_no_token_is_not_sent(
    api: AdminApi, gateway: Gateway, token_file: TokenFile, content: str | None, words: str
) -> None:
    token_file.put(content)

    with pytest.raises(GatewayError, match=words) as raised:
        await gateway.holds()

    assert not api.requests
    assert not content or content not in str(raised.value)


async def test_no_message_holds_the_token(api: AdminApi, gateway: Gateway) -> None:
    api.tokens = set()

    with pytest.raises(
        GatewayError, match=r"The token has expired \(identity-expired\)"
    ) as raised:
        await gateway.holds()

    assert TOKEN not in str(raised.value)


async def test_a_gateway_that_is_not_there_is_said(api: AdminApi, gateway: Gateway) -> None:
    api.stop()

    with pytest.raises(GatewayError, match="no answer from http"):
        await gateway.holds()


@pytest.mark.parametrize(
    "answer",
    [
        "", "[]", "<html>", '{"holds": 1}', '{"holds": [{}]}', '{"other": []}',
        json.dumps({"holds": [hold_of(1, id="../../health")]}),
        json.dumps({"holds": [hold_of(1, id="0" * 32 + "\n")]}),
        json.dumps({"holds": [hold_of(1, state="fine")]}),
        json.dumps({"holds": [hold_of(1, expires=float("inf"))]}),
        json.dumps({"holds": [hold_of(1, opened=1e300)]}),
        json.dumps({"holds": [hold_of(1, why="x" * 200_000)]}),
    ],
    ids=["nothing", "a list", "a page", "no list", "empty hold", "no holds", "a path as id", "a line end in the id",
         "unknown state", "infinite time", "absurd time", "too much"],
)  # fmt: skip
async def test_an_answer_that_is_none_of_a_gateways_is_refused(
    api: AdminApi, gateway: Gateway, answer: str
) -> None:
    api.broken = (200, answer)

    with pytest.raises(GatewayError):
        await gateway.holds()


@pytest.mark.parametrize("code", [202, 301, 302, 400, 500, 503])
async def test_any_status_but_200_is_refused_and_no_redirect_gets_the_token(
    api: AdminApi, gateway: Gateway, code: int
) -> None:
    api.broken = (code, "")

    with pytest.raises(GatewayError, match=f"HTTP {code}"):
        await gateway.holds()

    assert api.requests == 1


async def test_a_proxy_in_the_environment_never_sees_the_token(
    api: AdminApi, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    await gateway.holds()

    assert api.requests == 1


async def test_the_gateways_words_reach_a_terminal_without_its_escapes(
    api: AdminApi, gateway: Gateway
) -> None:
    api.broken = (409, json.dumps({"code": "x", "detail": "\x1b]0;evil\x07"}))

    with pytest.raises(GatewayError, match=r"\\u001b") as raised:
        await gateway.holds()

    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8090",
        "http://127.0.0.1:8090/",
        "http://localhost:8090",
        "http://[::1]:8090",
        "https://approvals.example.com",
    ],
)
def test_loopback_and_tls_may_have_the_token(url: str) -> None:
    assert url_fault(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8090",
        "ftp://127.0.0.1",
        "http://",
        "http://10.0.0.1:8090",
        "http://127.0.0.1.example.com:8090",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://user@127.0.0.1:8090",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:8090/x",
        "http://127.0.0.1:8090?x=1",
        "http://127.0.0.1:80 90",
        "http://127.0.0.1:8090/\n",
        "http://[::1",
    ],
)
def test_nowhere_else(url: str) -> None:
    assert url_fault(url)


@given(st.text(max_size=2 * MAX_TEXT))
def test_whatever_a_caller_names_is_short_and_printable(text: str) -> None:
    shown = printable(text)

    assert shown.isprintable()
    assert len(shown) <= MAX_TEXT


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=MAX_TEXT))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_a_newer_gateway_may_say_more() -> None:
    told: dict[str, Any] = hold_of(1, news=1)

    assert HeldCall.model_validate(told).id == told["id"]
