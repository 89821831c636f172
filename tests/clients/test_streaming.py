"""What the head decides is never kept: uploads and answers pass on as they come, in little memory."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from scripts.lab.gateway import Gateway
from tests.clients.conftest import forget_peak, peak
from tests.clients.farside import PRIVATE, Exchange, FarSide, sink
from tests.clients.piped import piped
from tests.clients.run import command
from tests.e2e.conftest import eventually

MIB = 1024 * 1024
SIZE = 20 * MIB
FIRST, REST = b"\xa5" * MIB, b"\x5a" * (SIZE - MIB)
DIGEST = hashlib.sha256(FIRST + REST).hexdigest()
PAUSE = 3.0
URL = f"https://{PRIVATE}/data"
CURL = ("curl", "--silent", "--fail", "--no-buffer", "--max-time", "60")

UPLOADS: dict[str, Sequence[str]] = {
    "curl-h1-chunked": (*CURL, "--http1.1", "--upload-file", "-", URL),
    "curl-h2-length": (*CURL, "--http2", "--upload-file", "-", "--header", f"Content-Length: {SIZE}", URL),
    "requests-length": command("upload", "requests", URL, str(SIZE)),
    "requests-chunked": command("upload", "requests", URL, "-"),
    "httpx-length": command("upload", "httpx", URL, str(SIZE)),
    "httpx-chunked": command("upload", "httpx", URL, "-"),
    "urllib-length": command("upload", "urllib", URL, str(SIZE)),
    "urllib-chunked": command("upload", "urllib", URL, "-"),
}  # fmt: skip


@pytest.mark.parametrize("client", UPLOADS)
def test_an_upload_arrives_while_it_is_still_being_sent(
    far: FarSide, far_env: dict[str, str], client: str
) -> None:
    with piped(UPLOADS[client], far_env) as upload:
        upload.send(FIRST)

        # The client has no more to send yet, and most of what it had is at the far side.
        eventually(lambda: far.seen > MIB // 2)
        assert far.seen <= MIB

        upload.send(REST)
        out = upload.end()

    assert far.seen == SIZE
    assert DIGEST in out.decode()


def test_an_h2_upload_without_a_length_arrives_whole(
    far: FarSide, far_env: dict[str, str]
) -> None:
    """It cannot be framed for an HTTP/1 far side before it has ended."""
    with piped((*CURL, "--http2", "--upload-file", "-", URL), far_env) as upload:
        upload.send(FIRST)
        out = upload.end()

    assert hashlib.sha256(FIRST).hexdigest() in out.decode()


def slow_sink(exchange: Exchange) -> None:
    """As ``sink``, but begins to read late."""
    time.sleep(PAUSE)
    sink(exchange)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["curl-h1-chunked", "curl-h2-length", "requests-length"])
def test_an_upload_to_a_slow_far_side_does_not_pile_up(
    far: FarSide, open_gateway: Gateway, far_env: dict[str, str], client: str
) -> None:
    def upload() -> bytes:
        with piped(UPLOADS[client], far_env) as running:
            running.send(FIRST + REST)
            return running.end()

    # The first one fills caches and pools.
    upload()
    far.serve = slow_sink
    before = forget_peak(open_gateway)

    assert DIGEST in upload().decode()
    assert peak(open_gateway) - before < SIZE // 2


def large(*, chunked: bool, pause: bool) -> Callable[[Exchange], None]:
    """Answers of ``SIZE`` bytes; with *pause*, all but the first MiB waits for ``go``."""

    def serve(exchange: Exchange) -> None:
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SIZE}"
        exchange.raw(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        send = exchange.chunk if chunked else exchange.raw
        send(FIRST)
        if pause and not exchange.far.wait():
            exchange.hang_up()
            return
        for start in range(0, len(REST), MIB):
            send(REST[start : start + MIB])
        if chunked:
            exchange.chunk(b"")

    return serve


DOWNLOADS = [(v, chunked) for v in ("--http1.1", "--http2") for chunked in (False, True)]


@pytest.mark.parametrize(("version", "chunked"), DOWNLOADS)
def test_an_answer_arrives_while_it_is_still_being_sent(
    far: FarSide, far_env: dict[str, str], version: str, *, chunked: bool
) -> None:
    far.serve = large(chunked=chunked, pause=True)

    with piped((*CURL, version, URL), far_env) as download:
        first = download.stdout.read(MIB // 2)
        far.go.set()
        out = first + download.end()

    assert hashlib.sha256(out).hexdigest() == DIGEST


@pytest.mark.slow
@pytest.mark.parametrize(("version", "chunked"), DOWNLOADS)
def test_an_answer_to_a_slow_client_does_not_pile_up(
    far: FarSide, open_gateway: Gateway, far_env: Mapping[str, str], version: str, *, chunked: bool
) -> None:
    far.serve = large(chunked=chunked, pause=False)

    def download(pause: float) -> bytes:
        with piped((*CURL, version, URL), far_env) as running:
            first = running.stdout.read(MIB // 2)
            # A pipe holds 64 KiB; then curl does not read either.
            time.sleep(pause)
            return first + running.end()

    # The first one fills caches and pools.
    download(0)
    before = forget_peak(open_gateway)

    assert hashlib.sha256(download(PAUSE)).hexdigest() == DIGEST
    assert peak(open_gateway) - before < SIZE // 2
