"""The venue's JSON about the account: its balances and the events of the private stream.

Pure functions with exact key sets; nothing here decides anything.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import PPM, PPM_PER_BPS, text_from_atoms
from mm.exchange.payloads import NOTHING, Payload, fee, ms, price, size
from mm.sim.orders import Execution, OrderType
from mm.sim.reports import Held, OrderReport

_RATE_DECIMALS: Final = 8


def account(instrument: Instrument, held: Iterable[Held], updated_ns: int) -> Payload:
    """Return the account with its balances."""
    maker, taker = _rate(instrument.maker_fee_ppm), _rate(instrument.taker_fee_ppm)
    return {
        "makerCommission": instrument.maker_fee_ppm // PPM_PER_BPS,
        "takerCommission": instrument.taker_fee_ppm // PPM_PER_BPS,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": maker, "taker": taker, "buyer": NOTHING, "seller": NOTHING},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": ms(updated_ns),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": free, "locked": locked}
            for asset, free, locked in _texts(instrument, held)
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def account_position(instrument: Instrument, held: Iterable[Held], ts_ns: int) -> Payload:
    """Return the user event that follows a change of balances."""
    return {
        "e": "outboundAccountPosition",
        "E": ms(ts_ns),
        "u": ms(ts_ns),
        "B": [{"a": asset, "f": free, "l": locked} for asset, free, locked in _texts(instrument, held)],
    }


def execution_report(instrument: Instrument, report: OrderReport, execution_id: int) -> Payload:
    """Return the user event of one step of an order."""
    order, match = report.order, report.match
    is_cancel = report.execution is Execution.CANCELED
    last_lots = match.size_lots if match else 0
    last_ticks = match.price_ticks if match else 0
    payload = {
        "e": "executionReport",
        "E": ms(report.ts_ns),
        "s": instrument.venue_symbol,
        "c": report.cancel_id if is_cancel else order.client_id,
        "S": order.side.name,
        "o": order.order_type.value,
        "f": order.time_in_force.value,
        "q": size(instrument, order.size_lots),
        "p": price(instrument, order.price_ticks),
        "P": NOTHING,
        "F": NOTHING,
        "g": -1,
        "C": order.client_id if is_cancel else "",
        "x": report.execution.value,
        "X": order.status.value,
        "r": "NONE",
        "i": order.order_id,
        "l": size(instrument, last_lots),
        "z": size(instrument, order.filled_lots),
        "L": price(instrument, last_ticks),
        "n": fee(instrument, match) if match else "0",
        "N": match.fee_asset if match else None,
        "T": ms(report.ts_ns),
        "t": match.trade_id if match else -1,
        "I": execution_id,
        "w": order.is_open and order.order_type is not OrderType.MARKET,
        "m": match.is_maker if match else False,
        "M": match is not None,
        "O": ms(order.created_ns),
        "Z": instrument.quote_text(order.filled_atoms),
        "Y": instrument.quote_text(instrument.notional_atoms(last_ticks, last_lots)),
        "Q": NOTHING,
        "W": ms(order.created_ns),
        "V": order.stp_mode.value,
    }
    if report.execution is Execution.TRADE_PREVENTION:
        prevented = size(instrument, report.prevented_lots)
        payload |= {"v": report.prevention_id, "A": prevented, "B": prevented, "u": -1}
    return payload


def _rate(fee_ppm: int) -> str:
    return text_from_atoms(fee_ppm * (10**_RATE_DECIMALS // PPM), _RATE_DECIMALS)


def _texts(instrument: Instrument, held: Iterable[Held]) -> list[tuple[str, str, str]]:
    rows = []
    for row in held:
        text = instrument.base_text if row.asset == instrument.base else instrument.quote_text
        rows.append((row.asset, text(row.free_atoms), text(row.locked_atoms)))
    return rows
