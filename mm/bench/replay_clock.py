"""Where the time of a replay goes: a kernel with a stopwatch, and the shares of the parts of the program.

It measures and changes nothing: what is timed gives the same steps.
"""

import cProfile
import pstats
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Final, TypeAlias

import mm
from mm.domain.book import Book
from mm.domain.events import BookSnapshot
from mm.domain.seen import Known
from mm.domain.sides import Side
from mm.domain.tape import Chunk, Row, event_of
from mm.domain.units import NEVER_NS
from mm.engine.glide import Glided
from mm.kernel.types import AnyKernel, KernelMarket, Stop, Watch
from mm.runtime.fast_forward import MakeKernel, message_at
from mm.sim.feed import MarketFeed
from mm.sim.places import Places, QueueSettings
from mm.sim.queue import QueueModel

PARTS: Final = {
    "kernel": ("kernel",),
    "decision": ("engine", "risk", "strategies", "quoting", "signals", "bench", "domain"),
    "venue": ("venues", "sim"),
    "analytics": ("observe", "analytics"),
    "loop": ("runtime", "store"),
}
"""Drawers of `mm/` by the part of a replay that they are."""

OTHER: Final = "other"

BUILT_IN: Final = "~"
"""Where the profiler places what is not written in Python."""

_Function: TypeAlias = tuple[str, int, str]
_Rows: TypeAlias = dict[
    _Function, tuple[int, int, float, float, dict[_Function, tuple[int, int, float, float]]]
]
# Of the profiler: calls, without those inside themselves, own and whole seconds, and the same by caller.


class TimedKernel:
    """A kernel whose time is taken.

    Fields: inside_ns: in `advance` so far; between_ns: of each stretch between two advances in which a
    strategy was asked; decisions: tells how often that was so far; now_ns, messages: as of the kernel.
    """

    def __init__(self, kernel: AnyKernel) -> None:
        """Watch a kernel."""
        self.inside_ns = 0
        self.between_ns: list[int] = []
        self.decisions: Callable[[], int] = int
        self._kernel = kernel
        self._left_ns = self._decided = 0

    @property
    def now_ns(self) -> int:
        """Time of the last message."""
        return self._kernel.now_ns

    @property
    def messages(self) -> int:
        """Messages so far."""
        return self._kernel.messages

    def book(self, market: int) -> Book:
        """Return the kernel's book of a market."""
        return self._kernel.book(market)

    def feed(self, market: int, own: Mapping[Side, Places]) -> MarketFeed:
        """Return the kernel's view of a market."""
        return self._kernel.feed(market, own)

    def load(self, chunk: Chunk) -> None:
        """Go on with a chunk; that counts as the kernel's time."""
        begun_ns = perf_counter_ns()
        self._kernel.load(chunk)
        self._left_ns = perf_counter_ns()
        self.inside_ns += self._left_ns - begun_ns

    def advance(
        self, row: int, limit_ns: int, watches: Sequence[Watch], *, wants_keyframe: bool = False
    ) -> tuple[Stop, int]:
        """Advance, and take the time."""
        begun_ns, decided = perf_counter_ns(), self.decisions()
        if decided != self._decided:
            self._decided = decided
            self.between_ns.append(begun_ns - self._left_ns)
        found = self._kernel.advance(row, limit_ns, watches, wants_keyframe=wants_keyframe)
        self._left_ns = perf_counter_ns()
        self.inside_ns += self._left_ns - begun_ns
        return found

    def news(self, market: int) -> Glided:
        """Return the kernel's news."""
        return self._kernel.news(market)


class _Nothing:
    last_trade_id = -1


NOBODY: Final = Known()
NOTHING: Final = _Nothing()
# Where the engine's market and the venue's prints are: nobody is stale, nothing was printed.


def kernel_alone_ns(chunks: Sequence[Chunk], make: MakeKernel, lot_atoms: int) -> int:
    """Return how long a kernel takes for a tape of one market where nobody trades or decides, ns.

    Both of its views, the engine's book and the venue's, are brought up to date with every message.
    """
    queue = QueueSettings(model=QueueModel.RISK_AVERSE, shape=1.0, lot_atoms=lot_atoms)
    kernel = TimedKernel(make([KernelMarket(chunks[0].symbols[0], NEVER_NS, NOBODY, NOTHING, queue)]))
    book, feed = kernel.book(0), kernel.feed(0, {side: Places(side, queue) for side in Side})
    for chunk in chunks:
        kernel.load(chunk)
        row = 0
        while row < chunk.rows:
            stop, row = kernel.advance(row, NEVER_NS, ())
            kernel.news(0)
            if stop is Stop.BEFORE:
                row += take_whole(chunk, message_at(chunk, row), book, feed)
    return kernel.inside_ns


def take_whole(chunk: Chunk, message: list[Row], book: Book, feed: MarketFeed | None = None) -> int:
    """Display a message that is a whole book, and pass over another that a kernel leaves; return its rows."""
    whole = event_of(chunk, message)
    if isinstance(whole, BookSnapshot):
        book.apply_snapshot(whole.ts_ns, whole.seq, whole.bids, whole.asks)
        if feed is not None:
            feed.snapshot(whole.bids, whole.asks, seq=whole.seq)
    return len(message)


def shares(work: Callable[[], object]) -> dict[str, float]:
    """Return which share of the time of some work the parts of the program take; a profiler runs with it.

    What is built in counts for whoever called it. The profiler adds to each call, so that parts of many small
    functions look larger than they are.
    """
    profile = cProfile.Profile()
    profile.runcall(work)
    spent = dict.fromkeys((*PARTS, OTHER), 0.0)
    rows: _Rows = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # there, and not in its stubs
    for (file, _, _), (_, _, own_s, _, callers) in rows.items():
        if file != BUILT_IN:
            spent[_part(file)] += own_s
            continue
        for (caller, _, _), told in callers.items():
            spent[_part(caller)] += told[2]
    total = sum(spent.values())
    return {name: round(seconds / total, 3) for name, seconds in spent.items()}


def _part(file: str) -> str:
    home = Path(mm.__file__).parent
    try:
        drawer = Path(file).relative_to(home).parts[0]
    except ValueError:
        return OTHER
    return next((name for name, drawers in PARTS.items() if drawer in drawers), OTHER)
