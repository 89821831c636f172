"""THREATS I: a ruling is one human's, on one exact call, used once; and a held call never slips out."""

import json
import threading
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab
from tests.e2e.conftest import eventually, records
from tests.e2e.wire import Answer, Wire, request

OPENAI = "api.openai.com"
CHAT = "/v1/chat/completions"
HERE = Path(__file__).parent


def body(mark: str) -> bytes:
    return json.dumps({"model": "gpt-5", "email": mark}).encode()


class Call(threading.Thread):
    """A call that may be held, on its own."""

    def __init__(self, send: Callable[[], Answer]) -> None:
        super().__init__(daemon=True)
        self.send = send
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        self.answer = self.send()

    def result(self) -> Answer:
        self.join(60)
        assert self.answer is not None
        return self.answer


def held(gateway: Gateway, token: str, count: int = 1) -> list[dict[str, Any]]:
    def waiting() -> list[dict[str, Any]]:
        holds = [h for h in gateway.ask("/holds", token)["holds"] if h["state"] == "waiting"]
        return holds if len(holds) >= count else []

    return eventually(waiting)


def rule(
    gateway: Gateway, id_: str, token: str, ruling: str = "approve", reason: str = "checked"
) -> Any:
    return gateway.ask(f"/holds/{id_}/ruling", token, {"ruling": ruling, "reason": reason})


def refusal(gateway: Gateway, id_: str, token: str, **more: str) -> str:
    with pytest.raises(urllib.error.HTTPError) as refused:
        rule(gateway, id_, token, **more)
    with refused.value as answer:
        return str(json.loads(answer.read())["code"])


@pytest.fixture
def officer(lab: Lab) -> str:
    return lab.approver_token()


def test_an_approved_call_goes_on_in_place_and_unchanged(
    lab: Lab, wire: Wire, officer: str
) -> None:
    call = Call(lambda: wire.post(OPENAI, CHAT, body("a1")))
    (hold,) = held(lab.gateway, officer)
    assert not lab.upstream.requests

    rule(lab.gateway, hold["id"], officer)

    assert call.result().status == 200
    (received,) = lab.upstream.requests
    assert received.body == body("a1")
    record = (
        records(lab.gateway)[-1]
        if records(lab.gateway)[-1]["ruling"]
        else records(lab.gateway)[-2]
    )
    assert record["ruling"]["rulings"][0]["approver"]["subject"] == "olivia@example.com"


def test_a_denied_call_is_refused_with_a_clear_error(lab: Lab, wire: Wire, officer: str) -> None:
    call = Call(lambda: wire.post(OPENAI, CHAT, body("d1")))
    (hold,) = held(lab.gateway, officer)

    rule(lab.gateway, hold["id"], officer, "deny", "not without a contract")

    answer = call.result()
    assert (answer.status, json.loads(answer.body)["code"]) == (451, "denied")
    assert json.loads(answer.body)["approval"] == hold["id"]
    assert not lab.upstream.requests


def test_an_approver_sees_names_and_counts_and_never_values(
    lab: Lab, wire: Wire, officer: str
) -> None:
    call = Call(lambda: wire.post(OPENAI, CHAT, body("canary-value")))
    (hold,) = held(lab.gateway, officer)

    assert hold["host"] == OPENAI
    assert hold["carrying"]["counts"]["personal-data"] == {"$..email": 1}
    assert "canary" not in json.dumps(hold)
    rule(lab.gateway, hold["id"], officer, "deny")
    call.result()


def test_i4_who_may_not_rule(lab: Lab, officer: str) -> None:
    both = lab.token("eu-services", "compliance", subject="both")
    wire = Wire(lab.gateway.port, lab.gateway.ca_file, both)
    call = Call(lambda: wire.post(OPENAI, CHAT, body("i4")))
    (hold,) = held(lab.gateway, officer)

    own = lab.approver_token("compliance", subject="both")
    stranger = lab.approver_token("eu-services", subject="stranger")
    caller_token = lab.token("compliance", subject="not-for-approving")
    assert refusal(lab.gateway, hold["id"], own) == "own-call"
    assert refusal(lab.gateway, hold["id"], stranger) == "not-an-approver"
    assert refusal(lab.gateway, hold["id"], caller_token) == "identity-audience"
    assert refusal(lab.gateway, hold["id"], "x.y.z").startswith("identity-")
    assert refusal(lab.gateway, "0" * 32, officer) == "unknown"
    assert refusal(lab.gateway, hold["id"], officer, reason="  ") == "no-reason"
    assert not lab.upstream.requests

    rule(lab.gateway, hold["id"], officer, "deny")
    assert refusal(lab.gateway, hold["id"], officer) == "closed"
    call.result()


