"""Where the mid is going, learnt from where it went: the micro-price of a chain of states of the top.

A state is the bucket of the imbalance I and the spread. The top is looked at on a grid of times; each look
counts one step from state i: to j without a move of the mid, or by a move dM to j. Of each step its mirror
image (I to 1 - I, dM to -dM) counts as well, which makes the chain converge. With Q the shares of steps
without a move, r the mean move and R the shares of steps with one, by state,

    G1 = (1 - Q)^-1 r,    B = (1 - Q)^-1 R,    G* = sum of B^n G1, n = 0 to 5

is how far the mid is from where it is expected after its next six moves.

Value: G* of the state now, half ticks. more: (moves counted, weighted).
Source: Stoikov 2018. Invariant: the estimate is antisymmetric; it is made anew at each renewal alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from mm.domain.seen import SeenTop
from mm.domain.view import Reading
from mm.signals.base import Signal, check_length, counted, whole
from mm.signals.decay import share_kept

MOVES: Final = 6
"""Moves of the mid that the sum looks ahead."""

PIVOT_MIN: Final = 1e-9
"""States that no move was ever seen to come from have no end that could be expected: they count as 0."""

STATES_MAX: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroPriceSpec:
    """Which chain is learnt.

    Fields:
        buckets: of the imbalance, >= 2. spreads: in ticks that are told apart, >= 1; wider ones count as the
            widest. Up to `STATES_MAX` states.
        sample_ns: between two looks, > 0. renew_ns: between two estimates, > 0.
        half_life_ns: age at which a step counts half; 0 = all count alike.
        moves_min: moves of the mid before it is ready, >= 1.
    """

    buckets: int = 10
    spreads: int = 2
    sample_ns: int = 250_000_000
    renew_ns: int = 60_000_000_000
    half_life_ns: int = 3_600_000_000_000
    moves_min: int = 500

    def __post_init__(self) -> None:
        """Check the ranges: a strategy that asks for less is wrong."""
        assert self.buckets >= 2
        assert self.spreads >= 1
        assert self.buckets * self.spreads <= STATES_MAX
        assert self.sample_ns > 0
        assert self.renew_ns >= self.sample_ns
        assert self.half_life_ns >= 0
        assert self.moves_min >= 1

    def start(self) -> "MicroPrice":
        """Return the signal before its first top."""
        return MicroPrice(self)


def state_of(bid_atoms: int, ask_atoms: int, spread_ticks: int, buckets: int, spreads: int) -> int:
    """Return the number of a state: bucket of the imbalance, and as many of them per spread from 1 tick on.

    Args: spread_ticks: > 0. An imbalance at the border of two buckets is in the upper one.
    """
    both = bid_atoms + ask_atoms
    bucket = min(buckets - 1, bid_atoms * buckets // both) if both else buckets // 2
    return (min(spread_ticks, spreads) - 1) * buckets + bucket


def mirrored(state: int, buckets: int) -> int:
    """Return the state with bid and ask exchanged."""
    spread, bucket = divmod(state, buckets)
    return spread * buckets + buckets - 1 - bucket


def factored(matrix: list[list[float]]) -> list[list[float]]:
    """Return the triangular factors of `matrix` in one, by elimination along the diagonal.

    For matrices whose diagonal outweighs each row, as that of a chain; where it does not, the unknown is 0.
    """
    size = len(matrix)
    rows = [list(row) for row in matrix]
    for pivot in range(size):
        if rows[pivot][pivot] < PIVOT_MIN:
            rows[pivot] = [1.0 if place == pivot else 0.0 for place in range(size)]
        top = rows[pivot]
        for below in range(pivot + 1, size):
            row = rows[below]
            share = row[pivot] = row[pivot] / top[pivot]
            if share:
                for place in range(pivot + 1, size):
                    row[place] -= share * top[place]
    return rows


def solved(factors: list[list[float]], column: list[float]) -> list[float]:
    """Return x of `matrix` x = `column`. Args: factors: of the matrix, as `factored` returns them."""
    size, found = len(factors), list(column)
    for place in range(size):
        row = factors[place]
        found[place] -= sum([row[other] * found[other] for other in range(place)])
    for place in range(size - 1, -1, -1):
        row = factors[place]
        known = sum([row[other] * found[other] for other in range(place + 1, size)])
        found[place] = (found[place] - known) / row[place]
    return found


def adjustments(stays: list[list[float]], leaves: list[list[float]], moved: list[float]) -> list[float]:
    """Return G* by state; a state that was never seen, or never seen to lead to a move, gets 0.

    Args: stays, leaves: steps from i to j without and with a move of the mid; moved: sum of moves from i.
    """
    size = len(moved)
    seen = [sum(stays[i], 0.0) + sum(leaves[i], 0.0) or 1.0 for i in range(size)]
    chain = [[(i == j) - stays[i][j] / seen[i] for j in range(size)] for i in range(size)]
    factors = factored(chain)
    ahead = solved(factors, [moved[i] / seen[i] for i in range(size)])
    total = list(ahead)
    for _ in range(MOVES - 1):
        onward = [
            sum([leaves[i][j] * ahead[j] for j in range(size) if leaves[i][j]]) / seen[i] for i in range(size)
        ]
        ahead = solved(factors, onward)
        total = [total[i] + ahead[i] for i in range(size)]
    return total


@final
class MicroPrice(Signal):
    """G* of the state of the top, half ticks from the mid."""

    __slots__ = (
        "_adjusted",
        "_due_ns",
        "_fitted",
        "_known",
        "_leaves",
        "_mid",
        "_moved",
        "_moves",
        "_sample_mid",
        "_sample_state",
        "_sampled_ns",
        "_spec",
        "_state",
        "_stays",
    )

    def __init__(self, spec: MicroPriceSpec) -> None:
        """Start without a top."""
        size = spec.buckets * spec.spreads
        self._spec = spec
        self._known = 0
        self._state = self._mid = 0  # now
        self._sampled_ns = self._sample_state = self._sample_mid = 0  # at the last look
        self._due_ns = 0  # of the next estimate, 0 = before the first look
        self._moves = 0.0
        self._fitted = 0
        self._adjusted = [0.0] * size
        self._moved = [0.0] * size
        self._stays = [[0.0] * size for _ in range(size)]
        self._leaves = [[0.0] * size for _ in range(size)]

    def on_top(self, ts_ns: int, bid_ticks: int, bid_atoms: int, ask_ticks: int, ask_atoms: int) -> None:
        """Take in a new top; looks that were due before it saw the one that stood until now."""
        spec = self._spec
        state = state_of(bid_atoms, ask_atoms, ask_ticks - bid_ticks, spec.buckets, spec.spreads)
        mid = bid_ticks + ask_ticks
        if self._known:
            self._look(ts_ns)
        else:
            self._known, self._sampled_ns, self._sample_state, self._sample_mid = 1, ts_ns, state, mid
            self._due_ns = self._due_ns or ts_ns + spec.renew_ns
        self._state, self._mid = state, mid
        if ts_ns >= self._due_ns:
            self._renew(ts_ns)

    def on_tops(self, tops: Sequence[SeenTop]) -> None:
        """Take in several tops: one that is gone before the next look is never seen."""
        spec, stands = self._spec, None
        for top in tops:
            ts_ns = top[1]
            if self._known and ts_ns - self._sampled_ns < spec.sample_ns and ts_ns < self._due_ns:
                stands = top
                continue
            if stands is not None:
                self._stand(stands)
                stands = None
            self.on_top(ts_ns, *top[2:6])
        if stands is not None:
            self._stand(stands)

    def on_lost(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top; the step under way counts for nothing."""
        self._known = 0

    def resume(self, ts_ns: int) -> None:  # noqa: ARG002 - all hooks are told alike
        """Know nothing before the next top, and estimate anew some time after it."""
        self._known = self._due_ns = 0

    def reading(self, ts_ns: int) -> Reading:  # noqa: ARG002 - all hooks are told alike
        """Return the adjustment of the state now, by what was learnt until the last renewal."""
        missing = self._missing()
        if missing:
            return Reading(0.0, False, missing)
        return Reading(self._adjusted[self._state], True, "", (self._moves,))

    def _missing(self) -> str:
        # All that is waited for.
        missing = []
        if self._moves < self._spec.moves_min:
            missing.append(counted("moves of the mid", int(self._moves), self._spec.moves_min))
        elif not self._fitted:
            missing.append("a first estimate of what follows such sizes")
        if not self._known:
            missing.append("a book with both sides")
        return ", ".join(missing)

    def state(self) -> tuple[float, ...]:
        """Return every number it remembers."""
        look = (self._known, self._state, self._mid, self._sampled_ns, self._sample_state, self._sample_mid)
        # Most steps are never seen: a nought that is a whole number takes an eighth of the room.
        rows = [number or 0 for row in (*self._stays, *self._leaves) for number in row]
        return (*look, self._due_ns, self._fitted, self._moves, *self._adjusted, *self._moved, *rows)

    def restore(self, state: Sequence[float]) -> None:
        """Become what `state` says; raises ValueError if it is none."""
        size = len(self._moved)
        check_length(state, 9 + 2 * size + 2 * size * size)
        self._known, self._state, self._mid = map(int, state[:3])
        self._sampled_ns, self._sample_state, self._sample_mid = map(int, state[3:6])
        self._due_ns, self._fitted, self._moves = whole(state, 6), whole(state, 7), state[8]
        self._adjusted, self._moved = list(state[9 : 9 + size]), list(state[9 + size : 9 + 2 * size])
        rows = [list(map(float, state[at : at + size])) for at in range(9 + 2 * size, len(state), size)]
        self._stays, self._leaves = rows[:size], rows[size:]

    def _stand(self, top: SeenTop) -> None:
        _, _, bid, bid_atoms, ask, ask_atoms, _ = top
        spec = self._spec
        self._state = state_of(bid_atoms, ask_atoms, ask - bid, spec.buckets, spec.spreads)
        self._mid = bid + ask

    def _look(self, ts_ns: int) -> None:
        # The looks that are due: the first sees what changed since the last, the others see nothing change.
        ended = (ts_ns - self._sampled_ns) // self._spec.sample_ns
        if ended <= 0:
            return
        self._step(self._sample_state, self._state, self._mid - self._sample_mid, 1)
        self._step(self._state, self._state, 0, ended - 1)
        self._sampled_ns += ended * self._spec.sample_ns
        self._sample_state, self._sample_mid = self._state, self._mid

    def _step(self, before: int, after: int, move: int, times: int) -> None:
        buckets = self._spec.buckets
        rows = self._leaves if move else self._stays
        rows[before][after] += times
        rows[mirrored(before, buckets)][mirrored(after, buckets)] += times
        if move:
            self._moved[before] += move
            self._moved[mirrored(before, buckets)] -= move
            self._moves += 1.0

    def _renew(self, ts_ns: int) -> None:
        spec = self._spec
        self._adjusted, self._fitted = adjustments(self._stays, self._leaves, self._moved), 1
        kept = share_kept(ts_ns - self._due_ns + spec.renew_ns, spec.half_life_ns)
        self._due_ns = ts_ns + spec.renew_ns
        self._moves *= kept
        self._moved = [number * kept for number in self._moved]
        self._stays = [[number * kept for number in row] for row in self._stays]
        self._leaves = [[number * kept for number in row] for row in self._leaves]
