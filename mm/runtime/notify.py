"""Tells a service manager how the daemon is: ready, what it does, reloading, stopping, and that it is alive.

The protocol is systemd's: datagrams of `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. Must
never wait, fail or disturb a run: who does not listen is not told. Invariant: the sign of life is only ever
given by the loop itself, and only while the core keeps up with its own timers: a hung core is restarted.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

import structlog

from mm.domain.events import Stream
from mm.domain.units import NS_PER_S
from mm.engine.session import SessionState
from mm.engine.state import EngineState
from mm.runtime.live import LiveRuntime

log = structlog.get_logger(__name__)

PAUSE_S: Final = 1.0
"""How often the state is looked at, at least."""

STATUS_LENGTH_MAX: Final = 200


class Notifier:
    """The line to a service manager.

    Fields: watchdog_s: it restarts us after so long without a sign of life; 0 = it does not watch.
    """

    def __init__(self, address: str, watchdog_s: float = 0.0) -> None:
        """Keep where to send: a path, or an abstract name with a leading `@`."""
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None) -> Self | None:
        """Return the line that the variables name, None if no service manager listens.

        Args: environ: variables; those of the process when absent.
        """
        given = os.environ if environ is None else environ
        address = given.get("NOTIFY_SOCKET", "")
        if len(address) < 2 or address[0] not in "/@":
            return None
        # The watch may be meant for a process that started us.
        watched = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = given.get("WATCHDOG_USEC", "")
        return cls(address, int(micros) / 1e6 if watched and micros.isascii() and micros.isdigit() else 0.0)

    def tell(self, **fields: object) -> None:
        """Send fields by their names, as `READY=1`; nobody to hear it is no error."""
        lines = "\n".join(f"{name}={_line(value)}" for name, value in fields.items())
        try:
            self._socket.sendto(lines.encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Send nothing more."""
        self._socket.close()


class Attendance:
    """Keeps a service manager told about one run."""

    def __init__(
        self, notifier: Notifier, runtime: LiveRuntime, look: Callable[[], Mapping[str, object]]
    ) -> None:
        """Keep the parts. Args: look: makes the status object."""
        self._notifier = notifier
        self._runtime = runtime
        self._look = look
        self._ready = False
        self._stopping = False
        self._said = ""
        self._step_ns = -1

    @classmethod
    def of(cls, runtime: LiveRuntime, look: Callable[[], Mapping[str, object]]) -> Self | None:
        """Return what keeps the service manager of this process told, None if there is none."""
        notifier = Notifier.of()
        return None if notifier is None else cls(notifier, runtime, look)

    async def attend(self) -> None:
        """Look and tell until cancelled."""
        loop, watchdog_s = asyncio.get_running_loop(), self._notifier.watchdog_s
        pause_s = min(PAUSE_S, watchdog_s / 4) if watchdog_s else PAUSE_S
        fed_s = loop.time() - watchdog_s
        while True:
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - the top of its loop: what cannot be told must not end us
                log.error("notify.failed", error=type(error).__name__, detail=str(error))
            # A pause early: half of the time is what the other side expects.
            if watchdog_s and loop.time() - fed_s + pause_s > watchdog_s / 2 and self.is_alive():
                self._notifier.tell(WATCHDOG=1)
                fed_s = loop.time()
            await asyncio.sleep(pause_s)

    def close(self) -> None:
        """Tell that the run is over, and nothing more."""
        self._end()
        self._notifier.close()

    def look(self) -> None:
        """Tell what is new: that the run has begun, that it stops, what it does."""
        state = self._runtime.engine.state
        if not self._ready and has_begun(state):
            self._ready = True
            self._notifier.tell(READY=1)
        if self._runtime.is_ending:
            self._end()
        said = _status_line(self._look())
        if said != self._said:
            self._said = said
            self._notifier.tell(STATUS=said)

    def is_alive(self) -> bool:
        """Return whether the core stepped since it was last asked, or has nothing to do yet.

        A core that broke is not stepped any more; the way out that took its place has its own patience.
        """
        runtime, before_ns = self._runtime, self._step_ns
        self._step_ns = runtime.engine.state.now_ns
        if runtime.failure or self._step_ns != before_ns:
            return True
        due_ns = runtime.engine.next_due_ns
        return due_ns is None or runtime.now_ns() - due_ns < NS_PER_S

    def reload(self, carry_out: Callable[[str], object], who: str) -> None:
        """Carry a reload out and tell when it begins and ends."""
        self._notifier.tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1_000)
        try:
            carry_out(who)
        finally:
            # What is not ready yet is not made so by this.
            if self._ready:
                self._notifier.tell(READY=1)

    def _end(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._notifier.tell(STOPPING=1)


def has_begun(state: EngineState) -> bool:
    """Return whether the run has begun: recovery is finished and a session quotes, or could but for a market.

    A symbol without a book may stay so for hours, and a session that an operator paused for days: to restart
    the daemon for that would help nobody. Connections and what an earlier life left, it has to have.
    """
    if any(session.ready for session in state.sessions):
        return True
    if not state.user_synced or not state.streams[Stream.MARKET].up:
        return False
    return any(
        state.symbols[session.setup.instrument.symbol].orphan_free_ns > 0
        and (session.state is SessionState.PAUSED or not session.market.mid_half_ticks)
        for session in state.sessions
    )


def _status_line(status: Mapping[str, object]) -> str:
    # No prices and no ages: a line that changes with each look says nothing.
    said = f"{status['mode']}, {status['state']}: {status['reason']}"
    return f"{said}; {status['fills']} fills, {status['orders_placed']} orders placed"


def _line(value: object) -> str:
    return str(value).replace("\n", " ")[:STATUS_LENGTH_MAX]
