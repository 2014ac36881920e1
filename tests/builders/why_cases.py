"""Cases for explanations: for each gate a bench on which it is the reason, and what has to be said of it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, Place
from mm.domain.events import (
    BookLost,
    CancelUnknown,
    Operation,
    OperatorAsked,
    OrderRejected,
    PlaceUnknown,
    Stream,
    StreamDown,
    Throttled,
)
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL, Side
from mm.engine.explain import Explanation, Fate, Outcome, explanation
from mm.engine.gates import WHOLE_SIDE
from mm.engine.setup import SessionSetup
from mm.engine.trace import Trace
from mm.risk.base import Alarm, AlarmAction, Rule
from tests.builders.config_changes import change
from tests.builders.engine_ladder import SECOND_NS, Collapse, Deny, Halve, Ring, Scripted
from tests.builders.engine_rig import CAPS, MID, MS, Rig, make_session
from tests.builders.instruments import make_test_instrument
from tests.builders.risk_rules import make_test_rules

BID, ASK = Quote(MID - 20, 10), Quote(MID + 20, 10)


class Case(NamedTuple):
    """One gate as the reason.

    Fields: make: the bench, after the decision that is meant; side, level: of the quote; outcome, gate, code:
    what has to be found; says: a part of the sentence.
    """

    make: Callable[[], Rig]
    outcome: Outcome
    gate: str
    code: str
    says: str
    side: Side = BUY
    level: int = 0


def two_sided(**fields: Any) -> Scripted:
    """Return a strategy that wants one bid and one ask."""
    return Scripted(**({"bids": (BID,), "asks": (ASK,)} | fields))


def traced(*sessions: SessionSetup, caps: Capabilities = CAPS) -> Rig:
    """Return a bench whose decisions are traced."""
    rig = Rig(*sessions, caps=caps)
    rig.engine.state.trace = Trace()
    return rig


def quoting(strategy: Scripted | None = None, *, rules: tuple[Rule, ...] | None = None, **fields: Any) -> Rig:
    """Return a bench that quotes under all rules, with everything acknowledged."""
    rules = make_test_rules() if rules is None else rules
    rig = traced(make_session(strategy or two_sided(), rules=rules, **fields))
    rig.activate()
    rig.place_all()
    return rig


def last(rig: Rig, session: str = "main") -> Explanation:
    """Return the last decision of a session, explained."""
    trace = rig.engine.state.trace
    assert trace is not None
    return explanation(trace.chains[session])


def fate(made: Explanation, side: Side = BUY, level: int = 0) -> Fate:
    """Return the one fate of a side and level."""
    (found,) = [one for one in made.fates if (one.side, one.level) == (side, level)]
    return found


def unlike_its_commands(made: Explanation, live: list[str]) -> list[str]:
    """Return where the fates of an explanation are not the placements and cancels of its decision.

    Args: live: ids of the orders of the session's ladder before it.
    """
    placed = [
        (one.cid, one.side, one.price_ticks, one.size_lots)
        for one in made.fates
        if one.outcome is Outcome.PLACED
    ]
    sent = [
        (command.cid, command.side, command.price_ticks, command.size_lots)
        for command in made.commands
        if isinstance(command, Place)
    ]
    gone = [one.cid for one in made.fates if one.outcome in (Outcome.MOVED, Outcome.CANCELLED)]
    cancelled = [command.cid for command in made.commands if isinstance(command, Cancel)]
    wrong = [f"{one} is not both said and sent" for one in placed if one not in sent]
    wrong += [f"{one} is not both said and sent" for one in sent if one not in placed]
    wrong += [f"{cid} is not both said and cancelled" for cid in gone if cid not in cancelled]
    own = [cid for cid in cancelled if cid in live]
    return wrong + [f"{cid} is cancelled and not said" for cid in own if cid not in gone]


def _after(rig: Rig, act: Callable[[Rig], object]) -> Rig:
    act(rig)
    return rig


def _asked(operation: Operation) -> Callable[[Rig], object]:
    return lambda rig: rig.feed(OperatorAsked, operation=operation, session="", reason="lunch", who="me")


def _poked(rig: Rig) -> Rig:
    # A move of the mid makes a decision due, which is of no consequence to a script.
    near = rig.engine.state.markets["AAA/BBB"].bid_ticks == MID - 12
    rig.move(MID - 14 if near else MID - 12, MID + 10)
    return rig


def _stale() -> Rig:
    rig = quoting()
    rig.advance(3 * SECOND_NS)
    return rig


def _one_sided() -> Rig:
    return _after(quoting(), lambda rig: rig.move(0, MID + 10))


def _lost() -> Rig:
    return _after(quoting(), lambda rig: rig.feed(BookLost, symbol="AAA/BBB", reason="gap"))


def _deaf() -> Rig:
    return _after(quoting(), lambda rig: rig.feed(StreamDown, stream=Stream.USER, reason="gone"))


def _ruled(strategy: Scripted | None = None, **limits: Any) -> Callable[[], Rig]:
    return lambda: quoting(strategy or two_sided(), rules=make_test_rules(**limits))


def _crossing_another() -> Rig:
    rig = traced(
        make_session(Scripted(asks=(Quote(MID + 2, 10),)), name="first", rules=make_test_rules()),
        make_session(Scripted(bids=(Quote(MID + 5, 10),)), rules=make_test_rules()),
    )
    rig.activate()
    return rig


def _crossed_by_another() -> Rig:
    rig = traced(
        make_session(Scripted(bids=(Quote(MID - 2, 10),)), name="first", rules=make_test_rules()),
        make_session(Scripted(asks=(Quote(MID - 5, 10),)), rules=make_test_rules()),
    )
    rig.activate()
    return rig


def _holding(lots: int, **fields: Any) -> Rig:
    # What the first bid or ask filled; positive: bought.
    rig = quoting(**fields)
    place = next(place for place in rig.places() if (place.side is BUY) is (lots > 0))
    rig.fill(place, abs(lots), 1)
    return rig


def _broke() -> Rig:
    rig = quoting()
    rig.list_balances(quote=0)
    rig.move(MID - 12, MID + 10)
    for cancel in rig.cancels():
        rig.canceled(next(place for place in rig.places() if place.cid == cancel.cid))
    return rig


def _losing() -> Rig:
    rig = _holding(10, rules=make_test_rules(session_loss_atoms=1))
    rig.move(MID - 300, MID - 280)
    return rig


def _burst() -> Rig:
    return _holding(10, rules=make_test_rules(filled_atoms_minute_max=1))


def _alarmed(action: AlarmAction) -> Callable[[], Rig]:
    def make() -> Rig:
        ring = Ring()
        rig = quoting(rules=(ring,))
        ring.alarm = Alarm(action, "ring.now", (("why", "test"),))
        return _poked(rig)

    return make


def _moved(**quote: Any) -> Callable[[], Rig]:
    # What is wanted changes, and the order that stands is judged by it.
    def make() -> Rig:
        rig = quoting()
        fields = {"price_ticks": MID - 20, "size_lots": 10} | quote
        rig.script().bids = (Quote(**fields),)
        rig.advance(SECOND_NS)
        return rig

    return make


def _unwanted() -> Rig:
    rig = quoting()
    rig.script().bids = ()
    rig.script().reason = "has had enough"
    return _poked(rig)


def _unanswered() -> Rig:
    rig = traced(make_session(two_sided(), rules=make_test_rules()))
    rig.activate()
    return _poked(rig)


def _leaving() -> Rig:
    rig = _moved(price_ticks=MID - 30)()
    return _poked(rig)


def _unknown() -> Rig:
    rig = traced(make_session(two_sided(), rules=make_test_rules()))
    rig.activate()
    rig.feed(PlaceUnknown, cid=rig.places()[0].cid, cause="timeout")
    return _poked(rig)


def _unknown_cancel() -> Rig:
    rig = _leaving()
    rig.feed(CancelUnknown, cid=rig.cancels()[0].cid, cause="timeout")
    return _poked(rig)


def twice() -> Rig:
    """Return a bench on which an order that was held for dead came back to where another one stands."""
    rig = quoting()
    table, first = rig.engine.state.orders, rig.order(rig.places()[0])
    first.level = -1
    table.changes += 1
    rig.advance(SECOND_NS)
    rig.place_all()
    first.level = 0
    table.changes += 1
    return _poked(rig)


def _held() -> Rig:
    rig = traced(make_session(two_sided(), rules=make_test_rules()))
    rig.activate()
    for _ in range(6):
        for place in rig.places():
            if rig.state_of(place) is OrderState.SENT:
                rig.feed(OrderRejected, cid=place.cid, code=-2010, reason="no")
        rig.advance(SECOND_NS // 4)
    return rig


def _out_of_budget() -> Rig:
    rig = traced(
        make_session(two_sided(), rules=make_test_rules()),
        caps=Capabilities(orders_per_10s=2, weight_per_minute=1_000_000),
    )
    rig.activate()
    return rig


def _banned() -> Rig:
    rig = quoting()
    rig.feed(Throttled, until_ns=rig.now_ns + 60 * SECOND_NS, banned=True)
    rig.script().bids = (Quote(MID - 40, 10),)
    return _poked(rig)


def _broken() -> Rig:
    strategy = two_sided()
    rig = quoting(strategy)
    strategy.error = ArithmeticError("broken")
    return _poked(rig)


def _tightened() -> Rig:
    # The orders are not answered when the limit comes: they are judged with the decision that follows.
    rig = traced(make_session(two_sided(), rules=make_test_rules()))
    rig.activate()
    change(rig, make_session(rig.script(), rules=make_test_rules(order_lots_max=5)))
    rig.ack(rig.places()[0])
    return rig


def _tiny() -> Rig:
    instrument = make_test_instrument(size_min="0.005")
    rig = traced(make_session(Scripted(bids=(Quote(MID - 20, 2),)), instrument=instrument))
    rig.activate()
    return rig


def _outside_the_venues_prices() -> Rig:
    instrument = make_test_instrument(price_min="99")
    rig = traced(make_session(Scripted(bids=(Quote(9_000, 10),)), instrument=instrument))
    rig.activate()
    return rig


def _halved() -> Rig:
    rig = traced(make_session(two_sided(), rules=(Halve(),)))
    rig.activate()
    return rig


def _not_begun() -> Rig:
    rig = traced(make_session(two_sided()))
    rig.feed(OperatorAsked, operation=Operation.RESUME, session="", reason="", who="me")
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.advance(100 * MS)
    return rig


def _ended() -> Rig:
    rig = quoting()
    _asked(Operation.STOP)(rig)
    for cancel in rig.cancels():
        rig.canceled(next(place for place in rig.places() if place.cid == cancel.cid))
    rig.advance(SECOND_NS)
    rig.list_orders()
    rig.advance(SECOND_NS)
    return _poked(rig)


def _denied_by_the_first_of_two() -> Rig:
    rig = traced(make_session(two_sided(), rules=(Deny(BUY, "test.deny"), Collapse())))
    rig.activate()
    return rig


CASES: Final[dict[str, Case]] = {
    "kept": Case(
        lambda: _poked(quoting()), Outcome.KEPT, "differ", "differ.within_tolerance", "working at 99.8"
    ),
    "placed": Case(_unanswered, Outcome.WAITS, "differ", "differ.sent", "not answered"),
    "stale": Case(_stale, Outcome.WAITS, "differ", "differ.cancel_sent", "at most 2.0 s"),
    "stale, gone": Case(
        lambda: _after(_stale(), lambda rig: rig.canceled(rig.places()[0])),
        Outcome.WITHHELD,
        "shape.book_health",
        "book_health.stale",
        "at most 2.0 s",
    ),
    "deaf": Case(_deaf, Outcome.CANCELLED, "shape.book_health", "book_health.user_stream", "not flowing"),
    "one-sided": Case(_one_sided, Outcome.CANCELLED, "book", "book.one_sided", "no two-sided book (in sync"),
    "lost": Case(_lost, Outcome.CANCELLED, "book", "book.one_sided", "no two-sided book (out of sync"),
    "collar": Case(
        _ruled(two_sided(bids=(Quote(MID - 3_000, 10),))),
        Outcome.WITHHELD,
        "shape.price_collar",
        "price_collar.outside",
        "70 is more than 5 % from the reference 100",
    ),
    "own ask": Case(
        _crossing_another, Outcome.WITHHELD, "shape.self_trade", "self_trade.own_ask", "100.05 is at or above"
    ),
    "own bid": Case(
        _crossed_by_another,
        Outcome.WITHHELD,
        "shape.self_trade",
        "self_trade.own_bid",
        "99.95 is at or below",
        SELL,
    ),
    "ladder": Case(
        _ruled(two_sided(bids=(Quote(MID + 30, 10),))),
        Outcome.WITHHELD,
        "shape.self_trade",
        "self_trade.ladder",
        "cross each other",
    ),
    "size": Case(_tightened, Outcome.CANCELLED, "limits", "order_size.too_large", "order size"),
    "value": Case(
        _ruled(order_atoms_max=9_000_000),
        Outcome.WITHHELD,
        "shape.order_value",
        "order_value.too_large",
        "worth more than 0.09 BBB",
    ),
    "band, long": Case(
        lambda: _holding(10, band_lots_max=10),
        Outcome.WITHHELD,
        "shape.inventory_band",
        "inventory_band.long",
        "position 0.01 AAA of at most 0.01 AAA",
    ),
    "band, short": Case(
        lambda: _holding(-10, band_lots_max=10),
        Outcome.WITHHELD,
        "shape.inventory_band",
        "inventory_band.short",
        "position -0.01 AAA of at most 0.01 AAA",
        SELL,
    ),
    "exposure": Case(
        _ruled(exposure_atoms_max=1), Outcome.WITHHELD, "shape.exposure", "exposure", "at most 0.00000001 BBB"
    ),
    "funds": Case(_broke, Outcome.WITHHELD, "shape.funds", "funds", "0 BBB are free"),
    "open orders": Case(
        _ruled(open_orders_max=1), Outcome.WITHHELD, "shape.open_orders", "open_orders.own", "at most 1"
    ),
    "message rate": Case(
        _ruled(placements_minute_max=1),
        Outcome.DENIED,
        "admit",
        "message_rate",
        "1 placements in the last minute, at most 1",
        SELL,
    ),
    "stop-loss": Case(
        _losing, Outcome.CANCELLED, "watch.stop_loss", "stop_loss.session", "is -0.00000001 BBB", SELL
    ),
    "fill burst": Case(
        _burst, Outcome.CANCELLED, "watch.fill_burst", "fill_burst.value", "most 0.00000001 BBB", SELL
    ),
    "pause": Case(
        _alarmed(AlarmAction.PAUSE), Outcome.CANCELLED, "watch.engine_ladder", "ring.now", "ring.now"
    ),
    "reduce": Case(_alarmed(AlarmAction.REDUCE), Outcome.CANCELLED, "reduce", "reduce", "only reducing"),
    "halt": Case(
        _alarmed(AlarmAction.HALT), Outcome.CANCELLED, "watch.engine_ladder", "ring.now", "ring.now"
    ),
    "paused": Case(
        lambda: _after(quoting(), _asked(Operation.PAUSE)),
        Outcome.CANCELLED,
        "session",
        "session.paused",
        "the session is paused: lunch",
    ),
    "halted": Case(
        lambda: _poked(_after(quoting(), _asked(Operation.HALT))),
        Outcome.WAITS,
        "session",
        "session.halted",
        "trading is halted: lunch",
    ),
    "stopping": Case(
        lambda: _poked(_after(quoting(), _asked(Operation.STOP))),
        Outcome.WAITS,
        "session",
        "session.stopping",
        "stopping: lunch",
    ),
    "ended": Case(_ended, Outcome.WITHHELD, "session", "session.completed", "has ended", BUY, WHOLE_SIDE),
    "not begun": Case(
        _not_begun, Outcome.WITHHELD, "session", "session.pending", "has not begun", BUY, WHOLE_SIDE
    ),
    "too small for the venue": Case(
        _tiny, Outcome.WITHHELD, "quantise", "quantise.unfit", "below the smallest order 0.005 AAA"
    ),
    "outside the venue's prices": Case(
        _outside_the_venues_prices, Outcome.WITHHELD, "quantise", "quantise.at_the_book", "90"
    ),
    "young": Case(
        _moved(price_ticks=MID - 30, life_ns_min=60 * SECOND_NS),
        Outcome.KEPT,
        "differ",
        "differ.young",
        "it may go after 60.0 s",
    ),
    "too old": Case(_moved(age_ns_max=1), Outcome.MOVED, "differ", "differ.too_old", "at most 0 ms"),
    "too far": Case(
        _moved(price_ticks=MID - 21), Outcome.MOVED, "differ", "differ.too_far", "1 tick off, 0 ticks allowed"
    ),
    "too large": Case(_moved(size_lots=5), Outcome.MOVED, "differ", "differ.too_large", "0.005 AAA wanted"),
    "too small": Case(_moved(size_lots=50), Outcome.MOVED, "differ", "differ.too_small", "0.05 AAA wanted"),
    "not wanted": Case(
        _unwanted, Outcome.CANCELLED, "strategy", "has had enough", "the strategy wants no bid"
    ),
    "being cancelled": Case(
        _leaving, Outcome.WAITS, "differ", "differ.cancel_sent", "cancel is not answered"
    ),
    "unknown": Case(_unknown, Outcome.WAITS, "differ", "differ.unknown", "whether it lives"),
    "unknown cancel": Case(
        _unknown_cancel, Outcome.WAITS, "differ", "differ.unknown_cancel", "whether it is gone"
    ),
    "held": Case(_held, Outcome.DENIED, "hold", "hold", "repeated rejections"),
    "budget": Case(_out_of_budget, Outcome.DENIED, "budget", "budget", "1 of 1 orders in 10 s", SELL),
    "banned": Case(_banned, Outcome.WAITS, "budget", "budget.banned", "not even a cancel"),
    "error": Case(_broken, Outcome.CANCELLED, "error", "decision.failed", "ArithmeticError: broken"),
    "denied": Case(_denied_by_the_first_of_two, Outcome.DENIED, "admit", "test.deny", "test.deny"),
    "halved": Case(_halved, Outcome.PLACED, "strategy", "quoting", "placed at 99.8 for 0.005"),
}
"""Every gate that can be the reason for what becomes of a quote."""
