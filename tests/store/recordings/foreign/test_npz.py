"""Files of hftbacktest: read row by row, written so that they give back what they were made of."""

import io
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.domain.tape import OTHER, events, messages
from mm.errors import ConfigError, RecordingDamaged, RecordingFailed, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.foreign.npz import hftbacktest_sources, is_npz, require_numpy
from mm.store.recordings.foreign.npz_form import (
    BUY_EVENT,
    DEPTH_BBO_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EVENT_DTYPE,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
)
from mm.store.recordings.foreign.npz_source import HftbacktestSource
from mm.store.recordings.foreign.npz_writer import write_hftbacktest
from mm.store.recordings.framed.form import FramedKind
from mm.store.recordings.framed.reader import FramedRecording
from mm.store.recordings.framed.source import FramedSource
from mm.store.recordings.opening import open_source
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Source
from tests.builders.framed import FramedTape, a_header
from tests.builders.instruments import make_test_instrument
from tests.builders.recordings import ordinary

MS = 1_000_000
T0 = 1_722_470_400_000 * MS
PAIR = Facts(base="BTC", quote="USDT")
BOTH = EXCH_EVENT | LOCAL_EVENT
NAN = float("nan")

Row = tuple[int, int, int, float, float]


def row(kind: int, ms: int, price: float, size: float, *, exch_ms: int | None = None) -> Row:
    """A row that is heard at `ms`, 5 ms after it happened if nothing else is said."""
    exch = T0 + (ms - 5 if exch_ms is None else exch_ms) * MS
    flags = 0 if kind & BOTH else BOTH
    return kind | flags, exch, T0 + ms * MS, price, size


def save(path: Path, rows: Sequence[Row], **others: object) -> Path:
    """Write a file as hftbacktest does."""
    made = np.zeros(len(rows), dtype=EVENT_DTYPE)
    for place, (ev, exch_ts, local_ts, price, size) in enumerate(rows):
        made[place] = (ev, exch_ts, local_ts, price, size, 0, 0, 0.0)
    np.savez_compressed(path, data=made, **others)  # type: ignore[arg-type]  # arrays by name
    return path


BID, ASK = BUY_EVENT, SELL_EVENT
WHOLE = [
    row(DEPTH_CLEAR_EVENT | BID, 10, 99.0, 0),
    row(DEPTH_SNAPSHOT_EVENT | BID, 10, 100.0, 1.5),
    row(DEPTH_SNAPSHOT_EVENT | BID, 10, 99.0, 2.0),
    row(DEPTH_CLEAR_EVENT | ASK, 10, 102.0, 0),
    row(DEPTH_SNAPSHOT_EVENT | ASK, 10, 101.0, 0.7),
    row(DEPTH_SNAPSHOT_EVENT | ASK, 10, 102.0, 3.0),
]
CHANGES = [
    row(DEPTH_EVENT | BID, 20, 100.0, 0.0),
    row(DEPTH_EVENT | ASK, 20, 101.5, 0.3),
    row(TRADE_EVENT | BID, 25, 101.0, 0.25),
    row(TRADE_EVENT | ASK, 25, 99.0, 0.5),
]
LATER = [row(TRADE_EVENT | BID, 50, 101.0, 0.25)]


def heard(source: Source) -> list[AnyEvent]:
    """All events of a source."""
    return [event for chunk in source.chunks() for event in events(chunk)]


def of(path: Path, facts: Facts = PAIR) -> HftbacktestSource:
    """A file as a source."""
    return HftbacktestSource([path], facts)


