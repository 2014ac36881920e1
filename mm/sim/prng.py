"""Seeded random numbers: the only owner of `random.Random` in the core.

One stream per subsystem, named, so that a new consumer never shifts the numbers of the others. The state
comes from the seed and the name alone; nothing here reads a clock or the operating system.
"""

from collections.abc import Sequence
from math import log
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Prng:
    """One stream of random numbers, the same for the same seed and name on every run."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, name: str) -> None:
        """Open the stream `name` of `seed`."""
        self._random = Random(f"{seed}/{name}")

    def between(self, low: float, high: float) -> float:
        """Return a number drawn uniformly from [low, high)."""
        return low + (high - low) * self._random.random()

    def integer(self, low: int, high: int) -> int:
        """Return an integer drawn uniformly from low..high, both included."""
        return self._random.randint(low, high)

    def chance(self, probability: float) -> bool:
        """Return True with this probability (0..1)."""
        return self._random.random() < probability

    def gauss(self) -> float:
        """Return a number of the standard normal distribution."""
        return self._random.gauss(0.0, 1.0)

    def exponential(self, mean: float) -> float:
        """Return a number of the exponential distribution with this mean."""
        return -mean * log(1.0 - self._random.random())

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of `items`, each equally likely."""
        return items[self._random.randrange(len(items))]
