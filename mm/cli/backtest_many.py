"""`mm backtest --each-day` and `--each-symbol`: many backtests of one config on workers, and their table."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from mm.cli.progress import counting_bar
from mm.cli.terminal import Terminal, printable
from mm.errors import RecordingEmpty

if TYPE_CHECKING:
    from mm.bootstrap.backtest.many import Part
    from mm.bootstrap.backtest.run import BacktestJob, BacktestResult


def run_parts(
    terminal: Terminal, job: "BacktestJob", asked: tuple[bool, bool], where: tuple[int, str]
) -> bool:
    """Run a job taken apart, tell how each went, and return whether all of them were.

    Args: asked: by days, by symbols; where: how many processes, and a scheduler's address or "".
    """
    from mm.bootstrap.backtest.many import parts
    from mm.bootstrap.jobs import run_many, workers

    each_day, each_symbol = asked
    wanted = parts(job, each_day=each_day, each_symbol=each_symbol, elsewhere=bool(where[1]))
    made: list[tuple[Part, BacktestResult]] = []
    empty: list[tuple[Part, str]] = []
    try:
        with (
            workers(where[0], where[1], terminal.say) as executor,
            counting_bar(terminal, "backtests", len(wanted)) as bar,
        ):
            for part, result in zip(wanted, run_many([part.job for part in wanted], executor), strict=True):
                if isinstance(result, str):
                    empty.append((part, result))
                    terminal.say(f"{' '.join(filter(None, (part.day, part.symbol)))}: {result}")
                else:
                    made.append((part, result))
                bar(len(made) + len(empty), "backtests")
    except KeyboardInterrupt:
        terminal.say(f"interrupted: {len(made) + len(empty)} of {len(wanted)} are done")
    if not made and empty:
        raise RecordingEmpty(
            empty[0][1], hint="no part of it holds anything: mm data info says what there is"
        )
    _tell(terminal, made, empty, len(wanted))
    return len(made) + len(empty) == len(wanted)


def _tell(
    terminal: Terminal,
    made: "Sequence[tuple[Part, BacktestResult]]",
    empty: "Sequence[tuple[Part, str]]",
    asked: int,
) -> None:
    rows = [row for part, result in made for row in _rows(part, result)]
    totals = _totals(rows)
    if not terminal.as_json and not terminal.quiet:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for title in _TITLES:
            table.add_column(title, justify="left" if title in _TITLES[:2] else "right", no_wrap=True)
        for row in [*rows, *totals] if len(rows) > 1 else rows:
            table.add_row(*(_cell(row.get(key)) for key in _COLUMNS))
        terminal.console.print(table)
        if made:
            print(f"fills by  {made[0][1].fill_model}, {made[0][1].calibration}")
    terminal.result(
        {
            "ok": len(made) + len(empty) == asked,
            "asked": asked,
            "empty": [{"day": part.day, "symbol": part.symbol, "why": why} for part, why in empty],
            "totals": totals,
            "parts": [{"day": part.day, "symbol": part.symbol, **result.as_dict()} for part, result in made],
        }
    )


_TITLES = ("day", "symbol", "fills", "P&L", "of it spread", "edge bps", "both sides", "rows/s")
_COLUMNS = ("day", "symbol", "fills", "net_quote", "spread_quote", "edge_bps", "both_ratio", "rows_per_s")


def _rows(part: "Part", result: "BacktestResult") -> list[dict[str, object]]:
    return [
        {
            "day": part.day or f"{result.span_s / 3_600:.1f} h",
            "symbol": session["symbol"],
            "quote": session["quote"],
            "fills": _of(session, "pnl")["fills"],
            "net_quote": _of(session, "pnl")["net_quote"],
            "spread_quote": _of(session, "pnl")["spread_quote"],
            "edge_bps": _of(session, "edge")["mean_bps"],
            "both_ratio": _of(session, "presence")["both_ratio"],
            "rows_per_s": result.events_per_s,
        }
        for session in result.sessions
    ]


# Amounts of different assets are not added up.
def _totals(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    totals: list[dict[str, object]] = []
    for quote in dict.fromkeys(str(row["quote"]) for row in rows):
        own = [row for row in rows if row["quote"] == quote]
        sums = {
            key: str(sum((Decimal(str(row[key])) for row in own), Decimal(0)))
            for key in ("net_quote", "spread_quote")
        }
        fills = sum(int(str(row["fills"])) for row in own)
        totals.append({"day": "all", "symbol": quote, "quote": quote, "fills": fills, **sums})
    return totals


def _of(session: Mapping[str, object], name: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", session[name])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.4g}" if isinstance(value, float) else printable(value)
