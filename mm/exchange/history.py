"""What has traded, as everybody sees it: prints, aggregated prints, candles and rolling statistics.

Fed print by print, by a matching book or by a recording alike; sizes are base atoms, everything is integers
and bounded. Invariant: what it answers equals what a recount of its prints gives.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.exchange.candles import Candle, Print, Series, merged
from mm.exchange.intervals import INTERVALS, MINUTE, SECOND

DAY_NS: Final = 86_400 * NS_PER_S
"""The window of the day's statistics; it begins with a whole minute."""

AVERAGE_MINUTES: Final = 5
"""The window of the average price, minutes; it begins with a whole second."""

_AVERAGE_NS: Final = AVERAGE_MINUTES * 60 * NS_PER_S


class Aggregate(msgspec.Struct, kw_only=True):
    """The prints of one taker order at one price in one instant; it grows while they come."""

    aggregate_id: int
    price_ticks: int
    size_atoms: int
    first_id: int
    last_id: int
    ts_ns: int
    taker_side: Side
    taker_order_id: int

    def belongs(self, trade: Print) -> bool:
        """Return whether a print is one more of this aggregate."""
        return (
            trade.price_ticks == self.price_ticks
            and trade.ts_ns == self.ts_ns
            and trade.taker_side is self.taker_side
            and trade.taker_order_id == self.taker_order_id
        )


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A rolling window. Fields: candle: None if nothing traded; before_ticks: the price before it, or 0."""

    start_ns: int
    candle: Candle | None
    before_ticks: int


Row = TypeVar("Row", Print, Aggregate)


class Rows(Generic[Row]):
    """Rows in the order of their numbers, the oldest forgotten; between `rows_max` and twice as many."""

    def __init__(self, *, rows_max: int, number: Callable[[Row], int]) -> None:
        """Remember at least the latest `rows_max` rows; `number` tells the number of one."""
        self._rows: list[Row] = []
        self._rows_max = rows_max
        self._number: Callable[[Row], int] = number

    def add(self, row: Row) -> None:
        """Remember a row; its number is larger than any before."""
        self._rows.append(row)
        if len(self._rows) > 2 * self._rows_max:
            del self._rows[: self._rows_max]

    def latest(self, limit: int) -> list[Row]:
        """Return the last rows, oldest first."""
        return self._rows[-limit:] if limit > 0 else []

    def since_number(self, number: int, limit: int) -> list[Row]:
        """Return the rows from a number on."""
        index = bisect_left(self._rows, number, key=self._number)
        return self._rows[index : index + limit]

    def between(self, start_ns: int | None, end_ns: int | None, limit: int) -> list[Row]:
        """Return rows from `start_ns` to before `end_ns`: the first ones, without a start the last ones."""
        begin = 0 if start_ns is None else bisect_left(self._rows, start_ns, key=_when)
        end = len(self._rows) if end_ns is None else bisect_left(self._rows, end_ns, key=_when)
        if start_ns is None:
            begin = max(begin, end - limit)
        return self._rows[begin : min(end, begin + limit)]


class History:
    """Everything that has traded on one symbol.

    Fields: prints, aggregates: the latest; series: candles by the name of their interval; last: the latest
    print.
    """

    def __init__(self, *, rows_max: int) -> None:
        """Remember at least `rows_max` prints and as many aggregates."""
        self.prints: Rows[Print] = Rows(rows_max=rows_max, number=lambda row: row.trade_id)
        self.aggregates: Rows[Aggregate] = Rows(rows_max=rows_max, number=lambda row: row.aggregate_id)
        self.series = {name: Series(interval) for name, interval in INTERVALS.items()}
        self.last: Print | None = None
        self._growing: Aggregate | None = None
        self._aggregate_id = 0
        self._ts_ns = 0

    def on_print(self, trade: Print) -> None:
        """Count a print.

        Prints come in the order of their ids; an older one counts in the candle of the latest.
        """
        self._ts_ns = max(self._ts_ns, trade.ts_ns)
        self.last = trade
        self.prints.add(trade)
        for series in self.series.values():
            series.add(trade, self._ts_ns)
        self._aggregated(trade)

    def close_aggregate(self) -> None:
        """Let the next print begin a new aggregate: the taker of the last one is done."""
        self._growing = None

    def complete(self, from_id: int) -> list[Aggregate]:
        """Return the aggregates from a number on that will not grow any more."""
        latest = self.aggregates.latest(1)
        if not latest or latest[0].aggregate_id < from_id:
            return []
        rows = self.aggregates.since_number(from_id, latest[0].aggregate_id - from_id + 1)
        return rows[:-1] if rows[-1] is self._growing else rows

    def window(self, now_ns: int, length_ns: int = DAY_NS) -> Window:
        """Return what traded in the last `length_ns` (up to a day), from the start of a minute on."""
        series, number = self.series[MINUTE.name], MINUTE.number(now_ns - length_ns)
        before = series.before(number)
        return Window(
            start_ns=MINUTE.start_ns(number),
            candle=merged(series.since(number)),
            before_ticks=before.close_ticks if before else 0,
        )

    def average(self, now_ns: int) -> Candle | None:
        """Return what traded in the last five minutes, None if nothing did."""
        return merged(self.series[SECOND.name].since(SECOND.number(now_ns - _AVERAGE_NS)))

    def _aggregated(self, trade: Print) -> None:
        growing = self._growing
        if growing is not None and growing.belongs(trade):
            growing.size_atoms += trade.size_atoms
            growing.last_id = trade.trade_id
            return
        self._aggregate_id += 1
        self._growing = Aggregate(
            aggregate_id=self._aggregate_id,
            price_ticks=trade.price_ticks,
            size_atoms=trade.size_atoms,
            first_id=trade.trade_id,
            last_id=trade.trade_id,
            ts_ns=trade.ts_ns,
            taker_side=trade.taker_side,
            taker_order_id=trade.taker_order_id,
        )
        self.aggregates.add(self._growing)


def _when(row: Print | Aggregate) -> int:
    return row.ts_ns