def test_rows_of_one_moment_are_a_message(tmp_path: Path) -> None:
    """A book, a change of it, two trades; the grid is what all numbers lie on."""
    source = of(save(tmp_path / "a.npz", WHOLE + CHANGES))
    (instrument,) = source.instruments
    assert (source.symbols, instrument.price_text(1), instrument.size_text(1)) == (
        ("BTC/USDT",),
        "0.5",
        "0.25",
    )
    book, change, bought, sold = heard(source)
    assert isinstance(book, BookSnapshot)
    assert (book.ts_ns, book.bids, book.asks) == (
        T0 + 10 * MS,
        ((200, 150_000_000), (198, 200_000_000)),
        ((202, 70_000_000), (204, 300_000_000)),
    )
    assert isinstance(change, BookDelta)
    assert (change.bids, change.asks, change.venue_ms) == (
        ((200, 0),),
        ((203, 30_000_000),),
        T0 // MS + 15,
    )
    assert isinstance(bought, PublicTrade)
    assert isinstance(sold, PublicTrade)
    assert (bought.aggressor, bought.price_ticks, bought.size_atoms, bought.trade_id) == (
        Side.BUY,
        202,
        25_000_000,
        1,
    )
    assert (sold.aggressor, sold.trade_id, sold.venue_ms) == (Side.SELL, 2, T0 // MS + 20)
    assert (source.first_ns, source.last_ns, source.rows, source.gaps) == (T0 + 10 * MS, T0 + 25 * MS, 0, ())


def test_rows_for_the_exchange_alone_are_passed_over(tmp_path: Path) -> None:
    """What was received is what was for the local side."""
    apart = [
        row(DEPTH_EVENT | BID | EXCH_EVENT, 30, 99.5, 1.0),
        row(DEPTH_EVENT | BID | LOCAL_EVENT, 30, 98.5, 1.0),
    ]
    told = heard(of(save(tmp_path / "a.npz", WHOLE + CHANGES + apart)))
    assert isinstance(told[-1], BookDelta)
    assert told[-1].bids == ((197, 100_000_000),)


def test_what_lies_beyond_a_cleared_range_stays(tmp_path: Path) -> None:
    """As it does there: the rest of the book is not in the snapshot."""
    again = [
        row(DEPTH_CLEAR_EVENT | BID, 30, 99.5, 0),
        row(DEPTH_SNAPSHOT_EVENT | BID, 30, 99.5, 9.0),
        row(DEPTH_CLEAR_EVENT | ASK, 30, 101.0, 0),
        row(DEPTH_SNAPSHOT_EVENT | ASK, 30, 100.5, 8.0),
    ]
    told = heard(of(save(tmp_path / "a.npz", WHOLE + again + LATER)))
    change = told[1]
    assert isinstance(change, BookDelta)
    assert change.bids == ((200, 0), (199, 900_000_000))
    assert change.asks == ((202, 0), (201, 800_000_000))


@pytest.mark.parametrize("clears", [[(BID, NAN), (ASK, NAN)], [(0, 0.0)], [(BID, 50.0), (ASK, 500.0)]])
def test_a_book_that_is_cleared_whole_is_a_new_one(tmp_path: Path, clears: list[tuple[int, float]]) -> None:
    """By no bound, by no side, or by bounds beyond all levels."""
    again = [row(DEPTH_CLEAR_EVENT | side, 30, price, 0) for side, price in clears]
    again.append(row(DEPTH_SNAPSHOT_EVENT | BID, 30, 90.0, 1.0))
    told = heard(of(save(tmp_path / "a.npz", WHOLE + again + LATER)))
    assert isinstance(told[1], BookSnapshot)
    assert (told[1].bids, told[1].asks) == (((90, 100_000_000),), ())


def test_levels_of_a_snapshot_that_clears_nothing_are_set(tmp_path: Path) -> None:
    """With a book they change it, without one they are it."""
    more = [row(DEPTH_SNAPSHOT_EVENT | BID, 30, 98.0, 1.0)]
    told = heard(of(save(tmp_path / "a.npz", [WHOLE[1], WHOLE[4], *more, *LATER])))
    assert [type(event) for event in told] == [BookSnapshot, BookDelta, PublicTrade]


def test_the_snapshot_to_begin_with_may_be_a_file_without_times(tmp_path: Path) -> None:
    """As hftbacktest writes it: it takes the time of what follows."""
    begin = [(ev, 0, 0, price, size) for ev, _, _, price, size in WHOLE if ev & 0xFF == DEPTH_SNAPSHOT_EVENT]
    first, second = save(tmp_path / "0.npz", begin), save(tmp_path / "1.npz", CHANGES)
    source = open_source([first, second], facts=PAIR)
    told = heard(source)
    assert [type(event) for event in told] == [BookSnapshot, BookDelta, PublicTrade, PublicTrade]
    assert told[0].ts_ns == told[1].ts_ns == source.first_ns == T0 + 20 * MS
    with pytest.raises(RecordingUnusable, match="holds changes of the book and no snapshot"):
        of(second)
    with pytest.raises(RecordingUnusable, match="holds no row for the local side"):
        of(first)


def test_best_prices_and_trades_without_a_side_are_read(tmp_path: Path) -> None:
    """One side alone leaves the other; who took is judged by the ask."""
    rows = [
        *WHOLE,
        row(DEPTH_BBO_EVENT | BID, 15, 100.0, 1.0),
        row(DEPTH_BBO_EVENT | ASK, 15, 101.0, 2.0),
        row(DEPTH_BBO_EVENT | BID, 16, 100.5, 1.0),
        row(TRADE_EVENT, 17, 101.0, 0.5),
        row(TRADE_EVENT, 17, 100.5, 0.5),
    ]
    told = heard(of(save(tmp_path / "a.npz", rows)))
    tops = [event for event in told if isinstance(event, TopOfBook)]
    assert [(top.bid.price_ticks, top.ask.price_ticks) for top in tops] == [(200, 202), (201, 202)]
    sides = [event.aggressor for event in told if isinstance(event, PublicTrade)]
    assert sides == [Side.BUY, Side.SELL]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            row(DEPTH_EVENT | BID, 30, 100.123456789, 1.0),
            r"px was 100\.123456789, expected a multiple of 1e-08",
        ),
        (row(DEPTH_EVENT | BID, 30, -0.5, 1.0), r"px was -0\.5"),
        (row(DEPTH_EVENT | BID, 30, 100.0, -1.0), r"qty was -1\.0"),
        (row(DEPTH_EVENT | BID, 30, NAN, 1.0), "px was nan"),
        (row(DEPTH_EVENT | BID, 30, 100.0, float("inf")), "qty was inf"),
        (row(DEPTH_EVENT | BID, 30, 100.0, 1.0e-10), "qty was 1e-10"),
    ],
)
def test_a_number_off_the_grid_is_damage_with_its_row(tmp_path: Path, bad: Row, said: str) -> None:
    """Nothing is rounded; rows are counted from 1."""
    path = save(tmp_path / "a.npz", [*WHOLE, *CHANGES, bad])
    with pytest.raises(RecordingDamaged, match=said) as raised:
        heard(of(path))
    assert raised.value.line == 11


