"""How much stands in front of an order in the queue of its price, estimated from what is displayed: leaves.

Pure functions over integers (base atoms) that call `math` and each other alone, so that a compiled kernel can
take them as they are: no objects, no text, no exceptions. What is in front only ever falls: by prints at the
price, which take from the front, and by decreases of the displayed size, of which the model says how much was
in front. Invariants: 0 <= result <= the old front; a front is rounded up and a fill down, both against us.
"""

import math
from enum import IntEnum
from typing import Final


class QueueModel(IntEnum):
    """Which part of a decrease without a print was behind an order; the values are the leaves' codes.

    RISK_AVERSE: all of it, until the displayed size itself is smaller than the front. POWER, POWER2, POWER3,
    LOG, LOG2: a part that grows with the share of the queue that is behind (see `part_behind`). L3: nothing
    is estimated, single orders are followed (`mm.sim.fifo`); as a leaf it says what RISK_AVERSE does.
    """

    RISK_AVERSE = 0
    POWER = 1
    POWER2 = 2
    POWER3 = 3
    LOG = 4
    LOG2 = 5
    L3 = 6


RISK_AVERSE: Final = 0
POWER: Final = 1
POWER2: Final = 2
POWER3: Final = 3
LOG: Final = 4
L3: Final = 6
"""The codes as plain integers, for the leaves. What is none of them is LOG2."""

ESTIMATES: Final = tuple(model for model in QueueModel if model is not QueueModel.L3)
"""The models that make do with displayed sizes."""

CUSTOMARY_POWERS: Final = {QueueModel.POWER: 2.0, QueueModel.POWER2: 2.0, QueueModel.POWER3: 3.0}
"""The exponents that are used where nothing has been calibrated; the other models have none."""


def part_behind(model: int, shape: float, front_atoms: int, back_atoms: int) -> float:
    """Return which part (0..1) of a decrease was behind an order with so much in front of and behind it.

    With f in front, b behind and n = `shape` (> 0): POWER b^n / (b^n + f^n), POWER2 (b / (b + f))^n, POWER3
    1 - (f / (b + f))^n. The logarithms count in units of `shape` atoms (> 0; a whole base unit, where nothing
    else is known): LOG ln(1+b) / (ln(1+b) + ln(1+f)), LOG2 ln(1+b) / ln(1+b+f). RISK_AVERSE, L3: 1. With
    nothing in front it is 1, with nothing behind 0.
    """
    if front_atoms <= 0 or model in (RISK_AVERSE, L3):
        return 1.0
    if back_atoms <= 0:
        return 0.0
    if model == LOG:
        behind = math.log1p(back_atoms / shape)
        return behind / (behind + math.log1p(front_atoms / shape))
    # Made floats one by one, as compiled code does, so that sizes beyond 2**53 give the same in both.
    share = 1.0 * back_atoms / (1.0 * (back_atoms + front_atoms))
    if model == POWER:
        behind = math.pow(share, shape)
        return behind / (behind + math.pow(1.0 - share, shape))
    if model == POWER2:
        return math.pow(share, shape)
    if model == POWER3:
        return 1.0 - math.pow(1.0 - share, shape)
    return math.log1p(back_atoms / shape) / math.log1p((back_atoms + front_atoms) / shape)


def front_after_decrease(
    model: int, shape: float, front_atoms: int, before_atoms: int, decrease_atoms: int
) -> int:
    """Return what is in front after the displayed size fell by `decrease_atoms` that no print explains.

    Args: before_atoms: the displayed size before it (>= decrease_atoms >= 0; the order itself is not in it).
    What the model puts behind beyond what was there came from the front.
    """
    after_atoms = before_atoms - decrease_atoms
    kept = front_atoms
    if model not in (RISK_AVERSE, L3):
        back_atoms = max(0, before_atoms - front_atoms)
        behind = part_behind(model, shape, front_atoms, back_atoms) * decrease_atoms
        kept = front_atoms + math.ceil(min(behind, 1.0 * back_atoms) - decrease_atoms)
    return max(0, min(kept, front_atoms, after_atoms))


def front_after_print(front_atoms: int, print_atoms: int) -> int:
    """Return what is in front after a print at the order's own price took from the front."""
    return max(0, front_atoms - max(0, print_atoms))


def filled_lots(reach_atoms: int, front_atoms: int, left_lots: int, lot_atoms: int) -> int:
    """Return how many whole lots of an order fill when `reach_atoms` are taken from the front of its queue.

    Args: front_atoms: what is taken before the order; 0 where the price itself was traded through.
    """
    return min(left_lots, max(0, reach_atoms - front_atoms) // lot_atoms)
