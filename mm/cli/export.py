"""The verb `mm export`: own fills of all recorded runs as CSV, exact, for taxes and spreadsheets."""

import csv
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mm.cli.terminal import DataDir, Terminal, verb
from mm.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="A new file; standard output otherwise.")
]
Since = Annotated[str, typer.Option(metavar="DATE", help="Leave out what is older, as 2026-01-31 (UTC).")]


@verb
def export(
    terminal: Terminal,
    *,
    what: Annotated[Literal["fills"], typer.Argument(metavar="WHAT", help="fills")] = "fills",
    data_dir: DataDir = None,
    since: Since = "",
    out: Out = None,
) -> None:
    """Write own fills as CSV, from the records of all runs."""
    from mm.bootstrap.records.export import FILL_COLUMNS, fill_rows
    from mm.cli.client import known_dir

    assert what == "fills"
    rows = fill_rows(known_dir(data_dir), since_ns=_since_ns(since))
    if out is None:
        if terminal.as_json:
            raise UsageError("--json needs --out: standard output is the CSV", hint="add --out fills.csv")
        _write(sys.stdout, FILL_COLUMNS, rows)
        return
    count = _write_file(out, FILL_COLUMNS, rows)
    terminal.say(f"{count} fills written to {out}")
    terminal.result({"fills": count, "file": str(out)})


def _since_ns(text: str) -> int:
    if not text:
        return 0
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"--since was {text[:40]!r}, expected a date as 2026-01-31") from None
    return int(day.timestamp()) * 1_000_000_000


def _write(file: "TextIO", columns: "Iterable[str]", rows: "Iterable[Iterable[str]]") -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is what is wanted
        writer.writerow(row)
    return count


def _write_file(out: Path, columns: "Iterable[str]", rows: "Iterable[Iterable[str]]") -> int:
    # Never over something; whole or not at all.
    draft = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            count = _write(file, columns, rows)
        os.link(draft, out)
    except FileExistsError:
        raise ConfigError(
            f"{out}: is there already and was left as it is", hint="name another file"
        ) from None
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count
