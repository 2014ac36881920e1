"""A report as tables for other programs: fills with what came after them, markouts by kind, equity over time.

Amounts are exact decimal texts; what is unknown is empty.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mm.analytics.horizons import HORIZONS_NS, UNSEEN, Fill
from mm.analytics.markouts import BPS
from mm.analytics.session import STEP_NS
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S, short_text
from mm.observe.report_figures import Money
from mm.observe.report_story import Story

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table. Fields: columns: names; rows: makes them of a report."""

    columns: tuple[str, ...]
    rows: Callable[[Story], Iterator[Row]]


def _names(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{horizon_ns / NS_PER_S:g}s" for horizon_ns in HORIZONS_NS)


FILL_COLUMNS: Final = (
    "session",
    "ts_ms",
    "ts_ns",
    "side",
    "price",
    "size_base",
    "level",
    "age_ms",
    "queue_base",
    "maker",
    "mid",
    "markout_bps_0s",
    *_names("markout_bps"),
    "trade_id",
    "client_order_id",
)
MARKOUT_COLUMNS: Final = (
    "session",
    "kind",
    "name",
    "horizon_s",
    "fills",
    "seconds",
    "mean_bps",
    "error_bps",
    "low_bps",
    "high_bps",
    "money_mean_bps",
    "money_error_bps",
)
EQUITY_COLUMNS: Final = (
    "session",
    "ts_ms",
    "net_quote",
    "spread_quote",
    "inventory_quote",
    "costs_quote",
    "fills",
    "inventory_base",
    "mid",
    "spread_ticks",
    "own_bid",
    "own_ask",
)


def _fills(story: Story) -> Iterator[Row]:
    for session in story.sessions:
        instrument = session.analytics.instrument
        for fill in session.fills:
            later = [_markout(fill, mid) for mid in fill.later_half_ticks]
            yield (
                session.name,
                fill.ts_ns // NS_PER_MS,
                fill.ts_ns,
                fill.side.value,
                instrument.price_text(fill.price_ticks),
                instrument.size_text(fill.size_lots),
                fill.level,
                None if fill.age_ns < 0 else fill.age_ns // NS_PER_MS,
                None if fill.queue_atoms < 0 else instrument.base_text(fill.queue_atoms),
                fill.maker,
                _mid(instrument, fill.mid_half_ticks),
                _markout(fill, fill.mid_half_ticks),
                *later,
                *[None] * (len(HORIZONS_NS) - len(later)),
                fill.trade_id,
                fill.cid,
            )


def _markout(fill: Fill, mid_half_ticks: int) -> str | None:
    if mid_half_ticks == UNSEEN:
        return None
    price_half = 2 * fill.price_ticks
    return f"{BPS * fill.side.sign * (mid_half_ticks - price_half) / price_half:.6f}"


def _markouts(story: Story) -> Iterator[Row]:
    for session in story.sessions:
        markouts = session.figures["markouts"]
        assert isinstance(markouts, dict)
        yield from _curve(session.name, "every", "", markouts["every"])
        for kind in ("by_side", "by_level", "by_age", "by_queue"):
            for name, curve in markouts[kind].items():
                yield from _curve(session.name, kind, name, curve)


def _curve(session: str, kind: str, name: str, curve: list[dict[str, object]]) -> Iterator[Row]:
    for row in curve:
        yield (session, kind, name, *(row[column] for column in MARKOUT_COLUMNS[3:]))


def _equity(story: Story) -> Iterator[Row]:
    for session in story.sessions:
        analytics = session.analytics
        money, instrument = Money(analytics), analytics.instrument
        for index, point in analytics.series.points:
            mark = point.mark
            yield (
                session.name,
                (analytics.begun_ns + index * STEP_NS) // NS_PER_MS,
                money.fine(mark.equity_fine),
                money.half(mark.spread_half),
                money.half(mark.revaluation_half),
                money.fine(mark.costs_fine),
                mark.fills,
                short_text(mark.inventory_lots * instrument.lot_atoms, instrument.base_scale),
                _mid(instrument, mark.mid_half_ticks),
                point.spread_ticks,
                instrument.price_text(point.bid_ticks) if point.bid_ticks else None,
                instrument.price_text(point.ask_ticks) if point.ask_ticks else None,
            )


def _mid(instrument: Instrument, half_ticks: int) -> str | None:
    if not half_ticks:
        return None
    return short_text(half_ticks * instrument.tick_atoms * 5, instrument.quote_scale + 1)


TABLES: Final[Mapping[str, Table]] = {
    "fills": Table(columns=FILL_COLUMNS, rows=_fills),
    "markouts": Table(columns=MARKOUT_COLUMNS, rows=_markouts),
    "equity": Table(columns=EQUITY_COLUMNS, rows=_equity),
}
"""The tables by the name of their file."""
