"""What must hold at every instant of a simulated run, judged by the venue's truth, not by the bot's belief.

A check that fails raises `Broken` with the invariant's name. The engine is only looked at where the question
is about the engine: which orders it holds for dead, what it says it is doing.
"""

from collections import deque
from typing import Final

from mm.domain.book import BookStatus
from mm.domain.commands import AnyCommand, Cancel, Connect, Place, Report, TimeInForce
from mm.domain.events import (
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    Stream,
    StreamDown,
    TopOfBook,
)
from mm.domain.ids import OrderIds
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.engine.session import SessionState
from mm.engine.setup import EngineSetup
from tests.builders.engine_truth import Truth
from tests.builders.engine_wire import Wire

SECOND_NS: Final = 1_000_000_000
KILL_NS: Final = 6 * SECOND_NS
"""After a halt that nothing forbids to cancel, a cancel was sent for every open order within this time."""

RECONCILED_NS: Final = 12 * SECOND_NS
"""With no fault any more, nothing stays different or silent for longer: a reconciliation and some way."""

BUDGET: Final = "budget"
"""The reason of a session whose messages of the minute are used up: it may be silent until they are not."""

CROSSED_NS: Final = SECOND_NS
"""A book that shows bid >= ask for longer is not right."""

SWEEP_NS: Final = SECOND_NS // 5
"""What time alone makes due is done within this."""

MINUTE_NS: Final = 60 * SECOND_NS


