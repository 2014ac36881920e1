"""The public streams: differences of the book, trades and best prices, to whoever subscribed.

Facts are turned into text once and shared by all subscribers; without subscribers nothing is encoded. The
numbers of differences go on without a gap from the start of the market: U is always the previous u + 1.
"""

from typing import Final

import msgspec

from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.exchange import market_payloads, payloads
from mm.exchange.connection import Connection
from mm.exchange.floor import Floor
from mm.sim.reports import Fact, LevelChange, TopChange, Trade

_FAST_NS: Final = 100 * NS_PER_MS
_SLOW_NS: Final = NS_PER_S


class _Difference:
    # Levels changed since the last frame, by side; the last size of a price wins.
    def __init__(self, stream: str, every_ns: int, *, now_ns: int, update_id: int) -> None:
        self.stream = stream
        self.every_ns = every_ns
        self.due_ns = now_ns + every_ns
        self.last_id = self.sent_id = update_id
        self.changed: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def add(self, change: LevelChange) -> None:
        self.last_id = change.update_id
        self.changed[change.side][change.price_ticks] = change.size_lots

    def take(self, floor: Floor) -> payloads.Payload:
        sides = {side: list(rows.items()) for side, rows in self.changed.items()}
        event = {
            "e": "depthUpdate",
            "E": payloads.ms(floor.now_ns),
            "s": floor.instrument.venue_symbol,
            "U": self.sent_id + 1,
            "u": self.last_id,
            "b": payloads.levels(floor.instrument, sides[Side.BUY]),
            "a": payloads.levels(floor.instrument, sides[Side.SELL]),
        }
        self.clear()
        return event

    def clear(self) -> None:
        self.sent_id = self.last_id
        for rows in self.changed.values():
            rows.clear()


class PublicStreams:
    """Who is subscribed to what, and what they are sent."""

    def __init__(self, floor: Floor) -> None:
        """Follow the floor from now on."""
        self._floor = floor
        symbol = floor.instrument.venue_symbol.lower()
        self._trades, self._tops = f"{symbol}@trade", f"{symbol}@bookTicker"
        self._differences = tuple(
            _Difference(name, every_ns, now_ns=floor.now_ns, update_id=floor.world.book.update_id)
            for name, every_ns in ((f"{symbol}@depth@100ms", _FAST_NS), (f"{symbol}@depth", _SLOW_NS))
        )
        names = (self._trades, self._tops, *(difference.stream for difference in self._differences))
        self._subscribers: dict[str, dict[Connection, None]] = {name: {} for name in names}
        floor.listeners.append(self.on_fact)

    @property
    def names(self) -> tuple[str, ...]:
        """Every stream that exists."""
        return tuple(self._subscribers)

    def subscribe(self, connection: Connection, stream: str) -> None:
        """Send a stream of `names` to a connection from now on."""
        self._subscribers[stream][connection] = None

    def unsubscribe(self, connection: Connection, stream: str) -> None:
        """Stop sending a stream; nothing happens if it was not subscribed."""
        self._subscribers[stream].pop(connection, None)

    def subscriptions(self, connection: Connection) -> list[str]:
        """Return what a connection is subscribed to."""
        return [name for name, connections in self._subscribers.items() if connection in connections]

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        for connections in self._subscribers.values():
            connections.pop(connection, None)

    def on_fact(self, fact: Fact) -> None:
        """Send or gather a fact of the world."""
        if isinstance(fact, LevelChange):
            for difference in self._differences:
                difference.add(fact)
        elif isinstance(fact, Trade):
            if self._subscribers[self._trades]:
                self._send(self._trades, market_payloads.trade_event(self._floor.instrument, fact))
        elif isinstance(fact, TopChange) and self._subscribers[self._tops]:
            self._send(self._tops, market_payloads.book_ticker_event(self._floor.instrument, fact))

    def on_time(self) -> None:
        """Send the differences that are due; called after the floor has been brought up to now."""
        now_ns = self._floor.now_ns
        for difference in self._differences:
            if now_ns < difference.due_ns:
                continue
            difference.due_ns = now_ns - now_ns % difference.every_ns + difference.every_ns
            if difference.last_id == difference.sent_id:
                continue
            if self._subscribers[difference.stream]:
                self._send(difference.stream, difference.take(self._floor))
            else:
                difference.clear()

    def _send(self, stream: str, event: payloads.Payload) -> None:
        text = msgspec.json.encode(event).decode()
        for connection in self._subscribers[stream]:
            connection.push(f'{{"stream":"{stream}","data":{text}}}' if connection.is_combined else text)
