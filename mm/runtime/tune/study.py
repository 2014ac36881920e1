"""A study: the trials of one search in Optuna's storage, a journal file or PostgreSQL, written by us alone.

What is drawn for a trial depends on the seed, its number, and exactly the trials that lie `lag` or more
before it, whoever was faster: see `TuneStudy.ask`. A result is kept the moment that it is there, and told to
the sampler when it is its turn, so what was finished survives any end. Invariants: one process writes a study
at a time; another space, config or data never gets into it.
"""

import contextlib
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from mm.errors import ConfigError, StateCorrupt
from mm.runtime.tune.space import Dimension, Point
from mm.runtime.tune.storages import OTHER, Place, Storage, opened

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)

STARTUP: Final = 10
"""Trials that are drawn without looking at others."""

FACTS: Final = "mm.facts"
RESULT: Final = "mm.result"
REFUSED: Final = "mm.refused"
POINT: Final = "mm.point"
"""Names of what is kept in the storage beside Optuna's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A trial of a study as it is now.

    Fields: number; point: what was tried; result: as it was kept, None without one; refused: why the config
    did not take it, or ""; told: the sampler knows it.
    """

    number: int
    point: dict[str, str]
    result: object
    refused: str
    told: bool


class TuneStudy:
    """An open study. Fields: place; dimensions; lag; seed."""

    def __init__(self, place: Place, dimensions: Sequence[Dimension], *, seed: int, lag: int) -> None:
        """Describe it; `open` opens it. Args: lag: trials under way at once, >= 1; part of the study."""
        self.place, self.dimensions = place, tuple(dimensions)
        self.seed, self.lag = seed, lag
        self._held: Study | None = None
        self._storage: Storage | None = None

    @contextlib.contextmanager
    def open(self, facts: Mapping[str, object], maximised: Sequence[bool]) -> Iterator[None]:
        """Open it, and make it if it is not there. Args: facts: what it is about, JSON-ready, by name;
        maximised: of each objective whether more is better.

        Raises: ConfigError if it is about something else; as `opened` of a storage, also while it is open.
        """
        optuna.logging.set_verbosity(logging.ERROR)
        with opened(self.place) as self._storage:
            try:
                self._held = _study(self._storage.rows, self.place, maximised)
                _require_same(self._held, self.place, facts)
            except (KeyError, AssertionError, TypeError, json.JSONDecodeError) as error:
                raise StateCorrupt(
                    f"{self.place.shown}: no study, or a damaged one: {type(error).__name__}",
                    hint=OTHER,
                ) from None
            try:
                yield
            finally:
                self._held = None

    @property
    def _study(self) -> Study:
        assert self._held is not None  # it is open
        return self._held

    @property
    def _written(self) -> Study:
        # Asked for before each write: of two processes, one would draw the other's trials.
        assert self._storage is not None  # it is open
        self._storage.require_held()
        return self._study

    def trials(self) -> list[Kept]:
        """Return all trials there are, in the order of their numbers."""
        return [_kept(frozen) for frozen in self._frozen()]

    def ask(self, number: int) -> Point:
        """Return what trial `number` tries: the next one, or one that was begun and has no result.

        It has to be asked for when exactly the trials up to `number - lag` have been told and those behind
        it, if any, do not exist: then the same is drawn every time. Each trial has a sampler of its own, with
        a seed made of the study's seed and its number.
        """
        study, frozen = self._written, self._frozen()
        assert number <= len(frozen)
        if number < len(frozen) and POINT in frozen[number].user_attrs:
            return dict(frozen[number].user_attrs[POINT])
        study.sampler = self._sampler(number)
        is_next = number == len(frozen)
        trial = study.ask() if is_next else Trial(study, frozen[number]._trial_id)
        assert trial.number == number
        point = {one.key: _drawn(trial, one) for one in self.dimensions}
        trial.set_user_attr(POINT, point)
        return point

    def keep(self, number: int, result: object) -> None:
        """Keep the result of a trial, JSON-ready, before it is its turn to be told."""
        self._set(number, RESULT, result)

    def tell(self, number: int, values: Sequence[float]) -> None:
        """Tell the sampler what a trial was worth; numbers are told in their order."""
        self._written.tell(number, list(values))

    def refuse(self, number: int, reason: str) -> None:
        """Tell the sampler that a trial cannot be: the config does not take it."""
        self._set(number, REFUSED, reason)
        self._study.tell(number, state=TrialState.FAIL)

    def front(self) -> list[int]:
        """Return the numbers of the trials that no other one is better than in everything."""
        return sorted(trial.number for trial in self._study.best_trials)

    def importances(self, which: int, *, maximised: bool) -> dict[str, float]:
        """Return how much each parameter decides whether a trial is among the best, in parts of 1, largest
        first; empty where there are too few trials to say. Args: which: objective; maximised: more is better.
        """
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # noqa: PLC0415 - a second to import, at the end alone

        sign = -1.0 if maximised else 1.0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return dict(
                    get_param_importances(
                        self._study,
                        evaluator=PedAnovaImportanceEvaluator(),
                        target=lambda trial: sign * trial.values[which],
                    )
                )
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _set(self, number: int, name: str, value: object) -> None:
        storage = self._written._storage
        storage.set_trial_user_attr(self._frozen()[number]._trial_id, name, value)

    def _sampler(self, number: int) -> TPESampler:
        seed = int.from_bytes(sha256(f"{self.seed}/{number}".encode()).digest()[:4], "big")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older versions call two of these experimental
            return TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True)


