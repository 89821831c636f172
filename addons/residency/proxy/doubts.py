"""What speaks against a start: options, the environment, the CA's key and the chain; and the options as values.

Nothing here ends at the first finding: who has to mend a command line wants to know of everything in it at once.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from mitmproxy import master as mitmproxy_master
from mitmproxy import options as mitmproxy_options
from mitmproxy.addons import script
from mitmproxy.utils import human

from residency.proxy import options
from residency.proxy.opening import Settings


def around(master: mitmproxy_master.Master) -> list[str]:
    """What speaks against starting *master*, whatever its chain; a sentence each."""
    reasons = options.refusals(master.options) + options.unknown(master.options)
    if os.environ.get("SSLKEYLOGFILE") or os.environ.get("MITMPROXY_SSLKEYLOGFILE"):
        reasons.append("SSLKEYLOGFILE is set: TLS secrets would be written to a file; unset it")
    return reasons + _exposed_key(Path(master.options.confdir).expanduser() / "mitmproxy-ca.pem")


def chain(master: mitmproxy_master.Master, missing: Sequence[str]) -> list[str]:
    """What is wrong with the chain of *master*, which lacks the stages *missing*; a sentence each."""
    reasons = []
    if missing:
        reasons.append(
            f"stages are missing: {', '.join(missing)} (load addons/chain.py, or every single script)"
        )
    if type(master).__name__ == "WebMaster":
        reasons.append("mitmweb can edit calls and options; use mitmdump or mitmproxy")
    return reasons + _foreign(master)


def settings(o: mitmproxy_options.Options, reasons: list[str]) -> Settings:
    """Our options as values; what cannot be one of them adds to *reasons*."""
    if o.residency_hold_max < 0:
        reasons.append("option residency_hold_max: is less than 0")
    if o.residency_feeds and o.residency_resolve:
        reasons.append("option residency_resolve: goes around residency_feeds; set one of them")
    if o.residency_read_seconds <= 0:
        reasons.append("option residency_read_seconds: is less than 1")
    return Settings(
        rules=_path(o.residency_rules),
        ledger=_path(o.residency_ledger),
        admin=o.residency_admin,
        hold_max=o.residency_hold_max,
        hold_bytes=_size(o, "residency_hold_bytes", reasons),
        resolve=tuple(o.residency_resolve),
        dns=tuple(o.residency_dns),
        feeds=_path(o.residency_feeds),
        # One that cannot be read has been refused by its name.
        body_limit=_size(o, "body_size_limit", []),
        read_limit=_size(o, "residency_read_limit", reasons),
        read_seconds=o.residency_read_seconds,
        mask_key=_path(o.residency_mask_key),
    )


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _size(o: mitmproxy_options.Options, name: str, reasons: list[str]) -> int:
    text = getattr(o, name)
    try:
        size = human.parse_size(text)
    except ValueError:
        size = None
    if size is None or size < 0:
        reasons.append(f"option {name}: {text!r} is no size; write one such as 64m")
    return size or 0


def _exposed_key(path: Path) -> list[str]:
    """Whoever reads the CA's key can pose as any target to every client."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return []
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [f"{path} can be read by others: chmod 600 it"]
    return []


def scripts(master: mitmproxy_master.Master) -> Iterable[script.Script]:
    """The scripts that ``-s`` named."""
    loader = master.addons.get("scriptloader")
    return cast("Iterable[script.Script]", loader.addons if loader else [])


def is_ours(addon: object) -> bool:
    """True for a stage of the gateway, and its front."""
    return str(getattr(addon, "name", "")).startswith("residency-")


def _foreign(master: mitmproxy_master.Master) -> list[str]:
    listed = {str(Path(p).expanduser().resolve()) for p in master.options.residency_extra_scripts}
    reasons = []
    for s in scripts(master):
        addons = getattr(s.ns, "addons", [])
        if addons and all(is_ours(a) for a in addons):
            continue
        if str(Path(s.fullpath).resolve()) not in listed:
            reasons.append(
                f"script {s.path} is not the gateway's: list it in residency_extra_scripts if it may run"
            )
    return reasons
