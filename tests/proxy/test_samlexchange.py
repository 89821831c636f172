"""``POST /saml`` over a real server: RFC 7522 in, RFC 6749 out, each exchange and refusal in the ledger."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from residency.proxy import saml as module
from residency.proxy.admin import Admin
from residency.proxy.samlexchange import GRANT_TYPE, MAX_BODY
from tests import saml
from tests.proxy.conftest import Gateway
from tests.saml import assertion, encoded

pytestmark = saml.needs_xmlsec1
BLOCK = """
saml:
  idp: https://idp.test/saml
  metadata: {file: idp.xml}
  gateway: https://gateway.test
  audience: urn:residency:gateway
  recipient: https://gateway.test/saml
"""


class Api:
    def __init__(self, port: int, gateway: Gateway) -> None:
        self.port, self.gateway = port, gateway

    async def post(
        self, text: str | None = None, *, content: str | bytes | None = None, **headers: str
    ) -> httpx.Response:
        form = {"grant_type": GRANT_TYPE, "assertion": text}
        sent = {k.replace("_", "-"): v for k, v in headers.items()}
        url = f"http://127.0.0.1:{self.port}/saml"
        async with httpx.AsyncClient(trust_env=False) as client:
            if content is None:
                return await client.post(url, data=form, headers=sent)
            sent = {"Content-Type": "application/x-www-form-urlencoded"} | sent
            return await client.post(url, content=content, headers=sent)

    def records(self) -> list[dict[str, Any]]:
        return [r for r in self.gateway.records() if r["kind"] == "saml"]


async def reload(gateway: Gateway) -> None:
    """Files count once they are the same at two looks."""
    for _ in range(2):
        await gateway.runtime.reload()


@pytest.fixture
async def api(ready: Gateway, unused_tcp_port: int) -> AsyncIterator[Api]:
    path = ready.rules / "identity.yaml"
    path.write_text(path.read_text(encoding="utf-8") + BLOCK, encoding="utf-8")
    (ready.rules / "idp.xml").write_text(saml.metadata(), encoding="utf-8")
    await reload(ready)
    admin = Admin(ready.stage("approve"), f"127.0.0.1:{unused_tcp_port}")
    admin.start()
    yield Api(unused_tcp_port, ready)
    admin.stop()
    await admin._server.close_all_connections()


def fresh(**parts: Any) -> str:
    return encoded(assertion(now=time.time(), **parts))


async def test_a_token_comes_of_it_and_calls(api: Api) -> None:
    answer = await api.post(fresh())

    told = answer.json()
    assert (answer.status_code, told["token_type"]) == (200, "Bearer")
    assert told.keys() == {"access_token", "token_type", "expires_in"}
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    flow = api.gateway.flow(proof=told["access_token"])
    await api.gateway.call(flow)
    assert flow.response is None
    assert api.gateway.decisions()[-1]["caller"]["subject"] == "billing"
    (record,) = api.records()
    assert (record["code"], record["caller"]["subject"]) == (None, "billing")
    assert told["access_token"] not in api.gateway.ledger_path.read_text(encoding="utf-8")


async def test_a_password_calls_too(api: Api) -> None:
    text = fresh()
    flow = api.gateway.flow(proof="")
    flow.request.headers["proxy-authorization"] = "Basic " + _basic(text)

    await api.gateway.call(flow)

    assert flow.response is None
    assert text not in api.gateway.ledger_path.read_text(encoding="utf-8")


def _basic(text: str) -> str:
    import base64

    return base64.b64encode(f"saml:{text}".encode()).decode()


async def test_the_second_time_is_refused_and_written_down(api: Api) -> None:
    text = fresh()
    await api.post(text)

    answer = await api.post(text)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["code"] == "identity-replayed"
    assert [r["code"] for r in api.records()] == [None, "identity-replayed"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ("", 400, "invalid_request"),
        ("a", 400, "invalid_request"),
        ("grant_type=password&assertion=PA", 400, "unsupported_grant_type"),
        (f"grant_type={GRANT_TYPE}", 400, "invalid_request"),
        (f"grant_type={GRANT_TYPE}&assertion=", 400, "invalid_request"),
        (f"grant_type={GRANT_TYPE}&assertion=PA&assertion=PA", 400, "invalid_request"),
        (f"grant_type={GRANT_TYPE}&assertion=%FF", 400, "invalid_request"),
        (f"grant_type={GRANT_TYPE}&assertion=%00", 400, "invalid_grant"),
        (f"grant_type={GRANT_TYPE}&assertion={'A' * 100_000}", 400, "invalid_grant"),
        ("&".join(f"a{n}=1" for n in range(99)), 400, "invalid_request"),
    ],
    ids=lambda v: str(v).replace("urn:ietf:params:oauth:grant-type:", "")[:56],
)
async def test_what_is_no_such_request_is_refused(
    api: Api, form: str, status: int, error: str
) -> None:
    answer = await api.post(content=form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_body_beyond_the_cap_is_not_read(api: Api) -> None:
    try:
        answer = await api.post(content=b"a" * (MAX_BODY + 1))
    except httpx.HTTPError:
        return
    assert answer.status_code == 400


async def test_web_pages_other_hosts_and_other_types_are_refused(api: Api) -> None:
    assert (await api.post("PA", Origin="https://evil.test")).status_code == 403
    assert (await api.post("PA", Host="evil.test")).status_code == 403
    assert (await api.post(content="{}", Content_Type="application/json")).status_code == 415


async def test_over_the_rate_nothing_is_written_down(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BURST", 0)

    answer = await api.post(fresh())

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "identity-busy"
    assert api.records() == []


async def test_without_the_block_there_is_no_exchange(api: Api) -> None:
    path = api.gateway.rules / "identity.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("saml:")[0], encoding="utf-8")
    await reload(api.gateway)

    answer = await api.post(fresh())

    assert answer.json()["error_description"] == "this gateway takes no SAML assertions"


async def test_metadata_that_pins_nothing_leaves_the_last_good_rules(api: Api) -> None:
    (api.gateway.rules / "idp.xml").write_text("<a/>", encoding="utf-8")
    await reload(api.gateway)

    assert (await api.post(fresh())).status_code == 200
    assert api.gateway.records()[-2]["kind"] == "reload-refused"


async def test_a_provider_that_is_not_pinned_any_more_ends_its_tokens(api: Api) -> None:
    told = (await api.post(fresh())).json()
    (api.gateway.rules / "idp.xml").write_text(
        saml.metadata(saml.certificate("ec")), encoding="utf-8"
    )
    await reload(api.gateway)

    flow = api.gateway.flow(proof=told["access_token"])
    await api.gateway.call(flow)

    assert flow.response is not None
    assert flow.response.status_code == 407
