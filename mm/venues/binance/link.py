"""What the parts of the adapter share: clock, way out, instruments, known ids, the venue's own counts.

Must never decide anything. Invariant: an event leaves here with the time at which its news came in.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mm.domain.events import AccessDenied, AnyEvent, ClockDoubted, RateUsed, RequestFailed, Throttled
from mm.domain.instrument import Instrument
from mm.domain.units import SCALE_MIN, ceil_atoms, floor_atoms
from mm.errors import ProtocolViolation
from mm.venues.binance.settings import AnySettings
from mm.venues.edge.errors import CLOCK_OFF, RequestFailure, asked_to_wait, is_access_denied
from mm.venues.edge.known_ids import KnownIds
from mm.venues.edge.tally import Tally

_WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"
_ORDERS_HEADER: Final = "x-mbx-order-count-10s"


class Link:
    """The shared state of one adapter.

    Fields:
        settings: as given. offset_ns: the venue's clock minus ours, as last measured.
        ids: client ids of orders by the venue's number.
        ignored: how often something of the venue was not understood or not ours, by kind.
    """

    def __init__(self, settings: AnySettings) -> None:
        """Begin without instruments and without a sink."""
        self.settings = settings
        self.offset_ns = 0
        self.ids = KnownIds()
        self.ignored = Tally()
        self._sink: Callable[[AnyEvent], None] | None = None
        self._by_symbol: dict[str, Instrument] = {}
        self._by_venue_symbol: dict[str, Instrument] = {}
        self._watched: dict[str, Instrument] = {}
        self._scales: dict[str, int] = {}
        self._weight = -1
        self._orders = -1

    def now_ns(self) -> int:
        """Return the core's time."""
        return self.settings.clock.now_ns()

    def venue_ns(self) -> int:
        """Return the time by the venue's clock, as far as it was measured."""
        return self.settings.clock.now_ns() + self.offset_ns

    def open(self, sink: Callable[[AnyEvent], None]) -> None:
        """Events go to `sink` from now on."""
        self._sink = sink

    def shut(self) -> None:
        """Events go nowhere from now on."""
        self._sink = None

    @property
    def is_open(self) -> bool:
        """Whether events go somewhere."""
        return self._sink is not None

    def emit(self, event: AnyEvent) -> None:
        """Hand an event out."""
        if self._sink is not None:
            self._sink(event)

    def know(self, instruments: tuple[Instrument, ...]) -> None:
        """Remember what is traded."""
        for instrument in instruments:
            self._by_symbol[instrument.symbol] = instrument
            self._by_venue_symbol[instrument.venue_symbol] = instrument
            self._scales[instrument.base] = instrument.base_scale
            self._scales[instrument.quote] = instrument.quote_scale

    def watch(self, instruments: tuple[Instrument, ...]) -> None:
        """Remember of what only the market is watched: no order, no fill and no balance of it matters."""
        for instrument in instruments:
            if instrument.symbol not in self._by_symbol:
                self._watched[instrument.symbol] = instrument

    @property
    def all_instruments(self) -> tuple[Instrument, ...]:
        """Every instrument whose market is of interest."""
        return (*self._by_symbol.values(), *self._watched.values())

    def market(self, symbol: str) -> Instrument:
        """Return the instrument of a command about a market; raises ProtocolViolation if it is not known."""
        watched = self._watched.get(symbol)
        return self.instrument(symbol) if watched is None else watched

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument of a command; raises ProtocolViolation if it was never asked for."""
        if symbol not in self._by_symbol:
            raise ProtocolViolation(f"a command names {symbol!r}, whose instrument was never asked for")
        return self._by_symbol[symbol]

    def instrument_of(self, venue_symbol: str) -> Instrument | None:
        """Return the instrument that the venue calls `venue_symbol`, None if we do not trade it."""
        return self._by_venue_symbol.get(venue_symbol)

    def matters(self, asset: str) -> bool:
        """Return whether an instrument of ours is made of `asset`."""
        return asset in self._scales

    def fee_atoms(self, asset: str, text: str) -> int:
        """Return a fee in atoms of `asset`; what is finer than an atom is rounded up, against us."""
        scale = self._scales.get(asset, SCALE_MIN)
        return ceil_atoms(text, scale)

    def balance_atoms(self, asset: str, text: str) -> int:
        """Return a balance in atoms of `asset`; what is finer than an atom is left out."""
        scale = self._scales.get(asset, SCALE_MIN)
        return floor_atoms(text, scale)

    def note(self, failure: RequestFailure) -> None:
        """Hand out what a failure says beyond its request.

        That we have to wait, that our measure of the clock is off, that the key is refused.
        """
        now_ns = self.now_ns()
        wait = asked_to_wait(failure, now_ns=now_ns, offset_ns=self.offset_ns)
        if wait is not None:
            self.emit(Throttled(ts_ns=now_ns, until_ns=wait.until_ns, banned=wait.banned))
        if failure.code == CLOCK_OFF:
            self.emit(ClockDoubted(ts_ns=now_ns))
        if is_access_denied(failure):
            self.emit(AccessDenied(ts_ns=now_ns, code=failure.number, reason=failure.reason))

    def read_failed(self, what: str, subject: str, failure: RequestFailure) -> None:
        """Hand out that a read brought no answer."""
        self.note(failure)
        self.emit(RequestFailed(ts_ns=self.now_ns(), what=what, subject=subject, reason=str(failure)))

    def on_headers(self, headers: Mapping[str, str]) -> None:
        """Hand out the venue's own counts where an answer states other ones than the last."""
        weight = _count(headers.get(_WEIGHT_HEADER, ""), self._weight)
        orders = _count(headers.get(_ORDERS_HEADER, ""), self._orders)
        if (weight, orders) != (self._weight, self._orders):
            self._weight, self._orders = weight, orders
            self.emit(RateUsed(ts_ns=self.now_ns(), weight=weight, orders=orders))


def _count(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise
