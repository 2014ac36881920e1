"""What a burst of frames does to a cancel: how long it stays with us once somebody wants it.

While 1,248 frames come within 100 ms, two kinds of cancels are wanted: those that the engine decides on, and
those that a timer asks for at times fixed beforehand, as an operator would. The former count from the call
that submits them, the latter from the time at which they were due, so that a loop that is busy with frames
counts against us. Both end with the arrival of their last byte at the exchange.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from mm.bench.exchange import BenchExchange
from mm.bench.loops import OwnLoop
from mm.bench.responder import Block, Stamps
from mm.domain.units import NS_PER_MS, NS_PER_S

FRAMES: Final = 1_248
SPREAD_MS: Final = 100.0
ASKED: Final = 30
PAUSE_MS: Final = 4
"""Cancels that a timer asks for, and the pause between two: they begin with the burst and end after it."""

SETTLE_MS: Final = 500.0
"""After a burst, until what it caused has to have come: ten times what may pass. The rest is the worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstFigures:
    """Milliseconds. Fields: burst_cancel_ms_max: the longest that a cancel took, of either kind.

    burst_frame_ms_max: from a frame's leaving the exchange to the arrival of the cancel that it caused.
    burst_frames: of one burst; burst_cancels: that were looked at, of all bursts.
    """

    burst_cancel_ms_max: float
    burst_frame_ms_max: float
    burst_frames: int
    burst_cancels: int


class Burst:
    """Bursts on our loop, one after the other."""

    def __init__(self, exchange: BenchExchange, own: OwnLoop, client: int) -> None:
        """Have `exchange` send bursts to `own`, which is its `client`."""
        self._exchange = exchange
        self._own = own
        self._client = client
        self._runs = 0
        self._took_ns: list[int] = []
        self._frame_ns: list[int] = []

    async def run(self, frames: int = FRAMES, spread_ms: float = SPREAD_MS) -> None:
        """Run one burst and keep what it showed."""
        self._runs += 1
        due_ns: dict[str, int] = {}
        block = Block(self._client, frames, spread_ms, settle_ms=SETTLE_MS)
        stamps = await self._exchange.show(block, partial(self._ask, due_ns))
        self._note(stamps, due_ns)

    def _ask(self, due_ns: dict[str, int]) -> None:
        loop = asyncio.get_running_loop()
        began_s, began_ns = loop.time(), time.monotonic_ns()
        for number in range(ASKED):
            after_ns = number * PAUSE_MS * NS_PER_MS
            cid = f"{self._runs:016x}{number:016x}"
            due_ns[cid] = began_ns + after_ns
            loop.call_at(began_s + after_ns / NS_PER_S, self._own.cancel, cid)

    def figures(self) -> BurstFigures:
        """Return the worst of all bursts so far."""
        return BurstFigures(
            burst_cancel_ms_max=_worst_ms(self._took_ns),
            burst_frame_ms_max=_worst_ms(self._frame_ns),
            burst_frames=FRAMES,
            burst_cancels=len(self._took_ns),
        )

    def _note(self, stamps: Stamps, due_ns: dict[str, int]) -> None:
        now_ns = time.monotonic_ns()
        self._took_ns += [now_ns - asked_ns for cid, asked_ns in due_ns.items() if cid not in stamps.cancels]
        decided = self._own.decided_ns(stamps)
        for cid, took_ns in decided.items():
            asked_ns = due_ns.get(cid)
            self._took_ns.append(took_ns if asked_ns is None else stamps.cancels[cid] - asked_ns)
        self._frame_ns += self._own.cancels_ns(stamps).values()


def _worst_ms(durations_ns: list[int]) -> float:
    return round(max(durations_ns, default=0) / NS_PER_MS, 2)
