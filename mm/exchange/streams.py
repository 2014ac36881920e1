"""The public streams of one symbol, made of what a market displays.

Prints, levels and best prices come in as they happen, in base atoms; time comes in by `on_time`. Streams that
somebody else makes (a recording's own frames) are only passed on. Without subscribers nothing is encoded. The
numbers of differences go on without a gap: U is always the previous u + 1.
"""

from typing import Final

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange import market_payloads
from mm.exchange.candles import Print
from mm.exchange.connection import Connection
from mm.exchange.displayed import Displayed, print_of
from mm.exchange.feeds import FAST_NS, SLOW_NS, STATISTICS, Differences, Feed, Klines, PartialBook, Statistics
from mm.exchange.intervals import INTERVALS
from mm.exchange.subscriptions import Subscriptions
from mm.sim.reports import Fact, LevelChange, TopChange, Trade

_PACES: Final = {"@100ms": FAST_NS, "": SLOW_NS, "@1000ms": SLOW_NS}
_PARTIAL_LEVELS: Final = (5, 10, 20)


class PublicStreams:
    """Every public stream, and who is subscribed to it (see `subscriptions.Streams`)."""

    def __init__(
        self, instrument: Instrument, market: Displayed, *, now_ns: int, passed_on: tuple[str, ...] = ()
    ) -> None:
        """Begin at `now_ns` with the book as it stands.

        Args: passed_on: the streams, without the symbol ("depth@100ms"), that come ready through `pass_on`.
        """
        self._instrument = instrument
        self._market = market
        self._symbol = instrument.venue_symbol.lower()
        self._trades, self._tops = f"{self._symbol}@trade", f"{self._symbol}@bookTicker"
        self._aggregates = f"{self._symbol}@aggTrade"
        self._passed_on = frozenset(f"{self._symbol}@{kind}" for kind in passed_on)
        self._differences = self._make_differences(now_ns)
        self._feeds: dict[str, Feed] = {**self._differences, **self._make_feeds(now_ns)}
        names = (self._trades, self._aggregates, self._tops, *self._feeds)
        self._subscribers = Subscriptions(dict.fromkeys((*names, *sorted(self._passed_on))))
        self._aggregate_id = 1

    def accepts(self, name: str) -> bool:
        """Return whether there is a stream of this name."""
        return self._subscribers.exists(name)

    def subscribe(self, connection: Connection, name: str) -> None:
        """Send a stream that exists to a connection from now on."""
        self._subscribers.subscribe(connection, name)
        feed = self._feeds.get(name)
        if feed is not None:
            feed.joined()

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Stop sending a stream; nothing happens if it was not subscribed."""
        self._subscribers.unsubscribe(connection, name)

    def subscriptions(self, connection: Connection) -> list[str]:
        """Return what a connection is subscribed to."""
        return self._subscribers.of(connection)

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        self._subscribers.drop(connection)

    def pass_on(self, kind: str, text: str) -> None:
        """Send a frame of a stream named in `passed_on`, as it is."""
        self._subscribers.send_text(f"{self._symbol}@{kind}", text)

    def on_fact(self, fact: Fact) -> None:
        """Send or gather a fact of a simulated world; its market has heard it before."""
        lot_atoms = self._instrument.lot_atoms
        if isinstance(fact, LevelChange):
            level = Level(fact.price_ticks, fact.size_lots * lot_atoms)
            self.on_level(fact.side, level, fact.update_id)
        elif isinstance(fact, Trade):
            self.on_print(print_of(fact, lot_atoms))
        elif isinstance(fact, TopChange):
            bid = Level(fact.bid_ticks, fact.bid_lots * lot_atoms)
            ask = Level(fact.ask_ticks, fact.ask_lots * lot_atoms)
            self.on_top(bid, ask, fact.update_id)

    def on_print(self, trade: Print) -> None:
        """Send a print that the market's history already counts, and what it completes."""
        self._send_aggregates()
        if self._makes(self._trades):
            event = market_payloads.trade_event(self._instrument, trade)
            self._subscribers.send(self._trades, event)

    def on_level(self, side: Side, level: Level, update_id: int) -> None:
        """Gather a changed level for the next differences; a size of 0 removes it."""
        for difference in self._differences.values():
            difference.add(side, level, update_id)

    def on_top(self, bid: Level, ask: Level, update_id: int) -> None:
        """Send the best prices; the taker that moved them is done."""
        self._send_aggregates()
        if self._makes(self._tops):
            event = market_payloads.book_ticker_event(self._instrument, bid, ask, update_id)
            self._subscribers.send(self._tops, event)

    def on_time(self, now_ns: int) -> None:
        """Send what is due; called after the market has been brought up to `now_ns`."""
        self._send_aggregates()
        for name, feed in self._feeds.items():
            if self._subscribers.is_wanted(name):
                for event in feed.due(now_ns):
                    self._subscribers.send(name, event)
            else:
                feed.idle(now_ns)

    def _makes(self, name: str) -> bool:
        return name not in self._passed_on and self._subscribers.is_wanted(name)

    def _send_aggregates(self) -> None:
        for aggregate in self._market.history.complete(self._aggregate_id):
            self._aggregate_id = aggregate.aggregate_id + 1
            if self._makes(self._aggregates):
                event = market_payloads.aggregate_event(self._instrument, aggregate)
                self._subscribers.send(self._aggregates, event)

    def _make_differences(self, now_ns: int) -> dict[str, Differences]:
        names = {f"{self._symbol}@depth{suffix}": every_ns for suffix, every_ns in _PACES.items()}
        return {
            name: Differences(
                self._instrument, every_ns=every_ns, now_ns=now_ns, update_id=self._market.update_id
            )
            for name, every_ns in names.items()
            if name not in self._passed_on
        }

    def _make_feeds(self, now_ns: int) -> dict[str, Feed]:
        feeds: dict[str, Feed] = {}
        for limit in _PARTIAL_LEVELS:
            for suffix, every_ns in _PACES.items():
                feeds[f"depth{limit}{suffix}"] = PartialBook(
                    self._instrument, self._market, limit=limit, every_ns=every_ns, now_ns=now_ns
                )
        for name, interval in INTERVALS.items():
            feeds[f"kline_{name}"] = Klines(self._instrument, self._market, interval, now_ns)
        for kind, make in STATISTICS.items():
            feeds[kind] = Statistics(self._instrument, self._market, make, now_ns)
        named = {f"{self._symbol}@{kind}": feed for kind, feed in feeds.items()}
        return {name: feed for name, feed in named.items() if name not in self._passed_on}
