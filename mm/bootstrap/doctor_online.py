"""What `mm doctor --online` measures at a venue, through the adapters that trade there.

Each measurement stands for itself: one that fails leaves a `Missed` in its place and the others are made. An
order is only ever placed where every address is on this machine. Must never read a key in paper mode.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final, TypeVar

from mm.bootstrap.doctor_watched import Seen, look, names_of
from mm.bootstrap.door import pace_of
from mm.bootstrap.public_feed import public_settings
from mm.bootstrap.run_config import live_venue_settings, only_venue
from mm.bootstrap.run_demo import demo_exchange, demo_venue_settings
from mm.bootstrap.trade import in_loop
from mm.domain.commands import Place, TimeInForce
from mm.domain.ids import SEQUENCE_BITS, OrderId, OrderIds
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.errors import MMError
from mm.logs import add_secrets, redact
from mm.runtime.clock import AnchoredClock
from mm.runtime.probe import Probe, RoundTrip
from mm.settings.models import Settings
from mm.settings.values import host_is_loopback
from mm.store.lock import holder
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from mm.venues.binance import BinanceMarketData, BinanceSettings, BinanceVenue
from mm.venues.binance.settings import Addresses
from mm.venues.edge.errors import RequestFailure

if TYPE_CHECKING:
    from mm.venues.binance.account_facts import AccountFacts, Rights, Standing, Usage
    from mm.venues.binance.public import BinancePublic
    from mm.venues.binance.public_facts import Listing, Top
    from mm.venues.binance.venue import BinanceAdapter

CLOCK_ROUNDS: Final = 5
FAR_PERCENT: Final = 10
"""How far from the market the order of the round trip is placed."""

PAPER: Final = "paper mode has no key"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A measurement that was not made. Fields: reason; hint; meant: it was left out, nothing failed."""

    reason: str
    hint: str = ""
    meant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """The venue's clock and how far away it is, ms. Fields: offset_ms: of the quickest of the round trips."""

    offset_ms: float
    median_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """Open orders on a symbol. Fields: ours: of this data directory; foreign: of anybody else."""

    ours: int
    foreign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """What is known of one session's symbol. Fields: name: of the session; balances: free atoms by asset."""

    name: str
    instrument: Instrument | Missed
    listing: "Listing | Missed"
    top: "Top | Missed"
    orders: OpenOrders | Missed
    balances: dict[str, int] | Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFacts:
    """A market that is only watched. Fields: name: as the config has it; sessions: that watch it."""

    name: str
    sessions: tuple[str, ...]
    seen: Seen | Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineFacts:
    """Everything that was measured.

    Fields: address: of the venue; local: each address is on this machine; status: what the venue says of
    itself; weight: used of `weight_limit` within a minute, -1 unknown; orders: limits of new orders.
    """

    address: str
    local: bool
    clock: ClockFacts | Missed
    status: str | Missed
    sessions: tuple[SessionFacts, ...]
    rights: "Rights | Missed"
    standing: "Standing | Missed"
    weight: int
    weight_limit: int
    orders: "tuple[Usage, ...] | Missed"
    round_trip: RoundTrip | Missed
    watched: tuple[WatchedFacts, ...] = ()


def examine_online(settings: Settings) -> OnlineFacts:
    """Measure at the venue of `settings`; in demo mode at an exchange of its own, started for this.

    Raises: ConfigError if a key cannot be read; VenueUnreachable if the demo's exchange does not come up.
    """
    return in_loop(lambda: _examine(settings))


async def _examine(settings: Settings) -> OnlineFacts:
    if settings.mode == "demo":
        async with demo_exchange(settings) as exchange:
            add_secrets((exchange.ready.api_secret, exchange.ready.api_key))
            return await _at_account(settings, demo_venue_settings(settings, exchange.ready, AnchoredClock()))
    venue = only_venue(settings)
    if settings.mode == "live":
        return await _at_account(settings, live_venue_settings(settings, venue, AnchoredClock()))
    pace = await asyncio.to_thread(pace_of, venue.url)
    given = public_settings(settings.paper, venue, AnchoredClock(pace))
    public = BinanceMarketData(given)
    return await _Examination(settings, public, None, given.addresses).whole()


