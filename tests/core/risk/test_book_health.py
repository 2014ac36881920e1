"""Nothing rests on a market that cannot be seen."""

import pytest

from mm.domain.book import BookStatus
from mm.domain.quotes import Quotes
from mm.risk.book_health import CROSSED, EMPTY_SIDE, STALE, UNSYNCED, USER_STREAM, BookHealth
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view

RULE = BookHealth(stale_ns_max=2_000, crossed_ns_max=200)

SICK = [
    ({"book_status": BookStatus.OUT_OF_SYNC}, UNSYNCED),
    ({"book_status": BookStatus.EMPTY}, UNSYNCED),
    ({"book_age_ns": 2_001}, STALE),
    ({"book_crossed_ns": 201}, CROSSED),
    ({"bid_ticks": 0}, EMPTY_SIDE),
    ({"ask_ticks": 0}, EMPTY_SIDE),
    ({"user_stream_up": False}, USER_STREAM),
]


def healthy(**changes: object) -> dict[str, object]:
    """Return the changes of a view whose book is as old and as long crossed as is allowed."""
    return {"book_age_ns": 2_000, "book_crossed_ns": 0} | changes


def test_a_healthy_book_changes_nothing() -> None:
    """A book that is exactly as old and as long crossed as allowed lets the same object through."""
    quotes = make_quotes()

    assert RULE.shape(quotes, make_risk_view(**healthy(book_crossed_ns=200))) is quotes
    assert RULE.admit(make_place(), make_risk_view(**healthy())) is None


@pytest.mark.parametrize(("changes", "cause"), SICK)
def test_each_cause_withholds_every_quote_and_is_the_reason(changes: dict[str, object], cause: str) -> None:
    """Every failing condition leaves no quote, keeps the memory and says why."""
    quotes = make_quotes()

    shaped = RULE.shape(quotes, make_risk_view(**healthy(**changes)))

    assert shaped == Quotes((), (), cause, quotes.memory)


@pytest.mark.parametrize("sizes", [{"bids": (5,), "asks": ()}, {"bids": (), "asks": (5,)}])
def test_a_one_sided_ladder_is_withheld_too(sizes: dict[str, tuple[int, ...]]) -> None:
    """One side alone is not better informed than two."""
    shaped = RULE.shape(make_quotes(**sizes), make_risk_view(**healthy(user_stream_up=False)))

    assert (shaped.bids, shaped.asks, shaped.reason) == ((), (), USER_STREAM)


@pytest.mark.parametrize(("changes", "cause"), SICK)
def test_each_cause_refuses_what_is_new(changes: dict[str, object], cause: str) -> None:
    """Every failing condition refuses a placement that does not reduce, with its own code."""
    refusal = RULE.admit(make_place(), make_risk_view(**healthy(**changes)))

    assert refusal is not None
    assert refusal.code == cause
    assert dict(refusal.facts).keys() == {"status", "age_ns", "crossed_ns", "bid_ticks", "ask_ticks"}


@pytest.mark.parametrize(("changes", "cause"), SICK)
def test_an_exit_needs_a_known_market_and_no_more(changes: dict[str, object], cause: str) -> None:
    """An exit is refused while the book is out of sync or old, and for no other cause."""
    refusal = RULE.admit(make_exit(), make_risk_view(**healthy(**changes)))

    assert (refusal is not None) is (cause in (UNSYNCED, STALE))


def test_a_cause_that_stops_exits_is_not_hidden_by_one_that_does_not() -> None:
    """A book that is stale, one-sided and crossed without a user stream still refuses the exit as stale."""
    view = make_risk_view(book_age_ns=2_001, bid_ticks=0, book_crossed_ns=500, user_stream_up=False)

    refusal = RULE.admit(make_exit(), view)

    assert refusal is not None
    assert refusal.code == STALE


@pytest.mark.parametrize("changes", [{"book_crossed_ns": 1}, {"bid_ticks": 10_001}, {"bid_ticks": 10_002}])
def test_the_first_instant_of_a_crossing_refuses_but_does_not_withhold(changes: dict[str, object]) -> None:
    """A book that is crossed or locked right now takes no new order, while the working ones may stay."""
    quotes, view = make_quotes(), make_risk_view(**healthy(**changes))

    assert RULE.shape(quotes, view) is quotes
    refusal = RULE.admit(make_place(), view)
    assert refusal is not None
    assert refusal.code == CROSSED


def test_an_empty_ladder_keeps_the_reason_of_its_strategy() -> None:
    """A strategy that quotes nothing is not overruled on why."""
    quotes = Quotes((), (), "waits for volatility", None)

    assert RULE.shape(quotes, make_risk_view(book_status=BookStatus.EMPTY)) is quotes
