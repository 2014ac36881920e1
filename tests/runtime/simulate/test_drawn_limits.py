"""Limits that bind: who gets them, and that nobody else's run changes with them."""

from dataclasses import fields, replace

from mm.risk.base import AlarmAction
from mm.runtime.simulate.drawn_limits import POOR, Drawn, drawn_limits
from mm.runtime.simulate.faults import FOCUS_EVERY, FOCUSES
from mm.runtime.simulate.plan import LIMITS, TIGHT, plan_of

SEEDS = range(1, 601)

KINDS = (
    "exposure_atoms_max",
    "open_orders_max",
    "placements_minute_max",
    "open_loss_atoms",
    "drawdown_ppm_max",
)


def test_about_one_seed_in_three_has_one_or_two_of_each_kind() -> None:
    """And nothing else about its limits is drawn but what a loss asks for."""
    drawn = [drawn_limits(seed, LIMITS) for seed in SEEDS]
    bound = [one for one in drawn if one != Drawn(limits=LIMITS)]
    assert len(SEEDS) * 0.28 < len(bound) < len(SEEDS) * 0.39
    for one in bound:
        changed = {each.name for each in fields(LIMITS) if getattr(one.limits, each.name) != _of(each.name)}
        assert 1 <= len(changed & set(KINDS)) <= 2
        assert changed <= {*KINDS, "on_breach"}
    for kind in KINDS:
        assert sum(getattr(one.limits, kind) != _of(kind) for one in bound) > len(bound) // 10


def test_an_account_is_small_where_a_fall_has_to_be_a_share_of_it() -> None:
    """A millionth of the usual one is more than is ever lost."""
    for seed in SEEDS:
        one = drawn_limits(seed, LIMITS)
        assert (one.shrunk == POOR) is (one.limits.drawdown_ppm_max != LIMITS.drawdown_ppm_max)


def test_other_limits_of_a_seed_stay_its_own() -> None:
    """A loss that ends trading by leaving the position may be asked for in another way."""
    for seed in SEEDS:
        drawn = drawn_limits(seed, TIGHT).limits
        assert drawn.session_loss_atoms == TIGHT.session_loss_atoms
        assert drawn.on_breach in (AlarmAction.HALT, AlarmAction.FLATTEN)


def test_a_seed_that_is_there_for_a_few_faults_keeps_its_limits() -> None:
    """What ends its run early would hide what it is there for."""
    for seed in SEEDS:
        if seed % FOCUS_EVERY in FOCUSES:
            assert drawn_limits(seed, LIMITS) == Drawn(limits=LIMITS)


def test_a_plan_has_them_unless_its_limits_are_stated() -> None:
    """Everything else about it is what it would be without."""
    seed = next(seed for seed in SEEDS if drawn_limits(seed, LIMITS).shrunk > 1)
    plan, stated = plan_of(seed), plan_of(seed, limits=LIMITS)
    assert (plan.shrunk, stated.shrunk) == (POOR, 1)
    assert plan.limits == drawn_limits(seed, plan.limits).limits
    assert replace(plan, limits=LIMITS, shrunk=1) == stated


def _of(name: str) -> object:
    return getattr(LIMITS, name)
