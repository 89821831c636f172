"""The table of held calls: capped, shared fairly, ruled on once, used once, and empty in the end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from residency.core.hold import Hold, Ruling, State
from residency.core.policy.rule import Approval
from residency.errors import CallError, HoldError, LedgerError
from residency.proxy.holds import LINGER, PER_CALLER_SHARE, Holds
from tests.policies import caller

OFFICERS = [caller("compliance", subject=f"officer-{i}") for i in range(100)]
OFFICER = OFFICERS[0]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def hold(
    id_: str = "a",
    *,
    key: str = "k",
    subject: str = "billing",
    quorum: int = 1,
    opened: float = 1000,
) -> Hold:
    return Hold(
        id=id_,
        key=key,
        decision="d",
        issuer="https://issuer.test",
        subject=subject,
        rule="ask",
        policy="p",
        approval=Approval(groups=("compliance",), quorum=quorum, wait=55, valid=900),
        opened=opened,
        view={},
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def holds(clock: Clock) -> Holds:
    return Holds(clock)


async def rule(
    holds: Holds,
    id_: str = "a",
    *,
    approve: bool = True,
    who: Any = OFFICER,
    record: Callable[[Hold, Ruling], Any] = lambda _h, _r: None,
) -> Hold:
    return await holds.rule(id_, who, approve=approve, reason="ok", record=record)


async def wait(holds: Holds, id_: str = "a", *, size: int = 0, seconds: float = 3600) -> Hold:
    return await holds.wait(id_, size=size, seconds=seconds, gone=lambda: False)


# Caps


@pytest.mark.parametrize("count", [0, 1, 8])
def test_the_table_takes_no_more_than_its_cap(holds: Holds, count: int) -> None:
    holds.limit(count=count, size=1)
    for i in range(count):
        holds.add(hold(f"{i}", subject=f"s{i}"))

    with pytest.raises(CallError, match="hold-full"):
        holds.add(hold("more", subject="another"))


def test_one_caller_has_no_more_than_a_share(holds: Holds) -> None:
    holds.limit(count=8, size=1)
    for i in range(8 // PER_CALLER_SHARE):
        holds.add(hold(f"{i}"))
    with pytest.raises(CallError, match="hold-full"):
        holds.add(hold("more"))

    holds.add(hold("another", subject="another"))


async def test_what_is_over_gives_its_place_back(holds: Holds, clock: Clock) -> None:
    holds.limit(count=1, size=1)
    holds.add(hold("a"))
    await rule(holds, approve=False)
    holds.add(hold("b"))
    clock.now += 901
    holds.add(hold("c", opened=clock.now))

    assert holds.get("c")


async def test_waiting_bodies_have_a_cap_in_bytes(holds: Holds) -> None:
    holds.limit(count=8, size=100)
    holds.add(hold("a"))
    holds.add(hold("b"))
    first = asyncio.ensure_future(wait(holds, "a", size=60))
    await asyncio.sleep(0)
    with pytest.raises(CallError, match="hold-full"):
        await wait(holds, "b", size=41)

    assert holds.get("b") is None
    first.cancel()


async def test_bytes_are_given_back_however_the_wait_ends(holds: Holds) -> None:
    holds.limit(count=8, size=400)
    for id_ in ("a", "b"):
        holds.add(hold(id_))
        task = asyncio.ensure_future(wait(holds, id_, size=100))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await rule(holds, "a")

    assert (await wait(holds, "a", size=100)).state is State.APPROVED


# Claims


def test_a_hold_is_one_calls_at_a_time(holds: Holds) -> None:
    """Three equal calls of a client that retries must not all go out on one ruling."""
    holds.add(hold())
    assert holds.claim("k") is None
    holds.unclaim("a")

    assert [holds.claim("k") is not None, holds.claim("k") is not None] == [True, False]


def test_another_call_has_no_claim(holds: Holds) -> None:
    holds.add(hold())
    holds.unclaim("a")

    assert holds.claim("another") is None


async def test_an_approved_hold_is_claimed_before_one_that_waits(holds: Holds) -> None:
    for id_ in ("a", "b"):
        holds.add(hold(id_))
        holds.unclaim(id_)
    await rule(holds, "b")
    found = holds.claim("k")

    assert found is not None
    assert found.id == "b"


@pytest.mark.parametrize("state", ["denied", "used", "expired"])
async def test_what_is_over_is_not_claimed(holds: Holds, clock: Clock, state: str) -> None:
    holds.add(hold())
    if state != "expired":
        await rule(holds, approve=state == "used")
    if state == "used":
        holds.use("a")
    clock.now += 901 if state == "expired" else 0
    holds.unclaim("a")

    assert holds.claim("k") is None


async def test_a_denial_that_nobody_waited_for_is_told_to_the_next_attempt_once(
    holds: Holds, clock: Clock
) -> None:
    holds.add(hold())
    holds.unclaim("a")
    await rule(holds, approve=False)
    clock.now += 60

    found = holds.claim("k")
    holds.unclaim("a")

    assert found
    assert found.state is State.DENIED
    assert holds.claim("k") is None


async def test_a_denial_that_nobody_asks_for_is_forgotten_when_the_hold_would_have_expired(
    holds: Holds, clock: Clock
) -> None:
    holds.add(hold())
    holds.unclaim("a")
    await rule(holds, approve=False)
    clock.now += 901

    assert holds.claim("k") is None
    assert holds.get("a") is None


# Rulings


async def test_a_hundred_rulings_at_once_have_one_winner(holds: Holds) -> None:
    holds.add(hold())

    async def slow(_hold: Hold, _ruling: Ruling) -> None:
        await asyncio.sleep(0)

    results = await asyncio.gather(
        *(rule(holds, approve=i % 2 == 0, who=o, record=slow) for i, o in enumerate(OFFICERS)),
        return_exceptions=True,
    )
    winners = [r for r in results if isinstance(r, Hold)]

    assert len(winners) == 1
    assert {r.reason for r in results if isinstance(r, HoldError)} == {"closed"}
    assert holds.get("a") == winners[0]


async def test_a_ruling_that_cannot_be_recorded_does_not_count(holds: Holds) -> None:
    holds.add(hold())

    async def full(_hold: Hold, _ruling: Ruling) -> None:
        raise LedgerError("full")

    with pytest.raises(LedgerError):
        await rule(holds, record=full)

    found = holds.get("a")
    assert found is not None
    assert (found.state, found.rulings) == (State.WAITING, ())


async def test_a_hold_that_expires_while_its_ruling_is_recorded_is_not_approved(
    holds: Holds, clock: Clock
) -> None:
    holds.add(hold())

    async def slow(_hold: Hold, _ruling: Ruling) -> None:
        clock.now += 901

    with pytest.raises(HoldError, match="expired"):
        await rule(holds, record=slow)
    with pytest.raises(HoldError):
        holds.use("a")


async def test_a_hold_that_is_not_there_is_not_ruled_on(holds: Holds) -> None:
    with pytest.raises(HoldError) as e:
        await rule(holds, "none")
    assert (e.value.reason, e.value.status) == ("unknown", 404)


async def test_an_exception_is_spent_once(holds: Holds) -> None:
    holds.add(hold())
    await rule(holds)
    assert holds.use("a").state is State.USED

    with pytest.raises(HoldError):
        holds.use("a")


# Waiting


async def test_a_ruling_wakes_who_waits(holds: Holds) -> None:
    holds.add(hold())
    task = asyncio.ensure_future(wait(holds))
    await asyncio.sleep(0)
    await rule(holds)

    assert (await asyncio.wait_for(task, 30)).state is State.APPROVED


async def test_a_wait_ends_when_its_time_is_over_and_the_hold_stays(holds: Holds) -> None:
    holds.add(hold())

    assert (await wait(holds, seconds=0)).state is State.WAITING
    assert holds.claim("k") is not None


async def test_a_wait_ends_when_the_client_has_gone(holds: Holds) -> None:
    holds.add(hold())
    found = await holds.wait("a", size=0, seconds=3600, gone=lambda: True)

    assert found.state is State.WAITING


async def test_a_wait_ends_when_the_hold_expires(holds: Holds, clock: Clock) -> None:
    holds.add(hold())
    clock.now += 901

    assert (await wait(holds)).state is State.EXPIRED


async def test_closing_ends_every_hold_and_takes_no_more(holds: Holds) -> None:
    for i in range(3):
        holds.add(hold(f"{i}"))
    await rule(holds, "1")
    await rule(holds, "2", approve=False)
    task = asyncio.ensure_future(wait(holds, "0"))
    await asyncio.sleep(0)

    assert {h.id for h in holds.close()} == {"0", "1"}
    assert (await asyncio.wait_for(task, 30)).state is State.WAITING
    assert holds.close() == []
    with pytest.raises(CallError, match="hold-full"):
        holds.add(hold("new"))


# Who sees what


async def test_only_approvers_see_a_hold(holds: Holds) -> None:
    holds.add(hold())

    assert [len(holds.visible(g)) for g in (["compliance"], ["billing"], [])] == [1, 0, 0]


async def test_what_is_over_is_seen_for_a_while_and_then_forgotten(
    holds: Holds, clock: Clock
) -> None:
    holds.add(hold())
    await rule(holds, approve=False)
    holds.unclaim("a")
    seen = len(holds.visible(["compliance"]))
    clock.now += LINGER + 1

    assert (seen, len(holds.visible(["compliance"])), holds.get("a")) == (1, 0, None)


async def test_what_expired_is_forgotten_too(holds: Holds, clock: Clock) -> None:
    holds.add(hold())
    holds.unclaim("a")
    clock.now += 901
    assert [h.state for h in holds.visible(["compliance"])] == [State.EXPIRED]
    clock.now += LINGER + 1

    assert holds.visible(["compliance"]) == []
