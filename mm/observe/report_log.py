"""Writes the engine's reports to the log: one event name per fact, the level by what it means."""

from typing import Final

import structlog

from mm.domain.commands import Report

log = structlog.get_logger("mm")

CRITICAL: Final = (
    "exit.failed",
    "exit.incomplete",
    "fence.older_trades",
    "fenced",
    "halt",
    "halt.unconfirmed",
    "pnl.residue",
)
WARNING: Final = (
    "balance.external",
    "book.lost",
    "fill.earlier_life",
    "fill.foreign",
    "fill.late",
    "fill.malformed",
    "fill.post_only_taken",
    "fill.retired",
    "halt.confirmed",
    "halt.reopened",
    "ledger.explained",
    "order.abandoned",
    "order.dead",
    "order.fills_missing",
    "order.inherited",
    "order.mismatch",
    "order.orphan",
    "order.retired",
    "order.undead",
    "order.unknown",
    "orders.foreign",
    "process.stalled",
    "quotes.unfit",
    "request.failed",
    "self_trade.prevented",
    "session.held",
    "signal.doubtful",
    "signal.unfit",
    "stop.waits",
    "stream.down",
    "stream.suspect",
    "unhalt",
    "unhalt.refused",
    "venue.clock_doubted",
    "venue.throttled",
)
INFO: Final = (
    "config.applied",
    "equity.start",
    "exit.done",
    "ledger.opened",
    "operator",
    "order.over_limit",
    "pause.lifted",
    "pause.noted",
    "recovered",
    "session.state",
    "session.stock",
    "session.target",
    "signal.outdated",
    "signal.restored",
    "stream.up",
)
DEBUG: Final = ("order.denied", "order.rejected", "session.reason", "venue.clock")

_TAKEN: Final = ("event", "exc_info", "level", "session", "ts")
# Names of a log line that are not a fact's own.


def log_report(report: Report) -> None:
    """Write one report; a code that is in none of the lists is a warning."""
    facts = {f"fact_{key}" if key in _TAKEN else key: value for key, value in report.facts}
    if report.session:
        facts["session"] = report.session
    if report.code in CRITICAL:
        log.critical(report.code, **facts)
    elif report.code in INFO:
        log.info(report.code, **facts)
    elif report.code in DEBUG:
        log.debug(report.code, **facts)
    else:
        log.warning(report.code, **facts)
