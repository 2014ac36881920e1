"""Strategies, rules and signals for tests of the engine: simple, deterministic, some of them broken.

Nothing here is clever: a strategy either follows a script or keeps a ladder around the mid.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from mm.domain.commands import Place
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.domain.view import OwnQuote, Reading, View
from mm.risk.base import Alarm, AnyQuotes, Refusal, RiskView, Rule
from mm.signals.base import Signal, SignalSpec
from mm.strategies.base import Wake, Watch

SECOND_NS = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Scripted:
    """Wants what the test wrote into it. Fields: bids, asks, reason: the script; views: what it was shown."""

    bids: tuple[Quote, ...] = ()
    asks: tuple[Quote, ...] = ()
    reason: str = "quoting"
    needs: tuple[SignalSpec, ...] = ()
    wake: Wake = field(default_factory=lambda: Wake(move_half_ticks=1, every_ns=SECOND_NS))
    watches: tuple[Watch, ...] = ()
    views: list[View[int]] = field(default_factory=list)
    error: Exception | None = None

    def initial_memory(self) -> int:
        """Return 0: the number of decisions so far."""
        return 0

    def quotes(self, view: View[int]) -> Quotes[int]:
        """Return the script, or raise what it holds."""
        self.views.append(view)
        if self.error is not None:
            raise self.error
        return Quotes(self.bids, self.asks, self.reason, view.memory + 1)


@dataclass(slots=True)
class Deny(Rule):
    """Refuses every placement on one side. Fields: code: of the refusal, "" for none; facts: with it."""

    side: Side
    code: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Return the refusal while there is a code and the side is the one."""
        return Refusal(self.code, self.facts) if self.code and place.side is self.side else None


@dataclass(slots=True)
class Ring(Rule):
    """Raises the alarm that the test wrote into it. Fields: alarm: None while all is well."""

    alarm: Alarm | None = None

    def watch(self, view: RiskView) -> Alarm | None:
        """Return the alarm."""
        return self.alarm


@dataclass(slots=True)
class Halve(Rule):
    """Halves every wanted size."""

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return smaller quotes; what would be nothing is dropped."""
        bids, asks = (
            tuple(quote.but(size_lots=quote.size_lots // 2) for quote in side if quote.size_lots > 1)
            for side in (quotes.bids, quotes.asks)
        )
        return Quotes(bids, asks, quotes.reason, quotes.memory)


@dataclass(slots=True)
class Skew(Rule):
    """Moves every wanted bid. Fields: by: in ticks; what is no integer breaks the contract of a rule."""

    by: float

    def shape(self, quotes: AnyQuotes, view: RiskView) -> AnyQuotes:
        """Return quotes whose bids are `by` higher."""
        bids = tuple(
            quote.but(price_ticks=quote.price_ticks + self.by)  # type: ignore[arg-type]  # it breaks that
            for quote in quotes.bids
        )
        return Quotes(bids, quotes.asks, quotes.reason, quotes.memory)


@dataclass(slots=True)
class See(Rule):
    """Judges nothing and remembers what it was shown. Fields: views: a copy of each."""

    views: list[RiskView] = field(default_factory=list)

    def watch(self, view: RiskView) -> Alarm | None:
        """Remember the view as it is before anything of this decision is placed."""
        self.views.append(copy(view))
        return None


@dataclass(slots=True)
class Collapse(Rule):
    """Raises an error wherever it is asked to admit."""

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Raise."""
        raise ArithmeticError("the rule is broken")


@dataclass(slots=True)
class Tally(Signal):
    """A signal that counts what it was told.

    Fields: mids, trades, fills: so far; broken: which of them raises; tops, quotes, lost: what it was told,
    in order; resumed_ns: when it was told to go on, 0 = never; doubt: that its readings tell.
    """

    mids: int = 0
    trades: int = 0
    fills: int = 0
    broken: str = ""
    resumed_ns: int = 0
    doubt: str = ""
    tops: list[tuple[int, int, int, int]] = field(default_factory=list)
    quotes: list[tuple[OwnQuote, ...]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Count a mid."""
        if self.broken == "mid":
            raise ArithmeticError("the signal is broken")
        self.mids += 1

    def on_trade(
        self, ts_ns: int, price_ticks: int, size_atoms: int, aggressor: Side, venue_ms: int = 0
    ) -> None:
        """Count a trade."""
        if self.broken == "trade":
            raise ArithmeticError("the signal is broken")
        self.trades += 1

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:
        """Remember a top."""
        if self.broken == "top":
            raise ArithmeticError("the signal is broken")
        self.tops.append((bid_ticks, bid_atoms, ask_ticks, ask_atoms))

    def on_lost(self, ts_ns: int) -> None:
        """Remember when."""
        self.lost.append(ts_ns)

    def on_own_fill(
        self, ts_ns: int, side: Side, price_ticks: int, size_lots: int, mid_half_ticks: int
    ) -> None:
        """Count a fill."""
        if self.broken == "fill":
            raise ArithmeticError("the signal is broken")
        self.fills += 1

    def on_own_quotes(self, ts_ns: int, own: tuple[OwnQuote, ...]) -> None:
        """Remember them."""
        self.quotes.append(own)

    def resume(self, ts_ns: int) -> None:
        """Remember when."""
        self.resumed_ns = ts_ns

    def reading(self, ts_ns: int) -> Reading:
        """Return the number of mids."""
        return Reading(float(self.mids), self.mids > 0, doubt=self.doubt)

    def state(self) -> tuple[float, ...]:
        """Return all counts."""
        return (self.mids, self.trades, self.fills)

    def restore(self, state: Sequence[float]) -> None:
        """Take the counts over; raises ValueError if there are not three."""
        self.mids, self.trades, self.fills = map(int, state)


@dataclass(frozen=True, slots=True)
class TallySpec:
    """Asks for a `Tally`. Fields: name: tells two of them apart; broken: see `Tally`."""

    name: str = ""
    broken: str = ""

    def start(self) -> Signal:
        """Return a new one."""
        return Tally(broken=self.broken)
