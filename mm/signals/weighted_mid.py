"""The mid weighted by the sizes at the top, as an offset from the mid: the heavier side pushes.

    P = ask * I + bid * (1 - I),    I = bid size / (bid size + ask size)

Value: P less the mid, in half ticks, within plus and minus half the spread. It moves with every change of a
size; `micro_price` learns from the market how much of that is worth anything.

Source: the imbalance-weighted mid. Invariant: ready exactly while both sides are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mm.domain.seen import SeenTop
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedMidSpec:
    """The weighted mid has no parameters."""

    def start(self) -> "WeightedMid":
        """Return the signal before its first top."""
        return WeightedMid()


def weighted_offset(bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> float:
    """Return the weighted mid less the mid, in half ticks; 0 if there is no size."""
    both = bid_atoms + ask_atoms
    return (ask_ticks - bid_ticks) * (bid_atoms - ask_atoms) / both if both else 0.0


@final
class WeightedMid(Signal):
    """Offset of the weighted mid from the mid, half ticks."""

    __slots__ = ("_known", "_offset")

    def __init__(self) -> None:
        """Start without a top."""
        self._known = 0
        self._offset = 0.0

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Take in new best prices and sizes."""
        self._known, self._offset = 1, weighted_offset(bid_ticks, bid_atoms, ask_ticks, ask_atoms)

    def on_tops(self, tops: Sequence[SeenTop]) -> None:
        """Take in the last of several tops: nothing is left of those before it."""
        _, ts_ns, bid_ticks, bid_atoms, ask_ticks, ask_atoms, _ = tops[-1]
        self.on_top(ts_ns, bid_ticks, bid_atoms, ask_ticks, ask_atoms)

    def on_lost(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top."""
        self._known, self._offset = 0, 0.0

    def resume(self, ts_ns: int) -> None:
        """Know nothing before the next top: sizes are of the moment."""
        self.on_lost(ts_ns)

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - all hooks are told alike
        """Return the offset."""
        if not self._known:
            return Reading(0.0, False, "a book with both sides")
        return Reading(self._offset, True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        return (self._known, self._offset)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 2)
        self._known, self._offset = whole(state, 0), state[1]
