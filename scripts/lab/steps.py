"""The demo's steps, in order, with what must come of each."""

from scripts.lab.calls import allowed, blocked, global_profile, masked, no_token, private
from scripts.lab.evidence import nothing_kept, replayed, tampered, verified
from scripts.lab.holds import held_approved, held_denied
from scripts.lab.step import Step

_NOTHING = {"connections": 0, "requests": 0}

STEPS = (
    Step(
        name="allowed-unchanged", what="boto3, Lambda in Frankfurt", run=allowed,
        expected={"status": 200, "unchanged": True, "token left": False},
    ),
    Step(
        name="private-allowed", what="requests, private host", run=private,
        expected={"status": 200, "unchanged": True},
    ),
    Step(
        name="blocked-451", what="boto3, Bedrock in Virginia", run=blocked,
        expected={"status": 451, **_NOTHING},
    ),
    Step(
        name="global-profile-blocked", what="boto3, global. profile in Frankfurt", run=global_profile,
        expected={"status": 451, **_NOTHING},
    ),
    Step(
        name="no-token-407", what="curl, without a token", run=no_token,
        expected={"status": 407, **_NOTHING},
    ),
    Step(
        name="masked", what="openai, analytics", run=masked,
        expected={"status": 200, "values": 0, "rest unchanged": True},
    ),
    Step(
        name="held-approved", what="openai, with an e-mail address", run=held_approved,
        expected={"connections before": 0, "status": 200, "unchanged": True},
    ),
    Step(
        name="held-denied", what="httpx, with an e-mail address", run=held_denied,
        expected={"status": 451, **_NOTHING, "code": "denied"},
    ),
    Step(
        name="nothing-kept", what="search for planted values", run=nothing_kept,
        expected={"found": 0, "ledger read": True},
    ),
    Step(name="audit-verify", what="residency audit verify", run=verified, expected={"exit": 0}),
    Step(
        name="audit-replay", what="residency audit replay", run=replayed,
        expected={"exit": 0, "decisions": True},
    ),
    Step(
        name="ledger-tampered", what="residency audit verify", run=tampered,
        expected={"exit": 1, "line named": True},
    ),
)  # fmt: skip
