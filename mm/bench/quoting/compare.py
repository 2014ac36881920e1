"""Exact and simulated figures of every contender side by side, and by how many standard errors they differ.

`ce_percent` is the certainty equivalent as a share of the best policy's on the literal market: exact where
what rests follows from the inventory and the time, or depends on the path by hysteresis alone; else of the
simulated sessions, with its error. Invariant: nothing here is told without its standard error beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite, sqrt
from typing import Final

import numpy as np

from mm.bench.quoting.contenders import CONTENDERS, Contender, Scene
from mm.bench.quoting.exact import Moments, Numbers, certainty_equivalent, moments, standard_errors
from mm.bench.quoting.exact_continuous import session_certainty_equivalent
from mm.bench.quoting.exact_hysteresis import Chain, Tolerant
from mm.bench.quoting.exact_optimum import optimum
from mm.bench.quoting.policy import policy_of, tolerance_of
from mm.bench.quoting.simulate import Session, sessions

Z_MAX: Final = 4.0
"""Standard errors by which a statistic may lie off: once in 16,000 by chance."""

FINE_TICK: Final = Decimal("0.02")
"""Up to this tick it makes no difference where between two of them the mid lies; beyond, a policy depends on
that, and there is no exact figure."""

HYSTERESIS_TICK: Final = Decimal("0.01")
"""The same for orders that stay while near enough: whether one does is a matter of a tick."""

CHUNK: Final = 20
"""Sessions between two words about progress."""

Told = Callable[[str, int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Of one contender. Fields: moments: None where the market has no recursion for them; equivalent: its
    certainty equivalent; messages: expected, None where they are not counted.
    """

    moments: Moments | None
    equivalent: float
    messages: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is compared. Fields: names: of the contenders; sims: simulated sessions of each, 0 for none."""

    scene: Scene
    names: tuple[str, ...]
    sims: int
    seed: int
    jobs: int


def compared(asked: Asked, tell: Told) -> dict[str, dict[str, float | None]]:
    """Return the figures by contender. Args: tell: what is done now, and how many sessions are."""
    best = _best(asked.scene)
    found: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(asked.names):
        tell(f"{name}: exact", number * asked.sims)
        exact = exact_of(name, asked.scene)
        played = list(_played(asked, name, number * asked.sims, tell))
        found[name] = figures(asked.scene, exact, played, best)
    return found


def why_inexact(name: str, scene: Scene) -> str:
    """Return why a contender has no exact figures on a scene, "" if it has."""
    contender = CONTENDERS[name]
    if scene.latency_steps:
        return "with a latency what rests depends on the path"
    if scene.tick > FINE_TICK:
        return f"with a tick above {FINE_TICK} it matters where between two ticks the mid lies"
    if not contender.hysteresis_over:
        return ""
    if contender.sees_time:
        return "orders that stay, of quotes that change with the time, may rest anywhere"
    if scene.continuous:
        return "orders that stay depend on the path within a step"
    is_coarse = scene.tick > HYSTERESIS_TICK
    return f"with a tick above {HYSTERESIS_TICK} a tick decides what stays" if is_coarse else ""


def exact_of(name: str, scene: Scene) -> Exact | None:
    """Return the exact figures of a contender on a scene, None where there are none (`why_inexact`)."""
    if why_inexact(name, scene):
        return None
    contender = CONTENDERS[name]
    if contender.hysteresis_over:
        return _with_hysteresis(contender, scene)
    policy = policy_of(contender, scene)
    if scene.continuous:
        worth = session_certainty_equivalent(scene.market, policy, scene.risk_factor)
        return Exact(moments=None, equivalent=worth)
    worth = certainty_equivalent(scene.market, policy, scene.risk_factor)
    return Exact(moments=moments(scene.market, policy), equivalent=worth)


def _with_hysteresis(contender: Contender, scene: Scene) -> Exact:
    policy = policy_of(CONTENDERS[contender.hysteresis_over], scene)
    chain = Chain(scene.market, Tolerant(policy, tolerance_of(contender, scene)))
    found, messages = chain.moments()
    return Exact(moments=found, equivalent=chain.certainty_equivalent(scene.risk_factor), messages=messages)


def figures(
    scene: Scene, exact: Exact | None, played: Sequence[Session], best: float | None
) -> dict[str, float | None]:
    """Return all figures of one contender by name; None stands for what does not exist.

    Args: best: certainty equivalent of the optimum, None where it is not known.
    """
    found: dict[str, float | None] = {}
    truth = exact.moments if exact is not None else None
    if played:
        found |= _simulated(played, truth)
    if truth is not None:
        found |= {
            "exact_mean": truth.mean,
            "exact_sd": truth.sd,
            "exact_sd_q": truth.sd_q,
            "exact_fills": truth.fills,
        }
        if exact is not None and exact.messages is not None:
            found["exact_messages_per_fill"] = exact.messages / max(1.0, truth.fills)
    worth, error = (exact.equivalent, 0.0) if exact is not None else (inf, inf)
    if exact is None and played:
        worth, error = _equivalent(np.array([one.wealth for one in played]), scene.risk_factor)
    is_known = best is not None and isfinite(worth)
    found["ce_percent"] = 100 * worth / best if best is not None and is_known else None
    found["ce_percent_se"] = 100 * error / best if best is not None and is_known else None
    return found


def far_off(found: dict[str, dict[str, float | None]]) -> list[str]:
    """Return which statistics lie more than `Z_MAX` standard errors from their exact values, in words."""
    return [
        f"{name}: {key.removeprefix('z_')} lies {z:.1f} standard errors off"
        for name, row in found.items()
        for key, z in row.items()
        if key.startswith("z_") and z is not None and abs(z) > Z_MAX
    ]


def _best(scene: Scene) -> float | None:
    if scene.continuous or scene.market.impact or scene.market.fee:
        return None
    return optimum(scene.market, scene.risk_factor, scene.cap)[1]


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
    with ProcessPoolExecutor(asked.jobs) as pool:
        for chunk in pool.map(sessions, *rest):
            done += len(chunk)
            tell(name, done)
            yield from chunk


def _simulated(played: Sequence[Session], truth: Moments | None) -> dict[str, float | None]:
    wealth = np.array([one.wealth for one in played])
    lots = np.array([float(one.lots) for one in played])
    fills = np.array([float(one.fills) for one in played])
    messages = sum(one.messages for one in played)
    count = len(played)
    found: dict[str, float | None] = {
        "sims": float(count),
        "mean": float(wealth.mean()),
        "sd": _deviation(wealth),
        "sd_q": _deviation(lots),
        "fills": float(fills.mean()),
        "messages_per_fill": messages / max(1.0, float(fills.sum())),
    }
    if truth is None or count < 2:
        return found
    errors = standard_errors(truth, count)
    fills_se = _deviation(fills) / sqrt(count)
    told = (
        ("mean", truth.mean, errors.mean),
        ("sd", truth.sd, errors.sd),
        ("sd_q", truth.sd_q, errors.sd_q),
        ("fills", truth.fills, fills_se),
    )
    for name, exact, error in told:
        simulated = found[name]
        assert simulated is not None
        found[f"se_{name}"] = error
        found[f"z_{name}"] = (simulated - exact) / error if error else 0.0
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
