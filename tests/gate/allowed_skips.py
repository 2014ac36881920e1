"""The skips that are allowed, each with its reason. A skip that is not here fails the run."""

from typing import Final, NamedTuple


class AllowedSkip(NamedTuple):
    """A skip that may happen: tests whose id matches `pattern` (shell style) and whose reason is `reason`."""

    pattern: str
    reason: str


NEEDS_SHARED: Final = "needs ../shared"
"""Reason of a test that reads the recordings beside the repository: a clone alone does not have them."""

ALLOWED_SKIPS: Final = (AllowedSkip("tests/*", NEEDS_SHARED),)
"""Every skip and every expected failure that may happen, and nothing else."""
