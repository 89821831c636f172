"""The attacks G1 to G20 on a caller's token, by their numbers: those that test_identity_token does not have yet.

G11 (unknown keys) stands in tests/proxy/test_keys, G16 to G18 (headers and tunnels) in tests/proxy/test_identity
and tests/e2e/test_identity, where there are headers and tunnels.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import encode
from jwt.algorithms import ECAlgorithm

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import (
    MAX_SIZE,
    IssuerBook,
    KeySet,
    Verifier,
    credentials,
    parse,
    verify,
)
from residency.errors import ConfigurationError, IdentityError
from tests.tokens import (
    ISSUER,
    NOW,
    base64url,
    book,
    claims,
    ec_key,
    jwk,
    jwks,
    key_set,
    rsa_key,
    token,
)

KEYS = {ISSUER: key_set()}
SECRET = base64url(b"0123456789abcdef0123456789abcdef")
CANARY = "canary4711"


def code_of(text: str, keys: KeySet | None = None, **block: Any) -> str:
    known = KEYS if keys is None else {ISSUER: keys}
    with pytest.raises(IdentityError) as caught:
        verify(text, book(**block), known, now=NOW)
    assert CANARY not in str(caught.value)
    return caught.value.code


def hs256(**header: Any) -> str:
    """Signed with a secret that stands in the issuer's own key set."""
    head = base64url(json.dumps({"alg": "HS256", "kid": "oct", **header}).encode())
    text = f"{head}.{base64url(json.dumps(claims()).encode())}"
    mac = hmac.new(base64.urlsafe_b64decode(SECRET + "="), text.encode(), hashlib.sha256)
    return f"{text}.{base64url(mac.digest())}"


class TestG1G2Algorithms:
    """The algorithm is the issuer's and the key's choice, never the token's."""

    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "RS256 ", "rs256", "ES256K", 1, None, True, {}], ids=ascii)  # fmt: skip
    def test_g1_only_names_that_the_issuer_may_use(self, alg: object) -> None:
        assert code_of(token(alg=alg)) == "identity-algorithm"

    def test_g1_a_header_alone_chooses_no_algorithm(self) -> None:
        assert code_of(token(alg="RS512"), algorithms=["RS256"]) == "identity-algorithm"

    def test_g2_a_secret_in_the_key_set_is_no_key(self) -> None:
        keys = KeySet.parse(
            jwks({"kty": "oct", "kid": "oct", "k": SECRET, "alg": "HS256"}, jwk(rsa_key(), "rsa"))
        )

        assert code_of(hs256(), keys) == "identity-algorithm"
        assert code_of(hs256(alg="RS256"), keys) == "identity-key"

    def test_g2_no_file_can_let_a_symmetric_algorithm_in(self) -> None:
        for name in ("HS256", "HS512", "hs256", "none", "NONE"):
            with pytest.raises(ConfigurationError):
                book(algorithms=["RS256", name])

    def test_g2_a_key_of_another_curve_is_not_for_es256(self) -> None:
        p384 = ec.generate_private_key(ec.SECP384R1())
        public = {**ECAlgorithm.to_jwk(p384.public_key(), as_dict=True), "kid": "k"}
        text = token(header={"alg": "ES256", "kid": "k"}, key=ec_key())

        assert code_of(text, KeySet.parse(json.dumps({"keys": [{**public, "key_ops": ["verify"]}]}))) == "identity-algorithm"  # fmt: skip

    def test_g2_a_key_that_names_its_algorithm_is_for_no_other(self) -> None:
        keys = KeySet.parse(jwks(jwk(rsa_key(), "rsa", alg="RS512")))

        assert code_of(token(), keys) == "identity-algorithm"

    def test_g2_eddsa_is_not_accepted_unless_written(self) -> None:
        private = ed25519.Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes_raw()
        keys = KeySet.parse(
            jwks({"kty": "OKP", "crv": "Ed25519", "x": base64url(raw), "kid": "e"})
        )
        text = encode(claims(), private, "EdDSA", {"kid": "e"})

        assert code_of(text, keys) == "identity-algorithm"
        assert verify(text, book(algorithms=["EdDSA"]), {ISSUER: keys}, now=NOW).subject


