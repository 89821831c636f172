"""Make a chain that ``-s`` started as safe as an entry point of our own.

mitmproxy 12.2.3 watches script files and unloads one that changes into a broken one, and traffic then goes
on; stock addons after the script loader can change a call after it was judged; an addon's exception or
``AddonHalt`` skips those behind it. So when the proxy runs, the gate takes our stages out of the scripts,
ends the scripts' watchers, and lays the chain anew: the front, what is needed of mitmproxy's own, scripts
that the operator listed, and our stages last, in order.
"""

import asyncio
import contextlib
import logging
import resource
from collections.abc import Iterable
from typing import Any

from mitmproxy import exceptions
from mitmproxy import master as mitmproxy_master

from residency.errors import ConfigurationError, ResidencyError
from residency.proxy import doubts, heap, options, quiet
from residency.proxy.front import Front
from residency.proxy.opening import Opening, examine
from residency.proxy.runtime import runtime

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
    _tell(options.unreadable(master.options))


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
    shared = runtime(master)
    if reasons and not (shared.ready or shared.taken or shared.told):
        # mitmproxy ends before any stage hears that it runs: this is the only time to say what else is wrong.
        shared.told = True
        with contextlib.suppress(Exception):
            _tell(r for r in _examined(master)[1] if r not in reasons)
    if reasons:
        raise exceptions.OptionsError("; ".join(reasons))


_FROZEN = frozenset({"scripts", "confdir", "mode", "listen_host", "listen_port", "ssl_verify_upstream_trusted_ca",
                     "ssl_verify_upstream_trusted_confdir", "certs", "client_certs"})  # fmt: skip


async def take_over(master: mitmproxy_master.Master) -> None:
    """Lay the chain anew and open for calls, or end the proxy with every reason."""
    if runtime(master).taken:
        return
    runtime(master).taken = True
    stages = _collect(master)
    reasons = doubts.chain(master, [s for s in STAGES if s not in stages])
    try:
        opening, found = _examined(master)
        reasons += found
        if opening and not reasons:
            await _relay(master, stages)
            # What may fail comes before the record of a start.
            await _open_admin(master, stages)
            await runtime(master).start(opening)
            heap.settle()
            runtime(master).background(runtime(master).workers.warm())
            logger.info("gateway ready")
            return
    except (ResidencyError, OSError, ValueError) as e:
        reasons.append(str(e))
    except Exception as e:  # noqa: BLE001
        reasons.append(f"{type(e).__name__} while starting")
    runtime(master).ready = False
    _tell(reasons)
    master.shutdown()


def _examined(master: mitmproxy_master.Master) -> tuple[Opening | None, list[str]]:
    """What a start would begin with, and everything that speaks against it."""
    reasons = doubts.around(master)
    try:
        return examine(doubts.settings(master.options, reasons)), reasons
    except ConfigurationError as e:
        return None, [*reasons, *map(str, e.faults)]


def _tell(reasons: Iterable[str]) -> None:
    for reason in reasons:
        logger.error("residency does not start: %s", reason)


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


async def _relay(master: mitmproxy_master.Master, stages: dict[str, Any]) -> None:
    extra = []
    for s in doubts.scripts(master):
        # Watching ends for listed scripts too: a reload would put a script behind our stages' backs.
        if s.reloadtask:
            s.reloadtask.cancel()
        if s.ns is not None:
            kept = [a for a in getattr(s.ns, "addons", []) if not doubts.is_ours(a)]
            s.ns.addons = kept  # type: ignore[attr-defined]  # the script's own global
            extra.append(s)
    chain = [a for a in master.addons.chain if not doubts.is_ours(a)]
    for addon in [a for a in chain if type(a).__name__ in UNUSED]:
        chain.remove(addon)
        await _retire(master, addon)
    front = master.addons.lookup[Front.name]
    master.addons.chain = [front, *chain, *(stages[s] for s in STAGES)]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


async def _retire(master: mitmproxy_master.Master, addon: Any) -> None:
    """As ``AddonManager.remove``, which cannot wait for an async ``done`` (ClientPlayback has one), and leaves commands."""
    master.addons.lookup.pop(getattr(addon, "name", type(addon).__name__.lower()), None)
    commands = master.commands.commands
    for name in [n for n, c in commands.items() if getattr(c.func, "__self__", None) is addon]:
        del commands[name]
    done = getattr(addon, "done", None)
    if done is not None:
        result = done()
        if asyncio.iscoroutine(result):
            await result


async def _open_admin(master: mitmproxy_master.Master, stages: dict[str, Any]) -> None:
    if master.options.residency_admin:
        await stages["approve"].open(master.options.residency_admin)
