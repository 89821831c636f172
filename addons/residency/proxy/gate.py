"""Make a chain that ``-s`` started as safe as an entry point of our own.

mitmproxy 12.2.3 watches script files and unloads one that changes into a broken one, and traffic then goes
on; stock addons after the script loader can change a call after it was judged; an addon's exception or
``AddonHalt`` skips those behind it. So when the proxy runs, the gate takes our stages out of the scripts,
ends the scripts' watchers, and lays the chain anew: the front, what is needed of mitmproxy's own, scripts
that the operator listed, and our stages last, in order.
"""

import asyncio
import logging
import os
import resource
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from mitmproxy import exceptions
from mitmproxy import master as mitmproxy_master
from mitmproxy import options as mitmproxy_options
from mitmproxy.addons import script
from mitmproxy.utils import human

from residency.errors import ResidencyError
from residency.proxy import heap, options, quiet
from residency.proxy.front import Front
from residency.proxy.runtime import Settings, runtime

logger = logging.getLogger("residency.gate")

STAGES = ("identity", "region", "policy", "mask", "hold", "approve", "audit")

#: Stock addons that a gateway has no use for, by class name: each is a way to change, store or replay calls, or costs time.
UNUSED = frozenset(
    {
        "Browser", "StripDnsHttpsRecords", "BlockList", "AntiCache", "AntiComp", "ClientPlayback", "Cut",
        "DisableH2C", "Export", "Onboarding", "ProxyAuth", "DnsResolver", "ServerPlayback", "MapRemote", "MapLocal",
        "ModifyBody", "ModifyHeaders", "StickyAuth", "StickyCookie", "Save", "SaveHar", "UpstreamAuth",
        "UpdateAltSvc", "Dumper", "ReadFile", "ReadFileStdin",
    }
)  # fmt: skip


def close(master: mitmproxy_master.Master) -> None:
    """Set the safe options and keep payloads out of the log; the first stage that loads does it."""
    quiet.install()
    options.make_safe(master.options)
    if any(isinstance(a, Front) for a in master.addons.chain):
        return
    front = Front(runtime(master))
    master.addons.lookup[front.name] = front
    # A new list: mitmproxy may be walking the old one. First, so that no AddonHalt comes before the denial.
    master.addons.chain = [front, *master.addons.chain]
    # An error while mitmproxy starts ends it with exit 1.
    for reason in options.unreadable(master.options):
        logger.error("residency does not start: %s", reason)


def veto(master: mitmproxy_master.Master, updated: set[str]) -> None:
    """Refuse unsafe option values, at start and at run time.

    Raises:
        OptionsError: with every reason; mitmproxy rolls the change back.
    """
    reasons = options.refusals(master.options, updated)
    changed = runtime(master).ready and {
        n for n in updated if n.startswith(options.PREFIX) or n in _FROZEN
    }
    if changed:
        reasons += [
            f"option {n}: cannot be changed while the gateway runs" for n in sorted(changed)
        ]
    if reasons:
        raise exceptions.OptionsError("; ".join(reasons))


_FROZEN = frozenset({"scripts", "confdir", "mode", "listen_host", "listen_port", "ssl_verify_upstream_trusted_ca",
                     "ssl_verify_upstream_trusted_confdir", "certs", "client_certs"})  # fmt: skip


async def take_over(master: mitmproxy_master.Master) -> None:
    """Lay the chain anew and open for calls, or end the proxy with every reason."""
    if runtime(master).taken:
        return
    runtime(master).taken = True
    try:
        stages = _collect(master)
        reasons = _reasons(master, stages)
        if not reasons:
            await _relay(master, stages)
            await runtime(master).start(_settings(master))
            await _open_admin(master, stages)
            heap.settle()
            runtime(master).background(runtime(master).workers.warm())
            logger.info("gateway ready")
            return
    except (ResidencyError, OSError, ValueError) as e:
        reasons = [str(e)]
    except Exception as e:  # noqa: BLE001
        reasons = [f"{type(e).__name__} while starting"]
    runtime(master).ready = False
    for reason in reasons:
        logger.error("residency does not start: %s", reason)
    master.shutdown()


def end(master: mitmproxy_master.Master) -> None:
    """The end of any stage is the end of the proxy."""
    runtime(master).stop()
    master.shutdown()


def _collect(master: mitmproxy_master.Master) -> dict[str, Any]:
    found = {}
    for stage in STAGES:
        addon = master.addons.lookup.get(f"residency-{stage}")
        if addon is not None:
            found[stage] = addon
    return found


