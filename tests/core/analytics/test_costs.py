"""Fees, rebates and funding: exact in fine units, whatever asset they were taken in."""

from fractions import Fraction
from random import Random

from mm.analytics.costs import Costs
from tests.builders.instruments import INSTRUMENT


def test_the_parts_of_the_costs_add_up_to_what_they_are_worth_now() -> None:
    """Quote, base and third assets, paid and received, against fractions by hand."""
    dice, costs = Random(3), Costs(INSTRUMENT)
    fixed, base = Fraction(0), 0
    for _ in range(500):
        asset, atoms = dice.choice(("AAA", "BBB", "CCC")), dice.randint(-50, 100)
        value, mid = dice.randint(0, 9), dice.randint(10_000, 30_000)
        fine = costs.pay(asset, atoms, mid, value_atoms=value)
        if asset == "AAA":
            base += atoms
            paid = Fraction(atoms * mid * INSTRUMENT.tick_lot_atoms, 2 * INSTRUMENT.lot_atoms)
        else:
            paid = Fraction(atoms if asset == "BBB" else value)
            fixed += paid
        assert Fraction(fine, costs.per_atom) == paid
    costs.fund(-40)
    now = Fraction(base * 25_001 * INSTRUMENT.tick_lot_atoms, 2 * INSTRUMENT.lot_atoms) + fixed
    held = costs.fees_fine - costs.rebates_fine - costs.drift_fine(25_001)
    assert Fraction(held, costs.per_atom) == now
    assert costs.equity_fixed_fine + costs.equity_slope_fine * 25_001 == -held - 40 * costs.per_atom
    assert (costs.fees_fine > 0, costs.rebates_fine > 0, costs.base_atoms) == (True, True, base)
    assert set(costs.atoms) == {"AAA", "BBB", "CCC"}


def test_a_half_tick_lot_in_fine_units_is_half_of_what_a_tick_lot_is_worth() -> None:
    """The units agree with the instrument's."""
    costs = Costs(INSTRUMENT)
    assert 2 * costs.per_half == INSTRUMENT.tick_lot_atoms * costs.per_atom
