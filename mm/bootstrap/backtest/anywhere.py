"""A backtest as it can be run by a worker elsewhere: another directory, other files, another environment.

What decides the result goes with the job: the config's text as it is here, paths from the root, and what this
process has in its environment.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mm.bootstrap.backtest.job import BacktestJob
from mm.settings.models import Settings
from mm.settings.overlay import PREFIX


def anywhere(job: BacktestJob, settings: Settings) -> BacktestJob:
    """Return the job that gives elsewhere what `job` gives here. Args: settings: those that it has here."""
    return replace(
        job.placed(),
        text=settings.text,
        overrides=(*said_by_environment(), *job.overrides),
        latency=placed_latency(job.latency),
    )


def said_by_environment() -> Iterator[str]:
    """Yield what this process has in its environment, as texts like those of `--set`."""
    for name in sorted(os.environ):
        if name.startswith(PREFIX):
            yield f"{name.removeprefix(PREFIX).lower().replace('__', '.')}={os.environ[name]}"


def placed_latency(latency: str) -> str:
    """Return a latency as of `--latency`, its file named from the root."""
    kind, _, name = latency.partition(":")
    return f"{kind}:{Path(name).absolute()}" if kind == "measured" else latency
