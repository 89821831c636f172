"""SAML assertions at work: as the password of a proxy URL, or exchanged once for a gateway token.

**Replay.** ``exchange`` takes each assertion once, and from then on it is no password either. As a
password it is sent with every call, so it counts again and again until the earliest of its
NotOnOrAfter and ``max_lifetime`` after its IssueInstant; with OneTimeUse it can only be exchanged.
What was exchanged is remembered until the assertion has run out; where no room is left, nothing
more is exchanged.

**Time.** A signature takes about a millisecond, on a thread of its own and never on the loop. At
most ``MAX_WAITING`` wait for it, one flight for all who send the same text, and what is remembered
of an assertion is a keyed digest of its text.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from residency.core.identity import Caller, KeySet
from residency.core.saml.settings import SamlSettings, Trust
from residency.core.saml.signature import warm
from residency.core.saml.text import xml_of
from residency.core.saml.verify import Verified, verify
from residency.errors import IdentityError
from residency.proxy.mint import Mint

# signxml 5.2 logs canonicalized XML, which is the assertion, at the level DEBUG.
logging.getLogger("signxml").setLevel(logging.WARNING)

MAX_WAITING = 64
MAX_KNOWN = 1024
#: About 20 MiB; what ran out is cleared away when it is full, once a second at most.
MAX_SPENT = 100_000
#: Seconds that a refusal of a password is remembered.
REFUSED_SECONDS = 10.0
#: Seconds that the thread rests after each assertion.
YIELD_SECONDS = 0.001
#: Exchanges: how many at once, and how many a second after that.
BURST, A_SECOND = 60, 20


@dataclass(frozen=True, slots=True)
class Grant:
    """What an assertion was exchanged for. ``expires_in`` is in seconds."""

    token: str = field(repr=False)
    expires_in: int
    assertion: str
    caller: Caller


class Saml:
    """The one identity provider's assertions. Set ``on_keys`` before ``start``.

    Args:
        settings: What an assertion must be.
        trust: Who may have signed it.
        secret: Of this process, for digests.
        former: What did this work before the rules were loaded again. What was exchanged stays
            exchanged. Its tokens end unless settings and trust are the same.
    """

    def __init__(
        self,
        settings: SamlSettings,
        trust: Trust,
        *,
        secret: bytes,
        former: "Saml | None" = None,
    ) -> None:
        self.settings, self.trust, self._secret = settings, trust, secret
        same = former is not None and (former.settings, former.trust) == (settings, trust)
        self.mint: Mint = (
            former.mint if former and same else Mint(settings.gateway, now=time.time())
        )
        self._spent: dict[bytes, int] = former._spent if former else {}
        self._pool: ThreadPoolExecutor = former._pool if former else _pool()
        self._known: OrderedDict[bytes, Verified] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, str, str]] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[Verified]] = {}
        self._waiting = self._purged = 0
        self._stopped = False
        self._budget, self._asked = float(BURST), time.monotonic()
        self.on_keys: Callable[[str, KeySet | None], None] = lambda _issuer, _keys: None

    def start(self) -> None:
        """Hand out the keys of the gateway's tokens."""
        self.on_keys(self.settings.gateway, self.mint.keys)

    def stop(self) -> None:
        """Verify nothing more: whoever waits, or still comes, is refused."""
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def caller(self, text: str) -> Caller:
        """Whom the password *text* (a base64 assertion) names.

        Raises:
            IdentityError: As ``verify``; ``identity-replayed``: it has been exchanged, or has
                OneTimeUse; ``identity-busy``.
        """
        digest, now = self._digest(text), time.time()
        found = self._known.get(digest)
        if found is None:
            found = await self._first(digest, text)
            self._remember(digest, found)
        self._known.move_to_end(digest)
        found.lifetime.check(now)
        if found.id in self._spent:
            raise IdentityError("identity-replayed", "the assertion was exchanged for a token")
        return found.caller

    async def exchange(self, text: str) -> Grant:
        """A token for the base64 assertion *text*, once.

        Raises:
            IdentityError: As ``caller``.
        """
        self._take()
        found = await self._verify(text)
        clock = time.time()
        now = int(clock)
        self._spend(found, now)
        if self.mint.is_due(clock):
            self.mint.rotate(clock)
            self.on_keys(self.settings.gateway, self.mint.keys)
        expires = min(found.until, now + self.settings.max_lifetime)
        if expires <= now:
            raise IdentityError("identity-expired", "the assertion has expired")
        token = self.mint.token(found.caller, now=now, expires=expires)
        return Grant(token, expires - now, found.id.hex(), found.caller)

    async def _first(self, digest: bytes, text: str) -> Verified:
        """Join the flight of this text, or begin it. Refusals are remembered for a moment."""
        until, code, detail = self._refused.get(digest, (0.0, "", ""))
        if time.monotonic() < until:
            raise IdentityError(code, detail)
        flight = self._flights.get(digest)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._password(digest, text))
            self._flights[digest] = flight
            # Where all who waited are gone, nobody else asks for its error.
            flight.add_done_callback(lambda f: f.cancelled() or f.exception())
        # Not ``await flight``: a call that is cancelled must not take the others' flight with it.
        await asyncio.wait([flight])
        return flight.result()

    async def _password(self, digest: bytes, text: str) -> Verified:
        try:
            return _reusable(await self._verify(text))
        except IdentityError as e:
            if e.code != "identity-busy":
                self._refused[digest] = (time.monotonic() + REFUSED_SECONDS, e.code, e.detail)
                if len(self._refused) > MAX_KNOWN:
                    self._refused.popitem(last=False)
            raise
        finally:
            del self._flights[digest]

    async def _verify(self, text: str) -> Verified:
        if self._waiting >= MAX_WAITING:
            raise IdentityError("identity-busy")
        if self._stopped:
            raise IdentityError("identity-busy")
        self._waiting += 1
        try:
            reading = asyncio.get_running_loop().run_in_executor(
                self._pool, _read, text, self.settings, self.trust
            )
            # Where the one who waits is gone, nobody else asks for its error.
            reading.add_done_callback(lambda f: f.cancelled() or f.exception())
            await asyncio.wait([reading])
        finally:
            self._waiting -= 1
        if reading.cancelled():  # by ``stop``: the call itself is not cancelled
            raise IdentityError("identity-busy")
        return reading.result()

    def _remember(self, digest: bytes, found: Verified) -> None:
        self._known[digest] = found
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _spend(self, found: Verified, now: int) -> None:
        """Between the question and the mark nothing else runs: it is one step of the loop."""
        if found.id in self._spent:
            raise IdentityError("identity-replayed", "the assertion was exchanged before")
        if len(self._spent) >= MAX_SPENT and self._purged != now:
            self._purged = now
            for id_ in [i for i, last in self._spent.items() if last <= now]:
                del self._spent[id_]
        if len(self._spent) >= MAX_SPENT:
            raise IdentityError("identity-busy", "too many assertions are remembered")
        self._spent[found.id] = found.last

    def _take(self) -> None:
        now = time.monotonic()
        self._budget = min(BURST, self._budget + (now - self._asked) * A_SECOND)
        self._asked = now
        if self._budget < 1:
            raise IdentityError("identity-busy")
        self._budget -= 1

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("ascii"), key=self._secret, digest_size=32).digest()


def _pool() -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(1, thread_name_prefix="residency-saml")
    pool.submit(warm)
    return pool


def _reusable(found: Verified) -> Verified:
    if found.one_time:
        raise IdentityError(
            "identity-replayed", "an assertion with OneTimeUse can only be exchanged"
        )
    return found


def _read(text: str, settings: SamlSettings, trust: Trust) -> Verified:
    """On the thread. The clock is asked here: a text may have waited."""
    try:
        return verify(xml_of(text).encode(), settings, trust, now=time.time())
    finally:
        # Else the loop gets its turn every 5 ms only (``sys.getswitchinterval``) while texts wait.
        time.sleep(YIELD_SECONDS)
