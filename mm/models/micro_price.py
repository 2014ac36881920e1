"""Stoikov's micro-price: where the mid is expected to be after its next moves, given imbalance and spread.

The state of the book's top is a bucket of the imbalance I = bid size / (bid size + ask size) at a spread.
From counted transitions between states, with and without a move of the mid, over move sizes K:

    Q_ij  = P(no move, next state j | i)     R1_ik = P(move K_k | i)     R2_ij = P(move, next state j | i)
    G1 = (1 - Q)^-1 R1 K                     B = (1 - Q)^-1 R2           G* = sum of B^n G1, n = 0, 1, ...
    micro-price = mid + G*(state)

Source: Stoikov, The micro-price, Quantitative Finance 18(12), 2018. The data are counted together with their
mirror image (imbalances and moves reversed), without which the sum need not converge.
Invariant: symmetrised, the adjustment of a mirrored state is the negative one, but for rounding. A state that
was never seen, or never saw a move follow, has the adjustment 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, TypeAlias

ROUNDS: Final = 6
"""Moves of the mid that are looked ahead; further ones change little."""

Rows: TypeAlias = tuple[tuple[float, ...], ...]


def weighted_mid(bid: float, ask: float, imbalance: float) -> float:
    """Return the mid weighted by the sizes: nearer the ask, the more there is to buy (imbalance 0..1)."""
    return ask * imbalance + bid * (1 - imbalance)


def bucket(bid_size: float, ask_size: float, buckets: int) -> int:
    """Return which of `buckets` equal parts of 0..1 the imbalance is in, 0 to buckets - 1.

    Args: bid_size, ask_size: not negative; both 0 counts as balanced.
    """
    total = bid_size + ask_size
    imbalance = bid_size / total if total > 0 else 0.5
    return min(buckets - 1, int(imbalance * buckets))


class Counts:
    """Transitions seen, by state, move and next state. A state is spread * buckets + bucket."""

    __slots__ = ("_moved", "_stayed", "buckets", "moves", "states")

    def __init__(self, buckets: int, spreads: int, moves: Sequence[float]) -> None:
        """Begin with none.

        Args:
            buckets: of the imbalance, >= 1. spreads: told apart, >= 1.
            moves: sizes of moves of the mid that are told apart, with their sign, without 0.
        Raises: ValueError if one of them is outside its domain, or a move's opposite is missing.
        """
        if buckets < 1 or spreads < 1:
            raise ValueError(f"buckets and spreads were {buckets} and {spreads}, expected at least 1 of each")
        if not moves or any(not isfinite(move) or move == 0 or -move not in moves for move in moves):
            raise ValueError(f"moves were {moves}, expected finite ones, each with its opposite, without 0")
        self.buckets = buckets
        self.moves = tuple(moves)
        self.states = buckets * spreads
        self._stayed = [[0.0] * self.states for _ in range(self.states)]
        self._moved = [[[0.0] * self.states for _ in self.moves] for _ in range(self.states)]

    def add(self, state: int, move: float, state_after: int, times: float = 1.0) -> None:
        """Count a transition; `move` is 0 or one of `moves`. Raises: ValueError for any other."""
        if move == 0:
            self._stayed[state][state_after] += times
        elif move in self.moves:
            self._moved[state][self.moves.index(move)][state_after] += times
        else:
            raise ValueError(f"move was {move}, expected 0 or one of {self.moves}")

    def mirrored(self, state: int) -> int:
        """Return the state with bids and asks exchanged."""
        spread, at = divmod(state, self.buckets)
        return spread * self.buckets + self.buckets - 1 - at

    def symmetrised(self) -> "Counts":
        """Return these transitions and their mirror image."""
        found = Counts(self.buckets, self.states // self.buckets, self.moves)
        for state in range(self.states):
            for after in range(self.states):
                there, then = self.mirrored(state), self.mirrored(after)
                found.add(state, 0, after, self._stayed[state][after] + self._stayed[there][then])
                for index, move in enumerate(self.moves):
                    opposite = self.moves.index(-move)
                    times = self._moved[state][index][after] + self._moved[there][opposite][then]
                    found.add(state, move, after, times)
        return found

    def chain(self) -> "Chain":
        """Return the probabilities; rows of states that were never left are empty."""
        stays, sizes, nexts = [], [], []
        for stayed, moved in zip(self._stayed, self._moved, strict=True):
            total = sum(stayed) + sum(map(sum, moved))
            share = 1 / total if total > 0 else 0.0
            stays.append(tuple(times * share for times in stayed))
            sizes.append(tuple(sum(times) * share for times in moved))
            nexts.append(tuple(sum(column) * share for column in zip(*moved, strict=True)))
        return Chain(self.moves, tuple(stays), tuple(sizes), tuple(nexts))


@dataclass(frozen=True, slots=True)
class Chain:
    """The probabilities.

    Fields: moves: sizes K. stays: Q. sizes: R1, one column per move. nexts: R2.
    """

    moves: tuple[float, ...]
    stays: Rows
    sizes: Rows
    nexts: Rows

    def first_move(self) -> tuple[float, ...]:
        """Return G1, the mean of the next move of the mid, per state."""
        means = [sum(p * k for p, k in zip(row, self.moves, strict=True)) for row in self.sizes]
        return tuple(row[0] for row in self._until_move([[mean] for mean in means]))

    def state_after_move(self) -> Rows:
        """Return B, the probabilities of the state after the next move of the mid."""
        return self._until_move([list(row) for row in self.nexts])

    def adjustments(self, rounds: int = ROUNDS) -> tuple[float, ...]:
        """Return G*, the sum of the means of the next `rounds` moves, per state."""
        term = self.first_move()
        after = self.state_after_move()
        total = [0.0] * len(term)
        for _ in range(rounds):
            total = [sum(pair) for pair in zip(total, term, strict=True)]
            term = tuple(sum(p * mean for p, mean in zip(row, term, strict=True)) for row in after)
        return tuple(total)

    def _until_move(self, rights: list[list[float]]) -> Rows:
        # (1 - Q)^-1 times the columns of `rights`, 0 for states that no move follows: those make 1 - Q
        # singular. Its other rows are diagonally dominant, so elimination needs no exchange of rows.
        live = self._sees_a_move()
        size = len(live)
        rows = [
            [(1.0 if i == j else 0.0) - self.stays[i][j] for j in range(size)] + rights[i]
            if live[i]
            else [1.0 if i == j else 0.0 for j in range(size)] + [0.0] * len(rights[i])
            for i in range(size)
        ]
        for pivot, row in enumerate(rows):
            for index, other in enumerate(rows):
                if index != pivot and other[pivot] != 0:
                    factor = other[pivot] / row[pivot]
                    rows[index] = [x - factor * y for x, y in zip(other, row, strict=True)]
        return tuple(tuple(x / row[i] for x in row[size:]) for i, row in enumerate(rows))

    def _sees_a_move(self) -> list[bool]:
        live = [sum(row) > 0 for row in self.sizes]
        for _ in live:
            live = [
                seen or any(p > 0 and then for p, then in zip(row, live, strict=True))
                for seen, row in zip(live, self.stays, strict=True)
            ]
        return live
