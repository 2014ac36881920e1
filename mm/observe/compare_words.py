"""A comparison of two runs in words and as one JSON-ready object.

Nothing is measured here. Invariant: two runs are called the same only if no decision and no fill differs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.observe.compare_acts import CANCEL, FILL, PLACE, Act, Moved, Pairing, Parting, parting
from mm.observe.compare_figures import FigureRow
from mm.observe.report_story import lasted

LISTED_MAX: Final = 100
"""Differences of each kind that are told one by one; the counts are of all."""

NOUNS: Final = {PLACE: "orders placed", CANCEL: "cancels", FILL: "fills"}
"""What acts of a kind are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNamed:
    """One of both runs. Fields: run_id; mode: live, paper, demo or backtest; directory; began_ns, ended_ns:
    of what it did; made: how its fills came about, in words; notes: what a reader has to know of it.
    """

    run_id: str
    mode: str
    directory: str
    began_ns: int
    ended_ns: int
    made: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPair:
    """One session of both. Fields: name: in the first; other_name: in the second; symbol."""

    name: str
    other_name: str
    symbol: str
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs. Fields: shift_ns: taken from the second's times; within_ns: so far an act may have moved;
    pairings: of each kind of acts; sessions: that both have; alone: sessions of one of them alone, in words.
    """

    first: RunNamed
    second: RunNamed
    shift_ns: int
    within_ns: int
    pairings: tuple[Pairing, ...]
    sessions: tuple[SessionPair, ...]
    alone: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether both decided and were filled alike, at the same times."""
        return not self.alone and not any(one.differences for one in self.pairings)

    @property
    def parting(self) -> Parting | None:
        """Where they first part."""
        return parting(self.pairings, self.shift_ns)


def words(made: Comparison) -> Iterator[str]:
    """Yield what there is to say of both, a sentence each, before any figure."""
    yield from made.alone
    if made.shift_ns:
        yield (
            f"They lie in different times: the second's are taken {lasted(abs(made.shift_ns) / NS_PER_S)}"
            f" {'earlier' if made.shift_ns > 0 else 'later'}, so that the first acts of both meet."
        )
    for one in made.pairings:
        yield _counted(one)
    if made.is_same:
        nothing = not any(one.same for one in made.pairings)
        yield "Neither did anything." if nothing else "Same decisions at the same times, same fills."
    where = made.parting
    if where is not None:
        yield f"They first part at {moment(where.ts_ns)}: {_parted(where, made.shift_ns)}"


def _counted(one: Pairing) -> str:
    told = [f"{one.same} the same"]
    if one.moved:
        ways = {moved.late_ns > 0 for moved in one.moved}
        way = "either way" if len(ways) > 1 else "later" if ways == {True} else "earlier"
        told.append(
            f"{len(one.moved)} moved in time ({way}, {_ms(abs(one.median_late_ns))} in the middle,"
            f" {_ms(one.most_moved_ns)} at most)"
        )
    if one.missing:
        told.append(f"{len(one.missing)} missing in the second")
    if one.added:
        told.append(f"{len(one.added)} in the second alone")
    return f"{NOUNS[one.kind]}: {', '.join(told)}."


def _parted(where: Parting, shift_ns: int) -> str:
    first, second = where.first, where.second
    if first is not None and second is not None:
        late_ns = second.ts_ns - shift_ns - first.ts_ns
        how = f"{_ms(abs(late_ns))} {'later' if late_ns > 0 else 'earlier'}"
        return f"{first.words}; the second does so {how}."
    if first is not None:
        return f"{first.words}; the second does not."
    assert second is not None  # one of both did something
    return f"in the second, {second.words}; the first does not."


def fields(made: Comparison) -> dict[str, object]:
    """Return the whole comparison, JSON-ready."""
    where = made.parting
    return {
        "first": _run(made.first),
        "second": _run(made.second),
        "same": made.is_same,
        "shift_ns": made.shift_ns,
        "within_ms": made.within_ns // NS_PER_MS,
        "words": list(words(made)),
        "parting": None
        if where is None
        else {
            "ts_ns": where.ts_ns,
            "first": None if where.first is None else act_fields(where.first),
            "second": None if where.second is None else act_fields(where.second),
        },
        "acts": {one.kind: _pairing(one) for one in made.pairings},
        "sessions": [
            {
                "session": one.name,
                "other_session": one.other_name,
                "symbol": one.symbol,
                "figures": {row.key: _row(row) for row in one.rows},
            }
            for one in made.sessions
        ],
        "alone": list(made.alone),
    }


def act_fields(act: Act) -> dict[str, object]:
    """Return one act, JSON-ready: prices and sizes as decimal texts."""
    return {
        "ts_ns": act.ts_ns,
        "kind": act.kind,
        "session": act.session,
        "symbol": act.symbol,
        "side": act.side,
        "price": f"{act.price.normalize():f}",
        "size_base": f"{act.size.normalize():f}",
        "maker": act.maker,
        "cid": act.cid or None,
    }


def moment(ts_ns: int) -> str:
    """Return a time in UTC to the microsecond."""
    at = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{ts_ns // 1_000 % 1_000_000:06d}"


def _run(run: RunNamed) -> dict[str, object]:
    return {
        "run": run.run_id,
        "mode": run.mode,
        "directory": run.directory,
        "began_ns": run.began_ns,
        "ended_ns": run.ended_ns,
        "fills_made_by": run.made,
        "notes": list(run.notes),
    }


def _pairing(one: Pairing) -> dict[str, object]:
    return {
        "same": one.same,
        "moved": len(one.moved),
        "missing": len(one.missing),
        "added": len(one.added),
        "median_late_ms": one.median_late_ns / NS_PER_MS,
        "most_moved_ms": one.most_moved_ns / NS_PER_MS,
        "listed": {
            "moved": [_moved(moved) for moved in one.moved[:LISTED_MAX]],
            "missing": [act_fields(act) for act in one.missing[:LISTED_MAX]],
            "added": [act_fields(act) for act in one.added[:LISTED_MAX]],
        },
    }


def _moved(moved: Moved) -> dict[str, object]:
    return {**act_fields(moved.first), "late_ms": moved.late_ns / NS_PER_MS}


def _row(row: FigureRow) -> dict[str, object]:
    return {
        "unit": row.unit,
        "first": row.first,
        "first_error": row.first_error,
        "second": row.second,
        "second_error": row.second_error,
        "difference": row.difference,
        "difference_error": row.difference_error,
        "apart": row.is_apart,
    }


def _ms(late_ns: int) -> str:
    return f"{late_ns / NS_PER_MS:,.3f} ms" if late_ns < NS_PER_S else lasted(late_ns / NS_PER_S)
