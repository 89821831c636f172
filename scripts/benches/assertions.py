"""What a SAML assertion costs, and what its verification costs everybody else: ``python -m scripts.benches.assertions``.

Needs ``xmlsec1``, which signs the assertions.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from residency.core.faults import Faults
from residency.core.saml import metadata
from residency.core.saml.block import SamlBlock
from residency.core.saml.settings import SamlSettings, Trust, settings
from residency.core.saml.verify import verify
from residency.proxy import saml as proxy
from tests import saml


def main() -> None:
    by = settings(SamlBlock.model_validate(saml.BLOCK))
    for key in ("rsa", "ec"):
        trust = _trust(key)
        xml = saml.assertion(key=key, now=time.time()).encode()
        _time(f"verify a new assertion ({key})", 500, lambda x=xml, t=trust: verify(x, by, t, now=time.time()))  # type: ignore[misc]  # fmt: skip
    asyncio.run(_at_work(by, _trust("rsa")))


def _trust(key: str) -> Trust:
    text = saml.metadata(saml.certificate(key))
    found = metadata.parse(text, source="", idp=saml.IDP, faults=Faults())
    assert found
    return found


async def _at_work(by: SamlSettings, trust: Trust) -> None:
    at_work = proxy.Saml(by, trust, secret=b"s" * 32)
    texts = [saml.encoded(saml.assertion(now=time.time(), id_=f"_{n}")) for n in range(200)]
    await at_work.caller(texts[0])
    begun = time.perf_counter()
    for _ in range(5000):
        await at_work.caller(texts[0])
    print(f"{'a password seen before':36} {(time.perf_counter() - begun) / 5000 * 1e6:8.1f} us")
    await _bystander("a step of the loop, alone", asyncio.sleep(0.5))
    await _bystander("a step of the loop, 200 passwords", _all(at_work, texts))
    at_work.stop()


async def _all(at_work: proxy.Saml, texts: list[str]) -> None:
    for first in range(0, len(texts), 50):
        await asyncio.gather(*(at_work.caller(t) for t in texts[first : first + 50]))


async def _bystander(name: str, work: Coroutine[Any, Any, None]) -> None:
    """How long a task that asks for a millisecond is kept, while *work* goes on."""
    going = asyncio.create_task(work)
    waits = []
    while not going.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        waits.append(time.perf_counter() - begun - 0.001)
    waits.sort()
    middle, high = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    print(f"{name:36} {middle * 1e6:8.1f} us late, p99 {high * 1e6:8.1f} us ({len(waits)} steps)")


def _time(name: str, times: int, call: Callable[[], object]) -> None:
    call()
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begun)
    print(f"{name:36} {sorted(spent)[times // 2] * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
