"""What a command asks of the composition root, and what it gets back: plain frozen data.

The command line makes `DemoOptions` and `RunOptions`; `mm.bootstrap` makes a `RunReport`. Light to import.
Invariant: nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, TypeAlias

from mm.errors import EXIT_OK

if TYPE_CHECKING:
    from mm.settings.models import Settings

Show: TypeAlias = Callable[[Mapping[str, object]], None]
"""Takes a status (its shape: `mm.cli.tables`), keeps it and returns at once; called at about 4 Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """`mm demo`: a run on an exchange of its own.

    Fields:
        settings: mode "demo"; the seed and the preset of the market are in `settings.demo`.
        duration_ns: how long; 0 = until stopped.
        show: the live view, None without one.
    """

    settings: Settings
    duration_ns: int = 0
    show: Show | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`mm run`: a run as its config says, of any mode.

    Fields: as in `DemoOptions`; live_confirmed: `--yes-live` was given (mode "live" needs it);
    rebuild_from_venue: what a damaged journal held is given up.
    """

    settings: Settings
    duration_ns: int = 0
    live_confirmed: bool = False
    rebuild_from_venue: bool = False
    show: Show | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a run went, by the venue's truth where there is one.

    Fields:
        orders_placed, orders_cancelled, fills: counts of this run.
        first_fill_s: seconds from the start to the first fill, None without one.
        self_trades: fills with ourselves on both sides. limit_breaches: events after which a limit did not
            hold in the worst case. Both None where no venue tells its truth.
        open_orders_at_exit: as the venue lists them.
        pnl_residual: what of the P&L is not explained, in quote atoms.
        messages_per_fill: orders and cancels sent per fill, None without one.
        pnl_quote, quote: P&L after fees as text, and the asset it is in; "" unknown.
        orders_filled: on paper, orders meant to rest that had a fill, or several; `fills` counts those.
        fills_at_touch, phantom_fills, fills_not_at_touch: on paper, orders that a model which fills whatever
            the market touches would have claimed filled; those of them that had no fill here; those that were
            filled here and not there: fills_at_touch - phantom_fills + fills_not_at_touch = orders_filled.
            None where orders met a real book.
        fills_by_cause: on paper, by symbol and cause how many `fills` and `lots` came by it
            (`mm.sim.causes.FillCause`); None elsewhere.
        fill_model: on paper, by which queue model fills were made, and whether own fills have calibrated it;
            None elsewhere.
        run_s: length of the run, seconds of the venue's time.
        exit_reason: "duration", "stopped", "halted: ...", ...
        exit_code: what the process ends with (`mm.errors`).
    """

    orders_placed: int
    orders_cancelled: int
    fills: int
    first_fill_s: float | None
    self_trades: int | None
    limit_breaches: int | None
    open_orders_at_exit: int
    pnl_residual: int
    messages_per_fill: float | None
    exit_reason: str
    pnl_quote: str = ""
    quote: str = ""
    run_s: float = 0.0
    orders_filled: int | None = None
    fills_at_touch: int | None = None
    phantom_fills: int | None = None
    fills_not_at_touch: int | None = None
    fills_by_cause: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None
    fill_model: str | None = None
    exit_code: int = EXIT_OK

    def as_dict(self) -> dict[str, object]:
        """Return all fields by name, ready for JSON; what only paper knows is left out elsewhere."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if name not in ON_PAPER or value is not None}


ON_PAPER: Final = (
    *("orders_filled", "fills_at_touch", "phantom_fills", "fills_not_at_touch", "fills_by_cause"),
    "fill_model",
)
"""Fields of a report that only paper mode has."""
