"""Which faults a simulated run suffers: drawn once per seed, mostly off, some seeds without any.

Each field of `Faults` is the probability of one kind per occasion unless its name ends in `_ms`. What a kind
means is in the module that asks for it by name; what asks is `Luck.hits`, which counts what happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Final

MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Every switch.

    Fields, by profile:
        network: place_lost, place_slow: the request never arrives, or arrives seconds late. place_unanswered,
        place_unknown, place_late: it arrives, its answer does not, says "unknown", or comes seconds late.
        place_twice: something on the way sends it again. cancel_lost, cancel_unanswered, cancel_unknown,
        cancel_unsent: as for placements; unsent: it provably never left. report_twice, report_late,
        report_lost: of the user stream. read_failed, read_silent: requests that read. connect_failed,
        sync_failed. user_down, user_silent, market_down, market_silent: per market tick; silent: no word of
        it. throttle, ban: per request; wait_ms: the longest that it says to wait. not_found_lag_ms,
        listing_lag_ms, fills_lag_ms: how far reads lag behind the venue's truth. latency_ms: the longest way
        in one direction. slow_all: per market tick: everything takes seconds for some seconds. market, per
        market tick: book_lost: a gap; book_wrong: a level that is gone stays in the engine's book, which
        nobody notices; then there are no messages about the top of the book that would repair it.
        depth_silent: of this connection only the top of the book goes on. delta_twice, delta_late,
        trade_twice: again, or after newer ones. snapshot_stale: an old whole book comes. clock_frozen: the
        venue's time stands still for seconds. one_sided, emptied: strangers leave one side, or both, for
        seconds. bad_tick: a top ten times too high or low. jump: the price moves by 2 % at once. burst:
        twenty changes at once. venue: reject: it refuses for a reason of its own. mismatch: it acknowledges
        something else. cancel_unsaid: the answer does not tell what was filled. cancel_doubted: it says that
        there is no such order although the cancel worked. cancel_understated: every word about the end states
        fewer fills than there were: never drawn, because then no engine can bound the exposure. wrong_ack: it
        acknowledges another price. ack_after_end, reject_after_ack, open_after_end, gone_while_open,
        end_after_end: contradictions about one order. lie: per market tick: it says anything about any order.
        hide: per market tick: for seconds it knows nothing of an order that lives. overfill: more is executed
        than was asked. fill_again: a report of long ago comes again. clock_doubted: signed requests are
        refused for their time. access_denied: the key is refused for seconds. maintenance: the venue is away
        for seconds. expired: it ends an order by itself. crash, per market tick: crash: the process is
        killed; power_loss: the machine dies; suspend: the process stands still while the world goes on;
        nested: per start: it is killed again before it trades; ill_timed: per order that it lost sight of, or
        gave up: it is killed before it wrote another checkpoint, perhaps. disk, per market tick: disk_full:
        for seconds; disk_write_error, disk_sync_error: the next one; disk_slow: a sync takes seconds.
        operator, per market tick: pause, resume, halt, unhalt, stop, kill; reload_tighter, reload_looser: the
        config; deposit, withdrawal, manual_order, manual_cross, manual_trade: by the account's owner;
        intruder: another process trades the account with our mark. operator: what people ask for, mixed.
        files, per start: lease_unreadable: the file of the account's lease is damaged, foreign or cannot be
        opened, until a person mends it; journal_damaged: a bit of what has to be taken over flipped, a
        segment of it is cut, gone or of a newer format. per market tick: clock_jumps: our own wall clock is
        set seconds to hours forwards or backwards; a process that runs keeps its time, the next one begins
        with the new one.
    """

    place_lost: float = 0
    place_slow: float = 0
    place_unanswered: float = 0
    place_unknown: float = 0
    place_late: float = 0
    place_twice: float = 0
    cancel_lost: float = 0
    cancel_unanswered: float = 0
    cancel_unknown: float = 0
    cancel_unsent: float = 0
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
    throttle: float = 0
    ban: float = 0
    wait_ms: int = 4_000
    not_found_lag_ms: int = 0
    listing_lag_ms: int = 0
    fills_lag_ms: int = 0
    latency_ms: int = 30
    slow_all: float = 0

    book_lost: float = 0
    book_wrong: float = 0
    depth_silent: float = 0
    delta_twice: float = 0
    delta_late: float = 0
    trade_twice: float = 0
    snapshot_stale: float = 0
    clock_frozen: float = 0
    one_sided: float = 0
    emptied: float = 0
    bad_tick: float = 0
    jump: float = 0
    burst: float = 0

    reject: float = 0
    mismatch: float = 0
    cancel_unsaid: float = 0
    cancel_doubted: float = 0
    cancel_understated: float = 0
    wrong_ack: float = 0
    ack_after_end: float = 0
    reject_after_ack: float = 0
    open_after_end: float = 0
    gone_while_open: float = 0
    end_after_end: float = 0
    overfill: float = 0
    fill_again: float = 0
    expired: float = 0
    lie: float = 0
    hide: float = 0
    clock_doubted: float = 0
    access_denied: float = 0
    maintenance: float = 0

    crash: float = 0
    power_loss: float = 0
    suspend: float = 0
    nested: float = 0

    disk_full: float = 0
    disk_write_error: float = 0
    disk_sync_error: float = 0
    disk_slow: float = 0

    operator: float = 0
    pause: float = 0
    resume: float = 0
    halt: float = 0
    unhalt: float = 0
    stop: float = 0
    kill: float = 0
    reload_tighter: float = 0
    reload_looser: float = 0
    deposit: float = 0
    withdrawal: float = 0
    manual_order: float = 0
    manual_cross: float = 0
    manual_trade: float = 0
    intruder: float = 0

    ill_timed: float = 0

    lease_unreadable: float = 0
    journal_damaged: float = 0
    clock_jumps: float = 0


