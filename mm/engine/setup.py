"""What an engine is built from. Plain frozen data, made by the composition root."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from mm.domain.capabilities import Capabilities
from mm.domain.estate import Estate, SignalEstate
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.risk.base import Rule
from mm.strategies.base import Strategy


class OnExternal(StrEnum):
    """What is done when a balance was moved by somebody else: nothing, or nothing is quoted on it any more
    until an operator says so.
    """

    ACCEPT = "accept"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """One strategy on one symbol with its limits.

    Fields:
        name: from `[pair.NAME]`. instrument: what is traded. strategy: any strategy.
        rules: in their order; they hold this session's limits and the account's.
        band_lots_max: absolute inventory limit, 0 = none. band_ratio_ppm: the same as a share of equity.
        target_lots: holding at which the inventory is 0; None: what is held at the first start, or, with
            target_ratio_ppm, this share by value of what base and quote are worth then.
        slippage_ppm: how far from the reference an exit may be priced.
    """

    name: str
    instrument: Instrument
    strategy: Strategy[object]
    rules: tuple[Rule, ...]
    band_lots_max: int = 0
    band_ratio_ppm: int = 100_000
    target_lots: int | None = None
    target_ratio_ppm: int | None = None
    slippage_ppm: int = 1_500

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return this very setup: it is frozen all the way down, the strategy and the rules included."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the engine waits, nanoseconds. The defaults are for a venue on the internet.

    Fields:
        answer: a placement or cancel without any answer is unknown after this.
        echo: an acknowledged order that the user stream did not show makes that stream suspect.
        stale: a book without news is not quoted on after this. reconnect: and reconnected after this.
        query_first, query_max: pause before asking about an unknown order again; doubles in between.
        venue_lag: a listing may miss orders younger than this.
        reconcile: pause between two passes over orders, fills and balances.
        clock: pause between two measurements of the venue's clock.
        crossed: a book that shows bid >= ask for longer is wrong and fetched anew.
        retry_first, retry_max: pause before connecting or syncing again; doubles in between. What held for
            longer than retry_max begins again at once.
        cancel_again: pause before a cancel is repeated while everything has to go.
        sweep: how often open ends are looked at.
        stall: a step that comes so long after the one before finds everything old.
        unknown_orders_max: with so many orders whose fate is unknown nothing new is placed (a count).
    """

    answer: int = 6 * NS_PER_S
    echo: int = 5 * NS_PER_S
    stale: int = 2 * NS_PER_S
    reconnect: int = 8 * NS_PER_S
    query_first: int = 250 * NS_PER_MS
    query_max: int = 5 * NS_PER_S
    venue_lag: int = 3 * NS_PER_S
    reconcile: int = 30 * NS_PER_S
    clock: int = 300 * NS_PER_S
    retry_first: int = 250 * NS_PER_MS
    crossed: int = 200 * NS_PER_MS
    retry_max: int = 30 * NS_PER_S
    cancel_again: int = 500 * NS_PER_MS
    sweep: int = 100 * NS_PER_MS
    stall: int = NS_PER_S
    unknown_orders_max: int = 8

    def backoff_ns(self, attempts: int) -> int:
        """Return the pause before the next attempt after `attempts` failed ones, 0 after none."""
        return min(self.retry_max, self.retry_first << min(attempts, 20)) if attempts else 0


DEFAULT_DEADLINES: Final = Deadlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSetup:
    """What a change of the config brings to a running engine.

    Fields: sessions: the same ones in the same order, each on the same symbol with a strategy of the same
    class, which watches no market that is not there; deadlines: that hold from now on; on_external: as in
    `EngineSetup`, None: as it was.
    """

    sessions: tuple[SessionSetup, ...]
    deadlines: Deadlines
    on_external: OnExternal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSetup:
    """Everything that an engine needs to know.

    Fields: ids: codec of client order ids; epoch: number of this life; caps: of the venue; sessions: in
    config order; reference_window_ns: of the median that prices are judged by; latched: reason of a halt
    that survived the restart, "" for none; inherits: an earlier life may have ended with orders, so that what
    the venue shows at first may be older than its end; revision: of the config that all this was made from,
    0 where none is kept; estate: what the life before left, None for a fresh begin; on_external: what a
    balance that somebody else moved does to the sessions that trade it; watched: markets that strategies
    watch and no session trades, their symbols as the strategies name them: never an order there; signals:
    what was learnt before this life, beside what is in `estate`; signals_age_ns_max: what is older is not
    taken up; stand_ins: where strategies are only tried out: (name of a watch, symbol of a traded market that
    is shown for it).
    """

    ids: OrderIds
    epoch: int
    caps: Capabilities
    sessions: tuple[SessionSetup, ...]
    deadlines: Deadlines = DEFAULT_DEADLINES
    reference_window_ns: int = 30 * NS_PER_S
    latched: str = ""
    inherits: bool = False
    revision: int = 0
    estate: Estate | None = None
    on_external: OnExternal = OnExternal.PAUSE
    watched: tuple[Instrument, ...] = ()
    signals: tuple[SignalEstate, ...] = ()
    signals_age_ns_max: int = 900 * NS_PER_S
    stand_ins: tuple[tuple[str, str], ...] = ()
