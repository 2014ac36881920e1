"""What happens to a machine's files between two lives, and what people do about it.

At a start the lease of the account may be unreadable, or the journal that has to be taken over damaged. The
first keeps every process from starting until a person mends it; the second lets one start halted, which takes
off what is ours, and then a person gives up what the journal held. Each kind draws from a stream of its own.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from mm.runtime.simulate.faults import Luck
from mm.runtime.simulate.lives import Life
from mm.runtime.simulate.machine import Machine

AGAIN_MS: Final = (300, 2_000)
"""After this a supervisor repeats a start that was refused."""

MENDED_MS: Final = (1_000, 20_000)
"""So long a person needs to look at the account and to mend the lease."""


class Stage(Protocol):
    """Where it happens."""

    luck: Luck
    machine: Machine

    @property
    def life(self) -> Life | None:
        """The process, None while there is none."""

    def after(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do something later."""


class Hazards:
    """Draws and does it."""

    def __init__(self, stage: Stage, seed: int) -> None:
        """Begin with everything right."""
        self._stage = stage
        self._luck = Luck(Random(f"{seed}/hazards"))
        self._called = False

    def before_start(self) -> None:
        """Let happen what happens while no process runs."""
        machine, luck = self._stage.machine, self._stage.luck
        self._luck.faults = luck.faults
        if self._luck.chance("lease_unreadable") and machine.lease is not None and machine.lease.spoil():
            luck.count("lease_unreadable")
        if self._luck.chance("journal_damaged") and machine.damage():
            luck.count("journal_damaged")

    def refused(self, again: Callable[[], None]) -> None:
        """A start was refused: it is repeated, and a person is called."""
        self._stage.after(self._luck.between(*AGAIN_MS), again)
        if not self._called:
            self._called = True
            self._stage.after(self._luck.between(*MENDED_MS), self.mend)

    def mend(self) -> None:
        """A person mends the lease."""
        self._called = False
        if self._stage.machine.lease is not None:
            self._stage.machine.lease.mend()
