"""What `mm config plan` shows: what a config would do now, and what the last hours would have had by it.

Invariant: nothing is changed or sent; what cannot be told is told as that, and does not keep the rest back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mm.cli.progress import counting_bar
from mm.cli.terminal import NS_PER, Terminal, printable
from mm.errors import JournalForeign, MMError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from mm.bootstrap.config_plan import Hours
    from mm.cli.shapes import Fields
    from mm.observe.compare_figures import FigureRow

STEPS = 1_000
"""Of the bar, for both backtests together."""

SHOWN = (
    "net_quote",
    "spread_quote",
    "adverse_quote",
    "costs_quote",
    "fills",
    "turnover_quote",
    "places",
    "cancels",
    "messages_per_fill",
    "inventory_mean_base",
    "inventory_deviation_base",
    "inventory_max_base",
    "inventory_min_base",
    "both_ratio",
    "max_drawdown_quote",
)
"""The figures that people see; JSON has them all."""

SET = "--set"
"""Where a value comes from that stands in no file."""

Answer = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked. Fields: new: the file in place of the daemon's; edits: keys changed in it; run: in place
    of the daemon; hours: of the past, 0 for none; file, data_dir: which daemon.
    """

    new: Path | None
    edits: tuple[tuple[str, str], ...]
    run: Path | None
    hours: float
    file: Path | None
    data_dir: Path | None


def show_plan(terminal: Terminal, asked: Asked) -> None:
    """Show it; raises ConfigError if the config would be refused, NotRunning if nothing is there to plan for,
    UsageError if what is asked does not go together.
    """
    from mm.cli.config_tables import plan_table, slowest

    answer, text, directory = _on_run(asked) if asked.run is not None else _on_daemon(asked)
    hours, why_not = None, ""
    if asked.hours:
        try:
            hours = _hours(terminal, directory, text, asked)
        except MMError as error:
            # What would happen now is worth telling all the same.
            why_not = f"{error}" + (f" ({error.hint})" if error.hint else "")
    if not terminal.as_json:
        if "at_ns" in answer:
            at = datetime.fromtimestamp(int(str(answer["at_ns"])) / NS_PER["s"], UTC)
            print(f"run {printable(answer['run'])}, as it stood at {at:%Y-%m-%d %H:%M:%S} UTC")
        terminal.console.print(plan_table(answer))
        _print(terminal, hours, why_not)
    told = None if hours is None else _fields(hours)
    terminal.result({**answer, "applies": slowest(answer), "hours": told, "hours_error": why_not or None})


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    # A config that was named. Fields: text: with the keys that were asked for changed; sources: of each key,
    # where it stands in the file as it is.
    text: str
    path: Path
    sources: Mapping[str, str]


def _read_new(path: Path, edits: "Sequence[tuple[str, str]]") -> _New:
    # Read as a config of its own first: an error then has the line of this file.
    from mm.settings.edit import with_key
    from mm.settings.loader import read_text, settings_of

    text = read_text(path)
    sources = settings_of(text, path).sources
    for key, value in edits:
        text = with_key(text, key, value)
    return _New(text=text, path=path, sources={**sources, **{key: SET for key, _ in edits}})


def _with_sources(answer: "Fields", new: _New) -> dict[str, object]:
    # A daemon reads the text as its own file; whoever named a file wants to find the line in that.
    from mm.cli.shapes import tables

    def source(row: "Fields") -> object:
        key, told = str(row.get("key")), str(row.get("source"))
        if told in ("", "default", SET) or told.startswith("env "):
            return told
        of_key = (new.sources[known] for known in new.sources if f"{known}.".startswith(f"{key}."))
        return next(of_key, f"{new.path}")

    return {**answer, "changes": [{**row, "source": source(row)} for row in tables(answer, "changes")]}


def _on_daemon(asked: Asked) -> tuple[Answer, str, Path | None]:
    from mm.cli.config_target import find_target
    from mm.store.journal.layout import newest_of, runs

    with find_target(asked.file, asked.data_dir) as target:
        if asked.new is None:
            edit = target.edit_with(list(asked.edits))
            answer, text = target.plan(edit), edit.text
        else:
            new = _read_new(asked.new, asked.edits)
            answer, text = _with_sources(target.plan_text(new.text), new), new.text
        places = runs(target.need_daemon().data_dir)
    return answer, text, newest_of(places).directory if places else None


def _on_run(asked: Asked) -> tuple[Answer, str, Path | None]:
    from mm.bootstrap.config_plan import plan_on_record
    from mm.cli.recorded import run_places

    if asked.new is None:
        raise UsageError("--run RUN plans a config that is named", hint="mm config plan NEW.toml --run RUN")
    if asked.file is not None or asked.data_dir is not None:
        raise UsageError("--run RUN stands in place of a daemon", hint="leave --config and --data-dir out")
    assert asked.run is not None  # the caller looked
    (place,) = run_places(asked.run)
    new = _read_new(asked.new, asked.edits)
    return _with_sources(plan_on_record(place.directory, new.text), new), new.text, place.directory


def _hours(terminal: Terminal, directory: Path | None, text: str, asked: Asked) -> "Hours":
    from mm.bootstrap.config_plan import last_hours
    from mm.logs import LogSettings, configure

    if directory is None:
        raise JournalForeign("the daemon has no journal yet: nothing says what the last hours had")
    # Two backtests: what their engines report is no news of the daemon's.
    configure(LogSettings(level="error", color=terminal.color))
    with counting_bar(terminal, "the last hours", STEPS) as bar:
        return last_hours(
            directory,
            text,
            round(asked.hours * NS_PER["h"]),
            lambda done, total: bar(STEPS * done // max(1, total), "the last hours"),
            path=asked.new,
        )


def _fields(hours: "Hours") -> dict[str, object]:
    return {
        "asked_s": hours.asked_ns / NS_PER["s"],
        "from_ns": hours.from_ns,
        "to_ns": hours.to_ns,
        "reach": hours.reach or None,
        "fill_model": hours.new.fill_model,
        "calibration": hours.new.calibration,
        "sessions": {
            name: {
                row.key: {
                    "unit": row.unit,
                    "old": row.first,
                    "old_error": row.first_error,
                    "new": row.second,
                    "new_error": row.second_error,
                    "difference": row.difference,
                }
                for row in rows
            }
            for name, rows in hours.rows.items()
        },
        "halted": {"old": hours.old.halted or None, "new": hours.new.halted or None},
        "notes": list(hours.notes),
    }


def _print(terminal: Terminal, hours: "Hours | None", why_not: str) -> None:
    if why_not:
        print(f"\nthe last hours cannot be told: {printable(why_not)}")
    if hours is None:
        return
    began, ended = (datetime.fromtimestamp(ns / NS_PER["s"], UTC) for ns in (hours.from_ns, hours.to_ns))
    print(f"\n{began:%Y-%m-%d %H:%M:%S} to {ended:%H:%M:%S} UTC would have had, begun without inventory:")
    if hours.reach:
        print(printable(hours.reach))
    print(f"{hours.new.fill_model}, {hours.new.calibration}")
    for name, rows in hours.rows.items():
        print(f"\n{printable(name)}")
        terminal.console.print(_table(rows))
    for note in hours.notes:
        print(f"- {printable(note)}")


def _table(rows: "Sequence[FigureRow]") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, title in enumerate(("", "old", "new", "difference")):
        made.add_column(title, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        if row.key in SHOWN:
            made.add_row(
                f"{row.name}, {row.unit}" if row.unit else row.name,
                _number(row.first),
                _number(row.second),
                _number(row.difference),
            )
    return made


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}"
