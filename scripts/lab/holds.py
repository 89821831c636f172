"""Steps that a person rules on."""

import hashlib
import json
import time
from pathlib import Path

from scripts.lab import console
from scripts.lab.client import Client
from scripts.lab.step import CUSTOMER, EMAIL, Seen, refused, residency
from scripts.lab.world import Lab


def _hold(lab: Lab, approver: str) -> str:
    """The id of the one call that waits, once there is one."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        holds = lab.gateway.ask("/holds", approver)["holds"]
        waiting = [h["id"] for h in holds if h["state"] == "waiting"]
        if waiting:
            return str(waiting[0])
        time.sleep(0.1)
    raise RuntimeError("no call is held")


def _rule(lab: Lab, word: str, id_: str, reason: str, token_file: Path) -> None:
    done = residency(
        *(word, id_, "--reason", reason),
        *("--gateway", lab.gateway.admin_url, "--token-file", token_file),
    )
    if done.returncode:
        raise RuntimeError(f"residency {word}: {done.stderr.strip() or done.stdout.strip()}")


def _approve_at_desk(lab: Lab, token_file: Path) -> None:
    with console.Desk(lab.gateway.admin_url, token_file, lab.folder) as desk:
        desk.wait_for(lambda s: "api.openai.com" in s, "the held call")
        desk.command('residency.approve @focus "contract 4711, asked for by the customer"')
        # The desk has to live until the gateway has its ruling.
        desk.wait_for(lambda _: _ruled(lab), "that the call is approved")


def _ruled(lab: Lab) -> bool:
    return any(r["kind"] == "ruling" for r in lab.gateway.ledger())


def held_approved(lab: Lab) -> Seen:
    approver = lab.approver_token()
    token_file = lab.token_file(approver, "approver-token")
    by = "the desk" if console.available() else "residency approve"
    with Client(lab, "chat", token=lab.token("eu-services"), stdin=CUSTOMER) as client:
        id_ = _hold(lab, approver)
        before = lab.upstream.accepts
        if console.available():
            _approve_at_desk(lab, token_file)
        else:
            _rule(lab, "approve", id_, "contract 4711, asked for by the customer", token_file)
        found = client.result()
    arrived = [hashlib.sha256(r.body).hexdigest() for r in lab.upstream.requests]
    return Seen(
        got={
            "connections before": before,
            "status": found["status"],
            "unchanged": arrived == [found["digest"]],
        },
        says=f"waited, approved at {by}, then arrived once and as it was sent",
    )


def held_denied(lab: Lab) -> Seen:
    approver = lab.approver_token()
    token_file = lab.token_file(approver, "approver-token")
    body = json.dumps({"model": "gpt-5", "messages": [], "metadata": {"email": EMAIL}}).encode()
    url = "https://api.openai.com/v1/chat/completions"
    with Client(lab, "post_httpx", url, token=lab.token("eu-services"), stdin=body) as client:
        _rule(lab, "deny", _hold(lab, approver), "no ground for this transfer", token_file)
        found = client.result()
    seen = refused(lab, found["status"])
    return Seen(got={**seen.got, "code": found["answer"].get("code")}, says=seen.says)
