"""The watchdog in plain steps: what it fires on, what it does then, and when it leaves."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mm import watchdog as module
from mm.errors import EXIT_CONFIG, EXIT_OK, EXIT_ORDERS_MAY_REMAIN, EXIT_UNREACHABLE
from mm.store.heartbeat import HALT_NAME, Halt, Heartbeat, Phase, Watch, Word
from mm.store.lock import DirectoryLock
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from mm.venues.edge.errors import RequestFailure
from mm.watchdog import Trader, Watchdog
from tests.builders.processes import until
from tests.builders.watch_jobs import make_job, ours

START_MS_MAX: Final = 300
RSS_KB_MAX: Final = 40_000
LOADED: Final = 10


class Account:
    """An account in plain Python. Fields: listed: what is open; down: raised instead of an answer."""

    def __init__(self) -> None:
        self.offset_ns = self.sent_ns = self.cancels = 0
        self.listed = [ours(1), ours(2), "by-hand"]
        self.down: RequestFailure | None = None
        self.looks = 0

    def open_orders(self, _: str) -> tuple[str, ...]:
        """Return what is open."""
        self.looks += 1
        if self.down is not None:
            raise self.down
        return tuple(self.listed)

    def cancel(self, orders: list[tuple[str, str]]) -> list[RequestFailure]:
        """Cancel what is named."""
        for _, cid in orders:
            self.cancels += 1
            self.listed.remove(cid)
        return []

    def measure_clock(self) -> None:
        """Find it right."""
        if self.down is not None:
            raise self.down


class Stage:
    """A watchdog at work in a thread, on a process that stands for the trader.

    Fields: beat; account; trader: its process; code: of the watchdog's end; notes: its events.
    """

    def __init__(self, folder: Path, **job: object) -> None:
        self.data_dir = folder / "data"
        RunState.open(self.data_dir)
        self.trader = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.beat = Heartbeat.create(self.data_dir, pid=self.trader.pid)
        self.account = Account()
        self.notes: list[str] = []
        self.code: int | None = None
        words = self.beat.words
        made = make_job(
            self.data_dir, pid=words[Word.TRADER_PID], started_ticks=words[Word.TRADER_STARTED], **job
        )
        self.watchdog = Watchdog(made, self.beat, self.account, self._note)  # type: ignore[arg-type] # as a client
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._beating = threading.Event()
        self._thread.start()
        until(lambda: self.beat.watch is Watch.WATCHING)

    def _note(self, event: str, **_: object) -> None:
        self.notes.append(event)

    def _run(self) -> None:
        self.code = self.watchdog.run()

    def trade(self) -> None:
        """Say once that the trader trades."""
        self.beat.beat()
        self.beat.phase = Phase.TRADING

    def until(self, state: Watch) -> None:
        """Wait for a state of the watchdog."""
        until(lambda: self.beat.watch is state)

    def ended(self) -> int | None:
        """Wait until the watchdog has left; return its exit code."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.code

    def kill(self) -> None:
        """Let the trader die."""
        self.trader.kill()
        self.trader.wait()

    def close(self) -> None:
        """End both."""
        self.beat.phase = Phase.ENDED
        self.ended()
        self.kill()
        assert self.trader.stdin is not None
        self.trader.stdin.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A watchdog at work; nothing of the trader is under way for long."""
    monkeypatch.setattr(module, "FLIGHT_S", 0.3)
    monkeypatch.setattr(module, "FLIGHT_PAUSE_S", 0.05)
    made = Stage(tmp_path)
    yield made
    made.close()


def test_it_leaves_at_once_when_the_trader_ends_in_order(stage: Stage) -> None:
    """Code 0; nothing was asked of the venue."""
    stage.trade()
    stage.beat.phase = Phase.ENDED
    assert stage.ended() == EXIT_OK
    assert (stage.account.looks, stage.notes) == (0, [])


def test_a_trader_that_falls_silent_is_cleaned_up_and_forbidden_to_place(stage: Stage) -> None:
    """The word first; then ours is gone and the foreign order stays; it watches on."""
    stage.trade()
    stage.until(Watch.CONFIRMED)
    assert stage.beat.halt is Halt.SILENT
    assert stage.account.listed == ["by-hand"]
    assert stage.account.cancels == stage.beat.words[Word.WATCHDOG_CANCELS] == 2
    assert stage.beat.words[Word.WATCHDOG_OPEN] == 0
    assert stage.code is None


def test_silence_before_and_after_trading_means_nothing(stage: Stage) -> None:
    """A start may take its time."""
    heard = stage.beat.words[Word.TRADER_BEAT_NS]
    until(lambda: time.monotonic_ns() - heard > 800_000_000)
    assert (stage.beat.watch, stage.beat.halt) == (Watch.WATCHING, Halt.NONE)


def test_a_machine_that_stood_still_silenced_both(stage: Stage) -> None:
    """Time alone is no silence: the watchdog has to have run meanwhile."""
    watchdog = stage.watchdog
    stage.beat.phase = Phase.ENDED
    assert stage.ended() == EXIT_OK
    stage.beat.words[Word.TRADER_BEAT_NS] = 1
    assert [watchdog._is_silent() for _ in range(3)] == [False, False, False]
    assert any(watchdog._is_silent() for _ in range(50))


def test_a_halt_that_an_operator_lifted_is_watched_on(stage: Stage) -> None:
    """What the trader places then is left alone."""
    stage.beat.set_halt(Halt.OPERATOR)
    stage.until(Watch.CONFIRMED)
    stage.beat.clear_halt()
    stage.until(Watch.WATCHING)
    stage.account.listed.append(ours(3))
    looks = stage.account.looks
    beat_ns = stage.beat.words[Word.WATCHDOG_BEAT_NS]
    until(lambda: stage.beat.words[Word.WATCHDOG_BEAT_NS] > beat_ns + 500_000_000)
    assert (stage.account.looks, stage.account.listed) == (looks, ["by-hand", ours(3)])


def test_what_arrives_late_is_cancelled_as_well(stage: Stage) -> None:
    """A request may have been under way when the trader fell silent."""
    stage.beat.set_halt(Halt.OPERATOR)
    stage.until(Watch.CONFIRMED)
    stage.account.listed.append(ours(9))
    until(lambda: ours(9) not in stage.account.listed)
    stage.until(Watch.CONFIRMED)


def test_a_trader_that_died_leaves_no_order_and_no_latch(stage: Stage) -> None:
    """Even while it starts; the crash is for the next start to recover from. Then nobody is left to watch."""
    stage.kill()
    assert stage.ended() == EXIT_OK
    assert stage.account.listed == ["by-hand"]
    assert stage.beat.halt is Halt.DIED
    assert RunState.open(stage.data_dir).latched is None


def test_a_kill_that_its_trader_did_not_live_to_latch_is_latched(stage: Stage) -> None:
    """By the watchdog, under the directory's lock, with the reason that the file HALT gives."""
    (stage.data_dir / HALT_NAME).write_text("prices are odd\n")
    stage.until(Watch.CONFIRMED)
    assert RunState.open(stage.data_dir).latched is None
    stage.kill()
    assert stage.ended() == EXIT_OK
    latch = RunState.open(stage.data_dir).latched
    assert latch is not None
    assert (latch.code, latch.reason) == ("prices are odd", "halt.file")


