"""Streams that go at their own pace: differences, partial books, candles, statistics.

Each feed is fed by what a market displays, never by a clock of its own, and says what is due at a moment. Due
times lie on the grid of its pace, so that every subscriber sees the same events. Sizes are base atoms: a
matching book and a recording feed them alike.
"""

from collections.abc import Callable
from typing import Final, Protocol

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.exchange import market_payloads, ticker_payloads
from mm.exchange.displayed import Displayed
from mm.exchange.intervals import SECOND, Interval
from mm.exchange.payloads import Payload, levels, ms

FAST_NS: Final = 100 * NS_PER_MS
"""The pace of fast books."""

SLOW_NS: Final = NS_PER_S
"""The pace of slow books, statistics and one-second candles."""

KLINE_NS: Final = 2 * NS_PER_S
"""The pace of all other candles."""

_CLOSED_MAX: Final = 1_000
_TIMES: Final = ("E", "C", "O")


class Feed(Protocol):
    """One stream with a pace."""

    def due(self, now_ns: int) -> list[Payload]:
        """Return what is to be sent at a moment; called as long as anybody is subscribed."""

    def idle(self, now_ns: int) -> None:
        """Let time pass while nobody is subscribed."""

    def joined(self) -> None:
        """Hear that a connection has subscribed."""


class _Pace:
    # The next moment on the grid of a pace.
    def __init__(self, every_ns: int, now_ns: int) -> None:
        self.every_ns = every_ns
        self.due_ns = now_ns + every_ns

    def is_due(self, now_ns: int) -> bool:
        if now_ns < self.due_ns:
            return False
        self.due_ns = now_ns - now_ns % self.every_ns + self.every_ns
        return True


class Differences:
    """Levels that changed since the last event: the last size of a price wins, no number is left out."""

    def __init__(self, instrument: Instrument, *, every_ns: int, now_ns: int, update_id: int) -> None:
        """Begin after the change number `update_id`."""
        self._instrument = instrument
        self._pace = _Pace(every_ns, now_ns)
        self._last_id = self._sent_id = update_id
        self._changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def add(self, side: Side, level: Level, update_id: int) -> None:
        """Remember a changed level."""
        self._last_id = update_id
        self._changed[side][level.price_ticks] = level.size_atoms

    def due(self, now_ns: int) -> list[Payload]:
        """Return the difference, if it is time and there is one."""
        if not self._pace.is_due(now_ns) or self._last_id == self._sent_id:
            return []
        event = {
            "e": "depthUpdate",
            "E": ms(now_ns),
            "s": self._instrument.venue_symbol,
            "U": self._sent_id + 1,
            "u": self._last_id,
            "b": levels(self._instrument, self._changed[Side.BUY].items()),
            "a": levels(self._instrument, self._changed[Side.SELL].items()),
        }
        self._clear()
        return [event]

    def idle(self, now_ns: int) -> None:
        """Forget what nobody was there to hear."""
        if self._pace.is_due(now_ns):
            self._clear()

    def joined(self) -> None:
        """Go on: whoever joins takes part in the next difference."""

    def _clear(self) -> None:
        self._sent_id = self._last_id
        for rows in self._changed.values():
            rows.clear()


class PartialBook:
    """The best levels of both sides, whenever the book has changed."""

    def __init__(
        self, instrument: Instrument, market: Displayed, *, limit: int, every_ns: int, now_ns: int
    ) -> None:
        """Show up to `limit` levels a side."""
        self._instrument, self._market, self._limit = instrument, market, limit
        self._pace = _Pace(every_ns, now_ns)
        self._sent_id = -1

    def due(self, now_ns: int) -> list[Payload]:
        """Return the levels, if it is time and the book is another one."""
        update_id = self._market.update_id
        if not self._pace.is_due(now_ns) or update_id == self._sent_id or not self._market.has_book:
            return []
        self._sent_id = update_id
        bids, asks = (self._market.depth(side, self._limit) for side in (Side.BUY, Side.SELL))
        return [market_payloads.book(self._instrument, bids, asks, update_id)]

    def idle(self, now_ns: int) -> None:
        """Let time pass."""
        self._pace.is_due(now_ns)

    def joined(self) -> None:
        """Send the book next time, changed or not: a new subscriber has none."""
        self._sent_id = -1


class Klines:
    """The candles of one interval: the present one as it grows, and every one that closes."""

    def __init__(self, instrument: Instrument, market: Displayed, interval: Interval, now_ns: int) -> None:
        """Follow the candles of `interval`."""
        self._instrument = instrument
        self._interval = interval
        self._series = market.history.series[interval.name]
        self._pace = _Pace(SLOW_NS if interval is SECOND else KLINE_NS, now_ns)
        self._open = interval.number(now_ns)
        self._sent_trade_id = -1

    def due(self, now_ns: int) -> list[Payload]:
        """Return the candles that have closed, once each, and the present one if it has changed."""
        number = self._interval.number(now_ns)
        found = []
        if number > self._open:
            found = self._series.between(max(self._open, number - _CLOSED_MAX), number - 1, limit=_CLOSED_MAX)
            self._open = number
        if self._pace.is_due(now_ns):
            present = self._series.since(number)
            if present and present[-1].last_id != self._sent_trade_id:
                self._sent_trade_id = present[-1].last_id
                found += present
        return [
            market_payloads.kline_event(self._instrument, self._interval, candle, now_ns) for candle in found
        ]

    def idle(self, now_ns: int) -> None:
        """Let time pass: what closes now is told to nobody."""
        self._open = self._interval.number(now_ns)
        self._pace.is_due(now_ns)

    def joined(self) -> None:
        """Send the present candle next time, changed or not: a new subscriber has none."""
        self._sent_trade_id = -1


class Statistics:
    """A payload about a rolling window, every second in which it has changed."""

    def __init__(
        self,
        instrument: Instrument,
        market: Displayed,
        make: Callable[[Instrument, Displayed, int], Payload],
        now_ns: int,
    ) -> None:
        """Send what `make` returns, if more than its times has changed."""
        self._instrument, self._market, self._make = instrument, market, make
        self._pace = _Pace(SLOW_NS, now_ns)
        self._sent: Payload = {}

    def due(self, now_ns: int) -> list[Payload]:
        """Return the payload, if it is time and it says something new."""
        if not self._pace.is_due(now_ns) or self._market.history.last is None:
            return []
        event = self._make(self._instrument, self._market, now_ns)
        told = {name: value for name, value in event.items() if name not in _TIMES}
        if told == self._sent:
            return []
        self._sent = told
        return [event]

    def idle(self, now_ns: int) -> None:
        """Let time pass."""
        self._pace.is_due(now_ns)

    def joined(self) -> None:
        """Send it next time in any case: a new subscriber has nothing."""
        self._sent = {}


STATISTICS: Final = {
    "ticker": ticker_payloads.day_event,
    "miniTicker": ticker_payloads.day_mini_event,
    "avgPrice": ticker_payloads.average_event,
}
"""The streams about rolling windows, and what makes their payloads."""
