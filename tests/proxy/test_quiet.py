"""Payloads and tokens never reach the log."""

import io
import logging
from collections.abc import Iterator

import pytest

from residency.proxy import quiet

CANARY = "CANARY-4111"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged while the gateway's record factory is in place."""
    before, stream = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    quiet.install()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    "name",
    [
        "mitmproxy.proxy.server", "mitmproxy.proxy.layers.http", "mitmproxy.addonmanager", "mitmproxy.net.http", "mitmproxy.tls",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "message",
    [
        f"Client closed connection before completing request headers: b'Authorization: {CANARY}'",
        f"Received WebSocket ping from client (payload: {CANARY})",
        f"{CANARY}",
        f" client connect {CANARY}",
        f"Bad request line: {CANARY}",
    ],
)
def test_what_mitmproxys_core_says_about_a_call_is_withheld(
    log: io.StringIO, name: str, message: str
) -> None:
    logging.getLogger(name).warning(message)
    logging.getLogger(name).warning("%s", message)

    assert CANARY not in log.getvalue()
    assert log.getvalue().count("withheld") == 2


@pytest.mark.parametrize(
    "name", ["mitmproxy.addonmanager", "asyncio", "tornado.application", "any"]
)
def test_an_exception_loses_its_message_whoever_logs_it(log: io.StringIO, name: str) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as e:
            raise RuntimeError(CANARY) from e
    except RuntimeError:
        logging.getLogger(name).exception("Addon error: %s", CANARY)

    assert CANARY not in log.getvalue()
    assert "RuntimeError at test_an_exception_loses" in log.getvalue()


def test_arguments_that_do_not_fit_end_no_hook(log: io.StringIO) -> None:
    logging.getLogger("mitmproxy.proxy.server").warning("client connect %d %s", CANARY)  # noqa: PLE1206

    assert CANARY not in log.getvalue()
    assert "withheld" in log.getvalue()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mitmproxy.proxy.server", "client connect"),
        ("mitmproxy.proxy.server", "server disconnect api.test:443"),
        ("mitmproxy.proxy.mode_servers", "HTTP(S) proxy listening at *:8080."),
        ("residency.guard", "denied x"),
        ("other", "hello"),
    ],
)
def test_what_is_harmless_is_logged_as_it_is(log: io.StringIO, name: str, message: str) -> None:
    logging.getLogger(name).warning(message)

    assert log.getvalue() == f"WARNING {name} {message}\n"


@pytest.mark.parametrize(
    "message", ["Streaming request to a.test.", "Streaming response from a.test."]
)
def test_there_is_no_line_for_every_call(log: io.StringIO, message: str) -> None:
    logging.getLogger("mitmproxy.proxy.server").info(message)

    assert log.getvalue() == ""


def test_installing_twice_changes_nothing(log: io.StringIO) -> None:
    before = logging.getLogRecordFactory()
    quiet.install()

    assert logging.getLogRecordFactory() is before
