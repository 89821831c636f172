"""Rule files say one thing only, and every fault knows its line and column."""

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict

from residency.core import document
from residency.core.document import MAX_BYTES, MAX_DEPTH, Value, fit, spell
from residency.core.faults import Faults
from residency.errors import ConfigurationError, Fault


def read(text: str) -> tuple[Value, list[str]]:
    faults = Faults()
    found = document.read(text, "f.yaml", faults)
    return found.value, [str(f) for f in sorted(faults.found)]


def value(text: str) -> Value:
    found, faults = read(text)
    assert faults == []
    return found


# Attacks first: what YAML would take in silence.


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: deny\na: allow\n", "f.yaml:2:1: a: the key 'a' a second time is refused (keep one)"),
        (
            "r:\n  - {a: 1, a: 2}\n",
            "f.yaml:2:12: r[0].a: the key 'a' a second time is refused (keep one)",
        ),
        ("a: &x 1\n", "f.yaml:1:4: an anchor is refused (write values out where they are used)"),
        ("a: !!python/name:os.system x\n", "a tag, 'tag:yaml.org,2002:python/name:os.system'"),
        ("a: ! x\n", "f.yaml:1:4: a tag, '!' is refused (remove it)"),
        ("! {a: b}\n", "f.yaml:1:1: a tag, '!' is refused (remove it)"),
        ("a: 1\n---\na: 2\n", "f.yaml:2:1: a second document in one file is refused (keep one)"),
        ("[x]: 1\n", "f.yaml:1:1: a key that is not plain text is refused (write the key as text)"),
        ("~: 1\n", "f.yaml:1:1: a key that is not plain text is refused (write the key as text)"),
        ("a: [1\n", "f.yaml:2:1: not YAML: "),
        ("a:\n\tb: 1\n", "(indent with spaces, not tabs)"),
        ("a: b: c\n", "(mend the indentation, close brackets and quotes, or quote text with"),
        ("a: 'x\n", "not YAML: "),
        ("a: \x07\n", "f.yaml: not YAML: "),
        ("a: \ud800\n", "f.yaml: not YAML: "),
    ],
)  # fmt: skip
def test_l4_what_means_two_things_is_refused(text: str, fault: str) -> None:
    found = read(text)[1]

    assert any(fault in f for f in found), found


def test_an_alias_is_refused_and_stands_for_nothing() -> None:
    found, faults = read("a: &x [1]\nb: *x\n")

    assert found == {"a": ["1"], "b": None}
    assert "f.yaml:2:4: an alias is refused (write the value out)" in faults


def test_a_bomb_of_aliases_stays_small() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 30)]

    found, faults = read("\n".join(lines))

    assert len(str(found)) < 1000
    assert len(faults) == 30 + 29 * 2


def test_depth_has_a_limit_of_ours_and_not_of_the_stack() -> None:
    found, faults = read("a: " + "[" * 3000 + "]" * 3000)

    assert found is None
    assert faults == [f"f.yaml:1:{4 + MAX_DEPTH - 1}: not YAML: nested deeper than {MAX_DEPTH}"]


def test_the_greatest_depth_is_still_read() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []


