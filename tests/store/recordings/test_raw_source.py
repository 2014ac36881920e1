"""Raw files as a source: rows, keyframes, beginnings in the middle, gaps, what is kept beside the tape."""

from decimal import Decimal
from pathlib import Path

import pytest

from mm.domain.events import BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.tape import DELTA, KEYFRAME, SNAPSHOT, TOP, TRADE, events, messages
from mm.errors import ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.detailed import KEPT_DELTA, KEPT_TRADE, MADE_HERE
from mm.store.recordings.facts import Facts
from mm.store.recordings.opening import open_source
from mm.store.recordings.raw_source import RawSource
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import rows_of

MINUTE_NS = 60 * 10**9


def source_of(tape: Tape, folder: Path, name: str = "tape.gz") -> RawSource:
    """A tape as a source."""
    return RawSource([tape.save(folder / name)], Facts())


def test_rows_are_what_was_received_joined(tmp_path: Path) -> None:
    """The snapshot, what follows it, then prints, best prices and changes; what came before is left out."""
    source = source_of(ordinary(rounds=2), tmp_path)
    (chunk,) = source.chunks()
    assert [type(event) for event in events(chunk)] == [
        BookSnapshot,
        BookDelta,
        BookDelta,
        *[PublicTrade, TopOfBook, BookDelta] * 2,
    ]
    assert source.symbols == ("BTC/USDT",)
    assert source.venue == "binance"
    assert source.instruments[0].venue_symbol == "BTCUSDT"
    first = next(events(chunk))
    assert first.ts_ns == Tape().local_ns + 3 * 50_000_000


def test_details_keep_what_is_no_row_in_its_place(tmp_path: Path) -> None:
    """Frames are numbered in the order of receipt; repeated changes bear no number."""
    (detailed,) = source_of(ordinary(rounds=1), tmp_path).detailed()
    kinds = list(detailed.chunk.columns.kind.tolist())
    assert kinds[:3] == [KEPT_DELTA] * 3
    heads = [message[0] for message in messages(detailed.chunk)]
    assert [head[1] for head in heads] == [KEPT_DELTA] * 3 + [SNAPSHOT, DELTA, DELTA, TRADE, TOP, DELTA]
    frames = detailed.details.frame.tolist()
    assert [frame for frame in dict.fromkeys(frames) if frame != MADE_HERE] == list(range(7))


def test_a_keyframe_begins_each_minute_of_local_time(tmp_path: Path) -> None:
    """It says the book as the changes left it, before the minute's first message."""
    source = source_of(ordinary(rounds=1_000), tmp_path)
    found = rows_of(source)
    keyframes = [row for row in found if row[1] == KEYFRAME]
    times = sorted({row[0] for row in keyframes})
    assert len(times) == (source.last_ns // MINUTE_NS) - (source.first_ns // MINUTE_NS)
    for ts_ns in times:
        begin = next(at for at, row in enumerate(found) if row[0] == ts_ns)
        assert found[begin][1] == KEYFRAME
        bids = [row for row in keyframes if row[0] == ts_ns and row[3] > 0]
        assert bids == sorted(bids, key=lambda row: -row[4])


def test_reading_begins_at_the_last_keyframe(tmp_path: Path) -> None:
    """What follows is the same as in the whole; it ends before the time that is not read any more."""
    source = source_of(ordinary(rounds=2_000), tmp_path)
    whole = rows_of(source)
    from_ns = source.first_ns + 130 * 10**9
    to_ns = from_ns + 10 * 10**9
    part = rows_of(source, from_ns, to_ns)
    assert part[0][1] == KEYFRAME
    assert from_ns - MINUTE_NS < part[0][0] <= from_ns
    assert part == [row for row in whole if part[0][0] <= row[0] < to_ns]


def test_an_empty_span_is_refused(tmp_path: Path) -> None:
    """Behind the end, before the beginning, backwards."""
    source = source_of(ordinary(), tmp_path)
    for span in ((source.last_ns + 1, 0), (0, source.first_ns), (source.last_ns, source.first_ns + 5)):
        with pytest.raises(RecordingUnusable, match="holds nothing"):
            rows_of(source, *span)


def test_a_missing_change_loses_the_book_until_a_snapshot(tmp_path: Path) -> None:
    """A lost book stands in the rows; the gap is told with its place."""
    tape = ordinary(rounds=3).diff(skip=4).diff((("60000.00000000", "1.00000000"),))
    tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    source = source_of(tape.snapshot(), tmp_path)
    (chunk,) = source.chunks()
    tail = list(events(chunk))[-3:]
    assert [type(event) for event in tail] == [BookLost, PublicTrade, BookSnapshot]
    (gap,) = source.gaps
    assert gap.to_ns == tail[0].ts_ns
    assert "line 14" in gap.place


def test_what_is_no_trade_is_kept_and_is_no_row(tmp_path: Path) -> None:
    """Contracts tell what the insurance fund takes over among the trades."""
    tape = ordinary(linear=True, rounds=1).trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    tape.lines[-1] = tape.lines[-1].replace(b'"X":"MARKET"', b'"X":"INSURANCE_FUND"')
    source = source_of(tape, tmp_path)
    assert source.venue == "binanceusdm"
    assert [row[1] for row in rows_of(source)].count(TRADE) == 1
    (detailed,) = source.detailed()
    assert detailed.chunk.columns.kind.tolist()[-1] == KEPT_TRADE


def test_frames_that_are_no_rows_are_counted_and_named(tmp_path: Path) -> None:
    """Nobody is told that they are there otherwise."""
    tape = ordinary(rounds=1)
    tape.line(f'{tape.local_ns} {{"stream":"btcusdt@kline_1m","data":{{"e":"kline"}}}}'.encode())
    source = source_of(tape, tmp_path)
    rows_of(source)
    assert source.others == {"btcusdt@kline_1m": 1}


def test_contracts_settled_in_the_base_have_a_pair_in_dollars(tmp_path: Path) -> None:
    """And a lot of one contract."""
    tape = Tape("BTCUSD_PERP", linear=True).diff().snapshot((("61000.1", "5"),), (("61000.2", "7"),))
    tape.trade("61000.1", "1", buyer_is_maker=True)
    source = source_of(tape, tmp_path)
    assert source.symbols == ("BTC/USD",)
    assert source.venue == "binancecoinm"
    assert source.instruments[0].size_text(1) == "1"


def test_a_price_off_a_grid_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    """Before anything is read as rows."""
    path = ordinary().save(tmp_path / "tape.gz")
    with pytest.raises(ConfigError, match="grid"):
        open_source([path], facts=Facts(tick_size=Decimal("0.03")))


def test_damage_is_told_with_its_line(tmp_path: Path) -> None:
    """A truncated file is damaged, whatever it holds before."""
    path = ordinary(rounds=500).save(tmp_path / "tape.gz")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(RecordingDamaged) as caught:
        open_source([path])
    assert caught.value.line > 1


def test_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    """Whatever the files are called; another grid is another recording."""
    one, two = source_of(ordinary(), tmp_path), source_of(ordinary(), tmp_path, "other.gz")
    finer = RawSource(one.paths, Facts(tick_size=Decimal("0.001")))
    assert one.digest == two.digest != finer.digest
