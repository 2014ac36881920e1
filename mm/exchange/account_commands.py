"""What the account may ask about itself: balances, fees, rights, trades, prevented matches, usage.

Handlers of the table; they change nothing.
"""

from typing import Any, Final

from mm.exchange import account_payloads, order_payloads
from mm.exchange.errors import BAD_COMBINATION, BAD_LISTEN_KEY, refused
from mm.exchange.floor import Floor
from mm.exchange.market_commands import LIMIT, SYMBOL, check_symbol
from mm.exchange.order_params import END_TIME, ORDER_ID, START_TIME, rows_wanted
from mm.exchange.params import BOOLEAN, Kind, Param, is_true, whole
from mm.exchange.time_range import time_range
from mm.sim.world import CLIENT

ACCOUNT_PARAMS: Final = (Param("omitZeroBalances", choices=BOOLEAN),)
TRADES_PARAMS: Final = (SYMBOL, ORDER_ID, START_TIME, END_TIME, Param("fromId", Kind.WHOLE), LIMIT)
PREVENTED_PARAMS: Final = (
    SYMBOL,
    Param("preventedMatchId", Kind.WHOLE),
    ORDER_ID,
    Param("fromPreventedMatchId", Kind.WHOLE),
    LIMIT,
)
LISTEN_KEY_PARAMS: Final = (Param("listenKey", mandatory=True),)

_TRADES_WEIGHT, _TRADES_WEIGHT_OF_ORDER = 20, 5
_PREVENTED_WEIGHT, _PREVENTED_WEIGHT_OF_ORDER = 2, 20
_TIMES: Final = ("startTime", "endTime")


def account(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account and its balances."""
    held = floor.world.held(CLIENT)
    if is_true(values, "omitZeroBalances"):
        held = tuple(row for row in held if row.free_atoms or row.locked_atoms)
    return account_payloads.account(floor.instrument, held, floor.now_ns)


def commission(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's fees on the symbol."""
    check_symbol(floor, values)
    return account_payloads.commission(floor.instrument)


def trade_fee(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's fees as a list of symbols, of which there is one."""
    check_symbol(floor, values)
    return [account_payloads.trade_fee(floor.instrument)]


def restrictions(floor: Floor, _values: dict[str, str]) -> Any:
    """Answer what the key that asks may do."""
    return account_payloads.restrictions(floor.start_ns)


def order_usage(floor: Floor, _values: dict[str, str]) -> Any:
    """Answer the limits of new orders with what is used."""
    return floor.limits.order_rows(floor.clock.now_ns())


def my_trades(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's fills, oldest first: from `fromId` or `startTime` (inclusive), or the latest."""
    check_symbol(floor, values)
    if ("fromId" in values or "orderId" in values) and any(name in values for name in _TIMES):
        raise refused(BAD_COMBINATION)
    times, limit = time_range(values), rows_wanted(values)
    first_id, order_id = whole(values, "fromId", 0), whole(values, "orderId", 0)
    found = [
        fill
        for fill in floor.records.fills
        if times.holds(fill.report.ts_ns)
        and fill.match.trade_id >= first_id
        and order_id in (0, fill.report.order.order_id)
    ]
    chosen = found[:limit] if "fromId" in values or "startTime" in values else found[-limit:]
    return [order_payloads.my_trade(floor.instrument, fill) for fill in chosen]


def my_trades_weight(params: dict[str, str]) -> int:
    """Return the weight of asking for trades: less for those of one order."""
    return _TRADES_WEIGHT_OF_ORDER if "orderId" in params else _TRADES_WEIGHT


def prevented_matches(floor: Floor, values: dict[str, str]) -> Any:
    """Answer the account's prevented matches, oldest first: one by its id, or those of an order."""
    check_symbol(floor, values)
    if ("preventedMatchId" in values) == ("orderId" in values):
        raise refused(BAD_COMBINATION)
    match_id, order_id = whole(values, "preventedMatchId", 0), whole(values, "orderId", 0)
    first_id = whole(values, "fromPreventedMatchId", 0)
    found = [
        row
        for row in floor.records.prevented
        if row.owner == CLIENT
        and row.prevention_id >= first_id
        and match_id in (0, row.prevention_id)
        and order_id in (0, row.maker_order_id, row.taker_order_id)
    ]
    return [order_payloads.prevented_row(floor.instrument, row) for row in found[: rows_wanted(values)]]


def prevented_weight(params: dict[str, str]) -> int:
    """Return the weight of asking for prevented matches: more for those of an order."""
    return _PREVENTED_WEIGHT_OF_ORDER if "orderId" in params else _PREVENTED_WEIGHT


def no_listen_key(_floor: Floor, _values: dict[str, str]) -> Any:
    """Refuse: the venue has given up listen keys, so there is none that could exist."""
    raise refused(BAD_LISTEN_KEY)
