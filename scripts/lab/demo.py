"""The demo: every outcome once, with real processes on loopback. Exit 0 only if each is the expected one.

``--json`` prints one object a step, ``name``, ``expected``, ``got`` and ``ok``, and nothing else, on standard output.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from scripts.lab.gateway import GatewayFailed
from scripts.lab.step import Seen, Step
from scripts.lab.steps import STEPS
from scripts.lab.world import Lab

_NAME_WIDTH = max(len(step.name) for step in STEPS)
_WHAT_WIDTH = max(len(step.what) for step in STEPS)


def take(step: Step, lab: Lab) -> Seen:
    """Take one step; one that breaks is an outcome too, and not the expected one."""
    lab.upstream.clear()
    try:
        return step.run(lab)
    except Exception as e:  # noqa: BLE001 - the other steps are still to be seen
        return Seen(got={"error": f"{type(e).__name__}: {e}"}, says="")


def as_json(step: Step, seen: Seen) -> str:
    ok = seen.got == step.expected
    return json.dumps({"name": step.name, "expected": step.expected, "got": seen.got, "ok": ok})


def as_line(step: Step, seen: Seen, *, colour: bool) -> str:
    """One aligned line; where it is not as expected, both."""
    ok = seen.got == step.expected
    mark, code = ("ok  ", "32") if ok else ("FAIL", "31")
    mark = f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
    says = seen.says if ok else f"expected {step.expected}, got {seen.got}"
    return f"{mark}  {step.name:<{_NAME_WIDTH}}  {step.what:<{_WHAT_WIDTH}}  {says}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a step, for machines")
    options = parser.parse_args(arguments)
    # Ends the way Ctrl-C does: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    colour = sys.stdout.isatty()
    good = True
    try:
        with Lab() as lab:
            for step in STEPS:
                seen = take(step, lab)
                good &= seen.got == step.expected
                print(
                    as_json(step, seen) if options.json else as_line(step, seen, colour=colour),
                    flush=True,
                )
            if not good:
                print(f"\nthe gateway's output:\n{lab.gateway.output()}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except GatewayFailed as e:
        print(f"demo: the gateway did not start: {e}", file=sys.stderr)
        return 1
    if not options.json:
        print(
            "\nEvery outcome is the expected one."
            if good
            else "\nNot every outcome is the expected one."
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
