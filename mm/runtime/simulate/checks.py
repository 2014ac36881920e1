"""What must hold at every instant of a simulated run, judged by the venue's truth, not by the bot's belief.

Each invariant is a class in one of the `checks_*` files; here they are listed and called. One that fails
raises `Broken` with the invariant's name. The engine is only looked at where the question is about the
engine: which orders it holds for dead, what it says it is doing, how much it keeps.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from mm.domain.commands import AnyCommand, Cancel, Place, Report
from mm.domain.events import AnyEvent, OrderEvent, RequestFailed
from mm.engine.engine import Engine
from mm.engine.setup import EngineSetup, SessionSetup
from mm.runtime.rerun import RerunResult
from mm.runtime.simulate.checks_account import AccountExposure, OrderCount, PlacementRate
from mm.runtime.simulate.checks_bounds import Bounds
from mm.runtime.simulate.checks_burst import Burst
from mm.runtime.simulate.checks_exits import ExitPrices, Flattens
from mm.runtime.simulate.checks_exposure import Exposure, OneIntent, OnePerLevel, ReducesOnly, SelfTrade
from mm.runtime.simulate.checks_fills import FillsCountedOnce, Ledger, OrdersOnlyFill, ProvenDeath
from mm.runtime.simulate.checks_halt import Halt, Loss
from mm.runtime.simulate.checks_life import Liveness, NoOrphans, RecoveredOnce, SingleWriter
from mm.runtime.simulate.checks_loss import Falls
from mm.runtime.simulate.checks_market import CrossedBooks, Freshness, OwnCancels, Rate, Stalls
from mm.runtime.simulate.checks_orders import ConfigInForce, OrderSanity
from mm.runtime.simulate.checks_outside import Outside
from mm.runtime.simulate.checks_record import IntentBeforeEffect, Recorded, Replay, Secrets
from mm.runtime.simulate.checks_recovery import RecoveryLooks
from mm.runtime.simulate.checks_rejects import HeldBack
from mm.runtime.simulate.checks_scene import Broken, Checker, Scene
from mm.runtime.simulate.truth import Truth
from mm.runtime.simulate.wire import Wire

__all__ = ["CHECKERS", "Broken", "Checks"]

CHECKERS: Final[tuple[type[Checker], ...]] = (
    OneIntent,
    Halt,
    Freshness,
    Stalls,
    SelfTrade,
    OnePerLevel,
    ReducesOnly,
    Exposure,
    AccountExposure,
    OrderCount,
    PlacementRate,
    Rate,
    OwnCancels,
    HeldBack,
    RecoveryLooks,
    ExitPrices,
    OrderSanity,
    Loss,
    Falls,
    Burst,
    IntentBeforeEffect,
    SingleWriter,
    ProvenDeath,
    CrossedBooks,
    Flattens,
    Outside,
    FillsCountedOnce,
    OrdersOnlyFill,
    ConfigInForce,
    Recorded,
    Bounds,
    RecoveredOnce,
    Secrets,
    Replay,
    Liveness,
    NoOrphans,
    Ledger,
)
"""Every one, in the order in which they are asked."""

IDS_IN_TEXT: Final = re.compile(rb"[0-9a-f]{32}")
"""What a client order id looks like in a record."""

One = TypeVar("One", bound=Checker)


class Checks:
    """All of them over one run. Fields: scene: what they look at."""

    def __init__(self, setup: EngineSetup, truth: Truth, wire: Wire, engine: Engine) -> None:
        """Watch one run."""
        self.scene = Scene(setup, truth, wire, engine)
        self._all = [kind(self.scene) for kind in CHECKERS]
        # Only what a check overrides is called.
        self._listeners = self._overriding("on_event")
        self._on_event: dict[type, list[Callable[[AnyEvent], None]]] = {}
        self._on_command = [one.on_command for one in self._overriding("on_command")]
        self._on_report = [one.on_report for one in self._overriding("on_report")]
        self._on_truth = [one.on_truth for one in self._overriding("on_truth")]
        self._on_step = [one.on_step for one in self._overriding("on_step")]
        self._rate = self.of(Rate)
        self._secrets = self.of(Secrets)

    def _overriding(self, name: str) -> list[Checker]:
        return [one for one in self._all if getattr(type(one), name) is not getattr(Checker, name)]

    def of(self, kind: type[One]) -> One:
        """Return the check of that class."""
        found = next(one for one in self._all if isinstance(one, kind))
        assert isinstance(found, kind)
        return found

    @property
    def bounds_exposure(self) -> bool:
        """Whether the venue tells enough for any engine to hold its limits."""
        return self.scene.bounds_exposure

    @bounds_exposure.setter
    def bounds_exposure(self, is_so: bool) -> None:
        """Say so."""
        self.scene.bounds_exposure = is_so

    @property
    def placed(self) -> dict[str, Place]:
        """Every placement of this life, by id."""
        return self.scene.placed

    @property
    def reports(self) -> dict[str, int]:
        """How often each code was reported."""
        return self.scene.reports

    def weight_used(self, now_ns: int) -> int:
        """Return what the venue counted within the last minute, whoever of us sent it."""
        return self._rate.used(now_ns)

    # ---- lives

    def begin_life(self, setup: EngineSetup, engine: Engine) -> None:
        """Go on with the process that follows one that died."""
        self.scene.begin_life(setup, engine)
        for one in self._all:
            one.begin_life()

    def on_config(self, sessions: tuple[SessionSetup, ...]) -> None:
        """Take note of the setups that the next `ConfigApplied` brings."""
        self.scene.setup = replace(self.scene.setup, sessions=sessions)

    def on_external(self, asset: str, atoms: int) -> None:
        """Take note of a flow from outside: a deposit, or a withdrawal (negative)."""
        flows = self.of(Ledger).flows
        flows[asset] = flows.get(asset, 0) + atoms

    # ---- what is written down

    def on_written(self, content: bytes) -> None:
        """Take note of bytes that were written to a journal (I6, I15)."""
        scene = self.scene
        if scene.recorded is None:
            scene.recorded = set()
        scene.recorded.update(IDS_IN_TEXT.findall(content))
        self._secrets.search("the journal", content)

    def on_rerun(self, result: RerunResult) -> None:
        """Judge the repetition of a life from its journal (I10)."""
        self.of(Replay).judge(result)

    def plant_secrets(self, secrets: Sequence[bytes]) -> None:
        """Look for these in everything that is written (I15)."""
        self._secrets.plant(secrets)

    def on_bytes(self, where: str, data: bytes) -> None:
        """Look through bytes that were written (I15)."""
        self._secrets.search(where, data)

    # ---- what reaches and leaves the engine

    def on_event(self, event: AnyEvent) -> None:
        """Look at what is about to reach the engine."""
        self.scene.now_ns = event.ts_ns
        hooks = self._on_event.get(type(event))
        if hooks is None:
            hooks = self._on_event[type(event)] = [
                one.on_event for one in self._listeners if not one.hears or isinstance(event, one.hears)
            ]
            if isinstance(event, OrderEvent | RequestFailed):
                hooks.insert(0, self.scene.hear)
        for hook in hooks:
            hook(event)

    def on_command(self, now_ns: int, command: AnyCommand) -> None:
        """Judge a command before it is carried out."""
        scene = self.scene
        scene.now_ns = now_ns
        if isinstance(command, Report):
            scene.reports[command.code] = scene.reports.get(command.code, 0) + 1
            for tell in self._on_report:
                tell(command)
            return
        for judge in self._on_command:
            judge(command)
        if isinstance(command, Place):
            scene.note(command)
        elif isinstance(command, Cancel):
            scene.cancelled[command.cid] = now_ns

    # ---- what is so

    def on_truth(self) -> None:
        """Judge after the venue's truth changed or commands left."""
        for hook in self._on_truth:
            hook()

    def on_step(self, now_ns: int) -> None:
        """Judge after a step of the engine and all that it caused at once."""
        self.scene.now_ns = now_ns
        for hook in self._on_step:
            hook()

    def is_alive(self, now_ns: int) -> None:
        """Judge some time after the last fault."""
        self.scene.now_ns = now_ns
        for one in self._all:
            one.when_healed()

    def at_rest(self) -> None:
        """Judge after everything was stopped in order and came to rest."""
        for one in self._all:
            one.at_rest()
