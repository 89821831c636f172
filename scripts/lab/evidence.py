"""Steps that look at what is left behind."""

import shutil

from scripts.lab.step import EMAIL, IBAN, Seen, residency
from scripts.lab.world import Lab


def nothing_kept(lab: Lab) -> Seen:
    """Planted values and tokens are in no file that gateway or desk wrote: ledger, output, anything else."""
    folders = [lab.folder / name for name in ("gateway-1", "confdir", "desk")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files)
    tokens = [part for token in lab.issuer.issued for part in token.split(".")[1:]]
    found = sum(kept.count(secret.encode()) for secret in (EMAIL, IBAN, *tokens))
    return Seen(
        got={"found": found, "ledger read": b"held" in kept},
        says=f"{len(kept)} bytes in {len(files)} files hold no planted value and no token",
    )


def verified(lab: Lab) -> Seen:
    done = residency("audit", "verify", lab.gateway.ledger_file)
    return Seen(
        got={"exit": done.returncode},
        says=f"{len(lab.gateway.ledger())} records, chained one to the next",
    )


def replayed(lab: Lab) -> Seen:
    done = residency("audit", "replay", lab.gateway.ledger_file, "--rules", lab.rules)
    count = sum(r["kind"] == "decision" for r in lab.gateway.ledger())
    return Seen(
        got={"exit": done.returncode, "decisions": count > 0},
        says=f"{count} decisions made again from the ledger alone, all the same",
    )


def tampered(lab: Lab) -> Seen:
    copy = lab.folder / "tampered.jsonl"
    shutil.copyfile(lab.gateway.ledger_file, copy)
    lines = copy.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"no-rule"' in line)
    lines[at] = lines[at].replace(b'"no-rule"', b'"no-rulf"', 1)
    copy.write_bytes(b"".join(lines))
    done = residency("audit", "verify", copy)
    named = f"line {at + 1}" in done.stdout + done.stderr
    return Seen(
        got={"exit": done.returncode, "line named": named},
        says=f"one byte changed in line {at + 1} of a copy: found",
    )
