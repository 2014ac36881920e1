"""What a service manager is told, heard on a real socket."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mm.domain.commands import Connect, ListFills, ListOrders, SyncBook, VenueCommand
from mm.domain.events import Operation
from mm.runtime.notify import Attendance, Notifier, has_begun
from tests.builders.live_runs import LiveRun
from tests.builders.supervisor import Supervisor
from tests.builders.virtual_time import run_virtual


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Supervisor]:
    """A service manager on a socket in the file system."""
    listening = Supervisor(str(tmp_path / "notify"))
    yield listening
    listening.close()


def look_of(run: LiveRun) -> Callable[[], Mapping[str, object]]:
    """Return what makes the part of a status that is told."""

    def look() -> Mapping[str, object]:
        session = run.engine.state.sessions[0]
        placed = run.runtime.history.placed
        return {
            "mode": "demo",
            "state": session.state.value,
            "reason": session.reason,
            "fills": 0,
            "orders_placed": min(placed, 1),
        }

    return look


def attended(
    run: LiveRun, manager: Supervisor, *, watchdog_s: float = 0.0, duration_s: float = 30.0
) -> Attendance:
    """Run to the end with a service manager that is told; return what told it."""
    service = Attendance(Notifier(manager.address, watchdog_s), run.runtime, look_of(run))

    async def both() -> None:
        tasks = [asyncio.ensure_future(work) for work in (service.attend(), manager.listen())]
        try:
            await run.run(duration_s)
        finally:
            for task in tasks:
                task.cancel()
            service.close()

    run_virtual(both)
    return service


def test_without_a_service_manager_there_is_nothing_to_tell() -> None:
    """Started by a person; or what the variable holds is no socket's name."""
    assert Notifier.of({}) is None
    assert Notifier.of({"NOTIFY_SOCKET": ""}) is None
    assert Notifier.of({"NOTIFY_SOCKET": "somewhere"}) is None
    assert Notifier.of({"NOTIFY_SOCKET": "vsock:2:1"}) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_the_time_of_the_watchdog_is_read(given: dict[str, str], seconds: float, manager: Supervisor) -> None:
    """Only where it watches this very process."""
    notifier = Notifier.of({"NOTIFY_SOCKET": manager.address, **given})
    assert notifier is not None
    assert notifier.watchdog_s == seconds
    notifier.close()


@pytest.mark.parametrize("abstract", [True, False])
def test_a_datagram_reaches_both_kinds_of_sockets(abstract: bool, tmp_path: Path) -> None:
    """An address with a leading @ has no place in the file system; a text is one line."""
    listening = Supervisor(f"@mm-test-{os.getpid()}" if abstract else str(tmp_path / "socket"))
    notifier = Notifier.of({"NOTIFY_SOCKET": listening.address})
    assert notifier is not None
    notifier.tell(READY=1, STATUS="one\ntwo")
    assert listening.heard() == [{"READY": "1", "STATUS": "one two"}]
    notifier.close()
    listening.close()


def test_nobody_listening_is_no_error(tmp_path: Path) -> None:
    """The service manager may be gone, its socket with it."""
    notifier = Notifier(str(tmp_path / "gone"))
    notifier.tell(READY=1)
    notifier.close()
    notifier.tell(READY=1)


def test_a_service_manager_that_does_not_read_holds_nothing_up(manager: Supervisor) -> None:
    """Its queue is full at some time; what does not fit is lost."""
    notifier = Notifier(manager.address)
    for number in range(2_000):
        notifier.tell(STATUS=number)
    assert 0 < len(manager.heard()) < 2_000
    notifier.close()


def test_ready_is_told_once_when_a_session_quotes_and_stopping_at_the_end(manager: Supervisor) -> None:
    """Not before: connections, listings and a book are there; each of them is told once."""
    run = LiveRun(latency_s=0.2)
    attended(run, manager)
    told = manager.heard()
    names = [next(iter(row)) for row in told]
    assert names.count("READY") == names.count("STOPPING") == 1
    assert names[0] == "STATUS"
    assert told[0]["STATUS"].startswith("demo, pending: ")
    assert names.index("READY") < names.index("STOPPING")
    assert any("active: " in row.get("STATUS", "") for row in told)
    assert run.engine.state.sessions[0].ready


def test_a_stop_is_told_when_it_begins(manager: Supervisor) -> None:
    """Not only when it is over: what confirms the end may take a while."""
    run = LiveRun()
    run.at(4, lambda: setattr(run.venue, "deaf_to", (ListOrders,)))
    run.at(5, lambda: run.runtime.stop("by hand"))
    attended(run, manager, duration_s=0)
    told = manager.names()
    assert "STOPPING" in told
    assert told.count("STOPPING") == 1


