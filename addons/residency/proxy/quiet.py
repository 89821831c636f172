"""Keep payloads and tokens out of the log.

mitmproxy 12.2.3 logs partial request heads with their headers, raw request lines, WebSocket ping payloads, full URLs, and
exceptions whose text may quote what was being read. Log records made by mitmproxy's proxy core pass here only if they begin
with words known to be harmless; an exception keeps its type and the places in the code, and loses its message.
"""

import logging
import traceback
from types import TracebackType
from typing import Any

from mitmproxy import exceptions

#: Beginnings of messages that name at most a peer, a host or a certificate fault.
_HARMLESS = (
    "client connect", "client disconnect", "client kill connection", "server connect", "server disconnect",
    "error establishing server connection", "Closing connection due to inactivity", "closing transports",
    "transports closed", "Client TLS handshake failed", "Server TLS handshake failed", "Streaming request to",
    "Streaming response from", "HTTP(S) proxy", "Loading script", "Errors logged during startup",
)  # fmt: skip
#: Said of every call that is let go, once a direction. The ledger has each call already, and printing costs more
#: than deciding. Harmless as well, since this is asked after the record's words were cleaned.
_EVERY_CALL = ("Streaming request to ", "Streaming response from ")
#: Our own say types and codes; scripts are loaded before there are calls, and never after.
_TRUSTED = ("residency", "mitmproxy.addons.script")
_WITHHELD = "(message withheld: it may hold payload)"
_GUARDED_LOGGERS = ("mitmproxy.proxy", "mitmproxy.addonmanager", "mitmproxy.net", "mitmproxy.tls")

type _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def install() -> None:
    """Wrap the process's log record factory; a second call changes nothing."""
    factory = logging.getLogRecordFactory()
    if getattr(factory, "residency_quiet", False):
        return

    def quiet(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return _cleaned(factory(*args, **kwargs))

    quiet.residency_quiet = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(quiet)
    logging.getLogger("mitmproxy.proxy.server").addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_EVERY_CALL)


def _cleaned(record: logging.LogRecord) -> logging.LogRecord:
    if record.name.startswith(_TRUSTED):
        return _without_traceback(record)
    if record.exc_info and record.exc_info[0]:
        record.msg = f"{_head(record)} {_without_message(record.exc_info)}"
        record.args, record.exc_info, record.exc_text = None, None, None
    elif record.name.startswith(_GUARDED_LOGGERS) and not _is_harmless(record):
        record.msg, record.args = f"{record.name}: {_WITHHELD}", None
    return record


def _without_traceback(record: logging.LogRecord) -> logging.LogRecord:
    """An option that is refused is no fault of the program: its reason is all there is to say."""
    if record.exc_info and isinstance(record.exc_info[1], exceptions.OptionsError):
        record.msg, record.args = f"residency does not start: {record.exc_info[1]}", None
        record.exc_info, record.exc_text = None, None
    return record


def _is_harmless(record: logging.LogRecord) -> bool:
    if record.name == "mitmproxy.proxy.mode_servers":
        return True  # listening addresses and start-up faults; no call is involved
    try:
        return record.getMessage().startswith(_HARMLESS)
    except Exception:  # noqa: BLE001 - its arguments do not fit; logging must not end a hook
        return False


def _head(record: logging.LogRecord) -> str:
    return f"{record.name}: {_WITHHELD}"


def _without_message(info: _ExcInfo | tuple[None, None, None]) -> str:
    kind, _, tb = info
    frames = traceback.extract_tb(tb)[-6:]
    path = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))
    return f"{kind.__name__ if kind else 'error'} at {path or '?'}"
