"""`mm tune`: a search over a session's parameters on recordings, and what its best trial is worth.

A trial is a backtest per window and world (queue model and latency), each run by whoever there is; the
coordinator alone writes the study. The config is changed by `write` alone. Invariant: the same order on the
same data gives the same trials and the same best one, on however many workers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import mm
from mm.analytics.session import AVERSION
from mm.bootstrap.backtest.anywhere import anywhere
from mm.bootstrap.backtest.data import opened
from mm.bootstrap.backtest.fills import fills_of, queue_of, require_orders
from mm.bootstrap.backtest.funding import funding_of
from mm.bootstrap.backtest.latencies import measured_rows
from mm.bootstrap.backtest.run import BacktestJob, run_job, span_of
from mm.domain.instrument import Instrument
from mm.errors import ConfigError, NotRunning, UsageError, WorkerFailed
from mm.runtime.tune.executor import Executor, Task
from mm.runtime.tune.judgement import Evidence, Judgement, Tried, best_of, distinct, judged
from mm.runtime.tune.score import Objective, Outcome, outcome_of
from mm.runtime.tune.search import LAG, Progress, Search, outcomes_of
from mm.runtime.tune.sensitivity import Sensitivity, neighbours, sensitivities
from mm.runtime.tune.space import Point, overrides_of
from mm.runtime.tune.space_file import SpaceFile
from mm.runtime.tune.splits import Cut, Window, places, windows
from mm.runtime.tune.storages import Place
from mm.runtime.tune.study import NAME, TuneStudy
from mm.settings.edit import with_key
from mm.settings.loader import DEMO_FILE, leaves, load_settings, read_text, settings_of
from mm.settings.models import Settings
from mm.settings.strategies import code_digest, strategy_class
from mm.store.paths import private_directory
from mm.store.recordings.facts import Facts
from mm.store.recordings.remarks import remarks_of
from mm.store.recordings.source import Source
from mm.store.textfile import replace_file

BOM: Final = b"\xef\xbb\xbf"

WORLDS_MAX: Final = 32

TUNE_NAME: Final = "tune"
"""Directory of studies in a data directory."""

BESIDE: Final = ("data_dir", "log", "journal", "watchdog", "recovery", "mode", "venue", "demo")
"""Tables of the config that no backtest depends on: they may change between two parts of a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for.

    Fields: config; space: file; data: recordings; trials: of the study, those of earlier runs included;
    overrides: of `--set`; pair: the session that is judged, None: the only one; objectives; queues,
    latencies: as `BacktestJob` takes them, "" for the config's: the worst of all counts; cut; from_ns, to_ns:
    of the data, 0: all; aversion: of the certainty equivalent; seed: of the search; lag: trials under way at
    once; name: of the study, "" for that of config and space; storage: "" for a file in the data directory;
    pick: the trial to judge in place of the best; funding: file of rates, as `BacktestJob` takes it; facts:
    what the data do not say themselves.
    """

    config: Path
    space: Path
    data: tuple[Path, ...]
    trials: int
    overrides: tuple[str, ...] = ()
    pair: str | None = None
    objectives: tuple[Objective, ...] = (Objective.CERTAINTY,)
    queues: tuple[str, ...] = ("",)
    latencies: tuple[str, ...] = ("",)
    cut: Cut = field(default_factory=Cut)
    from_ns: int = 0
    to_ns: int = 0
    aversion: float = AVERSION
    seed: int = 7
    lag: int = LAG
    name: str = ""
    storage: str = ""
    reference: bool = False
    pick: int | None = None
    funding: Path | None = None
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a study amounts to.

    Fields: order; pair; place: of the study; space; windows; worlds: queue and latency of each; tried: trials
    with outcomes; trials: all that have ended; refused: combinations that the config does not take; best:
    index into `tried`; front: numbers of the trials that no other one is better than in everything;
    judgement; sensitivities; complete: so many trials as asked for.
    """

    order: Order
    settings: Settings
    pair: str
    place: Place
    space: SpaceFile
    windows: tuple[Window, ...]
    worlds: tuple[tuple[str, str], ...]
    tried: tuple[Tried, ...]
    trials: int
    refused: int
    best: int
    front: tuple[int, ...]
    judgement: Judgement
    sensitivities: tuple[Sensitivity, ...]
    complete: bool

    @property
    def point(self) -> dict[str, str]:
        """What the best trial tried."""
        return self.tried[self.best].point

    @property
    def train(self) -> tuple[int, ...]:
        """Numbers of the windows that were chosen by."""
        return places(self.windows, test=False)

    @property
    def test(self) -> tuple[int, ...]:
        """Numbers of the windows that were judged on."""
        return places(self.windows, test=True)


