"""A search is a function of its seed: not of who is faster, of how many, or of where it was broken off."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mm.errors import AlreadyRunning, ConfigError, RecordingDamaged, StateCorrupt, WorkerFailed
from mm.runtime.tune.executor import Done, Task
from mm.runtime.tune.score import Objective
from mm.runtime.tune.search import Search, outcomes_of
from mm.runtime.tune.space import Point
from mm.runtime.tune.storages import Place
from mm.runtime.tune.study import Kept, TuneStudy
from tests.builders.tune_work import HandPlan, ShuffledWorkers, damaged, dimensions, not_taken

FACTS: dict[str, object] = {"space": [1], "config": "c", "data": "d"}
TRIALS = 18

BOTH = (Objective.CERTAINTY, Objective.MESSAGES)


@contextmanager
def opened(
    folder: Path, *, seed: int = 3, lag: int = 4, objectives: tuple[Objective, ...] = BOTH
) -> Iterator[TuneStudy]:
    """Give the study in a folder."""
    place = Place(name="s", storage=str(folder / "s.log"))
    study = TuneStudy(place, dimensions(), seed=seed, lag=lag)
    with study.open(FACTS, [one.is_maximised for one in objectives]):
        yield study


def searched(
    folder: Path,
    workers: ShuffledWorkers,
    *,
    trials: int = TRIALS,
    objectives: tuple[Objective, ...] = BOTH,
    seed: int = 3,
) -> list[Kept]:
    """Return the trials after a search."""
    with opened(folder, seed=seed, objectives=objectives) as study:
        Search(study, HandPlan(), workers, objectives).run(trials, lambda _done, _words: None)
        return study.trials()


def folder_of(tmp_path: Path, name: str) -> Path:
    """Return a new folder."""
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_the_trials_are_the_same_whoever_is_faster(tmp_path: Path) -> None:
    """One worker in order, and three or seven that overtake each other, try the same points in the same
    order, and know the same results.
    """
    alone = searched(folder_of(tmp_path, "1"), ShuffledWorkers(0, workers=1))
    others = [searched(folder_of(tmp_path, f"x{n}"), ShuffledWorkers(n, workers=n)) for n in (3, 7)]

    assert len(alone) == TRIALS
    assert all(one.told for one in alone)
    assert others == [alone, alone]
    assert len({str(one.point) for one in alone}) > TRIALS // 2


def test_another_seed_tries_other_points(tmp_path: Path) -> None:
    """And the same seed the same ones, in another study."""
    one = searched(folder_of(tmp_path, "1"), ShuffledWorkers(0), trials=6)
    same = searched(folder_of(tmp_path, "2"), ShuffledWorkers(1), trials=6)
    other = searched(folder_of(tmp_path, "3"), ShuffledWorkers(0), trials=6, seed=4)
    assert [kept.point for kept in one] == [kept.point for kept in same]
    assert [kept.point for kept in one] != [kept.point for kept in other]


@pytest.mark.parametrize("tasks", [0, 40, 61])
def test_a_search_that_was_broken_off_goes_on_as_if_it_had_not_been(tmp_path: Path, tasks: int) -> None:
    """After an interrupt at any task nothing that was finished is run again, and the end is the same."""
    whole = searched(folder_of(tmp_path, "whole"), ShuffledWorkers(0, workers=1))
    folder = folder_of(tmp_path, "torn")
    with pytest.raises(KeyboardInterrupt):
        searched(folder, ShuffledWorkers(1, left=tasks))
    with opened(folder) as study:
        done = [kept.number for kept in study.trials() if kept.result is not None]
    assert (tasks >= 40) == bool(done)
    with opened(folder) as study:
        plan = HandPlan()
        Search(study, plan, ShuffledWorkers(2), BOTH).run(TRIALS, lambda _done, _words: None)
        again = study.trials()
    assert again == whole
    assert (
        not [point for point in plan.begun if point in [whole[number].point for number in done]] or not done
    )


def test_a_line_that_a_crash_tore_off_is_left_out(tmp_path: Path) -> None:
    """The search goes on from the last whole line of its journal, to the same end, wherever it was torn."""
    whole = searched(folder_of(tmp_path, "whole"), ShuffledWorkers(0, workers=1), trials=14)
    source = (tmp_path / "whole" / "s.log").read_bytes()
    for part in (0.3, 0.9):
        folder = folder_of(tmp_path, f"cut{part}")
        (folder / "s.log").write_bytes(source[: int(len(source) * part)])
        assert searched(folder, ShuffledWorkers(5), trials=14) == whole


def test_trials_of_earlier_runs_count(tmp_path: Path) -> None:
    """The same command with more trials goes on; with as many it does nothing."""
    first = searched(tmp_path, ShuffledWorkers(0), trials=9)
    nothing = searched(tmp_path, ShuffledWorkers(0, left=0), trials=9)
    more = searched(tmp_path, ShuffledWorkers(0), trials=15)
    assert nothing == first
    assert more[:9] == first
    assert len(more) == 15


def test_what_the_config_does_not_take_is_a_trial_without_a_result(tmp_path: Path) -> None:
    """It is told with its reason and costs nothing."""
    kept = searched(tmp_path, ShuffledWorkers(0))
    refused = [one for one in kept if one.refused]
    assert refused
    assert all(one.told and one.result is None for one in refused)
    assert {one.point["pair.btc.params.levels"] for one in refused} == {"9"}


def test_a_search_finds_what_is_good(tmp_path: Path) -> None:
    """Forty trials of one objective end near the best point."""
    kept = searched(tmp_path, ShuffledWorkers(0), trials=40, objectives=(Objective.CERTAINTY,))
    values = {
        one.number: outcomes_of(one.result).value(Objective.CERTAINTY, (0, 2))
        for one in kept
        if one.result is not None
    }
    best = kept[max(values, key=lambda number: values[number])].point
    assert best["pair.btc.params.kind"] == '"near"'
    assert 0.5 < float(best["pair.btc.params.width"]) < 4
    with opened(tmp_path, objectives=(Objective.CERTAINTY,)) as study:
        importances = study.importances(0, maximised=True)
        assert study.front() == [max(values, key=lambda number: values[number])]
    assert sum(importances.values()) == pytest.approx(1.0)
    assert set(importances) == {one.key for one in dimensions()}


def test_the_front_holds_what_nothing_is_better_than(tmp_path: Path) -> None:
    """Of two objectives: each trial that is not on it is beaten in both by one that is."""
    kept = searched(tmp_path, ShuffledWorkers(0))
    with opened(tmp_path) as study:
        front = study.front()
    values = {
        one.number: [outcomes_of(one.result).value(each, (0, 2)) for each in BOTH]
        for one in kept
        if one.result is not None
    }
    for number, (certain, messages) in values.items():
        beaten = any(
            other[0] >= certain and other[1] <= messages and other != [certain, messages]
            for other in values.values()
        )
        assert (number in front) == (not beaten)


def test_an_error_of_the_data_ends_the_search_and_leaves_the_study(tmp_path: Path) -> None:
    """What was finished is kept; the error is the task's own."""

    class Damaged(HandPlan):
        def task(self, point: Point, world: int, window: int) -> Task:
            return partial(damaged, 7) if len(self.begun) > 6 else super().task(point, world, window)

    with opened(tmp_path) as study, pytest.raises(RecordingDamaged):
        Search(study, Damaged(), ShuffledWorkers(0), BOTH).run(TRIALS, lambda _done, _words: None)
    with opened(tmp_path) as study:
        assert [one for one in study.trials() if one.result is not None]


