"""The simulated venue: book, accounts, filters and traders behind one clockless interface.

Requests of any owner come in with the time at which they happen, `advance` lets the simulated traders live
up to a time, and what happened is taken out as facts. Nothing here reads a clock or draws a number itself.
Invariants: every asset's total changes by deposits alone; what an owner has locked is what its open orders
reserve; the same seed and requests give the same facts, however `advance` cuts the time.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tuples import named
from mm.domain.units import NS_PER_S
from mm.sim.accounts import Accounts
from mm.sim.agents import Agents
from mm.sim.average import AveragePrice
from mm.sim.book import Book, BookListener, MatchingBook
from mm.sim.clearing import Clearing
from mm.sim.filters import PRICE_BAND, Circumstances, amend_refusal, filter_refusal
from mm.sim.orders import (
    AmendOrder,
    CancelOrder,
    Execution,
    Fill,
    NewOrder,
    Order,
    OrderStatus,
    OrderType,
    Prevention,
    Refusal,
)
from mm.sim.reports import (
    BalanceReport,
    Fact,
    Held,
    LevelChange,
    Match,
    OrderReport,
    Prevented,
    Replaced,
    TopChange,
    Trade,
)

_MARKET: Final = OrderType.MARKET
_LIMIT_MAKER: Final = OrderType.LIMIT_MAKER
_NEW: Final = Execution.NEW
_CANCELED: Final = Execution.CANCELED
# As constants for the reason given in `sides.py`.

CLIENT: Final = "client"
"""The owner name of the one account that trades from outside."""


class World:
    """One symbol of a simulated venue, with its traders.

    Fields: book: what matches; accounts: everybody's balances; average: of the trades, for the filters (where
    the market is only observed, whoever hears its prints adds them); refused_agents: how often a trader of
    the simulation was refused.
    """

    def __init__(
        self,
        instrument: Instrument,
        agents: Agents | None = None,
        *,
        market_size_max_lots: int,
        make_book: Callable[[BookListener], Book] = MatchingBook,
        accounts: Accounts | None = None,
    ) -> None:
        """Open an empty book; the traders get their funds at once.

        Args:
            agents: None where nobody is simulated: then the counterparties are the book's own affair.
            make_book: makes the book that matches; it is told to report to this world.
            accounts: shared with the worlds of other symbols; its own if None.
        """
        self.instrument = instrument
        self.book = make_book(self)
        self.accounts = accounts or Accounts()
        self.average = AveragePrice(window_ns=PRICE_BAND.minutes * 60 * NS_PER_S)
        self._clearing = Clearing(instrument, self.accounts, self.book)
        self._agents = agents
        self._market_size_max_lots = market_size_max_lots
        self._watched = CLIENT
        self._open: dict[str, dict[int, Order]] = {}
        self._order_id = 0
        self._facts: list[Fact] = []
        self._top = (0, 0, 0, 0)
        self._funds_moved = False
        self.refused_agents = 0
        for deposit in agents.deposits if agents else ():
            self.accounts.deposit(deposit.owner, deposit.asset, deposit.atoms)

    def take_facts(self) -> list[Fact]:
        """Return what happened since the last call, in order, and forget it."""
        facts, self._facts = self._facts, []
        return facts

    def open_orders(self, owner: str) -> tuple[Order, ...]:
        """Return the open orders of an owner, oldest first. They are live: do not change them."""
        return tuple(self._open.get(owner, {}).values())

    def best_ticks(self, side: Side) -> int | None:
        """Return the best resting price of a side; None if it is empty."""
        return self.book.best_ticks(side)

    def lots_within(self, side: Side, limit_ticks: int) -> int:
        """Return the lots that a taker of `side` finds at `limit_ticks` or better."""
        return self.book.lots_within(side, limit_ticks)

    def advance(self, ts_ns: int) -> None:
        """Let the traders do, each at its own time, everything that is due up to and including `ts_ns`."""
        while self._agents is not None and self._agents.next_ns <= ts_ns:
            now_ns, actions = self._agents.step(self)
            for action in actions:
                if isinstance(action, NewOrder):
                    outcome = self.place(action, now_ns)
                else:
                    outcome = self.cancel(action, now_ns)
                self.refused_agents += isinstance(outcome, Refusal)

    def check(self, new: NewOrder, ts_ns: int) -> Refusal | None:
        """Return why `new` would be refused now, or None; funds included, nothing changes."""
        return self._refusal(new, _order_of(new, order_id=0, ts_ns=ts_ns), ts_ns)

    def _refusal(self, new: NewOrder, order: Order, ts_ns: int) -> Refusal | None:
        # Of the order that `new` would become.
        if not self.book.is_open:
            return Refusal.NO_LIQUIDITY
        refusal = self.check_filters(new, ts_ns)
        if refusal is not None:
            return refusal
        if new.client_id and self._is_taken(new.owner, new.client_id):
            return Refusal.DUPLICATE
        if new.order_type is _LIMIT_MAKER and self.book.would_take(new.side, new.price_ticks):
            return Refusal.WOULD_TAKE
        return None if self._clearing.can_pay(order) else Refusal.INSUFFICIENT_BALANCE

    def check_filters(self, new: NewOrder, ts_ns: int) -> Refusal | None:
        """Return the filter that `new` would fail now, or None; nothing changes."""
        best_ticks = self.book.best_ticks(new.side.opposite) if new.order_type is _MARKET else None
        open_orders, mean = len(self._open.get(new.owner, ())), self.average.mean(ts_ns)
        now = named(Circumstances, (best_ticks or 0, self._market_size_max_lots, open_orders, mean))
        return filter_refusal(new, self.instrument, now)

    def place(self, new: NewOrder, ts_ns: int) -> Order | Refusal:
        """Place an order; return it as it stands after matching, or why it was refused."""
        order = _order_of(new, order_id=self._order_id + 1, ts_ns=ts_ns)
        refusal = self._refusal(new, order, ts_ns)
        if refusal is not None:
            return refusal
        self._order_id += 1
        self._clearing.reserve(order)
        self._open.setdefault(new.owner, {})[order.order_id] = order
        self._report(OrderReport(execution=_NEW, order=self._as_it_is(order), ts_ns=ts_ns))
        self.book.place(order, ts_ns)
        if not order.is_open:
            if order.status is OrderStatus.EXPIRED:
                self._report(
                    OrderReport(execution=Execution.EXPIRED, order=self._as_it_is(order), ts_ns=ts_ns)
                )
            self._close(order)
        self._report_state(ts_ns)
        return order

    def cancel(self, request: CancelOrder, ts_ns: int) -> Order | Refusal:
        """Cancel an open order; return it, or UNKNOWN_ORDER if that owner has no such open order."""
        order = self._open.get(request.owner, {}).get(request.order_id)
        if order is None:
            return Refusal.UNKNOWN_ORDER
        self.book.cancel(order.order_id, ts_ns)
        done, cancel_id = self._as_it_is(order), request.cancel_id
        self._report(OrderReport(execution=_CANCELED, order=done, ts_ns=ts_ns, cancel_id=cancel_id))
        self._close(order)
        self._report_state(ts_ns)
        return order

    def amend(self, request: AmendOrder, ts_ns: int) -> Order | Refusal:
        """Make an open order smaller where it stands; return it as it stands now, or why it was refused."""
        order = self._open.get(request.owner, {}).get(request.order_id)
        if order is None:
            return Refusal.UNKNOWN_ORDER
        refusal = amend_refusal(order, request.size_lots, self.instrument)
        if refusal is not None:
            return refusal
        if request.client_id != order.client_id and self._is_taken(request.owner, request.client_id):
            return Refusal.DUPLICATE
        replaced = Replaced(client_id=order.client_id, size_lots=order.size_lots)
        self.book.amend(order.order_id, request.size_lots, ts_ns)
        self._clearing.give_back(order, replaced.size_lots - order.size_lots)
        order.client_id = request.client_id
        order.amends += 1
        self._report(
            OrderReport(
                execution=Execution.REPLACED, order=self._as_it_is(order), ts_ns=ts_ns, replaced=replaced
            )
        )
        self._report_state(ts_ns)
        return order

    def report_rejected(self, new: NewOrder, refusal: Refusal, ts_ns: int) -> None:
        """Report an order that was refused after another was cancelled for it; it uses up an order id."""
        self._order_id += 1
        order = _order_of(new, order_id=self._order_id, ts_ns=ts_ns)
        order.status = OrderStatus.REJECTED
        self._report(OrderReport(execution=Execution.REJECTED, order=order, ts_ns=ts_ns, refusal=refusal))
        self._report_state(ts_ns)

    def fund(self, order: Order) -> None:
        """Give the owner of an order that the book makes itself what it needs, locked. Called by the book."""
        self._clearing.fund(order)

    def report_state(self, ts_ns: int) -> None:
        """Report the top and the funds if they changed: after the market by itself filled orders."""
        self._report_state(ts_ns)

    def on_fill(self, fill: Fill) -> None:
        """Move the money of a match and report it. Called by the book."""
        self.average.add(fill.price_ticks, fill.size_lots * self.instrument.lot_atoms, fill.ts_ns)
        maker_fee, taker_fee = self._clearing.settle(fill)
        self._report_match(fill, fill.maker, maker_fee)
        self._report_match(fill, fill.taker, taker_fee)
        if not fill.maker.is_open:
            self._close(fill.maker)
        self._facts.append(
            Trade(
                trade_id=fill.trade_id,
                price_ticks=fill.price_ticks,
                size_lots=fill.size_lots,
                ts_ns=fill.ts_ns,
                taker_side=fill.taker.side,
                maker_order_id=fill.maker.order_id,
                taker_order_id=fill.taker.order_id,
                maker_owner=fill.maker.owner,
                taker_owner=fill.taker.owner,
            )
        )

    def on_prevention(self, prevention: Prevention) -> None:
        """Report a prevented match and free what expired. Called by the book."""
        maker, taker = prevention.maker, prevention.taker
        prevented = Prevented(
            prevention_id=prevention.prevention_id,
            owner=taker.owner,
            mode=taker.stp_mode,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
            price_ticks=prevention.price_ticks,
            match_lots=prevention.match_lots,
            maker_lots=prevention.maker_lots,
            taker_lots=prevention.taker_lots,
            ts_ns=prevention.ts_ns,
        )
        for order, lots in ((maker, prevention.maker_lots), (taker, prevention.taker_lots)):
            if lots:
                self._clearing.give_back(order, lots)
                self._report(
                    OrderReport(
                        execution=Execution.TRADE_PREVENTION,
                        order=self._as_it_is(order),
                        ts_ns=prevention.ts_ns,
                        prevented_lots=lots,
                        prevented=prevented,
                    )
                )
        if not maker.is_open:
            self._close(maker)
        self._facts.append(prevented)

    def on_level(self, side: Side, price_ticks: int, size_lots: int, update_id: int) -> None:
        """Report a change of a level. Called by the book."""
        self._facts.append(
            LevelChange(update_id=update_id, side=side, price_ticks=price_ticks, size_lots=size_lots)
        )

    def held(self, owner: str) -> tuple[Held, ...]:
        """Return what an owner holds of the two assets, base first."""
        assets = (self.instrument.base, self.instrument.quote)
        balances = [(asset, self.accounts.balance(owner, asset)) for asset in assets]
        return tuple(
            Held(asset=asset, free_atoms=balance.free, locked_atoms=balance.locked)
            for asset, balance in balances
        )

    def _report_match(self, fill: Fill, order: Order, fee_atoms: int) -> None:
        match = Match(
            trade_id=fill.trade_id,
            price_ticks=fill.price_ticks,
            size_lots=fill.size_lots,
            is_maker=order is fill.maker,
            fee_atoms=fee_atoms,
            fee_asset=self._clearing.asset_received(order),
        )
        self._report(
            OrderReport(execution=Execution.TRADE, order=self._as_it_is(order), ts_ns=fill.ts_ns, match=match)
        )

    def _is_taken(self, owner: str, client_id: str) -> bool:
        for order in self._open.get(owner, {}).values():  # noqa: SIM110 - a generator costs more than that
            if order.client_id == client_id:
                return True
        return False

    def _close(self, order: Order) -> None:
        self._clearing.release(order)
        self._open.get(order.owner, {}).pop(order.order_id, None)  # a funded order was never in

    # Every report of the watched owner comes with a change of its funds; nobody hears of the others.
    def _report(self, report: OrderReport) -> None:
        if report.order.owner == self._watched:
            self._funds_moved = True
            self._facts.append(report)

    # What is in a report stays as it was; the live order goes on changing.
    def _as_it_is(self, order: Order) -> Order:
        return msgspec.structs.replace(order) if order.owner == self._watched else order

    def _report_state(self, ts_ns: int) -> None:
        bid, ask = self.book.top(BUY), self.book.top(SELL)
        top = (*bid, *ask)
        if top != self._top:
            self._top = top
            self._facts.append(
                TopChange(
                    update_id=self.book.update_id,
                    bid_ticks=bid[0],
                    bid_lots=bid[1],
                    ask_ticks=ask[0],
                    ask_lots=ask[1],
                )
            )
        if self._funds_moved:
            self._funds_moved = False
            self._facts.append(BalanceReport(owner=self._watched, ts_ns=ts_ns, held=self.held(self._watched)))


def _order_of(new: NewOrder, *, order_id: int, ts_ns: int) -> Order:
    return Order(
        order_id=order_id,
        owner=new.owner,
        client_id=new.client_id,
        side=new.side,
        order_type=new.order_type,
        time_in_force=new.time_in_force,
        stp_mode=new.stp_mode,
        price_ticks=new.price_ticks,
        size_lots=new.size_lots,
        created_ns=ts_ns,
        updated_ns=ts_ns,
    )
