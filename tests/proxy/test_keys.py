"""The issuers' keys, from a real server on loopback that rotates, hangs, lies and fails."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.testing import bind_unused_port

from residency.core.identity import IssuerBook, Verifier
from residency.errors import ConfigurationError, IdentityError
from residency.proxy import keys
from residency.proxy.keys import MAX_BODY, KeyStore, Pace
from tests.tokens import NOW, book, claims, jwk, jwks, rsa_key, token

QUICK = Pace(timeout=0.3, every=3600, retry=0.02, retry_at_most=0.05, cool_down=3600, keep=3600)


class Issuer:
    """An HTTP server whose answer to each path is a text, bytes, a status, or nothing at all."""

    def __init__(self) -> None:
        socket, port = bind_unused_port()
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, str | bytes | int | None] = {}
        self.asked: list[str] = []
        self.headers: list[tuple[str, str]] = []
        self.extra: dict[str, str] = {}
        self.server = HTTPServer(self.answer)
        self.server.add_socket(socket)

    def answer(self, request: HTTPServerRequest) -> None:
        self.asked.append(request.uri or "")
        self.headers = list(request.headers.get_all())
        answer = self.answers.get(request.uri or "", 404)
        connection = request.connection
        if answer is None or connection is None:
            return
        status, body = (answer, b"") if isinstance(answer, int) else (200, answer)
        raw = body.encode() if isinstance(body, str) else body
        headers = HTTPHeaders({"Content-Length": str(len(raw)), **self.extra})
        connection.write_headers(ResponseStartLine("HTTP/1.1", status, "x"), headers, raw)
        connection.finish()

    def discovers(self, **changes: Any) -> None:
        found = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"} | changes
        self.answers["/.well-known/openid-configuration"] = json.dumps(found)


RSA = jwks(jwk(rsa_key(), "rsa"))
NEW = jwks(jwk(rsa_key("new"), "new"))


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    found = Issuer()
    found.answers["/jwks"] = RSA
    found.discovers()
    yield found
    found.server.stop()
    await found.server.close_all_connections()


@pytest.fixture
async def started() -> AsyncIterator[Callable[..., KeyStore]]:
    """Stores that are stopped at the end, and everything of theirs has ended."""
    stores: list[KeyStore] = []

    def start(
        trusted: IssuerBook, verifier: Verifier | None = None, pace: Pace = QUICK, **more: Any
    ) -> KeyStore:
        store = KeyStore(trusted, pace=pace, **more)
        if verifier:
            store.on_change = verifier.set_keys
        stores.append(store)
        store.start()
        return store

    yield start
    for store in stores:
        store.stop()
    await asyncio.sleep(0.01)


async def until(question: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not question():  # noqa: ASYNC110 - there is no event: it is the outcome that is asked for
            await asyncio.sleep(0.005)


def by_url(issuer: Issuer) -> IssuerBook:
    return book(issuer=issuer.url, keys={"url": f"{issuer.url}/jwks"})


def by_discovery(issuer: Issuer) -> IssuerBook:
    return book(issuer=issuer.url, keys={"discovery": "true"})


def of(issuer: Issuer, **changes: Any) -> str:
    return token(claims(iss=issuer.url), **changes)


async def test_keys_from_a_url_verify(issuer: Issuer, started: Callable[..., KeyStore]) -> None:
    verifier = Verifier(by_url(issuer))
    store = started(verifier.book, verifier)

    await until(lambda: store.ready)

    assert verifier.verify(of(issuer), now=NOW).issuer == issuer.url
    assert issuer.asked == ["/jwks"]


async def test_keys_by_discovery_verify(issuer: Issuer, started: Callable[..., KeyStore]) -> None:
    verifier = Verifier(by_discovery(issuer))
    store = started(verifier.book, verifier)

    await until(lambda: store.ready)

    assert verifier.verify(of(issuer), now=NOW).subject == "billing"
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://login.test"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://192.0.2.1/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_discovery_document_that_lies_gives_no_keys(
    issuer: Issuer, started: Callable[..., KeyStore], changes: dict[str, Any]
) -> None:
    issuer.discovers(**changes)
    store = started(by_discovery(issuer))

    await until(lambda: len(issuer.asked) > 1)

    assert not store.ready
    assert set(issuer.asked) == {"/.well-known/openid-configuration"}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        '{"keys": [], "keys": []}',
        "[" * 100_000,
        RSA + " " * MAX_BODY,
        500,
        204,
        None,
    ],
    ids=lambda a: str(a)[:20],
)
async def test_an_answer_that_is_no_jwk_set_is_tried_again(
    issuer: Issuer,
    started: Callable[..., KeyStore],
    caplog: pytest.LogCaptureFixture,
    answer: str | bytes | int | None,
) -> None:
    caplog.set_level(logging.WARNING, "residency.keys")
    issuer.answers["/jwks"] = answer
    store = started(by_url(issuer))
    await until(lambda: len(issuer.asked) > 1)
    assert not store.ready
    issuer.answers["/jwks"] = RSA

    await until(lambda: store.ready)

    assert all(r.name == "residency.keys" for r in caplog.records)
    assert issuer.url in caplog.text
    assert RSA[:20] not in caplog.text


async def test_a_redirect_is_not_followed(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    issuer.answers["/jwks"] = 302
    issuer.extra = {"Location": f"{issuer.url}/evil"}
    issuer.answers["/evil"] = RSA
    store = started(by_url(issuer))

    await until(lambda: len(issuer.asked) > 1)

    assert "/evil" not in issuer.asked
    assert not store.ready


async def test_packed_answers_are_not_asked_for(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    started(by_url(issuer))

    await until(lambda: bool(issuer.asked))

    assert not [n for n, _ in issuer.headers if n.lower() == "accept-encoding"]


async def test_a_set_without_usable_keys_takes_the_former_keys_away(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    verifier = Verifier(by_url(issuer))
    store = started(verifier.book, verifier)
    await until(lambda: store.ready)
    verifier.verify(of(issuer), now=NOW)
    issuer.answers["/jwks"] = jwks(jwk(rsa_key(), "rsa", use="enc"))

    assert not await store.refresh(issuer.url)

    assert store.missing == verifier.missing == [issuer.url]
    with pytest.raises(IdentityError, match="identity-key"):
        verifier.verify(of(issuer), now=NOW)


async def test_a_new_key_is_known_after_one_refresh(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    verifier = Verifier(by_url(issuer))
    store = started(verifier.book, verifier)
    await until(lambda: store.ready)
    issuer.answers["/jwks"] = NEW

    assert await store.refresh(issuer.url)

    assert verifier.verify(of(issuer, key=rsa_key("new"), kid="new"), now=NOW).subject == "billing"
    with pytest.raises(IdentityError, match="identity-key"):
        verifier.verify(of(issuer), now=NOW)


async def test_ten_thousand_unknown_keys_cause_one_fetch(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    store = started(by_url(issuer))
    await until(lambda: store.ready)

    answers = await asyncio.gather(*(store.refresh(issuer.url) for _ in range(5000)))
    later = [await store.refresh(issuer.url) for _ in range(5000)]

    assert all(answers)
    assert not any(later)
    assert len(issuer.asked) == 2


async def test_strangers_who_waited_for_an_issuer_that_hangs_do_not_come_back_all_at_once(
    issuer: Issuer, started: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals in one moment keep everybody else's calls waiting. Each draws how much later than the fetch it goes on."""
    store = started(by_url(issuer), pace=Pace(timeout=0.2, apart=0.01, apart_at_most=0.6))
    await until(lambda: store.ready)
    issuer.answers["/jwks"] = None
    now = asyncio.get_running_loop().time
    drawn: dict[object, tuple[float, float, float]] = {}

    def draw(low: float, high: float) -> float:
        one = (high - low) * len(drawn) / 100
        drawn[asyncio.current_task()] = low, high, now() + one
        return one

    monkeypatch.setattr(keys, "random", SimpleNamespace(uniform=draw))

    async def wait() -> tuple[float, tuple[float, float]]:
        assert not await store.refresh(issuer.url)
        # The store's own next look draws, too, in a task of its own.
        low, high, until_then = drawn[asyncio.current_task()]
        return now() - until_then, (low, high)

    waited = await asyncio.gather(*(wait() for _ in range(100)))

    assert min(late for late, _ in waited) > -0.01
    assert {bounds for _, bounds in waited} == {(0, 0.6)}


