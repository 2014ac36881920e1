"""A model's quotes for every inventory, looked up between whole lots and beyond the end of its table.

Models with an inventory cap give one distance per side and whole lot (`mm.models.glft_table.Table`). Fills
may be partial and limits no multiple of a lot: between two lots the distance is interpolated; beyond what the
table covers it goes on along a line, but never back. Inventory is counted in lots here.

Invariant: a bid's distance never falls and an ask's never rises as the inventory grows; for a table without
drift the ask at -q is the bid at q to the last bit.
"""

from math import floor
from typing import NamedTuple

from mm.domain.view import View
from mm.models.glft import Distances
from mm.models.glft_table import Table
from mm.quoting.guards import HALF_TICKS_PER_BPS, Ideal
from mm.quoting.session import OVER


class Line(NamedTuple):
    """How one side goes on beyond the table: at inventory q, `start` + q * `slope`; slope >= 0."""

    start: float
    slope: float


class Curve(NamedTuple):
    """Distances of one side that grow with the inventory.

    Fields: reach: lots either way that `distances` covers, at -reach..reach and once more at the end, so that
    a neighbour is always there; below, above: lines beyond.
    """

    reach: int
    distances: tuple[float, ...]
    below: Line
    above: Line

    def at(self, lots: float) -> float:
        """Return the distance at an inventory of `lots`, whole or not; finite."""
        reach = self.reach
        if lots > reach:
            return max(self.distances[-1], self.above.start + lots * self.above.slope)
        if lots < -reach:
            return min(self.distances[0], self.below.start + lots * self.below.slope)
        place = lots + reach
        index = floor(place)
        low, high = self.distances[index], self.distances[index + 1]
        return low + (place - index) * (high - low)


class Sheet(NamedTuple):
    """Both sides' distances.

    Fields: bids: by inventory; asks: by the negated inventory, so that both grow.
    """

    bids: Curve
    asks: Curve

    def bid(self, lots: float) -> float:
        """Return the bid's distance below the mid with `lots` held; negative when it is above."""
        return self.bids.at(lots)

    def ask(self, lots: float) -> float:
        """Return the ask's distance above the mid with `lots` held; negative when it is below."""
        return self.asks.at(-lots)


def sheet_of_table(found: Table, reach: int, beyond: Distances | None = None) -> Sheet:
    """Return the sheet of a table with a cap of 1 or more.

    Args: reach: lots that the table is trusted for, 1 to its cap; at the cap, where it has no quote, the
    last two are continued. beyond: quotes beyond the reach; None: along the table's last two.
    """
    cap = found.cap
    bids = [found.bid(lots) for lots in range(-cap, cap + 1)]
    asks = [found.ask(-lots) for lots in range(-cap, cap + 1)]
    if beyond is None:
        return Sheet(_curve(bids, reach, None), _curve(asks, reach, None))
    half, skew, shift = beyond
    return Sheet(_curve(bids, reach, Line(half - shift, skew)), _curve(asks, reach, Line(half + shift, skew)))


def sheet_of_line(found: Distances) -> Sheet:
    """Return the sheet of quotes that are linear in the inventory."""
    half, skew, shift = found
    return Sheet(_straight(half - shift, skew), _straight(half + shift, skew))


def _straight(start: float, slope: float) -> Curve:
    line = Line(start, slope)
    return Curve(0, (start, start), line, line)


def _curve(distances: list[float | None], reach: int, line: Line | None) -> Curve:
    known = [distance for distance in distances if distance is not None]
    # The side that adds is off at the cap; one lot before it there is a quote, and mostly two.
    last = known[-1] - known[-2] if len(known) > 1 else 0.0
    known.append(known[-1] + max(0.0, last))
    cap = len(known) // 2
    known = known[cap - reach : cap + reach + 1]
    if line is not None:
        return Curve(reach, (*known, known[-1]), line, line)
    first, last = max(0.0, known[1] - known[0]), max(0.0, known[-1] - known[-2])
    below, above = Line(known[0] + reach * first, first), Line(known[-1] - reach * last, last)
    return Curve(reach, (*known, known[-1]), below, above)


def ideal_of(
    sheet: Sheet, view: View[object], unit_lots: int, decay_per_bps: float, *, is_over: bool
) -> Ideal:
    """Return what a sheet in bps of the mid wants at the view's inventory.

    Args: unit_lots: what the sheet counts as one. is_over: the session has ended, and only flat is wanted.
    """
    bps_ticks = view.mid_half_ticks / HALF_TICKS_PER_BPS
    held = view.inventory_lots / unit_lots
    return Ideal(
        view.mid_half_ticks,
        sheet.bid(held) * bps_ticks,
        sheet.ask(held) * bps_ticks,
        decay_per_bps,
        only_reduces=OVER if is_over else "",
    )
