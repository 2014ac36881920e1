"""An event loop whose time jumps to the next timer instead of waiting for it: days pass in minutes.

For what runs on timers and calls alone, without sockets or processes; what a thread would do is done in
between. Deterministic: the same program sees the same times. A loop with nothing left to wait for is an
error, not a hang.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from mm.domain.units import NS_PER_S
from mm.runtime.simulate.plan import START_NS

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Jumping(selectors.SelectSelector):
    # Instead of waiting for `timeout`, tells that it is over.
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(  # type: ignore[explicit-any]  # what a key bears is anything
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing will ever happen in this loop any more")
        if not ready and timeout:
            self._jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. Its time starts at 0."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._seconds = 0.0
        super().__init__(_Jumping(self._pass))

    def _pass(self, seconds: float) -> None:
        self._seconds += seconds

    def time(self) -> float:
        """Return the seconds that passed in this loop."""
        return self._seconds

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002 - the signature is the loop's
        func: Callable[[Unpack[Ts]], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        """Call `func` at once: threads have no place in a time that jumps."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as a thread would hand it over
            done.set_exception(error)
        return done


class VirtualClock:
    """The core's clock over the running loop's time. Fields: scale: its seconds per second of the loop."""

    def __init__(self, scale: float = 1.0) -> None:
        """Run `scale` times as fast as the loop."""
        self.scale = scale

    def now_ns(self) -> int:
        """Return the start of all simulated runs and what passed since."""
        return START_NS + round(asyncio.get_running_loop().time() * self.scale * NS_PER_S)
