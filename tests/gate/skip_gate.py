"""A skip or an expected failure that is not on the list of allowed ones fails the run.

A skipped test proves nothing and looks green. The controller alone judges: xdist sends it every report.
"""

from fnmatch import fnmatchcase
from typing import Final

import pytest

from tests.gate.allowed_skips import ALLOWED_SKIPS

UNLISTED: Final = pytest.StashKey[dict[str, str]]()


def is_allowed(node_id: str, reason: str) -> bool:
    """Return whether the list allows the test `node_id` to be skipped for `reason`."""
    return any(reason == skip.reason and fnmatchcase(node_id, skip.pattern) for skip in ALLOWED_SKIPS)


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the reason that a skip or an expected failure was given, without pytest's prefix."""
    expected_failure: str | None = getattr(report, "wasxfail", None)
    if expected_failure is not None:
        return expected_failure.removeprefix("reason: ")
    longrepr = report.longrepr
    text = str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")


class SkipGate:
    """Collects the skips of one run. Fields: unlisted: test id -> reason of those that the list lacks."""

    def __init__(self) -> None:
        self.unlisted: dict[str, str] = {}

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not is_allowed(report.nodeid, reason_of(report)):
            self.unlisted[report.nodeid] = reason_of(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped whole."""
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if a skip was not on the list."""
        if self.unlisted and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the skips that were not on the list."""
        if not self.unlisted:
            return
        terminalreporter.section("skips that are not allowed: FAILED", red=True)
        for node_id, reason in sorted(self.unlisted.items()):
            terminalreporter.write_line(f"{node_id}: {reason}")
        terminalreporter.write_line("make the test run, or put it on the list in tests/gate/allowed_skips.py")


def pytest_configure(config: pytest.Config) -> None:
    """Install the gate in the process that sees every report: not in an xdist worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipGate(), "mm-skip-gate")
