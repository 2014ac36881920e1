"""What a strategy is: a pure function from a view of the market to the ladder it wants.

A strategy holds frozen parameters and nothing else: no clock, no I/O, no hidden state on `self`. What it
wants to remember it returns in `Quotes.memory`. It may compute in floats; what leaves it is integers. One
file per strategy; the file's name is the strategy's name in the config.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from mm.domain.quotes import Quotes
from mm.domain.view import View
from mm.quoting.about import (
    BPS_MAX,
    BPS_STEP,
    DAY_MS,
    About,
    Applies,
    Bps,
    at_most,
    described,
    lots_from_base,
    ppm_from_bps,
)
from mm.signals.base import SignalSpec

__all__ = [
    "BPS_MAX",
    "BPS_STEP",
    "DAY_MS",
    "About",
    "Applies",
    "Bps",
    "Strategy",
    "Wake",
    "Watch",
    "at_most",
    "described",
    "lots_from_base",
    "ppm_from_bps",
    "votes_of",
    "watches_of",
]

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """When a strategy wants to be asked; live and backtest decide at exactly these moments.

    Fields:
        move_half_ticks: ask when the mid (own size taken out) moved by at least this since the last decision;
            0 = never for moves.
        every_ns: ask at least this often; 0 = never for time alone.
        on_own_fill: ask after every own fill.
        on_acknowledged: ask when the venue acknowledges an own order, for strategies to which that is news
            (`View.own`); else only where the last decision would have moved that order. When an order ends,
            every strategy is asked.
        book_levels: book levels per side that the view has, at least 1.
    """

    move_half_ticks: int = 1
    every_ns: int = 1_000_000_000
    on_own_fill: bool = True
    on_acknowledged: bool = True
    book_levels: int = 1


@dataclass(frozen=True, slots=True)
class Watch:
    """Another market that a strategy wants to see; no order is ever placed there on its behalf.

    Fields:
        symbol: "ETH/USDT" of the venue that is traded on, or "NAME:ETH/USDT" of another one, [venue.NAME] of
            the config, whose public data alone are read.
        needs: signals of that market.
    """

    symbol: str
    needs: tuple[SignalSpec, ...] = ()


class Strategy(Protocol[M]):
    """One quoting idea. Classes also have `Params` (a frozen dataclass of annotated fields) as attribute.

    A strategy that looks at more than its own market also has `watches: tuple[Watch, ...]`; one that can say
    more than its reason has `votes(view)`, a pure function that returns pairs of texts, for whoever asks why.
    """

    needs: tuple[SignalSpec, ...]
    wake: Wake

    def initial_memory(self) -> M:
        """Return the memory of the very first view; None-like and frozen."""
        ...

    def quotes(self, view: View[M]) -> Quotes[M]:
        """Return the ladder that is wanted now. Pure: equal views give equal quotes."""
        ...


def watches_of(strategy: object) -> tuple[Watch, ...]:
    """Return the other markets that a strategy wants to see, none unless it says so."""
    watches: tuple[Watch, ...] = getattr(strategy, "watches", ())
    return watches


def votes_of(strategy: object, view: View[M]) -> tuple[tuple[str, str], ...]:
    """Return what a strategy has to say about a decision beside its reason, nothing unless it does."""
    votes = getattr(strategy, "votes", None)
    return () if votes is None else tuple(votes(view))