def test_what_is_no_such_file_says_so(tmp_path: Path) -> None:
    """Times that go back, unknown kinds, other columns, no array, no name."""
    back = save(tmp_path / "back.npz", [*CHANGES, *WHOLE])
    with pytest.raises(RecordingUnusable, match="row 5: local time goes back by"):
        of(back)
    orders = save(tmp_path / "orders.npz", [*WHOLE, row(14 | BID, 20, 100.0, 1.0)])
    with pytest.raises(RecordingUnusable, match="row 7: of kind 14"):
        of(orders)
    np.savez(tmp_path / "old.npz", data=np.zeros((3, 6)))
    with pytest.raises(RecordingUnusable, match="with 2 dimensions"):
        of(tmp_path / "old.npz")
    np.savez(tmp_path / "other.npz", data=np.zeros(3, dtype=[("ev", "<i8"), ("px", "<f8")]))
    with pytest.raises(RecordingUnusable, match="its columns are ev <i8, px <f8"):
        of(tmp_path / "other.npz")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(RecordingUnusable, match="expected data"):
        of(tmp_path / "two.npz")
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("data.npy", b"not an array")
    with pytest.raises(RecordingUnusable, match="holds no array"):
        of(tmp_path / "text.npz")
    whole = save(tmp_path / "whole.npz", WHOLE + CHANGES)
    with pytest.raises(ConfigError, match="names no symbol"):
        of(whole, Facts())
    with pytest.raises(RecordingUnusable, match=r"whole\.npz begins before .*whole\.npz ends"):
        HftbacktestSource([whole, whole], PAIR)
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        of(tmp_path / "absent.npz")