async def test_callers_who_waited_for_keys_that_came_go_on_at_once(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    store = started(by_url(issuer), pace=Pace(apart=3600, apart_at_most=3600))
    await until(lambda: store.ready)

    async with asyncio.timeout(30):
        assert all(await asyncio.gather(*(store.refresh(issuer.url) for _ in range(20))))


async def test_after_the_cool_down_one_more_fetch_is_made(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    store = started(by_url(issuer), pace=Pace(cool_down=0.05))
    await until(lambda: store.ready)
    await store.refresh(issuer.url)
    assert not await store.refresh(issuer.url)

    await asyncio.sleep(0.06)

    assert await store.refresh(issuer.url)
    assert len(issuer.asked) == 3


async def test_an_issuer_that_hangs_delays_no_other(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    hanging = Issuer()
    hanging.answers["/jwks"] = None
    both = IssuerBook({**by_url(issuer).issuers, **by_url(hanging).issuers})
    store = started(both, pace=Pace(timeout=3600))
    await until(lambda: bool(hanging.asked))
    waiting = asyncio.create_task(store.refresh(hanging.url))
    await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await until(lambda: store.missing == [hanging.url])
        assert await store.refresh(issuer.url)

    assert not waiting.done()
    store.stop()
    assert not await waiting
    hanging.server.stop()
    await hanging.server.close_all_connections()


async def test_a_call_that_ends_does_not_end_the_fetch_of_others(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    store = started(by_url(issuer))
    await until(lambda: store.ready)
    one, two = (asyncio.create_task(store.refresh(issuer.url)) for _ in range(2))
    await asyncio.sleep(0)

    one.cancel()

    assert await two
    assert one.cancelled()


async def test_the_last_good_keys_stay_while_the_issuer_is_down(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    verifier = Verifier(by_url(issuer))
    store = started(verifier.book, verifier)
    await until(lambda: store.ready)
    issuer.answers["/jwks"] = 503

    assert not await store.refresh(issuer.url)

    assert store.ready
    assert verifier.verify(of(issuer), now=NOW).subject == "billing"


async def test_the_last_good_keys_do_not_stay_for_ever(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    verifier = Verifier(by_url(issuer))
    store = started(verifier.book, verifier, pace=Pace(every=0.01, retry=0.01, keep=0.1))
    await until(lambda: store.ready)
    issuer.answers["/jwks"] = 503

    await until(lambda: not store.ready)

    assert verifier.missing == [issuer.url]


async def test_keys_are_fetched_again_by_age(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    verifier = Verifier(by_url(issuer))
    started(verifier.book, verifier, pace=Pace(every=0.01))
    await until(lambda: len(issuer.asked) >= 2)
    issuer.answers["/jwks"] = NEW
    count = len(issuer.asked)

    await until(lambda: len(issuer.asked) >= count + 2)

    assert verifier.verify(of(issuer, key=rsa_key("new"), kid="new"), now=NOW).subject == "billing"


async def test_failures_are_tried_again_more_and_more_slowly(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    issuer.answers["/jwks"] = 500
    began = asyncio.get_running_loop().time()
    started(by_url(issuer), pace=Pace(retry=0.02, retry_at_most=60))

    await until(lambda: len(issuer.asked) == 5)

    assert asyncio.get_running_loop().time() - began > 0.02 + 0.04 + 0.08 + 0.16 - 0.01


async def test_a_reload_takes_the_known_keys_along(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    former = started(by_url(issuer))
    await until(lambda: former.ready)
    issuer.answers["/jwks"] = 503
    verifier = Verifier(by_url(issuer))
    store = KeyStore(verifier.book, pace=QUICK)
    store.on_change = verifier.set_keys

    store.adopt(former)
    store.start()

    assert store.ready
    assert verifier.verify(of(issuer), now=NOW).subject == "billing"
    store.stop()


async def test_a_reload_that_moves_the_keys_does_not(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    former = started(by_url(issuer))
    await until(lambda: former.ready)
    store = KeyStore(by_discovery(issuer), pace=QUICK)

    store.adopt(former)

    assert store.missing == [issuer.url]


async def test_keys_in_a_file_are_known_from_the_start(started: Callable[..., KeyStore]) -> None:
    verifier = Verifier(book())
    store = started(verifier.book, verifier, files={"jwks.json": RSA})

    assert store.ready
    assert verifier.verify(token(), now=NOW).subject == "billing"
    assert not await store.refresh(token())
    assert not await store.refresh(next(iter(verifier.book.issuers)))


@pytest.mark.parametrize("files", [{}, {"jwks.json": "{}"}])
def test_a_key_file_that_cannot_be_used_is_a_fault(files: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"jwks\.json"):
        KeyStore(book(), files=files)


async def test_a_store_that_is_started_twice_fetches_once(
    issuer: Issuer, started: Callable[..., KeyStore]
) -> None:
    store = started(by_url(issuer))
    store.start()

    await until(lambda: store.ready)
    await asyncio.sleep(0.02)

    assert issuer.asked == ["/jwks"]


async def test_a_store_that_is_not_started_fetches_nothing(issuer: Issuer) -> None:
    store = KeyStore(by_url(issuer), pace=QUICK)

    assert not await store.refresh(issuer.url)
    store.stop()

    assert issuer.asked == []


async def test_the_loop_may_refuse_to_look_up_names(
    issuer: Issuer, started: Callable[..., KeyStore], refusing: None
) -> None:
    local = issuer.url.replace("127.0.0.1", "localhost")
    store = started(book(issuer=local, keys={"url": f"{local}/jwks"}))

    await until(lambda: store.ready)


@pytest.fixture
async def refusing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError("no look-up")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", refuse)
    yield
    monkeypatch.undo()
