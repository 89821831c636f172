"""A gateway without a proxy: every stage loaded into a mitmproxy master, its hooks called by hand."""

import contextlib
import dataclasses
import datetime
import functools
import inspect
import json
import logging
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from mitmproxy import http
from mitmproxy import options as mitmproxy_options
from mitmproxy.addons import core, default_addons, dumper, intercept, proxyserver, readfile
from mitmproxy.test import taddons, tflow

from residency import files
from residency.core import configuration
from residency.core.configuration import Configuration
from residency.core.ledger import parse_line, verify
from residency.files import shipped_rules
from residency.proxy.chain import stages
from residency.proxy.front import Front
from residency.proxy.opening import Settings, examine
from residency.proxy.runtime import Runtime, runtime
from residency.proxy.stage import Stage
from tests.proxy.nameserver import Told
from tests.tokens import ISSUER, claims, jwk, jwks, rsa_key, token

LAMBDA = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score/invocations"
CHAT = "https://us.api.openai.com/v1/chat/completions"
IDENTITY = f"""\
version: 1
issuers:
  - {{issuer: "{ISSUER}", audience: gateway, approver_audience: approvals, keys: {{file: jwks.json}}}}
"""


class Gateway:
    """The stages of one master, and what a test does with them."""

    def __init__(self, context: Any, front: Front, chain: list[Stage], shared: Runtime) -> None:
        self.context = context
        self.front = front
        self.chain = chain
        self.runtime = shared
        self.ledger_path = Path()
        self.rules = Path()

    def stage(self, name: str) -> Any:
        return next(s for s in self.chain if s.name == f"residency-{name}")

    def flow(
        self,
        url: str = LAMBDA,
        body: bytes = b"{}",
        *,
        method: str = "POST",
        groups: list[str] | None = None,
        proof: str | None = None,
        **headers: str,
    ) -> http.HTTPFlow:
        """A call with a good token (``proof=""`` for none) that has met no stage yet."""
        flow = tflow.tflow()
        flow.request = http.Request.make(method, url, body)
        flow.request.headers["host"] = urlsplit(url).netloc
        for name, value in headers.items():
            flow.request.headers[name.replace("_", "-")] = value
        proof = caller_token(groups=groups or ["eu-services"]) if proof is None else proof
        if proof:
            flow.request.headers["proxy-authorization"] = f"Bearer {proof}"
        flow.client_conn.alpn = None
        flow.client_conn.sni = None
        flow.client_conn.id = f"client-of-{flow.id}"
        flow.response = None
        return flow

    async def hook(self, name: str, flow: http.HTTPFlow, *only: str) -> None:
        """Call a hook of the front and of every stage, in order; or of those stages alone."""
        addons: list[Any] = [self.front, *self.chain]
        for addon in addons:
            if only and addon.name.removeprefix("residency-") not in only:
                continue
            handler = getattr(addon, name, None)
            if handler is not None:
                result = handler(flow)
                if inspect.isawaitable(result):
                    await result

    async def call(self, flow: http.HTTPFlow) -> http.HTTPFlow:
        """Head, then body: what mitmproxy does until the call leaves or is answered."""
        body, flow.request.raw_content = flow.request.raw_content, None
        await self.hook("requestheaders", flow)
        # mitmproxy takes an answer that stands after the head only once the body is in.
        flow.request.raw_content = body
        await self.hook("request", flow)
        return flow

    def records(self) -> list[dict[str, Any]]:
        """The ledger, verified, as kind and fields."""
        with self.ledger_path.open("rb") as lines:
            verify(lines)
        lines_ = self.ledger_path.read_bytes().splitlines(keepends=True)
        return [{"kind": r.kind, **r.fields} for r in map(parse_line, lines_)]

    def decisions(self) -> list[dict[str, Any]]:
        return [r for r in self.records() if r["kind"] == "decision"]


def caller_token(**changes: Any) -> str:
    now = int(time.time())
    return token(claims(**({"iat": now - 60, "exp": now + 600} | changes)))


def approver_token(subject: str = "officer", **changes: Any) -> str:
    return caller_token(
        **({"sub": subject, "aud": "approvals", "groups": ["compliance"]} | changes)
    )


def problem_of(flow: http.HTTPFlow) -> dict[str, Any]:
    """The refusal that a caller would read."""
    assert flow.response is not None
    assert flow.response.headers["content-type"] == "application/problem+json"
    found = json.loads(flow.response.content or b"")
    assert isinstance(found, dict)
    return found


def write_rules(folder: Path) -> Path:
    shutil.copytree(shipped_rules(), folder)
    (folder / "identity.yaml").write_text(IDENTITY, encoding="utf-8")
    (folder / "jwks.json").write_text(jwks(jwk(rsa_key(), "rsa")), encoding="utf-8")
    return folder


@pytest.fixture
def _factory() -> Any:
    """Loading a stage changes how this process makes log records; put that back."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@contextlib.asynccontextmanager
async def loading(stock: list[Any], folder: Path) -> AsyncIterator[Gateway]:
    """Our stages behind *stock* addons, in a master of their own."""
    chain = stages()
    options = mitmproxy_options.Options(confdir=str(folder))
    with taddons.context(*stock, *chain, options=options, loadcore=False) as context:
        found = Gateway(
            context,
            context.master.addons.lookup["residency-front"],
            chain,
            runtime(context.master),
        )
        yield found
        found.runtime.stop()
        await found.runtime.workers.ended()


@pytest.fixture
async def loaded(_factory: None, tmp_path: Path) -> AsyncIterator[Gateway]:
    """Every stage, loaded and not started: nothing is ready."""
    async with loading([core.Core(), proxyserver.Proxyserver()], tmp_path) as found:
        yield found


@pytest.fixture
async def stocked(_factory: None, tmp_path: Path) -> AsyncIterator[Gateway]:
    """As ``loaded``, behind all that mitmdump has: they bring the options that are guarded."""
    stock = [*default_addons(), dumper.Dumper(), readfile.ReadFile(), intercept.Intercept()]
    async with loading(stock, tmp_path) as found:
        yield found


@functools.cache
def _parsed(texts: tuple[tuple[str, str], ...], today: datetime.date) -> Configuration:
    return configuration.parse(dict(texts), today=today)


@pytest.fixture
async def ready(loaded: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A started gateway with the shipped rules, one issuer of our own and a ledger."""
    # Equal files make one and the same value, so they are parsed once for all tests.
    monkeypatch.setattr(
        files, "parse", lambda texts, *, today: _parsed(tuple(texts.items()), today)
    )
    loaded.rules = write_rules(tmp_path / "rules")
    return await started(loaded, tmp_path)


async def started(loaded: Gateway, tmp_path: Path, **changes: Any) -> Gateway:
    """*loaded*, started with its rules, a ledger, and *changes* to the settings."""
    # Every name has an address, and nobody is asked for it.
    loaded.runtime.resolver.names = Told({}, "8.8.8.8")  # type: ignore[assignment]
    loaded.ledger_path = tmp_path / "ledger.jsonl"
    settings = Settings(
        rules=loaded.rules,
        ledger=loaded.ledger_path,
        admin="",
        hold_max=8,
        hold_bytes=1000,
        resolve=(),
        body_limit=1_000_000,
        read_limit=8 * 1024 * 1024,
    )
    await loaded.runtime.start(examine(dataclasses.replace(settings, **changes)))
    return loaded
