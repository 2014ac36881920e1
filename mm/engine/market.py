"""One symbol's market as the engine sees it: the book with own size taken out, the reference, the signals.

Own orders are part of the public book. Quoting on a book that contains them chases the own tail, so their
sizes are taken out first: those of every order not proven dead, and for a moment those of orders that just
ended, because the book's news come later than the news about orders.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.book import IN_SYNC, Book
from mm.domain.instrument import Instrument
from mm.domain.orders import Order
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_MS
from mm.engine.reference import Reference
from mm.signals.base import Signal, SignalSpec

GHOST_NS: Final = 250 * NS_PER_MS
"""How long an ended own order may still be displayed: two cycles of a 100 ms book and some way."""


class Market:
    """Book, reference price and signals of one symbol.

    Fields:
        own_bids, own_asks: own displayed sizes by price, base atoms.
        bid_ticks, ask_ticks: best prices without own size; 0 where a side is empty.
        mid_half_ticks: their sum; 0 while a side is empty, they cross, or the book is not in sync.
        heard_ns: local time of the last message that the book took in.
        venue_ms: the venue's time of the last change of the book, 0 before the first. stands: changes have
            come since whose time is the same: what they carry may be as old as that.
        next_trade_id: where the next listing of own fills starts, -1 before the first.
    """

    def __init__(self, instrument: Instrument, *, own_in_book: bool, reference_window_ns: int) -> None:
        """Start without a book."""
        self.instrument = instrument
        self.book = Book()
        self.reference = Reference(reference_window_ns)
        self.signals: list[tuple[SignalSpec, Signal]] = []
        self.own_bids: dict[int, int] = {}
        self.own_asks: dict[int, int] = {}
        self.bid_ticks = 0
        self.ask_ticks = 0
        self.mid_half_ticks = 0
        self.heard_ns = 0
        self.venue_ms = 0
        self.stands = False
        self.next_trade_id = -1
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
        return signal

    def keep_signals(self, specs: Iterable[SignalSpec]) -> None:
        """Forget the signals that are in none of `specs`."""
        wanted = list(specs)
        self.signals = [(spec, signal) for spec, signal in self.signals if spec in wanted]

    def is_outdated(self, ts_ns: int, version: int) -> bool:
        """Return whether own orders changed, or a ghost vanished, since the last refresh."""
        return version != self._own_version or bool(self._ghosts and self._ghosts[0][0] <= ts_ns)

    def refresh(self, ts_ns: int, version: int, live: Iterable[Order]) -> bool:
        """Bring best prices up to date; return whether the mid changed.

        Args: version: of the order table; live: its live orders.
        """
        if self.is_outdated(ts_ns, version):
            self._own_version = version
            if self._own_in_book:
                self._rebuild_own(ts_ns, live)
        book = self.book
        self.bid_ticks = bid = book.best_bid(self.own_bids)
        self.ask_ticks = ask = book.best_ask(self.own_asks)
        mid = bid + ask if 0 < bid < ask and book.status is IN_SYNC else 0
        if mid == self.mid_half_ticks:
            return False
        self.mid_half_ticks = mid
        if mid:
            for _, signal in self.signals:
                signal.on_mid(ts_ns, mid)
        return True

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
