"""A market that was read or listened to, and what collects it: the columns of a `Tape`.

Prices and sizes are held in 10^-8 of their unit. Invariant: what crossed, or had an empty side, is counted
and left out.
"""

from array import array
from dataclasses import dataclass
from math import gcd
from typing import Final

from mm.analytics.markets import Tape, refusal
from mm.domain.units import SCALE_MIN
from mm.errors import RecordingUnusable
from mm.store.recordings.raw.records import Market

UNIT: Final = 10**SCALE_MIN
"""Units of price and of size in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A market that was read. Fields: name: what to call the source; symbol: the venue's, in capitals."""

    tape: Tape
    name: str
    symbol: str
    market: Market


class TapeWriter:
    """Collects the columns of a tape, in the order in which they were heard."""

    def __init__(self) -> None:
        """Begin empty."""
        self.has_ticker = False
        self._tops = [array("q") for _ in range(6)]
        self._prints = [array("q") for _ in range(5)]
        self._tick = self._skipped = self._venue = 0
        self._is_timed = True
        self._last_top: tuple[int, int, int, int] | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """How many best prices and prints there are."""
        return len(self._tops[0]), len(self._prints[0])

    def forget_tops(self) -> None:
        """Drop the best prices so far: better ones come."""
        self._tops = [array("q") for _ in range(6)]
        self._last_top, self._skipped = None, 0
        self._venue, self._is_timed = 0, True

    def top(self, ts_ns: int, bid: tuple[int, int], ask: tuple[int, int], *, venue: int = 0) -> None:
        """Take best prices, each with its size; those that say nothing new or nothing at all are left out.

        Args: venue: its time of them, by the clock of the `order` of trades; 0: it tells none.
        """
        now = (*bid, *ask)
        if now == self._last_top:
            return
        self._last_top = now
        if not (0 < bid[0] < ask[0] and bid[1] > 0 and ask[1] > 0):
            self._skipped += 1
            return
        self._tick = gcd(self._tick, bid[0], ask[0])
        self._is_timed &= venue > 0
        self._venue = max(self._venue, venue)
        row = (ts_ns, bid[0], ask[0], bid[1], ask[1], self._venue)
        for column, value in zip(self._tops, row, strict=True):
            column.append(value)

    def trade(self, ts_ns: int, price: int, size: int, *, aggressor: int, order: int) -> None:
        """Take a print; raises ValueError if it has no price or no size."""
        if price < 1 or size < 1:
            raise ValueError("a trade has no price or no size")
        self._tick = gcd(self._tick, price)
        for column, value in zip(self._prints, (ts_ns, price, size, aggressor, order), strict=True):
            column.append(value)

    def tape(self) -> Tape:
        """Return what was collected."""
        top_ns, bid, ask, bid_size, ask_size, venue = self._tops
        print_ns, price, size, aggressor, order = self._prints
        return Tape(
            tick=max(1, self._tick),
            top_ns=top_ns,
            bid=bid,
            ask=ask,
            bid_size=bid_size,
            ask_size=ask_size,
            print_ns=print_ns,
            price=price,
            size=size,
            aggressor=aggressor,
            order=order,
            skipped=self._skipped,
            top_venue=venue if self._is_timed else (),
        )


def checked(heard: Heard, *, seconds_min: float) -> Heard:
    """Return `heard`; raises RecordingUnusable with the reason if nothing can be said of it."""
    reason = refusal(heard.tape, seconds_min=seconds_min)
    if reason:
        raise RecordingUnusable(
            f"{heard.name}: {reason}",
            hint="what is needed: the best prices and all trades of one market, both sides, for some minutes",
        )
    return heard
