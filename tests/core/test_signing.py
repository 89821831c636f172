"""Which signatures of AWS calls can be made anew, and for whom; read from attacks first."""

import datetime
import hashlib
import importlib.util
from typing import Any

import botocore.loaders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core import document
from residency.core.body import Content, inspect_body, mask_body
from residency.core.faults import Faults
from residency.core.mask.sets import MaskSets
from residency.core.mask.sets import parse as parse_sets
from residency.core.policy.decide import Carrying, Decision, Inputs, decide
from residency.core.policy.file import parse as parse_policy
from residency.core.policy.rule import Policy
from residency.core.signing import Role, Signature, anew, file, host, role, signature
from residency.core.signing.anew import unsigned
from residency.core.signing.file import parse
from residency.core.signing.host import scope_of
from residency.core.signing.signature import is_fresh, read, time_of
from residency.errors import Unread
from tests import policies
from tests.policies import caller

MODULES = (anew, file, host, role, signature)
KEY = "AKIACALLERCALLERCALL"
LAMBDA = "lambda.eu-central-1.amazonaws.com"
BODY = b'{"email": "anna@example.com"}'
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY}/20261122/eu-central-1/lambda/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
)
GOOD = {"host": LAMBDA, "x-amz-date": "20261122T120000Z", "authorization": AUTHORIZATION}
MASKED_EU = Role(
    name="masked-eu", profile="p", groups=("g",), services=("lambda",), regions=("eu-central-1",)
)


def signed(
    headers: dict[str, str] | None = None,
    *more: tuple[str, str],
    query: str = "",
    at: str = LAMBDA,
) -> Signature:
    return read((*(GOOD | (headers or {})).items(), *more), query, at, BODY)


# Hosts


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        (LAMBDA, ("lambda", "eu-central-1")),
        ("lambda-fips.us-east-1.amazonaws.com", ("lambda", "us-east-1")),
        ("lambda.eu-central-1.api.aws", ("lambda", "eu-central-1")),
        ("bedrock-runtime.eu-west-3.amazonaws.com", ("bedrock", "eu-west-3")),
        ("runtime.sagemaker.us-gov-west-1.amazonaws.com", ("sagemaker", "us-gov-west-1")),
        ("s3.eu-central-1.amazonaws.com", ("s3", "eu-central-1")),
        ("a.b.s3.dualstack.eu-central-1.amazonaws.com", ("s3", "eu-central-1")),
        ("x-123456789012.s3-accesspoint.eu-central-1.amazonaws.com", ("s3", "eu-central-1")),
        ("s3.cn-north-1.amazonaws.com.cn", ("s3", "cn-north-1")),
        ("abc123.execute-api.eu-central-1.amazonaws.com", ("execute-api", "eu-central-1")),
        ("123456789012.ddb.eu-central-1.amazonaws.com", ("dynamodb", "eu-central-1")),
        ("vpce-1a-2b.lambda.eu-central-1.vpce.amazonaws.com", ("lambda", "eu-central-1")),
        ("bucket.vpce-1a-2b.s3.eu-central-1.vpce.amazonaws.com", ("s3", "eu-central-1")),
        ("abc.lambda-url.eu-central-1.on.aws", ("lambda", "eu-central-1")),
    ],
)
def test_a_host_says_what_it_wants_signed(name: str, scope: tuple[str, str]) -> None:
    assert scope_of(name) == scope


@pytest.mark.parametrize(
    "name",
    [
        "lambda.eu-central-1.amazonaws.com.evil.test", "lambda.eu-central-1.notamazonaws.com", "evil.lambda.eu-central-1.amazonaws.com",
        "s3.amazonaws.com", "bucket.s3.amazonaws.com", "s3-eu-west-1.amazonaws.com", "eu-central-1.amazonaws.com", "amazonaws.com",
        ".amazonaws.com", "lambda.eu-central-1.amazonaws.com.cn", "lambda.cn-north-1.amazonaws.com", "lambda.frankfurt.amazonaws.com",
        "x.y.lambda-url.eu-central-1.on.aws", "lambda-url.eu-central-1.on.aws", "lambda.eu-central-1.vpce.amazonaws.com",
        "api.openai.com", "", "127.0.0.1",
    ],
)  # fmt: skip
def test_a_host_that_does_not_say_is_nobodys(name: str) -> None:
    assert scope_of(name) is None


