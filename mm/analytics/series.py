"""A run as a bounded number of points, for pictures.

Points are taken at equal steps. When there are too many, every second one goes and the step is doubled: of a
run of any length at most `POINTS_MAX` remain, evenly spread.
"""

from typing import Final, Generic, TypeVar

POINTS_MAX: Final = 1_440

P = TypeVar("P")


class Series(Generic[P]):
    """Points of one kind. Fields: points: (index of the step, point), in order; step: base steps per
    point.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.points: list[tuple[int, P]] = []
        self.step = 1

    def wants(self, index: int) -> bool:
        """Return whether the point of a base step is taken. Args: index: of the step, ascending."""
        return index % self.step == 0

    def add(self, index: int, point: P) -> None:
        """Take in the point of a base step that is wanted."""
        self.points.append((index, point))
        if len(self.points) > POINTS_MAX:
            self.step *= 2
            self.points = [known for known in self.points if known[0] % self.step == 0]
