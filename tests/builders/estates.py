"""What an earlier life left, for tests: one session that bought 5 lots and is 2 off its target."""

from typing import Any, Final

from mm.domain.estate import Estate, OrderEstate, PositionEstate, SymbolEstate
from mm.domain.orders import OrderState, Trigger
from mm.domain.sides import Side
from tests.builders.engine_rig import EPOCH, MID, SECOND_NS, START_NS, cid_of
from tests.builders.instruments import INSTRUMENT

SYMBOL: Final = INSTRUMENT.symbol


def left_position(**changes: Any) -> PositionEstate:
    """Return the position of session `main` in the life before: 5 bought at MID, 2 lots off its target."""
    fields: dict[str, Any] = {
        "session": "main",
        "symbol": SYMBOL,
        "index": 0,
        "target_lots": 100,
        "stock_taken": True,
        "peak_atoms": 77,
        "paused": "",
        "start_lots": 2,
        "net_lots": 5,
        "bought_lots": 5,
        "fills": 1,
        "mid_half_ticks": 2 * MID,
        "cash_half": -10 * MID,
        "cost_half": 10 * MID,
        "turnover_half": 10 * MID,
        "fees_atoms": (("FFF", 3),),
        "other_fees_quote_atoms": 9,
    }
    return PositionEstate(**(fields | changes))


def left_order(sequence: int = 1, **changes: Any) -> OrderEstate:
    """Return an order that session `main` had in the life before."""
    fields: dict[str, Any] = {
        "cid": cid_of(sequence),
        "session": "main",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "price_ticks": MID - 20,
        "size_lots": 10,
        "level": 1,
        "reduces": False,
        "placed_ns": START_NS - SECOND_NS,
        "state": OrderState.WORKING,
        "cum_lots": 4,
        "revealed_lots": 6,
        "venue_order_id": "v",
        "ends_as": Trigger.CANCELED,
        "accepted": True,
    }
    return OrderEstate(**(fields | changes))


def left(**changes: Any) -> Estate:
    """Return what the life before left."""
    fields: dict[str, Any] = {
        "epoch": EPOCH - 1,
        "ts_ns": START_NS - SECOND_NS,
        "sequence": 9,
        "equity_start_atoms": 1234,
        "positions": (left_position(),),
        "orders": (),
        "symbols": (SymbolEstate(symbol=SYMBOL, floor=40, trades=((41, Side.BUY),)),),
        "holdings": (("AAA", 8), ("BBB", 9)),
    }
    return Estate(**(fields | changes))
