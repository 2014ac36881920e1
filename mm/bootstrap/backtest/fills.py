"""How the fills of a backtest are made: the config's [paper], and what the command line says over it.

Invariant: whatever is asked for is either what the paper venue is given, and said in words in the result, or
an error that names the option.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from mm.bootstrap.backtest.job import BacktestJob
from mm.bootstrap.backtest.latencies import measured_rows
from mm.bootstrap.run_paper import paper_settings
from mm.domain.units import NS_PER_MS, PPM
from mm.errors import RecordingUnusable, UsageError
from mm.settings.models import Settings
from mm.sim.latency import ConstantLatency, Latency, MeasuredLatency, SampledLatency, Spread
from mm.sim.observed import POWER_MAX
from mm.sim.prng import Prng
from mm.sim.queue import CUSTOMARY_POWERS, QueueModel
from mm.store.recordings.orders import order_symbols_of
from mm.store.recordings.source import Source
from mm.venues.paper import PaperVenueSettings

LATENCIES: Final = (
    "constant:ENTRY,ANSWER or sampled:MEAN,P99 in milliseconds, or measured:FILE.csv or measured:RUN"
)

_MS_MAX: Final = Decimal(60_000)


class Fills(NamedTuple):
    """How fills are made. Fields: settings: of the paper venue; words: for people."""

    settings: PaperVenueSettings
    words: str


class _Delays(NamedTuple):
    make: Callable[[], Latency]
    words: str


def fills_of(settings: Settings, job: BacktestJob) -> Fills:
    """Return how the fills of a job are made.

    Raises: UsageError if `queue` or `latency` is none; RecordingUnusable if measured latencies are none, with
    file and row; ConfigError.
    """
    given = replace(paper_settings(settings), compares=False)
    if job.seed is not None:
        given = replace(given, seed=job.seed)
    if job.queue:
        name, power = queue_of(job.queue)
        given = replace(given, queue=name, queue_power=power)
    words = f"sampled {given.latency_mean_ms}/{given.latency_p99_ms} ms"
    if job.latency:
        delays = latency_of(job.latency, given.seed)
        given, words = replace(given, delays=delays.make), delays.words
    return Fills(given, f"{_queue_words(given)}, latency {words}{_participation_words(given)}")


def queue_of(text: str) -> tuple[str, float | None]:
    """Return model and exponent of `--queue`, as power:3; None: the customary one. Raises: UsageError."""
    name, colon, exponent = text.strip().lower().partition(":")
    known = ", ".join(model.name.lower() for model in QueueModel)
    if name.upper() not in QueueModel.__members__:
        raise UsageError(f"--queue was {text[:40]!r}, expected one of {known}")
    if not colon:
        return name, None
    if QueueModel[name.upper()] not in CUSTOMARY_POWERS:
        raise UsageError(f"--queue was {text[:40]!r}: {name} has no exponent")
    try:
        power = float(exponent)
    except ValueError:
        power = 0.0
    if not 0 < power <= POWER_MAX:
        raise UsageError(f"--queue was {text[:40]!r}, expected an exponent above 0, at most {POWER_MAX:g}")
    return name, power


def require_orders(source: Source, settings: Settings, queue: str) -> None:
    """Raise RecordingUnusable if a queue model follows single orders that the data do not tell.

    Args: queue: name of the model, as of `queue_of`.
    """
    if QueueModel[queue.upper()] is not QueueModel.L3:
        return
    known = order_symbols_of(source)
    for pair in settings.pair.values():
        if pair.symbol in source.symbols and pair.symbol not in known:
            raise RecordingUnusable(
                f"{source.name}: no order ids of {pair.symbol}: the queue model l3 follows single orders",
                hint="where sizes alone are recorded, queues are estimated: --queue risk_averse, log2",
            )


def latency_of(text: str, seed: int) -> _Delays:
    """Return what makes the delays of `--latency`, and how it is called.

    Raises: UsageError if it is none; as `measured_rows` if what was to hold measured ones does not.
    """
    kind, _, values = text.strip().partition(":")
    match kind:
        case "constant":
            entry, answer = _pair(text, values)
            make: Callable[[], Latency] = partial(ConstantLatency, entry_ns=_ns(entry), answer_ns=_ns(answer))
            words = f"constant {entry}/{answer} ms"
        case "sampled":
            mean, p99 = _pair(text, values)
            make = partial(_sampled, Spread(_ns(mean), _ns(p99)), seed)
            words = f"sampled {mean}/{p99} ms"
        case "measured":
            rows = measured_rows(Path(values))
            make = partial(MeasuredLatency, rows)
            words = f"measured, {len(rows)} rows of {Path(values).name}"
        case _:
            raise UsageError(f"--latency was {text[:40]!r}, expected {LATENCIES}")
    try:
        make()
    except ValueError as error:
        if kind == "measured":
            raise RecordingUnusable(f"{values}: {error}") from None
        raise UsageError(
            f"--latency was {text[:40]!r}: no delays have that mean and that 99th percentile, milliseconds",
            hint="the 99th percentile is at least the mean, and at most about 14.9 times as much",
        ) from None
    return _Delays(make, words)


def _sampled(spread: Spread, seed: int) -> Latency:
    return SampledLatency(entry=spread, answer=spread, prng=Prng(seed, "paper latency"))


def _pair(text: str, values: str) -> tuple[Decimal, Decimal]:
    try:
        first, second = (Decimal(part.strip().removesuffix("ms").strip()) for part in values.split(","))
        if all(number.is_finite() and 0 <= number <= _MS_MAX for number in (first, second)):
            return first, second
    except (ValueError, InvalidOperation):
        pass
    raise UsageError(f"--latency was {text[:40]!r}, expected {LATENCIES}", hint="as constant:80,80")


def _ns(milliseconds: Decimal) -> int:
    return int(milliseconds * NS_PER_MS)


def _queue_words(given: PaperVenueSettings) -> str:
    return f"{given.queue} queue" + ("" if given.queue_power is None else f" ({given.queue_power:g})")


def _participation_words(given: PaperVenueSettings) -> str:
    share = given.participation_ppm / PPM
    return "" if given.participation_ppm == PPM else f", at most {share:.4g} of each trade or displayed level"
