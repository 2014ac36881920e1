"""What a holding is worth. Apart from `Instrument`, so that it is compiled: every decision asks for it."""

from mm.domain.instrument import Instrument


def base_value_atoms(instrument: Instrument, base_atoms: int, mid_half_ticks: int) -> int:
    """Return the value of a base amount at a mid given in half ticks, in quote atoms, rounded down.

    Fees paid in the base asset are no multiple of a lot; rounding down is against us for holdings.
    """
    lot_atoms, tick_lot_atoms = instrument.lot_atoms, instrument.tick_lot_atoms
    # Whole lots and the rest, apart: the product of all would be one of the large numbers that cost several
    # times as much.
    lots, rest = base_atoms // lot_atoms, base_atoms % lot_atoms
    half_atoms = lots * mid_half_ticks * tick_lot_atoms
    if rest:
        half_atoms += rest * mid_half_ticks * tick_lot_atoms // lot_atoms
    return half_atoms // 2
