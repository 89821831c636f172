"""One workload has one SPIFFE ID in one spelling (SPIFFE-ID 1.0, 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity.spiffe import is_trust_domain, trust_domain

segment = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True).filter(
    lambda s: s not in (".", "..")
)
domain = st.from_regex(r"[a-z0-9._-]{1,40}", fullmatch=True)


@given(domain, st.lists(segment, min_size=1, max_size=5))
def test_what_the_standard_allows_is_read(name: str, segments: list[str]) -> None:
    assert trust_domain(f"spiffe://{name}/{'/'.join(segments)}") == name


@given(
    domain,
    st.lists(segment, min_size=1, max_size=3),
    st.sampled_from("%?#@:\\ \n/é\x00"),
    st.integers(0, 40),
)
def test_one_foreign_character_makes_it_none(
    name: str, path: list[str], foreign: str, at: int
) -> None:
    good = f"{name}/{'/'.join(path)}"
    at %= len(good) + 1
    bad = good[:at] + foreign + good[at:]
    # A slash between two letters of a path only makes another good path.
    if (
        foreign == "/"
        and at > len(name)
        and "//" not in bad
        and not bad.endswith("/")
        and not {".", ".."} & set(bad.split("/"))
    ):
        assert trust_domain(f"spiffe://{bad}") == name
    elif foreign == "/" and at < len(name) and at > 0:
        assert trust_domain(f"spiffe://{bad}") == bad.split("/")[0] or {".", ".."} & set(
            bad.split("/")
        )
    else:
        assert trust_domain(f"spiffe://{bad}") is None


@pytest.mark.parametrize(
    "text",
    ["", "example.org/a", "SPIFFE://example.org/a", "spiffe:/example.org/a", "spiffe:///a", "spiffe://a", "spiffe://a/",
     "spiffe://a//b", "spiffe://a/b/", "spiffe://a/./b", "spiffe://a/../b", "spiffe://A/b", "https://a/b", "spiffe://" + "a" * 256 + "/b"],
)  # fmt: skip
def test_another_spelling_is_none(text: str) -> None:
    assert trust_domain(text) is None


def test_a_trust_domain_has_an_end() -> None:
    assert is_trust_domain("a" * 255)
    assert not is_trust_domain("a" * 256)
    assert not is_trust_domain("")
