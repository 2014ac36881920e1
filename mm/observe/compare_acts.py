"""What two runs did, beside each other: orders placed, cancels and fills, matched by what they were and when.

Ids differ between two lives of the same run, so an act is known by its kind, session, market, side, price and
size. Pure: reads nothing, knows no clock. Invariants: an act is matched at most once; equal acts at equal
times are always matched with each other; of the rest as many as possible are, each within the time allowed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

PLACE: Final = "place"
CANCEL: Final = "cancel"
FILL: Final = "fill"
KINDS: Final = (PLACE, CANCEL, FILL)
"""What an act can be; the first two are decisions."""

What = tuple[str, str, str, str, Decimal, Decimal, bool]


class Act(NamedTuple):
    """One act of a run.

    Fields: ts_ns: the core's time; kind: one of `KINDS`; session: its name; symbol; side: "buy" or "sell";
    price: in the quote asset; size: in the base asset (of a cancel: of its order, 0 where that is not known);
    maker: of a fill, else True; cid: of the order, for whoever looks it up.
    """

    ts_ns: int
    kind: str
    session: str
    symbol: str
    side: str
    price: Decimal
    size: Decimal
    maker: bool = True
    cid: str = ""

    @property
    def what(self) -> What:
        """All that makes it the same act in another run, but its time."""
        return self[1:8]

    @property
    def words(self) -> str:
        """What it is, for people."""
        verb = {PLACE: "places", CANCEL: "cancels", FILL: "is filled"}[self.kind]
        role = "" if self.maker else " as taker"
        size = f" for {self.size.normalize():f}" if self.size else ""
        side = "bid" if self.side == "buy" else "ask"
        return f"{self.session} {verb}{role}: {side} at {self.price.normalize():f}{size}"


class Moved(NamedTuple):
    """The same act at another time. Fields: first, second: of the two runs; late_ns: how much later the
    second is, after the shift of its clock.
    """

    first: Act
    second: Act
    late_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """One kind of acts in two runs.

    Fields: same: at the same time in both; moved: at another time; missing: of the first alone; added: of the
    second alone; all in order of time.
    """

    kind: str
    same: int
    moved: tuple[Moved, ...]
    missing: tuple[Act, ...]
    added: tuple[Act, ...]

    @property
    def differences(self) -> int:
        """How many acts are not the same."""
        return len(self.moved) + len(self.missing) + len(self.added)

    @property
    def median_late_ns(self) -> int:
        """The middle one of how much later the moved ones are, 0 without one."""
        late = sorted(one.late_ns for one in self.moved)
        return late[len(late) // 2] if late else 0

    @property
    def most_moved_ns(self) -> int:
        """The largest move in time, either way, 0 without one."""
        return max((abs(one.late_ns) for one in self.moved), default=0)


class Parting(NamedTuple):
    """Where two runs first part. Fields: ts_ns: by the first run's clock; first, second: what each does,
    None for nothing of the kind.
    """

    ts_ns: int
    first: Act | None
    second: Act | None


def shift_of(first: Sequence[Act], second: Sequence[Act]) -> int:
    """Return what has to be taken from the second run's times to compare them: 0 where both lie in the same
    time, else what brings their first acts together.
    """
    if not first or not second:
        return 0
    overlap = min(first[-1].ts_ns, second[-1].ts_ns) - max(first[0].ts_ns, second[0].ts_ns)
    shorter = min(first[-1].ts_ns - first[0].ts_ns, second[-1].ts_ns - second[0].ts_ns)
    if overlap >= 0 and 2 * overlap >= shorter:
        return 0
    return second[0].ts_ns - first[0].ts_ns


def renamed(acts: Iterable[Act], names: dict[str, str]) -> list[Act]:
    """Return acts with sessions of other names, where `names` has one."""
    return [act._replace(session=names.get(act.session, act.session)) for act in acts]


def pairings(
    first: Sequence[Act], second: Sequence[Act], *, shift_ns: int, within_ns: int
) -> tuple[Pairing, ...]:
    """Return how the acts of two runs compare, one `Pairing` for each of `KINDS`.

    Args: first, second: in order of time; shift_ns: taken from the second's times; within_ns: so far apart
    the same act is still the same one, moved.
    """
    by_kind: tuple[dict[str, list[Act]], ...] = ({kind: [] for kind in KINDS}, {kind: [] for kind in KINDS})
    for acts, sorted_out in zip((first, second), by_kind, strict=True):
        for act in acts:
            sorted_out[act.kind].append(act)
    return tuple(_pairing(kind, by_kind[0][kind], by_kind[1][kind], (shift_ns, within_ns)) for kind in KINDS)


def parting(made: Iterable[Pairing], shift_ns: int) -> Parting | None:
    """Return where two runs first part, None if they do the same throughout."""
    found: list[tuple[int, int, Parting]] = []
    for rank, one in enumerate(made):
        for moved in one.moved[:1]:
            ts_ns = min(moved.first.ts_ns, moved.second.ts_ns - shift_ns)
            found.append((ts_ns, rank, Parting(ts_ns, moved.first, moved.second)))
        found += [(act.ts_ns, rank, Parting(act.ts_ns, act, None)) for act in one.missing[:1]]
        ends = [(act.ts_ns - shift_ns, act) for act in one.added[:1]]
        found += [(ts_ns, rank, Parting(ts_ns, None, act)) for ts_ns, act in ends]
    return min(found, key=lambda one: one[:2])[2] if found else None


def _pairing(kind: str, first: list[Act], second: list[Act], bounds: tuple[int, int]) -> Pairing:
    shift_ns, within_ns = bounds
    left = _grouped(first, 0)
    right = _grouped(second, shift_ns)
    same = 0
    moved: list[Moved] = []
    missing: list[Act] = []
    added: list[Act] = []
    for what in dict.fromkeys((*left, *right)):
        alike, mine, theirs = _without_same(left.get(what, []), right.get(what, []))
        same += alike
        for one, other in _nearby(mine, theirs, within_ns):
            if one is not None and other is not None:
                moved.append(Moved(one[1], other[1], other[0] - one[0]))
            elif one is not None:
                missing.append(one[1])
            elif other is not None:
                added.append(other[1])
    moved.sort(key=lambda one: min(one.first.ts_ns, one.second.ts_ns - shift_ns))
    return Pairing(
        kind=kind,
        same=same,
        moved=tuple(moved),
        missing=tuple(sorted(missing, key=_time)),
        added=tuple(sorted(added, key=_time)),
    )


Timed = tuple[int, Act]


def _time(act: Act) -> int:
    return act.ts_ns


def _grouped(acts: list[Act], shift_ns: int) -> dict[What, list[Timed]]:
    groups: defaultdict[What, list[Timed]] = defaultdict(list)
    for act in acts:
        groups[act.what].append((act.ts_ns - shift_ns, act))
    return dict(groups)


def _without_same(mine: list[Timed], theirs: list[Timed]) -> tuple[int, list[Timed], list[Timed]]:
    both = Counter(ts_ns for ts_ns, _ in mine) & Counter(ts_ns for ts_ns, _ in theirs)
    return both.total(), _less(mine, both.copy()), _less(theirs, both)


def _less(acts: list[Timed], taken: Counter[int]) -> list[Timed]:
    kept = []
    for one in acts:
        if taken[one[0]] > 0:
            taken[one[0]] -= 1
        else:
            kept.append(one)
    return kept


# Both in order of time: whoever comes first and has no partner near enough will never have one, so the
# earliest match leaves most to the others.
def _nearby(
    mine: list[Timed], theirs: list[Timed], within_ns: int
) -> Iterator[tuple[Timed | None, Timed | None]]:
    at = other_at = 0
    while at < len(mine) and other_at < len(theirs):
        late_ns = theirs[other_at][0] - mine[at][0]
        if abs(late_ns) <= within_ns:
            yield mine[at], theirs[other_at]
            at, other_at = at + 1, other_at + 1
        elif late_ns > 0:
            yield mine[at], None
            at += 1
        else:
            yield None, theirs[other_at]
            other_at += 1
    for one in mine[at:]:
        yield one, None
    for one in theirs[other_at:]:
        yield None, one
