"""The desk as an addon: what it refuses, what its commands do, what it says."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from mitmproxy import connection, exceptions, http
from mitmproxy.addons.view import View
from mitmproxy.log import ALERT
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import taddons

from residency.proxy import desk as desk_module
from residency.proxy.desk import KEYS, DeskAddon, faults
from residency.proxy.region import RegionAddon
from tests.admin_api import TOKEN, AdminApi


@pytest.fixture
async def api() -> AsyncIterator[AdminApi]:
    found = AdminApi()
    found.start()
    yield found
    await found.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    return path


class Keymap:
    """Takes keys. The console's own would load urwid, whose lazy modules warn when hypothesis looks them over."""

    def __init__(self) -> None:
        self.bound: dict[tuple[str, str], str] = {}

    def add(self, key: str, command: str, contexts: list[str], text: str) -> None:
        assert text
        self.bound |= {(c, key): command for c in contexts}


@contextmanager
def console(desk: DeskAddon, **options: Any) -> Iterator[taddons.context]:
    """As much of a console as the desk needs; the desk is loaded and not yet running."""
    with taddons.context(View()) as tctx:
        tctx.master.keymap = Keymap()
        tctx.master.addons.add(desk)
        tctx.options.update(**{"server": False} | options)
        yield tctx


class Seen:
    """A running desk and what is around it."""

    def __init__(self, desk: DeskAddon, tctx: taddons.context, api: AdminApi) -> None:
        self.desk, self.tctx, self.api = desk, tctx, api

    @property
    def flows(self) -> list[http.HTTPFlow]:
        return list(self.tctx.master.addons.get("view"))

    def do(self, command: str) -> None:
        self.tctx.master.commands.execute(command)


@pytest.fixture
async def seen(
    api: AdminApi, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Seen]:
    monkeypatch.setattr(desk_module, "POLL_SECONDS", 0.02)
    desk = DeskAddon()
    options = {"residency_gateway": api.url, "residency_token_file": str(token_file)}
    with console(desk, **options) as tctx:
        desk.running()
        yield Seen(desk, tctx, api)
        desk.done()
        await asyncio.sleep(0)


