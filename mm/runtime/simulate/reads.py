"""Requests that read: one order, open orders, executions, balances. They may lag behind the venue's truth."""

from bisect import bisect_left
from collections.abc import Callable, Container, Sequence
from typing import Final

from mm.domain.commands import ListBalances, ListFills, ListOrders, Query, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    FillsListed,
    ListedOrder,
    OrderNotFound,
    OrderSeen,
    OrdersListed,
    RateUsed,
    Source,
)
from mm.runtime.simulate.faults import Luck
from mm.runtime.simulate.news import filled
from mm.runtime.simulate.truth import TrueFill, Truth

PAGE: Final = 5
"""Executions per page: few, so that pages are turned."""


def _nothing(now_ns: int) -> int:
    # Before anybody counts.
    return 0 * now_ns


class Reads:
    """Answers them. Fields: weight_used: what the venue counted of the last minute, by the time."""

    def __init__(self, truth: Truth, luck: Luck, hidden: Container[str]) -> None:
        """Answer from `truth`. Args: hidden: ids of orders that are not shown."""
        self._hidden = hidden
        self._truth = truth
        self._luck = luck
        self.weight_used: Callable[[int], int] = _nothing

    def answer(self, command: VenueCommand, *, now_ns: int, asked_ns: int) -> Sequence[AnyEvent]:
        """Return the answer to a request that arrives now. Args: asked_ns: when it was sent."""
        match command:
            case Query():
                return (self._query(command, now_ns),)
            case ListOrders():
                return (self._list_orders(command.symbol, now_ns, asked_ns),)
            case ListFills():
                return self._list_fills(command, now_ns, asked_ns)
            case ListBalances():
                return (self._list_balances(asked_ns),)
            case _:
                raise AssertionError(f"{command} reads nothing")

    def rate_used(self, now_ns: int) -> RateUsed:
        """Return the venue's count, as headers carry it."""
        return RateUsed(ts_ns=0, weight=self.weight_used(now_ns), orders=-1)

    def _query(self, command: Query, now_ns: int) -> AnyEvent:
        order = self._truth.orders.get(command.cid)
        lag_ns = self._luck.lag("not_found_lag_ms")
        if command.cid in self._hidden:
            return OrderNotFound(ts_ns=0, cid=command.cid)
        if order is None or now_ns - order.opened_ns < lag_ns:
            if order is not None:
                self._luck.count("not_found_lag_ms")
            return OrderNotFound(ts_ns=0, cid=command.cid)
        return OrderSeen(
            ts_ns=0,
            cid=order.cid,
            venue_order_id=order.venue_order_id,
            open=order.is_open,
            cum_lots=order.cum_lots,
        )

    def _list_orders(self, symbol: str, now_ns: int, asked_ns: int) -> AnyEvent:
        lag_ns = self._luck.lag("listing_lag_ms")
        listed = self._truth.listed(symbol, now_ns - lag_ns)
        if lag_ns and len(listed) != len(self._truth.open_orders(symbol)):
            self._luck.count("listing_lag_ms")
        rows = tuple(
            ListedOrder(
                order.cid,
                order.venue_order_id,
                order.side,
                order.price_ticks,
                order.size_lots,
                order.cum_lots if order.is_open else 0,
            )
            for order in listed
            if order.cid not in self._hidden
        )
        return OrdersListed(ts_ns=0, symbol=symbol, asked_ns=asked_ns, orders=rows)

    def _list_fills(self, command: ListFills, now_ns: int, asked_ns: int) -> list[AnyEvent]:
        known = self._truth.markets[command.symbol].fills
        end = len(known) - self._lagging(known, now_ns)
        first = bisect_left(known, command.from_trade_id, hi=end, key=_trade_id)
        if command.from_trade_id < 0:
            first = max(0, end - PAGE)
        rows = known[first : min(end, first + PAGE)]
        complete = first + PAGE >= end
        next_trade_id = rows[-1].trade_id + 1 if rows else max(0, command.from_trade_id)
        shown = [fill for fill in rows if fill.cid not in self._hidden]
        told: list[AnyEvent] = [filled(fill, Source.QUERY) for fill in shown]
        listed = FillsListed(
            ts_ns=0,
            symbol=command.symbol,
            asked_ns=asked_ns,
            next_trade_id=next_trade_id,
            complete=complete,
        )
        told.append(listed)
        return told

    def _lagging(self, known: Sequence[TrueFill], now_ns: int) -> int:
        # How many of the newest executions the listing does not show yet.
        lag_ns = self._luck.lag("fills_lag_ms")
        if not lag_ns:
            return 0
        lagging = sum(fill.filled_ns > now_ns - lag_ns for fill in known[-10:])
        if lagging:
            self._luck.count("fills_lag_ms")
        return lagging

    def _list_balances(self, asked_ns: int) -> AnyEvent:
        truth = self._truth
        rows = tuple(
            (asset, atoms - truth.locked(asset), truth.locked(asset))
            for asset, atoms in truth.holdings.items()
        )
        return BalancesListed(ts_ns=0, asked_ns=asked_ns, balances=rows)


def _trade_id(fill: TrueFill) -> int:
    return fill.trade_id
