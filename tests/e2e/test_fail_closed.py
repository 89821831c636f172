"""THREATS A: whatever fails, nothing leaves. Each test is named after the way around that it closes."""

import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lab.gateway import Gateway, GatewayFailed
from scripts.lab.world import Lab
from tests.e2e.conftest import SABOTEUR, eventually, record_of, records
from tests.e2e.saboteur import KINDS, PLACES
from tests.e2e.wire import Wire, request

LAMBDA = "lambda.eu-central-1.amazonaws.com"
INVOKE = "/2015-03-31/functions/score-customer/invocations"
OPENAI = "api.openai.com"
CHAT = "/v1/chat/completions"
BODY = b'{"model":"gpt-5","customer":{"email":"canary-4711@example.com"}}'
EXCEPTIONS = [k for k in KINDS if k not in ("CancelledError", "GeneratorExit", "SystemExit")]
ENDINGS = ["CancelledError", "GeneratorExit", "SystemExit"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sabotaged() -> Iterator[Lab]:
    extra = ("--set", f"residency_extra_scripts={SABOTEUR}")
    with Lab(scripts=(str(SABOTEUR), "addons/chain.py"), extra_args=extra) as lab:
        yield lab


def analyst(lab: Lab) -> Wire:
    return Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("analytics"))


def service(lab: Lab) -> Wire:
    return Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("eu-services"))


def sabotage(lab: Lab, order: str) -> None:
    """A call whose handling is sabotaged sends nothing, is answered before its client gives up, and is in the ledger."""
    lab.upstream.clear()
    before = len(records(lab.gateway))
    wire = service(lab) if order.startswith("hold") else analyst(lab)

    answer = wire.post(OPENAI, CHAT, BODY, f"X-Sabotage: {order}")

    assert (lab.upstream.accepts, lab.upstream.received_bytes) == (0, 0)
    assert answer.status in (500, 503)
    assert b"canary" not in answer.body
    if not order.startswith("ledger"):
        eventually(lambda: len(records(lab.gateway)) > before)
        assert not records(lab.gateway)[-1].get("permitted")


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.parametrize("place", [*PLACES])
def test_a1_an_exception_in_any_stage_sends_nothing(sabotaged: Lab, place: str, kind: str) -> None:
    sabotage(sabotaged, f"{place}:{kind}")


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("place", [*PLACES])
def test_a2_a_stray_base_exception_denies_one_call_and_the_gateway_goes_on(
    sabotaged: Lab, place: str, kind: str
) -> None:
    sabotage(sabotaged, f"{place}:{kind}")

    assert analyst(sabotaged).post(OPENAI, CHAT, BODY).status == 200


@pytest.mark.parametrize("place", ["seal", "ledger", "release"])
def test_a1_a_failure_at_the_release_of_a_streaming_call_is_answered(
    sabotaged: Lab, place: str
) -> None:
    """A call that its head decides streams; a denial beside a stream would leave the client without an answer."""
    sabotaged.upstream.clear()

    answer = service(sabotaged).post(LAMBDA, INVOKE, b"{}", f"X-Sabotage: {place}:KeyError")

    assert answer.status == 500
    assert (sabotaged.upstream.accepts, sabotaged.upstream.received_bytes) == (0, 0)


@pytest.mark.parametrize("kind", ["AddonHalt", "KeyError"])
@pytest.mark.parametrize("hook", ["requestheaders", "request"])
def test_a3_an_addon_before_the_stages_cannot_halt_them_away(
    sabotaged: Lab, hook: str, kind: str
) -> None:
    sabotaged.upstream.clear()

    answer = analyst(sabotaged).post(OPENAI, CHAT, BODY, f"X-Sabotage: chain-{hook}:{kind}")

    if kind == "AddonHalt":
        assert answer.status in (500, 503)
        assert sabotaged.upstream.accepts == 0
    else:
        assert b"canary-4711" not in b"".join(r.body for r in sabotaged.upstream.requests)


def test_no_canary_in_what_the_sabotaged_gateway_printed_or_recorded(sabotaged: Lab) -> None:
    assert "canary" not in sabotaged.gateway.output()
    assert "canary" not in sabotaged.gateway.ledger_file.read_text()


