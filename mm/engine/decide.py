"""One decision of one session: view, quotes, shape, quantise, differ, admit.

Whatever a strategy or a rule raises ends in a halt: a gate that fails is a closed gate.
"""

from typing import Final

from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import BUY, SELL
from mm.domain.units import NS_PER_S
from mm.domain.view import View
from mm.engine import send
from mm.engine.differ import diff
from mm.engine.halt import halt
from mm.engine.quantise import NOTHING, Touch, Wanted, quantise
from mm.engine.reconfigure import judge
from mm.engine.risk_view import NO_BALANCE, risk_view
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.engine.watching import others
from mm.risk.base import Alarm, AlarmAction, AnyQuotes, RiskView

RETRY_NS: Final = NS_PER_S
"""Pause before a decision that could not be carried out wholly is taken again."""

DECIDING: Final = (SessionState.ACTIVE, SessionState.PAUSED)
"""States in which a session's orders are brought in line; in the others they are only taken away."""

HELD: Final = "held after repeated rejections"
BANNED: Final = "banned by the venue"
UNFIT: Final = "every order is outside the venue's filters"
"""Why a session could not send what it wanted, where no rule says so."""


def decide(state: EngineState, session: Session) -> None:
    """Bring a session's orders in line with what is wanted now."""
    trace = state.trace
    if trace is not None:
        trace.begins(session, state.now_ns, state.out, state.budget)
    session.dirty = False
    session.decided_ns = state.now_ns
    session.decided_mid = session.market.mid_half_ticks
    if session.watching:
        session.decided_others = tuple([one.market.mid_half_ticks for one in session.watching])
    every_ns = session.wake.every_ns
    if every_ns:
        _wake_after(state, session, every_ns)
    try:
        if session.state not in DECIDING:
            return
        view = risk_view(state, session)
        alarm = watch(session, view)
        if trace is not None:
            trace.watched(view, alarm)
        if _ends_trading(state, alarm):
            return
        if session.unjudged:
            judge(state, session)
            view = risk_view(state, session)
        wanted, reason = _wanted(state, session, view, alarm)
        refusal = _carry_out(state, session, view, wanted)
        if refusal:
            # What could not be sent is tried again, whether or not the market gives a reason to.
            _wake_after(state, session, min(every_ns, RETRY_NS) if every_ns else RETRY_NS)
        _say(state, session, refusal if refusal and not state.own(session).live else reason)
    except Exception as error:  # noqa: BLE001 - fail closed: a broken strategy or rule ends trading
        _fail(state, session, error)
    finally:
        if trace is not None:
            trace.ends(session, state.own(session).live)


def guard(state: EngineState, session: Session) -> None:
    """Look whether a limit that ends trading is broken, however rarely the strategy wants to be asked."""
    try:
        _ends_trading(state, watch(session, risk_view(state, session)))
    except Exception as error:  # noqa: BLE001 - fail closed: a broken rule ends trading
        _fail(state, session, error)


def _ends_trading(state: EngineState, alarm: Alarm | None) -> bool:
    if alarm is None or alarm.action not in (AlarmAction.HALT, AlarmAction.FLATTEN):
        return False
    halt(state, alarm.code, flatten=alarm.action is AlarmAction.FLATTEN, **dict(alarm.facts))
    return True


def _fail(state: EngineState, session: Session, error: Exception) -> None:
    if state.trace is not None:
        state.trace.failed(error)
    halt(state, "decision.failed", session=session.name, error=type(error).__name__, detail=str(error))


def _carry_out(state: EngineState, session: Session, view: RiskView, wanted: Wanted) -> str:
    # Returns why not everything that has to change was sent, "" if it was.
    own = state.own(session)
    changes = diff(wanted, own.ladders, state.now_ns)
    session.waits = bool(changes.waits)
    if state.trace is not None:
        state.trace.compared(own.live, changes)
    refusal = ""
    for order in changes.cancels:
        if not send.cancel(state, order):
            refusal = BANNED
    if changes.places and state.now_ns < session.held_until_ns:
        if state.trace is not None:
            state.trace.held(session.held_until_ns)
        return HELD
    for side, quote in changes.places:
        if not send.place_quote(state, session, view, side, quote):
            refusal = session.denied[side, quote.level]
    return refusal


def _wake_after(state: EngineState, session: Session, pause_ns: int) -> None:
    # After a pause of the process what was missed is decided once, now. The timer is not moved with each
    # decision: one that comes too early looks again when it is time (see `on_timer`).
    session.due_ns = due_ns = max(state.now_ns + pause_ns, state.step_ns)
    if not session.timer_ns or due_ns < session.timer_ns:
        session.timer_ns = due_ns
        state.timers.set(("decide", session.name), due_ns)


def on_timer(state: EngineState, session: Session) -> None:
    """Make a decision due if its time has come, else look again when it has."""
    if state.now_ns >= session.due_ns:
        session.timer_ns = 0
        session.dirty = True
    else:
        session.timer_ns = session.due_ns
        state.timers.set(("decide", session.name), session.due_ns)


