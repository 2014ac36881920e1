"""The venue's JSON about the account: balances, fees and the rights of its keys.

Pure functions with exact key sets; nothing here decides anything.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import PPM, PPM_PER_BPS, text_from_atoms
from mm.exchange.payloads import NOTHING, Payload, ms
from mm.exchange.user_payloads import balance_texts
from mm.sim.reports import Held

_RATE_DECIMALS: Final = 8
_DISCOUNT_ASSET: Final = "BNB"


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
            for asset, free, locked in balance_texts(instrument, held)
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def commission(instrument: Instrument) -> Payload:
    """Return the account's fees on the symbol, as ratios; nothing but the standard fee is charged here."""
    maker, taker = _rate(instrument.maker_fee_ppm), _rate(instrument.taker_fee_ppm)
    none = {"maker": NOTHING, "taker": NOTHING, "buyer": NOTHING, "seller": NOTHING}
    return {
        "symbol": instrument.venue_symbol,
        "standardCommission": {**none, "maker": maker, "taker": taker},
        "specialCommission": none,
        "taxCommission": none,
        "discount": _discount(),
    }


def trade_fee(instrument: Instrument) -> Payload:
    """Return one row of the account's fees by symbol, as ratios."""
    return {
        "symbol": instrument.venue_symbol,
        "makerCommission": _rate(instrument.maker_fee_ppm),
        "takerCommission": _rate(instrument.taker_fee_ppm),
    }


def order_rates(instrument: Instrument) -> Payload:
    """Return the fees that an order would pay, as the test of an order answers them."""
    maker, taker = _rate(instrument.maker_fee_ppm), _rate(instrument.taker_fee_ppm)
    none = {"maker": NOTHING, "taker": NOTHING}
    return {
        "standardCommissionForOrder": {"maker": maker, "taker": taker},
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": _discount(),
    }


def restrictions(created_ns: int) -> Payload:
    """Return what a key of the account may do: read and trade spot, from this computer; never withdraw."""
    return {
        "ipRestrict": True,
        "createTime": ms(created_ns),
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def _discount() -> Payload:
    return {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": _DISCOUNT_ASSET,
        "discount": NOTHING,
    }


def _rate(fee_ppm: int) -> str:
    return text_from_atoms(fee_ppm * (10**_RATE_DECIMALS // PPM), _RATE_DECIMALS)
