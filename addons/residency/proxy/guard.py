"""The one place with a bare except: an error in an enforcing hook denies the call instead of letting it go.

mitmproxy 12 logs an exception in a hook and forwards the request. So every hook of ours is wrapped: what it raises becomes a
``Fault`` record, which the decision then turns into a block and the ledger keeps. The denial itself has stood since
``requestheaders``; the guard never lifts anything.
"""

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from mitmproxy import http

from residency.core.plain import Plain
from residency.errors import CODES, CallError
from residency.proxy import flowstate
from residency.proxy.answer import placeholder

logger = logging.getLogger("residency.guard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a stage could not do its part: a key of ``CODES``, and words that hold no value."""

    stage: ClassVar[str] = "fault"

    code: str
    detail: str = ""

    def to_plain(self) -> dict[str, Plain]:
        return {"code": self.code, "detail": self.detail}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        code, detail = plain["code"], plain["detail"]
        if not isinstance(code, str) or code not in CODES or not isinstance(detail, str):
            raise TypeError("fault: wrong code or detail")
        return cls(code=code, detail=detail)


def deny(flow: http.HTTPFlow, code: str, detail: str = "") -> None:
    """Write down the first fault of a call; a later one does not replace it."""
    if not flowstate.has(flow, Fault):
        flowstate.write(flow, Fault(code=code, detail=detail))


def _caught(flow: http.HTTPFlow, error: BaseException) -> None:
    flow.response = placeholder()
    if isinstance(error, CallError):
        deny(flow, error.code, error.detail)
    else:
        deny(flow, "internal", type(error).__name__)
        # The type alone: a message may quote what was being read.
        logger.error("denied %s: %s in our own code", flow.id, where(error))


def where(error: BaseException) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return type(error).__name__
    return f"{type(error).__name__} at {last.tb_frame.f_code.co_qualname}:{last.tb_lineno}"


def is_ending() -> bool:
    """True if the running task is being cancelled for real, as in a shutdown."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


type _Hook = Callable[[Any, http.HTTPFlow], Any]


def fail_closed(hook: _Hook) -> _Hook:
    """Wrap a request hook. Skips calls that a stage has refused already, or that are settled.

    A real cancellation is passed on (the denial stands, and mitmproxy closes the connection): a held call must not
    outlive a shutdown. Anything else, ``SystemExit`` and a stray ``CancelledError`` included, denies this one call.
    """
    return _guard_async(hook) if inspect.iscoroutinefunction(hook) else _guard_sync(hook)


def _guard_async(hook: _Hook) -> _Hook:
    @functools.wraps(hook)
    async def guarded(addon: object, flow: http.HTTPFlow) -> None:
        if _settled(flow):
            return
        try:
            await hook(addon, flow)
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            _caught(flow, e)
            if isinstance(e, asyncio.CancelledError) and is_ending():
                raise

    return guarded


def _guard_sync(hook: _Hook) -> _Hook:
    @functools.wraps(hook)
    def guarded(addon: object, flow: http.HTTPFlow) -> None:
        if _settled(flow):
            return
        try:
            hook(addon, flow)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # noqa: BLE001 - whatever it was, the call is denied
            _caught(flow, e)

    return guarded


def _settled(flow: http.HTTPFlow) -> bool:
    return flowstate.has(flow, Fault) or flow.error is not None or flowstate.is_settled(flow)
