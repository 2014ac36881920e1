"""Workers on this machine: processes of their own, one task at a time and one thread each.

A worker that dies takes nothing with it but its task, which is begun again in a new one. Workers leave
signals to the process that started them and end when that is gone. Invariant: only processes that were
started here are ended here.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

import structlog

from mm.errors import MMError, WorkerFailed
from mm.runtime.tune.executor import ATTEMPTS_MAX, Done, Task

THREAD_VARIABLES: Final = (
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
"""Set to 1 for workers: as many threads as cores in each of them would be in each other's way."""

END_S: Final = 5.0
"""Time that a worker has to end before it is killed; it holds nothing that could be lost."""

_Item = tuple[int, Task, int]  # number, task, how often it was begun


class _Worker:
    # One process and the line to it. Fields: item: what it works at, None if it waits.

    __slots__ = ("item", "line", "process")

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True)
        self.item: _Item | None = None
        with _single_threaded():
            self.process.start()
        theirs.close()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.line.close()
        self.process.terminate()
        self.process.join(END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class LocalWorkers:
    """An `Executor` of some processes; each is started when there is work for it."""

    def __init__(self, count: int) -> None:
        """Have at most `count` processes, >= 1."""
        assert count >= 1
        self._count = count
        self._queue: deque[_Item] = deque()
        self._workers: list[_Worker] = []
        self._lost: deque[Done] = deque()

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return self._count

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are there now, those that work first."""
        busy_first = sorted(self._workers, key=lambda worker: worker.item is None)
        return tuple(worker.process.pid or 0 for worker in busy_first)

    def submit(self, number: int, task: Task) -> None:
        """Take in a task; it begins at once if a worker waits."""
        self._queue.append((number, task, 0))
        self._feed()

    def next_done(self, timeout_s: float | None = None) -> Done | None:
        """Return a task that came back; None if none is under way, or none came within that time."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if self._lost:
                return self._lost.popleft()
            busy = [worker for worker in self._workers if worker.item is not None]
            if not busy:
                return None
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            done = self._look(busy, left_s)
            self._feed()
            if done is not None or left_s == 0.0:
                return done

    def close(self) -> None:
        """End every worker, with what it works at."""
        self._queue.clear()
        while self._workers:
            self._workers.pop().end()

    def _look(self, busy: list[_Worker], timeout_s: float | None) -> Done | None:
        # What was sent before a worker died comes first: the line is read before the death is believed.
        lines = {worker.line: worker for worker in busy}
        for ready in wait(list(lines), timeout_s):
            assert isinstance(ready, Connection)
            worker = lines[ready]
            assert worker.item is not None
            number, _, attempts = worker.item
            try:
                is_value, answer = ready.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            worker.item = None
            if is_value:
                return Done(number=number, value=answer, attempts=attempts)
            assert isinstance(answer, Exception)
            return Done(number=number, error=answer, attempts=attempts)
        return None

    def _replace(self, worker: _Worker) -> None:
        assert worker.item is not None
        number, task, attempts = worker.item
        self._workers.remove(worker)
        worker.process.join(END_S)
        code = worker.process.exitcode
        worker.end()
        if attempts >= ATTEMPTS_MAX:
            error = lost(attempts, f"the last one ended with code {code}")
            self._lost.append(Done(number=number, error=error, attempts=attempts))
        else:
            self._queue.appendleft((number, task, attempts))

    def _feed(self) -> None:
        while self._queue:
            free = next((worker for worker in self._workers if worker.item is None), None)
            if free is None:
                if len(self._workers) >= self._count:
                    return
                free = _Worker()
                self._workers.append(free)
            number, task, attempts = self._queue.popleft()
            free.item = number, task, attempts + 1
            # One that died while it waited is found when its line is read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                free.line.send(task)


def lost(attempts: int, detail: str) -> WorkerFailed:
    """Return the error of a task that lost each worker which began it."""
    return WorkerFailed(
        f"a task lost {attempts} workers, one after the other: {detail}",
        hint="too little memory for so many at once? fewer: --jobs 1; what is finished is kept",
    )


def failed(error: Exception) -> MMError:
    """Return an error that can go to another process: ours as it is, any other one in words."""
    if isinstance(error, MMError):
        return error
    place = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" ({os.path.basename(place[0].filename)}:{place[0].lineno})" if place else ""
    return WorkerFailed(f"a task broke: {type(error).__name__}: {error}{at}")


def call(task: Task) -> tuple[bool, object]:
    """Run a task here; return whether it returned, and what it returned or raised."""
    if not structlog.is_configured():
        # A worker's lines are nobody's: what is wrong is told by what comes back.
        least = structlog.make_filtering_bound_logger(logging.ERROR)
        structlog.configure(wrapper_class=least, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        return True, task()
    except Exception as error:  # noqa: BLE001 - the last place of a worker: it is told where it was asked for
        return False, failed(error)


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(line: "Connection[tuple[bool, object], Task]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = line.recv()
        except (EOFError, OSError):
            return
        except Exception as error:  # noqa: BLE001 - a task that cannot be read here is an answer too
            line.send((False, failed(error)))
            continue
        answer = call(task)
        try:
            line.send(answer)
        except OSError:
            return
        except Exception as error:  # noqa: BLE001 - neither can an answer that does not go through the line
            line.send((False, failed(error)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
