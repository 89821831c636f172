"""THREATS E, F, K6: what cannot be read exactly does not pass where fields are to be masked, and no value stays anywhere."""

import gzip
import json
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from scripts.lab.world import Lab
from tests.e2e.conftest import record_of, records
from tests.e2e.wire import Wire

OPENAI = "api.openai.com"
CHAT = "/v1/chat/completions"
BODY = b'{ "model":"gpt-5", "n": 1.50, "email" : "canary-mail@example.com",\n "z":[{"iban":"canary-iban"}] }'
MASKED = b'{ "model":"gpt-5", "n": 1.50, "email" : "***",\n "z":[{"iban":"***"}] }'
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda b: b,
    "gzip": lambda b: gzip.compress(b, mtime=0),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def decoded(coding: str, body: bytes) -> bytes:
    ways: dict[str, Callable[[bytes], bytes]] = {
        "identity": bytes,
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "br": brotli.decompress,
    }
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return ways[coding](body)


@pytest.mark.parametrize("coding", CODINGS)
def test_only_the_values_change_and_the_coding_stays(lab: Lab, analyst: Wire, coding: str) -> None:
    answer = analyst.post(OPENAI, CHAT, CODINGS[coding](BODY), f"Content-Encoding: {coding}")

    assert answer.status == 200
    (received,) = lab.upstream.requests
    assert decoded(coding, received.body) == MASKED
    assert received.header("content-length") == str(len(received.body))


def test_masking_over_h2(lab: Lab, analyst: Wire) -> None:
    assert analyst.h2(OPENAI, CHAT, BODY).status == 200

    assert lab.upstream.requests[0].body == MASKED


def test_a_chunked_body_is_masked(lab: Lab, analyst: Wire) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {OPENAI}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, BODY[i : i + 1]) for i in range(len(BODY)))

    assert analyst.send(OPENAI, head + chunks + b"0\r\n\r\n").status == 200
    assert lab.upstream.requests[0].body == MASKED


def test_masking_is_recorded_by_path_and_count(lab: Lab, analyst: Wire) -> None:
    analyst.post(OPENAI, CHAT, BODY)

    record = records(lab.gateway)[-1]
    assert record["masked"]["personal-data"]["$..email"] == 1
    assert record["masked"]["payment-data"]["$..iban"] == 1


GZ = gzip.compress(BODY, mtime=0)
UNREADABLE = {
    "e1-multi-member-gzip-that-hides-a-second": (
        gzip.compress(b"", mtime=0) + GZ[:-4] + b"junk",
        "gzip",
    ),
    "e1-gzip-with-bytes-after-it": (GZ + b"x", "gzip"),
    "e1-gzip-cut-short": (GZ[:-9], "gzip"),
    "e1-gzip-with-a-comment": (GZ[:3] + b"\x10" + GZ[4:10] + b"canary\x00" + GZ[10:], "gzip"),
    "e2-deflate-with-bytes-after-it": (zlib.compress(BODY) + b"x", "deflate"),
    "e2-zstd-skippable-frame": (
        b"\x50\x2a\x4d\x18\x06\x00\x00\x00canary" + zstandard.compress(BODY),
        "zstd",
    ),
    "e3-stacked": (gzip.compress(GZ), "gzip, gzip"),
    "e3-unknown": (BODY, "compress"),
    "e3-parameter": (GZ, "gzip;q=1"),
    "e3-aws-chunked": (BODY, "aws-chunked"),
    "e4-hex": (BODY.hex().encode(), "hex"),
    "e4-utf-16": (BODY.decode().encode("utf-16"), "utf-16"),
    "e5-gzip-by-name-only": (BODY, "gzip"),
    "e6-bomb": (brotli.compress(b'{"a":"' + b"a" * 100_000_000 + b'"}'), "br"),
    "e7-utf-16": (BODY.decode().encode("utf-16"), "identity"),
    "e7-byte-order-mark": (b"\xef\xbb\xbf" + BODY, "identity"),
    "f1-duplicate-key": (b'{"model":"x","email":"a","email":"b"}', "identity"),
    "f1-duplicate-key-by-escape": (b'{"model":"x","email":"a","\\u0065mail":"b"}', "identity"),
    "f2-depth": (b'{"a":' * 100 + b"1" + b"}" * 100, "identity"),
    "f3-nan": (b'{"a":NaN}', "identity"),
    "f5-lone-surrogate": (b'{"a":"\\ud800"}', "identity"),
    "f5-not-utf-8": (b'{"a":"\xff"}', "identity"),
    "f7-two-values": (b'{"email":"a"}\n{"email":"b"}', "identity"),
    "e9-form": (b"email=canary%40example.com", "identity"),
    "d16-protobuf": (b"\x0a\x06canary", "identity"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unread_is_never_clean(lab: Lab, analyst: Wire, case: str) -> None:
    body, coding = UNREADABLE[case]

    answer = analyst.post(OPENAI, CHAT, body, f"Content-Encoding: {coding}")

    assert answer.status == 451
    assert json.loads(answer.body)["code"] in ("unmaskable", "body-unread")
    assert (lab.upstream.accepts, lab.upstream.received_bytes) == (0, 0)


def test_e1_every_member_of_a_gzip_is_read(lab: Lab, analyst: Wire) -> None:
    body = gzip.compress(b"", mtime=0) + GZ

    assert analyst.post(OPENAI, CHAT, body, "Content-Encoding: gzip").status == 200
    assert gzip.decompress(lab.upstream.requests[0].body) == MASKED


def test_e3_two_content_encoding_headers(lab: Lab, analyst: Wire) -> None:
    answer = analyst.post(OPENAI, CHAT, GZ, "Content-Encoding: gzip", "Content-Encoding: gzip")

    assert answer.status == 400
    assert lab.upstream.accepts == 0


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: AWS4-HMAC-SHA256 Credential=x",
        "Signature-Input: sig=()",
        "Content-MD5: x",
        "X-Amz-Content-Sha256: x",
    ],
)
def test_e12_a_signed_body_is_not_changed_behind_its_signature(
    lab: Lab, analyst: Wire, header: str
) -> None:
    answer = analyst.post(OPENAI, CHAT, BODY, header)

    assert answer.status == 451
    assert json.loads(answer.body)["reason"] == "signed"
    assert lab.upstream.accepts == 0