def test_every_name_that_is_signed_for_is_the_one_of_botocores_models() -> None:
    loader = botocore.loaders.create_loader()
    models = [
        loader.load_service_model(name, "service-2")["metadata"]
        for name in ("appconfigdata", "bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-agentcore", "bedrock-agentcore-control",
                     "bedrock-data-automation", "bedrock-data-automation-runtime", "bedrock-runtime", "comprehend", "dynamodb",
                     "dynamodbstreams", "ecr", "firehose", "forecastquery", "kinesis", "lambda", "lex-models", "lex-runtime",
                     "lexv2-models", "lexv2-runtime", "personalize-events", "personalize-runtime", "pinpoint", "sagemaker",
                     "sagemaker-featurestore-runtime", "sagemaker-runtime", "secretsmanager", "ses", "sns", "sqs", "timestream-query",
                     "timestream-write", "translate")
    ]  # fmt: skip
    wanted = {m["endpointPrefix"]: m.get("signingName", m["endpointPrefix"]) for m in models}

    found = {p: scope_of(f"{p}.eu-central-1.amazonaws.com") for p in wanted}

    assert found == {p: (name, "eu-central-1") for p, name in wanted.items()}
    assert {p for p in host._SIGNED_FOR if p not in wanted} == set()


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader_of_hosts(text: str) -> None:
    scope_of(text)
    scope_of(f"{text}.amazonaws.com")


# Signatures


def test_a_signature_in_the_header_says_whose_it_is_and_for_what() -> None:
    assert signed() == Signature(problem="", service="lambda", region="eu-central-1", key=KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": AUTHORIZATION.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")},
        {"authorization": AUTHORIZATION.replace("HMAC", "HMAC ")},
        {"authorization": AUTHORIZATION.replace("aws4_request", "aws5_request")},
        {"authorization": AUTHORIZATION.replace("SignedHeaders=host;", "SignedHeaders=")},
        {"authorization": AUTHORIZATION.replace("x-amz-date,", "x-amz-date;x-absent,")},
        {"authorization": AUTHORIZATION + "0"},
        {"authorization": AUTHORIZATION + ", Signature=" + "1" * 64},
        {"authorization": "AWS AKIA:abc"},
        {"x-amz-date": "20261123T120000Z"},
        {"x-amz-date": "20261122T996000Z"},
        {"x-amz-date": "Sun, 22 Nov 2026 12:00:00 GMT"},
        {"x-amz-region-set": "*"},
        {"x-amz-s3session-token": "x"},
        {"x-amz-trailer": "x-amz-checksum-crc32"},
        {"x-amz-decoded-content-length": "29"},
        {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
        {"x-amz-content-sha256": "0" * 64},
        {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="},
        {"content-md5": "AAAA"},
        {"signature-input": "sig=()"},
        {"dpop": "x"},
        {"x-hub-signature-256": "sha256=0"},
        {"x-amz-meta-name": "\xe9"},
    ],
    ids=str,
)
def test_any_other_form_is_not_made_anew(changes: dict[str, str]) -> None:
    assert signed(changes) == Signature()


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "host"])  # fmt: skip
def test_what_is_there_twice_is_not_made_anew(name: str) -> None:
    value = GOOD.get(name, hashlib.sha256(BODY).hexdigest())

    assert signed({name: value}, (name, value)) == Signature()


@pytest.mark.parametrize(
    "query",
    ["X-Amz-Signature=0", "a=1&x-amz-credential=x", "%58-Amz-Algorithm=AWS4-HMAC-SHA256", "q=a+b"],
)
def test_a_presigned_or_doubtful_query_is_not_made_anew(query: str) -> None:
    assert signed(query=query) == Signature()


@pytest.mark.parametrize(
    "at",
    [
        "lambda.eu-west-1.amazonaws.com",
        "dynamodb.eu-central-1.amazonaws.com",
        "lambda.eu-central-1.amazonaws.com.evil.test",
        "functions.example.com",
    ],
)
def test_a_scope_of_another_host_is_told_apart(at: str) -> None:
    assert signed(at=at).problem == "scope"


