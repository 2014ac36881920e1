"""A kernel with just enough around it: an engine's market, a venue's observed book, own orders.

What a kernel leaves to the objects is done here by the rules of `engine.market_events`, so that kernels can
be compared message by message without a whole backtest. Everything that happened is written down.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from mm.domain.book import IN_SYNC, Book
from mm.domain.events import BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.seen import Known
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import ORDER, ORDERS, Chunk, Row, event_of, messages, rows
from mm.domain.units import PPM
from mm.engine.glide import Glided
from mm.engine.market_events import is_far_off
from mm.kernel.types import AnyKernel, KernelMarket, Stop, Watch
from mm.sim.fifo import changes_of
from mm.sim.observed import ObservedBook
from mm.sim.orders import Order, OrderType
from mm.sim.places import QueueSettings
from mm.sim.queue import QueueModel
from tests.builders.observed import OWNER, Ear
from tests.builders.sim import make_order, make_pair

STALE_NS = 2_000_000_000

Make = Callable[[Sequence[KernelMarket]], AnyKernel]


def make_known(*, wants_tops: bool = False) -> Known:
    """Return what an engine knows beside a book of which it has not heard."""
    made = Known()
    made.wants_tops = wants_tops
    return made


@dataclass
class Prints:
    """What the venue knows of prints."""

    last_trade_id: int = -1


@dataclass
class Told:
    """Everything that happened. Fields: stops: (why, row); news: what was told after each."""

    stops: list[tuple[Stop, int]] = field(default_factory=list)
    news: list[object] = field(default_factory=list)


def told_of(news: Glided) -> tuple[object, ...]:
    """Return what news say, to be compared."""
    return (list(news.tops), list(news.trades), news.heard_ns, news.venue_ms, news.stands)


class Rig:
    """One market under a kernel."""

    def __init__(
        self,
        make: Make,
        model: QueueModel = QueueModel.RISK_AVERSE,
        *,
        tops: bool = False,
        participation_ppm: int = PPM,
    ) -> None:
        """Begin with nothing known.

        Args: make: makes the kernel; tops: sizes at the top are wanted; model, participation_ppm: as of
        `ObservedBook`.
        """
        self.known, self.prints, self.ear, self.told = make_known(wants_tops=tops), Prints(), Ear(), Told()
        pair = make_pair()
        self.observed = ObservedBook(
            self.ear, instrument=pair, fund=_fund, queue=model, participation_ppm=participation_ppm
        )
        settings = self.observed.queue
        assert isinstance(settings, QueueSettings)
        market = KernelMarket("BTC/USDT", STALE_NS, self.known, self.prints, settings)
        self.kernel = make((market,))
        self.book: Book = self.kernel.book(0)
        self.observed.look_through(lambda own: self.kernel.feed(0, own))
        self.lots = self.now_ns = self._order_id = 0
        self._lot_atoms = pair.lot_atoms

    # ---- the loop

    def run(
        self,
        chunk: Chunk,
        *,
        step_ns: int,
        threshold: int = 0,
        on_due: Callable[["Rig"], None] = lambda rig: None,
        end: int = 0,
    ) -> None:
        """Take a chunk through; `on_due` is asked every `step_ns` of its time, and after each AFTER."""
        self.kernel.load(chunk)
        row, decided = 0, self.known.mid_half_ticks
        limit_ns = self.now_ns + step_ns
        while row < (end or chunk.rows):
            if not limit_ns - step_ns:
                limit_ns = chunk.columns.ts_ns[0:1].tolist()[0] + step_ns
            begin = row
            stop, row = self.kernel.advance(row, limit_ns, (Watch(0, decided, threshold),))
            self._show_orders(chunk, begin, row)
            self._hear(stop, row)
            if stop is Stop.END:
                break
            if stop is Stop.BEFORE:
                row = self.by_objects(chunk, row)
                continue
            if stop is Stop.DUE:
                ts_ns = chunk.columns.ts_ns[row : row + 1].tolist()[0]
                limit_ns = ts_ns - ts_ns % step_ns + step_ns
            self.now_ns = max(self.now_ns, self.kernel.now_ns)
            decided = self.known.mid_half_ticks
            on_due(self)

    # Single orders that the kernel passed over.
    def _show_orders(self, chunk: Chunk, begin: int, end: int) -> None:
        for message in messages(chunk, begin, end):
            if message[0][1] == ORDER:
                self._see_orders(message)

    def _see_orders(self, message: list[Row]) -> None:
        whole, changes = changes_of(message)
        self.observed.on_orders(changes, whole=whole, again=message[0][1] == ORDERS)

    def _hear(self, stop: Stop, row: int) -> None:
        news = self.kernel.news(0)
        known = self.known
        known.heard_ns, known.venue_ms, known.stands = news.heard_ns, news.venue_ms, news.stands
        if news.tops:
            known.mid_half_ticks = news.tops[-1][6]
        for trade in news.trades:
            if trade[3] and trade[6] > self.prints.last_trade_id:
                self.prints.last_trade_id = trade[6]
        self.told.stops.append((stop, row))
        self.told.news.append(told_of(news))

    # ---- what a kernel leaves to the objects

    def by_objects(self, chunk: Chunk, row: int) -> int:
        """Take the message at a row through the objects; return the row of the next."""
        message: list[Row] = []
        while not message or not message[-1][8]:
            begin = row + len(message)
            message += rows(chunk, begin, min(begin + 16, chunk.rows))
            ends = [place for place, one in enumerate(message) if one[8]]
            del message[ends[0] + 1 if ends else len(message) :]
        if message[0][1] >= ORDER:
            self._see_orders(message)
            return row + len(message)
        event = event_of(chunk, message)
        book, known, now_ns = self.book, self.known, event.ts_ns
        self.now_ns = now_ns
        match event:
            case BookSnapshot():
                self.observed.on_snapshot(event.bids, event.asks, ts_ns=now_ns, seq=event.seq)
                book.apply_snapshot(now_ns, event.seq, event.bids, event.asks)
            case BookDelta():
                self.observed.on_depth(event.bids, event.asks, ts_ns=now_ns, seq=event.seq)
                seq, depth_ns = book.seq, book.depth_ns
                book.apply_delta(now_ns, event.seq, event.bids, event.asks)
                if book.seq != seq:
                    known.stands = event.venue_ms == known.venue_ms and event.venue_ms > 0
                    known.venue_ms = event.venue_ms
                    if known.stands:
                        known.heard_ns = min(known.heard_ns, depth_ns)
            case TopOfBook():
                self.observed.on_top(event.bid, event.ask, ts_ns=now_ns, seq=event.seq)
                if is_far_off(book, event):
                    book.lose()
                else:
                    book.apply_top(now_ns, event.seq, event.bid, event.ask)
            case PublicTrade():
                if event.trade_id > self.prints.last_trade_id and event.size_atoms:
                    self.prints.last_trade_id = event.trade_id
                    side = event.aggressor
                    self.observed.on_trade(event.price_ticks, event.size_atoms, side, now_ns)
            case BookLost():
                self.observed.lost()
                book.lose()
            case _:
                raise AssertionError(event)
        if not known.stands and not book.lags(now_ns, STALE_NS):
            known.heard_ns = book.updated_ns
        known.mid_half_ticks = mid_of(book)
        return row + len(message)

    # ---- own orders

    def place(self, side: Side, price_ticks: int, lots: int) -> bool:
        """Let an order rest if it would take nothing; return whether it does."""
        if not self.observed.is_open or self.observed.would_take(side, price_ticks):
            return False
        self._order_id += 1
        order = make_order(
            order_id=self._order_id,
            owner=OWNER,
            side=side,
            price_ticks=price_ticks,
            size_lots=lots,
            order_type=OrderType.LIMIT_MAKER,
        )
        order.created_ns = order.updated_ns = self.now_ns
        self.observed.place(order, self.now_ns)
        return True

    def take(self, side: Side, lots: int) -> None:
        """Let a market order take what is displayed."""
        if self.observed.is_open:
            self._order_id += 1
            order = make_order(
                order_id=self._order_id,
                owner=OWNER,
                side=side,
                price_ticks=0,
                size_lots=lots,
                order_type=OrderType.MARKET,
            )
            self.observed.place(order, self.now_ns)

    def cancel_all(self) -> None:
        """Take every order out."""
        for order_id in list(self.observed.orders):
            self.observed.cancel(order_id, self.now_ns)

    def requote(self, lots: int = 2) -> None:
        """Quote at the touch, both sides, where it is not done already."""
        bid, ask = self.book.bid_ticks, self.book.ask_ticks
        wanted = {(BUY, bid), (SELL, ask)} if 0 < bid < ask else set()
        for order in list(self.observed.orders.values()):
            if (order.side, order.price_ticks) in wanted:
                wanted.remove((order.side, order.price_ticks))
            else:
                self.observed.cancel(order.order_id, self.now_ns)
        for side, price in sorted(wanted):
            self.place(side, price, lots)

    # ---- what it is like

    def places(self) -> list[tuple[int, int, int, int]]:
        """Return own orders with what is in front of each: id, price, front, lots left."""
        ahead = self.observed.ahead_atoms
        return [
            (one.order_id, one.price_ticks, ahead(one.order_id), one.left_lots)
            for one in self.observed.orders.values()
        ]

    def view(self, count: int = 20) -> tuple[object, ...]:
        """Return all that can be asked."""
        book, observed = self.book, self.observed
        return (
            (book.status, book.seq, book.updated_ns, book.crossed_since_ns, book.is_crossed),
            (book.bid_ticks, book.ask_ticks, book.mid_half_ticks),
            (book.bids(count, {}), book.asks(count, {})),
            (observed.displayed(BUY, count), observed.displayed(SELL, count), observed.is_open),
            ([*observed._offers(BUY)], [*observed._offers(SELL)]),
            self.places(),
            list(self.ear.fills),
            ({**vars(self.known)}, self.prints),
        )

    def touch(self) -> tuple[object, ...]:
        """Return the top and where own orders stand."""
        book = self.book
        return (self.now_ns, book.bids(1, {}), book.asks(1, {}), book.crossed_since_ns, self.places())

    def digest(self) -> str:
        """Return a short hash of `view` and of what was told since the last call."""
        told = repr((self.told.stops, self.told.news, self.view()))
        self.told = Told()
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def quoter(seed: int) -> tuple[Callable[[Rig], None], list[object]]:
    """Return what quotes at random whenever it is asked, and the list of what it saw."""
    random, seen = Random(seed), list[object]()

    def on_due(rig: Rig) -> None:
        seen.append((len(rig.told.stops), rig.view(30)))
        if random.random() < 0.3:
            rig.cancel_all()
        for _ in range(random.randint(0, 3)):
            side = random.choice((BUY, SELL))
            best = rig.book.bid_ticks if side is BUY else rig.book.ask_ticks
            rig.place(side, best + random.randint(-2, 2) * side.sign, random.choice((1, 5, 20)))
        if random.random() < 0.05:
            rig.take(random.choice((BUY, SELL)), random.choice((1, 30)))

    return on_due, seen


def _fund(order: Order) -> None:
    del order


def watch_two(make: Make, chunk: Chunk, *, step_ns: int) -> list[object]:
    """Take a tape of several markets through a kernel that nobody trades on; return all that it told.

    What it leaves to the objects is applied to the books alone.
    """
    knowns = [make_known(wants_tops=index == 1) for index in range(len(chunk.symbols))]
    markets = [
        KernelMarket(symbol, STALE_NS, known) for symbol, known in zip(chunk.symbols, knowns, strict=True)
    ]
    kernel, told, row = make(markets), list[object](), 0
    books = [kernel.book(index) for index in range(len(markets))]
    limit_ns = chunk.columns.ts_ns[0:1].tolist()[0]
    kernel.load(chunk)
    while row < chunk.rows:
        watches = [Watch(index, known.mid_half_ticks, 2) for index, known in enumerate(knowns)]
        stop, row = kernel.advance(row, limit_ns, watches)
        for index, known in enumerate(knowns):
            news = kernel.news(index)
            known.heard_ns, known.venue_ms, known.stands = news.heard_ns, news.venue_ms, news.stands
            known.mid_half_ticks = news.tops[-1][6] if news.tops else known.mid_half_ticks
            told.append((stop, row, told_of(news), books[index].bids(50, {}), books[index].asks(50, {})))
        if stop is Stop.DUE:
            limit_ns += step_ns
        elif stop is Stop.BEFORE:
            message = next(messages(chunk, row))
            event = event_of(chunk, message)
            row += len(message)
            for book, known, symbol in zip(books, knowns, chunk.symbols, strict=True):
                if isinstance(event, BookLost):
                    book.lose()
                elif isinstance(event, BookSnapshot):
                    # Of both, so that both have one.
                    book.apply_snapshot(event.ts_ns, event.seq, event.bids, event.asks)
                elif isinstance(event, BookDelta) and event.symbol == symbol:
                    book.apply_delta(event.ts_ns, event.seq, event.bids, event.asks)
                known.heard_ns = book.updated_ns
                known.mid_half_ticks = mid_of(book)
    return told


def mid_of(book: Book) -> int:
    """Return the mid that an engine would have of a book."""
    bid, ask = book.best_bid({}), book.best_ask({})
    return bid + ask if 0 < bid < ask and book.status is IN_SYNC else 0
