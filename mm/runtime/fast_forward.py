"""The fast loop over a recording: a kernel applies what needs nobody's decision, the objects do the rest.

It leaves the steps of the plain loop (`backtest_loop.py`): the same commands at the same times, the same
fills and figures, the same state at each decision. What a kernel has applied is told to the venue, the engine
and the analyst before anything else happens. Reads no clock.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from mm.domain.events import Advanced
from mm.domain.tape import KEYFRAME, ORDER, OTHER, SNAPSHOT, Chunk, Row, event_of, rows
from mm.domain.tuples import named
from mm.domain.units import NEVER_NS, ceil_div
from mm.engine.market import Market
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.kernel.types import AnyKernel, KernelMarket, Stop, Watch
from mm.runtime.backtest_loop import Goes, take_orders, take_rare
from mm.runtime.backtest_steps import Steps
from mm.venues.paper import PaperVenue
from mm.venues.paper.market import PaperMarket

LOOK_EVERY: Final = 20_000
"""Rows between two questions whether to go on, or a few more."""

WINDOW_ROWS: Final = 64
"""Rows that are searched at once for the end of a message."""

MakeKernel = Callable[[Sequence[KernelMarket]], AnyKernel]

_AFTER: Final = Stop.AFTER
_DUE: Final = Stop.DUE
_BEFORE: Final = Stop.BEFORE


class _Part:
    # A market in its two roles; without orders there is no venue for it.
    __slots__ = ("market", "venue")

    def __init__(self, market: Market, venue: PaperMarket | None) -> None:
        self.market = market
        self.venue = venue


class FastForward:
    """See `mm.runtime.backtest_loop.Loop`."""

    def __init__(self, steps: Steps, venue: PaperVenue, make: MakeKernel, *, name: str) -> None:
        """Drive `steps`, whose engine has seen no market yet, by the kernel that `make` makes.

        Args: venue: of the steps; it compares with no other fill model. name: of what makes the kernel run.
        """
        assert not venue.compares
        self.name = name
        self.rows = 0
        self._steps = steps
        self._state = steps.engine.state
        self._passed = 0
        self._parts = _parts(self._state, venue)
        self._index = {part.market.instrument.symbol: at for at, part in enumerate(self._parts)}
        self._markets = [part.market for part in self._parts]
        sessions = self._state.sessions
        self._watched = [Watch(self._index[one.market.instrument.symbol], 0, 0) for one in sessions]
        self._kernel = make([_kernel_market(self._state, part) for part in self._parts])
        for at, part in enumerate(self._parts):
            part.market.book = self._kernel.book(at)
            if part.venue is not None:
                part.venue.look_through(partial(self._kernel.feed, at))

    @property
    def messages(self) -> int:
        """How many were taken so far."""
        return self._kernel.messages + self._passed

    def take(self, chunk: Chunk, goes_on: Goes) -> bool:
        """Let everything in a chunk happen."""
        kernel, event_time, recorded = self._kernel, self._steps.event_time, self._steps.recorded
        # One of a column is read several times as fast through a view of it.
        times = memoryview(chunk.columns.ts_ns)  # type: ignore[arg-type]  # arrays of either kind have one
        kernel.load(chunk)
        row, look, before, count = 0, LOOK_EVERY, self.rows, chunk.rows
        while row < count:
            if self._is_owed():
                row = self._pass(chunk, row)
            else:
                due_ns, begin = event_time.next_due_ns, row
                stop, row = kernel.advance(
                    row,
                    NEVER_NS if due_ns is None else due_ns,
                    self._watches(),
                    wants_keyframe=bool(recorded.waits_for),
                )
                if self._steps.orders:
                    self._show_orders(chunk, begin, row)
                self._tell(is_decision=stop is _AFTER)
                if stop is _DUE:
                    event_time.advance(times[row])
                elif stop is _BEFORE:
                    row = self._pass(chunk, row)
            self.rows = before + row
            if row >= look:
                look = row + LOOK_EVERY
                if not goes_on(self._state.now_ns, self.rows):
                    return False
        return True

    # Whether the next message has to come as a step, whatever it is.
    def _is_owed(self) -> bool:
        state = self._state
        if not state.started_ns:
            return True
        for session in state.sessions:
            if session.dirty:
                return True
        now_ns, version = state.now_ns, state.orders.version
        for market in self._markets:  # noqa: SIM110 - every decision asks it: a generator costs more than that
            if market.owes(now_ns, version):
                return True
        return False

    def _watches(self) -> list[Watch]:
        own, others = self._watched, list[Watch]()
        for at, session in enumerate(self._state.sessions):
            index, decided, threshold = own[at]
            if decided != session.decided_mid or threshold != session.wake.move_half_ticks:
                # A list of its own: what a kernel was given stays as it is.
                self._watched = own = own.copy()
                own[at] = named(Watch, (index, session.decided_mid, session.wake.move_half_ticks))
            if session.watching:
                others.extend(self._others(session))
        return own + others if others else own

    # A move counts as a share of the price: see `mm.engine.watching.on_mid`.
    def _others(self, session: Session) -> list[Watch]:
        own, threshold = session.decided_mid, session.wake.move_half_ticks
        return [
            Watch(
                self._index[one.market.instrument.symbol],
                known,
                ceil_div(threshold * known, own) if own else 0,
            )
            for one, known in zip(session.watching, session.decided_others, strict=True)
        ]

    def _tell(self, *, is_decision: bool) -> None:
        kernel, steps = self._kernel, self._steps
        now_ns = kernel.now_ns
        news = [kernel.news(at) for at in range(len(self._parts))]
        if now_ns < self._state.now_ns:
            # No message was applied.
            return
        for at, told in enumerate(news):
            venue = self._parts[at].venue
            if venue is not None and told.trades:
                venue.glide(told.trades)
        commands = steps.engine.glide(now_ns, news)
        last = max([told.tops[-1][0] for told in news if told.tops]) if is_decision else NEVER_NS
        for told in news:
            steps.analyst.on_glide(told, last)
        if is_decision or commands:
            steps.hears(Advanced(ts_ns=now_ns), commands)
        if commands:
            # Nothing is due: what is sent now counts as sent at this time.
            steps.event_time.advance(now_ns)
            steps.carry_out(commands)

    # Those that the kernel passed over: they changed nothing at the price of an own order.
    def _show_orders(self, chunk: Chunk, begin: int, end: int) -> None:
        told, symbols = self._steps.orders, chunk.symbols
        message: list[Row] = []
        for row in rows(chunk, begin, end):
            if row[1] == ORDER and symbols[row[2]] in told:
                message.append(row)
                if row[8]:
                    told[symbols[row[2]]].on_orders(message)
                    message = []

    # Returns the row after the message at `row`, which went through the objects.
    def _pass(self, chunk: Chunk, row: int) -> int:
        message = message_at(chunk, row)
        kind = message[0][1]
        if kind >= ORDER:
            take_orders(self._steps, chunk, message)
        elif kind in (KEYFRAME, SNAPSHOT, OTHER):
            take_rare(self._steps, kind, event_of(chunk, message))
        else:
            self._steps.on_event(event_of(chunk, message))
        self._passed += 1
        return row + len(message)


def message_at(chunk: Chunk, row: int) -> list[Row]:
    """Return the rows of the message that begins at `row`."""
    end = row
    while True:
        last = chunk.columns.last[end : end + WINDOW_ROWS].tolist()
        if 1 in last:
            return list(rows(chunk, row, end + last.index(1) + 1))
        end += len(last)


def _parts(state: EngineState, venue: PaperVenue) -> list[_Part]:
    # A market that only stands in for another is there under its own name.
    return [
        _Part(market, venue.market(symbol))
        for symbol, market in state.books.items()
        if market.instrument.symbol == symbol
    ]


def _kernel_market(state: EngineState, part: _Part) -> KernelMarket:
    market, venue = part.market, part.venue
    symbol, stale_ns = market.instrument.symbol, state.setup.deadlines.stale
    if venue is None:
        return KernelMarket(symbol, stale_ns, market)
    return KernelMarket(symbol, stale_ns, market, venue, venue.queue)
