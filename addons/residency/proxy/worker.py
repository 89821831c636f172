"""A process that reads and masks bodies, so that the loop of the gateway stays free. Started by ``workers`` alone.

It has no socket, file or key of the gateway but what it is sent: a function of the core and its arguments, on standard
input, one after the other. It imports no mitmproxy, and knows rules only as long as they are used.
"""

import contextlib
import io
import os
import pickle
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

from residency.core.answer import whole
from residency.core.body import inspect_body, mask_call, read_json
from residency.core.mask.sets import MaskSets
from residency.core.message import mask_received, mask_sent
from residency.errors import Unread

#: What is asked for, by name: nothing else is ever called.
WORK: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (inspect_body, mask_call, mask_received, mask_sent, read_json, whole)
}
LENGTH = struct.Struct("!Q")
#: Rules that are kept: those in force, and those by which the last calls were judged.
_KEPT = 4
_NICE = 5


class _Pickler(pickle.Pickler):
    """Mask sets go by their key; they are sent once."""

    def __init__(self, file: io.BytesIO, key_of: Callable[[MaskSets], bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._key_of = key_of

    def persistent_id(self, obj: Any) -> bytes | None:
        return self._key_of(obj) if isinstance(obj, MaskSets) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, sets: Mapping[bytes, MaskSets]) -> None:
        super().__init__(file)
        self._sets = sets

    def persistent_load(self, pid: Any) -> MaskSets:
        return self._sets[pid]


def packed(value: object, key_of: Callable[[MaskSets], bytes]) -> bytes:
    """*value* as bytes, with keys in the place of mask sets."""
    file = io.BytesIO()
    _Pickler(file, key_of).dump(value)
    return file.getvalue()


def answered(sets: dict[bytes, MaskSets], message: bytes) -> bytes:
    """What the work that *message* asks for answers, or the name of what went wrong. *sets* are those that came before."""
    try:
        news, body = pickle.loads(message)  # noqa: S301 - from the gateway itself
        for key, blob in news.items():
            sets[key] = pickle.loads(blob)  # noqa: S301 - likewise
            while len(sets) > _KEPT:
                del sets[next(iter(sets))]
        name, args, kwargs = _Unpickler(io.BytesIO(body), sets).load()
        answer: tuple[str, Any, Any] = ("done", WORK[name](*args, **kwargs), "")
    except Unread as e:
        answer = ("unread", e.reason, e.detail)
    except Exception as e:  # noqa: BLE001 - its name alone: a message may quote what was read
        answer = ("failed", type(e).__name__, "")
    return pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)


def main() -> None:
    """Work until standard input ends: with the gateway, whatever becomes of it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    sets: dict[bytes, MaskSets] = {}
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(LENGTH.size):
        answer = answered(sets, source.read(LENGTH.unpack(head)[0]))
        sink.write(LENGTH.pack(len(answer)))
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    main()
