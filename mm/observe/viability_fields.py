"""A viability sheet as JSON fields: the names that programs read. Invariant: no field is infinite or NaN."""

from math import isfinite

from mm.analytics.fit_flow import Decile, Flow
from mm.analytics.fit_mean import Mean
from mm.analytics.fit_touch import Costs, Touch
from mm.analytics.markets import SIGNATURE_NS
from mm.domain.units import NS_PER_S
from mm.observe.viability import Interval, Row, Sheet, words

Fields = dict[str, object]


def sheet_fields(told: Sheet) -> Fields:
    """Return all that a sheet says."""
    facts, terms = told.facts, told.terms
    bearable = told.bearable
    return {
        "verdict": told.verdict.value,
        "yes_from_bps": told.yes_from_bps,
        "words": list(words(told)),
        "maker_fee_bps": terms.maker_fee_bps,
        "maker_fee_assumed": terms.fee_is_assumed,
        "bearable_fee_bps": None if bearable is None else number(bearable[0]),
        "horizon_s": terms.horizon_ns / NS_PER_S,
        "refresh_s": terms.every_ns / NS_PER_S,
        **_interval_fields("break_even_half_spread", told.break_even),
        **_interval_fields("break_even_maker_fee", told.touch_fee),
        **_interval_fields("required_rebate", _negative(told.touch_fee)),
        "duration_s": facts.duration_s,
        "prints": facts.prints,
        "market_orders": facts.orders,
        "market_orders_per_s": facts.orders_per_s,
        "tick_bps": facts.tick_bps,
        "half_spread_bps": facts.half_spread_bps,
        "longest_silence_s": facts.silence_s,
        "volatility_bps_per_sqrt_s": facts.volatility_bps,
        "signature": [
            {"sample_s": every / NS_PER_S, "volatility_bps_per_sqrt_s": value}
            for every, value in zip(SIGNATURE_NS, facts.signature_bps, strict=True)
        ],
        "touch": [_touch_fields(one) for one in told.touch],
        "touch_orders": [_costs_fields(one) for one in told.costs],
        "mids_before": {
            "known": told.orders_known,
            "orders": facts.orders,
            "clock": "venue" if told.by_venue else "arrival",
        },
        "distances": [_row_fields(row) for row in told.rows],
    }


def flow_fields(flow: Flow, deciles: tuple[Decile, ...]) -> Fields:
    """Return what the order flow says."""
    return {
        "flow_explains": flow.explained,
        "flow_next_second": flow.next_second,
        "up_by_imbalance": [{"n": one.n, "up": one.up} for one in deciles],
    }


def number(value: float) -> float | None:
    """Return a number as JSON has it: None for what is not finite."""
    return value if isfinite(value) else None


def mean_fields(mean: Mean) -> Fields:
    """Return a mean with its errors, basis points."""
    known = mean.n > 0
    return {
        "n": mean.n,
        "mean_bps": mean.mean if known else None,
        "se_bps": number(mean.se),
        "se_clustered_bps": number(mean.clustered),
        "clusters": mean.clusters,
        "half_width_bps": number(mean.half_width),
    }


def _touch_fields(one: Touch) -> Fields:
    return {
        "horizon_s": one.horizon_ns / NS_PER_S,
        "markout": mean_fields(one.markout),
        "markout_by_value": mean_fields(one.weighted),
    }


def _costs_fields(one: Costs) -> Fields:
    return {
        "horizon_s": one.horizon_ns / NS_PER_S,
        "markout": mean_fields(one.markout),
        "markout_by_value": mean_fields(one.weighted),
        "impact": mean_fields(one.impact),
        "half_spread": mean_fields(one.half_spread),
    }


def _interval_fields(name: str, found: Interval | None) -> Fields:
    if found is None:
        return {f"{name}_bps": None, f"{name}_low_bps": None, f"{name}_high_bps": None}
    return {
        f"{name}_bps": found.bps,
        f"{name}_low_bps": number(found.low_bps),
        f"{name}_high_bps": number(found.high_bps),
    }


def _negative(found: Interval | None) -> Interval | None:
    return None if found is None else Interval(-found.bps, -found.high_bps, -found.low_bps)


def _row_fields(row: Row) -> Fields:
    has_fills = row.fills > 0
    return {
        "distance_bps": row.distance_bps,
        "fills": row.fills,
        "rate_per_s": row.rate_per_s,
        "earned": mean_fields(row.earned),
        "impact_bps": row.impact_bps if has_fills else None,
        "edge_bps": row.edge_bps if has_fills else None,
        "low_bps": number(row.low_bps),
        "high_bps": number(row.high_bps),
        "answer": row.answer.value,
    }
