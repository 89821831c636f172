"""identity.yaml: who is believed, and every fault with its place."""

from pathlib import Path

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import IssuerBook, KeySource, parse
from residency.errors import ConfigurationError
from tests.tokens import ISSUER, book, jwk, jwks, rsa_key

SHIPPED = Path(__file__).parents[2] / "rules" / "identity.yaml"

GOOD = """\
version: 1
issuers:
  - issuer: https://login.test
    audience: gateway
    keys: {discovery: true}
"""


def load(text: str) -> tuple[IssuerBook | None, list[str]]:
    faults = Faults()
    found = parse(read(text, "identity.yaml", faults), faults)
    return found, [str(f) for f in faults.found]


def test_the_shipped_file_loads() -> None:
    found, faults = load(SHIPPED.read_text(encoding="utf-8"))

    assert not faults
    assert found
    (issuer,) = found.issuers.values()
    assert issuer.keys.kind == "discovery"
    assert [g.path for g in issuer.groups] == [("realm_access", "roles")]


def test_what_is_not_written_has_the_strict_default() -> None:
    found, faults = load(GOOD)

    assert not faults
    assert found
    issuer = found.issuers["https://login.test"]
    assert issuer.algorithms == {"RS256", "ES256"}
    assert issuer.audiences == {"call": {"gateway"}, "approve": frozenset()}
    assert (issuer.max_lifetime, issuer.leeway) == (86400, 30)
    assert issuer.types == {"at+jwt", "jwt", None}
    assert [g.path for g in issuer.groups] == [("groups",)]
    assert issuer.keys == KeySource(
        "discovery", "https://login.test/.well-known/openid-configuration"
    )


def test_discovery_of_an_issuer_with_a_slash_has_one_slash() -> None:
    found, _ = load(GOOD.replace("https://login.test", "https://login.test/tenant/"))

    assert found
    (issuer,) = found.issuers.values()
    assert issuer.keys.location == "https://login.test/tenant/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("15m", 900), ("24h", 86400), ("7d", 604800)],
)
def test_a_lifetime_is_seconds_or_a_duration(text: str, expected: int) -> None:
    assert book(max_lifetime=text).issuers[ISSUER].max_lifetime == expected


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ("algorithms: [none]", "6:18: issuers[0].algorithms[0]", "none means no signature"),
        ("algorithms: [RS256, HS256]", "6:25: issuers[0].algorithms[1]", "HS256 is symmetric"),
        ("algorithms: [RS255]", "6:18: issuers[0].algorithms[0]", "is not known here"),
        ("algorithms: []", "6:5: issuers[0].algorithms", "at least 1"),
        ("leeway: 61", "6:13: issuers[0].leeway", "60"),
        ("leeway: -1", "6:13: issuers[0].leeway", "duration"),
        ("max_lifetime: 0", "6:19: issuers[0].max_lifetime", "1"),
        ("max_lifetime: 24 hours", "6:19: issuers[0].max_lifetime", "duration"),
        ("max_lifetime: [24h]", "6:5: issuers[0].max_lifetime", "integer"),
        ("types: ['']", "6:13: issuers[0].types[0]", "empty"),
        ("groups: ", "6:12: issuers[0].groups", "empty"),
        ("subjct: x", "6:13: issuers[0].subjct", "not a key"),
    ],
)
def test_a_fault_names_its_place_and_reason(line: str, where: str, said: str) -> None:
    found, faults = load(GOOD + f"    {line}\n")

    assert found is None
    assert any(f.startswith(f"identity.yaml:{where}") and said in f for f in faults), faults


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{}", "exactly one"),
        ("{discovery: false}", "exactly one"),
        ("{file: a.json, discovery: true}", "exactly one"),
        ("{file: a.json, url: 'https://a.test/'}", "exactly one"),
        ("{url: 'http://a.test/jwks'}", "must begin with https"),
        ("{url: 'http://127.0.0.1.evil.test/jwks'}", "must begin with https"),
        ("{url: 'http://127.0.0.1@evil.test/jwks'}", "user, password"),
        ("{url: 'https://u:p@a.test/jwks'}", "user, password"),
        ("{url: 'file:///etc/passwd'}", "not a URL"),
        ("{url: 'ftp://a.test/x'}", "must begin with https"),
        ("{url: 'https://a.test:99999/'}", "not a URL"),
        ("{url: 'https://a.test/ x'}", "not a URL"),
        ("{url: 'https://[::1/'}", "not a URL"),
        ("{url: 'https://a.test/#x'}", "fragment"),
        ("{file: ' '}", "empty"),
    ],
)
def test_keys_from_an_unsafe_place_are_refused(keys: str, said: str) -> None:
    found, faults = load(GOOD.replace("{discovery: true}", keys))

    assert found is None
    assert any("issuers[0].keys" in f and said in f for f in faults), faults


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test/jwks?policy=x",
        "http://127.0.0.1:8999/jwks",
        "http://127.8.8.8/",
        "http://[::1]:1/",
        "http://localhost/",
    ],
)
def test_https_and_this_machine_are_accepted(url: str) -> None:
    assert book(keys={"url": url}).issuers[ISSUER].keys == KeySource("url", url)


