"""What a step of the demo is, and what its steps have in common."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lab.gateway import clean_environment
from scripts.lab.world import Lab

type Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a step: facts to compare, and a sentence for people."""

    got: Facts
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: who does what, what must come of it, and the code that does it."""

    name: str
    what: str
    expected: Facts
    run: Callable[[Lab], Seen]


EMAIL = "ana.demo@example.com"
IBAN = "DE89370400440532013000"
CUSTOMER = json.dumps({"customer": "4711", "email": EMAIL, "iban": IBAN, "plan": "gold"}).encode()


def refused(lab: Lab, status: int) -> Seen:
    """What came of a call that must not get through."""
    count = len(lab.upstream.requests)
    return Seen(
        got={"status": status, "connections": lab.upstream.accepts, "requests": count},
        says=f"refused with {status}; nothing reached the far side",
    )


def residency(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line of the gateway."""
    command = Path(sys.executable).with_name("residency")
    return subprocess.run(
        [command, *arguments],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
        timeout=30,
    )
