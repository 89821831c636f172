import pytest
from pydantic import TypeAdapter, ValidationError

from residency.core.duration import Seconds, seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "-5s", "5 s", "1.5h", "5S", "5s\n", "\u0665s", "1h30m", "1234567s", "5w"],
)
def test_what_is_no_whole_number_with_a_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number and a unit"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "found"), [("55s", 55), ("15m", 900), ("24h", 86400), ("7d", 604800), ("0s", 0)]
)
def test_a_duration_is_told_in_seconds(text: str, found: int) -> None:
    assert seconds(text) == found


def test_a_model_reads_durations() -> None:
    assert TypeAdapter(Seconds).validate_python("2m") == 120


def test_a_model_refuses_a_number_without_a_unit() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Seconds).validate_python("120")
