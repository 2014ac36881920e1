"""What a recorded market displays."""

from mm.domain.book import Level
from mm.domain.sides import Side
from mm.exchange.candles import Print
from mm.exchange.displayed import NOTHING
from mm.exchange.replay_display import NO_BOOK, RecordedDisplay

BIDS = [Level(100, 5), Level(99, 7)]
ASKS = [Level(101, 3), Level(103, 9)]


def test_without_a_book_nothing_is_shown_but_the_best_prices_that_are_told() -> None:
    """They come by themselves."""
    shown = RecordedDisplay(rows_max=10)
    assert (shown.has_book, shown.update_id, shown.top(Side.BUY)) == (False, NO_BOOK, NOTHING)
    shown.tell_top(Level(90, 1), Level(91, 2), seq=5)
    assert (shown.top(Side.BUY), shown.top(Side.SELL)) == (Level(90, 1), Level(91, 2))
    assert shown.depth(Side.BUY, 10) == []
    shown.change(BIDS, ASKS, seq=6, ts_ns=1)
    assert not shown.has_book


def test_the_book_is_the_snapshot_and_the_changes_since() -> None:
    """Best first, numbered by the last change; best prices do not change it."""
    shown = RecordedDisplay(rows_max=10)
    shown.replace(BIDS, ASKS, seq=10, ts_ns=1)
    shown.change([Level(100, 0), Level(98, 2)], [Level(102, 4)], seq=13, ts_ns=2)
    shown.tell_top(Level(97, 1), Level(110, 1), seq=14)
    assert (shown.has_book, shown.update_id) == (True, 13)
    assert shown.depth(Side.BUY, 10) == [Level(99, 7), Level(98, 2)]
    assert shown.depth(Side.SELL, 2) == [Level(101, 3), Level(102, 4)]


def test_the_newest_that_is_known_is_the_top() -> None:
    """By number: told by itself, or of the book; a side may be empty."""
    shown = RecordedDisplay(rows_max=10)
    shown.replace(BIDS, [], seq=10, ts_ns=1)
    shown.tell_top(Level(100, 1), Level(101, 1), seq=9)
    assert (shown.top(Side.BUY), shown.top(Side.SELL)) == (Level(100, 5), NOTHING)
    shown.tell_top(Level(100, 1), Level(101, 1), seq=11)
    assert shown.top(Side.BUY) == Level(100, 1)


def test_a_lost_book_is_gone_until_the_next() -> None:
    """Even an older one in numbers: it replaces what was there."""
    shown = RecordedDisplay(rows_max=10)
    shown.replace(BIDS, ASKS, seq=10, ts_ns=1)
    shown.lose()
    assert (shown.has_book, shown.depth(Side.BUY, 1), shown.update_id) == (False, [], NO_BOOK)
    shown.replace(BIDS, ASKS, seq=9, ts_ns=1)
    assert (shown.has_book, shown.update_id) == (True, 9)


def test_a_print_counts_once() -> None:
    """A recording of two connections holds it twice."""
    shown = RecordedDisplay(rows_max=10)
    for trade_id in (1, 2, 2, 1):
        shown.tell_print(
            Print(trade_id=trade_id, price_ticks=100, size_atoms=1, ts_ns=trade_id, taker_side=Side.BUY)
        )
    assert [row.trade_id for row in shown.history.prints.latest(10)] == [1, 2]
