"""Candles: what traded in an interval, in integers, and the series of them that a stream of prints makes.

A series holds candles in which something traded; quiet ones are made when asked for, from the close before
them. Invariant: merging the candles of any span of time gives exactly the candle of its prints.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from mm.domain.sides import Side
from mm.exchange.intervals import Interval

CANDLES_MAX: Final = 1_500
"""Candles that a series remembers at least: a day of minutes, and the longest answer to a request."""


class Print(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as everybody sees it.

    Fields: size_atoms: in base atoms (real prints may be off the lot); ts_ns: when it happened;
    taker_order_id: tells takers apart, is shown to nobody, and is 0 where it is not known.
    """

    trade_id: int
    price_ticks: int
    size_atoms: int
    ts_ns: int
    taker_side: Side
    taker_order_id: int = 0


class Candle(msgspec.Struct, kw_only=True):
    """What traded in one interval.

    Fields:
        number: of the interval (see `Interval`).
        size_atoms: base atoms. value: sum of price_ticks x size_atoms, exact.
        taken_size_atoms, taken_value: the part of it in which the buyer was the taker.
        trades: how many prints. A quiet candle has 0, ids of -1 and the close before as every price.
    """

    number: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    size_atoms: int = 0
    value: int = 0
    taken_size_atoms: int = 0
    taken_value: int = 0
    trades: int = 0
    first_id: int = -1
    last_id: int = -1

    def add(self, trade: Print) -> None:
        """Count one more print."""
        value = trade.price_ticks * trade.size_atoms
        self.high_ticks = max(self.high_ticks, trade.price_ticks)
        self.low_ticks = min(self.low_ticks, trade.price_ticks)
        self.close_ticks = trade.price_ticks
        self.size_atoms += trade.size_atoms
        self.value += value
        if trade.taker_side is Side.BUY:
            self.taken_size_atoms += trade.size_atoms
            self.taken_value += value
        self.trades += 1
        self.last_id = trade.trade_id


def opened(number: int, trade: Print) -> Candle:
    """Return the candle that a first print opens."""
    ticks = trade.price_ticks
    candle = Candle(number=number, open_ticks=ticks, high_ticks=ticks, low_ticks=ticks, close_ticks=ticks)
    candle.first_id = trade.trade_id
    candle.add(trade)
    return candle


def quiet(number: int, close_ticks: int) -> Candle:
    """Return a candle in which nothing traded."""
    return Candle(
        number=number,
        open_ticks=close_ticks,
        high_ticks=close_ticks,
        low_ticks=close_ticks,
        close_ticks=close_ticks,
    )


def merged(candles: Iterable[Candle]) -> Candle | None:
    """Return the candle of several in their order; None of none. Its number is the first one's."""
    whole: Candle | None = None
    for candle in candles:
        if whole is None:
            whole = msgspec.structs.replace(candle)
            continue
        whole.high_ticks = max(whole.high_ticks, candle.high_ticks)
        whole.low_ticks = min(whole.low_ticks, candle.low_ticks)
        whole.close_ticks = candle.close_ticks
        whole.size_atoms += candle.size_atoms
        whole.value += candle.value
        whole.taken_size_atoms += candle.taken_size_atoms
        whole.taken_value += candle.taken_value
        whole.trades += candle.trades
        whole.last_id = candle.last_id
    return whole


class Series:
    """The candles of one interval."""

    def __init__(self, interval: Interval, *, candles_max: int = CANDLES_MAX) -> None:
        """Remember between `candles_max` and twice as many candles in which something traded."""
        self.interval = interval
        self._candles_max = candles_max
        self._candles: list[Candle] = []
        self._end_ns = 0

    def add(self, trade: Print, ts_ns: int) -> None:
        """Count a print at `ts_ns`, which is never less than before."""
        if ts_ns < self._end_ns:
            self._candles[-1].add(trade)
            return
        number = self.interval.number(ts_ns)
        self._end_ns = self.interval.start_ns(number + 1)
        self._candles.append(opened(number, trade))
        if len(self._candles) > 2 * self._candles_max:
            del self._candles[: self._candles_max]

    def since(self, number: int) -> list[Candle]:
        """Return the candles from `number` on in which something traded; live ones: do not change them."""
        return self._candles[bisect_right(self._candles, number - 1, key=_number) :]

    def before(self, number: int) -> Candle | None:
        """Return the last candle before `number` in which something traded, None if none is remembered."""
        index = bisect_right(self._candles, number - 1, key=_number)
        return self._candles[index - 1] if index else None

    def between(self, first: int | None, last: int, *, limit: int) -> list[Candle]:
        """Return every candle from `first` to `last`, quiet ones too, oldest first.

        Args:
            first: the answer holds the `limit` candles that follow it; None: those that end with `last`.
            last: not beyond the present.
        Nothing is answered for the time before the first candle that is remembered.
        """
        if not self._candles or limit <= 0:
            return []
        begin = max(last - limit + 1 if first is None else first, self._candles[0].number)
        end = min(last, begin + limit - 1)
        found: list[Candle] = []
        index = bisect_right(self._candles, begin, key=_number) - 1
        for number in range(begin, end + 1):
            if index + 1 < len(self._candles) and self._candles[index + 1].number == number:
                index += 1
            candle = self._candles[index]
            found.append(candle if candle.number == number else quiet(number, candle.close_ticks))
        return found


def _number(candle: Candle) -> int:
    return candle.number
