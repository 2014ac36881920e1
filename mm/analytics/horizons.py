"""Own fills that wait for what the mid does after them, and the mid that each of them meets at each horizon.

The mid at a time is the last one that was set at or before it. Must never look at a clock: whoever knows the
next mid settles first what was due before it. Invariant: at each horizon fills settle in their order, each
once; at most `WAITING_MAX` wait, the oldest is settled early for one more and bears no mid then.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from mm.domain.sides import Side
from mm.domain.units import NEVER_NS, NS_PER_MS, NS_PER_S

HORIZONS_NS: Final = (100 * NS_PER_MS, 500 * NS_PER_MS, NS_PER_S, 5 * NS_PER_S, 30 * NS_PER_S, 60 * NS_PER_S)
"""How long after a fill the mid is looked at."""

WAITING_MAX: Final = 20_000
"""So many fills wait for a horizon at most."""

UNSEEN: Final = 0
"""In place of a mid: there was none when it was due, or nobody waited for it."""

UNKNOWN: Final = -1
"""In place of an age or of a queue that nobody knows."""

UNKNOWN_LEVEL: Final = -2
"""Level of an order that is not known any more; an exit's is -1."""


class Fill:
    """One own fill and what came after it.

    Fields: ts_ns; side; price_ticks, size_lots; mid_half_ticks: when it happened; level: of the ladder;
    age_ns: since its order was sent; queue_atoms: displayed before the order when it was acknowledged, base
    atoms; maker; fee_fine: see `costs.py`; trade_id, cid: for whoever lists it; later_half_ticks: the mid at
    each horizon as far as it has come, `UNSEEN` where there was none; kinds: see `markouts.py`.
    """

    __slots__ = (
        "age_ns",
        "cid",
        "fee_fine",
        "kinds",
        "later_half_ticks",
        "level",
        "maker",
        "mid_half_ticks",
        "price_ticks",
        "queue_atoms",
        "side",
        "size_lots",
        "trade_id",
        "ts_ns",
    )

    def __init__(  # noqa: PLR0913 - one plain record, named at every call
        self,
        *,
        ts_ns: int,
        side: Side,
        price_ticks: int,
        size_lots: int,
        mid_half_ticks: int,
        level: int = UNKNOWN_LEVEL,
        age_ns: int = UNKNOWN,
        queue_atoms: int = UNKNOWN,
        maker: bool = True,
        fee_fine: int = 0,
        trade_id: int = 0,
        cid: str = "",
    ) -> None:
        """Note a fill; price, size and mid > 0."""
        self.ts_ns = ts_ns
        self.side = side
        self.price_ticks = price_ticks
        self.size_lots = size_lots
        self.mid_half_ticks = mid_half_ticks
        self.level = level
        self.age_ns = age_ns
        self.queue_atoms = queue_atoms
        self.maker = maker
        self.fee_fine = fee_fine
        self.trade_id = trade_id
        self.cid = cid
        self.kinds: tuple[str, ...] = ()
        self.later_half_ticks: list[int] = []

    @property
    def signed_lots(self) -> int:
        """What it moved, signed lots."""
        return self.side.sign * self.size_lots


class Waiting:
    """Fills on their way to their horizons. Fields: next_due_ns: when the next one is due, `NEVER_NS` if none
    is; early: settled before their time, because too many waited.
    """

    def __init__(self, horizons_ns: tuple[int, ...] = HORIZONS_NS) -> None:
        """Wait for nothing yet. Args: horizons_ns: > 0, ascending."""
        self.horizons_ns = horizons_ns
        self.next_due_ns = NEVER_NS
        self.early = 0
        self._queues: tuple[deque[Fill], ...] = tuple(deque() for _ in horizons_ns)

    def add(self, fill: Fill, mid_half_ticks: int) -> Iterator[tuple[int, Fill, int]]:
        """Let a fill wait; yields what has to leave for it, as `due` does. Args: mid_half_ticks: now."""
        for index, queue in enumerate(self._queues):
            if len(queue) >= WAITING_MAX:
                self.early += 1
                oldest = queue.popleft()
                oldest.later_half_ticks.append(UNSEEN)
                yield index, oldest, mid_half_ticks
            queue.append(fill)
        self._note_next()

    def due(self, ts_ns: int, mid_half_ticks: int, *, seen: bool = True) -> Iterator[tuple[int, Fill, int]]:
        """Yield (index of the horizon, fill, mid) of all that was due before `ts_ns`, in order of horizons.

        Args: mid_half_ticks: the mid in force until then; seen: False if there is none and that is an old
        one.
        """
        noted = mid_half_ticks if seen else UNSEEN
        for index, (queue, horizon_ns) in enumerate(zip(self._queues, self.horizons_ns, strict=True)):
            while queue and queue[0].ts_ns + horizon_ns < ts_ns:
                fill = queue.popleft()
                fill.later_half_ticks.append(noted)
                yield index, fill, mid_half_ticks
        self._note_next()

    def count(self, index: int) -> int:
        """Return how many wait for a horizon."""
        return len(self._queues[index])

    def left(self) -> list[Fill]:
        """Return the fills that have not come to their last horizon, oldest first."""
        return list(self._queues[-1])

    def _note_next(self) -> None:
        due = [
            queue[0].ts_ns + horizon_ns
            for queue, horizon_ns in zip(self._queues, self.horizons_ns, strict=True)
            if queue
        ]
        self.next_due_ns = min(due, default=NEVER_NS)