NONE: Final = Faults()
"""A venue that behaves, 30 ms away."""

WORST: Final = Faults(
    place_lost=0.15,
    place_slow=0.15,
    place_unanswered=0.15,
    place_unknown=0.2,
    place_late=0.15,
    place_twice=0.1,
    cancel_lost=0.2,
    cancel_unanswered=0.2,
    cancel_unknown=0.2,
    cancel_unsent=0.2,
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
    throttle=0.01,
    ban=0.004,
    not_found_lag_ms=4_000,
    listing_lag_ms=1_500,
    fills_lag_ms=800,
    latency_ms=400,
    slow_all=0.002,
    book_lost=0.02,
    book_wrong=0.02,
    depth_silent=0.006,
    delta_twice=0.1,
    delta_late=0.1,
    trade_twice=0.2,
    snapshot_stale=0.02,
    clock_frozen=0.005,
    one_sided=0.005,
    emptied=0.003,
    bad_tick=0.01,
    jump=0.002,
    burst=0.01,
    reject=0.2,
    mismatch=0.012,
    cancel_unsaid=0.3,
    cancel_doubted=0.2,
    wrong_ack=0.012,
    ack_after_end=0.1,
    reject_after_ack=0.1,
    open_after_end=0.1,
    gone_while_open=0.1,
    end_after_end=0.1,
    overfill=0.004,
    fill_again=0.02,
    expired=0.01,
    lie=0.4,
    hide=0.04,
    clock_doubted=0.003,
    access_denied=0.001,
    maintenance=0.001,
    crash=0.01,
    power_loss=0.004,
    suspend=0.002,
    nested=0.6,
    disk_full=0.001,
    disk_write_error=0.001,
    disk_sync_error=0.001,
    disk_slow=0.002,
    operator=0.01,
    pause=0.006,
    resume=0.008,
    halt=0.002,
    unhalt=0.004,
    stop=0.001,
    kill=0.001,
    reload_tighter=0.005,
    reload_looser=0.005,
    deposit=0.003,
    withdrawal=0.003,
    manual_order=0.005,
    manual_cross=0.005,
    manual_trade=0.005,
    intruder=0.001,
    ill_timed=0.8,
    lease_unreadable=0.3,
    journal_damaged=0.3,
    clock_jumps=0.004,
)
"""Every fault at the highest intensity that a run draws."""

NAMES: Final = tuple(field.name for field in fields(Faults))

SETTINGS: Final = ("wait_ms",)
"""Fields that are no fault by themselves."""

KINDS: Final = tuple(name for name in NAMES if name not in (*SETTINGS, "operator", "cancel_understated"))
"""Every kind of fault that is drawn and counted."""


LATER: Final = ("lease_unreadable", "journal_damaged", "clock_jumps")
"""Kinds that are drawn apart from the others: who has none of them has the history that it had before."""


def _between(first: str, last: str) -> tuple[str, ...]:
    names = NAMES[NAMES.index(first) : NAMES.index(last) + 1]
    return tuple(name for name in names if name in KINDS)


