"""A price band that is laid anew around the reference from time to time.

Outside of it the ladder is one-sided: at or above its upper end nothing is bought, at or below its lower end
nothing is sold. The band that holds is what the strategy remembers. Integers throughout.
"""

import msgspec

from mm.domain.units import PPM
from mm.quoting.reference import Reference


class Anchor(msgspec.Struct, frozen=True, gc=False):
    """Where the band was laid last. Fields: ts_ns: when, 0 = never; half_ticks: the reference then."""

    ts_ns: int = 0
    half_ticks: int = 0


def renewed(anchor: Anchor, ts_ns: int, reference: Reference, refresh_ns: int) -> Anchor:
    """Return the anchor that holds at `ts_ns`: the same one, or a new one if that is `refresh_ns` old."""
    if anchor.half_ticks and ts_ns - anchor.ts_ns < refresh_ns:
        return anchor
    return Anchor(ts_ns, reference.half_ticks)


def beyond(anchor: Anchor, reference: Reference, ceiling_ppm: int, floor_ppm: int) -> int:
    """Return 1 with the reference at or above the ceiling, -1 at or below the floor, 0 between them.

    Args: ceiling_ppm, floor_ppm: of the anchor, parts per million, signed.
    """
    scaled = reference.numerator * PPM
    unit = anchor.half_ticks * reference.divisor
    if scaled >= unit * (PPM + ceiling_ppm):
        return 1
    return -1 if scaled <= unit * (PPM + floor_ppm) else 0
