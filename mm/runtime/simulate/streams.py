"""The two sockets of the simulated venue: market data and the user stream, in order, with gaps and silences.

An adapter's promises hold unless a fault breaks them: a book is handed out on request only, deltas continue
it without a gap or it is taken back, and frames of a connection that ended are dropped. What is sent carries
no time of ours; it is stamped when it arrives.
"""

from collections.abc import Callable
from typing import Final, Protocol

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
from mm.domain.sides import BUY, SELL, Side
from mm.runtime.simulate.faults import MS, Luck
from mm.runtime.simulate.truth import Market, Truth
from mm.sim.reports import Trade

SHOWN: Final = 20
"""Levels per side of a whole book."""

LOST: Final = "simulated loss"


class Clockwork(Protocol):
    """What the connections need of the simulation around them. Fields: now_ns: the venue's time."""

    now_ns: int

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""

    def deliver(self, event: AnyEvent) -> None:
        """Hand an event to the engine, stamped with the time at which it takes it."""

    def truth_changed(self) -> None:
        """Look at what changed at the venue."""


class _Socket:
    # One stream. `number` counts connections: what was sent on an older one is dropped.
    def __init__(self) -> None:
        self.up = False
        self.silent = False
        self.number = 0
        self.last_ns = 0
        self.shallow = False