def test_a_latch_is_left_to_a_successor_that_holds_the_directory(stage: Stage) -> None:
    """It is told, and the orders are gone all the same."""
    with DirectoryLock(stage.data_dir):
        stage.beat.set_halt(Halt.SILENT)
        stage.kill()
        assert stage.ended() == EXIT_OK
    assert "not_latched" in stage.notes
    assert stage.account.listed == ["by-hand"]


def test_a_directory_that_is_gone_is_not_made_anew_for_a_latch(stage: Stage) -> None:
    """A first state would get a mark of its own: the next start would not know the orders of the lost one."""
    (stage.data_dir / STATE_NAME).unlink()
    stage.beat.set_halt(Halt.SILENT)
    stage.kill()
    assert stage.ended() == EXIT_OK
    assert "not_latched" in stage.notes
    assert not (stage.data_dir / STATE_NAME).exists()
    assert stage.account.listed == ["by-hand"]


def test_a_trader_that_ends_in_order_during_a_halt_is_believed(stage: Stage) -> None:
    """It had the venue's word."""
    stage.account.down = RequestFailure("no answer")
    stage.beat.set_halt(Halt.OPERATOR)
    stage.until(Watch.FIRED)
    stage.beat.phase = Phase.ENDED
    assert stage.ended() == EXIT_OK


def test_a_venue_that_comes_back_is_asked_again(stage: Stage) -> None:
    """With growing pauses, never in a loop."""
    stage.account.down = RequestFailure("no answer")
    stage.beat.set_halt(Halt.OPERATOR)
    until(lambda: stage.account.looks >= 3)
    assert stage.beat.watch is Watch.FIRED
    stage.account.down = None
    stage.until(Watch.CONFIRMED)


def test_a_ban_is_waited_for(stage: Stage) -> None:
    """Nothing is asked before its end, and an orderly end of the trader is still seen."""
    stage.account.down = RequestFailure("banned", status=418, retry_after_s=3_600)
    stage.beat.set_halt(Halt.OPERATOR)
    until(lambda: stage.account.looks)
    beat_ns = stage.beat.words[Word.WATCHDOG_BEAT_NS]
    until(lambda: stage.beat.words[Word.WATCHDOG_BEAT_NS] > beat_ns + 500_000_000)
    assert stage.account.looks == 1


