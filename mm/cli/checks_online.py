"""The rows of `mm doctor --online`: what was measured at a venue, judged against limits.

It judges and words; `mm.bootstrap.doctor_online` measures. A judgement that crashes becomes a failed row, and
what was left out on purpose is a row that says why.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from mm.cli.checks import Row, Status
from mm.cli.checks_session import session_rows
from mm.errors import MMError
from mm.logs import redact

if TYPE_CHECKING:
    from mm.bootstrap.doctor_online import Missed, OnlineFacts, WatchedFacts
    from mm.settings.models import Settings

OFFSET_MS_WARN, OFFSET_MS_FAIL = 500.0, 1_000.0
LATENCY_MS_WARN: Final = 500.0
USED_PERCENT_WARN, USED_PERCENT_FAIL = 50, 90
NORMAL: Final = "normal"
"""What the venue says of itself when all is well."""

Judge: TypeAlias = "Callable[[OnlineFacts, Settings], Row]"


def online_rows(settings: "Settings") -> list[Row]:
    """Return the rows of everything that is looked at, in the order in which they are shown."""
    from mm.bootstrap.doctor_online import examine_online

    try:
        facts = examine_online(settings)
    except MMError as error:
        return [Row(what="venue", status="fail", measured=str(error), limit="reachable", fix=error.hint)]
    except Exception as error:  # noqa: BLE001 - a check that crashes is a finding of its own
        said = redact(f"{type(error).__name__}: {error}")
        return [Row(what="venue", status="fail", measured=said, limit="reachable")]
    return list(judged(facts, settings))


def judged(facts: "OnlineFacts", settings: "Settings") -> Iterator[Row]:
    """Yield a row per judgement; one that crashes is a failed row."""
    for name, judge in BEFORE:
        yield _row(name, judge, facts, settings)
    for session in facts.sessions:
        yield from session_rows(session, settings)
    for market in facts.watched:
        yield _row(f"watched {market.name}", partial(_watched, market), facts, settings)
    for name, judge in AFTER:
        yield _row(name, judge, facts, settings)


def _row(name: str, judge: Judge, facts: "OnlineFacts", settings: "Settings") -> Row:
    try:
        return judge(facts, settings)
    except Exception as error:  # noqa: BLE001 - a check that crashes is a finding of its own
        return Row(what=name, status="fail", measured=redact(f"{type(error).__name__}: {error}"))


def missed(what: str, found: "Missed", limit: str) -> Row:
    """Return the row of something that was not measured."""
    status: Status = "skip" if found.meant else "fail"
    return Row(what=what, status=status, measured=found.reason, limit=limit, fix=found.hint)


def _watched(market: "WatchedFacts", *_: object) -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, seen = f"watched {market.name}", market.seen
    limit = f"shows prices for {', '.join(market.sessions)}"
    if isinstance(seen, Missed):
        return missed(what, seen, limit)
    instrument, top = seen.instrument, seen.top
    measured = (
        f"bid {instrument.price_text(top.bid_ticks)}, ask {instrument.price_text(top.ask_ticks)}"
        f" {instrument.quote}; {seen.trip_ms:.1f} ms away"
    )
    status: Status = "ok" if seen.trip_ms <= LATENCY_MS_WARN else "warn"
    return Row(what=what, status=status, measured=measured, limit=limit)


def _venue(facts: "OnlineFacts", settings: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    clock, limit = facts.clock, f"{LATENCY_MS_WARN:g} ms"
    where = facts.address.removesuffix("/api/v3")
    if isinstance(clock, Missed):
        fix = "start it: mm exchange" if facts.local else "check the network and the address"
        return Row(
            what="venue", status="fail", measured=f"{where}: {clock.reason}", limit="reachable", fix=fix
        )
    kind = "a local exchange" if facts.local else settings.mode
    return Row(
        what="venue",
        status="ok" if clock.median_ms <= LATENCY_MS_WARN else "warn",
        measured=f"{where} ({kind}): {clock.median_ms:.1f} ms median, {clock.worst_ms:.1f} ms worst",
        limit=limit,
        fix="run it nearer to the venue",
    )


def _offset(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    clock, limit = facts.clock, f"{OFFSET_MS_WARN:g} ms, {OFFSET_MS_FAIL:g} ms at most"
    if isinstance(clock, Missed):
        return Row(what="clock offset", status="skip", measured="not measured", limit=limit)
    off_ms = abs(clock.offset_ms)
    status: Status = "ok" if off_ms <= OFFSET_MS_WARN else "warn" if off_ms <= OFFSET_MS_FAIL else "fail"
    side = "ahead of" if clock.offset_ms > 0 else "behind"
    return Row(
        what="clock offset",
        status=status,
        measured=f"the venue is {off_ms:.1f} ms {side} us",
        limit=limit,
        fix="run a time service, as systemd-timesyncd or chrony",
    )


def _status(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit = "venue status", NORMAL
    if isinstance(facts.status, Missed):
        return missed(what, facts.status, limit)
    if not facts.status:
        return Row(what=what, status="skip", measured="this venue does not tell", limit=limit)
    status: Status = "ok" if facts.status == NORMAL else "fail"
    return Row(what=what, status=status, measured=facts.status, limit=limit, fix="wait until it is over")


def _rights(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, rights = "key rights", facts.rights
    limit = "reading and spot trading, no withdrawal, bound to addresses"
    if isinstance(rights, Missed):
        return missed(what, rights, limit)
    faults = []
    if rights.withdraws:
        faults.append("it may withdraw")
    if not rights.reads:
        faults.append("it may not read")
    if not rights.trades:
        faults.append("it may not trade spot")
    doubts = [] if rights.bound else ["it works from any address"]
    if rights.needless:
        doubts.append(f"it may do more than is needed: {', '.join(rights.needless)}")
    status: Status = "fail" if faults else "warn" if doubts else "ok"
    said = "; ".join((*faults, *doubts)) or "reads and trades spot, nothing else, from listed addresses"
    fix = "make a new key with the right permissions" if faults else "narrow the key at the venue"
    return Row(what=what, status=status, measured=said, limit=limit, fix=fix)


def _standing(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit, found = "account", "may trade spot", facts.standing
    if isinstance(found, Missed):
        return missed(what, found, limit)
    kind = found.kind or "of an unnamed kind"
    if not found.trades:
        return Row(
            what=what, status="fail", measured=f"{kind}: may not trade", limit=limit, fix="ask the venue"
        )
    return Row(what=what, status="ok", measured=f"{kind}: may trade", limit=limit)


def _rates(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit = "rate limits", f"below {USED_PERCENT_WARN} % used"
    used = [("weight in 1 MINUTE", facts.weight, facts.weight_limit)] if facts.weight >= 0 else []
    if not isinstance(facts.orders, Missed):
        used += [(f"orders in {row.window}", row.used, row.limit) for row in facts.orders]
    elif not facts.orders.meant:
        return missed(what, facts.orders, limit)
    if not used:
        return Row(what=what, status="skip", measured="the venue did not tell", limit=limit)
    worst = max(100 * count // most if most else 100 for _, count, most in used)
    status: Status = "ok" if worst < USED_PERCENT_WARN else "warn" if worst < USED_PERCENT_FAIL else "fail"
    measured = ", ".join(f"{count} of {most} {name}" for name, count, most in used)
    return Row(what=what, status=status, measured=measured, limit=limit, fix="what else uses this address?")


def _round_trip(facts: "OnlineFacts", _: "Settings") -> Row:
    from mm.bootstrap.doctor_online import Missed

    what, limit, trip = "round trip", "placed, seen, cancelled, gone", facts.round_trip
    if isinstance(trip, Missed):
        return missed(what, trip, limit)
    measured = (
        f"placed {trip.placed_ms:.1f} ms, seen {trip.seen_ms:.1f} ms, cancelled {trip.cancelled_ms:.1f} ms,"
        f" gone {trip.gone_ms:.1f} ms"
    )
    return Row(what=what, status="ok", measured=measured, limit=limit)


BEFORE: Final[tuple[tuple[str, Judge], ...]] = (
    ("venue", _venue),
    ("clock offset", _offset),
    ("venue status", _status),
)
AFTER: Final[tuple[tuple[str, Judge], ...]] = (
    ("key rights", _rights),
    ("account", _standing),
    ("rate limits", _rates),
    ("round trip", _round_trip),
)
"""The judgements before and after those of the sessions, each with the name of its row."""
