"""The verbs that trade: `mm demo` and `mm run`.

They load the config, set up logs and the screen, hand over to the composition root and tell how it went. The
exit code is the run's. Nothing is decided here but what a person's flags mean.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.terminal import Duration, Overrides, Terminal, lose_output, verb
from mm.errors import EXIT_OK, EXIT_UNEXPECTED, ConfigError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mm.cli.screen import Screen
    from mm.settings.models import Settings
    from mm.settings.options import RunReport, Show

SCREEN_HINT: Final = "ctrl-c stops: cancels, confirms  ·  mm status  mm pause  mm halt --reason X"
LOG_NAME: Final = "mm.jsonl"
"""Log of a run with a live view, in its data directory: the screen has no room for lines."""

Headless = Annotated[bool, typer.Option("--headless", help="No live view: log lines even on a terminal.")]


@verb
def demo(
    terminal: Terminal,
    *,
    duration: Duration = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Which simulated traders; the same seed, the same."),
    ] = None,
    headless: Headless = False,
    overrides: Overrides = None,
) -> None:
    """Make a market on a simulated exchange: no key, no network."""
    from mm.settings.loader import demo_settings
    from mm.settings.options import DemoOptions

    seeded = [] if seed is None else [f"demo.seed={seed}"]
    settings = demo_settings([*(overrides or ()), *seeded])
    duration_ns = duration or 0

    def trade(show: "Show | None") -> "RunReport":
        from mm.bootstrap import demo as run_demo

        return run_demo(DemoOptions(settings=settings, duration_ns=duration_ns, show=show))

    _carry_out(terminal, settings, trade, headless=headless)


@verb
def run(
    terminal: Terminal,
    *,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A config file, as config/demo.toml.")],
    duration: Duration = None,
    headless: Headless = False,
    overrides: Overrides = None,
    yes_live: Annotated[
        bool, typer.Option("--yes-live", help='Trade with money; the file must say mode = "live" as well.')
    ] = False,
    rebuild_from_venue: Annotated[
        bool,
        typer.Option(
            "--rebuild-from-venue",
            help="Give up what a damaged journal held: our orders are cancelled, P&L and limits begin anew.",
        ),
    ] = False,
) -> None:
    """Trade as a config says, until stopped: ctrl-c or `mm stop`."""
    from mm.settings.loader import load_settings
    from mm.settings.options import RunOptions

    settings = load_settings(config, overrides or ())
    _check_live(settings, yes_live=yes_live)
    duration_ns = duration or 0

    def trade(show: "Show | None") -> "RunReport":
        from mm.bootstrap import run as run_bot

        options = RunOptions(
            settings=settings,
            duration_ns=duration_ns,
            live_confirmed=yes_live,
            rebuild_from_venue=rebuild_from_venue,
            show=show,
        )
        return run_bot(options)

    _carry_out(terminal, settings, trade, headless=headless)


def _check_live(settings: "Settings", *, yes_live: bool) -> None:
    place = settings.sources.get("mode", "")
    if settings.mode == "live" and not yes_live:
        raise ConfigError(
            f'{place}: mode: was "live", and --yes-live was not given: nothing was started',
            hint="to trade with money add --yes-live",
        )
    if settings.mode != "live" and yes_live:
        raise ConfigError(
            f'{place}: mode: was "{settings.mode}", but --yes-live was given: nothing was started',
            hint='leave --yes-live out, or write mode = "live"',
        )


def _carry_out(
    terminal: Terminal,
    settings: "Settings",
    trade: "Callable[[Show | None], RunReport]",
    *,
    headless: bool,
) -> None:
    screen = None if headless else _screen(terminal)
    start_logs(terminal, settings, on_screen=screen is not None)
    _warn(terminal, settings, on_screen=screen is not None)
    held: AbstractContextManager[object] = screen if screen is not None else nullcontext()
    with held:
        report = trade(None if screen is None else screen.show)
    code = report.exit_code
    try:
        if not terminal.as_json and not terminal.quiet:
            print(summary(report), flush=True)
        terminal.result(report.as_dict())
    except OSError as error:
        # A pipe whose reader left, a full disk: that orders may remain weighs more than that.
        lose_output(error)
        code = code or EXIT_UNEXPECTED
    if code != EXIT_OK:
        raise typer.Exit(code)


def _warn(terminal: Terminal, settings: "Settings", *, on_screen: bool) -> None:
    # What `mm check` warns of; the screen hides the log.
    import structlog

    from mm.settings.cautions import cautions

    for name in settings.pair:
        for caution in cautions(settings, name):
            if on_screen:
                terminal.say(f"warning: {caution}")
            else:
                structlog.get_logger().warning("config.caution", session=name, caution=caution)


def _screen(terminal: Terminal) -> "Screen | None":
    import sys

    if terminal.as_json or terminal.quiet or not (sys.stdout.isatty() and sys.stderr.isatty()):
        return None
    from mm.cli.screen import Screen

    return Screen(terminal.console, hint=SCREEN_HINT)


def start_logs(terminal: Terminal, settings: "Settings", *, on_screen: bool) -> None:
    """Send logs where the config and the flags say; with a live view they go to a file alone."""
    from mm.logs import LogSettings, configure
    from mm.store.paths import private_directory

    file = settings.log.file
    if on_screen or file is not None:
        # First, because the log may lie inside: its folder would make a directory that others can enter.
        directory = private_directory(settings.data_dir)
        file = file or directory / LOG_NAME
    level = settings.log.level
    if terminal.verbose:
        level = "debug"
    elif terminal.quiet and level in ("debug", "info"):
        level = "warning"
    configure(
        LogSettings(
            level=level,
            form=settings.log.format,
            color=terminal.color,
            terminal=not on_screen,
            file=file,
        )
    )


def summary(report: "RunReport") -> str:
    """Return how a run went, for people."""
    first = "none" if report.first_fill_s is None else f"after {report.first_fill_s:.1f} s"
    per_fill = "-" if report.messages_per_fill is None else f"{report.messages_per_fill:.1f}"
    rows = (
        ("ended", f"{report.exit_reason}, after {report.run_s:.0f} s"),
        (
            "orders",
            f"{report.orders_placed} placed, {report.orders_cancelled} cancelled, {per_fill} messages a fill",
        ),
        ("fills", f"{report.fills}, first {first}"),
        ("P&L", f"{report.pnl_quote or '-'} {report.quote} after fees, {report.pnl_residual} unexplained"),
        ("self-trades", _measured(report.self_trades)),
        ("limit breaches", _measured(report.limit_breaches)),
        ("open orders left", str(report.open_orders_at_exit)),
        *_beside_touch(report),
    )
    return "\n".join(f"{name:<17} {value}" for name, value in rows)


def _beside_touch(report: "RunReport") -> tuple[tuple[str, str], ...]:
    # What the fills of paper mode are worth, beside what wishful ones would have been.
    from mm.observe.fill_causes import cause_words

    if report.fills_at_touch is None:
        return ()
    told = f"{report.fills_at_touch} orders, {report.phantom_fills} of them phantoms that nothing filled here"
    return (
        ("orders filled", f"{report.orders_filled}, {report.fills_not_at_touch} of them here alone"),
        ("filled at touch", told),
        ("fills made by", str(report.fill_model or "-")),
        *(("", words) for words in cause_words(report.fills_by_cause or {})),
    )


def _measured(count: int | None) -> str:
    return "not told by this venue" if count is None else str(count)
