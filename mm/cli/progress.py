"""A bar on standard error for what takes long: shown on a terminal, silent elsewhere and with `-q`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mm.cli.terminal import Terminal

Progress = Callable[[int], object]


@contextmanager
def progress_bar(terminal: Terminal, what: str, total: int) -> Iterator[Progress]:
    """Give a function that takes how much of `total` bytes is done. Args: what: before the bar, in a word."""
    if terminal.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not terminal.color)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=max(total, 1))
        yield lambda done: bar.update(task, completed=done)
