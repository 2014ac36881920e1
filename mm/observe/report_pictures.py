"""The pictures of one session in a report: equity and its parts, market with own fills, inventory, markouts.

Drawn from the series that the analytics keep, so they are the same for a run of any length. Invariant: money
leaves as a number only here, where it becomes a height.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mm.analytics.horizons import Fill
from mm.analytics.session import STEP_NS, Analytics, Point
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.observe.report_figures import Figures, Money
from mm.observe.report_plot import Area, Axes, Bars, Dots, Drawn, Line, plot
from mm.observe.report_story import SessionStory, clock

DOTS_MAX: Final = 3_000
"""So many fills of a side are drawn; of more, evenly chosen ones."""

X_TICKS: Final = 5

LIMIT_SHOWN_PPM: Final = 300_000
"""The limit is drawn when the inventory came this near, as a share of it: else the picture would be flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """HTML of each."""

    equity: str
    market: str
    inventory: str
    markouts: str


def pictures(session: SessionStory) -> Pictures:
    """Return the pictures of a session."""
    analytics = session.analytics
    points = [(analytics.begun_ns + index * STEP_NS, point) for index, point in analytics.series.points]
    axis = _times(analytics)
    return Pictures(
        equity=_equity(analytics, points, axis),
        market=_market(session, points, axis),
        inventory=_inventory(analytics, points, axis),
        markouts=_markouts(session.figures),
    )


