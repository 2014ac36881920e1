"""The skips that are allowed, each with its reason. A skip that is not here fails the run."""

from typing import Final, NamedTuple


class AllowedSkip(NamedTuple):
    """A skip that may happen: tests whose id matches `pattern` (shell style) and whose reason is `reason`."""

    pattern: str
    reason: str


NEEDS_SHARED: Final = "needs ../shared"
"""Reason of a test that reads the recordings beside the repository: a clone alone does not have them."""

NEEDS_SYSTEMD: Final = "needs systemd-analyze"
"""Reason of a test that has systemd judge the unit: not every system has it."""

NEEDS_POSTGRES: Final = "needs initdb, postgres and psycopg"
"""Reason of the proof that keeps a search in a database: it starts a server of its own."""

ALLOWED_SKIPS: Final = (
    AllowedSkip("tests/*", NEEDS_SHARED),
    AllowedSkip("tests/cli/test_service.py::test_systemd_*", NEEDS_SYSTEMD),
    AllowedSkip("tests/bootstrap/tune/test_postgres.py::*", NEEDS_POSTGRES),
)
"""Every skip and every expected failure that may happen, and nothing else."""
