"""The control socket: what it answers, to whom, and what it does with everything else."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import ListOrders, Report
from mm.domain.events import Operation
from mm.domain.units import NS_PER_MS
from mm.engine.setup import Deadlines
from mm.errors import StateCorrupt
from mm.observe.status import RunFacts, status
from mm.runtime import control
from mm.runtime.clock import AnchoredClock
from mm.runtime.control import REQUEST_BYTES_MAX, ControlServer
from mm.runtime.live import Outcome
from mm.store.paths import made_control_socket
from tests.builders.live_runs import LiveRun
from tests.builders.shapes import documented
from tests.builders.virtual_time import run_virtual

DEADLINE_S = 60.0
READS = ("status", "orders", "fills", "pnl", "why")


class Daemon:
    """A run with its socket. Fields: run, path; outcome: the task that ends with the run."""

    def __init__(self, path: Path) -> None:
        hurried = Deadlines(sweep=5 * NS_PER_MS, cancel_again=20 * NS_PER_MS)
        self.run = LiveRun(clock=AnchoredClock(), observers=(self.note,), deadlines=hurried)
        self.path = path
        self.server = ControlServer(path, self.run.runtime, self.status)
        self.outcome: asyncio.Task[Outcome]
        self._news = asyncio.Event()

    def status(self) -> dict[str, object]:
        """Return the status, as the composition root makes it."""
        facts = RunFacts(
            mode="demo", venue="fake", strategies={"main": "ladder"}, started_ns=self.run.clock.now_ns()
        )
        return status(self.run.engine.state, self.run.runtime.history, facts, self.run.clock.now_ns())

    def note(self, report: Report) -> None:
        """Let whoever waits look again."""
        self._news.set()

    async def reported(self, code: str, **facts: str) -> None:
        """Wait until the engine has said this."""
        async with asyncio.timeout(DEADLINE_S):
            while not any(
                report.code == code and facts.items() <= dict(report.facts).items()
                for report in self.run.reports
            ):
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[Daemon]:
    """Start a run that quotes, with its socket; end both."""
    daemon = Daemon(made_control_socket(tmp_path))
    run = daemon.run
    await daemon.server.start()
    daemon.outcome = asyncio.ensure_future(run.run())
    try:
        await daemon.reported("session.state", state="active")
        yield daemon
    finally:
        run.runtime.stop("end of the test")
        async with asyncio.timeout(DEADLINE_S):
            await daemon.outcome
        await daemon.server.close()


class Line:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask and return the answer."""
        return await self.send(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def send(self, content: bytes) -> dict[str, Any]:
        """Send exactly this and return the next answer."""
        self.writer.write(content)
        answer = await self.line()
        found: dict[str, Any] = json.loads(answer)
        return found

    async def line(self) -> bytes:
        """Return the next line, b"" when the other side has hung up."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.readline()
            except ConnectionError:
                return b""


@asynccontextmanager
async def line_to(daemon: Daemon) -> AsyncIterator[Line]:
    """Connect, and hang up in the end."""
    reader, writer = await asyncio.open_unix_connection(str(daemon.path), limit=2**22)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def test_reads_answer_in_the_shapes_that_clients_are_written_against(tmp_path: Path) -> None:
    """Exactly the documented keys, at every depth, while orders rest and after fills."""
    shapes = documented()
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        daemon.run.venue.fill(next(iter(daemon.run.venue.open)), 3)
        for read in READS:
            answer = await line.ask(read)
            assert answer.pop("ok") is True
            assert not shapes.differences(answer, read)
        assert len((await line.ask("orders"))["orders"]) == 4
        assert len((await line.ask("fills"))["fills"]) == 1
        seen = await line.ask("status")
        assert seen["state"] == "active"
        assert seen["sessions"][0]["own_bids"]
        assert seen["sessions"][0]["last_fills"]
        assert seen["streams"] == {"market": True, "user": True}


async def test_a_session_can_be_named_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    """With the names that there are, and the code of what is not running."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        for do in (*READS, "pause", "resume", "stop"):
            refused = await line.ask(do, session="nobody")
            assert (refused["ok"], refused["exit_code"]) == (False, 3)
            assert refused["hint"] == "sessions: main"
        assert (await line.ask("orders", session="main"))["orders"]
        assert (await line.ask("pnl", session="main"))["sessions"]
        assert daemon.run.engine.state.sessions[0].state == "active"


async def test_pause_and_resume_reach_the_engine(tmp_path: Path) -> None:
    """Quotes go and come back; the audit has who asked and why."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        paused = await line.ask("pause", session="main", reason="lunch", who="ann@cli")
        assert paused["state"] == "paused"
        assert not daemon.run.venue.open
        resumed = await line.ask("resume")
        assert resumed["state"] == "active"
        assert daemon.run.venue.open
        asked = [dict(report.facts) for report in daemon.run.reports if report.code == "operator"]
        here = f"uid {os.getuid()} pid {os.getpid()} (control)"
        assert asked[0] == {"operation": "pause", "reason": "lunch", "who": f"ann@cli, {here}"}
        assert asked[1]["who"] == here


async def test_a_client_cannot_claim_to_be_another(tmp_path: Path) -> None:
    """What the kernel says of it stands last, whatever it says of itself; a stop has it too."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        await line.ask("pause", who="root, uid 0 pid 1 (control)\x1b[2J" + "x" * 200)
        await line.ask("stop", who="ann@cli")
        told = [dict(report.facts)["who"] for report in daemon.run.reports if report.code == "operator"]
    here = f"uid {os.getuid()} pid {os.getpid()} (control)"
    claimed, _, verified = told[0].rpartition(", ")
    assert verified == here
    assert claimed.startswith("root? uid 0 pid 1 ?control??[2Jxxx")
    assert len(claimed) == control.WHO_LENGTH_MAX
    assert told[1] == f"ann@cli, {here}"


@pytest.mark.parametrize("connection", [None, object()])
def test_where_the_kernel_does_not_tell_nothing_is_claimed(connection: object) -> None:
    """Another system, or no socket: the way alone is known."""
    assert control._peer(connection) == "control"


def test_a_peer_that_cannot_be_asked_is_not_made_up() -> None:
    """It went away before it was looked at."""
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    assert control._peer(ours) == "control"


async def test_halt_and_unhalt_reach_the_engine(tmp_path: Path) -> None:
    """Both need a reason; the latch is shown, confirmed or not; lifted, quoting begins again."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        for do in ("halt", "unhalt"):
            refused = await line.ask(do)
            assert (refused["ok"], refused["exit_code"]) == (False, 2)
        halted = await line.ask("halt", reason="drill")
        assert halted["latch"]["code"] == "drill"
        await daemon.reported("halt.confirmed")
        confirmed = await line.ask("status")
        assert (confirmed["state"], confirmed["latch"]["confirmed"]) == ("halted", True)
        assert not documented().differences({k: v for k, v in confirmed.items() if k != "ok"}, "status")
        assert not daemon.run.venue.open
        daemon.run.reports.clear()  # before it is lifted: quoting may begin before the answer is here
        lifted = await line.ask("unhalt", reason="over")
        assert lifted["latch"] is None
        await daemon.reported("session.state", state="active")
        assert daemon.run.venue.open


async def test_unhalt_is_refused_until_the_venue_has_confirmed(tmp_path: Path) -> None:
    """Nothing is lifted while orders may be there."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        daemon.run.venue.deaf_to = (ListOrders,)
        await line.ask("halt", reason="drill")
        refused = await line.ask("unhalt", reason="too early")
        assert refused["ok"] is False
        assert "confirmed" in refused["error"]
        assert (await line.ask("status"))["latch"]["code"] == "drill"
        daemon.run.venue.hear_again()


async def test_a_stop_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    """The daemon answers, cancels, confirms and ends."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        assert (await line.ask("stop", reason="done for today"))["ok"] is True
        async with asyncio.timeout(DEADLINE_S):
            outcome = await asyncio.shield(daemon.outcome)
        assert (outcome.reason, outcome.clean) == ("done for today", True)
        assert not daemon.run.venue.open


async def test_a_stop_of_a_session_is_not_the_end_of_the_patience(tmp_path: Path) -> None:
    """The last session stopped by its name ends the run as well."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        assert (await line.ask("stop", session="main"))["ok"] is True
        async with asyncio.timeout(DEADLINE_S):
            assert (await asyncio.shield(daemon.outcome)).reason == "stopped"


MALFORMED = (
    b"\n",
    b"status\n",
    b"null\n",
    b"[]\n",
    b"{}\n",
    b'{"do": 7}\n',
    b'{"do": "status"\n',
    b'{"do": "status", "extra": 1}\n',
    b'{"do": "status", "v": 2}\n',
    b'{"do": "status", "v": 1e400}\n',
    b'{"do": "\xff\xfe"}\n',
    b'{"do": "\\ud800"}\n',
    b"\x00\x01\x02\n",
    b"[" * 5_000 + b"\n",
    b'{"do": "reboot"}\n',
    b'{"do": "STATUS"}\n',
    b'{"do": ""}\n',
)


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
def test_a_request_that_is_none_is_refused_with_a_hint(content: bytes) -> None:
    """Told what is wrong, and with the code of wrong usage; nothing is carried out."""
    run = LiveRun()
    server = ControlServer(Path("unused"), run.runtime, dict)
    answer = server.answer(content)
    assert (answer["ok"], answer["exit_code"]) == (False, 2)
    assert answer["error"]
    assert answer["hint"]
    assert not run.engine.events


async def test_a_connection_goes_on_after_a_bad_request(tmp_path: Path) -> None:
    """One line, one answer, whatever the line was."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        assert (await line.send(b"what?\n"))["ok"] is False
        assert (await line.ask("status"))["ok"] is True
        assert (await line.send(b'{"do": "\xff"}\n'))["ok"] is False
        assert (await line.ask("status"))["ok"] is True


async def test_an_oversized_request_ends_its_connection_alone(tmp_path: Path) -> None:
    """Beyond the limit nothing is read any more; the daemon and other clients go on."""
    async with serving(tmp_path) as daemon, line_to(daemon) as other:
        async with line_to(daemon) as line:
            line.writer.write(b'{"do": "status", "reason": "' + b"x" * (4 * REQUEST_BYTES_MAX))
            assert await line.line() == b""
        assert (await other.ask("status"))["ok"] is True
        assert not daemon.outcome.done()


async def test_a_client_that_hangs_up_in_the_middle_harms_nobody(tmp_path: Path) -> None:
    """Half a request, or an answer that nobody takes."""
    async with serving(tmp_path) as daemon, line_to(daemon) as other:
        for content in (b'{"do": "sta', b'{"do": "status"}\n' * 200):
            async with line_to(daemon) as line:
                line.writer.write(content)
        assert (await other.ask("status"))["ok"] is True
        assert not daemon.outcome.done()


async def test_two_clients_are_served_beside_each_other(tmp_path: Path) -> None:
    """Neither waits for the other to hang up, and both see one state."""
    async with serving(tmp_path) as daemon, line_to(daemon) as one, line_to(daemon) as two:
        await one.ask("pause", reason="by one")
        assert (await two.ask("status"))["state"] == "paused"
        answers = await asyncio.gather(*(line.ask(read) for line in (one, two) for read in ("pnl",)))
        assert all(answer["ok"] for answer in answers)


async def test_requests_that_come_together_are_answered_in_order(tmp_path: Path) -> None:
    """A client may send several lines at once."""
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        first = await line.send(b'{"do": "orders"}\n{"do": "pnl"}\n')
        second = json.loads(await line.line())
        assert "orders" in first
        assert "sessions" in second


async def test_a_client_that_says_nothing_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is forgotten does not stay for ever."""
    monkeypatch.setattr(control, "IDLE_S", 0.05)
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        assert await line.line() == b""
        assert not daemon.outcome.done()


async def test_only_the_owner_can_connect(tmp_path: Path) -> None:
    """The socket's mode is 0600 from the moment it is there, and the umask is as before."""
    before = os.umask(0o022)
    os.umask(before)
    async with serving(tmp_path) as daemon:
        info = daemon.path.stat()
        assert stat.S_ISSOCK(info.st_mode)
        assert stat.S_IMODE(info.st_mode) == 0o600
    after = os.umask(before)
    assert after == before


async def test_a_socket_file_of_a_dead_run_is_replaced_and_removed_in_the_end(tmp_path: Path) -> None:
    """A file that nobody listens on is no reason not to start."""
    path = made_control_socket(tmp_path)
    path.write_bytes(b"left by a run that was killed")
    async with serving(tmp_path) as daemon, line_to(daemon) as line:
        assert (await line.ask("status"))["ok"] is True
    assert not path.exists()


async def test_where_there_can_be_no_socket_nothing_is_begun(tmp_path: Path) -> None:
    """By an error that says where, not by a traceback: a run that nobody can stop does not trade."""
    run = LiveRun()
    (tmp_path / "mm.sock").mkdir()
    server = ControlServer(tmp_path / "mm.sock", run.runtime, dict)
    with pytest.raises(StateCorrupt, match="cannot listen there"):
        await server.start()
    await server.close()


async def test_a_socket_file_that_cannot_be_removed_is_left(tmp_path: Path) -> None:
    """How the run ended weighs more; the next start replaces it."""
    run = LiveRun()
    server = ControlServer(tmp_path / "mm.sock", run.runtime, dict)
    await server.start()
    (tmp_path / "mm.sock").unlink()
    (tmp_path / "mm.sock").mkdir()
    await server.close()
    assert (tmp_path / "mm.sock").is_dir()


async def test_closing_before_starting_is_harmless(tmp_path: Path) -> None:
    """A run that fails early still cleans up."""
    run = LiveRun()
    await ControlServer(tmp_path / "mm.sock", run.runtime, dict).close()


TEXTS = st.one_of(st.text(max_size=20), st.sampled_from([*READS, *Operation, "main", "nobody", "drill"]))
REQUESTS = st.one_of(
    st.binary(max_size=80),
    st.dictionaries(
        st.sampled_from(["do", "v", "session", "reason", "who", "extra"]),
        st.one_of(TEXTS, st.integers(), st.none(), st.floats(), st.lists(TEXTS, max_size=3)),
    ).map(lambda fields: json.dumps(fields).encode()),
    st.fixed_dictionaries({"do": TEXTS, "session": TEXTS, "reason": TEXTS, "who": TEXTS}).map(
        lambda fields: json.dumps(fields).encode()
    ),
)


@given(lines=st.lists(REQUESTS, min_size=1, max_size=12))
def test_whatever_a_client_sends_is_answered_and_breaks_nothing(lines: list[bytes]) -> None:
    """Every line gets an answer that is JSON; the core stays whole and ends clean when it is stopped."""
    run = LiveRun()
    facts = RunFacts(mode="demo", venue="fake", strategies={}, started_ns=0)
    server = ControlServer(
        Path("unused"),
        run.runtime,
        lambda: status(run.engine.state, run.runtime.history, facts, run.clock.now_ns()),
    )

    def ask_all() -> None:
        for line in lines:
            answer = json.loads(json.dumps(server.answer(line)))
            assert answer["ok"] is True or (answer["error"] and answer["exit_code"] in (2, 3))

    async def live() -> Outcome:
        run.at(2, ask_all)
        run.at(4, lambda: run.runtime.stop("enough"))
        return await run.run()

    assert run_virtual(live).clean
    assert run.runtime.failure == ""
    assert not run.venue.open


async def test_of_too_many_connections_the_next_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there go on, and one that ends makes room."""
    monkeypatch.setattr(control, "CONNECTIONS_MAX", 2)
    async with serving(tmp_path) as daemon, line_to(daemon) as first:
        assert (await first.ask("status"))["ok"] is True
        async with line_to(daemon) as second:
            assert (await second.ask("status"))["ok"] is True
            async with line_to(daemon) as third:
                assert await third.line() == b""
            assert (await first.ask("status"))["ok"] is True
        async with asyncio.timeout(DEADLINE_S):
            while True:
                async with line_to(daemon) as fourth:
                    fourth.writer.write(b'{"do": "status"}\n')
                    if await fourth.line():
                        break
