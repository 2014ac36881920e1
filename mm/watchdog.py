"""The watchdog: a process of its own that takes every order of ours off the venue when the trader cannot.

`python -m mm.watchdog`, started by the trader, told its job on standard input. It fires when the trader's
loop gives no sign of life, when somebody set the halt word or wrote the file HALT, and when the trader died.
First it sets the halt word, which the trader reads before every send; then it lists, cancels what bears our
mark and lists again until the venue shows nothing of ours twice in a row. It can only list and cancel, never
place; it touches no foreign order and none of a later life. Must never import ccxt or anything as heavy: it
starts at once and stays small. It composes itself: whoever outlives the trader has no use for its parts.
"""

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Final, Protocol

from mm.domain.ids import OrderIds
from mm.errors import (
    EXIT_CONFIG,
    EXIT_OK,
    EXIT_ORDERS_MAY_REMAIN,
    EXIT_UNREACHABLE,
    AlreadyRunning,
    MMError,
    StateCorrupt,
)
from mm.store.bounded_log import BoundedLog
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Phase, Watch, Word, halt_asked, started_ticks
from mm.store.lock import DirectoryLock
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from mm.store.watch_job import JOB_BYTES_MAX, WatchJob
from mm.venues.binance.cancel_only import CancelOnly, CancelSettings
from mm.venues.edge.egress import endpoint, is_loopback
from mm.venues.edge.errors import RequestFailure, is_access_denied
from mm.venues.edge.sweep import Sweep

POLL_S: Final = 0.01
"""How often the words are looked at: what a kill waits for at most."""

DEAD_POLL_S: Final = 0.1
"""The same once the trader is dead: nobody is left to be quick for but the venue."""

CLEAN_IN_A_ROW: Final = 2
AGAIN_S: Final = 0.1
"""Pause between two listings while it takes orders off."""

FLIGHT_S: Final = 10.0
"""For so long a request of the trader may still arrive: listed on after the venue showed nothing of ours."""

FLIGHT_PAUSE_S: Final = 1.0
"""Pause between two listings meanwhile, of up to four symbols; longer for more: listings weigh on a limit."""

GONE_S: Final = 15.0
"""An exchange on this machine where nobody listens for so long has ended, with every order in it."""

BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 5.0

LOG_NAME: Final = "watchdog.log"


class Note(Protocol):
    """Writes one fact down."""

    def __call__(self, event: str, **fields: object) -> None:
        """Take it; never fails."""
        ...


class Trader:
    """The process that is watched, by a handle that no later process of the same number can take."""

    def __init__(self, pid: int, started: int) -> None:
        """Take hold of it. Args: started: see `mm.store.heartbeat.started_ticks`; 0 where nobody knows."""
        self._gone = False
        # Standard input is the trader's: it ends with it, where there is no better handle.
        self._handle = 0
        try:
            self._handle = os.pidfd_open(pid)
            self._gone = bool(started) and started_ticks(pid) != started
        except ProcessLookupError:
            self._gone = True
        except (OSError, AttributeError):
            self._handle = 0
        self._poll = select.poll()
        self._poll.register(self._handle, select.POLLIN | select.POLLHUP)

    def is_gone(self, wait_s: float) -> bool:
        """Return whether it has ended, after at most so long."""
        if self._gone:
            time.sleep(wait_s)
        elif self._poll.poll(wait_s * 1000):
            self._gone = bool(self._handle) or not os.read(0, 4096)
        return self._gone


