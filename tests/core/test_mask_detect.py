"""What is found in free text, and that no text can make finding it slow."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.detect import phone, spec
from residency.core.mask.detect import presidio as presidio_
from residency.core.mask.detect.base import Detector
from residency.core.mask.detect.finder import find
from residency.core.mask.detect.fold import fold
from residency.core.mask.detect.national import NATIONAL, TAX
from residency.core.mask.detect.patterns import LONGEST
from residency.core.mask.detect.phone import REGIONS
from residency.errors import Unread
from tests.growth import factor


def found(name: str, text: str) -> list[str]:
    spans = find([text], [spec.parse(name)]).get(0, [])
    return [text[s.start : s.end] for s in sorted(spans, key=lambda s: s.start)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("email", "Mail anna.müller+x@exämple.co.de, <b@c.io>; or O'Hara@x.org.", ["anna.müller+x@exämple.co.de", "b@c.io", "O'Hara@x.org"]),
        ("email", "a@b, @x.de, user@, x@y..z, me@host", []),
        ("email", "a@b@c.de", ["b@c.de"]),
        ("email", "x a.@docomo.ne.jp, a..b@c.de.", ["a.@docomo.ne.jp", "a..b@c.de"]),
        ("email", "jose\u0301@x.de, राम@मोहन.com, x@इंडिया.भारत", ["jose\u0301@x.de", "राम@मोहन.com", "x@इंडिया.भारत"]),
        ("card", "4111 1111 1111 1111, 3782 822463 10005 and 5555555555554444.", ["4111 1111 1111 1111", "3782 822463 10005", "5555555555554444"]),
        ("card", "1234 4111-1111-1111-1111", ["4111-1111-1111-1111"]),
        ("card", "4111111111111112, x4111111111111111, 41111111111111110000000, 1111111111111117", []),
        ("iban", "DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819; fr1420041010050500013m02606", ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "fr1420041010050500013m02606"]),
        ("iban", "DE89370400440532013001, XX89370400440532013000, DE893704004405320130001, GB29", []),
        ("ip", "10.0.0.1, ::1 fe80::1 2001:db8::ff00:42:8329 ::ffff:10.0.0.1 192.168.0.1.", ["10.0.0.1", "::1", "fe80::1", "2001:db8::ff00:42:8329", "::ffff:10.0.0.1", "192.168.0.1"]),
        ("ip", "1.2.3.4.5, 12:30:45, std::cout, 999.1.1.1, ::, 1.2.3", []),
        ("phone", "+49 30 1234567, +1 (650) 253-0000, 030 1234567", ["+49 30 1234567", "+1 (650) 253-0000"]),
        ("phone:DE", "030/1234567, (030) 901820; 2024-05-17 10:20", ["030/1234567", "(030) 901820"]),
        ("national-id:FR", "2 55 08 14 168 025 38, 255081416802539", ["2 55 08 14 168 025 38"]),
        ("national-id:ES", "54362315K, X2482300W, 54362315Z", ["54362315K", "X2482300W"]),
        ("national-id:IT", "RCCMNL83S18D969H rccmnl83s18d969i", ["RCCMNL83S18D969H"]),
        ("national-id:US", "536-90-4399, 536904399, 000-12-3456", ["536-90-4399"]),
        ("tax-id:DE", "36 574 261 809 and 36574261890", ["36 574 261 809"]),
        ("secret", "id AKIAIOSFODNN7EXAMPLE.", ["AKIAIOSFODNN7EXAMPLE"]),
        ("secret", "aws_secret_access_key = wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY+K7MDENG1", ["wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY+K7MDENG1"]),
        ("secret", "ghp_" + "a1" * 18 + " sk-proj-abcdefghijklmnopqrstuvwx", ["ghp_" + "a1" * 18, "sk-proj-abcdefghijklmnopqrstuvwx"]),
        ("secret", "xoxb-123456789012-abcdef, AIza" + "x" * 35, ["xoxb-123456789012-abcdef", "AIza" + "x" * 35]),
        ("secret", "t=eyJhbGciOiJI.eyJzdWIiOiIx.c2ln postgres://u:hunter2@db/x", ["eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "hunter2"]),
        ("secret", "postgres://u:hunter:2@db/x a://b:c@d@e", ["hunter:2", "c@d"]),
        ("secret", "Authorization: Bearer abcdefghijklmnopqrstuv==", ["abcdefghijklmnopqrstuv=="]),
        ("secret", "-----BEGIN RSA PRIVATE KEY-----\nMII+/=\n-----END RSA PRIVATE KEY----- x", ["-----BEGIN RSA PRIVATE KEY-----\nMII+/=\n-----END RSA PRIVATE KEY-----"]),
        ("secret", "-----BEGIN PRIVATE KEY-----\\nMIIcut off", ["-----BEGIN PRIVATE KEY-----\\nMIIcut off"]),
        ("secret", "task-force-abcdefghijklmnopqrstuv, sk-short, BEGIN PRIVATE KEY", []),
    ],
)  # fmt: skip
def test_what_is_found(name: str, text: str, expected: list[str]) -> None:
    assert found(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("card", "\u0664\u0661\u0661\u0661 1111 1111 1111"),
        (
            "card",
            "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
        ),
        ("card", "4111\u200b1111\u2060\u00ad11111111"),
        ("card", "4111\u00a01111\u202f1111\u30001111"),
        ("card", "4111\u20131111\u20111111\u22121111"),
        ("card", "\u200e4111\ufe0f111111111111"),
        ("email", "a\u200b@b.d\u00ade"),
        ("email", "a\uff20b\uff0ede"),
        ("iban", "DE\u200d89370400440532013000"),
        ("phone", "\uff0b49 30 123\u200b4567"),
    ],
    ids=ascii,
)
def test_disguises_that_are_covered_are_seen_through(name: str, text: str) -> None:
    assert found(name, text) == [text.lstrip("\u200e")]


@given(st.text(), st.text("\u200b\u00ad\u0661\uff14é@a1", max_size=20))
def test_what_is_folded_knows_its_way_back(before: str, text: str) -> None:
    folded = fold(before + text)

    for at, char in enumerate(folded.text):
        start, end = folded.span(at, at + 1)
        assert end == start + 1
        assert fold((before + text)[start]).text == char


@pytest.mark.parametrize("table", ["national-id", "tax-id"])
def test_every_offered_number_has_its_arithmetic(table: str) -> None:
    for country in NATIONAL if table == "national-id" else TAX:
        detector = spec.parse(f"{table}:{country}")
        assert list(detector.spans("no number, 1, 000000000000000000")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", "a@" * 500_000), ("email", "a@b." * 250_000), ("email", "a." * 500_000 + "@"), ("card", "4111 " * 200_000),
        ("card", "4" * 1_000_000), ("iban", "GB29 " * 200_000), ("ip", " ::1" * 250_000), ("ip", "1." * 500_000),
        ("secret", "eyJaaaaa." * 111_111), ("secret", "-----BEGIN PRIVATE KEY-----" * 37_037), ("secret", "a://" * 250_000),
        ("phone", "+49301234567 " * 76_923), ("phone:DE", "12345. x " * 111_111), ("phone:DE", "1 " * 500_000),
        ("national-id:SE", "1234567890," * 90_909), ("email", "\u200b" * 333_333), ("card", "\u0661" * 500_000),
    ],
    ids=lambda v: ascii(v[:20]),
)  # fmt: skip
@pytest.mark.slow
def test_time_grows_with_the_text_only(name: str, text: str) -> None:
    """Ten times the text takes ten times as long, give or take."""
    part = text[: len(text) // 10] + text[-1:]
    detector = spec.parse(name)

    assert (
        factor(lambda: find([part], [detector]), lambda: find([text], [detector]), below=40) < 40
    )


def test_a_find_is_brought_back_to_its_own_string() -> None:
    detectors = [
        spec.parse("email"),
        spec.own({"pattern": "EMP-([0-9]{4})", "name": "employee-no"}),
    ]

    spans = find(["x", "é a@b.de", "", "a@b", ".de EMP-1234", "c@d.de"], detectors)

    assert {n: [(s.start, s.end, s.which) for s in of] for n, of in spans.items()} == {
        1: [(2, 8, 0)], 4: [(8, 12, 1)], 5: [(0, 6, 0)],
    }  # fmt: skip


def test_an_own_pattern_sees_each_string_by_itself() -> None:
    detector = spec.own({"pattern": "^[^x]+$", "name": "all"})

    assert sorted(find(["ab", "x", "c"], [detector])) == [0, 2]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)b", "no look-around"),
        (r"(a)\1", "no references to groups"),
        ("a*", "matches the empty text"),
        ("(a)(b)", "more than one group"),
        ("[", "not a pattern"),
        ("x" * (LONGEST + 1), "write a shorter one"),
        ("((a{100}){100}){100}", "not a pattern"),
    ],
)
def test_a_pattern_that_could_be_slow_or_is_none_is_refused_with_the_reason(
    pattern: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        spec.own({"pattern": pattern, "name": "n"})


@pytest.mark.parametrize(
    "row", [{}, {"pattern": "a"}, {"name": "a"}, {"pattern": "a", "name": "A"}, {"pattern": "a", "name": "a", "x": "y"}, {"pattern": ["a"], "name": "a"}]
)  # fmt: skip
def test_an_own_pattern_has_a_name_and_nothing_else(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="write"):
        spec.own(row)


@pytest.mark.parametrize(
    "name", ["", "mail", "email:x", "phone:", "phone:XX", "national-id", "national-id:XX", "tax-id:de", "presidio", "presidio:"]
)  # fmt: skip
def test_what_is_not_offered_is_refused_with_what_works(name: str) -> None:
    with pytest.raises(ValueError, match="write"):
        spec.parse(name)


def test_more_numbers_than_can_be_looked_at_in_time_are_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phone, "_MOST", 10)

    assert found("phone:DE", "0301234567; " * 10)
    with pytest.raises(Unread, match="too-large"):
        found("phone:DE", "0301234567; " * 11)


def test_regions_of_telephone_numbers_are_countries() -> None:
    assert {"DE", "US", "FR"} <= REGIONS


# Presidio, by its interface: its models are not among the test's packages.


@dataclass
class Result:
    start: int
    end: int


class Registry:
    """Recognizes names that begin with a capital, as an analyzer would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], float]] = []

    def analyze(self, text: str, language: str, entities: list[str], *, score_threshold: float) -> Sequence[Result]:  # fmt: skip
        self.asked.append((language, entities, score_threshold))
        return [Result(6, 9), Result(0, 4), Result(0, 7)] if text.startswith("Anna") else []

    def get_supported_entities(self, language: str) -> list[str]:
        return ["PERSON", "LOCATION"]


def registry(analyzer: Registry) -> Callable[[str], Registry]:
    return lambda _language: analyzer


def test_what_presidio_recognizes_is_found_apart_and_in_order() -> None:
    analyzer = Registry()
    detector: Detector = presidio_.presidio("PERSON:de", registry(analyzer))

    assert list(detector.spans("Anna B. und")) == [(0, 7), (7, 9)]
    assert (detector.spec, detector.kind, detector.whole) == ("presidio:PERSON:de", "person", True)
    assert analyzer.asked == [("de", ["PERSON"], 0.5)]


def test_an_entity_that_presidio_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="write one of LOCATION, PERSON"):
        presidio_.presidio("PET", registry(Registry()))


def test_presidio_that_is_not_installed_is_said_at_load() -> None:
    with pytest.raises(ValueError, match=r"is not installed|no model for"):
        spec.parse("presidio:PERSON:xx")


def test_every_detector_says_what_it_is_called() -> None:
    names = [
        "email",
        "phone",
        "phone:DE",
        "iban",
        "card",
        "national-id:FR",
        "tax-id:DE",
        "ip",
        "secret",
    ]

    assert [spec.parse(name).spec for name in names] == names
    assert json.dumps([spec.parse(name).kind for name in names])
