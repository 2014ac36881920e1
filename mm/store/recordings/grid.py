"""Which grid numbers lie on where a file names none: the coarsest step, and how many of them need it.

A single wrong number can make a grid finer than the market's. Must never leave such a number out: it is told,
and a person decides. Invariant: each step divides the one before it, and the last one divides all numbers.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import gcd
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mm.domain.units import SCALE_MIN, atoms_from_text, decimals_of, short_text
from mm.store.recordings.facts import Facts

RARE: Final = 1_000
"""A step that fewer than one in so many numbers need is told."""

_KNOWN_MAX: Final = 200_000

Place: TypeAlias = tuple[str, int]
"""File and row."""


class GridStep(NamedTuple):
    """A number that made a grid finer. Fields: step: of the grid with it, as text; file, row; value."""

    step: str
    file: str
    row: int
    value: str


class GridDoubt(msgspec.Struct, frozen=True, kw_only=True):
    """A grid that hangs on few numbers.

    Fields: name: "tick" or "lot"; step: of the grid; coarser: what it would be without `count` of `whole`
    numbers; file, row: of the first of them; value: which it is.
    """

    name: str
    step: str
    coarser: str
    count: int
    whole: int
    file: str
    row: int
    value: str

    @property
    def words(self) -> str:
        """What is to be said, without the place."""
        what = "prices" if self.name == "tick" else "sizes"
        return (
            f"{self.value} makes the {self.name} {self.step}: {self.count} of {self.whole} {what} need it,"
            f" without them it is {self.coarser}; --{self.name} {self.coarser} refuses them"
        )


class Grid:
    """The coarsest grid that numbers lie on, 0 left aside. Fields: scale: decimals of its atoms; most_atoms:
    the largest number.
    """

    def __init__(self, *, widens: bool = True) -> None:
        """Begin without numbers. Args: widens: as many decimals as a number has are taken, else SCALE_MIN."""
        self._widens = widens
        self.scale = SCALE_MIN
        self.most_atoms = 0
        # By level: the step, how many numbers need it and no finer one, and the first of those.
        self._steps = [0]
        self._counts = [0]
        self._firsts: list[tuple[Place, int]] = [(("", 0), 0)]
        self._texts: dict[str, int] = {}
        self._levels: dict[int, int] = {}

    @property
    def atoms(self) -> int:
        """The step, 0 if there was no number but 0."""
        return self._steps[-1]

    def add(self, text: str, place: Place) -> None:
        """Take a number that stands at a place; raises ValueError if it is none, or below 0."""
        level = self._texts.get(text)
        if level is None:
            fraction = text.partition(".")[2].rstrip("0")
            if self._widens and (len(fraction) > self.scale or not fraction.isdigit()):
                self._widen(text)
            level = self._level(atoms_from_text(text, self.scale), place)
            if len(self._texts) >= _KNOWN_MAX:
                self._texts.clear()
            self._texts[text] = level
        self._counts[level] += 1

    def add_atoms(self, atoms: int, place: Place) -> None:
        """Take a number in units of 10^-scale; raises ValueError below 0."""
        level = self._levels.get(atoms)
        if level is None:
            level = self._level(atoms, place)
            if len(self._levels) >= _KNOWN_MAX:
                self._levels.clear()
            self._levels[atoms] = level
        self._counts[level] += 1

    def _level(self, atoms: int, place: Place) -> int:
        if atoms < 0:
            raise ValueError("a number is below zero")
        self.most_atoms = max(self.most_atoms, atoms)
        if not atoms:
            return 0
        for level in range(1, len(self._steps)):
            if not atoms % self._steps[level]:
                return level
        self._steps.append(gcd(self._steps[-1], atoms))
        self._counts.append(0)
        self._firsts.append((place, atoms))
        return len(self._steps) - 1

    def _widen(self, text: str) -> None:
        try:
            more = decimals_of(Decimal(text)) - self.scale
        except InvalidOperation:
            raise ValueError(f"value was {text[:40]!r}, expected a decimal number") from None
        if more > 0:
            factor = int(10**more)
            self.scale += more
            self.most_atoms *= factor
            self._steps = [step * factor for step in self._steps]
            self._firsts = [(place, atoms * factor) for place, atoms in self._firsts]
            self._levels.clear()

    @property
    def step(self) -> str:
        """The step as text, "" if there was no number but 0."""
        return short_text(self.atoms, self.scale) if self.atoms else ""

    @property
    def most(self) -> str:
        """The largest number as text."""
        return short_text(self.most_atoms, self.scale)

    @property
    def steps(self) -> tuple[GridStep, ...]:
        """The numbers that made it as fine as it is, in the order in which they came."""
        return tuple(
            GridStep(short_text(step, self.scale), file, row, short_text(atoms, self.scale))
            for step, ((file, row), atoms) in zip(self._steps[1:], self._firsts[1:], strict=True)
        )

    def doubt(self, name: str) -> GridDoubt | None:
        """Return what is to be told of it, None if enough numbers need its step. Args: name: tick or lot."""
        whole = sum(self._counts[1:])
        for level in range(1, len(self._steps) - 1):
            count = sum(self._counts[level + 1 :])
            if count * RARE < whole:
                (file, row), atoms = self._firsts[level + 1]
                return GridDoubt(
                    name=name,
                    step=self.step,
                    coarser=short_text(self._steps[level], self.scale),
                    count=count,
                    whole=whole,
                    file=file,
                    row=row,
                    value=short_text(atoms, self.scale),
                )
        return None


def off_grid(name: str, asked: Decimal, steps: Sequence[GridStep]) -> str:
    """Return where the first number stands that a grid does not hold, in words, "" if that is not known."""
    for one in steps:
        if Decimal(one.step) % asked:
            what = "price" if name == "tick" else "size"
            return f"{one.file}: row {one.row}: {what} {one.value} is the first that lies off it"
    return ""


def doubts_of(prices: Grid, sizes: Grid, facts: Facts) -> tuple[GridDoubt, ...]:
    """Return what is to be told of a market's grid."""
    found = prices.doubt("tick"), sizes.doubt("lot")
    return decided([doubt for doubt in found if doubt is not None], facts)


def decided(doubts: Sequence[GridDoubt], facts: Facts) -> tuple[GridDoubt, ...]:
    """Return the doubts that are left where a person or the venue may have said the grid."""
    said = {"tick": facts.tick_size, "lot": facts.lot_size}
    return tuple(one for one in doubts if facts.exchange_info is None and said[one.name] is None)
