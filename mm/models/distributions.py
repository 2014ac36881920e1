"""How sizes or distances grow from one level of a ladder to the next.

Level 0 is the nearest to the market. Plain numbers: the caller rounds to ticks and lots.
Invariant: as many numbers as levels, all finite; none for no levels.
"""

from math import isfinite, log

from mm.models.glft import OutOfRange, require


def linear(levels: int, start: float, end: float) -> tuple[float, ...]:
    """Return equal steps from `start` to `end`, both included; `start` alone for one level.

    Raises: ValueError if `levels` is negative or a number is not finite.
    """
    require("end", end)
    last = max(1, levels - 1)
    return _checked(levels, start, [start + (end - start) * (level / last) for level in range(levels)])


def arithmetic(levels: int, start: float, step: float) -> tuple[float, ...]:
    """Return `start` and `step` more on each level. Raises: as `linear`."""
    require("step", step)
    return _checked(levels, start, [start + level * step for level in range(levels)])


def geometric(levels: int, start: float, ratio: float) -> tuple[float, ...]:
    """Return `start` and `ratio` times as much on each level.

    Raises: ValueError as `linear`, and unless `ratio` is above 1; OutOfRange if a level's is not finite.
    """
    require("ratio", ratio, above=1.0)
    found = [start]
    for _ in range(levels - 1):
        found.append(found[-1] * ratio)
    return _checked(levels, start, found[: max(0, levels)])


def fibonacci(levels: int, start: float) -> tuple[float, ...]:
    """Return `start` times 1, 2, 3, 5, 8, ... Raises: as `geometric`."""
    found = [start, 2 * start]
    for _ in range(levels - 2):
        found.append(found[-1] + found[-2])
    return _checked(levels, start, found[: max(0, levels)])


def logarithmic(levels: int, start: float, *, base: float, scale: float) -> tuple[float, ...]:
    """Return `start` and on level i `scale` * log_base((i + 2) / 2) more: ever smaller steps.

    Raises: ValueError as `linear`, and unless `base` is above 1; OutOfRange if a level's is not finite.
    """
    require("base", base, above=1.0)
    require("scale", scale)
    unit = scale / log(base)
    return _checked(levels, start, [start + unit * log((level + 2) / 2) for level in range(levels)])


def _checked(levels: int, start: float, found: list[float]) -> tuple[float, ...]:
    require("start", start)
    if levels < 0:
        raise ValueError(f"levels was {levels}, expected at least 0")
    if not all(map(isfinite, found)):
        raise OutOfRange("a level's number was not finite, expected numbers that floats hold")
    return tuple(found)
