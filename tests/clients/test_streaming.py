"""What the head decides is never kept: uploads and answers pass on as they come."""

import hashlib
from collections.abc import Callable, Sequence

import pytest

from tests.clients.farside import PRIVATE, Exchange, FarSide
from tests.clients.piped import piped
from tests.clients.run import command
from tests.e2e.conftest import eventually

MIB = 1024 * 1024
SIZE = 20 * MIB
FIRST, REST = b"\xa5" * MIB, b"\x5a" * (SIZE - MIB)
DIGEST = hashlib.sha256(FIRST + REST).hexdigest()
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
