"""What `mm simulate --soak` does: days of one life in virtual time, and whether anything in it grew."""

from typing import TYPE_CHECKING, Final

import typer

from mm.cli.terminal import NS_PER, Terminal, duration_ns
from mm.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from mm.runtime.simulate.soak import Day, SoakRun

DAY_S: Final = 86_400.0
"""Seconds of a virtual day."""


def soak(terminal: Terminal, duration: str, *, seed: int) -> None:
    """Run it and tell each day's figures; exit code 9 if something grew.

    Raises: typer.BadParameter unless `duration` is a whole number of days, at least two.
    """
    days, rest = divmod(duration_ns(duration), NS_PER["d"])
    if rest or days < 2:
        raise typer.BadParameter(f"{duration[:40]}: expected whole days, 2d or more: they are compared")
    from mm.runtime.simulate.soak import Soak, soak_run

    run = soak_run(Soak(days=days, day_s=DAY_S, seed=seed), lambda day: terminal.say(_line(day)))
    if not terminal.as_json and not terminal.quiet:
        print(_words(run), flush=True)
    terminal.result(run.fields())
    if run.problems:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _line(day: "Day") -> str:
    return (
        f"day {day.day}: {day.events} events, {day.orders} orders, {day.fills} fills; {day.objects} objects,"
        f" {day.blocks} blocks, {day.rss_bytes / 1e6:.1f} MB resident; {day.cpu_s} s"
    )


def _words(run: "SoakRun") -> str:
    grown = ", ".join(f"{name} {ppm / 10_000:+.2f} %" for name, ppm in run.growth_ppm().items())
    return "\n".join([f"after the last day, against the first: {grown}", *(run.problems or ["nothing grew"])])
