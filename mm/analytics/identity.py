"""The P&L identity of one session: every unit is spread captured, adverse selection, carry, a cost or
funding.

Half ticks x lots throughout, exact (quant.md 7). With s the sign, v the size, p the price of a fill at t, m2
the mid in half ticks and T now:

    total = sum s v (m2(t) - 2p)  -  A_h  +  C_h        (before costs; the same total for every horizon h)
    A_h   = -sum s v (m2(t+h) - m2(t))                  adverse selection within h, a cost > 0
    C_h   =  sum s v (m2(T) - m2(t+h))                  what was carried beyond it; t+h capped at T
    C_h - A_h = sum over moves of the mid of (own inventory x move)

The right and the left sides are summed up independently; what they differ by is the residue. What an earlier
life left is revalued apart: it is no work of this one. Invariant: every residue is 0.
"""

from mm.analytics.horizons import Fill


class Identity:
    """Sums of one session.

    Fields: mid_half_ticks: the last mid, 0 before the first. net_lots: moved by fills of this run, signed;
    cash_half, turnover_half: as in `mm.domain.position`; spread_half: captured at fills; revaluation_half: of
    this run's fills; left_lots, left_mid_half_ticks: what an earlier life left and at which mid; fills: how
    many. bought_lots, sold_lots: turnover per side.
    """

    def __init__(self, horizons: int, *, left_lots: int = 0, left_mid_half_ticks: int = 0) -> None:
        """Start without a fill. Args: horizons: how many there are; left_*: by an earlier life."""
        self.mid_half_ticks = left_mid_half_ticks
        self.left_lots = left_lots
        self.left_mid_half_ticks = left_mid_half_ticks
        self.net_lots = 0
        self.cash_half = 0
        self.turnover_half = 0
        self.spread_half = 0
        self.revaluation_half = 0
        self.fills = 0
        self.bought_lots = 0
        self.sold_lots = 0
        self._start_half = 0
        self._settled_lots = [0] * horizons
        self._settled_start_half = [0] * horizons
        self._settled_later_half = [0] * horizons

    def mark(self, mid_half_ticks: int) -> None:
        """Take in a mid; > 0."""
        self.revaluation_half += self.net_lots * (mid_half_ticks - self.mid_half_ticks)
        self.mid_half_ticks = mid_half_ticks
        if self.left_lots and not self.left_mid_half_ticks:
            self.left_mid_half_ticks = mid_half_ticks

    def fill(self, fill: Fill) -> None:
        """Take in a fill, at the mid that was marked last."""
        assert fill.mid_half_ticks == self.mid_half_ticks
        signed, price_half = fill.signed_lots, 2 * fill.price_ticks
        self.fills += 1
        self.cash_half -= signed * price_half
        self.turnover_half += fill.size_lots * price_half
        self.spread_half += signed * (fill.mid_half_ticks - price_half)
        self._start_half += signed * fill.mid_half_ticks
        self.net_lots += signed
        if signed > 0:
            self.bought_lots += signed
        else:
            self.sold_lots -= signed

    def settle(self, index: int, fill: Fill, mid_half_ticks: int) -> None:
        """Take in the mid that a fill met at a horizon."""
        signed = fill.signed_lots
        self._settled_lots[index] += signed
        self._settled_start_half[index] += signed * fill.mid_half_ticks
        self._settled_later_half[index] += signed * mid_half_ticks

    @property
    def gross_half(self) -> int:
        """P&L of this run's fills at the mid, before costs."""
        return self.cash_half + self.net_lots * self.mid_half_ticks

    @property
    def left_half(self) -> int:
        """What the mid's moves made of what an earlier life left."""
        return self.left_lots * (self.mid_half_ticks - self.left_mid_half_ticks)

    def adverse_half(self, index: int) -> int:
        """Return A_h, the adverse selection within a horizon: a cost > 0."""
        waiting_lots = self.net_lots - self._settled_lots[index]
        waiting_start_half = self._start_half - self._settled_start_half[index]
        moved = self._settled_later_half[index] - self._settled_start_half[index]
        return -(moved + waiting_lots * self.mid_half_ticks - waiting_start_half)

    def carry_half(self, index: int) -> int:
        """Return C_h, what was carried beyond a horizon."""
        return self.mid_half_ticks * self._settled_lots[index] - self._settled_later_half[index]

    def residue_half(self) -> int:
        """Return what the identity leaves unexplained at the horizon where that is most; 0, or it is
        wrong.
        """
        return max(map(self._residue_half, range(len(self._settled_lots))), key=abs, default=0)

    def _residue_half(self, index: int) -> int:
        later_half = self.carry_half(index) - self.adverse_half(index)
        unexplained = self.gross_half - self.spread_half - later_half
        return unexplained or later_half - self.revaluation_half
