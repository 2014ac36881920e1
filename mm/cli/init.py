"""The verb `mm init`: the files of a first project of one's own, in a folder.

It asks on a terminal only, and never with --yes. Invariant: nothing is ever overwritten; where one of its
files is there already, none is written.
"""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from mm.cli.terminal import Terminal, verb
from mm.errors import ConfigError

VENUE, SYMBOL, STRATEGY = "binance", "BTC/USDT", "pure_market_making"

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; made if it is not there.")]
Venue = Annotated[str | None, typer.Option(metavar="NAME", help=f"Which venue; {VENUE} if absent.")]
Symbol = Annotated[str | None, typer.Option(metavar="BASE/QUOTE", help=f"What to trade; {SYMBOL} if absent.")]
Strategy = Annotated[str | None, typer.Option(metavar="NAME", help=f"Built-in; {STRATEGY} if absent.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]


@verb
def init(
    terminal: Terminal,
    *,
    folder: Folder = Path(),
    venue: Venue = None,
    symbol: Symbol = None,
    strategy: Strategy = None,
    yes: Yes = False,
) -> None:
    """Write a commented config for paper mode, and a strategy of your own with its test."""
    from mm.settings.starter import FILES, starter_files

    refuse_existing(folder, FILES)
    asks = not (yes or terminal.as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    chosen = {
        "venue": _answer("venue", venue, VENUE, asks=asks),
        "symbol": _answer("symbol", symbol, SYMBOL, asks=asks),
        "strategy": _answer("strategy", strategy, STRATEGY, asks=asks),
    }
    files = starter_files(**chosen)
    write_all(folder, files)
    config = folder / "mm.toml"
    commands = [f"mm check {config}", f"mm doctor {config} --online", f"mm run {config}"]
    if not terminal.as_json:
        print("written:", *(f"  {folder / name}" for name in files), "next:", sep="\n")
        print(*(f"  {command}" for command in commands), sep="\n")
    if chosen["symbol"] != SYMBOL:
        terminal.say(f"note: sizes and holdings are those for {SYMBOL}; `mm doctor` tells what fits")
    terminal.result({"files": [str(folder / name) for name in files], "next": commands})


def _answer(what: str, given: str | None, default: str, *, asks: bool) -> str:
    if given is not None:
        return given
    return str(typer.prompt(what, default=default, err=True)) if asks else default


def refuse_existing(folder: Path, names: tuple[str, ...]) -> None:
    """Raise ConfigError that names every file of `names` that is there already."""
    there = [str(folder / name) for name in names if (folder / name).is_symlink() or (folder / name).exists()]
    if there:
        raise ConfigError(
            "; ".join(f"{path}: is there already" for path in there) + "; nothing was written",
            hint="name another folder: mm init DIR",
        )


def write_all(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file of `files` into `folder`, or none; raises ConfigError."""
    made: list[Path] = []
    try:
        for parent in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            parent.mkdir()
            made.append(parent)
        for name, text in files.items():
            path = folder / name
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise ConfigError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; nothing was written"
        ) from None
