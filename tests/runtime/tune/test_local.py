"""Processes as workers: what was handed out comes back, whatever happens to them."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mm.errors import RecordingDamaged, WorkerFailed
from mm.runtime.tune.executor import ATTEMPTS_MAX, Done, in_order
from mm.runtime.tune.local import LocalWorkers
from tests.builders.tune_work import broken, damaged, dies_until, process_of, square, unsendable


@pytest.fixture(scope="module")
def two() -> Iterator[LocalWorkers]:
    """Two workers."""
    workers = LocalWorkers(2)
    yield workers
    workers.close()


def all_of(workers: LocalWorkers, count: int) -> dict[int, Done]:
    """Return what comes back, by number."""
    found: dict[int, Done] = {}
    for _ in range(count):
        done = workers.next_done()
        assert done is not None
        assert done.number not in found
        found[done.number] = done
    assert workers.next_done() is None
    return found


def test_tasks_come_back_with_their_numbers(two: LocalWorkers) -> None:
    """Each once, computed by both processes with one thread each, none by this one."""
    for number in range(12):
        two.submit(number, partial(process_of, number))
    found = all_of(two, 12)
    values = [found[number].value for number in range(12)]
    assert [value[0] for value in values if isinstance(value, tuple)] == list(range(12))
    pids = {value[1] for value in values if isinstance(value, tuple)}
    assert pids <= set(two.pids)
    assert os.getpid() not in pids
    assert {value[2] for value in values if isinstance(value, tuple)} == {"1"}
    assert os.environ.get("OMP_NUM_THREADS") != "1" or "OMP_NUM_THREADS" in os.environ


def test_values_come_in_the_order_of_the_tasks(two: LocalWorkers) -> None:
    """Also where there are many more than are held."""
    assert list(in_order(two, (partial(square, number) for number in range(50)))) == [
        n * n for n in range(50)
    ]
    assert list(in_order(two, ())) == []


def test_errors_come_back_as_what_they_were(two: LocalWorkers) -> None:
    """Ours with hint and place; any other one, and what cannot be sent, in words."""
    two.submit(0, partial(damaged, 4))
    two.submit(1, partial(broken, 5))
    two.submit(2, partial(unsendable, 6))
    found = all_of(two, 3)
    error = found[0].error
    assert isinstance(error, RecordingDamaged)
    assert (str(error), error.hint, error.line) == ("tape 4: damaged", "copy it again", 4)
    assert isinstance(found[1].error, WorkerFailed)
    assert "ZeroDivisionError: no 5 (tune_work.py:" in str(found[1].error)
    assert isinstance(found[2].error, WorkerFailed)
    with pytest.raises(RecordingDamaged):
        list(in_order(two, [partial(square, 1), partial(damaged, 1)]))


def test_a_lost_worker_takes_no_other_task_with_it(two: LocalWorkers, tmp_path: Path) -> None:
    """Its task is run again in a new process; one that loses each worker is given up and told."""
    two.submit(0, partial(dies_until, tmp_path, 1, 7))
    two.submit(1, partial(dies_until, tmp_path, ATTEMPTS_MAX, 8))
    for number in range(2, 8):
        two.submit(number, partial(square, number))
    found = all_of(two, 8)
    assert (found[0].value, found[0].attempts) == (7, 2)
    assert isinstance(found[1].error, WorkerFailed)
    assert "lost 3 workers" in str(found[1].error)
    assert [found[number].value for number in range(2, 8)] == [n * n for n in range(2, 8)]


def test_nothing_came_within_the_time_is_none(two: LocalWorkers, tmp_path: Path) -> None:
    """Asked without waiting, and later again."""
    two.submit(0, partial(square, 3))
    done = two.next_done(0.0) or two.next_done(60.0)
    assert done is not None
    assert done.value == 9
    assert two.next_done(0.0) is None


def test_closing_ends_what_was_started_and_only_that() -> None:
    """Also in the middle of a task; twice is once."""
    workers = LocalWorkers(1)
    workers.submit(0, partial(square, 2))
    (pid,) = workers.pids
    workers.close()
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert workers.pids == ()
