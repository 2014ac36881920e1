"""What a person reads of a backtest: one short sheet, line by line. Only what was measured is in it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from mm.cli.terminal import NS_PER, printable
from mm.observe.fill_causes import cause_words
from mm.observe.report_story import absences

if TYPE_CHECKING:
    from mm.bootstrap.backtest.run import BacktestResult

Fields = Mapping[str, object]

PARTS = (
    ("spread_quote", "spread"),
    ("inventory_quote", "inventory"),
    ("left_quote", "left before"),
    ("fees_quote", "fees"),
    ("rebates_quote", "rebates"),
    ("fee_drift_quote", "drift of fees"),
    ("funding_quote", "funding"),
)
"""The parts that the P&L is the sum of, and what they are called."""


def sheet(result: "BacktestResult") -> Iterator[str]:
    """Yield the lines of a result."""
    began, ended = (_at(ns) for ns in (result.began_ns, result.ended_ns))
    yield f"data      {began:%Y-%m-%d %H:%M:%S} to {ended:%Y-%m-%d %H:%M:%S} UTC, {_span(result.span_s)}"
    if result.partial:
        yield f"PARTIAL   {result.partial}: this is what was found until then"
    yield f"fills by  {result.fill_model}, {result.calibration}"
    yield from (f"          {printable(words)}" for words in cause_words(result.fills_by_cause))
    if result.same_as:
        yield f"same as   run {result.same_as}: its own decisions were asked for again"
    for session in result.sessions:
        yield ""
        yield from _session(result, session)
    yield ""
    if result.halted:
        yield f"HALTED    {result.halted}: nothing was quoted after that"
    for note in result.notes:
        yield f"note      {printable(note)}"
    yield (
        f"speed     {result.rows:,} rows in {result.wall_s:.2f} s: {result.events_per_s:,.0f} rows/s"
        f" ({result.kernel}), {result.decisions:,} decisions, {result.commands:,} commands"
    )
    yield f"digest    {result.digest}"
    if result.run_dir:
        yield f"left in   {printable(result.run_dir)}"


def _session(result: "BacktestResult", figures: Fields) -> Iterator[str]:
    pnl, inventory, messages = (_of(figures, name) for name in ("pnl", "inventory", "messages"))
    base, quote, symbol = figures["base"], figures["quote"], str(figures["symbol"])
    share = result.participation.get(symbol)
    yield f"{printable(figures['session'])}: {symbol}"
    yield (
        f"fills     {pnl['fills']}: bought {pnl['bought_base']}, sold {pnl['sold_base']} {base}"
        + ("" if share is None else f", {share:.4%} of what was traded")
    )
    parts = [f"{name} {pnl[key]}" for key, name in PARTS if float(str(pnl[key]))]
    yield f"P&L       {pnl['net_quote']} {quote}" + (f" = {' + '.join(parts)}" if parts else "")
    yield from _funding(result.funding.get(symbol, {}), str(quote))
    if not pnl["residue_is_zero"]:
        yield f"RESIDUE   {pnl['residues']}: not explained"
    yield from edge_lines(figures)
    yield (
        f"inventory {inventory['now_base']} {base} at the end, {inventory['min_base']} to"
        f" {inventory['max_base']}, of the limit at most {_percent(inventory['worst_of_limit_ratio'])}"
    )
    presence, performance = _of(figures, "presence"), _of(figures, "performance")
    yield (
        f"presence  both sides {_percent(presence['both_ratio'])}, bid {_percent(presence['bid_ratio'])},"
        f" ask {_percent(presence['ask_ratio'])}"
    )
    absent = absences(presence)
    if absent:
        yield f"          while a side was missing: {'; '.join(absent)}"
    yield (
        f"messages  {messages['places']} orders, {messages['cancels']} cancels"
        + ("" if messages["per_fill"] is None else f", {messages['per_fill']:.3g} per fill")
    )
    yield (
        f"risk      largest fall {performance['max_drawdown_quote']} {quote}"
        + worth(performance["certain_quote_per_day"], quote)
    )


def _funding(told: Fields, quote: str) -> Iterator[str]:
    # Where none was due there is nothing to tell; that none is known is a note.
    if told.get("times"):
        paid = f"{told['payments']} paid on a position" if told["payments"] else "none with a position"
        times = "once" if told["times"] == 1 else f"{told['times']} times"
        yield f"funding   {times} in the data, {paid}: {told['quote']} {quote}"


def edge_lines(figures: Fields) -> Iterator[str]:
    """Yield what a fill was worth, and why that says little where it does; nothing without a fill."""
    edge = _of(figures, "edge")
    if edge["mean_bps"] is None:
        return
    low, high = edge["low_bps"], edge["high_bps"]
    interval = "" if low is None or high is None else f", 95 % {low:+.3g} to {high:+.3g}"
    doubts = [f"fewer than {edge['fills_needed']} fills"] if _is_few(edge) else []
    if not interval:
        doubts.append("all in one second")
    elif not edge["excludes_zero"]:
        doubts.append("0 lies within")
    few = f" (says little: {', and '.join(doubts)})" if doubts else ""
    mean = f"{edge['mean_bps']:+.3g} bps a fill after fees"
    yield f"edge      {mean}, {edge['horizon_s']:g} s later{interval}{few}"


def _is_few(edge: Fields) -> bool:
    return int(str(edge["fills"])) < int(str(edge["fills_needed"]))


def _of(figures: Fields, name: str) -> Fields:
    return cast("Fields", figures[name])


def _at(ts_ns: int) -> datetime:
    return datetime.fromtimestamp(ts_ns / NS_PER["s"], UTC)


def _span(seconds: float) -> str:
    for unit, length_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.1f} s"


def _percent(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float | int) else "-"


def worth(certain: object, quote: object) -> str:
    """Return what a P&L is worth to whoever fears its swings, the certainty equivalent; "" if unknown."""
    if not isinstance(certain, float | int):
        return ""
    return f"; less the price of its swings the P&L is worth {certain:+.4g} {quote} a day"