async def _at_account(settings: Settings, given: BinanceSettings) -> OnlineFacts:
    # Where it is meant to stay on this machine it is also held there, whatever a name leads to.
    held = replace(given, loopback_only=is_local(given.addresses))
    account = BinanceVenue(held)
    return await _Examination(settings, account, account, held.addresses).whole()


def is_local(addresses: Addresses) -> bool:
    """Return whether every address is this machine by its very spelling: only there an order is placed."""
    return all(host_is_loopback(url) for url in (addresses.rest, addresses.market, addresses.user))


async def _attempt(work: Awaitable[T]) -> T | Missed:
    try:
        return await work
    except MMError as error:
        return Missed(reason=str(error), hint=error.hint)
    except RequestFailure as failure:
        return Missed(reason=str(failure))
    except Exception as error:  # noqa: BLE001 - a measurement that crashes is a finding of its own
        return Missed(reason=redact(f"{type(error).__name__}: {error}"))


class _Examination:
    # One look at a venue. account: the same venue where there is a key, else None.
    def __init__(
        self,
        settings: Settings,
        venue: "BinancePublic | BinanceAdapter",
        account: "BinanceAdapter | None",
        addresses: Addresses,
    ) -> None:
        self._settings = settings
        self._venue = venue
        self._account = account
        self._addresses = addresses
        self._probe = Probe(venue)

    async def whole(self) -> OnlineFacts:
        try:
            await self._venue.start(self._probe)
            clock = await _attempt(self._clock())
            return await self._rest(clock)
        finally:
            await self._venue.close()

    async def _rest(self, clock: ClockFacts | Missed) -> OnlineFacts:
        # A venue that is not there is not asked a dozen times more.
        gone = Missed(reason="not asked: the venue did not answer", meant=True)
        reached, facts = not isinstance(clock, Missed), self._facts()
        sessions = [await self._session(name) for name in self._settings.pair] if reached else []
        absent = gone if not reached else Missed(reason=PAPER, meant=True)
        with_key = reached and facts is not None
        return OnlineFacts(
            address=self._addresses.rest,
            local=is_local(self._addresses),
            clock=clock,
            status=await _attempt(facts.system_status()) if with_key and facts else absent,
            sessions=tuple(sessions),
            rights=await _attempt(facts.rights()) if with_key and facts else absent,
            standing=await _attempt(facts.standing()) if with_key and facts else absent,
            round_trip=await _attempt(self._round_trip(sessions)) if with_key else absent,
            orders=await _attempt(facts.order_usage()) if with_key and facts else absent,
            weight=self._probe.rate.weight if self._probe.rate is not None else -1,
            weight_limit=self._venue.caps.weight_per_minute,
            watched=tuple([await self._watched(*one) for one in names_of(self._settings).items()])
            if reached
            else (),
        )

    def _facts(self) -> "AccountFacts | None":
        return self._account.account_facts if self._account is not None else None

    async def _clock(self) -> ClockFacts:
        samples = [await self._venue.public_facts.clock() for _ in range(CLOCK_ROUNDS)]
        quickest = min(samples, key=lambda sample: sample.round_trip_ns)
        trips_ms = [sample.round_trip_ns / 1e6 for sample in samples]
        return ClockFacts(
            offset_ms=quickest.offset_ns / 1e6, median_ms=median(trips_ms), worst_ms=max(trips_ms)
        )

    async def _session(self, name: str) -> SessionFacts:
        symbol = self._settings.pair[name].symbol
        found = await _attempt(self._venue.instruments((symbol,)))
        if isinstance(found, Missed):
            unknown = Missed(reason=f"not asked: {symbol} cannot be traded", meant=True)
            return SessionFacts(
                name=name, instrument=found, listing=unknown, top=unknown, orders=unknown, balances=unknown
            )
        keyless = Missed(reason=PAPER, meant=True)
        return SessionFacts(
            name=name,
            instrument=found[0],
            listing=await _attempt(self._listing(symbol)),
            top=await _attempt(self._venue.public_facts.top(symbol)),
            orders=await _attempt(self._orders(symbol)) if self._account is not None else keyless,
            balances=await _attempt(self._probe.balances()) if self._account is not None else keyless,
        )

    async def _watched(self, name: str, sessions: tuple[str, ...]) -> WatchedFacts:
        seen = await _attempt(look(self._settings, name, self._venue))
        return WatchedFacts(name=name, sessions=sessions, seen=seen)

    async def _listing(self, symbol: str) -> "Listing":
        return self._venue.public_facts.listing(symbol)

    async def _orders(self, symbol: str) -> OpenOrders:
        listed, ids = await self._probe.orders(symbol), self._own_ids()
        ours = sum(ids is not None and ids.decode(order.cid) is not None for order in listed)
        return OpenOrders(ours=ours, foreign=len(listed) - ours)

    def _own_ids(self) -> OrderIds | None:
        # Of this data directory; none if it never ran. A demo's exchange has never seen any.
        data_dir = self._settings.data_dir
        if self._settings.mode == "demo" or not (data_dir / STATE_NAME).exists():
            return None
        kept = RunState.open(data_dir)
        return OrderIds(tag=kept.tag, key=kept.id_key)

    async def _round_trip(self, sessions: list[SessionFacts]) -> RoundTrip | Missed:
        if not is_local(self._addresses):
            return Missed(reason="only made on a local exchange: no order leaves this machine", meant=True)
        if self._settings.mode == "live" and holder(self._settings.data_dir) is not None:
            return Missed(reason="not made: a daemon trades there", meant=True)
        order = next((made for made in map(self._far_order, sessions) if made is not None), None)
        if order is None:
            return Missed(
                reason="not made: no symbol, no price or no funds for the smallest order", meant=True
            )
        return await _attempt(self._probe.round_trip(order))

    def _far_order(self, session: SessionFacts) -> Place | None:
        instrument, top, free = session.instrument, session.top, session.balances
        if isinstance(instrument, Missed) or isinstance(top, Missed) or isinstance(free, Missed):
            return None
        bid_ticks = max(instrument.price_min_ticks, top.bid_ticks * (100 - FAR_PERCENT) // 100)
        ask_ticks = min(instrument.price_max_ticks, top.ask_ticks * (100 + FAR_PERCENT) // 100)
        bid_lots, ask_lots = instrument.size_min_lots_at(bid_ticks), instrument.size_min_lots_at(ask_ticks)
        if free.get(instrument.quote, 0) >= instrument.notional_atoms(bid_ticks, bid_lots):
            return self._order(instrument, Side.BUY, bid_ticks, bid_lots)
        if free.get(instrument.base, 0) >= ask_lots * instrument.lot_atoms:
            return self._order(instrument, Side.SELL, ask_ticks, ask_lots)
        return None

    def _order(self, instrument: Instrument, side: Side, price_ticks: int, size_lots: int) -> Place:
        # An id of ours where there is one, so that a next start would cancel what a crash of this left. No
        # life has the epoch 0, and the time makes it unique.
        ids = self._own_ids() or OrderIds(tag=0, key=secrets.token_bytes(32))
        sequence = time.time_ns() // 1_000_000 % (1 << SEQUENCE_BITS)
        return Place(
            cid=ids.encode(OrderId(ids.tag, 0, 0, sequence)),
            symbol=instrument.symbol,
            side=side,
            price_ticks=price_ticks,
            size_lots=size_lots,
            post_only=True,
            time_in_force=TimeInForce.GTC,
            reduces=False,
            market_seq=0,
            market_age_ns=0,
        )
