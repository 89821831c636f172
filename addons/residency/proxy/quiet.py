"""Keep payloads and tokens out of the log.

mitmproxy 12.2.3 logs partial request heads with their headers, raw request lines, WebSocket ping payloads, full URLs, and
exceptions whose text may quote what was being read. Log records made by mitmproxy's proxy core pass here only if they begin
with words known to be harmless; an exception keeps its type and the places in the code, and loses its message.
"""

import logging
import traceback
from types import TracebackType
from typing import Any

#: Beginnings of messages that name at most a peer, a host or a certificate fault.
_HARMLESS = (
    "client connect", "client disconnect", "client kill connection", "server connect", "server disconnect",
    "error establishing server connection", "Closing connection due to inactivity", "closing transports", "transports closed",
    "Client TLS handshake failed", "Server TLS handshake failed", "Streaming request to", "Streaming response from",
    "HTTP(S) proxy", "Loading script", "Errors logged during startup",
)  # fmt: skip
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


def _cleaned(record: logging.LogRecord) -> logging.LogRecord:
    if record.name.startswith("residency"):
        return record
    if record.exc_info and record.exc_info[0]:
        record.msg = f"{_head(record)} {_without_message(record.exc_info)}"
        record.args, record.exc_info, record.exc_text = None, None, None
    elif record.name.startswith(_GUARDED_LOGGERS):
        message = record.getMessage()
        if not message.startswith(_HARMLESS) and not _about_servers(record):
            record.msg, record.args = f"{record.name}: {_WITHHELD}", None
    return record


def _about_servers(record: logging.LogRecord) -> bool:
    # Listening addresses and start-up faults; no call is involved.
    return record.name == "mitmproxy.proxy.mode_servers" and "client" not in record.__dict__


def _head(record: logging.LogRecord) -> str:
    return f"{record.name}: {_WITHHELD}"


def _without_message(info: _ExcInfo | tuple[None, None, None]) -> str:
    kind, _, tb = info
    frames = traceback.extract_tb(tb)[-6:]
    path = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))
    return f"{kind.__name__ if kind else 'error'} at {path or '?'}"
