"""The plain kernel: one message at a time over the ordinary objects. What any other kernel is held to.

It is slow, so that it can be read: nothing is undone or kept twice, and what a print would fill is asked of
copies of the places. Must never fill an order or decide anything. Invariant: see `types.py`; it stops where
`Stop` says and nowhere else.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Final

from mm.domain.book import IN_SYNC, Book
from mm.domain.events import AnyEvent, BookDelta, PublicTrade, TopOfBook
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import KEYFRAME, ORDER, OTHER, SNAPSHOT, Chunk, Row, event_of, messages
from mm.engine.glide import SeenTop, SeenTrade
from mm.engine.market_events import is_far_off
from mm.kernel.types import KernelMarket, News, Stop, Watch
from mm.sim.feed import MarketFeed
from mm.sim.places import Places, Print

NOTHING: Final[Mapping[int, int]] = {}


class PlainKernel:
    """See `mm.kernel.types.AnyKernel`."""

    def __init__(self, markets: Sequence[KernelMarket]) -> None:
        """Begin without rows, with empty books."""
        self.now_ns = self.messages = 0
        self._markets = [_Plain(market) for market in markets]
        self._by_symbol = {market.spec.symbol: market for market in self._markets}
        self._rows: Iterator[list[Row]] = iter(())
        # The next message and its first row.
        self._message: list[Row] = []
        self._at = 0

    def book(self, market: int) -> Book:
        """Return what becomes the engine's book of a market."""
        return self._markets[market].book

    def feed(self, market: int, own: Mapping[Side, Places]) -> MarketFeed:
        """Return what becomes the venue's view of a market; its own orders are in the places `own`."""
        return self._markets[market].show(own)

    def load(self, chunk: Chunk) -> None:
        """Go on with the rows of `chunk`."""
        self._chunk = chunk
        self._rows = messages(chunk)
        self._at = 0
        self._message = next(self._rows, [])

    def advance(
        self, row: int, limit_ns: int, watches: Sequence[Watch], *, wants_keyframe: bool = False
    ) -> tuple[Stop, int]:
        """Apply messages from `row` on, the first of one; return why it ended, and the row of the next."""
        while self._at < row:
            self._skip()
        for known in self._markets:
            known.begin()
        while self._message:
            ts_ns, kind = self._message[0][:2]
            follows = kind >= ORDER and self._follows()
            if not follows and kind >= KEYFRAME and not (kind == KEYFRAME and wants_keyframe):
                self._pass()
                continue
            if ts_ns >= limit_ns:
                return Stop.DUE, self._at
            if kind in (SNAPSHOT, OTHER, KEYFRAME) or (follows and self._meets_own()):
                return Stop.BEFORE, self._at
            if follows:
                self._pass()
                continue
            market = self._by_symbol.get(self._chunk.symbols[self._message[0][2]])
            is_due = False
            if market is not None:
                event = event_of(self._chunk, self._message)
                if market.stops(event):
                    return Stop.BEFORE, self._at
                index = self._markets.index(market)
                told = [watch for watch in watches if watch.market == index]
                is_due = market.apply(event, self._at) and any(map(market.makes_due, told))
            self.now_ns = ts_ns
            self._pass()
            if is_due:
                return Stop.AFTER, self._at
        return Stop.END, self._at

    def news(self, market: int) -> News:
        """Return what happened to a market since the last call, and forget it."""
        return self._markets[market].news()

    # Whether single orders, which come next, are followed.
    def _follows(self) -> bool:
        market = self._by_symbol.get(self._chunk.symbols[self._message[0][2]])
        return market is not None and market.spec.follows_orders

    def _meets_own(self) -> bool:
        market = self._by_symbol[self._chunk.symbols[self._message[0][2]]]
        return not self._message[0][3] or any(market.rests(row[3], row[4]) for row in self._message)

    def _pass(self) -> None:
        self.messages += 1
        self._skip()

    def _skip(self) -> None:
        self._at += len(self._message)
        self._message = next(self._rows, [])


