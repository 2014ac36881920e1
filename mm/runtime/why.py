"""Why a running engine quotes as it does: explained now, on a copy, between two events.

Nothing is sent and nothing changes. Bounded: one session is explained at a time, so that the loop goes on in
between.
"""

from time import perf_counter_ns

from mm.domain.commands import Report
from mm.domain.units import NS_PER_MS
from mm.engine.explain import explain
from mm.engine.session import Session
from mm.observe.why import why
from mm.runtime.live import LiveRuntime


def why_now(
    runtime: LiveRuntime, session: Session, *, side: str = "", level: int | None = None
) -> dict[str, object]:
    """Return why `session` quotes as it does, decided afresh on a copy, and how it last decided.

    Args: side: "bid", "ask" or "" for both; level: of the ladder, None for all.
    """
    began_ns, now_ns = perf_counter_ns(), runtime.now_ns()
    state = runtime.engine.state
    made = explain(state, session, now_ns=now_ns)
    answer = why(made, side=side, level=level)
    reports = [report for report in runtime.history.reports if report.session in ("", session.name)]
    return answer | {
        "source": "running",
        "last_decision": {
            "reason": session.reason,
            "age_ms": (now_ns - session.decided_ns) // NS_PER_MS if session.decided_ns else None,
        },
        "since_ms": _since_ms(reports, session),
        "halt": halt_facts(reports) if state.halt_code else None,
        "took_ms": round((perf_counter_ns() - began_ns) / NS_PER_MS, 1),
    }


def halt_facts(reports: list[Report]) -> dict[str, object] | None:
    """Return what was said of the last halt, None if it is not known any more."""
    for report in reversed(reports):
        if report.code == "halt":
            return {"ts_ms": report.ts_ns // NS_PER_MS, **dict(report.facts)}
    return None


def _since_ms(reports: list[Report], session: Session) -> int | None:
    # What is older than the memory of a run is not told.
    for report in reversed(reports):
        if report.code == "session.state" and report.session == session.name:
            return report.ts_ns // NS_PER_MS
    return None
