"""What a strategy is: a pure function from a view of the market to the ladder it wants.

A strategy holds frozen parameters and nothing else: no clock, no I/O, no hidden state on `self`. What it
wants to remember it returns in `Quotes.memory`. It may compute in floats; what leaves it is integers. One
file per strategy; the file's name is the strategy's name in the config.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from mm.domain.quotes import Quotes
from mm.domain.view import View
from mm.signals.base import SignalSpec

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """When a strategy wants to be asked; live and backtest decide at exactly these moments.

    Fields:
        move_half_ticks: ask when the mid (own size taken out) moved by at least this since the last decision;
            0 = never for moves.
        every_ns: ask at least this often; 0 = never for time alone.
        on_own_fill: ask after every own fill.
    """

    move_half_ticks: int = 1
    every_ns: int = 1_000_000_000
    on_own_fill: bool = True


class Strategy(Protocol[M]):
    """One quoting idea. Classes also have `Params` (a frozen dataclass of annotated fields) as attribute."""

    needs: tuple[SignalSpec, ...]
    wake: Wake

    def initial_memory(self) -> M:
        """Return the memory of the very first view; None-like and frozen."""
        ...

    def quotes(self, view: View[M]) -> Quotes[M]:
        """Return the ladder that is wanted now. Pure: equal views give equal quotes."""
        ...