PROFILES: Final[dict[str, tuple[str, ...]]] = {
    "all": KINDS,
    "network": _between("place_lost", "slow_all"),
    "market": _between("book_lost", "burst"),
    "venue": _between("reject", "maintenance"),
    "crash": (*_between("crash", "nested"), "ill_timed", *LATER),
    "disk": _between("disk_full", "disk_slow"),
    "operator": _between("pause", "intruder"),
    "calm": (),
}
"""Which kinds a profile draws."""

ON: Final = 0.35
"""The share of its kinds that a run has."""


_LOST: Final = {"place_lost": 1.0, "place_unanswered": 1.0, "report_lost": 1.0, "hide": 1.0}
_DOUBTS: Final = _LOST | {"pause": 1.0, "resume": 1.0, "ill_timed": 1.0}

FOCUS_EVERY: Final = 20
FOCUSES: Final[dict[int, dict[str, float]]] = {5: _DOUBTS, 11: _DOUBTS, 15: _LOST | {"lie": 0.1}}
"""Of twenty seeds, by number, those that have a few kinds alone, at a stated share of their worst.

What happens to an order of which nobody hears is rare where a great deal else happens.
"""


def draw(seed: int, profile: str = "all") -> Faults:
    """Return the faults of a seed: none for every tenth, a few for some, else each one off or somewhere up to
    its worst.
    """
    if seed % 10 == 0:
        return NONE
    together = Random(f"{seed}/faults")
    focus = FOCUSES.get(seed % FOCUS_EVERY)
    drawn: dict[str, float] = {}
    for name in KINDS:
        worst = getattr(WORST, name)
        random = Random(f"{seed}/faults/{name}") if name in LATER else together
        on, share = random.random() < ON, random.random()
        if focus is not None:
            on, share = name in focus, focus.get(name, 0.0)
        if not on or name not in PROFILES[profile]:
            continue
        drawn[name] = 5 + int(share * worst) if name.endswith("_ms") else share * worst
    return with_intensities(NONE, drawn)


def with_intensities(faults: Faults, changes: dict[str, float]) -> Faults:
    """Return `faults` with other intensities; those of `_ms` fields are cut to integers."""
    values = {name: int(value) if name.endswith("_ms") else value for name, value in changes.items()}
    return replace(faults, **values)  # type: ignore[arg-type]  # the names come from the fields themselves


def switched_on(faults: Faults) -> tuple[str, ...]:
    """Return the names of the kinds that can happen."""
    return tuple(name for name in KINDS if getattr(faults, name) != getattr(NONE, name))


LONG_WAY_NS: Final = 200 * MS
"""A way that takes longer is slow."""

SLOW_TRIPS: Final = "latency_ms"
"""What slow ways are counted under. They are no faults by themselves, and told apart from them."""


class Luck:
    """Decides what happens, and counts it.

    Fields: faults: in force now; counts: how often each kind happened; slow_until_ns: until when everything
    takes seconds.
    """

    def __init__(self, random: Random) -> None:
        """Begin without faults, drawing from `random`."""
        self.random = random
        self.faults: Faults = NONE
        self.counts: dict[str, int] = {}
        self.slow_until_ns = 0

    def hits(self, kind: str) -> bool:
        """Return whether a fault of that kind happens now; then it is counted."""
        chance: float = getattr(self.faults, kind)
        if chance <= 0 or self.random.random() >= chance:
            return False
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return True

    def chance(self, kind: str) -> bool:
        """Return whether it is time for a fault of that kind; `count` it if it does happen."""
        chance: float = getattr(self.faults, kind)
        return chance > 0 and self.random.random() < chance

    def count(self, kind: str) -> None:
        """Note that a fault happened."""
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def between(self, low_ms: int, high_ms: int) -> int:
        """Return a time between two, nanoseconds."""
        return (low_ms + int(self.random.random() * (high_ms - low_ms + 1))) * MS

    def way(self, now_ns: int) -> int:
        """Return the time that one way takes now, nanoseconds."""
        latency_ms = self.faults.latency_ms
        if now_ns < self.slow_until_ns:
            return self.between(500, 3_000)
        way_ns = self.between(1, max(2, latency_ms))
        if way_ns > LONG_WAY_NS:
            self.count(SLOW_TRIPS)
        return way_ns

    def lag(self, kind: str) -> int:
        """Return how far a read lags behind the truth now, nanoseconds; `count` it if that shows."""
        lag_ms: int = getattr(self.faults, kind)
        return self.between(0, lag_ms) if lag_ms else 0


def total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums of several counts, by name."""
    sums: dict[str, int] = {}
    for each in counts:
        for name, number in each.items():
            sums[name] = sums.get(name, 0) + number
    return dict(sorted(sums.items()))
