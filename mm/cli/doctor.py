"""The verb `mm doctor`: whether this machine, this config and this data directory are fit to run.

It changes nothing, and asks no venue unless told to. Exit code 9 if a row failed; warnings alone are 0.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.client import DEFAULT_ROOT, known_dir
from mm.cli.exchange import DEFAULT_PORT
from mm.cli.terminal import DataDir, Overrides, Terminal, printable, verb
from mm.errors import EXIT_CHECK_FAILED, ConfigError, NotRunning

if TYPE_CHECKING:
    from mm.cli.checks import Row, Subject

STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


@verb
def doctor(
    terminal: Terminal,
    *,
    config: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG]", help="A config file to look at as well.")
    ] = None,
    data_dir: DataDir = None,
    overrides: Overrides = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="Ask the venue as well; without CONFIG an exchange started for this."),
    ] = False,
) -> None:
    """Check this machine, a config and its data directory; with --online the venue too."""
    from mm.cli.checks import examined

    subject = _subject(config, data_dir, overrides or [])
    rows = examined(subject)
    if online:
        rows += _online(terminal, subject, overrides or [])
    failed = sum(row.status == "fail" for row in rows)
    warned = sum(row.status == "warn" for row in rows)
    if not terminal.as_json:
        _print(terminal, rows)
        print(f"{len(rows)} checks: {failed} failed, {warned} to look at")
    terminal.result(
        {"ok": not failed, "failed": failed, "warned": warned, "rows": [row.as_dict() for row in rows]}
    )
    if failed:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _subject(config: Path | None, data_dir: Path | None, overrides: list[str]) -> "Subject":
    from mm.cli.checks import Subject

    settings, error = None, ""
    if config is not None:
        from mm.settings.loader import load_settings

        try:
            settings = load_settings(config, overrides)
        except ConfigError as found:
            error = str(found)
    where = data_dir or (settings.data_dir if settings is not None else _usual_dir())
    return Subject(data_dir=where, port=DEFAULT_PORT, config=config, settings=settings, config_error=error)


def _online(terminal: Terminal, subject: "Subject", overrides: list[str]) -> "list[Row]":
    from mm.cli.checks import Row
    from mm.cli.checks_online import online_rows
    from mm.logs import LogSettings, configure
    from mm.settings.loader import demo_settings

    if subject.config_error:
        return [Row(what="venue", status="skip", measured="the config cannot be used", limit="reachable")]
    settings = subject.settings
    if settings is None:
        settings = demo_settings([*overrides, f"data_dir={json.dumps(str(subject.data_dir))}"])
    configure(LogSettings(level="debug" if terminal.verbose else "warning", color=terminal.color))
    return online_rows(settings)


def _usual_dir() -> Path:
    try:
        return known_dir(None)
    except NotRunning:
        return DEFAULT_ROOT


def _print(terminal: Terminal, rows: "list[Row]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("", "check", "measured", "expected", "to do"):
        made.add_column(title, overflow="fold")
    for row in rows:
        to_do = row.fix if row.status in ("warn", "fail") else ""
        made.add_row(
            Text(row.status, style=STYLES[row.status]),
            row.what,
            *map(_text, (row.measured, row.limit, to_do)),
        )
    terminal.console.print(made)


def _text(value: str) -> str:
    return "\n".join(printable(line) for line in value.splitlines()).replace("[", "\\[")
