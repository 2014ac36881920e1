"""The ledger against the balances: what somebody else moved is noticed, explained, booked, and acted upon.

Two listings never show the same instant, so a difference alone says nothing. A look is quiet if no own fill
came since it was asked and orders and fills, listed a while after it, know of none; a difference is believed
if two quiet looks in a row have it. Pushes of single balances are not compared: they race with the fills.
Must never move a position.
"""

from typing import Final

from mm.domain.orders import UNCERTAIN
from mm.engine import send
from mm.engine.halt import hold
from mm.engine.ledger import Look
from mm.engine.session import Session
from mm.engine.setup import OnExternal
from mm.engine.state import EngineState

MOVED: Final = "balance moved from outside; mm resume"
"""Why a session does not quote whose asset somebody else moved."""

VENUE_SCALE: Final = 8
"""Digits after the point that venues keep of a balance: what is finer is rounded with each fill."""


def progress(state: EngineState) -> None:
    """Do what is next with the last listing of balances; called by time alone."""
    ledger, look = state.ledger, state.ledger.look
    if look is None or (ledger.is_open and not look.differences):
        return
    if not ledger.is_valid(look):
        _look_again(state)
    elif not ledger.is_open and _never_placed(state, look):
        _open(state, look)
    elif _is_quiet(state, look):
        if ledger.is_open:
            _judge(state, look)
        elif _knows_what_had_filled(state):
            _open(state, look)
        else:
            _look_again(state)


def trades(session: Session, asset: str) -> bool:
    """Return whether `asset` is one of the two that a session trades."""
    instrument = session.setup.instrument
    return asset in (instrument.base, instrument.quote)


def _look_again(state: EngineState) -> None:
    if state.now_ns - state.balances_seen_ns >= state.setup.deadlines.query_max:
        send.list_balances(state)


def _never_placed(state: EngineState, look: Look) -> bool:
    # Nothing of ours could have filled when the balances were listed, neither of this life nor of an earlier
    # one; and what had filled before is known, so that no report of it comes on top: by a listing of fills
    # that is no older than the balances.
    if state.sequence or state.orders.live or state.legacy.orders or not state.user_synced:
        return False
    symbols = list(state.symbols.values())
    since_ns = max(state.shown_ns(), *[symbol.orphan_free_ns for symbol in symbols])
    if min(symbol.orphan_free_ns for symbol in symbols) == 0 or state.balances_seen_ns < since_ns:
        return False
    return min(symbol.fills_seen_ns for symbol in symbols) >= max(since_ns, look.asked_ns)


def _knows_what_had_filled(state: EngineState) -> bool:
    # Of every symbol a listing of fills was through before the balances were asked for: what an earlier life
    # filled before that is in them, and told again by a late stream it must not come on top.
    return all(
        known.fills_end < 0 or state.ledger.counted_end(name) >= 0 for name, known in state.symbols.items()
    )


def _is_quiet(state: EngineState, look: Look) -> bool:
    settled_ns = look.heard_ns + state.setup.deadlines.venue_lag
    if state.now_ns < settled_ns:
        return False
    for order in state.orders.live.values():
        in_proof = order.absent_in_orders and order.absent_in_fills
        if order.revealed_lots > order.cum_lots or (order.state in UNCERTAIN and not in_proof):
            return False
    quiet = True
    for name, symbol in state.symbols.items():
        if symbol.orders_seen_ns < settled_ns:
            quiet = False
            send.list_orders(state, name)
        if state.ledger.is_open and symbol.fills_deep_ns < settled_ns:
            # Before somebody else is said to have moved it: a fill that a listing passed over.
            quiet = False
            send.list_fills_again(state, name, settled_ns)
        elif symbol.fills_seen_ns < settled_ns:
            quiet = False
            send.list_fills(state, name)
    return quiet


def _open(state: EngineState, look: Look) -> None:
    ledger = state.ledger
    ledger.open(look.differences)
    ledger.look = None
    state.report("ledger.opened", "", **dict(sorted(ledger.holdings.items())))


def _judge(state: EngineState, look: Look) -> None:
    ledger = state.ledger
    believed = {
        asset: atoms for asset, atoms in look.differences.items() if ledger.suspected.get(asset) == atoms
    }
    ledger.look = None
    ledger.suspected = {asset: atoms for asset, atoms in look.differences.items() if asset not in believed}
    for asset, atoms in believed.items():
        if abs(atoms) <= _rounding_atoms(state, asset):
            facts = {"asset": asset, "atoms": atoms, "by": "the venue rounds what is finer than a balance"}
            ledger.book(state.now_ns, asset, atoms, external=False)
            state.report("ledger.explained", "", **facts)
        else:
            _book(state, asset, atoms)
    send.list_balances(state)


def _rounding_atoms(state: EngineState, asset: str) -> int:
    # Each fill may be off by one unit of a balance if our atoms are finer than that.
    scales = [
        scale
        for market in state.markets.values()
        for name, scale in (
            (market.instrument.base, market.instrument.base_scale),
            (market.instrument.quote, market.instrument.quote_scale),
        )
        if name == asset
    ]
    finer = max(scales, default=VENUE_SCALE) - VENUE_SCALE
    return state.ledger.fills_since_agreed(asset) * 10**finer if finer > 0 else 0


def _book(state: EngineState, asset: str, atoms: int) -> None:
    ledger = state.ledger
    by_others = ledger.others.pop(asset, 0)
    booked = ledger.book(state.now_ns, asset, atoms)
    pauses = state.setup.on_external is OnExternal.PAUSE
    facts = {"asset": asset, "atoms": atoms, "expected": booked.expected_atoms, "found": booked.found_atoms}
    state.report("balance.external", "", **facts, fills_of_others=by_others, policy=state.setup.on_external)
    for session in state.sessions:
        if pauses and trades(session, asset):
            hold(state, session, MOVED)
