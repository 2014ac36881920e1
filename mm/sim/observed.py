"""A book over a market that is only observed: displayed sizes and prints are all that fills own orders.

Own orders rest behind what is displayed at their price, in estimated queues, or in exact ones where single
orders are told (`fifo`), and are filled by what the market shows and never by more than it shows. It knows no
money and no time but the `ts_ns` given to it. Invariants: own fills of one print never exceed it; a displayed
level gives its size once, and to what rests its share once; what is in front of an order never grows; own
orders never trade with each other; the same inputs give the same fills.

What fills a resting order, always at its own price and as maker:
- a print at a better price for its taker than the order's (through it): up to the print's size;
- a print at the order's price: what is left of it after what is in front;
- the displayed opposite best strictly through its price (crossed): up to what is displayed there. No queue is
  asked then: whoever sells below our bid would have met it first. An opposite
  best *at* its price (locked) proves nothing: that quote may be post-only, so that with our order there it
  would not have come, and nobody was seen to trade; prints at the price still count. Nor does a book that is
  displayed crossed in itself, as it may be for a moment between two streams;
- of each of these at most a stated part, shared by all own orders: the rest is taken by those beside us.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import PPM
from mm.sim.book import BookListener
from mm.sim.causes import Causes, FillCause
from mm.sim.feed import MarketFeed
from mm.sim.fifo import FifoPlaces, OrderChange
from mm.sim.matches import prevent, trade
from mm.sim.orders import Order, OrderStatus, OrderType, StpMode, TimeInForce
from mm.sim.places import Place, Places, QueueSettings
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel
from mm.sim.route import Offer, Step, route

_LIMIT_MAKER: Final = OrderType.LIMIT_MAKER
_AT_MARKET: Final = OrderType.MARKET
_CANCELED: Final = OrderStatus.CANCELED
_GTC: Final = TimeInForce.GTC
_FOK: Final = TimeInForce.FOK
# As constants for the reason given in `sides.py`.

MARKET: Final = "market"
"""The owner of the other side of every fill; its orders have the id 0 and exist for one match."""

POWER_MAX: Final = 32.0
"""Largest exponent of the power models."""


class ObservedBook:
    """The own orders of one symbol in an observed market. Implements `Book`.

    Fields: queue: how queues are estimated. orders: what rests, by id, oldest first. causes: what filled own
    orders so far. update_id: always 0, as own orders are never displayed.
    is_open: whether the displayed market is to be believed; while it is not, nothing may be placed.
    """

    def __init__(  # noqa: PLR0913 - how a queue is estimated, and over what
        self,
        listener: BookListener,
        *,
        instrument: Instrument,
        fund: Callable[[Order], None],
        queue: QueueModel = QueueModel.RISK_AVERSE,
        power: float | None = None,
        participation_ppm: int = PPM,
    ) -> None:
        """Open without orders over a market of which nothing is known yet (`is_open` is False).

        Args:
            fund: called with the order of MARKET before each match: has to give it the funds and lock them
                (`World.fund`).
            queue, power: how a queue is estimated; the exponent of the power models, their customary one if
                None. participation_ppm: of `QueueSettings`.
        Raises: ValueError if `power` is not in 0 < power <= POWER_MAX or the model has none.
        """
        shape = _shape(queue, power, instrument)
        settings = QueueSettings(
            model=queue, shape=shape, lot_atoms=instrument.lot_atoms, participation_ppm=participation_ppm
        )
        self.queue = settings
        self._listener = listener
        self._fund = fund
        self._lot_atoms = instrument.lot_atoms
        self._fifo: dict[Side, FifoPlaces] = {}
        if queue is QueueModel.L3:
            self._fifo = {side: FifoPlaces(side, settings) for side in (BUY, SELL)}
        self._knows_orders = not self._fifo
        self._own: dict[Side, Places] = {BUY: Places(BUY, settings), SELL: Places(SELL, settings)}
        self._own.update(self._fifo)
        self._market = MarketFeed(self._own)
        self._places: dict[int, Place] = {}
        self.orders: dict[int, Order] = {}
        self.causes = Causes()
        self.update_id = 0
        self.trade_id = 0
        self.prevention_id = 0

    def look_through(self, feed: Callable[[dict[Side, Places]], MarketFeed]) -> None:
        """See the market through another feed, before anything was seen. Args: feed: makes it, given the own
        places that have to see what falls; it is told of the market here, or brought up to date elsewhere.
        """
        assert not self._places
        self._market = feed(self._own)

    @property
    def is_open(self) -> bool:
        """Whether orders may be placed: between a snapshot and a loss of what is displayed, and where queues
        are those of single orders, once all of these were told.
        """
        return self._market.is_believed and self._knows_orders

    @property
    def follows_orders(self) -> bool:
        """Whether single orders of the market have to be told (`on_orders`), each before the sizes that it
        changes.
        """
        return bool(self._fifo)

    def on_orders(self, changes: Sequence[OrderChange], *, whole: bool, again: bool = False) -> None:
        """See single orders of the market as they stand now; without a place where queues are estimated.

        Args: whole: these are all that there are. again: nothing has happened, they are only told once more:
        no news for whoever knows them.
        """
        if not self._fifo or (again and self._knows_orders):
            return
        if whole:
            self._knows_orders = True
            for side, own in self._fifo.items():
                own.replace([one for one in changes if one.side is side])
            return
        for order_id, side, price_ticks, size_atoms in changes:
            self._fifo[side].change(order_id, price_ticks, size_atoms)

    def on_snapshot(self, bids: Sequence[Level], asks: Sequence[Level], *, ts_ns: int, seq: int = 0) -> None:
        """See the whole displayed book; it is believed from now on.

        Args: bids, asks: in base atoms, own size not among them. seq: the venue's number of the last change
        in it, in one numbering with depth and tops; 0: unnumbered, the newest so far.
        """
        self._market.snapshot(bids, asks, seq=seq)
        self._fill_crossed(ts_ns)

    def on_depth(self, bids: Sequence[Level], asks: Sequence[Level], *, ts_ns: int, seq: int = 0) -> None:
        """See absolute sizes of levels (0: gone). Ignored while the book is not believed or if it is old."""
        if self._market.depth(bids, asks, ts_ns=ts_ns, seq=seq):
            self._fill_crossed(ts_ns)

    def on_top(self, bid: Level, ask: Level, *, ts_ns: int, seq: int = 0) -> None:
        """See the best bid and ask (price 0: that side is empty); what was better is gone.

        Depth messages with a smaller number that come later do not bring back what this one has changed.
        """
        if self._market.top(bid, ask, ts_ns=ts_ns, seq=seq):
            self._fill_crossed(ts_ns)

    def on_trade(self, price_ticks: int, size_atoms: int, aggressor: Side, ts_ns: int) -> None:
        """See a print, once each. It fills own orders whether what is displayed is believed or not."""
        side = aggressor.opposite
        seen = self._market.print(side, price_ticks, size_atoms, ts_ns)
        for place, lots in self._own[side].on_print(seen):
            is_at = place.order.price_ticks == price_ticks
            self.causes.add(FillCause.PRINT_AT_PRICE if is_at else FillCause.PRINT_THROUGH, lots)
            self._fill(place.order, lots, ts_ns)

    def lost(self) -> None:
        """Stop believing what is displayed until the next snapshot: until then only prints fill."""
        self._market.is_believed = False

    def displayed_top(self, side: Side) -> Level | None:
        """Return the best level that the market displays, believed or not; None if there is none."""
        levels = self._market.sides[side].levels(1)
        return levels[0] if levels else None

    def displayed(self, side: Side, limit: int) -> list[Level]:
        """Return up to `limit` levels that the market displays, best first; own size is never in them."""
        return self._market.sides[side].levels(limit)

    def ahead_atoms(self, order_id: int) -> int:
        """Return what is estimated to be in front of a resting order; raises KeyError if it does not rest."""
        return self._places[order_id].front_atoms

    def top(self, side: Side) -> tuple[int, int]:
        """Return (0, 0): own orders display nothing."""
        del side
        return (0, 0)

    def depth(self, side: Side, limit: int) -> list[tuple[int, int]]:
        """Return nothing: own orders display nothing."""
        del side, limit
        return []

    def best_ticks(self, side: Side) -> int | None:
        """Return the best displayed price with something left for a taker; None while it is not believed."""
        return next((price for price, _ in self._offers(side)), None)

    def would_take(self, side: Side, price_ticks: int) -> bool:
        """Return whether a limit order would meet the displayed book, or an own order, at once.

        What is displayed counts even where own orders have taken it. True while nothing is believed.
        """
        if not self._market.is_believed:
            return True
        for best in (self._own[side.opposite].best_ticks, self._market.sides[side.opposite].best_ticks):
            if best and (best - price_ticks) * side.sign <= 0:
                return True
        return False

    def lots_within(self, side: Side, limit_ticks: int) -> int:
        """Return the lots that a taker of `side` finds displayed at `limit_ticks` or better."""
        total = 0
        for price_ticks, lots in self._offers(side.opposite):
            if (price_ticks - limit_ticks) * side.sign > 0:
                break
            total += lots
        return total

    def takable(self, taker: Order) -> tuple[int, int]:
        """Return (lots, sum of lots x ticks) that `taker` would trade now, self-trade prevention included."""
        traded = [
            (step.lots, step.lots * step.price_ticks) for step in self._route(taker) if step.maker is None
        ]
        return sum(lots for lots, _ in traded), sum(lot_ticks for _, lot_ticks in traded)

    def place(self, order: Order, ts_ns: int) -> None:
        """Let `order` take what is displayed; its remainder rests or expires by its type and time in force.

        To place while the book is not open, or a LIMIT_MAKER that would take, is a bug of the caller.
        """
        assert self.is_open
        assert order.left_lots > 0
        if order.order_type is _LIMIT_MAKER:
            assert not self.would_take(order.side, order.price_ticks)
        elif order.time_in_force is not _FOK or self.takable(order)[0] == order.left_lots:
            self._take(order, ts_ns)
        if not order.is_open:
            return
        if order.order_type is _AT_MARKET or order.time_in_force is not _GTC:
            order.status = OrderStatus.EXPIRED
            order.updated_ns = ts_ns
            return
        self._rest(order, ts_ns)

    def cancel(self, order_id: int, ts_ns: int) -> Order:
        """Take a resting order out; raises KeyError if it does not rest here."""
        order = self.orders[order_id]
        self._remove(order)
        order.status = _CANCELED
        order.updated_ns = ts_ns
        return order

    def amend(self, order_id: int, size_lots: int, ts_ns: int) -> Order:
        """Make a resting order smaller where it stands; raises KeyError if it does not rest here.

        A size that is not smaller, or that leaves nothing to trade, is a bug of the caller.
        """
        order = self.orders[order_id]
        assert 0 < order.size_lots - size_lots < order.left_lots
        order.size_lots = size_lots
        order.updated_ns = ts_ns
        return order

    # Whole lots that the displayed levels of a side still offer, best first.
    def _offers(self, side: Side) -> Iterator[Offer]:
        if self._market.is_believed:
            for price_ticks, atoms in self._market.sides[side].offers():
                if atoms >= self._lot_atoms:
                    yield Offer(price_ticks, atoms // self._lot_atoms)

    def _route(self, taker: Order) -> list[Step]:
        side = taker.side.opposite
        return route(taker, self._offers(side), self._own[side], self._lot_atoms)

    def _take(self, taker: Order, ts_ns: int) -> None:
        for step in self._route(taker):
            if step.maker is None:
                self._market.sides[taker.side.opposite].take(step.price_ticks, step.lots * self._lot_atoms)
                maker = self._counterparty(taker, step.price_ticks, step.lots, ts_ns)
                self.causes.add(FillCause.TAKEN_AT_ONCE, step.lots)
                self._match(maker, taker, lots=step.lots, ts_ns=ts_ns)
            else:
                self._prevent(taker, step.maker, ts_ns)

    def _rest(self, order: Order, ts_ns: int) -> None:
        shown = self._market.sides[order.side]
        place = Place(
            order=order,
            front_atoms=shown.size_atoms(order.price_ticks),
            credit_atoms=shown.shown.at(order.price_ticks, ts_ns)[0],
            live_ns=ts_ns,
        )
        self._own[order.side].add(place)
        self._places[order.order_id] = place
        self.orders[order.order_id] = order

    def _remove(self, order: Order) -> None:
        self._own[order.side].remove(order)
        del self._places[order.order_id]
        del self.orders[order.order_id]

    # Each level gives its share of what it displays once, to the best own price first.
    def _fill_crossed(self, ts_ns: int) -> None:
        for side in (BUY, SELL):
            own, best = self._own[side], self._market.sides[side.opposite].best_ticks
            own_best = own.best_ticks
            if own_best is None or not best or (own_best - best) * side.sign <= 0:
                continue
            if self._market.is_crossed:
                return
            for place in list(own.until(best)):
                self._fill_through(place.order, ts_ns)

    def _fill_through(self, order: Order, ts_ns: int) -> None:
        shown, sign = self._market.sides[order.side.opposite], order.side.sign
        beyond = takewhile(lambda offer: (order.price_ticks - offer[0]) * sign > 0, shown.offers())
        for price_ticks, left_atoms in list(beyond):
            if not order.left_lots:
                return
            size_atoms = shown.size_atoms(price_ticks)
            lots = min(order.left_lots, self.queue.room_lots(size_atoms, size_atoms - left_atoms))
            if lots:
                shown.take(price_ticks, lots * self._lot_atoms)
                self.causes.add(FillCause.DISPLAYED_CROSS, lots)
                self._fill(order, lots, ts_ns)

    def _fill(self, order: Order, lots: int, ts_ns: int) -> None:
        taker = self._counterparty(order, order.price_ticks, lots, ts_ns)
        self._match(order, taker, lots=lots, ts_ns=ts_ns)
        if not order.left_lots:
            self._remove(order)

    def _counterparty(self, order: Order, price_ticks: int, lots: int, ts_ns: int) -> Order:
        other = Order(
            order_id=0,
            owner=MARKET,
            client_id="",
            side=order.side.opposite,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            stp_mode=StpMode.NONE,
            price_ticks=price_ticks,
            size_lots=lots,
            created_ns=ts_ns,
            updated_ns=ts_ns,
        )
        self._fund(other)
        return other

    def _match(self, maker: Order, taker: Order, *, lots: int, ts_ns: int) -> None:
        self.trade_id += 1
        self._listener.on_fill(trade(maker, taker, lots=lots, trade_id=self.trade_id, ts_ns=ts_ns))

    def _prevent(self, taker: Order, maker: Order, ts_ns: int) -> None:
        self.prevention_id += 1
        prevention = prevent(maker, taker, prevention_id=self.prevention_id, ts_ns=ts_ns)
        self._listener.on_prevention(prevention)
        if not maker.left_lots:
            self._remove(maker)


# The models differ in what their parameter is: an exponent, or the size that a logarithm counts as one.
def _shape(queue: QueueModel, power: float | None, instrument: Instrument) -> float:
    customary = CUSTOMARY_POWERS.get(queue)
    if customary is None:
        if power is not None:
            raise ValueError(
                f"power was {power}, expected none: the queue model {queue.name.lower()} has no exponent"
            )
        return 10.0**instrument.base_scale
    if power is None:
        return customary
    if not 0 < power <= POWER_MAX:
        raise ValueError(f"power was {power}, expected 0 < power <= {POWER_MAX}")
    return power
