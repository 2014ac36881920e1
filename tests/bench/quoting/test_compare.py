"""Exact and simulated figures side by side: the oracle's end-to-end table, and how a difference is told."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mm.bench.quoting.compare import Asked, Comparison, compared, far_off, figures, is_told
from mm.bench.quoting.contenders import CONTENDERS, UNPAIRED, average_spread
from mm.bench.quoting.exact_optimum import optimum
from mm.bench.quoting.known import Best, exact_of, why_inexact
from mm.bench.quoting.simulate import Session, sessions
from tests.builders.quoting_scenes import scene

ENDS = {
    0.01: (60, 68.42374, 9.15056, 3.91457, 102.4754),
    0.1: (40, 67.72891, 7.17534, 2.19568, 103.7019),
    0.5: (20, 65.98582, 6.12371, 1.41800, 111.3771),
    1.0: (12, 63.91761, 5.61609, 1.14877, 119.0833),
}
"""quant.md 11: mean, sd, sd of inventory and fills of the closed form through the engine, by aversion."""


def played_by(asked: Asked) -> Comparison:
    """Compare in silence."""
    return compared(asked, lambda *_: None)


CE_LEAST = {0.01: 99.5, 0.1: 99.5, 0.5: 99.0, 1.0: 99.0}


@pytest.mark.parametrize("risk_factor", sorted(ENDS))
def test_the_closed_form_through_the_engine_has_the_moments_of_its_formula(risk_factor: float) -> None:
    """To what rounding to a tick of 0.001 leaves; its certainty equivalent is within 1 % of the best."""
    cap, mean, sd, sd_q, fills = ENDS[risk_factor]
    played = scene(risk_factor, cap=cap)
    exact = exact_of("glft", played)
    assert exact is not None
    assert exact.moments is not None
    found = exact.moments
    assert found.mean == pytest.approx(mean, abs=0.02)
    assert found.sd == pytest.approx(sd, abs=0.01)
    assert found.sd_q == pytest.approx(sd_q, abs=0.005)
    assert found.fills == pytest.approx(fills, abs=0.05)
    best = optimum(played.market, risk_factor, cap)[1]
    assert 100 * exact.equivalent / best >= CE_LEAST[risk_factor]


def test_against_symmetric_quotes_of_the_same_width_the_risk_is_half() -> None:
    """quant.md 11: at least 99 % of the mean, at most 0.54 of the deviation and 0.27 of the inventory's."""
    assert average_spread(scene()) == pytest.approx(1.49177, abs=1e-5)
    optimal, symmetric = exact_of("glft", scene()), exact_of("symmetric", scene())
    assert optimal is not None
    assert optimal.moments is not None
    assert symmetric is not None
    assert symmetric.moments is not None
    ours, theirs = optimal.moments, symmetric.moments
    assert theirs.mean == pytest.approx(68.2228, abs=0.01)
    assert ours.mean >= 0.99 * theirs.mean
    assert ours.sd <= 0.54 * theirs.sd
    assert ours.sd_q <= 0.27 * theirs.sd_q


def test_the_asymptotic_table_is_as_good() -> None:
    """What production quotes by default, without hysteresis."""
    exact = exact_of("glft_asymptotic", scene())
    assert exact is not None
    assert 100 * exact.equivalent / optimum(scene().market, 0.1, 40)[1] >= 99.9 - 0.01


def test_simulated_sessions_are_the_same_for_a_seed_and_go_on_where_others_ended() -> None:
    """Whoever plays them, in whatever portions."""
    played = scene(steps=20)
    whole = sessions("glft", played, 3, 0, 4)
    assert whole == sessions("glft", played, 3, 0, 2) + sessions("glft", played, 3, 2, 2)
    assert whole != sessions("glft", played, 4, 0, 4)
    assert len({one.wealth for one in whole}) == 4


def test_the_simulated_engine_agrees_with_the_exact_figures() -> None:
    """Within four standard errors, mean, deviations and fills; the long comparison is a proof."""
    asked = Asked(scene=scene(steps=40), names=("glft",), sims=60, seed=1, jobs=1)
    told: list[tuple[str, int]] = []
    found = compared(asked, lambda what, done: told.append((what, done))).strategies
    row = found["glft"]
    assert not far_off(found)
    assert row["sims"] == 60
    assert row["se_mean"]
    assert row["exact_mean"]
    assert row["mean"]
    assert told[:2] == [("the best there is", 0), ("glft: exact", 0)]
    assert told[-1] == ("glft", 60)


@pytest.mark.proof  # many sessions
def test_impact_makes_every_fill_cost_and_is_counted_the_same_way_in_both() -> None:
    """A market that moves against the maker: less is earned, simulated and exact agree."""
    toxic = scene(steps=40, impact=0.4)
    found = played_by(Asked(scene=toxic, names=("glft",), sims=60, seed=2, jobs=1)).strategies
    calm = exact_of("glft", scene(steps=40))
    assert calm is not None
    assert calm.moments is not None
    assert not far_off(found)
    assert found["glft"]["exact_mean"] is not None
    assert found["glft"]["exact_mean"] < 0.8 * calm.moments.mean