def test_a_session_without_a_book_is_ready(manager: Supervisor) -> None:
    """Restarting the daemon would bring none; the rest of the recovery has to be over."""
    run = LiveRun()
    run.venue.deaf_to = (SyncBook,)
    attended(run, manager)
    assert "READY" in manager.names()
    assert not run.engine.state.sessions[0].ready


def test_a_session_that_was_paused_at_once_is_ready(manager: Supervisor) -> None:
    """It waits for its operator, as it may for days."""
    run = LiveRun()
    run.at(0, lambda: run.runtime.operate(Operation.PAUSE))
    attended(run, manager)
    assert "READY" in manager.names()


@pytest.mark.parametrize("command", [Connect, ListOrders, ListFills])
def test_without_connections_or_recovery_it_is_not_ready(
    command: type[VenueCommand], manager: Supervisor
) -> None:
    """A venue that does not let us in, or does not tell what an earlier life left: a start that fails."""
    run = LiveRun()
    run.venue.deaf_to = (command,)
    attended(run, manager)
    assert "READY" not in manager.names()
    assert not has_begun(run.engine.state)


def test_a_sign_of_life_comes_in_half_the_time_of_the_watchdog(manager: Supervisor) -> None:
    """From the beginning to the end, and never less often."""
    run = LiveRun()
    attended(run, manager, watchdog_s=4.0, duration_s=60.0)
    assert 30 <= manager.names().count("WATCHDOG") <= 62


def test_without_a_watchdog_no_sign_of_life_is_given(manager: Supervisor) -> None:
    """Nobody asked for it."""
    attended(LiveRun(), manager)
    assert "WATCHDOG" not in manager.names()


def test_a_core_that_is_not_stepped_any_more_gets_no_sign_of_life(
    manager: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the loop runs: its timers are due and nobody delivers them."""
    run = LiveRun()
    service = Attendance(Notifier(manager.address, 4.0), run.runtime, look_of(run))
    lives: list[bool] = []
    run.at(10, lambda: monkeypatch.setattr(run.runtime, "sink", lambda event: None))
    run.at(10, lambda: monkeypatch.setattr(run.venue, "_sink", lambda event: None))
    for second in (5, 9, 11, 15, 20):
        run.at(second, lambda: lives.append(service.is_alive()))
    run.at(25, monkeypatch.undo)
    run.at(25.1, lambda: run.runtime.stop("enough"))
    run.go()
    assert lives == [True, True, True, False, False]
    service.close()


def test_a_core_that_broke_is_kept_alive_on_its_way_out(manager: Supervisor) -> None:
    """It takes its orders off the venue, for as long as its patience lasts; to kill it would leave them."""
    run = LiveRun()
    run.at(4, lambda: setattr(run.venue, "deaf_to", (ListOrders,)))
    run.at(5, lambda: setattr(run.engine, "step", None))
    attended(run, manager, watchdog_s=4.0, duration_s=0)
    told = manager.heard()
    names = [next(iter(row)) for row in told]
    assert run.runtime.failure
    assert names.count("STOPPING") == 1
    assert names[names.index("STOPPING") :].count("WATCHDOG") > 5


def test_a_reload_is_told_from_begin_to_end(manager: Supervisor) -> None:
    """With the time that it began at; ready afterwards, whether it was taken over or not."""
    run = LiveRun()
    service = attended(run, manager)
    manager.heard()
    service = Attendance(Notifier(manager.address), run.runtime, look_of(run))
    service.look()
    manager.heard()
    done: list[str] = []
    service.reload(done.append, "SIGHUP")
    begun, ended = manager.heard()
    assert begun["RELOADING"] == "1"
    assert begun["MONOTONIC_USEC"].isdigit()
    assert ended == {"READY": "1"}
    assert done == ["SIGHUP"]
    service.close()


def test_a_reload_before_it_is_ready_does_not_make_it_so(manager: Supervisor) -> None:
    """It is told that it began; ready comes when it is."""
    service = Attendance(Notifier(manager.address), LiveRun().runtime, dict)
    with pytest.raises(ZeroDivisionError):
        service.reload(lambda _: 1 // 0, "SIGHUP")
    assert manager.names() == ["RELOADING"]
    service.close()


def test_a_look_that_fails_ends_nothing(manager: Supervisor) -> None:
    """The sign of life goes on."""
    run = LiveRun()
    service = Attendance(Notifier(manager.address, 4.0), run.runtime, dict)

    async def both() -> None:
        tasks = [asyncio.ensure_future(work) for work in (service.attend(), manager.listen())]
        await run.run(20.0)
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()

    run_virtual(both)
    assert manager.names().count("WATCHDOG") >= 9
    service.close()


def test_the_variables_of_the_process_are_read(manager: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the composition root calls."""
    run = LiveRun()
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert Attendance.of(run.runtime, dict) is None
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    service = Attendance.of(run.runtime, dict)
    assert service is not None
    service.close()
    assert manager.names() == ["STOPPING"]