def test_a_file_has_a_limit_in_bytes() -> None:
    found, faults = read("é" * (MAX_BYTES // 2 + 1))

    assert found is None
    assert faults == [f"f.yaml: larger than {MAX_BYTES} bytes"]


# Values


@pytest.mark.parametrize(
    "text", ["NO", "off", "012", "1_000", "12:30:00", "0x1F", "1e3", "2027-06-30", "null", "true"]
)
def test_l3_a_scalar_is_the_text_that_was_written(text: str) -> None:
    """YAML 1.1 reads NO as false and 012 as ten: Norway was lost that way."""
    assert value(f"a: {text}\n") == {"a": text}


@pytest.mark.parametrize(
    ("text", "found"),
    [("a:", None), ("a: ~", None), ("a: ''", ""), ("a: '~'", "~"), ("a: |\n  x\n", "x\n")],
)
def test_only_what_is_plainly_empty_is_none(text: str, found: str | None) -> None:
    assert value(text) == {"a": found}


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert value("<<: {a: b}\n") == {"<<": {"a": "b"}}


def test_faults_do_not_end_the_search_for_more() -> None:
    faults = read("a: 1\na: 2\nb: &x 1\nb: 2\n")[1]

    assert [f.split(":")[1] for f in faults] == ["2", "3", "4"]


# Models


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int
    name: str = "x"

    @pydantic.field_validator("name")
    @classmethod
    def _not_y(cls, name: str) -> str:
        if name == "y":
            raise ValueError("y is no name")
        return name


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[Inner, ...]
    either: tuple[str, ...] | int | None = None


def fits(text: str) -> tuple[Outer | None, list[str]]:
    faults = Faults()
    found = fit(document.read(text, "f.yaml", faults), Outer, faults)
    return found, [str(f) for f in sorted(faults.found)]


def test_text_becomes_what_the_model_wants() -> None:
    assert fits("items: [{port: 443}]") == (Outer(items=(Inner(port=443),)), [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("items:\n  - port: x\n", "f.yaml:2:11: items[0].port: input should be a valid integer"),
        ("items:\n  - name: x\n", "f.yaml:2:5: items[0].port: is missing (add it)"),
        (
            "items:\n  - port: 1\n    prot: 2\n",
            "f.yaml:3:11: items[0].prot: is not a key that is known here (correct its spelling, or remove it)",
        ),
        ("items:\n  - {port: 1, name: y}\n", "f.yaml:2:21: items[0].name: y is no name"),
        ("items:\n  - port: 1\n    name:\n", "f.yaml:3:10: items[0].name: is empty (write a value)"),
        ("items: x\n", "f.yaml:1:8: items: is not a list (write [a, b])"),
        ("items: []\neither:\n  - {}\n", "f.yaml:3:5: either[0]: input should be a valid string"),
        ("other: 1\n", "f.yaml:1:1: items: is missing (add it)"),
        ("- 1\n", "f.yaml:1:1: is not a mapping (write {key: value})"),
    ],
)  # fmt: skip
def test_a_misfit_is_told_with_its_place(text: str, fault: str) -> None:
    found, faults = fits(text)

    assert found is None
    assert any(f.startswith(fault) for f in faults), faults


def test_every_misfit_is_told_at_once() -> None:
    assert len(fits("items: [{port: a}, {port: b}]\nmore: 1\nyet: 2\n")[1]) == 4


def test_an_empty_file_is_a_fault_even_where_another_file_has_one() -> None:
    faults = Faults()
    document.read("a: [", "other.yaml", faults)
    fit(document.read("# nothing\n", "f.yaml", faults), Outer, faults)

    assert "f.yaml: the file is empty (fill it)" in [str(f) for f in faults.found]


def test_a_file_that_cannot_be_parsed_is_not_called_empty_too() -> None:
    assert len(fits("items: [")[1]) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("rules", 3, "then"), "rules[3].then"), ((0, "a", 1), "[0].a[1]")],
)
def test_a_place_is_spelled_as_a_path(path: tuple[str | int, ...], text: str) -> None:
    assert spell(path) == text


# Faults


def test_a_fault_is_kept_once_and_all_are_raised_in_order() -> None:
    faults = Faults()
    later, earlier = Fault("b", 1, 1, "", "x"), Fault("a", 9, 1, "", "y", "mend")
    faults.extend([later, earlier, later])

    with pytest.raises(ConfigurationError) as e:
        faults.check()
    assert str(e.value) == "2 faults\na:9:1: y (mend)\nb:1:1: x"


def test_without_a_fault_nothing_is_raised() -> None:
    faults = Faults()
    faults.check()

    assert not faults
