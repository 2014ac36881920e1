"""Whether market orders thin out exponentially in a band, and where else near it they do.

The test is that of Kolmogorov and Smirnov, its bound by simulation: as k is fitted to the same counts and
bands are cut off, distances of what is exponential are smaller than the tables say; how much depends on the
band (parametric bootstrap; Stute, Gonzalez Manteiga and Presedo Quindimil, Metrika 40, 1993).

A band that was searched for has to pass a stricter test than one that was asked for: of m bands one passes by
chance more often than a single one does. A single one passes where the chance p of a larger distance is above
5 %; of m one has a p above c with probability 1 - c^m, which is that of the single test at c = 0.05^(1/m)
(Sidak, JASA 62, 1967, turned around: what is looked for here is not rejecting; overlap makes it stricter).
Must never name a band that `estimates` would then refuse. Invariant: the same counts give the same answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from random import Random
from typing import Final

from mm.analytics.fit_intensity import Band, Counts, Fit, misfit_of

LEVEL: Final = 0.05
"""Chance that a band asked for is refused although its flow is exponential."""

DRAWS: Final = 500
ORDERS_MAX: Final = 500
"""Simulated fits, and orders of each: of more the law of distance times root of n hardly changes."""

SEED: Final = 1

TICKS_MIN: Final = 10
"""A band of fewer ticks, of which nothing can be told, is too narrow rather than too empty."""

PARTS: Final = (
    ("farther", 0.25, 1.0),
    ("narrower", 0.0, 0.5),
    ("farther", 0.5, 1.0),
    ("both", 0.25, 0.75),
    ("narrower", 0.0, 0.25),
    ("both", 0.25, 0.5),
)
"""Bands that are looked at where the one asked for is refused, as parts of it; widest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the test says of a band.

    Fields: is_tested: whether there was anything to test; misfit_max: the bound, 0 if not; alone_max: what it
    would be if no other band had been looked at; refused: why the fit is none, in words, "" if it holds.
    """

    is_tested: bool
    misfit_max: float
    alone_max: float
    refused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A band that was looked at.

    Fields: kind: of PARTS; fit, tested: None without a fit; refused: why it does not do, or ""; is_near:
    whether it would do if it had been the only one.
    """

    kind: str
    band: Band
    fit: Fit | None
    tested: Shape | None
    refused: str
    is_near: bool = False


def shape(fit: Fit, *, looks: int = 1) -> Shape:
    """Test a fit. Args: looks: how many bands it is one of; 1: it was asked for."""
    if fit.deviance is None:
        ticks = "tick" if fit.most == 1 else "ticks"
        advice = ": a wider --band may" if fit.most < TICKS_MIN else ""
        return Shape(
            is_tested=False,
            misfit_max=0.0,
            alone_max=0.0,
            refused=f"{fit.orders} market orders over {fit.most} {ticks} do not tell whether they thin out"
            f" exponentially{advice}",
        )
    alone, bound = _bounds(fit, (LEVEL, LEVEL ** (1 / looks)))
    refused = ""
    if fit.misfit > bound:
        refused = (
            "market orders do not thin out exponentially there:"
            f" distance {fit.misfit:.3f}, at most {bound:.3f}"
        )
    return Shape(is_tested=True, misfit_max=bound, alone_max=alone, refused=refused)


def search(asked: Band, fit_of: Callable[[Band], Fit | None], doubt_of: Callable[[Fit], str]) -> list[Looked]:
    """Look at the bands near one that was refused.

    Args: doubt_of: why a fit is not known well enough, "" if it is.
    """
    found = []
    width = asked.high_bps - asked.low_bps
    for kind, low, high in PARTS:
        # As short as `--band` would be told them: what is named is what was looked at.
        band = Band(round(asked.low_bps + low * width, 4), round(asked.low_bps + high * width, 4))
        fit = fit_of(band) if band.low_bps < band.high_bps else None
        if fit is None:
            found.append(Looked(kind=kind, band=band, fit=None, tested=None, refused="nothing to fit"))
            continue
        tested, doubt = shape(fit, looks=len(PARTS)), doubt_of(fit)
        found.append(
            Looked(
                kind=kind,
                band=band,
                fit=fit,
                tested=tested,
                refused=doubt or tested.refused,
                is_near=tested.is_tested and not doubt and fit.misfit <= tested.alone_max,
            )
        )
    return found


def search_words(asked: str, looked: Sequence[Looked]) -> list[str]:
    """Return what a search found, in two sentences. Args: asked: the band that was asked for, in words."""
    kinds: dict[str, list[str]] = {}
    for one in looked:
        kinds.setdefault(one.kind, []).append(band_text(one.band))
    said = "; ".join(f"{kind}: {', '.join(bands)}" for kind, bands in kinds.items())
    head = f"no exponential {asked}, so {len(looked)} parts of it were searched ({said})"
    return [head, _outcome(looked)]


def _outcome(looked: Sequence[Looked]) -> str:
    named = next((one for one in looked if not one.refused), None)
    near = next((one for one in looked if one.is_near), None)
    count = len(looked)
    if named is not None and named.fit is not None and named.tested is not None:
        return (
            f"--band {band_text(named.band)} fits: distance {named.fit.misfit:.3f}, at most"
            f" {named.tested.misfit_max:.3f}, k = {named.fit.decay_per_bps:.3g} per bps; as one of {count} it"
            " had to meet a stricter bound than a band that is asked for"
        )
    if near is not None and near.fit is not None and near.tested is not None:
        return (
            f"none of them meets the bound of the best of {count}; nearest is --band {band_text(near.band)}:"
            f" distance {near.fit.misfit:.3f}, at most {near.tested.misfit_max:.3f}; asked for alone it may"
            f" have {near.tested.alone_max:.3f}, so ask for it only if that is where you quote"
        )
    return "none of them is exponential and known well enough; another --band may be"


def band_text(band: Band) -> str:
    """Return a band as `--band` takes it."""
    return ":".join(f"{end:.4f}".rstrip("0").rstrip(".") for end in band)


def _bounds(fit: Fit, chances: Sequence[float]) -> list[float]:
    # The distances that are exceeded with these chances by flow that is exponential.
    orders = min(fit.orders, ORDERS_MAX)
    dice, found = Random(SEED), []
    for _ in range(DRAWS):
        steps = (int(-log(1.0 - dice.random()) / fit.decay_per_tick) for _ in range(orders))
        misfit = misfit_of(Counts(tuple(min(fit.most, step) for step in steps), fit.most))
        found.append(0.0 if misfit is None else misfit * sqrt(orders / fit.orders))
    found.sort()
    return [found[min(DRAWS - 1, int((1.0 - chance) * DRAWS))] for chance in chances]
