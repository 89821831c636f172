"""A call has one verified caller, bound to its connection and looked at again; its token goes no further."""

import time
from typing import Any

import pytest
from mitmproxy import http

from residency.core.identity import ClientCredentials, Token
from residency.proxy import flowstate
from residency.proxy.guard import Fault
from residency.proxy.identity import Known, Tunnel
from tests.proxy.conftest import LAMBDA, Gateway, approver_token, caller_token
from tests.tokens import rsa_key, token


async def head(gateway: Gateway, flow: http.HTTPFlow) -> str:
    """``known``, or the code of the fault, after the first stage."""
    await gateway.hook("requestheaders", flow, "front", "identity")
    fault = flowstate.find(flow, Fault)
    assert (fault is None) is flowstate.has(flow, Known)
    assert flow.response is not None
    return fault.code if fault else "known"


async def connected(gateway: Gateway, proof: str) -> http.HTTPFlow:
    """A CONNECT that was accepted, and a flow on its connection."""
    flow = gateway.flow(proof=proof)
    connect = gateway.flow(proof=proof)
    connect.client_conn = flow.client_conn
    connect.request = http.Request.make("CONNECT", LAMBDA, b"", dict(connect.request.headers))
    await gateway.hook("http_connect", connect)
    assert connect.response is None
    del flow.request.headers["proxy-authorization"]
    return flow


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (lambda: "", "identity-missing"),
        (lambda: "nonsense", "identity-malformed"),
        (lambda: caller_token(iat=int(time.time()) - 900, exp=int(time.time()) - 120), "identity-expired"),
        (lambda: caller_token(aud="other"), "identity-audience"),
        (approver_token, "identity-audience"),
        (lambda: caller_token(iss="https://evil.test"), "identity-issuer"),
        (lambda: caller_token(exp=...), "identity-claims"),
        (lambda: token(key=rsa_key("stranger")), "identity-signature"),
        (lambda: token(kid="unknown"), "identity-key"),
    ],
    ids=["missing", "malformed", "expired", "audience", "approver", "issuer", "claims", "signature", "key"],
)  # fmt: skip
async def test_who_is_not_proved_is_not_known(ready: Gateway, proof: Any, code: str) -> None:
    assert await head(ready, ready.flow(proof=proof())) == code


async def test_two_proofs_are_a_conflict(ready: Gateway) -> None:
    flow = ready.flow()
    flow.request.headers.add("Proxy-Authorization", f"Bearer {caller_token(sub='other')}")

    assert await head(ready, flow) in ("identity-conflict", "request-malformed")


async def test_a_replayed_flow_is_refused_before_anything_else(ready: Gateway) -> None:
    flow = ready.flow()
    flow.is_replay = "request"

    assert await head(ready, flow) == "replayed"


async def test_a_malformed_request_is_refused(ready: Gateway) -> None:
    flow = ready.flow()
    flow.request.headers["upgrade"] = "h2c"

    assert await head(ready, flow) == "upgrade-refused"


async def test_the_token_and_what_ends_here_goes_no_further(ready: Gateway) -> None:
    flow = ready.flow(x_hop="1", proxy_connection="keep-alive", connection="x-hop", x_kept="1")

    assert await head(ready, flow) == "known"
    assert {"proxy-authorization", "x-hop", "proxy-connection"}.isdisjoint(flow.request.headers)
    assert flow.request.headers["x-kept"] == "1"


async def test_a_caller_is_known_with_groups(ready: Gateway) -> None:
    flow = ready.flow(groups=["b", "a"])
    await head(ready, flow)

    assert flowstate.read(flow, Known).caller.groups == ("a", "b")


async def test_nothing_of_the_token_is_in_the_metadata(ready: Gateway) -> None:
    proof = caller_token()
    flow = ready.flow(proof=proof)
    await head(ready, flow)

    assert proof.split(".")[2][:20] not in str(flow.metadata)


# Tunnels


async def test_a_call_in_a_tunnel_has_the_tunnels_caller(ready: Gateway) -> None:
    assert await head(ready, await connected(ready, caller_token())) == "known"