class Broken(AssertionError):
    """An invariant does not hold. Fields: invariant: its name."""

    def __init__(self, invariant: str, text: str) -> None:
        """Keep the name beside the text."""
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Checks:
    """All of them, with what they have to remember.

    Fields: placed: every placement of this life by cid; halted_ns: since when, 0 = not; reports: how often
    each code; bounds_exposure: whether the venue tells enough for any engine to hold its limits; crashed:
    whether fills of an earlier life of the process may be among those of this one.
    """

    def __init__(self, setup: EngineSetup, truth: Truth, wire: Wire, engine: Engine) -> None:
        """Watch one run."""
        self._setup = setup
        self._ids: OrderIds = setup.ids
        self._truth = truth
        self._wire = wire
        self._engine = engine
        self.bounds_exposure = True
        self.crashed = False
        self.placed: dict[str, Place] = {}
        self.halted_ns = 0
        self._cancelled: set[str] = set()
        self._book_ns: dict[str, int] = {}
        self._depth_ns: dict[str, int] = {}
        self._weights: deque[tuple[int, int]] = deque()
        self._weight = 0
        self._cum: dict[str, int] = {}
        self._session: dict[str, int] = {}
        self._position: dict[int, int] = {}
        self._quoted_ns: dict[int, int] = {}
        self._seen_fills = 0
        self.reports: dict[str, int] = {}

    def begin_life(self, setup: EngineSetup, engine: Engine) -> None:
        """Forget what the process that crashed did: its orders are orphans now."""
        self._setup = setup
        self._engine = engine
        self.halted_ns = 0
        self.crashed = True
        for kept in (self.placed, self._session, self._position, self._cum, self._book_ns, self._quoted_ns):
            kept.clear()
        self._cancelled.clear()

    # ---- what reaches the engine

    def on_event(self, event: AnyEvent) -> None:
        """Note how fresh the books are as far as the engine can know."""
        match event:
            case BookSnapshot():
                self._book_ns[event.symbol] = self._depth_ns[event.symbol] = event.ts_ns
            case BookDelta() | TopOfBook():
                if event.symbol in self._book_ns:
                    self._book_ns[event.symbol] = event.ts_ns
                    if isinstance(event, BookDelta):
                        self._depth_ns[event.symbol] = event.ts_ns
            case BookLost():
                self._book_ns.pop(event.symbol, None)
            case StreamDown() if event.stream is Stream.MARKET:
                self._book_ns.clear()
            case _:
                pass

    # ---- what leaves the engine

    def on_command(self, now_ns: int, command: AnyCommand) -> None:
        """Judge a command before it is carried out."""
        if isinstance(command, Report):
            self._on_report(now_ns, command)
            return
        if now_ns < self._wire.banned_until_ns:
            raise Broken("I9", f"{type(command).__name__} was sent while banned")
        if not isinstance(command, Connect):
            self._spend(now_ns, command)
        if isinstance(command, Cancel):
            self._cancelled.add(command.cid)
            if self._ids.decode(command.cid) is None:
                raise Broken("B24", "an order that is not ours was cancelled")
        if isinstance(command, Place):
            self._judge_place(now_ns, command)

    def _spend(self, now_ns: int, command: AnyCommand) -> None:
        caps = self._setup.caps
        weight = {
            "Place": caps.weight_place,
            "Cancel": caps.weight_cancel,
            "Query": caps.weight_query,
            "ListOrders": caps.weight_orders,
            "ListFills": caps.weight_fills,
            "ListBalances": caps.weight_balances,
            "SyncBook": caps.weight_book,
        }.get(type(command).__name__, 1)
        self._weights.append((now_ns, weight))
        self._weight += weight
        used = self.weight_used(now_ns)
        if used > caps.weight_per_minute:
            raise Broken("I9", f"{used} of weight within a minute")

    def weight_used(self, now_ns: int) -> int:
        """Return what the venue counted within the last minute, whoever of us sent it."""
        while self._weights and self._weights[0][0] <= now_ns - MINUTE_NS:
            self._weight -= self._weights.popleft()[1]
        return self._weight

    def _judge_place(self, now_ns: int, place: Place) -> None:
        if place.cid in self.placed:
            raise Broken("B6", "one intent was sent twice")
        if self.halted_ns and not place.reduces:
            raise Broken("I7", "a placement left after the halt")
        book_ns = self._book_ns.get(place.symbol)
        if book_ns is None:
            raise Broken("I8", "a placement on a book that is not in sync")
        if max(place.market_age_ns, now_ns - book_ns) > self._setup.deadlines.stale:
            raise Broken("I8", f"a placement on a book that is {(now_ns - book_ns) // 10**6} ms old")
        if now_ns - self._depth_ns[place.symbol] > self._setup.deadlines.stale + SWEEP_NS:
            raise Broken("I8", "a placement on a book whose depth is old behind its top")
        for other in self._may_fill():
            if (
                other.symbol == place.symbol
                and other.side is not place.side
                and (place.price_ticks - other.price_ticks) * place.side.sign >= 0
            ):
                raise Broken("I2", f"{place.side} at {place.price_ticks} against own {other.price_ticks}")
        self.placed[place.cid] = place
        if place.reduces and not self.halted_ns:
            raise Broken("I7", "an exit left although nothing was halted")
        decoded = self._ids.decode(place.cid)
        assert decoded is not None
        self._session[place.cid] = decoded.session
        self._judge_level(place)
        if place.reduces:
            self._judge_exit(place)

    def _judge_exit(self, place: Place) -> None:
        # Everything that could still fill on its side, itself included, takes back at most what is held.
        session = self._session[place.cid]
        held = -place.side.sign * self._held(session)
        may_fill = sum(
            left
            for cid, left in self._left()
            if cid != place.cid and (self._session[cid], self.placed[cid].side) == (session, place.side)
        )
        if may_fill + place.size_lots > held:
            raise Broken("B36", f"an exit of {place.size_lots} beside {may_fill}, {held} held")

    def _judge_level(self, place: Place) -> None:
        known = self._engine.state.orders
        mine = known.get(place.cid)
        assert mine is not None
        for other in self._may_fill():
            order = known.get(other.cid)
            if (
                order is not None
                and order is not mine
                and (order.session, order.side, order.level) == (mine.session, mine.side, mine.level)
                and mine.level >= 0
            ):
                raise Broken("one per level", f"a second order on {mine.side} level {mine.level}")

    def _on_report(self, now_ns: int, report: Report) -> None:
        self.reports[report.code] = self.reports.get(report.code, 0) + 1
        if report.code == "halt":
            self.halted_ns = now_ns
            self._cancelled.clear()
        elif report.code == "unhalt":
            self.halted_ns = 0
        elif report.code == "halt.confirmed":
            left = [place.cid for place in self._may_fill() if self._ids.decode(place.cid) is not None]
            if left:
                raise Broken("I7", f"a halt was confirmed with {len(left)} own orders left")

    # ---- what happened at the venue

    def on_truth(self) -> None:
        """Judge the worst case after the venue's truth changed or a placement left (I1)."""
        for fill in self._truth.fills[self._seen_fills :]:
            session = self._session.get(fill.cid)
            if session is not None:
                moved = fill.side.sign * fill.size_lots
                self._position[session] = self._position.get(session, 0) + moved
        self._seen_fills = len(self._truth.fills)
        open_lots: dict[tuple[int, Side], int] = {}
        for cid, left in self._left():
            place = self.placed[cid]
            key = (self._session[cid], place.side)
            open_lots[key] = open_lots.get(key, 0) + left
        for (session, side), lots in open_lots.items():
            limit = self._setup.sessions[session].band_lots_max
            position = self._held(session)
            worst = side.sign * position + lots
            if worst > limit and self.bounds_exposure:
                raise Broken("I1", f"session {session}: {position} held, {lots} to {side}, limit {limit}")

    def _held(self, session: int) -> int:
        # The inventory by the venue's truth: what is held beside the target, or where two sessions share a
        # symbol, what the orders of this one moved.
        mine = self._engine.state.sessions[session]
        instrument = mine.setup.instrument
        sharing = sum(one.setup.instrument is instrument for one in self._engine.state.sessions)
        if sharing > 1 or mine.target_lots < 0:
            return self._position.get(session, 0)
        return self._truth.holdings[instrument.base] // instrument.lot_atoms - mine.target_lots

    def _left(self) -> list[tuple[str, int]]:
        # What of this life can still fill: resting, or on its way.
        resting = [(cid, order.left_lots) for cid, order in self._truth.live.items() if cid in self.placed]
        coming = [(cid, place.size_lots) for cid, place in self._wire.in_transit.items()]
        return resting + coming

    def _may_fill(self) -> list[Place]:
        # Own orders that are not dead by the venue's truth, earlier lives included.
        known = dict(self._wire.in_transit)
        for cid, order in self._truth.live.items():
            if self._ids.decode(cid) is not None:
                known[cid] = self.placed.get(cid) or Place(
                    cid=cid,
                    symbol=order.symbol,
                    side=order.side,
                    price_ticks=order.price_ticks,
                    size_lots=order.size_lots,
                    post_only=True,
                    time_in_force=TimeInForce.GTC,
                    reduces=False,
                    market_seq=0,
                    market_age_ns=0,
                )
        return list(known.values())

    # ---- after each step

    def on_step(self, now_ns: int) -> None:
        """Judge what the engine believes against what is so."""
        live = self._engine.state.orders.live
        for cid in self._truth.live:
            if cid in self._session:
                self._quoted_ns[self._session[cid]] = now_ns
        for cid, _ in self._left():
            if cid not in live:
                raise Broken("unproven death", f"{cid[-6:]} is alive and was given up")
        for market in self._engine.state.markets.values():
            since_ns, book = market.book.crossed_since_ns, market.book
            if book.status is BookStatus.IN_SYNC and since_ns and now_ns - since_ns > CROSSED_NS:
                raise Broken("A3", "a book that is crossed was believed for more than a second")
        for order in live.values():
            before = self._cum.get(order.cid, 0)
            if order.cum_lots < before or order.cum_lots > order.size_lots:
                raise Broken("I11", f"filled {order.cum_lots} of {order.size_lots} after {before}")
            self._cum[order.cid] = order.cum_lots
        if self.halted_ns and now_ns - max(self.halted_ns, self._wire.banned_until_ns) > KILL_NS:
            for cid in self._truth.live:
                if cid in self.placed and cid not in self._cancelled:
                    raise Broken("I7", "an order was not cancelled although nothing stood in the way")

    # ---- at the end

    def at_rest(self) -> None:
        """Judge the books after everything came to rest (I3, I5)."""
        state = self._engine.state
        for session in state.sessions:
            held = self._held(session.index)
            if session.stock_taken and session.position.inventory_lots != held:
                raise Broken("I3", f"{session.name}: {session.position.inventory_lots}, the venue {held}")
            fills = sum(self._session.get(fill.cid) == session.index for fill in self._truth.fills)
            if session.position.fills != fills and not self.crashed:
                raise Broken("I3", f"{session.name}: {session.position.fills} fills, the venue {fills}")
            if session.state not in (SessionState.COMPLETED, SessionState.HALTED):
                raise Broken("I13", f"{session.name} is {session.state} after a stop: {session.reason}")
        ours = [cid for cid in self._truth.live if self._ids.decode(cid) is not None]
        if ours or state.orders.live:
            raise Broken("I5", f"{len(ours)} open at the venue, {len(state.orders.live)} in the core")
        if state.halt_code and not state.halt_confirmed:
            raise Broken("I7", f"halted for {state.halt_code} and never confirmed")
        if self._truth.self_trades:
            raise Broken("I2", "own orders met at the venue")

    def is_alive(self, now_ns: int) -> None:
        """Judge that every session quotes, or is held for a reason that it states (I13, I5)."""
        state = self._engine.state
        for order in state.orders.live.values():
            true = self._truth.orders.get(order.cid)
            ended_ns = order.placed_ns if true is None else true.closed_ns or now_ns
            if now_ns - ended_ns > RECONCILED_NS and order.cid not in self._wire.in_transit:
                raise Broken("I5", f"the core holds {order.cid[-6:]} for {order.state}; the venue does not")
        for session in state.sessions:
            silent_ns = now_ns - self._quoted_ns.get(session.index, 0)
            stands = session.state is SessionState.ACTIVE and session.reason != BUDGET
            if stands and silent_ns > RECONCILED_NS:
                raise Broken("I13", f"{session.name} is active, quotes nothing: {session.reason}")
            if session.state is SessionState.HALTED and not state.halt_code:
                raise Broken("I13", f"{session.name} is halted without a reason")
            if session.state not in (SessionState.ACTIVE, SessionState.HALTED, SessionState.PAUSED):
                raise Broken("I13", f"{session.name} is {session.state}: {session.reason}")
