"""One call judged without a proxy is judged as the proxy would."""

import datetime
import functools

import pytest

from residency.core import document, judge
from residency.core.body import Content, inspect_body, mask_body, read_json
from residency.core.call import Head, Headers
from residency.core.faults import Faults
from residency.core.judge import head_from_url
from residency.core.mask.digests import is_signed
from residency.core.mask.sets import MaskSets
from residency.core.mask.sets import parse as parse_sets
from residency.core.policy.decide import Carrying
from residency.core.policy.rule import Policy
from residency.core.region.atlas import Atlas
from residency.errors import RegionError, Unread
from tests.atlases import TODAY, build, shipped
from tests.policies import caller, policy, told

LIMIT = 10_000
LAMBDA = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score/invocations"
CHAT = "https://us.api.openai.com/v1/chat/completions"
EMBED = "https://us.api.openai.com/v1/embeddings"
MASKS = """\
version: 1
sets:
  - {name: personal-data, why: w, fields: [{path: $..email}]}
  - {name: payment-data, why: w, fields: [{path: $..iban}]}
"""
PINS = """\
version: 1
destinations:
  - {host: crm.test, places: [DE], ports: [8443], plaintext: true, owner: o, why: w}
  - {host: old.test, places: [DE], plaintext: true, owner: o, why: w, until: 2026-01-31}
"""
BASIS = "basis: {ground: g, owner: o, until: 2027-06-30}"
RULES = policy(
    "from: {groups: [g]}, to: [EEA], then: allow",
    f"from: {{groups: [g]}}, to: [US], carrying: {{none_of: [personal-data]}}, then: allow, {BASIS}",
    f"from: {{groups: [g]}}, to: [US], then: mask, mask: [personal-data], {BASIS}",
)


@functools.cache
def sets() -> MaskSets:
    faults = Faults()
    found = parse_sets(document.read(MASKS, "masks.yaml", faults), faults)
    faults.check()
    assert found
    return found


@functools.cache
def pinned() -> Atlas:
    atlas, faults = build(PINS)
    faults.check()
    assert atlas
    return atlas


def ask(
    url: str,
    raw: bytes = b"",
    *,
    headers: Headers = (),
    method: str = "POST",
    rules: Policy = RULES,
    atlas: Atlas | None = None,
    today: datetime.date = TODAY,
) -> judge.Judgement:
    return judge.judge(
        rules,
        atlas or shipped(),
        sets(),
        caller("g"),
        head_from_url(method, url, headers),
        raw,
        today=today,
        limit=LIMIT,
    )


# What would be permitted if it were judged carelessly


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://crm.test:9443/", "port-refused"),
        ("https://crm.test/", "port-refused"),
        ("http://old.test/", "plaintext-refused"),
        ("https://old.test:80/", "port-refused"),
        ("https://lambda.eu-central-1.amazonaws.com:0/2015-03-31/functions/f/invocations", "port-refused"),
        ("http://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/f/invocations", "plaintext-refused"),
        ("https://evil.test/", "no-rule"),
    ],
)  # fmt: skip
def test_a_door_that_is_not_declared_is_closed(url: str, code: str) -> None:
    assert told(ask(url, atlas=pinned()).decision) == ("block", None, code)


@pytest.mark.parametrize(
    "url", ["https://crm.test:8443/", "http://crm.test/", "http://crm.test:8443/"]
)  # fmt: skip
def test_a_door_that_is_declared_is_open(url: str) -> None:
    assert told(ask(url, atlas=pinned()).decision) == ("allow", "r1", None)


def test_a_call_without_a_caller_is_blocked() -> None:
    found = judge.judge(
        RULES, shipped(), sets(), None, head_from_url("POST", LAMBDA), b"", today=TODAY
    )

    assert told(found.decision)[2] == "identity-missing"


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b'{"email": ', ()),
        (b'{"a": 1, "a": 2}', ()),
        (b"\xff", ()),
        (b"{}", (("content-encoding", "rot13"),)),
        (b"{}", (("content-encoding", "gzip"), ("content-encoding", "gzip"))),
        (b" " * (LIMIT + 1), ()),
        (b'"' + b"x" * LIMIT + b'"', ()),
    ],
)
def test_a_body_that_cannot_be_read_is_not_clean(raw: bytes, headers: Headers) -> None:
    found = ask(EMBED, raw, headers=headers)

    assert found.carrying.state == "unread"
    assert told(found.decision) == ("block", "r3", "unmaskable")