async def test_another_caller_in_the_same_tunnel_is_a_conflict(ready: Gateway) -> None:
    flow = await connected(ready, caller_token())
    flow.request.headers["proxy-authorization"] = f"Bearer {caller_token(sub='other')}"

    assert await head(ready, flow) == "identity-conflict"


async def test_a_renewed_token_of_the_same_caller_takes_the_tunnels_place(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    flow = await connected(ready, caller_token(exp=now + 60))
    flow.request.headers["proxy-authorization"] = f"Bearer {caller_token(exp=now + 9000)}"
    assert await head(ready, flow) == "known"
    after = ready.flow(proof="")
    after.client_conn = flow.client_conn
    monkeypatch.setattr(time, "time", lambda: now + 600)

    assert await head(ready, after) == "known"


async def test_a_renewed_token_counts_although_the_tunnels_own_has_run_out(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    flow = await connected(ready, caller_token(exp=now + 60))
    monkeypatch.setattr(time, "time", lambda: now + 600)
    flow.request.headers["proxy-authorization"] = f"Bearer {caller_token(exp=now + 900)}"

    assert await head(ready, flow) == "known"


async def test_a_renewed_token_brings_its_own_groups(ready: Gateway) -> None:
    flow = await connected(ready, caller_token(groups=["a", "b"]))
    flow.request.headers["proxy-authorization"] = f"Bearer {caller_token(groups=['b'])}"
    await head(ready, flow)

    assert flowstate.read(flow, Known).caller.groups == ("b",)


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (lambda: caller_token(exp=int(time.time()) - 120, iat=int(time.time()) - 900), "identity-expired"),
        (lambda: token(key=rsa_key("stranger")), "identity-signature"),
        (lambda: caller_token(aud="other"), "identity-audience"),
        (lambda: "nonsense", "identity-malformed"),
    ],
    ids=["expired", "signature", "audience", "malformed"],
)  # fmt: skip
async def test_another_token_in_a_tunnel_is_verified_like_any(
    ready: Gateway, proof: Any, code: str
) -> None:
    good = caller_token()
    flow = await connected(ready, good)
    flow.request.headers["proxy-authorization"] = f"Bearer {proof()}"

    assert await head(ready, flow) == code
    assert ready.stage("identity").tunnels[flow.client_conn.id].proof == Token(good)


async def test_a_refused_token_leaves_the_tunnel_to_its_caller(ready: Gateway) -> None:
    flow = await connected(ready, caller_token())
    flow.request.headers["proxy-authorization"] = f"Bearer {caller_token(sub='other')}"
    assert await head(ready, flow) == "identity-conflict"
    after = ready.flow(proof="")
    after.client_conn = flow.client_conn

    assert await head(ready, after) == "known"


async def test_a_token_that_runs_out_in_its_tunnel_is_refused(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = await connected(ready, caller_token())
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)

    assert await head(ready, flow) == "identity-expired"


async def test_a_token_that_runs_out_while_the_body_is_read_is_refused(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = ready.flow()
    await head(ready, flow)
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    await ready.hook("request", flow, "identity")

    assert flowstate.read(flow, Fault).code == "identity-expired"


async def test_a_client_that_has_gone_leaves_nothing(ready: Gateway) -> None:
    flow = await connected(ready, caller_token())
    ready.stage("identity").client_disconnected(flow.client_conn)

    assert await head(ready, flow) == "identity-missing"


async def test_a_connect_that_is_refused_makes_no_tunnel(ready: Gateway) -> None:
    flow = await connected(ready, caller_token())
    again = ready.flow(proof="")
    again.client_conn = flow.client_conn
    await ready.hook("http_connect", again)

    assert again.response is not None
    assert again.response.status_code == 407
    assert await head(ready, flow) == "identity-missing"


async def test_before_the_start_nobody_is_known(loaded: Gateway) -> None:
    assert await head(loaded, loaded.flow()) == "not-ready"


def test_a_tunnel_does_not_show_its_token() -> None:
    assert "secret" not in repr(
        Tunnel("a.test", 443, ClientCredentials("a", "secret"), ("i", "s"))
    )
