"""How what signals learnt is forgotten: exponentially, by half-life. Pure functions."""

from math import log
from typing import Final

from mm.domain.units import NS_PER_S

LIFE_PER_HALF: Final = 1 / log(2)
"""Mean life of what is forgotten exponentially, as a multiple of its half-life."""


def share_kept(elapsed_ns: int, half_life_ns: int) -> float:
    """Return what is left of a weight of 1 after a time. Args: half_life_ns: 0 = nothing is forgotten."""
    return 0.5 ** (elapsed_ns / half_life_ns) if half_life_ns else 1.0


def time_weight_s(elapsed_ns: int, half_life_ns: int) -> float:
    """Return the weight in seconds of a time that ends now, each instant of it forgotten since."""
    if not half_life_ns:
        return elapsed_ns / NS_PER_S
    life_s = half_life_ns / NS_PER_S * LIFE_PER_HALF
    return (1.0 - share_kept(elapsed_ns, half_life_ns)) * life_s
