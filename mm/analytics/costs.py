"""Fees, rebates and funding of one session, exact.

Everything is told in fine units, 1 / (2 x lot_atoms) of a quote atom: in them a half tick x lot, a quote atom
and a base atom at any mid are whole numbers, so that the parts add up to the unit. Fees and rebates count at
the mid of their fill; what was paid in the base asset is worth another amount since, and that is a part of
its own. A fee in a third asset counts as what the engine took it to be worth.
"""

from mm.domain.instrument import Instrument


class Costs:
    """What was paid and received beside the trades.

    Fields: per_atom: fine units in a quote atom; per_half: in a half tick x lot. fees_fine: paid, >= 0;
    rebates_fine: received, >= 0; funding_fine: received, signed. base_atoms: paid in the base asset, net of
    rebates, signed; atoms: paid by asset, net, signed.
    """

    def __init__(self, instrument: Instrument) -> None:
        """Start with nothing paid."""
        self.per_atom = 2 * instrument.lot_atoms
        self.per_half = instrument.tick_lot_atoms * instrument.lot_atoms
        self.fees_fine = 0
        self.rebates_fine = 0
        self.funding_fine = 0
        self.base_atoms = 0
        self.atoms: dict[str, int] = {}
        self._instrument = instrument
        self._base_paid_fine = 0
        self._fixed_fine = 0

    def pay(self, asset: str, atoms: int, mid_half_ticks: int, *, value_atoms: int = 0) -> int:
        """Book a fee (negative: rebate) taken at a mid; return what it counts, fine units.

        Args: value_atoms: what it is taken to be worth in quote atoms where it is neither base nor quote.
        """
        self.atoms[asset] = self.atoms.get(asset, 0) + atoms
        if asset == self._instrument.base:
            fine = atoms * mid_half_ticks * self._instrument.tick_lot_atoms
            self.base_atoms += atoms
            self._base_paid_fine += fine
        else:
            fine = (atoms if asset == self._instrument.quote else value_atoms) * self.per_atom
            self._fixed_fine += fine
        if fine > 0:
            self.fees_fine += fine
        else:
            self.rebates_fine -= fine
        return fine

    def fund(self, quote_atoms: int) -> None:
        """Book funding in the quote asset; received > 0, paid < 0."""
        self.funding_fine += quote_atoms * self.per_atom

    def drift_fine(self, mid_half_ticks: int) -> int:
        """Return what fees paid in the base asset are worth less (> 0) or more (< 0) now than when paid."""
        return self._base_paid_fine - self.base_atoms * mid_half_ticks * self._instrument.tick_lot_atoms

    @property
    def equity_fixed_fine(self) -> int:
        """The part of the equity that no mid moves, fine units, signed."""
        return self.funding_fine - self._fixed_fine

    @property
    def equity_slope_fine(self) -> int:
        """What the equity changes by with each half tick of the mid, fine units, signed."""
        return -self.base_atoms * self._instrument.tick_lot_atoms
