"""THREATS B, C, D: one call to one target, and nothing but HTTP. Each test is named after the way around that it closes."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from scripts.lab.world import Lab
from tests.e2e.conftest import eventually, record_of, records, wire_to
from tests.e2e.wire import Answer, Wire, read, read_head, request

LAMBDA = "lambda.eu-central-1.amazonaws.com"
US = "bedrock-runtime.us-east-1.amazonaws.com"
INVOKE = "/2015-03-31/functions/score-customer/invocations"


def refused(lab: Lab, answer: Answer, code: str | None = None) -> None:
    """It was answered by the gateway, or cut off, and no far side has seen a byte."""
    assert answer.status not in range(200, 300)
    assert (lab.upstream.accepts, lab.upstream.received_bytes) == (0, 0)
    if code:
        assert json.loads(answer.body)["code"] == code


def test_a_well_formed_call_passes_unchanged(lab: Lab, wire: Wire) -> None:
    body = b'{ "amount" : 1.50,\n "n": 12345678901234567890 }'

    answer = wire.post(LAMBDA, INVOKE, body, "X-Own: kept")

    assert answer.status == 200
    (received,) = lab.upstream.requests
    assert received.body == body
    assert received.header("x-own") == "kept"


def test_b1_sni_of_another_target(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.send(LAMBDA, request(LAMBDA, INVOKE, b"{}"), sni=US), "host-mismatch")


def test_b1_no_sni_means_the_tunnels_target(lab: Lab, wire: Wire) -> None:
    assert wire.send(LAMBDA, request(LAMBDA, INVOKE, b"{}"), sni=None).status == 200


def test_b2_host_header_of_another_target(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.send(LAMBDA, request(US, INVOKE, b"{}")), "host-mismatch")


def test_b2_plain_proxy_request_with_another_host_header(lab: Lab, wire: Wire) -> None:
    with wire.dial() as sock:
        head = f"GET http://{LAMBDA}/ HTTP/1.1\r\nHost: {US}\r\n{wire.authorization()}\r\n"
        sock.sendall(head.encode())
        refused(lab, read(sock), "host-mismatch")


def test_b3_a_host_header_does_not_move_a_call_home(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.send(US, request(LAMBDA, INVOKE, b"{}"), sni=LAMBDA), "host-mismatch")


def test_b4_absolute_form_inside_the_tunnel(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.send(LAMBDA, request(LAMBDA, f"https://{US}{INVOKE}", b"{}")))


@pytest.mark.parametrize("path", [f"https://{US}/x", "/x HTTP/1.1", "x", "*"])
def test_b5_an_h2_path_that_is_not_a_path(lab: Lab, wire: Wire, path: str) -> None:
    refused(lab, wire.h2(LAMBDA, path, b"{}"))


def test_b5_an_h2_authority_of_another_target(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.h2(LAMBDA, INVOKE, b"{}", authority=US))


def test_b6_two_host_headers(lab: Lab, wire: Wire) -> None:
    refused(lab, wire.post(LAMBDA, INVOKE, b"{}", f"Host: {LAMBDA}"))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "localhost",
    ],
)
def test_b8_b9_numeric_and_local_hosts_reach_nothing(lab: Lab, wire: Wire, host: str) -> None:
    try:
        answer = wire.post(host, "/", b"{}")
    except ConnectionError:
        answer = Answer()
    refused(lab, answer)


def test_b12_a_port_that_is_not_open(lab: Lab, wire: Wire) -> None:
    with pytest.raises(ConnectionError, match="451"):
        wire.tunnel(LAMBDA, 8443)


def test_b13_nothing_is_looked_up_or_dialled_for_a_refused_call(lab: Lab, wire: Wire) -> None:
    with lab.start(extra_args=("-v",)) as gateway:
        careful = Wire(gateway.port, gateway.ca_file, lab.token("marketing"))
        refused(lab, careful.post(LAMBDA, INVOKE, b"{}"), "no-rule")
        refused(lab, careful.post("data-in-a-name.evil.example", "/", b"{}"), "no-rule")

        assert "server connect" not in gateway.output()
        assert "establishing server connection" not in gateway.output()


def test_b14_a_second_call_on_an_open_connection_is_judged_anew(lab: Lab, wire: Wire) -> None:
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    with wire.tls(host) as sock:
        sock.sendall(
            request(host, "/model/eu.anthropic.claude-3-haiku-20240307-v1:0/converse", b"{}")
        )
        assert read(sock).status == 200
        lab.upstream.clear()
        sock.sendall(
            request(
                host, "/model/global.anthropic.claude-sonnet-4-5-20250929-v1:0/converse", b"{}"
            )
        )
        answer = read(sock)

    assert answer.status == 451
    assert not lab.upstream.requests


def test_b17_the_answer_leads_nobody_past_the_gateway(lab: Lab, wire: Wire) -> None:
    answer = wire.post(LAMBDA, INVOKE, b"{}", "X-Lab-Answer-Alt-Svc: h3")

    assert "alt-svc" not in answer.headers


def test_c1_a_body_without_length_is_one_request_upstream(lab: Lab, wire: Wire) -> None:
    smuggled = b"POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

    answer = wire.h2(LAMBDA, INVOKE, smuggled, length=False)

    assert answer.status == 200
    (received,) = lab.upstream.requests
    assert received.body == smuggled


def test_c1_a_body_with_length_is_one_request_upstream(lab: Lab, wire: Wire) -> None:
    smuggled = b"POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

    assert wire.h2(LAMBDA, INVOKE, smuggled).status == 200
    (received,) = lab.upstream.requests
    assert received.body == smuggled


@pytest.mark.parametrize(
    "header",
    [
        "Transfer-Encoding: gzip, chunked",
        "X: a\rContent-Length: 0",
        "X: a\x00b",
        "X: a\r\n folded",
        "Content-Length: 2",
        "Content-Type: text/plain",
        "Bad Name: x",
        "Expect: 100-continue, foo",
        "Trailer: X",
        "Connection: content-length",
        "Authorization: a\r\nAuthorization: b",
    ],
)  # fmt: skip
def test_c2_c3_c4_c7_c10_an_ill_formed_head(lab: Lab, wire: Wire, header: str) -> None:
    refused(lab, wire.post(LAMBDA, INVOKE, b"{}", header))


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/1.2", "HTTP/3"])
def test_c5_a_version_that_is_not_the_connections(lab: Lab, wire: Wire, version: str) -> None:
    raw = request(LAMBDA, INVOKE, b"{}").replace(b"HTTP/1.1", version.encode(), 1)

    refused(lab, wire.send(LAMBDA, raw))


@pytest.mark.parametrize("method", ["TRACE", "PRI", "CONNECT", "FOO"])
def test_c9_methods_that_no_api_uses(lab: Lab, wire: Wire, method: str) -> None:
    refused(lab, wire.post(LAMBDA, INVOKE, b"{}", method=method))


def test_c8_request_trailers(lab: Lab, wire: Wire) -> None:
    answer = wire.h2("api.openai.com", "/v1/chat/completions", b'{"model":"gpt-5"}', trailers=True)

    refused(lab, answer, "trailers-refused")


def test_c15_no_token_and_no_proxy_header_reaches_the_far_side(lab: Lab, wire: Wire) -> None:
    with wire.tls(LAMBDA) as sock:
        extra = (
            wire.authorization().strip(),
            "Proxy-Connection: keep-alive",
            "Connection: close, X-Hop",
            "X-Hop: 1",
        )
        sock.sendall(request(LAMBDA, INVOKE, b"{}", *extra))
        assert read(sock).status == 200

    (received,) = lab.upstream.requests
    names = {n for n, _ in received.headers}
    assert not names & {"proxy-authorization", "proxy-connection", "x-hop"}
    assert str(wire.token) not in str(received.headers)


def test_g17_another_identity_inside_the_tunnel(lab: Lab, wire: Wire) -> None:
    other = wire_to(lab, lab.gateway, lab.token("eu-services", subject="svc-other"))
    answer = wire.post(LAMBDA, INVOKE, b"{}", other.authorization().strip())

    refused(lab, answer, "identity-conflict")
    assert answer.status == 407


def test_g16_two_identities_at_connect(lab: Lab, wire: Wire, analyst: Wire) -> None:
    with wire.dial() as sock:
        lines = f"CONNECT {LAMBDA}:443 HTTP/1.1\r\nHost: {LAMBDA}\r\n{wire.authorization()}{analyst.authorization()}\r\n"
        sock.sendall(lines.encode())
        assert read_head(sock).status == 407


@pytest.mark.slow
def test_a_token_that_expires_inside_a_tunnel_stops_the_next_call(lab: Lab) -> None:
    short = Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("eu-services", lifetime=2))
    with short.tls(LAMBDA) as sock:
        sock.sendall(request(LAMBDA, INVOKE, b"{}"))
        assert read(sock).status == 200
        lab.upstream.clear()
        threading.Event().wait(2.1 + 30)  # the leeway of 30 seconds that identity.yaml allows
        sock.sendall(request(LAMBDA, INVOKE, b"{}"))
        answer = read(sock)

    assert answer.status == 407
    assert json.loads(answer.body)["code"] == "identity-expired"
    assert not lab.upstream.requests


def test_no_identity_is_challenged_and_recorded(lab: Lab) -> None:
    with socket.create_connection(("127.0.0.1", lab.gateway.port), 5) as sock:
        sock.sendall(f"CONNECT {LAMBDA}:443 HTTP/1.1\r\nHost: {LAMBDA}\r\n\r\n".encode())
        answer = read(sock)

    assert answer.status == 407
    assert answer.headers["proxy-authenticate"].startswith("bearer")
    assert (
        record_of(lab.gateway, answer.headers["residency-decision"])["code"] == "identity-missing"
    )


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-x\r\n", b"\x00\x01\x02\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_d1_d7_raw_bytes_in_a_tunnel_go_nowhere(lab: Lab, wire: Wire, first: bytes) -> None:
    with wire.tunnel(LAMBDA) as sock:
        sock.settimeout(2)
        sock.sendall(first)
        with contextlib.suppress(OSError):
            sock.recv(100)

    assert (lab.upstream.accepts, lab.upstream.received_bytes) == (0, 0)


def test_d2_a_tunnel_to_a_dns_port(lab: Lab, wire: Wire) -> None:
    with pytest.raises(ConnectionError, match="451"):
        wire.tunnel(LAMBDA, 53)


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "H2C", "h2c, foo", "foo"])
def test_d5_d6_d8_upgrades(lab: Lab, wire: Wire, upgrade: str) -> None:
    refused(
        lab,
        wire.post(LAMBDA, INVOKE, b"{}", f"Upgrade: {upgrade}", "Connection: Upgrade"),
        "upgrade-refused",
    )


def test_plain_http_in_a_tunnel(lab: Lab, wire: Wire) -> None:
    with wire.tunnel(LAMBDA) as sock:
        sock.sendall(request(LAMBDA, INVOKE, b"{}"))
        refused(lab, read(sock))


def test_plain_http_through_the_proxy(lab: Lab, wire: Wire) -> None:
    with wire.dial() as sock:
        sock.sendall(
            f"GET http://{LAMBDA}/ HTTP/1.1\r\nHost: {LAMBDA}\r\n{wire.authorization()}\r\n".encode()
        )
        refused(lab, read(sock), "plaintext-refused")


def test_b16_a_far_side_with_a_wrong_certificate_gets_nothing(lab: Lab) -> None:
    lab.upstream.clear()
    with lab.start(trust=lab.gateway.ca_file) as gateway:
        wire = Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))

        assert wire.post(LAMBDA, INVOKE, b"{}").status == 502
        assert lab.upstream.received_bytes == 0
        assert eventually(lambda: records(gateway, "outcome"))[-1]["status"] is None


@pytest.fixture
def half_open(lab: Lab, wire: Wire) -> Iterator[ssl.SSLSocket]:
    with wire.tls(LAMBDA) as sock:
        sock.sendall(b"POST " + INVOKE.encode() + b" HTTP/1.1\r\nHost: " + LAMBDA.encode())
        yield sock


def test_k6_a_head_that_breaks_off_is_not_printed(lab: Lab, half_open: ssl.SSLSocket) -> None:
    half_open.sendall(b"\r\nAuthorization: canary-secret-token")
    half_open.close()
    threading.Event().wait(0.3)

    assert "canary-secret-token" not in lab.gateway.output()
