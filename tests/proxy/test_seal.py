from collections.abc import Callable

import pytest
from mitmproxy import http

from residency.errors import CallError, StageError
from residency.proxy import seal
from tests.proxy.conftest import Gateway

CHANGES: dict[str, Callable[[http.Request], None]] = {
    "method": lambda r: setattr(r, "method", "PUT"),
    "scheme": lambda r: setattr(r, "scheme", "http"),
    "host": lambda r: setattr(r, "host", "evil.test"),
    "port": lambda r: setattr(r, "port", 8443),
    "path": lambda r: setattr(r, "path", "/other"),
    "version": lambda r: setattr(r, "http_version", "HTTP/1.0"),
    "body": lambda r: setattr(r, "raw_content", b"other"),
    "header": lambda r: r.headers.add("x", "y"),
    "less": lambda r: r.headers.clear(),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_call_that_was_changed_is_stale(loaded: Gateway, change: str) -> None:
    flow = loaded.flow()
    seal.put(flow, b"k", "rules")
    CHANGES[change](flow.request)

    with pytest.raises(CallError, match="stale"):
        seal.check(flow, b"k", "rules")


async def test_a_call_that_is_as_it_was_passes(loaded: Gateway) -> None:
    flow = loaded.flow()
    seal.put(flow, b"k", "rules")
    seal.check(flow, b"k", "rules")

    with pytest.raises(CallError, match="stale"):
        seal.check(flow, b"another process", "rules")


async def test_a_call_that_was_never_sealed_is_an_error(loaded: Gateway) -> None:
    with pytest.raises(StageError):
        seal.check(loaded.flow(), b"k", "rules")


async def test_a_call_that_was_judged_by_other_rules_is_stale(loaded: Gateway) -> None:
    flow = loaded.flow()
    seal.put(flow, b"k", "rules")

    with pytest.raises(CallError, match="stale: the rules changed"):
        seal.check(flow, b"k", "other rules")
