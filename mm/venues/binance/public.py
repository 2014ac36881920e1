"""Binance spot for everybody: instruments, books, trades, clock. No key is read, nothing is signed or traded.

Must not import what signs or trades. Imports ccxt: import this module late.
"""

from collections.abc import Mapping
from typing import Any, Final

from mm.domain.units import text_from_atoms
from mm.venues.binance.feed import BinanceFeed, client_config
from mm.venues.binance.link import Link
from mm.venues.binance.settings import BinancePublicSettings
from mm.venues.edge.egress import Egress
from mm.venues.edge.tap import PublicTap

_PPM_DECIMALS: Final = 6


class BinancePublic(BinanceFeed):
    """The public half of Binance spot; see `mm.ports.Venue`. What needs an account is a ProtocolViolation."""

    def __init__(self, settings: BinancePublicSettings) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError."""
        egress = settings.egress()
        self._settings = settings
        exchange = self.make_tap(client_config(settings), egress)
        super().__init__(Link(settings), exchange, egress)

    def make_tap(self, config: dict[str, Any], egress: Egress) -> PublicTap:
        """Return the client that carries everything; children may listen more closely."""
        return PublicTap(config, listener=self, egress=egress)

    async def account(self) -> Mapping[str, Any]:
        """Return the fees of the settings, as the venue would answer them for an account."""
        maker, taker = self._settings.maker_fee_ppm, self._settings.taker_fee_ppm
        rates = {
            "maker": text_from_atoms(maker, _PPM_DECIMALS),
            "taker": text_from_atoms(taker, _PPM_DECIMALS),
        }
        return {"commissionRates": rates}