def test_a_signed_body_that_would_be_masked_is_blocked() -> None:
    found = ask(CHAT, b'{"email": "x"}', headers=(("signature", "sig=:x:"),))

    assert (told(found.decision)[2], found.decision.reason) == ("unmaskable", "signed")


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b"{}", ("allow", "r2", None)),
        (b"", ("allow", "r2", None)),
        (b'{"x": [{"email": null}]}', ("mask", "r3", None)),
    ],
)
def test_the_body_decides_where_a_rule_asks(
    raw: bytes, answer: tuple[str, str | None, str | None]
) -> None:
    assert told(ask(CHAT, raw).decision) == answer


def test_a_body_that_no_rule_asks_about_is_not_read() -> None:
    assert ask(LAMBDA, b"not json").carrying.state == "pending"


# URLs


@pytest.mark.parametrize(
    ("method", "url", "code"),
    [
        ("POST", "ftp://a.test/", "request-malformed"),
        ("POST", "a.test", "request-malformed"),
        ("POST", "https://u:p@a.test/", "request-malformed"),
        ("POST", "https://@a.test/", "request-malformed"),
        ("POST", "https://a.test:x/", "request-malformed"),
        ("POST", "https://a.test:99999/", "request-malformed"),
        ("POST", "https://[::1/", "host-invalid"),
        ("POST", "https:///x", "host-invalid"),
        ("POST", "https://127.1/", "host-invalid"),
        ("TRACE", "https://a.test/", "request-malformed"),
        ("post", "https://a.test/", "request-malformed"),
    ],
)
def test_a_url_that_names_no_call_is_refused(method: str, url: str, code: str) -> None:
    with pytest.raises(RegionError) as e:
        head_from_url(method, url)
    assert e.value.code == code


@pytest.mark.parametrize(
    ("url", "head"),
    [
        ("HTTPS://A.Test", ("https", "a.test", 443, "/", "")),
        ("http://a.test/x%20y?b=1&c", ("http", "a.test", 80, "/x%20y", "b=1&c")),
        ("https://[::1]:8443/", ("https", "::1", 8443, "/", "")),
        ("https://[::1]/", ("https", "::1", 443, "/", "")),
    ],
)
def test_a_url_becomes_a_head(url: str, head: tuple[str, str, int, str, str]) -> None:
    found = head_from_url("GET", url)

    assert (found.scheme, found.host, found.port, found.path, found.query) == head


def test_a_header_that_stands_twice_has_no_value() -> None:
    head = Head(
        method="GET",
        scheme="https",
        host="a",
        port=1,
        headers=(("x", "1"), ("y", "1"), ("x", "1")),
    )

    assert (head.header("x"), head.header("y"), head.header("z")) == (None, "1", None)


# Signatures


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ((("authorization", " aws4-hmac-sha256 Credential=x"),), ""),
        ((("signature-input", ""),), ""),
        ((), "X-Amz-Signature=1"),
        ((), "a=b&x-goog-signature=1"),
    ],
)
def test_a_signature_is_seen(headers: Headers, query: str) -> None:
    assert is_signed(headers, query, b"")


def test_a_bearer_token_signs_nothing() -> None:
    assert not is_signed(
        (("authorization", "Bearer AWS4-"), ("x-signature-note", "x")), "a=b", b""
    )


# Bodies


def test_numbers_are_read_as_text_so_that_none_is_rounded() -> None:
    assert read_json(b'{"a": 1e400, "b": 9007199254740993}', (), limit=LIMIT) == {
        "a": "1e400",
        "b": "9007199254740993",
    }


def test_a_body_of_a_policy_without_sets_is_not_looked_into() -> None:
    assert inspect_body(Content(b"\xff", (("dpop", "x"),)), sets(), (), limit=LIMIT) == Carrying(
        state="read", signed=True
    )


def test_what_is_counted_has_paths_and_numbers_and_no_values() -> None:
    found = inspect_body(Content(b'{"email": "secret@x"}'), sets(), sets().names, limit=LIMIT)

    assert found.counts == {"personal-data": {"$..email": 1}, "payment-data": {}}


def test_masking_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(Unread):
        mask_body(Content(b"{"), sets(), ("personal-data",), limit=LIMIT)


def test_masking_replaces_the_value_alone() -> None:
    found = mask_body(
        Content(b'{ "email" : "s@x", "n" : 1.0 }'), sets(), ("personal-data",), limit=LIMIT
    )

    assert found.raw == b'{ "email" : "***", "n" : 1.0 }'
