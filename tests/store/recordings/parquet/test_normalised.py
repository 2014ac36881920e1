"""Normalised files: the same rows as raw files, written and read without loss, refused with file and row."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mm.bootstrap.data import DataOrder, import_recordings
from mm.domain.tape import KEYFRAME, OTHER, SNAPSHOT
from mm.errors import EXIT_CONFIG, RecordingDamaged, RecordingUnusable
from mm.store.recordings.blocks import FRAME, KIND, NAMES, block_of
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.normalised_source import COLUMNS, NormalisedSource
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.parquet_files import ParquetFile, write_parquet
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.verify import verify
from tests.builders.instruments import INSTRUMENT
from tests.builders.recordings import Tape, ordinary
from tests.builders.stored import EventSource, market_events, rows_of, told

Integers = npt.NDArray[np.int64]
FACTS = {"exchange": "binance", "symbol": "BTCUSDT", "type": "spot", "tick_size": "0.01", "lot_size": "0.01"}


def all_of(source: RawSource | NormalisedSource) -> Integers:
    """Everything that a source tells."""
    return np.concatenate([block_of(one) for one in source.detailed()], axis=1)


def converted(tape: Tape, folder: Path, *, name: str = "tape") -> tuple[RawSource, NormalisedSource]:
    """A tape raw, and what was written of it."""
    raw = RawSource([tape.save(folder / f"{name}.gz")], Facts())
    write_normalised(raw, folder / f"{name}.parquet", told)
    return raw, NormalisedSource([folder / f"{name}.parquet"], Facts())


def gaps_and_snapshots() -> Tape:
    """A market whose changes are missing, repeated and joined again, over some minutes."""
    tape = ordinary(rounds=300, linear=True)
    for number in range(6):
        tape.diff(skip=number % 3).diff((("60000.00000000", f"{number + 1}.00000000"),))
        tape.snapshot(last=tape.last - 2)
        for _ in range(300):
            tape.trade("61000.00000000", "0.01000000", buyer_is_maker=bool(number % 2)).diff()
    return tape


@pytest.mark.parametrize("linear", [False, True])
def test_a_file_written_of_raw_frames_holds_the_same(tmp_path: Path, *, linear: bool) -> None:
    """Rows, details, grid and times, to the last integer."""
    raw, normalised = converted(ordinary(rounds=700, linear=linear), tmp_path)
    assert (all_of(raw) == all_of(normalised)).all()
    assert raw.symbols == normalised.symbols
    assert (raw.first_ns, raw.last_ns) == (normalised.first_ns, normalised.last_ns)
    assert rows_of(raw) == rows_of(normalised)


def test_gaps_are_found_in_bulk_as_frame_by_frame(tmp_path: Path) -> None:
    """Both joiners come to the same rows, lost books among them; so they do from the middle."""
    raw, normalised = converted(gaps_and_snapshots(), tmp_path)
    ours, theirs = all_of(raw), all_of(normalised)
    assert (ours == theirs).all()
    assert (ours[KIND] == OTHER).sum() > 2
    middle = raw.first_ns + 70 * 10**9
    assert rows_of(raw, middle, middle + 10**10) == rows_of(normalised, middle, middle + 10**10)
    assert rows_of(raw, middle)[0][1] == KEYFRAME


def test_windows_do_not_tear_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever falls on their edge."""
    tape = ordinary(rounds=30, linear=True).diff(skip=2).diff()
    raw, normalised = converted(tape.snapshot(last=tape.last - 2).diff(), tmp_path)
    whole = all_of(raw)
    for rows in (3, 50):
        monkeypatch.setattr("mm.store.recordings.parquet.normalised_source.CHUNK_ROWS", rows)
        assert (all_of(normalised) == whole).all()


def test_several_files_go_on(tmp_path: Path) -> None:
    """The book of the first is the beginning of the second, and frames are numbered on."""
    tape = ordinary(rounds=40)
    first, second = Tape(), Tape()
    first.lines, second.lines = tape.lines[:60], tape.lines[60:]
    paths = [first.save(tmp_path / "1.gz"), second.save(tmp_path / "2.gz")]
    raw = RawSource(paths, Facts())
    whole = NormalisedSource([write_normalised(raw, tmp_path / "whole.parquet", told).path], Facts())
    file = ParquetFile(tmp_path / "whole.parquet")
    cut = int(np.flatnonzero(file.window(0, file.count, {"msg": "msg::bigint"})["msg"] == 60)[0])
    for name, begin, end in (("a", 0, cut), ("b", cut, file.count)):
        rows = columns_of(file, begin, end)
        rows["msg"] = rows["msg"] - rows["msg"][0]
        write(tmp_path / f"{name}.parquet", rows, file.facts())
    both = NormalisedSource([tmp_path / "a.parquet", tmp_path / "b.parquet"], Facts())
    assert (all_of(both) == all_of(whole)).all()


def test_a_file_is_not_written_over(tmp_path: Path) -> None:
    """Not even by the same."""
    raw, _ = converted(ordinary(), tmp_path)
    with pytest.raises(RecordingUnusable, match="is there already"):
        write_normalised(raw, tmp_path / "tape.parquet", told)


