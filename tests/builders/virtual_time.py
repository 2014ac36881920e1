"""Runs a test in a loop whose time jumps to the next timer instead of waiting for it: minutes pass at once.

For what runs on timers and calls alone, without sockets or processes; what a thread would do is done in
between. Deterministic: the same program sees the same times. A loop with nothing left to wait for is an
error, not a hang.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from mm.runtime.simulate.plan import START_NS
from mm.runtime.simulate.virtual_time import VirtualClock, VirtualLoop

__all__ = ["START_NS", "VirtualClock", "VirtualLoop", "pass_time", "run_virtual"]

PATIENCE_S: Final = 3_600.0
"""How long, in its own time, a program may take."""

T = TypeVar("T")


def run_virtual(main: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run `main` to its end in a virtual loop; raises TimeoutError if it takes an hour of its time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_bounded(main))


async def pass_time(seconds: float) -> None:
    """Let time pass in the running loop."""
    await asyncio.sleep(seconds)


async def _bounded(main: Callable[[], Coroutine[object, object, T]]) -> T:
    async with asyncio.timeout(PATIENCE_S):
        return await main()
