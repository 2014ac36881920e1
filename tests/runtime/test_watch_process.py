"""The watchdog's process from the trader's side: started, looked after, let go."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mm.errors import WatchdogFailed
from mm.runtime import watch_process
from mm.runtime.watch_process import RESTARTS_MAX, WatchProcess
from mm.store.heartbeat import Halt, Heartbeat, Phase, Watch, Word
from mm.store.runstate import RunState
from tests.builders.exchange_thread import hosted
from tests.builders.processes import ends, runs, soon, until
from tests.builders.watch_jobs import SECRET_OF_JOBS, make_job


@pytest.fixture
def beat(tmp_path: Path) -> Heartbeat:
    """The words of this process as the trader."""
    RunState.open(tmp_path)
    return Heartbeat.create(tmp_path)


@pytest.fixture
def process(tmp_path: Path, beat: Heartbeat) -> Iterator[WatchProcess]:
    """A watchdog to be, of an account that does not answer."""
    made = WatchProcess(make_job(tmp_path), beat)
    yield made
    beat.phase = Phase.ENDED
    made.end()
    assert not made.pid or not runs(made.pid)


async def test_it_watches_before_the_start_returns_and_ends_with_the_trader(
    process: WatchProcess, beat: Heartbeat
) -> None:
    """In a session of its own; its end is waited for."""
    await process.start()
    assert beat.watch is Watch.WATCHING
    assert beat.words[Word.WATCHDOG_PID] == process.pid
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    beat.phase = Phase.ENDED
    process.end()
    assert not runs(process.pid)


async def test_no_secret_is_on_its_command_line_or_in_its_environment(
    process: WatchProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its keys from the pipe; the trader's variables stay with the trader."""
    monkeypatch.setenv("MM_SOME_SECRET", SECRET_OF_JOBS)
    await process.start()
    assert SECRET_OF_JOBS.encode() not in _shown(process.pid)
    assert b"mm.watchdog" in _shown(process.pid)


def _shown(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


async def test_one_that_cannot_begin_is_an_error_with_its_reason(tmp_path: Path, beat: Heartbeat) -> None:
    """A key that the venue refuses: nothing may be traded on it."""
    with hosted(preset="empty") as exchange:
        job = make_job(tmp_path, rest=f"{exchange.url}/api/v3", api_key="x" * 64)
        refused = WatchProcess(job, beat)
        with pytest.raises(WatchdogFailed, match="the venue refuses the key: -2015"):
            await refused.start()
    refused.end()


async def test_one_that_does_not_begin_in_time_is_an_error(
    process: WatchProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not left behind."""
    monkeypatch.setattr(watch_process, "START_PATIENCE_S", 0.0)
    with pytest.raises(WatchdogFailed, match="did not begin"):
        await process.start()
    assert not runs(process.pid)


async def test_one_that_ends_is_started_again_and_in_the_end_trading_halts(
    process: WatchProcess, beat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few times; without a watchdog nothing is traded."""
    monkeypatch.setattr(watch_process, "LOOK_AFTER_S", 0.01)
    await process.start()
    halted: list[str] = []
    attending = asyncio.create_task(process.attend(halted.append))
    pids = []
    for _ in range(RESTARTS_MAX + 1):
        pids.append(process.pid)
        assert not halted
        os.kill(process.pid, signal.SIGKILL)
        await _until_other(process, pids, attending)
    await attending
    assert halted == ["watchdog.gone"]
    assert len(set(pids)) == RESTARTS_MAX + 1


async def _until_other(process: WatchProcess, pids: list[int], attending: "asyncio.Task[None]") -> None:
    await soon(lambda: attending.done() or process.pid not in pids)
    await soon(lambda: attending.done() or process._beat.watch is Watch.WATCHING)


async def test_one_that_hangs_is_replaced(
    process: WatchProcess, beat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives a sign of life of its own."""
    monkeypatch.setattr(watch_process, "LOOK_AFTER_S", 0.01)
    await process.start()
    first = process.pid
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(watch_process, "HUNG_S", 0.5)
    attending = asyncio.create_task(process.attend(lambda _: None))
    await _until_other(process, [first], attending)
    monkeypatch.setattr(watch_process, "HUNG_S", 60.0)
    assert ends(first)
    assert beat.watch is Watch.WATCHING
    attending.cancel()


async def test_one_whose_trader_has_ended_is_not_started_again(
    process: WatchProcess, beat: Heartbeat
) -> None:
    """It left because it was let go."""
    await process.start()
    beat.phase = Phase.ENDED
    await asyncio.wait_for(process.attend(lambda _: None), 20)


async def test_one_that_may_be_needed_is_left_to_its_work(
    tmp_path: Path, beat: Heartbeat, process: WatchProcess
) -> None:
    """The trader goes without the venue's word: the watchdog takes over, and heeds what comes."""
    await process.start()
    process.end()
    assert runs(process.pid)
    beat.set_halt(Halt.OPERATOR)
    until(lambda: beat.watch is Watch.FIRED)


def test_letting_go_what_never_began_is_nothing(process: WatchProcess) -> None:
    """A start that failed before."""
    process.end()
    assert process.pid == 0
