"""Exact and simulated figures of every contender side by side, and by how many standard errors they differ.

`ce` is the certainty equivalent of the simulated sessions, `exact_ce` the exact one. `ce_percent` is the
share of the best policy's on the same market (`known.best_of`): of the exact one where there is one, else of
the simulated sessions, with its error. `ce_rate_percent` is the same of the exact rate for ever.
Invariant: nothing that is simulated is told without its standard error beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeAlias

import numpy as np

from mm.bench.quoting.contenders import Scene
from mm.bench.quoting.exact import Numbers, standard_errors
from mm.bench.quoting.known import (
    Best,
    Exact,
    best_of,
    exact_of,
    why_inexact,
    why_no_rate,
    why_without_effect,
)
from mm.bench.quoting.simulate import Session, sessions
from mm.native.use import use

Z_MAX: Final = 4.0
"""Standard errors by which a statistic may lie off: once in 16,000 by chance."""

SKEW_MAX: Final = 0.3
"""Skewness of a mean beyond which standard errors say little of how far off it may lie."""

CHUNK: Final = 20
"""Sessions between two words about progress."""

Told = Callable[[str, int], object]

Figures: TypeAlias = dict[str, float | None]
"""Of one contender, by name; None stands for what does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is compared. Fields: names: of the contenders; sims: simulated sessions of each, 0 for none."""

    scene: Scene
    names: tuple[str, ...]
    sims: int
    seed: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found on one scene, by contender.

    Fields: best: of the market. strategies: their figures. without_exact, without_rate, without_effect: whose
        exact figures or rate for ever do not exist, whose hysteresis does nothing here, and why.
        far_off: statistics that lie too far from their exact values, in words.
    """

    scene: Scene
    best: Best
    strategies: dict[str, Figures]
    without_exact: dict[str, str]
    without_rate: dict[str, str]
    without_effect: dict[str, str]
    far_off: list[str]

    def as_json(self) -> dict[str, object]:
        """Return the names and values of the command's output."""
        scene = self.scene
        return {
            "tick": float(scene.tick),
            "latency_steps": scene.latency_steps,
            "cap": scene.cap,
            "best": {"ce": self.best.equivalent, "ce_rate": self.best.rate},
            "strategies": self.strategies,
            "without_exact": self.without_exact,
            "without_rate": self.without_rate,
            "without_effect": self.without_effect,
            "far_off": self.far_off,
        }


def compared(asked: Asked, tell: Told) -> Comparison:
    """Return the figures by contender. Args: tell: what is done now, and how many sessions are."""
    scene = asked.scene
    tell("the best there is", 0)
    best = best_of(scene)
    found: dict[str, Figures] = {}
    for number, name in enumerate(asked.names):
        tell(f"{name}: exact", number * asked.sims)
        exact = exact_of(name, scene)
        played = list(_played(asked, name, number * asked.sims, tell))
        found[name] = figures(scene, exact, played, best)
    exactly = [name for name in asked.names if not why_inexact(name, scene)]
    return Comparison(
        scene=scene,
        best=best,
        strategies=found,
        without_exact=_reasons(why_inexact, asked.names, scene),
        without_rate=_reasons(why_no_rate, exactly, scene),
        without_effect=_reasons(why_without_effect, asked.names, scene),
        far_off=far_off(found),
    )


def _reasons(why: Callable[[str, Scene], str], names: Sequence[str], scene: Scene) -> dict[str, str]:
    return {name: reason for name in names if (reason := why(name, scene))}


def figures(scene: Scene, exact: Exact | None, played: Sequence[Session], best: Best) -> Figures:
    """Return all figures of one contender."""
    found: Figures = {"ce_percent": None, "ce_percent_se": None}
    if played:
        found |= _simulated(played, exact, scene.risk_factor)
        found["ce_percent"] = _percent(found["ce"], best.equivalent)
        found["ce_percent_se"] = _percent(found["se_ce"], best.equivalent)
    if exact is not None:
        found |= _exact(exact, best)
    return found


