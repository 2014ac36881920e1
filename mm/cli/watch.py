"""The verbs that look: `mm status`, `orders`, `fills`, `pnl`, `metrics`. They change nothing."""

import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from mm.cli.client import Client, running_dir
from mm.cli.terminal import DataDir, SessionName, Terminal, verb
from mm.errors import NotRunning, StateCorrupt
from mm.store.paths import STATE_NAME

WATCH_PAUSE_S: Final = 0.25
WATCH_HINT: Final = "ctrl-c leaves; the daemon goes on  ·  mm stop  mm pause  mm halt --reason X"


@verb
def status(
    terminal: Terminal,
    *,
    data_dir: DataDir = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="The live view, until ctrl-c; JSON lines with --json.")
    ] = False,
) -> None:
    """Show what the daemon does, and why."""
    if watch:
        _watch(terminal, running_dir(data_dir))
        return
    _show(terminal, data_dir, "status")


@verb
def orders(terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None) -> None:
    """List the orders that may be live at the venue."""
    _show(terminal, data_dir, "orders", session)


@verb
def fills(terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None) -> None:
    """List the newest fills."""
    _show(terminal, data_dir, "fills", session)


@verb
def pnl(terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None) -> None:
    """Show the profit and loss, and what it is made of."""
    _show(terminal, data_dir, "pnl", session)


@verb
def metrics(terminal: Terminal, *, data_dir: DataDir = None) -> None:
    """Print once what a monitoring system reads, as OpenMetrics text."""
    with _client(data_dir) as client:
        answer = client.ask("metrics")
    if terminal.as_json:
        terminal.result(answer)
    else:
        print(answer.get("text", ""), end="")


def _show(terminal: Terminal, data_dir: Path | None, what: str, session: str = "") -> None:
    with _client(data_dir) as client:
        answer = client.ask(what, session=session)
    if terminal.as_json:
        terminal.result(answer)
        return
    from mm.cli import tables

    drawn = {
        "status": tables.status_table,
        "orders": tables.orders_table,
        "fills": tables.fills_table,
        "pnl": tables.pnl_table,
    }
    terminal.console.print(drawn[what](answer))


def _client(data_dir: Path | None) -> Client:
    try:
        return Client(running_dir(data_dir))
    except NotRunning as error:
        if data_dir is not None:
            error.hint = _latch_hint(data_dir) or error.hint
        raise


def _latch_hint(data_dir: Path) -> str:
    # Whoever asks a daemon that is not there wants to know whether it may be started.
    if not (data_dir / STATE_NAME).exists():
        return ""
    from mm.observe.latch import way_out
    from mm.store.runstate import RunState

    try:
        latch = RunState.open(data_dir).latched
    except StateCorrupt as error:
        return str(error)
    if latch is None:
        return ""
    # The engine's own halts say their code once more.
    reason = latch.reason.removeprefix(f"reason={latch.code}").removeprefix(latch.code).lstrip("; ")
    return f"halted: {latch.code}{f' ({reason})' if reason else ''}; lift it with: {way_out(latch.code)}"


def _watch(terminal: Terminal, data_dir: Path) -> None:
    with Client(data_dir) as client:
        try:
            if terminal.as_json:
                _print_each(client)
            else:
                _draw_each(terminal, client)
        except KeyboardInterrupt:
            return
        except NotRunning as error:
            raise NotRunning("the daemon has ended", hint=str(error)) from None


def _print_each(client: Client) -> None:
    while True:
        print(json.dumps(client.ask("status")), flush=True)
        time.sleep(WATCH_PAUSE_S)


def _draw_each(terminal: Terminal, client: Client) -> None:
    from mm.cli.screen import Screen

    with Screen(terminal.console, hint=WATCH_HINT) as screen:
        while True:
            screen.show(client.ask("status"))
            time.sleep(WATCH_PAUSE_S)
