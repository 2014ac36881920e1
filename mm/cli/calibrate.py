"""The verb `mm calibrate`: parameters of a session from recorded data, shown, and written if asked to; with
`--fills RUN` the queue model that own orders of a run fill by.

Exit code 9 if `--write` found nothing that can be written.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.progress import progress_bar
from mm.cli.terminal import NS_PER, Terminal, duration_ns, printable, verb
from mm.cli.viability import fee_ppm
from mm.errors import EXIT_CHECK_FAILED, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from mm.analytics.fit_intensity import Band, Fit
    from mm.bootstrap.calibrate.markets import Calibration
    from mm.bootstrap.calibrate.proposals import Proposal
    from mm.bootstrap.calibrate.shape import Looked
    from mm.bootstrap.calibrate.state import Saved

FIT_SHOWN_MIN: Final = 10
"""A and k of fewer market orders are not shown to people: they can be anything."""

ConfigPath = Annotated[Path | None, typer.Argument(metavar="[CONFIG]", help="The config file.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE...", help="A recording; several in order of their time."),
]
Fills = Annotated[
    Path | None,
    typer.Option(
        "--fills",
        metavar="RUN",
        help="In place of all else: the queue model by which own orders filled, of a run or of mm record.",
    ),
]
More = Annotated[list[Path] | None, typer.Argument(metavar="[FILE...]", help="Further files of --data.")]
Pair = Annotated[str | None, typer.Option(metavar="NAME", help="As in [pair.NAME]; the one that fits.")]
Write = Annotated[bool, typer.Option("--write", help="Write what is proposed into the config.")]
Fix = Annotated[
    bool,
    typer.Option("--fix-volatility", help="A number for it also where it is off: measured while it runs."),
]
SaveState = Annotated[
    bool,
    typer.Option("--save-state", help="Save what the session's signals learn from the data, for a start."),
]
BandText = Annotated[
    str | None,
    typer.Option("--band", metavar="LOW:HIGH", help="Bps from the mid that A and k are fitted for."),
]
Fee = Annotated[str | None, typer.Option(metavar="BPS", help="Your maker fee; that of [paper] if absent.")]
Horizon = Annotated[
    int | None,
    typer.Option(parser=duration_ns, metavar="TIME", help="Of adverse selection; the session's, or 1s."),
]


@verb
def calibrate(
    terminal: Terminal,
    *,
    config: ConfigPath = None,
    data: Data = None,
    more: More = None,
    fills: Fills = None,
    pair: Pair = None,
    write: Write = False,
    band: BandText = None,
    maker_fee_bps: Fee = None,
    horizon: Horizon = None,
    fix_volatility: Fix = False,
    save_state: SaveState = False,
) -> None:
    """Estimate a session's parameters from recorded data; the config is changed with --write alone. With
    --fills RUN: which queue model own orders fill by; --write keeps it in its data directory or CONFIG's.

    Examples: mm calibrate mm.toml --data btc.gz; mm calibrate --fills var/paper --write
    """
    if fills is not None:
        _only_fills(data, pair, band, maker_fee_bps, horizon, fix_volatility, save_state)
        from mm.cli.calibrate_fills import calibrate_run

        calibrate_run(terminal, fills, write=write, config=config)
        return
    if config is None or data is None:
        raise UsageError(
            "a config and --data FILE are missing", hint="mm calibrate CONFIG --data FILE, or --fills RUN"
        )
    from mm.bootstrap.calibrate.markets import Order
    from mm.bootstrap.calibrate.markets import calibrate as found_in
    from mm.bootstrap.calibrate.markets import write as write_down
    from mm.store.recordings.raw.lines import content_bytes

    files = (data, *(more or ()))
    asked = Order(
        path=config,
        files=files,
        pair=pair,
        maker_fee_ppm=fee_ppm(maker_fee_bps),
        band=_band(band),
        horizon_ns=horizon,
        fix_volatility=fix_volatility,
    )
    with progress_bar(terminal, "reading", content_bytes(files)) as progress:
        found = found_in(asked, progress)
    is_empty = not any(one.new for one in found.proposals)
    changed = write_down(found) if write else 0
    saved = _saved(found) if save_state else None
    if not terminal.as_json:
        _print(terminal, found)
        print(_end(found, write=write, changed=changed))
        if saved is not None:
            print(f"{saved.path}: {', '.join(saved.names)}")
            print(*saved.notes, sep="\n")
    state = None if saved is None else {"path": str(saved.path), "signals": list(saved.names)}
    terminal.result({"ok": not (write and is_empty), "written": changed, "state": state, **fields(found)})
    if write and is_empty:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _only_fills(*others: object) -> None:
    # What does nothing beside --fills is not passed over.
    if any(other not in (None, False) for other in others):
        raise UsageError("--fills RUN stands alone, with --write at most", hint="mm calibrate --fills RUN")


def _saved(found: "Calibration") -> "Saved":
    from mm.bootstrap.calibrate.state import save_state

    return save_state(found)


def _band(text: str | None) -> "Band | None":
    from mm.analytics.fit_intensity import Band

    if text is None:
        return None
    parts = re.fullmatch(r"(\d{1,5}(?:\.\d{1,6})?):(\d{1,5}(?:\.\d{1,6})?)", text, re.ASCII)
    if parts is None or not float(parts[1]) < float(parts[2]) <= 10_000:
        raise UsageError(f"--band was {text[:40]!r}, expected two rising numbers of basis points, as 0.5:4")
    return Band(float(parts[1]), float(parts[2]))


def fields(found: "Calibration") -> dict[str, object]:
    """Return all that was found, as JSON has it."""
    from mm.observe.viability_fields import mean_fields, number

    fit, touch, shape = found.found.fit, found.found.touch, found.found.shape
    return {
        "config": str(found.settings.path),
        "pair": found.pair,
        "strategy": found.settings.pair[found.pair].strategy,
        "source": found.heard.name,
        "symbol": found.heard.symbol,
        "market": found.heard.market.value,
        "duration_s": found.heard.tape.duration_s,
        "maker_fee_bps": found.fee_bps,
        "horizon_s": found.horizon_ns / NS_PER["s"],
        "proposals": [
            {
                "key": one.key,
                "old": one.old,
                "new": one.new or None,
                "estimate": one.estimate.value if one.estimate.n else None,
                "relative_error": number(one.estimate.error),
                "n": one.estimate.n,
                "made_of": one.made_of or None,
                "refused": one.refused or None,
                "stays": one.stays or None,
            }
            for one in found.proposals
        ],
        "volatility_bps_per_sqrt_s": found.found.volatility.value,
        "adverse_selection": None if touch is None else mean_fields(touch.impact),
        "band_bps": list(fit.band),
        "fit": {"both": _fit(fit.both), "bid": _fit(fit.bid), "ask": _fit(fit.ask)},
        "shape": None if shape is None else {"ks_max": shape.misfit_max, "refused": shape.refused or None},
        "searched": [_looked(one) for one in found.found.looked],
        "notes": list(found.notes),
    }


def _fit(fit: "Fit | None") -> dict[str, object] | None:
    if fit is None:
        return None
    return {
        "orders": fit.orders,
        "uncensored": fit.uncut,
        "decay_per_bps": fit.decay_per_bps,
        "decay_relative_error": fit.decay_error,
        "rate_per_s": fit.rate_per_s,
        "rate_relative_error": fit.rate_error,
        "ks": fit.misfit,
        "ks_max": fit.misfit_max,
        "deviance_per_degree": fit.deviance,
    }


def _looked(one: "Looked") -> dict[str, object]:
    return {
        "kind": one.kind,
        "band_bps": list(one.band),
        "fit": _fit(one.fit),
        "ks_max": None if one.tested is None else one.tested.misfit_max,
        "ks_max_alone": None if one.tested is None else one.tested.alone_max,
        "refused": one.refused or None,
    }


def _print(terminal: Terminal, found: "Calibration") -> None:
    fit, tape, volatility = found.found.fit, found.heard.tape, found.found.volatility
    print(
        f"{printable(found.heard.symbol)} {found.heard.market.value}: {tape.duration_s / 60:.1f} min,"
        f" {len(tape.price)} trades; [pair.{found.pair}], {found.settings.pair[found.pair].strategy}"
    )
    print(
        f"volatility {volatility.value:.3f} bps in a second (+/- {volatility.error:.0%});"
        f" adverse selection {found.found.adverse.value:.2f} bps after {found.horizon_ns / NS_PER['s']:g} s"
        f" (standard error {found.found.adverse_se:.2f})"
    )
    print(f"A and k from {fit.band.low_bps:.3g} to {fit.band.high_bps:.3g} bps from the mid:")
    for name, side in (("both", fit.both), ("bids", fit.bid), ("asks", fit.ask)):
        print(f"  {name:5} {_fit_words(side)}")
    shape = found.found.shape
    if fit.both is not None and shape is not None and shape.is_tested:
        print(f"distance from exponential, both: {fit.both.misfit:.3f}, at most {shape.misfit_max:.3f}")
    print()
    terminal.console.print(_table(found))
    print()
    for sentence in (*_sums(found), *_refusals(found), *found.notes):
        print(f"- {printable(sentence)}")


def _sums(found: "Calibration") -> list[str]:
    return [
        f"{one.key.rpartition('.')[2]}: {one.made_of}, up to the next hundredth"
        for one in found.proposals
        if one.made_of and one.new
    ]


def _refusals(found: "Calibration") -> list[str]:
    # One line for all that are refused for one reason.
    names: dict[str, list[str]] = {}
    for one in found.proposals:
        if one.refused:
            names.setdefault(one.refused, []).append(one.key.rpartition(".")[2])
    return [f"{', '.join(keys)} refused: {reason}" for reason, keys in names.items()]


def _fit_words(fit: "Fit | None") -> str:
    if fit is None:
        return "too few market orders for any"
    if fit.orders < FIT_SHOWN_MIN:
        return f"too few market orders for any: {fit.orders}"
    deviance = "" if fit.deviance is None else f", deviance {fit.deviance:.1f} per degree"
    return (
        f"A {fit.rate_per_s:.3g}/s (+/- {fit.rate_error:.0%}), k {fit.decay_per_bps:.3g} per bps"
        f" (+/- {fit.decay_error:.0%}), {fit.orders} market orders{deviance}"
    )


def _table(found: "Calibration") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title, side in (
        ("key", "left"),
        ("old", "right"),
        ("new", "right"),
        ("+/-", "right"),
        ("n", "right"),
    ):
        made.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    made.add_column("")
    for one in found.proposals:
        made.add_row(one.key, one.old, one.new or "-", _error(one), str(one.estimate.n), _said(one))
    return made


def _error(one: "Proposal") -> str:
    return f"{one.estimate.error:.0%}" if one.estimate.error < 100 else "-"


def _said(one: "Proposal") -> str:
    if one.refused:
        return "[yellow]refused[/]"
    if one.stays:
        return f"[dim]{one.stays}[/]"
    return "[dim]as it is[/]" if one.new == one.old else "[green]proposed[/]"


def _end(found: "Calibration", *, write: bool, changed: int) -> str:
    if write and changed:
        return f"{found.settings.path}: {changed} {'key' if changed == 1 else 'keys'} written; comments kept"
    if any(one.new and one.new != one.old for one in found.proposals):
        return "nothing is written without --write"
    if any(one.new for one in found.proposals):
        return "nothing to write: the config says so already"
    return "nothing can be written"
