"""Quotes by the clock: in windows of the week, around a target inventory that moves with time.

In a window its own width, lean and sizes hold (`windows`, the first one that is open); without any window
quoting is always on. Outside of all of them nothing is quoted, or only what brings the inventory back to flat
(`outside`), and the reason says when it goes on.

The inventory q is replaced by q - q*(t): q* is a path of the day (`path_ms`, `path_base`), linear between its
points, or a TWAP from one amount to another. Both are in base units beside the session's target, at most its
inventory limit. The quotes lean by inventory_skew_bps times the distance from the path, as a share of the
limit; farther than path_band_base from it only the side that leads back is quoted.

Time comes from the view alone. Source: quant.md 2.7. Invariant: with inventory and path negated the ladder is
mirrored to the tick; the limits of `mm.quoting.guards` are those of the inventory, whatever the path.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from math import inf
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le, Len, Lt, MaxLen, MinLen

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.units import NS_PER_MS, floor_atoms
from mm.domain.view import View
from mm.errors import ConfigError
from mm.quoting.around import WidthParams, around, bps_of, held_share, ticks_per_bps
from mm.quoting.guards import MODEL, Guards, Ladder
from mm.quoting.params import level_sizes
from mm.quoting.schedule import Path, Point, Window, moment_text
from mm.signals.base import SignalSpec
from mm.strategies.base import DAY_MS, About, Wake

MOMENT_MAX_MS: Final = 4_102_444_800_000
"""The year 2100: no moment of a TWAP is later."""

OFF_PATH: Final = "off its path"
"""Why the side is off that leads farther from the path."""

NOT_SET: Final = (None, None, None, None)


class Outside(StrEnum):
    """What is quoted outside of the windows."""

    NOTHING = "nothing"
    REDUCE = "reduce"


class Scheduled:
    """Quotes in windows and along a path of the inventory; needs no signal."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Params(WidthParams):
        """What can be set; None is off."""

        windows: Annotated[
            dict[str, Window] | None,
            MinLen(1),
            MaxLen(50),
            About("Windows by name, each with start_ms, end_ms, days and what differs in it; off: always."),
        ] = None
        outside: Annotated[
            Outside, About("Outside of the windows nothing, or reduce: only towards flat.")
        ] = Outside.REDUCE
        path_ms: Annotated[
            tuple[Annotated[int, Ge(0), Lt(DAY_MS)], ...],
            Len(0, 200),
            About("Times of the day of the path's points, ascending, milliseconds after midnight UTC."),
        ] = ()
        path_base: Annotated[
            tuple[Decimal, ...],
            Len(0, 200),
            About("The inventory that is wanted at each of them, less the target; may be negative."),
        ] = ()
        twap_start_ms: Annotated[
            int | None,
            Ge(0),
            Le(MOMENT_MAX_MS),
            About("TWAP: when it begins, milliseconds since 1970 UTC."),
        ] = None
        twap_end_ms: Annotated[
            int | None, Ge(0), Le(MOMENT_MAX_MS), About("TWAP: when it ends, after twap_start_ms.")
        ] = None
        twap_from_base: Annotated[
            Decimal | None, Ge(-(10**12)), Le(10**12), About("TWAP: inventory at its begin, less the target.")
        ] = None
        twap_to_base: Annotated[
            Decimal | None, Ge(-(10**12)), Le(10**12), About("TWAP: inventory at its end, less the target.")
        ] = None
        path_band_base: Annotated[
            Decimal | None,
            Gt(0),
            About("Farther than this from the path only the side that leads back is quoted."),
        ] = None

        def __post_init__(self) -> None:
            """Refuse what contradicts itself; raises ValueError (the config loader adds file and line)."""
            WidthParams.__post_init__(self)
            times = self.path_ms
            if len(times) != len(self.path_base):
                raise ValueError(f"path_base were {len(self.path_base)}, expected {len(times)}, as path_ms")
            if any(later <= earlier for earlier, later in pairwise(times)):
                raise ValueError("path_ms did not ascend, expected each time to be later than the last")
            twap = (self.twap_start_ms, self.twap_end_ms, self.twap_from_base, self.twap_to_base)
            if twap == NOT_SET:
                return
            if None in twap:
                raise ValueError(
                    "twap_start_ms, twap_end_ms, twap_from_base and twap_to_base: expected all or none"
                )
            if times:
                raise ValueError("path_ms and twap_start_ms are both set, expected one of them")
            if twap[0] >= twap[1]:  # type: ignore[operator]  # none of them is None
                raise ValueError(f"twap_end_ms was {twap[1]}, expected more than twap_start_ms, {twap[0]}")

        @property
        def sizes_base(self) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
            """Sizes of all bids and of all asks, nearest first, in the window with the largest."""
            ratios = [window.amount_ratio for window in (self.windows or {}).values()]
            largest = Decimal(max(1.0, *ratios) if ratios else 1.0)
            sizes = tuple(size * largest for size in level_sizes(self))
            return sizes, sizes

    __slots__ = ("_band_lots", "_guards", "_path", "_plain", "_windows", "needs", "params", "wake")

    def __init__(self, params: Params, instrument: Instrument) -> None:
        """Turn the parameters into numbers.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self._guards = Guards(params, instrument)
        self._plain = (bps_of("spread_bps", params.spread_bps), _bps(params.inventory_skew_bps), 1.0)
        self._windows = tuple(
            (window, _figures(window, self._plain)) for window in (params.windows or {}).values()
        )
        self._path = _path(params, instrument)
        self._band_lots = inf
        if params.path_band_base is not None:
            self._band_lots = _lots("path_band_base", params.path_band_base, instrument)
        self.needs: tuple[SignalSpec, ...] = self._guards.needs
        self.wake = Wake()

    def initial_memory(self) -> None:
        """Return None: nothing is remembered."""

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return the ladder of the window that is open; outside of all, nothing or what reduces."""
        figures = self._figures_at(view.ts_ns // NS_PER_MS)
        if isinstance(figures, str):
            if self.params.outside is Outside.NOTHING:
                return Quotes((), (), f"waits: {figures}", None)
            bids, asks, reason = self._ladder(view, self._plain, figures)
        else:
            bids, asks, reason = self._ladder(view, figures, "")
        return Quotes(bids, asks, reason, None)

    def _figures_at(self, at_ms: int) -> tuple[float, float, float] | str:
        # Width, lean and sizes of now; a text says when it goes on.
        if not self._windows:
            return self._plain
        for window, figures in self._windows:
            if window.holds(at_ms):
                return figures
        return f"outside until {moment_text(min(window.opens_ms(at_ms) for window, _ in self._windows))}"

    def _ladder(self, view: View[None], figures: tuple[float, float, float], only_reduces: str) -> Ladder:
        spread_bps, skew_bps, amount = figures
        limit, bps_ticks = view.inventory_max_lots, ticks_per_bps(view)
        target = max(-limit, min(limit, self._path.at(view.ts_ns)))
        lean = skew_bps * bps_ticks * held_share(view, target)
        ideal = around(view, spread_bps / 2 * bps_ticks, lean)._replace(
            bid_share=amount, ask_share=amount, only_reduces=only_reduces
        )
        off = view.inventory_lots - target
        if only_reduces or abs(off) < self._band_lots:
            return self._guards.ladder(view, ideal)
        ideal = ideal._replace(bid_ticks=inf) if off > 0 else ideal._replace(ask_ticks=inf)
        ladder = self._guards.ladder(view, ideal)
        return ladder._replace(reason=ladder.reason.replace(MODEL, OFF_PATH))


def _figures(window: Window, plain: tuple[float, float, float]) -> tuple[float, float, float]:
    spread, skew = window.spread_bps, window.inventory_skew_bps
    return (
        plain[0] if spread is None else bps_of("spread_bps of a window", spread),
        plain[1] if skew is None else bps_of("inventory_skew_bps of a window", skew),
        window.amount_ratio,
    )


def _bps(skew_bps: Decimal) -> float:
    return bps_of("inventory_skew_bps", skew_bps)


def _path(params: Scheduled.Params, instrument: Instrument) -> Path:
    if params.path_ms:
        amounts = [_lots("path_base", amount, instrument) for amount in params.path_base]
        return Path(tuple(map(Point, params.path_ms, amounts)), repeats=True)
    start, end = params.twap_start_ms, params.twap_end_ms
    first, last = params.twap_from_base, params.twap_to_base
    if start is None or end is None or first is None or last is None:
        return Path()
    return Path(
        (
            Point(start, _lots("twap_from_base", first, instrument)),
            Point(end, _lots("twap_to_base", last, instrument)),
        )
    )


def _lots(name: str, amount: Decimal, instrument: Instrument) -> float:
    # Signed, towards zero; fractions of a lot count.
    try:
        atoms = floor_atoms(abs(amount), instrument.base_scale)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", hint=f"an amount of {instrument.base}") from None
    return (-atoms if amount < 0 else atoms) / instrument.lot_atoms
