"""Files of Tardis.dev: columns, order, snapshots, sides; every wrong row with its line."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from mm.domain.events import AnyEvent, BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.domain.tape import KEYFRAME, events, messages
from mm.errors import ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.tardis_csv import TardisSource, is_tardis, tardis_sources
from mm.store.recordings.opening import open_source
from mm.store.recordings.source import Source

US = 1_722_470_400_000_000
BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"


def row(ms: int, *cells: object, late_us: int = 5_000, market: str = "binance,BTCUSDT") -> str:
    """A row that happened at `ms` and was heard `late_us` later."""
    at = US + ms * 1_000
    return ",".join([market, str(at), str(at + late_us), *map(str, cells)])


def write(folder: Path, name: str, *lines: str) -> Path:
    """Write a file, gzip if its name says so."""
    content = "".join(line + "\n" for line in lines).encode()
    path = folder / name
    path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
    return path


def book_lines() -> list[str]:
    """A day that begins with a change that nobody can use, a snapshot, changes, a new snapshot."""
    return [
        BOOK,
        row(0, "false", "bid", "99.50", "7"),
        row(1_000, "true", "bid", "100.00", "1.5"),
        row(1_000, "true", "bid", "99.50", "2"),
        row(1_000, "true", "ask", "100.50", "0.7"),
        row(1_100, "false", "bid", "100.00", "0"),
        row(1_100, "false", "ask", "100.50", "0.6"),
        row(61_200, "false", "buy", "99.00", "4"),
        row(61_300, "true", "bid", "98.00", "1"),
        row(61_300, "true", "ask", "99.00", "1"),
        row(61_301, "true", "ask", "99.50", "2"),
    ]


def heard(source: Source) -> list[AnyEvent]:
    """All events of a source."""
    return [event for chunk in source.chunks() for event in events(chunk)]


def test_a_book_is_read_message_by_message(tmp_path: Path) -> None:
    """Rows of one local time are one; a snapshot after changes begins anew, and goes on over two moments."""
    source = TardisSource([write(tmp_path, "book.csv.gz", *book_lines())], Facts())
    assert (source.symbols, source.venue) == (("BTC/USDT",), "binance")
    (instrument,) = source.instruments
    assert (instrument.price_text(1), instrument.base_scale) == ("0.5", 8)
    told = heard(source)
    assert [type(event) for event in told] == [BookSnapshot, BookDelta, BookDelta, BookSnapshot, BookDelta]
    first, change = told[0], told[1]
    assert isinstance(first, BookSnapshot)
    assert first.ts_ns == (US + 1_005_000) * 1_000
    assert (first.bids, first.asks) == (((200, 150_000_000), (199, 200_000_000)), ((201, 70_000_000),))
    assert isinstance(change, BookDelta)
    assert (change.bids, change.asks) == (((200, 0),), ((201, 60_000_000),))
    assert change.venue_ms == (US + 1_100_000) // 1_000
    numbers = [event.seq for event in told if isinstance(event, BookSnapshot | BookDelta)]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert source.unjoined == 1
    frames = [
        message for chunk in source.chunks() for message in messages(chunk) if message[0][1] == KEYFRAME
    ]
    assert [[found[3:6] for found in message] for message in frames] == [
        [(1, 199, 200_000_000), (-1, 201, 60_000_000)]
    ]
    (detailed,) = source.detailed()
    assert detailed.chunk.rows == 12 + len(frames[0]) - 2


def test_files_of_several_kinds_are_merged_and_trades_come_first(tmp_path: Path) -> None:
    """At one time: a change of the book already lacks what was traded."""
    book = write(tmp_path, "a.csv", *book_lines())
    trades = write(
        tmp_path,
        "b.csv",
        TRADES,
        row(1_100, "77", "buy", "100.50", "0.1"),
        row(61_200, "78", "sell", "99.00", "0.3"),
    )
    quotes = write(
        tmp_path, "c.csv", QUOTES, row(1_100, "0.6", "100.50", "99.50", "2"), row(1_150, "", "", "99", "1")
    )
    source = open_source([quotes, book, trades])
    told = heard(source)
    at = (US + 1_105_000) * 1_000
    assert [type(event) for event in told if event.ts_ns == at] == [PublicTrade, BookDelta, TopOfBook]
    bought, sold = (event for event in told if isinstance(event, PublicTrade))
    assert (bought.trade_id, bought.aggressor, bought.price_ticks, bought.size_atoms) == (
        77,
        Side.BUY,
        201,
        10**7,
    )
    assert (sold.aggressor, sold.venue_ms) == (Side.SELL, (US + 61_200_000) // 1_000)
    empty = [event for event in told if isinstance(event, TopOfBook)][1]
    assert (empty.bid, empty.ask) == ((198, 10**8), (0, 0))
    assert (source.first_ns, source.last_ns) == (told[0].ts_ns - 10**9, told[-1].ts_ns)
    assert source.instruments[0].size_text(1) == "0.1"


def test_a_trade_whose_side_is_not_told_is_judged_by_the_best_prices(tmp_path: Path) -> None:
    """At the ask a buyer took, at the bid a seller, in between the one before; ids may be words."""
    trades = [
        row(2_000 + n, "a-b", side, price, "1")
        for n, (side, price) in enumerate(
            [("sell", "10.00"), ("unknown", "10.10"), ("", "10.30"), ("unknown", "10.10"), ("", "10.00")]
        )
    ]
    source = TardisSource(
        [
            write(tmp_path, "q.csv", QUOTES, row(1_000, "1", "10.20", "10.00", "1")),
            write(tmp_path, "t.csv", TRADES, *trades),
        ],
        Facts(),
    )
    sides = [event.aggressor for event in heard(source) if isinstance(event, PublicTrade)]
    assert sides == [Side.SELL, Side.SELL, Side.BUY, Side.BUY, Side.SELL]
    assert [event.trade_id for event in heard(source) if isinstance(event, PublicTrade)] == [1, 2, 3, 4, 5]


def test_several_days_follow_each_other(tmp_path: Path) -> None:
    """In the order given; each begins with a snapshot."""
    first = write(tmp_path, "1.csv", *book_lines())
    later = [line.replace(str(US)[:7], str(US + 86_400 * 10**6)[:7]) for line in book_lines()]
    second = write(tmp_path, "2.csv", *later)
    assert sum(isinstance(event, BookSnapshot) for event in heard(open_source([first, second]))) == 4
    with pytest.raises(RecordingUnusable, match=r"1\.csv begins before .*2\.csv ends: files overlap"):
        open_source([second, first])


def test_markets_of_contracts_and_other_venues_are_named(tmp_path: Path) -> None:
    """By what the rows say; a pair that cannot be told apart has to be named."""
    linear = write(tmp_path, "a.csv", TRADES, row(1, "1", "buy", "10", "1", market="binance-futures,BTCUSDT"))
    assert open_source([linear]).venue == "binanceusdm"
    dashed = write(tmp_path, "b.csv", TRADES, row(1, "1", "buy", "10", "1", market="okex,ETH-USDT"))
    assert open_source([dashed], facts=Facts(venue="okx")).symbols == ("ETH/USDT",)
    assert open_source([dashed], facts=Facts(venue="okx")).venue == "okx"
    strange = write(tmp_path, "c.csv", TRADES, row(1, "1", "buy", "10.5", "1", market="kraken,XBT/ZUSD"))
    with pytest.raises(ConfigError, match="no quote asset that is known"):
        open_source([strange])
    assert open_source([strange], facts=Facts(base="XBT", quote="ZUSD")).symbols == ("XBT/ZUSD",)
    both = open_source([linear, dashed])
    assert both.symbols == ("BTC/USDT", "ETH/USDT")
    with pytest.raises(RecordingUnusable, match="expected one market"):
        TardisSource([linear, dashed], Facts())


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row(2_000, "false", "bid", "100.00"), "a row has 7 cells, expected 8"),
        (row(2_000, "maybe", "bid", "100.00", "1"), "is_snapshot was 'maybe'"),
        (row(2_000, "false", "left", "100.00", "1"), "side was 'left'"),
        (row(2_000, "false", "bid", "1O0.00", "1"), "value was '1O0.00', expected a decimal number"),
        (row(2_000, "false", "bid", "-1", "1"), "below zero"),
        (row(2_000, "false", "bid", "100.00", "x"), "value was 'x'"),
        (row(2_000, "false", "bid", "100.00", "-1"), "a number is below zero"),
        (row(2_000, "false", "bid", "100.00", "1").replace(str(US)[:4], "17"), "expected microseconds"),
    ],
)
def test_a_wrong_row_is_damage_with_its_line(tmp_path: Path, bad: str, said: str) -> None:
    """File, line and byte; at the latest when its rows are read."""
    path = write(tmp_path, "book.csv", *book_lines()[:7], bad, *book_lines()[7:])
    with pytest.raises(RecordingDamaged, match=said) as raised:
        heard(TardisSource([path], Facts()))
    assert raised.value.line == 8
    assert raised.value.offset == sum(len(line) + 1 for line in book_lines()[:7])


def test_wrong_trades_and_quotes_are_damage(tmp_path: Path) -> None:
    """As rows of the book."""
    for head, cells, said in (
        (TRADES, ("1", "both", "1", "1"), "side was 'both'"),
        (TRADES, ("1", "buy", "1", "1e999999999"), "value was 1E"),
        (QUOTES, ("1", "x", "1", "1"), "value was 'x'"),
        (QUOTES, ("one", "2", "1", "1"), "value was 'one'"),
    ):
        path = write(tmp_path, "x.csv", head, row(1, *cells))
        with pytest.raises(RecordingDamaged, match=said):
            heard(TardisSource([path], Facts(tick_size=Decimal("0.1"), lot_size=Decimal("0.1"))))


def test_what_is_no_recording_says_so(tmp_path: Path) -> None:
    """Other columns, nothing, mixed symbols, times that go back, no snapshot."""
    for name, lines, said in (
        ("a.csv", ["exchange,symbol,timestamp,local_timestamp,open,close"], "its columns are"),
        ("b.csv", [], "empty"),
        ("c.csv", [BOOK], "holds no row"),
        (
            "d.csv",
            [TRADES, row(1, "1", "buy", "1", "1"), row(2, "1", "buy", "1", "1", market="binance,ETHUSDT")],
            "line 3: binance ETHUSDT after binance BTCUSDT",
        ),
        (
            "e.csv",
            [TRADES, row(2, "1", "buy", "1", "1"), row(1, "2", "buy", "1", "1")],
            "line 3: local time goes back",
        ),
        ("f.csv", book_lines()[:2], "holds changes of the book and no snapshot"),
    ):
        path = write(tmp_path, name, *lines)
        with pytest.raises(RecordingUnusable, match=said):
            tardis_sources([path], Facts())
    truncated = write(tmp_path, "g.csv.gz", *book_lines())
    truncated.write_bytes(truncated.read_bytes()[:-20])
    with pytest.raises(RecordingDamaged):
        heard(TardisSource([truncated], Facts()))


def test_a_file_is_told_by_how_it_begins(tmp_path: Path) -> None:
    """Plain or gzip; what is not there or is no text is none."""
    assert is_tardis(write(tmp_path, "a.csv.gz", BOOK))
    assert is_tardis(write(tmp_path, "a.csv", TRADES))
    assert not is_tardis(write(tmp_path, "b.csv", "1 {}"))
    assert not is_tardis(write(tmp_path, "c.csv"))
    assert not is_tardis(tmp_path / "absent")
    damaged = tmp_path / "d.gz"
    damaged.write_bytes(b"\x1f\x8bxx")
    assert not is_tardis(damaged)


def test_numbers_finer_than_usual_widen_the_grid(tmp_path: Path) -> None:
    """Assets whose prices or sizes have more than eight decimals, and numbers with an exponent."""
    path = write(
        tmp_path,
        "t.csv",
        TRADES,
        row(1, "1", "buy", "0.0000012345", "1000"),
        row(2, "2", "buy", "1.2e-6", "500"),
    )
    (instrument,) = TardisSource([path], Facts()).instruments
    assert (instrument.price_text(1), instrument.size_text(1)) == ("0.0000000015", "500")
