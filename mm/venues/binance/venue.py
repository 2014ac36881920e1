"""The adapter of Binance spot: commands go in, events come out, ccxt is the transport.

Must never queue, sleep, retry or decide: deadlines and retries belong to the engine. Invariant: each command
ends in its outcome within the request's deadline, whatever the venue, the network or a defect of ours does.
Imports ccxt: import this module late.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    Place,
    Query,
    VenueCommand,
)
from mm.domain.events import Stream
from mm.venues.binance.account_facts import AccountFacts
from mm.venues.binance.feed import BinanceFeed, Work, client_config
from mm.venues.binance.hot import HotCalls
from mm.venues.binance.link import Link
from mm.venues.binance.listings import Listings
from mm.venues.binance.settings import BinanceSettings
from mm.venues.binance.trading import Trading
from mm.venues.binance.user_stream import UserStream
from mm.venues.edge.egress import Egress
from mm.venues.edge.signing_tap import SigningTap


class BinanceAdapter(BinanceFeed):
    """One account at Binance spot; see `mm.ports.Venue`.

    Fields: caps: what the venue can do and limits.
    """

    def __init__(self, settings: BinanceSettings) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError."""
        egress, link = settings.egress(), Link(settings)
        exchange = _client(settings, egress, listener=self, venue_ns=link.venue_ns)
        life_ms = settings.recv_window_ms + settings.request_timeout_ms
        super().__init__(link, exchange, egress, request_life_ms=life_ms)
        used = settings.addresses
        exchange.urls["api"]["private"] = used.rest
        exchange.urls["api"]["ws"]["ws-api"] = {"spot": used.user}
        self._can_sign = settings.can_sign
        self._identity = ""
        timeout_ms = settings.request_timeout_ms
        self._hot = HotCalls(exchange, egress, base=used.rest, timeout_ms=timeout_ms)
        self._hot.may_place = settings.may_place
        self._trading = Trading(self._link, self._rest, self._hot)
        self._listings = Listings(self._link, self._rest)
        self._user = UserStream(self._link, self._rest, exchange, self._background)

    @property
    def account_facts(self) -> AccountFacts:
        """Reads for a check of fitness, of what the key may do; valid once instruments were asked for."""
        return AccountFacts(self._rest, self._exchange, address=self._link.settings.addresses.keys)

    async def account(self) -> Mapping[str, Any]:
        """Return the account's own answer, an empty one without a key.

        Raises: VenueRefused if the key may not trade; RequestFailure.
        """
        if not self._can_sign:
            return {}
        account = await self._listings.account()
        number = account.get("uid")
        self._identity = f"{self._link.settings.addresses.rest}#{number}" if number is not None else ""
        return account

    @property
    def identity(self) -> str:
        """Which account this is, whatever the key; see `mm.ports.Identified`."""
        return self._identity

    def work_for(self, command: VenueCommand) -> Work:
        """Return what carries a command out."""
        match command:
            case Place():
                return self._trading.place(command)
            case Cancel():
                return self._trading.cancel(command)
            case Query():
                return partial(self._trading.query, command)
            case ListOrders():
                return partial(self._listings.orders, command)
            case ListFills():
                return partial(self._listings.fills, command)
            case ListBalances():
                return self._listings.balances
            case Connect(stream=Stream.USER):
                return self._user.connect
            case _:
                return super().work_for(command)

    async def close(self) -> None:
        """Close every connection, within a few seconds. Pending outcomes are lost."""
        self._user.close()
        self._hot.close()
        await super().close()

    def on_frame(self, client: Any, frame: Any) -> bool:
        """A decoded frame came; see `TapListener`."""
        if self._user.owns(client):
            return self._user.on_frame(client, frame)
        return super().on_frame(client, frame)

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended; see `TapListener`."""
        super().on_lost(client, reason)
        self._user.on_lost(client, reason)


def _client(
    settings: BinanceSettings, egress: Egress, *, listener: Any, venue_ns: Callable[[], int]
) -> SigningTap:
    config = client_config(settings)
    config["apiKey"] = settings.api_key or None
    config["secret"] = settings.api_secret or None
    config["options"]["recvWindow"] = settings.recv_window_ms
    return SigningTap(config, listener=listener, egress=egress, venue_ns=venue_ns)
