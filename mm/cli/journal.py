"""The verbs `mm journal ...`: is it whole, as tables, as text.

A run is named by its directory, by its id, or by the data directory: its newest. Invariant: no verb here
changes a journal; a damaged one is told with file and byte and ends with exit code 9.
"""

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from mm.cli.progress import progress_bar
from mm.cli.recorded import run_places
from mm.cli.terminal import Terminal, lose_output, verb
from mm.errors import (
    EXIT_CHECK_FAILED,
    EXIT_UNEXPECTED,
    ConfigError,
    JournalCorrupt,
    JournalForeign,
)

if TYPE_CHECKING:
    from mm.store.journal.family import Tally
    from mm.store.journal.layout import RunPlace
    from mm.store.journal.verify import Report

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Check, tabulate and export what runs wrote down."
)

Run = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="A run's directory or its id, or a data directory: its newest run.",
        show_default=False,
    ),
]
DataDirectory = Annotated[
    Path | None, typer.Argument(metavar="DATA_DIR", help="The one under ./var if there is only one.")
]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="FILE", help="A new file; standard output otherwise.")
]


@app.callback()
def journal() -> None:
    """Check, tabulate and export what runs wrote down."""


@verb
def verify(
    terminal: Terminal,
    *,
    run: Run = None,
    every: Annotated[bool, typer.Option("--all", help="Every run of the data directory.")] = False,
) -> None:
    """Check a run's journal whole: every byte, number and link; exit 9 if it is damaged.

    Examples: mm journal verify var/demo; mm journal verify --all var/demo
    """
    from mm.bootstrap.records.rebuild import after, journal_bytes
    from mm.store.journal.verify import verify as verified

    places = run_places(run, every=every)
    rows, is_sound = [], True
    with progress_bar(terminal, "verifying", journal_bytes(places)) as progress:
        done = 0
        for place in places:
            report = verified(place.journal, progress=after(done, progress))
            done += sum(part.bytes for part in report.parts)
            row = _verified(place, report)
            is_sound = is_sound and not row["problem"]
            rows.append(row)
            if not terminal.as_json and not (terminal.quiet and not row["problem"]):
                print("\n".join(_words(row)), flush=True)
    terminal.result({"ok": is_sound, "runs": rows})
    if not is_sound:
        raise typer.Exit(EXIT_CHECK_FAILED)


@verb
def rebuild(
    terminal: Terminal,
    *,
    data_dir: DataDirectory = None,
    whole: Annotated[bool, typer.Option("--whole", help="Read runs anew that are in it already.")] = False,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave out runs that are damaged, and say so.")
    ] = False,
) -> None:
    """Make DATA_DIR/mm.sqlite: runs, orders, fills, reports and more as tables, from all journals.

    Only runs that are new or have grown are read. Nothing of mm reads it: it is for you and your tools.
    Examples: mm journal rebuild var/demo; sqlite3 var/demo/mm.sqlite 'select * from fills'
    """
    from mm.bootstrap.records.rebuild import journal_bytes
    from mm.bootstrap.records.rebuild import rebuild as rebuilt
    from mm.cli.client import known_dir
    from mm.store.journal.layout import runs

    where = known_dir(data_dir)
    try:
        with progress_bar(terminal, "reading", journal_bytes(runs(where))) as progress:
            made = rebuilt(where, whole=whole, skip_damaged=skip_damaged, progress=progress)
    except (JournalCorrupt, JournalForeign) as error:
        error.exit_code = EXIT_CHECK_FAILED
        error.hint = f"{error.hint}; or leave it out: mm journal rebuild --skip-damaged".removeprefix("; or ")
        raise
    for run_id, problem in made.left_out.items():
        terminal.say(f"left out {run_id}: {problem}")
    if not terminal.as_json and not terminal.quiet:
        rows = ", ".join(f"{count} {name}" for name, count in made.tables.items() if count)
        print(f"{made.path}: {len(made.read)} runs read, {len(made.kept)} kept; {rows}")
    terminal.result(
        {
            "ok": not made.left_out,
            "path": str(made.path),
            "read": made.read,
            "kept": made.kept,
            "left_out": made.left_out,
            "records": made.records,
            "tables": made.tables,
            "digest": made.digest,
        }
    )
    if made.left_out:
        raise typer.Exit(EXIT_CHECK_FAILED)


@verb
def export(
    terminal: Terminal,
    *,
    run: Run = None,
    kind: Annotated[
        Literal["events", "commands", "fills", "orders", "reports", "all"],
        typer.Option("--kind", help="events, commands, fills, orders, reports or all."),
    ] = "all",
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="jsonl (one object a line) or csv.")
    ] = "jsonl",
    out: Out = None,
) -> None:
    """Write a run's records, or its fills or orders, as lines: times in UTC, amounts as decimals too.

    Examples: mm journal export var/demo --kind fills --format csv -o fills.csv
    """
    from mm.bootstrap.records.rebuild import journal_bytes

    (place,) = run_places(run)
    if out is None and terminal.as_json:
        raise ConfigError("--json needs --out: standard output is the export", hint=f"add -o {kind}.{form}")
    try:
        with (
            progress_bar(terminal, "exporting", journal_bytes([place])) as progress,
            _target(out) as file,
        ):
            count = _write(file, _rows(place, kind, form, progress), form, kind)
    except (JournalCorrupt, JournalForeign) as error:
        error.exit_code = EXIT_CHECK_FAILED
        raise
    if out is not None:
        terminal.say(f"{count} rows written to {out}")
        terminal.result({"ok": True, "run": place.run_id, "kind": kind, "rows": count, "file": str(out)})


