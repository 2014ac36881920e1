"""The venue's JSON about orders and fills: answers to placing, querying, cancelling and listing.

Pure functions with exact key sets; nothing here decides anything.
"""

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.payloads import NOTHING, Payload, fee, ms, price, size
from mm.exchange.records import Amendment, FillRecord, OrderRecord
from mm.exchange.user_payloads import NO_TRADE_GROUP, expiry
from mm.sim.orders import Order
from mm.sim.reports import Prevented


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
    return payload | _prevention(instrument, record) | expiry(order, "expiryReason")


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
    payload = {**result(instrument, record), "fills": fills}
    if record.met:
        payload["preventedMatches"] = [_met(instrument, prevented) for prevented in record.met]
    return payload


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
        **expiry(order, "expiryReason"),
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


def amended(instrument: Instrument, amendment: Amendment) -> Payload:
    """Return the answer to an amendment: the order as it stands after it, under its new id."""
    order = amendment.report.order
    return {
        "transactTime": ms(amendment.report.ts_ns),
        "executionId": amendment.execution_id,
        "amendedOrder": {
            "symbol": instrument.venue_symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "origClientOrderId": amendment.replaced.client_id,
            "clientOrderId": order.client_id,
            "price": price(instrument, order.price_ticks),
            "qty": size(instrument, order.size_lots),
            "executedQty": size(instrument, order.filled_lots),
            "preventedQty": size(instrument, order.prevented_lots),
            "quoteOrderQty": NOTHING,
            "cumulativeQuoteQty": instrument.quote_text(order.filled_atoms),
            "status": order.status.value,
            "timeInForce": order.time_in_force.value,
            "type": order.order_type.value,
            "side": order.side.name,
            "workingTime": ms(order.created_ns),
            "selfTradePreventionMode": order.stp_mode.value,
        },
    }


def amendment_row(instrument: Instrument, amendment: Amendment) -> Payload:
    """Return one row of the amendments of an order."""
    order, replaced = amendment.report.order, amendment.replaced
    return {
        "symbol": instrument.venue_symbol,
        "orderId": order.order_id,
        "executionId": amendment.execution_id,
        "origClientOrderId": replaced.client_id,
        "newClientOrderId": order.client_id,
        "origQty": size(instrument, replaced.size_lots),
        "newQty": size(instrument, order.size_lots),
        "time": ms(amendment.report.ts_ns),
    }


def prevented_row(instrument: Instrument, prevented: Prevented) -> Payload:
    """Return one row of the account's prevented matches."""
    return {
        "symbol": instrument.venue_symbol,
        "preventedMatchId": prevented.prevention_id,
        "takerOrderId": prevented.taker_order_id,
        "makerSymbol": instrument.venue_symbol,
        "makerOrderId": prevented.maker_order_id,
        "tradeGroupId": NO_TRADE_GROUP,
        "selfTradePreventionMode": prevented.mode.value,
        "price": price(instrument, prevented.price_ticks),
        **_losses(instrument, prevented),
        "transactTime": ms(prevented.ts_ns),
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
    prevented = record.prevented
    if prevented is None:
        return {}
    return {
        "preventedMatchId": prevented.prevention_id,
        "preventedQuantity": size(instrument, record.order.prevented_lots),
    }


def _met(instrument: Instrument, prevented: Prevented) -> Payload:
    return {
        "preventedMatchId": prevented.prevention_id,
        "makerOrderId": prevented.maker_order_id,
        "price": price(instrument, prevented.price_ticks),
        **_losses(instrument, prevented),
    }


# What an order has not lost is not named.
def _losses(instrument: Instrument, prevented: Prevented) -> Payload:
    lots = {
        "takerPreventedQuantity": prevented.taker_lots,
        "makerPreventedQuantity": prevented.maker_lots,
    }
    return {name: size(instrument, lost) for name, lost in lots.items() if lost}
