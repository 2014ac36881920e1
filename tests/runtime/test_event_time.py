"""Everything in the order of its time: outcomes, timers, events; the same however the clock cuts it."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.capabilities import Capabilities
from mm.domain.commands import VenueCommand
from mm.domain.events import Advanced, AnyEvent, OrderCanceled, Source, Stream, StreamUp
from mm.domain.instrument import Instrument
from mm.runtime.event_time import EventTime


class _World:
    # A venue with outcomes at stated times, and an engine with timers at stated times.
    def __init__(self, outcomes: Sequence[int], timers: Sequence[int]) -> None:
        self.outcomes = sorted(outcomes)
        self.timers = sorted(timers)
        self.silent: list[int] = []
        self.steps: list[tuple[int, str]] = []
        self.now_ns = 0
        self.seen: list[AnyEvent] = []
        self.time = EventTime(
            self,
            next_timer_ns=lambda: self.timers[0] if self.timers else None,
            computed=self.step,
            outside=self.step,
        )

    caps = Capabilities(orders_per_10s=1, weight_per_minute=1)

    @property
    def next_due_ns(self) -> int | None:
        return min([*self.outcomes, *self.silent], default=None)

    def advance(self, ts_ns: int) -> Sequence[AnyEvent]:
        assert ts_ns >= self.now_ns, "time went back"
        self.now_ns = ts_ns
        self.silent = [at for at in self.silent if at > ts_ns]
        due = [at for at in self.outcomes if at <= ts_ns]
        self.outcomes = self.outcomes[len(due) :]
        return [OrderCanceled(ts_ns=at, cid="a", cum_lots=0, source=Source.STREAM) for at in due]

    def queue_ahead(self) -> Mapping[str, int]:
        return {}

    def witness(self, event: AnyEvent) -> Sequence[AnyEvent]:
        self.seen.append(event)
        if isinstance(event, StreamUp):
            return [OrderCanceled(ts_ns=event.ts_ns, cid="b", cum_lots=0, source=Source.STREAM)]
        return []

    def step(self, event: AnyEvent) -> None:
        if isinstance(event, Advanced):
            self.timers = [at for at in self.timers if at > event.ts_ns]
        kind = event.cid if isinstance(event, OrderCanceled) else type(event).__name__
        self.steps.append((event.ts_ns, kind))

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        raise NotImplementedError

    async def start(self, sink: object) -> None:
        raise NotImplementedError

    def submit(self, command: VenueCommand) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def _up(ts_ns: int) -> AnyEvent:
    return StreamUp(ts_ns=ts_ns, stream=Stream.MARKET)


def test_outcomes_and_timers_come_before_the_event_at_their_own_times() -> None:
    """Outcomes go before timers of the same time, and what an event does to our orders before the event."""
    world = _World(outcomes=[3, 7], timers=[3, 5, 9])

    world.time.on_event(_up(8))

    expected = [(3, "a"), (3, "Advanced"), (5, "Advanced"), (7, "a"), (8, "b"), (8, "StreamUp")]
    assert world.steps == expected
    assert world.time.next_due_ns == 9


def test_what_is_due_at_the_very_time_of_an_event_comes_before_it() -> None:
    """The outcome, then the timer, then the event: a tie is no matter of luck."""
    world = _World(outcomes=[8], timers=[8])

    world.time.on_event(_up(8))

    assert world.steps == [(8, "a"), (8, "Advanced"), (8, "b"), (8, "StreamUp")]


def test_a_moment_at_which_the_venue_says_nothing_is_no_step() -> None:
    """A request that takes effect is due, and told of later: the core hears nothing of it."""
    world = _World(outcomes=[], timers=[9])
    world.silent = [3, 9]

    world.time.advance(10)

    assert world.steps == [(9, "Advanced")]


def test_a_timer_of_the_past_happens_now() -> None:
    """Time never goes back for the venue, whatever the core asks for."""
    world = _World(outcomes=[], timers=[])
    world.time.advance(10)
    world.timers = [4]

    world.time.advance(12)

    assert world.steps == [(10, "Advanced")]


@given(
    outcomes=st.lists(st.integers(1, 60), max_size=12),
    timers=st.lists(st.integers(1, 60), max_size=12),
    events=st.lists(st.integers(1, 60), max_size=8),
    looks=st.lists(st.integers(1, 60), max_size=12),
)
def test_when_the_loop_looks_changes_nothing(
    outcomes: list[int], timers: list[int], events: list[int], looks: list[int]
) -> None:
    """The steps are those of a merge by time, whether time was advanced in between or not."""
    paced, unpaced = _World(outcomes, timers), _World(outcomes, timers)
    for ts_ns in sorted(events):
        for look in sorted(looks):
            if look < ts_ns and look >= paced.now_ns:
                paced.time.advance(look)
        paced.time.on_event(_up(ts_ns))
        unpaced.time.on_event(_up(ts_ns))
    paced.time.advance(60)
    unpaced.time.advance(60)

    assert paced.steps == unpaced.steps
    assert [ts for ts, _ in paced.steps] == sorted(ts for ts, _ in paced.steps)
    assert sum(kind == "a" for _, kind in paced.steps) == len(outcomes)
