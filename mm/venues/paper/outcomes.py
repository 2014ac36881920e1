"""What the simulated world says, as the events that an account's adapter would make of it. Pure.

Must never say more than a venue does: an order that ended by its own hand is told by the user stream and by
the answer to the request, a refused one by the answer alone.
"""

from typing import Final, TypeAlias

from mm.domain.commands import (
    Cancel,
    ListBalances,
    ListFills,
    ListOrders,
    Place,
    Query,
)
from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    CancelUnknown,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    RequestFailed,
    Source,
)
from mm.sim.orders import Execution, Order, OrderStatus, Refusal
from mm.sim.reports import BalanceReport, OrderReport

Request: TypeAlias = Place | Cancel | Query | ListOrders | ListFills | ListBalances
"""What needs an account and is answered here."""

ORDER_REFUSED: Final = -2010
CANCEL_REFUSED: Final = -2011
FILTER_FAILED: Final = -1013
NO_DEPTH: Final = -1112

_TEXTS: Final = {
    Refusal.WOULD_TAKE: (ORDER_REFUSED, "Order would immediately match and take."),
    Refusal.INSUFFICIENT_BALANCE: (
        ORDER_REFUSED,
        "Account has insufficient balance for requested action.",
    ),
    Refusal.NO_LIQUIDITY: (NO_DEPTH, "No orders on book for symbol."),
}
_EXPIRED: Final = (OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH)
_NEW: Final = Execution.NEW
_CANCELED: Final = OrderStatus.CANCELED
_ANSWER: Final = Source.ANSWER
# As constants for the reason given in `sides.py`.


def order_event(symbol: str, report: OrderReport, *, ts_ns: int, source: Source) -> AnyEvent | None:
    """Return what one step of an order is told as; None where the adapter tells nothing."""
    order = report.order
    cid, status = order.client_id, order.status
    if report.match is not None:
        return _filled(symbol, report, ts_ns=ts_ns, source=source)
    if report.execution is _NEW:
        return OrderAcked(
            ts_ns=ts_ns,
            cid=cid,
            venue_order_id=str(order.order_id),
            price_ticks=order.price_ticks,
            size_lots=order.size_lots,
            source=source,
        )
    if status is _CANCELED:
        return OrderCanceled(ts_ns=ts_ns, cid=cid, cum_lots=order.filled_lots, source=source)
    if status in _EXPIRED:
        prevented = status is OrderStatus.EXPIRED_IN_MATCH
        return OrderExpired(
            ts_ns=ts_ns, cid=cid, cum_lots=order.filled_lots, prevented=prevented, source=source
        )
    return None


def _filled(symbol: str, report: OrderReport, *, ts_ns: int, source: Source) -> OrderFilled:
    match, order = report.match, report.order
    assert match is not None
    return OrderFilled(
        ts_ns=ts_ns,
        symbol=symbol,
        cid=order.client_id,
        trade_id=match.trade_id,
        side=order.side,
        price_ticks=match.price_ticks,
        size_lots=match.size_lots,
        fee_atoms=match.fee_atoms,
        fee_asset=match.fee_asset,
        maker=match.is_maker,
        source=source,
    )


def listed_fill(symbol: str, report: OrderReport, *, ts_ns: int) -> OrderFilled:
    """Return a fill as a listing of the account's trades tells it."""
    return _filled(symbol, report, ts_ns=ts_ns, source=Source.QUERY)


def balance_events(report: BalanceReport, *, ts_ns: int) -> list[BalanceChanged]:
    """Return what a push of balances says, one asset at a time."""
    return [
        BalanceChanged(
            ts_ns=ts_ns, asset=held.asset, free_atoms=held.free_atoms, locked_atoms=held.locked_atoms
        )
        for held in report.held
    ]


def placed(symbol: str, reports: list[OrderReport], *, ts_ns: int) -> list[AnyEvent]:
    """Return what the answer to a placement says, given every step of that order so far."""
    told = [order_event(symbol, report, ts_ns=ts_ns, source=_ANSWER) for report in reports]
    return [event for event in told if event is not None]


def rejected(cid: str, refusal: Refusal, *, ts_ns: int) -> AnyEvent:
    """Return what the answer to a refused placement says; a filter names itself."""
    if refusal is Refusal.DUPLICATE:
        return PlaceUnknown(ts_ns=ts_ns, cid=cid, cause="-2010: Duplicate order sent.", duplicate=True)
    code, text = _TEXTS.get(refusal, (FILTER_FAILED, f"Filter failure: {refusal.value}"))
    return OrderRejected(
        ts_ns=ts_ns,
        cid=cid,
        code=code,
        reason=text,
        crossed=refusal is Refusal.WOULD_TAKE,
        funds=refusal is Refusal.INSUFFICIENT_BALANCE,
    )


def limited(command: Request, code: int, text: str, *, ts_ns: int) -> AnyEvent:
    """Return the outcome of a request that the venue turned away because of its limits."""
    match command:
        case Place():
            return OrderRejected(ts_ns=ts_ns, cid=command.cid, code=code, reason=text)
        case Cancel():
            return CancelUnknown(ts_ns=ts_ns, cid=command.cid, cause=f"{code}: {text}")
        case Query():
            subject = command.cid
        case ListBalances():
            subject = ""
        case _:
            subject = command.symbol
    what = type(command).__name__
    return RequestFailed(ts_ns=ts_ns, what=what, subject=subject, reason=f"{code}: {text}")


def seen(order: Order, *, ts_ns: int) -> OrderSeen:
    """Return where a queried order stands."""
    return OrderSeen(
        ts_ns=ts_ns,
        cid=order.client_id,
        venue_order_id=str(order.order_id),
        open=order.is_open,
        cum_lots=order.filled_lots,
    )


def listed(order: Order) -> ListedOrder:
    """Return one open order as a listing shows it."""
    return ListedOrder(
        cid=order.client_id,
        venue_order_id=str(order.order_id),
        side=order.side,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        cum_lots=order.filled_lots,
    )
