"""What a study amounts to, as one JSON-ready object: for `mm tune --json`, the report's file and its page.

Numbers are rounded to what can mean anything; null is unknown. Invariant: it names what chose and what
judged, and how fills were made.
"""

from math import isfinite

from mm.analytics.performance import INTERVAL_NS
from mm.bootstrap.tune.tuning import Tuned, differences
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.runtime.tune.judgement import Judgement, Tried
from mm.runtime.tune.score import Objective
from mm.runtime.tune.sensitivity import Sensitivity

Fields = dict[str, object]


def fields(found: Tuned) -> Fields:
    """Return everything."""
    order, best = found.order, found.tried[found.best]
    return {
        "study": found.place.name,
        "storage": found.place.shown,
        "config": str(found.settings.path),
        "space": str(found.space.path),
        "session": found.pair,
        "strategy": found.settings.pair[found.pair].strategy,
        "symbol": found.settings.pair[found.pair].symbol,
        "data": [str(path) for path in order.data],
        "trials": found.trials,
        "trials_wanted": order.trials,
        "complete": found.complete,
        "refused": found.refused,
        "seed": order.seed,
        "batch": order.lag,
        "objectives": [one.value for one in order.objectives],
        "aversion_per_quote": order.aversion,
        "worlds": [{"queue": queue or None, "latency": latency or None} for queue, latency in found.worlds],
        "made": best.outcomes.rows[0][0].made,
        "windows": [
            {
                "split": one.split,
                "test": one.test,
                "from_ms": one.from_ns // NS_PER_MS,
                "to_ms": one.to_ns // NS_PER_MS,
            }
            for one in found.windows
        ],
        "interval_s": INTERVAL_NS / NS_PER_S,
        "best": trial_fields(found, best),
        "changes": [
            {"key": one.key, "old": one.old, "new": one.new.strip('"')} for one in differences(found)
        ],
        "front": [trial_fields(found, one) for one in found.tried if one.number in found.front],
        **judgement_fields(found.judgement),
        "sensitivity": [sensitivity_fields(one) for one in found.sensitivities],
        "all": [trial_fields(found, one) for one in found.tried],
    }


def trial_fields(found: Tuned, one: Tried) -> Fields:
    """Return one trial: what it tried, and every objective in and out of sample."""
    return {
        "number": one.number,
        "params": {key: text.strip('"') for key, text in one.point.items()},
        "in_sample": {each.value: rounded(one.outcomes.value(each, found.train)) for each in Objective},
        "out_of_sample": {each.value: rounded(one.outcomes.value(each, found.test)) for each in Objective},
        "fills": one.outcomes.fills(sorted((*found.train, *found.test))),
        "halts": one.outcomes.halts(),
        "digests": [outcome.digest for row in one.outcomes.rows for outcome in row],
    }


def judgement_fields(judgement: Judgement) -> Fields:
    """Return the judgement."""
    overfitting = judgement.overfitting
    return {
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "in_sample": {
            "certain_quote_per_day": rounded(judgement.train),
            "net_quote": rounded(judgement.train_net),
            "fills": judgement.train_fills,
            "intervals": judgement.intervals,
        },
        "out_of_sample": {
            "certain_quote_per_day": rounded(judgement.test),
            "net_quote": rounded(judgement.test_net),
            "fills": judgement.test_fills,
            "intervals": judgement.test_intervals,
            "rank": rounded(judgement.test_rank),
            "probability": rounded(judgement.test_probability),
        },
        "sharpe_per_interval": rounded(judgement.sharpe),
        "luck_sharpe_per_interval": rounded(judgement.luck_sharpe),
        "deflated_sharpe": rounded(judgement.deflated),
        "overfitting_probability": None if overfitting is None else rounded(overfitting.probability),
        "overfitting_counts": judgement.overfitting_counts,
        "overfitting_ways": None if overfitting is None else overfitting.ways,
        "rank_correlation": rounded(judgement.ranks),
        "neighbours_certain_quote_per_day": rounded(judgement.neighbours),
        "walk_forward": [
            {
                "split": step.split,
                "trial": step.chosen,
                "in_sample": rounded(step.train),
                "out_of_sample": rounded(step.test),
                "median": rounded(step.median),
            }
            for step in judgement.walk
        ],
        "walk_forward_certain_quote_per_day": rounded(judgement.walk_test),
    }


def sensitivity_fields(one: Sensitivity) -> Fields:
    """Return how the score depends on one parameter."""
    return {
        "key": one.key,
        "best": one.best.strip('"'),
        "importance": rounded(one.importance),
        "groups": [
            {
                "low": group.low.strip('"'),
                "high": group.high.strip('"'),
                "score": rounded(group.score),
                "trials": group.trials,
                "weight": rounded(group.weight),
            }
            for group in one.groups
        ],
    }


def rounded(value: float | None) -> float | None:
    """Return a number with six digits, None for what is none."""
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None