def _kept(frozen: FrozenTrial) -> Kept:
    attributes = frozen.user_attrs
    return Kept(
        number=frozen.number,
        point=dict(attributes.get(POINT, {})),
        result=attributes.get(RESULT),
        refused=str(attributes.get(REFUSED, "")),
        told=frozen.state.is_finished(),
    )


def _drawn(trial: Trial, one: Dimension) -> str:
    # Through one door for all kinds: what the sampler remembers is the number, what is run its text.
    if one.choices:
        return one.text(str(trial._suggest(one.key, CategoricalDistribution(one.choices))))
    if one.whole:
        step = 1 if one.step is None else int(one.step)
        high = int(one.low) + (int(one.high) - int(one.low)) // step * step
        return one.text(float(trial._suggest(one.key, IntDistribution(int(one.low), high, one.log, step))))
    low, high_end = float(one.low), float(one.high)
    if one.step is None:
        return one.text(float(trial._suggest(one.key, FloatDistribution(low, high_end, one.log))))
    last = one.low + (one.high - one.low) // one.step * one.step
    drawn = trial._suggest(one.key, FloatDistribution(low, float(last), step=float(one.step)))
    return one.text(float(drawn))


def _study(storage: BaseStorage, place: Place, maximised: Sequence[bool]) -> Study:
    directions = [StudyDirection.MAXIMIZE if more else StudyDirection.MINIMIZE for more in maximised]
    try:
        storage.get_study_id_from_name(place.name)
    except KeyError:
        return optuna.create_study(storage=storage, study_name=place.name, directions=directions)
    return optuna.load_study(storage=storage, study_name=place.name)


def _require_same(study: Study, place: Place, facts: Mapping[str, object]) -> None:
    wanted = json.loads(json.dumps(dict(facts)))
    known = study.user_attrs.get(FACTS)
    if known is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(FACTS, wanted)
        return
    known = known if isinstance(known, dict) else {}
    unlike = [name for name in wanted if known.get(name) != wanted[name]]
    if not unlike:
        return
    first = unlike[0]
    raise ConfigError(
        f"{place.shown}: the study {place.name} is about something else: its {first} was"
        f" {_short(known.get(first))}, is {_short(wanted[first])} now",
        hint="go on with the same command as then, or give the new one a name of its own: --name",
    )


def _short(value: object) -> str:
    said = json.dumps(value)
    return said if len(said) <= 160 else f"{said[:157]}..."
