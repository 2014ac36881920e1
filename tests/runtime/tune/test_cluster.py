"""A Dask cluster on loopback runs the same tasks with the same results."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import pytest

from mm.errors import RecordingDamaged, UsageError, VenueUnreachable, WorkerFailed
from mm.runtime.tune.cluster import ClusterWorkers
from mm.runtime.tune.executor import in_order
from mm.runtime.tune.score import Objective
from mm.runtime.tune.search import Search
from mm.runtime.tune.storages import Place
from mm.runtime.tune.study import Kept, TuneStudy
from tests.builders.tune_work import (
    HandPlan,
    ShuffledWorkers,
    broken,
    damaged,
    dies_until,
    dimensions,
    process_of,
    square,
)


class Cluster(Protocol):
    """What is used of Dask's."""

    scheduler_address: str

    def close(self) -> object:
        """End it."""


@contextmanager
def local_cluster(workers: int) -> Iterator[Cluster]:
    """Give a scheduler on loopback with some worker processes."""
    distributed = importlib.import_module("distributed")
    made = distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    )
    try:
        yield cast("Cluster", made)
    finally:
        made.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The scheduler of two workers."""
    with local_cluster(2) as cluster:
        yield cluster.scheduler_address


def test_tasks_come_back_in_order_from_other_processes(address: str) -> None:
    """As from processes of our own; errors of ours are the same errors."""
    workers = ClusterWorkers(address)
    try:
        assert workers.workers == 2
        assert not workers.is_idle
        found = list(in_order(workers, [partial(process_of, number) for number in range(20)]))
        assert [value[0] for value in found if isinstance(value, tuple)] == list(range(20))
        assert {value[2] for value in found if isinstance(value, tuple)} == {"1"}
        with pytest.raises(RecordingDamaged, match="tape 3") as told:
            list(in_order(workers, [partial(square, 1), partial(damaged, 3)]))
        assert (told.value.hint, told.value.line) == ("copy it again", 3)
        with pytest.raises(WorkerFailed, match="ZeroDivisionError: no 5"):
            list(in_order(workers, [partial(broken, 5)]))
        assert workers.next_done(0.0) is None
    finally:
        workers.close()


def test_a_lost_worker_takes_no_finished_task_with_it(address: str, tmp_path: Path) -> None:
    """A worker that is killed in the middle of a task: it is run again, the others come back as they are."""
    workers = ClusterWorkers(address)
    try:
        tasks = [
            partial(square, 2),
            partial(dies_until, tmp_path, 1, 7),
            partial(square, 3),
            partial(square, 4),
        ]
        assert list(in_order(workers, tasks)) == [4, 7, 9, 16]
    finally:
        workers.close()


def test_a_search_on_a_cluster_is_the_search_of_one_process(address: str, tmp_path: Path) -> None:
    """The same trials with the same results, in the same order."""

    def searched(name: str, workers: "ClusterWorkers | ShuffledWorkers") -> list[Kept]:
        study = TuneStudy(Place(name="s", storage=str(tmp_path / name)), dimensions(), seed=3, lag=4)
        with study.open({"about": 1}, [True]):
            Search(study, HandPlan(), workers, (Objective.CERTAINTY,)).run(14, lambda _done, _words: None)
            return study.trials()

    workers = ClusterWorkers(address)
    try:
        there = searched("there", workers)
    finally:
        workers.close()
    assert there == searched("here", ShuffledWorkers(0, workers=1))


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is an address that is none."""
    monkeypatch.setattr("mm.runtime.tune.cluster.CONNECT_S", 0.5)
    with pytest.raises(VenueUnreachable, match=r"no scheduler answers at tcp://127\.0\.0\.1:1"):
        ClusterWorkers("tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match="expected an address"):
        ClusterWorkers("127.0.0.1:8786")
