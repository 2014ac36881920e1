"""The recent past of a run, bounded."""

from mm.domain.commands import Cancel, Report
from mm.domain.events import OrderFilled, Source
from mm.domain.sides import Side
from mm.observe.history import FILLS_MAX, REPORTS_MAX, History


def _fill(number: int) -> OrderFilled:
    return OrderFilled(
        ts_ns=1_000 + number,
        symbol="AAA/BBB",
        cid=f"c{number}",
        trade_id=number,
        side=Side.SELL,
        price_ticks=100 + number,
        size_lots=2,
        fee_atoms=3,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )


def test_a_fill_is_kept_as_it_was_told() -> None:
    """With the session that it belongs to; the first one's time is remembered."""
    history = History()
    assert history.first_fill_ns == 0
    history.on_fill(_fill(1), "btc")
    history.on_fill(_fill(2), "btc")
    row = history.fills[0]
    assert (row.session, row.cid, row.trade_id, row.price_ticks, row.size_lots) == ("btc", "c1", 1, 101, 2)
    assert (row.side, row.fee_atoms, row.fee_asset, row.maker) == (Side.SELL, 3, "BBB", True)
    assert history.first_fill_ns == 1_001


def test_only_the_newest_are_kept_and_all_are_counted() -> None:
    """A run of months does not grow."""
    history = History()
    for number in range(FILLS_MAX + 10):
        history.on_fill(_fill(number), "btc")
    assert history.fills_total == FILLS_MAX + 10
    assert len(history.fills) == FILLS_MAX
    assert history.fills[0].trade_id == 10
    reports = [
        Report(ts_ns=number, code="order.denied", session="", facts=()) for number in range(REPORTS_MAX + 5)
    ]
    history.on_commands(reports)
    assert list(history.reports) == reports[5:]


def test_commands_are_counted_by_kind() -> None:
    """Cancels and placements; what is read from the venue is no message about orders."""
    history = History()
    history.on_commands([Cancel(cid="1", symbol="AAA/BBB"), Cancel(cid="2", symbol="AAA/BBB")])
    assert (history.placed, history.cancels) == (0, 2)
