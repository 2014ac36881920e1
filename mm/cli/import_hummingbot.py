"""The verbs `mm import ...`: configs of other programs, translated key by key.

Reads one file and writes one. Invariant: nothing is written over without `--force`, nothing is written that
does not load, and every key of the file read is told about.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mm.cli.terminal import Terminal, printable, verb
from mm.errors import ConfigError

if TYPE_CHECKING:
    from mm.settings.hummingbot_import import Imported
    from mm.settings.hummingbot_sheet import Kind, Row

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Turn the config of another program into one of mm."
)

SECTIONS: Final = (
    ("no_equal", "has no equal here"),
    ("unknown", "not known: look it up there, and whether you need it"),
    ("no_effect", "has no effect there, so that nothing is needed here"),
)


@app.callback()
def import_() -> None:
    """Turn the config of another program into one of mm."""


@verb
def hummingbot(
    terminal: Terminal,
    *,
    conf: Annotated[
        Path, typer.Argument(metavar="CONF.yml", help="A strategy file of Hummingbot, as conf_pure_mm_1.yml.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="What to write; CONF.toml here if absent.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Translate a Hummingbot file of pure or Avellaneda market making; paper mode, every key told."""
    from mm.settings.hummingbot_import import imported
    from mm.settings.loader import read_text

    path = out or Path(f"{conf.stem}.toml")
    if path.resolve() == conf.resolve():
        raise ConfigError(f"{path}: that is the file to be read", hint="name another one: --out FILE")
    _refuse_existing(path, force=force)
    found = imported(read_text(conf), str(conf), path)
    _write(path, found.text, force=force)
    commands = [f"mm check {path}", f"mm doctor {path} --online", f"mm run {path}"]
    if not terminal.as_json:
        _print(terminal, found)
        if found.warning:
            terminal.say(found.warning)
        terminal.say(
            "note: the limits in [risk] and [pair.NAME.inventory] are mm's own; look at each of them"
        )
        where = f", for {found.venue}" if found.warning else ""
        print(
            f"written: {path} (paper mode{where})",
            "next:",
            *(f"  {command}" for command in commands),
            sep="\n",
        )
    terminal.result(
        {
            "ok": True,
            "file": str(path),
            "strategy": found.strategy,
            "symbol": found.symbol,
            "venue": found.venue,
            "warning": found.warning,
            **_by_kind(found),
            "next": commands,
        }
    )


def _refuse_existing(path: Path, *, force: bool) -> None:
    if not force and (path.exists() or path.is_symlink()):
        raise ConfigError(
            f"{path}: is there already; nothing was written",
            hint="name another file: --out FILE, or add --force",
        )


def _write(path: Path, text: str, *, force: bool) -> None:
    from mm.store.textfile import replace_file

    try:
        if force and path.exists():
            replace_file(path, text.encode(), expected=path.read_bytes())
            return
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def _by_kind(found: "Imported") -> dict[str, list[dict[str, object]]]:
    from mm.settings.hummingbot_sheet import Kind

    return {kind.value: [_as_dict(row) for row in found.of(kind)] for kind in Kind}


def _as_dict(row: "Row") -> dict[str, object]:
    from dataclasses import asdict

    return {name: value for name, value in asdict(row).items() if name != "kind"}


def _print(terminal: Terminal, found: "Imported") -> None:
    from mm.settings.hummingbot_sheet import Kind

    _table(terminal, found, Kind.TRANSLATED, ("line", "theirs", "ours", "unit, difference"))
    for kind, title in SECTIONS:
        if found.of(Kind(kind)):
            print(f"\n{title}:")
            _table(terminal, found, Kind(kind), ("line", "theirs", "why"))
    print()


def _table(terminal: Terminal, found: "Imported", kind: "Kind", columns: tuple[str, ...]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in columns:
        made.add_column(title, overflow="fold")
    for row in found.of(kind):
        ours = f"{row.ours} = {row.our_value}" if row.our_value else row.ours
        cells = (
            str(row.line or "-"),
            f"{row.key} = {row.value}",
            *((ours,) if len(columns) > 3 else ()),
            row.note,
        )
        made.add_row(*(Text(printable(cell)) for cell in cells))
    terminal.console.print(made)


app.command("hummingbot")(hummingbot)
