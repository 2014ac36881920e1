"""What is really so at the fake venue: orders, fills, holdings, the market around them. The oracle.

An own book-keeping, written without a look at the engine's: one list of orders, one list of fills, matching
by price against an outside market that the simulation moves. No delays and no faults here; see
`engine_wire.py`. Invariant: holdings are what the fills made of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from mm.domain.book import Level
from mm.domain.commands import Place
from mm.domain.instrument import Instrument
from mm.domain.sides import Side

DEPTH: Final = 6
"""Outside levels per side."""

FEE_PPM: Final = 200

MANUAL: Final = "manual"
"""How the ids of orders begin that a person placed by hand."""


@dataclass(slots=True, kw_only=True, eq=False)
class TrueOrder:
    """An order as the venue has it. Fields: left_lots: unfilled; opened_ns, closed_ns: 0 = not yet."""

    cid: str
    venue_order_id: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    left_lots: int
    opened_ns: int
    closed_ns: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it rests on the book."""
        return not self.closed_ns

    @property
    def cum_lots(self) -> int:
        """What was filled."""
        return self.size_lots - self.left_lots


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFill:
    """An execution as the venue has it."""

    symbol: str
    trade_id: int
    cid: str
    side: Side
    price_ticks: int
    size_lots: int
    fee_atoms: int
    maker: bool
    filled_ns: int


@dataclass(slots=True, kw_only=True)
class Outside:
    """The market around us on a symbol. Fields: bid_ticks, ask_ticks: best outside ones; lots: per level."""

    instrument: Instrument
    bid_ticks: int
    ask_ticks: int
    lots: int = 50
    next_trade_id: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """How a placement went. Fields: kind: open, done (took what it could), rejected, duplicate."""

    kind: str
    order: TrueOrder | None = None
    fills: tuple[TrueFill, ...] = ()
    crossed: bool = False
    funds: bool = False


