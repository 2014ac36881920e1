"""Backtests on workers: processes of this machine, or a Dask cluster when an address is given.

The same jobs give the same results on either, in the order of the jobs. Invariant: what was started here is
ended here, also after an error or an interrupt.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from mm.bootstrap.backtest.run import BacktestJob, BacktestResult, run_job
from mm.errors import RecordingEmpty
from mm.runtime.tune.cluster import ClusterWorkers
from mm.runtime.tune.executor import Executor, in_order
from mm.runtime.tune.local import LocalWorkers


@contextmanager
def workers(jobs: int, scheduler: str = "", say: Callable[[str], object] = str) -> Iterator[Executor]:
    """Give what runs tasks; it is closed at the end. Args: jobs: processes, >= 1, if no scheduler's address
    is given; say: is told if a cluster has no workers yet.

    Raises: UsageError, ConfigError, VenueUnreachable about a scheduler.
    """
    executor = _executor(jobs, scheduler, say)
    try:
        yield executor
    finally:
        executor.close()


def run_many(jobs: Iterable[BacktestJob], executor: Executor) -> Iterator[BacktestResult | str]:
    """Yield the results of backtests in the order of the jobs, each as soon as all before it are there.

    One whose stretch of the recording is empty has that for its result, in words.

    Raises: what the first of them that failed raised; WorkerFailed if its worker was lost again and again.
    """
    for result in in_order(executor, (partial(run_part, job) for job in jobs)):
        assert isinstance(result, BacktestResult | str)
        yield result


def run_part(job: BacktestJob) -> BacktestResult | str:
    """Run one of many backtests; a hole in a recording is no reason not to run the others. For workers."""
    try:
        return run_job(job)
    except RecordingEmpty as empty:
        return str(empty)


def _executor(jobs: int, scheduler: str, say: Callable[[str], object]) -> Executor:
    if not scheduler:
        return LocalWorkers(jobs)
    cluster = ClusterWorkers(scheduler)
    if cluster.is_idle:
        say(f"{scheduler}: no workers there yet; waiting: dask worker {scheduler} --nthreads 1")
    return cluster
