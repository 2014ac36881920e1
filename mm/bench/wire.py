"""From a frame to the order that it causes, on the wire, ours beside ccxt's in turns.

The exchange is another process on loopback and does all the timing: it notes when a frame left and when the
order's last byte came in, in one monotonic clock, for both loops alike. So both figures hold the way through
the kernel twice. The loops take turns, so that whatever else the machine does hits both; the first frames of
each turn do not count.
"""

import gc
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.bench.burst import Burst, BurstFigures
from mm.bench.exchange import BenchExchange
from mm.bench.floor import FloorLoop
from mm.bench.loops import OwnLoop, PlainLoop
from mm.bench.quantiles import microseconds, ratio
from mm.bench.responder import Block, Stamps
from mm.errors import VenueUnreachable

FRAMES_PER_S: Final = 250
WARM_UP_PERCENT: Final = 10
OURS, THEIRS, FLOOR = 0, 1, 2
TRIES: Final = 10
"""How often a turn is shown until a loop did what is measured: one that begins to watch now misses it."""

Progress = Callable[[str], None]
"""Is told in words what is being measured."""

Measure = Callable[[Stamps], dict[int, int]]
"""Returns how long each frame of a turn took to what it caused, nanoseconds by number of the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFigures:
    """Microseconds from frame to order. Fields: p50_us, p99_us: ours; ccxt_...: theirs; ratio_p50: of both.

    floor_us_p50: of constant bytes sent back at once, which no loop can undercut. cancel_us_p50, requote_...:
    ours, to the cancel and to the new order behind it where a frame moves an order. orders, ccxt_orders: how
    many counted; ccxt_errors: that their loop went over.
    """

    p50_us: float
    p99_us: float
    ccxt_p50_us: float
    ccxt_p99_us: float
    ratio_p50: float
    floor_us_p50: float
    cancel_us_p50: float
    requote_us_p50: float
    requote_us_p99: float
    orders: int
    ccxt_orders: int
    ccxt_errors: int


async def measure_wire(
    directory: Path, *, rounds: int, seconds: float, progress: Progress
) -> tuple[WireFigures, BurstFigures]:
    """Return what both loops took over `rounds` turns of `seconds` each, and how ours stands a burst.

    Raises: VenueUnreachable if the bench's exchange does not serve, or a loop does not trade on it.
    """
    frames = max(20, round(seconds * FRAMES_PER_S))
    spread_ms = frames * 1000 / FRAMES_PER_S
    orders: list[int] = []
    cancels: list[int] = []
    requotes: list[int] = []
    plain_orders: list[int] = []
    floors: list[int] = []
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(BenchExchange())
        own, plain = OwnLoop(exchange.urls[OURS], directory), PlainLoop(exchange.urls[THEIRS])
        floor = FloorLoop(exchange.urls[FLOOR])
        for loop in (own, plain, floor):
            await loop.start()
            stack.push_async_callback(loop.close)
        # As in production: nothing made so far is garbage.
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        for turn in range(rounds):
            progress(f"frame to order, turn {turn + 1} of {rounds}")
            filling = Block(OURS, frames, spread_ms, fills=True)
            orders += (await _shown(exchange, filling, own.orders_ns))[0]
            filling = Block(THEIRS, frames, spread_ms, fills=True)
            plain_orders += (await _shown(exchange, filling, plain.orders_ns))[0]
            floors += (await _shown(exchange, Block(FLOOR, frames, spread_ms), floor.orders_ns))[0]
            resting = Block(OURS, frames, spread_ms)
            moved, gone = await _shown(exchange, resting, own.orders_ns, own.cancels_ns)
            requotes += moved
            cancels += gone
        burst = Burst(exchange, own, OURS)
        for turn in range(rounds):
            progress(f"burst, turn {turn + 1} of {rounds}")
            await burst.run()
        errors = plain.errors
    ours, theirs = microseconds(orders, 50), microseconds(plain_orders, 50)
    figures = WireFigures(
        p50_us=ours,
        p99_us=microseconds(orders, 99),
        ccxt_p50_us=theirs,
        ccxt_p99_us=microseconds(plain_orders, 99),
        ratio_p50=ratio(ours, theirs),
        floor_us_p50=microseconds(floors, 50),
        cancel_us_p50=microseconds(cancels, 50),
        requote_us_p50=microseconds(requotes, 50),
        requote_us_p99=microseconds(requotes, 99),
        orders=len(orders),
        ccxt_orders=len(plain_orders),
        ccxt_errors=errors,
    )
    return figures, burst.figures()


async def _shown(exchange: BenchExchange, block: Block, *measures: Measure) -> list[list[int]]:
    # What each measure found in a turn. Nothing found is no duration: 0.0 would be better than any goal.
    for _ in range(TRIES):
        stamps = await exchange.show(block)
        found = [_counted(measure(stamps), stamps) for measure in measures]
        if all(found):
            return found
    raise VenueUnreachable(f"the loop of client {block.client} sent nothing in {TRIES} turns of the bench")


def _counted(by_frame: dict[int, int], stamps: Stamps) -> list[int]:
    # The first frames of a turn find everything cold that the other loop's turn pushed out.
    first = min(stamps.frames) + len(stamps.frames) * WARM_UP_PERCENT // 100
    return [took_ns for frame, took_ns in by_frame.items() if frame >= first]