class Watchdog:
    """Watches one life of a trader."""

    def __init__(self, job: WatchJob, beat: Heartbeat, client: CancelOnly, note: Note) -> None:
        """Keep the parts, take hold of the trader."""
        self._job = job
        self._beat = beat
        self._client = client
        self._note = note
        self._data_dir = Path(job.data_dir)
        self._halt_file = str(self._data_dir / HALT_NAME)
        ids = OrderIds(tag=job.tag, key=bytes.fromhex(job.id_key))
        self._sweep = Sweep(client, ids, symbols=job.symbols, epoch=job.epoch)
        self._trader = Trader(job.pid, job.started_ticks)
        self._is_dead = False
        self._heard_ns = self._looks = 0
        host, _ = endpoint(job.rest)
        self._is_local = host == "localhost" or is_loopback(host)
        self._unreachable_s = 0.0

    def probe(self) -> None:
        """Try the key while nothing depends on it yet; raises RequestFailure only if the venue refuses it."""
        try:
            self._client.measure_clock()
            for symbol in self._job.symbols[:1]:
                self._client.open_orders(symbol)
        except RequestFailure as failure:
            if is_access_denied(failure):
                raise
            self._note("probe.failed", reason=str(failure))

    def run(self) -> int:
        """Watch until the trader has ended; return the exit code."""
        beat = self._beat
        beat.words[Word.WATCHDOG_PID] = os.getpid()
        self._say(Watch.WATCHING)
        while True:
            self._look(POLL_S)
            if beat.phase is Phase.ENDED:
                return EXIT_OK
            cause = self._cause()
            if cause is Halt.NONE:
                if beat.watch is not Watch.WATCHING:
                    self._say(Watch.WATCHING)
                    self._note("lifted")
            elif beat.watch is Watch.WATCHING:
                if not self._fire(cause) and not self._is_over():
                    return self._failed()
            elif self._is_dead:
                self._note("ended", cause=cause.code)
                self._sweep.close()
                return EXIT_OK

    def _look(self, wait_s: float) -> None:
        # The only place where it waits: its own sign of life, and whether the trader still is there.
        self._beat.words[Word.WATCHDOG_BEAT_NS] = time.monotonic_ns()
        if self._trader.is_gone(wait_s) and not self._is_dead:
            self._is_dead = True
            self._note("trader.gone", halt=self._beat.halt.code)
            self._latch_for_the_dead()

    def _cause(self) -> Halt:
        beat = self._beat
        if (said := beat.halt) is not Halt.NONE:
            return said
        if os.path.lexists(self._halt_file):
            return Halt.FILE
        if self._is_dead:
            return Halt.DIED
        return Halt.SILENT if beat.phase is Phase.TRADING and self._is_silent() else Halt.NONE

    def _is_silent(self) -> bool:
        heard_ns = self._beat.words[Word.TRADER_BEAT_NS]
        if heard_ns != self._heard_ns:
            self._heard_ns, self._looks = heard_ns, 0
            return False
        self._looks += 1
        silent_s = self._job.silent_ms / 1000
        # A machine that stood still silences both: it counts as silence only if we ran meanwhile.
        return self._looks * POLL_S * 4 >= silent_s and time.monotonic_ns() - heard_ns >= silent_s * 1e9

    def _fire(self, cause: Halt) -> bool:
        # Whether the venue showed nothing of ours, for as long as something could still arrive.
        beat, began_s = self._beat, time.monotonic()
        beat.words[Word.WATCHDOG_FIRED_NS] = time.monotonic_ns()
        beat.set_halt(cause)
        self._say(Watch.FIRED)
        if self._is_dead:
            self._latch_for_the_dead()
        if not self._is_cleared(began_s, told=cause):
            return False
        self._say(Watch.CONFIRMED)
        took_ms = round(1e3 * (time.monotonic() - began_s))
        self._note("confirmed", cause=cause.code, took_ms=took_ms, cancels=self._client.cancels)
        flight_ends_s = time.monotonic() + FLIGHT_S
        pause_s = min(FLIGHT_S, FLIGHT_PAUSE_S * max(1.0, len(self._job.symbols) / 4))
        while time.monotonic() < flight_ends_s:
            if self._is_dead:
                # Whoever reads what the trader said waits for the last writer: the file has the rest.
                _leave_standard_error()
            if not self._wait(pause_s):
                return False
            if self._passed() != 0:
                self._say(Watch.FIRED)
                if not self._is_cleared(began_s):
                    return False
                self._say(Watch.CONFIRMED)
        return True

    def _is_cleared(self, began_s: float, *, told: Halt = Halt.NONE) -> bool:
        # Whether the venue showed nothing of ours twice in a row, in time and before the halt was over.
        ends_s, clean, failures = began_s + self._job.patience_s, 0, 0
        while True:
            seen = self._passed()
            if told is not Halt.NONE:
                # After the first cancels, not before: they are in a hurry.
                self._note("fired", cause=told.code, open_orders=seen)
                told = Halt.NONE
            clean = clean + 1 if seen == 0 else 0
            failures = failures + 1 if seen is None else 0
            if clean >= CLEAN_IN_A_ROW:
                return True
            if self._is_dead and self._is_gone():
                return False
            pause_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** (failures - 1)) if failures else AGAIN_S
            if time.monotonic() >= ends_s or not self._wait(max(pause_s, self._sweep.waits_s), ends_s):
                return False

    def _passed(self) -> int | None:
        # How many of ours were listed in one pass, None if the venue did not tell.
        words, seen = self._beat.words, None
        try:
            seen = self._sweep.once()
            self._unreachable_s = 0.0
        except RequestFailure as failure:
            self._note("list.failed", reason=str(failure))
            self._unreachable_s = 0.0 if failure.sent else self._unreachable_s or time.monotonic()
        words[Word.WATCHDOG_OPEN] = max(0, self._sweep.open_orders)
        words[Word.WATCHDOG_CANCELS] = self._client.cancels
        words[Word.WATCHDOG_SENT_NS] = self._client.sent_ns
        return seen

    def _is_gone(self) -> bool:
        since_s = self._unreachable_s
        return self._is_local and bool(since_s) and time.monotonic() - since_s > GONE_S

    def _wait(self, pause_s: float, until_s: float = float("inf")) -> bool:
        # Whether there still is something to do afterwards: the trader may end in order, or be allowed again.
        ends_s = min(time.monotonic() + pause_s, until_s)
        while time.monotonic() < ends_s:
            self._look(DEAD_POLL_S if self._is_dead else POLL_S)
            if self._is_over():
                return False
        return True

    def _is_over(self) -> bool:
        return self._beat.phase is Phase.ENDED or self._beat.halt is Halt.NONE

    def _failed(self) -> int:
        self._say(Watch.FAILED)
        self._note("failed", open_orders=self._sweep.open_orders, hint="look at the venue: orders may remain")
        self._sweep.close()
        return EXIT_ORDERS_MAY_REMAIN

    def _latch_for_the_dead(self) -> None:
        # A trader that lives latches by itself; one that only died is for its next life to recover.
        cause = self._beat.halt
        if not cause.latches:
            return
        # Brings the journal with it, which a watchdog that never fires has no use for.
        from mm.store.operator_notes import latch_offline  # noqa: PLC0415 - as just said

        asked = halt_asked(self._data_dir)
        code = asked.reason if asked else cause.code
        if not (self._data_dir / STATE_NAME).exists():
            # A first state made here would not know whose orders those of the lost one are.
            self._note("not_latched", reason=f"{self._data_dir}: its state is gone")
            return
        try:
            with DirectoryLock(self._data_dir):
                kept = RunState.open(self._data_dir)
                latch_offline(self._data_dir, kept, code=code, reason=cause.code, who="watchdog")
            self._note("latched", code=code)
        except (AlreadyRunning, StateCorrupt) as error:
            self._note("not_latched", reason=str(error))

    def _say(self, state: Watch) -> None:
        self._beat.words[Word.WATCHDOG_STATE] = state


