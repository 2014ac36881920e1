"""The verbs that steer: `mm stop`, `pause`, `resume`, `halt`, `unhalt`.

They ask a running daemon and wait until it did what was asked. Without a daemon, `halt` and `unhalt` change
the latch in its data directory, under the directory's lock. A halt does not depend on the daemon: the halt
word and the file HALT come first, and the watchdog acts on them whether the daemon answers or not. Invariant:
exit code 0 means that it is so, not that it was asked for; a stop or halt without the venue's word that
nothing is left ends with 8.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from mm.cli.client import Client, known_dir, running_dir, who
from mm.cli.shapes import count, table, tables, text
from mm.cli.terminal import DataDir, SessionName, Terminal, duration_ns, verb
from mm.errors import (
    AlreadyRunning,
    Halted,
    MMError,
    NotRunning,
    OrdersMayRemain,
    StateCorrupt,
    TimedOut,
    UsageError,
)
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Watch, Word, ask_halt, halt_asked, unask_halt
from mm.store.lock import DirectoryLock, holder
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState

if TYPE_CHECKING:
    from mm.settings.models import Settings

PAUSE_S: Final = 0.1
DEFAULT_WAIT: Final = "100s"
"""Longer than a daemon's patience with an order whose fate is unknown."""

WATCHDOG_SILENT_NS: Final = 20_000_000_000
"""A watchdog without a sign of life for so long is gone: longer than any request of its own takes."""

LOCK_PATIENCE_S: Final = 3.0
LOCK_PAUSE_S: Final = 0.02
"""For so long, and so often, a directory is asked for in which no daemon answers."""

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
    if table(last, "latch"):
        said += "; a halt that is lifted leaves it so"
    _done(terminal, said, {"session": session, "status": last})


@verb
def resume(
    terminal: Terminal, *, session: SessionName = "", data_dir: DataDir = None, reason: Reason = ""
) -> None:
    """Quote again after a pause."""
    with Client(running_dir(data_dir)) as client:
        client.ask("resume", session=session, reason=reason)
        last = _awaited(client, _Deadline(None), lambda status: not any(_paused(status, session)))
    said = f"{session or 'all sessions'} resumed"
    if table(last, "latch"):
        said += "; halted: nothing is quoted before `mm unhalt`"
    _done(terminal, said, {"session": session, "status": last})


@verb
def halt(
    terminal: Terminal,
    *,
    reason: Reason,
    data_dir: DataDir = None,
    wait: Wait = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Its config: cancel with its key if nobody else does."),
    ] = None,
) -> None:
    """Cancel everything; no trading, over restarts, until unhalt."""
    _need_reason(reason, "halt")
    settings = _settings(config)
    where = data_dir or (settings.data_dir if settings is not None else known_dir(None))
    if not (where / STATE_NAME).exists():
        raise NotRunning(f"{where} is no data directory of a daemon", hint="say --data-dir DIR")
    deadline = _Deadline(wait)
    if holder(where) is None:
        _change_latch(where, lambda state: _latch(where, state, reason))
        told = {"running": False, **_cancelled(settings, deadline)}
        _done(terminal, f"halted: no daemon will trade on {where} before `mm unhalt`", told)
        return
    beat = _forbidden(terminal, where, reason)
    try:
        with Client(where) as client:
            client.ask("halt", reason=reason)
            last = _awaited(client, deadline, _is_halted)
    except _NotYet:
        # It answers: it is on its way, and says how far it is.
        raise
    except (NotRunning, TimedOut) as error:
        _tell_watchdog(beat, error, deadline, settings)
        return
    said = "halted; the venue confirms that no order of ours is left"
    _done(terminal, said, {"running": True, "status": last})


@verb
def unhalt(terminal: Terminal, *, reason: Reason, data_dir: DataDir = None) -> None:
    """Lift a halt; say why, it is kept. What was paused before stays paused until `mm resume`."""
    where = known_dir(data_dir)
    _need_reason(reason, "unhalt")
    try:
        client = Client(where)
    except NotRunning:
        lifted = _change_latch(where, lambda state: _lift(where, state, reason))
        if not lifted:
            raise NotRunning(f"{where} is not halted: there is nothing to lift") from None
        _done(terminal, f"lifted; a daemon may trade on {where} again", {"running": False})
        return
    with client:
        if not table(client.ask("status"), "latch"):
            raise NotRunning(f"{where} is not halted: there is nothing to lift")
        answer = client.ask("unhalt", reason=reason)
        if table(answer, "latch"):
            answer = _awaited(client, _Deadline(None), lambda status: not table(status, "latch"))
    paused = [
        f"{text(one, 'name')} stays paused ({text(one, 'paused')}): mm resume" for one in _paused(answer, "")
    ]
    _done(terminal, "\n".join(["lifted", *paused]), {"running": True, "status": answer})


class _NotYet(TimedOut):
    # A daemon that answers has not done in time what it was asked for.
    exit_code = TimedOut.exit_code


