"""Where runs lie, and which is the newest."""

from pathlib import Path

import pytest

from mm.errors import StateCorrupt
from mm.store.journal.entries import Family
from mm.store.journal.layout import (
    journal_directory,
    no_run,
    run_directory,
    run_id,
    runs,
    segment_path,
    segments,
)

BEGAN_NS = 1_800_000_000_987_654_321


def test_a_run_is_named_after_its_start_and_its_life() -> None:
    """UTC, to the second; the number of the life makes it unique and may grow beyond six digits."""
    assert run_id(BEGAN_NS, 7) == "20270115T080000Z-000007"
    assert run_id(BEGAN_NS, 12_345_678) == "20270115T080000Z-12345678"


def test_the_newest_run_is_the_one_with_the_highest_number(tmp_path: Path) -> None:
    """Whatever the clock said when it began; other things that lie there are passed over."""
    assert runs(tmp_path) == []
    names = [run_id(BEGAN_NS, 1), run_id(BEGAN_NS - 10**15, 2), run_id(BEGAN_NS, 10), run_id(0, 1_000_000)]
    for name in names:
        journal_directory(tmp_path, name).mkdir(parents=True)
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / run_id(BEGAN_NS, 99)).write_text("a file")

    found = runs(tmp_path)

    assert [place.run_id for place in found] == names[::-1]
    assert [place.epoch for place in found] == [1_000_000, 10, 2, 1]
    assert found[0].directory == run_directory(tmp_path, names[-1])
    assert found[0].journal == journal_directory(tmp_path, names[-1])


def test_segments_are_listed_in_their_order(tmp_path: Path) -> None:
    """By number, not by name; leftovers are passed over."""
    assert segments(tmp_path, Family.OWN) == []
    for number in (3, 1, 1_000_000, 999_999):
        path = segment_path(tmp_path, Family.OWN, number)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "own" / "000002.mmj.tmp").touch()

    assert segments(tmp_path, Family.OWN) == [1, 3, 999_999, 1_000_000]


def test_what_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    """It is not the same as nothing."""
    (tmp_path / "runs").write_text("no directory")
    (tmp_path / "own").write_text("no directory")

    with pytest.raises(StateCorrupt, match="cannot be read"):
        runs(tmp_path)
    with pytest.raises(StateCorrupt, match="cannot be read"):
        segments(tmp_path, Family.OWN)


def test_a_directory_without_a_run_names_those_right_below_that_have_some(tmp_path: Path) -> None:
    """The demo's data lie one floor deeper than its user thinks."""
    assert no_run(tmp_path).hint == "a run lies in DATA_DIR/runs/RUN_ID"
    (tmp_path / "demo" / "runs").mkdir(parents=True)
    assert no_run(tmp_path).hint == f"did you mean {tmp_path / 'demo'}?"
