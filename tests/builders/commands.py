"""The command line as a process of its own: what it says, how it ends, and what it leaves running."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from tests.builders.processes import children, ends

DEADLINE_S: Final = 60.0
ROOT: Final = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a command ended. Fields: code; said: lines of standard output; told: of standard error."""

    code: int
    said: list[str]
    told: list[str]

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object that the last line of standard output is."""
        found: dict[str, Any] = json.loads(self.said[-1])
        return found


class Command:
    """A command that runs. Fields: process; told: what it said on standard error so far."""

    def __init__(self, arguments: tuple[str, ...], environ: Mapping[str, str]) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mm", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=ours | dict(environ),
        )
        self.said: list[str] = []
        self.told: list[str] = []
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.said, None)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.told, self._news)),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], lines: list[str], news: "queue.SimpleQueue[str | None] | None") -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))
            if news is not None:
                news.put(line)
        if news is not None:
            news.put(None)

    def wait_for(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next log line that fits; fails if the command ends first."""
        while (line := self._news.get(timeout=DEADLINE_S)) is not None:
            if line.startswith("{") and fits(told := json.loads(line)):
                found: dict[str, Any] = told
                return found
        raise AssertionError(f"it ended before that: {self.told}")

    def wait_until_active(self) -> None:
        """Wait until a session quotes."""
        self.wait_for(lambda line: line["event"] == "session.state" and line["state"] == "active")

    def children(self) -> list[int]:
        """Return the processes that it started and that still run."""
        return children(self.process.pid)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(DEADLINE_S)
        for reader in self._readers:
            reader.join(DEADLINE_S)
        return Ended(code, self.said, self.told)


@contextmanager
def started(*arguments: str, **environ: str) -> Iterator[Command]:
    """Start `mm` with `arguments`; whatever happens, neither it nor what it started is left."""
    command = Command(arguments, environ)
    try:
        yield command
    finally:
        left = command.children() if command.process.poll() is None else []
        if command.process.poll() is None:
            command.process.kill()
        command.end()
        for stream in (command.process.stdout, command.process.stderr):
            assert stream is not None
            stream.close()
        for pid in left:
            if not ends(pid, deadline_s=0):
                os.kill(pid, signal.SIGTERM)


def mm(*arguments: str, **environ: str) -> Ended:
    """Run `mm` with `arguments` to its end."""
    with started(*arguments, **environ) as command:
        return command.end()
