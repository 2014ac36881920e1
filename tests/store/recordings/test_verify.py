"""What a check of recordings finds, and where it says that it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mm.store.recordings.findings import Fault, Finding
from mm.store.recordings.parquet.layout import MANIFEST_NAME, partitions
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Facts
from mm.store.recordings.verify import Verified, verify
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import EventSource, market_events, put, told

S = 10**9


def checked(*paths: Path) -> Verified:
    """What is found in files."""
    return verify(paths, Facts())


def only(verified: Verified, fault: Fault) -> Finding:
    """The one finding there is."""
    assert verified.counts == {fault: 1}
    return verified.findings[0]


def busy(tape: Tape, seconds: int) -> Tape:
    """Let a market go on: a print and a change every 100 ms."""
    for number in range(10 * seconds):
        tape.trade("61000.00000000", "0.01000000", buyer_is_maker=bool(number % 2)).diff()
    return tape


def test_a_whole_recording_is_clean_in_every_form(tmp_path: Path) -> None:
    """Raw, normalised, stored."""
    path = ordinary(rounds=600).save(tmp_path / "tape.gz")
    source = RawSource([path], Facts())
    put(source, tmp_path / "store")
    write_normalised(source, tmp_path / "tape.parquet", told)
    for one in (path, tmp_path / "store", tmp_path / "tape.parquet"):
        found = checked(one)
        assert found.is_clean, found.findings
        assert found.messages > 1_800
        assert (found.first_ns, found.last_ns) == (source.first_ns, source.last_ns)


def test_a_missing_change_is_a_gap_and_a_repeated_one_a_duplicate(tmp_path: Path) -> None:
    """Each with its line, its local time and the numbers."""
    tape = ordinary(rounds=3).diff(skip=7)
    gap = only(checked(tape.save(tmp_path / "gap.gz")), Fault.GAP)
    assert (gap.file, gap.row) == (str(tmp_path / "gap.gz"), len(tape.lines))
    assert gap.ts_ns == int(tape.lines[-1].split()[0])
    assert "expected change" in gap.detail
    tape = ordinary(rounds=3)
    tape.lines.append(tape.lines[-1])
    twice = only(checked(tape.save(tmp_path / "twice.gz")), Fault.DUPLICATE)
    assert twice.row == len(tape.lines)


def test_trades_that_are_missing_or_there_twice_are_found(tmp_path: Path) -> None:
    """By their numbers."""
    tape = ordinary(rounds=3)
    tape.trade_id += 5
    tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    assert "trades 504 to 508" in only(checked(tape.save(tmp_path / "a.gz")), Fault.MISSING_TRADES).detail
    tape = ordinary(rounds=3)
    tape.trade_id -= 1
    tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    assert only(checked(tape.save(tmp_path / "b.gz")), Fault.DUPLICATE_TRADE).row == len(tape.lines)


def test_a_crossed_book_is_told_with_how_long(tmp_path: Path) -> None:
    """Once, where it begins; crossed best prices too."""
    tape = ordinary(rounds=3).diff((("61000.50000000", "1.00000000"),))
    row = len(tape.lines)
    tape.diff().diff((("61000.50000000", "0.00000000"),))
    found = only(checked(tape.save(tmp_path / "a.gz")), Fault.CROSSED_BOOK)
    assert found.row == row
    assert "0.100 s" in found.detail
    tape = ordinary(rounds=3).ticker(("61001.00000000", "1.00000000"), ("61000.01000000", "1.00000000"))
    assert only(checked(tape.save(tmp_path / "b.gz")), Fault.CROSSED_BOOK).row == len(tape.lines)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda tape: setattr(tape, "delay_ns", tape.delay_ns + S), "receiver's clock went forward"),
        (lambda tape: setattr(tape, "now_ms", tape.now_ms + 700), ""),
    ],
)
def test_a_clock_that_steps_is_found(tmp_path: Path, turn: Callable[[Tape], None], words: str) -> None:
    """A pause of the market is no step; nor is a line that is slow for a moment."""
    tape = busy(ordinary(rounds=3), 15)
    turn(tape)
    row = len(tape.lines) + 1
    found = checked(busy(tape, 15).save(tmp_path / "a.gz"))
    if not words:
        assert found.is_clean
        return
    finding = only(found, Fault.CLOCK_STEP)
    assert words in finding.detail
    assert "1.000 s" in finding.detail
    assert row <= finding.row <= row + 25


def test_a_clock_that_steps_back_is_found(tmp_path: Path) -> None:
    """The receiver's by less than a pause, or the venue's forward: both look the same."""
    tape = busy(ordinary(rounds=3), 15)
    tape.now_ms += 1_000
    tape.delay_ns -= 900_000_000
    found = only(checked(busy(tape, 15).save(tmp_path / "a.gz")), Fault.CLOCK_STEP)
    assert "back or the venue's forward by 0.900 s" in found.detail


def test_a_venue_whose_time_goes_back_is_found(tmp_path: Path) -> None:
    """Beyond what its streams differ by; the step of the clocks is told too."""
    tape = busy(ordinary(rounds=3), 15)
    tape.now_ms -= 5_000
    tape.delay_ns += 5_100_000_000
    found = checked(busy(tape, 15).save(tmp_path / "a.gz"))
    assert found.counts == {Fault.VENUE_TIME_BACK: 1, Fault.CLOCK_STEP: 1}


def test_a_slow_line_is_no_clock(tmp_path: Path) -> None:
    """Two seconds of late frames, then as before."""
    tape = busy(ordinary(rounds=3), 15)
    for _ in range(20):
        tape.delay_ns += 30_000_000
        tape.diff()
    for _ in range(20):
        tape.delay_ns -= 30_000_000
        tape.diff()
    assert checked(busy(tape, 15).save(tmp_path / "a.gz")).is_clean


def test_changes_without_a_snapshot_are_told(tmp_path: Path) -> None:
    """There is never a book in such a recording."""
    tape = busy(Tape(), 3)
    assert only(checked(tape.save(tmp_path / "a.gz")), Fault.NO_SNAPSHOT).row == 2


def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    """Cut off, out of order, no recording at all."""
    path = ordinary(rounds=300).save(tmp_path / "a.gz")
    path.write_bytes(path.read_bytes()[:-100])
    assert only(checked(path), Fault.DAMAGED).row > 1
    tape = ordinary(rounds=3)
    tape.lines[5], tape.lines[6] = tape.lines[6], tape.lines[5]
    assert "local time goes back" in only(checked(tape.save(tmp_path / "b.gz")), Fault.DAMAGED).detail
    (tmp_path / "c").write_text("nothing of the kind\n")
    assert "not a recording" in only(checked(tmp_path / "c"), Fault.DAMAGED).detail


def test_a_store_is_checked_by_its_checksums_first(tmp_path: Path) -> None:
    """Every file that is wrong is named; a manifest that cannot be read too."""
    put(EventSource(market_events(30)), tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    names = sorted(path.name for path in directory.iterdir() if path.name != MANIFEST_NAME)
    for name in names:
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found = checked(tmp_path / "store")
    assert found.counts == {Fault.CHECKSUM: 2}
    assert [Path(one.file).name for one in found.findings] == names
    (directory / names[0]).unlink()
    assert checked(tmp_path / "store").counts == {Fault.CHECKSUM: 1, Fault.DAMAGED: 1}
    (directory / MANIFEST_NAME).write_text("{}")
    assert only(checked(tmp_path / "store"), Fault.DAMAGED).file == str(directory / MANIFEST_NAME)


def test_gaps_of_a_store_are_found_in_its_files(tmp_path: Path) -> None:
    """With the file and its row."""
    put(EventSource(market_events(30)), tmp_path / "store")
    found = checked(tmp_path / "store")
    assert found.counts == {Fault.GAP: 3}
    assert found.findings[0].file.endswith(".parquet")
    assert found.findings[0].detail == "the connection ended"


def test_holes_between_candles_are_found(tmp_path: Path) -> None:
    """By market, with the line behind them."""
    lines = ["market,open_time_ms,open"]
    lines += [f"a,{60_000 * at},1" for at in (1, 2, 5, 6, 6)]
    lines += [f"b,{60_000 * at},1" for at in (1, 2, 3)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    found = checked(tmp_path / "a.csv")
    assert found.counts == {Fault.CANDLE_HOLE: 1, Fault.DUPLICATE: 1}
    assert (found.findings[0].row, found.findings[0].detail) == (4, "2 candles of a of 60 s are missing")
    (tmp_path / "b.csv").write_text("open_time_s,open\n60,1\nx,1\n")
    assert checked(tmp_path / "b.csv").counts == {Fault.DAMAGED: 1}


def test_only_the_first_findings_of_a_kind_are_listed(tmp_path: Path) -> None:
    """All are counted."""
    tape = ordinary(rounds=3)
    for _ in range(150):
        tape.trade_id += 1
        tape.trade("61000.00000000", "0.01000000", buyer_is_maker=True)
    found = checked(tape.save(tmp_path / "a.gz"))
    assert found.counts == {Fault.MISSING_TRADES: 150}
    assert len(found.findings) == 100


def test_real_recordings_are_clean_but_for_a_snapshot(shared_data: Path) -> None:
    """The one without a snapshot is the only one that is not."""
    folder = shared_data / "binance_raw_2024-08-08"
    assert checked(folder / "spot_btcusdt_20240808.gz").is_clean
    without = checked(shared_data / "binance_raw_2023-04-04" / "spot_btcusdt_20230405.dat.gz")
    assert without.counts == {Fault.NO_SNAPSHOT: 1}


@pytest.mark.proof
def test_all_normalised_files_are_clean(shared_data: Path) -> None:
    """Every message of every market."""
    for path in sorted((shared_data / "normalised").glob("*.parquet")):
        assert checked(path).is_clean