def _verified(place: "RunPlace", report: "Report") -> dict[str, object]:
    from mm.store.projection.facts import utc_text

    # What has a place is damage all the same: of a run that ended, files without content.
    problem = "" if place.is_empty and not report.path else report.problem
    if not problem and not place.is_empty and report.run is None:
        problem = f"{place.journal}: nothing whole was ever recorded there"
    missing = [
        {
            "family": one.family.value,
            "cause": one.cause.value,
            "segment": one.segment,
            "first_seq": one.first_seq,
            "last_seq": one.last_seq,
        }
        for one in report.missing
    ]
    return {
        "run": place.run_id,
        "path": str(place.directory),
        "records": report.records,
        "counts": {kind.name.lower(): count for kind, count in sorted(report.counts.items())},
        "first_utc": utc_text(report.first_ts_ns),
        "last_utc": utc_text(report.last_ts_ns),
        "last_seq": report.last_seq,
        "closed": report.closed,
        "torn_bytes": report.torn_bytes,
        "missing": missing,
        "segments": [_segment(part) for part in report.parts],
        "problem": problem,
        "problem_path": report.path,
        "problem_offset": report.offset,
        "hint": report.hint,
    }


def _segment(part: "Tally") -> dict[str, object]:
    from mm.store.journal.frames import END_BLOCK
    from mm.store.projection.facts import utc_text

    return {
        "family": part.family.value,
        "segment": part.number,
        "bytes": part.bytes,
        "records": part.records,
        "first_seq": part.first_seq,
        "last_seq": part.last_seq,
        "first_utc": utc_text(part.first_ts_ns),
        "last_utc": utc_text(part.last_ts_ns),
        "sealed": part.ends != END_BLOCK,
    }


def _words(row: dict[str, object]) -> list[str]:
    lines = [
        f"run       {row['run']}",
        f"records   {row['records']}, {row['first_utc']} to {row['last_utc']}",
    ]
    segments, missing = row["segments"], row["missing"]
    assert isinstance(segments, list)
    assert isinstance(missing, list)
    for one in segments:
        span = f"records {one['first_seq']} to {one['last_seq']}" if one["records"] else "no record"
        sealed = "sealed" if one["sealed"] else "open end"
        lines.append(
            f"  {one['family']:<7} {one['segment']:06d}  {one['bytes']:>11} bytes {one['records']:>9}"
            f"  {span}, {sealed}"
        )
    lines.extend(
        f"  missing records {one['first_seq']} to {one['last_seq']} of {one['family']}: {one['cause']}"
        for one in missing
    )
    ended = "closed in good order" if row["closed"] else "not closed: a crash, or it is still written"
    torn = f"; {row['torn_bytes']} bytes behind its last whole record" if row["torn_bytes"] else ""
    if not row["problem"] and not row["records"]:
        return [*lines[:1], "verdict   empty: it ended before anything was recorded"]
    if not row["problem"]:
        return [*lines, f"end       {ended}{torn}", "verdict   sound: every byte, number and link fits"]
    hint = f"hint      {row['hint']}"
    return [*lines, f"verdict   DAMAGED: {row['problem']}", *([hint] if row["hint"] else [])]


def _rows(place: "RunPlace", kind: str, form: str, progress: object) -> Iterator[dict[str, object]]:
    from mm.bootstrap.records.journal_export import exported, flat

    assert callable(progress)
    for row in exported(place.journal, kind, progress=progress):
        yield flat(row) if form == "csv" and kind not in ("fills", "orders") else row


def _write(file: TextIO, rows: Iterator[dict[str, object]], form: str, kind: str) -> int:
    from mm.bootstrap.records.journal_export import columns_of, csv_row

    columns, count = columns_of(kind), 0
    writer = csv.writer(file, lineterminator="\n")
    if form == "csv":
        writer.writerow(columns)
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is what is wanted
        if form == "csv":
            writer.writerow(csv_row(row, columns))
        else:
            file.write(json.dumps(row) + "\n")
    return count


@contextmanager
def _target(out: Path | None) -> Iterator[TextIO]:
    # Never over something; whole or not at all.
    if out is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError as error:
            lose_output(error)
            raise typer.Exit(EXIT_UNEXPECTED) from None
        return
    draft = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            yield file
        os.link(draft, out)
    except FileExistsError:
        raise ConfigError(f"{out}: is there already, left as it is", hint="name another file") from None
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


for function, name in ((verify, "verify"), (rebuild, "rebuild"), (export, "export")):
    app.command(name)(function)
