"""What an adapter of public data is given. There is no place for a key in it."""

from decimal import Decimal

from mm.domain.units import floor_atoms
from mm.settings.models import PaperSettings, VenueSettings
from mm.settings.values import host_is_loopback
from mm.venues.binance import BinancePublicSettings, BinanceUrls
from mm.venues.binance.settings import Clock


def public_settings(given: PaperSettings, venue: VenueSettings, clock: Clock) -> BinancePublicSettings:
    """Return what the adapter of public data is given."""
    return BinancePublicSettings(
        clock=clock,
        urls=BinanceUrls(rest=venue.url) if venue.url else None,
        loopback_only=venue.url is not None and host_is_loopback(venue.url),
        maker_fee_ppm=fee_ppm(given.maker_fee_bps),
        taker_fee_ppm=fee_ppm(given.taker_fee_bps),
    )


def fee_ppm(fee_bps: Decimal) -> int:
    """Return a fee in parts per million."""
    return floor_atoms(fee_bps, 2)  # exact: a fee has two decimals at most