class TestG3G4Times:
    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": NOW + 600.0}, {"exp": -1}, {"exp": int(NOW) + 600, "iat": -1}, {"exp": 10**30, "iat": 10**30 - 600},
            {"exp": [int(NOW) + 600]}, {"iat": str(int(NOW))}, {"nbf": NOW - 1.0}, {"exp": int(NOW) - 60, "iat": int(NOW) - 60},
        ],
    )  # fmt: skip
    def test_g4_times_are_whole_near_and_in_order(self, changes: dict[str, Any]) -> None:
        assert code_of(token(claims(**changes))) in {"identity-claims", "identity-early"}

    def test_g3_no_token_counts_longer_than_the_file_lets_it(self) -> None:
        """Counted from iat, which itself is not in the future."""
        text = token(claims(iat=int(NOW) + 29, exp=int(NOW) + 29 + 900))

        caller = verify(text, book(max_lifetime="15m"), KEYS, now=NOW)

        assert caller.expires <= NOW + 900 + 30
        assert code_of(token(claims(exp=int(NOW) + 841)), max_lifetime="15m") == "identity-claims"

    @pytest.mark.parametrize("aud", [None, "", [""], {}, [None], [["gateway"]], "gateway ", "GATEWAY", {"gateway": 1}], ids=ascii)  # fmt: skip
    def test_g3_an_audience_is_exact_or_none(self, aud: object) -> None:
        assert code_of(token(claims(aud=aud))) in {"identity-audience", "identity-claims"}


class TestG5G6Json:
    """A text has one meaning, whoever reads it."""

    def payload(self, more: str) -> str:
        return json.dumps(claims())[:-1] + "," + more + "}"

    @pytest.mark.parametrize(
        "more",
        [
            r'"su\u0062": "admin"', '"groups": ["a"], "groups": []', '"x": {"y": {"z": 1, "z": 1}}',
            '"x": [{"y": 1, "y": 2}]', '"exp": 1', '"": 1, "": 2', '"x": Infinity', '"x": -Infinity', '"x": NaN',
            '"x": 01', "'x': 1", '"x": 1,', '"x": "\t"', '/* */ "x": 1',
        ],
    )  # fmt: skip
    def test_g6_names_stand_once_however_they_are_spelled(self, more: str) -> None:
        assert code_of(token(self.payload(more))) == "identity-malformed"

    @pytest.mark.parametrize("name", ["alg", "kid", "typ", r"al\u0067"])
    def test_g6_in_the_header_too(self, name: str) -> None:
        header = '{"alg": "RS256", "kid": "rsa", "typ": "at+jwt", "' + name + '": "RS256"}'

        assert code_of(token(header=header)) == "identity-malformed"

    @pytest.mark.parametrize(
        "text", ["null", "1", '"x"', "[{}]", "", " ", "{}{}", "{} x", "\x00"], ids=ascii
    )
    def test_g5_claims_and_header_are_objects(self, text: str) -> None:
        assert code_of(token(text)) in {"identity-malformed", "identity-claims"}
        assert code_of(token(header=text)) == "identity-malformed"


