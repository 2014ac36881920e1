"""A bar on standard error for what takes long: shown on a terminal, silent elsewhere and with `-q`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mm.cli.terminal import Terminal

Progress = Callable[[int], object]

Counting = Callable[[int, str], object]


@contextmanager
def progress_bar(terminal: Terminal, what: str, total: int) -> Iterator[Progress]:
    """Give a function that takes how much of `total` bytes is done. Args: what: before the bar, in a word."""
    with _bar(terminal, what, total, in_bytes=True) as tell:
        yield lambda done: tell(done, what)


@contextmanager
def counting_bar(terminal: Terminal, what: str, total: int) -> Iterator[Counting]:
    """Give a function that takes how many of `total` things are done, and what to say before the bar now."""
    with _bar(terminal, what, total, in_bytes=False) as tell:
        yield tell


@contextmanager
def _bar(terminal: Terminal, what: str, total: int, *, in_bytes: bool) -> Iterator[Counting]:
    if terminal.quiet or not sys.stderr.isatty():
        yield lambda _done, _what: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, no_color=not terminal.color)
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=max(total, 1))
        yield lambda done, now: bar.update(task, completed=done, description=now)
