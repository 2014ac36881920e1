"""Which parameter does nothing while which other one is as it is: one table, for every strategy of ours.

A row claims that its keys change no quote, no signal and no moment of decision while one of its conditions
holds; tests draw parameters and markets and hold every row to that, and look for what is missing. Keys that
every config has to state are not listed: nobody can leave them out. A strategy of the user's own is not
judged. Invariant: only what somebody wrote is told about, never a default.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mm.settings.conditions import Absent, All, Below, Condition, EachHas, Given, Is, IsNot


@dataclass(frozen=True, slots=True)
class Row:
    """Fields: keys: that do nothing while one of `unless` holds; the first one that does is the reason."""

    keys: tuple[str, ...]
    unless: tuple[Condition, ...]


def _row(keys: str, *unless: Condition) -> Row:
    return Row(tuple(keys.split()), unless)


_ONE_LEVEL: Final = Below("order_levels", 2)
_TWO_LEVELS: Final = Below("order_levels", 3)

_QUOTING: Final = (
    _row("order_level_spread_bps order_level_amounts", _ONE_LEVEL),
    _row("order_level_distances", _TWO_LEVELS),
    _row("order_level_spread_ratio", IsNot("order_level_distances", "geometric"), _TWO_LEVELS),
    _row("order_level_amount_base", IsNot("order_level_amounts", "linear"), _ONE_LEVEL),
    _row("order_level_amount_ratio", IsNot("order_level_amounts", "geometric"), _ONE_LEVEL),
    _row("adverse_selection_horizon_ms", Is("adverse_selection_measured", False)),
)
_SESSION: Final = (_row("session_end", Absent(("session_length_ms", "session_close_ms"))),)
_BAND: Final = (
    "intensity_half_life_ms intensity_near_bps intensity_far_bps intensity_orders_min"
    " intensity_max_misfit_ratio flow_from"
)
_FILLS: Final = Given(("arrival_rate_per_s", "fill_decay_per_bps"))
_FLOW: Final = (_row(_BAND, _FILLS),)
_SAMPLES: Final = "volatility_half_life_ms volatility_sample_ms"
_KNOWN: Final = Given(("volatility_bps_per_sqrt_s",))
_MEASURED: Final = (_row(f"{_SAMPLES} volatility_from", _KNOWN),)
_BARS: Final = ("parkinson", "garman_klass", "rogers_satchell")

_LINE: Final = Given(("linear_demand_reach_bps",))
_AVELLANEDA: Final = (
    _row("level_distances_ratio", _ONE_LEVEL),
    _row("arrival_rate_per_s", IsNot("horizon", "frozen"), Given(("frozen_horizon_ms",))),
    _row("fill_decay_per_bps", _LINE),
    _row(
        _BAND,
        _LINE,
        _FILLS,
        All((IsNot("horizon", "frozen"), Given(("fill_decay_per_bps",)))),
        All((Given(("frozen_horizon_ms",)), Given(("fill_decay_per_bps",)))),
    ),
    _row("volatility_bps_per_sqrt_s", Is("horizon", "infinite")),
    _row(f"{_SAMPLES} volatility_from", Is("horizon", "infinite"), _KNOWN),
)

_SOURCE: Final = Below("sources", 2)
_CROSS: Final = (
    _row("source_weights", All((_SOURCE, Is("vote", "median")))),
    _row("vote", All((_SOURCE, Absent(("source_weights",), silent=True)))),
    _row("max_deviation_bps", _SOURCE),
    _row("below_quorum", Is("min_sources", 1)),
    _row("weak_spread_factor", _SOURCE),
)

_BID_LISTS: Final = ("bid_order_level_spreads_bps", "bid_order_level_amounts_base")
_ASK_LISTS: Final = ("ask_order_level_spreads_bps", "ask_order_level_amounts_base")
_SPREADS, _AMOUNTS = zip(_BID_LISTS, _ASK_LISTS, strict=True)
_OVERRIDE: Final = Given(("order_override",))
_NO_STEP: Final = All((Absent((*_BID_LISTS, *_ASK_LISTS), silent=True), _ONE_LEVEL))


def _mixed(given: str, absent: str) -> All:
    # One side has a list, the other one level.
    return All((Given((given,)), Absent((absent,), silent=True), _ONE_LEVEL))


_PURE: Final = (
    _row(
        "order_levels",
        _OVERRIDE,
        *(Given((bid, ask)) for bid in _BID_LISTS for ask in _ASK_LISTS),
    ),
    _row(
        "order_level_spread_bps",
        _OVERRIDE,
        Given(_SPREADS),
        _NO_STEP,
        _mixed(_SPREADS[0], _AMOUNTS[1]),
        _mixed(_SPREADS[1], _AMOUNTS[0]),
    ),
    _row(
        "order_level_amount_base",
        _OVERRIDE,
        Given(_AMOUNTS),
        _NO_STEP,
        _mixed(_AMOUNTS[0], _SPREADS[1]),
        _mixed(_AMOUNTS[1], _SPREADS[0]),
    ),
    _row("hanging_orders_cancel_bps", Is("hanging_orders_enabled", False)),
    _row(
        "bid_order_optimization_depth_base ask_order_optimization_depth_base",
        Is("order_optimization_enabled", False),
    ),
    _row(
        "price_ceiling_bps price_floor_bps price_band_refresh_time_ms", Is("moving_price_band_enabled", False)
    ),
    _row("price_source_max_age_ms price_source_max_deviation_bps", Absent(("price_source_symbol",))),
    _row("inventory_range_multiplier", Is("inventory_skew_enabled", False)),
)

_WINDOWS_LEAN: Final = All((Is("outside", "nothing"), EachHas("windows", "inventory_skew_bps")))

TABLE: Final[Mapping[str, tuple[Row, ...]]] = MappingProxyType(
    {
        "avellaneda_stoikov": (*_QUOTING, *_SESSION, *_AVELLANEDA),
        "basket": (*_QUOTING, _row(_SAMPLES, _KNOWN)),
        "cartea_jaimungal": (
            *_QUOTING,
            *_SESSION,
            *_FLOW,
            _row("terminal_penalty_bps", Absent(("session_length_ms", "session_close_ms"))),
        ),
        "cross_reference": (*_QUOTING, *_CROSS),
        "glft": (
            *_QUOTING,
            *_SESSION,
            *_FLOW,
            *_MEASURED,
            _row("funding_period_ms", Is("funding_ratio", 0)),
        ),
        "ladder": (*_QUOTING, _row("inventory_range_multiplier", Is("inventory_skew_enabled", False))),
        "micro_price": (
            *_QUOTING,
            _row(
                "micro_price_half_life_ms micro_price_moves_min imbalance_buckets spread_buckets",
                Is("fair", "weighted"),
            ),
        ),
        "pure_market_making": _PURE,
        "queue_holding": (
            *_QUOTING,
            _row("fill_decay_per_bps", Is("min_tick_ratio", 0)),
            _row("depth_orders_min", Is("min_tick_ratio", 0), Given(("fill_decay_per_bps",))),
        ),
        "scheduled": (
            *_QUOTING,
            _row("outside", Absent(("windows",))),
            _row(
                "inventory_skew_bps",
                All((Is("outside", "nothing"), EachHas("windows", "inventory_skew_bps"))),
            ),
        ),
        "volatility_scaled": (
            *_QUOTING,
            _row(_SAMPLES, *(Is("volatility_from", bars) for bars in _BARS)),
            _row(
                "candle_ms candles",
                *(Is("volatility_from", samples) for samples in ("mid", "realised", "two_scale")),
            ),
        ),
    }
)
"""The rows of each strategy by its name in the config."""


def without_effect(
    strategy: str, params: object, is_written: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, str]]:
    """Yield each key of `params` that does nothing as they are, with the reason.

    Args: strategy: as the config names it; nothing is known of those of the user's own. is_written: tells
    whether somebody set a key.
    """
    for row in TABLE.get(strategy, ()):
        held = next((condition for condition in row.unless if condition.holds(params)), None)
        if held is None:
            continue
        for key in row.keys:
            if is_written(key):
                yield key, held.words(params)