class _Plain:
    # One market.

    def __init__(self, spec: KernelMarket) -> None:
        self.spec = spec
        self.book = Book()
        self._feed: MarketFeed | None = None
        self._own: Mapping[Side, Places] = {}
        self._tops: list[SeenTop] = []
        self._trades: list[SeenTrade] = []
        self._heard_ns = self._venue_ms = self._mid = 0
        self._stands = False
        self._last_trade_id = -1
        self._top = (0, 0, 0, 0)

    def show(self, own: Mapping[Side, Places]) -> MarketFeed:
        self._own = own
        self._feed = MarketFeed(dict(own))
        return self._feed

    def begin(self) -> None:
        known, prints = self.spec.known, self.spec.prints
        self._heard_ns, self._venue_ms, self._stands = known.heard_ns, known.venue_ms, known.stands
        self._mid = known.mid_half_ticks
        self._last_trade_id = prints.last_trade_id if prints is not None else -1
        self._top = self._best()

    def news(self) -> News:
        told = News(self.spec.symbol, self._tops, self._trades, self._heard_ns, self._venue_ms, self._stands)
        self._tops, self._trades = [], []
        return told

    def makes_due(self, watch: Watch) -> bool:
        # Asked of a mid that has changed.
        mid, decided, threshold = self._mid, watch.decided_mid_half, watch.threshold_half
        return not mid or not decided or (threshold > 0 and abs(mid - decided) >= threshold)

    # ---- before a message

    def rests(self, sign: int, price_ticks: int) -> bool:
        return self._feed is not None and bool(self._own[BUY if sign > 0 else SELL].at(price_ticks))

    def stops(self, event: AnyEvent) -> bool:
        if isinstance(event, PublicTrade):
            return self._counts(event) and self._fills(event)
        assert isinstance(event, BookDelta | TopOfBook)
        if self.book.status is not IN_SYNC or (self._feed is not None and not self._feed.is_believed):
            return True
        if event.ts_ns - self._heard_ns >= self.spec.stale_ns:
            return True
        if isinstance(event, TopOfBook):
            if is_far_off(self.book, event):
                return True
            return self._may_cross(BUY, (event.ask,)) or self._may_cross(SELL, (event.bid,))
        if 0 < event.venue_ms == self._venue_ms and self.book.depth_ns < self._heard_ns:
            return True
        return self._may_cross(BUY, event.asks) or self._may_cross(SELL, event.bids)

    def _counts(self, event: PublicTrade) -> bool:
        return self._feed is not None and event.trade_id > self._last_trade_id and event.size_atoms > 0

    # Asked of copies of the places; what was displayed ages, and is not touched otherwise.
    def _fills(self, event: PublicTrade) -> bool:
        assert self._feed is not None
        side, size_atoms = event.aggressor.opposite, event.size_atoms
        if self.spec.follows_orders:
            return next(self._own[side].until(event.price_ticks), None) is not None
        shown = self._feed.sides[side].shown
        unprinted_atoms, shown_ns = shown.at(event.price_ticks, event.ts_ns)
        seen = Print(
            price_ticks=event.price_ticks,
            size_atoms=size_atoms,
            shown_atoms=min(unprinted_atoms, size_atoms),
            unprinted_atoms=unprinted_atoms,
            shown_ns=shown_ns,
        )
        return bool(deepcopy(self._own[side]).on_print(seen))

    # Whether an own order of `side` may be strictly through by the opposite levels of a message.
    def _may_cross(self, side: Side, levels: Sequence[tuple[int, int]]) -> bool:
        own_ticks = self._own[side].best_ticks if self._feed is not None else None
        if own_ticks is None or self._feed is None:
            return False
        displayed = self._feed.sides[side.opposite].best_ticks
        prices = [price for price, size in levels if size]
        if displayed:
            prices.append(displayed)
        return any((own_ticks - price) * side.sign > 0 for price in prices)

    # ---- a message

    def apply(self, event: AnyEvent, row: int) -> bool:
        # Returns whether the mid changed.
        book, now_ns = self.book, event.ts_ns
        match event:
            case BookDelta():
                known_seq = book.seq
                book.apply_delta(now_ns, event.seq, event.bids, event.asks)
                if book.seq != known_seq:
                    self._stands = event.venue_ms == self._venue_ms and event.venue_ms > 0
                    self._venue_ms = event.venue_ms
                if self._feed is not None:
                    self._feed.depth(event.bids, event.asks, ts_ns=now_ns, seq=event.seq)
            case TopOfBook():
                book.apply_top(now_ns, event.seq, event.bid, event.ask)
                if self._feed is not None:
                    self._feed.top(event.bid, event.ask, ts_ns=now_ns, seq=event.seq)
            case _:
                assert isinstance(event, PublicTrade)
                self._print(event, row)
        if not self._stands and not book.lags(now_ns, self.spec.stale_ns):
            self._heard_ns = book.updated_ns
        return self._look(now_ns, row)

    def _print(self, event: PublicTrade, row: int) -> None:
        price_ticks, size_atoms, sign = event.price_ticks, event.size_atoms, event.aggressor.sign
        self._trades.append((row, event.ts_ns, price_ticks, size_atoms, sign, event.venue_ms, event.trade_id))
        if self._counts(event) and self._feed is not None:
            self._last_trade_id = event.trade_id
            side = event.aggressor.opposite
            filled = self._own[side].on_print(self._feed.print(side, price_ticks, size_atoms, event.ts_ns))
            assert not filled

    def _look(self, now_ns: int, row: int) -> bool:
        before, top = self._top, self._best()
        bid, _, ask, _ = top
        mid = bid + ask if 0 < bid < ask and self.book.status is IN_SYNC else 0
        moved = mid != self._mid
        if moved or (bid, ask) != before[::2] or (top != before and self.spec.known.wants_tops):
            self._tops.append((row, now_ns, *top, mid))
        self._top, self._mid = top, mid
        return moved

    def _best(self) -> tuple[int, int, int, int]:
        bids, asks = self.book.bids(1, NOTHING), self.book.asks(1, NOTHING)
        return (*(bids[0] if bids else (0, 0)), *(asks[0] if asks else (0, 0)))
