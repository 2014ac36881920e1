"""The verb `mm compare`: two runs, decisions against decisions, fills against fills, figures against figures.

Exit code 9 if they did not decide and fill the same; 0 if they did, whatever they earned.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm.cli.progress import counting_bar
from mm.cli.recorded import run_places
from mm.cli.targets import check_target, write_page
from mm.cli.terminal import Terminal, duration_ns, printable, verb
from mm.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from rich.table import Table

    from mm.observe.compare_words import Comparison, SessionPair

First = Annotated[
    Path,
    typer.Argument(
        metavar="A", help="A run's or a backtest's directory or its id, or a data directory: its newest run."
    ),
]
Second = Annotated[Path, typer.Argument(metavar="B", help="Another one.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="One page with both over time as well.")
]
Within = Annotated[
    int | None,
    typer.Option(
        parser=duration_ns, metavar="TIME", help="So much earlier or later it is the same act, moved; 1s."
    ),
]

STEPS = 1_000
"""Of the bar, for each of both runs."""


@verb
def compare(
    terminal: Terminal, *, first: First, second: Second, html: Html = None, within: Within = None
) -> None:
    """Compare what two runs decided, were filled with and earned: live, paper, demo or backtests; exit 9 if
    decisions or fills differ.

    Examples: mm compare var/paper var/paper/backtests/ID; mm compare A B --html both.html
    """
    from mm.bootstrap.records.compare import WITHIN_NS, CompareOptions, compared
    from mm.observe.compare_page import page
    from mm.observe.compare_words import fields

    directories = [run_places(named)[0].directory for named in (first, second)]
    if html is not None:
        check_target(html)
    options = CompareOptions(
        within_ns=WITHIN_NS if within is None else within, with_pictures=html is not None
    )
    with counting_bar(terminal, "reading", STEPS) as bar:
        made, drawn = compared(
            directories[0],
            directories[1],
            options,
            lambda done, total: bar(STEPS * done // max(1, total), "reading"),
        )
    if html is not None:
        write_page(html, page(made, drawn))
        terminal.say(f"written: {printable(html)}")
    if not terminal.as_json and not terminal.quiet:
        _print(terminal, made)
    terminal.result({"ok": made.is_same, **fields(made), "file": None if html is None else str(html)})
    if not made.is_same:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _print(terminal: Terminal, made: "Comparison") -> None:
    from mm.observe.compare_words import words

    for name, run in (("first", made.first), ("second", made.second)):
        print(f"{name:7} {printable(run.run_id)}, {run.mode}, {printable(run.directory)}")
        for note in (run.made, *run.notes):
            if note:
                print(f"        {printable(note)}")
    print()
    print(*map(printable, words(made)), sep="\n")
    for pair in made.sessions:
        print(f"\n{printable(pair.name)}: {printable(pair.symbol)}")
        terminal.console.print(_table(pair))


def _table(pair: "SessionPair") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, title in enumerate(("", "first", "second", "difference", "")):
        made.add_column(title, justify="right" if 0 < number < 4 else "left", no_wrap=True)
    told = {True: "[yellow]apart[/]", False: "[dim]chance[/]", None: ""}
    for row in pair.rows:
        if row.first is None and row.second is None:
            continue
        made.add_row(
            f"{row.name}, {row.unit}" if row.unit else row.name,
            _number(row.first, row.first_error),
            _number(row.second, row.second_error),
            _number(row.difference, row.difference_error),
            told[row.is_apart],
        )
    return made


def _number(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.6g}" if error is None else f"{value:,.6g} +/- {error:,.3g}"