def test_i4_of_many_rulings_at_once_one_wins(lab: Lab, wire: Wire) -> None:
    call = Call(lambda: wire.post(OPENAI, CHAT, body("race")))
    (hold,) = held(lab.gateway, lab.approver_token())
    outcomes: list[str] = []

    def rule_it(i: int) -> None:
        token = lab.approver_token(subject=f"officer-{i}")
        try:
            outcomes.append(
                rule(lab.gateway, hold["id"], token, "approve" if i % 2 else "deny")["state"]
            )
        except urllib.error.HTTPError as e:
            with e:
                outcomes.append(json.loads(e.read())["code"])

    threads = [threading.Thread(target=rule_it, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    call.result()
    assert outcomes.count("closed") == 19
    assert len([r for r in records(lab.gateway, "ruling") if r["hold"] == hold["id"]]) == 1


def test_an_exception_is_used_once_and_a_duplicate_waits_for_its_own(
    lab: Lab, wire: Wire, officer: str
) -> None:
    first = Call(lambda: wire.post(OPENAI, CHAT, body("twice")))
    second = Call(lambda: wire.post(OPENAI, CHAT, body("twice")))
    holds = held(lab.gateway, officer, 2)

    rule(lab.gateway, holds[0]["id"], officer)
    eventually(lambda: len(lab.upstream.requests) == 1)
    time.sleep(0.5)

    assert len(lab.upstream.requests) == 1
    rule(lab.gateway, holds[1]["id"], officer, "deny")
    assert sorted((first.result().status, second.result().status)) == [200, 451]
    assert len(lab.upstream.requests) == 1


@pytest.fixture(scope="module")
def impatient(lab: Lab) -> Any:
    """A gateway whose holds wait for a second."""
    from scripts.lab.rules import lab_rules

    rules = lab_rules(lab.folder / "impatient", lab.issuer.url)
    policy = rules / "policy.yaml"
    policy.write_text(policy.read_text().replace("wait: 55s, valid: 15m", "wait: 1s, valid: 6s"))
    with Gateway(
        rules, workdir=lab.folder / "impatient-gateway", confdir=lab.folder / "confdir",
        trust=lab.authority.file, resolve=lab.upstream.resolve,
    ) as gateway:  # fmt: skip
        yield gateway


def to(lab: Lab, gateway: Gateway) -> Wire:
    return Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))


def test_a_wait_that_runs_out_is_told_and_the_retry_uses_the_approval(
    lab: Lab, impatient: Gateway, officer: str
) -> None:
    wire = to(lab, impatient)

    first = wire.post(OPENAI, CHAT, body("retry"), "X-Request-Id: 1")
    assert (first.status, first.headers["retry-after"]) == (503, "2")
    id_ = json.loads(first.body)["approval"]
    rule(impatient, id_, officer)
    assert not lab.upstream.requests

    assert wire.post(OPENAI, CHAT, body("retry"), "X-Request-Id: 2").status == 200
    again = wire.post(OPENAI, CHAT, body("retry"), "X-Request-Id: 3")

    assert again.status == 503
    assert json.loads(again.body)["approval"] != id_
    assert len(lab.upstream.requests) == 1


def test_a_denial_after_the_wait_is_told_to_the_retry(
    lab: Lab, impatient: Gateway, officer: str
) -> None:
    wire = to(lab, impatient)
    id_ = json.loads(wire.post(OPENAI, CHAT, body("refused")).body)["approval"]
    rule(impatient, id_, officer, "deny")

    answer = wire.post(OPENAI, CHAT, body("refused"))

    assert (answer.status, json.loads(answer.body)["code"]) == (451, "denied")
    assert json.loads(answer.body)["approval"] == id_
    assert not lab.upstream.requests


def test_an_approval_does_not_cover_another_body_or_another_caller(
    lab: Lab, impatient: Gateway, officer: str
) -> None:
    wire = to(lab, impatient)
    id_ = json.loads(wire.post(OPENAI, CHAT, body("one")).body)["approval"]
    rule(impatient, id_, officer)
    other = Wire(impatient.port, impatient.ca_file, lab.token("eu-services", subject="svc-other"))

    assert wire.post(OPENAI, CHAT, body("two")).status == 503
    assert wire.post(OPENAI, CHAT, body("one"), "X-Extra: payload").status == 503
    assert other.post(OPENAI, CHAT, body("one")).status == 503
    assert not lab.upstream.requests


def test_i3_an_approval_expires(lab: Lab, impatient: Gateway, officer: str) -> None:
    wire = to(lab, impatient)
    id_ = json.loads(wire.post(OPENAI, CHAT, body("late")).body)["approval"]
    rule(impatient, id_, officer)
    time.sleep(6)

    assert wire.post(OPENAI, CHAT, body("late")).status == 503
    assert not lab.upstream.requests


