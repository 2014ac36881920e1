"""What may go wrong at an exchange, one case each, and what has to hold after it: for tests of survival."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from mm.settings.options import RunReport
from tests.builders.faulty_market import Trial, trial

Said = str | frozenset[str]


class Case(NamedTuple):
    """What goes wrong.

    Fields: faults: added at once; says: what the engine has to notice: codes that it reports, or IN_DOUBT for
    an order; of a set of them whichever is first, where that is a race.
    """

    faults: tuple[dict[str, Any], ...]
    says: tuple[Said, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """The kinds of the faults."""
        return [fault["kind"] for fault in self.faults]


def case(kind: str, *says: Said, beside: tuple[dict[str, Any], ...] = (), **fields: Any) -> Case:
    """Return a case of one fault, and others `beside` it."""
    return Case(({"kind": kind, **fields}, *beside), says)


IN_DOUBT, UNKNOWN, DEAD = "in doubt", "order.unknown", "order.dead"
LOST, DOWN, SUSPECT = "book.lost", "stream.down", "stream.suspect"
UNHEARD: Final = frozenset({IN_DOUBT, SUSPECT})
"""Nothing was heard of an order: it is asked for, or a listing shows it first and the stream is doubted."""

PLACE: Final[dict[str, Any]] = {"target": "order.place", "every": 2, "count": 2}
CANCEL: Final[dict[str, Any]] = {"target": "order.cancel", "every": 2, "count": 2}
NO_NEW: Final = {"kind": "lost", "target": "executionReport", "execution": "NEW", "duration_s": 5}
NO_REPORTS: Final = {"kind": "lost", "target": "executionReport", "duration_s": 5}
NO_END: Final = {"kind": "lost", "target": "executionReport", "execution": "CANCELED", "duration_s": 5}

CASES: Final = {
    "lost_ack": case("lost_ack", **PLACE),
    "lost_ack_and_no_report": case("lost_ack", UNKNOWN, beside=(NO_NEW,), **PLACE),
    "lost_ack_of_a_cancel": case("lost_ack", beside=(NO_END,), **CANCEL),
    "slow": case("slow", delay_ms=2_500, **PLACE),
    "slow_beyond_patience": case("slow", UNKNOWN, DEAD, delay_ms=6_000, **PLACE),
    "slow_ack": case("slow_ack", delay_ms=2_500, **PLACE),
    "slow_ack_of_a_cancel": case("slow_ack", delay_ms=5_000, **CANCEL),
    "missing_ack_and_no_report": case("missing_ack", UNHEARD, beside=(NO_REPORTS,), **PLACE),
    "missing_listing": case("no_answer", target="openOrders.status", count=2),
    "no_answer": case("no_answer", UNKNOWN, DEAD, **PLACE),
    "no_answer_to_a_cancel": case("no_answer", **CANCEL),
    "drop_before": case("drop_before", UNKNOWN, DEAD, **PLACE),
    "drop_before_a_cancel": case("drop_before", **CANCEL),
    "drop_after_and_no_report": case("drop_after", UNKNOWN, beside=(NO_NEW,), **PLACE),
    "drop_after_a_cancel": case("drop_after", **CANCEL),
    "page_for_ack": case("garbled", UNKNOWN, beside=(NO_NEW,), form="html", **PLACE),
    "half_an_ack": case("garbled", UNKNOWN, beside=(NO_NEW,), form="truncated", **PLACE),
    "empty_ack": case("garbled", UNKNOWN, beside=(NO_NEW,), form="empty", **PLACE),
    "other_json_for_all": case("garbled", form="other", duration_s=3),
    "page_for_a_snapshot": case(
        "garbled", LOST, beside=({"kind": "malformed", "target": "depth"},), form="html", target="depth"
    ),
    "drip": case("drip", UNHEARD, beside=(NO_REPORTS,), **PLACE),
    "drip_of_all": case("drip", duration_s=3),
    "500": case("error", UNKNOWN, DEAD, status=500, code=-1_000, **PLACE),
    "502_without_code": case("error", UNKNOWN, DEAD, status=502, code=0, **PLACE),
    "503_overloaded": case("error", status=503, code=-1_008, text="Server is currently overloaded", **PLACE),
    "500_but_done": case(
        "error", UNKNOWN, beside=(NO_NEW,), status=500, code=-1_006, processed=True, **PLACE
    ),
    "504_but_done": case(
        "error", UNKNOWN, beside=(NO_NEW,), status=504, code=-1_007, processed=True, **PLACE
    ),
    "502_for_all": case("error", IN_DOUBT, status=502, code=0, duration_s=3),
    "too_many": case("too_many", "venue.throttled", target="order.place", retry_after_s=3),
    "too_many_listings": case("too_many", "venue.throttled", target="openOrders.status", retry_after_s=3),
    "maintenance": case("maintenance", IN_DOUBT, duration_s=4),
    "not_found_yet": case(
        "not_found", UNKNOWN, beside=({"kind": "drop_after", **PLACE}, NO_NEW), lag_s=3, duration_s=6
    ),
    "lost_reports": case("lost", SUSPECT, target="user", duration_s=8),
    "lost_fills": case("lost", target="executionReport", execution="TRADE", count=2),
    "lost_change": case("lost", LOST, target="depth"),
    "lost_market": case("lost", SUSPECT, LOST, target="market", duration_s=8),
    "duplicate": case("duplicate", LOST, duration_s=4),
    "duplicate_reports": case("duplicate", target="user", duration_s=4),
    "late_reports": case("late", target="executionReport", delay_ms=1_500, duration_s=5),
    "fills_after_cancel_acks": case(
        "late", target="executionReport", execution="TRADE", delay_ms=3_000, count=2
    ),
    "late_change": case("late", LOST, target="depth", delay_ms=500, every=3, count=3),
    "late_market": case("late", LOST, target="market", delay_ms=3_000, duration_s=5),
    "reorder_reports": case("reorder", target="user", frames=4, every=4, count=4),
    "reorder_changes": case("reorder", LOST, target="depth"),
    "malformed_change": case("malformed", DOWN, LOST, target="depth", form="text"),
    "malformed_top": case("malformed", DOWN, LOST, target="bookTicker"),
    "shapeless_trade": case("malformed", DOWN, LOST, target="trade", form="shape"),
    "malformed_report": case("malformed", DOWN, target="executionReport"),
    "shapeless_report": case("malformed", target="executionReport", form="shape"),
    "malformed_balance": case("malformed", DOWN, target="outboundAccountPosition", form="text"),
    "ahead_of_sequence": case("out_of_sequence", LOST, shift=5),
    "behind_sequence": case("out_of_sequence", LOST, shift=-50),
    "frozen_time": case("frozen_time", SUSPECT, target="market", duration_s=8),
    "clog": case("clog", duration_s=6),
    "clogged_market": case("clog", target="market", duration_s=8),
    "black_hole": case("black_hole", SUSPECT, duration_s=4),
    "black_hole_of_the_user_stream": case("black_hole", SUSPECT, target="user", duration_s=4),
    "black_hole_of_the_market": case("black_hole", SUSPECT, LOST, target="market", duration_s=4),
    "close": case("close", DOWN, LOST),
    "abort": case("abort", DOWN, LOST),
    "aborts": case("abort", DOWN, LOST, every_s=1.5, count=3),
    "terminate": case("terminate", DOWN),
    "server_down": case("server_down", DOWN, LOST, duration_s=3),
    "skew_ahead": case("skew", "venue.clock_doubted", skew_ms=30_000),
    "skew_behind": case("skew", "venue.clock_doubted", skew_ms=-30_000),
    "tick_change": case("tick_change", times=10, duration_s=5),
}


def clean(run: Trial, report: RunReport) -> None:
    """Check what holds after every run, by the venue's truth and by what was sent."""
    assert (report.self_trades, report.limit_breaches) == (0, 0)
    assert (report.open_orders_at_exit, report.pnl_residual) == (0, 0)
    assert run.engine.state.orders.uncertain() == []
    assert run.engine.wrong == []


async def survives(folder: Path, given: Case) -> None:
    """Check that the bot quotes again with new orders in bounded time, and left nothing in doubt or open."""
    async with trial(folder) as run:
        for fault in given.faults:
            await run.add(**fault)
        await run.passed(given.kinds)
        await run.quotes(since_ns=run.now_ns())
        outcome = await run.end()
        report = await run.verdict(outcome)
    assert (outcome.clean, outcome.halted) == (True, False)
    clean(run, report)
    said = {*run.engine.codes(), *([IN_DOUBT] if run.engine.unknown else [])}
    for what in given.says:
        assert said & ({what} if isinstance(what, str) else what), run.story()
