"""What every signal answers, as one line of JSON: `python -m tests.builders.signal_sheet`, compiled or not.

Uses what was compiled, if there is some, before it imports a signal. Each is told half an hour of a market
and then a wild story, sizes of nothing and beyond measure; its answers and its state at many places, and what
a twin says that took the state over, go into a digest.
"""

import hashlib
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable
from random import Random
from typing import Any, Final

from mm.native.use import use

NO_SIGNALS: Final = ("base", "decay", "mids")
"""Files of `mm/signals/` that are no signals."""

PAUSES_NS: Final = (0, 1, 1_000_000, 99_000_000, 1_000_000_000, 61_000_000_000, 10**14)
SIZES: Final = (0, 1, 7, 10**18, 2**62)
WILD: Final = 4_000


def sheet() -> dict[str, object]:
    """Return which core is in force, where it was found, and a digest by signal."""
    core = use()
    import mm.signals
    from tests.builders.signal_market import START_NS, SignalMarket

    names = sorted(
        one.name for one in pkgutil.iter_modules(mm.signals.__path__) if one.name not in NO_SIGNALS
    )
    calls = SignalMarket().run(1_600)
    found = {}
    for name in names:
        module = importlib.import_module(f"mm.signals.{name}")
        (spec,) = (
            one
            for one in vars(module).values()
            if isinstance(one, type) and one.__module__ == module.__name__ and hasattr(one, "start")
        )
        told = [*_answers(spec, calls, every=50), *_answers(spec, _wild(START_NS), every=1)]
        found[name] = hashlib.sha256("\n".join(told).encode()).hexdigest()
    return {"core": core, "file": str(sys.modules["mm.signals.volatility"].__file__), "signals": found}


def _answers(spec: Any, calls: Iterable[tuple[str, tuple[Any, ...]]], *, every: int) -> Iterable[str]:
    yield f"{spec.__module__}.{spec()!r}"
    signal, twin = spec().start(), spec().start()
    for number, (hook, told) in enumerate(calls):
        if number % 100 == 60:
            twin = spec().start()
            twin.restore(signal.state())
        getattr(signal, hook)(*told)
        getattr(twin, hook)(*told)
        if number % every == 0:
            yield f"{signal.reading(told[0])} {twin.reading(told[0])} {signal.state()} {twin.state()}"


def _wild(now_ns: int) -> Iterable[tuple[str, tuple[Any, ...]]]:
    from mm.domain.sides import Side
    from tests.builders.signal_market import quote

    dice, sides = Random(11), tuple(Side)
    for _ in range(WILD):
        now_ns += dice.choice(PAUSES_NS)
        price, side = dice.randrange(1, 40), dice.choice(sides)
        own = tuple(quote(side, price + place) for place in range(dice.randrange(3)))
        top = (price, dice.choice(SIZES), price + dice.randrange(1, 9), dice.choice(SIZES))
        happened: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("on_mid", (dice.randrange(1, 80),)),
            ("on_lost", ()),
            ("on_top", top),
            ("on_trade", (price, dice.choice(SIZES), side, dice.choice((0, 1, 2, 2**62)))),
            ("on_own_fill", (side, price, dice.randrange(1, 9), dice.choice((0, 30, 31)))),
            ("on_own_quotes", (own,)),
            ("resume", ()),
        )
        hook, told = dice.choice(happened)
        yield hook, (now_ns, *told)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(sheet()) + "\n")
