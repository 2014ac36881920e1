"""A failing run told in words, and made as short as it can be while it still fails in the same way.

First fewer steps under faults, then fewer kinds of faults, then milder ones; each change is kept if the same
invariant still breaks. Every try is a whole run, so their number is bounded.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from mm.domain.commands import Command
from mm.runtime.simulate.faults import NONE, SETTINGS, Faults, switched_on, with_intensities
from mm.runtime.simulate.plan import SECOND_NS, START_NS, Plan
from mm.runtime.simulate.world import Noted, run_world

TRIES_MAX: Final = 60

STEPS_MIN: Final = 20

ID_SHOWN: Final = 6
"""So many last characters of an order's id tell it from the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A run in which something broke.

    Fields: plan: that breaks it; invariant: which; text: in words, with seed and place; step: of the engine;
    history: the last events and commands, oldest first; tries: runs that were made to find the shortest.
    """

    plan: Plan
    invariant: str
    text: str
    step: int
    history: tuple[str, ...]
    tries: int = 1

    @property
    def command(self) -> str:
        """The command line that shows it again."""
        plan = self.plan
        words = f"mm simulate --first {plan.seed} --seeds 1 --steps {plan.steps} --profile {plan.profile}"
        if plan.only is not None:
            words += f" --only {','.join(plan.only) or 'none'}"
        return words + (f" --strength {plan.strength}" if plan.strength != 100 else "")


def failure_of(plan: Plan) -> Failure | None:
    """Run a plan; return how it broke, None if it did not."""
    world, broken = run_world(plan)
    if broken is None:
        return None
    return Failure(
        plan=plan,
        invariant=broken.invariant,
        text=str(broken),
        step=world.steps,
        history=tuple(told(world.trail)),
    )


def shortest(failure: Failure, *, tries_max: int = TRIES_MAX) -> Failure:
    """Return the shortest run found that breaks the same invariant."""
    search = _Search(failure, tries_max)
    search.cut_steps()
    search.drop_kinds()
    search.soften()
    return replace(search.best, tries=search.tries)


class _Search:
    def __init__(self, failure: Failure, tries_max: int) -> None:
        self.best = failure
        self.tries = 1
        self._left = tries_max

    def cut_steps(self) -> None:
        if not self.best.plan.steps:
            return
        if self.best.step < self.best.plan.steps:
            self._keeps(replace(self.best.plan, steps=max(STEPS_MIN, self.best.step)))
        shorter = self.best.plan.steps // 2
        while shorter >= STEPS_MIN and self._keeps(replace(self.best.plan, steps=shorter)):
            shorter = self.best.plan.steps // 2

    def drop_kinds(self) -> None:
        kinds = switched_on(self.best.plan.faults)
        size = max(1, len(kinds) // 2)
        while kinds:
            for first in range(0, len(kinds), size):
                kept = tuple(kind for kind in kinds if kind not in kinds[first : first + size])
                if self._keeps(only(self.best.plan, kept)):
                    kinds = kept
                    break
            else:
                if size == 1:
                    return
                size //= 2

    def soften(self) -> None:
        strength = self.best.plan.strength // 2
        while strength and self._keeps(weakened(self.best.plan, strength)):
            strength //= 2

    def _keeps(self, plan: Plan) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        self.tries += 1
        found = failure_of(plan)
        if found is None or found.invariant != self.best.invariant:
            return False
        self.best = found
        return True


def only(plan: Plan, kinds: tuple[str, ...]) -> Plan:
    """Return `plan` with no other kinds of faults than these, each as strong as it was drawn."""
    drawn = {kind: getattr(plan.faults, kind) for kind in (*SETTINGS, *kinds)}
    return replace(plan, faults=with_intensities(NONE, drawn), only=kinds)


def weakened(plan: Plan, strength: int) -> Plan:
    """Return `plan` with its faults at a strength, percent of what was drawn."""
    faults: Faults = plan.faults
    scaled = {
        kind: getattr(faults, kind) * strength / plan.strength
        for kind in switched_on(faults)
        if not kind.endswith("_ms")
    }
    return replace(plan, faults=with_intensities(faults, scaled), strength=strength)


def told(trail: Iterable[Noted]) -> list[str]:
    """Return the end of a run in words, oldest first: what its `World` kept."""
    lines = []
    for ts_ns, noted in trail:
        at = f"{(ts_ns - START_NS) / SECOND_NS:10.3f} s"
        if isinstance(noted, str):
            lines.append(f"{at}  -- {noted}")
        else:
            way = "->" if isinstance(noted, Command) else "<-"
            lines.append(f"{at}  {way} {_words(noted)}")
    return lines


def _words(noted: object) -> str:
    fields = [name for name in getattr(noted, "__struct_fields__", ()) if name != "ts_ns"]
    said = " ".join(f"{name}={_shown(name, getattr(noted, name))}" for name in fields)
    return f"{type(noted).__name__} {said}".rstrip()


def _shown(name: str, value: object) -> str:
    if name == "cid":
        return f"..{str(value)[-ID_SHOWN:]}"
    if isinstance(value, tuple):
        text = ", ".join(_words(one) if hasattr(one, "__struct_fields__") else str(one) for one in value)
        return f"[{text}]"[:200]
    return str(value) or "''"
