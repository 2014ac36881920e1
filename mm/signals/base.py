"""What a signal is: an estimator of numbers alone that the engine keeps for the sessions of a market.

A signal is told what happens through the hooks of `Signal` (own size taken out of the book), keeps numbers
only, and is asked for a `Reading`. It has no clock: time arrives with each update. One file per signal, its
arithmetic plain scalar functions of the module; a strategy asks for one by naming its spec class in `needs`.

Invariant: a signal is a function of what its hooks were told; reading it changes nothing, and one that was
restored from `state` answers as the one that said it would have.
"""

from collections.abc import Sequence
from math import ceil, inf
from typing import Protocol, runtime_checkable

from mm.domain.seen import SeenTop
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.domain.view import OwnQuote, Reading


class Signal:
    """An estimator with its state. The engine calls only the hooks that a class overrides.

    All times are the core's, never falling. The hooks are told only of a book that is in sync and has both
    sides; `on_lost` tells when that ends.
    """

    __slots__ = ()

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid, in half ticks, > 0; at most once per event, only when it changed."""

    def on_lost(self, ts_ns: int) -> None:
        """Take in that the book is no longer known; the next mid and top come when it is again."""

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:
        """Take in new best levels, price or size, bid < ask; after `on_mid` where both changed."""

    def on_tops(self, tops: Sequence[SeenTop]) -> None:
        """Take in several tops in a row, the mid the same in all: as `on_top` with each of them.

        Called where many messages are told at once; overridden where that can be done for less.
        """
        for _, ts_ns, bid_ticks, bid_atoms, ask_ticks, ask_atoms, _ in tops:
            self.on_top(ts_ns, bid_ticks, bid_atoms, ask_ticks, ask_atoms)

    def on_trade(
        self, ts_ns: int, price_ticks: int, size_atoms: int, aggressor: Side, venue_ms: int = 0
    ) -> None:
        """Take in a public trade. Args: venue_ms: the venue's time of it, 0 where it tells none."""

    def on_own_fill(
        self, ts_ns: int, side: Side, price_ticks: int, size_lots: int, mid_half_ticks: int
    ) -> None:
        """Take in an own fill as it happens. Args: mid_half_ticks: as it is known now, 0 = not known."""

    def on_own_quotes(self, ts_ns: int, own: tuple[OwnQuote, ...]) -> None:
        """Take in the account's live orders on the symbol, whenever what could still fill has changed."""

    def resume(self, ts_ns: int) -> None:
        """Go on after a time that was not watched and ends now: keep what was learnt, count nothing across.

        The engine calls it once after `restore`, when a new life begins.
        """

    def reading(self, ts_ns: int) -> Reading:
        """Return the estimate as of `ts_ns`, not before the last hook; never ready unless overridden."""
        return Reading(0.0, False, f"a reading of {type(self).__name__}, which has none at {ts_ns}")

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers: for the digest, and for `restore`."""
        return ()

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says, as a signal of an equal spec said it; the signal is new.

        A signal that does not say how begins anew. Raises: ValueError if that is no state of this signal.
        """


@runtime_checkable
class SignalSpec(Protocol):
    """A frozen dataclass with a signal's parameters; equal specs share one signal."""

    def start(self) -> Signal:
        """Return the signal in its initial state."""


def spec_text(spec: SignalSpec) -> str:
    """Return a spec as text: equal for equal specs in every process, different for different ones."""
    return f"{type(spec).__module__}.{spec!r}"


def counted(what: str, have: int, least: int, left: str = "", unit: str = "") -> str:
    """Return what is waited for: what is counted, how far, how long yet.

    As "own fills (2 of 30)", with a unit "volatility (7 of 20 samples, 13 s more)".
    """
    return f"{what} ({have} of {least}{unit and ' '}{unit}{left and ', '}{left})"


def known_to(wanted_percent: float, error: float, left: str = "") -> str:
    """Return that a decay is waited for, and how well it is known, rounded up. Args: error: relative."""
    now_percent = ceil(error * 100 - 1e-9)
    return f"a fill decay known to {wanted_percent:g} % (now {now_percent} %{left and ', '}{left})"


def left_text(left_ns: float, about: str = "") -> str:
    """Return how long something takes yet, rounded up: "13 s more", "2 min more"; infinity: never.

    Args: about: put before it where that is an estimate; then in steps of ten seconds at least.
    """
    if left_ns == inf:
        return "never at this rate"
    step_s = 10 if about else 1
    seconds = step_s * -(-round(left_ns) // (step_s * NS_PER_S))
    for unit, length_s in (("h", 3600), ("min", 60)):
        if 2 * seconds > 3 * length_s:
            return f"{about}{-(-seconds // length_s)} {unit} more"
    return f"{about}{seconds} s more"


def check_length(state: Sequence[float], least: int, group: int = 0) -> None:
    """Check that a state has `least` numbers, and whole groups behind them or none; raises ValueError."""
    more = len(state) - least
    if more < 0 or (more % group if group else more):
        behind = f", and groups of {group} behind them" if group else ""
        raise ValueError(f"a state of {len(state)} numbers, expected {least}{behind}")


def whole(state: Sequence[float], place: int) -> int:
    """Return the whole number that stands in a state, to the nanosecond.

    Here, where nothing is compiled: machine code takes a member of a sequence of floats for a float, which
    knows a time of today to 256 ns.
    """
    return int(state[place])