def test_i5_a_client_that_has_gone_is_not_served(lab: Lab, wire: Wire, officer: str) -> None:
    sock = wire.tls(OPENAI)
    sock.sendall(request(OPENAI, CHAT, body("gone")))
    (hold,) = held(lab.gateway, officer)

    sock.close()

    eventually(
        lambda: any(
            r["ruling"] and r["ruling"]["hold"] == hold["id"] and r["code"] == "aborted"
            for r in records(lab.gateway)
        )
    )
    try:
        rule(lab.gateway, hold["id"], officer)
    except urllib.error.HTTPError as e:
        e.close()
    time.sleep(0.5)
    assert not lab.upstream.requests


@pytest.mark.parametrize("trick", ["body", "host", "header", "resume"])
def test_i1_i2_a_held_call_that_is_edited_or_resumed_by_hand_does_not_leave(
    lab: Lab, officer: str, tmp_path: Path, trick: str
) -> None:
    """What a console can do to a flow is done to it while it is held: an edit voids the approval, resuming does nothing."""
    script = HERE / "meddler.py"
    extra = ("--set", f"residency_extra_scripts={script}")
    go = tmp_path / "go"
    scripts = (str(script), "addons/chain.py")
    with lab.start(scripts=scripts, extra_args=extra, env={"MEDDLE_GO": str(go)}) as gateway:
        wire = to(lab, gateway)
        call = Call(lambda: wire.post(OPENAI, CHAT, body("i2"), f"X-Meddle: {trick}"))
        (hold,) = held(gateway, officer)
        go.touch()
        eventually(lambda: "meddled" in gateway.output())
        time.sleep(0.2)
        assert not lab.upstream.requests

        rule(gateway, hold["id"], officer)

        answer = call.result()
        if trick == "resume":
            assert answer.status == 200
            assert lab.upstream.requests[0].body == body("i2")
        else:
            assert json.loads(answer.body)["code"] == "stale"
            assert not lab.upstream.requests


def test_i6_too_many_holds_are_refused(lab: Lab, officer: str) -> None:
    with lab.start(extra_args=("--set", "residency_hold_max=4")) as gateway:
        wire = to(lab, gateway)
        first = Call(lambda: wire.post(OPENAI, CHAT, body("f1")))
        (hold,) = held(gateway, officer)

        answer = wire.post(OPENAI, CHAT, body("f2"))

        assert (answer.status, json.loads(answer.body)["code"]) == (503, "hold-full")
        rule(gateway, hold["id"], officer, "deny")
        first.result()


def test_i3_rules_that_change_while_a_call_is_held_void_the_approval(
    lab: Lab, officer: str
) -> None:
    from scripts.lab.rules import lab_rules

    rules = lab_rules(lab.folder / "changing", lab.issuer.url)
    with Gateway(
        rules, workdir=lab.folder / "changing-gateway", confdir=lab.folder / "confdir",
        trust=lab.authority.file, resolve=lab.upstream.resolve,
    ) as gateway:  # fmt: skip
        wire = to(lab, gateway)
        call = Call(lambda: wire.post(OPENAI, CHAT, body("changing")))
        (hold,) = held(gateway, officer)
        policy = rules / "policy.yaml"
        policy.write_text(policy.read_text() + "# another version\n")
        eventually(lambda: records(gateway, "reload"))

        rule(gateway, hold["id"], officer)

        assert json.loads(call.result().body)["code"] == "stale"
        assert not lab.upstream.requests


def test_l5_rules_that_break_are_refused_and_the_last_good_ones_stay(lab: Lab) -> None:
    from scripts.lab.rules import lab_rules

    rules = lab_rules(lab.folder / "breaking", lab.issuer.url)
    with Gateway(
        rules, workdir=lab.folder / "breaking-gateway", confdir=lab.folder / "confdir",
        trust=lab.authority.file, resolve=lab.upstream.resolve,
    ) as gateway:  # fmt: skip
        (rules / "policy.yaml").write_text("version: 1\nrules: [")
        eventually(lambda: records(gateway, "reload-refused"))

        answer = to(lab, gateway).post(
            "bedrock-runtime.us-east-1.amazonaws.com", "/model/x/converse", b"{}"
        )
        assert answer.status == 451
        assert "policy.yaml" in gateway.output()


def test_an_h2_call_is_held_and_approved(lab: Lab, wire: Wire, officer: str) -> None:
    call = Call(lambda: wire.h2(OPENAI, CHAT, body("h2")))
    (hold,) = held(lab.gateway, officer)

    rule(lab.gateway, hold["id"], officer)

    assert call.result().status == 200
