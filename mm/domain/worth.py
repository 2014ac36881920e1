"""What a holding is worth. Apart from `Instrument`, so that it is compiled: every decision asks for it."""

from mm.domain.instrument import Instrument


def base_value_atoms(instrument: Instrument, base_atoms: int, mid_half_ticks: int) -> int:
    """Return the value of a base amount at a mid given in half ticks, in quote atoms, rounded down.

    Fees paid in the base asset are no multiple of a lot; rounding down is against us for holdings.
    """
    return base_atoms * mid_half_ticks * instrument.tick_lot_atoms // (2 * instrument.lot_atoms)
