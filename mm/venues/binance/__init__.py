"""Binance spot. The settings are cheap to import; the adapters bring ccxt and are made by the functions.

Must never import ccxt by itself: half a second and 100 MB that most commands do not need.
"""

from typing import TYPE_CHECKING

from mm.venues.binance.settings import BinancePublicSettings, BinanceSettings, BinanceUrls, Clock

if TYPE_CHECKING:
    from mm.venues.binance.heard import BinanceHeard, Ear
    from mm.venues.binance.heard_account import AccountEar, BinanceAccountHeard
    from mm.venues.binance.public import BinancePublic
    from mm.venues.binance.venue import BinanceAdapter

__all__ = [
    "BinanceMarketData",
    "BinancePublicSettings",
    "BinanceSettings",
    "BinanceUrls",
    "BinanceVenue",
    "Clock",
    "heard_account_data",
    "heard_market_data",
]


def BinanceVenue(settings: BinanceSettings) -> "BinanceAdapter":  # noqa: N802 - it stands for the class
    """Return the adapter of one account; raises ForeignAddress before anything is sent, ConfigError."""
    settings.egress()
    from mm.venues.binance.venue import BinanceAdapter  # noqa: PLC0415 - ccxt is imported with it

    return BinanceAdapter(settings)


def BinanceMarketData(settings: BinancePublicSettings) -> "BinancePublic":  # noqa: N802 - it stands for the class
    """Return the adapter of public data alone; raises ForeignAddress before anything is sent, ConfigError."""
    settings.egress()
    from mm.venues.binance.public import BinancePublic  # noqa: PLC0415 - ccxt is imported with it

    return BinancePublic(settings)


def heard_market_data(settings: BinancePublicSettings, ear: "Ear") -> "BinanceHeard":
    """Return the adapter of public data with an ear on it; raises ForeignAddress, ConfigError."""
    settings.egress()
    from mm.venues.binance.heard import BinanceHeard  # noqa: PLC0415 - ccxt is imported with it

    return BinanceHeard(settings, ear)


def heard_account_data(settings: BinanceSettings, ear: "AccountEar") -> "BinanceAccountHeard":
    """Return what listens to an account and can do nothing else; raises ForeignAddress, ConfigError."""
    settings.egress()
    from mm.venues.binance.heard_account import BinanceAccountHeard  # noqa: PLC0415 - ccxt is imported with it

    return BinanceAccountHeard(settings, ear)
