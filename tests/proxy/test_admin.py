"""The admin API, over a real server: only a verified approver rules, on another's call, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from residency.core.hold import Hold
from residency.errors import LedgerError, ResidencyError
from residency.proxy.admin import MAX_BODY, Admin
from residency.proxy.holds import Holds
from scripts.lab.gateway import free_port
from tests.proxy.conftest import Gateway, approver_token, caller_token
from tests.proxy.test_holds import hold
from tests.tokens import ISSUER

ID = "a" * 32
RULING = {"ruling": "approve", "reason": "because"}


class Api:
    """The server, its table of holds, and one request to it."""

    def __init__(self, port: int, gateway: Gateway) -> None:
        self.port = port
        self.gateway = gateway
        self.holds: Holds = gateway.runtime.holds

    async def ask(
        self,
        method: str = "POST",
        path: str = f"/holds/{ID}/ruling",
        *,
        proof: str | None = None,
        body: Any = RULING,
        content: bytes | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        proof = approver_token() if proof is None else proof
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {proof}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        sent = {k: v for k, v in sent.items() if v and v != "Bearer "}
        content = json.dumps(body).encode() if content is None else content
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.request(
                method,
                f"http://127.0.0.1:{self.port}{path}",
                headers=sent,
                content=content if method == "POST" else None,
            )
        assert answer.headers["cache-control"] == "no-store"
        return answer.status_code, answer.json()

    def state(self) -> str:
        found = self.holds.get(ID)
        return found.state if found else "none"


def held(**changes: Any) -> Hold:
    import dataclasses
    import time

    found = dataclasses.replace(hold(ID), issuer=ISSUER, subject="billing", opened=time.time())
    return dataclasses.replace(found, **changes)


@pytest.fixture
async def api(ready: Gateway) -> AsyncIterator[Api]:
    port = free_port()
    await ready.stage("approve").open(f"127.0.0.1:{port}")
    ready.runtime.holds.add(held())
    yield Api(port, ready)
    admin = ready.runtime.admin
    assert admin
    admin.stop()
    # A refused request's connection may still be open on this side; the loop ends with the test.
    await admin._server.close_all_connections()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"proof": ""}, 401, "identity-missing"),
        ({"proof": "x"}, 401, "identity-malformed"),
        ({"Authorization": "Basic eDp4"}, 401, "identity-missing"),
        ({"Host": "evil.test"}, 403, "request"),
        ({"Host": "127.0.0.1"}, 403, "request"),
        ({"Origin": "http://127.0.0.1"}, 403, "request"),
        ({"Origin": "null"}, 403, "request"),
        ({"Content_Type": "text/plain"}, 415, "request"),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415, "request"),
        ({"content": b"{"}, 400, "request"),
        ({"content": b"\xff"}, 400, "request"),
        ({"content": b"[]"}, 400, "request"),
        ({"body": {"ruling": "approve"}}, 400, "request"),
        ({"body": RULING | {"hold": "x"}}, 400, "request"),
        ({"body": RULING | {"ruling": "Approve"}}, 400, "request"),
        ({"body": RULING | {"ruling": True}}, 400, "request"),
        ({"body": RULING | {"ruling": ["approve"]}}, 400, "request"),
        ({"body": RULING | {"reason": None}}, 400, "request"),
        ({"body": RULING | {"reason": " "}}, 400, "no-reason"),
        ({"body": RULING | {"reason": "x" * 501}}, 400, "no-reason"),
        ({"path": f"/holds/{'b' * 32}/ruling"}, 404, "unknown"),
        ({"path": "/holds/x/ruling"}, 404, "request"),
        ({"path": f"/holds/{ID.upper()}/ruling"}, 404, "request"),
        ({"path": f"/holds/{ID}"}, 405, "request"),
        ({"method": "GET"}, 405, "request"),
    ],
)  # fmt: skip
async def test_a_request_that_is_not_right_rules_on_nothing(
    api: Api, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.ask(**changes)

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert api.state() == "waiting"


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"aud": "gateway"}, 401, "identity-audience"),
        ({"groups": ["eu-services"]}, 403, "not-an-approver"),
        ({"groups": ...}, 403, "not-an-approver"),
        ({"sub": "billing"}, 403, "own-call"),
        ({"iat": 1, "exp": 2}, 401, "identity-expired"),
        ({"iss": "https://evil.test"}, 401, "identity-issuer"),
    ],
)
async def test_who_may_not_rule_does_not(
    api: Api, claims: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.ask(proof=approver_token(**claims))

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert api.state() == "waiting"


async def test_a_callers_token_is_no_approvers(api: Api) -> None:
    assert (await api.ask(proof=caller_token(groups=["compliance"])))[0] == 401


async def test_a_body_has_a_limit(api: Api) -> None:
    with pytest.raises((httpx.HTTPError, json.JSONDecodeError, KeyError)):
        await api.ask(body=RULING | {"reason": "x" * MAX_BODY})

    assert api.state() == "waiting"


async def test_one_person_rules_once(api: Api) -> None:
    api.holds.drop(ID)
    api.holds.add(held(approval=held().approval.__class__(groups=("compliance",), quorum=2)))
    first, second = await api.ask(), await api.ask()

    assert (first[0], second[0], second[1]["code"]) == (200, 409, "twice")


async def test_what_is_ruled_on_stays_so(api: Api) -> None:
    await api.ask(body=RULING | {"ruling": "deny"})
    again = await api.ask(proof=approver_token("another"))

    assert (again[0], again[1]["code"], api.state()) == (409, "closed", "denied")


async def test_what_has_expired_is_gone(api: Api) -> None:
    api.holds.drop(ID)
    api.holds.add(held(opened=1.0))

    assert (await api.ask())[0] in (404, 410)


async def test_many_rulings_at_once_have_one_winner(api: Api) -> None:
    answers = await asyncio.gather(
        *(
            api.ask(
                proof=approver_token(f"o{i}"),
                body=RULING | {"ruling": ("approve", "deny")[i % 2]},
            )
            for i in range(10)
        )
    )

    assert sorted(a[0] for a in answers) == [200] + [409] * 9
    assert len([r for r in api.gateway.records() if r["kind"] == "ruling"]) == 1


async def test_a_ruling_that_cannot_be_recorded_does_not_count(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_kind: str, _fields: object) -> None:
        raise LedgerError("full")

    with monkeypatch.context() as patch:
        patch.setattr(api.gateway.runtime.ledger, "append", full)
        answer = await api.ask()

    assert (answer[0], answer[1]["code"], api.state()) == (503, "ledger", "waiting")


# What goes well


@pytest.mark.parametrize(("ruling", "state"), [("approve", "approved"), ("deny", "denied")])
async def test_an_approver_rules(api: Api, ruling: str, state: str) -> None:
    status, found = await api.ask(body=RULING | {"ruling": ruling})
    record = api.gateway.records()[-1]

    assert (status, found["state"], api.state()) == (200, state, state)
    assert (record["kind"], record["state"], record["reason"]) == ("ruling", state, "because")
    assert record["approver"] == {"issuer": ISSUER, "subject": "officer"}


async def test_a_hold_is_shown_to_its_approvers_alone(api: Api) -> None:
    mine = await api.ask("GET", "/holds")
    others = await api.ask("GET", "/holds", proof=approver_token(groups=["other"]))
    one = await api.ask("GET", f"/holds/{ID}")
    hidden = await api.ask("GET", f"/holds/{ID}", proof=approver_token(groups=["other"]))

    assert ([h["id"] for h in mine[1]["holds"]], others[1]["holds"]) == ([ID], [])
    assert (one[1]["id"], hidden[0]) == (ID, 404)


async def test_anyone_may_ask_whether_the_gateway_is_ready(api: Api) -> None:
    assert await api.ask("GET", "/health", proof="") == (200, {"ready": True, "drift": 0})


async def test_nobody_may_ask_from_a_web_page(api: Api) -> None:
    assert (await api.ask("GET", "/health", proof="", Origin="http://a"))[0] == 403


# Addresses


@pytest.mark.parametrize(
    "address", [".".join("0000") + ":8090", "10.0.0.1:8090", "example.com:8090", "[::]:8090", "127.0.0.1:x", "", "127.0.0.1"]
)  # fmt: skip
async def test_the_api_listens_on_loopback_alone(ready: Gateway, address: str) -> None:
    with pytest.raises(ResidencyError, match="residency_admin"):
        Admin(ready.stage("approve"), address)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", ":1"])
async def test_loopback_has_several_names(ready: Gateway, address: str) -> None:
    assert Admin(ready.stage("approve"), address).port == 1


# tornado 6.5 leaves the socket that it could not bind to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_port_that_is_taken_is_told(api: Api) -> None:
    with pytest.raises(ResidencyError, match="cannot listen"):
        await api.gateway.stage("approve").open(f"127.0.0.1:{api.port}")
