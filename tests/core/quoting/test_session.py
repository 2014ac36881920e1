"""When a session ends: a length after its first quote, or a time of day; and what follows."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.quoting.about import DAY_MS
from mm.quoting.session import ENDLESS, NOT_STARTED, Moment, SessionEnd, SessionParams, moment

HOUR_MS = 3_600_000
DAY_NS = DAY_MS * NS_PER_MS
MIDNIGHT_NS = 20_000 * DAY_NS
NOON_NS = MIDNIGHT_NS + 12 * HOUR_MS * NS_PER_MS


def some_params(**changes: int | str) -> SessionParams:
    """Parameters through the door that the config uses."""
    return TypeAdapter(SessionParams).validate_python({"order_amount_base": 1} | changes)


def test_without_an_end_a_session_lasts_for_ever() -> None:
    """Nothing is remembered, whatever was."""
    assert moment(some_params(), NOON_NS, NOT_STARTED) == ENDLESS == Moment(NOT_STARTED, inf, False)
    assert moment(some_params(), NOON_NS, 7) == ENDLESS


def test_a_length_counts_from_the_first_quote() -> None:
    """The end is remembered, and what is left shrinks towards it."""
    params = some_params(session_length_ms=60_000)

    first = moment(params, NOON_NS, NOT_STARTED)
    later = moment(params, NOON_NS + 45 * NS_PER_S, first.end_ns)

    assert first == Moment(NOON_NS + 60 * NS_PER_S, 60.0, False)
    assert later == Moment(first.end_ns, 15.0, False)


@pytest.mark.parametrize(
    ("close_ms", "left_s"),
    [(13 * HOUR_MS, 3_600), (12 * HOUR_MS, 86_400), (11 * HOUR_MS, 82_800), (0, 43_200)],
)
def test_a_time_of_day_is_the_next_one(close_ms: int, left_s: float) -> None:
    """Today if it is still to come, else tomorrow."""
    assert moment(some_params(session_close_ms=close_ms), NOON_NS, NOT_STARTED).left_s == left_s


def test_after_the_end_only_reducing_is_left() -> None:
    """Unless told otherwise; the end stays remembered."""
    params = some_params(session_length_ms=60_000)

    assert moment(params, NOON_NS, NOON_NS) == Moment(NOON_NS, 0.0, True)
    assert moment(params, NOON_NS + DAY_NS, NOON_NS) == Moment(NOON_NS, 0.0, True)


def test_after_the_end_a_session_like_the_first_begins_if_told_to() -> None:
    """Of the same length, or to the next time of day."""
    length = some_params(session_length_ms=60_000, session_end="restart")
    close = some_params(session_close_ms=13 * HOUR_MS, session_end="restart")

    assert moment(length, NOON_NS + 5, NOON_NS).left_s == 60.0
    assert moment(close, NOON_NS, NOON_NS - 23 * HOUR_MS * NS_PER_MS).left_s == 3_600


def test_two_ends_are_one_too_many() -> None:
    """A length and a time of day contradict each other."""
    with pytest.raises(ValidationError, match="session_length_ms and session_close_ms are both set"):
        some_params(session_length_ms=1, session_close_ms=1)


@given(
    st.none() | st.integers(1, 365 * DAY_MS),
    st.none() | st.integers(0, DAY_MS - 1),
    st.sampled_from(SessionEnd),
    st.lists(st.integers(0, 2 * DAY_NS), max_size=10),
)
def test_the_time_that_is_left_only_shrinks_until_the_end(
    length_ms: int | None, close_ms: int | None, end: SessionEnd, pauses: list[int]
) -> None:
    """Never negative; it is 0 when all is over, and stays so; it grows only where a session begins."""
    if length_ms is not None and close_ms is not None:
        return
    params = SessionParams(
        order_amount_base=1,  # type: ignore[arg-type]  # not looked at here
        session_length_ms=length_ms,
        session_close_ms=close_ms,
        session_end=end,
    )
    now_ns, before = MIDNIGHT_NS, moment(params, MIDNIGHT_NS, NOT_STARTED)
    for pause_ns in pauses:
        now_ns += pause_ns
        after = moment(params, now_ns, before.end_ns)
        assert after.left_s >= 0
        assert after.is_over == (after.left_s == 0)
        assert not before.is_over or after.is_over
        if after.end_ns == before.end_ns:
            assert after.left_s <= before.left_s
        else:
            assert end is SessionEnd.RESTART
        before = after
