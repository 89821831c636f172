"""Answers that cost a way over the network: asked for once at a time, kept, and renewed before they end.

An answer counts for ``lasts`` seconds. In the last part of them, from ``renew`` on, whoever asks gets it at once and
one renewal starts behind their back: an issuer that hangs delays nobody who is known. A failure is kept briefly too, so
that the same wrong secret is not sent again and again. A refusal ends the answer that it was to renew; an issuer that
cannot be asked does not. Failures have a memory of their own: nobody's nonsense pushes out who is known.

Keys are digests; what is asked with lives as long as its flight, and as its caller keeps it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from residency.core.identity.grant import unavailable
from residency.errors import IdentityError

#: Answers, and failures, that are kept at most; the least recently used one goes first.
MAX_KEPT = 4096
#: Flights at once; whoever comes then is told to come again.
MAX_FLIGHTS = 256
#: Codes that say nothing about the caller, and may be others in a moment.
_PASSING = frozenset({"identity-unavailable", "identity-key"})


@dataclass(frozen=True, slots=True, repr=False)
class Answer[V]:
    """A value, when to renew it and how long it counts: seconds from now."""

    value: V
    renew: float
    lasts: float


@dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long failures are kept, in seconds: refusals, and issuers that cannot be asked."""

    refused: float = 10
    unavailable: float = 2


class Flights[V]:
    """Answers by key. For one loop."""

    def __init__(self, patience: Patience | None = None, *, limit: int = MAX_KEPT) -> None:
        self._patience = patience or Patience()
        self._limit = limit
        self._answers: OrderedDict[bytes, Answer[V]] = OrderedDict()
        self._failures: OrderedDict[bytes, tuple[_Failure, float]] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[V | _Failure]] = {}

    def __contains__(self, key: bytes) -> bool:
        return self._current(key) is not None

    async def get(self, key: bytes, ask: Callable[[], Awaitable[Answer[V]]]) -> V:
        """The answer for *key*: the one that is kept, or what *ask* brings.

        Raises:
            IdentityError: What *ask* raised, now or a moment ago; ``identity-unavailable`` for
                whatever else it raised, or where too many are asking.
        """
        found, now = self._current(key), _now()
        if found is not None:
            if now >= found.renew and self._failure(key) is None and self._has_room(key):
                self._begin(key, ask)
            self._answers.move_to_end(key)
            return found.value
        outcome: V | _Failure | None = self._failure(key)
        if outcome is None:
            if not self._has_room(key):
                raise unavailable("too many ask at once")
            flight = self._begin(key, ask)
            # Not ``await flight``: a call that is cancelled must not take the others' flight with it.
            await asyncio.wait([flight])
            outcome = (
                _Failure("identity-unavailable", "") if flight.cancelled() else flight.result()
            )
        if isinstance(outcome, _Failure):
            raise IdentityError(outcome.code, outcome.detail)
        return outcome

    def drop(self, key: bytes) -> None:
        """Forget the answer for *key*."""
        self._answers.pop(key, None)

    def adopt(self, former: "Flights[V]") -> None:
        """Take over what *former* knows: for a reload."""
        self._answers.update(former._answers)
        self._failures.update(former._failures)

    def stop(self) -> None:
        """End every flight; whoever waits is told that the issuer cannot be asked."""
        for flight in self._flights.values():
            flight.cancel()

    def _current(self, key: bytes) -> Answer[V] | None:
        found = self._answers.get(key)
        return found if found is not None and _now() < found.lasts else None

    def _failure(self, key: bytes) -> _Failure | None:
        failure, until = self._failures.get(key, (None, 0.0))
        return failure if _now() < until else None

    def _has_room(self, key: bytes) -> bool:
        return key in self._flights or len(self._flights) < MAX_FLIGHTS

    def _begin(
        self, key: bytes, ask: Callable[[], Awaitable[Answer[V]]]
    ) -> asyncio.Task[V | _Failure]:
        """Join the flight for *key* that is under way, or begin one."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._fly(key, ask))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return flight

    async def _fly(self, key: bytes, ask: Callable[[], Awaitable[Answer[V]]]) -> V | _Failure:
        """What *ask* brings, as a value: an exception would keep its frames, and they the secret."""
        try:
            answer = await ask()
        except IdentityError as e:
            failure = _Failure(e.code, e.detail)
        except Exception as e:  # noqa: BLE001 - whatever an issuer causes, it could not be asked
            failure = _Failure(
                "identity-unavailable", f"the issuer cannot be asked: {type(e).__name__}"
            )
        else:
            now = _now()
            self._failures.pop(key, None)
            kept = Answer(answer.value, now + answer.renew, now + answer.lasts)
            _keep(self._answers, key, kept, self._limit)
            return answer.value
        passing = failure.code in _PASSING
        if not passing:
            self.drop(key)
        wait = self._patience.unavailable if passing else self._patience.refused
        _keep(self._failures, key, (failure, _now() + wait), self._limit)
        return failure


def _keep[T](kept: OrderedDict[bytes, T], key: bytes, value: T, limit: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > limit:
        kept.popitem(last=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
