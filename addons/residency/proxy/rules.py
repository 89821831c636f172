"""The rules folder of a running gateway: loaded as a whole, and looked at again and again.

What is loaded is what stood there before and after loading, so nothing half-written is taken, and nothing is taken that a
gateway could not start with. What becomes of it, the runtime says: rules that cannot be recorded do not come into force.
"""

import asyncio
import datetime
from pathlib import Path

from residency import aws
from residency.core.configuration import Configuration
from residency.core.faults import Faults
from residency.errors import ConfigurationError, Fault
from residency.files import load, stamp
from residency.proxy import maskkey
from residency.proxy.exchange import check_secrets


class RulesFolder:
    """One folder, and the files outside of it that its identity.yaml names.

    Args:
        path: The folder.
        mask_key: The deployment's key for ``hmac``; empty if there is none.
    """

    def __init__(self, path: Path, mask_key: bytes) -> None:
        self.path, self._mask_key = path, mask_key
        self._settled: object = None
        self._seen: object = None
        #: What identity.yaml named when it was last read.
        self._files: list[str] = []

    def load(self) -> Configuration:
        """What stands there now, for a start.

        Raises:
            ConfigurationError: With every fault.
        """
        self._settled = self._seen = stamp(self.path)
        configuration = load(self.path, today=today())
        if stamp(self.path) != self._seen:
            message = "changed while it was read"
            raise ConfigurationError([Fault(str(self.path), 0, 0, "", message, "start again")])
        return self._checked(configuration)

    async def look(self) -> Configuration | None:
        """Rules that have changed, once they have not changed from one look to the next; again and again until ``settle``.

        Raises:
            ConfigurationError: They cannot be used. Said once.
        """
        now = stamp(self.path, self._files)
        still, self._seen = now == self._seen, now
        if now == self._settled or not still:
            return None
        try:
            configuration = await asyncio.to_thread(load, self.path, today=today())
            if stamp(self.path, self._files) != now:
                return None
            return await asyncio.to_thread(self._checked, configuration)
        except ConfigurationError:
            self._settled = now
            raise

    def settle(self) -> None:
        """What was seen last has been dealt with."""
        self._settled = self._seen

    def _checked(self, configuration: Configuration) -> Configuration:
        identity, faults = configuration.identity, Faults()
        self._files = identity.files()
        identity.file_keys(configuration.jwks, faults)
        check_secrets(identity, self.path, faults)
        maskkey.check(configuration.sets, self._mask_key, faults)
        aws.check(configuration.roles, faults)
        faults.check()
        return configuration


def today() -> datetime.date:
    """The day that rules are judged on: UTC."""
    return datetime.datetime.now(datetime.UTC).date()
