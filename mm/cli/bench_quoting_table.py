"""The figures of `mm bench quoting` in words: exact above simulated, and by how much they differ.

Invariant: a cell is empty where there is no figure, and below the table it says why there is none.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mm.bench.quoting.compare import Comparison, Figures

COLUMNS: Final[Mapping[str, str]] = {
    "mean": "mean",
    "sd": "sd",
    "sd_q": "sd q",
    "fills": "fills",
    "messages_per_fill": "messages/fill",
    "ce": "ce",
    "ce_percent": "ce %",
    "ce_rate_percent": "ce rate %",
}
"""Headings of the figures."""

NAME_WIDTH: Final = 32
CELL_WIDTH: Final = 14


def print_table(found: "Comparison") -> None:
    """Print the figures of one scene and what there is to be said about them."""
    print(f"{'':<{NAME_WIDTH}}{'':<10}" + "".join(f"{told:>{CELL_WIDTH}}" for told in COLUMNS.values()))
    for name, row in found.strategies.items():
        _print_row(name, row, found)
    for name, why in found.without_rate.items():
        print(f"{name} has no ce rate: {why}")
    for name, why in found.without_effect.items():
        print(f"{name} gains nothing by its hysteresis here: {why}")


def print_best(found: "Comparison") -> None:
    """Print what the shares in the table are shares of."""
    print(
        f"best there is: ce {found.best.equivalent:.3f} in a session (100 of ce %),"
        f" {found.best.rate:.3f} per second for ever in continuous time (100 of ce rate %)"
    )


def _print_row(name: str, row: "Figures", found: "Comparison") -> None:
    why = found.without_exact.get(name)
    exact: Figures = {column: row.get(f"exact_{column}") for column in COLUMNS}
    exact |= {"ce_percent": row.get("ce_percent"), "ce_rate_percent": row.get("ce_rate_percent")}
    print(f"{name:<{NAME_WIDTH}}{'exact':<10}" + (_cells(exact) if why is None else f"  none: {why}"))
    if "mean" not in row:
        return
    worth, error = row["ce"], row["se_ce"]
    percent = 100 / found.best.equivalent if found.best.equivalent > 0 else None
    simulated: Figures = {column: row.get(column) for column in COLUMNS}
    simulated |= {"ce_percent": _times(worth, percent), "ce_rate_percent": None}
    print(f"{'':<{NAME_WIDTH}}{'simulated':<10}{_cells(simulated)}".rstrip())
    errors = "".join(_cell(row.get(f"z_{column}"), "+.2f") for column in COLUMNS if column[:3] != "ce_")
    errors = errors[:-CELL_WIDTH] + _error(row.get("z_ce"), error) + _error(None, _times(error, percent))
    print(f"{'':<{NAME_WIDTH}}{'off by SE':<10}{errors}".rstrip())


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _error(z: float | None, error: float | None) -> str:
    # How far off it is where that can be judged; else how far off it may be.
    if z is not None or error is None:
        return _cell(z, "+.2f")
    return f"{f'+- {error:.3f}':>{CELL_WIDTH}}"


def _cells(values: "Figures") -> str:
    return "".join(_cell(values[column]) for column in COLUMNS).rstrip()


def _cell(value: float | None, form: str = ".3f") -> str:
    return f"{'' if value is None else format(value, form):>{CELL_WIDTH}}"
