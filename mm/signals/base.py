"""What a signal is: a plain scalar estimator that the engine keeps for a session.

A signal is told each change of the mid (own size taken out) and each public trade, keeps numbers only, and
is asked for a `Reading`. It has no clock: time arrives with each update. One file per signal; a strategy
asks for one by naming its spec class in `needs`.
"""

from typing import Protocol, runtime_checkable

from mm.domain.sides import Side
from mm.domain.view import Reading


@runtime_checkable
class Signal(Protocol):
    """An estimator with its state. All numbers in it are part of the engine's digest (`state`)."""

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid, in half ticks; called at most once per market event, only when in sync."""

    def on_trade(self, ts_ns: int, price_ticks: int, size_atoms: int, aggressor: Side) -> None:
        """Take in a public trade."""

    def reading(self, ts_ns: int) -> Reading:
        """Return the estimate as of `ts_ns`."""

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers, for the digest."""


@runtime_checkable
class SignalSpec(Protocol):
    """A frozen dataclass with a signal's parameters; equal specs share one signal."""

    def start(self) -> Signal:
        """Return the signal in its initial state."""
