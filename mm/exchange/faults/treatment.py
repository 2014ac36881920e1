"""What is done to one request that faults hit: delayed, altered, cut off, left unanswered.

Knows no socket and no HTTP: those are behind `Caller`. Invariant: a request that was carried out is in the
log as it was; one that was not is there with the status of its answer, 0 without one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from mm.exchange.command import Answer, Command

Alter = Callable[[Command], Command]
"""Makes another command of one."""

Reshape = Callable[[Answer], Answer]
"""Makes another answer of one."""


class Ending(Enum):
    """How a request ends."""

    ANSWER = "answer"
    CLOSE = "the connection is closed"
    BREAK = "the connection breaks"
    SILENCE = "nothing comes"


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """An answer that was decided before. Fields: processed: whether the request is carried out as well."""

    answer: Answer
    processed: bool = False


@dataclass(kw_only=True)
class Treatment:
    """What happens to one request.

    Fields: before_ns, after_ns: delays. is_lost: neither carried out nor answered. form: of an answer that
    cannot be read, "" for one that can. bytes_per_s: of the answer, 0 = at once.
    """

    before_ns: int = 0
    after_ns: int = 0
    is_lost: bool = False
    ending: Ending = Ending.ANSWER
    scripted: Scripted | None = None
    alters: list[Alter] = field(default_factory=list)
    reshapes: list[Reshape] = field(default_factory=list)
    form: str = ""
    bytes_per_s: int = 0

    def altered(self, command: Command) -> Command:
        """Return the command that is carried out in place of `command`."""
        for alter in self.alters:
            command = alter(command)
        return command


class Caller(Protocol):
    """Whoever made the request."""

    async def pause(self, duration_ns: int) -> None:
        """Wait, in the exchange's time."""

    def note(self, status: int, code: int) -> None:
        """Log a request that is not carried out."""

    def close(self) -> None:
        """Close the connection in order."""

    def cut(self) -> None:
        """Break the connection off."""

    async def gone(self) -> None:
        """Wait until the connection is no more."""


async def treated(
    treatment: Treatment, caller: Caller, carry_out: Callable[[], Awaitable[Answer]]
) -> Answer | None:
    """Return the answer to a request, or None if there is to be none: then its connection has ended."""
    await caller.pause(treatment.before_ns)
    scripted, answer = treatment.scripted, None
    if treatment.is_lost:
        caller.note(0, 0)
    elif scripted is not None and not scripted.processed:
        caller.note(scripted.answer.status, scripted.answer.code)
        answer = scripted.answer
    else:
        answer = await carry_out()
        if scripted is not None:
            answer = scripted.answer
        for reshape in treatment.reshapes:
            answer = reshape(answer)
        await caller.pause(treatment.after_ns)
    match treatment.ending:
        case Ending.CLOSE:
            caller.close()
        case Ending.BREAK:
            caller.cut()
        case Ending.SILENCE:
            await caller.gone()
        case Ending.ANSWER:
            return answer
    return None