def watch(session: Session, view: RiskView) -> Alarm | None:
    """Return the gravest alarm of the session's rules, None if all is well."""
    gravest: Alarm | None = None
    for rule in session.watchers:
        alarm = rule.watch(view)
        if alarm is not None and (gravest is None or alarm.action.gravity > gravest.action.gravity):
            gravest = alarm
    return gravest


def _wanted(state: EngineState, session: Session, risk: RiskView, alarm: Alarm | None) -> tuple[Wanted, str]:
    # What may be sent, and why it is that.
    market, trace = session.market, state.trace
    withheld = _withheld(session, alarm)
    if withheld is not None:
        return NOTHING, withheld
    view = strategy_view(state, session, risk)
    for place, reading in enumerate(view.readings):
        if reading.doubt and place not in session.doubted:
            _report_doubt(state, session, place, reading.doubt)
    session.decisions += 1
    made: AnyQuotes = session.setup.strategy.quotes(view)
    _check_whole(made)
    quotes = made
    if trace is not None:
        trace.wanted(view, quotes)
    session.memory = quotes.memory
    for rule in session.shapers:
        before, quotes = quotes, rule.shape(quotes, risk)
        if trace is not None and quotes is not before:
            trace.shaped(rule, before, quotes)
    if quotes is not made:
        _check_whole(quotes)
    if alarm is not None:
        before, quotes = quotes, _reducing(quotes, risk)
        if trace is not None:
            trace.shaped(None, before, quotes)
    touch = Touch(market.bid_ticks, market.ask_ticks)
    wanted = quantise(quotes, risk.instrument, touch)
    if trace is not None:
        trace.quantised(touch, wanted)
    if not (wanted.bids or wanted.asks) and (quotes.bids or quotes.asks):
        _report_unfit(state, session, (quotes.bids or quotes.asks)[0])
        return wanted, UNFIT
    return wanted, quotes.reason


# What a strategy or a rule computes in floats has to leave it as integers: one that is none (NaN is within no
# bound and beyond none) would pass every comparison after this.
def _check_whole(quotes: AnyQuotes) -> None:
    for side in (quotes.bids, quotes.asks):
        for quote in side:
            if type(quote.price_ticks) is not int or type(quote.size_lots) is not int:
                raise TypeError(
                    f"a quote of {quote.size_lots!r} lots at {quote.price_ticks!r} ticks: expected integers"
                )


def _withheld(session: Session, alarm: Alarm | None) -> str | None:
    # Why the strategy is not asked, None if it is.
    if session.state is SessionState.PAUSED:
        return session.reason
    if alarm is not None and alarm.action is AlarmAction.PAUSE:
        return alarm.code
    return None if session.market.mid_half_ticks else "waits for a two-sided book"


def _report_unfit(state: EngineState, session: Session, quote: Quote) -> None:
    if session.reason == UNFIT:
        return
    least_lots = session.setup.instrument.size_min_lots_at(max(1, quote.price_ticks))
    facts = {"size_lots": quote.size_lots, "price_ticks": quote.price_ticks, "least_lots": least_lots}
    state.report("quotes.unfit", session.name, **facts)


def _report_doubt(state: EngineState, session: Session, place: int, doubt: str) -> None:
    session.doubted += (place,)
    signal = type(session.setup.strategy.needs[place]).__name__
    state.report("signal.doubtful", session.name, signal=signal, detail=doubt)


def strategy_view(state: EngineState, session: Session, risk: RiskView) -> View[object]:
    """Return what the strategy sees now; both sides of the book have a level."""
    setup, market, position = session.setup, session.market, session.position
    book, levels = market.book, session.wake.book_levels
    balances, instrument = state.balances, setup.instrument
    base_free, base_locked = balances.get(instrument.base, NO_BALANCE)
    quote_free, quote_locked = balances.get(instrument.quote, NO_BALANCE)
    now = state.now_ns
    # In the order of the view's fields: naming them costs a tenth of it.
    return View(
        now,
        instrument,
        book.bids(levels, market.own_bids),
        book.asks(levels, market.own_asks),
        market.mid_half_ticks,
        tuple([signal.reading(now) for signal in session.readers]) if session.readers else (),
        position.inventory_lots,
        risk.inventory_max_lots,
        session.target_lots,
        base_free + base_locked,
        quote_free + quote_locked,
        state.own(session).quotes,
        session.last_fill.get(BUY),
        session.last_fill.get(SELL),
        position.entry_half_ticks,
        session.memory,
        others(state, session) if session.watching else (),
        market.last_trade_ticks,
    )


def _reducing(quotes: AnyQuotes, risk: RiskView) -> AnyQuotes:
    # Nearest first, down to flat and not beyond.
    bids = _within(quotes.bids, -risk.inventory_lots)
    asks = _within(quotes.asks, risk.inventory_lots)
    return Quotes(bids, asks, "reduces only", quotes.memory)


def _within(quotes: tuple[Quote, ...], room_lots: int) -> tuple[Quote, ...]:
    kept = []
    for quote in quotes:
        if room_lots <= 0:
            break
        kept.append(quote.but(size_lots=min(quote.size_lots, room_lots)))
        room_lots -= quote.size_lots
    return tuple(kept)


def _say(state: EngineState, session: Session, reason: str) -> None:
    if reason != session.reason:
        session.reason = reason
        state.report("session.reason", session.name, reason=reason)
