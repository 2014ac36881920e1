"""One symbol on paper: our orders in estimated queues behind a market that is only watched.

Must never invent a market: what is displayed and what printed is all that can fill. Invariants: a print is
told to the book once; the events returned for one cause are in the order in which things happened.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mm.domain.commands import Place, TimeInForce
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    MarketEvent,
    PublicTrade,
    Source,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import ANEW, ORDERS, Row
from mm.domain.tuples import named
from mm.engine.glide import SeenTrade
from mm.sim.accounts import Accounts
from mm.sim.book import Book, BookListener
from mm.sim.causes import CauseCount, FillCause
from mm.sim.feed import MarketFeed
from mm.sim.fifo import changes_of
from mm.sim.observed import ObservedBook
from mm.sim.orders import CancelOrder, NewOrder, Order, Refusal
from mm.sim.places import Places, QueueSettings
from mm.sim.reports import BalanceReport, OrderReport, Trade
from mm.sim.touch import TouchModel
from mm.sim.world import CLIENT, World
from mm.venues.paper.outcomes import balance_events, order_event
from mm.venues.paper.records import Records
from mm.venues.paper.settings import PaperVenueSettings
from mm.venues.paper.truth import PaperBalance, PaperSymbol, PaperTruth, QueueEstimate

_STREAM: Final = Source.STREAM  # as a constant for the reason given in `sides.py`


class Told(NamedTuple):
    """What a request did. Fields: reports: of our orders; stream: what the user stream tells of it."""

    reports: list[OrderReport]
    stream: list[AnyEvent]


class PaperMarket:
    """One symbol.

    Fields: instrument: with our fees. records: what happened. touch: what fill-at-touch would have claimed;
    it hears of nothing where the settings do not compare. last_trade_id: of the last print that counted, -1
    before the first.
    """

    def __init__(self, instrument: Instrument, settings: PaperVenueSettings, accounts: Accounts) -> None:
        """Begin without orders over a market of which nothing is known yet; money is in `accounts`."""
        self.instrument = instrument
        self.records = Records()
        self.touch = TouchModel()
        self._followed: set[str] = set()
        self._settings = settings
        self.last_trade_id = -1
        self._world = World(
            instrument,
            market_size_max_lots=instrument.size_max_lots,
            make_book=self._open_book,
            accounts=accounts,
        )

    def _open_book(self, listener: BookListener) -> Book:
        assert isinstance(listener, World)
        self._book = ObservedBook(
            listener,
            instrument=self.instrument,
            fund=listener.fund,
            queue=self._settings.queue_model,
            power=self._settings.queue_power,
            participation_ppm=self._settings.participation_ppm,
        )
        return self._book

    # ---- the market

    def look_through(self, feed: Callable[[dict[Side, Places]], MarketFeed]) -> None:
        """See the market through another feed; see `ObservedBook.look_through`."""
        self._book.look_through(feed)

    @property
    def queue(self) -> QueueSettings:
        """How queues are estimated."""
        return self._book.queue

    @property
    def fills_by_cause(self) -> Mapping[FillCause, CauseCount]:
        """What filled our orders so far: every cause with its fills and lots, zeros too."""
        return self._book.causes.counts

    def glide(self, trades: Iterable[SeenTrade]) -> None:
        """Take in prints that were seen elsewhere and filled nothing of ours, in order."""
        average = self._world.average
        for _, ts_ns, price_ticks, size_atoms, _, _, trade_id in trades:
            if trade_id > self.last_trade_id and size_atoms:
                self.last_trade_id = trade_id
                average.add(price_ticks, size_atoms, ts_ns)

    def witness(self, event: MarketEvent, ts_ns: int) -> list[AnyEvent]:
        """See what the market does; return what it does to our orders."""
        book = self._book
        match event:
            case BookSnapshot():
                book.on_snapshot(event.bids, event.asks, ts_ns=ts_ns, seq=event.seq)
            case BookDelta():
                book.on_depth(event.bids, event.asks, ts_ns=ts_ns, seq=event.seq)
            case TopOfBook():
                book.on_top(event.bid, event.ask, ts_ns=ts_ns, seq=event.seq)
            case PublicTrade():
                self._on_trade(event, ts_ns)
            case BookLost():
                book.lost()
                if event.reason in ANEW:
                    self.last_trade_id = -1
        if self._settings.compares and not isinstance(event, PublicTrade | BookLost):
            self.touch.on_best(self._best_ticks(BUY), self._best_ticks(SELL))
        self._world.report_state(ts_ns)
        return self._told(ts_ns).stream

    def lost(self) -> None:
        """The market's stream ended: nothing displayed is to be believed until the next snapshot.

        Whoever is connected to next may number its prints in another way.
        """
        self.last_trade_id = -1
        self._book.lost()

    @property
    def follows_orders(self) -> bool:
        """Whether single orders of the market have to be told; see `ObservedBook.follows_orders`."""
        return self._book.follows_orders

    def on_orders(self, message: Sequence[Row]) -> None:
        """See single orders of the market: a message of `TapeKind.ORDER` or `TapeKind.ORDERS`."""
        whole, changes = changes_of(message)
        self._book.on_orders(changes, whole=whole, again=message[0][1] == ORDERS)

    # ---- our requests

    def place_sent(self, place: Place) -> None:
        """Hear that an order was sent. What is to take at once is not followed: it waits for nobody."""
        resting = place.time_in_force is TimeInForce.GTC and self._settings.compares
        if resting and place.cid not in self._followed:
            self._followed.add(place.cid)
            self.touch.placed(place.cid, place.side, price_ticks=place.price_ticks, size_lots=place.size_lots)

    def place_dropped(self, cid: str) -> None:
        """Hear that an order that was sent never came to the book."""
        self._end(cid)

    def cancel_sent(self, cid: str) -> None:
        """Hear that a cancellation was sent; it takes effect by `cancel`."""
        if cid in self._followed:
            self.touch.cancelled(cid)

    def place(self, new: NewOrder, ts_ns: int, *, heard_ns: int) -> Told | Refusal:
        """Place an order; return what became of it at once, or why it was refused.

        Args: heard_ns: when the user stream tells of it, if it has nothing else to tell later.
        """
        outcome = self._world.place(new, ts_ns)
        told = self._told(heard_ns)
        if isinstance(outcome, Refusal):
            if outcome is not Refusal.DUPLICATE:
                self._end(new.client_id)
            return outcome
        own = [report for report in told.reports if report.order.order_id == outcome.order_id]
        return named(Told, (own, told.stream))

    def cancel(self, cid: str, ts_ns: int, *, heard_ns: int) -> Told | None:
        """Cancel an order by its client id; None if no such order is open. Args: heard_ns: as of `place`."""
        order = self.records.find(cid)
        if order is None or not order.is_open:
            return None
        cancelled = self._world.cancel(CancelOrder(owner=CLIENT, order_id=order.order_id), ts_ns)
        assert not isinstance(cancelled, Refusal)
        return self._told(heard_ns)

    def open_orders(self) -> tuple[Order, ...]:
        """Return the open orders, oldest first. They are live: do not change them."""
        return self._world.open_orders(CLIENT)

    def estimates(self) -> tuple[QueueEstimate, ...]:
        """Return where each open order stands in its queue."""
        return tuple(
            QueueEstimate(
                cid=order.client_id,
                symbol=self.instrument.symbol,
                side=order.side.value,
                price_ticks=order.price_ticks,
                size_lots=order.size_lots,
                filled_lots=order.filled_lots,
                ahead_atoms=self._book.ahead_atoms(order.order_id),
            )
            for order in self.open_orders()
        )

    def truth(self, *, at_start: dict[str, PaperBalance], now: dict[str, PaperBalance]) -> PaperTruth:
        """Return what really happened; the balances are the account's."""
        return PaperTruth(
            client=CLIENT,
            instrument=PaperSymbol(self.instrument.symbol),
            counters=self.records.counters(open_orders=len(self.open_orders())),
            balances_at_start=at_start,
            balances=now,
            orders=self.records.orders(),
            tape=self.records.tape(),
        )

    def _on_trade(self, event: PublicTrade, ts_ns: int) -> None:
        # A frame that comes twice is one print, and one out of order is dropped: against us, never for us.
        if event.trade_id <= self.last_trade_id or not event.size_atoms:
            return
        self.last_trade_id = event.trade_id
        if self._settings.compares:
            self.touch.on_trade(event.price_ticks, event.aggressor)
        self._book.on_trade(event.price_ticks, event.size_atoms, event.aggressor, ts_ns)
        self._world.average.add(event.price_ticks, event.size_atoms, ts_ns)

    def _told(self, ts_ns: int) -> Told:
        reports: list[OrderReport] = []
        stream: list[AnyEvent] = []
        for fact in self._world.take_facts():
            if isinstance(fact, OrderReport):
                self.records.on_report(fact)
                reports.append(fact)
                self._compare(fact)
                event = order_event(self.instrument.symbol, fact, ts_ns=ts_ns, source=_STREAM)
                if event is not None:
                    stream.append(event)
            elif isinstance(fact, BalanceReport):
                stream.extend(balance_events(fact, ts_ns=ts_ns))
            elif isinstance(fact, Trade):
                self.records.on_trade(fact)
        return named(Told, (reports, stream))

    # Both models have seen the cause when the honest one's reports are taken.
    def _compare(self, report: OrderReport) -> None:
        cid = report.order.client_id
        if cid in self._followed:
            if report.match is not None:
                self.touch.honest(cid, report.match.size_lots)
            if not report.order.is_open:
                self._end(cid)

    def _end(self, cid: str) -> None:
        if cid in self._followed:
            self._followed.remove(cid)
            self.touch.ended(cid)

    def _best_ticks(self, side: Side) -> int:
        level = self._book.displayed_top(side)
        return level.price_ticks if level is not None else 0
