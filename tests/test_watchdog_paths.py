"""Every way to kill, by the exchange's own records: none depends on the health of what is killed."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mm.cli.client import Client
from mm.cli.main import carry_out
from mm.errors import EXIT_OK
from mm.store.heartbeat import HALT_NAME, Watch
from mm.store.runstate import RunState
from tests.builders.processes import until
from tests.builders.watched import Hurt, Watched, exchange_process, watched

SENT_MS_MAX, CLEAN_MS_MAX = 100.0, 1_000.0
LOADED: Final = 10
"""In the gate other tests have the cores: there only that it works, and not how fast, is the claim."""

REPEATS: Final = 30


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """An exchange as a process of its own."""
    with exchange_process(tmp_path) as found:
        yield found


def by_socket(run: Watched) -> None:
    """The control socket alone, as a dashboard would."""
    with Client(run.data_dir) as client:
        client.ask("halt", reason="drill")


def by_command(run: Watched) -> None:
    """`mm halt`, already loaded."""
    assert carry_out(["halt", "--reason", "drill", "--data-dir", str(run.data_dir), "-q"]) == EXIT_OK


def by_signal(run: Watched) -> None:
    """SIGUSR1 to the trader."""
    run.command.send(signal.SIGUSR1)


def by_signal_to_the_watchdog(run: Watched) -> None:
    """SIGUSR1 to the watchdog, as `systemctl kill` would."""
    os.kill(run.watchdog(), signal.SIGUSR1)


def by_file(run: Watched) -> None:
    """The file HALT, as `echo` writes it."""
    (run.data_dir / HALT_NAME).write_text("drill\n")


def by_death(run: Watched) -> None:
    """kill -9."""
    run.command.send(signal.SIGKILL)


PATHS: Final = (by_socket, by_command, by_signal, by_signal_to_the_watchdog, by_file)
HANGING_PATHS: Final = (by_signal, by_signal_to_the_watchdog, by_file)


def healthy(_: Watched) -> None:
    """Leave the trader as it is."""


def stalled(run: Watched) -> None:
    """Let the trader's strategy hang."""
    run.stall()


def stopped(run: Watched) -> None:
    """Stop the trader's process as a debugger does."""
    run.command.send(signal.SIGSTOP)


def unstalled(run: Watched) -> None:
    """Let it go on."""
    run.go_on()


def continued(run: Watched) -> None:
    """Let its process run again."""
    run.command.send(signal.SIGCONT)


STATES: Final = {healthy: healthy, stalled: unstalled, stopped: continued}
"""Each with what ends it."""


def _killed(run: Watched, state: Callable[[Watched], None], path: Callable[[Watched], None]) -> Hurt:
    orders = run.wait_for_ladder()
    state(run)
    began_ns = time.time_ns()
    path(run)
    hurt = run.hurt(began_ns, orders)
    if path is not by_socket:
        until(lambda: run.beat.watch is Watch.CONFIRMED)
    return hurt


def by_silence(run: Watched) -> None:
    """Nothing but time."""


def _revived(run: Watched, state: Callable[[Watched], None]) -> None:
    # Healthy again it has latched by itself, placed nothing, and trades on when an operator says so.
    placed = run.truth("counters")["orders_placed"]
    STATES[state](run)
    with Client(run.data_dir) as client:
        told = until(lambda: (seen := client.ask("status"))["state"] == "halted" and seen)
    assert RunState.open(run.data_dir).latched is not None
    assert run.open_orders() == []
    assert run.truth("counters")["orders_placed"] == placed
    assert carry_out(["unhalt", "--reason", "over", "--data-dir", str(run.data_dir), "-q"]) == EXIT_OK
    assert not (run.data_dir / HALT_NAME).exists()
    assert told


CASES: Final = (
    *((healthy, path) for path in PATHS),
    *((stalled, path) for path in HANGING_PATHS),
    *((stopped, path) for path in (by_file, by_signal_to_the_watchdog)),
)


def test_every_way_to_kill_takes_every_order_off_the_venue(tmp_path: Path, exchange: dict[str, Any]) -> None:
    """In whatever state the trader is; afterwards it is halted until an operator lifts it, then it trades.

    A trader that was killed leaves nothing either, and no latch: the crash is for the next start.
    """
    # A busy machine may keep the trader from its loop for longer than the default allows.
    with watched(tmp_path / "run", exchange, "watchdog.silent_ms=4000", levels=3) as run:
        for state, path in (*CASES, (stopped, by_silence)):
            hurt = _killed(run, state, path)
            assert hurt.clean_ms < LOADED * CLEAN_MS_MAX, (state, path)
            _revived(run, state)
        assert _killed(run, healthy, by_death).clean_ms < 3 * CLEAN_MS_MAX
        assert run.command.end().code == -signal.SIGKILL
        assert RunState.open(run.data_dir).latched is None
        assert [line["event"] for line in run.log()][-3:] == ["trader.gone", "fired", "confirmed"]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("state", "path"),
    [*CASES, (healthy, by_death)],
    ids=lambda part: part.__name__,
)
def test_the_last_cancel_of_fifty_is_there_within_a_tenth_of_a_second(
    tmp_path: Path, state: Callable[[Watched], None], path: Callable[[Watched], None]
) -> None:
    """The worst of the repeats, by when the exchange had it; nothing is open within a second."""
    hurts = []
    for number in range(REPEATS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with exchange_process(folder) as exchange, watched(folder / "run", exchange) as run:
            hurts.append(_killed(run, state, path))
    sent, clean = (sorted(getattr(hurt, field) for hurt in hurts) for field in ("sent_ms", "clean_ms"))
    sys.stdout.write(
        f"\n{state.__name__} {path.__name__}: last cancel at the exchange p50 {sent[REPEATS // 2]:.0f} ms,"
        f" worst of {REPEATS} {sent[-1]:.0f} ms; nothing open worst {clean[-1]:.0f} ms\n"
    )
    assert sent[-1] < SENT_MS_MAX
    assert clean[-1] < CLEAN_MS_MAX
