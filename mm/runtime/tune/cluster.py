"""Workers of a Dask cluster that somebody else started: tasks go to its scheduler.

The same tasks give the same results there: `mm` of this version has to be on the workers, and the data under
the same paths. A lost worker's task is run again, by the scheduler and then by us. Starts and ends no
process. A scheduler runs what it is sent: only one in a trusted network is to be used.
"""

import importlib
import queue
import re
import time
import uuid
from collections.abc import Callable
from math import inf
from typing import Final, Protocol, cast

from mm.errors import ConfigError, UsageError, VenueUnreachable, WorkerFailed
from mm.runtime.tune.executor import ATTEMPTS_MAX, Done, Task
from mm.runtime.tune.local import call, lost

CONNECT_S: Final = 10
"""Time in which a scheduler has to answer."""

LOOK_S: Final = 2.0
"""Between two looks whether the scheduler is still there, while nothing comes back."""

ADDRESS: Final = re.compile(r"(?:tcp|tls)://[^\s/@]+:\d{1,5}", re.ASCII)

_LOST: Final = ("cancelled", "lost")
# States of a task that nobody works at any more.


class _Future(Protocol):
    # What is used of Dask's; its own types are not there without the extra.
    @property
    def status(self) -> str: ...

    def result(self) -> object: ...

    def exception(self) -> BaseException | None: ...

    def cancel(self) -> object: ...

    def release(self) -> object: ...

    def add_done_callback(self, call: "Callable[[_Future], object]") -> object: ...


class _Client(Protocol):
    @property
    def status(self) -> str: ...

    def submit(
        self, function: object, argument: object, *, key: str, pure: bool, priority: int
    ) -> _Future: ...

    def nthreads(self) -> dict[str, int]: ...

    def close(self, timeout: float) -> object: ...


class _Distributed(Protocol):
    def Client(self, address: str, *, timeout: float, set_as_default: bool) -> _Client: ...  # noqa: N802 - it is called so there


class ClusterWorkers:
    """An `Executor` of the workers behind a scheduler."""

    def __init__(self, address: str) -> None:
        """Connect to a scheduler, as tcp://127.0.0.1:8786.

        Raises: UsageError if that is no address; ConfigError without the extra; VenueUnreachable if nothing
        answers there.
        """
        if not ADDRESS.fullmatch(address):
            raise UsageError(
                f"--scheduler was {address[:60]!r}, expected an address", hint="as tcp://127.0.0.1:8786"
            )
        self._address = address
        self._client = _connected(address)
        self._run = uuid.uuid4().hex[:12]
        self._under_way: dict[int, tuple[_Future, Task, int]] = {}
        self._back: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    @property
    def workers(self) -> int:
        """How many tasks run at once, as far as it is known now, at least 1."""
        return max(1, sum(self._client.nthreads().values()))

    @property
    def is_idle(self) -> bool:
        """Whether no worker has come to the scheduler yet: tasks wait for one."""
        return not self._client.nthreads()

    def submit(self, number: int, task: Task) -> None:
        """Hand a task to the scheduler."""
        self._hand(number, task, 1)

    def next_done(self, timeout_s: float | None = None) -> Done | None:
        """Return a task that came back; None if none is under way, or none came within that time.

        Raises: VenueUnreachable if the scheduler is gone.
        """
        until_s = inf if timeout_s is None else time.monotonic() + timeout_s
        while self._under_way:
            try:
                left_s = max(0.0, until_s - time.monotonic())
                number, attempt = self._back.get(timeout=min(LOOK_S, left_s))
            except queue.Empty:
                self._look_for_scheduler()
                if time.monotonic() >= until_s:
                    return None
                continue
            future, task, attempts = self._under_way[number]
            if attempt != attempts:
                continue
            done = self._taken(number, future, attempts)
            if done is not None:
                del self._under_way[number]
                future.release()
                return done
            self._look_for_scheduler()
            self._hand(number, task, attempts + 1)
        return None

    def close(self) -> None:
        """Take back what is under way and leave the cluster as it was found."""
        for future, _, _ in self._under_way.values():
            if self._client.status == "running":
                future.cancel()
        self._under_way.clear()
        self._client.close(timeout=CONNECT_S)

    def _hand(self, number: int, task: Task, attempts: int) -> None:
        # The oldest first: others wait for it to be told.
        key = f"mm-{self._run}-{number}-{attempts}"
        future = self._client.submit(call, task, key=key, pure=False, priority=-number)
        self._under_way[number] = future, task, attempts
        future.add_done_callback(lambda _: self._back.put((number, attempts)))

    def _taken(self, number: int, future: _Future, attempts: int) -> Done | None:
        # None: it is to be run again.
        if future.status == "finished":
            is_value, answer = cast("tuple[bool, object]", future.result())
            if is_value:
                return Done(number=number, value=answer, attempts=attempts)
            assert isinstance(answer, Exception)
            return Done(number=number, error=answer, attempts=attempts)
        if future.status in _LOST and attempts < ATTEMPTS_MAX:
            return None
        why = future.exception() if future.status == "error" else None
        if why is None or type(why).__name__ == "KilledWorker":
            return Done(number=number, error=lost(attempts, f"on the cluster at {self._address}"))
        error = WorkerFailed(
            f"a worker of {self._address} could not run a task: {type(why).__name__}: {why}",
            hint="is this version of mm on all of its workers?",
        )
        return Done(number=number, error=error, attempts=attempts)

    def _look_for_scheduler(self) -> None:
        if self._client.status not in ("running", "connecting"):
            raise VenueUnreachable(
                f"the scheduler at {self._address} is gone",
                hint="start it and give the same command again: what is finished is kept",
            )


def _connected(address: str) -> _Client:
    try:
        distributed = cast("_Distributed", importlib.import_module("distributed"))
    except ImportError:
        raise ConfigError(
            "--scheduler needs Dask, which is not installed", hint="uv run --extra cluster mm ..."
        ) from None
    try:
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise VenueUnreachable(
            f"no scheduler answers at {address}: {error}", hint="start one: dask scheduler --host 127.0.0.1"
        ) from None
