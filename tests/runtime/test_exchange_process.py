"""The demo's exchange as a process: it serves, it ends, and nothing is left of it."""

import asyncio
import os
import sys
import urllib.request
from pathlib import Path

import msgspec
import pytest

from mm.errors import VenueUnreachable
from mm.runtime import exchange_process
from mm.runtime.exchange_process import ExchangeProcess
from tests.builders.processes import ends, runs


def _stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Path:
    # Instead of the exchange this program is run: it notes its pid, then does what the test says.
    script = folder / "stand_in.py"
    noted = folder / "pid"
    script.write_text(
        f"import os, pathlib, signal, sys, time\n"
        f"pathlib.Path({str(noted)!r}).write_text(str(os.getpid()))\n{code}\n"
    )
    start = folder / "python"
    start.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    start.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(start))
    return noted


async def test_it_serves_and_ends_with_its_context() -> None:
    """Its truth door answers inside; afterwards the process is gone."""
    async with ExchangeProcess(("--agents", "1", "--start-base", "2", "--start-quote", "500")) as exchange:
        ready = exchange.ready
        assert runs(ready.pid)

        def fetch() -> bytes:
            with urllib.request.urlopen(f"{ready.url}/_mm/truth?only=balances", timeout=5) as answer:
                content: bytes = answer.read()
                return content

        told = msgspec.json.decode(await asyncio.to_thread(fetch))
        assert told["seed"] == 1
        assert told["balances"]["BTC"]["free_atoms"] == 2 * 10**8
        assert ready.api_key
        assert ready.ws_url.startswith("ws://127.0.0.1:")
    assert not runs(ready.pid)


async def test_it_ends_when_what_runs_inside_fails() -> None:
    """An error inside the context takes the process along."""
    exchange = ExchangeProcess(("--agents", "1"))

    async def fail() -> None:
        async with exchange:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not runs(exchange.ready.pid)


async def test_one_that_ends_at_once_is_an_error_with_what_it_said() -> None:
    """A wrong argument, for one: its own words are in the message."""
    with pytest.raises(VenueUnreachable, match="ended at once"):
        async with ExchangeProcess(("--agents", "1", "--preset", "nonsense")):
            pass


async def test_the_words_of_a_dying_exchange_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of its standard error, so that a person can see why."""
    _stand_in(tmp_path, monkeypatch, "sys.exit('no room in here')")
    with pytest.raises(VenueUnreachable, match="no room in here"):
        async with ExchangeProcess(()):
            pass


async def test_one_that_does_not_serve_in_time_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it does not listen to a polite request."""
    pid_file = _stand_in(
        tmp_path, monkeypatch, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    )
    monkeypatch.setattr(exchange_process, "START_PATIENCE_S", 0.5)
    monkeypatch.setattr(exchange_process, "END_PATIENCE_S", 0.2)
    with pytest.raises(VenueUnreachable, match=r"did not serve within 0\.5 s"):
        async with ExchangeProcess(()):
            pass
    assert not runs(int(pid_file.read_text()))


async def test_a_start_that_is_cancelled_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Ctrl-C while it comes up: it is in a session of its own, so nobody else would end it."""
    pid_file = _stand_in(tmp_path, monkeypatch, "time.sleep(60)")
    # Whoever reads a pipe with a name waits until somebody has written into it.
    os.mkfifo(pid_file)

    async def start() -> None:
        async with ExchangeProcess(()):
            pass

    starting = asyncio.ensure_future(start())
    async with asyncio.timeout(60):
        pid = int(await asyncio.to_thread(pid_file.read_text))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not runs(pid)


async def test_a_ready_file_that_is_none_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read is an error, and the process is ended all the same."""
    pid_file = _stand_in(
        tmp_path,
        monkeypatch,
        "pathlib.Path(sys.argv[sys.argv.index('--ready-file') + 1]).write_text('{}')\ntime.sleep(60)",
    )
    with pytest.raises(msgspec.ValidationError):
        async with ExchangeProcess(()):
            pass
    assert not runs(int(pid_file.read_text()))


async def test_one_that_died_meanwhile_is_no_error_at_the_end() -> None:
    """The run inside has noticed by itself; there is nothing left to end."""
    async with ExchangeProcess(("--agents", "1")) as exchange:
        pid = exchange.ready.pid
        os.kill(pid, 9)
        assert await asyncio.to_thread(ends, pid)
    assert not runs(pid)
