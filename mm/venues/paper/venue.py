"""The paper venue: any venue's public data, an account that exists in this process alone, fills by `mm.sim`.

Must never hold a key, sign, read a clock, use a timer of the loop, or depend on when it is called: only on
the times that are stated. Invariant: the same events and commands give the same outcomes to the byte, however
`advance` cuts the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, Connect, ListBalances, MeasureClock, Place, SyncBook, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    Stream,
    StreamDown,
    StreamUp,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.tuples import named
from mm.domain.watched import split_name
from mm.errors import ConfigError, ProtocolViolation
from mm.ports import Venue, Watches
from mm.sim.causes import CauseCount, FillCause
from mm.sim.latency import Line
from mm.sim.touch import TouchTotals
from mm.venues.paper.desk import Desk
from mm.venues.paper.market import PaperMarket
from mm.venues.paper.outcomes import Request
from mm.venues.paper.post import Post, Sent
from mm.venues.paper.settings import PaperVenueSettings
from mm.venues.paper.truth import PaperTruth, QueueEstimate

WEIGHT_CLOCK: Final = 1
"""Weight of a look at the venue's clock."""


class PaperVenue:
    """An account on paper at the venue `public`; see `mm.ports.SimulatedVenue`.

    It begins with the holdings of the settings and without orders in each process: orders of an earlier life
    are not known to it, as they never were anywhere.
    Fields: caps: those of `public`, but its book never shows our orders.
    """

    def __init__(self, public: Venue, settings: PaperVenueSettings) -> None:
        """Trade on what `public` shows; it is asked for public data alone."""
        self._public = public
        self._settings = settings
        self._caps = msgspec.structs.replace(public.caps, own_orders_in_book=False)
        self._desk = Desk(settings, self._caps)
        self._post = Post()
        self._line = Line(settings.latency())
        self._now_ns = 0
        self._is_started = False
        self._attempts = 0
        self._subscribed = False

    # ---- the port

    @property
    def caps(self) -> Capabilities:
        """What the venue can do and limits."""
        return self._caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, in that order, with the fees of the settings.

        Raises: what the venue raises that gives the public data.
        """
        fees = {
            "maker_fee_ppm": self._settings.maker_fee_ppm,
            "taker_fee_ppm": self._settings.taker_fee_ppm,
        }
        shown = await self._public.instruments(symbols)
        instruments = tuple(msgspec.structs.replace(instrument, **fees) for instrument in shown)
        for instrument in instruments:
            self._desk.open(instrument)
        return instruments

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the instruments of `symbols`, where no account exists; see `mm.ports.Watches`.

        Raises: ConfigError if what gives the public data cannot show them; what it raises.
        """
        if not isinstance(self._public, Watches):
            raise ConfigError(f"{', '.join(symbols)} cannot be watched beside what is traded here")
        return await self._public.watch(symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Begin: what is public goes to `sink` from now on, everything else comes by `advance`."""
        self._is_started = True
        await self._public.start(sink)

    def submit(self, command: VenueCommand) -> None:
        """Send a command, as of the time of the last `advance`; returns at once.

        Raises: ProtocolViolation before `start`, after `close`, or for a symbol that was never asked for.
        """
        if not self._is_started:
            raise ProtocolViolation("a command came before the venue was started or after it was closed")
        # What comes most is asked for first: each pattern that is tried in vain costs.
        match command:
            case Place():
                self._check_symbol(command)
                self._desk.markets[command.symbol].place_sent(command)
                self._send(command)
            case Cancel():
                self._check_symbol(command)
                self._desk.markets[command.symbol].cancel_sent(command.cid)
                self._send(command)
            case SyncBook() | MeasureClock() | Connect(stream=Stream.MARKET):
                self._charge(command)
                self._public.submit(command)
            case Connect():
                self._attempts += 1
                self._subscribed = False
                self._post.drop_reports()
                self._send(command)
            case _:
                self._check_symbol(command)
                self._send(command)

    async def close(self) -> None:
        """Close what gives the public data."""
        self._is_started = False
        await self._public.close()

    # ---- event time

    @property
    def next_due_ns(self) -> int | None:
        """When the next thing happens, None when nothing is under way."""
        return self._post.next_due_ns

    def advance(self, ts_ns: int) -> Sequence[AnyEvent]:
        """Let time pass up to and including `ts_ns`; return the outcomes due, each at its own time."""
        due_ns = self._post.next_due_ns
        if due_ns is None or due_ns > ts_ns:
            self._now_ns = max(self._now_ns, ts_ns)
            return ()
        told: list[AnyEvent] = []
        while (due := self._post.pop_due(ts_ns)) is not None:
            sent, events = due
            if sent is not None:
                self._carry_out(sent)
            told.extend(events)
        self._now_ns = max(self._now_ns, ts_ns)
        return told

    def witness(self, event: AnyEvent) -> Sequence[AnyEvent]:
        """See an event from outside; return what it does to our orders, which the engine hears of first."""
        ts_ns = max(self._now_ns, event.ts_ns)
        match event:
            case BookSnapshot() | BookDelta() | TopOfBook() | PublicTrade() | BookLost():
                market = self._desk.markets.get(event.symbol)
                told = market.witness(event, ts_ns) if market is not None else []
            case StreamDown(stream=Stream.MARKET, venue=""):
                for market in self._desk.markets.values():
                    market.lost()
                told = []
            case _:
                told = []
        if not told or not self._subscribed:
            return ()
        return [*self._post.hurry(ts_ns), *told]

    @property
    def compares(self) -> bool:
        """Whether every message is shown to another fill model as well."""
        return self._settings.compares

    def market(self, symbol: str) -> PaperMarket | None:
        """Return the market of a symbol, None where nothing is traded: for whoever fast-forwards it."""
        return self._desk.markets.get(symbol)

    def order_markets(self) -> dict[str, PaperMarket]:
        """Return the markets that have to be told of single orders (`PaperMarket.on_orders`), by symbol."""
        return {symbol: market for symbol, market in self._desk.markets.items() if market.follows_orders}

    # ---- what is shown

    def estimates(self) -> tuple[QueueEstimate, ...]:
        """Return where each open order stands in its queue."""
        return tuple(row for market in self._desk.markets.values() for row in market.estimates())

    def queue_ahead(self) -> Mapping[str, int]:
        """Return how much is estimated to trade before each open order, base atoms by client order id."""
        return {row.cid: row.ahead_atoms for row in self.estimates()}

    @property
    def touch(self) -> TouchTotals:
        """What fill-at-touch would have claimed beside what was filled, over all symbols."""
        totals = [market.touch.totals() for market in self._desk.markets.values()]
        return TouchTotals(*(sum(column) for column in zip(*totals, strict=True)))

    def fills_by_cause(self) -> dict[str, Mapping[FillCause, CauseCount]]:
        """Return what filled our orders so far, by symbol; zeros too."""
        return {symbol: market.fills_by_cause for symbol, market in self._desk.markets.items()}

    def truths(self) -> tuple[PaperTruth, ...]:
        """Return what really happened, one per symbol; all tell the account's same balances."""
        at_start, now = self._desk.balances_at_start(), self._desk.balances()
        return tuple(market.truth(at_start=at_start, now=now) for market in self._desk.markets.values())

    # ---- requests

    def _send(self, command: Request | Connect) -> None:
        times = self._line.send(self._now_ns)
        self._post.send(named(Sent, (command, self._now_ns, times.effect_ns, times.answered_ns)))

    def _charge(self, command: SyncBook | MeasureClock | Connect) -> None:
        # What is asked of another venue is not counted by this one.
        if isinstance(command, SyncBook):
            if not split_name(command.symbol)[0]:
                self._desk.charge(self._now_ns, self._caps.weight_book)
        elif not (isinstance(command, Connect) and command.venue):
            self._desk.charge(self._now_ns, WEIGHT_CLOCK)

    def _check_symbol(self, command: Request) -> None:
        if not isinstance(command, ListBalances) and command.symbol not in self._desk.markets:
            raise ProtocolViolation(
                f"a command names {command.symbol!r}, whose instrument was never asked for"
            )

    def _carry_out(self, sent: Sent) -> None:
        if isinstance(sent.command, Connect):
            self._subscribe(sent.heard_ns)
            return
        outcome = self._desk.carry_out(sent.command, sent)
        if self._subscribed:
            self._post.report(outcome.stream, sent.heard_ns)
        self._post.answer(outcome.answer, sent.heard_ns)

    def _subscribe(self, heard_ns: int) -> None:
        # Of several attempts the last one counts: each gives the one before it up.
        self._attempts -= 1
        if not self._attempts:
            self._subscribed = True
            self._post.report((StreamUp(ts_ns=heard_ns, stream=Stream.USER),), heard_ns)
