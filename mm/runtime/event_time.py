"""Everything in the order of its time: what the world does, what a simulated venue answers, what timers want.

A venue that is simulated in this process and the engine's timers happen at stated times, not when the loop
gets round to them. Merged strictly by time, a run that was paced by the wall clock and its repetition without
a clock take the same steps in the same order. Decides nothing, reads no clock.
"""

from collections.abc import Callable

from mm.domain.events import Advanced, AnyEvent
from mm.ports import SimulatedVenue


class EventTime:
    """Feeds steps to an engine in the order of their times."""

    def __init__(
        self,
        venue: SimulatedVenue,
        *,
        next_timer_ns: Callable[[], int | None],
        computed: Callable[[AnyEvent], None],
        outside: Callable[[AnyEvent], None],
    ) -> None:
        """Merge the outcomes of `venue` with timers and events.

        Args:
            next_timer_ns: when the core's next timer is due, None if there is none.
            computed: takes a step on what was computed here: an outcome, or a timer's moment.
            outside: takes a step on an event that came from outside.
        """
        self._venue = venue
        self._next_timer_ns = next_timer_ns
        self._computed = computed
        self._outside = outside
        self._now_ns = 0

    @property
    def next_due_ns(self) -> int | None:
        """When something is due next, None if nothing is."""
        timer_ns, outcome_ns = self._next_timer_ns(), self._venue.next_due_ns
        if timer_ns is None or outcome_ns is None:
            return outcome_ns if timer_ns is None else timer_ns
        return min(timer_ns, outcome_ns)

    def on_event(self, event: AnyEvent) -> None:
        """Let everything happen that is due by the event's time, then what it does to our orders, then it."""
        self.advance(event.ts_ns)
        for own in self._venue.witness(event):
            self._computed(own)
        self._outside(event)

    def advance(self, ts_ns: int) -> None:
        """Let everything happen that is due up to and including `ts_ns`; outcomes before timers of a time."""
        while True:
            timer_ns, outcome_ns = self._next_timer_ns(), self._venue.next_due_ns
            if timer_ns is not None and timer_ns <= ts_ns and (outcome_ns is None or timer_ns < outcome_ns):
                if not self._world_at(timer_ns):
                    self._computed(Advanced(ts_ns=self._now_ns))
            elif outcome_ns is not None and outcome_ns <= ts_ns:
                self._world_at(outcome_ns)
            else:
                break
        self._world_at(ts_ns)

    # A timer may have been set for a time that is over: that is now.
    def _world_at(self, ts_ns: int) -> int:
        self._now_ns = max(self._now_ns, ts_ns)
        outcomes = self._venue.advance(self._now_ns)
        for outcome in outcomes:
            self._computed(outcome)
        return len(outcomes)
