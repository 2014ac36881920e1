"""The verbs that steer: `mm stop`, `pause`, `resume`, `halt`, `unhalt`.

They ask a running daemon and wait until it did what was asked. Without a daemon, `halt` and `unhalt` change
the latch in its data directory, under the directory's lock. Invariant: exit code 0 means that it is so, not
that it was asked for; a stop without the venue's word that nothing is left ends with 8.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from mm.cli.client import Client, known_dir, running_dir, who
from mm.cli.shapes import count, table, tables, text
from mm.cli.terminal import DataDir, SessionName, Terminal, duration_ns, verb
from mm.errors import ConfigError, NotRunning, OrdersMayRemain, TimedOut
from mm.store.lock import DirectoryLock, holder
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState

PAUSE_S: Final = 0.1
DEFAULT_WAIT: Final = "100s"
"""Longer than a daemon's patience with an order whose fate is unknown."""

OPERATOR_CODE: Final = "operator"
ENDED_STATES: Final = ("completed", "halted")

T = TypeVar("T")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with who and when.")]
Wait = Annotated[
    int | None,
    typer.Option(
        "--wait", parser=duration_ns, metavar="TIME", help=f"How long to wait for it; {DEFAULT_WAIT}."
    ),
]


@verb
def stop(
    terminal: Terminal,
    *,
    session: SessionName = "",
    data_dir: DataDir = None,
    reason: Reason = "",
    wait: Wait = None,
) -> None:
    """Cancel what is ours, have the venue confirm it, end."""
    deadline = _Deadline(wait)
    with Client(running_dir(data_dir)) as client:
        client.ask("stop", session=session, reason=reason)
        if session:
            last = _awaited(client, deadline, lambda status: _session_is_clean(status, session))
            said = f"{session} stopped; no order of it is left"
            _done(terminal, said, {"session": session, "status": last})
            return
        where = client.data_dir
    while holder(where) is not None:
        deadline.check(f"the daemon on {where} has not ended")
    _tell_last_life(terminal, where)


@verb
def pause(
    terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None, reason: Reason = ""
) -> None:
    """Take the quotes off the book; `mm resume` puts them back."""
    with Client(running_dir(data_dir)) as client:
        client.ask("pause", session=session, reason=reason)
        last = _awaited(client, _Deadline(None), lambda status: _is_paused(status, session))
    said = f"{session or 'all sessions'} paused; no quote is left"
    _done(terminal, said, {"session": session, "status": last})


@verb
def resume(
    terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None, reason: Reason = ""
) -> None:
    """Quote again after a pause."""
    with Client(running_dir(data_dir)) as client:
        answer = client.ask("resume", session=session, reason=reason)
    _done(terminal, f"{session or 'all sessions'} resumed", {"session": session, "status": answer})


@verb
def halt(terminal: Terminal, *, reason: Reason, data_dir: DataDir = None, wait: Wait = None) -> None:
    """Cancel everything; no trading, over restarts, until unhalt."""
    where = known_dir(data_dir)
    _need_reason(reason, "halt")
    try:
        client = Client(where)
    except NotRunning:
        _change_latch(where, lambda state: state.latch(OPERATOR_CODE, reason, time.time_ns(), who()))
        _done(terminal, f"halted: no daemon will trade on {where} before `mm unhalt`", {"running": False})
        return
    with client:
        client.ask("halt", reason=reason)
        last = _awaited(client, _Deadline(wait), _is_halted)
    said = "halted; the venue confirms that no order of ours is left"
    _done(terminal, said, {"running": True, "status": last})


@verb
def unhalt(terminal: Terminal, *, reason: Reason, data_dir: DataDir = None) -> None:
    """Lift a halt; say why, it is kept."""
    where = known_dir(data_dir)
    _need_reason(reason, "unhalt")
    try:
        client = Client(where)
    except NotRunning:
        lifted = _change_latch(where, lambda state: state.clear_latch(reason, who()))
        if lifted is None:
            raise NotRunning(f"{where} is not halted: there is nothing to lift") from None
        _done(terminal, f"lifted; a daemon may trade on {where} again", {"running": False})
        return
    with client:
        answer = client.ask("unhalt", reason=reason)
        if table(answer, "latch"):
            answer = _awaited(client, _Deadline(None), lambda status: not table(status, "latch"))
    _done(terminal, "lifted", {"running": True, "status": answer})


class _Deadline:
    # Gives way a little at each look, until the time is over.
    def __init__(self, wait_ns: int | None) -> None:
        self.ends = time.monotonic() + (duration_ns(DEFAULT_WAIT) if wait_ns is None else wait_ns) / 1e9

    def check(self, what: str) -> None:
        if time.monotonic() > self.ends:
            raise TimedOut(what, hint="it goes on trying: look with `mm status`")
        time.sleep(PAUSE_S)


def _awaited(
    client: Client, deadline: _Deadline, reached: Callable[[dict[str, object]], bool]
) -> dict[str, object]:
    while not reached(status := client.ask("status")):
        deadline.check(f"not reached yet: the daemon is {text(status, 'state')}, {text(status, 'reason')}")
    return status


def _sessions(status: dict[str, object], name: str) -> list[dict[str, object]]:
    return [dict(one) for one in tables(status, "sessions") if name in ("", one.get("name"))]


def _session_is_clean(status: dict[str, object], name: str) -> bool:
    chosen = _sessions(status, name)
    return all(one.get("state") in ENDED_STATES and not count(one, "open_orders") for one in chosen)


def _is_paused(status: dict[str, object], name: str) -> bool:
    ended = (*ENDED_STATES, "paused")
    return all(one.get("state") in ended and not count(one, "open_orders") for one in _sessions(status, name))


def _is_halted(status: dict[str, object]) -> bool:
    return table(status, "latch").get("confirmed") is True


def _need_reason(reason: str, name: str) -> None:
    if not reason.strip():
        raise ConfigError(f"{name} needs a reason", hint=f"mm {name} --reason 'what happened'")


def _change_latch(where: Path, change: Callable[[RunState], T]) -> T:
    if not (where / STATE_NAME).exists():
        raise NotRunning(f"{where} is no data directory of a daemon", hint="say --data-dir DIR")
    with DirectoryLock(where):
        return change(RunState.open(where))


def _tell_last_life(terminal: Terminal, where: Path) -> None:
    life = RunState.open(where).life
    if life is None or not life.ended:
        raise OrdersMayRemain(
            f"the daemon on {where} ended without a word: orders may remain at the venue",
            hint="look at the venue, then start again: a start cancels what is ours",
        )
    if life.open_orders != 0:
        raise OrdersMayRemain(
            f"the daemon on {where} ended ({life.reason}) without the venue's word that nothing is left",
            hint="look at the venue, then start again: a start cancels what is ours",
        )
    _done(terminal, "stopped; the venue confirms that no order of ours is left", {"reason": life.reason})


def _done(terminal: Terminal, said: str, content: dict[str, object]) -> None:
    if terminal.as_json:
        terminal.result({"ok": True, "done": said, **content})
    elif not terminal.quiet:
        print(said)
