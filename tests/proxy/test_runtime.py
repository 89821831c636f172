"""What stages share: closed before the start and after the end, and never half reloaded."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from residency import files
from residency.errors import CallError, ConfigurationError, LedgerError
from residency.proxy import rules
from residency.proxy.opening import Settings, examine
from residency.proxy.runtime import Runtime, runtime
from tests.proxy.conftest import IDENTITY, LAMBDA, Gateway, problem_of, write_rules
from tests.proxy.test_exchange import Issuer as TokenIssuer
from tests.tokens import jwk, jwks, rsa_key


def settings(folder: Path, ledger: Path) -> Settings:
    return Settings(
        rules=folder,
        ledger=ledger,
        admin="",
        hold_max=1,
        hold_bytes=1,
        resolve=(),
        body_limit=1,
        read_limit=1,
    )


async def reloaded(gateway: Gateway) -> None:
    """The watcher's two looks; a third for files that the second has found named."""
    for _ in range(3):
        await gateway.runtime.reload()


def test_before_the_start_nothing_is_there() -> None:
    found = Runtime()

    for part in ("configuration", "verifiers", "folder"):
        with pytest.raises(CallError, match="not-ready"):
            getattr(found, part)
    with pytest.raises(LedgerError):
        _ = found.ledger


async def test_rules_with_a_fault_keep_it_closed(tmp_path: Path) -> None:
    folder, found = write_rules(tmp_path / "rules"), Runtime()
    (folder / "policy.yaml").write_text("x: 1\n")
    with pytest.raises(ConfigurationError):
        await found.start(examine(settings(folder, tmp_path / "ledger")))

    assert not found.ready
    found.stop()


async def test_a_ledger_that_cannot_be_written_keeps_it_closed(tmp_path: Path) -> None:
    folder, found = write_rules(tmp_path / "rules"), Runtime()
    with pytest.raises(LedgerError):
        await found.start(examine(settings(folder, tmp_path)))

    assert not found.ready
    found.stop()


async def test_after_the_end_every_call_is_denied(ready: Gateway) -> None:
    ready.runtime.stop()
    ready.runtime.stop()
    flow = await ready.call(ready.flow(LAMBDA))

    assert flow.response is not None
    assert [r["kind"] for r in ready.records()] == ["start", "stop"]


async def test_a_reload_of_broken_rules_keeps_the_last_good_ones(ready: Gateway) -> None:
    before = ready.runtime.policy_digest
    (ready.rules / "policy.yaml").write_text("version: 1\n")
    await ready.runtime.reload()
    await ready.runtime.reload()

    assert ready.runtime.policy_digest == before
    assert [(r["kind"], r["policy"]) for r in ready.records()[1:]] == [("reload-refused", before)]
    assert (await ready.call(ready.flow(LAMBDA))).response is None


async def test_a_reload_of_good_rules_is_recorded_and_in_force(ready: Gateway) -> None:
    before = ready.runtime.policy_digest
    policy = ready.rules / "policy.yaml"
    policy.write_text(policy.read_text().replace("eea-is-home", "home"))
    await ready.runtime.reload()
    assert ready.runtime.policy_digest == before, "the files may still be changing"
    await ready.runtime.reload()

    assert ready.records()[-1]["before"] == before
    assert ready.runtime.configuration.policy.rule("home")
    assert (await ready.call(ready.flow(LAMBDA))).response is None


