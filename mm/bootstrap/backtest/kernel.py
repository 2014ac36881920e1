"""Which loop takes a backtest over its recording: the compiled one where it can be had, else the plain one.

Invariant: the choice changes nothing but the time that it takes.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Final

from mm.runtime.backtest_loop import Loop, PlainLoop
from mm.runtime.backtest_steps import Steps
from mm.venues.paper import PaperVenue

SLOW: Final = (
    "every message went through Python: with the extra `research` (uv run --extra research mm backtest ...) a"
    " compiled kernel does the same, many times as fast"
)
"""What is said where the kernel is not installed."""

NEEDED: Final = ("numpy", "numba")


def fast_loop(
    steps: Steps, venue: PaperVenue, *, reference: bool, say: Callable[[str], object] | None = None
) -> tuple[Loop, tuple[str, ...]]:
    """Return the fastest loop there is, and what a reader has to know of it.

    Where Numba is switched off (NUMBA_DISABLE_JIT) the same kernel runs as it stands, slowly.
    Args: reference: the plain loop was asked for. say: is told of a first compilation.
    """
    if reference:
        return PlainLoop(steps), ()
    if any(find_spec(name) is None for name in NEEDED):
        return PlainLoop(steps), (SLOW,)
    from mm.kernel.compiled import compiled  # noqa: PLC0415 - half a second, where it is used
    from mm.kernel.kernel import Kernel  # noqa: PLC0415 - needs what is compiled
    from mm.runtime.fast_forward import FastForward  # noqa: PLC0415 - needs the kernel

    name = "interpreted" if compiled(say) is None else "compiled"
    return FastForward(steps, venue, partial(Kernel, say=say), name=name), ()
