"""Recordings become tapes: what is kept, what is left out, and what is refused with its place."""

import gzip
import importlib
from pathlib import Path

import pytest

from mm.bootstrap.viability.heard import TapeWriter, checked
from mm.bootstrap.viability.tape import read_tape
from mm.errors import ConfigError, RecordingDamaged, RecordingUnusable
from mm.store.recordings.raw.lines import content_bytes
from mm.store.recordings.raw.records import Market
from tests.builders.market_tapes import long_recording
from tests.builders.recordings import Tape, ordinary

UNIT = 10**8


def silent(done: int) -> None:
    """Hear of no progress."""


def test_best_prices_and_prints_are_kept_in_order(tmp_path: Path) -> None:
    """In units of 10^-8, by the receiver's clock; an order is named by the venue's time of its prints."""
    recording = Tape()
    first_ns = recording.local_ns
    recording.ticker(("61000.00000000", "1.50000000"), ("61000.01000000", "0.70000000"))
    recording.trade("61000.01000000", "0.25000000", buyer_is_maker=False)
    recording.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    heard = read_tape([recording.save(tmp_path / "a")], silent)
    tape = heard.tape
    assert (heard.symbol, heard.market, heard.name) == ("BTCUSDT", Market.SPOT, "a")
    assert (tape.tick, tape.skipped) == (UNIT // 100, 0)
    assert list(tape.top_ns) == [first_ns]
    assert (tape.bid[0], tape.ask[0]) == (61_000 * UNIT, 61_000 * UNIT + UNIT // 100)
    assert (tape.bid_size[0], tape.ask_size[0]) == (UNIT * 3 // 2, UNIT * 7 // 10)
    assert list(tape.aggressor) == [1, -1]
    assert list(tape.price) == [61_000 * UNIT + UNIT // 100, 61_000 * UNIT]
    assert list(tape.size) == [UNIT // 4, UNIT // 100]
    assert tape.order[1] - tape.order[0] == recording.step_ms


def test_the_venues_time_of_best_prices_is_kept_where_all_have_one(tmp_path: Path) -> None:
    """Contracts tell it, by the clock of their trades; a spot market does not, nor does a rebuilt book."""
    for linear in (True, False):
        recording = Tape(linear=linear)
        first_ms = recording.now_ms
        recording.ticker(("61000.00", "1"), ("61000.10", "1")).trade("61000.10", "1", buyer_is_maker=False)
        recording.ticker(("61000.10", "1"), ("61000.20", "1"))
        tape = read_tape([recording.save(tmp_path / f"{linear}")], silent).tape
        assert list(tape.top_venue) == ([first_ms, first_ms + 2 * recording.step_ms] if linear else [])
        assert tape.order[0] == first_ms + recording.step_ms - 1
    rebuilt = long_recording(seconds=5, linear=True, with_tickers=False).save(tmp_path / "rebuilt")
    assert list(read_tape([rebuilt], silent).tape.top_venue) == []


def test_a_venues_time_never_falls_and_one_that_is_missing_takes_all_away() -> None:
    """Forgotten best prices take theirs with them."""
    writer = TapeWriter()
    writer.top(1, (10, 1), (20, 1))
    writer.forget_tops()
    for at, venue in enumerate((50, 40, 60)):
        writer.top(at, (10 + at, 1), (20, 1), venue=venue)
    assert list(writer.tape().top_venue) == [50, 50, 60]
    writer.top(9, (11, 5), (20, 1))
    assert list(writer.tape().top_venue) == []


def test_a_recording_without_tickers_is_told_by_its_book(tmp_path: Path) -> None:
    """The rebuilt book gives the same best prices as the tickers of the same market."""
    told = read_tape([long_recording(seconds=10).save(tmp_path / "a")], silent).tape
    rebuilt = read_tape([long_recording(seconds=10, with_tickers=False).save(tmp_path / "b")], silent).tape
    # The snapshot's own best prices come before the first ticker would.
    assert list(rebuilt.bid)[1:] == list(told.bid)
    assert list(rebuilt.ask)[1:] == list(told.ask)
    assert list(rebuilt.top_ns)[1:] == list(told.top_ns)
    assert list(rebuilt.price) == list(told.price)


def test_a_book_that_lost_a_change_says_nothing_until_the_next_snapshot(tmp_path: Path) -> None:
    """And best prices before the first ticker are forgotten when it comes."""
    recording = Tape()
    at = recording.diff((("60980.00000000", "1.00000000"),)).last
    recording.snapshot(last=at)
    recording.diff((("61000.00500000", "1.00000000"),), skip=2)
    recording.diff((("61000.00400000", "1.00000000"),))
    tape = read_tape([recording.save(tmp_path / "a")], silent).tape
    assert list(tape.bid) == [61_000 * UNIT]
    recording.ticker(("60000.00000000", "1.00000000"), ("60001.00000000", "1.00000000"))
    tape = read_tape([recording.save(tmp_path / "a")], silent).tape
    assert list(tape.bid) == [60_000 * UNIT]


def test_what_crosses_or_has_an_empty_side_is_counted_and_left_out() -> None:
    """The mid stands as it was; what says nothing new is not there twice."""
    writer = TapeWriter()
    writer.top(1, (100, 5), (101, 5))
    writer.top(2, (100, 5), (101, 5))
    writer.top(3, (101, 5), (101, 5))
    writer.top(4, (0, 0), (101, 5))
    writer.top(5, (100, 5), (101, 0))
    writer.top(6, (100, 6), (101, 5))
    tape = writer.tape()
    assert list(tape.top_ns) == [1, 6]
    assert tape.skipped == 3
    assert writer.counts == (2, 0)


def test_progress_reaches_the_size_of_the_content(tmp_path: Path) -> None:
    """Compressed files are counted by what is in them, as far as that is known."""
    recording = long_recording(seconds=30)
    plain, packed = recording.save(tmp_path / "a"), long_recording(seconds=30).save(tmp_path / "b.gz")
    assert content_bytes([plain]) == content_bytes([packed]) == len(recording.content)
    assert content_bytes([tmp_path / "none"]) == 0
    said: list[int] = []
    read_tape([packed], said.append)
    assert said[0] < said[-1] == len(recording.content)


def test_files_are_read_as_one(tmp_path: Path) -> None:
    """In the order given; a file of another symbol or out of order is refused."""
    first, second = Tape(), Tape()
    first.ticker(("61000.00000000", "1.00000000"), ("61000.01000000", "1.00000000"))
    second.now_ms += 60_000
    second.ticker(("61001.00000000", "1.00000000"), ("61001.01000000", "1.00000000"))
    paths = [first.save(tmp_path / "1"), second.save(tmp_path / "2")]
    assert len(read_tape(paths, silent).tape.top_ns) == 2
    with pytest.raises(RecordingUnusable, match="overlap or are out of order"):
        read_tape(paths[::-1], silent)
    other = Tape("ETHUSDT")
    other.now_ms += 90_000
    other.ticker(("2500.00000000", "1.00000000"), ("2500.01000000", "1.00000000"))
    with pytest.raises(RecordingUnusable, match="ETHUSDT after BTCUSDT"):
        read_tape([*paths, other.save(tmp_path / "3")], silent)


def test_a_damage_is_told_with_file_and_line(tmp_path: Path) -> None:
    """Cut off, garbled, of a price that cannot be held, or of nothing."""
    good = ordinary().content
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(good)[:-20])
    with pytest.raises(RecordingDamaged, match=r"cut\.gz: damaged at line \d+"):
        read_tape([cut], silent)
    garbled = tmp_path / "garbled"
    garbled.write_bytes(good + b"1723161255000000000 {nonsense\n")
    with pytest.raises(RecordingDamaged, match=r"garbled: damaged at line 65"):
        read_tape([garbled], silent)
    fine = ordinary().trade("61000.0000000001", "0.01000000", buyer_is_maker=True).save(tmp_path / "fine")
    with pytest.raises(RecordingDamaged, match="at most 8 decimals"):
        read_tape([fine], silent)
    nothing = ordinary().trade("61000.00000000", "0.00000000", buyer_is_maker=True).save(tmp_path / "none")
    with pytest.raises(RecordingDamaged, match="no price or no size"):
        read_tape([nothing], silent)
    with pytest.raises(RecordingUnusable, match="cannot be read"):
        read_tape([tmp_path / "missing"], silent)


def test_what_a_contract_reports_beside_its_trades_is_left_out(tmp_path: Path) -> None:
    """Take-overs by the insurance fund, and lines without price and size."""
    tape = Tape(linear=True)
    tape.trade("61000.00", "0.010", buyer_is_maker=True)
    for line, kind in ((tape.lines[0], b"INSURANCE_FUND"), (tape.lines[0].replace(b"61000.00", b"0"), b"NA")):
        tape.line(line.replace(b"MARKET", kind))
    heard = read_tape([tape.save(tmp_path / "a")], silent)
    assert list(heard.tape.price) == [61_000 * UNIT]


def test_what_nothing_can_be_said_of_is_refused_by_name(tmp_path: Path) -> None:
    """With what is needed."""
    heard = read_tape([ordinary().save(tmp_path / "short")], silent)
    with pytest.raises(
        RecordingUnusable, match=r"^short: it is 2\.\d+ s long, expected at least 30 s"
    ) as told:
        checked(heard, seconds_min=30)
    assert "both sides" in told.value.hint


PERP = {"symbol": "BTCUSDT", "type": "usdm-perp"}
ROWS = (
    (10, 5, "bbo", 1, 61000.1, 1.5, 1),
    (10, 5, "bbo", -1, 61000.2, 0.25, 1),
    (11, 6, "trade", -1, 61000.1, 0.5, 2),
    (12, 7, "bbo", -1, 61000.3, 1.0, 3),
)
Rows = tuple[tuple[int, int, str, int, float, float, int], ...]


def parquet(path: Path, facts: dict[str, str], rows: Rows = ROWS) -> Path:
    """Write a normalised file."""
    cursor = importlib.import_module("duckdb").connect()
    cursor.execute(
        "create table told (ts_local_ns bigint, ts_exchange_ns bigint, kind varchar, side tinyint, price"
        " double, qty double, msg bigint, ts_txn_ns bigint default 0)"
    )
    for row in rows:
        cursor.execute("insert into told by position values (?, ?, ?, ?, ?, ?, ?, 0)", row)
    keys = ", ".join(f"{key}: '{value}'" for key, value in facts.items())
    named = f", kv_metadata {{{keys}}}" if facts else ""
    cursor.execute(f"copy told to '{path}' (format parquet{named})")
    return path


def test_parquet_is_read_through_duckdb(tmp_path: Path) -> None:
    """Both sides of one message make best prices; a lone side says nothing."""
    heard = read_tape([parquet(tmp_path / "a.parquet", PERP)], silent)
    tape = heard.tape
    assert (heard.symbol, heard.market) == ("BTCUSDT", Market.LINEAR)
    assert (list(tape.bid), list(tape.ask)) == ([6_100_010_000_000], [6_100_020_000_000])
    assert (list(tape.price), list(tape.aggressor), list(tape.order)) == ([6_100_010_000_000], [-1], [6])


@pytest.mark.parametrize(
    ("facts", "rows", "reason"),
    [
        (PERP, (*ROWS, (3, 3, "trade", 1, 1.0, 1.0, 9)), "local time goes back by 9 ns"),
        ({"type": "moon"}, ROWS, "no market that is known: moon"),
        ({}, ROWS, "no market that is known: none"),
        (PERP, ((1, 1, "trade", 1, 0.0, 1.0, 1),), "no price or no size"),
    ],
)
def test_parquet_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, *, facts: dict[str, str], rows: Rows, reason: str
) -> None:
    """With the file."""
    with pytest.raises(RecordingUnusable, match=rf"a\.parquet: .*{reason}"):
        read_tape([parquet(tmp_path / "a.parquet", facts, rows)], silent)


def test_what_only_begins_as_parquet_does_is_refused_by_name(tmp_path: Path) -> None:
    """In the library's words, of which the first line is told."""
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1....PAR1")
    with pytest.raises(RecordingUnusable, match=r"a\.parquet: \S"):
        read_tape([path], silent)


def test_parquet_of_two_markets_or_beside_raw_files_is_refused(tmp_path: Path) -> None:
    """One market, one kind of file."""
    path = parquet(tmp_path / "a.parquet", PERP)
    other = parquet(tmp_path / "b.parquet", {"symbol": "BTCUSDT", "type": "spot"})
    with pytest.raises(RecordingUnusable, match=r"it is of BTCUSDT \(spot\) after BTCUSDT \(linear\)"):
        read_tape([path, other], silent)
    with pytest.raises(RecordingUnusable, match="cannot be read as one"):
        read_tape([path, ordinary().save(tmp_path / "raw")], silent)


def test_without_duckdb_the_command_that_brings_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install reads raw files alone."""

    def missing(name: str) -> object:
        raise ImportError(name)

    path = parquet(tmp_path / "a.parquet", PERP)
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match="which is not installed") as told:
        read_tape([path], silent)
    assert "--extra research" in told.value.hint