@dataclass(slots=True)
class Truth:
    """One account at the venue.

    Fields: orders: every order that ever arrived, by cid; fills: every execution of ours; holdings: atoms per
    asset; self_trades: how often our own orders would have met; new_fills: those since they were last taken;
    live: the open ones among the orders.
    """

    markets: dict[str, Outside]
    holdings: dict[str, int]
    orders: dict[str, TrueOrder] = field(default_factory=dict)
    fills: list[TrueFill] = field(default_factory=list)
    new_fills: list[TrueFill] = field(default_factory=list)
    self_trades: int = 0
    live: dict[str, TrueOrder] = field(default_factory=dict)

    # ---- requests

    def place(self, now_ns: int, place: Place) -> Answer:
        """Take a placement in."""
        if place.cid in self.orders:
            return Answer("duplicate", self.orders[place.cid])
        if not self._affordable(place):
            return Answer("rejected", funds=True)
        outside = self.markets[place.symbol]
        against = outside.ask_ticks if place.side is Side.BUY else outside.bid_ticks
        crosses_outside = (place.price_ticks - against) * place.side.sign >= 0
        for own in self.open_orders(place.symbol):
            if own.side is not place.side and (place.price_ticks - own.price_ticks) * place.side.sign >= 0:
                # A person's order of the same account is out of our hands; the venue refuses ours against it.
                self.self_trades += not own.cid.startswith(MANUAL)
                return Answer("rejected", crossed=True)
        if place.post_only and crosses_outside:
            return Answer("rejected", crossed=True)
        order = TrueOrder(
            cid=place.cid,
            venue_order_id=str(len(self.orders) + 1),
            symbol=place.symbol,
            side=place.side,
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            left_lots=place.size_lots,
            opened_ns=now_ns,
        )
        self.orders[place.cid] = self.live[place.cid] = order
        if place.post_only:
            return Answer("open", order)
        taken = min(order.left_lots, outside.lots) if crosses_outside else 0
        fills = (self._fill(order, taken, against, now_ns, maker=False),) if taken else ()
        self._close(order, now_ns)
        return Answer("done", order, fills)

    def cancel(self, now_ns: int, cid: str) -> TrueOrder | None:
        """Cancel an open order; None if there is no such one."""
        order = self.live.get(cid)
        if order is not None:
            self._close(order, now_ns)
        return order

    # ---- the market

    def move(self, now_ns: int, symbol: str, bid_ticks: int, ask_ticks: int) -> None:
        """Move the outside market; whatever of ours it runs over is filled."""
        outside = self.markets[symbol]
        outside.bid_ticks, outside.ask_ticks = bid_ticks, ask_ticks
        for order in list(self.open_orders(symbol)):
            against = ask_ticks if order.side is Side.BUY else bid_ticks
            if (order.price_ticks - against) * order.side.sign >= 0:
                self._fill(order, order.left_lots, order.price_ticks, now_ns)

    def take(self, now_ns: int, symbol: str, aggressor: Side, lots: int, random: Random) -> int:
        """Let a stranger take up to `lots`; ours are hit when they are best. Returns the price he got."""
        outside = self.markets[symbol]
        best = outside.bid_ticks if aggressor is Side.SELL else outside.ask_ticks
        mine = [order for order in self.open_orders(symbol) if order.side is not aggressor]
        mine.sort(key=lambda order: -order.side.sign * order.price_ticks)
        for order in mine:
            ahead = (order.price_ticks - best) * order.side.sign
            if ahead > 0 or (ahead == 0 and random.random() < 0.5):
                size = min(lots, order.left_lots)
                self._fill(order, size, order.price_ticks, now_ns)
                lots -= size
                best = order.price_ticks
            if lots <= 0:
                break
        outside.next_trade_id += 1
        return best

    # ---- looking

    def open_orders(self, symbol: str) -> Iterator[TrueOrder]:
        """Yield the open orders of a symbol, oldest first."""
        return (order for order in self.live.values() if order.symbol == symbol)

    def listed(self, symbol: str, at_ns: int) -> list[TrueOrder]:
        """Return the orders of a symbol that were open at `at_ns`."""
        return [
            order
            for order in self.orders.values()
            if order.symbol == symbol
            and order.opened_ns <= at_ns
            and (order.is_open or order.closed_ns > at_ns)
        ]

    def locked(self, asset: str) -> int:
        """Return what open orders lock of an asset, atoms."""
        total = 0
        for order in self.live.values():
            instrument = self.markets[order.symbol].instrument
            if order.side is Side.BUY and instrument.quote == asset:
                total += instrument.notional_atoms(order.price_ticks, order.left_lots)
            elif order.side is Side.SELL and instrument.base == asset:
                total += order.left_lots * instrument.lot_atoms
        return total

    def public(self, symbol: str) -> tuple[dict[int, int], dict[int, int]]:
        """Return the displayed book: sizes in base atoms by price, bids and asks, ours among them."""
        outside = self.markets[symbol]
        lot = outside.instrument.lot_atoms
        bids = {
            outside.bid_ticks - i: (outside.lots + (outside.bid_ticks - i) % 7) * lot for i in range(DEPTH)
        }
        asks = {
            outside.ask_ticks + i: (outside.lots + (outside.ask_ticks + i) % 7) * lot for i in range(DEPTH)
        }
        for order in self.open_orders(symbol):
            side = bids if order.side is Side.BUY else asks
            side[order.price_ticks] = side.get(order.price_ticks, 0) + order.left_lots * lot
        return bids, asks

    def take_new_fills(self) -> list[TrueFill]:
        """Return the fills since this was last asked."""
        fills, self.new_fills = self.new_fills, []
        return fills

    # ---- inside

    def _close(self, order: TrueOrder, now_ns: int) -> None:
        if self.live.pop(order.cid, None) is not None:
            order.closed_ns = now_ns

    def _affordable(self, place: Place) -> bool:
        instrument = self.markets[place.symbol].instrument
        if place.side is Side.BUY:
            free = self.holdings[instrument.quote] - self.locked(instrument.quote)
            return free >= instrument.notional_atoms(place.price_ticks, place.size_lots)
        free = self.holdings[instrument.base] - self.locked(instrument.base)
        return free >= place.size_lots * instrument.lot_atoms

    def _fill(
        self, order: TrueOrder, lots: int, price_ticks: int, now_ns: int, *, maker: bool = True
    ) -> TrueFill:
        outside = self.markets[order.symbol]
        instrument = outside.instrument
        value = instrument.notional_atoms(price_ticks, lots)
        fee = value * FEE_PPM // 1_000_000
        order.left_lots -= lots
        if not order.left_lots:
            self._close(order, now_ns)
        self.holdings[instrument.base] += order.side.sign * lots * instrument.lot_atoms
        self.holdings[instrument.quote] -= order.side.sign * value + fee
        fill = TrueFill(
            symbol=order.symbol,
            trade_id=outside.next_trade_id,
            cid=order.cid,
            side=order.side,
            price_ticks=price_ticks,
            size_lots=lots,
            fee_atoms=fee,
            maker=maker,
            filled_ns=now_ns,
        )
        outside.next_trade_id += 1
        self.fills.append(fill)
        self.new_fills.append(fill)
        return fill


def levels(sizes: dict[int, int], *, best_first_sign: int) -> tuple[Level, ...]:
    """Return a displayed side as levels, best first; sign +1 for asks, -1 for bids."""
    return tuple(Level(price, sizes[price]) for price in sorted(sizes, key=lambda p: best_first_sign * p))
