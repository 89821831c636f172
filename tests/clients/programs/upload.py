"""PUT standard input as it comes. Arguments: library, URL, and the length in bytes or ``-`` for chunked.

Prints the status and the answer's text, as JSON.
"""

import json
import sys
import urllib.request
from collections.abc import Iterator

BLOCK = 64 * 1024
SECONDS = 60


class Piped:
    """Standard input as a file of a known length."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return pieces()

    def read(self, size: int = -1) -> bytes:
        return sys.stdin.buffer.read(size)


def pieces() -> Iterator[bytes]:
    while piece := sys.stdin.buffer.read(BLOCK):
        yield piece


def by_urllib(url: str, length: int | None) -> tuple[int, str]:
    headers = {"Content-Type": "application/octet-stream"}
    if length is not None:
        headers["Content-Length"] = str(length)
    request = urllib.request.Request(url, pieces(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return answer.status, answer.read().decode()


def by_requests(url: str, length: int | None) -> tuple[int, str]:
    import requests

    data = pieces() if length is None else Piped(length)
    answer = requests.put(url, data=data, timeout=SECONDS)
    return answer.status_code, answer.text


def by_httpx(url: str, length: int | None, *, http2: bool) -> tuple[int, str]:
    import httpx

    headers = {} if length is None else {"Content-Length": str(length)}
    with httpx.Client(http2=http2, timeout=SECONDS) as client:
        answer = client.put(url, content=pieces(), headers=headers)
        return answer.status_code, answer.text


if __name__ == "__main__":
    library, url, length = sys.argv[1:]
    size = None if length == "-" else int(length)
    if library == "urllib":
        status, text = by_urllib(url, size)
    elif library == "requests":
        status, text = by_requests(url, size)
    else:
        status, text = by_httpx(url, size, http2=library == "httpx-h2")
    json.dump({"status": status, "text": text}, sys.stdout)