def test_a_source_without_details_can_be_written_and_read(tmp_path: Path) -> None:
    """Its changes get the numbers that they need; lost books and clocks are left out, and told."""
    source = EventSource(market_events(25))
    made = write_normalised(source, tmp_path / "made.parquet", told)
    assert made.left_out == {"events that are no rows": 4}
    left_out = (OTHER, KEYFRAME, SNAPSHOT)  # a book that was not lost is not told again
    held = [row[:7] for row in rows_of(source) if row[1] not in left_out]
    read = open_source([made.path], facts=Facts(base=INSTRUMENT.base, quote=INSTRUMENT.quote))
    assert [row[:7] for row in rows_of(read) if row[1] not in left_out] == held


def columns_of(file: ParquetFile, begin: int, end: int) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of a file with kinds as numbers."""
    chosen = {name: name for name in COLUMNS}
    kinds = "case kind when 'snapshot' then 1 when 'diff' then 2 when 'bbo' then 3 when 'trade' then 4 end"
    return dict(file.window(begin, end, {**chosen, "kind": f"({kinds})::bigint"}))


def write(path: Path, rows: Mapping[str, npt.NDArray[np.float64]], facts: Mapping[str, str] = FACTS) -> Path:
    """Write a file of columns; kinds as the tape numbers them, another number as it is."""
    kinds = "case kind when 1 then 'snapshot' when 2 then 'diff' when 3 then 'bbo' when 4 then 'trade'"
    types = {name: name for name in rows}
    if "kind" in rows:
        types["kind"] = f"{kinds} else kind::varchar end"
    write_parquet(path, dict(rows), types, dict(facts))  # type: ignore[arg-type]  # prices are floats here
    return path


def small(**changed: object) -> dict[str, npt.NDArray[np.float64]]:
    """Two best prices, three trades."""
    rows: dict[str, object] = {
        "ts_exchange_ns": np.full(7, 10**15),
        "ts_txn_ns": np.full(7, 10**15),
        "ts_local_ns": 10**18 + np.array([1, 1, 2, 2, 3, 4, 5]),
        "kind": np.array([3, 3, 3, 3, 4, 4, 4]),
        "side": np.array([1, -1, 1, -1, 1, -1, 1]),
        "price": np.array([61000.0, 61000.01, 61000.0, 61000.02, 61000.02, 61000.0, 61000.02]),
        "qty": np.array([0.5, 0.01, 0.02, 0.03, 0.04, 1e-8, 12345.67]),
        "seq": np.array([5, 5, 6, 6, 100, 101, 102]),
        "seq_first": np.array([5, 5, 6, 6, 100, 101, 102]),
        "seq_prev": np.full(7, -1),
        "msg": np.array([0, 0, 1, 1, 2, 3, 4]),
    }
    return {**rows, **changed}  # type: ignore[dict-item]  # arrays all


def refused(path: Path) -> str:
    """What is said of a file."""
    with pytest.raises((RecordingDamaged, RecordingUnusable)) as caught:
        rows_of(open_source([path]))
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_numbers_become_the_integers_that_were_meant(tmp_path: Path) -> None:
    """In ticks and atoms, exactly."""
    found = rows_of(open_source([write(tmp_path / "a.parquet", small())]))
    assert [row[4] for row in found] == [6100000, 6100001, 6100000, 6100002, 6100002, 6100000, 6100002]
    assert [row[5] for row in found][-2:] == [1, 1_234_567_000_000]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"price": np.full(7, 61000.005)}, "row 0: price was 61000.005"),
        ({"price": np.array([61000.0] * 6 + [np.nan])}, "row 6: price has no value"),
        ({"qty": np.array([1.0] * 5 + [0.123456785, 1.0])}, "row 5: qty was"),
        ({"ts_local_ns": 10**18 + np.array([9, 9, 8, 8, 9, 9, 9])}, "row 2: local time goes back by 1 ns"),
        (
            {"ts_local_ns": 10**18 - np.array([0] * 6 + [1])},
            "row 6: ts_local_ns was 9999999999",
        ),
        (
            {"side": np.array([1, -1, 1, -1, 1, -1, 7])},
            "row 6: a trade of side 7 at price",
        ),
        ({"side": np.array([1, -1, 1, -1, 0, -1, 1])}, "row 4: a trade of side 0"),
        ({"price": np.array([61000.0] * 6 + [0.0])}, "row 6: a trade of side 1 at price 0.0"),
        (
            {"price": np.array([61000.0] * 6 + [1e300])},
            "row 6: price was 1e+300",
        ),
        ({"seq": np.full(7, 1.5)}, "column seq is DOUBLE, expected whole numbers"),
        ({"kind": np.array([3, 3, 3, 3, 7, 4, 4])}, "row 4: its kind is none of"),
        ({"side": np.array([1, -1, -1, 1, 1, 1, 1])}, "row 2: a bbo message is not one bid and one ask"),
        ({"msg": np.array([0, 0, 1, 1, 2, 2, 3])}, "row 5: the rows of one message differ"),
    ],
)
def test_what_cannot_be_a_row_is_told_with_file_and_row(
    tmp_path: Path, changed: Mapping[str, object], words: str
) -> None:
    """Nothing is rounded, sorted or skipped."""
    assert words in refused(write(tmp_path / "bad.parquet", small(**changed)))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("price", "'nan'", "row 4: price was nan, expected a number of at least 0"),
        ("price", "'inf'", "row 4: price was inf"),
        ("price", "-1", "row 4: price was -1.0"),
        ("qty", "'nan'", "row 4: qty was nan"),
        ("qty", "'-inf'", "row 4: qty was -inf"),
        ("qty", "-0.5", "row 4: qty was -0.5"),
        ("qty", "null", "row 4: qty has no value"),
    ],
)
def test_what_is_no_amount_is_refused_before_anything_is_written(
    tmp_path: Path, column: str, value: str, words: str
) -> None:
    """With file, row and value; a check of it finds damage, an import leaves no directory."""
    types = {name: name for name in small()}
    types["kind"] = "case kind when 3 then 'bbo' else 'trade' end"
    types[column] = f"case msg when 2 then {value}::double else {column} end"
    path = tmp_path / "bad.parquet"
    write_parquet(path, small(), types, FACTS)  # type: ignore[arg-type]  # prices are floats here
    assert words in refused(path)
    with pytest.raises(RecordingDamaged) as caught:
        import_recordings(DataOrder(paths=(path,)), tmp_path / "store", lambda *_: None)
    assert (caught.value.line, caught.value.exit_code) == (4, EXIT_CONFIG)
    assert not (tmp_path / "store").exists()
    (finding,) = verify([path], Facts()).findings
    assert (finding.fault, finding.file, finding.row) == (Fault.DAMAGED, str(path), 4)
    assert str(path) not in finding.detail


def test_wrong_columns_and_metadata_are_refused(tmp_path: Path) -> None:
    """Each with what is missing."""
    rows = small()
    del rows["seq_prev"]
    assert "seq_prev missing" in refused(write(tmp_path / "1.parquet", rows))
    assert "no market that is known" in refused(
        write(tmp_path / "2.parquet", small(), {**FACTS, "type": "x"})
    )
    without = {name: text for name, text in FACTS.items() if name != "tick_size"}
    assert "tell no tick_size" in refused(write(tmp_path / "3.parquet", small(), without))
    (tmp_path / "4.parquet").write_bytes(b"PAR1 and no more")
    assert "no Parquet that can be read" in refused(tmp_path / "4.parquet")


def test_files_of_one_market_have_one_grid(tmp_path: Path) -> None:
    """Another tick size is another recording."""
    one = write(tmp_path / "1.parquet", small())
    two = write(tmp_path / "2.parquet", small(), {**FACTS, "tick_size": "0.001"})
    with pytest.raises(RecordingUnusable, match=r"2\.parquet: is of BTCUSDT .* tick 0\.001"):
        open_source([one, two])


@pytest.mark.proof  # a whole recording
def test_a_real_file_is_the_beginning_of_its_normalised_one(shared_data: Path) -> None:
    """Row for row, with every number, keyframes and what is kept beside."""
    ours = RawSource([shared_data / "binance_raw_2024-08-08" / "spot_btcusdt_20240808.gz"], Facts())
    theirs = NormalisedSource(
        [shared_data / "normalised" / "binance_spot_BTCUSDT_2024-08-08.parquet"], Facts()
    )
    left, right = all_of(ours), all_of(theirs)
    assert left.shape[1] > 200_000
    assert (left == right[:, : left.shape[1]]).all()


@pytest.mark.proof
@pytest.mark.parametrize(
    ("raw", "normalised"),
    [
        (("usdm_btcusdt_20240808.gz",), "binance_usdm_BTCUSDT_2024-08-08"),
        (("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"), "binance_spot_BTCUSDT_2024-08-08"),
        (("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"), "binance_cm_BTCUSD_PERP_2024-08-08"),
    ],
)
def test_real_files_are_what_the_raw_ones_hold(
    shared_data: Path, tmp_path: Path, raw: tuple[str, ...], normalised: str
) -> None:
    """Row for row; and the file that we write of the raw ones has the columns of the one that is there."""
    path = shared_data / "normalised" / f"{normalised}.parquet"
    ours = RawSource([shared_data / "binance_raw_2024-08-08" / name for name in raw], Facts())
    theirs = NormalisedSource([path], Facts())
    assert ours.instruments == theirs.instruments
    left, right = all_of(ours), all_of(theirs)
    for line, name in enumerate(NAMES):
        assert (left[line] == right[line]).all(), name
    assert (left[FRAME] >= 0).sum() == theirs.rows
    made, real = ParquetFile(write_normalised(ours, tmp_path / "made.parquet", told).path), ParquetFile(path)
    assert made.count == real.count
    for name in COLUMNS:
        column = {name: f"{name}::varchar" if name == "kind" else name}
        assert (made.window(0, made.count, column)[name] == real.window(0, real.count, column)[name]).all(), (
            name
        )
