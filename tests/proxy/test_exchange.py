"""Proofs that an issuer is asked about, from a real server on loopback that refuses, hangs, lies and fails."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.testing import bind_unused_port

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import ClientCredentials, IssuerBook, Opaque, Token, Verifier, parse
from residency.errors import ConfigurationError, IdentityError
from residency.proxy import flights
from residency.proxy.callers import Callers
from residency.proxy.endpoint import MAX_BODY
from residency.proxy.exchange import Exchange, check_secrets
from residency.proxy.flights import Patience
from residency.proxy.keys import KeyStore
from tests.tokens import claims, jwk, jwks, rsa_key, token

CLUSTER = "https://kubernetes.default.svc"
SVC = ClientCredentials("svc-a", "s3cret-of-a")
QUICK = Patience(refused=0.05, unavailable=0.05)


class Issuer:
    """Answers each path with a status and a text, or with what a function makes of the form; ``None``: never."""

    def __init__(self) -> None:
        socket, port = bind_unused_port()
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        self.answers: dict[str, Any] = {}
        self.answers["/token"] = lambda: (200, self.grant())
        self.answers["/.well-known/openid-configuration"] = (200, json.dumps(
            {"issuer": self.url, "token_endpoint": f"{self.url}/token", "introspection_endpoint": f"{self.url}/word"}))  # fmt: skip
        self.server = HTTPServer(self.answer)
        self.server.add_socket(socket)

    def token(self, key: str = "rsa", **changes: Any) -> str:
        now = int(time.time())
        usual = {"iss": self.url, "iat": now - 1, "exp": now + 600, "sub": "svc-a"}
        return token(claims(**(usual | changes)), key=rsa_key(key), kid=key)

    def grant(self, **changes: Any) -> str:
        return json.dumps({"access_token": self.token(**changes), "token_type": "Bearer"})

    def word(self, **changes: Any) -> str:
        now = int(time.time())
        usual = claims(iss=self.url, iat=now - 1, exp=now + 600, sub="svc-o") | {"active": True}
        return json.dumps(usual | changes)

    def count(self, path: str) -> int:
        return sum(p == path for p, _, _ in self.asked)

    def answer(self, request: HTTPServerRequest) -> None:
        authorization = request.headers.get("Authorization", "")
        self.asked.append((request.path, parse_qs(request.body.decode()), authorization))
        found = self.answers.get(request.path, (404, "{}"))
        found = found() if callable(found) else found
        if found is None or request.connection is None:
            return
        status, text = found
        headers = HTTPHeaders({"Content-Length": str(len(text)), "Location": f"{self.url}/evil"})
        request.connection.write_headers(
            ResponseStartLine("HTTP/1.1", status, "x"), headers, text.encode()
        )
        request.connection.finish()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    found = Issuer()
    yield found
    found.server.stop()
    await found.server.close_all_connections()


type Start = Callable[..., Callers]


def book_of(*blocks: dict[str, Any]) -> IssuerBook:
    faults = Faults()
    usual = {"audience": "gateway", "keys": {"file": "jwks.json"}}
    text = json.dumps({"version": "1", "issuers": [usual | b for b in blocks]})
    found = parse(read(text, "identity.yaml", faults), faults)
    faults.check()
    assert found
    return found


@pytest.fixture
async def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setenv("OWN_SECRET", "own-secret")
    started: list[Exchange] = []

    def begin(
        *blocks: dict[str, Any], timeout: float = 0.3, patience: Patience = QUICK
    ) -> Callers:
        book = book_of(*blocks)
        verifier = Verifier(book)
        store = KeyStore(book, files={"jwks.json": jwks(jwk(rsa_key("rsa"), "rsa"))})
        store.on_change = verifier.set_keys
        store.start()
        callers = Callers(verifier, store)
        exchange = Exchange(
            book,
            folder=tmp_path,
            key=b"k" * 32,
            verify=callers.verified,
            timeout=timeout,
            patience=patience,
        )
        callers.exchange = exchange
        started.append(exchange)
        return callers

    yield begin
    for each in started:
        each.stop()
    await asyncio.sleep(0.01)


def clients(issuer: Issuer, **more: Any) -> dict[str, Any]:
    return {"issuer": issuer.url, "client_credentials": more}


def introspects(issuer: Issuer, **more: Any) -> dict[str, Any]:
    own = {"client_id": "gateway", "secret": {"env": "OWN_SECRET"}}
    return {"issuer": issuer.url, "introspection": own | more}


def exchanges(issuer: Issuer, **more: Any) -> dict[str, Any]:
    return {"issuer": issuer.url, "exchange": {"tokens_of": CLUSTER} | more}


# Client credentials


async def test_a_client_is_known_after_one_exchange(issuer: Issuer, start: Start) -> None:
    callers = start(clients(issuer, scope="a", resource="https://r.test"))

    found = await asyncio.gather(*(callers.caller(SVC) for _ in range(200)))

    assert {c.key for c in found} == {(issuer.url, "svc-a")}
    assert found[0].groups == ("eu-services",)
    assert [p for p, _, _ in issuer.asked] == ["/.well-known/openid-configuration", "/token"]
    _, form, authorization = issuer.asked[1]
    assert form == {
        "grant_type": ["client_credentials"],
        "scope": ["a"],
        "resource": ["https://r.test"],
    }
    assert authorization == "Basic c3ZjLWE6czNjcmV0LW9mLWE="


async def test_post_is_used_where_it_is_written(issuer: Issuer, start: Start) -> None:
    await start(clients(issuer, method="client_secret_post")).caller(SVC)

    assert issuer.asked[1][1]["client_secret"] == [SVC.secret]
    assert issuer.asked[1][2] == ""


async def test_another_secret_is_another_client(issuer: Issuer, start: Start) -> None:
    callers = start(clients(issuer))
    await callers.caller(SVC)
    issuer.answers["/token"] = (401, '{"error": "invalid_client"}')

    with pytest.raises(IdentityError, match="identity-client: the issuer says invalid_client"):
        await callers.caller(ClientCredentials("svc-a", "guess"))

    assert (await callers.caller(SVC)).subject == "svc-a"


async def test_ids_and_secrets_are_told_apart_wherever_they_part(
    issuer: Issuer, start: Start
) -> None:
    callers = start(clients(issuer))
    await callers.caller(ClientCredentials("ab", "c"))
    await callers.caller(ClientCredentials("a", "bc"))

    assert issuer.count("/token") == 2


async def test_a_wrong_secret_is_asked_about_once_in_a_while(issuer: Issuer, start: Start) -> None:
    issuer.answers["/token"] = (401, "{}")
    callers = start(clients(issuer), patience=Patience())

    for _ in range(50):
        with pytest.raises(IdentityError, match="identity-client"):
            await callers.caller(SVC)

    assert issuer.count("/token") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "other"}, "identity-audience"),
        ({"iss": "https://evil.test"}, "identity-issuer"),
        ({"exp": ...}, "identity-claims"),
        ({"key": "stranger"}, "identity-key"),
        ({"iat": 1, "exp": 1000}, "identity-expired"),
    ],
)
async def test_the_issuers_token_is_verified_as_any_other(
    issuer: Issuer, start: Start, changes: dict[str, Any], code: str
) -> None:
    issuer.answers["/token"] = lambda: (200, issuer.grant(**changes))

    with pytest.raises(IdentityError, match=code):
        await start(clients(issuer)).caller(SVC)


async def test_an_issuer_cannot_name_callers_of_another(issuer: Issuer, start: Start) -> None:
    other = {"issuer": "https://other.test"}
    issuer.answers["/token"] = lambda: (200, issuer.grant(iss="https://other.test"))

    with pytest.raises(IdentityError, match="another issuer's"):
        await start(clients(issuer), other).caller(SVC)


@pytest.mark.parametrize(
    "answer",
    [None, (500, ""), (302, ""), (200, "{"), (200, "x" * (MAX_BODY + 1)), (200, "\udcff".encode("utf-8", "replace").decode())],
    ids=["hangs", "500", "redirects", "no-json", "endless", "empty"],
)  # fmt: skip
async def test_an_issuer_that_says_nothing_is_unavailable_within_its_time(
    issuer: Issuer, start: Start, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "residency")
    issuer.answers["/token"] = answer

    async with asyncio.timeout(15):
        with pytest.raises(IdentityError) as caught:
            await start(clients(issuer)).caller(SVC)

    assert caught.value.code == "identity-unavailable"
    assert SVC.secret not in str(caught.value) + caplog.text
    assert issuer.count("/evil") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"token_endpoint": "https://u:p@evil.test/"},
        {"token_endpoint": None},
    ],
)
async def test_a_discovery_document_that_lies_gets_no_secret(
    issuer: Issuer, start: Start, changes: dict[str, Any]
) -> None:
    place = "/.well-known/openid-configuration"
    told = json.loads(issuer.answers[place][1]) | changes
    issuer.answers[place] = (200, json.dumps(told))

    with pytest.raises(IdentityError, match="discovery names no usable token_endpoint"):
        await start(clients(issuer)).caller(SVC)

    assert {p for p, _, _ in issuer.asked} == {place}


async def test_an_issuer_that_hangs_delays_no_known_caller(issuer: Issuer, start: Start) -> None:
    hanging = Issuer()
    hanging.answers["/token"] = None
    callers = start(clients(issuer), clients(hanging, clients="slow-*"), timeout=3600)
    await callers.caller(SVC)
    waiting = [
        asyncio.create_task(callers.caller(ClientCredentials(f"slow-{n}", "x")))
        for n in range(300)
    ]
    await asyncio.sleep(0.05)

    async with asyncio.timeout(30):
        for _ in range(100):
            await callers.caller(SVC)
        other = await callers.caller(ClientCredentials("new", "x"))

    assert other.issuer == issuer.url
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    hanging.server.stop()
    await hanging.server.close_all_connections()


async def test_a_token_is_renewed_before_it_ends_and_nobody_waits(
    issuer: Issuer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, loop = 0.0, asyncio.get_running_loop()
    monkeypatch.setattr(flights, "_now", lambda: loop.time() + ahead)
    callers = start(clients(issuer), timeout=3600)
    first = (await callers.caller(SVC)).expires
    issuer.answers["/token"] = lambda: (200, issuer.grant(exp=int(first) + 100))

    async with asyncio.timeout(30):
        ahead = 500.0
        assert (await callers.caller(SVC)).expires == first
        assert issuer.count("/token") == 1
        ahead = 570.0  # of 600
        while (await callers.caller(SVC)).expires == first:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert issuer.count("/token") == 2

        issuer.answers["/token"] = None
        ahead = 570.0 + 650.0  # of 700 more
        while issuer.count("/token") == 2:
            await asyncio.sleep(0.01)
            assert (await callers.caller(SVC)).expires == first + 100
        assert (await callers.caller(SVC)).expires == first + 100


async def test_a_key_that_is_revoked_ends_the_token_and_a_new_one_is_got(
    issuer: Issuer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from residency.core.identity import KeySet

    callers = start(clients(issuer))
    await callers.caller(SVC)
    callers.verifier.set_keys(issuer.url, KeySet.parse(jwks(jwk(rsa_key("new"), "new"))))
    issuer.answers["/token"] = lambda: (200, issuer.grant(key="new"))

    assert (await callers.caller(SVC)).subject == "svc-a"
    assert issuer.count("/token") == 2


async def test_clients_that_no_issuer_takes_are_sent_nowhere(issuer: Issuer, start: Start) -> None:
    callers = start(clients(issuer, clients="job-*"))

    with pytest.raises(IdentityError, match="identity-malformed"):
        await callers.caller(SVC)
    assert issuer.asked == []


async def test_no_secret_stays_in_what_is_kept(issuer: Issuer, start: Start) -> None:
    callers = start(clients(issuer))
    await callers.caller(SVC)
    exchange = callers.exchange
    assert exchange
    kept = repr([(f._answers, f._failures, f._flights) for f in exchange._tokens.values()])

    assert SVC.secret not in kept
    assert "eyJ" not in kept


# Token exchange


def foreign(**changes: Any) -> Token:
    now = int(time.time())
    usual = {
        "iss": CLUSTER,
        "aud": "api",
        "iat": now,
        "exp": now + 3600,
        "sub": "system:serviceaccount:a:b",
    }
    return Token(token(claims(**(usual | changes))))


async def test_a_platforms_token_is_exchanged_once(issuer: Issuer, start: Start) -> None:
    callers = start(
        exchanges(issuer, client_id="gw", secret={"env": "OWN_SECRET"}, audience="gateway")
    )
    proof = foreign()

    found = await asyncio.gather(*(callers.caller(proof) for _ in range(50)))

    assert {c.key for c in found} == {(issuer.url, "svc-a")}
    assert issuer.count("/token") == 1
    _, form, authorization = issuer.asked[1]
    assert form["subject_token"] == [proof.text]
    assert form["audience"] == ["gateway"]
    assert authorization.startswith("Basic ")


async def test_a_refused_exchange_is_told(issuer: Issuer, start: Start) -> None:
    issuer.answers["/token"] = (400, '{"error": "invalid_request"}')

    with pytest.raises(IdentityError, match="identity-exchange: the issuer says invalid_request"):
        await start(exchanges(issuer)).caller(foreign())


async def test_an_exchanged_token_counts_no_longer_than_what_it_stands_for(
    issuer: Issuer, start: Start
) -> None:
    ends = int(time.time()) + 30
    found = await start(exchanges(issuer)).caller(foreign(exp=ends))

    assert found.expires == ends


async def test_what_has_ended_is_not_revived_by_an_exchange(issuer: Issuer, start: Start) -> None:
    with pytest.raises(IdentityError, match="identity-expired"):
        await start(exchanges(issuer)).caller(foreign(exp=int(time.time()) - 5))


@pytest.mark.parametrize("changes", [{"iss": "https://evil.test"}, {"iss": f"{CLUSTER}/"}])
async def test_tokens_of_others_are_sent_nowhere(
    issuer: Issuer, start: Start, changes: dict[str, Any]
) -> None:
    with pytest.raises(IdentityError, match="identity-issuer"):
        await start(exchanges(issuer)).caller(foreign(**changes))
    assert issuer.asked == []


async def test_a_token_for_the_gateway_is_sent_nowhere(issuer: Issuer, start: Start) -> None:
    callers = start(exchanges(issuer, tokens_of=[issuer.url]))

    assert (await callers.caller(Token(issuer.token()))).subject == "svc-a"
    assert issuer.asked == []


# Introspection


async def test_an_opaque_token_is_asked_about_once_in_its_time(
    issuer: Issuer, start: Start
) -> None:
    issuer.answers["/word"] = lambda: (200, issuer.word())
    callers = start(introspects(issuer))

    found = await asyncio.gather(*(callers.caller(Opaque("o")) for _ in range(50)))

    assert {c.key for c in found} == {(issuer.url, "svc-o")}
    assert issuer.count("/word") == 1
    assert issuer.asked[1][1] == {"token": ["o"], "token_type_hint": ["access_token"]}


async def test_a_token_that_is_revoked_ends_within_the_time_that_is_configured(
    issuer: Issuer, start: Start
) -> None:
    issuer.answers["/word"] = lambda: (200, issuer.word())
    callers = start(introspects(issuer, keep="1s"))
    await callers.caller(Opaque("o"))
    issuer.answers["/word"] = (200, '{"active": false}')
    await asyncio.sleep(1.05)

    with pytest.raises(IdentityError, match="identity-inactive"):
        await callers.caller(Opaque("o"))


async def test_an_inactive_token_is_asked_about_once_in_a_while(
    issuer: Issuer, start: Start
) -> None:
    issuer.answers["/word"] = (200, '{"active": false}')
    callers = start(introspects(issuer), patience=Patience())

    for _ in range(20):
        with pytest.raises(IdentityError, match="identity-inactive"):
            await callers.caller(Opaque("o"))
    assert issuer.count("/word") == 1


async def test_an_opaque_token_without_introspection_is_no_token(
    issuer: Issuer, start: Start
) -> None:
    with pytest.raises(IdentityError, match="identity-malformed: the token is not a JWT"):
        await start(clients(issuer)).caller(Opaque("o"))


async def test_a_secret_that_is_rotated_counts_at_once(
    issuer: Issuer, start: Start, tmp_path: Path
) -> None:
    issuer.answers["/word"] = lambda: (200, issuer.word())
    (tmp_path / "own").write_text("first\n")
    callers = start(introspects(issuer, secret={"file": "own"}, method="client_secret_post"))
    await callers.caller(Opaque("o"))
    (tmp_path / "own").write_text("second")
    await callers.caller(Opaque("p"))
    (tmp_path / "own").unlink()

    with pytest.raises(IdentityError, match="own secret cannot be read"):
        await callers.caller(Opaque("q"))
    assert [f["client_secret"] for p, f, _ in issuer.asked if p == "/word"] == [
        ["first"],
        ["second"],
    ]


@pytest.mark.parametrize("text", [None, "", "\n", "a\nb", "ü", "x" * 5000], ids=str)
def test_a_secret_that_is_none_is_a_fault_with_its_place(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "own").write_text(text)
    own = {"client_id": "x", "secret": {"file": "own"}}

    faults = Faults()
    book = book_of({"issuer": "https://a.test", "introspection": own})
    check_secrets(book, tmp_path, faults)

    with pytest.raises(
        ConfigurationError, match=r"identity\.yaml:1:\d+: issuers\[0\]\.introspection\.secret"
    ):
        faults.check()


# Reload


async def test_a_reload_takes_along_what_equal_issuers_said(
    issuer: Issuer, tmp_path: Path, start: Start
) -> None:
    callers = start(clients(issuer))
    await callers.caller(SVC)
    former = callers.exchange
    assert former
    same = Exchange(
        book_of(clients(issuer)), folder=tmp_path, key=b"k" * 32, verify=callers.verified
    )
    other = Exchange(
        book_of(clients(issuer, scope="b")),
        folder=tmp_path,
        key=b"k" * 32,
        verify=callers.verified,
    )
    for each in (same, other):
        each.adopt(former)

    await same.client(SVC)
    assert issuer.count("/token") == 1
    await other.client(SVC)
    assert issuer.count("/token") == 2
    same.stop()
    other.stop()
