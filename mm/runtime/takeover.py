"""What a start makes of the journal that a life left: taken over, quarantined, or given up by a person.

The one place where that is decided, for the process and for the simulation alike. Must never write to the
journal. Invariant: a journal that cannot be read whole halts trading until a person gives it up or puts back
what it held; none of its content is used meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from mm.domain.estate import Estate
from mm.engine.estate import at_rest
from mm.errors import ConfigError, StateCorrupt
from mm.observe.latch import QUARANTINED
from mm.runtime.recover import Recovered

GIVEN_UP_BY: Final = "--rebuild-from-venue"
"""How a person says that what a damaged journal held is given up."""


class KeptState(Protocol):
    """What a data directory keeps, as far as it matters here."""

    @property
    def estate_run(self) -> str:
        """The run whose journal holds what is to be taken over, "" if none does."""

    @property
    def rest_run(self) -> str:
        """The run whose journal says what an orderly end left, "" if there was none or more was left."""

    def latch(self, code: str, reason: str, ts_ns: int) -> None:
        """Switch trading off until an operator lifts it; a cause that holds already stays the first."""

    def clear_latch(self, reason: str, who: str) -> object:
        """Lift the halt that holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of it.

    Fields: recovered: what is taken over, None if nothing is; quarantined: what is wrong with the journal
    while nobody has given it up, else ""; given_up: what was wrong with the one that a person gave up; rest:
    what outlasts the orderly end of the last life; forgotten: why nobody knows that any more.
    """

    recovered: Recovered | None = None
    rest: Estate | None = None
    forgotten: str = ""
    quarantined: str = ""
    given_up: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a start knows by then. Fields: latched: code of the halt that holds, ""; now_ns: UTC; rebuild: a
    person gives up what a damaged journal holds.
    """

    latched: str
    now_ns: int
    rebuild: bool


def take_over(kept: KeptState, read: Callable[[str], Recovered | None], judged: Judged) -> Taken:
    """Return what becomes of the journal that the last life left; latch or lift the halt that goes with it.

    Args: read: reads what the run left; None where it left no checkpoint.
    Raises: what `read` raises, unless that says that the journal is damaged or cannot be followed.
    """
    run = kept.estate_run
    if not run:
        return _at_rest(kept.rest_run, read) if kept.rest_run else Taken()
    try:
        recovered = read(run)
        if recovered is None:
            raise StateCorrupt(f"run {run}: its journal holds no checkpoint")
    except (StateCorrupt, ConfigError, OSError) as damage:
        if judged.rebuild:
            if judged.latched == QUARANTINED:
                kept.clear_latch(GIVEN_UP_BY, "operator")
            return Taken(given_up=str(damage))
        kept.latch(QUARANTINED, str(damage), judged.now_ns)
        return Taken(quarantined=str(damage))
    return Taken(recovered=recovered)


def _at_rest(run: str, read: Callable[[str], Recovered | None]) -> Taken:
    # It is worth a look at the account, not a halt: who clears old runs away, as he may, gives it up.
    try:
        recovered = read(run)
    except (StateCorrupt, ConfigError, OSError) as damage:
        return Taken(forgotten=str(damage))
    if recovered is None:
        return Taken(forgotten=f"run {run}: its journal holds no checkpoint")
    return Taken(rest=at_rest(recovered.estate))
