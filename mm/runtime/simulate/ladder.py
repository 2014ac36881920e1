"""The strategy that most simulated runs are quoted by: a plain ladder around the mid. Pure."""

from dataclasses import dataclass, field
from typing import Final

from mm.domain.quotes import Quote, Quotes
from mm.domain.view import View
from mm.signals.base import SignalSpec
from mm.strategies.base import Wake

SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Keeps `levels` orders a side around the mid, leaned against the inventory. Pure.

    Fields: half_spread_ticks, step_ticks: of the first level and between levels; size_lots: per level;
    tolerance_ticks, age_ns_max, life_ns_min: of every quote.
    """

    levels: int = 2
    half_spread_ticks: int = 3
    step_ticks: int = 3
    size_lots: int = 10
    tolerance_ticks: int = 1
    age_ns_max: int = 0
    life_ns_min: int = 0
    needs: tuple[SignalSpec, ...] = ()
    wake: Wake = field(default_factory=lambda: Wake(move_half_ticks=2, every_ns=SECOND_NS))

    def initial_memory(self) -> int:
        """Return 0: the number of decisions so far."""
        return 0

    def quotes(self, view: View[int]) -> Quotes[int]:
        """Return the ladder around the mid."""
        limit = max(1, view.inventory_max_lots)
        lean = max(-limit, min(limit, view.inventory_lots)) * self.half_spread_ticks // (2 * limit)
        bid = view.mid_half_ticks // 2 - self.half_spread_ticks - lean
        ask = (view.mid_half_ticks + 1) // 2 + self.half_spread_ticks - lean
        return Quotes(
            tuple(self._quote(bid - level * self.step_ticks, level) for level in range(self.levels)),
            tuple(self._quote(ask + level * self.step_ticks, level) for level in range(self.levels)),
            "quoting",
            view.memory + 1,
        )

    def _quote(self, price_ticks: int, level: int) -> Quote:
        return Quote(
            price_ticks, self.size_lots, level, self.tolerance_ticks, self.age_ns_max, self.life_ns_min
        )
