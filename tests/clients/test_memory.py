"""What streams does not pile up in the gateway, however slowly the other end takes it."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab
from tests.clients.farside import Exchange, FarSide, sink
from tests.clients.piped import piped
from tests.clients.run import environment
from tests.clients.test_streaming import (
    CURL,
    DIGEST,
    DOWNLOADS,
    FIRST,
    MIB,
    REST,
    SIZE,
    UPLOADS,
    URL,
    large,
)

pytestmark = pytest.mark.slow

PAUSE = 3.0


@pytest.fixture
def gateway(lab: Lab, far: FarSide) -> Iterator[Gateway]:
    """A new one: memory that an earlier call has left free would hide what a later one takes."""
    with lab.start(resolve=far.resolve) as gateway:
        yield gateway


@pytest.fixture
def env(lab: Lab, gateway: Gateway) -> dict[str, str]:
    env = environment(lab, lab.token("eu-services"), gateway)
    # A small call first: connections, certificates and imports are not what is measured.
    with piped((*CURL, URL), env) as running:
        running.end()
    return env


def peak(gateway: Gateway) -> int:
    """The most bytes of memory that the gateway has had since ``forget_peak``."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def forget_peak(gateway: Gateway) -> int:
    """Start to measure anew; answers the bytes it has now."""
    try:
        # proc(5): 5 resets the peak resident set size.
        Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5", encoding="ascii")
    except OSError as e:
        pytest.skip(f"the peak of memory cannot be measured here: {e.strerror}")
    return peak(gateway)


def slow_sink(exchange: Exchange) -> None:
    """As ``sink``, but begins to read late."""
    time.sleep(PAUSE)
    sink(exchange)


@pytest.mark.parametrize("client", ["curl-h1-chunked", "curl-h2-length", "requests-length"])
def test_an_upload_to_a_slow_far_side_does_not_pile_up(
    far: FarSide, gateway: Gateway, env: dict[str, str], client: str
) -> None:
    far.serve = slow_sink
    before = forget_peak(gateway)

    with piped(UPLOADS[client], env) as upload:
        upload.send(FIRST + REST)
        out = upload.end()

    assert DIGEST in out.decode()
    assert peak(gateway) - before < SIZE // 2


@pytest.mark.parametrize(("version", "chunked"), DOWNLOADS)
def test_an_answer_to_a_slow_client_does_not_pile_up(
    far: FarSide, gateway: Gateway, env: dict[str, str], version: str, *, chunked: bool
) -> None:
    far.serve = large(chunked=chunked, pause=False)
    before = forget_peak(gateway)

    with piped((*CURL, version, URL), env) as download:
        first = download.stdout.read(MIB // 2)
        # A pipe holds 64 KiB; then curl does not read either.
        time.sleep(PAUSE)
        out = first + download.end()

    assert hashlib.sha256(out).hexdigest() == DIGEST
    assert peak(gateway) - before < SIZE // 2
