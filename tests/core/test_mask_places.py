"""Fields in a call's head: named values are replaced wherever they stand, and all else stays byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask import places
from residency.core.mask.detect.spec import parse as detector
from residency.core.mask.digests import is_signed, renew
from residency.core.mask.fields import MaskField, MaskSet, Place
from residency.core.mask.method import parse as method
from residency.core.mask.places import Edited, Target
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.errors import Unread

ORDERS = "/customers/{id}/orders"
QUERY = Place("query", "email")
HEADER = Place("header", "x-customer")
COOKIE = Place("cookie", "cid")
SEGMENT = Place("segment", "id", ORDERS)


def edited(head: Target, *fields: MaskField) -> Edited:
    job = MaskSets((MaskSet(name="s", why="-", fields=fields),)).job(["s"])
    found = places.mask(head, job, Session(b"k" * 32, b"n" * 32))

    assert found.counts == places.inspect(head, job)
    return found


def query(text: str, *fields: MaskField) -> str:
    return edited(Target(query=text), *(fields or (MaskField(place=QUERY),))).query


def path(text: str) -> str:
    return edited(Target(path=text), MaskField(place=SEGMENT)).path


def headers(*lines: tuple[str, str], field: MaskField) -> dict[int, str | None]:
    return edited(Target(headers=lines), field).headers


# Query


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("email=a%40b&x=%7e+1", "email=***&x=%7e+1"),
        ("x=1&email=a&y&email=b&&email=", "x=1&email=***&y&email=***&&email=***"),
        ("em%61il=a&EMAIL=b&email%20=c", "em%61il=***&EMAIL=b&email%20=c"),
        ("em%2561il=a&email", "em%2561il=a&email"),
        ("email=a=b", "email=***"),
        ("", ""),
    ],
)
def test_every_value_of_a_name_in_the_query_goes(text: str, new: str) -> None:
    assert query(text) == new


@pytest.mark.parametrize(
    "name",
    ["email[]", "email%5B0%5D", "email[a][b]", "[email]", "email]", "+email"],
)
def test_a_parameter_is_found_by_each_name_that_frameworks_give_it(name: str) -> None:
    assert query(f"x=1&{name}=secret") == f"x=1&{name}=***"


def test_a_parameter_is_found_by_the_name_that_php_gives_it() -> None:
    field = MaskField(place=Place("query", "first_name"))

    assert query("first.name=a&first+name=b&first[name=c", field) == (
        "first.name=***&first+name=***&first[name=***"
    )


def test_a_parameter_of_another_object_stays() -> None:
    assert query("email.verified=1&user[email]=x") == "email.verified=1&user[email]=x"


def test_a_nul_in_a_name_of_the_query_makes_it_unread() -> None:
    with pytest.raises(Unread, match="NUL"):
        query("email%00x=secret")


@pytest.mark.parametrize("name", ["a b", "a+b"])
def test_a_plus_in_a_name_is_read_in_both_ways(name: str) -> None:
    assert query("a+b=1", MaskField(place=Place("query", name))) == "a+b=***"


@pytest.mark.parametrize(
    "text", ["x=1;email=secret", "email%=secret", "%zz=1", "email=%e", "email;x=secret"]
)
def test_a_query_that_readers_differ_about_is_unread(text: str) -> None:
    with pytest.raises(Unread, match="format") as caught:
        query(text)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["email=%ff", "%C0%AEemail=1", "email=\xff", "email=\u20ac"])
def test_a_query_that_is_not_utf_8_is_unread(text: str) -> None:
    with pytest.raises(Unread, match="charset"):
        query(text)


@pytest.mark.parametrize(
    "text", ["email=1", "email=1&a=%7e", "a=1&email=1&email=2", "email=1&email=2"]
)
def test_a_removed_field_is_not_in_the_query(text: str) -> None:
    left = query(text, MaskField(place=QUERY, method=method("remove")))

    assert "email" not in left
    assert [p for p in left.split("&") if p] == [p for p in text.split("&") if "email" not in p]


def test_detected_parts_of_a_value_go_and_the_rest_keeps_its_spelling() -> None:
    field = MaskField(place=QUERY, detect=(detector("email"),))

    assert query("email=%68i+b%40x.org+%7E&x=b@x.org", field) == "email=%68i+***+%7E&x=b@x.org"


def test_a_token_is_encoded() -> None:
    assert query("email=a", MaskField(place=QUERY, method=method("token"))).startswith(
        "email=%3Cemail:"
    )


# Headers


def test_every_header_of_the_name_goes_and_no_other() -> None:
    lines = (("x-customer", "1"), ("X-Customer", "2"), ("x-customer-2", "3"), ("accept", "*"))

    assert headers(*lines, field=MaskField(place=HEADER)) == {0: "***", 1: "***"}


def test_a_header_can_be_removed() -> None:
    field = MaskField(place=HEADER, method=method("remove"))

    assert headers(("x-customer", "1"), field=field) == {0: None}


def test_a_header_in_utf_8_is_masked_by_its_characters() -> None:
    name = "Zoë Ü".encode().decode("latin-1")
    field = MaskField(place=HEADER, method=method("partial:1"))

    assert headers(("x-customer", name), field=field) == {0: "****Ü".encode().decode("latin-1")}


# Cookies


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("cid=1", "cid=***"),
        ("a=1; cid=1;b=2; cid=3", "a=1; cid=***;b=2; cid=***"),
        ('a="cid=1"; cid="x y"', 'a="cid=1"; cid="***"'),
        ("CID=1; xcid=2; cid", None),
        ("c%69d=1; cid = 2", "c%69d=***; cid = ***"),
        ("cid=a=b", "cid=***"),
    ],
)
def test_every_cookie_of_the_name_goes(line: str, new: str | None) -> None:
    assert headers(("cookie", line), field=MaskField(place=COOKIE)) == ({0: new} if new else {})


def test_cookies_in_two_headers_are_masked_in_both() -> None:
    found = headers(("cookie", "cid=1"), ("cookie", "a=1; cid=2"), field=MaskField(place=COOKIE))

    assert found == {0: "cid=***", 1: "a=1; cid=***"}


@pytest.mark.parametrize(
    "line",
    ["a=1 cid=secret", "a=1, cid=secret", 'cid="x;secret"', 'a="x; cid=secret"', "cid%00=secret"],
    ids=ascii,
)
def test_a_cookie_that_another_reader_sees_is_not_sent(line: str) -> None:
    with pytest.raises(Unread, match="format"):
        headers(("cookie", line), field=MaskField(place=COOKIE))


@pytest.mark.parametrize("name", ["cid[0]", "cid[]", "%20cid", "[cid]"])
def test_a_cookie_is_found_by_each_name_that_readers_give_it(name: str) -> None:
    assert headers(("cookie", f"{name}=secret"), field=MaskField(place=COOKIE)) == {
        0: f"{name}=***"
    }


def test_a_header_with_an_underscore_is_the_same_to_cgi() -> None:
    assert headers(("x_customer", "secret"), field=MaskField(place=HEADER)) == {0: "***"}


def test_an_encoded_cookie_is_looked_into() -> None:
    field = MaskField(place=COOKIE, detect=(detector("email"),))

    assert headers(("cookie", "cid=hi%20b%40x.org"), field=field) == {0: "cid=hi%20***"}


def test_a_cookie_can_be_removed() -> None:
    field = MaskField(place=COOKIE, method=method("remove"))

    assert headers(("cookie", "a=1; cid=2; b=3"), field=field) == {0: "a=1; b=3"}
    assert headers(("cookie", "cid=2"), field=field) == {0: None}


# Segments


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("/customers/17/orders", "/customers/***/orders"),
        ("/customers/a%40b/orders", "/customers/***/orders"),
        ("/customers/a%2Fb/orders", "/customers/***/orders"),
        ("/custom%65rs/17/orders", "/custom%65rs/***/orders"),
        ("/customers/17", "/customers/17"),
        ("/customers/17/orders/1", "/customers/17/orders/1"),
    ],
)
def test_the_segment_that_the_template_names_goes(text: str, new: str) -> None:
    assert path(text) == new


@pytest.mark.parametrize(
    "text",
    ["//customers/17/orders", "/customers//17/orders", "/customers/17/orders/", "/x/../customers/17/orders",
     "/customers/./17/orders", "/customers/17/orders;v=1", "/customers%2F17/orders", "/x/%2e%2e/customers/17/orders",
     "/customers/%2e/orders/1/../../17/orders", "/customers//orders/../17/orders", "/customers/%zz/orders", "/Customers/17/ORDERS", "\\customers\\17\\orders"],
)  # fmt: skip
def test_c17_a_path_that_is_the_templates_once_normalised_is_unread(text: str) -> None:
    with pytest.raises(Unread):
        path(text)


def test_a_segment_stays_one_segment() -> None:
    fields = [MaskField(place=SEGMENT, method=method("constant:../x?y#z"))]

    assert (
        edited(Target(path="/customers/17/orders"), *fields).path
        == "/customers/..%2Fx%3Fy%23z/orders"
    )


# All


def test_the_strictest_method_wins() -> None:
    fields = [MaskField(place=QUERY, method=method("partial:4")), MaskField(place=QUERY, detect=(detector("email"),)),
              MaskField(place=QUERY)]  # fmt: skip

    assert query("email=bob@x.org", fields[0], fields[1]) == "email=*****.org"
    for one in (MaskSet(name="b", why="-", fields=(fields[2],)),):
        first = MaskSet(name="a", why="-", fields=(fields[0],))
        for sets in ((first, one), (one, first)):
            job = MaskSets(sets).job(["a", "b"])
            assert (
                places.mask(Target(query="email=bob@x.org"), job, Session()).query == "email=***"
            )


def test_a_head_without_the_named_fields_stays() -> None:
    head = Target("/a%zz", "x=%zz", (("accept", "*"),))
    found = edited(head, MaskField(place=HEADER))

    assert (found.path, found.query, found.headers) == (head.path, head.query, {})


@given(st.lists(st.sampled_from(["email=1", "email=a%40b", "a=1", "", "b", "=", "email", "email=%C3%A9", "c=%2B+"]), max_size=8), st.sampled_from(["constant", "remove", "token", "hmac", "partial:2"]))  # fmt: skip
def test_only_named_values_of_a_query_change(pairs: list[str], spec: str) -> None:
    text = "&".join(pairs)

    new = query(text, MaskField(place=QUERY, method=method(spec)))

    rest = [p for p in new.split("&") if not p.startswith("email=") and p]
    assert rest == [p for p in pairs if not p.startswith("email=") and p]


# Digests and signatures


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("content-md5", "mZFLkyvTelC5g8XnyQrpOw==", "Ndul11U4qbvgtNpEInWaDg=="),
        ("content-digest", "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:, md5=:mZFLkyvTelC5g8XnyQrpOw==:", None),
        ("digest", "SHA-256=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=,MD5=mZFLkyvTelC5g8XnyQrpOw==", None),
        ("x-amz-checksum-crc32", "o6a/Qw==", None),
        ("x-amz-content-sha256", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", None),
    ],
)  # fmt: skip
def test_e11_a_digest_of_the_body_is_made_anew(name: str, old: str, new: str | None) -> None:
    lines = (("a", "b"), (name, old))

    assert not is_signed(lines, "", b"{}")
    made = renew(lines, b"[1]")
    assert made.keys() == {1}
    assert made[1] != old
    assert new in (None, made[1])
    assert is_signed(lines, "", b"[1]"), "a digest of another body"
    assert not is_signed(((name, made[1]),), "", b"[1]")
    assert renew(((name, made[1]),), b"{}") == {0: old}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32c", "AAAAAA=="), ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="), ("x-goog-hash", "crc32c=AAAAAA=="),
        ("content-digest", "unixsum=:AAAA:"), ("digest", "sha-256"), ("content-md5", ""), ("content-digest", "sha-256=:AA"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("signature", "a"), ("signature-input", "a"),
        ("dpop", "a"), ("x-hub-signature-256", "a"), ("stripe-signature", "a"), ("x-signature", "a"), ("x-content-hmac", "a"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=a"), ("authorization", "AWS a:b"), ("authorization", "SharedKey a:b"),
        ("authorization", 'OAuth realm="x", oauth_signature="a"'), ("authorization", "Digest username=a"),
        ("authorization", "TC3-HMAC-SHA256 a"), ("authorization", "HMAC a"), ("authorization", "Signature keyId=a"),
    ],
)  # fmt: skip
def test_e12_what_cannot_be_made_anew_is_a_signature(name: str, value: str) -> None:
    assert is_signed(((name, value),), "", b"{}")


@pytest.mark.parametrize("value", ["Bearer AWS4-", "Basic aGk6aG8=", "OAuth ya29.x", "sk-123"])
def test_a_secret_in_authorization_signs_nothing(value: str) -> None:
    assert not is_signed(
        (("authorization", value), ("x-amz-checksum-mode", "ENABLED")), "a=b", b""
    )
