"""Assertions at work: exchanged once, a password while they count, and never in the way of others."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from residency.core.faults import Faults
from residency.core.identity import KeySet
from residency.core.saml import metadata
from residency.core.saml.block import SamlBlock
from residency.core.saml.settings import Trust, settings
from residency.core.saml.verify import verify
from residency.errors import IdentityError
from residency.proxy import saml as module
from residency.proxy.mint import ROTATE
from residency.proxy.saml import BURST, MAX_WAITING, Saml
from tests.saml import BLOCK, GATEWAY, IDP, assertion, certificate, encoded, needs_xmlsec1
from tests.saml import metadata as metadata_of

pytestmark = needs_xmlsec1
type Make = Callable[..., Saml]


def trust(*certificates: Any) -> Trust:
    found = metadata.parse(metadata_of(*certificates), source="", idp=IDP, faults=Faults())
    assert found
    return found


def fresh(**parts: Any) -> str:
    return encoded(assertion(now=time.time(), **parts))


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Saml] = []

    def make(former: Saml | None = None, by: Trust | None = None, **changes: Any) -> Saml:
        block = SamlBlock.model_validate(BLOCK | changes)
        made.append(Saml(settings(block), by or trust(), secret=b"s" * 32, former=former))
        return made[-1]

    yield make
    for one in made:
        one.stop()


async def refused(work: Any, code: str) -> None:
    with pytest.raises(IdentityError) as caught:
        await work
    assert caught.value.code == code


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that verified something."""
    seen: list[str] = []

    def counting(*args: Any, **more: Any) -> Any:
        seen.append(threading.current_thread().name)
        return verify(*args, **more)

    monkeypatch.setattr(module, "verify", counting)
    return seen


async def test_an_assertion_is_exchanged_once(make: Make) -> None:
    saml, text = make(), fresh()

    grant = await saml.exchange(text)

    assert 295 <= grant.expires_in <= 300
    assert grant.token not in repr(grant)
    await refused(saml.exchange(text), "identity-replayed")
    await refused(saml.caller(text), "identity-replayed")


async def test_of_two_exchanges_at_once_one_wins(make: Make) -> None:
    saml, text = make(), fresh()

    found = await asyncio.gather(*(saml.exchange(text) for _ in range(8)), return_exceptions=True)

    assert sum(not isinstance(f, BaseException) for f in found) == 1


async def test_a_token_lives_no_longer_than_configured(make: Make) -> None:
    saml = make(max_lifetime="2m")

    assert (await saml.exchange(fresh())).expires_in == 120


async def test_a_password_counts_again_and_again_and_is_verified_once_off_the_loop(
    make: Make, counted: list[str]
) -> None:
    saml, text = make(), fresh()

    callers = [await saml.caller(text) for _ in range(5)]
    callers += await asyncio.gather(*(saml.caller(text) for _ in range(5)))

    assert {c.subject for c in callers} == {"billing"}
    assert counted == ["residency-saml_0"]


async def test_all_who_send_the_same_text_share_one_flight(make: Make, counted: list[str]) -> None:
    saml, text = make(), fresh()

    first = asyncio.create_task(saml.caller(text))
    others = [asyncio.create_task(saml.caller(text)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()

    assert {(await o).subject for o in others} == {"billing"}
    assert len(counted) == 1


async def test_a_password_ends_with_the_assertion(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    saml, text, now = make(), fresh(), time.time()
    await saml.caller(text)

    monkeypatch.setattr(time, "time", lambda: now + 331)

    await refused(saml.caller(text), "identity-expired")


async def test_one_time_use_is_no_password_and_is_exchanged(make: Make) -> None:
    saml, text = make(), fresh(conditions="<saml:OneTimeUse/>")

    await refused(saml.caller(text), "identity-replayed")
    assert (await saml.exchange(text)).caller.subject == "billing"


async def test_a_refused_password_is_not_verified_again_at_once(
    make: Make, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saml, text = make(), fresh(key="other")

    for _ in range(3):
        await refused(saml.caller(text), "identity-signature")
    assert len(counted) == 1
    monkeypatch.setattr(module, "REFUSED_SECONDS", 0.0)
    saml._refused.clear()
    await refused(saml.caller(text), "identity-signature")
    assert len(counted) == 2


async def test_what_is_remembered_is_bounded_and_holds_no_assertion(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 2)
    saml = make()
    texts = [fresh(id_=f"_{n}") for n in range(4)]
    for text in texts:
        await saml.caller(text)
        await refused(saml.caller(text[:-20] + "A" * 20), "identity-malformed")

    assert (len(saml._known), len(saml._refused), saml._flights) == (2, 2, {})
    assert texts[0][:40] not in repr(vars(saml))


async def test_where_no_room_is_left_nothing_more_is_exchanged(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SPENT", 1)
    saml, first = make(), fresh(id_="_1")
    await saml.exchange(first)

    await refused(saml.exchange(fresh(id_="_2")), "identity-busy")
    saml._spent, saml._purged = dict.fromkeys(saml._spent, 0), 0
    await saml.exchange(fresh(id_="_3"))
    assert len(saml._spent) == 1


async def test_exchanges_are_limited_by_rate(make: Make) -> None:
    saml = make()

    found = await asyncio.gather(
        *(saml.exchange("P") for _ in range(BURST + 40)), return_exceptions=True
    )

    codes = [f.code for f in found if isinstance(f, IdentityError)]
    assert codes.count("identity-malformed") <= BURST + 5
    assert codes.count("identity-busy") >= 35


async def test_at_most_so_many_wait_for_the_thread(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(module, "_read", lambda *_: go.wait(60))
    saml = make()
    waiting = [asyncio.create_task(saml._verify(str(n))) for n in range(MAX_WAITING)]
    await asyncio.sleep(0)

    await refused(saml.caller(fresh()), "identity-busy")

    assert saml._refused == {}, "who met a full house may ask again at once"
    go.set()
    await asyncio.gather(*waiting)


async def test_who_waits_when_assertions_are_taken_no_more_is_refused_and_not_cancelled(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = threading.Event()
    monkeypatch.setattr(module, "_read", lambda *_: hold.wait(60))
    saml = make()
    waiting = [asyncio.create_task(saml._verify(str(n))) for n in range(3)]
    await asyncio.sleep(0.05)

    saml.stop()
    hold.set()

    for one in waiting[1:]:  # the first is on the thread already
        await refused(one, "identity-busy")
    await refused(saml.exchange(fresh()), "identity-busy")
    await asyncio.wait(waiting)


async def test_keys_are_handed_out_and_renewed_when_due(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    saml, keys = make(), list[tuple[str, KeySet | None]]()
    saml.on_keys = lambda issuer, found: keys.append((issuer, found))
    saml.start()
    monkeypatch.setattr(saml.mint, "_born", time.time() - ROTATE)

    await saml.exchange(fresh())

    assert [(i, len(k.named)) for i, k in keys if k] == [(GATEWAY, 1), (GATEWAY, 2)]


async def test_a_reload_forgets_no_exchange_and_keeps_tokens_only_where_nothing_changed(
    make: Make,
) -> None:
    first, text = make(), fresh()
    await first.exchange(text)

    same = make(first)
    rolled = make(same, trust(certificate(), certificate("ec")))

    assert same.mint is first.mint
    assert rolled.mint is not first.mint, "another trust ends the tokens that the former gave"
    for one in (same, rolled):
        await refused(one.exchange(text), "identity-replayed")


async def test_the_library_logs_no_assertion(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    await make().caller(fresh())

    assert "billing" not in caplog.text