def test_a_truncated_or_damaged_archive_is_damage(tmp_path: Path) -> None:
    """Whether its end is gone, a byte is another, or rows are missing."""
    trades = [row(TRADE_EVENT | BID, 40 + number, 101.0, 0.5) for number in range(500)]
    path = save(tmp_path / "a.npz", WHOLE + CHANGES[:2] + trades)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(RecordingDamaged, match="the archive is damaged or truncated"):
        of(path)
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    with pytest.raises((RecordingDamaged, RecordingUnusable)):
        of(path)
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, {"descr": EVENT_DTYPE.descr, "fortran_order": False, "shape": (9,)})
    plain = tmp_path / "a.npy"
    plain.write_bytes(buffer.getvalue() + bytes(64 * 3 + 5))
    with pytest.raises(RecordingDamaged, match="row 4: the file is truncated: 9 rows are announced"):
        of(plain)
    assert is_npz(plain)
    assert is_npz(path)
    assert not is_npz(tmp_path / "absent")


def told_rows(source: Source) -> list[object]:
    """All messages; what is no row as the event that it is."""
    return [
        chunk.others[message[0][6]] if message[0][1] == OTHER else message
        for chunk in source.chunks()
        for message in messages(chunk)
    ]


def a_market() -> FramedTape:
    """Minutes of a market with a gap, a lost connection, an empty change and an empty side."""
    tape = ordinary(rounds=30, step_ms=3_000).diff().ticker(("61000.00000000", "1.0"), ("0", "0"))
    tape.diff(skip=3).diff((("60990.00000000", "6.00000000"),)).snapshot().diff(
        (("60990.00000000", "7.00000000"),)
    )
    tape.trade("61000.00000000", "0.00500000", buyer_is_maker=False)
    framed = FramedTape().tape(tape)
    return framed.add(FramedKind.DOWN, b"hung up", connection=1).end()


def test_a_file_of_ours_gives_back_the_rows_that_it_was_made_of(tmp_path: Path) -> None:
    """Every message with its number and both times, every loss with its reason, the instrument whole."""
    source = FramedSource(FramedRecording([a_market().save(tmp_path)]))
    path = tmp_path / "market.npz"
    written = write_hftbacktest(source, path)
    again = open_source([path])
    assert told_rows(again) == told_rows(source)
    assert any(isinstance(one, BookLost) for one in told_rows(again))
    assert (again.instruments, again.venue, again.symbols) == (
        source.instruments,
        source.venue,
        source.symbols,
    )
    data = np.load(path)["data"]
    assert (data.dtype, len(data)) == (EVENT_DTYPE, written.rows)
    for flag, column in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts")):
        times = data[column][data["ev"] & flag != 0]
        assert (np.diff(times) >= 0).all()
    assert (data["local_ts"] - data["exch_ts"] >= 1_000).all()
    with pytest.raises(RecordingFailed, match="is there already"):
        write_hftbacktest(source, path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        f"{a_header().recording}-00001.mmr",
        "market.npz",
    ]


def test_rows_that_overtake_others_are_there_once_for_each_side(tmp_path: Path) -> None:
    """The exchange sees them in its order, the local side in its own; the venue's times come back."""
    tape = ordinary(rounds=10)
    late = [int(line.partition(b" ")[0]) for line in tape.lines]
    for place in range(8, len(tape.lines) - 1, 6):
        # Heard before the one that was sent before it.
        first, second = tape.lines[place], tape.lines[place + 1]
        tape.lines[place] = b"%d %b" % (late[place], second.partition(b" ")[2])
        tape.lines[place + 1] = b"%d %b" % (late[place + 1], first.partition(b" ")[2])
    source = RawSource([tape.save(tmp_path / "raw")], Facts())
    written = write_hftbacktest(source, tmp_path / "a.npz")
    assert written.split_rows > 0
    assert told_rows(open_source([tmp_path / "a.npz"])) == told_rows(source)
    data = np.load(tmp_path / "a.npz")["data"]
    for flag, column in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts")):
        assert (np.diff(data[column][data["ev"] & flag != 0]) >= 0).all()
    assert np.count_nonzero(data["ev"] & EXCH_EVENT) == np.count_nonzero(data["ev"] & LOCAL_EVENT)


