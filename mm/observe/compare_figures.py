"""What two runs earned, beside each other: each figure of both, its error, and what is between them.

Read from the figures (`report_figures.py`), measured nowhere else. Errors are standard errors, one figure's
own; that of a difference takes both runs for independent, which two runs over one market are not: it is too
large then, never too small. Invariant: a figure that a run does not know is None, never 0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final

from mm.observe.report_figures import EDGE_HORIZON_S

ERRORS: Final = 2.0
"""A difference of more standard errors than this is told apart from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure of one session in two runs.

    Fields: name: for people; key: stable; unit: "" for a number; first, second: None if not known;
    first_error, second_error: standard errors, None where there is none: a count, or exact.
    """

    name: str
    key: str
    unit: str
    first: float | None
    second: float | None
    first_error: float | None = None
    second_error: float | None = None

    @property
    def difference(self) -> float | None:
        """Second less first, None if one is not known."""
        return None if self.first is None or self.second is None else self.second - self.first

    @property
    def difference_error(self) -> float | None:
        """Standard error of the difference, None if one of both is not known."""
        if self.first_error is None or self.second_error is None:
            return None
        return hypot(self.first_error, self.second_error)

    @property
    def is_apart(self) -> bool | None:
        """Whether the difference is more than chance; None where nothing says so."""
        difference, error = self.difference, self.difference_error
        if difference is None or error is None or not error:
            return None
        return abs(difference) > ERRORS * error


def figure_rows(first: object, second: object) -> tuple[FigureRow, ...]:
    """Return the figures of one session in two runs. Args: as `report_figures.figures` makes them."""
    pairs = zip(_read(first), _read(second), strict=True)
    return tuple(
        FigureRow(
            name=one.name,
            key=one.key,
            unit=one.unit,
            first=one.value,
            second=other.value,
            first_error=one.error,
            second_error=other.error,
        )
        for one, other in pairs
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    name: str
    key: str
    unit: str
    value: float | None
    error: float | None = None


_HORIZONS_S: Final = (0.0, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0)
# As in `analytics.horizons`, the fill itself first.


def _read(told: object) -> Iterator[_Read]:
    quote, base = str(_at(told, "quote") or ""), str(_at(told, "base") or "")
    yield from _money(told, quote)
    yield _Read(name="P&L of what was traded", key="pnl_bps", unit="bps", value=_number(told, "edge.pnl_bps"))
    for horizon_s in _HORIZONS_S:
        row = _horizon(told, "markouts.every", horizon_s)
        name = "markout at the fill" if not horizon_s else f"markout after {horizon_s:g} s"
        yield _Read(
            name=name,
            key=f"markout_{horizon_s:g}s_bps",
            unit="bps",
            value=_number(row, "mean_bps"),
            error=_number(row, "error_bps"),
        )
    for name, key, unit, path in (
        ("fills", "fills", "", "pnl.fills"),
        ("turnover", "turnover_quote", quote, "pnl.turnover_quote"),
        ("orders sent", "places", "", "messages.places"),
        ("cancels", "cancels", "", "messages.cancels"),
        ("messages per fill", "messages_per_fill", "", "messages.per_fill"),
        ("filled of what was submitted", "fill_ratio", "", "messages.fill_ratio"),
        ("inventory, mean", "inventory_mean_base", base, "inventory.mean_base"),
        ("inventory, standard deviation", "inventory_deviation_base", base, "inventory.deviation_base"),
        ("inventory, highest", "inventory_max_base", base, "inventory.max_base"),
        ("inventory, lowest", "inventory_min_base", base, "inventory.min_base"),
        ("inventory, half-life", "inventory_half_life_s", "s", "inventory.half_life_s"),
        ("both sides quoted, of the time", "both_ratio", "", "presence.both_ratio"),
        ("deepest fall from a peak", "max_drawdown_quote", quote, "performance.max_drawdown_quote"),
    ):
        yield _Read(name=name, key=key, unit=unit, value=_number(told, path))


def _money(told: object, quote: str) -> Iterator[_Read]:
    intervals, deviation = (_number(told, f"performance.{name}") for name in ("intervals", "deviation_quote"))
    known = intervals is not None and deviation is not None and intervals >= 2
    error = deviation * sqrt(intervals) if known and deviation is not None and intervals is not None else None
    value = _number(told, "pnl.net_quote")
    yield _Read(name="net P&L", key="net_quote", unit=quote, value=value, error=error)
    captured = _number(told, "pnl.spread_quote")
    yield _Read(name="spread captured", key="spread_quote", unit=quote, value=captured)
    row, markout = (_horizon(told, path, EDGE_HORIZON_S) for path in ("pnl.horizons", "markouts.every"))
    turnover, bps = _number(told, "pnl.turnover_quote"), _number(markout, "money_error_bps")
    yield _Read(
        name=f"adverse selection within {EDGE_HORIZON_S:g} s",
        key="adverse_quote",
        unit=quote,
        value=_number(row, "adverse_quote"),
        error=None if turnover is None or bps is None else turnover * bps / 1e4,
    )
    carry = _number(row, "carry_quote")
    yield _Read(name="inventory carried beyond it", key="carry_quote", unit=quote, value=carry)
    costs = [_number(told, f"pnl.{name}") for name in ("fees_quote", "rebates_quote", "fee_drift_quote")]
    paid = None if None in costs else sum(cost for cost in costs if cost is not None)
    yield _Read(name="fees and rebates", key="costs_quote", unit=quote, value=paid)


def _at(told: object, path: str) -> object:
    found = told
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _number(told: object, path: str) -> float | None:
    found = _at(told, path)
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        return float(found)
    except ValueError:
        return None


def _horizon(told: object, path: str, horizon_s: float) -> object:
    rows = _at(told, path)
    listed = rows if isinstance(rows, list) else []
    return next((row for row in listed if _number(row, "horizon_s") == horizon_s), None)
