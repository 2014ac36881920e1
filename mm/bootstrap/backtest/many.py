"""One backtest taken apart: a job for each day of the data, for each of its symbols, or both.

Each begins without a past: nothing is carried over midnight. Invariant: the jobs cover the span that was
asked for once, in order of symbols and days.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mm.bootstrap.backtest.anywhere import anywhere
from mm.bootstrap.backtest.data import opened
from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.backtest.run import settings_for, span_of
from mm.domain.units import NS_PER_S
from mm.errors import UsageError

DAY_NS: Final = 86_400 * NS_PER_S
PARTS_MAX: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of many. Fields: day: "2024-08-08", UTC, "" if not by days; symbol: "" if not by symbols; job."""

    day: str
    symbol: str
    job: BacktestJob


def parts(
    job: BacktestJob, *, each_day: bool, each_symbol: bool, elsewhere: bool = False
) -> tuple[Part, ...]:
    """Return a job's parts; each leaves a directory of its own where the job does.

    Args: elsewhere: they are run by workers that do not share this process's directory and environment.
    Raises: UsageError if symbols are to be taken apart for a config of several sessions; what `open_source`
    raises, ConfigError, RecordingUnusable.
    """
    settings = settings_for(job)
    if elsewhere:
        job = anywhere(job, settings)
    source = opened(job, settings)
    span = span_of(job, source)
    days = [("", job.from_ns, job.to_ns)]
    if each_day:
        begin_ns, end_ns = span.from_ns or source.first_ns, span.to_ns or source.last_ns + 1
        days = _days(begin_ns, end_ns)
    names = list(settings.pair)
    if each_symbol and len(names) != 1:
        raise UsageError(
            f"--each-symbol puts each symbol into the one session of a config: this one has {len(names)}",
            hint="name the sessions in one config, or take one of them alone",
        )
    symbols = source.symbols if each_symbol else ("",)
    made = []
    for symbol in symbols:
        overrides = (*job.overrides, f"pair.{names[0]}.symbol={symbol}") if symbol else job.overrides
        for day, from_ns, to_ns in days:
            one = replace(job, overrides=overrides, from_ns=from_ns, to_ns=to_ns)
            made.append(Part(day=day, symbol=symbol, job=one))
    if len(made) > PARTS_MAX:
        raise UsageError(f"{len(made)} backtests were asked for at once, at most {PARTS_MAX}")
    return tuple(made)


def _days(begin_ns: int, end_ns: int) -> list[tuple[str, int, int]]:
    found = []
    at_ns = begin_ns
    while at_ns < end_ns:
        next_ns = (at_ns // DAY_NS + 1) * DAY_NS
        day = f"{datetime.fromtimestamp(at_ns // NS_PER_S, UTC):%Y-%m-%d}"
        found.append((day, at_ns, min(next_ns, end_ns)))
        at_ns = next_ns
    return found
