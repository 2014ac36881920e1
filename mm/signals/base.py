"""What a signal is: an estimator of numbers alone that the engine keeps for the sessions of a market.

A signal is told what happens through the hooks of `Signal` (own size taken out of the book), keeps numbers
only, and is asked for a `Reading`. It has no clock: time arrives with each update. One file per signal, its
arithmetic plain scalar functions of the module; a strategy asks for one by naming its spec class in `needs`.

Invariant: a signal is a function of what its hooks were told; reading it changes nothing, and one that was
restored from `state` answers as the one that said it would have.
"""

from collections.abc import Sequence
from math import ceil, inf, log
from typing import Final, Protocol, runtime_checkable

from mm.domain.seen import SeenTop
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.domain.view import OwnQuote, Reading

LIFE_PER_HALF: Final = 1 / log(2)
"""Mean life of what is forgotten exponentially, as a multiple of its half-life."""

TRAIL_MAX: Final = 64
"""Mids that a `MidTrail` remembers at most; a market that changes more often within its lag is cut off."""


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


def share_kept(elapsed_ns: int, half_life_ns: int) -> float:
    """Return what is left of a weight of 1 after a time. Args: half_life_ns: 0 = nothing is forgotten."""
    return 0.5 ** (elapsed_ns / half_life_ns) if half_life_ns else 1.0


def time_weight_s(elapsed_ns: int, half_life_ns: int) -> float:
    """Return the weight in seconds of a time that ends now, each instant of it forgotten since."""
    if not half_life_ns:
        return elapsed_ns / NS_PER_S
    life_s = half_life_ns / NS_PER_S * LIFE_PER_HALF
    return (1.0 - share_kept(elapsed_ns, half_life_ns)) * life_s


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


class MidGrid:
    """The mid on a fixed grid of times that begins at the first mid seen.

    Between two changes the mid stands still; a change at the very time of a sample belongs to the next one.
    Fields: last_half_ticks: the mid now, 0 before the first. sampled_ns, sample_half_ticks: the last sample.
    """

    __slots__ = ("_sample_ns", "last_half_ticks", "sample_half_ticks", "sampled_ns")

    def __init__(self, sample_ns: int) -> None:
        """Start without a mid. Args: sample_ns: between two samples, > 0."""
        self._sample_ns = sample_ns
        self.sampled_ns = 0
        self.sample_half_ticks = 0
        self.last_half_ticks = 0

    def ended(self, ts_ns: int) -> int:
        """Return how many samples ended by `ts_ns` since the last one; each sees the mid as it is now."""
        return (ts_ns - self.sampled_ns) // self._sample_ns if self.last_half_ticks else 0

    def left(self, samples: int) -> str:
        """Return how long so many samples, >= 0, behind the last one take; "" without a mid.

        To the sample, not to the instant, so that it changes with them alone.
        """
        return left_text(samples * self._sample_ns) if self.last_half_ticks else ""

    def pass_on(self, samples: int) -> None:
        """Take `samples` that ended, > 0, as done."""
        self.sampled_ns += samples * self._sample_ns
        self.sample_half_ticks = self.last_half_ticks

    def move(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid; what ended before it has been passed on."""
        if not self.last_half_ticks:
            self.sampled_ns, self.sample_half_ticks = ts_ns, mid_half_ticks
        self.last_half_ticks = mid_half_ticks

    def forget(self) -> None:
        """Begin a new grid with the next mid."""
        self.sampled_ns = self.sample_half_ticks = self.last_half_ticks = 0

    def state(self) -> tuple[int, int, int]:
        """Return what it remembers."""
        return (self.sampled_ns, self.sample_half_ticks, self.last_half_ticks)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says."""
        self.sampled_ns, self.sample_half_ticks, self.last_half_ticks = map(int, state)


def counted_samples(have: int, least: int, grid: MidGrid) -> str:
    """Return what a volatility waits for whose samples are taken on a grid."""
    return counted("volatility", have, least, grid.left(least - have), "samples")


class MidTrail:
    """The mid as it stood a moment ago: the book's news often come before the trade that caused them.

    On recorded feeds of a large venue 14 % of market orders lie on the wrong side of the mid that is known
    when their prints arrive, and half as many two milliseconds earlier.
    """

    __slots__ = ("_lag_ns", "_mids")

    def __init__(self, lag_ns: int) -> None:
        """Start without a mid. Args: lag_ns: how long ago, >= 0."""
        self._lag_ns = lag_ns
        self._mids: list[tuple[int, int]] = []

    def move(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in a new mid."""
        mids = self._mids
        mids.append((ts_ns, mid_half_ticks))
        before_ns = ts_ns - self._lag_ns
        while len(mids) > 1 and (mids[1][0] <= before_ns or len(mids) > TRAIL_MAX):
            del mids[0]

    def at(self, ts_ns: int) -> int:
        """Return the mid that stood `lag_ns` before `ts_ns`, the first known one after it, 0 without any."""
        before_ns, found = ts_ns - self._lag_ns, 0
        for since_ns, mid in self._mids:
            if found and since_ns > before_ns:
                break
            found = mid
        return found

    @property
    def last_half_ticks(self) -> int:
        """The mid now, 0 before the first."""
        return self._mids[-1][1] if self._mids else 0

    def forget(self) -> None:
        """Know no mid."""
        self._mids.clear()

    def state(self) -> tuple[int, ...]:
        """Return what it remembers: pairs of time and mid."""
        return tuple(number for pair in self._mids for number in pair)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says."""
        numbers = list(map(int, state))
        self._mids = list(zip(numbers[::2], numbers[1::2], strict=True))
