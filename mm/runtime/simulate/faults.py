"""Which faults a simulated run suffers: drawn once per seed, mostly off, some seeds without any.

Each field is a probability per occasion unless its name says otherwise. What a fault means is in
`engine_wire.py`, which asks for it by name.
"""

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Final

MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Every switch.

    Fields:
        place_lost, place_slow: the request never arrives, or arrives seconds late. place_unanswered,
        place_unknown, place_late: it arrives, its answer does not, says "unknown", or comes seconds late.
        reject: the venue refuses for a reason of its own. mismatch: it acknowledges something else.
        cancel_lost, cancel_unanswered, cancel_unknown, cancel_unsent: as for placements; unsent: it provably
        never left. cancel_unsaid: the answer does not tell what was filled. cancel_doubted: it says that
        there is no such order although the cancel worked. cancel_understated: every word about the end
        states fewer fills than there were: never drawn, because then no engine can bound the exposure.
        report_twice, report_late, report_lost: of the user stream.
        read_failed, read_silent: requests that read. connect_failed, sync_failed.
        user_down, user_silent, market_down, market_silent, book_lost: per market tick; silent: no word of it.
        book_wrong: per market tick: a level that is gone stays in the engine's book, which nobody notices;
        then there are no messages about the top of the book that would repair it. depth_silent: per market
        tick: of this connection only the top of the book goes on.
        throttle, ban: per request; wait_ms: the longest that it says to wait.
        not_found_lag_ms, listing_lag_ms, fills_lag_ms: how far reads lag behind the venue's truth.
        latency_ms: the longest way in one direction.
        operator: per market tick: somebody pauses, resumes, halts or lifts a halt.
    """

    place_lost: float = 0
    place_slow: float = 0
    place_unanswered: float = 0
    place_unknown: float = 0
    place_late: float = 0
    reject: float = 0
    mismatch: float = 0
    cancel_lost: float = 0
    cancel_unanswered: float = 0
    cancel_unknown: float = 0
    cancel_unsent: float = 0
    cancel_unsaid: float = 0
    cancel_doubted: float = 0
    cancel_understated: float = 0
    report_twice: float = 0
    report_late: float = 0
    report_lost: float = 0
    read_failed: float = 0
    read_silent: float = 0
    connect_failed: float = 0
    sync_failed: float = 0
    user_down: float = 0
    user_silent: float = 0
    market_down: float = 0
    market_silent: float = 0
    book_lost: float = 0
    book_wrong: float = 0
    depth_silent: float = 0
    throttle: float = 0
    ban: float = 0
    wait_ms: int = 4_000
    operator: float = 0
    not_found_lag_ms: int = 0
    listing_lag_ms: int = 0
    fills_lag_ms: int = 0
    latency_ms: int = 30


NONE: Final = Faults()
"""A venue that behaves, 30 ms away."""

WORST: Final = Faults(
    place_lost=0.15,
    place_slow=0.15,
    place_unanswered=0.15,
    place_unknown=0.2,
    place_late=0.15,
    reject=0.2,
    mismatch=0.004,
    cancel_lost=0.2,
    cancel_unanswered=0.2,
    cancel_unknown=0.2,
    cancel_unsent=0.2,
    cancel_unsaid=0.3,
    cancel_doubted=0.2,
    report_twice=0.4,
    report_late=0.3,
    report_lost=0.15,
    read_failed=0.3,
    read_silent=0.15,
    connect_failed=0.5,
    sync_failed=0.5,
    user_down=0.01,
    user_silent=0.006,
    market_down=0.01,
    market_silent=0.006,
    book_lost=0.02,
    book_wrong=0.02,
    depth_silent=0.006,
    throttle=0.01,
    ban=0.002,
    operator=0.01,
    not_found_lag_ms=4_000,
    listing_lag_ms=1_500,
    fills_lag_ms=800,
    latency_ms=400,
)
"""Every fault at the highest intensity that a run draws."""


def draw(seed: int) -> Faults:
    """Return the faults of a seed: none for every tenth, else each one off or somewhere up to its worst."""
    if seed % 10 == 0:
        return NONE
    random = Random(f"{seed}/faults")
    drawn: dict[str, float | int] = {}
    for switch in fields(Faults):
        worst = getattr(WORST, switch.name)
        on = random.random() < 0.4
        share = random.random()
        if switch.name == "latency_ms":
            drawn[switch.name] = 5 + int(share * worst) if on else 30
        elif switch.name == "wait_ms":
            drawn[switch.name] = worst
        elif isinstance(worst, int):
            drawn[switch.name] = int(share * worst) if on else 0
        else:
            drawn[switch.name] = share * worst if on else 0.0
    return replace(NONE, **drawn)  # type: ignore[arg-type]  # names and types come from the fields themselves