def _reasons(master: mitmproxy_master.Master, stages: dict[str, Any]) -> list[str]:
    reasons = options.refusals(master.options) + options.unknown(master.options)
    missing = [s for s in STAGES if s not in stages]
    if missing:
        reasons.append(
            f"stages are missing: {', '.join(missing)} (load addons/chain.py, or every single script)"
        )
    if type(master).__name__ == "WebMaster":
        reasons.append("mitmweb can edit calls and options; use mitmdump or mitmproxy")
    reasons += _foreign(master)
    if not master.options.residency_rules:
        reasons.append("option residency_rules: names no folder (--set residency_rules=rules)")
    if os.environ.get("SSLKEYLOGFILE") or os.environ.get("MITMPROXY_SSLKEYLOGFILE"):
        reasons.append("SSLKEYLOGFILE is set: TLS secrets would be written to a file; unset it")
    return reasons + _exposed_key(Path(master.options.confdir).expanduser() / "mitmproxy-ca.pem")


def _exposed_key(path: Path) -> list[str]:
    """Whoever reads the CA's key can pose as any target to every client."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return []
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [f"{path} can be read by others: chmod 600 it"]
    return []


def _scripts(master: mitmproxy_master.Master) -> Iterable[script.Script]:
    loader = master.addons.get("scriptloader")
    return cast("Iterable[script.Script]", loader.addons if loader else [])


def _ours(addon: object) -> bool:
    return str(getattr(addon, "name", "")).startswith("residency-")


def _foreign(master: mitmproxy_master.Master) -> list[str]:
    listed = {str(Path(p).expanduser().resolve()) for p in master.options.residency_extra_scripts}
    reasons = []
    for s in _scripts(master):
        addons = getattr(s.ns, "addons", [])
        if addons and all(_ours(a) for a in addons):
            continue
        if str(Path(s.fullpath).resolve()) not in listed:
            reasons.append(
                f"script {s.path} is not the gateway's: list it in residency_extra_scripts if it may run"
            )
    return reasons


async def _relay(master: mitmproxy_master.Master, stages: dict[str, Any]) -> None:
    extra = []
    for s in _scripts(master):
        # Watching ends for listed scripts too: a reload would put a script behind our stages' backs.
        if s.reloadtask:
            s.reloadtask.cancel()
        if s.ns is not None:
            kept = [a for a in getattr(s.ns, "addons", []) if not _ours(a)]
            s.ns.addons = kept  # type: ignore[attr-defined]  # the script's own global
            extra.append(s)
    chain = [a for a in master.addons.chain if not _ours(a)]
    for addon in [a for a in chain if type(a).__name__ in UNUSED]:
        chain.remove(addon)
        await _retire(master, addon)
    front = master.addons.lookup[Front.name]
    master.addons.chain = [front, *chain, *(stages[s] for s in STAGES)]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _retire(master: mitmproxy_master.Master, addon: Any) -> None:
    """As ``AddonManager.remove``, which cannot wait for an async ``done`` (ClientPlayback has one)."""
    master.addons.lookup.pop(getattr(addon, "name", type(addon).__name__.lower()), None)
    done = getattr(addon, "done", None)
    if done is not None:
        result = done()
        if asyncio.iscoroutine(result):
            await result


def _settings(master: mitmproxy_master.Master) -> Settings:
    o = master.options
    if not o.residency_ledger:
        raise ResidencyError("option residency_ledger: names no file; no record, no call")
    if o.residency_hold_max < 0:
        raise ResidencyError("option residency_hold_max: is less than 0")
    if o.residency_feeds and o.residency_resolve:
        raise ResidencyError(
            "option residency_resolve: goes around residency_feeds; set one of them"
        )
    if o.residency_read_seconds <= 0:
        raise ResidencyError("option residency_read_seconds: is less than 1")
    return Settings(
        rules=Path(o.residency_rules).expanduser(),
        ledger=Path(o.residency_ledger).expanduser(),
        admin=o.residency_admin,
        hold_max=o.residency_hold_max,
        hold_bytes=_size(o, "residency_hold_bytes"),
        resolve=tuple(o.residency_resolve),
        dns=tuple(o.residency_dns),
        feeds=Path(o.residency_feeds).expanduser() if o.residency_feeds else None,
        body_limit=human.parse_size(o.body_size_limit) or 0,
        read_limit=_size(o, "residency_read_limit"),
        read_seconds=o.residency_read_seconds,
        mask_key=Path(o.residency_mask_key).expanduser() if o.residency_mask_key else None,
    )


def _size(o: mitmproxy_options.Options, name: str) -> int:
    text = getattr(o, name)
    try:
        size = human.parse_size(text)
    except ValueError:
        size = None
    if size is None:
        raise ResidencyError(f"option {name}: {text!r} is no size; write one such as 64m")
    return size


async def _open_admin(master: mitmproxy_master.Master, stages: dict[str, Any]) -> None:
    if master.options.residency_admin:
        await stages["approve"].open(master.options.residency_admin)
