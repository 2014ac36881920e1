"""The venue's JSON about orders and fills: answers to placing, querying, cancelling and listing.

Pure functions with exact key sets; nothing here decides anything.
"""

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.payloads import NOTHING, Payload, fee, ms, price, size
from mm.exchange.records import FillRecord, OrderRecord
from mm.sim.orders import Order


def ack(instrument: Instrument, order: Order) -> Payload:
    """Return the shortest answer to a new order."""
    return {
        "symbol": instrument.venue_symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": ms(order.updated_ns),
    }


def result(instrument: Instrument, record: OrderRecord) -> Payload:
    """Return the answer to a new order with where it stands."""
    order = record.order
    payload = {**ack(instrument, order), **_amounts(instrument, order)}
    payload["workingTime"] = ms(order.created_ns)
    payload["selfTradePreventionMode"] = order.stp_mode.value
    return payload | _prevention(instrument, record)


def full(instrument: Instrument, record: OrderRecord) -> Payload:
    """Return the answer to a new order with where it stands and its fills."""
    fills = [
        {
            "price": price(instrument, match.price_ticks),
            "qty": size(instrument, match.size_lots),
            "commission": fee(instrument, match),
            "commissionAsset": match.fee_asset,
            "tradeId": match.trade_id,
        }
        for match in record.matches
    ]
    return {**result(instrument, record), "fills": fills}


def queried(instrument: Instrument, record: OrderRecord) -> Payload:
    """Return the answer to a query of an order."""
    order = record.order
    return {
        "symbol": instrument.venue_symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_amounts(instrument, order),
        "stopPrice": NOTHING,
        "icebergQty": NOTHING,
        "time": ms(order.created_ns),
        "updateTime": ms(order.updated_ns),
        "isWorking": True,
        "workingTime": ms(order.created_ns),
        "selfTradePreventionMode": order.stp_mode.value,
        **_prevention(instrument, record),
    }


def cancelled(instrument: Instrument, record: OrderRecord) -> Payload:
    """Return the answer to a cancellation: `clientOrderId` is that of the request."""
    order = record.order
    return {
        "symbol": instrument.venue_symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": record.cancel_id,
        "transactTime": ms(order.updated_ns),
        **_amounts(instrument, order),
        "selfTradePreventionMode": order.stp_mode.value,
    }


def my_trade(instrument: Instrument, fill: FillRecord) -> Payload:
    """Return one row of the account's trades."""
    match, order = fill.match, fill.report.order
    value_atoms = instrument.notional_atoms(match.price_ticks, match.size_lots)
    return {
        "symbol": instrument.venue_symbol,
        "id": match.trade_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": price(instrument, match.price_ticks),
        "qty": size(instrument, match.size_lots),
        "quoteQty": instrument.quote_text(value_atoms),
        "commission": fee(instrument, match),
        "commissionAsset": match.fee_asset,
        "time": ms(fill.report.ts_ns),
        "isBuyer": order.side is Side.BUY,
        "isMaker": match.is_maker,
        "isBestMatch": True,
    }


def _amounts(instrument: Instrument, order: Order) -> Payload:
    return {
        "price": price(instrument, order.price_ticks),
        "origQty": size(instrument, order.size_lots),
        "executedQty": size(instrument, order.filled_lots),
        "origQuoteOrderQty": NOTHING,
        "cummulativeQuoteQty": instrument.quote_text(order.filled_atoms),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.order_type.value,
        "side": order.side.name,
    }


def _prevention(instrument: Instrument, record: OrderRecord) -> Payload:
    report = record.prevented
    if report is None:
        return {}
    return {
        "preventedMatchId": report.prevention_id,
        "preventedQuantity": size(instrument, report.prevented_lots),
    }
