"""What one pass over a recording tells; real recordings where they are present."""

from pathlib import Path

import pytest

from mm.errors import RecordingDamaged
from mm.store.recordings.raw.records import Market
from mm.store.recordings.raw.scan import RecordingInfo, scan
from tests.builders.recordings import LATE_NS, START_MS, Tape, ordinary


def scanned(tape: Tape, folder: Path) -> RecordingInfo:
    """What the pass tells of a tape."""
    return scan([tape.save(folder / "tape.gz")])


def test_a_recording_is_counted_and_measured(tmp_path: Path) -> None:
    """Kinds, times, grid, and that a book can be rebuilt."""
    info = scanned(ordinary(rounds=20), tmp_path)
    assert (info.symbol, info.market, info.has_snapshot) == ("BTCUSDT", Market.SPOT, True)
    assert (info.frames, info.snapshots, info.diffs, info.trades, info.tickers) == (64, 1, 23, 20, 20)
    assert (info.tick_size, info.lot_size, info.price_max) == ("0.01", "0.01", "61010")
    assert (info.first_venue_ms, info.last_venue_ms) == (START_MS, START_MS + 63 * 50)
    assert info.last_ns - info.first_ns == 63 * 50 * 1_000_000
    assert (info.gaps, info.gap_count) == ((), 0)


def test_the_shift_lets_no_frame_come_before_it_was_sent(tmp_path: Path) -> None:
    """The fastest delivery counts, not the mean."""
    tape = Tape().ticker(("1.00", "1"), ("2.00", "1"))
    for delay_ns in (90_000_000, 3_000_000, 50_000_000):
        tape.delay_ns = delay_ns
        tape.now_ms += 100
        tape.trade("1.00", "1", buyer_is_maker=True)
    assert scanned(tape, tmp_path).shift_ns == LATE_NS - 3_000_000


def test_a_recording_without_a_snapshot_says_so(tmp_path: Path) -> None:
    """It is one all the same; without trades it shows no lot, without any time no shift."""
    tape = Tape().ticker(("61000.5", "1"), ("61001", "1"))
    info = scanned(tape, tmp_path)
    assert (info.has_snapshot, info.tick_size, info.lot_size) == (False, "0.5", "")
    assert (info.shift_ns, info.first_venue_ms) == (0, -1)


def test_gaps_are_counted_and_named(tmp_path: Path) -> None:
    """File, line and byte of the change that does not follow, and which one should have come."""
    tape = ordinary(rounds=2).diff(skip=4)
    info = scanned(tape, tmp_path)
    (gap,) = info.gaps
    assert info.gap_count == 1
    offset = sum(len(line) + 1 for line in tape.lines[:-1])
    assert gap.place == f"{tmp_path / 'tape.gz'}: line {len(tape.lines)}, byte {offset}"
    assert gap.found - gap.expected == 4


def test_a_snapshot_that_joins_nothing_is_none(tmp_path: Path) -> None:
    """The stream had left it behind."""
    info = scanned(Tape().diff().diff().snapshot(last=5), tmp_path)
    assert (info.snapshots, info.has_snapshot, info.gap_count) == (1, False, 1)


def test_a_number_that_no_integer_can_hold_is_damage(tmp_path: Path) -> None:
    """With its place, like every other."""
    for price in ("0.000000001", "9" * 30, "1.2.3"):
        tape = Tape().trade("1.00", "1", buyer_is_maker=True).trade(price, "1", buyer_is_maker=True)
        with pytest.raises(RecordingDamaged) as caught:
            scanned(tape, tmp_path)
        assert (caught.value.line, caught.value.offset) == (2, len(tape.lines[0]) + 1)


@pytest.mark.proof  # whole recordings
def test_real_recordings_are_what_their_description_says(shared_data: Path) -> None:
    """Spot in two files that go on; USD-M; one without a snapshot."""
    folder = shared_data / "binance_raw_2024-08-08"
    spot = scan([folder / "spot_btcusdt_20240808.gz", folder / "spot_btcusdt_20240809.gz"])
    assert (spot.frames, spot.diffs, spot.trades, spot.tickers) == (99_574, 6_495, 19_904, 73_174)
    assert (spot.tick_size, spot.lot_size, spot.gap_count, spot.has_snapshot) == ("0.01", "0.00001", 0, True)
    linear = scan([folder / "usdm_btcusdt_20240808.gz"])
    assert (linear.market, linear.frames, linear.diffs) == (Market.LINEAR, 93_954, 6_551)
    assert (linear.tick_size, linear.lot_size, linear.gap_count) == ("0.1", "0.001", 0)
    bare = scan([shared_data / "binance_raw_2023-04-04" / "spot_btcusdt_20230405.dat.gz"])
    assert (bare.frames, bare.has_snapshot, bare.gap_count) == (15_088, False, 0)
