"""Candles of the trades of a recording, in integers.

A trade belongs to the interval in which the venue says that it happened, whenever it was heard. A venue
numbers its trades without holes: a number that is missing makes its candle one that is not whole, and a
candle is whole only if a trade before it and one behind it was heard. Must never round: sizes and values are
sums of integers.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from mm.domain.tape import TRADE, Chunk, rows

MINUTE_MS: Final = 60_000
LATE_INTERVALS: Final = 2
"""A candle is told when a trade came that is so many intervals behind it: trades are heard out of order."""


class Candle(msgspec.Struct, kw_only=True):
    """What traded in one interval.

    Fields:
        open_ms: the venue's time at which it begins. *_ticks: the first, highest, lowest and last price.
        size_atoms: base atoms. value: sum of price_ticks x size_atoms, exact.
        taken_size_atoms, taken_value: the part of it in which the buyer took.
        trades: how many; 0 in a quiet candle, whose prices are the close before. first_id, last_id: -1 there.
        is_whole: no trade of it is missing, as far as their numbers tell.
    """

    open_ms: int
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
    is_whole: bool = True


class Print(NamedTuple):
    """A trade. Fields: venue_ms: when it happened; is_buyer: whether the buyer took."""

    venue_ms: int
    trade_id: int
    price_ticks: int
    size_atoms: int
    is_buyer: bool


def prints(chunks: Iterable[Chunk], market: int = 0) -> Iterator[Print]:
    """Yield the trades of one market of a tape, in the order in which they were heard."""
    for chunk in chunks:
        for _, kind, its, side, price_ticks, size_atoms, seq, venue_ms, _ in rows(chunk):
            if kind == TRADE and its == market:
                yield Print(venue_ms, seq, price_ticks, size_atoms, side > 0)


class Candles:
    """Makes candles of trades. Fields: repeated: trades that were heard twice and count once; missing:
    numbers of trades that were never heard; late: trades told after their candle was, which count nowhere.
    """

    def __init__(self, interval_ms: int = MINUTE_MS, *, kept_out: Iterable[int] = ()) -> None:
        """Begin. Args: kept_out: numbers that the venue gave to what is no trade: they are not missing."""
        self.repeated = self.missing = self.late = 0
        self._interval_ms = interval_ms
        self._kept_out = frozenset(kept_out)
        self._open: dict[int, Candle] = {}
        self._told_ms = -1
        self._last: Print | None = None

    def add(self, trade: Print) -> Iterator[Candle]:
        """Count a trade; yield the candles that are complete by it, in order."""
        last = self._last
        if last is not None and trade.trade_id <= last.trade_id:
            self.repeated += 1
            return
        number_ms = trade.venue_ms - trade.venue_ms % self._interval_ms
        is_next = last is not None and self._follows(trade, last)
        if number_ms <= self._told_ms:
            self.late += 1
            self._last = trade
            return
        candle = self._open.get(number_ms)
        if candle is None:
            ticks = trade.price_ticks
            candle = self._open[number_ms] = Candle(
                open_ms=number_ms, open_ticks=ticks, high_ticks=ticks, low_ticks=ticks, close_ticks=ticks
            )
            candle.first_id = trade.trade_id
        if not is_next:
            self._spoil(trade, last)
        _count(candle, trade)
        self._last = trade
        due_ms = number_ms - LATE_INTERVALS * self._interval_ms
        for open_ms in sorted(open_ms for open_ms in self._open if open_ms <= due_ms):
            yield self._tell(open_ms)

    def close(self) -> Iterator[Candle]:
        """Yield what is left, in order; the newest is not whole: what comes in it is not known."""
        left = sorted(self._open)
        for open_ms in left:
            candle = self._tell(open_ms)
            candle.is_whole = candle.is_whole and open_ms != left[-1]
            yield candle

    def _follows(self, trade: Print, last: Print) -> bool:
        between = range(last.trade_id + 1, trade.trade_id)
        if len(between) > len(self._kept_out):
            self.missing += len(between)
            return False
        absent = sum(1 for number in between if number not in self._kept_out)
        self.missing += absent
        return not absent

    # What is missing lay somewhere between the trade before and this one.
    def _spoil(self, trade: Print, last: Print | None) -> None:
        from_ms = trade.venue_ms if last is None else min(last.venue_ms, trade.venue_ms)
        until_ms = max(trade.venue_ms, from_ms)
        for open_ms, candle in self._open.items():
            if open_ms + self._interval_ms > from_ms and open_ms <= until_ms:
                candle.is_whole = False

    def _tell(self, open_ms: int) -> Candle:
        self._told_ms = open_ms
        return self._open.pop(open_ms)


def _count(candle: Candle, trade: Print) -> None:
    value = trade.price_ticks * trade.size_atoms
    candle.high_ticks = max(candle.high_ticks, trade.price_ticks)
    candle.low_ticks = min(candle.low_ticks, trade.price_ticks)
    candle.close_ticks = trade.price_ticks
    candle.size_atoms += trade.size_atoms
    candle.value += value
    if trade.is_buyer:
        candle.taken_size_atoms += trade.size_atoms
        candle.taken_value += value
    candle.trades += 1
    candle.last_id = trade.trade_id


def candles_of(trades: Iterable[Print], interval_ms: int = MINUTE_MS) -> Iterator[Candle]:
    """Yield the candles in which something traded, in order."""
    made = Candles(interval_ms)
    for trade in trades:
        yield from made.add(trade)
    yield from made.close()


def with_quiet(candles: Iterable[Candle], interval_ms: int = MINUTE_MS) -> Iterator[Candle]:
    """Yield candles and the quiet ones between them: of trades that were all heard, nothing traded there."""
    before: Candle | None = None
    for candle in candles:
        if before is not None:
            ticks = before.close_ticks
            for open_ms in range(before.open_ms + interval_ms, candle.open_ms, interval_ms):
                yield Candle(
                    open_ms=open_ms,
                    open_ticks=ticks,
                    high_ticks=ticks,
                    low_ticks=ticks,
                    close_ticks=ticks,
                    is_whole=before.is_whole and candle.is_whole,
                )
        before = candle
        yield candle
