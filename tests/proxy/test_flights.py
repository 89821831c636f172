"""One flight at a time for each key, answers renewed behind their users' backs, failures kept briefly and apart."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from residency.errors import IdentityError
from residency.proxy import flights as module
from residency.proxy.flights import Answer, Flights, Patience

QUICK = Patience(refused=0.1, unavailable=0.03)


class Issuer:
    """Answers 1, 2, 3 …, or raises ``fails``, as soon as ``open`` is set."""

    def __init__(self, renew: float = 60, lasts: float = 60) -> None:
        self.asked = 0
        self.renew, self.lasts = renew, lasts
        self.fails: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Answer[int]:
        self.asked += 1
        number = self.asked
        await self.open.wait()
        if self.fails:
            raise self.fails
        return Answer(number, self.renew, self.lasts)


async def test_a_thousand_who_ask_at_once_are_one_flight() -> None:
    flights, issuer = Flights[int](), Issuer()

    answers = await asyncio.gather(*(flights.get(b"k", issuer) for _ in range(1000)))

    assert set(answers) == {1}
    assert await flights.get(b"k", issuer) == 1
    assert issuer.asked == 1


async def test_one_who_goes_does_not_end_the_flight_of_others() -> None:
    flights, issuer = Flights[int](), Issuer()
    issuer.open.clear()
    one, two = (asyncio.create_task(flights.get(b"k", issuer)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    issuer.open.set()

    assert await two == 1


async def test_a_renewal_delays_nobody_even_where_it_hangs() -> None:
    flights, issuer = Flights[int](), Issuer(renew=0)
    await flights.get(b"k", issuer)
    issuer.open.clear()

    async with asyncio.timeout(30):
        assert [await flights.get(b"k", issuer) for _ in range(100)] == [1] * 100
        await asyncio.sleep(0)
        assert issuer.asked == 2
        issuer.open.set()
        await asyncio.sleep(0.01)
        assert await flights.get(b"k", issuer) == 2


async def test_a_renewal_that_cannot_be_had_keeps_the_answer_to_its_end() -> None:
    flights, issuer = Flights[int](QUICK), Issuer(renew=0, lasts=0.15)
    await flights.get(b"k", issuer)
    issuer.fails = IdentityError("identity-unavailable")

    for _ in range(20):
        assert await flights.get(b"k", issuer) == 1
        await asyncio.sleep(0.001)
    assert issuer.asked <= 3
    await asyncio.sleep(0.2)

    with pytest.raises(IdentityError, match="identity-unavailable"):
        await flights.get(b"k", issuer)


async def test_a_renewal_that_is_refused_ends_the_answer() -> None:
    flights, issuer = Flights[int](QUICK), Issuer(renew=0)
    await flights.get(b"k", issuer)
    issuer.fails = IdentityError("identity-client")
    await flights.get(b"k", issuer)
    await asyncio.sleep(0.01)

    assert b"k" not in flights
    with pytest.raises(IdentityError, match="identity-client"):
        await flights.get(b"k", issuer)
    assert issuer.asked == 2


async def test_a_failure_is_kept_briefly() -> None:
    flights, issuer = Flights[int](QUICK), Issuer()
    issuer.fails = IdentityError("identity-client", "the issuer says invalid_client")

    for _ in range(50):
        with pytest.raises(IdentityError, match="the issuer says invalid_client"):
            await flights.get(b"k", issuer)
    assert issuer.asked == 1
    issuer.fails = None
    await asyncio.sleep(0.12)

    assert await flights.get(b"k", issuer) == 2


async def test_an_accident_is_told_by_its_type_alone() -> None:
    flights, issuer = Flights[int](), Issuer()
    issuer.fails = ValueError("hidden")

    with pytest.raises(IdentityError) as caught:
        await flights.get(b"k", issuer)

    assert caught.value.code == "identity-unavailable"
    assert "ValueError" in caught.value.detail
    assert "hidden" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_nonsense_pushes_out_nobody_who_is_known() -> None:
    flights, good, bad = Flights[int](limit=4), Issuer(), Issuer()
    bad.fails = IdentityError("identity-client")
    await flights.get(b"known", good)

    for n in range(100):
        with pytest.raises(IdentityError):
            await flights.get(b"%d" % n, bad)

    assert b"known" in flights
    assert len(flights._failures) == 4


async def test_answers_are_bounded_and_the_least_used_goes_first() -> None:
    flights = Flights[int](limit=2)
    for key in (b"a", b"b", b"a", b"c"):
        await flights.get(key, Issuer())

    assert [k in flights for k in (b"a", b"b", b"c")] == [True, False, True]


async def test_too_many_flights_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FLIGHTS", 2)
    flights, issuer = Flights[int](), Issuer()
    issuer.open.clear()
    waiting = [asyncio.create_task(flights.get(b"%d" % n, issuer)) for n in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(IdentityError, match="too many ask at once"):
        await flights.get(b"3", issuer)
    issuer.open.set()

    assert await asyncio.gather(*waiting) == [1, 2]
    assert flights._flights == {}


async def test_a_stop_ends_flights_and_tells_those_who_wait() -> None:
    flights, issuer = Flights[int](), Issuer()
    issuer.open.clear()
    waiting = asyncio.create_task(flights.get(b"k", issuer))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    flights.stop()

    with pytest.raises(IdentityError, match="identity-unavailable"):
        await waiting


async def test_a_failed_flight_keeps_nothing_it_asked_with() -> None:
    flights = Flights[int]()

    class Secret:
        pass

    def asking() -> Callable[[], Awaitable[Answer[int]]]:
        secret = Secret()

        async def ask() -> Answer[int]:
            assert secret is not None
            raise IdentityError("identity-client")

        return ask

    with pytest.raises(IdentityError):
        await flights.get(b"k", asking())
    await asyncio.sleep(0)
    gc.collect()

    assert not [o for o in gc.get_objects() if isinstance(o, Secret)]


async def test_a_reload_takes_answers_and_failures_along() -> None:
    former, issuer = Flights[int](), Issuer()
    await former.get(b"k", issuer)
    flights = Flights[int]()
    flights.adopt(former)

    assert await flights.get(b"k", issuer) == 1
    assert issuer.asked == 1