class _Deadline:
    # Gives way a little at each look, until the time is over.
    def __init__(self, wait_ns: int | None) -> None:
        self.ends = time.monotonic() + (duration_ns(DEFAULT_WAIT) if wait_ns is None else wait_ns) / 1e9

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.ends

    def check(self, what: str) -> None:
        if self.is_over:
            raise _NotYet(what, hint="it goes on trying: look with `mm status`")
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
    ended = ENDED_STATES if _is_halted(status) else ENDED_STATES[:1]
    chosen = _sessions(status, name)
    return all(one.get("state") in ended and not count(one, "open_orders") for one in chosen)


def _is_paused(status: dict[str, object], name: str) -> bool:
    chosen = _sessions(status, name)
    return len(_paused(status, name)) == len(chosen) and not any(count(one, "open_orders") for one in chosen)


def _paused(status: dict[str, object], name: str) -> list[dict[str, object]]:
    # Also those that are halted or stopping, and stay paused after that.
    return [one for one in _sessions(status, name) if one.get("paused")]


def _is_halted(status: dict[str, object]) -> bool:
    return table(status, "latch").get("confirmed") is True


def _need_reason(reason: str, name: str) -> None:
    if not reason.strip():
        raise UsageError(f"{name} needs a reason", hint=f"mm {name} --reason 'what happened'")


def _settings(config: Path | None) -> "Settings | None":
    if config is None:
        return None
    from mm.settings.loader import load_settings

    return load_settings(config)


def _forbidden(terminal: Terminal, where: Path, reason: str) -> Heartbeat | None:
    # Before the daemon is asked anything: it may be what hangs. Returns the words, None where there are none.
    beat = None
    try:
        beat = Heartbeat.open(where)
        beat.set_halt(Halt.OPERATOR)
    except (NotRunning, StateCorrupt) as error:
        terminal.say(f"no halt word: {error}")
    try:
        ask_halt(where, reason, who())
    except StateCorrupt as error:
        terminal.say(f"no file {HALT_NAME}: {error}")
    return beat


def _cancelled(settings: "Settings | None", deadline: "_Deadline") -> dict[str, object]:
    # Cancels with the key of a config, if one was given.
    if settings is None:
        return {}
    from mm.bootstrap.cancel_pass import cancel_pass

    return {"cancels": cancel_pass(settings, patience_s=max(1.0, deadline.ends - time.monotonic()))}


def _tell_watchdog(
    beat: Heartbeat | None, error: MMError, deadline: "_Deadline", settings: "Settings | None"
) -> None:
    # The daemon does not answer: what the watchdog reached in its place is how this ends.
    pid = beat.words[Word.TRADER_PID] if beat is not None else 0
    hint = f"end it: kill -9 {pid}; then mm doctor" if pid else "look at the venue"
    while beat is not None and _is_at_work(beat) and not deadline.is_over:
        time.sleep(PAUSE_S)
    if beat is not None and beat.watch is Watch.CONFIRMED:
        raise Halted(
            f"{error}; its watchdog cancelled everything in its place: the venue shows no order of ours",
            hint=hint,
        )
    if settings is not None:
        _cancelled(settings, deadline)
        raise Halted(f"{error}; cancelled from here: the venue shows no order of ours", hint=hint)
    raise OrdersMayRemain(
        f"{error}, and no watchdog tells that nothing is left",
        hint=f"cancel from here: mm halt --reason '...' --config FILE; {hint}",
    )


def _is_at_work(beat: Heartbeat) -> bool:
    # A watchdog that gives signs of life has seen the halt word, or is about to.
    age_ns = time.monotonic_ns() - beat.words[Word.WATCHDOG_BEAT_NS]
    return beat.watch in (Watch.WATCHING, Watch.FIRED) and age_ns < WATCHDOG_SILENT_NS


def _lift(where: Path, state: RunState, reason: str) -> bool:
    from mm.store.operator_notes import here, lift_offline

    asked = halt_asked(where)
    lifted = lift_offline(where, state, reason=reason, who=here(who()), was_asked=asked is not None)
    unask_halt(where)
    return lifted is not None or asked is not None


def _latch(where: Path, state: RunState, reason: str) -> None:
    from mm.store.operator_notes import here, latch_offline

    latch_offline(where, state, code=OPERATOR_CODE, reason=reason, who=here(who()))


def _change_latch(where: Path, change: Callable[[RunState], T]) -> T:
    if not (where / STATE_NAME).exists():
        raise NotRunning(f"{where} is no data directory of a daemon", hint="say --data-dir DIR")
    with _locked(where):
        return change(RunState.open(where))


def _locked(where: Path) -> DirectoryLock:
    # A watchdog that latches for a dead trader holds the directory for a moment.
    ends_s = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            return DirectoryLock(where)
        except AlreadyRunning:
            if time.monotonic() > ends_s:
                raise
        time.sleep(LOCK_PAUSE_S)


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
