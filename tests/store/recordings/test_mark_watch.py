"""What is wrong with the marks of a recording, and where it is told: in a check and in a sheet."""

from pathlib import Path

import pytest

from mm.bootstrap.data_sheet import Sheet, sheet_of
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.mark_watch import moment
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.normalised_writer import write_normalised
from mm.store.recordings.raw_source import RawSource
from mm.store.recordings.verify import verify
from tests.builders.funded_tapes import MARK, NEXT_MS, RATE, local_ns, perpetual
from tests.builders.recordings import START_MS, Tape, ordinary
from tests.builders.stored import put, told

S = 1_000


def found_in(tape: Tape, folder: Path) -> list[tuple[str, int, str]]:
    """Return kind, local time and words of what a check finds, which are those of the sheet."""
    path = tape.save(folder / "tape.gz")
    findings = verify([path], Facts()).findings
    faults = sheet(path).faults
    assert [(f"{one.file}: row {one.row}", one.ts_ns, one.detail) for one in findings] == faults
    return [(one.fault.value, one.ts_ns, one.detail) for one in findings]


def sheet(path: Path) -> Sheet:
    """Describe a recording."""
    return sheet_of(open_source([path]), told)


def test_marks_in_good_order_are_counted_and_clean_in_every_form(tmp_path: Path) -> None:
    """With the funding time that lies in the data, its rate and its mark."""
    path = perpetual().save(tmp_path / "tape.gz")
    put(RawSource([path], Facts()), tmp_path / "store")
    write_normalised(RawSource([path], Facts()), tmp_path / "n.parquet", told)
    for one in (path, tmp_path / "store", tmp_path / "n.parquet"):
        found, fields = verify([one], Facts()), sheet(one).fields()
        assert (found.is_clean, found.totals.marks) == (True, 60)
        assert found.totals.words.endswith("61 beside it (60 of them mark prices); and 1 keyframes")
        assert (fields["marks"], fields["mark_silence_ns"], fields["mark_faults"]) == (60, 1_000_000_000, [])
        assert fields["funding_times"] == [
            {
                "venue_ms": NEXT_MS,
                "ts_ns": local_ns(NEXT_MS),
                "mark": MARK,
                "rate": RATE.rstrip("0"),
                "stale_ms": 1_000,
            }
        ]


def test_a_market_without_marks_is_not_judged(tmp_path: Path) -> None:
    """No spot market has any."""
    path = ordinary(rounds=900).save(tmp_path / "tape.gz")
    assert verify([path], Facts()).is_clean
    assert (sheet(path).mark_silence_ns, sheet(path).funding) == (0, [])


def test_a_long_time_without_a_mark_is_told_where_it_ends(tmp_path: Path) -> None:
    """In the middle, in the beginning and in the end."""
    middle = (START_MS + 10 * S, START_MS + 75 * S)
    tape = perpetual(seconds=100, hole_ms=middle, next_ms=START_MS + 10**6)
    assert [(kind, words) for kind, _, words in found_in(tape, tmp_path)] == [
        ("mark", "no mark price for 66.000 s")
    ]
    for hole_ms, times in (((0, START_MS + 62 * S), 1), ((START_MS + 20 * S, 2 * START_MS), 1)):
        tape = perpetual(seconds=100, hole_ms=hole_ms, next_ms=START_MS + 10**6)
        assert [kind for kind, _, _ in found_in(tape, tmp_path)] == ["mark"] * times


@pytest.mark.parametrize("seconds", [50, 33])
def test_a_funding_time_that_passed_without_a_mark_is_told(tmp_path: Path, seconds: int) -> None:
    """Its last mark is too old; whether another one follows or the data end."""
    tape = perpetual(seconds=seconds, hole_ms=(NEXT_MS - 12 * S, NEXT_MS + 5 * S))
    ((kind, ts_ns, words),) = found_in(tape, tmp_path)
    assert (kind, ts_ns) == ("funding", local_ns(NEXT_MS))
    assert words == f"{moment(NEXT_MS)} passed without a mark: the last one was 13.000 s old"


def test_where_funding_times_may_have_been_lost_is_told(tmp_path: Path) -> None:
    """Marks are away for so long that nobody knows how often it was paid."""
    tape = perpetual(seconds=40, hole_ms=(NEXT_MS, 2 * START_MS))
    tape.now_ms += 2 * 3_600_000
    tape.mark(MARK, RATE, tape.now_ms + 1)
    counts = verify([tape.save(tmp_path / "tape.gz")], Facts()).counts
    assert counts[Fault.FUNDING] == counts[Fault.MARK] == 1
    (_, lost) = sheet(tmp_path / "tape.gz").faults
    assert lost[2] == f"from {moment(NEXT_MS)} to {moment(tape.now_ms)} no funding time is known"


def test_a_mark_of_nothing_is_told(tmp_path: Path) -> None:
    """It can be read, and no position is worth that."""
    tape = ordinary(linear=True, rounds=3).mark("0", RATE, 0)
    assert [(kind, words) for kind, _, words in found_in(tape, tmp_path)] == [("mark", "the mark price is 0")]


def test_of_many_faults_the_sheet_lists_the_first(tmp_path: Path) -> None:
    """A check counts all of them."""
    tape = ordinary(linear=True, rounds=3)
    for _ in range(30):
        tape.mark("0", RATE, 0)
    path = tape.save(tmp_path / "tape.gz")
    assert len(sheet(path).faults) == 20
    assert verify([path], Facts()).counts == {Fault.MARK: 30}