class Tuning:
    """A study that is ready to be searched. Fields: order; space; windows; worlds; place; notes: on data."""

    def __init__(self, order: Order) -> None:
        """Check all that can be checked before anything runs.

        Raises: ConfigError about config, space, data or names; RecordingUnusable, RecordingDamaged.
        """
        self.order = order
        self.settings = load_settings(order.config, order.overrides)
        self.space = SpaceFile(order.space, order.config, order.overrides)
        self.pair = _judged_pair(self.settings, order.pair)
        job = _job(order)
        _require_worlds(order, self.settings, job)
        source = opened(job, self.settings)
        _require_symbols(self.settings, source)
        _require_orders(order, self.settings, source)
        span = span_of(job, source)
        funding_of(job.funding, source, _judged_markets(self.settings, source), span)
        self.windows = windows(span.from_ns or source.first_ns, span.to_ns or source.last_ns, order.cut)
        self._job = anywhere(job, self.settings)
        self.worlds = tuple((queue, latency) for queue in order.queues for latency in order.latencies)
        if len(dict.fromkeys(self.worlds)) != len(self.worlds) or len(self.worlds) > WORLDS_MAX:
            raise ConfigError(f"--queues and --latencies: expected at most {WORLDS_MAX} different worlds")
        self._data_digest = source.digest
        self.notes = remarks_of(source)
        self.place = _place(order, self.settings)
        if self.place.is_file and not Path(self.place.storage).exists():
            _require_pick(order, order.trials)

    @contextmanager
    def study(self) -> Iterator[TuneStudy]:
        """Open the study, made if it is not there; raises as `TuneStudy.open`."""
        order = self.order
        if not order.storage:
            _folder(self.settings)
        study = TuneStudy(self.place, self.space.dimensions, seed=order.seed, lag=order.lag)
        with study.open(self._facts(), [one.is_maximised for one in order.objectives]):
            yield study

    def search(self, study: TuneStudy, executor: Executor, progress: Progress) -> None:
        """Run what is left of the trials; raises as `Search.run`, ConfigError if none is to be picked."""
        _require_pick(self.order, max(self.order.trials, len(study.trials())))
        Search(study, self, executor, self.order.objectives).run(self.order.trials, progress)

    def tuned(self, study: TuneStudy) -> Tuned:
        """Return what the study amounts to now.

        Raises: NotRunning if no trial has a result, ConfigError if none can have one.
        """
        order = self.order
        kept = study.trials()
        tried = [
            Tried(number=one.number, point=one.point, outcomes=outcomes_of(one.result))
            for one in kept
            if one.result is not None
        ]
        refused = [one for one in kept if one.refused]
        if not tried:
            if refused:
                raise ConfigError(f"none of {len(refused)} trials can be: {refused[0].refused}")
            raise NotRunning(f"{self.place.shown}: no trial of {self.place.name} has a result yet")
        best = _picked(tried, order, self.training)
        each, place = distinct(tried, best)
        points = [one.point for one in tried]
        values = [one.outcomes.value(order.objectives[0], self.training) for one in tried]
        evidence = Evidence(
            tried=each,
            best=place,
            train=tuple(self.training),
            test=places(self.windows, test=True),
            near=neighbours(self.space.dimensions, [one.point for one in each], place),
        )
        importances = study.importances(0, maximised=order.objectives[0].is_maximised)
        return Tuned(
            order=order,
            settings=self.settings,
            pair=self.pair,
            place=self.place,
            space=self.space,
            windows=self.windows,
            worlds=self.worlds,
            tried=tuple(tried),
            trials=len(tried) + len(refused),
            refused=len(refused),
            best=best,
            front=tuple(study.front()),
            judgement=judged(evidence),
            sensitivities=sensitivities(self.space.dimensions, points, values, best, importances),
            complete=len([one for one in kept if one.told]) >= order.trials,
        )

    # ---- what the search asks for

    @property
    def training(self) -> Sequence[int]:
        """Numbers of the windows that count for the search."""
        return places(self.windows, test=False)

    def refusal(self, point: Point) -> str:
        """Return why the config does not take a point, "" if it does."""
        return self.space.refusal(point)

    def task(self, point: Point, world: int, window: int) -> Task:
        """Return the task of one backtest."""
        span, (queue, latency) = self.windows[window], self.worlds[world]
        job = replace(
            self._job,
            overrides=(*self._job.overrides, *overrides_of(point)),
            from_ns=span.from_ns,
            to_ns=span.to_ns,
            queue=queue,
            latency=latency,
        )
        return partial(run_window, job.placed(), self.pair)

    def _facts(self) -> dict[str, object]:
        # All that a result depends on: a study never mixes two of any of these.
        order, funding = self.order, self.order.funding
        rates = {} if funding is None else {"funding": sha256(funding.read_bytes()).hexdigest()}
        return {
            **rates,
            **_code(self.settings),
            **_measured(self.worlds),
            "version": mm.__version__,
            "space": self.space.fields(),
            "config": _config_digest(self.settings, [one.key for one in self.space.dimensions]),
            "data": self._data_digest,
            "session": self.pair,
            "objectives": [one.value for one in order.objectives],
            "worlds": [list(world) for world in self.worlds],
            "windows": [[one.from_ns, one.to_ns] for one in self.windows],
            "aversion": order.aversion,
            "seed": order.seed,
            "batch": order.lag,
        }


