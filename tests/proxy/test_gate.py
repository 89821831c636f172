"""A chain that is not whole, or not safe, does not start; and the end of any stage is the end of the proxy."""

from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions
from mitmproxy.addons import core, proxyserver
from mitmproxy.test import taddons

from residency.errors import ResidencyError
from residency.proxy import doubts, gate, options
from residency.proxy.chain import stages
from residency.proxy.front import Front
from residency.proxy.gate import STAGES
from residency.proxy.identity import IdentityAddon
from residency.proxy.stage import Stage
from tests.proxy.conftest import Gateway, loading, write_rules


def reasons(gateway: Gateway) -> str:
    master, found = gateway.context.master, gate._collect(gateway.context.master)
    missing = [s for s in STAGES if s not in found]
    return "\n".join(doubts.around(master) + doubts.chain(master, missing))


@pytest.fixture
async def willing(stocked: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A loaded gateway with nothing against its start."""
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    monkeypatch.delenv("MITMPROXY_SSLKEYLOGFILE", raising=False)
    stocked.context.options.update(residency_rules=str(write_rules(tmp_path / "rules")))
    assert reasons(stocked) == ""
    return stocked


@pytest.mark.parametrize("name", STAGES)
async def test_a_chain_that_lacks_a_stage_does_not_start(willing: Gateway, name: str) -> None:
    del willing.context.master.addons.lookup[f"residency-{name}"]

    assert f"stages are missing: {name}" in reasons(willing)


@pytest.mark.parametrize("name", ["SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"])
async def test_tls_secrets_are_not_written_out(
    willing: Gateway, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/tmp/keys")

    assert "SSLKEYLOGFILE is set" in reasons(willing)


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o640, True), (0o604, True)])
async def test_the_cas_key_is_for_one_user_alone(
    willing: Gateway, tmp_path: Path, mode: int, *, refused: bool
) -> None:
    key = tmp_path / "mitmproxy-ca.pem"
    key.touch()
    key.chmod(mode)

    assert ("can be read by others" in reasons(willing)) is refused


async def test_a_refused_start_ends_the_proxy_and_stays_closed(
    willing: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(willing.context.master, "shutdown", lambda: ended.append(True))
    (Path(willing.context.options.residency_rules) / "masks.yaml").unlink()
    await willing.stage("policy").running()

    assert (ended, willing.runtime.ready) == ([True], False)
    assert "masks.yaml: is missing" in caplog.text


async def test_a_start_that_is_refused_says_everything_at_once(
    willing: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(willing.context.master, "shutdown", lambda: None)
    (Path(willing.context.options.residency_rules) / "masks.yaml").unlink()
    willing.context.options.update(
        residency_ledger=str(tmp_path / "none" / "ledger"),
        residency_mask_key=str(tmp_path / "no-key"),
        residency_feeds=str(tmp_path / "no-feeds"),
        residency_resolve=["elsewhere"],
        residency_dns=["nobody"],
        residency_admin="8.8.8.8:1",
        residency_hold_max=-1,
        residency_hold_bytes="much",
        residency_read_limit="-5",
        residency_read_seconds=0,
    )
    monkeypatch.setattr(options, "refusals", lambda *_: ["option ignore_hosts: would pass"])
    await willing.stage("policy").running()

    lines = [r.getMessage() for r in caplog.records if "does not start" in r.getMessage()]
    for said in (
        "ignore_hosts: would pass", "residency_hold_max: is less than 0", "residency_hold_bytes: 'much' is no size", "residency_read_limit: '-5' is no size",
        "residency_read_seconds: is less than 1", "residency_resolve: goes around", "residency_resolve: 'elsewhere'",
        "residency_dns: 'nobody'", "residency_admin: only loopback", "residency_mask_key: ", "residency_ledger: ", "no-feeds", "masks.yaml: is missing",
    ):  # fmt: skip
        assert sum(said in line for line in lines) == 1, said
    assert not willing.runtime.ready
    assert not willing.runtime.feeds.digest


async def test_a_start_that_cannot_open_the_admin_api_is_recorded_as_none(
    willing: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(willing.context.master, "shutdown", lambda: None)

    async def taken(_address: str) -> None:
        raise ResidencyError("taken")

    monkeypatch.setattr(willing.stage("approve"), "open", taken)
    willing.context.options.update(residency_ledger=str(tmp_path / "ledger"))
    await willing.stage("policy").running()

    assert not willing.runtime.ready
    assert not (tmp_path / "ledger").exists()


async def test_a_folder_of_rules_and_a_ledger_must_be_named(
    willing: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(willing.context.master, "shutdown", lambda: None)
    willing.context.options.update(residency_rules="", residency_ledger="")
    await willing.stage("policy").running()

    assert "residency_rules: names no folder" in caplog.text
    assert "residency_ledger: names no file" in caplog.text


async def test_an_unsafe_option_hides_nothing_else_and_all_is_said_once(
    willing: Gateway, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    willing.context.options.update(residency_mask_key=str(tmp_path / "no-key"))
    for _ in range(2):
        with pytest.raises(exceptions.OptionsError, match="ssl_insecure"):
            willing.context.options.update(ssl_insecure=True)

    said = [r for r in caplog.records if "does not start" in r.getMessage()]
    assert sum("residency_mask_key" in r.getMessage() for r in said) == 1
    assert not any("ssl_insecure" in r.getMessage() for r in said)


@pytest.mark.parametrize("name", STAGES)
async def test_the_end_of_any_stage_is_the_end_of_the_proxy(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(ready.context.master, "shutdown", lambda: ended.append(True))
    ready.stage(name).done()

    assert (ended, ready.runtime.ready) == ([True], False)


@pytest.mark.usefixtures("_factory")
async def test_one_stage_is_enough_to_deny() -> None:
    """Whichever script is loaded first, the denial stands before it."""
    with taddons.context(proxyserver.Proxyserver(), IdentityAddon()) as context:
        assert isinstance(context.master.addons.chain[0], Front)


@pytest.mark.parametrize("name", ["save.file", "cut.save", "export.file", "replay.client"])
async def test_k8_no_command_is_left_that_would_store_or_replay_calls(
    willing: Gateway, name: str
) -> None:
    master = willing.context.master
    assert name in master.commands.commands
    await gate._relay(master, gate._collect(master))

    assert name not in master.commands.commands
    assert "residency.approve" in master.commands.commands


async def test_the_front_stands_before_everything(stocked: Gateway) -> None:
    assert isinstance(stocked.context.master.addons.chain[0], Front)


def test_the_stages_stand_in_the_one_safe_order() -> None:
    found: list[Any] = stages()

    assert [s.name for s in found] == [f"residency-{name}" for name in STAGES]
    assert [s.order for s in found] == list(range(len(found)))
    assert all(isinstance(s, Stage) for s in found)


@pytest.mark.usefixtures("_factory")
async def test_two_masters_do_not_share_what_was_taken(tmp_path: Path) -> None:
    one, two = ([core.Core(), proxyserver.Proxyserver()] for _ in range(2))
    async with loading(one, tmp_path) as first, loading(two, tmp_path) as second:
        assert first.runtime is not second.runtime
