"""Quotes of a given width around the mid, or off it: what strategies without a model of fills share.

    bid distance = half + lean - offset,    ask distance = half - lean + offset

The offset is where the fair price is, seen from the mid; the lean moves both prices against the inventory, by
`inventory_skew_bps` at its limit and in proportion before it. Unit: ticks. The fair price is told as what it
adds to one distance and takes off the other: exact, where its sum with the mid would be rounded.

Pure. Invariant: with offset and inventory negated the distances are exchanged to the last bit.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from mm.domain.units import PPM_PER_BPS
from mm.domain.view import View
from mm.quoting.about import BPS_MAX, About, Bps, ppm_from_bps
from mm.quoting.guards import HALF_TICKS_PER_BPS, TICKS_MAX, Ideal
from mm.quoting.params import QuotingParams

NO_FAIR_PRICE = "waits for a fair price"
"""What is said where an offset is no number, or beyond any market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanParams(QuotingParams):
    """Parameters of quotes that lean against the inventory by a fixed distance."""

    inventory_skew_bps: Annotated[
        Bps, Ge(0), Lt(BPS_MAX), About("Moves both quotes by this at the inventory limit, against it.")
    ] = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthParams(LeanParams):
    """Parameters of quotes that also have a fixed width."""

    spread_bps: Annotated[
        Bps, Gt(0), Lt(2 * BPS_MAX), About("Width from bid to ask of the first level.", example="10")
    ]


def bps_of(name: str, value: Decimal) -> float:
    """Return a parameter in basis points as a float. Raises: ConfigError if it is finer than 0.01 bps."""
    return ppm_from_bps(name, value) / PPM_PER_BPS


def ticks_per_bps(view: View[object]) -> float:
    """Return how many ticks a basis point of the mid is."""
    return view.mid_half_ticks / HALF_TICKS_PER_BPS


def held_share(view: View[object], target_lots: float = 0.0) -> float:
    """Return how far the inventory is from `target_lots`, as a share of its limit, -1 to 1."""
    return max(-1.0, min(1.0, (view.inventory_lots - target_lots) / view.inventory_max_lots))


def is_fair(offset_ticks: float) -> bool:
    """Return whether a fair price this far from the mid is one that can be quoted around."""
    return -TICKS_MAX < offset_ticks < TICKS_MAX


def around(view: View[object], half_ticks: float, lean_ticks: float, offset_ticks: float = 0.0) -> Ideal:
    """Return the distances of a width and a lean around a fair price; as `Ideal`, from the mid."""
    shift = lean_ticks - offset_ticks
    return Ideal(view.mid_half_ticks, half_ticks + shift, half_ticks - shift)
