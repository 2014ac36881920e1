"""What a check of recordings finds, and where it says that it is."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from mm.bootstrap.data_sheet import sheet_of
from mm.domain.tape import SEAM
from mm.errors import ConfigError
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault, Finding
from mm.store.recordings.opening import open_source, opened_each
from mm.store.recordings.parquet.layout import MANIFEST_NAME, partitions
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.source import Opening, Source
from mm.store.recordings.verify import Verified, verify
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import EventSource, market_events, put, rows_of, told

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
        assert found.totals.messages > 1_800
        assert found.totals.frames == source.info.frames
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


@pytest.mark.parametrize("price", ["0.00000000", "1.00000000", "400000.00000000"])
def test_a_trade_far_from_the_market_is_told(tmp_path: Path, price: str) -> None:
    """At no price, or at one that the book beside it makes a mistake; one within it is none."""
    tape = ordinary(rounds=3).trade(price, "0.01000000", buyer_is_maker=True)
    row = len(tape.lines)
    tape.trade("62000.00000000", "0.01000000", buyer_is_maker=False)
    finding = only(checked(tape.save(tmp_path / "a.gz")), Fault.PRICE)
    assert finding.row == row


def test_a_market_of_trades_alone_is_held_against_the_one_before(tmp_path: Path) -> None:
    """There is no book that says what a price is like."""
    tape = Tape()
    for price in ("61000.00000000", "61000.10000000", "1.00000000", "61000.20000000"):
        tape.trade(price, "0.01000000", buyer_is_maker=True)
    assert only(checked(tape.save(tmp_path / "a.gz")), Fault.PRICE).row == 3


def test_a_gap_has_one_length(tmp_path: Path) -> None:
    """From the last change to the next whole book: a check says what a backtest says."""
    tape = ordinary(rounds=3)
    tape.now_ms += 7_000
    busy(tape.diff(skip=7), 3).snapshot()
    path = busy(tape, 2).save(tmp_path / "a.gz")
    source = RawSource([path], Facts())
    stored = write_normalised(source, tmp_path / "a.parquet", told).path
    normalised = open_source([stored])
    rows_of(normalised)
    for one, name in ((source, path), (normalised, stored)):
        (gap,) = one.gaps
        lasted_s = (gap.end_ns(one.last_ns) - gap.from_ns) / S
        assert lasted_s > 10
        assert f"no book for {lasted_s:.3f} s" in only(checked(name), Fault.GAP).detail


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
    assert found.findings[0].detail == "the connection ended; no book for 0.500 s"


def two_imports(tmp_path: Path, *, snapshot_after_s: int = 0) -> tuple[Path, list[Path]]:
    """A store whose second day is another file; its snapshot comes so late, 0: never."""
    one = busy(ordinary(rounds=3), 10)
    one.now_ms += 600_000
    first = Tape()
    first.lines, two = one.lines, Tape()
    two.now_ms, two.last, two.trade_id = one.now_ms + 3_600_000, one.last, one.trade_id
    busy(two, snapshot_after_s or 10)
    if snapshot_after_s:
        busy(two.snapshot(), 5)
    paths = [first.save(tmp_path / "one.gz"), two.save(tmp_path / "two.gz")]
    for path in paths:
        put(RawSource([path], Facts(tick_size=Decimal("0.01"), lot_size=Decimal("0.01"))), tmp_path / "store")
    return tmp_path / "store", paths


@pytest.mark.parametrize("snapshot_after_s", [0, 90])
def test_a_book_that_another_import_does_not_have_is_a_gap(tmp_path: Path, snapshot_after_s: int) -> None:
    """With its time and how long it lasts; a backtest is told the same by the source."""
    path, _ = two_imports(tmp_path, snapshot_after_s=snapshot_after_s)
    source = open_source([path])
    (gap,) = source.gaps
    finding = only(checked(path), Fault.GAP)
    assert (finding.ts_ns, finding.file) == (gap.to_ns, gap.place.removesuffix(": row 0"))
    assert finding.detail.startswith(SEAM)
    assert gap.to_ns - gap.from_ns > 4_000 * S
    if snapshot_after_s:
        assert gap.until_ns is not None
        assert 90 * S <= gap.until_ns - gap.to_ns < 92 * S
        assert "to the end" not in finding.detail
    else:
        assert (gap.until_ns, gap.end_ns(source.last_ns)) == (0, source.last_ns)
        assert finding.detail.endswith(", to the end of the data")
    (sheet,) = [sheet_of(one, lambda ts_ns: None) for one in opened_each(Opening(paths=(path,)))]
    assert (sheet.gap_count, sheet.gaps[0][2]) == (1, finding.detail)


def test_a_beginning_without_a_book_is_told_where_it_is_long(tmp_path: Path) -> None:
    """A snapshot that comes within a minute is as it should be."""
    late = busy(busy(Tape(), 35).snapshot(), 5)
    tape = Tape(step_ms=500)
    busy(busy(tape, 10).snapshot(), 5)
    path = tape.save(tmp_path / "late.gz")
    assert "no book for 99.500 s" in only(checked(path), Fault.NO_SNAPSHOT).detail
    (gap,) = RawSource([path], Facts()).gaps
    put(RawSource([path], Facts()), tmp_path / "store")
    (stored,) = open_source([tmp_path / "store"]).gaps
    assert gap.until_ns == stored.until_ns
    assert only(checked(tmp_path / "store"), Fault.NO_SNAPSHOT).ts_ns >= stored.to_ns
    assert RawSource([late.save(tmp_path / "soon.gz")], Facts()).gaps == ()


def test_gaps_of_every_form_say_when_the_book_is_there_again(tmp_path: Path) -> None:
    """Of a file and of a store; the last one never ends."""
    tape = ordinary(rounds=3).diff(skip=7)
    busy(tape, 3).snapshot()
    busy(tape, 3).diff(skip=3)
    source = RawSource([busy(tape, 2).save(tmp_path / "a.gz")], Facts())
    put(source, tmp_path / "store")
    stored = open_source([tmp_path / "store"])
    assert [(gap.to_ns, gap.until_ns) for gap in stored.gaps] == [
        (gap.to_ns, gap.until_ns) for gap in source.gaps
    ]
    first, last = source.gaps
    assert first.until_ns is not None
    assert 3 * S < first.until_ns - first.to_ns < 4 * S
    assert last.until_ns == 0


def test_forms_that_only_reading_tells_gaps_of_know_them_then(tmp_path: Path) -> None:
    """Normalised files, with the same times as the raw ones; read again, they are not there twice."""
    tape = ordinary(rounds=3).diff(skip=7)
    busy(tape, 3).snapshot()
    busy(tape, 3).diff(skip=3)
    raw = RawSource([busy(tape, 2).save(tmp_path / "a.gz")], Facts())
    source: Source = open_source([write_normalised(raw, tmp_path / "a.parquet", told).path])
    assert not source.gaps
    for _ in range(2):
        assert len(rows_of(source)) > 50
        assert [(gap.to_ns, gap.until_ns, gap.reason) for gap in source.gaps] == [
            (gap.to_ns, gap.until_ns, gap.reason) for gap in raw.gaps
        ]
    assert all(gap.from_ns <= gap.to_ns for gap in source.gaps)


@pytest.mark.parametrize("name", ["rows", "messages", "gap_count", "first_ns", "counts"])
def test_a_manifest_that_counts_otherwise_than_its_rows_is_found(tmp_path: Path, name: str) -> None:
    """In a span, in a part, in the whole: checksums are of the files, not of what is said of them."""
    put(RawSource([ordinary(rounds=30).save(tmp_path / "a.gz")], Facts()), tmp_path / "store")
    (directory,) = partitions(tmp_path / "store")
    path = directory / MANIFEST_NAME
    said = json.loads(path.read_bytes())
    for one in (said["spans"][0], said["spans"][0]["parts"][0], said):
        changed = json.loads(path.read_bytes())
        target = changed["spans"][0]
        if one is said:
            target = changed
        elif "parts" not in one:
            target = target["parts"][0]
        if name not in target:
            continue
        target[name] = {"trade": 1} if name == "counts" else target[name] + 1
        before = path.read_bytes()
        path.write_text(json.dumps(changed))
        found = checked(tmp_path / "store")
        assert found.counts.get(Fault.MANIFEST), (name, target)
        assert any(f"the manifest says {name} " in finding.detail for finding in found.findings)
        path.write_bytes(before)
    assert checked(tmp_path / "store").is_clean


def test_a_grid_that_hangs_on_one_number_is_told(tmp_path: Path) -> None:
    """With the row of it; where a person says the tick, the row is refused."""
    tape = ordinary(rounds=700)
    tape.ticker(("61000.00100000", "1.00000000"), ("61000.01000000", "1.00000000"))
    path = tape.save(tmp_path / "a.gz")
    finding = only(checked(path), Fault.GRID)
    assert (finding.file, finding.row) == (str(path), len(tape.lines))
    assert finding.detail.startswith("61000.001 makes the tick 0.001: 1 of ")
    with pytest.raises(ConfigError, match=r"lies on a grid of 0\.001"):
        verify([path], Facts(tick_size=Decimal("0.01")))
    assert verify([path], Facts(tick_size=Decimal("0.001"))).is_clean


def test_a_damage_names_its_file_once(tmp_path: Path) -> None:
    """It stands before it."""
    path = ordinary(rounds=300).save(tmp_path / "a.gz")
    path.write_bytes(path.read_bytes()[:-100])
    finding = only(checked(path), Fault.DAMAGED)
    assert finding.file == str(path)
    assert str(path) not in finding.detail


PRICES = "open,high,low,close,volume"
ONE = "1,1,1,1,0"


def test_holes_between_candles_are_found(tmp_path: Path) -> None:
    """By market, with the line behind them."""
    lines = [f"market,open_time_ms,{PRICES}"]
    lines += [f"a,{60_000 * at},{ONE}" for at in (1, 2, 5, 6, 6)]
    lines += [f"b,{60_000 * at},{ONE}" for at in (1, 2, 3)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    found = checked(tmp_path / "a.csv")
    assert found.counts == {Fault.CANDLE_HOLE: 1, Fault.DUPLICATE: 1}
    assert (found.findings[0].row, found.findings[0].detail) == (4, "2 candles of a of 60 s are missing")
    lines = [f"open_time_s,{PRICES}", *(f"{60 * at},{ONE}" for at in range(1, 8))]
    (tmp_path / "whole.csv").write_text("\n".join(lines) + "\n")
    whole = checked(tmp_path / "whole.csv")
    assert (whole.is_clean, whole.candles_read, whole.candles) == (True, 7, 0)


@pytest.mark.parametrize(
    ("row", "fault", "words"),
    [
        (f"x,{ONE}", Fault.DAMAGED, "open_time_s was 'x', expected a whole number"),
        ("120,1,abc,1,1,0", Fault.DAMAGED, "abc"),
        ("120;1;1;1;1;0", Fault.DAMAGED, "a row has 1 cells, expected 6"),
        ("120,1,1", Fault.DAMAGED, "a row has 3 cells, expected 6"),
        ("120,2,1,1,1,0", Fault.PRICE, "low 1, open 2, close 1 and high 1 are no candle"),
        ("120,1,1,-7,1,0", Fault.DAMAGED, "-7"),
    ],
)
def test_candles_that_cannot_be_are_told_with_their_line(
    tmp_path: Path, row: str, fault: Fault, words: str
) -> None:
    """Whatever of it is wrong, not its time alone."""
    (tmp_path / "a.csv").write_text(f"open_time_s,{PRICES}\n60,{ONE}\n{row}\n")
    finding = only(checked(tmp_path / "a.csv"), fault)
    assert finding.row == 3
    assert words in finding.detail


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
