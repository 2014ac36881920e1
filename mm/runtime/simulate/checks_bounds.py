"""I12: every container that the engine keeps has a bound, and none is beyond it.

The walk finds containers by itself: one that is added to the engine and not named here is held to a small
default, so nothing can grow unnoticed.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mm.domain.book import LEVELS_MAX
from mm.domain.order_table import ENDED_MAX, RECENT_MAX, TRADES_MAX
from mm.engine.engine import Engine
from mm.engine.state import EngineState
from mm.engine.timers import HEAP_SLACK
from mm.runtime.simulate.checks_scene import Checker, Scene

DEFAULT_MAX: Final = 512
"""Elements of a container that has no bound of its own."""

EVERY_STEPS: Final = 2_000
"""Steps between two walks."""

DEPTH_MAX: Final = 8

SKIPPED: Final = ("setup", "out", "caps", "strategy", "rules", "instrument")
"""Attributes that hold what never changes, and the commands of the step under way."""

Size = tuple[str, int]


def sizes_of(owner: object, name: str, depth: int = 0) -> Iterator[Size]:
    """Yield (path, number of elements) of every container that can be reached from `owner`."""
    if depth > DEPTH_MAX:
        return
    for attribute, value in _attributes(owner):
        if attribute in SKIPPED:
            continue
        path = f"{name}.{attribute}"
        if isinstance(value, dict | list | set | deque):
            yield path, len(value)
            some = value.values() if isinstance(value, dict) else value
            for element in list(some)[:8]:
                yield from sizes_of(element, f"{path}[]", depth + 1)
        else:
            yield from sizes_of(value, path, depth + 1)


def _attributes(owner: object) -> Iterator[tuple[str, object]]:
    if not type(owner).__module__.startswith("mm.") or isinstance(owner, type):
        return
    if hasattr(owner, "__dict__"):
        yield from vars(owner).items()
    for kind in type(owner).__mro__:
        for slot in getattr(kind, "__slots__", ()):
            if hasattr(owner, slot):
                yield slot, getattr(owner, slot)


def bounds_of(state: EngineState) -> dict[str, int]:
    """Return the bounds of the containers that may hold more than the default, by a part of their path."""
    caps, symbols = state.setup.caps, max(1, len(state.symbols))
    orders_max = sum(market.instrument.open_orders_max for market in state.markets.values())
    weight, sessions = caps.weight_per_minute, len(state.sessions)
    return {
        "orders._trades": TRADES_MAX,
        "orders._trades_told": TRADES_MAX,
        "orders._ended": ENDED_MAX,
        "orders._recent": RECENT_MAX,
        "orders.live": orders_max,
        "orders._open_lots": 2 * sessions,
        "timers._heap": HEAP_SLACK + 2 * (2 * symbols + sessions + 1) + 1,
        "timers._names": 2 * symbols + sessions + 1,
        "budget._orders._spent": caps.orders_per_10s,
        "budget._minute._spent": weight,
        "budget._weight._spent": weight,
        ".book.": 2 * LEVELS_MAX,
        ".reference.": 2_000,
        "._ghosts": 4 * orders_max,
    }


def excess(sizes: Iterable[Size], bounds: Mapping[str, int]) -> str:
    """Return which container is beyond its bound, "" if none is. Args: bounds: as of `bounds_of`."""
    for path, size in sizes:
        name = path.removeprefix(".")
        stated = [bound for part, bound in bounds.items() if part in name]
        bound = max(stated, default=DEFAULT_MAX)
        if size > bound:
            return f"{name} holds {size}, bound {bound}"
    return ""


class Bounds(Checker):
    """I12. Every two thousand steps and at rest: the size of each container against its bound."""

    invariant = "I12"

    def __init__(self, scene: Scene) -> None:
        """Start with the first walk still to come."""
        super().__init__(scene)
        self._steps = 0

    def on_step(self) -> None:
        """Walk, now and then."""
        self._steps += 1
        if self._steps % EVERY_STEPS == 0:
            self.walk(self.scene.engine)

    def at_rest(self) -> None:
        """Walk."""
        self.walk(self.scene.engine)

    def walk(self, engine: Engine) -> None:
        """Compare every container with its bound."""
        found = excess(sizes_of(engine.state, ""), bounds_of(engine.state))
        if found:
            raise self.broken(found)