@pytest.mark.parametrize(
    "issuer", ["kubernetes/serviceaccount", "http://login.test", "https://a.test?x"]
)
def test_discovery_needs_an_issuer_that_is_a_safe_url(issuer: str) -> None:
    found, faults = load(GOOD.replace("https://login.test", f"'{issuer}'"))

    assert found is None
    assert faults[0].startswith("identity.yaml:3:13: issuers[0].issuer: discovery needs a URL")


def test_an_issuer_that_is_no_url_may_have_its_keys_in_a_file() -> None:
    found, faults = load(
        GOOD.replace("https://login.test", "cluster").replace("discovery: true", "file: k.json")
    )

    assert not faults
    assert found
    assert found.files() == ["k.json"]


def test_the_same_issuer_twice_is_refused_at_the_second() -> None:
    found, faults = load(GOOD + GOOD.split("issuers:\n")[1])

    assert found is None
    assert faults[0].startswith("identity.yaml:6:13: issuers[1].issuer: this issuer a second time")


def test_a_book_without_issuers_is_refused() -> None:
    assert load("version: 1\nissuers: []\n")[0] is None
    assert load("version: 1\n")[0] is None
    assert load("")[0] is None
    assert load(GOOD.replace("version: 1", "version: 2"))[0] is None


CERTIFIED = """\
certificates:
  - {name: "spiffe://example.org", authorities: {file: root.pem}, spiffe: {trust_domain: example.org}}
"""


def test_certificates_alone_are_a_book() -> None:
    found, faults = load(f"version: 1\n{CERTIFIED}")

    assert not faults
    assert found
    assert found.names == {"spiffe://example.org"}
    assert found.files() == ["root.pem"]


def test_certificates_that_name_nobody_are_no_book() -> None:
    mesh = "certificates:\n  - {name: mesh, authorities: {file: root.pem}, transport: true}\n"

    found, faults = load(f"version: 1\n{mesh}")

    assert found is None
    assert (
        "names no caller; write issuers, saml, or certificates that are not transport" in faults[0]
    )


@pytest.mark.parametrize("name", ["https://login.test", "https://gateway.test"])
def test_certificates_cannot_have_the_name_of_an_issuer_of_tokens(name: str) -> None:
    """A certificate's subject would be the caller that a token's is."""
    saml = (
        "saml: {idp: 'https://idp.test', metadata: {file: idp.xml}, gateway: 'https://gateway.test', "
        "audience: a, recipient: 'https://gateway.test/saml'}\n"
    )

    found, faults = load(GOOD + saml + CERTIFIED.replace("spiffe://example.org", name))

    assert found is None
    assert faults == [
        "identity.yaml:8:12: certificates[0].name: this is the name of an issuer of tokens: a certificate's subject "
        "could pass for a token's (give these certificates a name of their own)"
    ]


def test_every_fault_is_told_at_once() -> None:
    _, faults = load(
        GOOD.replace("version: 1", "version: 2").replace("audience: gateway", "audience: []")
        + "    algorithms: [none, HS512]\n    leeway: 2m\n"
    )

    assert len(faults) == 5


def test_key_files_are_read_once_and_by_issuer() -> None:
    two = IssuerBook({"a": book().issuers[ISSUER], "b": book().issuers[ISSUER]})
    faults = Faults()

    found = book().file_keys({"jwks.json": jwks(jwk(rsa_key(), "rsa"))}, faults)

    assert two.files() == ["jwks.json"]
    assert not faults
    assert list(found) == [ISSUER]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "cannot be read"),
        ({"jwks.json": "{"}, "not a JWK set"),
        ({"jwks.json": '{"keys": {}}'}, "not a JWK set"),
        ({"jwks.json": '{"keys": []}'}, "no key"),
        ({"jwks.json": jwks({"kty": "oct", "k": "c2VjcmV0", "kid": "x"})}, "no key"),
    ],
)
def test_a_key_file_that_cannot_verify_anything_is_a_fault(
    texts: dict[str, str], said: str
) -> None:
    faults = Faults()

    assert not book().file_keys(texts, faults)
    with pytest.raises(ConfigurationError, match=said):
        faults.check()
