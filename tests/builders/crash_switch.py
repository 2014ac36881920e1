"""The kill switch by the venue's clock: from the moment it is pulled to the cancel of the last order."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

from mm.cli.client import Client
from mm.errors import EXIT_OK
from mm.store.heartbeat import HALT_NAME
from tests.builders.crash_nursery import Life
from tests.builders.crash_room import Room, Style
from tests.builders.crash_scenarios import is_active
from tests.builders.crash_truth import ask_truth, cancels_ns
from tests.builders.processes import until

OPEN: Final = 50
MANY: Final = Style(spread_bps=8.0, refresh_ms=600_000, levels=OPEN // 2, max_base=0.2)
"""Fifty orders that rest where nobody takes them at once, and stay."""

Pull = Callable[[Room, Life], None]


def by_command(room: Room, life: Life) -> None:
    """Ask on the control socket, as `mm halt` does."""
    with Client(room.data_dir) as client:
        client.ask("halt", reason="a drill")


def by_signal(room: Room, life: Life) -> None:
    """Send the signal that halts."""
    life.send(signal.SIGUSR1)


def by_file(room: Room, life: Life) -> None:
    """Leave the file that halts."""
    os.close(os.open(room.data_dir / HALT_NAME, os.O_WRONLY | os.O_CREAT, 0o600))


def by_kill(room: Room, life: Life) -> None:
    """Kill the trader: the watchdog is left."""
    life.kill()


def by_freeze(room: Room, life: Life) -> None:
    """Freeze the trader: the watchdog hears nothing of it any more."""
    life.send(signal.SIGSTOP)


WAYS: Final[dict[str, Pull]] = {"command": by_command, "signal": by_signal, "file": by_file}
"""Ways in which a person pulls it."""


def until_fifty(room: Room, life: Life) -> None:
    """Let all its orders rest."""
    life.wait_for(is_active)
    life.wait_until(lambda: room.counters()["open_orders"] >= OPEN)


def pulled_ms(room: Room, life: Life, pull: Pull) -> float:
    """Pull it with fifty orders open; return how long it took until the last one's cancel had arrived."""
    resting = {order["client_id"] for order in ask_truth(room.url, "open_orders")["open_orders"]}
    asked_ns = time.time_ns()
    pull(room, life)

    def cancelled() -> dict[str, int]:
        gone = not room.counters()["open_orders"]
        return cancels_ns(room.url, since_ns=asked_ns) if gone else {}

    seen = until(cancelled, deadline_s=30.0)
    filled = {cid for cid in resting if cid not in seen}
    assert len(filled) <= 2, f"gone without a cancel: {sorted(filled)}"
    return float(max(seen.values()) - asked_ns) / 1e6


def rearm(room: Room, life: Life) -> None:
    """Lift the halt and let its orders rest again."""
    life.wait_until(lambda: room.latched)
    (room.data_dir / HALT_NAME).unlink(missing_ok=True)
    # It is refused until the venue has confirmed that nothing is left.
    until(lambda: room.verb("unhalt", "--reason", "the drill goes on").code == EXIT_OK)
    life.wait_until(lambda: room.counters()["open_orders"] >= OPEN)
