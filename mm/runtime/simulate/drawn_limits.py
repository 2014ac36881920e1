"""Limits that bind, for about one seed in three: of the account's exposure, orders, placements, of losses.

Drawn from a stream of their own, so that every other seed does what it did without them. A seed that is there
for the sake of a few kinds of faults keeps its limits: what ends a run early hides what comes later.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits
from mm.runtime.simulate.faults import FOCUS_EVERY, FOCUSES

SHARE: Final = 0.4
"""Of the seeds that may have such limits, so many do."""

POOR: Final = 50_000
"""A millionth of what an account holds is a loss that can be made if it holds so much less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a seed has. Fields: limits; shrunk: what the account holds is divided by this."""

    limits: RiskLimits
    shrunk: int = 1


def drawn_limits(seed: int, limits: RiskLimits) -> Drawn:
    """Return `limits`, for some seeds with one or two that bind in place of theirs."""
    random = Random(f"{seed}/limits")
    if seed % FOCUS_EVERY in FOCUSES or random.random() >= SHARE:
        return Drawn(limits=limits)
    shrunk = 1
    for kind in random.sample(
        ("exposure", "orders", "placements", "open", "drawdown"), random.choice((1, 1, 2))
    ):
        if kind == "exposure":
            limits = replace(limits, exposure_atoms_max=random.choice((200, 350, 700)) * 1_000_000)
        elif kind == "orders":
            limits = replace(limits, open_orders_max=random.choice((2, 3, 5)))
        elif kind == "placements":
            limits = replace(limits, placements_minute_max=random.choice((30, 60, 120)))
        elif kind == "open":
            limits = replace(limits, open_loss_atoms=random.choice((200_000, 500_000)))
        else:
            limits = replace(limits, drawdown_ppm_max=random.choice((15, 40)))
            shrunk = POOR
        if kind in ("open", "drawdown"):
            limits = replace(limits, on_breach=random.choice((AlarmAction.HALT, AlarmAction.FLATTEN)))
    return Drawn(limits=limits, shrunk=shrunk)
