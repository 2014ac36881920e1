"""Writes down what has to survive the process the moment it is reported: the latch and the targets."""

from typing import Protocol

from mm.domain.commands import Report


class Kept(Protocol):
    """Where it is written; each call returns when it is on disk."""

    def latch(self, code: str, reason: str, ts_ns: int) -> None:
        """Note that trading is latched off."""

    def clear_latch(self, reason: str, who: str) -> object:
        """Note that an operator lifted the latch."""

    def set_target_lots(self, session: str, target_lots: int) -> None:
        """Note the holding at which a session's inventory is 0."""


class Keeper:
    """An observer that keeps the latch and the targets of a run."""

    def __init__(self, kept: Kept) -> None:
        """Keep where to write."""
        self._kept = kept
        self._lifted_by = ("", "")

    def __call__(self, report: Report) -> None:
        """Write down what this report changes."""
        facts = dict(report.facts)
        if report.code == "halt":
            self._kept.latch(facts["reason"], "; ".join(f"{k}={v}" for k, v in report.facts), report.ts_ns)
        elif report.code == "operator" and facts["operation"] == "unhalt":
            self._lifted_by = (facts["reason"], facts["who"])
        elif report.code == "unhalt":
            self._kept.clear_latch(*self._lifted_by)
        elif report.code == "session.target":
            self._kept.set_target_lots(report.session, int(facts["target_lots"]))
