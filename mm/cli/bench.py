"""The verb `mm bench`: what we measure ourselves by, on the machine of whoever asks."""

from typing import Annotated

import typer

from mm.cli.terminal import Terminal, verb

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Measure mm on this machine.")


@app.callback()
def bench() -> None:
    """Measure mm on this machine."""


@verb
def live(
    terminal: Terminal,
    *,
    events: Annotated[int, typer.Option(min=100, max=10_000_000, help="Market events to run.")] = 20_000,
) -> None:
    """Measure one decision of the engine: the real strategy, all rules, five levels a side."""
    from mm.bench.live import measure

    figures = measure(events).as_dict()
    if not terminal.as_json:
        for name, value in figures.items():
            print(f"{name:<18} {value}")
    terminal.result(figures)


app.command("live")(live)