class TestG7G8G9Header:
    def test_g7_nothing_in_the_header_brings_a_key(self) -> None:
        evil = rsa_key("evil")
        chain = base64.b64encode(certificate(evil)).decode()
        for brought in ({"x5c": [chain]}, {"jwk": jwk(evil)}, {"jku": f"https://{CANARY}.test/"}, {"x5u": f"https://{CANARY}.test/"},
                        {"x5t": "x", "x5t#S256": "x"}):  # fmt: skip
            assert code_of(token(key=evil, **brought)) == "identity-signature"
            assert code_of(token(key=evil, kid="evil", **brought)) == "identity-key"

    @pytest.mark.parametrize(
        "kid",
        ["", "rsa\x00", "RSA", "rsa ", "../rsa", "/etc/passwd", "rsa'--", "\u0000", "r" * 256],
        ids=ascii,
    )
    def test_g8_a_kid_is_only_ever_looked_up(self, kid: str) -> None:
        assert code_of(token(kid=kid)) == "identity-key"

    @pytest.mark.parametrize("kid", [{}, [], ["rsa"], 0, True, 1.0, {"rsa": 1}], ids=ascii)
    def test_g8_a_kid_is_a_text(self, kid: object) -> None:
        assert code_of(token(kid=kid)) == "identity-malformed"

    @pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None, [1], {}], ids=ascii)
    def test_g9_nothing_critical_is_understood(self, crit: object) -> None:
        assert code_of(token(crit=crit)) == "identity-malformed"

    def test_g9_a_compressed_or_nested_payload_is_not_unpacked(self) -> None:
        assert code_of(token(token(), cty="JWT")) == "identity-malformed"
        assert code_of(token("\x78\x9c\x03", zip="DEF")) == "identity-malformed"


class TestG10Keys:
    @pytest.mark.parametrize(
        "changes",
        [{"use": "enc"}, {"use": "x509-svid"}, {"use": ""}, {"use": ["sig"]}, {"use": None}, {"key_ops": ["encrypt"]},
         {"key_ops": []}, {"key_ops": "verify"}, {"key_ops": None}, {"alg": "none"}, {"alg": "HS256"}, {"alg": None},
         {"kty": "rsa"}, {"kty": "oct"}, {"e": "AQ=="}, {"n": "AQ"}, {"d": "AQ"}],
    )  # fmt: skip
    def test_g10_a_key_that_is_not_plainly_for_this_verifies_nothing(
        self, changes: dict[str, Any]
    ) -> None:
        assert code_of(token(), KeySet.parse(jwks(jwk(rsa_key(), "rsa", **changes)))) == "identity-key"  # fmt: skip

    def test_g10_a_short_key_verifies_nothing(self) -> None:
        short = rsa_key("short", 1024)

        assert code_of(token(key=short), KeySet.parse(jwks(jwk(short, "rsa")))) == "identity-key"

    def test_g10_an_exponent_of_one_verifies_nothing(self) -> None:
        """With e = 1 the signature is the padded digest: anybody can write it."""
        keys = KeySet.parse(jwks(jwk(rsa_key(), "rsa", e="AQ")))

        assert code_of(token(), keys) in {"identity-key", "identity-signature"}
        assert not keys or not forged_with_one(keys)


class TestG12Size:
    def test_g12_what_is_too_long_is_not_even_hashed(self) -> None:
        verifier = Verifier(book(), KEYS)
        for text in ("e" * (MAX_SIZE + 1), token(claims(x="x" * 5_000_000))):
            with pytest.raises(IdentityError, match="identity-malformed"):
                verifier.verify(text, now=NOW)
            with pytest.raises(IdentityError, match="identity-malformed"):
                credentials([f"Bearer {text}"])
        assert not verifier._known


class TestG13Clock:
    @pytest.mark.parametrize("leeway", ["61", "2m", "1h"])
    def test_g13_no_file_can_stretch_the_leeway(self, leeway: str) -> None:
        with pytest.raises(ConfigurationError):
            book(leeway=leeway)

    @pytest.mark.parametrize(
        "now", [float("nan"), float("inf"), -float("inf"), 0.0, 1e308], ids=ascii
    )
    def test_g13_a_broken_clock_admits_nobody(self, now: float) -> None:
        with pytest.raises(IdentityError):
            verify(token(), book(), KEYS, now=now)
        verifier = Verifier(book(), KEYS)
        verifier.verify(token(), now=NOW)
        with pytest.raises(IdentityError):
            verifier.verify(token(), now=now)