@pytest.mark.proof  # many sessions
def test_on_the_continuous_market_the_engine_agrees_with_the_exact_figures() -> None:
    """Fills come between the steps, more than one a side; moments and certainty equivalent within four
    standard errors, which is judged: there are sessions enough.
    """
    played = scene(steps=40, continuous=True)
    found = played_by(Asked(scene=played, names=("glft",), sims=60, seed=1, jobs=1))
    row = found.strategies["glft"]
    assert not found.far_off
    assert not found.without_exact
    for name in ("mean", "sd", "sd_q", "fills", "ce"):
        assert row[f"z_{name}"] is not None
        assert row[f"exact_{name}"]
    assert row["ce_percent_se"] == 0


def test_a_simulated_certainty_equivalent_is_held_against_the_exact_one() -> None:
    """Sessions that earn too little by less than their mean can tell are told; too few sessions are not."""
    played = scene(steps=10)
    exact = exact_of("glft", played)
    assert exact is not None
    worst = exact.equivalent - 4.5 * exact.equivalent_error(0.1, 400)
    unlucky = [Session(wealth=worst, lots=0, fills=10, messages=20)] * 400
    row = figures(played, exact, unlucky, Best(equivalent=4.0, rate=64.0))
    assert row["z_ce"] == pytest.approx(-4.5)
    assert "glft: ce lies -4.5 standard errors off" in far_off({"glft": row})
    assert row["ce"] == pytest.approx(worst)
    # A hundred sessions where the utility deviates by 0.81 of its mean, as in a whole session at 0.1.
    whole = replace(exact, spread=0.65)
    assert [is_told(whole, sims) for sims in (1, 80, 100)] == [False, False, True]
    row = figures(played, whole, unlucky[:80], Best(equivalent=4.0, rate=64.0))
    assert "z_mean" in row
    assert "z_ce" not in row


EXACT_PRODUCTION = {
    0.01: (67.545, 9.173, 3.941, 102.956, 98.633),
    0.1: (66.802, 7.175, 2.204, 103.449, 98.458),
    0.5: (64.825, 6.037, 1.400, 113.028, 98.038),
    1.0: (63.785, 5.609, 1.127, 118.723, 99.308),
}
"""Mean, sd, sd of inventory, fills, share of the best certainty equivalent, with production's hysteresis."""


def test_production_with_its_hysteresis_has_exact_figures() -> None:
    """Who fears inventory most lets orders stay least: 98 % of the best and more are left to everybody."""
    row = played_by(
        Asked(scene=scene(1.0, cap=12), names=("glft_production",), sims=0, seed=1, jobs=1)
    ).strategies["glft_production"]
    found = [row[key] for key in ("exact_mean", "exact_sd", "exact_sd_q", "exact_fills", "ce_percent")]
    assert found == pytest.approx(EXACT_PRODUCTION[1.0], abs=1e-3)
    assert row["ce_percent_se"] == 0
    assert row["exact_messages_per_fill"] == pytest.approx(9.59, abs=0.02)


def test_every_strategy_plays_without_hysteresis_and_with_the_defaults_of_production() -> None:
    """Each has a twin, or it is said why not; the twin of a model is its most exact form."""
    twins = {one.hysteresis_over: name for name, one in CONTENDERS.items() if one.hysteresis_over}
    for name, contender in CONTENDERS.items():
        if contender.hysteresis_over or name in UNPAIRED:
            continue
        assert twins.get(name, "glft_production").startswith(name.removesuffix("_asymptotic"))
    assert sorted(twins.values()) == sorted(name for name in CONTENDERS if name.endswith("_production"))
    assert all(len(why) > 20 for why in UNPAIRED.values())


@pytest.mark.proof  # exact figures of every strategy
@pytest.mark.parametrize(
    ("name", "risk_factor", "cap", "worth", "messages"),
    [
        ("ladder", 0.5, 20, 1.8, 3.3),
        ("cartea_jaimungal", 0.5, 20, 1.3, 3.3),
        ("pure_market_making", 0.01, 60, 1.4, 2.7),
    ],
)
def test_the_default_hysteresis_costs_less_than_two_percent(
    name: str, risk_factor: float, cap: int, worth: float, messages: float
) -> None:
    """Exactly, of the mean and of the certainty equivalent, with a third of the messages or less (about 10
    a fill without); also of those that know no decay and go by their width.
    """
    played = scene(risk_factor, cap=cap)
    plain, production = exact_of(name, played), exact_of(name + "_production", played)
    assert plain is not None
    assert production is not None
    assert plain.moments is not None
    assert production.moments is not None
    assert production.messages is not None
    assert 100 * (1 - production.equivalent / plain.equivalent) <= worth < 2
    assert production.moments.mean > 0.98 * plain.moments.mean
    assert production.messages / production.moments.fills <= messages