def test_it_gives_up_in_the_end_and_says_so(tmp_path: Path) -> None:
    """Code 8: orders may remain."""
    stage = Stage(tmp_path, patience_s=0.5)
    stage.account.down = RequestFailure("no answer")
    stage.beat.set_halt(Halt.OPERATOR)
    assert stage.ended() == EXIT_ORDERS_MAY_REMAIN
    assert stage.beat.watch is Watch.FAILED
    assert stage.notes[-1] == "failed"
    stage.close()


def test_an_exchange_of_this_machine_that_ended_with_the_trader_is_not_waited_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody listens there is no order either; while the trader lives it is asked on."""
    monkeypatch.setattr(module, "GONE_S", 0.3)
    stage.account.down = RequestFailure("cannot connect", sent=False)
    stage.beat.set_halt(Halt.DIED)
    until(lambda: stage.account.looks >= 4)
    assert stage.beat.watch is Watch.FIRED
    stage.kill()
    assert stage.ended() == EXIT_ORDERS_MAY_REMAIN


def test_a_probe_that_fails_is_noted_and_a_key_that_is_refused_ends_it(stage: Stage) -> None:
    """A venue that is down may come back; a key that may not list never cancels."""
    stage.account.down = RequestFailure("no answer")
    stage.watchdog.probe()
    assert stage.notes == ["probe.failed"]
    stage.account.down = RequestFailure("no rights", code=-2015, status=401)
    with pytest.raises(RequestFailure):
        stage.watchdog.probe()


def test_a_process_with_the_number_of_an_earlier_one_is_not_the_trader() -> None:
    """Numbers are used again."""
    assert Trader(os.getpid(), 12_345).is_gone(0)
    assert Trader(2**22 + 7, 0).is_gone(0)
    assert not Trader(os.getpid(), 0).is_gone(0)


def test_without_handles_on_processes_the_pipe_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input ends with the trader."""
    monkeypatch.delattr(os, "pidfd_open")
    keep = os.dup(0)
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    try:
        trader = Trader(os.getpid(), 0)
        assert not trader.is_gone(0.01)
        os.write(writer, b"x")
        assert not trader.is_gone(0.01)
        os.close(writer)
        assert trader.is_gone(0.01)
    finally:
        os.dup2(keep, 0)
        os.close(keep)
        os.close(reader)


def _process(job: bytes) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mm.watchdog"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(job)
    process.stdin.flush()
    return process


def _told(process: subprocess.Popen[bytes]) -> str:
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.close()
    with process.stderr as told:
        return told.read().decode()


def test_the_process_is_small_and_quick_and_heeds_only_what_it_should(tmp_path: Path) -> None:
    """It begins at once, in little memory; SIGTERM is for the trader, SIGUSR1 halts."""
    data_dir = tmp_path / "data"
    RunState.open(data_dir)
    beat = Heartbeat.create(data_dir)
    began_s = time.monotonic()
    process = _process(make_job(data_dir, patience_s=60.0).encode())
    until(lambda: beat.watch is Watch.WATCHING)
    took_ms = (time.monotonic() - began_s) * 1e3
    status = Path(f"/proc/{process.pid}/status").read_text()
    rss_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    process.send_signal(signal.SIGUSR1)
    until(lambda: beat.halt is Halt.SIGNAL)
    # It has tried to cancel before it hears that nobody needs it any more.
    assert process.stderr is not None
    lines = iter(process.stderr.readline, b"")
    assert any(b"list.failed" in line for line in lines)
    beat.phase = Phase.ENDED
    assert process.wait(10) == EXIT_OK
    _told(process)
    assert took_ms < LOADED * START_MS_MAX
    assert rss_kb < RSS_KB_MAX


def test_the_process_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    """No job, no words, a key for elsewhere: each with its reason and the code for a config."""
    data_dir = tmp_path / "data"
    RunState.open(data_dir)
    no_words = make_job(data_dir)
    for job, reason in ((b"", "the trader starts it"), (no_words.encode(), "not there")):
        process = _process(job)
        assert reason in _told(process)
        assert process.wait(10) == EXIT_CONFIG
    beat = Heartbeat.create(data_dir)
    process = _process(make_job(data_dir, rest="https://api.binance.com/api/v3").encode())
    assert "expected this machine" in _told(process)
    assert process.wait(10) == EXIT_CONFIG
    assert beat.watch is Watch.NONE


def test_it_brings_nothing_heavy_along() -> None:
    """No ccxt, no HTTP library, no config models, and none of the trader's own parts."""
    code = "import mm.watchdog, sys; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(found.stdout.split())
    heavy = {"ccxt", "aiohttp", "asyncio", "pydantic", "structlog", "rich", "typer", "cryptography"}
    assert not modules & heavy
    assert not any(
        name.startswith(("mm.engine", "mm.runtime", "mm.strategies", "mm.sim")) for name in modules
    )


def test_codes_of_its_end_are_those_of_the_program() -> None:
    """Known to whoever starts it."""
    assert (EXIT_OK, EXIT_CONFIG, EXIT_UNREACHABLE, EXIT_ORDERS_MAY_REMAIN) == (0, 4, 7, 8)
