"""A small server that speaks the gateway's admin API, so that the desk is tested over real HTTP without a gateway."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tornado import httpserver, web
from tornado.netutil import bind_sockets

TOKEN = "test-token-3f9c"


def hold_of(number: int, **changes: Any) -> dict[str, Any]:
    """A hold as ``GET /holds`` tells it, waiting."""
    now = time.time()
    return {
        "id": f"{number:032x}",
        "state": "waiting",
        "decision": f"{number + 1000:032x}",
        "opened": now + number / 1000,
        "expires": now + 900,
        "approvers": ["compliance"],
        "quorum": 1,
        "rulings": [],
        "caller": {"issuer": "https://id.example.com", "subject": "alice", "groups": ["eu"]},
        "method": "POST",
        "host": "api.openai.com",
        "function": f"openai:chat.completions:gpt-{number}",
        "places": ["US"],
        "status": "declared",
        "rule": "ask-compliance",
        "why": "No ground for this transfer is on record.",
        "bytes": 321,
        "carrying": {
            "state": "read",
            "counts": {"personal-data": {"$.messages[*].content": 2}},
            "reason": None,
            "signed": False,
        },
        "masked": {"personal-data": {"$.messages[*].content": 2}},
        **changes,
    }


class AdminApi:
    """What it holds and what it was told; ``broken`` is an answer to give instead."""

    def __init__(self) -> None:
        self.holds: dict[str, dict[str, Any]] = {}
        self.rulings: list[tuple[str, dict[str, Any]]] = []
        self.tokens = {TOKEN}
        self.broken: tuple[int, str] | None = None
        self.requests = 0
        self._port = 0
        self._server: httpserver.HTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def hold(self, number: int, **changes: Any) -> str:
        held = hold_of(number, **changes)
        self.holds[held["id"]] = held
        return str(held["id"])

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        app = web.Application(
            [
                (r"/elsewhere", _Holds, {"api": self}),
                (r"/holds", _Holds, {"api": self}),
                (r"/holds/([0-9a-f]{32})/ruling", _Ruling, {"api": self}),
            ],
            log_function=lambda _h: None,
        )
        sockets = bind_sockets(self._port, "127.0.0.1")
        self._port = sockets[0].getsockname()[1]
        self._server = httpserver.HTTPServer(app)
        self._server.add_sockets(sockets)

    def stop(self) -> None:
        if self._server:
            self._server.stop()

    async def close(self) -> None:
        """Stop, and leave no connection behind on either side."""
        self.stop()
        if self._server:
            await self._server.close_all_connections()
        await asyncio.sleep(0.02)


class _Base(web.RequestHandler):
    api: AdminApi

    def initialize(self, api: AdminApi) -> None:
        self.api = api

    def prepare(self) -> None:
        self.api.requests += 1
        if self.api.broken:
            self.set_header("Location", f"{self.api.url}/elsewhere")
            self.set_status(self.api.broken[0])
            self.finish(self.api.broken[1])
        elif f"http://{self.request.headers.get('Host')}" != self.api.url:
            self.say({"code": "request", "detail": "wrong host"}, 403)
        elif self.request.headers.get("Authorization") not in {
            f"Bearer {t}" for t in self.api.tokens
        }:
            self.say({"code": "identity-expired", "detail": "The token has expired"}, 401)

    def say(self, value: object, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value))


class _Holds(_Base):
    def get(self) -> None:
        self.say({"holds": list(self.api.holds.values())})


class _Ruling(_Base):
    def post(self, id_: str) -> None:
        told = json.loads(self.request.body)
        hold = self.api.holds.get(id_)
        if hold is None:
            self.say({"code": "unknown", "detail": "there is no such hold"}, 404)
            return
        if hold["state"] != "waiting":
            self.say({"code": "closed", "detail": f"the hold is {hold['state']} already"}, 409)
            return
        self.api.rulings.append((id_, told))
        hold["rulings"] = [*hold["rulings"], {"approve": told["ruling"] == "approve"}]
        if told["ruling"] == "deny":
            hold["state"] = "denied"
        elif len(hold["rulings"]) >= hold["quorum"]:
            hold["state"] = "approved"
        self.say(hold)


@contextmanager
def in_thread() -> Iterator[tuple[AdminApi, asyncio.AbstractEventLoop]]:
    """The server on a loop of its own: for a desk in another process."""
    api, started = AdminApi(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        api.start()
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())  # noqa: RUF006
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield api, loop
    finally:
        loop.call_soon_threadsafe(api.stop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
