"""A backtest as it can be run by a worker elsewhere: another directory, another environment.

What decides the result goes with the job: the config's text as it is here, paths from the root, and what this
process has in its environment.
"""

import os
from collections.abc import Iterator
from dataclasses import replace

from mm.bootstrap.backtest.job import BacktestJob
from mm.settings.models import Settings
from mm.settings.overlay import PREFIX


def anywhere(job: BacktestJob, settings: Settings) -> BacktestJob:
    """Return the job that gives elsewhere what `job` gives here. Args: settings: those that it has here."""
    return replace(job.placed(), text=settings.text, overrides=(*_said_by_environment(), *job.overrides))


def _said_by_environment() -> Iterator[str]:
    # As texts like those of `--set`.
    for name in sorted(os.environ):
        if name.startswith(PREFIX):
            yield f"{name.removeprefix(PREFIX).lower().replace('__', '.')}={os.environ[name]}"