@pytest.mark.parametrize("name", ["X%2DAmz%2DSignature", "%58-amz-signature", "oauth%5fsignature"])
def test_a_signature_in_the_query_is_one_however_it_is_spelled(name: str) -> None:
    assert Content(BODY, query=f"a=1&{name}=0", host=LAMBDA).signature == Signature()


def test_a_body_that_the_sender_did_not_sign_can_be_signed() -> None:
    assert signed({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}).problem == ""
    assert signed({"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()}).problem == ""


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (899, True), (-899, True), (901, False), (-901, False)])  # fmt: skip
def test_an_old_signature_does_not_come_to_life_again(seconds: int, *, fresh: bool) -> None:
    then = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC).timestamp()

    assert is_fresh(tuple(GOOD.items()), then + seconds) is fresh
    assert not is_fresh((), then)
    assert time_of(tuple(GOOD.items()), "20261121") is None


@given(st.dictionaries(st.sampled_from([*GOOD, "x-amz-security-token"]), st.text(max_size=60).filter(lambda t: all(ord(c) < 256 for c in t))))  # fmt: skip
def test_no_head_breaks_the_reader_of_signatures(headers: dict[str, str]) -> None:
    assert isinstance(signed(headers), Signature)


def test_a_signature_is_read_back_as_it_was_written() -> None:
    assert Signature.from_plain(signed().to_plain()) == signed()


@pytest.mark.parametrize("plain", [None, [], {}, {"problem": ""}, {**Signature().to_plain(), "key": 1}, {**Signature().to_plain(), "x": ""}])  # fmt: skip
def test_an_odd_signature_is_refused(plain: Any) -> None:
    with pytest.raises(TypeError):
        Signature.from_plain(plain)


# Roles


@pytest.mark.parametrize(
    ("groups", "found", "reason"),
    [
        (("g",), signed(), None),
        (("g", "other"), signed(), None),
        (("other",), signed(), "signed-role"),
        ((), signed(), "signed-role"),
        (("g",), Signature(problem="", service="s3", region="eu-central-1", key=KEY), "signed-role"),
        (("g",), Signature(problem="", service="lambda", region="us-east-1", key=KEY), "signed-role"),
        (("g",), signed(at="s3.eu-central-1.amazonaws.com"), "signed-scope"),
        (("g",), Signature(), "signed-form"),
        (("g",), None, "signed-form"),
    ],
)  # fmt: skip
def test_a_role_is_for_what_it_names(
    groups: tuple[str, ...], found: Signature | None, reason: str | None
) -> None:
    assert MASKED_EU.refuses(caller(*groups), found) == reason


def test_a_role_may_be_for_some_keys_only() -> None:
    role_ = Role(name="r", profile="p", groups=("g",), services=("lambda",), regions=("eu-central-1",), keys=("AKIACALLER*",))  # fmt: skip
    other = Signature(
        problem="", service="lambda", region="eu-central-1", key="AKIAOTHEROTHEROTHERR"
    )

    assert role_.refuses(caller("g"), signed()) is None
    assert role_.refuses(caller("g"), other) == "signed-role"


# The file

FILE = """\
version: 1
roles:
  - name: masked-eu
    profile: masked-eu
    groups: [analytics]
    services: [lambda]
    regions: [eu-central-1]
"""


def faults_of(text: str) -> tuple[tuple[Role, ...] | None, list[str]]:
    faults = Faults()
    return parse(document.read(text, "signing.yaml", faults), faults), [
        str(f) for f in faults.found
    ]


def test_a_role_is_read() -> None:
    assert faults_of(FILE) == (
        (Role(name="masked-eu", profile="masked-eu", groups=("analytics",), services=("lambda",), regions=("eu-central-1",)),),
        [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (
            "profile: masked-eu",
            "secret_key: x",
            "signing.yaml:4:17: roles[0].secret_key: is not a key",
        ),
        ("    profile: masked-eu\n", "", "signing.yaml:3:5: roles[0].profile"),
        ("groups: [analytics]", "groups: []", "signing.yaml:5:5: roles[0].groups"),
        ("regions: [eu-central-1]", "regions: ['*']", "signing.yaml:7:15: roles[0].regions[0]"),
        ("services: [lambda]", "services: ['*']", "signing.yaml:6:16: roles[0].services[0]"),
        ("version: 1", "version: 2", "signing.yaml:1:10: version"),
        (
            "profile: masked-eu",
            'profile: "a\\nb"',
            "signing.yaml:4:14: roles[0].profile: is no name",
        ),
    ],
)
def test_a_fault_has_its_place(old: str, new: str, place: str) -> None:
    found, faults = faults_of(FILE.replace(old, new))

    assert found is None
    assert [f for f in faults if f.startswith(place)]


