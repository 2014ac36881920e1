"""The two sockets of the fake venue: market data and the user stream, in order, with gaps and silent deaths.

An adapter's promises hold: a book is handed out on request only, deltas continue it without a gap or it is
taken back, and frames of a connection that ended are dropped.
"""

from random import Random
from typing import Any, Final, Protocol

from mm.domain.book import Level
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    TopOfBook,
)
from mm.domain.sides import Side
from tests.builders.engine_faults import MS, NONE, Faults
from tests.builders.engine_truth import Truth, levels


class Clockwork(Protocol):
    """What the streams need of the simulation around them."""

    now_ns: int

    def after(self, delay_ns: int, act: Any) -> None:
        """Do something later."""

    def deliver(self, kind: type[AnyEvent], **fields: Any) -> None:
        """Hand an event to the engine now."""


class _Socket:
    # One stream. `number` counts connections: what was sent on an older one is dropped.
    def __init__(self) -> None:
        self.up = False
        self.silent = False
        self.number = 0
        self.last_ns = 0
        self.shallow = False


LOST: Final = "simulated loss"


class Streams:
    """Both sockets. Fields: faults: in force now; synced: symbols whose book the engine has."""

    def __init__(self, world: Clockwork, truth: Truth, random: Random) -> None:
        """Start unconnected."""
        self.world = world
        self.truth = truth
        self.random = random
        self.faults: Faults = NONE
        self.synced: dict[str, bool] = {}
        self._sockets = {stream: _Socket() for stream in Stream}
        self._seq = dict.fromkeys(truth.markets, 100)
        self._shown = {symbol: truth.public(symbol) for symbol in truth.markets}

    def hits(self, chance: float) -> bool:
        """Return whether a fault of that probability happens now."""
        return chance > 0 and self.random.random() < chance

    def way(self) -> int:
        """Return the time that one way takes now."""
        return self.random.randint(1, max(2, self.faults.latency_ms)) * MS

    # ---- connections

    def connect(self, stream: Stream) -> None:
        """Dial anew; what was open is dropped without a word."""
        socket = self._sockets[stream]
        self._cut(stream)
        number = socket.number
        fails = self.hits(self.faults.connect_failed)

        def outcome() -> None:
            if number != socket.number:
                return
            if fails:
                self.world.deliver(StreamDown, stream=stream, reason=LOST)
                return
            socket.up = True
            socket.last_ns = self.world.now_ns
            self.world.deliver(StreamUp, stream=stream)

        self.world.after(2 * self.way(), outcome)

    def drop(self, stream: Stream, *, silent: bool) -> None:
        """End a stream that is up; silently: the socket stays open and nothing comes any more."""
        socket = self._sockets[stream]
        if not socket.up:
            return
        if silent:
            socket.silent = True
            return
        self._cut(stream)
        number = socket.number

        def tell() -> None:
            if number == socket.number:
                self.world.deliver(StreamDown, stream=stream, reason=LOST)

        self.world.after(self.way(), tell)

    def crash(self) -> None:
        """Both sockets end with their process."""
        for stream in Stream:
            self._cut(stream)

    def is_up(self, stream: Stream) -> bool:
        """Return whether a stream carries anything."""
        return self._sockets[stream].up and not self._sockets[stream].silent

    def _cut(self, stream: Stream) -> None:
        socket = self._sockets[stream]
        socket.up = socket.silent = socket.shallow = False
        socket.number += 1
        if stream is Stream.MARKET:
            self.synced.clear()

    def _send(
        self, stream: Stream, kind: type[AnyEvent], *, late_ns: int = 0, aside: bool = False, **fields: Any
    ) -> None:
        # In order: nothing arrives before what was sent earlier, except what a fault holds up. What comes
        # aside is the answer to a request: it arrives though the socket is silent.
        socket = self._sockets[stream]
        number = socket.number
        due_ns = max(socket.last_ns, self.world.now_ns + self.way())
        if not late_ns:
            socket.last_ns = due_ns

        def arrive() -> None:
            if number == socket.number and (aside or not socket.silent):
                self.world.deliver(kind, **fields)

        self.world.after(due_ns + late_ns - self.world.now_ns, arrive)

    # ---- the user stream

    def report(self, kind: type[AnyEvent], **fields: Any) -> None:
        """Send news about own orders and balances."""
        faults = self.faults
        if not self.is_up(Stream.USER) or self.hits(faults.report_lost):
            return
        late_ns = self.random.randint(50, 3_000) * MS if self.hits(faults.report_late) else 0
        self._send(Stream.USER, kind, late_ns=late_ns, **fields)
        if self.hits(faults.report_twice):
            self._send(Stream.USER, kind, late_ns=self.random.randint(1, 5_000) * MS, **fields)

    # ---- the market stream

    def sync(self, symbol: str) -> None:
        """Answer a request for a whole book."""
        if self.hits(self.faults.sync_failed):
            if self.hits(0.5):
                self.world.deliver(RequestFailed, what="SyncBook", subject=symbol, reason=LOST)
            else:
                self.world.deliver(BookLost, symbol=symbol, reason=LOST)
            return
        if not self._sockets[Stream.MARKET].up:
            self.world.deliver(BookLost, symbol=symbol, reason="the market stream is down")
            return
        self._shown[symbol] = self.truth.public(symbol)
        bids, asks = self._shown[symbol]
        self.synced[symbol] = True
        self._send(
            Stream.MARKET,
            BookSnapshot,
            aside=True,
            symbol=symbol,
            seq=self._seq[symbol],
            bids=levels(bids, best_first_sign=-1),
            asks=levels(asks, best_first_sign=1),
        )

    def publish(self, symbol: str) -> None:
        """Send what changed in a displayed book since the last time."""
        before, self._shown[symbol] = self._shown[symbol], self.truth.public(symbol)
        self._seq[symbol] += 1
        if not self.synced.get(symbol) or not self.is_up(Stream.MARKET):
            return
        if self.hits(self.faults.book_lost):
            self.synced[symbol] = False
            self._send(Stream.MARKET, BookLost, symbol=symbol, reason="gap")
            return
        bids, asks = self._shown[symbol]
        market = self._sockets[Stream.MARKET]
        market.shallow = market.shallow or self.hits(self.faults.depth_silent)
        if not self.faults.book_wrong and (market.shallow or self.random.random() < 0.3):
            bid, ask = max(bids), min(asks)
            top: dict[str, Any] = {"bid": Level(bid, bids[bid]), "ask": Level(ask, asks[ask])}
            self._send(Stream.MARKET, TopOfBook, symbol=symbol, seq=self._seq[symbol], **top)
        if market.shallow:
            return
        self._send(
            Stream.MARKET,
            BookDelta,
            symbol=symbol,
            seq=self._seq[symbol],
            venue_ms=self.world.now_ns // MS,
            bids=self._told(_changes(before[0], bids)),
            asks=self._told(_changes(before[1], asks)),
        )

    def _told(self, changes: tuple[Level, ...]) -> tuple[Level, ...]:
        if self.hits(self.faults.book_wrong):
            return tuple(level for level in changes if level.size_atoms)
        return changes

    def trade(self, symbol: str, price_ticks: int, aggressor: Side) -> None:
        """Send a public trade."""
        if self.is_up(Stream.MARKET):
            self._send(
                Stream.MARKET,
                PublicTrade,
                symbol=symbol,
                trade_id=1,
                price_ticks=price_ticks,
                size_atoms=1,
                aggressor=aggressor,
            )


def _changes(before: dict[int, int], after: dict[int, int]) -> tuple[Level, ...]:
    gone = [Level(price, 0) for price in before if price not in after]
    changed = [Level(price, size) for price, size in after.items() if before.get(price) != size]
    return tuple(gone + changed)
