"""Credentials are there before a call needs them, or the call is refused at once."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from residency.aws import Keys
from residency.core.signing import Role
from residency.errors import CallError
from residency.proxy import signers
from residency.proxy.signers import Signers

ROLE = Role(name="r", profile="p", groups=("g",), services=("lambda",), regions=("eu-central-1",))


def keys(name: str = "A", lasts: float | None = None) -> Keys:
    expires = None if lasts is None else time.time() + lasts
    return Keys(key=name, secret="CANARY", token=None, expires=expires, arn=None)


class Provider:
    """Gives credentials, as told, and counts who asks."""

    def __init__(self, *answers: Keys | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self, profile: str) -> Keys:
        self.asked += 1
        self.go.wait(30)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


type Make = Callable[..., tuple[Signers, Provider]]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[tuple[Signers, Provider]] = []

    def begin(*answers: Keys | Exception, hangs: bool = False) -> tuple[Signers, Provider]:
        provider = Provider(*answers)
        if hangs:
            provider.go.clear()
        found = Signers(provider)
        found.take([ROLE])
        made.append((found, provider))
        return found, provider

    yield begin
    for one, provider in made:
        one.stop()
        provider.go.set()


async def until(there: Callable[[], bool]) -> None:
    """Wait for what other threads do."""
    for _ in range(2000):
        if there():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


async def asked(provider: Provider, times: int) -> None:
    await until(lambda: provider.asked >= times)


async def test_many_calls_wait_for_one_fetch(make: Make) -> None:
    found, provider = make(keys())

    got = await asyncio.gather(*(found.keys(ROLE) for _ in range(20)))

    assert ({k.key for k in got}, provider.asked) == ({"A"}, 1)


async def test_a_warm_call_asks_nobody(make: Make) -> None:
    found, provider = make(keys())
    await found.keys(ROLE)
    provider.go.clear()

    await found.keys(ROLE)

    assert provider.asked == 1


async def test_credentials_are_renewed_before_they_end(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "PART", 0.0)
    found, provider = make(keys("A", 3600), keys("B", 3600))
    await found.keys(ROLE)

    await asked(provider, 2)
    keeper = found._keepers["p"]
    await until(lambda: keeper._keys is not None and keeper._keys.key == "B")
    assert (await found.keys(ROLE)).key == "B"


async def test_a_renewal_that_hangs_delays_nobody(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "PART", 0.0)
    found, provider = make(keys("A", 3600))
    await found.keys(ROLE)
    provider.go.clear()
    await asked(provider, 2)

    assert (await found.keys(ROLE)).key == "A"


async def test_a_provider_that_hangs_refuses_the_call(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "CALL_SECONDS", 0.05)
    found, _ = make(keys(), hangs=True)

    with pytest.raises(CallError, match="signing-unavailable"):
        await found.keys(ROLE)


async def test_threads_that_hang_are_few(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers, "FETCH_SECONDS", 0.01)
    monkeypatch.setattr(signers, "RETRY_SECONDS", 0.01)
    _, provider = make(keys(), hangs=True)

    await asked(provider, signers.MAX_HANGING)
    await asyncio.sleep(0.2)

    assert provider.asked == signers.MAX_HANGING


async def test_a_provider_that_comes_back_is_asked_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "FETCH_SECONDS", 0.01)
    monkeypatch.setattr(signers, "RETRY_SECONDS", 0.01)
    found, provider = make(keys(), hangs=True)
    await asked(provider, signers.MAX_HANGING)
    provider.go.set()
    monkeypatch.setattr(signers, "FETCH_SECONDS", 30.0)

    keeper = found._keepers["p"]
    await until(lambda: keeper._current() is not None)
    assert (await found.keys(ROLE)).key == "A"


@pytest.mark.parametrize(
    "answer", [ValueError("CANARY"), keys("A", -1), keys("A", signers.MARGIN - 1)], ids=["fails", "expired", "about to expire"]
)  # fmt: skip
async def test_what_gives_no_credentials_that_count_refuses_at_once(
    make: Make, answer: Keys | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    found, _ = make(answer)

    with pytest.raises(CallError, match="signing-unavailable") as e:
        await found.keys(ROLE)

    assert "no credentials" in caplog.text
    assert "CANARY" not in caplog.text + repr(e.value)


async def test_credentials_that_have_ended_are_not_used(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "CALL_SECONDS", 0.05)
    found, _ = make(keys("A", 3600))
    await found.keys(ROLE)
    later = time.time() + 3600
    monkeypatch.setattr("time.time", lambda: later)

    with pytest.raises(CallError):
        await found.keys(ROLE)


async def test_a_reload_forgets_them(make: Make) -> None:
    found, provider = make(keys("A"), keys("B"))
    await found.keys(ROLE)
    found.take([ROLE])

    assert (await found.keys(ROLE)).key == "B"
    found.take([])
    with pytest.raises(CallError):
        await found.keys(ROLE)
    assert provider.asked == 2


async def test_who_waits_when_it_stops_is_refused(make: Make) -> None:
    found, _ = make(keys(), hangs=True)
    waiting = asyncio.create_task(found.keys(ROLE))
    await asyncio.sleep(0)
    found.stop()

    with pytest.raises(CallError):
        await waiting


async def test_a_call_that_is_cancelled_takes_no_other_with_it(make: Make) -> None:
    found, provider = make(keys(), hangs=True)
    first, second = (asyncio.create_task(found.keys(ROLE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    provider.go.set()

    assert (await second).key == "A"


async def test_threads_that_cannot_begin_do_not_count_as_hanging(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signers, "RETRY_SECONDS", 0.01)
    begin, tried = threading.Thread.start, 0

    def start(thread: threading.Thread) -> None:
        nonlocal tried
        tried += 1
        if tried <= signers.MAX_HANGING:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    found, _ = make(keys())

    keeper = found._keepers["p"]
    await until(lambda: keeper._current() is not None)
    assert (await found.keys(ROLE)).key == "A"
