"""Why a decision came out as it did: every gate in order, and what became of each quote.

Invariant: explaining changes nothing of the engine, and the fates of an explanation are the placements and
cancels of its decision, no more and no fewer.
"""

from collections.abc import Iterator
from copy import copy, deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mm.domain.commands import AnyCommand
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL, Side
from mm.engine.decide import decide
from mm.engine.differ import TWICE, UNWANTED
from mm.engine.gates import WHOLE_SIDE, Gate, Verdict, each, gates_of
from mm.engine.session import Session, SessionState
from mm.engine.setup import SessionSetup
from mm.engine.state import EngineState
from mm.engine.trace import Chain, LiveOrder, Trace

_SHARED: Final = (
    "setup",
    "markets",
    "watched",
    "books",
    "orders",
    "sessions",
    "out",
    "trace",
    "_standings",
    "_own_orders",
)
_SHARED_BY_SESSIONS: Final = (
    "setup",
    "market",
    "watching",
    "wake",
    "shapers",
    "shapes",
    "admitters",
    "watchers",
)


class Outcome(StrEnum):
    """What became of a quote.

    KEPT: its order stays. PLACED: it was sent. MOVED: its order goes, to be placed anew. CANCELLED: its order
    goes. WAITS: the venue has yet to tell its order's fate. DENIED: it was not let out. WITHHELD: there is
    none, and no order either.
    """

    KEPT = "kept"
    PLACED = "placed"
    MOVED = "moved"
    CANCELLED = "cancelled"
    WAITS = "waits"
    DENIED = "denied"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one side and level. Fields: level: `WHOLE_SIDE` where nothing is wanted or live at all.

    cause: the gate that it comes from; behind: what took the quote, where its order only waits, else None.
    cid, state, price_ticks, size_lots, age_ns: of the order, what could still fill of it; "", None and 0
    without one. wanted: what is to stand there, None if nothing is.
    """

    side: Side
    level: int
    outcome: Outcome
    cause: Gate
    cid: str = ""
    state: OrderState | None = None
    price_ticks: int = 0
    size_lots: int = 0
    age_ns: int = 0
    wanted: Quote | None = None
    behind: Gate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One decision explained.

    Fields: setup: of the session then. ts_ns: the core's time; state, reason: of the session afterwards;
    gates: in the order in which they were passed; fates: bids first, nearest first; commands: what was sent.
    """

    setup: SessionSetup
    ts_ns: int
    state: SessionState
    reason: str
    gates: tuple[Gate, ...]
    fates: tuple[Fate, ...]
    commands: tuple[AnyCommand, ...]


def explain(state: EngineState, session: Session, *, now_ns: int = 0) -> Explanation:
    """Return what `session` would decide if it were asked now, and why; nothing happens.

    Args: now_ns: the time to decide at, if that is later than the engine's.
    """
    ahead = _tentative(state)
    ahead.now_ns = ahead.step_ns = max(state.now_ns, now_ns)
    ahead.trace = trace = Trace()
    decide(ahead, ahead.sessions[session.index])
    return explanation(trace.chains[session.name])


def _tentative(state: EngineState) -> EngineState:
    # Everything is copied but what no decision writes: books are deep and histories are long, and whoever
    # asks a running engine holds it up.
    made = copy(state)
    own = {name: value for name, value in vars(state).items() if name not in _SHARED}
    vars(made).update(deepcopy(own))
    made.out = []
    made.orders = state.orders.tentative()
    made.sessions = [_twin(session) for session in state.sessions]
    made._standings, made._own_orders = {}, {}
    return made


def _twin(session: Session) -> Session:
    made = copy(session)
    own = {name: value for name, value in vars(session).items() if name not in _SHARED_BY_SESSIONS}
    vars(made).update(deepcopy(own))
    return made


def explanation(chain: Chain) -> Explanation:
    """Return a decision that was taken as what it went through."""
    gates = tuple(gates_of(chain))
    return Explanation(
        setup=chain.setup,
        ts_ns=chain.ts_ns,
        state=chain.ended,
        reason=chain.said,
        gates=gates,
        fates=tuple(_fates(chain, gates)),
        commands=chain.commands,
    )