class Streams:
    """Both sockets. Fields: synced: symbols whose book the engine has; away_until_ns: nobody connects."""

    def __init__(self, world: Clockwork, truth: Truth, luck: Luck) -> None:
        """Start unconnected."""
        self.world = world
        self.truth = truth
        self.luck = luck
        self.synced: dict[str, bool] = {}
        self._asked: dict[str, int] = {}
        self.away_until_ns = 0
        self._sockets = {stream: _Socket() for stream in Stream}
        self._seq = dict.fromkeys(truth.markets, 100)
        self._old: dict[str, BookSnapshot] = {}
        self._clock_until_ns = self._clock_ms = 0

    # ---- connections

    def connect(self, stream: Stream) -> None:
        """Dial anew; what was open is dropped without a word."""
        socket, luck = self._sockets[stream], self.luck
        self._cut(stream)
        number = socket.number
        fails = luck.hits("connect_failed") or self.world.now_ns < self.away_until_ns

        def outcome() -> None:
            if number != socket.number:
                return
            if fails:
                self.world.deliver(StreamDown(ts_ns=0, stream=stream, reason=LOST))
                return
            socket.up = True
            socket.last_ns = self.world.now_ns
            self.world.deliver(StreamUp(ts_ns=0, stream=stream))

        self.world.after(2 * luck.way(self.world.now_ns), outcome)

    def drop(self, stream: Stream, *, silent: bool) -> bool:
        """End a stream that is up; silently: the socket stays open and nothing comes any more."""
        socket = self._sockets[stream]
        if not socket.up or (silent and socket.silent):
            return False
        if silent:
            socket.silent = True
            return True
        self._cut(stream)
        number = socket.number

        def tell() -> None:
            if number == socket.number:
                self.world.deliver(StreamDown(ts_ns=0, stream=stream, reason=LOST))

        self.world.after(self.luck.way(self.world.now_ns), tell)
        return True

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

    def _send(self, stream: Stream, event: AnyEvent, *, late_ns: int = 0, aside: bool = False) -> None:
        # In order: nothing arrives before what was sent earlier, except what a fault holds up. What comes
        # aside is the answer to a request: it arrives though the socket is silent.
        # Of whole books only what was asked for last is handed on, as the adapter does.
        socket, now_ns = self._sockets[stream], self.world.now_ns
        number, asked = socket.number, self.asked_for(event)
        due_ns = max(socket.last_ns, now_ns + self.luck.way(now_ns))
        if not late_ns:
            socket.last_ns = due_ns

        def arrive() -> None:
            is_old = asked != self.asked_for(event)
            if number == socket.number and (aside or not socket.silent) and not is_old:
                self.world.deliver(event)

        self.world.after(due_ns + late_ns - now_ns, arrive)

    # ---- the user stream

    def report(self, event: AnyEvent, *, late_ns: int = 0) -> None:
        """Send news about own orders and balances."""
        luck = self.luck
        if not self.is_up(Stream.USER) or luck.hits("report_lost"):
            return
        if luck.hits("report_late"):
            late_ns += luck.between(50, 3_000)
        self._send(Stream.USER, event, late_ns=late_ns)
        if luck.hits("report_twice"):
            self._send(Stream.USER, event, late_ns=luck.between(1, 5_000))

    # ---- the market stream

    def ask(self, symbol: str) -> None:
        """Count a request for a whole book, the moment that it is made."""
        self._asked[symbol] = self._asked.get(symbol, 0) + 1

    def asked_for(self, event: AnyEvent) -> int:
        """Return how often the whole book was asked for that an event is, 0 if it is none."""
        return self._asked.get(event.symbol, 0) if isinstance(event, BookSnapshot) else 0

    def sync(self, symbol: str) -> None:
        """Answer a request for a whole book."""
        world, luck = self.world, self.luck
        if luck.hits("sync_failed"):
            if luck.random.random() < 0.5:
                world.deliver(RequestFailed(ts_ns=0, what="SyncBook", subject=symbol, reason=LOST))
            else:
                world.deliver(BookLost(ts_ns=0, symbol=symbol, reason=LOST))
            return
        if not self._sockets[Stream.MARKET].up:
            world.deliver(BookLost(ts_ns=0, symbol=symbol, reason="the market stream is down"))
            return
        self.synced[symbol] = True
        self._send(Stream.MARKET, self._whole(symbol), aside=True)

    def _whole(self, symbol: str) -> BookSnapshot:
        market = self.truth.markets[symbol]
        book, lot_atoms = market.venue.book, market.instrument.lot_atoms
        bids, asks = (
            tuple(Level(price, lots * lot_atoms) for price, lots in book.depth(side, SHOWN))
            for side in (BUY, SELL)
        )
        made = BookSnapshot(ts_ns=0, symbol=symbol, seq=self._seq[symbol], bids=bids, asks=asks)
        self._old.setdefault(symbol, made)
        return made

    def publish(self, symbol: str) -> None:
        """Send what changed in a displayed book since the last time, and the trades."""
        market, luck = self.truth.markets[symbol], self.luck
        changed, market.changed = market.changed, {}
        prints, market.prints = market.prints, []
        self._seq[symbol] += 1
        if not self.is_up(Stream.MARKET):
            return
        for trade in prints:
            self._tell_trade(market, trade)
        if not self.synced.get(symbol):
            return
        if luck.hits("book_lost"):
            self.synced[symbol] = False
            self._send(Stream.MARKET, BookLost(ts_ns=0, symbol=symbol, reason="gap"))
            return
        socket = self._sockets[Stream.MARKET]
        if not socket.shallow:
            socket.shallow = luck.hits("depth_silent")
        if not luck.faults.book_wrong and (socket.shallow or luck.random.random() < 0.3):
            self._tell_top(market)
        if not socket.shallow:
            self._tell_changes(market, changed)

    def _tell_changes(self, market: Market, changed: dict[tuple[Side, int], int]) -> None:
        luck, symbol = self.luck, market.instrument.symbol
        if luck.hits("book_wrong"):
            changed = {at: lots for at, lots in changed.items() if lots}
        lot_atoms = market.instrument.lot_atoms
        delta = BookDelta(
            ts_ns=0,
            symbol=symbol,
            seq=self._seq[symbol],
            venue_ms=self._venue_ms(),
            bids=tuple(Level(at[1], lots * lot_atoms) for at, lots in changed.items() if at[0] is BUY),
            asks=tuple(Level(at[1], lots * lot_atoms) for at, lots in changed.items() if at[0] is SELL),
        )
        self._send(Stream.MARKET, delta)
        if luck.hits("delta_twice"):
            self._send(Stream.MARKET, delta)
        if luck.hits("delta_late"):
            # Of a second connection that is behind: what is newer has come already.
            self._send(Stream.MARKET, delta, late_ns=luck.between(100, 2_000))
        if luck.hits("bad_tick"):
            self._tell_bad_top(market)
        old = self._old.get(symbol)
        if old is not None and luck.hits("snapshot_stale"):
            self._send(Stream.MARKET, old)
            self._old[symbol] = self._whole(symbol)

    def _venue_ms(self) -> int:
        now_ns = self.world.now_ns
        if now_ns >= self._clock_until_ns:
            self._clock_ms = now_ns // MS
            if self.luck.hits("clock_frozen"):
                self._clock_until_ns = now_ns + self.luck.between(1_000, 8_000)
        return self._clock_ms

    def _tell_top(self, market: Market) -> None:
        book, instrument = market.venue.book, market.instrument
        bid, ask = (
            Level(price, lots * instrument.lot_atoms) for price, lots in (book.top(BUY), book.top(SELL))
        )
        self._send(
            Stream.MARKET,
            TopOfBook(ts_ns=0, symbol=instrument.symbol, seq=self._seq[instrument.symbol], bid=bid, ask=ask),
        )

    def _tell_bad_top(self, market: Market) -> None:
        bid, ask = market.venue.book.top(BUY)[0], market.venue.book.top(SELL)[0]
        if self.luck.random.random() < 0.5:
            bid, ask = bid * 10, ask * 10
        else:
            bid, ask = bid // 10, ask // 10
        symbol, atoms = market.instrument.symbol, market.instrument.lot_atoms
        self._seq[symbol] += 1
        top = TopOfBook(
            ts_ns=0, symbol=symbol, seq=self._seq[symbol], bid=Level(bid, atoms), ask=Level(ask, atoms)
        )
        self._send(Stream.MARKET, top)

    def _tell_trade(self, market: Market, seen: Trade) -> None:
        trade = PublicTrade(
            ts_ns=0,
            symbol=market.instrument.symbol,
            trade_id=seen.trade_id,
            price_ticks=seen.price_ticks,
            size_atoms=seen.size_lots * market.instrument.lot_atoms,
            aggressor=seen.taker_side,
        )
        self._send(Stream.MARKET, trade)
        if self.luck.hits("trade_twice"):
            self._send(Stream.MARKET, trade, late_ns=self.luck.between(1, 2_000))
