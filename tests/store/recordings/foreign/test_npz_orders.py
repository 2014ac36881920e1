"""Files of single orders (level 3): who changed, what levels became of it, and rows that cannot be."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mm.domain.events import BookDelta, BookSnapshot, PublicTrade
from mm.domain.sides import BUY, SELL
from mm.domain.tape import DELTA, KEYFRAME, ORDER, ORDERS, SNAPSHOT, TRADE, events, messages
from mm.errors import MMError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.foreign.npz_source import HftbacktestSource
from mm.store.recordings.foreign.npz_writer import write_hftbacktest
from mm.store.recordings.merged import MergedSource
from mm.store.recordings.opening import open_source
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.parquet.writer import store
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.verify import verify
from tests.builders.order_tapes import (
    ADD,
    BASE_NS,
    CANCEL,
    CLEAR,
    FILL,
    MODIFY,
    OrderMarket,
    Told,
    first_orders,
    write_orders,
)
from tests.builders.order_tapes import (
    TRADE as TRADE_ROW,
)

PAIR = Facts(base="BTC", quote="USDT")
S = 1_000_000_000
LEVEL = 1


def at(  # noqa: PLR0917 - the columns of a row
    s: int, kind: int, side: int, price: int = 0, lots: int = 0, order_id: int = 0
) -> Told:
    """Return a row so many seconds after the begin."""
    return Told(kind, BASE_NS + s * S, side, price, lots, order_id)


BOOK = first_orders()


def of(tmp_path: Path, rows: Sequence[Told], name: str = "a.npz") -> HftbacktestSource:
    """Return rows, as a file, as a source."""
    return HftbacktestSource([write_orders(tmp_path / name, rows)], PAIR)


def told(source: HftbacktestSource) -> list[tuple[object, ...]]:
    """Return messages as kind, then side, price, lots and number of each row."""
    return [
        (message[0][1], *((row[3], row[4], row[5] // 1_000, row[6]) for row in message))
        for chunk in source.chunks()
        for message in messages(chunk)
    ]


def test_rows_of_a_moment_say_who_changed_and_what_levels_became_of_it(tmp_path: Path) -> None:
    """The whole book first; an order that comes back from another price is told gone there."""
    rows = [
        *BOOK,
        at(1, MODIFY, 1, 100, 2, 1),
        at(1, ADD, 1, 100, 9, 4),
        at(2, MODIFY, 0, 100, 7, 3),
        at(3, CANCEL, 1, 100, 3, 2),
    ]
    assert told(of(tmp_path, rows)) == [
        (ORDER, (0, 0, 0, 0), (1, 100, 5, 1), (1, 100, 3, 2), (1, 99, 7, 3), (-1, 102, 4, -1)),
        (SNAPSHOT, (1, 100, 8, 1), (1, 99, 7, 1), (-1, 102, 4, 1)),
        (ORDER, (1, 100, 2, 1), (1, 100, 9, 4)),
        (DELTA, (1, 100, 14, 2)),
        (ORDER, (1, 99, 0, 3), (1, 100, 7, 3)),
        (DELTA, (1, 99, 0, 3), (1, 100, 21, 3)),
        (ORDER, (1, 100, 0, 2)),
        (DELTA, (1, 100, 18, 4)),
    ]


def test_trades_of_a_moment_come_first_and_what_traded_of_an_order_is_no_second_one(tmp_path: Path) -> None:
    """Strategies see a trade and the level that it left."""
    rows = [
        *BOOK,
        at(1, MODIFY, 1, 100, 1, 1),
        at(1, TRADE_ROW, -1, 100, 4),
        at(1, FILL, 1, 100, 1, 1),
        at(2, TRADE_ROW, 0, 102, 1),
        at(3, TRADE_ROW, 0, 100, 1),
    ]
    source = of(tmp_path, rows)
    heard = [event for chunk in source.chunks() for event in events(chunk)]
    assert [type(event) for event in heard] == [
        BookSnapshot,
        PublicTrade,
        BookDelta,
        PublicTrade,
        PublicTrade,
    ]
    trades = [event for event in heard if isinstance(event, PublicTrade)]
    assert [(one.aggressor, one.price_ticks) for one in trades] == [(SELL, 100), (BUY, 102), (SELL, 100)]
    assert (source.seen.orders, source.seen.fills, source.seen.trades) == (5, 1, 3)


def test_where_no_trade_is_told_what_traded_of_an_order_is_one(tmp_path: Path) -> None:
    """At the price of the order, and of whoever hit it."""
    rows = [*BOOK, at(1, FILL, 1, 77, 2, 1), at(1, MODIFY, 1, 100, 3, 1), at(2, FILL, 0, 0, 1, 2**64 - 1)]
    found = told(of(tmp_path, rows))
    assert found[2:4] == [(TRADE, (-1, 100, 2, 1)), (ORDER, (1, 100, 3, 1))]
    assert found[5:] == [(TRADE, (1, 102, 1, 2))]


def test_a_book_that_is_cleared_begins_anew(tmp_path: Path) -> None:
    """All of it, or a side, whose orders are told gone one by one."""
    rows = [*BOOK, at(1, CLEAR, 1), at(2, CLEAR, 0), at(2, ADD, 1, 98, 2, 1), at(3, MODIFY, 1, 98, 0, 1)]
    found = told(of(tmp_path, [*rows, at(4, CANCEL, 1, 98, 0, 1)]))
    assert found[2:] == [
        (ORDER, (1, 100, 0, 1), (1, 100, 0, 2), (1, 99, 0, 3)),
        (DELTA, (1, 100, 0, 2), (1, 99, 0, 2)),
        (ORDER, (0, 0, 0, 0), (1, 98, 2, 1)),
        (SNAPSHOT, (1, 98, 2, 3)),
        (ORDER, (1, 98, 0, 1)),
        (DELTA, (1, 98, 0, 4)),
        (ORDER, (1, 98, 0, 1)),
        (DELTA, (1, 98, 0, 5)),
    ]


def test_a_second_file_goes_on_where_the_first_ends(tmp_path: Path) -> None:
    """Orders live on; with each minute all of them are told, those of a price in the order of their queue."""
    paths = [
        write_orders(tmp_path / "1.npz", BOOK),
        write_orders(tmp_path / "2.npz", [at(1, MODIFY, 1, 100, 6, 1), at(61, CANCEL, 1, 99, 7, 3)]),
    ]
    source = HftbacktestSource(paths, PAIR)
    found = told(source)
    assert found[2:4] == [(ORDER, (1, 100, 6, 1)), (DELTA, (1, 100, 9, 2))]
    assert [one[0] for one in found[4:]] == [KEYFRAME, ORDERS, ORDER, DELTA]
    assert found[5][1:] == ((0, 0, 0, 0), (1, 100, 3, 2), (1, 99, 7, 3), (-1, 102, 4, -1), (1, 100, 6, 1))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (at(1, CANCEL, 1, 100, 5, 9), "row 6: a cancellation of order 9, which is not there"),
        (at(1, MODIFY, 1, 100, 5, 9), "row 6: a change of order 9, which is not there"),
        (at(1, FILL, 1, 100, 5, 9), "row 6: a trade of order 9, which is not there"),
        (at(1, ADD, 1, 101, 5, 1), "row 6: order 1 is added, and is there already"),
        (at(1, ADD, 0, 101, 5, 8), "row 6: order 8 is added on no side"),
        (at(1, ADD, 1, 101, 0, 8), "row 6: order 8 is added with a size of 0"),
        (at(1, ADD, 1, 0, 5, 8), "row 6: order 8 is added with a price of 0"),
        (at(1, MODIFY, 1, 0, 5, 1), "row 6: order 1 is changed to a price of 0"),
        (at(1, MODIFY, -1, 100, 5, 1), "row 6: a change of order 1 is told of the side that it is not on"),
        (at(1, FILL, 1, 100, 6, 1), "row 6: a trade of order 1 is of 6000 atoms, 5000 of it are left"),
        (at(1, ADD, 1, 101, -5, 8), "row 6: qty was -5e-05"),
        (at(1, LEVEL, 1, 101, 5), "row 6: levels and single orders stand in one recording"),
        (at(1, 99, 1, 101, 5), "row 6: of kind 99, expected 1 to 5 or 10 to 13"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_number(tmp_path: Path, row: Told, words: str) -> None:
    """By whoever reads it, and as a finding."""
    with pytest.raises(MMError, match=words) as caught:
        told(of(tmp_path, [*BOOK, row, at(2, ADD, 1, 101, 5, 12)]))
    assert isinstance(caught.value, RecordingDamaged | RecordingUnusable)
    found = verify([tmp_path / "a.npz"], PAIR)
    assert found.counts == {Fault.DAMAGED: 1}
    assert words in f"row {found.findings[0].row}: {found.findings[0].detail}"


@pytest.mark.parametrize("rows", [[*BOOK, at(1, LEVEL, 1, 101, 5)], [at(0, 4, 1, 101, 5), *BOOK[1:]]])
def test_levels_and_single_orders_are_not_mixed(tmp_path: Path, rows: list[Told]) -> None:
    """Whichever come first; nor is a file of nothing but what traded a book."""
    with pytest.raises(RecordingUnusable, match=r"row [26]: levels and single orders"):
        of(tmp_path, rows)
    with pytest.raises(RecordingUnusable, match="trades of single orders and no order"):
        of(tmp_path, [at(0, FILL, 1, 100, 5, 1)], "b.npz")


def test_what_more_trades_of_an_order_than_it_has_is_seen_over_several_rows(tmp_path: Path) -> None:
    """Until the order is told anew."""
    part = at(1, FILL, 1, 100, 3, 1)
    with pytest.raises(RecordingDamaged, match="row 7: a trade of order 1 is of 3000 atoms, 2000 of it"):
        told(of(tmp_path, [*BOOK, part, part]))
    told(of(tmp_path, [*BOOK, part, at(1, MODIFY, 1, 100, 2, 1), at(2, FILL, 1, 100, 2, 1)], "b.npz"))


def test_a_crossed_book_is_found_at_its_row_in_its_file(tmp_path: Path) -> None:
    """A finding is where a person finds it, though the tape has more rows than the file."""
    path = write_orders(tmp_path / "a.npz", [*BOOK, at(1, ADD, 1, 103, 1, 8), at(2, CANCEL, 1, 103, 1, 8)])
    (finding,) = verify([path], PAIR).findings
    assert (finding.fault, finding.file, finding.row) == (Fault.CROSSED_BOOK, str(path), 6)


@pytest.fixture
def generated(tmp_path: Path) -> HftbacktestSource:
    """A generated market of 80 s."""
    return of(tmp_path, list(OrderMarket(5, gap_ns=40_000_000).rows(2_000)), "market.npz")


def test_a_store_gives_back_the_rows_that_were_put_into_it(
    tmp_path: Path, generated: HftbacktestSource
) -> None:
    """Single orders too, and from a time on the book with them."""
    store(generated, tmp_path / "store", (), lambda ts_ns: None)
    kept = open_source([tmp_path / "store"])
    rows = [message for chunk in generated.chunks() for message in messages(chunk)]
    assert [message for chunk in kept.chunks() for message in messages(chunk)] == rows
    assert order_symbols_of(kept) == ("BTC/USDT",)
    middle = BASE_NS + 70 * S
    for source in (generated, kept):
        first, second, *_ = (one for chunk in source.chunks(middle) for one in messages(chunk))
        assert (first[0][1], second[0][1]) == (KEYFRAME, ORDERS)
    first, second, *_ = (one for chunk in kept.chunks(BASE_NS + S) for one in messages(chunk))
    assert (first[0][1], second[0][1]) == (ORDER, SNAPSHOT)
    found = verify([tmp_path / "store"], Facts())
    assert (found.is_clean, found.totals.orders) == (True, generated_orders(rows))
    assert found.totals.words.count("of single orders") == 1


def generated_orders(rows: Sequence[Sequence[Sequence[int]]]) -> int:
    """Count the messages of single orders."""
    return sum(1 for message in rows if message[0][1] == ORDER)


def test_other_forms_hold_the_levels_and_say_what_they_leave_out(
    tmp_path: Path, generated: HftbacktestSource
) -> None:
    """The same events as of the orders."""
    heard = [event for chunk in generated.chunks() for event in events(chunk)]
    orders = generated_orders([one for chunk in generated.chunks() for one in messages(chunk)])
    written = write_hftbacktest(generated, tmp_path / "levels.npz", levels=True)
    assert written.orders == orders > 1_000
    assert write_hftbacktest(generated, tmp_path / "orders.npz").orders == 0
    again = open_source([tmp_path / "levels.npz"])
    assert [event for chunk in again.chunks() for event in events(chunk)] == heard
    assert order_symbols_of(again) == ()
    made = write_normalised(generated, tmp_path / "levels.parquet", lambda ts_ns: None)
    assert made.left_out == {"changes of single orders beside the levels": orders}


def test_markets_that_are_renamed_or_merged_keep_their_orders(
    tmp_path: Path, generated: HftbacktestSource
) -> None:
    """By their names there."""
    renamed = RenamedSource(generated, "other")
    assert order_symbols_of(renamed) == ("other:BTC/USDT",)
    levels = HftbacktestSource([write_levels(tmp_path, generated)], PAIR)
    merged = MergedSource([renamed, levels], ("BTC/USDT", "other:BTC/USDT"))
    assert order_symbols_of(merged) == ("other:BTC/USDT",)
    kinds = [message[0][1] for chunk in merged.chunks() for message in messages(chunk)]
    assert ORDER in kinds


def write_levels(tmp_path: Path, source: HftbacktestSource) -> Path:
    """Write the levels of a source alone; return the path."""
    write_hftbacktest(source, tmp_path / "alone.npz", levels=True)
    return tmp_path / "alone.npz"
