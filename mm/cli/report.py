"""The verb `mm report`: what a recorded run earned and why, as a page, as JSON, as CSV.

The run is repeated from its journal and measured on the way; nothing of it is changed. Files appear whole or
not at all, and nothing that is no report is written over.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from mm.cli.progress import counting_bar, progress_bar
from mm.cli.recorded import run_places
from mm.cli.targets import check_target, write, write_page
from mm.cli.terminal import NS_PER, Terminal, printable, verb
from mm.errors import EXIT_CHECK_FAILED, ConfigError

if TYPE_CHECKING:
    from mm.observe.report_story import Story

PAGE_NAME: Final = "report.html"
"""Name of the page in the run's directory, unless another file is named."""

Run = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RUN|DATA_DIR]",
        help="A run's directory or its id, or a data directory: its newest run; the only one under ./var.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE.html", help=f"The page; {PAGE_NAME} in the run's directory if absent."
    ),
]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="DIR", help="Write fills.csv, markouts.csv and equity.csv there as well."),
]
Aversion = Annotated[
    float,
    typer.Option(
        min=1e-9,
        max=1e9,
        metavar="GAMMA",
        help="Risk aversion of the certainty equivalent, per unit of the quote asset.",
    ),
]


@verb
def report(
    terminal: Terminal,
    *,
    run: Run = None,
    out: Out = None,
    csv_dir: Csv = None,
    aversion: Aversion = 0.01,
) -> None:
    """Tell what a recorded run or a backtest earned and why: one HTML page with pictures, JSON and CSV on
    request. Exit 9 if its P&L does not add up or it could not be repeated.

    Examples: mm report var/demo; mm report var/demo --out demo.html --csv figures
    """
    from mm.observe.report_page import page
    from mm.observe.report_story import story_fields

    (place,) = run_places(run)
    target = out or place.directory / PAGE_NAME
    check_target(target)
    if csv_dir is not None:
        _check_folder(csv_dir)
        _check_tables(csv_dir)
    story = told(terminal, place.directory, aversion=aversion)
    write_page(target, page(story))
    files = [target, *(_tables(story, csv_dir) if csv_dir is not None else ())]
    if not terminal.as_json and not terminal.quiet:
        _tell(story)
    for file in files:
        terminal.say(f"written: {printable(file)}")
    terminal.result({**story_fields(story), "files": [str(file) for file in files]})
    if story.unexplained or story.difference:
        raise typer.Exit(EXIT_CHECK_FAILED)


def told(terminal: Terminal, directory: Path, *, aversion: float) -> "Story":
    """Return what there is to tell of the run or backtest in a directory, with a bar while it is repeated.

    Raises: what `mm.bootstrap.records.report.story_of` and `mm.bootstrap.records.report_backtest` raise.
    """
    import asyncio

    from mm.bootstrap.records.report import ReportOptions, journal_bytes, story_of
    from mm.bootstrap.records.report_backtest import Repetition, is_backtest

    options = ReportOptions(aversion=aversion)
    if not is_backtest(directory):
        with progress_bar(terminal, "reading", journal_bytes(directory)) as tell:
            return asyncio.run(story_of(directory, tell, options))
    again = Repetition(directory, options)
    begins_s = again.ready.begins_ns // NS_PER["s"]
    with counting_bar(terminal, "repeating", again.span_s) as count:
        return again.story(lambda ts_ns, _, __: count(ts_ns // NS_PER["s"] - begins_s, "repeating"))


def _tell(story: "Story") -> None:
    from mm.observe.report_story import made_text, sample_text, summary, warnings, worst_text

    print(f"run {printable(story.run_id)}, {story.mode}", *warnings(story), made_text(story.made), sep="\n")
    for session in story.sessions:
        figures = session.figures
        lines = (*summary(session), sample_text(figures), *map(printable, worst_text(story, figures)))
        print(f"\n{printable(session.name)}", *lines, sep="\n  ")
    for note in story.notes:
        print(f"note: {printable(note)}")
    print(flush=True)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{printable(folder)}: cannot be made: {error.strerror}") from None


def _check_tables(folder: Path) -> None:
    from mm.observe.report_tables import TABLES

    for name, table in TABLES.items():
        check_target(
            _table_path(folder, name), opening=",".join(table.columns) + "\n", what=f"table of {name}"
        )


def _table_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv"


def _tables(story: "Story", folder: Path) -> list[Path]:
    from mm.observe.report_tables import TABLES

    written = []
    for name, table in TABLES.items():
        path = _table_path(folder, name)
        write(path, lambda file, table=table: _rows(file, table.columns, table.rows(story)))  # type: ignore[misc]  # a lambda with a default has no types
        written.append(path)
    return written


def _rows(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow("" if value is None else value for value in row)
