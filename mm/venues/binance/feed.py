"""What every adapter of Binance spot does: session, running commands, market stream, catalogue, clock.

Must never queue, sleep, retry or decide: deadlines and retries belong to the engine. Must not import what
signs: a feed is public, an account is added to it. Invariant: each command ends in its outcome within the
request's deadline, whatever the venue, the network or a defect of ours does. Imports ccxt: import this module
late.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from mm.domain.capabilities import Capabilities
from mm.domain.commands import (
    Cancel,
    Connect,
    ListBalances,
    MeasureClock,
    Place,
    Query,
    SyncBook,
    VenueCommand,
)
from mm.domain.events import AnyEvent, CancelUnknown, PlaceUnknown, RequestFailed, Stream, StreamDown
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS
from mm.errors import ProtocolViolation
from mm.venues.binance.catalogue import Catalogue
from mm.venues.binance.link import Link
from mm.venues.binance.public_facts import PublicFacts
from mm.venues.binance.settings import AnySettings
from mm.venues.binance.streams import MarketStream
from mm.venues.binance.timing import Timing
from mm.venues.edge.egress import Egress
from mm.venues.edge.rest import Rest
from mm.venues.edge.session import GuardedSession, open_session
from mm.venues.edge.tap import PublicTap

CLOSE_S: Final = 2.0
"""Seconds that each step of closing may take."""

ABSENCE_PROOF_MIN_MS: Final = 60_000
"""Shortest time after which "not found" may count: the venue's own lag."""

PING_MS: Final = 5_000
"""How often a stream is asked for a sign of life; two misses end it."""

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Carries one command out and hands out its outcome."""


class BinanceFeed:
    """One connection to Binance spot; see `mm.ports.Venue`. Its children say what they can carry out.

    Fields: caps: what the venue can do and limits.
    """

    def __init__(self, link: Link, exchange: PublicTap, egress: Egress, *, request_life_ms: int = 0) -> None:
        """Keep the parts; nothing is sent.

        Args: exchange: reports to this object. request_life_ms: how long a request may be under way.
        """
        settings = link.settings
        _point(exchange, settings)
        self._link = link
        self._egress = egress
        self._exchange = exchange
        self._rest = Rest(exchange, timeout_ms=settings.request_timeout_ms)
        self._timing = Timing(link, self._rest)
        self._catalogue = Catalogue(link, self._rest, self._timing, exchange, account=self.account)
        self._market = MarketStream(link, self._rest, exchange, self._background)
        self._session: GuardedSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        proof_ms = max(ABSENCE_PROOF_MIN_MS, request_life_ms)
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

    @property
    def public_facts(self) -> PublicFacts:
        """Reads for a check of fitness; valid once instruments were asked for."""
        return PublicFacts(self._link, self._rest, self._timing, self._exchange)

    async def account(self) -> Mapping[str, Any]:
        """Return what is known of the account, as the venue would answer it: here nothing."""
        return {}

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, in that order, with the fees that the account pays.

        Raises: ConfigError if a symbol does not exist or does not trade; VenueUnreachable; VenueRefused.
        """
        self._connectable()
        return await self._catalogue.instruments(symbols)

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, of which only the market matters; see `mm.ports.Watches`."""
        self._connectable()
        return await self._catalogue.watch(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: events go to `sink` from now on. Streams connect on command."""
        self._connectable()
        self._link.open(sink)

    def submit(self, command: VenueCommand) -> None:
        """Send a command; returns at once.

        Raises: ProtocolViolation before `start`, after `close`, for a symbol that was never asked for, or for
        what this adapter cannot do.
        """
        if not self._link.is_open:
            raise ProtocolViolation("a command came before the venue was started or after it was closed")
        if isinstance(command, SyncBook):
            self._link.market(command.symbol)
        elif not isinstance(command, Connect | ListBalances | MeasureClock):
            self._link.instrument(command.symbol)
        self._background(self._carry_out(command, self.work_for(command)))

    def work_for(self, command: VenueCommand) -> Work:
        """Return what carries a command out; raises ProtocolViolation for what needs an account."""
        match command:
            case MeasureClock():
                return self._timing.clock
            case SyncBook():
                return partial(self._market.sync_book, command)
            case Connect(stream=Stream.MARKET):
                return self._market.connect
            case _:
                name = type(command).__name__
                raise ProtocolViolation(f"{name} was asked of a feed of public data, which has no account")

    async def close(self) -> None:
        """Close every connection, within a few seconds. Pending outcomes are lost."""
        self._link.shut()
        self._market.close()
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
        return self._market.on_text(client, text)

    def on_frame(self, client: Any, frame: Any) -> bool:  # noqa: ARG002 - the signature is the listener's
        """A decoded frame came; see `TapListener`."""
        return self._market.on_frame(client)

    def on_lost(self, client: Any, reason: str) -> None:
        """A connection ended; see `TapListener`."""
        self._market.on_lost(client, reason)

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

    async def _carry_out(self, command: VenueCommand, work: Work) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - a defect of ours must not swallow the outcome of an order
            name = type(error).__name__
            self._link.ignored[f"defect {name}"] += 1
            self._link.emit(_in_doubt(command, self._link.now_ns(), f"defect in the adapter: {name}"))


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


def client_config(settings: AnySettings) -> dict[str, Any]:
    """Return the settings of ccxt's client: it neither waits, repeats nor rounds."""
    return {
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
            "ws": {"cost": 1, "keepAlive": PING_MS},
        },
    }


def _point(client: PublicTap, settings: AnySettings) -> None:
    used = settings.addresses
    client.urls["api"] = {"public": used.rest, "ws": {"spot": used.market}}
    client.timeout_on_exit = 0
