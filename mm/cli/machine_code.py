"""The verb `mm compile`, and what others do with its result: deciding by machine code of the same sources."""

from typing import Annotated

import typer

from mm.cli.terminal import Terminal, verb
from mm.errors import CompilationFailed, UsageError
from mm.native.use import Core, is_wished, made_of_these_sources, use


@verb
def compile_(
    terminal: Terminal,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Remove what was compiled instead.")] = False,
) -> None:
    """Compile what backtests spend their time in: same sources, same results, more than twice the pace.

    Takes some minutes and needs the extra `compile` and a C compiler; with GCC it is compiled twice, the
    second time for the ways that a run on generated rows took. `mm backtest` in one process, `mm bench
    replay` (which compiles by itself) and `mm bench quoting` use it from then on, until a source changes;
    nothing else does. MM_COMPILED=0 keeps a command on the sources.
    """
    if remove:
        from mm.native.build import remove as remove_all

        gone = remove_all()
        terminal.say(f"removed {gone}" if gone else "nothing was compiled")
        terminal.result({"removed": gone})
        return
    from mm.native.build import build
    from mm.native.sources import compiled_files

    folder = build(terminal.say)
    terminal.say(f"compiled, in {folder}")
    terminal.result({"folder": str(folder), "modules": len(compiled_files())})


def by_machine_code(terminal: Terminal, *, alone: bool = True, make: bool = False) -> Core:
    """Take what was compiled, and say so; to be called before anything that decides is imported.

    Args: alone: whether all of it happens in this process, or in others that are sent nothing compiled; make:
        whether what was not compiled yet is first, where that can be done.
    """
    if make and is_wished() and made_of_these_sources() is None:
        _make(terminal)
    core = use() if alone else "interpreted"
    if core == "compiled":
        terminal.say("deciding by compiled modules (mm compile)")
    return core


def _make(terminal: Terminal) -> None:
    from mm.native.build import build

    try:
        build(terminal.say)
    except (UsageError, CompilationFailed) as failed:
        terminal.say(f"not compiled: {failed}")
