"""The public streams of a replay: the recording's own frames as they are, and what is derived from them.

Trades, best prices and the changes of the book are passed on; the slow changes are the recorded ones merged,
with their texts. Everything else is made of what the recording displays, as for any market. Invariant: slow
changes are numbered without a hole where the recorded ones are, and show every hole that those have.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import WSCloseCode

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S
from mm.exchange.connection import Connection
from mm.exchange.displayed import Displayed
from mm.exchange.streams import PublicStreams
from mm.store.recordings.raw.records import DepthDiff

TRADES: Final = "trade"
TOPS: Final = "bookTicker"
FAST: Final = "depth@100ms"
SLOW: Final = ("depth", "depth@1000ms")
_SLOW_NS: Final = NS_PER_S


class RecordedStreams(PublicStreams):
    """The streams of a recorded market. Fields: slow: the merged changes."""

    def __init__(
        self, instrument: Instrument, market: Displayed, *, now_ns: int, on_listener: Callable[[], None]
    ) -> None:
        """Begin at `now_ns`; `on_listener` is called whenever somebody subscribes."""
        super().__init__(instrument, market, now_ns=now_ns, passed_on=(TRADES, TOPS, FAST, *SLOW))
        self.slow = SlowChanges(instrument.venue_symbol, now_ns=now_ns)
        self._on_listener = on_listener
        self._listening: dict[Connection, None] = {}
        self._ended = ""

    def subscribe(self, connection: Connection, name: str) -> None:
        """Send a stream to a connection from now on; one that has ended closes it."""
        super().subscribe(connection, name)
        self._listening[connection] = None
        if self._ended:
            self._close(connection)
        self._on_listener()

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        super().drop(connection)
        self._listening.pop(connection, None)

    def end(self, reason: str) -> None:
        """Close every connection that listens, now and later: there is nothing true left to send."""
        self._ended = reason
        for connection in self._listening:
            self._close(connection)

    def pass_slow(self, now_ns: int) -> None:
        """Send the merged changes if it is time."""
        text = self.slow.due(now_ns)
        if text is not None:
            for kind in SLOW:
                self.pass_on(kind, text)

    def _close(self, connection: Connection) -> None:
        connection.end(WSCloseCode.INTERNAL_ERROR, self._ended.encode()[:100])


class SlowChanges:
    """The recorded changes of a second as one; the last text of a price wins."""

    def __init__(self, symbol: str, *, now_ns: int) -> None:
        """Begin with nothing; the first event comes with the next whole second."""
        self._symbol = symbol
        self._due_ns = now_ns - now_ns % _SLOW_NS + _SLOW_NS
        self._first = self._last = 0
        self._sides: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def add(self, diff: DepthDiff) -> None:
        """Merge a change. One that does not follow begins anew, so that the hole shows."""
        if diff.first != self._last + 1:
            self._clear(diff.first)
        self._last = diff.last
        for merged, rows in zip(self._sides, (diff.bids, diff.asks), strict=True):
            merged.update(rows)

    def due(self, now_ns: int) -> str | None:
        """Return the event, if it is time and there is one."""
        if now_ns < self._due_ns:
            return None
        self._due_ns = now_ns - now_ns % _SLOW_NS + _SLOW_NS
        if self._last < self._first:
            return None
        bids, asks = self._sides
        event = {
            "e": "depthUpdate",
            "E": now_ns // 1_000_000,
            "s": self._symbol,
            "U": self._first,
            "u": self._last,
            "b": list(bids.items()),
            "a": list(asks.items()),
        }
        text = msgspec.json.encode(event).decode()
        self._clear(self._last + 1)
        return text

    def _clear(self, first: int) -> None:
        self._first, self._last = first, first - 1
        for merged in self._sides:
            merged.clear()
