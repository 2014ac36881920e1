"""The trader's side of the shared words: its sign of life, and what others did to the halt word.

The sign of life is given by the loop itself and by nothing that lives while the loop hangs. Decides nothing:
a halt that somebody asked for, by the word, the signal SIGUSR1 or the file HALT, is handed to the engine as
an operator's, once, and is over when an operator lifts it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mm.domain.commands import Report
from mm.store.heartbeat import (
    HALT_NAME,
    HEARTBEAT_NAME,
    Halt,
    HaltAsked,
    Heartbeat,
    Phase,
    Word,
    halt_asked,
    unask_halt,
)

PAUSE_S: Final = 0.05
"""How often the loop gives its sign of life and looks for the file HALT, at least."""

_HALT: Final = int(Word.HALT)
_BEAT: Final = int(Word.TRADER_BEAT_NS)


class Pulse:
    """One life's sign of life. Fields: beat: the words."""

    def __init__(self, beat: Heartbeat) -> None:
        """Keep the words."""
        self.beat = beat
        self._words = beat.words
        self._data_dir: Path | None = None
        self._halt_file = self._words_file = ""
        self._words_id = (0, 0)
        self._is_told = False

    def share(self, beat: Heartbeat, data_dir: Path) -> None:
        """Use words that others see, and look for the file HALT in `data_dir`, from now on."""
        self.beat = beat
        self._words = beat.words
        self._data_dir = data_dir
        self._halt_file = str(data_dir / HALT_NAME)
        self._words_file = str(data_dir / HEARTBEAT_NAME)
        info = os.stat(self._words_file)
        self._words_id = (info.st_dev, info.st_ino)

    @classmethod
    def alone(cls) -> "Pulse":
        """Return one that nobody watches, for runs without a data directory."""
        return cls(Heartbeat.private())

    @property
    def forbids(self) -> bool:
        """Whether nothing may be placed: read before every send, so it costs next to nothing."""
        return self._words[_HALT] != 0

    def may_place(self) -> bool:
        """Return whether an order may leave."""
        return self._words[_HALT] == 0

    def tick(self) -> None:
        """Give the sign of life; for the loop alone."""
        self._words[_BEAT] = time.monotonic_ns()

    def forbid(self, cause: Halt) -> None:
        """Set the halt word: the watchdog acts on it as well."""
        self.beat.set_halt(cause)

    def look(self) -> HaltAsked | None:
        """Return the halt that somebody asked for and that was not told yet, None if there is none."""
        if self._halt_file:
            if os.path.lexists(self._halt_file):
                self.beat.set_halt(Halt.FILE)
            elif not self._is_ours():
                self.beat.set_halt(Halt.GONE)
        if not self.forbids or self._is_told:
            return None
        self._is_told = True
        asked = halt_asked(self._data_dir) if self._data_dir is not None else None
        return asked or HaltAsked(self.beat.halt.code, "watchdog")

    # Whoever trades beside a directory that is gone hears no `mm halt`, and nobody inherits what it did.
    def _is_ours(self) -> bool:
        try:
            info = os.stat(self._words_file)
        except FileNotFoundError:
            return False
        except OSError:
            # No verdict: a disk that fails is for those who write to it to notice.
            return True
        return (info.st_dev, info.st_ino) == self._words_id

    def on_report(self, report: Report) -> None:
        """Take the halt word and the file back when the engine says that an operator lifted the halt.

        Raises: StateCorrupt if the file cannot be removed: then it still halts.
        """
        if report.code == "unhalt":
            if self._data_dir is not None:
                unask_halt(self._data_dir)
            self.beat.clear_halt()
            self._is_told = False

    async def attend(self, heed: Callable[[], None]) -> None:
        """Give signs of life until cancelled. Args: heed: looks whether somebody asked for a halt."""
        while True:
            self.tick()
            heed()
            await asyncio.sleep(PAUSE_S)

    @contextmanager
    def trading(self) -> Iterator[None]:
        """Say that silence means trouble, while the context is entered."""
        self.tick()
        self.beat.phase = Phase.TRADING
        try:
            yield
        finally:
            self.beat.phase = Phase.QUIET

    def ended(self) -> None:
        """Say that the venue's word is that nothing of ours is left: nobody has to act on our end."""
        self.beat.phase = Phase.ENDED


@contextmanager
def halt_signal(beat: Heartbeat) -> Iterator[None]:
    """Let SIGUSR1 set the halt word while the context is entered.

    The handler runs between two instructions of the main thread: also while a strategy keeps the loop busy.
    """
    before = signal.signal(signal.SIGUSR1, lambda *_: beat.set_halt(Halt.SIGNAL))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