@pytest.fixture
def own_scripts(tmp_path: Path) -> Path:
    """A copy of the scripts, to be broken."""
    for script in (ROOT / "addons").glob("*.py"):
        shutil.copy(script, tmp_path)
    return tmp_path


def _refused(lab: Lab, gateway: Gateway) -> bool:
    """Nothing gets through: the call is judged as before, or there is nobody to send it."""
    lab.upstream.clear()
    wire = Wire(gateway.port, gateway.ca_file, lab.token("marketing"))
    try:
        status = wire.post(LAMBDA, INVOKE, b"{}").status
    except OSError:
        status = 0
    return status != 200 and not lab.upstream.requests


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["syntax-error", "import-error", "deleted", "emptied"])
def test_a4_a_script_that_breaks_while_the_gateway_runs_lets_nothing_through(
    lab: Lab, own_scripts: Path, harm: str
) -> None:
    script = own_scripts / "chain.py"
    with lab.start(scripts=(str(script),), env={"PYTHONPATH": str(ROOT / "addons")}) as gateway:
        assert _refused(lab, gateway)
        time.sleep(1.1)  # the watcher compares modification times

        if harm == "deleted":
            script.unlink()
        else:
            script.write_text(
                {"syntax-error": "def (", "import-error": "import nothing_there", "emptied": ""}[
                    harm
                ]
            )

        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert _refused(lab, gateway)
            time.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--set", "residency_ruels=rules"), "residency_ruels"),
        (("--set", "residency_rules=twice"), "residency_rules"),
        (("--set", "residency_hold_max=many"), "residency_hold_max"),
    ],
)
def test_a6_a_missing_or_mistyped_option_ends_the_start(
    lab: Lab, arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(GatewayFailed, match=reason) as failed:
        lab.start(extra_args=arguments)

    assert "exit 1" in str(failed.value)


def test_a9_a_shutdown_sends_no_held_call_and_records_how_each_ended(lab: Lab) -> None:
    lab.upstream.clear()
    with lab.start() as gateway:
        wire = Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))
        socks = []
        for i in range(5):
            sock = wire.tls(OPENAI)
            sock.sendall(request(OPENAI, CHAT, b'{"model":"gpt-5","email":"x","n":%d}' % i))
            socks.append(sock)
        eventually(lambda: len(records(gateway, "hold")) == 5)

        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(60)

        assert not lab.upstream.requests
        held = {r["decision"] for r in records(gateway, "hold")}
        ended = {r["decision"] for k in ("hold-ended", "decision") for r in records(gateway, k)}
        assert held <= ended
        assert not any(r["permitted"] for r in records(gateway))
        assert gateway.ledger()[-1]["kind"] == "stop"
        for sock in socks:
            sock.close()


def test_a10_a_failure_half_way_through_masking_sends_nothing(lab: Lab, analyst: Wire) -> None:
    # The second of two addresses stands in a part that cannot be read: duplicate keys.
    body = b'{"model":"gpt-5","email":"canary-1@example.com","x":{"email":"canary-2","email":"y"}}'

    answer = analyst.post(OPENAI, CHAT, body)

    assert answer.status == 451
    assert not lab.upstream.requests


@pytest.mark.parametrize(
    "option",
    [
        "stream_large_bodies=1k",
        "ignore_hosts=.*",
        "allow_hosts=example.com",
        "tcp_hosts=.*",
        "map_remote=|api.openai.com|evil.example",
        "map_local=|api.openai.com|/tmp",
        "modify_body=/a/b",
        "modify_headers=/a/b",
        "ssl_insecure=true",
        "validate_inbound_headers=false",
        "body_size_limit=2g",
        "mode=socks5",
        "stickyauth=.*",
        "proxyauth=any",
        "hardump=/tmp/x.har",
        "save_stream_file=/tmp/x",
    ],
)
def test_a11_b15_d3_options_that_open_a_way_around_end_the_start(lab: Lab, option: str) -> None:
    with pytest.raises(GatewayFailed, match=f"option {option.partition('=')[0]}") as failed:
        lab.start(extra_args=("--set", option))

    assert "exit 1" in str(failed.value)