async def test_rules_that_change_while_they_are_loaded_are_not_taken(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, policy = ready.runtime.policy_digest, ready.rules / "policy.yaml"
    policy.write_text(policy.read_text() + "# one\n")
    await ready.runtime.reload()
    load = files.load

    def slow(*args: Any, **kwargs: Any) -> Any:
        policy.write_text(policy.read_text() + "# two\n")
        return load(*args, **kwargs)

    monkeypatch.setattr(rules, "load", slow)
    await ready.runtime.reload()

    assert ready.runtime.policy_digest == before


async def test_rules_that_change_while_a_start_loads_them_start_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_rules(tmp_path / "rules")
    policy, load = folder / "policy.yaml", files.load

    def slow(*args: Any, **kwargs: Any) -> Any:
        found = load(*args, **kwargs)
        policy.write_text(policy.read_text() + "# the other half\n")
        return found

    monkeypatch.setattr(rules, "load", slow)

    with pytest.raises(ConfigurationError, match="changed while"):
        examine(settings(folder, tmp_path / "ledger"))


@pytest.mark.parametrize("name", ["destinations.yaml", "signing.yaml", "catalogue", "places"])
def test_a_link_that_leads_nowhere_is_not_taken_for_what_was_left_out(
    tmp_path: Path, name: str
) -> None:
    """Without the operator's own destinations a host may be thought to be somewhere else."""
    folder = write_rules(tmp_path / "rules")
    if (folder / name).exists():
        (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "nowhere")

    with pytest.raises(ConfigurationError, match=name):
        examine(settings(folder, tmp_path / "ledger"))


async def test_a_folder_of_tables_that_is_linked_is_watched_too(
    ready: Gateway, tmp_path: Path
) -> None:
    (ready.rules / "catalogue").rename(tmp_path / "tables")
    (ready.rules / "catalogue").symlink_to(tmp_path / "tables")
    await reloaded(ready)
    before = ready.runtime.policy_digest
    table = next((tmp_path / "tables").glob("*.yaml"))
    table.write_text(table.read_text() + "# changed\n")
    await reloaded(ready)

    assert ready.runtime.policy_digest != before


async def test_rules_of_the_same_size_and_date_are_others(ready: Gateway) -> None:
    """As images and packages write them, whose files all have one date."""
    policy = ready.rules / "policy.yaml"
    policy.write_text(policy.read_text() + "# 1\n")
    os.utime(policy, (1, 1))
    await reloaded(ready)
    before = ready.runtime.policy_digest
    policy.write_text(policy.read_text().replace("# 1\n", "# 2\n"))
    os.utime(policy, (1, 1))
    await reloaded(ready)

    assert ready.runtime.policy_digest != before


async def test_rules_that_cannot_be_recorded_do_not_come_into_force(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, policy = ready.runtime.policy_digest, ready.rules / "policy.yaml"
    policy.write_text(policy.read_text() + "# one\n")
    await ready.runtime.reload()

    async def full(*_: object) -> None:
        raise LedgerError("full")

    with monkeypatch.context() as patched:
        patched.setattr(ready.runtime.ledger, "append", full)
        with pytest.raises(LedgerError):
            await ready.runtime.reload()
    assert ready.runtime.policy_digest == before
    await ready.runtime.reload()

    assert ready.runtime.policy_digest != before
    assert ready.records()[-1]["kind"] == "reload"


async def test_a_reload_without_a_change_does_nothing(ready: Gateway) -> None:
    await ready.runtime.reload()

    assert len(ready.records()) == 1


async def test_a_key_that_is_taken_away_on_reload_is_believed_no_more(ready: Gateway) -> None:
    proof = ready.flow().request.headers["proxy-authorization"].removeprefix("Bearer ")
    await ready.call(ready.flow(LAMBDA, proof=proof))
    keys = ready.rules / "jwks.json"
    keys.write_text(keys.read_text().replace('"rsa"', '"other"'))
    await ready.runtime.reload()
    await ready.runtime.reload()
    flow = await ready.call(ready.flow(LAMBDA, proof=proof))

    assert flow.response is not None
    assert flow.response.status_code == 407


async def test_keys_outside_the_folder_are_watched_and_in_the_digest(
    ready: Gateway, tmp_path: Path
) -> None:
    outside, identity = tmp_path / "outside.json", ready.rules / "identity.yaml"
    outside.write_text((ready.rules / "jwks.json").read_text())
    identity.write_text(identity.read_text().replace("file: jwks.json", f'file: "{outside}"'))
    await reloaded(ready)
    before = ready.runtime.policy_digest
    proof = ready.flow().request.headers["proxy-authorization"].removeprefix("Bearer ")
    assert (await ready.call(ready.flow(LAMBDA, proof=proof))).response is None
    await reloaded(ready)
    assert ready.runtime.policy_digest == before

    outside.write_text(outside.read_text().replace('"rsa"', '"other"'))
    await reloaded(ready)

    assert problem_of(await ready.call(ready.flow(LAMBDA, proof=proof)))["code"] == "identity-key"
    assert [r["before"] for r in ready.records() if r["kind"] == "reload"][1:] == [before]
    assert ready.records()[-1]["policy"] == ready.runtime.policy_digest != before


async def test_a_key_file_that_was_missing_is_seen_when_it_comes(
    ready: Gateway, tmp_path: Path
) -> None:
    outside, identity = tmp_path / "outside.json", ready.rules / "identity.yaml"
    identity.write_text(identity.read_text().replace("file: jwks.json", f'file: "{outside}"'))
    await reloaded(ready)
    assert ready.records()[-1]["kind"] == "reload-refused"

    outside.write_text((ready.rules / "jwks.json").read_text())
    await reloaded(ready)

    assert ready.records()[-1]["kind"] == "reload"


async def test_files_that_are_only_touched_are_no_other_rules(ready: Gateway) -> None:
    verifiers = ready.runtime.verifiers
    os.utime(ready.rules / "policy.yaml", (1, 1))
    await reloaded(ready)

    assert ready.runtime.verifiers is verifiers
    assert [r["kind"] for r in ready.records()] == ["start"]


# A reload while an issuer is asked


class Asked:
    """A gateway whose caller's secret is just being exchanged, by an issuer that does not answer yet."""

    def __init__(self, gateway: Gateway, issuer: TokenIssuer) -> None:
        self.gateway, self.issuer = gateway, issuer

    async def begin(self) -> asyncio.Task[http.HTTPFlow]:
        identity = self.gateway.rules / "identity.yaml"
        block = f"""\
  - issuer: "{self.issuer.url}"
    audience: gateway
    keys: {{file: issuer.json}}
    client_credentials: {{endpoint: "{self.issuer.url}/token"}}
"""
        identity.write_text(identity.read_text() + block)
        keys = jwks(jwk(rsa_key("rsa"), "rsa"))
        (self.gateway.rules / "issuer.json").write_text(keys)
        await reloaded(self.gateway)
        self.issuer.answers["/token"] = lambda: None
        flow = self.gateway.flow(LAMBDA, proof="")
        pair = base64.b64encode(b"svc-a:s3cret").decode()
        flow.request.headers["proxy-authorization"] = f"Basic {pair}"
        task = asyncio.create_task(self.gateway.call(flow))
        async with asyncio.timeout(30):
            while not self.issuer.count("/token"):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
        return task

    async def reload(self) -> None:
        policy = self.gateway.rules / "policy.yaml"
        policy.write_text(policy.read_text() + "# another\n")
        await reloaded(self.gateway)


@pytest.fixture
async def asked(ready: Gateway) -> AsyncIterator[Asked]:
    issuer = TokenIssuer()
    yield Asked(ready, issuer)
    issuer.server.stop()
    await issuer.server.close_all_connections()


async def test_who_waits_for_an_issuer_at_a_reload_is_asked_about_by_the_new_rules(
    asked: Asked,
) -> None:
    waiting = await asked.begin()
    asked.issuer.answers["/token"] = lambda: (200, asked.issuer.grant())
    await asked.reload()
    flow = await asyncio.wait_for(waiting, 30)

    assert flow.response is None
    assert asked.issuer.count("/token") == 2
    assert asked.gateway.decisions()[-1]["policy"] == asked.gateway.runtime.policy_digest


async def test_who_waits_at_a_reload_that_takes_the_issuer_away_is_refused(asked: Asked) -> None:
    waiting = await asked.begin()
    (asked.gateway.rules / "identity.yaml").write_text(IDENTITY)
    await asked.reload()
    flow = await asyncio.wait_for(waiting, 30)

    assert problem_of(flow)["code"] == "identity-malformed"
    assert asked.issuer.count("/token") == 1


async def test_who_waits_at_a_reload_for_an_issuer_that_fails_is_told_to_come_again(
    asked: Asked,
) -> None:
    waiting = await asked.begin()
    asked.issuer.answers["/token"] = (500, "")
    await asked.reload()
    flow = await asyncio.wait_for(waiting, 30)

    assert flow.response
    assert (flow.response.status_code, flow.response.headers["retry-after"]) == (503, "2")
    assert problem_of(flow)["code"] == "identity-unavailable"


async def test_who_waits_at_the_end_is_denied(asked: Asked) -> None:
    waiting = await asked.begin()
    asked.gateway.runtime.stop()
    flow = await asyncio.wait_for(waiting, 30)

    assert flow.response
    assert flow.response.status_code == 503


async def test_work_in_the_background_is_kept_until_it_is_done(ready: Gateway) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    ready.runtime.background(work())
    await asyncio.wait_for(done.wait(), 30)
    await asyncio.sleep(0)

    assert not ready.runtime._tasks


async def test_the_stages_of_one_master_share_one_runtime(ready: Gateway) -> None:
    assert {id(s.runtime) for s in ready.chain} == {id(runtime(ready.context.master))}


def test_two_tickets_are_never_alike() -> None:
    found = Runtime()

    assert len({found.ticket().id for _ in range(100)}) == 100
