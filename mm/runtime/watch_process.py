"""The watchdog's process, as the trader sees it: started before anything is sent, looked after, let go.

It is told its job over a pipe. It outlives a trader that dies, so it is in a session of its own and nothing
here ends it while it may be needed. Must never be the one to decide that it is not: only the venue's word is.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog

from mm.errors import WatchdogFailed
from mm.store.heartbeat import Heartbeat, Phase, Watch, Word
from mm.store.watch_job import WatchJob

log = structlog.get_logger(__name__)

START_PATIENCE_S: Final = 15.0
END_PATIENCE_S: Final = 5.0
LOOK_S: Final = 0.005
LOOK_AFTER_S: Final = 0.25
HUNG_S: Final = 20.0
"""Without a sign of life of its own for so long it is replaced: longer than any request of its own takes."""

RESTARTS_MAX: Final = 3

_KEPT_VARIABLES: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KEPT_PREFIXES: Final = ("PYTHON", "LC_", "LD_", "DYLD_")

_LEFT: Final[list["subprocess.Popen[bytes]"]] = []
"""Those that are still needed when nobody here looks after them any more."""


class _Line(msgspec.Struct):
    event: str
    reason: str = ""


class WatchProcess:
    """Runs `python -m mm.watchdog` for one life of the trader."""

    def __init__(self, job: WatchJob, beat: Heartbeat) -> None:
        """Keep what it is told and the words that it shares."""
        self._job = job
        self._beat = beat
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its number, 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        """Start it and wait until it watches; raises WatchdogFailed if it does not."""
        self._beat.words[Word.WATCHDOG_BEAT_NS] = 0
        self._beat.words[Word.WATCHDOG_STATE] = Watch.NONE
        self._begin()
        end_s = time.monotonic() + START_PATIENCE_S
        while self._beat.watch is Watch.NONE:
            if self._is_gone():
                raise WatchdogFailed(
                    f"the watchdog ended at once: {self._last_words() or 'without a word'}",
                    hint="nothing was sent; without a watchdog nothing is traded",
                )
            if time.monotonic() > end_s:
                self._kill()
                raise WatchdogFailed(f"the watchdog did not begin within {START_PATIENCE_S:g} s")
            await asyncio.sleep(LOOK_S)

    async def attend(self, halt: Callable[[str], None]) -> None:
        """Look after it until cancelled; after too many ends of its own `halt` is called with the reason."""
        for left in reversed(range(RESTARTS_MAX + 1)):
            while not self._is_gone():  # noqa: ASYNC110 - a process that is not the loop's child sets no event
                await asyncio.sleep(LOOK_AFTER_S)
            if self._beat.phase is Phase.ENDED:
                return
            log.error("watchdog.ended", restarts_left=left)
            if left:
                try:
                    await self.start()
                except WatchdogFailed as error:
                    log.error("watchdog.not_started", detail=str(error))
        halt("watchdog.gone")

    def end(self) -> None:
        """Let it go: after an orderly end it ends, which is waited for; else it is left to its work."""
        if self._process is None:
            return
        if self._beat.phase is Phase.ENDED:
            try:
                self._process.wait(END_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._kill()
        elif not self._is_gone():
            log.warning("watchdog.takes_over", hint=f"what it does is in {self._job.data_dir}/watchdog.log")
            _LEFT.append(self._process)
        self._hang_up()

    def _begin(self) -> None:
        self._hang_up()
        self._process = subprocess.Popen(
            (sys.executable, "-m", "mm.watchdog"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=_environment(os.environ),
            # What a terminal or a service manager sends to the trader's group is not for the watchdog.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        # The pipe stays open: where there are no handles on processes, its end tells of ours.
        try:
            os.write(self._process.stdin.fileno(), self._job.encode())
        except BrokenPipeError:
            log.debug("watchdog.hung_up")

    def _is_gone(self) -> bool:
        process = self._process
        if process is None or process.poll() is not None:
            return True
        beat_ns = self._beat.words[Word.WATCHDOG_BEAT_NS]
        if beat_ns and time.monotonic_ns() - beat_ns > HUNG_S * 1e9:
            log.error("watchdog.hung", pid=process.pid)
            self._kill()
            return True
        return False

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _hang_up(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _last_words(self) -> str:
        try:
            lines = (Path(self._job.data_dir) / "watchdog.log").read_bytes().splitlines()
            return msgspec.json.decode(lines[-1], type=_Line).reason
        except (OSError, IndexError, msgspec.DecodeError):
            return ""


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    # Keys may stand in variables of ours; it gets its own over the pipe.
    return {
        name: value
        for name, value in given.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    }