@pytest.mark.proof  # many sessions of every strategy
@pytest.mark.parametrize(
    ("name", "impact"),
    [
        ("glft_production", 0.0),
        ("glft_production", 0.4),
        ("ladder_production", 0.0),
        ("ladder_production", 0.4),
        ("cartea_jaimungal_production", 0.0),
        ("pure_market_making_production", 0.0),
    ],
)
def test_the_engine_agrees_with_the_exact_figures_of_its_hysteresis(name: str, impact: float) -> None:
    """Within four standard errors, with as many messages."""
    played = scene(1.0, cap=12, steps=40, impact=impact)
    found = played_by(Asked(scene=played, names=(name,), sims=60, seed=1, jobs=1)).strategies
    row = found[name]
    assert not far_off(found)
    assert row["exact_messages_per_fill"] == pytest.approx(row["messages_per_fill"], rel=0.05)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("glft", {"latency_steps": 1}),
        ("glft_production", {"latency_steps": 1}),
        ("glft_production", {"continuous": True}),
        ("glft_production", {"tick": Decimal("0.02")}),
        ("glft", {"tick": Decimal("0.03"), "continuous": True}),
        ("avellaneda_stoikov_production", {}),
    ],
)
def test_where_quotes_depend_on_more_of_the_path_there_is_no_exact_figure(
    name: str, fields: dict[str, Any]
) -> None:
    """A latency, answers within a step, a tick that decides what stays, quotes that change: it is said."""
    played = scene(steps=10, **fields)
    assert exact_of(name, played) is None
    assert len(why_inexact(name, played)) > 20
    assert why_inexact("glft", scene(steps=10)) == ""


@pytest.mark.proof  # many sessions
def test_production_defaults_save_messages_where_nothing_is_exact() -> None:
    """Quotes that change with the time as well."""
    names = ("avellaneda_stoikov", "avellaneda_stoikov_production")
    found = played_by(Asked(scene=scene(steps=40), names=names, sims=10, seed=1, jobs=1)).strategies
    plain, production = (found[name]["messages_per_fill"] for name in names)
    assert plain is not None
    assert production is not None
    assert production < 0.5 * plain
    assert "exact_mean" not in found[names[1]]


def test_a_certainty_equivalent_that_is_simulated_carries_its_error() -> None:
    """Where there is none that is exact."""
    played = scene(steps=10, latency_steps=1)
    row = played_by(Asked(scene=played, names=("glft",), sims=3, seed=1, jobs=1)).strategies["glft"]
    assert row["ce_percent_se"]
    assert row["ce_percent_se"] > 0


def test_a_statistic_that_lies_far_off_is_told() -> None:
    """In words, by how much."""
    exact = exact_of("glft", scene(steps=10))
    lucky = [Session(wealth=90.0 + number, lots=0, fills=3, messages=9) for number in range(50)]
    row = figures(scene(steps=10), exact, lucky, Best(equivalent=0.0, rate=1.0))
    told = far_off({"glft": row})
    assert any(words.startswith("glft: mean lies ") for words in told)
    assert row["ce_percent"] is None


@pytest.mark.proof
@pytest.mark.parametrize("risk_factor", sorted(ENDS))
def test_a_thousand_sessions_agree_with_the_exact_figures(risk_factor: float) -> None:
    """Every contender, at every aversion, among them those of production with their hysteresis."""
    names = tuple(CONTENDERS)
    played = scene(risk_factor, cap=ENDS[risk_factor][0])
    found = played_by(Asked(scene=played, names=names, sims=1000, seed=1, jobs=2)).strategies
    assert not far_off(found)
    row = found["glft_production"]
    exact = [row[key] for key in ("exact_mean", "exact_sd", "exact_sd_q", "exact_fills", "ce_percent")]
    assert exact == pytest.approx(EXACT_PRODUCTION[risk_factor], abs=1e-3)
    assert row["exact_messages_per_fill"] == pytest.approx(row["messages_per_fill"], rel=0.02)


@pytest.mark.proof
@pytest.mark.parametrize(
    "fields", [{"continuous": True}, {"impact": 0.4}, {"impact": 0.8}, {"tick": Decimal("0.4")}], ids=str
)
def test_a_thousand_sessions_agree_on_the_other_markets(fields: dict[str, Any]) -> None:
    """Fills at any time, fills that move the mid, coarse ticks: whoever has exact figures there."""
    names = tuple(name for name in CONTENDERS if not why_inexact(name, scene(**fields)))
    assert len(names) > 5
    found = played_by(Asked(scene=scene(**fields), names=names, sims=1000, seed=1, jobs=2))
    assert not found.far_off
    assert found.strategies["glft"]["z_ce"] is not None
