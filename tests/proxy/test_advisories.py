"""A test for each hole that an attack has found, named after it. None of them may open again."""

import gzip

import pytest

from residency.core.body import Content, inspect_body
from residency.core.exact import retryable
from residency.core.framing import check_form
from residency.core.mask import coding
from residency.core.mask.path import compile as path
from residency.core.mask.sets import MaskField, MaskSet, MaskSets
from residency.core.mask.text import MAX_VALUES, parse
from residency.errors import RegionError, Unread
from residency.proxy import options
from tests.growth import factor
from tests.proxy.conftest import CHAT, LAMBDA, Gateway, problem_of

KEY = b"k" * 32
SIGNED = b"AWS4-HMAC-SHA256 Credential=%s/20261122/eu-central-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=%s"


def key(*headers: tuple[bytes, bytes]) -> str:
    return retryable(KEY, ("POST", "https", "h", "443", "/"), headers, b"{}")


def test_a_string_that_never_ends_is_not_scanned_again_and_again() -> None:
    """40 kB of it stopped the gateway for seconds, 1 MB for an hour."""

    def refused(length: int) -> None:
        with pytest.raises(Unread, match="not-json"):
            parse(b'"' + b'\\"' * length)

    assert factor(lambda: refused(30_000), lambda: refused(300_000), below=40) < 40


def test_a_small_compressed_body_does_not_become_a_large_one() -> None:
    with pytest.raises(Unread, match="bomb"):
        coding.decode(gzip.compress(b"[]," * 3_000_000, mtime=0), ["gzip"], limit=64 << 20)


def test_a_body_of_very_many_values_is_not_parsed() -> None:
    with pytest.raises(Unread, match="too-large"):
        parse(b"[" + b"0," * MAX_VALUES + b"0]")


@pytest.mark.parametrize(
    ("media_type", "body", "reason"),
    [
        ("application/json; charset=utf-7", b'{"+AGUAbQBhAGkAbA-":"x"}', "charset"),
        ('application/json; charset="utf-16"', b"{}", "charset"),
        ("application/x-www-form-urlencoded", b'"&email=a&ssn=b&"', "format"),
    ],
)
def test_a_content_type_by_which_others_read_another_body(
    media_type: str, body: bytes, reason: str
) -> None:
    one = MaskSet(name="x", why="-", fields=(MaskField(path("$..email")),))
    content = Content(body, (("content-type", media_type),))

    found = inspect_body(content, MaskSets((one,)), ("x",), limit=1000)

    assert (found.state, found.reason) == ("unread", reason)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"authorization", b"Bearer sk-another-account"),
        (b"baggage", b"ssn=123"),
        (b"tracestate", b"x=payload"),
        (b"idempotency-key", b"x" * 4000),
        (b"x-amz-security-token", b"another"),
        (b"x-request-id", b"x" * 4000),
        (b"x-request-id", b'{"ssn": "123"}'),
        (b"authorization", SIGNED % (b"AKIAOTHER", b"0" * 64)),
    ],
)
def test_an_approval_does_not_cover_headers_that_nobody_approved(
    name: bytes, value: bytes
) -> None:
    approved = ((b"authorization", SIGNED % (b"AKIAONE", b"1" * 64)), (b"x-request-id", b"1"))
    others = tuple(h for h in approved if h[0] != name)

    assert key(*others, (name, value)) != key(*approved)


def test_an_approval_covers_the_next_attempt_of_an_sdk() -> None:
    first = (
        (b"Authorization", SIGNED % (b"AKIAONE", b"1" * 64)),
        (b"X-Amz-Date", b"20261122T100000Z"),
    )
    second = (
        (b"Authorization", SIGNED % (b"AKIAONE", b"2" * 64)),
        (b"X-Amz-Date", b"20261122T100055Z"),
    )

    assert key(*first) == key(*second)


@pytest.mark.parametrize("name", [b"X-HTTP-Method-Override", b"X-Original-URL"])
def test_a_header_that_overrides_what_the_rules_judged(name: bytes) -> None:
    with pytest.raises(RegionError, match="request-malformed"):
        check_form(
            method="POST", path="/", version="HTTP/1.1", alpn=None, headers=[(name, b"DELETE")]
        )


@pytest.mark.parametrize("name", ["tls_version_server_min", "ciphers_server"])
def test_weak_tls_towards_the_target_is_refused(name: str) -> None:
    assert name in options.GUARDED


async def test_rules_that_change_while_a_body_is_read_are_not_passed_by(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger named the new rules, and the call went by the old."""
    read = ready.runtime.read

    async def reload_meanwhile(*args: object, **kwargs: object) -> object:
        policy = ready.rules / "policy.yaml"
        policy.write_text(policy.read_text() + "# other\n")
        await ready.runtime.reload()
        await ready.runtime.reload()
        return await read(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ready.runtime, "read", reload_meanwhile)
    flow = await ready.call(ready.flow(CHAT, b'{"model": "gpt-5"}'))

    assert problem_of(flow)["code"] == "stale"


async def test_a_large_body_of_nobody_is_not_taken_into_memory(ready: Gateway) -> None:
    flow = ready.flow(LAMBDA)
    flow.live = True
    del flow.request.headers["proxy-authorization"]
    flow.request.headers["content-length"] = "900000"
    flow.request.raw_content = None
    await ready.hook("requestheaders", flow)

    assert flow.error is not None
    assert ready.decisions()[-1]["code"] == "identity-missing"


async def test_a_body_over_the_limit_is_not_recorded_as_permitted(ready: Gateway) -> None:
    flow = ready.flow(LAMBDA)
    flow.request.headers["content-length"] = str(ready.runtime.body_limit + 1)
    await ready.hook("requestheaders", flow)

    assert (ready.decisions()[-1]["code"], ready.decisions()[-1]["permitted"]) == (
        "too-large",
        False,
    )
