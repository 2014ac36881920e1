"""What a symbol's row in the venue's own listing says, as an instrument; and what the account pays.

Must never guess: a symbol that does not trade, or lacks an order type that we need, is a `ConfigError` with a
hint. Fees finer than a millionth are rounded up, against us.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from mm.domain.instrument import InstrumentSpec
from mm.errors import ConfigError

_PPM: Final = Decimal("0.000001")
_ORDER_TYPES: Final = ("LIMIT", "LIMIT_MAKER")


class Fees(NamedTuple):
    """What the account pays, as ratios of the value; negative is a rebate."""

    maker: Decimal
    taker: Decimal


def unknown_symbol(symbol: str, offered: Iterable[str]) -> ConfigError:
    """Return the error of a symbol that the venue does not list, with the names that come close."""
    close = get_close_matches(symbol.upper(), list(offered), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else "symbols are written BASE/QUOTE"
    return ConfigError(f"symbol was {symbol!r}, which binance does not list", hint=hint)


def spec_of(symbol: str, market: Mapping[str, Any], *, fees: Fees, stp_mode: str | None) -> InstrumentSpec:
    """Return what the venue publishes about `symbol`.

    Args: market: ccxt's row, with the venue's own under `info`. stp_mode: that orders will have, None where
        none will ever be placed.
    Raises: ConfigError if it does not trade, or not in the way that we need.
    """
    info = market["info"]
    status = info.get("status")
    if status != "TRADING" or info.get("isSpotTradingAllowed") is False:
        raise ConfigError(f"{symbol} does not trade: its status is {status}", hint="choose another symbol")
    if stp_mode is not None:
        _check_orders(symbol, info, stp_mode)
    filters = {row["filterType"]: row for row in info["filters"]}
    price, lot = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
    notional = filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", {}))
    return InstrumentSpec(
        symbol=symbol,
        venue_symbol=str(market["id"]),
        base=str(market["base"]),
        quote=str(market["quote"]),
        tick_size=_decimal(price.get("tickSize")),
        lot_size=_decimal(lot.get("stepSize")),
        size_min=_decimal(lot.get("minQty")),
        size_max=_decimal(lot.get("maxQty")),
        notional_min=_decimal(notional.get("minNotional")),
        price_min=_decimal(price.get("minPrice")),
        price_max=_decimal(price.get("maxPrice")),
        maker_fee_ratio=fees.maker,
        taker_fee_ratio=fees.taker,
        open_orders_max=int(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 200)),
    )


def _check_orders(symbol: str, info: Mapping[str, Any], stp_mode: str) -> None:
    missing = [kind for kind in _ORDER_TYPES if kind not in info.get("orderTypes", ())]
    if missing:
        raise ConfigError(
            f"{symbol} does not take {' and '.join(missing)} orders", hint="choose another symbol"
        )
    modes = info.get("allowedSelfTradePreventionModes")
    if modes and stp_mode not in modes:
        raise ConfigError(
            f"{symbol} does not know the self-trade prevention mode {stp_mode}",
            hint=f"it knows {', '.join(modes)}",
        )


def account_fees(account: Mapping[str, Any], otherwise: Fees) -> Fees:
    """Return what the account's own answer says that it pays, `otherwise` if it says nothing."""
    rates = account.get("commissionRates")
    if not isinstance(rates, dict):
        return otherwise
    return Fees(_ratio(rates.get("maker")), _ratio(rates.get("taker")))


def listed_fees(market: Mapping[str, Any]) -> Fees:
    """Return the fees that ccxt lists for everybody."""
    return Fees(_ratio(market.get("maker")), _ratio(market.get("taker")))


def _ratio(value: object) -> Decimal:
    return _decimal(value).quantize(_PPM, rounding=ROUND_CEILING)


def _decimal(value: object) -> Decimal:
    try:
        number = Decimal(str(value if value is not None else 0))
    except InvalidOperation:
        raise ConfigError(f"the venue lists {value!r} where a number is due") from None
    if not number.is_finite():
        raise ConfigError(f"the venue lists {value!r} where a number is due")
    return number
