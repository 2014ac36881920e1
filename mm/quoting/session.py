"""When a session of quoting ends, and how much of it is left.

A model with a horizon trades towards a moment at which it wants to be flat: a length after its first quote,
or a time of day (UTC). The end is all that is remembered: it travels in `Quotes.memory`. Invariant: pure; the
time that is left never grows within a session and is never negative.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from annotated_types import Ge, Gt, Le, Lt

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.quoting.about import DAY_MS, About, Applies
from mm.quoting.params import QuotingParams

NOT_STARTED: Final = 0
"""What a session remembers before its first quote."""

OVER: Final = "session over"


class SessionEnd(StrEnum):
    """What follows a session's end: only what brings the inventory to flat, or a session like the first."""

    REDUCE = "reduce"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParams(QuotingParams):
    """Parameters of what is quoted for a session; without an end it lasts for ever."""

    session_length_ms: Annotated[
        int | None,
        Gt(0),
        Le(365 * DAY_MS),
        About("Length of the session from its first quote; off: no end.", Applies.RESTART),
    ] = None
    session_close_ms: Annotated[
        int | None,
        Ge(0),
        Lt(DAY_MS),
        About("End of the session as a time of day, milliseconds after midnight UTC.", Applies.RESTART),
    ] = None
    session_end: Annotated[
        SessionEnd, About("After the end: reduce quotes only towards flat, restart begins a new session.")
    ] = SessionEnd.REDUCE

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; raises ValueError."""
        QuotingParams.__post_init__(self)
        if self.session_length_ms is not None and self.session_close_ms is not None:
            raise ValueError("session_length_ms and session_close_ms are both set, expected one of them")


class Moment(NamedTuple):
    """A place in a session.

    Fields:
        end_ns: what to remember, `NOT_STARTED` where there is no end. left_s: seconds to the end, >= 0;
            infinite without one. is_over: the end has passed, and no new session began.
    """

    end_ns: int
    left_s: float
    is_over: bool


ENDLESS: Final = Moment(NOT_STARTED, float("inf"), False)
"""The place in a session without end."""


def moment(params: SessionParams, ts_ns: int, end_ns: int) -> Moment:
    """Return where a quote at `ts_ns` stands; the first one begins a session. Args: end_ns: as remembered."""
    length_ms, close_ms = params.session_length_ms, params.session_close_ms
    if length_ms is None and close_ms is None:
        return ENDLESS
    is_past = end_ns <= ts_ns
    if is_past and end_ns != NOT_STARTED and params.session_end is SessionEnd.REDUCE:
        return Moment(end_ns, 0.0, True)
    if is_past:
        end_ns = _end_ns(ts_ns, length_ms, close_ms)
    return Moment(end_ns, (end_ns - ts_ns) / NS_PER_S, False)


def _end_ns(ts_ns: int, length_ms: int | None, close_ms: int | None) -> int:
    if length_ms is not None:
        return ts_ns + length_ms * NS_PER_MS
    day_ns = DAY_MS * NS_PER_MS
    close_ns = ts_ns - ts_ns % day_ns + (close_ms or 0) * NS_PER_MS
    return close_ns if close_ns > ts_ns else close_ns + day_ns
