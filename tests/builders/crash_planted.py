"""Mistakes planted in the product of a process that a test started: the judge of crashes has to find each.

Each stands where the product does the thing right: the order of writing down and sending, the halt that a
state file holds, the number of a life. Invariant: nothing of this is in the product; a life that is not told
to plant one has none.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final


def _commands_are_written_after_they_left() -> None:
    from mm.runtime.recorder import JournalRecorder

    own: Any = JournalRecorder
    commands, event = own.on_commands, own.on_event
    late: list[tuple[int, Sequence[object]]] = []

    def on_commands(self: Any, ts_ns: int, asked: Sequence[object]) -> None:
        late.append((ts_ns, asked))

    def on_event(self: Any, told: Any, *, outside: bool) -> None:
        for ts_ns, asked in late:
            commands(self, ts_ns, asked)
        late.clear()
        event(self, told, outside=outside)

    own.on_commands, own.on_event = on_commands, on_event


def _a_restart_lifts_the_halt() -> None:
    from mm.store.runstate import RunState

    own: Any = RunState
    opened = own.open.__func__

    def open_(cls: Any, *arguments: Any, **named: Any) -> Any:
        found = opened(cls, *arguments, **named)
        found.clear_latch("a start is a start", "mm")
        return found

    own.open = classmethod(open_)


def _a_restart_keeps_its_number() -> None:
    from mm.bootstrap.recovery import Start

    own: Any = Start
    begin_life = own.begin_life

    def keep(self: Any) -> int:
        before = int(self.kept.epoch)
        number = int(begin_life(self))
        return before or number

    own.begin_life = keep


BUGS: Final[dict[str, Callable[[], None]]] = {
    "commands are written down after they left": _commands_are_written_after_they_left,
    "a restart lifts the halt": _a_restart_lifts_the_halt,
    "a restart keeps its number": _a_restart_keeps_its_number,
}
"""How each is planted, by its name."""


def plant(name: str) -> None:
    """Plant the mistake of this name into this process; raises KeyError if there is none."""
    BUGS[name]()