async def until(ask: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not ask():  # noqa: ASYNC110 - what is asked has no event
            await asyncio.sleep(0.01)


async def test_a_held_call_appears_and_is_announced(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(ALERT)
    seen.api.hold(1)

    await until(lambda: len(seen.flows) == 1)

    assert "openai:chat.completions:gpt-1 at api.openai.com → US, for alice" in caplog.text


async def test_the_focused_call_is_approved_for_a_reason(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(ALERT)
    id_ = seen.api.hold(1)
    await until(lambda: seen.flows)

    seen.do('residency.approve @focus "contract 4711"')
    await until(lambda: seen.flows[0].marked == ":white_check_mark:")

    assert seen.api.rulings == [(id_, {"ruling": "approve", "reason": "contract 4711"})]
    assert ("residency.desk", ALERT) in {r[:2] for r in caplog.record_tuples}
    assert (
        "approval of openai:chat.completions:gpt-1 at api.openai.com → US, for alice: the hold is approved"
        in caplog.text
    )


async def test_a_call_is_denied_by_its_hold_id(seen: Seen) -> None:
    seen.api.hold(1)
    id_ = seen.api.hold(2)
    await until(lambda: len(seen.flows) == 2)

    seen.do(f"residency.deny {id_} 'no ground'")
    await until(lambda: seen.api.rulings)

    assert seen.api.rulings == [(id_, {"ruling": "deny", "reason": "no ground"})]


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the console was asked to prompt for."""
    asked: list[dict[str, Any]] = []
    prompt = SimpleNamespace(send=lambda **what: asked.append(what))
    fake = ModuleType("mitmproxy.tools.console")
    fake.signals = SimpleNamespace(status_prompt=prompt)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    return asked


@pytest.mark.parametrize("ruling", ["approve", "deny"])
async def test_the_key_rules_on_the_call_that_was_focused_when_it_was_pressed(
    seen: Seen, prompts: list[dict[str, Any]], ruling: str
) -> None:
    first, _second = seen.api.hold(1), seen.api.hold(2)
    await until(lambda: len(seen.flows) == 2)

    seen.do(f"residency.ask {ruling} @focus")
    seen.do("view.focus.next")
    prompts[0]["callback"]("it's fine")
    await until(lambda: seen.api.rulings)

    assert "gpt-1" in prompts[0]["prompt"]
    assert seen.api.rulings == [(first, {"ruling": ruling, "reason": "it's fine"})]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("residency.approve @all why", "2 held calls there"),
        ("residency.approve @hidden why", "no held call there"),
        ("residency.deny ~nosuchfilter why", "Invalid filter"),
        ("residency.ask perhaps @focus", "approve or deny"),
        ("residency.ask approve " + "f" * 32, "no held call there"),
    ],
)
async def test_what_names_no_one_held_call_is_refused(
    seen: Seen, command: str, words: str
) -> None:
    seen.api.hold(1)
    seen.api.hold(2)
    await until(lambda: len(seen.flows) == 2)

    with pytest.raises(exceptions.CommandError, match=words):
        seen.do(command)

    assert not seen.api.rulings


async def test_a_copy_of_a_card_cannot_be_ruled_on(seen: Seen) -> None:
    seen.api.hold(1)
    await until(lambda: seen.flows)
    seen.do("view.flows.duplicate @focus")

    with pytest.raises(exceptions.CommandError, match="no held call there"):
        seen.do("residency.approve @focus why")


async def test_an_empty_reason_is_said_and_not_sent(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    seen.api.hold(1)
    await until(lambda: seen.flows)

    seen.do("residency.approve @focus ''")
    await until(lambda: "approval not confirmed: a ruling needs a reason" in caplog.text)

    assert not seen.api.rulings


async def test_a_refused_ruling_is_said_and_the_card_stays(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    seen.api.hold(1)
    await until(lambda: seen.flows)
    seen.api.tokens = set()

    seen.do("residency.deny @focus why")
    await until(lambda: "denial not confirmed: the gateway refuses" in caplog.text)

    assert len(seen.flows) == 1
    assert not seen.api.rulings


async def test_a_silent_gateway_is_said_once_and_asked_until_it_answers(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(ALERT)
    seen.api.hold(1)
    await until(lambda: seen.flows)

    seen.api.stop()
    await until(lambda: seen.flows[0].marked == ":warning:")
    await asyncio.sleep(0.2)
    seen.api.start()
    await until(lambda: seen.flows[0].marked == ":hourglass:")

    assert caplog.text.count("no answer from") == 1
    assert "the gateway answers again" in caplog.text


async def test_a_refused_token_is_said_once_and_a_new_one_is_picked_up(
    seen: Seen, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen.api.tokens = {"fresh"}
    await until(lambda: "identity-expired" in caplog.text)
    await asyncio.sleep(0.2)
    token_file.write_text("fresh")  # noqa: ASYNC240
    seen.api.hold(1)
    await until(lambda: seen.flows)

    assert caplog.text.count("identity-expired") == 1
    assert "fresh" not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_fault_of_our_own_does_not_stop_the_asking(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: object, _holds: object) -> None:
        raise RuntimeError("canary")

    with monkeypatch.context() as patched:
        patched.setattr(DeskAddon, "_show", broken)
        await until(lambda: "RuntimeError in the desk itself" in caplog.text)
    seen.api.hold(1)
    await until(lambda: seen.flows)

    assert "canary" not in caplog.text


def test_no_connection_is_made_for_a_card() -> None:
    data = ServerConnectionHookData(
        server=connection.Server(address=("api.openai.com", 443)),
        client=connection.Client(peername=("", 0), sockname=("", 0)),
    )

    DeskAddon().server_connect(data)

    assert data.server.error


async def test_nothing_is_left_when_it_ends(seen: Seen) -> None:
    seen.api.hold(1)
    await until(lambda: seen.flows)

    seen.desk.done()
    await asyncio.sleep(0.05)
    asked = seen.api.requests
    await asyncio.sleep(0.1)

    assert not seen.flows
    assert seen.api.requests == asked


async def test_each_key_asks_for_one_ruling_in_list_and_detail(seen: Seen) -> None:
    assert seen.tctx.master.keymap.bound == {  # type: ignore[attr-defined]
        ("flowlist", "Y"): "residency.ask approve @focus",
        ("flowview", "Y"): "residency.ask approve @focus",
        ("flowlist", "R"): "residency.ask deny @focus",
        ("flowview", "R"): "residency.ask deny @focus",
    }


def test_no_key_is_taken_from_the_console() -> None:
    program = """
from mitmproxy.tools.console import defaultkeys, keymap
found = keymap.Keymap(None)
defaultkeys.map(found)
print("".join(k for c in ("flowlist", "flowview", "global") for k in found.keys[c] if len(k) == 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "A" in done.stdout
    assert not set(KEYS) & set(done.stdout)


GOOD = {"residency_gateway": "http://127.0.0.1:8090", "residency_token_file": "token"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"server": True}, "add -n"),
        ({"residency_gateway": ""}, "residency_gateway: names no gateway"),
        ({"residency_gateway": "http://10.0.0.1:8090"}, "plain http only to loopback"),
        ({"residency_token_file": ""}, "residency_token_file: names no file"),
    ],
    ids=["a proxy that listens", "no gateway", "a token in the clear", "no token file"],
)
async def test_it_does_not_start_with(
    options: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = DeskAddon()
    with console(desk, **GOOD | options):
        desk.running()

        with pytest.raises(exceptions.CommandError, match="does not run"):
            desk.approve("@focus", "why")

    assert words in caplog.text
    assert {r.levelno for r in caplog.records if r.name == "residency.desk"} == {logging.ERROR}


async def test_every_fault_is_said_at_once() -> None:
    desk = DeskAddon()
    with console(desk, server=True):
        assert len(faults()) == 3


async def test_a_slip_in_an_options_name_is_said() -> None:
    desk = DeskAddon()
    with console(desk, **GOOD) as tctx:
        tctx.options.deferred["residency_tokenfile"] = ["x"]

        assert any("residency_tokenfile: there is no such option" in f for f in faults())


async def test_it_does_not_start_without_a_console() -> None:
    desk = DeskAddon()
    with taddons.context(desk) as tctx:
        tctx.options.update(server=False, **GOOD)

        assert faults() == ["it needs the console: start it with mitmproxy"]


async def test_it_does_not_start_behind_the_gateway(caplog: pytest.LogCaptureFixture) -> None:
    desk = DeskAddon()
    with taddons.context() as tctx:
        tctx.master.addons.lookup["residency-region"] = RegionAddon()
        tctx.master.addons.add(desk)

    assert "cannot share a process with the gateway" in caplog.text


async def test_it_does_not_start_before_the_gateway() -> None:
    desk = DeskAddon()
    with console(desk, **GOOD) as tctx:
        tctx.master.addons.lookup["residency-region"] = RegionAddon()

        assert any("cannot share a process" in f for f in faults())


@pytest.mark.parametrize(
    "change", [{"server": True}, {"residency_gateway": ""}, {"residency_gateway": "http://x"}]
)
async def test_while_it_runs_it_refuses_options_that_it_cannot_work_with(
    seen: Seen, change: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.OptionsError):
        seen.tctx.options.update(**change)

    assert not seen.tctx.options.server
    assert seen.tctx.options.residency_gateway == seen.api.url


async def test_other_options_are_the_approvers_own(seen: Seen) -> None:
    seen.tctx.options.update(view_filter="~d example.com", ssl_insecure=True)

    assert seen.tctx.options.ssl_insecure
