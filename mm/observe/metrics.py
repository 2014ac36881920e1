"""The metrics of a run: one table, from which the text that is scraped and the README's table are made.

Names are those that users of such bots know: counters end in `_total`, units are seconds, bytes, ratios and
the assets' own, labels are few and bounded, no order has a place in one. Invariant: what is in the table is
told, what is told is in the table.
"""

from dataclasses import dataclass
from typing import Final

from mm.observe import metrics_read as read
from mm.observe.exposition import Family, Kind, exposition
from mm.observe.metrics_read import Reader, Seen, by_session, counted, one, per_session, per_side


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A row of the table. Fields: name, kind, labels, about: as in `Family`; source: where the figure comes
    from, in words; read: yields its samples.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    about: str
    source: str
    read: Reader


def _row(name: str, kind: Kind, labels: str, words: tuple[str, str], reader: Reader) -> Metric:
    about, source = words
    return Metric(
        name=f"mm_{name}", kind=kind, labels=tuple(labels.split()), about=about, source=source, read=reader
    )


_RUN: Final = (
    _row("build_info", "info", "version mode", ("Version of mm and mode of the run.", "config"), read.build),
    _row(
        "kill_switch_active",
        "gauge",
        "",
        ("1 while trading is latched off, or the core broke.", "engine"),
        one(read.kill_switch),
    ),
    _row(
        "ws_reconnects_total",
        "counter",
        "venue stream",
        ("How often a stream came up again.", "counts"),
        read.reconnects,
    ),
    _row(
        "rate_limit_used_ratio",
        "gauge",
        "venue bucket",
        ("Used of what placements may use of the venue's limits.", "budget"),
        read.rate_limits,
    ),
    _row(
        "clock_offset_seconds",
        "gauge",
        "venue",
        ("The venue's clock less ours, as last measured.", "counts"),
        read.clock_offset,
    ),
    _row(
        "journal_written_bytes_total",
        "counter",
        "",
        ("Bytes of records since this process began.", "journal"),
        one(lambda seen: seen.journal_bytes),
    ),
    _row(
        "config_last_reload_successful",
        "gauge",
        "",
        ("0 while the last edit is refused or waits for --confirm.", "config"),
        one(lambda seen: int(seen.reload_ok)),
    ),
    _row(
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        "",
        ("When the file was last taken over, or the start.", "config"),
        one(lambda seen: read.seconds(seen.reloaded_ns)),
    ),
)

_ORDERS: Final = (
    _row(
        "session_state",
        "gauge",
        "session state",
        ("1 for the state that it is in, 0 for the others.", "engine"),
        read.session_states,
    ),
    _row(
        "quoting_seconds_total",
        "counter",
        "session side",
        ("Time that quotes to buy, to sell, and both stood at the venue.", "analytics"),
        read.quoting_seconds,
    ),
    _row(
        "orders_open",
        "gauge",
        "session side",
        ("Orders not proven dead.", "engine"),
        per_side(read.orders_open),
    ),
    _row(
        "orders_unknown",
        "gauge",
        "session",
        ("Orders whose fate is unknown; they count as live.", "engine"),
        per_session(read.orders_unknown),
    ),
    _row(
        "orders_submitted_total",
        "counter",
        "session side",
        ("Placements that left the engine.", "counts"),
        counted(lambda counts: counts.placed),
    ),
    _row(
        "orders_canceled_total",
        "counter",
        "session reason",
        ("Cancels that the venue confirmed: asked for here, or by the venue.", "counts"),
        counted(lambda counts: counts.canceled),
    ),
    _row(
        "orders_rejected_total",
        "counter",
        "session reason",
        ("Refused by the venue: crossed, funds, other; or unsent.", "counts"),
        counted(lambda counts: counts.rejected),
    ),
    _row(
        "risk_rejections_total",
        "counter",
        "session rule",
        ("Denied by a rule of ours; the same one, side and level again counts once.", "counts"),
        counted(lambda counts: counts.denied),
    ),
    _row(
        "self_trades_prevented_total",
        "counter",
        "session",
        ("Orders that the venue ended against one of ours.", "counts"),
        counted(lambda counts: counts.prevented),
    ),
    _row(
        "fills_total",
        "counter",
        "session side liquidity",
        ("Own fills, as maker or taker.", "counts"),
        counted(lambda counts: counts.fills),
    ),
    _row(
        "filled_base_total",
        "counter",
        "session side",
        ("Base asset that they moved.", "counts"),
        read.filled(lambda counts: counts.base_atoms, base=True),
    ),
    _row(
        "filled_quote_total",
        "counter",
        "session side",
        ("Quote asset that they moved.", "counts"),
        read.filled(lambda counts: counts.quote_atoms, base=False),
    ),
)