def test_a_part_begins_with_the_book(tmp_path: Path) -> None:
    """Its first keyframe is written as a snapshot."""
    source = FramedSource(FramedRecording([a_market().save(tmp_path)]))
    from_ns = source.first_ns + 100 * 10**9
    write_hftbacktest(source, tmp_path / "part.npz", span=(from_ns, source.first_ns + 150 * 10**9))
    told = heard(open_source([tmp_path / "part.npz"]))
    assert isinstance(told[0], BookSnapshot)
    assert told[0].ts_ns <= from_ns


def test_what_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several markets without a name, nothing of one, too much, no place."""
    other = make_test_instrument(symbol="ETH/USDT", venue_symbol="ETHUSDT")
    header = a_header(instruments=(a_header().instruments[0], other))
    source = FramedSource(FramedRecording([FramedTape(header).tape(ordinary(rounds=2)).save(tmp_path)]))
    with pytest.raises(RecordingUnusable, match=r"holds BTC/USDT, ETH/USDT"):
        write_hftbacktest(source, tmp_path / "a.npz")
    with pytest.raises(RecordingUnusable, match="holds nothing of ETH/USDT"):
        write_hftbacktest(source, tmp_path / "a.npz", symbol="ETH/USDT")
    assert write_hftbacktest(source, tmp_path / "a.npz", symbol="BTC/USDT").left_out == 0
    with pytest.raises(RecordingFailed, match="cannot be written"):
        write_hftbacktest(source, tmp_path / "no" / "a.npz", symbol="BTC/USDT")
    monkeypatch.setattr("mm.store.recordings.foreign.npz_writer.ROWS_MAX", 10)
    with pytest.raises(RecordingUnusable, match="more than 10 rows"):
        write_hftbacktest(source, tmp_path / "b.npz", symbol="BTC/USDT")


def test_files_of_ours_do_not_follow_those_of_others_or_of_another_market(tmp_path: Path) -> None:
    """They bear numbers; the others bear none."""
    source = FramedSource(FramedRecording([FramedTape().tape(ordinary(rounds=2)).save(tmp_path)]))
    write_hftbacktest(source, tmp_path / "ours.npz")
    theirs = save(tmp_path / "theirs.npz", WHOLE + CHANGES)
    with pytest.raises(RecordingUnusable, match="made by mm and by others"):
        hftbacktest_sources([tmp_path / "ours.npz", theirs], PAIR)
    tape = ordinary(rounds=2)
    tape.lines = [b"%d %b" % (int(line[:19]) + 10**13, line[20:]) for line in tape.lines]
    raw = RawSource([tape.save(tmp_path / "raw")], Facts(tick_size=Decimal("0.001")))
    write_hftbacktest(raw, tmp_path / "other.npz")
    with pytest.raises(RecordingUnusable, match="two instruments, or of two grids"):
        hftbacktest_sources([tmp_path / "ours.npz", tmp_path / "other.npz"], Facts())
    with zipfile.ZipFile(theirs, "a") as archive:
        archive.writestr("mm.json", b"{}")
    with pytest.raises(RecordingUnusable, match=r"mm\.json is not ours"):
        of(theirs)


def test_without_numpy_it_is_said_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the forms does without."""
    monkeypatch.setattr("mm.store.recordings.foreign.npz.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="read and written with NumPy") as raised:
        require_numpy(tmp_path / "a.npz")
    assert "--extra research" in raised.value.hint


@pytest.mark.proof
@pytest.mark.parametrize(
    "files", [("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"), ("usdm_btcusdt_20240808.gz",)]
)
def test_the_recordings_come_back_row_by_row(
    shared_data: Path, tmp_path: Path, files: tuple[str, ...]
) -> None:
    """Every message of them."""
    source = RawSource([shared_data / "binance_raw_2024-08-08" / name for name in files], Facts())
    write_hftbacktest(source, tmp_path / "a.npz")
    assert told_rows(open_source([tmp_path / "a.npz"])) == told_rows(source)
