"""What is really so at the simulated venue: orders, fills, holdings, the market around them. The oracle.

The exchange itself is that of `mm/sim`: books, accounts, clearing, filters, prevention of self-trades. This
is one account's view of it, kept from the exchange's own facts, without a look at the engine's books. No
delays and no faults here; see `wire.py`. Invariant: an asset's total over all owners changes by what came in
or went out alone, see `conserves`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mm.domain.commands import Place
from mm.domain.commands import TimeInForce as Life
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.sim.accounts import Accounts
from mm.sim.orders import (
    CancelOrder,
    Execution,
    NewOrder,
    Order,
    OrderType,
    Refusal,
    StpMode,
    TimeInForce,
)
from mm.sim.reports import BalanceReport, LevelChange, OrderReport, Prevented, Trade
from mm.sim.world import CLIENT, World

MAKERS: Final = "makers"
MANUAL: Final = "manual"
"""How the ids of orders begin that a person placed by hand."""

BANK: Final = "bank"
"""Who holds what was withdrawn."""


@dataclass(slots=True, kw_only=True, eq=False)
class TrueOrder:
    """An order as the venue has it.

    Fields: left_lots: unfilled, below 0 after an overfill; opened_ns, closed_ns: 0 = not yet; order_id: of
    the exchange; prevented: it ended because it would have met another order of the account.
    """

    cid: str
    venue_order_id: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    left_lots: int
    opened_ns: int
    order_id: int
    closed_ns: int = 0
    prevented: bool = False

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
    fee_asset: str
    maker: bool
    filled_ns: int


@dataclass(frozen=True, slots=True)
class News:
    """One step in the life of an order of the account. Fields: fill: only with TRADE; cum_lots: after it."""

    what: Execution
    order: TrueOrder
    cum_lots: int
    fill: TrueFill | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a placement went. Fields: kind: open, done (took what it could), rejected, duplicate."""

    kind: str
    order: TrueOrder | None = None
    fills: tuple[TrueFill, ...] = ()
    refusal: str = ""

    @property
    def crossed(self) -> bool:
        """Whether it was refused because it had to rest and would have taken."""
        return self.refusal == Refusal.WOULD_TAKE

    @property
    def funds(self) -> bool:
        """Whether it was refused because the balance did not suffice."""
        return self.refusal == Refusal.INSUFFICIENT_BALANCE


class _Exchange(World):
    # Makers quote within every filter and never run out of funds: what they would be refused for is not
    # looked for, which spares a tenth of a run.
    def check(self, new: NewOrder, ts_ns: int) -> Refusal | None:
        return None if new.owner == MAKERS else super().check(new, ts_ns)


class Market:
    """One symbol of the venue.

    Fields: instrument; venue: the exchange; changed: lots per (side, price) since the book was last told;
    fills: of the account, in order; trades: how many there were; prints: those since they were last told;
    by_id: orders of the account by the exchange's number.
    """

    def __init__(self, instrument: Instrument, accounts: Accounts) -> None:
        """Open an empty book."""
        self.instrument = instrument
        self.venue = _Exchange(instrument, market_size_max_lots=instrument.size_max_lots, accounts=accounts)
        self.changed: dict[tuple[Side, int], int] = {}
        self.fills: list[TrueFill] = []
        self.orders: list[TrueOrder] = []
        self.prints: list[Trade] = []
        self.trades = 0
        self.by_id: dict[int, TrueOrder] = {}