_MONEY: Final = (
    _row(
        "position_base",
        "gauge",
        "session",
        ("Inventory: the holding less its target.", "engine"),
        by_session(read.position_base),
    ),
    _row(
        "risk_limit_used_ratio",
        "gauge",
        "session limit",
        (
            "Used of a limit, by the key that sets it; account_loss_quote is [risk] session_loss_quote.",
            "risk",
        ),
        read.limits_used,
    ),
    _row(
        "pnl_realized_quote",
        "gauge",
        "session",
        ("P&L after fees, without that of the open fills.", "engine"),
        by_session(read.pnl_realized),
    ),
    _row(
        "pnl_unrealized_quote",
        "gauge",
        "session",
        ("P&L of the open fills at the mid.", "engine"),
        by_session(read.pnl_unrealized),
    ),
    _row(
        "fees_paid_quote_total",
        "counter",
        "session",
        ("Fees at the mid of their fill; rebates are not taken off.", "analytics"),
        per_session(read.fees_paid),
    ),
    _row(
        "equity_quote",
        "gauge",
        "session",
        ("The account's holdings in that quote asset and what trades against it.", "engine"),
        per_session(read.equity),
    ),
    _row(
        "drawdown_ratio",
        "gauge",
        "session",
        ("Fall of the P&L from its peak, as a share of the equity at the start.", "engine"),
        per_session(read.drawdown),
    ),
    _row(
        "markout_ratio",
        "gauge",
        "session horizon",
        ("Mean of how far the mid was beyond the price of a fill, for our side.", "analytics"),
        read.markouts,
    ),
)

_MARKET: Final = (
    _row("mid_price", "gauge", "session", ("Mid without own orders.", "engine"), by_session(read.mid_price)),
    _row(
        "quote_price",
        "gauge",
        "session side",
        ("Price of the nearest own order.", "engine"),
        per_side(read.quote_price),
    ),
    _row(
        "quote_spread_ratio",
        "gauge",
        "session",
        ("Distance of the nearest own orders, of the mid.", "engine"),
        per_session(read.quote_spread),
    ),
    _row(
        "market_spread_ratio",
        "gauge",
        "session",
        ("Distance of the best prices of others, of the mid.", "engine"),
        by_session(read.market_spread),
    ),
    _row(
        "market_data_age_seconds",
        "gauge",
        "session",
        ("Since the book was last heard of.", "engine"),
        per_session(read.data_age),
    ),
    _row(
        "market_data_gaps_total",
        "counter",
        "session",
        ("How often the book was lost.", "counts"),
        per_session(read.data_gaps),
    ),
    _row(
        "reference_deviation_ratio",
        "gauge",
        "session reference",
        ("Mid less the reference that prices are judged by, of that.", "engine"),
        read.reference_deviation,
    ),
)

TABLE: Final[tuple[Metric, ...]] = (*_RUN, *_ORDERS, *_MONEY, *_MARKET)
"""Every metric there is."""


def metrics_text(seen: Seen) -> str:
    """Return all metrics as of one moment, as OpenMetrics text."""
    return exposition(
        Family(
            name=metric.name,
            kind=metric.kind,
            labels=metric.labels,
            about=metric.about,
            samples=tuple(metric.read(seen)),
        )
        for metric in TABLE
    )


def metrics_table() -> str:
    """Return the table for people, as Markdown."""
    lines = ["| metric | kind | labels | what | from |", "|---|---|---|---|---|"]
    for metric in TABLE:
        labels = ", ".join(metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.about} | {metric.source} |")
    return "\n".join(lines)