class TestG14WhoseToken:
    @pytest.mark.parametrize(
        "iss",
        [ISSUER + "/", ISSUER + "//", ISSUER.upper(), ISSUER + "#", ISSUER + "?", " " + ISSUER, ISSUER + "\n", ISSUER + ".evil.test",
         ISSUER.replace("https", "http"), ISSUER.replace("login.test", "login.test:443"), ISSUER.replace("l", "\u217c"),
         ISSUER + "\u200b", ISSUER + "\x00"], ids=ascii
    )  # fmt: skip
    def test_g14_an_issuer_that_only_looks_alike_is_another(self, iss: str) -> None:
        assert code_of(token(claims(iss=iss))) == "identity-issuer"

    def test_g14_a_slash_too_much_is_said_because_it_is_what_happens(self) -> None:
        with pytest.raises(IdentityError, match="by a slash at its end"):
            verify(token(claims(iss=ISSUER + "/")), book(), KEYS, now=NOW)

    def test_g14_who_is_not_trusted_learns_no_name(self) -> None:
        with pytest.raises(IdentityError) as caught:
            verify(token(claims(iss=f"https://{CANARY}.test")), book(), KEYS, now=NOW)

        assert "login.test" not in str(caught.value)
        assert CANARY not in str(caught.value)

    def test_g14_who_has_a_real_token_learns_what_it_lacks(self) -> None:
        with pytest.raises(IdentityError, match="aud names none of gateway"):
            verify(token(claims(aud=CANARY)), book(), KEYS, now=NOW)
        with pytest.raises(IdentityError) as caught:
            verify(token(claims(aud="x"), key=rsa_key("evil")), book(), KEYS, now=NOW)
        assert "gateway" not in caught.value.detail

    @pytest.mark.parametrize(
        "typ",
        [
            "JWT",
            "id+jwt",
            "logout+jwt",
            "secevent+jwt",
            "dpop+jwt",
            "at+jwt;x",
            "application/application/at+jwt",
            ...,
        ],
    )
    def test_g14_where_access_tokens_are_marked_nothing_else_is_one(self, typ: object) -> None:
        assert code_of(token(typ=typ), types=["at+jwt"]) == "identity-claims"

    def test_g14_an_id_token_is_told_by_what_is_required(self) -> None:
        require = {"token_use": "access"}

        assert code_of(token(claims(token_use="id")), require=require) == "identity-claims"
        assert code_of(token(claims(azp="other")), require={"azp": "me"}) == "identity-claims"

    def test_g14_a_key_of_one_issuer_signs_nothing_of_another(self) -> None:
        two = two_issuers()
        keys = {"https://a.test": KeySet.parse(jwks(jwk(rsa_key("a"), "k"))),
                "https://b.test": KeySet.parse(jwks(jwk(rsa_key("b"), "k")))}  # fmt: skip
        text = token(claims(iss="https://b.test"), key=rsa_key("a"), kid="k")

        with pytest.raises(IdentityError, match="identity-signature"):
            verify(text, two, keys, now=NOW)

    def test_g14_what_one_issuer_accepts_the_other_need_not(self) -> None:
        two = two_issuers()
        keys = dict.fromkeys(two.issuers, key_set())
        good = token(claims(iss="https://a.test", aud="for-a"))

        assert verify(good, two, keys, now=NOW).issuer == "https://a.test"
        cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"aud": "for-a"}, {}), ({"aud": "for-b", "sub": "x"}, {}), ({"aud": "for-b"}, {"typ": "JWT"}),
        ]  # fmt: skip
        for sent, header in cases:
            with pytest.raises(IdentityError):
                verify(token(claims(iss="https://b.test", **sent), **header), two, keys, now=NOW)
        with pytest.raises(IdentityError, match="identity-algorithm"):
            verify(
                token(claims(iss="https://b.test", aud="for-b"), key=ec_key()), two, keys, now=NOW
            )

    def test_g14_the_same_subject_of_two_issuers_is_two_callers(self) -> None:
        two, keys = two_issuers(), dict.fromkeys(two_issuers().issuers, key_set())
        one = verify(token(claims(iss="https://a.test", aud="for-a")), two, keys, now=NOW)
        other = verify(token(claims(iss="https://b.test", aud="for-b")), two, keys, now=NOW)

        assert one.subject == other.subject
        assert one.key != other.key


