"""Held calls as flows in mitmproxy's own view."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.test import taddons
from mitmproxy.utils import emoji

from residency.core.hold import State
from residency.proxy.deskboard import DOUBT, GONE, LEAVE_SECONDS, MARKS, Board, flow_of, summary
from residency.proxy.deskclient import HeldCall
from tests.admin_api import hold_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def view() -> View:
    found = View()
    with taddons.context(found):
        return found


@pytest.fixture
def board(view: View, clock: Clock) -> Board:
    return Board(view, clock)


def held(number: int = 1, **changes: Any) -> HeldCall:
    return HeldCall.model_validate(
        hold_of(number, **{"opened": 1_800_000_000 + number, "expires": 1_800_000_900} | changes)
    )


def only(view: View) -> http.HTTPFlow:
    (flow,) = view
    assert isinstance(flow, http.HTTPFlow)
    return flow


def test_a_new_hold_appears_marked_as_waiting(board: Board, view: View) -> None:
    board.show([held()])

    flow = only(view)
    assert flow.marked == MARKS[State.WAITING]
    assert "0 of 1" in flow.comment


def test_its_line_says_what_is_called_and_where(board: Board, view: View) -> None:
    board.show([held(places=["DE", "US"])])

    request = only(view).request
    assert request.method == "HOLD"
    assert request.pretty_url == (
        "https://api.openai.com/openai:chat.completions:gpt-1"
        "?places=DE%2C%20US&rule=ask-compliance&caller=alice"
    )


def test_its_facts_are_names_and_counts(board: Board, view: View) -> None:
    board.show([held()])

    headers = only(view).request.headers
    assert headers["Fields"] == "personal-data 2 ($.messages[*].content 2)"
    assert headers["Masked"] == "personal-data 2 ($.messages[*].content 2)"
    assert headers["Places"] == "US (declared)"
    assert headers["Caller"] == "alice of https://id.example.com"
    assert headers["Hold-Id"] == held().id


def test_a_body_that_was_not_read_is_not_called_clean() -> None:
    carrying = {"state": "unread", "counts": {}, "reason": "not-json", "signed": False}

    flow = flow_of(held(carrying=carrying))

    assert flow.request.headers["Fields"].startswith("NOT KNOWN")
    assert "not-json" in flow.request.headers["Fields"]


def test_a_body_that_was_read_and_is_clean_says_so() -> None:
    carrying = {"state": "read", "counts": {"personal-data": {"$.a": 0}}}

    flow = flow_of(held(carrying=carrying))

    assert flow.request.headers["Fields"] == "no regulated field found"


def test_the_same_hold_told_again_stays_one_line_and_keeps_the_focus(
    board: Board, view: View
) -> None:
    board.show([held(1), held(2)])
    before = list(view)
    view.focus.flow = before[1]

    board.show([held(1), held(2)])

    assert list(view) == before
    assert view.focus.flow is before[1]


def test_only_new_holds_are_announced(board: Board) -> None:
    assert [h.id for h in board.show([held(1)])] == [held(1).id]
    assert [h.id for h in board.show([held(1), held(2)])] == [held(2).id]


@pytest.mark.parametrize("state", [s for s in State if s is not State.WAITING])
def test_a_decided_call_is_marked_and_leaves(
    board: Board, view: View, clock: Clock, state: State
) -> None:
    board.show([held()])
    board.show([held(state=state)])
    assert only(view).marked == MARKS[state]

    clock.now += LEAVE_SECONDS
    board.show([held(state=state)])
    assert not list(view)

    board.show([held(state=state)])
    assert not list(view)


@pytest.mark.parametrize("state", [s for s in State if s is not State.WAITING])
def test_a_call_that_was_decided_before_does_not_appear(
    board: Board, view: View, state: State
) -> None:
    new = board.show([held(state=state)])

    assert not new
    assert not list(view)


def test_one_approval_of_two_leaves_it_waiting(board: Board, view: View) -> None:
    board.show([held(quorum=2)])
    board.show([held(quorum=2, rulings=[{"approve": True}])])

    flow = only(view)
    assert flow.marked == MARKS[State.WAITING]
    assert "1 of 2" in flow.comment
    assert flow.request.headers["Approvers"].startswith("1 of 2")


def test_a_hold_that_is_no_longer_told_is_marked_and_leaves(
    board: Board, view: View, clock: Clock
) -> None:
    board.show([held()])
    board.show([])
    assert only(view).marked == GONE

    clock.now += LEAVE_SECONDS
    board.show([])
    assert not list(view)


def test_an_older_answer_does_not_open_a_closed_card_again(board: Board, view: View) -> None:
    board.show([held()])
    board.update(held(state="approved"))

    board.show([held()])

    assert only(view).marked == MARKS[State.APPROVED]


def test_a_card_that_was_deleted_while_its_call_waits_comes_back(board: Board, view: View) -> None:
    board.show([held()])
    view.remove([only(view)])

    board.show([held()])

    assert only(view).marked == MARKS[State.WAITING]


def test_nobody_knows_how_calls_stand_while_the_gateway_is_silent(
    board: Board, view: View
) -> None:
    board.show([held()])

    board.doubt("no answer")
    assert only(view).marked == DOUBT
    assert "no answer" in only(view).comment

    board.show([held()])
    assert only(view).marked == MARKS[State.WAITING]


def test_decided_calls_leave_while_the_gateway_is_silent_too(
    board: Board, view: View, clock: Clock
) -> None:
    board.show([held()])
    board.update(held(state="denied"))

    board.doubt("no answer")
    assert only(view).marked == MARKS[State.DENIED]

    clock.now += LEAVE_SECONDS
    board.doubt("no answer")
    assert not list(view)


def test_a_copy_of_a_card_is_no_held_call(board: Board, view: View) -> None:
    board.show([held()])
    flow = only(view)

    assert board.hold(flow.id) == held()
    assert board.hold(flow.copy().id) is None


def test_clearing_takes_our_cards_away_and_no_others(board: Board, view: View) -> None:
    other = flow_of(held(9))
    view.add([other])
    board.show([held(1), held(2)])

    board.clear()

    assert list(view) == [other]


def test_every_mark_is_a_glyph_of_its_own_that_mitmproxy_can_draw() -> None:
    marks = {*MARKS.values(), GONE, DOUBT}

    assert marks <= emoji.emoji.keys()
    assert len({emoji.emoji[m][0] for m in marks}) == len(marks)
    assert MARKS.keys() == set(State)


text = st.text(max_size=60)


@given(text, text, text, text)
def test_names_that_a_caller_chose_cannot_write_to_the_terminal(
    function: str, host: str, subject: str, path: str
) -> None:
    hold = held(
        function=function,
        host=host,
        caller={"issuer": subject, "subject": subject, "groups": [subject]},
        masked={"set": {path: 1}},
    )

    request = flow_of(hold).request

    assert summary(hold).isprintable()
    assert request.host.isprintable()
    assert request.path.isascii()
    assert request.path.isprintable()
    assert all(v.isprintable() for v in request.headers.values())


def test_times_are_utc_and_sort_the_list() -> None:
    request = flow_of(held(opened=1_800_000_000)).request

    at = datetime.datetime.fromtimestamp(1_800_000_000, datetime.UTC)
    assert request.headers["Opened"] == at.strftime("%Y-%m-%d %H:%M:%SZ")
    assert request.timestamp_start == 1_800_000_000
