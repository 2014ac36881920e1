"""What `mm calibrate --fills RUN` tells: how own orders filled, of a run or of an account that was recorded,
beside what each queue model says.

Exit code 9 if `--write` was asked for and nothing can be said.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from mm.cli.progress import progress_bar
from mm.cli.recorded import run_places
from mm.cli.terminal import Terminal, printable
from mm.errors import EXIT_CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from mm.bootstrap.calibrate.fills import FillCalibration
    from mm.observe.fill_model import Fit

SHOWN_MAX: Final = 8
"""Models in the table for people; JSON has them all."""


def calibrate_run(terminal: Terminal, run: Path, *, write: bool, config: Path | None = None) -> None:
    """Tell what the orders of a run say of the queue models, and write the best one if that is asked for.

    Args: run: or what `mm record --account` left; config: whose data directory a recording's model goes to.
    """
    from mm.bootstrap.calibrate.fills import write_model
    from mm.settings.loader import load_settings
    from mm.store.recordings.framed.reader import is_framed

    is_recorded = is_framed(run)
    if config is not None and not is_recorded:
        raise UsageError("--fills RUN stands alone, with --write at most", hint="mm calibrate --fills RUN")
    if write and is_recorded and config is None:
        raise UsageError(
            "--write was given without a config: a recording lies in no data directory",
            hint="mm calibrate CONFIG --fills DIR --write",
        )
    data_dir = None if config is None else load_settings(config).data_dir
    found = _of_recording(terminal, run) if is_recorded else _of_run(terminal, run)
    written = write_model(found, data_dir) if write and found.model is not None else None
    if not terminal.as_json:
        _print(terminal, found)
        print(_end(found, write=write, written=written))
    is_refused = write and written is None
    terminal.result(
        {"ok": not is_refused, "written": None if written is None else str(written), **fields(found)}
    )
    if is_refused:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _of_run(terminal: Terminal, run: Path) -> "FillCalibration":
    from mm.bootstrap.calibrate.fills import calibrate_fills, fills_bytes

    (place,) = run_places(run)
    with progress_bar(terminal, "reading", fills_bytes(place.directory)) as progress:
        return calibrate_fills(place.directory, progress)


def _of_recording(terminal: Terminal, path: Path) -> "FillCalibration":
    from mm.bootstrap.calibrate.recorded import calibrate_recording, recorded_bytes

    with progress_bar(terminal, "reading", recorded_bytes(path)) as progress:
        return calibrate_recording(path, progress)


def fields(found: "FillCalibration") -> dict[str, object]:
    """Return all that was found, as JSON has it."""
    from mm.store.fill_model import UNCALIBRATED

    fit = found.fit
    return {
        "run": found.run_id,
        "mode": found.mode,
        "made_by": found.made_by or None,
        "symbols": list(found.symbols),
        "orders": fit.orders,
        "left_out": found.left_out,
        "fills": fit.fills,
        "fill_ratio": fit.fills / fit.orders if fit.orders else None,
        "fill_interval": list(fit.fill_interval),
        "doubt": fit.doubt or None,
        "calibration": UNCALIBRATED if found.model is None else found.model.words,
        "best": None if found.model is None else _fit(fit.best),
        "power_interval": None if fit.power_interval is None or fit.doubt else list(fit.power_interval),
        "as_good": [] if fit.doubt else list(fit.as_good),
        "models": [_fit(one) for one in fit.fits],
        "reliability": [
            {
                "low": row.low,
                "high": row.high,
                "orders": row.orders,
                "predicted": row.predicted,
                "filled": row.filled,
                "interval": list(row.interval),
            }
            for row in fit.reliability
        ],
        "unfilled": [
            {
                "at_s": row.at_s,
                "observed": row.observed,
                "interval": list(row.interval),
                "predicted": row.predicted,
            }
            for row in fit.survival
        ],
        "data_digest": found.model.data_digest if found.model is not None else None,
        "notes": list(found.notes),
    }


def _fit(one: "Fit") -> dict[str, object]:
    return {
        "queue": one.candidate.name,
        "power": one.candidate.power,
        "log_likelihood": one.log_likelihood,
        "slip": one.slip,
        "predicted_ratio": one.predicted_ratio,
        "filled_in_both": one.both,
        "time_error_s": one.time_error_s,
        "log_rank_p": one.rank_p,
    }


def _print(terminal: Terminal, found: "FillCalibration") -> None:
    fit = found.fit
    low, high = fit.fill_interval
    made = f", by {found.made_by}" if found.made_by else ""
    print(f"{printable(found.run_id)}, {found.mode}{made}: {', '.join(map(printable, found.symbols))}")
    if fit.orders:
        share = f"{fit.fills / fit.orders:.1%} (95 % {low:.1%} to {high:.1%})"
        print(f"{fit.orders} resting orders, {fit.fills} of them filled: {share}\n")
    terminal.console.print(_models(found))
    if not fit.doubt:
        print(f"\n{_named(fit.best)}: predicted chance of a fill, and how many did")
        terminal.console.print(_reliability(found))
        print("\nunfilled after a time (Kaplan-Meier)")
        terminal.console.print(_unfilled(found))
    print()
    for note in found.notes:
        print(f"- {printable(note)}")


def _named(one: "Fit") -> str:
    power = one.candidate.power
    return one.candidate.name if power is None else f"{one.candidate.name}:{power:g}"


def _models(found: "FillCalibration") -> "Table":
    made = _grid(
        "model",
        "log-likelihood",
        "below best",
        "fills by it",
        "time apart",
        "log-rank p",
        "chance of anything",
    )
    best = found.fit.best.log_likelihood
    for one in found.fit.fits[:SHOWN_MAX]:
        made.add_row(
            _named(one),
            f"{one.log_likelihood:,.1f}",
            "-" if one is found.fit.best else f"{best - one.log_likelihood:,.1f}",
            f"{one.predicted_ratio:.1%}",
            "-" if one.time_error_s is None else f"{one.time_error_s:.3f} s",
            "-" if one.rank_p is None else f"{one.rank_p:.2g}",
            f"{one.slip:.1%}",
        )
    return made


def _reliability(found: "FillCalibration") -> "Table":
    made = _grid("predicted", "orders", "filled", "share", "95 %")
    for row in found.fit.reliability:
        low, high = row.interval
        span = f"{row.predicted:.0%}" if row.low == row.high else f"{row.low:.0%} to {row.high:.0%}"
        share = f"{row.filled / row.orders:.1%}"
        made.add_row(span, str(row.orders), str(row.filled), share, f"{low:.1%} to {high:.1%}")
    return made


def _unfilled(found: "FillCalibration") -> "Table":
    made = _grid("after", "observed", "95 %", "predicted")
    for row in found.fit.survival:
        low, high = row.interval
        made.add_row(
            f"{row.at_s:g} s", f"{row.observed:.1%}", f"{low:.1%} to {high:.1%}", f"{row.predicted:.1%}"
        )
    return made


def _grid(*titles: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, title in enumerate(titles):
        made.add_column(title, justify="right" if number else "left", no_wrap=True)
    return made


def _end(found: "FillCalibration", *, write: bool, written: Path | None) -> str:
    if found.model is None:
        return f"nothing can be said: {found.fit.doubt}"
    named = f"{found.model.queue_text}, {found.model.words}"
    if written is not None:
        return f"{written}: {named}; backtests of this data directory by that model say so"
    return f"best: {named}; nothing is written without --write" if not write else named
