"""The adapter of Binance spot: commands go in, events come out, ccxt is the transport.

Must never queue, sleep, retry or decide: deadlines and retries belong to the engine. Invariant: each command
ends in its outcome within the request's deadline, whatever the venue, the network or a defect of ours does.
Imports ccxt: import this module late.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, assert_never

from mm.domain.capabilities import Capabilities
from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Place,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import AnyEvent, CancelUnknown, PlaceUnknown, RequestFailed, StreamDown
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS
from mm.errors import ProtocolViolation
from mm.venues.binance.catalogue import Catalogue
from mm.venues.binance.link import Link
from mm.venues.binance.listings import Listings
from mm.venues.binance.settings import BinanceSettings
from mm.venues.binance.streams import Streams
from mm.venues.binance.trading import Trading
from mm.venues.edge.egress import Egress
from mm.venues.edge.rest import Rest
from mm.venues.edge.session import GuardedSession, open_session
from mm.venues.edge.tap import TappedBinance

CLOSE_S: Final = 2.0
"""Seconds that each step of closing may take."""

ABSENCE_PROOF_MIN_MS: Final = 60_000
"""Shortest time after which "not found" may count: the venue's own lag."""

PING_MS: Final = 5_000
"""How often a stream is asked for a sign of life; two misses end it."""


class BinanceAdapter:
    """One account at Binance spot; see `mm.ports.Venue`.

    Fields: caps: what the venue can do and limits.
    """

    def __init__(self, settings: BinanceSettings) -> None:
        """Construct without sending anything; raises ForeignAddress, ConfigError."""
        self._egress = settings.egress()
        self._link = Link(settings)
        self._exchange = _client(settings, self._egress, listener=self, venue_ns=self._link.venue_ns)
        self._rest = Rest(self._exchange, timeout_ms=settings.request_timeout_ms)
        self._trading = Trading(self._link, self._rest)
        self._listings = Listings(self._link, self._rest)
        self._catalogue = Catalogue(self._link, self._rest, self._listings, self._exchange)
        self._streams = Streams(self._link, self._rest, self._exchange, self._background)
        self._session: GuardedSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        proof_ms = max(ABSENCE_PROOF_MIN_MS, settings.recv_window_ms + settings.request_timeout_ms)
        self._caps = Capabilities(
            orders_per_10s=100, weight_per_minute=6_000, absence_proof_ns=proof_ms * NS_PER_MS
        )

    @property
    def caps(self) -> Capabilities:
        """What the venue can do and limits."""
        return self._caps

    @property
    def ignored(self) -> Mapping[str, int]:
        """How often something of the venue was not understood or not ours, by kind."""
        return self._link.ignored

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, in that order, with the fees that the account pays.

        Raises: ConfigError if a symbol does not exist or does not trade; VenueUnreachable; VenueRefused.
        """
        self._connectable()
        return await self._catalogue.instruments(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: events go to `sink` from now on. Streams connect on command."""
        self._connectable()
        self._link.open(sink)

    def submit(self, command: VenueCommand) -> None:
        """Send a command; returns at once.

        Raises: ProtocolViolation before `start`, after `close`, or for a symbol that was never asked for.
        """
        if not self._link.is_open:
            raise ProtocolViolation("a command came before the venue was started or after it was closed")
        if not isinstance(command, Connect | ListBalances | MeasureClock):
            self._link.instrument(command.symbol)
        self._background(self._carry_out(command))

    async def close(self) -> None:
        """Close every connection, within a few seconds. Pending outcomes are lost."""
        self._link.shut()
        self._streams.close()
        pending = set(self._tasks)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=CLOSE_S)
        await _bounded(self._exchange.close())
        if self._session is not None:
            session, self._session = self._session, None
            await _bounded(session.close())

    # ---- what the tap tells

    def on_text(self, client: Any, text: str) -> bool:
        """A text came; see `TapListener`."""
        return self._streams.on_text(client, text)

    def on_frame(self, client: Any, frame: Any) -> bool:
        """A decoded frame came; see `TapListener`."""
        return self._streams.on_frame(client, frame)

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended; see `TapListener`."""
        self._streams.on_lost(client, reason)

    def on_answer(self, headers: Mapping[str, str]) -> None:
        """An answer came; see `TapListener`."""
        self._link.on_headers(headers)

    # ---- running commands

    def open_session(self) -> GuardedSession:
        """Return a new session for the running loop; exchanges that bear another's name replace this."""
        return open_session(self._egress)

    def _connectable(self) -> None:
        # The session needs the running loop, so it is opened with the first use, not in the constructor.
        if self._session is None:
            self._session = self._exchange.session = self.open_session()
            self._exchange.own_session = False

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._link.ignored[f"defect {type(task.exception()).__name__}"] += 1

    async def _carry_out(self, command: VenueCommand) -> None:
        try:
            await self._handle(command)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not swallow the outcome of an order
            name = type(error).__name__
            self._link.ignored[f"defect {name}"] += 1
            self._link.emit(_in_doubt(command, self._link.now_ns(), f"defect in the adapter: {name}"))

    async def _handle(self, command: VenueCommand) -> None:
        match command:
            case Place():
                await self._trading.place(command)
            case Cancel():
                await self._trading.cancel(command)
            case Query():
                await self._trading.query(command)
            case ListOrders():
                await self._listings.orders(command)
            case ListFills():
                await self._listings.fills(command)
            case ListBalances():
                await self._listings.balances()
            case MeasureClock():
                await self._listings.clock()
            case SyncBook():
                await self._streams.sync_book(command)
            case Connect():
                await self._streams.connect(command)
            case _:
                assert_never(command)


def _in_doubt(command: VenueCommand, now_ns: int, cause: str) -> AnyEvent:
    match command:
        case Place():
            return PlaceUnknown(ts_ns=now_ns, cid=command.cid, cause=cause)
        case Cancel():
            return CancelUnknown(ts_ns=now_ns, cid=command.cid, cause=cause)
        case Connect():
            return StreamDown(ts_ns=now_ns, stream=command.stream, reason=cause)
        case Query():
            subject = command.cid
        case ListBalances() | MeasureClock():
            subject = ""
        case _:
            subject = command.symbol
    return RequestFailed(ts_ns=now_ns, what=type(command).__name__, subject=subject, reason=cause)


async def _bounded(work: Coroutine[Any, Any, Any]) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await work
    except TimeoutError:
        return


def _client(
    settings: BinanceSettings, egress: Egress, *, listener: Any, venue_ns: Callable[[], int]
) -> TappedBinance:
    config = {
        "apiKey": settings.api_key or None,
        "secret": settings.api_secret or None,
        "number": str,
        "enableRateLimit": False,
        "timeout": settings.request_timeout_ms,
        "options": {
            "defaultType": "spot",
            "maxRetriesOnFailure": 0,
            "fetchMarkets": {"types": ["spot"]},
            "fetchMargins": False,
            "fetchCurrencies": False,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            "recvWindow": settings.recv_window_ms,
            "ws": {"cost": 1, "keepAlive": PING_MS},
        },
    }
    client = TappedBinance(config, listener=listener, egress=egress, venue_ns=venue_ns)
    used = settings.addresses
    client.urls["api"] = {
        "public": used.rest,
        "private": used.rest,
        "ws": {"spot": used.market, "ws-api": {"spot": used.user}},
    }
    client.timeout_on_exit = 0
    return client
