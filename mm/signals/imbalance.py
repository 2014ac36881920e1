"""Which side of the top of the book is heavier: the bid's share of the size at both best prices.

    I = bid size / (bid size + ask size)

Value: I, 0 to 1; 0.5 is balanced, and above it the next move of the mid is more often up. With a half-life
the value is its exponential mean over time, each top weighing as long as it stood.

Source: queue imbalance. Invariant: ready exactly while both sides are known; always within 0 and 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, whole
from mm.signals.decay import share_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ImbalanceSpec:
    """Which imbalance is wanted. Fields: half_life_ns: of the mean over time; 0 = as it is now."""

    half_life_ns: int = 0

    def __post_init__(self) -> None:
        """Check the range: a strategy that asks for less is wrong."""
        assert self.half_life_ns >= 0

    def start(self) -> "Imbalance":
        """Return the signal before its first top."""
        return Imbalance(self)


def bid_share(bid_atoms: int, ask_atoms: int) -> float:
    """Return the bid's share of both sizes; 0.5 if there is none."""
    both = bid_atoms + ask_atoms
    return bid_atoms / both if both else 0.5


@final
class Imbalance(Signal):
    """The bid's share of the size at the best prices."""

    __slots__ = ("_known", "_mean", "_share", "_since_ns", "_spec")

    def __init__(self, spec: ImbalanceSpec) -> None:
        """Start without a top."""
        self._spec = spec
        self._known = 0
        self._since_ns = 0
        self._share = 0.5  # as it stands since then
        self._mean = 0.5  # until then

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Take in new sizes."""
        share = bid_share(bid_atoms, ask_atoms)
        self._mean = self._until(ts_ns) if self._known else share
        self._known, self._since_ns, self._share = 1, ts_ns, share

    def on_lost(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top."""
        self._known = 0

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top: sizes are of the moment."""
        self._known = 0

    def reading(self, ts_ns: int) -> Reading:
        """Return the share as of `ts_ns`."""
        if not self._known:
            return Reading(0.5, False, "a book with both sides")
        return Reading(self._until(ts_ns), True)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        return (self._known, self._since_ns, self._share, self._mean)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        check_length(state, 4)
        self._known, self._since_ns = whole(state, 0), whole(state, 1)
        self._share, self._mean = state[2:]

    def _until(self, ts_ns: int) -> float:
        half_life_ns = self._spec.half_life_ns
        if not half_life_ns:
            return self._share
        return self._share + (self._mean - self._share) * share_kept(ts_ns - self._since_ns, half_life_ns)
