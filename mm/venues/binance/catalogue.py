"""Asks the venue at start-up what is traded and what the account pays.

Must never leave the caller in doubt: it returns instruments or raises one of three errors, each with a hint.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from mm.domain.instrument import Instrument, InstrumentSpec, asset_scales, make_instrument
from mm.errors import ConfigError, MMError, VenueRefused, VenueUnreachable
from mm.venues.binance.answers import Garbled
from mm.venues.binance.link import Link
from mm.venues.binance.markets import account_fees, listed_fees, spec_of, unknown_symbol
from mm.venues.binance.timing import Timing
from mm.venues.edge.errors import CLOCK_OFF, RequestFailure, is_access_denied
from mm.venues.edge.rest import Rest

Account: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]

_BAD_SYMBOL_CODES: Final = frozenset({-1100, -1121})


class Catalogue:
    """The venue's list of symbols."""

    def __init__(self, link: Link, rest: Rest, timing: Timing, exchange: Any, *, account: Account) -> None:
        """Ask through `rest` and `exchange`; what is found becomes known to `link`.

        Args: account: tells what the account pays, as the venue's answer would; empty if nobody knows.
        """
        self._link = link
        self._rest = rest
        self._timing = timing
        self._exchange = exchange
        self._account = account
        self._traded: tuple[str, ...] = ()

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`; raises ConfigError, VenueUnreachable, VenueRefused."""
        try:
            await self._timing.measured()
            markets = await self._rows(symbols)
            account = await self._account()
        except (RequestFailure, Garbled) as error:
            raise _as_error(error, self._link.settings.addresses.rest) from None
        instruments = _made(self._specs(symbols, markets, account))
        self._link.know(instruments)
        self._traded = symbols
        return instruments

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, of which only the market matters; raises as `instruments`.

        They need no order type and no mode of self-trade prevention; what is paid there is not asked.
        """
        try:
            # ccxt keeps the rows of the last listing alone: those that are traded have to be in it.
            markets = await self._rows(tuple(dict.fromkeys((*self._traded, *symbols))))
        except (RequestFailure, Garbled) as error:
            raise _as_error(error, self._link.settings.addresses.rest) from None
        instruments = _made(tuple(self._watched_spec(symbol, markets) for symbol in symbols))
        self._link.watch(instruments)
        return instruments

    def _watched_spec(self, symbol: str, markets: Mapping[str, Any]) -> InstrumentSpec:
        if symbol not in markets:
            raise unknown_symbol(symbol, markets)
        return spec_of(symbol, markets[symbol], fees=listed_fees(markets[symbol]), stp_mode=None)

    async def _rows(self, symbols: tuple[str, ...]) -> Mapping[str, Any]:
        # Asking for the few that are wanted saves the loop a third of a second and the process 40 MB; the
        # whole list is needed only to tell what an unknown name comes close to.
        wanted = [symbol.replace("/", "") for symbol in dict.fromkeys(symbols)]
        try:
            rows = await self._load({"symbols": json.dumps(wanted, separators=(",", ":"))})
        except RequestFailure as failure:
            if failure.code not in _BAD_SYMBOL_CODES:
                raise
            rows = {}
        if all(symbol in rows for symbol in symbols):
            return rows
        rows = await self._load({})
        if not rows:
            raise Garbled("it lists no symbols")
        return rows

    async def _load(self, params: dict[str, str]) -> Mapping[str, Any]:
        markets = await self._rest.within_deadline(self._exchange.load_markets(True, params))
        return {symbol: row for symbol, row in markets.items() if row["spot"]}

    def _specs(
        self, symbols: tuple[str, ...], markets: Mapping[str, Any], account: Mapping[str, Any]
    ) -> tuple[InstrumentSpec, ...]:
        specs = []
        for symbol in symbols:
            if symbol not in markets:
                raise unknown_symbol(symbol, markets)
            fees = account_fees(account, listed_fees(markets[symbol]))
            mode = self._link.settings.stp_mode
            specs.append(spec_of(symbol, markets[symbol], fees=fees, stp_mode=mode))
        return tuple(specs)


def _made(specs: tuple[InstrumentSpec, ...]) -> tuple[Instrument, ...]:
    try:
        scales = asset_scales(specs)
        return tuple(make_instrument(spec, scales) for spec in specs)
    except (ValueError, ArithmeticError) as error:
        raise ConfigError(
            f"the venue's filters cannot be used: {error}", hint="choose another symbol"
        ) from None


def _as_error(error: RequestFailure | Garbled, address: str) -> MMError:
    if isinstance(error, Garbled):
        hint = f"check the address, {address}"
        return VenueUnreachable(f"binance answered something else: {error}", hint=hint)
    code, said = error.code, str(error)
    if is_access_denied(error):
        hint = "check key, secret, allowed addresses and permissions"
        return VenueRefused(f"binance refuses the key: {said}", code=code, hint=hint)
    if code == CLOCK_OFF:
        hint = "set this machine's clock"
        return VenueRefused(f"binance refuses the time of the request: {said}", code=code, hint=hint)
    if 300 <= error.status < 500:
        return VenueRefused(f"binance refused: {said}", code=code, hint="wait a little, then try again")
    return VenueUnreachable(f"binance: {said}", hint=f"check the network and the address, {address}")