class Truth:
    """One account at the venue.

    Fields: markets: by symbol; orders: every order of the account that ever arrived, by id; live: the open
    ones among them; fills: every execution; holdings: atoms per asset, free and locked; beside: how many
    atoms of each asset moved by anything but the price and size of own executions: fees, deposits,
    withdrawals, a person's trades; flows: of them the deposits and withdrawals; self_trades: how often orders
    of ours met or would have; prevented: those that the venue prevented, a person's orders included.
    intruders: ids of orders that another process placed with our mark: what they trade is beside, too.
    version: changes whenever anything about the account does.
    """

    def __init__(self, instruments: Sequence[Instrument], holdings: dict[str, int]) -> None:
        """Open the books, and an account with `holdings`."""
        self.accounts = Accounts()
        self.markets = {each.symbol: Market(each, self.accounts) for each in instruments}
        self.holdings = dict(holdings)
        self.beside = dict.fromkeys(holdings, 0)
        self.flows = dict.fromkeys(holdings, 0)
        self.orders: dict[str, TrueOrder] = {}
        self.live: dict[str, TrueOrder] = {}
        self.fills: list[TrueFill] = []
        self.self_trades = 0
        self.prevented = 0
        self.intruders: set[str] = set()
        self.version = 0
        self._news: list[News] = []
        self._created = dict.fromkeys(holdings, 0)
        self._alias = ""
        for asset, atoms in holdings.items():
            self.deposit(CLIENT, asset, atoms)
        self.beside = dict.fromkeys(holdings, 0)
        self.flows = dict.fromkeys(holdings, 0)

    # ---- requests

    def place(self, now_ns: int, place: Place) -> Answer:
        """Take a placement of the account in."""
        known = self.orders.get(place.cid)
        if known is not None:
            return Answer("duplicate", known)
        market = self.markets[place.symbol]
        for own in self.live.values():
            if (
                own.symbol == place.symbol
                and own.side is not place.side
                and (place.price_ticks - own.price_ticks) * place.side.sign >= 0
            ):
                # A person's order of the same account is out of our hands.
                self.self_trades += not self._is_beside(own.cid) and not self._is_beside(place.cid)
        begun = len(self.fills)
        outcome = market.venue.place(
            NewOrder(
                owner=CLIENT,
                side=place.side,
                order_type=OrderType.LIMIT_MAKER if place.post_only else OrderType.LIMIT,
                size_lots=place.size_lots,
                price_ticks=place.price_ticks,
                time_in_force=TimeInForce.IOC if place.time_in_force is Life.IOC else TimeInForce.GTC,
                client_id=place.cid,
            ),
            now_ns,
        )
        self.absorb(place.symbol)
        if isinstance(outcome, Refusal):
            return Answer("rejected", refusal=outcome.value)
        order = self.orders[place.cid]
        fills = tuple(self.fills[begun:])
        return Answer("open" if order.is_open else "done", order, fills)

    def cancel(self, now_ns: int, cid: str) -> TrueOrder | None:
        """Cancel an open order of the account; None if there is no such one."""
        order = self.live.get(cid)
        if order is not None:
            self.markets[order.symbol].venue.cancel(
                CancelOrder(owner=CLIENT, order_id=order.order_id), now_ns
            )
            self.absorb(order.symbol)
        return order

    def overfill(self, now_ns: int, cid: str, lots: int) -> bool:
        """Execute `lots` more than a filled order asked for; return whether there was anything to take.

        What no venue should do.
        """
        order = self.orders[cid]
        assert not order.is_open
        self._alias = cid
        before = len(self.fills)
        new = NewOrder(
            owner=CLIENT,
            side=order.side,
            order_type=OrderType.MARKET,
            size_lots=lots,
            stp_mode=StpMode.EXPIRE_TAKER,
        )
        self.markets[order.symbol].venue.place(new, now_ns)
        self.absorb(order.symbol)
        self._alias = ""
        return len(self.fills) > before

    # ---- money that comes and goes

    def deposit(self, owner: str, asset: str, atoms: int) -> None:
        """Create `atoms` for an owner."""
        self.accounts.deposit(owner, asset, atoms)
        self._created[asset] = self._created.get(asset, 0) + atoms
        if owner == CLIENT:
            self._note_held(asset)
            self.beside[asset] += atoms
            self.flows[asset] += atoms

    def withdraw(self, asset: str, atoms: int) -> int:
        """Take up to `atoms` that are free out of the account; return how many."""
        held = self.accounts.balance(CLIENT, asset)
        taken = min(atoms, held.free)
        held.free -= taken
        self.accounts.balance(BANK, asset).free += taken
        self._note_held(asset)
        self.beside[asset] -= taken
        self.flows[asset] -= taken
        return taken

    def conserves(self) -> bool:
        """Return whether every asset's total over all owners is what was created."""
        return all(self.accounts.total(asset) == atoms for asset, atoms in self._created.items())

    # ---- looking

    def open_orders(self, symbol: str) -> list[TrueOrder]:
        """Return the open orders of the account on a symbol, oldest first."""
        return [order for order in self.live.values() if order.symbol == symbol]

    def listed(self, symbol: str, at_ns: int) -> list[TrueOrder]:
        """Return the orders of a symbol that were open at `at_ns`."""
        return [
            order
            for order in self.markets[symbol].orders
            if order.opened_ns <= at_ns and (order.is_open or order.closed_ns > at_ns)
        ]

    def locked(self, asset: str) -> int:
        """Return what open orders lock of an asset, atoms."""
        return self.accounts.balance(CLIENT, asset).locked

    def take_news(self) -> list[News]:
        """Return what happened to orders of the account since this was last asked."""
        news, self._news = self._news, []
        return news

    # ---- the exchange's facts

    def absorb(self, symbol: str) -> None:
        """Take in what happened on a symbol since the last time."""
        market = self.markets[symbol]
        for fact in market.venue.take_facts():
            kind = type(fact)
            if isinstance(fact, LevelChange):
                market.changed[fact.side, fact.price_ticks] = fact.size_lots
            elif kind is Trade:
                market.trades += 1
                market.prints.append(fact)  # type: ignore[arg-type]  # the kind was compared
            elif isinstance(fact, OrderReport):
                self.version += 1
                self._on_report(market, fact)
            elif isinstance(fact, BalanceReport):
                self.version += 1
                for held in fact.held:
                    self.holdings[held.asset] = held.free_atoms + held.locked_atoms
            elif isinstance(fact, Prevented):
                self._on_prevented(market, fact)

    def _on_report(self, market: Market, report: OrderReport) -> None:
        order = market.by_id.get(report.order.order_id)
        if order is None:
            order = self._enter(market, report.order, report.ts_ns)
        if report.order.client_id != order.cid:
            # A trade in another order's name: its own coming and going is nobody's business.
            if report.match is not None:
                self._fill(market, order, report)
            return
        if report.match is not None:
            self._fill(market, order, report)
        elif report.execution is not Execution.NEW:
            if not report.order.is_open:
                self._close(order, report.ts_ns)
            order.prevented = order.prevented or report.execution is Execution.TRADE_PREVENTION
            self._news.append(News(report.execution, order, order.cum_lots))
        else:
            self._news.append(News(Execution.NEW, order, 0))

    def _enter(self, market: Market, order: Order, ts_ns: int) -> TrueOrder:
        if self._alias:
            known = market.by_id[order.order_id] = self.orders[self._alias]
            return known
        made = TrueOrder(
            cid=order.client_id,
            venue_order_id=str(order.order_id),
            symbol=market.instrument.symbol,
            side=order.side,
            price_ticks=order.price_ticks,
            size_lots=order.size_lots,
            left_lots=order.size_lots,
            opened_ns=ts_ns,
            order_id=order.order_id,
        )
        self.orders[made.cid] = self.live[made.cid] = market.by_id[order.order_id] = made
        market.orders.append(made)
        return made

    def _fill(self, market: Market, order: TrueOrder, report: OrderReport) -> None:
        match = report.match
        assert match is not None
        order.left_lots -= match.size_lots
        if order.left_lots <= 0:
            self._close(order, report.ts_ns)
        fill = TrueFill(
            symbol=order.symbol,
            trade_id=match.trade_id,
            cid=order.cid,
            side=order.side,
            price_ticks=match.price_ticks,
            size_lots=match.size_lots,
            fee_atoms=match.fee_atoms,
            fee_asset=match.fee_asset,
            maker=match.is_maker,
            filled_ns=report.ts_ns,
        )
        self.beside[match.fee_asset] -= match.fee_atoms
        if self._is_beside(order.cid):
            instrument, sign = market.instrument, order.side.sign
            self.beside[instrument.base] += sign * match.size_lots * instrument.lot_atoms
            self.beside[instrument.quote] -= sign * instrument.notional_atoms(
                match.price_ticks, match.size_lots
            )
        self.fills.append(fill)
        market.fills.append(fill)
        self._news.append(News(Execution.TRADE, order, order.cum_lots, fill))

    def _on_prevented(self, market: Market, fact: Prevented) -> None:
        if self._alias:
            return
        both = [market.by_id.get(fact.maker_order_id), market.by_id.get(fact.taker_order_id)]
        if any(order is not None for order in both):
            self.prevented += 1
            self.self_trades += not any(order is not None and self._is_beside(order.cid) for order in both)

    def _close(self, order: TrueOrder, now_ns: int) -> None:
        if self.live.pop(order.cid, None) is not None:
            order.closed_ns = now_ns

    def _note_held(self, asset: str) -> None:
        self.version += 1
        held = self.accounts.balance(CLIENT, asset)
        self.holdings[asset] = held.free + held.locked

    def _is_beside(self, cid: str) -> bool:
        return cid.startswith(MANUAL) or cid in self.intruders