def test_a_point_that_the_market_does_not_take_is_refused_and_the_search_goes_on(tmp_path: Path) -> None:
    """As one that the config does not take; the same trials whoever is faster. If none is taken it ends."""

    class Picky(HandPlan):
        limit = "5"

        def task(self, point: Point, world: int, window: int) -> Task:
            if point["pair.btc.params.levels"] < self.limit:
                return partial(not_taken, window)
            return super().task(point, world, window)

    found = []
    for seed in (1, 2):
        with opened(folder_of(tmp_path, str(seed))) as study:
            Search(study, Picky(), ShuffledWorkers(seed), BOTH).run(TRIALS, lambda _done, _words: None)
            found.append(study.trials())
    assert found[0] == found[1]
    assert {one.refused for one in found[0]} == {"", "contradiction", "smaller than a lot"}
    Picky.limit = "x"
    with (
        opened(folder_of(tmp_path, "none")) as study,
        pytest.raises(ConfigError, match="none of the first 20 trials can be"),
    ):
        Search(study, Picky(), ShuffledWorkers(1), BOTH).run(99, lambda _done, _words: None)


def test_another_space_is_refused(tmp_path: Path) -> None:
    """A study never mixes two of anything that its results depend on; the error says what differs."""
    searched(tmp_path, ShuffledWorkers(0), trials=3)
    place = Place(name="s", storage=str(tmp_path / "s.log"))
    study = TuneStudy(place, dimensions(), seed=3, lag=4)
    with (
        pytest.raises(ConfigError, match='its config was "c", is "other" now'),
        study.open({**FACTS, "config": "other"}, [True, False]),
    ):
        pass


def test_one_search_writes_a_study_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first runs, and not afterwards."""
    with opened(tmp_path), pytest.raises(AlreadyRunning), opened(tmp_path):
        pass
    with opened(tmp_path) as study:
        assert study.trials() == []


@pytest.mark.parametrize("content", [b"mode = 'paper'", b"mode = 'paper'\n", b'{"op_code":77}\n', b"\0\0\n"])
def test_a_file_that_is_no_study_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Whatever was named by mistake: an error that names it, nothing written."""
    path = tmp_path / "s.log"
    path.write_bytes(content)
    with pytest.raises((ConfigError, StateCorrupt), match=r"s\.log"), opened(tmp_path):
        pass
    assert path.read_bytes() == content


def test_a_lost_worker_that_was_lost_again_ends_the_search(tmp_path: Path) -> None:
    """The error says so; it is none of the parameters'."""

    class Lost(ShuffledWorkers):
        def next_done(self, timeout_s: float | None = None) -> Done | None:
            return Done(number=0, error=WorkerFailed("lost"))

    with opened(tmp_path) as study, pytest.raises(WorkerFailed):
        Search(study, HandPlan(), Lost(0), BOTH).run(3, lambda _done, _words: None)