def test_two_roles_of_one_name_are_a_fault() -> None:
    _, faults = faults_of(FILE + FILE.partition("roles:\n")[2])

    assert faults == ["signing.yaml:8:11: roles[1].name: 'masked-eu' a second time (rename one)"]


def test_without_the_extra_a_role_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    _, (fault,) = faults_of(FILE)

    assert fault == (
        "signing.yaml:2:1: roles: signing calls anew needs botocore, which is not installed"
        " (pip install 'mitmproxy-residency[aws]')"
    )


# Policies


def policy(rule: str, roles: tuple[Role, ...] = (MASKED_EU,)) -> tuple[Policy | None, list[str]]:
    faults = Faults()
    text = f"version: 1\nhome: [EEA]\nrules:\n  - {{id: r, from: {{groups: [g]}}, to: [EEA], {rule}}}\n"
    found = parse_policy(
        document.read(text, "policy.yaml", faults), faults, jurisdictions=policies.JURISDICTIONS,
        sets=policies.SETS, digest="d", roles={r.name: r for r in roles},
    )  # fmt: skip
    return (found[0] if found else None), [str(f) for f in faults.found]


MASK = "then: mask, mask: [personal-data]"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (f"{MASK}, resign: other", "there is no role 'other' in signing.yaml (known: masked-eu)"),
        ("then: allow, resign: masked-eu", "without mask: what is not changed keeps its own signature"),
        (f"{MASK}, websockets: true, resign: masked-eu", "with resign: a handshake is not signed anew"),
    ],
)  # fmt: skip
def test_a_resign_that_cannot_be_meant_is_a_fault(rule: str, words: str) -> None:
    assert [f for f in policy(rule)[1] if words in f]


def carrying(*, sign: Signature | None, personal: int = 1) -> Carrying:
    found = policies.read(signed=True, personal=personal)
    return Carrying(**{f: getattr(found, f) for f in ("state", "counts", "signed", "sets")}, signature=sign)  # fmt: skip


def decided(
    rule: str, what: Carrying, groups: tuple[str, ...] = ("g",), role_: Role = MASKED_EU
) -> tuple[str, str | None, str | None]:
    found, faults = policy(rule, (role_,))
    assert found
    assert faults == []
    inputs = Inputs(caller=caller(*groups), method="POST", destination=policies.destination("DE"), carrying=what)  # fmt: skip
    answer = decide(found, inputs, policies.TODAY)
    assert isinstance(answer, Decision)
    return answer.action.value, answer.reason, answer.resign


def test_a_signed_call_is_signed_anew_only_where_its_rule_says_so() -> None:
    what = carrying(sign=signed())

    assert decided(f"{MASK}, resign: masked-eu", what) == ("mask", None, "masked-eu")
    assert decided(MASK, what) == ("block", "signed", None)


def test_a_held_call_is_signed_anew_too() -> None:
    rule = "then: hold, mask: [personal-data], approval: {groups: [c]}, resign: masked-eu"

    assert decided(rule, carrying(sign=signed())) == ("hold", None, "masked-eu")


@pytest.mark.parametrize(
    ("sign", "reason"),
    [(Signature(), "signed-form"), (None, "signed-form"), (signed(at="x.test"), "signed-scope")],
)
def test_a_call_that_cannot_be_signed_anew_is_refused_with_its_reason(
    sign: Signature | None, reason: str
) -> None:
    assert decided(f"{MASK}, resign: masked-eu", carrying(sign=sign)) == ("block", reason, None)