def test_e8_json_is_read_whatever_its_content_type(lab: Lab, analyst: Wire) -> None:
    raw = f"POST {CHAT} HTTP/1.1\r\nHost: {OPENAI}\r\nContent-Type: text/plain\r\nContent-Length: {len(BODY)}\r\n\r\n"

    assert analyst.send(OPENAI, raw.encode() + BODY).status == 200
    assert lab.upstream.requests[0].body == MASKED


def test_k6_no_value_stays_anywhere(lab: Lab, tmp_path: Path) -> None:
    """Canaries in body, query, headers, path and token; then everything that was written is searched."""
    with lab.start(env={"TMPDIR": str(tmp_path)}) as gateway:
        token = lab.token("analytics")
        wire = Wire(gateway.port, gateway.ca_file, token)
        body = b'{"model":"gpt-5","email":"canary-mail","x":"canary-clear"}'
        header = "X-Secret: canary-header"
        wire.post(
            OPENAI, CHAT + "?key=canary-query", body, header, "Authorization: Bearer canary-key"
        )
        wire.post("nowhere.example", "/canary-path?canary-query", body, header)
        wire.post(OPENAI, CHAT, b'{"email":"canary-mail",', header)
        wire.post(
            OPENAI, CHAT, b'{"model":"canary model with spaces","email":"canary-mail"}', header
        )
        service = Wire(gateway.port, gateway.ca_file, lab.token("eu-services"))
        with service.tls(OPENAI) as sock:
            sock.sendall(
                b"POST /v1/responses HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 24\r\n\r\n"
            )
            sock.sendall(b'{"email":"canary-mail!"}')
            wait_for_hold(gateway)
        assert gateway.process.poll() is None
        folder = gateway.ledger_file.parent

    written = [p for p in [*folder.rglob("*"), *tmp_path.rglob("*")] if p.is_file()]
    assert any(p.name == "ledger.jsonl" for p in written)
    for path in written:
        text = path.read_bytes()
        assert b"canary" not in text, path
        assert token.encode() not in text, path
        assert token.split(".")[2].encode() not in text, path


def wait_for_hold(gateway: object) -> None:
    from tests.e2e.conftest import eventually

    eventually(lambda: records(gateway, "hold"))  # type: ignore[arg-type]


def test_curl_is_told_what_is_wrong_and_the_ledger_says_the_same(lab: Lab) -> None:
    env = lab.client_env(lab.token("marketing"))
    done = subprocess.run(
        ["curl", "-s", "-d", "{}", "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/f/invocations"],
        env=env, capture_output=True, timeout=20, check=True,
    )  # fmt: skip

    problem = json.loads(done.stdout)
    assert problem["status"] == 451
    assert problem["code"] == "no-rule"
    assert problem["places"] == ["DE"]
    record = record_of(lab.gateway, problem["decision"])
    assert (record["code"], record["permitted"]) == ("no-rule", False)
