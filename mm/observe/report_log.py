"""Writes the engine's reports to the log: one event name per fact, the level by what it means."""

from typing import Final

import structlog

from mm.domain.commands import Report

log = structlog.get_logger("mm")

CRITICAL: Final = ("halt", "halt.unconfirmed", "exit.incomplete")
WARNING: Final = (
    "book.lost",
    "fill.earlier_life",
    "fill.foreign",
    "fill.late",
    "fill.post_only_taken",
    "halt.confirmed",
    "order.dead",
    "order.mismatch",
    "order.orphan",
    "order.undead",
    "order.unknown",
    "orders.foreign",
    "request.failed",
    "self_trade.prevented",
    "session.held",
    "stream.down",
    "stream.suspect",
    "unhalt",
    "unhalt.refused",
    "venue.throttled",
)
DEBUG: Final = ("order.denied", "order.rejected", "session.reason", "venue.clock")


def log_report(report: Report) -> None:
    """Write one report."""
    facts = dict(report.facts)
    if report.session:
        facts["session"] = report.session
    # The event's own name is taken by the code.
    if "event" in facts:
        facts["fact"] = facts.pop("event")
    if report.code in CRITICAL:
        log.critical(report.code, **facts)
    elif report.code in WARNING:
        log.warning(report.code, **facts)
    elif report.code in DEBUG:
        log.debug(report.code, **facts)
    else:
        log.info(report.code, **facts)