Timed = Sequence[tuple[int, Point]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


def _times(analytics: Analytics) -> _Times:
    low, high = analytics.begun_ns, max(analytics.now_ns, analytics.begun_ns + 1)
    span = high - low
    form = "%H:%M:%S" if span < 3_600 * NS_PER_S else "%H:%M" if span < 86_400 * NS_PER_S else "%d %b %H:%M"
    ticks = []
    for number in range(X_TICKS):
        at = low + span * (2 * number + 1) // (2 * X_TICKS)
        ticks.append((float(at - low), f"{datetime.fromtimestamp(at // NS_PER_S, UTC):{form}}"))
    return _Times(low=low, high=float(span), ticks=tuple(ticks))


def _equity(analytics: Analytics, points: Timed, times: _Times) -> str:
    money, per_half = Money(analytics), analytics.costs.per_half
    parts: tuple[tuple[str, str, list[tuple[float, float]]], ...] = (
        ("spread captured", "c2", []),
        ("inventory", "c3", []),
        ("costs", "c4", []),
        ("net P&L", "c1", []),
    )
    for ts_ns, point in points:
        mark, x = point.mark, ts_ns - times.low
        values = (
            mark.spread_half * per_half,
            mark.revaluation_half * per_half,
            -mark.costs_fine,
            mark.equity_fine,
        )
        for (_, _, line), value in zip(parts, values, strict=True):
            line.append((x, money.units(value)))
    drawn = [Line(name=name, style=style, points=line) for name, style, line in parts]
    return plot(
        drawn, _axes(times, "P&L and its parts over time", f"{analytics.instrument.quote}", zero=True)
    )


def _market(session: SessionStory, points: Timed, times: _Times) -> str:
    analytics = session.analytics
    instrument = analytics.instrument
    tick = instrument.tick_atoms / 10**instrument.quote_scale
    seen = [(ts_ns - times.low, point) for ts_ns, point in points if point.mark.mid_half_ticks]
    spread = [
        (
            x,
            (point.mark.mid_half_ticks - point.spread_ticks) * tick / 2,
            (point.mark.mid_half_ticks + point.spread_ticks) * tick / 2,
        )
        for x, point in seen
    ]
    own = [
        (x, point.bid_ticks * tick, point.ask_ticks * tick)
        for x, point in seen
        if point.bid_ticks and point.ask_ticks
    ]
    drawn: list[Drawn] = [
        Area(name="between own quotes", style="c1", points=own),
        Area(name="market's spread", style="c6", points=spread),
        Line(
            name="mid",
            style="c6",
            points=[(x, point.mark.mid_half_ticks * tick / 2) for x, point in seen],
        ),
    ]
    for name, style, side in (("own buys", "c2", Side.BUY), ("own sells", "c5", Side.SELL)):
        chosen = _thinned([fill for fill in session.fills if fill.side is side])
        dots = [(fill.ts_ns - times.low, fill.price_ticks * tick, _words(fill, session)) for fill in chosen]
        if dots:
            drawn.append(Dots(name=name, style=style, points=dots))
    made = plot(drawn, _axes(times, "mid, spread and own fills over time", instrument.quote))
    many = len(session.fills) > DOTS_MAX // 20
    return f'<div class="many">{made}</div>' if many else made


def _thinned(fills: Sequence[Fill]) -> Sequence[Fill]:
    step = -(-len(fills) // DOTS_MAX) or 1
    return fills[::step]


def _words(fill: Fill, session: SessionStory) -> str:
    instrument = session.analytics.instrument
    size, price = instrument.size_text(fill.size_lots), instrument.price_text(fill.price_ticks)
    return f"{clock(fill.ts_ns)} {fill.side.value} {size} at {price}, level {fill.level}"


def _inventory(analytics: Analytics, points: Timed, times: _Times) -> str:
    instrument = analytics.instrument
    lot = instrument.lot_atoms / 10**instrument.base_scale
    line = [(float(ts_ns - times.low), point.mark.inventory_lots * lot) for ts_ns, point in points]
    drawn = [Line(name=f"inventory, {instrument.base}", style="c3", points=line, step=True)]
    held = analytics.inventory
    limit = held.limit_lots * lot
    levels = ((limit, "limit"), (-limit, "limit")) if held.worst_ppm > LIMIT_SHOWN_PPM else ()
    label = "inventory relative to its target over time"
    return plot(drawn, _axes(times, label, instrument.base, zero=True, levels=levels))


def _axes(
    times: _Times, label: str, unit: str, *, zero: bool = False, levels: Sequence[tuple[float, str]] = ()
) -> Axes:
    return Axes(
        x_low=0.0,
        x_high=times.high,
        x_ticks=times.ticks,
        y_text=short,
        label=f"{label}, in {unit}",
        levels=levels,
        zero=zero,
    )


def short(value: float) -> str:
    """Return a number beside an axis: no more digits than it needs."""
    text = (
        f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 1_000 else f"{value:,.2f}".removesuffix(".00")
    )
    return text.replace("-", "\u2212")


def _markouts(told: Figures) -> str:
    curves = told["markouts"]
    assert isinstance(curves, dict)
    every = curves["every"]
    sides = curves["by_side"]
    lines = [
        ("all", "c1", every, 0.0),
        *((name, style, sides.get(name, []), shift) for name, style, shift in _SIDES),
    ]
    drawn: list[Drawn] = []
    for name, style, curve, shift in lines:
        known = [(at + shift, row) for at, row in enumerate(curve) if row["mean_bps"] is not None]
        if not known:
            continue
        drawn.append(Line(name="", style=style, points=[(x, row["mean_bps"]) for x, row in known]))
        drawn.append(
            Bars(
                name=f"{name}, {known[0][1]['fills']} fills",
                style=style,
                points=[(x, *_interval(row)) for x, row in known],
            )
        )
    ticks = [(float(at), "fill" if not at else f"{row['horizon_s']:g} s") for at, row in enumerate(every)]
    axes = Axes(
        x_low=-0.4,
        x_high=len(every) - 0.6,
        x_ticks=ticks,
        y_text=short,
        label="markout in basis points by time after the fill",
        zero=True,
    )
    return plot(drawn, axes)


_SIDES: Final = (("buy", "c2", -0.12), ("sell", "c5", 0.12))


def _interval(row: Figures) -> tuple[float, float, float]:
    mean, low, high = (row[name] for name in ("mean_bps", "low_bps", "high_bps"))
    assert isinstance(mean, float)
    if not isinstance(low, float) or not isinstance(high, float):
        return mean, mean, mean
    return low, mean, high