class TestG15Groups:
    @pytest.mark.parametrize(
        "sent", [{"_claim_names": {"roles": "src1"}}, {"_claim_names": []}, {"_claim_names": None}]
    )
    @pytest.mark.parametrize("source", ["roles", {"claim": "roles", "map": {"*": "all"}}, [{"claim": "x"}, {"claim": "roles.a"}]], ids=str)  # fmt: skip
    def test_g15_groups_that_are_elsewhere_are_not_no_groups(
        self, source: object, sent: dict[str, Any]
    ) -> None:
        assert code_of(token(claims(**sent)), groups=source) == "identity-claims"

    def test_g15_a_name_is_not_cut_into_several_unless_written(self) -> None:
        found = verify(token(claims(groups="a b,c")), book(), KEYS, now=NOW)

        assert found.groups == ("a b,c",)

    @pytest.mark.parametrize("hasgroups", [True, "true", 1, "false", 0, None, {}], ids=ascii)
    def test_g15_hasgroups_is_false_or_the_caller_is_unknown(self, hasgroups: object) -> None:
        assert code_of(token(claims(groups=..., hasgroups=hasgroups))) == "identity-claims"


class TestG20Names:
    ODD = (
        "\x00",
        "\x1b[2J",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\ud800",
        "\u2028",
        "\x7f",
        "\u0085",
        "\ue000",
    )

    @pytest.mark.parametrize("odd", ODD, ids=ascii)
    def test_g20_a_name_that_cannot_be_shown_names_nobody(self, odd: str) -> None:
        assert code_of(token(claims(sub=f"a{odd}b"))) == "identity-claims"
        assert code_of(token(claims(groups=[f"a{odd}b"]))) == "identity-claims"


ATTACKS: dict[str, Callable[[], str]] = {
    "sub": lambda: token(claims(sub=CANARY + "\n")),
    "required": lambda: token(claims(tid=CANARY)),
    "group": lambda: token(claims(tid="t", groups=[CANARY + "\n"])),
    "typ": lambda: token(claims(tid="t"), typ=CANARY),
    "alg": lambda: token(claims(tid="t"), alg=CANARY),
    "aud": lambda: token(claims(tid="t", aud=CANARY)),
    "iss": lambda: token(claims(tid="t", iss=CANARY)),
    "kid": lambda: token(claims(tid="t"), kid=CANARY),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_detail_repeats_what_the_token_says(name: str) -> None:
    with pytest.raises(IdentityError) as caught:
        verify(ATTACKS[name](), book(require={"tid": "t"}), KEYS, now=NOW)

    assert CANARY not in f"{caught.value!r} {caught.value.detail} {caught.value.__context__!r}"


def two_issuers() -> IssuerBook:
    blocks = [
        {"issuer": "https://a.test", "audience": "for-a", "algorithms": ["RS256", "ES256"], "keys": {"file": "a"}},
        {"issuer": "https://b.test", "audience": "for-b", "algorithms": ["RS256"], "keys": {"file": "b"},
         "types": ["at+jwt"], "subject": "bill*"},
    ]  # fmt: skip
    faults = Faults()
    found = parse(read(json.dumps({"version": "1", "issuers": blocks}), "identity.yaml", faults), faults)  # fmt: skip
    faults.check()
    assert found
    return found


def certificate(key: rsa.RSAPrivateKey) -> bytes:
    import datetime

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1).not_valid_before(day).not_valid_after(day + datetime.timedelta(9999)).sign(key, hashes.SHA256())  # fmt: skip
    return built.public_bytes(serialization.Encoding.DER)


def forged_with_one(keys: KeySet) -> bool:
    """True if the padded digest by itself, as a signature, is believed."""
    head = base64url(json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}).encode())
    text = f"{head}.{base64url(json.dumps(claims()).encode())}"
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = prefix + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest
    try:
        verify(f"{text}.{base64url(padded)}", book(), {ISSUER: keys}, now=NOW)
    except IdentityError:
        return False
    return True
