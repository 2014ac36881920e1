"""Which recorded run is meant by what a person names."""

from pathlib import Path

import pytest

from mm.cli.main import carry_out
from mm.cli.recorded import by_id, place_of, run_places
from mm.errors import EXIT_OK, NotRunning, StateCorrupt
from tests.builders import recorded_runs as recorded


@pytest.fixture(name="data_dir")
def _data_dir(folder: Path) -> Path:
    path = folder / "var" / "data"
    recorded.lived(path)
    return path


def test_a_run_is_meant_by_its_directory_its_id_its_data_directory_or_nothing(data_dir: Path) -> None:
    """Of a data directory the newest, or all of them."""
    run_id = recorded.header(1).run_id
    for named in (None, data_dir, data_dir / "runs" / run_id, Path(run_id)):
        (place,) = run_places(named)
        assert (place.run_id, place.epoch) == (run_id, 1)
    assert [place.run_id for place in run_places(data_dir, every=True)] == [run_id]


def test_a_backtest_is_meant_by_its_id_where_no_run_has_that(data_dir: Path) -> None:
    """Both are numbered for themselves: a run of the same id is meant first."""
    run_id = recorded.header(1).run_id
    other = data_dir / "backtests" / "20260102T030405Z-000002"
    (other / "journal").mkdir(parents=True)
    (place,) = run_places(Path(other.name))
    assert place.directory == other.resolve()
    (data_dir / "backtests" / run_id).mkdir()
    assert by_id(Path(run_id)).parent.name == "runs"


def test_a_copy_elsewhere_is_a_run_too(data_dir: Path, folder: Path) -> None:
    """Under whatever name; its number is told by its name alone."""
    (data_dir / "runs" / recorded.header(1).run_id).rename(folder / "copy")
    (place,) = run_places(folder / "copy")
    assert (place.run_id, place.epoch, place.directory) == ("copy", 0, folder / "copy")
    assert place_of(folder / "x-000007").epoch == 7


def test_what_is_no_run_is_an_error_with_what_is_expected(data_dir: Path, folder: Path) -> None:
    """Also where there is no data directory to look in."""
    with pytest.raises(StateCorrupt, match="no run is recorded there"):
        run_places(Path("nope"))
    with pytest.raises(StateCorrupt, match="no run is recorded there"):
        run_places(folder, every=True)
    assert by_id(folder / "nope") == folder / "nope"
    (data_dir / "runstate.json").unlink()
    assert by_id(Path("nope")) == Path("nope")
    with pytest.raises(NotRunning, match="no data directory"):
        run_places(None)


def test_replay_and_verify_take_the_same_names(
    data_dir: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one verb calls a run the other does too."""
    assert data_dir.is_dir()
    assert carry_out(["journal", "verify", recorded.header(1).run_id]) == EXIT_OK
    carry_out(["replay", recorded.header(1).run_id])
    assert "no run is recorded there" not in capsys.readouterr().err
