"""A bench for the paper venue alone: a public market that a test writes line by line, commands, outcomes.

Time is in milliseconds since the start; every step advances the venue first, as whoever runs it does.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, Connect, Place, TimeInForce, VenueCommand
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    PublicTrade,
    Stream,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, Side
from mm.venues.paper import PaperVenue, PaperVenueSettings
from tests.builders.instruments import INSTRUMENT

START_NS: Final = 1_800_000_000_000_000_000
MS: Final = 1_000_000
SYMBOL: Final = INSTRUMENT.symbol
LOT: Final = INSTRUMENT.lot_atoms

E = TypeVar("E", bound=AnyEvent)

Rows = tuple[tuple[int, int], ...]
"""Levels as (price in ticks, size in lots), best first."""


class SilentVenue:
    """Public data that nobody sends by itself. Fields: sent: every command; sink: where events go."""

    def __init__(self, *instruments: Instrument, caps: Capabilities | None = None) -> None:
        """Show `instruments`."""
        self.sent: list[VenueCommand] = []
        self.sink: Callable[[AnyEvent], None] | None = None
        self.closed = 0
        self._instruments = {instrument.symbol: instrument for instrument in instruments or (INSTRUMENT,)}
        self._caps = caps or Capabilities(orders_per_10s=100, weight_per_minute=6_000)

    @property
    def caps(self) -> Capabilities:
        """As given."""
        return self._caps

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return them."""
        return tuple(self._instruments[symbol] for symbol in symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Keep the sink."""
        self.sink = sink

    def submit(self, command: VenueCommand) -> None:
        """Keep the command."""
        self.sent.append(command)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1


def bench_settings(**changes: Any) -> PaperVenueSettings:
    """Return settings with a constant latency of 10 ms each way and no fees."""
    fields: dict[str, Any] = {
        "balances": {"AAA": Decimal(10), "BBB": Decimal(10_000)},
        "latency_mean_ms": 10,
        "latency_p99_ms": 10,
        "maker_fee_ppm": 0,
        "taker_fee_ppm": 0,
    }
    return PaperVenueSettings(**(fields | changes))


class Bench:
    """One paper venue. Fields: told: every outcome so far, in order; public: what it watches."""

    def __init__(self, venue: PaperVenue, public: SilentVenue) -> None:
        """Use `make_bench`."""
        self.venue = venue
        self.public = public
        self.told: list[AnyEvent] = []
        self.now_ns = START_NS
        self._seq = 100
        self._trade_id = 0
        self._cids = 0
        self.at(0)

    # ---- time

    def at(self, ms: float) -> list[AnyEvent]:
        """Let time pass up to `ms` after the start; return the outcomes."""
        self.now_ns = max(self.now_ns, START_NS + round(ms * MS))
        told = list(self.venue.advance(self.now_ns))
        self.told.extend(told)
        return told

    def connect(self) -> None:
        """Bring the user stream up."""
        self.venue.submit(Connect(stream=Stream.USER))
        self.at((self.now_ns - START_NS) / MS + 20)

    # ---- the market

    def see(self, event: AnyEvent) -> list[AnyEvent]:
        """Show an event from outside now; return what it does to our orders."""
        self.at((self.now_ns - START_NS) / MS)
        told = list(self.venue.witness(event))
        self.told.extend(told)
        return told

    def snapshot(self, bids: Rows = ((9_990, 50),), asks: Rows = ((10_010, 50),)) -> list[AnyEvent]:
        """Show a whole book."""
        return self.see(
            BookSnapshot(
                ts_ns=self.now_ns, symbol=SYMBOL, seq=self._next(), bids=_levels(bids), asks=_levels(asks)
            )
        )

    def depth(self, bids: Rows = (), asks: Rows = (), *, seq: int = 0) -> list[AnyEvent]:
        """Show absolute sizes of levels."""
        return self.see(
            BookDelta(
                ts_ns=self.now_ns,
                symbol=SYMBOL,
                seq=seq or self._next(),
                venue_ms=0,
                bids=_levels(bids),
                asks=_levels(asks),
            )
        )

    def top(self, bid: tuple[int, int], ask: tuple[int, int], *, seq: int = 0) -> list[AnyEvent]:
        """Show the best bid and ask."""
        (best_bid,), (best_ask,) = _levels((bid,)), _levels((ask,))
        return self.see(
            TopOfBook(ts_ns=self.now_ns, symbol=SYMBOL, seq=seq or self._next(), bid=best_bid, ask=best_ask)
        )

    def trade(self, aggressor: Side, price_ticks: int, lots: int, *, trade_id: int = 0) -> list[AnyEvent]:
        """Show a print."""
        self._trade_id = trade_id or self._trade_id + 1
        return self.see(
            PublicTrade(
                ts_ns=self.now_ns,
                symbol=SYMBOL,
                trade_id=self._trade_id,
                price_ticks=price_ticks,
                size_atoms=lots * LOT,
                aggressor=aggressor,
            )
        )

    def lose_book(self) -> list[AnyEvent]:
        """Show that the book can no longer be vouched for."""
        return self.see(BookLost(ts_ns=self.now_ns, symbol=SYMBOL, reason="test"))

    # ---- commands

    def place(
        self,
        price_ticks: int = 9_990,
        lots: int = 10,
        *,
        side: Side = BUY,
        taking: bool = False,
        cid: str = "",
    ) -> str:
        """Send a post-only order, or one that takes what it can at once; return its id."""
        self._cids += 1
        made = cid or f"cid-{self._cids}"
        self.venue.submit(
            Place(
                cid=made,
                symbol=SYMBOL,
                side=side,
                price_ticks=price_ticks,
                size_lots=lots,
                post_only=not taking,
                time_in_force=TimeInForce.IOC if taking else TimeInForce.GTC,
                reduces=taking,
                market_seq=0,
                market_age_ns=0,
            )
        )
        return made

    def cancel(self, cid: str) -> None:
        """Send a cancel."""
        self.venue.submit(Cancel(cid=cid, symbol=SYMBOL))

    def resting(self, price_ticks: int = 9_990, lots: int = 10, *, side: Side = BUY) -> str:
        """Send an order and wait until it was answered; return its id."""
        cid = self.place(price_ticks, lots, side=side)
        self.at((self.now_ns - START_NS) / MS + 20)
        return cid

    # ---- looking

    def all(self, kind: type[E]) -> list[E]:
        """Return every outcome of a kind so far."""
        return [event for event in self.told if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        """Return the newest outcome of a kind."""
        return self.all(kind)[-1]

    def _next(self) -> int:
        self._seq += 1
        return self._seq


async def make_bench(
    *instruments: Instrument, caps: Capabilities | None = None, seen: bool = True, **changes: Any
) -> Bench:
    """Return a bench whose user stream is up and whose book shows 50 lots at 9 990 and at 10 010.

    Args: seen: False: nothing was connected or shown yet. changes: of the settings.
    """
    public = SilentVenue(*instruments, caps=caps)
    venue = PaperVenue(public, bench_settings(**changes))
    await venue.instruments(tuple(instrument.symbol for instrument in instruments or (INSTRUMENT,)))
    await venue.start(lambda _: None)
    bench = Bench(venue, public)
    if seen:
        bench.connect()
        bench.snapshot()
    return bench


def _levels(rows: Rows) -> tuple[Level, ...]:
    return tuple(Level(price, lots * LOT) for price, lots in rows)
