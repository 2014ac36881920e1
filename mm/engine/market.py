"""One symbol's market as the engine sees it: the book with own size taken out, the reference, the signals.

Own orders are part of the public book. Quoting on a book that contains them chases the own tail, so their
sizes are taken out first: those of every order not proven dead, and for a moment those of orders that just
ended, because the book's news come later than the news about orders.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from mm.domain.book import IN_SYNC, Book
from mm.domain.instrument import Instrument
from mm.domain.orders import Order
from mm.domain.seen import Known, SeenTop
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_MS
from mm.domain.watched import split_name
from mm.engine.hooks import Hooks, tell_mid, tell_own_quotes, tell_top
from mm.engine.reference import Reference
from mm.signals.base import Signal, SignalSpec

GHOST_NS: Final = 250 * NS_PER_MS
"""How long an ended own order may still be displayed: two cycles of a 100 ms book and some way."""

Top: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Best bid and best ask, each its price in ticks and its size in base atoms."""


class Market(Known):
    """Book, reference price and signals of one symbol.

    Fields:
        own_bids, own_asks: own displayed sizes by price, base atoms.
        bid_ticks, ask_ticks: best prices without own size; 0 where a side is empty.
        mid_half_ticks: their sum; 0 while a side is empty, they cross, or the book is not in sync.
        last_trade_ticks: price of the last public trade, 0 before the first.
        heard_ns: local time of the last message that the book took in, and that was news.
        venue_ms: the venue's time of the last change of the book, 0 before the first. stands: changes have
            come since whose time is the same: what they carry may be as old as that.
        next_trade_id: where the next listing of own fills starts, -1 before the first.
        sync_attempts, sync_asked_ns, sync_due_ns: of the book: how often it was asked for without holding,
            when last, when next. synced_ns: when it came in sync.
        venue: the name in the config of one that is only watched, "" for the one traded on. watchers: who
            watches it: (index of the session, which of its watches).
        hooks: what its signals want to be told. wants_tops: see `Known`.
        left_ns: when signals of an earlier life that go on here had last heard of the book, 0 = there are
            none.
    """

    def __init__(self, instrument: Instrument, *, own_in_book: bool, reference_window_ns: int) -> None:
        """Start without a book."""
        super().__init__()
        self.instrument = instrument
        self.book = Book()
        self.reference = Reference(reference_window_ns)
        self.signals: list[tuple[SignalSpec, Signal]] = []
        self.hooks = Hooks(())
        self.left_ns = 0
        self.own_bids: dict[int, int] = {}
        self.own_asks: dict[int, int] = {}
        self.bid_ticks = 0
        self.ask_ticks = 0
        self.last_trade_ticks = 0
        self.next_trade_id = -1
        self.sync_attempts = 0
        self.sync_asked_ns = 0
        self.sync_due_ns = 0
        self.synced_ns = 0
        self.venue = split_name(instrument.symbol)[0]
        self.watchers: tuple[tuple[int, int], ...] = ()
        self._top: Top | None = None  # that signals were last told
        self._own_in_book = own_in_book
        self._own_version = -1
        self._live_bids: dict[int, int] = {}
        self._live_asks: dict[int, int] = {}
        # Own sizes that ended: (forget at, side, price, atoms), in order of time.
        self._ghosts: list[tuple[int, Side, int, int]] = []

    def signal(self, spec: SignalSpec) -> Signal:
        """Return the signal of `spec`, started on first use; equal specs share one."""
        for known, signal in self.signals:
            if known == spec:
                return signal
        signal = spec.start()
        self.signals.append((spec, signal))
        self._listen()
        return signal

    def keep_signals(self, specs: Iterable[SignalSpec]) -> None:
        """Forget the signals that are in none of `specs`."""
        wanted = list(specs)
        self.signals = [(spec, signal) for spec, signal in self.signals if spec in wanted]
        self._listen()

    def _listen(self) -> None:
        self.hooks = Hooks(signal for _, signal in self.signals)
        self.wants_tops = bool(self.hooks.on_top)
        self._top = None

    def owes(self, ts_ns: int, version: int) -> bool:
        """Return whether signals have to be told something with the next message, whatever that is.

        Args: version: of the order table.
        """
        if self.hooks.on_top and self._top is None and self.mid_half_ticks:
            return True
        return bool(self.hooks.on_own_quotes) and self.is_outdated(ts_ns, version)

    def is_outdated(self, ts_ns: int, version: int) -> bool:
        """Return whether own orders changed, or a ghost vanished, since the last refresh."""
        return version != self._own_version or bool(self._ghosts and self._ghosts[0][0] <= ts_ns)

    def refresh(self, ts_ns: int, version: int, live: Iterable[Order]) -> bool:
        """Bring best prices up to date; return whether the mid changed.

        Args: version: of the order table; live: its live orders.
        """
        if self.is_outdated(ts_ns, version):
            is_changed = version != self._own_version
            self._own_version = version
            if self._own_in_book:
                self._rebuild_own(ts_ns, live)
            if is_changed and self.hooks.on_own_quotes:
                tell_own_quotes(self.hooks, ts_ns, self.instrument.symbol, live)
        book = self.book
        self.bid_ticks = bid = book.best_bid(self.own_bids)
        self.ask_ticks = ask = book.best_ask(self.own_asks)
        mid = bid + ask if 0 < bid < ask and book.status is IN_SYNC else 0
        moved = mid != self.mid_half_ticks
        if moved:
            self._move(ts_ns, mid)
        if self.hooks.on_top:
            if mid:
                self._tell_top(ts_ns, (book.bids(1, self.own_bids)[0], book.asks(1, self.own_asks)[0]))
            else:
                self._top = None
        return moved

    def see(self, top: SeenTop) -> None:
        """Take in what a refresh found after an earlier message that changed the mid."""
        _, ts_ns, bid_ticks, bid_atoms, ask_ticks, ask_atoms, mid = top
        self.bid_ticks, self.ask_ticks = bid_ticks, ask_ticks
        self._move(ts_ns, mid)
        if self.hooks.on_top:
            if mid:
                self._tell_top(ts_ns, ((bid_ticks, bid_atoms), (ask_ticks, ask_atoms)))
            else:
                self._top = None

    def see_sizes(self, tops: Sequence[SeenTop]) -> None:
        """Take in what refreshes found after earlier messages that left the mid as it was."""
        _, _, bid_ticks, bid_atoms, ask_ticks, ask_atoms, mid = tops[-1]
        self.bid_ticks, self.ask_ticks = bid_ticks, ask_ticks
        if self.hooks.on_top and mid:
            first = tops[0]
            if self._top == ((first[2], first[3]), (first[4], first[5])):
                tops = tops[1:]
            self._top = ((bid_ticks, bid_atoms), (ask_ticks, ask_atoms))
            if tops:
                for on_tops in self.hooks.on_tops:
                    on_tops(tops)

    def _move(self, ts_ns: int, mid_half_ticks: int) -> None:
        self.mid_half_ticks = mid_half_ticks
        if self.signals:
            tell_mid(self.hooks, ts_ns, mid_half_ticks)

    def _tell_top(self, ts_ns: int, top: Top) -> None:
        if top != self._top:
            self._top = top
            tell_top(self.hooks, ts_ns, *top)

    def _rebuild_own(self, ts_ns: int, live: Iterable[Order]) -> None:
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        symbol, lot_atoms = self.instrument.symbol, self.instrument.lot_atoms
        for order in live:
            if order.symbol == symbol:
                own = bids if order.side is BUY else asks
                own[order.price_ticks] = own.get(order.price_ticks, 0) + order.left_lots * lot_atoms
        self._ghosts = [ghost for ghost in self._ghosts if ghost[0] > ts_ns]
        self._haunt(ts_ns, BUY, self._live_bids, bids)
        self._haunt(ts_ns, SELL, self._live_asks, asks)
        self._live_bids, self._live_asks = bids, asks
        self.own_bids, self.own_asks = bids, asks
        if self._ghosts:
            self.own_bids, self.own_asks = dict(bids), dict(asks)
            for _, side, price, atoms in self._ghosts:
                own = self.own_bids if side is BUY else self.own_asks
                own[price] = own.get(price, 0) + atoms

    def _haunt(self, ts_ns: int, side: Side, before: dict[int, int], after: dict[int, int]) -> None:
        for price, atoms in before.items():
            gone = atoms - after.get(price, 0)
            if gone > 0:
                self._ghosts.append((ts_ns + GHOST_NS, side, price, gone))
