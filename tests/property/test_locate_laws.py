"""Laws over every host that the catalogue knows: a look-alike never has a place, and no URL is an error."""

import functools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from residency.cli import located
from residency.core.document import read
from residency.core.faults import Faults
from residency.core.region.destination import Destination
from residency.core.region.known import providers
from residency.files import shipped_rules, sources
from tests.atlases import shipped

_VALUES = {"suffix": "amazonaws.com", "zone": "eu"}
_REGIONS = (
    "eu-west-1",
    "europe-west3",
    "westeurope",
    "eu-frankfurt-1",
    "eu-de",
    "fr-par",
    "eu",
    "us",
)
#: Cyrillic and full-width look-alikes, ligatures, and what UTS 46 drops.
LETTERS = "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u3002\uff0e\uff61\ufb00\u2170\u2121\u00df\u200d\u00ad\u0130"
#: Those that UTS 46 maps to several letters, or to another.
SEVERAL = "\ufb00\u2170\u2121\u00df"
PATHS = ("/", "/v1/messages", "/v1/chat/completions", "/model/eu.anthropic.x/converse", "/a/b?c=d")


_POSITION = re.compile(r"\{(\w+)(\.\.\.)?\}")


def _value(region: str, position: re.Match[str]) -> str:
    return _VALUES.get(position[1], region)


@functools.cache
def hosts() -> tuple[str, ...]:
    """A host for each pattern of the catalogue, as far as one is easily made."""
    faults = Faults()
    documents = [
        read(text, name, faults)
        for name, text in sources(shipped_rules()).items()
        if name.startswith("catalogue/")
    ]
    found: dict[str, None] = {}
    for provider in providers(documents, [], faults):
        for pattern in (host for entry in provider.entries for host in entry.hosts):
            for region in _REGIONS:
                host = _POSITION.sub(functools.partial(_value, region), pattern)
                if shipped().matcher.match(host):
                    found[host] = None
                    break
    return tuple(found)


def ask(url: str) -> Destination:
    return located.ask(shipped(), url, "POST", (), b"{}")


def placed(to: Destination) -> bool:
    return not to.places.unknown


host_of_the_catalogue = st.deferred(lambda: st.sampled_from(hosts()))
paths = st.sampled_from(PATHS)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


def test_most_patterns_of_the_catalogue_are_among_the_hosts() -> None:
    assert len(hosts()) > 100
    assert sum(placed(ask(f"https://{h}{p}")) for h in hosts() for p in PATHS[:2]) > 20


@settings(deadline=None, max_examples=300)
@given(host_of_the_catalogue, labels, labels, paths)
def test_a_foreign_suffix_never_has_a_place(host: str, one: str, two: str, path: str) -> None:
    evil = f"{one}.{two}.example"
    for url in (
        f"https://{host}.{evil}{path}",
        f"https://{host}{one}.{two}.example{path}",
        f"https://{host}@{evil}{path}",
        f"https://{host}:443@{evil}{path}",
        f"https://{host}%2f@{evil}{path}",
        f"https://{evil}/{host}{path}",
        f"https://{evil}?https://{host}{path}",
        f"https://{evil}#@{host}{path}",
        f"https://{evil}\\@{host}{path}",
        f"https://{evil}\\.{host}{path}",
        f"https://{one}@{two}@{host}{path}",
        f"https://{evil}:443:{host}{path}",
        f"https://{evil}%00.{host}{path}",
        f"https://{evil}\t.{host}{path}",
    ):
        assert not placed(ask(url)), url


@settings(deadline=None, max_examples=300)
@given(host_of_the_catalogue, paths, st.data())
def test_a_percent_encoded_host_never_has_a_place(
    host: str, path: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(host) - 1))
    spelled = f"{host[:at]}%{ord(host[at]):02x}{host[at + 1 :]}"

    assert not placed(ask(f"https://{spelled}{path}"))


@settings(deadline=None, max_examples=300)
@given(host_of_the_catalogue, paths, st.data())
def test_another_spelling_of_the_same_host_says_the_same(
    host: str, path: str, data: st.DataObject
) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(host), max_size=len(host)))
    mixed = "".join(c.upper() if up else c for c, up in zip(host, upper, strict=True))
    user = data.draw(labels)
    same = ask(f"https://{host}{path}")

    for spelled in (mixed, f"{mixed}.", f"{mixed}:443", f"{user}@{mixed}", f"{user}:x@{mixed}"):
        assert ask(f"HTTPS://{spelled}{path}") == same, spelled


@settings(deadline=None, max_examples=300)
@given(host_of_the_catalogue, paths, st.sampled_from(LETTERS), st.data())
def test_a_foreign_letter_never_leads_to_another_country(
    host: str, path: str, letter: str, data: st.DataObject
) -> None:
    """UTS 46 maps some to the plain host, to a dot or to nothing: never another country than those have."""
    at = data.draw(st.integers(0, len(host) - 1))
    before, after = host[:at], host[at + 1 :]
    to = ask(f"https://{before}{letter}{after}{path}")
    plain = (host, f"{before}.{after}", f"{before}{after}")
    mapped = {ask(f"https://{h}{path}").places for h in plain}

    assert not placed(to) or to.places.anywhere or to.places in mapped or letter in SEVERAL


@settings(deadline=None, max_examples=500)
@given(
    st.text()
    | st.tuples(st.sampled_from(["https://", "http://", "//", ""]), host_of_the_catalogue, st.text()).map("".join)
    | st.tuples(st.just("https://"), st.text(), host_of_the_catalogue, st.text()).map("".join)
)  # fmt: skip
def test_no_url_is_an_error(url: str) -> None:
    to = ask(url)

    assert Destination.from_plain(to.to_plain()) == to
    assert to.evidence