def read_job(file: int = 0) -> WatchJob:
    """Return the job on standard input; raises ConfigError if there is none."""
    content = b""
    while not content.endswith(b"\n") and len(content) < JOB_BYTES_MAX:
        more = os.read(file, JOB_BYTES_MAX)
        if not more:
            break
        content += more
    return WatchJob.decode(content)


def client_of(job: WatchJob) -> CancelOnly:
    """Return what lists and cancels; raises ConfigError, ForeignAddress."""
    return CancelOnly(
        CancelSettings(
            rest=job.rest,
            loopback_only=job.loopback_only,
            api_key=job.api_key,
            api_secret=job.api_secret,
            recv_window_ms=job.recv_window_ms,
        )
    )


def main() -> int:
    """Run the process; return its exit code."""
    # What ends the trader is not to end us first: its orderly end is what we wait for.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    job: WatchJob | None = None
    try:
        job = read_job()
        beat = Heartbeat.open(Path(job.data_dir))
        signal.signal(signal.SIGUSR1, lambda *_: beat.set_halt(Halt.SIGNAL))
        watchdog = Watchdog(job, beat, client_of(job), BoundedLog(Path(job.data_dir) / LOG_NAME))
        watchdog.probe()
    except MMError as error:
        return _refused(job, str(error), EXIT_CONFIG)
    except RequestFailure as failure:
        return _refused(job, f"the venue refuses the key: {failure}", EXIT_UNREACHABLE)
    return watchdog.run()


def _refused(job: WatchJob | None, why: str, code: int) -> int:
    if job is None:
        sys.stderr.write(f"watchdog: {why}\n")
    else:
        BoundedLog(Path(job.data_dir) / LOG_NAME)("refused", reason=why)
    return code


def _leave_standard_error() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
