"""The verb `mm bench`: what we measure ourselves by, on the machine of whoever asks."""

import sys
from functools import partial
from typing import Annotated

import typer

from mm.cli.bench_quoting import quoting
from mm.cli.bench_replay import replay
from mm.cli.terminal import Terminal, verb

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Measure mm on this machine.")


@app.callback()
def bench() -> None:
    """Measure mm on this machine."""


@verb
def live(
    terminal: Terminal,
    *,
    events: Annotated[int, typer.Option(min=100, max=100_000, help="Decisions to measure.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, max=8, help="Turns of each loop, and bursts.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, max=2.5, help="Length of one turn.")] = 1.6,
) -> None:
    """Measure decisions, frames, frame to order beside ccxt.pro, and a burst, on loopback; takes < 1 min."""
    from mm.bench.live import GOALS, Options, measure_live
    from mm.bootstrap.trade import in_loop

    def tell(what: str) -> None:
        if sys.stderr.isatty() and not terminal.quiet:
            print(f"measuring: {what}", file=sys.stderr, flush=True)

    options = Options(events=events, rounds=rounds, seconds=seconds)
    figures = in_loop(partial(measure_live, options, tell))
    if not terminal.as_json:
        goals = {goal.figure: goal for goal in GOALS}
        print(f"{'figure':<22} {'measured':>12} {'must':>8} {'reach':>8}")
        for name, value in figures.items():
            goal = goals.get(name)
            must = f"{goal.must:g}" if goal else ""
            reach = f"{goal.reach:g}" if goal and goal.reach else ""
            print(f"{name:<22} {value:>12} {must:>8} {reach:>8}".rstrip())
    terminal.result(figures)


app.command("live")(live)
app.command("replay")(replay)
app.command("quoting")(quoting)
