"""Credentials of the roles of ``signing.yaml``: fetched off the loop, kept in memory, renewed before they end.

One keeper a profile fetches when the rules are taken, and again well before the credentials end; a call finds them there.
While there are none, a call waits a moment for the fetch that is under way, and is refused if that brings none. A fetch
runs in a thread of its own, and one that hangs (a ``credential_process``, a silent STS) is left behind after a while:
Python cannot end a thread. Past a few of those, nothing is fetched until one of them comes back.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable

from residency import aws
from residency.aws import CredentialsError, Keys
from residency.core.signing import Role
from residency.errors import CallError

logger = logging.getLogger("residency.signing")

#: How long a fetch may take, in seconds.
FETCH_SECONDS = 30.0
#: How long a call waits for one that is under way.
CALL_SECONDS = 5.0
#: After a fetch that failed, in seconds.
RETRY_SECONDS = 5.0
#: Credentials are not used in their last seconds: the far side has to see them in time.
MARGIN = 60.0
#: For how long keys that do not end count, and after which part of their time any are fetched anew.
LASTS, PART = 900.0, 0.6
#: Threads of one keeper that may hang at once.
MAX_HANGING = 3


class Keeper:
    """The credentials of one profile. For one loop; ``fetch`` is what asks for them."""

    def __init__(self, profile: str, fetch: Callable[[str], Keys]) -> None:
        self.profile = profile
        self._fetch = fetch
        self._keys: Keys | None = None
        self._until = 0.0
        self._hanging = 0
        self._settled = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def get(self) -> Keys:
        """Credentials that count.

        Raises:
            CallError: ``signing-unavailable``: there are none now.
        """
        if self._current() is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), CALL_SECONDS)
        keys = self._current()
        if keys is None:
            raise CallError("signing-unavailable", "the gateway has no credentials to sign with")
        return keys

    def stop(self) -> None:
        """Forget them, for good."""
        self._task.cancel()
        self._keys = None
        self._settled.set()

    def _current(self) -> Keys | None:
        return self._keys if time.time() < self._until else None

    async def _keep(self) -> None:
        while True:
            pause = await self._renew()
            # Set while nothing is under way: who comes then has nothing to wait for.
            self._settled.set()
            await asyncio.sleep(pause)
            self._settled.clear()

    async def _renew(self) -> float:
        """Fetch once; how long it is until the next time."""
        try:
            keys = await self._fetched()
        except CredentialsError as e:
            return self._failed(str(e))
        except TimeoutError:
            return self._failed("its provider hangs")
        except Exception as e:  # noqa: BLE001 - what it says may quote what a process printed
            return self._failed(type(e).__name__)
        now = time.time()
        until = now + LASTS if keys.expires is None else keys.expires - MARGIN
        if until <= now:
            return self._failed("the credentials have expired")
        self._keys, self._until = keys, until
        return max((until - now) * PART, 1.0)

    def _failed(self, why: str) -> float:
        logger.error("AWS profile %s: no credentials: %s", self.profile, why)
        return RETRY_SECONDS

    async def _fetched(self) -> Keys:
        if self._hanging >= MAX_HANGING:
            raise CredentialsError("its provider hangs")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Keys] = loop.create_future()

        def settle(keys: Keys | None, error: BaseException | None) -> None:
            self._hanging -= 1
            if done.done():
                return
            if keys is None:
                done.set_exception(_lean(error))
            else:
                done.set_result(keys)

        def work() -> None:
            try:
                found, error = self._fetch(self.profile), None
            except BaseException as e:  # noqa: BLE001 - handed on
                found, error = None, e
            try:
                loop.call_soon_threadsafe(settle, found, error)
            except RuntimeError:
                return  # the loop has ended, and whoever asked with it

        # A daemon: nobody waits at the end for a provider that hangs.
        threading.Thread(target=work, name=f"credentials {self.profile}", daemon=True).start()
        # Not before there is one that will say that it is done, which it does on this loop: not before this.
        self._hanging += 1
        async with asyncio.timeout(FETCH_SECONDS):
            return await done


def _lean(error: BaseException | None) -> Exception:
    """*error* without what it says and without its frames, which may hold secrets."""
    if isinstance(error, CredentialsError):
        return CredentialsError(str(error))
    return CredentialsError(type(error).__name__)


class Signers:
    """The keepers of one proxy, by profile."""

    def __init__(self, fetch: Callable[[str], Keys] = aws.fetch) -> None:
        self._fetch = fetch
        self._keepers: dict[str, Keeper] = {}

    def take(self, roles: Iterable[Role]) -> None:
        """Begin anew with the profiles that *roles* name; all that was known is forgotten."""
        self.stop()
        self._keepers = {p: Keeper(p, self._fetch) for p in {role.profile for role in roles}}

    async def keys(self, role: Role) -> Keys:
        """The credentials to sign with as *role*.

        Raises:
            CallError: ``signing-unavailable``.
        """
        keeper = self._keepers.get(role.profile)
        if keeper is None:
            raise CallError("signing-unavailable", "the gateway has no credentials to sign with")
        return await keeper.get()

    def stop(self) -> None:
        """Forget every credential. Safe to call twice."""
        for keeper in self._keepers.values():
            keeper.stop()
        self._keepers = {}
