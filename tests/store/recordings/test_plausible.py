"""Prices that cannot be are left out of a recording and told; everything else is handed on as it is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.events import AnyEvent, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.domain.tape import ENDS, SEAM, events
from mm.store.recordings import plausible
from mm.store.recordings.plausible import FAR_TIMES, LeftOut, PlausibleSource, is_far, left_out_of
from mm.store.recordings.source import DAYS_GONE
from tests.builders.instruments import INSTRUMENT
from tests.builders.stored import EventSource, market_events

SYMBOL = INSTRUMENT.symbol
BEGIN_NS = 10**18


def trade(number: int, price_ticks: int) -> PublicTrade:
    """A print."""
    return PublicTrade(
        ts_ns=BEGIN_NS + number,
        symbol=SYMBOL,
        trade_id=number,
        price_ticks=price_ticks,
        size_atoms=5,
        aggressor=Side.BUY,
        venue_ms=1,
    )


def top(number: int, bid_ticks: int, ask_ticks: int) -> TopOfBook:
    """Best prices; 0 for an empty side."""
    return TopOfBook(
        ts_ns=BEGIN_NS + number,
        symbol=SYMBOL,
        seq=number,
        bid=Level(bid_ticks, 5 if bid_ticks else 0),
        ask=Level(ask_ticks, 5 if ask_ticks else 0),
    )


def read(*groups: Sequence[AnyEvent]) -> tuple[list[AnyEvent], LeftOut | None]:
    """What is handed on of events, a chunk for each group, and what is left out."""
    source = PlausibleSource(EventSource(*groups))
    found = [event for chunk in source.chunks() for event in events(chunk)]
    return found, left_out_of(source)


@pytest.fixture(params=["with arrays", "without"], autouse=True)
def _arrays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # The extra changes the pace and nothing else.
    if request.param == "without":
        monkeypatch.setattr(plausible, "np", None)


def test_a_recording_as_it_should_be_is_handed_on_chunk_by_chunk() -> None:
    """The very chunks; a book that is asked far away is no price of a trade."""
    source = EventSource(market_events(20), market_events(5))
    sound = PlausibleSource(source)
    assert [chunk.columns for chunk in sound.chunks()] == [chunk.columns for chunk in source.chunks()]
    assert sound.left_out is None
    assert (sound.name, sound.digest, sound.symbols) == (source.name, source.digest, source.symbols)
    far = Level(9_000 * 50, 10**8)
    book = BookSnapshot(ts_ns=BEGIN_NS, symbol=SYMBOL, seq=1, bids=(Level(9_000, 5),), asks=(far,))
    assert read([book, trade(1, 9_000)]) == ([book, trade(1, 9_000)], None)


def test_a_print_and_a_best_price_that_cannot_be_are_left_out_and_told() -> None:
    """Each as a whole message, in whatever chunk; an empty side is no price."""
    sound: list[AnyEvent] = [trade(1, 9_000), top(2, 8_999, 9_001), trade(3, 9_010), top(4, 0, 9_001)]
    bad: list[AnyEvent] = [trade(5, 364), top(6, 8_999, 90_010), top(7, 2, 0)]
    found, left = read([*sound, *bad], [trade(8, 100_000), trade(9, 9_020)])
    assert found == [*sound, trade(9, 9_020)]
    assert left == LeftOut(
        messages=4, first_ns=BEGIN_NS + 5, symbol=SYMBOL, price_ticks=364, near_ticks=9_001
    )


def test_a_first_print_that_cannot_be_is_known_by_those_behind_it() -> None:
    """The middle of the first prices stands for the one before."""
    good: list[AnyEvent] = [trade(number, 9_000 + number) for number in range(1, 20)]
    assert read([trade(0, 364), *good])[0] == good


def test_a_market_may_go_anywhere_step_by_step() -> None:
    """Each price is held against the one before it."""
    walk: list[AnyEvent] = [trade(number, 1_000 * 4**number) for number in range(8)]
    assert read(*([one] for one in walk)) == (walk, None)


@pytest.mark.parametrize("reason", [SEAM, ENDS, DAYS_GONE])
@pytest.mark.parametrize("together", [True, False])
def test_behind_a_seam_prices_are_judged_by_those_behind_it(reason: str, together: bool) -> None:
    """It may be years later; one that cannot be is left out there too."""
    before: list[AnyEvent] = [trade(1, 9_000), top(2, 8_999, 9_001)]
    seam = BookLost(ts_ns=BEGIN_NS + 3, symbol=SYMBOL, reason=reason)
    behind: list[AnyEvent] = [trade(4, 100_000), trade(5, 100_100), trade(6, 99_900), top(7, 99_990, 100_000)]
    groups = [[*before, seam, *behind]] if together else [before, [seam], behind]
    found, left = read(*groups, [trade(8, 9_000), trade(9, 100_000)])
    assert found == [*before, seam, *behind, trade(9, 100_000)]
    assert left is not None
    assert (left.messages, left.near_ticks) == (1, 100_000)


def test_behind_any_other_gap_a_market_cannot_be_elsewhere() -> None:
    """A lost book is no reason for a price five times as high."""
    lost = BookLost(ts_ns=BEGIN_NS + 3, symbol=SYMBOL, reason="gap: expected change 5, got 9")
    found, left = read([trade(1, 9_000), lost, trade(4, 100_000), trade(5, 9_010)])
    assert found == [trade(1, 9_000), lost, trade(5, 9_010)]
    assert left is not None


def test_what_a_run_heard_is_not_judged() -> None:
    """Its backtest has to decide what it decided."""
    source = EventSource([trade(1, 9_000), trade(2, 3)])
    source.controls = True
    sound = PlausibleSource(source)
    assert sum(chunk.rows for chunk in sound.chunks()) == 2
    assert sound.left_out is None


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40), st.integers(1, 7))
def test_what_is_left_out_is_what_a_reader_one_by_one_leaves_out(prices: list[int], size: int) -> None:
    """Whatever the chunks; nothing is lost but that, and nothing comes twice."""
    told = [trade(number, price) for number, price in enumerate(prices)]
    groups = [told[at : at + size] for at in range(0, len(told), size)]
    near = sorted(prices[:size])[(len(prices[:size]) - 1) // 2]
    expected = []
    for one in told:
        if near <= one.price_ticks * FAR_TIMES and one.price_ticks <= near * FAR_TIMES:
            expected.append(one)
            near = one.price_ticks
        else:
            assert is_far(one.price_ticks, near)
    found, left = read(*groups)
    assert found == expected
    assert (left.messages if left else 0) == len(told) - len(expected)