def test_an_unsafe_option_hides_nothing_else_that_is_wrong(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "no-key"
    with pytest.raises(GatewayFailed, match="option ignore_hosts") as failed:
        lab.start(
            extra_args=("--set", "ignore_hosts=x", "--set", f"residency_mask_key={key}"),
        )

    assert f"option residency_mask_key: {key}" in str(failed.value)
    assert "exit 1" in str(failed.value)


def test_l8_a_config_file_in_the_confdir_cannot_open_a_way_around(
    lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text('ignore_hosts: [".*"]\n')

    with pytest.raises(GatewayFailed, match="option ignore_hosts"):
        lab.start(confdir=tmp_path)


def test_k7_a_tls_key_log_ends_the_start(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(GatewayFailed, match="SSLKEYLOGFILE"):
        lab.start(env={"SSLKEYLOGFILE": str(tmp_path / "keys")})


def test_k9_a_ca_key_that_others_can_read_ends_the_start(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "mitmproxy-ca.pem"
    shutil.copy(lab.gateway.ca_file.with_name("mitmproxy-ca.pem"), key)
    key.chmod(0o644)

    with pytest.raises(GatewayFailed, match="can be read by others"):
        lab.start(confdir=tmp_path)


def test_a3_a_script_that_is_not_listed_ends_the_start(lab: Lab) -> None:
    with pytest.raises(GatewayFailed, match="residency_extra_scripts"):
        lab.start(scripts=(str(SABOTEUR), "addons/chain.py"))


def test_a_chain_that_lacks_a_stage_does_not_start(lab: Lab) -> None:
    names = ("identity", "region", "policy", "mask", "hold", "audit")

    with pytest.raises(GatewayFailed, match="stages are missing: approve"):
        lab.start(scripts=tuple(f"addons/{n}.py" for n in names))


def test_the_single_scripts_do_what_the_chain_does(lab: Lab) -> None:
    names = ("identity", "region", "policy", "mask", "hold", "approve", "audit")
    with lab.start(scripts=tuple(f"addons/{n}.py" for n in names)) as gateway:
        wire = Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))

        assert wire.post(LAMBDA, INVOKE, b'{"a":1}').status == 200
        assert (
            wire.post("bedrock-runtime.us-east-1.amazonaws.com", "/model/x/converse", b"{}").status
            == 451
        )


def test_a_second_gateway_on_one_ledger_does_not_start(lab: Lab) -> None:
    with pytest.raises(GatewayFailed, match=r"ledger\.jsonl"):
        lab.start(workdir=lab.gateway.ledger_file.parent)


def test_k1_a_full_disk_refuses_calls_and_room_lets_them_through_again(
    lab: Lab, tmp_path: Path
) -> None:
    with lab.start() as gateway:
        wire = Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))
        assert wire.post(LAMBDA, INVOKE, b"{}").status == 200
        lab.upstream.clear()

        _limit_files(gateway, gateway.ledger_file.stat().st_size + 10)
        refused = wire.post(LAMBDA, INVOKE, b"{}")
        assert refused.status == 503
        assert b'"ledger"' in refused.body
        assert not lab.upstream.requests

        _limit_files(gateway, None)
        assert wire.post(LAMBDA, INVOKE, b"{}").status == 200


def _limit_files(gateway: Gateway, size: int | None) -> None:
    import resource

    hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)[1]
    soft = hard if size is None else size
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_a_gateway_without_network_of_its_own_still_answers(lab: Lab, wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", lab.gateway.port), 5) as sock:
        sock.sendall(
            b"GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
        )
        assert b" 407 " in sock.recv(4096)
    answer = wire.post(LAMBDA, INVOKE, b"{}")
    assert record_of(lab.gateway, answer.headers.get("residency-decision", "") or _last(lab))[
        "permitted"
    ]


def _last(lab: Lab) -> str:
    return str(records(lab.gateway)[-1]["decision"])