def _fates(chain: Chain, gates: tuple[Gate, ...]) -> Iterator[Fate]:
    orders: dict[tuple[Side, int], list[LiveOrder]] = {}
    for order in chain.live:
        if order.level >= 0:
            orders.setdefault((order.side, order.level), []).append(order)
    wanted = [] if chain.wanted is None else [(side, quote.level) for side, quote in each(chain.wanted)]
    placed = [(asked.place.side, asked.level) for asked in chain.asked]
    for side in (BUY, SELL):
        levels = sorted(dict.fromkeys(at[1] for at in (*orders, *wanted, *placed) if at[0] is side))
        for level in levels or [WHOLE_SIDE]:
            found = orders.get((side, level), [])
            for order in found:
                yield _order_fate(chain, gates, order)
            if not found:
                yield _empty_fate(chain, gates, side, level)


def _order_fate(chain: Chain, gates: tuple[Gate, ...], order: LiveOrder) -> Fate:
    side, level = order.side, order.level
    quote = _final(chain, side, level)
    own = [gate for gate in gates if (gate.side, gate.level) == (side, level)]
    limits = [gate for gate in own if gate.name == "limits"]
    differ = [gate for gate in own if gate.name in ("differ", "budget")]
    cause = chain.causes.get(order.cid)
    if order.cid in chain.cancelled:
        if limits:
            outcome, gate = Outcome.CANCELLED, limits[0]
        elif cause in (None, UNWANTED):
            outcome, gate = Outcome.CANCELLED, _why_not(gates, side, level)
        else:
            outcome = Outcome.CANCELLED if cause == TWICE else Outcome.MOVED
            gate = _of(differ, f"differ.{cause}")
    elif cause is not None:
        outcome, gate = Outcome.WAITS, _of(differ, "budget.banned")
    elif not chain.compared:
        outcome, gate = Outcome.WAITS, _why_not(gates, side, level)
    elif order.state is OrderState.WORKING:
        outcome, gate = Outcome.KEPT, differ[0]
    else:
        outcome, gate = Outcome.WAITS, _of(differ, f"differ.{order.state}")
    return Fate(
        side=side,
        level=level,
        outcome=outcome,
        cause=gate,
        cid=order.cid,
        state=order.state,
        price_ticks=order.price_ticks,
        size_lots=order.left_lots,
        age_ns=chain.ts_ns - order.placed_ns,
        wanted=quote,
        behind=_why_not(gates, side, level) if outcome is Outcome.WAITS and quote is None else None,
    )


def _empty_fate(chain: Chain, gates: tuple[Gate, ...], side: Side, level: int) -> Fate:
    quote = _final(chain, side, level)
    own = [gate for gate in gates if (gate.side, gate.level) == (side, level)]
    refused = [gate for gate in own if gate.name in ("admit", "budget") and gate.verdict is Verdict.STOPPED]
    asked = [one for one in chain.asked if (one.place.side, one.level) == (side, level)]
    if asked and asked[0].refusal is None:
        place = asked[0].place
        gate = _of([gate for gate in own if gate.name == "strategy"], "")
        return Fate(
            side=side,
            level=level,
            outcome=Outcome.PLACED,
            cause=gate,
            cid=place.cid,
            state=OrderState.SENT,
            price_ticks=place.price_ticks,
            size_lots=place.size_lots,
            wanted=quote,
        )
    held = [gate for gate in gates if gate.name == "hold"]
    if quote is not None and (refused or held):
        cause = _of(refused or held, asked[0].refusal.code if asked and asked[0].refusal else "")
        return Fate(side=side, level=level, outcome=Outcome.DENIED, cause=cause, wanted=quote)
    cause = _why_not(gates, side, level)
    return Fate(side=side, level=level, outcome=Outcome.WITHHELD, cause=cause, wanted=quote)


def _why_not(gates: tuple[Gate, ...], side: Side, level: int) -> Gate:
    # What stopped everything, else what took this quote, else the strategy, which does not want it.
    stopped = [gate for gate in gates if gate.verdict is Verdict.STOPPED]
    for gate in stopped:
        if gate.side is None and gate.name != "hold":
            return gate
    taken = ("shape", "reduce", "quantise")
    for gate in stopped:
        if (gate.side, gate.level) == (side, level) and gate.name.partition(".")[0] in taken:
            return gate
    return next((gate for gate in gates if gate.name == "strategy"), gates[0])


def _of(gates: list[Gate], code: str) -> Gate:
    # The gate of that code, the first one where none has it.
    return next((gate for gate in gates if gate.code == code), gates[0])


def _final(chain: Chain, side: Side, level: int) -> Quote | None:
    quotes = chain.final.bids if side is BUY else chain.final.asks
    return next((quote for quote in quotes if quote.level == level), None)