def is_told(exact: Exact, sims: int) -> bool:
    """Return whether so many sessions are enough for their certainty equivalent to be held against the exact
    one: whether the mean of their utilities is near to normal.
    """
    # As if the wealth were normal and the utility lognormal.
    spread = exact.spread
    return sims > 1 and (spread + 3) * sqrt(spread) <= SKEW_MAX * sqrt(sims)


def far_off(found: dict[str, Figures]) -> list[str]:
    """Return which statistics lie more than `Z_MAX` standard errors from their exact values, in words."""
    return [
        f"{name}: {key.removeprefix('z_')} lies {z:.1f} standard errors off"
        for name, row in found.items()
        for key, z in row.items()
        if key.startswith("z_") and z is not None and abs(z) > Z_MAX
    ]


def _exact(exact: Exact, best: Best) -> Figures:
    truth = exact.moments
    found: Figures = {
        "exact_mean": truth.mean,
        "exact_sd": truth.sd,
        "exact_sd_q": truth.sd_q,
        "exact_fills": truth.fills,
        "exact_ce": exact.equivalent,
        "ce_percent": _percent(exact.equivalent, best.equivalent),
        "ce_percent_se": 0.0,
        "exact_ce_rate": exact.rate,
        "ce_rate_percent": _percent(exact.rate, best.rate),
    }
    if exact.messages is not None:
        found["exact_messages_per_fill"] = exact.messages / max(1.0, truth.fills)
    return found


def _percent(worth: float | None, best: float) -> float | None:
    return None if worth is None or not best > 0 else 100 * worth / best


def _played(asked: Asked, name: str, done: int, tell: Told) -> Iterator[Session]:
    firsts = list(range(0, asked.sims, CHUNK))
    counts = [min(CHUNK, asked.sims - first) for first in firsts]
    rest = [name] * len(firsts), [asked.scene] * len(firsts), [asked.seed] * len(firsts), firsts, counts
    if asked.jobs == 1:
        for chunk in map(sessions, *rest):
            done += len(chunk)
            tell(name, done)
            yield from chunk
        return
    # Where workers do not inherit what this process decides by, they take it before they import anything.
    with ProcessPoolExecutor(asked.jobs, initializer=use) as pool:
        for chunk in pool.map(sessions, *rest):
            done += len(chunk)
            tell(name, done)
            yield from chunk


def _simulated(played: Sequence[Session], exact: Exact | None, risk_factor: float) -> Figures:
    wealth = np.array([one.wealth for one in played])
    lots = np.array([float(one.lots) for one in played])
    fills = np.array([float(one.fills) for one in played])
    messages = sum(one.messages for one in played)
    count = len(played)
    worth, worth_error = _equivalent(wealth, risk_factor)
    found: Figures = {
        "sims": count,
        "mean": float(wealth.mean()),
        "sd": _deviation(wealth),
        "sd_q": _deviation(lots),
        "fills": float(fills.mean()),
        "messages_per_fill": messages / max(1.0, float(fills.sum())),
        "ce": worth,
        "se_ce": worth_error,
    }
    if exact is None or count < 2:
        return found
    truth, errors = exact.moments, standard_errors(exact.moments, count)
    told = [
        ("mean", truth.mean, errors.mean),
        ("sd", truth.sd, errors.sd),
        ("sd_q", truth.sd_q, errors.sd_q),
        ("fills", truth.fills, _deviation(fills) / sqrt(count)),
    ]
    if is_told(exact, count):
        told.append(("ce", exact.equivalent, exact.equivalent_error(risk_factor, count)))
    for name, expected, error in told:
        simulated = found[name]
        assert simulated is not None
        found[f"se_{name}"] = error
        found[f"z_{name}"] = (simulated - expected) / error if error else 0.0
    return found


def _deviation(values: Numbers) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _equivalent(wealth: Numbers, risk_factor: float) -> tuple[float, float]:
    # Of a sample, with its first-order standard error. A few unlucky sessions decide it where the aversion is
    # large: its error says so.
    exponents = -risk_factor * (wealth - wealth.mean())
    weights = np.exp(exponents - exponents.max())
    level = float(np.log(weights.mean()) + exponents.max())
    error = _deviation(weights / weights.mean()) / sqrt(len(weights)) / risk_factor
    return float(wealth.mean()) - level / risk_factor, error