def test_a_role_for_other_groups_than_the_rules_refuses() -> None:
    narrow = Role(name="masked-eu", profile="p", groups=("few",), services=("lambda",), regions=("eu-central-1",))  # fmt: skip

    assert decided(f"{MASK}, resign: masked-eu", carrying(sign=signed()), role_=narrow) == (
        "block", "signed-role", None,
    )  # fmt: skip


def test_what_has_nothing_to_mask_needs_no_role() -> None:
    rule = f"{MASK}, resign: masked-eu"

    assert decided(rule, carrying(sign=Signature(), personal=0)) == ("mask", None, None)


def test_a_record_with_a_signature_is_decided_again_alike() -> None:
    what = carrying(sign=signed())
    decision = Decision(masks=("personal-data",), resign="masked-eu")

    assert Carrying.from_plain(what.to_plain()) == what
    assert Decision.from_plain(decision.to_plain()) == decision


# Bodies


def one_set() -> MaskSets:
    faults = Faults()
    text = "version: 1\nsets: [{name: a, why: w, fields: [{path: $.email}]}]"
    found = parse_sets(document.read(text, "masks.yaml", faults), faults)
    assert found
    return found


@pytest.mark.parametrize(("host_", "resign"), [(LAMBDA, False), ("x.test", True), ("", True)])
def test_a_signed_body_changes_only_where_it_can_be_signed_anew(
    host_: str, *, resign: bool
) -> None:
    content = Content(BODY, tuple(GOOD.items()), "/", "", host_)

    with pytest.raises(Unread, match="signed"):
        mask_body(content, one_set(), ["a"], limit=1000, resign=resign)


def test_digests_of_a_body_that_is_signed_anew_are_made_anew() -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    content = Content(BODY, (*GOOD.items(), ("x-amz-content-sha256", digest)), "/", "", LAMBDA)

    masked = mask_body(content, one_set(), ["a"], limit=1000, resign=True)

    assert masked.headers == {3: hashlib.sha256(masked.raw).hexdigest()}
    assert inspect_body(content, one_set(), ["a"], limit=1000).signature == signed()


# The head without its signature


def bare(
    *fields: tuple[str, str], path: str = "/a", query: str = "", service: str = "lambda"
) -> anew.Unsigned:
    raw = [(n.encode(), v.encode("utf-8")) for n, v in fields]
    return unsigned(raw, host="h.test", path=path, query=query, service=service)


def test_the_callers_signature_goes_and_the_rest_stays_as_it_came() -> None:
    fields = [("Host", "h.test"), ("X-Amz-Date", "x"), ("AUTHORIZATION", "x"), ("X-Amz-Security-Token", "x"), ("X-Amz-Content-Sha256", "x"), ("x-Kept", " a  b ")]  # fmt: skip

    found = bare(*fields)

    assert found.kept == [(b"Host", b"h.test"), (b"x-Kept", b" a  b ")]
    assert found.hashed


def test_signed_are_the_host_what_the_caller_signed_and_all_of_amazons() -> None:
    authorization = AUTHORIZATION.replace("host;", "content-length;host;x-signed;")
    found = bare(
        ("Authorization", authorization), ("X-Signed", "ä"), ("X-Free", "1"), ("X-Amz-Meta-A", "1"),
        ("Content-Length", "3"), ("Content-Type", "t"), ("Connection", "close"), ("User-Agent", "u"),
    )  # fmt: skip

    assert found.to_sign == (
        ("x-signed", "ä"), ("x-amz-meta-a", "1"), ("content-type", "t"), ("host", "h.test"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "path", "query", "target"),
    [
        ("lambda", "/f%3Aa/(b)", "", "/f%3Aa/(b)"),
        ("s3", "/a b/%7e(%c3%a4)", "", "/a%20b/~%28%C3%A4%29"),
        ("lambda", "/", "b=%2f&&a=x:y&c", "/?b=%2F&a=x%3Ay&c="),
    ],
)
def test_what_is_signed_has_one_spelling(service: str, path: str, query: str, target: str) -> None:
    assert bare(path=path, query=query, service=service).target == target


def test_nothing_secret_is_shown() -> None:
    shown = repr(bare(("X-Amz-Meta-A", "CANARY"), path="/CANARY")) + repr(Content(b"CANARY", (("a", "CANARY"),)))  # fmt: skip

    assert "CANARY" not in shown
