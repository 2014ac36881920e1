"""Runs of the live loop for tests: the real engine and loop, a fake venue, time that jumps."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from mm.domain.commands import AnyCommand, Report
from mm.domain.events import AnyEvent
from mm.domain.ids import OrderId, OrderIds
from mm.domain.units import NS_PER_S
from mm.engine.engine import Engine
from mm.engine.setup import Deadlines, EngineSetup, SessionSetup
from mm.runtime.live import Clock, LiveRuntime, Observer, Outcome
from mm.runtime.recorder import Recorder
from mm.runtime.simulate.ladder import Ladder
from tests.builders.engine_rig import make_session
from tests.builders.fake_venue import CAPS, FakeVenue
from tests.builders.virtual_time import START_NS, VirtualClock, run_virtual

IDS: Final = OrderIds(tag=7, key=b"tests")
EPOCH: Final = 5


def earlier_cid(sequence: int) -> str:
    """Return the id of an order that an earlier life placed."""
    return IDS.encode(OrderId(IDS.tag, 0, EPOCH - 1, sequence))


class WatchedEngine(Engine):
    """The engine, with a look at how it is called.

    Fields: events: every one it was given. trace: "step" for each; whoever else wants to writes in it too.
    breaks_at: an event for which this holds raises an error inside the step.
    """

    def __init__(self, setup: EngineSetup) -> None:
        super().__init__(setup)
        self.events: list[AnyEvent] = []
        self.trace: list[str] = []
        self.breaks_at: Callable[[AnyEvent], bool] = lambda _: False
        self._inside = False

    def step(self, event: AnyEvent) -> Sequence[AnyCommand]:
        """Step, unless one is under way."""
        assert not self._inside, "a step inside a step"
        self._inside = True
        try:
            self.events.append(event)
            self.trace.append("step")
            if self.breaks_at(event):
                raise ArithmeticError("the core is broken")
            return super().step(event)
        finally:
            self._inside = False


class LiveRun:
    """One run about to begin. Fields: engine, venue, runtime, reports: told so far; outcome: when it is over.

    Times in seconds are those since its beginning.
    """

    def __init__(
        self,
        *sessions: SessionSetup,
        latency_s: float = 0.0,
        observers: Sequence[Observer] = (),
        clock: Clock | None = None,
        deadlines: Deadlines | None = None,
        latched: str = "",
        recorder: Recorder | None = None,
    ) -> None:
        """Build it; `clock` is the virtual loop's unless given."""
        chosen = sessions or (make_session(Ladder()),)
        self.engine = WatchedEngine(
            EngineSetup(
                ids=IDS,
                epoch=EPOCH,
                caps=CAPS,
                sessions=chosen,
                deadlines=deadlines or Deadlines(),
                latched=latched,
            )
        )
        self.clock = clock or VirtualClock()
        self.venue = FakeVenue(self.clock, latency_s=latency_s)
        self.reports: list[Report] = []
        self.runtime = LiveRuntime(self.engine, self.venue, self.clock, (self._note, *observers), recorder)
        self._planned: list[tuple[float, Callable[[], object]]] = []
        self.ended_s = 0.0

    def _note(self, report: Report) -> None:
        self.reports.append(report)

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Let `call` happen at a time."""
        self._planned.append((seconds, call))

    def go(self, duration_s: float = 0.0) -> Outcome:
        """Run it to its end, for `duration_s` if that is above 0."""
        return run_virtual(lambda: self.run(duration_s))

    async def run(self, duration_s: float = 0.0) -> Outcome:
        """Run it in the loop that is running."""
        loop = asyncio.get_running_loop()
        for seconds, call in self._planned:
            loop.call_later(seconds, call)
        outcome = await self.runtime.run(round(duration_s * NS_PER_S))
        self.ended_s = self.seconds
        return outcome

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return (self.clock.now_ns() - START_NS) / 1e9

    def codes(self) -> list[str]:
        """Return the codes of the reports so far."""
        return [report.code for report in self.reports]
