"""What a strategy in Python costs by itself: the kernel stops where it has to be asked, and that is all.

No engine, no rules, no orders, no analytics; what the strategy says is thrown away. What the whole path could
reach by this kernel and these books if all that production adds to them cost nothing.
"""

from time import perf_counter_ns
from typing import Final, NamedTuple

from mm.bench.replay_clock import NOBODY, take_whole
from mm.bench.replay_maker import ReplayMaker
from mm.bench.replay_rig import ReplayTape
from mm.domain.book import Book
from mm.domain.units import NEVER_NS
from mm.domain.view import View
from mm.kernel.types import KernelMarket, Stop, Watch
from mm.runtime.fast_forward import MakeKernel, message_at

NO_OWN: Final[dict[int, int]] = {}


class Floor(NamedTuple):
    """What was measured. Fields: asked: how often the strategy was; ns: how long all of it took."""

    asked: int
    ns: int


def strategy_alone(tape: ReplayTape, make: MakeKernel, maker: ReplayMaker) -> Floor:
    """Play a tape through a kernel, asking `maker` when its `wake` says so; it never has an order."""
    kernel = make([KernelMarket(tape.chunks[0].symbols[0], NEVER_NS, NOBODY)])
    book, wake = kernel.book(0), maker.wake
    asked = decided = due_ns = 0
    begun_ns = perf_counter_ns()
    for chunk in tape.chunks:
        kernel.load(chunk)
        row = 0
        while row < chunk.rows:
            watches = (Watch(0, decided, wake.move_half_ticks),)
            stop, row = kernel.advance(row, due_ns or NEVER_NS, watches)
            kernel.news(0)
            if stop is Stop.BEFORE:
                row += take_whole(chunk, message_at(chunk, row), book)
                due_ns = due_ns or chunk.columns.ts_ns[row - 1 : row].tolist()[0]
            elif stop is not Stop.END:
                now_ns = due_ns if stop is Stop.DUE else kernel.now_ns
                decided, due_ns = book.mid_half_ticks, now_ns + wake.every_ns
                if decided:
                    maker.quotes(_view(tape, book, now_ns))
                    asked += 1
    return Floor(asked, perf_counter_ns() - begun_ns)


def _view(tape: ReplayTape, book: Book, now_ns: int) -> View[None]:
    bids, asks = book.bids(1, NO_OWN), book.asks(1, NO_OWN)
    mid = bids[0].price_ticks + asks[0].price_ticks
    return View(now_ns, tape.instrument, bids, asks, mid, (), 0, 1, 0, 0, 0, (), None, None, 0, None)
