"""Every kind of fault can really happen, and a profile draws its own alone; see `simulate/faults.py`."""

from dataclasses import replace
from typing import Final

import pytest

from mm.runtime.simulate.faults import (
    FOCUSES,
    KINDS,
    NONE,
    PROFILES,
    WORST,
    draw,
    switched_on,
    with_intensities,
)
from mm.runtime.simulate.ladder import Ladder
from mm.runtime.simulate.plan import SECOND_NS, Plan
from mm.runtime.simulate.world import simulate

BUSY: Final = Ladder(levels=2, half_spread_ticks=2, step_ticks=2, size_lots=20, tolerance_ticks=0)

CHANCES: Final[dict[str, float]] = {
    "not_found_lag_ms": 4_000,
    "listing_lag_ms": 1_500,
    "fills_lag_ms": 800,
    "latency_ms": 400,
    "crash": 0.02,
    "power_loss": 0.02,
    "nested": 1.0,
    "stop": 0.01,
    "kill": 0.03,
    "halt": 0.02,
    "disk_full": 0.02,
    "mismatch": 0.05,
    "wrong_ack": 0.05,
    "overfill": 0.05,
    "access_denied": 0.01,
    "maintenance": 0.02,
    "intruder": 0.01,
    "slow_all": 0.02,
    "jump": 0.02,
    "emptied": 0.05,
    "ban": 0.02,
    "suspend": 0.04,
    "hide": 0.05,
    "lie": 0.2,
    "ill_timed": 2.0,
    "lease_unreadable": 0.6,
    "journal_damaged": 1.0,
    "open_after_end": 0.3,
    "ack_after_end": 0.3,
    "end_after_end": 0.3,
}
"""How likely a kind is made here; the others are as likely as they are drawn at most, or more."""

NEEDS: Final[dict[str, dict[str, float]]] = {
    "connect_failed": {"market_down": 0.02},
    "nested": {"crash": 0.03},
    "not_found_lag_ms": {"place_unknown": 0.5, "report_lost": 0.5},
    "listing_lag_ms": {"user_down": 0.05},
    "fills_lag_ms": {"user_down": 0.05},
    "resume": {"pause": 0.02},
    "manual_cross": {"manual_order": 0.05},
    "ill_timed": {"place_lost": 0.3},
    "lease_unreadable": {"crash": 0.03},
    "journal_damaged": {"crash": 0.03},
}
"""What else has to happen for a kind to show."""


def chance(kind: str) -> float:
    """Return how likely a kind is made here."""
    return CHANCES.get(kind, max(0.05, float(getattr(WORST, kind))))


def plan(chances: dict[str, float], steps: int) -> Plan:
    """Return a short run with these faults alone."""
    faults = with_intensities(NONE, chances)
    return Plan(
        seed=3,
        faults=faults,
        strategy=BUSY,
        steps=steps,
        heal_ns=40 * SECOND_NS,
        rest_ns=25 * SECOND_NS,
    )


GROUPS: Final = [
    kinds[first : first + 9]
    for name, kinds in PROFILES.items()
    if name != "all"
    for first in range(0, len(kinds), 9)
]


@pytest.mark.parametrize("kinds", GROUPS, ids=lambda kinds: kinds[0])
def test_every_kind_of_fault_happens_and_breaks_nothing(kinds: tuple[str, ...]) -> None:
    """A few of them at once; the rare ones in a later run."""
    chances = {need: value for kind in kinds for need, value in NEEDS.get(kind, {}).items()}
    chances |= {kind: chance(kind) / (1 if kind.endswith("_ms") else 2) for kind in kinds}
    assert not _missing(kinds, chances)


def _missing(kinds: tuple[str, ...], chances: dict[str, float]) -> set[str]:
    left = set(kinds)
    for seed in range(3, 9):
        left -= simulate(replace(plan(chances, 1_200), seed=seed)).faults.keys()
        if not left:
            break
    return left


@pytest.mark.proof
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_happens_alone_and_is_counted(kind: str) -> None:
    """In a short run that has this one, and what it needs to show; the run breaks nothing."""
    assert not _missing((kind,), {kind: chance(kind)} | NEEDS.get(kind, {}))


def test_some_seeds_have_a_few_kinds_alone() -> None:
    """Those of a focus, at what is stated, whatever the profile draws of them."""
    for number, focus in FOCUSES.items():
        faults = draw(number)
        assert set(switched_on(faults)) == set(focus)
        assert all(getattr(faults, kind) == getattr(WORST, kind) * share for kind, share in focus.items())


def test_every_tenth_seed_has_no_faults() -> None:
    """What breaks there breaks by itself."""
    assert all(draw(seed) == NONE for seed in range(0, 100, 10))
    assert all(draw(seed) != NONE for seed in range(1, 10))


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_profile_draws_its_own_kinds_alone(profile: str) -> None:
    """And every one of them, over enough seeds."""
    drawn = {kind for seed in range(1, 60) for kind in switched_on(draw(seed, profile))}
    assert drawn == set(PROFILES[profile])


def test_a_kind_is_drawn_alike_whatever_the_profile() -> None:
    """So that a failure of the whole can be looked for in a part."""
    for seed in range(1, 30):
        whole, part = draw(seed, "all"), draw(seed, "venue")
        for kind in PROFILES["venue"]:
            assert getattr(whole, kind) == getattr(part, kind)


def test_intensities_are_mostly_off_and_never_beyond_the_worst() -> None:
    """A third of the kinds at most, on average."""
    drawn = [draw(seed) for seed in range(1, 80)]
    shares = [len(switched_on(one)) / len(KINDS) for one in drawn]
    assert sum(shares) / len(shares) < 0.4
    assert all(getattr(one, kind) <= getattr(WORST, kind) + 5 for one in drawn for kind in KINDS)