def run_window(job: BacktestJob, pair: str) -> Outcome:
    """Run one backtest and return what it gave of a session; goes to a worker by its name.

    Raises: as `run_job`; WorkerFailed if it ended before its data.
    """
    result = run_job(job)
    if result.partial:
        raise WorkerFailed(f"a backtest ended early: {result.partial}")
    made = f"{result.fill_model}, {result.calibration}"
    return outcome_of(result.session(pair), halted=result.halted, digest=result.digest, made=made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A key that was written. Fields: key; old: as it was, "off" if absent; new."""

    key: str
    old: str
    new: str


def differences(found: Tuned) -> tuple[Written, ...]:
    """Return what the best point changes in the config."""
    known = {".".join(path): value for path, value in leaves(found.settings)}
    changed = []
    for key, text in found.point.items():
        old = known.get(key)
        shown = "off" if old is None else _shown(old)
        if shown != text.strip('"'):
            changed.append(Written(key=key, old=shown, new=text))
    return tuple(changed)


def write(found: Tuned) -> tuple[Written, ...]:
    """Write the best point into the config and return what changed; atomic, comments kept.

    Raises: ConfigError if the loader does not take the result, the file was changed meanwhile or cannot be
    written: it is as it was then.
    """
    path = found.settings.path
    if path == DEMO_FILE.absolute():
        raise ConfigError("`mm demo` runs the config that comes with mm", hint="copy it and tune that")
    text, before = read_text(path, again=True), path.read_bytes()
    if text != found.settings.text:
        raise ConfigError(f"{path}: was changed while the search ran", hint="give the command again")
    changed = differences(found)
    for one in changed:
        text = with_key(text, one.key, one.new)
    settings_of(text, path)
    if changed:
        prefix = BOM if before.startswith(BOM) else b""
        replace_file(path, prefix + text.encode(), expected=before)
    return changed


def report_path(found: Tuned | Tuning, suffix: str) -> Path:
    """Return where the report of a study lies: beside its file, or in the data directory."""
    place = found.place
    folder = Path(place.storage).parent if place.is_file else found.settings.data_dir / TUNE_NAME
    return folder / f"{found.place.name}{suffix}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(getattr(value, "value", value))


def _judged_pair(settings: Settings, asked: str | None) -> str:
    names = list(settings.pair)
    if asked is not None:
        if asked not in names:
            raise ConfigError(f"there is no [pair.{asked}]", hint=f"there is {', '.join(names)}")
        return asked
    if len(names) != 1:
        raise ConfigError(
            f"the config has {len(names)} sessions: {', '.join(names)}",
            hint="name the one to judge: --pair NAME",
        )
    return names[0]


def _job(order: Order) -> BacktestJob:
    return BacktestJob(
        config=order.config,
        data=order.data,
        overrides=order.overrides,
        from_ns=order.from_ns,
        to_ns=order.to_ns,
        reference=order.reference,
        aversion=order.aversion,
        funding=order.funding,
        facts=order.facts,
    )


def _require_worlds(order: Order, settings: Settings, job: BacktestJob) -> None:
    # Told before there is a study: else each of its trials would fail by it.
    if "" in order.queues and len(order.queues) > 1:
        raise UsageError("--queues: one of them is empty")
    jobs = [
        *(("--queue", replace(job, queue=queue)) for queue in order.queues),
        *(("--latency", replace(job, latency=latency)) for latency in order.latencies),
    ]
    for option, one in jobs:
        try:
            fills_of(settings, one)
        except UsageError as error:
            many = {"--queue": "--queues", "--latency": "--latencies"}[option]
            raise UsageError(str(error).replace(option, many, 1), hint=error.hint) from None


def _require_orders(order: Order, settings: Settings, source: Source) -> None:
    for queue in order.queues:
        require_orders(source, settings, queue_of(queue)[0] if queue else settings.paper.queue)


def _require_symbols(settings: Settings, source: Source) -> None:
    for name, pair in settings.pair.items():
        if pair.symbol not in source.symbols:
            place = settings.sources.get(f"pair.{name}.symbol", str(settings.path))
            raise ConfigError(
                f"{place}: pair.{name}.symbol: {pair.symbol} is not in the recording,"
                f" but {', '.join(source.symbols)}",
                hint="name its recording with --data",
            )


def _judged_markets(settings: Settings, source: Source) -> dict[str, Instrument]:
    traded = [pair.symbol for pair in settings.pair.values()]
    return {one.symbol: one for one in source.instruments if one.symbol in traded}


def _require_pick(order: Order, trials: int) -> None:
    if order.pick is not None and order.pick >= trials:
        raise ConfigError(f"--pick {order.pick}: the study has trials 0 to {trials - 1}")


def _folder(settings: Settings) -> Path:
    private_directory(settings.data_dir)
    return private_directory(settings.data_dir / TUNE_NAME)


def _place(order: Order, settings: Settings) -> Place:
    name = order.name or f"{order.config.stem}-{order.space.stem}"
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a study: letters, digits, dots and dashes", hint="--name NAME"
        )
    if not order.storage:
        return Place(name=name, storage=str(settings.data_dir / TUNE_NAME / f"{name}.log"))
    place = Place(name=name, storage=order.storage)
    if place.is_file and not Path(order.storage).absolute().parent.is_dir():
        raise ConfigError(
            f"{order.storage}: there is no such folder", hint="--storage FILE or postgresql://..."
        )
    return place


def _picked(tried: Sequence[Tried], order: Order, train: Sequence[int]) -> int:
    if order.pick is None:
        return best_of(tried, order.objectives, train)
    at = next((at for at, one in enumerate(tried) if one.number == order.pick), None)
    if at is None:
        raise ConfigError(f"--pick {order.pick}: the study has no such trial with a result")
    return at


# What files hold that a config or an option names: they may be edited between two searches.
def _code(settings: Settings) -> dict[str, object]:
    folder = settings.path.parent
    found = {name: code_digest(strategy_class(pair.strategy, folder)) for name, pair in settings.pair.items()}
    files = {name: digest for name, digest in found.items() if digest}
    return {"strategies": files} if files else {}


def _measured(worlds: Sequence[tuple[str, str]]) -> dict[str, object]:
    named = dict.fromkeys(latency for _, latency in worlds if latency.startswith("measured:"))
    rows = {one: measured_rows(Path(one.partition(":")[2])) for one in named}
    found = {one: sha256(repr(known).encode()).hexdigest() for one, known in rows.items()}
    return {"latencies": found} if found else {}


def _config_digest(settings: Settings, tuned: Sequence[str]) -> str:
    # Of what a backtest depends on; keys that are searched are in the space.
    told = [
        f"{'.'.join(path)} = {value!r}"
        for path, value in leaves(settings)
        if path[0] not in BESIDE and ".".join(path) not in tuned
    ]
    return sha256("\n".join(told).encode()).hexdigest()[:16]
