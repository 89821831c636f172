import json

import pytest

from residency.errors import CODES
from residency.proxy.answer import placeholder, problem


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_an_answer(code: str) -> None:
    """RFC 9457, and for 407 the challenge that RFC 9110 section 15.5.8 asks for."""
    found = problem(code, decision="d1", members={"rule": None})
    told = json.loads(found.content or b"")

    assert found.headers["content-type"] == "application/problem+json"
    assert found.headers["residency-decision"] == told["decision"] == "d1"
    assert told["status"] == found.status_code == CODES[code].status
    assert {"type", "title", "detail", "code", "rule"} <= set(told)
    assert ("proxy-authenticate" in found.headers) is (found.status_code == 407)


def test_an_answer_is_ascii_whatever_it_says() -> None:
    assert (problem("rule", detail="\u202e\r\né\x1b").content or b"").isascii()


def test_the_denial_that_stands_is_new_for_every_call() -> None:
    first = placeholder()
    first.status_code = 200

    assert placeholder().status_code == 503
