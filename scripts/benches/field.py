"""Those who run against each other: stock mitmdump, the gateway, and the gateway with its ledger in memory."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benches import names
from scripts.benches.farside import FarSide, far_side
from scripts.benches.load import Load, Measured, measure
from scripts.benches.scenarios import SCENARIOS, Scenario
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

#: Survives a restart (FHS 3.0, 5.15), so it is not in memory as /tmp may be: the ledger's fsync is to cost what it costs.
DISK = Path("/var/tmp")  # noqa: S108 - a folder of our own is made in it
MEMORY = Path("/dev/shm")  # noqa: S108 - likewise

TOKEN_SECONDS = 6 * 3600


@dataclass(frozen=True, slots=True)
class Run:
    """What the client measured, and the processor time that the proxy took for a call (``None``: not to be told here)."""

    measured: Measured
    cpu_ms: float | None


@dataclass(frozen=True, slots=True)
class Field:
    """The proxies by name, up, and what they need to be asked."""

    proxies: dict[str, Gateway]
    side: FarSide
    authority: Authority
    tokens: dict[str, str] = field(repr=False)

    def run(self, proxy: str | None, scenario: Scenario, *, warmup: float, seconds: float) -> Run:
        """Measure *scenario* through *proxy*; through none, straight at the far side.

        Raises:
            LoadFailed: Not every call was answered 200.
        """
        gateway = self.proxies[proxy] if proxy else None
        load = Load(
            port=gateway.port if gateway else self.side.ports[scenario.host],
            token=self.tokens[scenario.group] if gateway else None,
            host=scenario.host,
            ca=str(gateway.ca_file if gateway else self.authority.file),
            request=scenario.request,
            warmup=warmup,
            seconds=seconds,
        )
        before = _cpu_seconds(gateway)
        measured = measure(load)
        after = _cpu_seconds(gateway)
        if before is None or after is None:
            return Run(measured, None)
        # The warm-up is in the processor time too, at about the same rate.
        calls = measured.rate * (warmup + seconds)
        return Run(measured, (after - before) / calls * 1000)


@contextmanager
def start(kinds: Sequence[str], **changes: Any) -> Iterator[Field]:
    """Bring up the *kinds*, of ``stock``, ``gateway`` and ``gateway, ledger in memory``.

    *changes* go to every gateway (not to stock), as arguments of ``Gateway``.

    Raises:
        GatewayFailed: One did not start.
    """
    hosts = sorted({s.host for s in SCENARIOS})
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(folder(DISK)))
        authority = Authority(place / "ca")
        side = stack.enter_context(far_side(place / "far", authority, hosts))
        issuer = stack.enter_context(Issuer())
        groups = {s.group for s in SCENARIOS}
        tokens = {g: issuer.token("svc-bench", [g], lifetime=TOKEN_SECONDS) for g in groups}
        rules = lab_rules(place / "rules", issuer.url)
        common: dict[str, Any] = {
            "trust": authority.file,
            "confdir": place / "confdir",
            "resolve": [f"{host}=127.0.0.1:{port}" for host, port in side.ports.items()],
        }
        proxies: dict[str, Gateway] = {}
        for kind in kinds:
            home = place if "memory" not in kind else Path(stack.enter_context(folder(MEMORY)))
            mine = _stock(common) if kind == "stock" else {**common, **changes}
            gateway = Gateway(rules, workdir=home / f"proxy-{len(proxies)}", **mine)
            proxies[kind] = stack.enter_context(gateway)
        yield Field(proxies, side, authority, tokens)


def _stock(common: dict[str, Any]) -> dict[str, Any]:
    """Quiet, since printing every call would be what is measured; otherwise as it comes."""
    return {
        **common,
        "scripts": (),
        "extra_args": ("-q", "-s", str(Path(names.__file__))),
        "env": {names.VARIABLE: " ".join(common["resolve"])},
    }


def folder(where: Path) -> tempfile.TemporaryDirectory[str]:
    """A new one in *where*, or anywhere if that is not there."""
    return tempfile.TemporaryDirectory(prefix="bench-", dir=where if where.is_dir() else None)


def _cpu_seconds(gateway: Gateway | None) -> float | None:
    """User and system time of the process so far: fields 14 and 15 of proc_pid_stat(5)."""
    if gateway is None:
        return None
    try:
        text = Path(f"/proc/{gateway.process.pid}/stat").read_text(encoding="ascii")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
