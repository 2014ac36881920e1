"""Lives of `mm` as processes: forked from one that has imported everything, or started from nothing.

A life tells what it logs, can be killed, and is gone when its nursery is closed, whatever happened.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.builders.crash_hurt import Hurt
from tests.builders.processes import children

ROOT: Final = Path(__file__).parents[2]
DEADLINE_S: Final = 60.0
PAUSE_S: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    """What is put around a forked life.

    Fields: hurt: it meets; traced: its calls of the system are kept; segment_bytes: its journal's segments
    are this small, 0 leaves them as they are; brisk: as in `crash_brisk`; planted: the mistake of
    `crash_planted` that is in it, "" for none.
    """

    hurt: Hurt | None = None
    traced: bool = False
    segment_bytes: int = 0
    brisk: bool = False
    planted: str = ""


PLAIN: Final = Wrapped()
"""Nothing is put around it."""


class LifeOver(Exception):
    """A life ended before what was waited for."""


class Life:
    """One process. Fields: pid; began_s: when it was started, by the wall's seconds; folder: of its files."""

    def __init__(self, pid: int, folder: Path, poll: Callable[[], int | None], began_s: float) -> None:
        """Take over a process that runs. `traced` is set where it is a tracer that runs the life."""
        self.traced = False
        self.pid = pid
        self.folder = folder
        self.began_s = began_s
        self._poll = poll
        self._code: int | None = None
        self._read = 0
        self._told: list[dict[str, Any]] = []

    @property
    def code(self) -> int | None:
        """How it ended: negative for a signal, None while it runs."""
        if self._code is None:
            self._code = self._poll()
        return self._code

    def told(self) -> list[dict[str, Any]]:
        """Return its log so far, line by line."""
        with (self.folder / "err").open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            # What a library says aloud is no line of the log.
            with contextlib.suppress(ValueError):
                self._told.append(json.loads(line))
        return self._told

    def said(self) -> str:
        """Return all that it said, for a person."""
        return (self.folder / "err").read_text()[-6_000:]

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object that the last line of standard output is, {} without one."""
        lines = (self.folder / "out").read_text().splitlines()
        found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return found

    @property
    def was_hit(self) -> bool:
        """Whether the call at which it was to be hurt came."""
        return (self.folder / "hit").exists()

    def calls(self) -> list[str]:
        """Return the calls of the system that were traced."""
        return (self.folder / "trace").read_text().splitlines()

    def wait_for(
        self, fits: Callable[[dict[str, Any]], bool], *, deadline_s: float = DEADLINE_S
    ) -> dict[str, Any]:
        """Return the first log line that fits; raises LifeOver if it ends before, fails if time is over."""
        end, seen = time.monotonic() + deadline_s, 0
        while True:
            over = self.code is not None
            told = self.told()
            for line in told[seen:]:
                if fits(line):
                    return line
            seen = len(told)
            if over:
                raise LifeOver(f"it ended with {self.code}: {self.said()}")
            assert time.monotonic() < end, f"it did not happen in time: {self.said()}"
            time.sleep(PAUSE_S)

    def wait_until(self, seen: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> None:
        """Look again and again; raises LifeOver if it ends before, fails if time is over."""
        end = time.monotonic() + deadline_s
        while not seen():
            if self.code is not None:
                raise LifeOver(f"it ended with {self.code}: {self.said()}")
            assert time.monotonic() < end, f"it did not happen in time: {self.said()}"
            time.sleep(PAUSE_S)

    def wait(self, *, deadline_s: float = DEADLINE_S) -> int:
        """Wait for its end and return its code."""
        end = time.monotonic() + deadline_s
        while (code := self.code) is None:
            assert time.monotonic() < end, f"it does not end: {self.said()}"
            time.sleep(PAUSE_S)
        return code

    def lives_on(self, for_s: float) -> bool:
        """Let it live for a time; return whether it still does."""
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            if self.code is not None:
                return False
            time.sleep(PAUSE_S)
        return True

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and not its tracer; nothing if it is over."""
        if self.code is None:
            for pid in (children(self.pid) if self.traced else []) or [self.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill(self) -> None:
        """Kill it, as a machine that runs out of memory would, and wait until it is gone."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        self.wait()


class Nursery:
    """Starts lives, for several threads at once. Make it with `nursery`."""

    def __init__(self, parent: "subprocess.Popen[bytes]", folder: Path) -> None:
        """For `nursery`; use that."""
        self._parent = parent
        self._folder = folder
        self._count = 0
        self._started: list[Life] = []
        self._asking = threading.Lock()
        assert "ready" in self._heard()

    def start(
        self,
        *argv: str,
        environ: Mapping[str, str] | None = None,
        wrapped: Wrapped = PLAIN,
    ) -> Life:
        """Begin a life of `mm` with these arguments."""
        folder = self._new_folder()
        began_s = time.time()
        order = {
            "do": "start",
            "argv": argv,
            "environ": dict(environ or {}),
            "out": str(folder / "out"),
            "err": str(folder / "err"),
            "hurt": wrapped.hurt.as_json() if wrapped.hurt else "",
            "hit": str(folder / "hit"),
            "trace": str(folder / "trace") if wrapped.traced else "",
            "segment_bytes": wrapped.segment_bytes,
            "brisk": wrapped.brisk,
            "planted": wrapped.planted,
        }
        pid = int(self._asked(order)["pid"])

        def poll() -> int | None:
            code: int | None = self._asked({"do": "poll", "pid": pid})["code"]
            return code

        return self._kept(Life(pid, folder, poll, began_s))

    def start_anew(
        self, *argv: str, environ: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> Life:
        """Begin a life as a user does, from nothing. Args: before: a command that runs it, as a tracer's."""
        folder = self._new_folder()
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MM_")}
        began_s = time.time()
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "mm", *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=ROOT,
                env=ours | dict(environ or {}),
                start_new_session=True,
            )
        life = self._kept(Life(process.pid, folder, process.poll, began_s))
        life.traced = bool(before)
        return life

    def close(self) -> None:
        """Kill whatever still lives."""
        for life in self._started:
            life.send(signal.SIGCONT)
            life.send(signal.SIGKILL)
            life.wait()
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(DEADLINE_S)

    def _kept(self, life: Life) -> Life:
        self._started.append(life)
        return life

    def _new_folder(self) -> Path:
        with self._asking:
            self._count += 1
            folder = self._folder / f"{self._count:05d}"
        folder.mkdir(parents=True)
        for name in ("out", "err"):
            (folder / name).touch()
        return folder

    def _asked(self, order: Mapping[str, object]) -> dict[str, Any]:
        assert self._parent.stdin is not None
        with self._asking:
            self._parent.stdin.write(json.dumps(order).encode() + b"\n")
            self._parent.stdin.flush()
            return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._parent.stdout is not None
        found: dict[str, Any] = json.loads(self._parent.stdout.readline())
        return found


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Make a nursery that keeps its lives' files in `folder`; in the end none of them is left."""
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.builders.crash_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        made = Nursery(parent, folder)
        try:
            yield made
        finally:
            made.close()
