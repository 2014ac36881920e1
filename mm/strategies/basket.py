"""Quotes on one market of several whose prices move together: what is held of the others skews these too.

Unit of price: basis points (bps) of each market's own mid. Unit of inventory: the value of one order here.
With the matrix M of `mm.models.multi_asset`, the fee f and c0 of `mm.models.glft`, and q the inventories of
all markets of the basket, this one first:

    bid = mid - (f + c0 + M_11 / 2 + (M q)_1)
    ask = mid + (f + c0 + M_11 / 2 - (M q)_1)

Each market of the basket is a session of its own with this strategy, or none at all (its inventory is 0
then); all have the same quote asset, and their orders are taken to be worth about the same.

While a market of the basket is not there, silent, or its volatility unknown, the formula for one asset takes
the place of that for all, wider by `degraded_spread_factor`: what is held elsewhere counts as nothing then.

Source: arXiv 1810.04383, arXiv 1605.01862. Invariant: with all inventories negated the ladder is mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import nan, sqrt
from typing import Annotated, ClassVar, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Len

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.domain.view import Other, Reading, View
from mm.errors import ConfigError
from mm.models.glft import Distances, Market, OutOfRange, closed_form
from mm.models.multi_asset import Basket as Solution
from mm.models.multi_asset import Rows, basket
from mm.quoting.guards import HALF_TICKS_PER_BPS, Guards, Ideal
from mm.quoting.hysteresis import falloff
from mm.quoting.params import QuotingParams
from mm.quoting.waiting import waits_for
from mm.signals.base import SignalSpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import BPS_MAX, DAY_MS, About, Applies, Wake, Watch

OTHERS_MAX: Final = 8

RELATIVE: Final = 10_000
"""Half ticks per square root of a second, divided by the mid in half ticks and times this, are bps."""

OUT_OF_RANGE: Final = "waits for a volatility that leaves a quote"


class _Asset(NamedTuple):
    # What the model is told of a market that does not change while it runs.
    risk_factor: float
    arrival_rate: float
    decay: float
    fee_bps: float


class _Held(NamedTuple):
    # What a market of the basket adds. why: it is not there, and nothing else holds.
    volatility_bps: float
    orders: float  # what is held, in the value of one of our orders
    why: str = ""


class Basket:
    """Quotes one market of a basket; wants the volatility of all."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(QuotingParams):
        """What can be set; None is off or, where the text says so, derived."""

        __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

        watched_key: ClassVar[str] = "symbols"

        symbols: Annotated[
            tuple[Annotated[str, Len(1, 80)], ...],
            Len(1, OTHERS_MAX),
            About("The other markets of the basket.", Applies.RESTART, example='["ETH/USDT"]'),
        ]
        correlations: Annotated[
            tuple[Annotated[float, Ge(-1), Le(1)], ...],
            Len(1, OTHERS_MAX * (OTHERS_MAX + 1) // 2),
            About("Of the own moves with each of symbols, then of those among themselves.", example="[0.8]"),
        ]
        risk_factor: Annotated[
            float,
            Ge(0),
            Le(100),
            About(
                "Aversion to risk per basis point and order amount held; 0 leans against no inventory.",
                example="0.01",
            ),
        ]
        arrival_rate_per_s: Annotated[
            float,
            Gt(0),
            Le(1e6),
            About("Fills per second and side that a quote at the mid would get (A).", example="0.9"),
        ]
        fill_decay_per_bps: Annotated[
            float,
            Ge(0.0001),
            Le(1e4),
            About(
                "How fast fills thin out with distance (k): each 1/k bps there are 2.7 times fewer.",
                example="0.3",
            ),
        ]
        other_arrival_rates_per_s: Annotated[
            tuple[Annotated[float, Gt(0), Le(1e6)], ...],
            Len(0, OTHERS_MAX),
            About("The same for each of symbols; off: as here."),
        ] = ()
        other_fill_decays_per_bps: Annotated[
            tuple[Annotated[float, Ge(0.0001), Le(1e4)], ...],
            Len(0, OTHERS_MAX),
            About("The same for each of symbols; off: as here."),
        ] = ()
        volatility_bps_per_sqrt_s: Annotated[
            float | None,
            Ge(0),
            Le(1e4),
            About("Volatility of the mid taken as known; off: measured, of all markets.", Applies.RESTART),
        ] = None
        other_volatilities_bps_per_sqrt_s: Annotated[
            tuple[Annotated[float, Ge(0), Le(1e4)], ...],
            Len(0, OTHERS_MAX),
            About("The same for each of symbols, where the own one is given.", Applies.RESTART),
        ] = ()
        volatility_half_life_ms: Annotated[
            int,
            Ge(1000),
            Le(DAY_MS),
            About("Age at which a sample of a measured volatility counts half.", Applies.RESTART),
        ] = 60_000
        volatility_sample_ms: Annotated[
            int,
            Ge(100),
            Le(60_000),
            About("Spacing of those samples; quoting starts after 20 of them.", Applies.RESTART),
        ] = 1000
        other_stale_ms: Annotated[
            int, Ge(50), Le(60_000), About("A market silent for longer is taken as not there.")
        ] = 2000
        degraded_spread_factor: Annotated[
            float,
            Ge(1),
            Le(100),
            About("While one is not there, the model's width is this many times as much."),
        ] = 2.0

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            QuotingParams.__post_init__(self)
            count = len(self.symbols)
            if len(dict.fromkeys(self.symbols)) < count:
                raise ValueError("symbols names a market twice, expected each once")
            pairs = count * (count + 1) // 2
            if len(self.correlations) != pairs:
                raise ValueError(
                    f"correlations were {len(self.correlations)}, expected {pairs}: one per pair"
                )
            for name in ("other_arrival_rates_per_s", "other_fill_decays_per_bps"):
                if len(getattr(self, name)) not in (0, count):
                    raise ValueError(f"{name} were {len(getattr(self, name))}, expected none or {count}")
            given = len(self.other_volatilities_bps_per_sqrt_s)
            expected = 0 if self.volatility_bps_per_sqrt_s is None else count
            if given != expected:
                raise ValueError(
                    f"other_volatilities_bps_per_sqrt_s were {given}, expected {expected}:"
                    " with volatility_bps_per_sqrt_s one per symbol, without it none"
                )
            if self.volatility_sample_ms > self.volatility_half_life_ms:
                raise ValueError(
                    f"volatility_sample_ms was {self.volatility_sample_ms}, expected at most"
                    f" volatility_half_life_ms, {self.volatility_half_life_ms}"
                )

    __slots__ = (
        "_assets",
        "_correlations",
        "_guards",
        "_lot_value",
        "_stale_ns",
        "needs",
        "params",
        "wake",
        "watches",
    )

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Keep what does not depend on the market.

        Raises: ConfigError if the correlations contradict each other, a market is the own one, a size is
            outside the venue's bounds, or the quotes would leave the book.
        """
        if instrument.symbol in params.symbols:
            raise ConfigError(
                f"symbols names {instrument.symbol}, the market that is quoted on",
                hint="name the other markets of the basket",
            )
        self.params = params
        self._guards = Guards(params, instrument)
        count = len(params.symbols)
        own: tuple[SignalSpec, ...] = ()
        if params.volatility_bps_per_sqrt_s is None:
            own = (
                VolatilitySpec(
                    sample_ns=params.volatility_sample_ms * NS_PER_MS,
                    half_life_ns=params.volatility_half_life_ms * NS_PER_MS,
                ),
            )
        self.needs = (*own, *self._guards.needs)
        self.watches = tuple(Watch(symbol, own) for symbol in params.symbols)
        self._stale_ns = params.other_stale_ms * NS_PER_MS
        self.wake = Wake(every_ns=min(NS_PER_S, self._stale_ns))
        self._correlations = _square(params.correlations, count + 1)
        rate, decay = params.arrival_rate_per_s, params.fill_decay_per_bps
        rates = (rate, *(params.other_arrival_rates_per_s or (rate,) * count))
        decays = (decay, *(params.other_fill_decays_per_bps or (decay,) * count))
        fees_bps = (self._guards.fee_bps, *(0.0,) * count)
        self._assets = tuple(map(_Asset, (params.risk_factor,) * (count + 1), rates, decays, fees_bps))
        # The value of one own order per half tick of the own mid, quote units but for the grid of the price.
        self._lot_value = _base(instrument, self._guards.size_lots)
        self._require_quotes()

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder; nothing before the own volatility is known."""
        if self.params.volatility_bps_per_sqrt_s is None and not view.readings[0].ready:
            return Quotes((), (), waits_for(view.readings[:1]), None)
        try:
            others = self._others(view)
            missing = [
                f"{other.symbol} {held.why}"
                for other, held in zip(view.others, others, strict=True)
                if held.why
            ]
            bid_bps, ask_bps = self._distances(view, () if missing else others)
        except ValueError:
            # A volatility that is none, or one so high that no float holds the quotes.
            return Quotes((), (), OUT_OF_RANGE, None)
        bps_ticks = view.mid_half_ticks / HALF_TICKS_PER_BPS
        bid_ticks, ask_ticks = bid_bps * bps_ticks, ask_bps * bps_ticks
        decay_per_bps = falloff(self.params.fill_decay_per_bps, self.params.risk_factor)
        ideal = Ideal(view.mid_half_ticks, bid_ticks, ask_ticks, decay_per_bps)
        bids, asks, reason = self._guards.ladder(view, ideal)
        if missing:
            reason = f"{reason}, alone and wider: {', '.join(missing)}"
        return Quotes(bids, asks, reason, None)

    def votes(self, view: View[None]) -> tuple[tuple[str, str], ...]:
        """Return what each market of the basket holds, or why it does not count."""
        return tuple(
            (
                other.symbol,
                f"not there: {held.why}" if held.why else f"holds {held.orders:+.2f} orders' worth",
            )
            for other, held in zip(view.others, self._others(view), strict=True)
        )

    def _distances(self, view: View[None], others: Sequence[_Held]) -> tuple[float, float]:
        # Of the bid and the ask from the mid, bps. Args: others: none where the market is quoted alone.
        volatility_bps = self.params.volatility_bps_per_sqrt_s
        if volatility_bps is None:
            volatility_bps = _relative(view.readings[0], view.mid_half_ticks)
        held = view.inventory_lots / self._guards.size_lots
        if not others:
            alone = _alone(self._assets[0], volatility_bps)
            half = alone.half_spread * self.params.degraded_spread_factor
            return half + held * alone.skew, half - held * alone.skew
        volatilities = (volatility_bps, *(other.volatility_bps for other in others))
        solution = _solved(self._assets, volatilities, self._correlations)
        inventories = (held, *(other.orders for other in others))
        return solution.bid(0, inventories), solution.ask(0, inventories)

    def _others(self, view: View[None]) -> tuple[_Held, ...]:
        fixed = self.params.other_volatilities_bps_per_sqrt_s
        return tuple(
            self._held(view, other, fixed[at] if fixed else None) for at, other in enumerate(view.others)
        )

    def _held(self, view: View[None], other: Other, volatility_bps: float | None) -> _Held:
        own = view.instrument
        if not other.mid_half_ticks:
            return _Held(0.0, 0.0, "has no price")
        if other.age_ns > self._stale_ns:
            return _Held(0.0, 0.0, "is stale")
        if other.instrument.quote != own.quote:
            return _Held(0.0, 0.0, f"is priced in {other.instrument.quote}")
        if volatility_bps is None:
            if not other.readings[0].ready:
                return _Held(0.0, 0.0, "has no volatility yet")
            volatility_bps = _relative(other.readings[0], other.mid_half_ticks)
        value = _base(other.instrument, other.inventory_lots) * other.mid_in(own)
        return _Held(volatility_bps, value / (self._lot_value * view.mid_half_ticks))

    def _require_quotes(self) -> None:
        # As of a volatility of 1 bps: what is wrong here is wrong in the parameters.
        params = self.params
        try:
            reach = _solved(self._assets, (1.0,) * len(self._assets), self._correlations).half_spreads[0]
        except OutOfRange as error:
            raise ConfigError(f"fill_decay_per_bps was {params.fill_decay_per_bps}: {error}") from None
        except ValueError as error:
            raise ConfigError(
                f"correlations were {', '.join(f'{one:g}' for one in params.correlations)}: {error}",
                hint="own with each of symbols, then those among themselves in their order",
            ) from None
        if reach >= BPS_MAX:
            raise ConfigError(
                f"fill_decay_per_bps was {params.fill_decay_per_bps} with arrival_rate_per_s"
                f" {params.arrival_rate_per_s}: quotes would stand {reach:.0f} bps from the mid at a"
                f" volatility of 1, expected less than {BPS_MAX}",
                hint="each 1 / fill_decay_per_bps bps from the mid there are 2.7 times fewer fills",
            )


# Functions of their arguments alone: what is kept is what would be computed again. The arguments change with
# each sample of a volatility, decisions come far more often.
@lru_cache(maxsize=256)
def _solved(assets: tuple[_Asset, ...], volatilities: tuple[float, ...], correlations: Rows) -> Solution:
    return basket(assets[0].risk_factor, tuple(map(_market, assets, volatilities)), correlations)


@lru_cache(maxsize=256)
def _alone(asset: _Asset, volatility_bps: float) -> Distances:
    return closed_form(_market(asset, volatility_bps))


def _market(asset: _Asset, volatility_bps: float) -> Market:
    return Market(
        risk_factor=asset.risk_factor,
        arrival_rate=asset.arrival_rate,
        decay=asset.decay,
        volatility=volatility_bps,
        fee=asset.fee_bps,
    )


def _square(pairs: Sequence[float], size: int) -> Rows:
    # The whole matrix of the pairs above its diagonal, row by row.
    rows = [[1.0 if i == j else 0.0 for j in range(size)] for i in range(size)]
    left = iter(pairs)
    for i in range(size):
        for j in range(i + 1, size):
            rows[i][j] = rows[j][i] = next(left)
    return tuple(map(tuple, rows))


def _relative(reading: Reading, mid_half_ticks: int) -> float:
    # Of a variance that is none the volatility is none either: NaN, which no model takes.
    return sqrt(reading.value) * RELATIVE / mid_half_ticks if reading.value >= 0 else nan


def _base(instrument: Instrument, size_lots: int) -> float:
    # A size in whole units of the base asset.
    atoms: int = 10**instrument.base_scale
    return size_lots * instrument.lot_atoms / atoms
