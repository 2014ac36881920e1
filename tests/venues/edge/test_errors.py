"""Tests of mm/venues/edge/errors.py: every row of the table, and UNKNOWN for all that is not on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.units import NS_PER_S
from mm.venues.edge.errors import (
    ACCESS_CODES,
    BAN_DEFAULT_S,
    CROSSED_TEXT,
    DEFINITIVE_STATUSES,
    DUPLICATE_TEXT,
    FUNDS_TEXT,
    ORDER_REFUSED,
    ORDERS_DEFAULT_S,
    PLACE_REFUSALS,
    TOO_MANY_ORDERS,
    TOO_MUCH_WEIGHT,
    WAIT_MAX_S,
    WEIGHT_DEFAULT_S,
    PlaceVerdict,
    RequestFailure,
    asked_to_wait,
    is_access_denied,
    place_verdict,
)

REFUSED_CODES = {
    *(-1002, -1003, -1008, -1013, -1014, -1015, -1016, -1020, -1021, -1022),
    *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112, -1114, -1115, -1116, -1117),
    *(-1118, -1121, -1128, -1130, -1131, -2010, -2014, -2015, -2016),
}
UNKNOWN_CODES = (-1000, -1001, -1006, -1007, -2011, -2013, -2021, -2022, -4046, -9999)


def test_the_list_of_refusals_is_the_documented_one() -> None:
    """A code that proves a refusal is added on purpose, never by accident."""
    assert set(PLACE_REFUSALS) == REFUSED_CODES
    assert all(PLACE_REFUSALS.values())


@pytest.mark.parametrize("code", sorted(REFUSED_CODES))
@pytest.mark.parametrize("status", [400, 401, 403, 418, 429, 500, 503])
def test_a_listed_code_proves_a_refusal_whatever_the_status(code: int, status: int) -> None:
    """The venue's own code decides, not the status it came with."""
    assert place_verdict(RequestFailure("text", code=code, status=status)) == PlaceVerdict(refused=True)


@pytest.mark.parametrize("code", UNKNOWN_CODES)
@pytest.mark.parametrize("status", [200, 400, 403, 409, 500, 503, 504])
def test_every_other_code_leaves_the_order_unknown(code: int, status: int) -> None:
    """Server faults, time-outs and codes nobody listed prove nothing, not even with a 4xx status."""
    assert place_verdict(RequestFailure("text", code=code, status=status)) == PlaceVerdict(refused=False)


@pytest.mark.parametrize("status", sorted(DEFINITIVE_STATUSES | {418, 429}))
def test_being_turned_away_at_the_door_is_a_refusal(status: int) -> None:
    """A firewall or a limit answers without a code; the request was not looked at."""
    assert place_verdict(RequestFailure("text", status=status)).refused


@pytest.mark.parametrize("status", [0, 200, 302, 408, 409, 500, 502, 503, 504])
def test_a_status_that_proves_nothing_leaves_the_order_unknown(status: int) -> None:
    """Neither a fault of the server nor a garbled success tells what became of the order."""
    assert not place_verdict(RequestFailure("text", status=status)).refused


def test_what_never_left_is_refused() -> None:
    """No order can live that was never sent."""
    assert place_verdict(RequestFailure("cannot be reached", sent=False)) == PlaceVerdict(refused=True)


def test_the_texts_of_a_refused_order_are_told_apart() -> None:
    """One code has three meanings that matter, and one of them means that the order lives."""
    verdicts = {
        text: place_verdict(RequestFailure(text, code=ORDER_REFUSED, status=400))
        for text in (CROSSED_TEXT, FUNDS_TEXT, DUPLICATE_TEXT, "Market is closed.")
    }
    assert verdicts == {
        CROSSED_TEXT: PlaceVerdict(refused=True, crossed=True),
        FUNDS_TEXT: PlaceVerdict(refused=True, funds=True),
        DUPLICATE_TEXT: PlaceVerdict(refused=False, duplicate=True),
        "Market is closed.": PlaceVerdict(refused=True),
    }


@pytest.mark.parametrize("code", sorted(ACCESS_CODES))
def test_codes_about_the_key_deny_access(code: int) -> None:
    """They end trading, whatever the library would call them."""
    assert is_access_denied(RequestFailure("text", code=code, status=400))


def test_an_unauthorised_status_denies_access_and_others_do_not() -> None:
    """401 is about the key even without a code; a filter is not."""
    assert is_access_denied(RequestFailure("text", status=401))
    assert not is_access_denied(RequestFailure("text", code=-1013, status=400))


@pytest.mark.parametrize(
    ("failure", "seconds", "banned"),
    [
        (RequestFailure("x", status=429, retry_after_s=7), 7, False),
        (RequestFailure("x", status=429), WEIGHT_DEFAULT_S, False),
        (RequestFailure("x", status=418), BAN_DEFAULT_S, True),
        (RequestFailure("x", status=418, retry_after_s=300), 300, True),
        (RequestFailure("x", status=418, retry_after_s=10**9), WAIT_MAX_S, True),
        (RequestFailure("x", code=TOO_MANY_ORDERS, status=400), ORDERS_DEFAULT_S, False),
        (RequestFailure("x", code=TOO_MUCH_WEIGHT, status=400), WEIGHT_DEFAULT_S, False),
    ],
)
def test_a_limit_says_how_long_to_wait(failure: RequestFailure, seconds: int, banned: bool) -> None:
    """The venue's own number counts, a default where it gives none, and never longer than its longest ban."""
    wait = asked_to_wait(failure, now_ns=5, offset_ns=0)
    assert wait == (5 + seconds * NS_PER_S, banned)


def test_the_end_of_a_ban_is_read_from_its_text_in_our_time() -> None:
    """The text states the venue's time; our clock may differ from it."""
    text = "Way too much request weight used; IP banned until 1700000300000. Please use websocket."
    failure = RequestFailure(text, code=TOO_MUCH_WEIGHT, status=418)
    now_ns = 1_700_000_000 * NS_PER_S
    wait = asked_to_wait(failure, now_ns=now_ns, offset_ns=2 * NS_PER_S)
    assert wait == (now_ns + 298 * NS_PER_S, True)


def test_other_failures_do_not_ask_to_wait() -> None:
    """A filter is no limit on requests."""
    assert asked_to_wait(RequestFailure("x", code=-1013, status=400), now_ns=5, offset_ns=0) is None


@given(st.integers(max_value=-1), st.integers(min_value=0, max_value=599))
def test_no_pair_of_code_and_status_is_taken_for_a_refusal_by_chance(code: int, status: int) -> None:
    """With a code that is not listed, only a limiting status proves that nothing was done."""
    verdict = place_verdict(RequestFailure("x", code=code, status=status))
    assert verdict.refused == (code in PLACE_REFUSALS or status in {418, 429})


def test_a_failure_is_safe_to_print() -> None:
    """Neither its text nor its reason holds an address or a signature, whoever wrote them."""
    failure = RequestFailure("POST https://api.binance.com/x?signature=ABC", code=-1000, status=500)
    assert "ABC" not in str(failure) + failure.reason + repr(failure)
    assert failure.number == -1000
    assert RequestFailure("x", status=403).number == 403
