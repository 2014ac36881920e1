"""Executions: each applied exactly once, in every state of its order; the only thing that moves inventory."""

from typing import Final

from msgspec.structs import replace

from mm.domain.events import OrderFilled, Source
from mm.domain.ids import OrderId
from mm.domain.instrument import Instrument
from mm.domain.orders import Order
from mm.domain.units import PPM, ceil_div
from mm.domain.view import LastFill
from mm.engine import watching
from mm.engine.fence import meets_alien
from mm.engine.halt import halt, on_broken_signal
from mm.engine.market import Market
from mm.engine.session import Session
from mm.engine.state import EngineState

FEE_ASSETS_MAX: Final = 50
"""In so many assets a session may have paid fees; a venue that names more is not to be believed."""


def on_fill(state: EngineState, event: OrderFilled) -> None:
    """Apply one execution unless it is known."""
    market = state.markets.get(event.symbol)
    if market is None or state.orders.knows_trade(event.symbol, event.trade_id, event.side):
        return
    if event.size_lots <= 0 or event.price_ticks <= 0:
        state.report("fill.malformed", "", symbol=event.symbol, trade_id=event.trade_id, cid=event.cid)
        return
    # The cursor of the listings stays where the last one ended: a fill may have come while another got lost.
    state.orders.remember_trade(event.symbol, event.trade_id, event.side, state.now_ns)
    movements = _movements(market.instrument, event)
    order = state.orders.get(event.cid)
    if order is not None:
        _apply(state, order, event)
        session: Session | None = state.sessions[order.session]
    else:
        order_id = state.setup.ids.decode(event.cid)
        if order_id is None or meets_alien(state, event.cid):
            _note_foreign(state, event, movements)
            return
        session = _heir(state, event, order_id)
    if not state.ledger.has_counted(event.symbol, event.trade_id):
        state.ledger.move(state.now_ns, movements)
    if session is not None:
        _book(state, session, event)


def _book(state: EngineState, session: Session, event: OrderFilled) -> None:
    position, instrument = session.position, session.setup.instrument
    if session.market.mid_half_ticks:
        position.mark(session.market.mid_half_ticks)
    position.fill(event.side, event.price_ticks, event.size_lots)
    position.pay_fee(event.fee_asset, event.fee_atoms, value_atoms=_fee_value_atoms(instrument, event))
    session.last_fill[event.side] = LastFill(state.now_ns, event.price_ticks, event.size_lots)
    value_atoms = instrument.notional_atoms(event.price_ticks, event.size_lots)
    session.burst.add(state.now_ns, event.side.sign * value_atoms)
    session.dirty = session.dirty or session.setup.strategy.wake.on_own_fill
    watching.on_fill(state, session)
    if event.source is not Source.QUERY:
        _tell_signals(state, session.market, event)
    if len(position.fees_atoms) > FEE_ASSETS_MAX:
        halt(state, "fees.assets", session=session.name, assets=len(position.fees_atoms))
    if position.residual_half:
        halt(state, "pnl.residual", session=session.name, residual=position.residual_half)


def _tell_signals(state: EngineState, market: Market, event: OrderFilled) -> None:
    # Not of what a listing found: that may be long ago, when the mid was another.
    try:
        for on_own_fill in market.hooks.on_own_fill:
            on_own_fill(state.now_ns, event.side, event.price_ticks, event.size_lots, market.mid_half_ticks)
    except Exception as error:  # noqa: BLE001 - fail closed: what a broken signal says cannot be quoted on
        on_broken_signal(state, error)


def _movements(instrument: Instrument, event: OrderFilled) -> dict[str, int]:
    # What the account's holdings change by, fee included, atoms by asset.
    sign = event.side.sign
    moved = {
        instrument.base: sign * event.size_lots * instrument.lot_atoms,
        instrument.quote: -sign * instrument.notional_atoms(event.price_ticks, event.size_lots),
    }
    if event.fee_atoms:
        moved[event.fee_asset] = moved.get(event.fee_asset, 0) - event.fee_atoms
    return moved


def _note_foreign(state: EngineState, event: OrderFilled, movements: dict[str, int]) -> None:
    if state.ledger.is_open:
        state.ledger.note_other(movements)
    if event.source is Source.STREAM:
        state.report("fill.foreign", "", symbol=event.symbol, trade_id=event.trade_id)


def _fee_value_atoms(instrument: Instrument, event: OrderFilled) -> int:
    # A fee in a third asset is taken to be what the fee in the quote asset would have been; a rebate nothing.
    fee_ppm = instrument.maker_fee_ppm if event.maker else instrument.taker_fee_ppm
    if event.fee_atoms <= 0 or fee_ppm <= 0:
        return 0
    return ceil_div(instrument.notional_atoms(event.price_ticks, event.size_lots) * fee_ppm, PPM)


def _heir(state: EngineState, event: OrderFilled, order_id: OrderId) -> Session | None:
    # Whose position a fill moves whose order is not known: of an earlier life, or forgotten long ago. None if
    # it is in the holdings that a session starts from, or in the position of a session that is no more.
    legacy = state.legacy
    if legacy.is_elsewhere(order_id.epoch):
        # Between a life that was taken over and the one that did so only a process elsewhere can have traded.
        heirs: list[Session] = []
    elif legacy.epoch and order_id.epoch < state.setup.epoch:
        left = legacy.orders.get(event.cid)
        name = left.session if left is not None else legacy.owner(order_id.session, event.symbol)
        heirs = [session for session in state.sessions if session.name == name]
        _book_retired(state, event, name)
    else:
        heirs = state.sessions[order_id.session : order_id.session + 1]
    for session in heirs:
        if session.setup.instrument.symbol != event.symbol:
            continue
        if not session.stock_taken:
            state.symbols[event.symbol].unbooked_ns = state.now_ns
        else:
            if _is_in_stock(state, session, event, order_id):
                return None
            state.report("fill.earlier_life", session.name, cid=event.cid, trade_id=event.trade_id)
            return session
    if not heirs and event.source is Source.STREAM:
        state.report("fill.foreign", "", symbol=event.symbol, trade_id=event.trade_id)
    return None


def _is_in_stock(state: EngineState, session: Session, event: OrderFilled, order_id: OrderId) -> bool:
    # The holdings were counted in this life, after the venue had shown no order of an earlier one: what a
    # listing brings of those afterwards was in them, however late it is listed. What the stream tells happens
    # now, and an order that turned up since may have filled since; but what is below the floor did not.
    if event.trade_id < session.stock_floor:
        return True
    is_listed = event.source is Source.QUERY and order_id.epoch < state.setup.epoch
    return is_listed and state.symbols[event.symbol].orphan_seen_ns < session.stocked_ns


def _book_retired(state: EngineState, event: OrderFilled, name: str) -> None:
    legacy = state.legacy
    left = legacy.orders.get(event.cid)
    if left is not None:
        legacy.orders[event.cid] = replace(left, cum_lots=left.cum_lots + event.size_lots)
    retired = legacy.retired.get((name, event.symbol))
    if retired is None or retired.position is None:
        return
    position, instrument = retired.position, retired.position.instrument
    position.fill(event.side, event.price_ticks, event.size_lots)
    position.pay_fee(event.fee_asset, event.fee_atoms, value_atoms=_fee_value_atoms(instrument, event))
    state.report("fill.retired", name, cid=event.cid, trade_id=event.trade_id)


def _apply(state: EngineState, order: Order, event: OrderFilled) -> None:
    session = state.sessions[order.session]
    was_live = order.is_live
    order.echoed = order.echoed or event.source is Source.STREAM
    overfilled = state.orders.fill(order, event.size_lots, state.now_ns)
    if not was_live:
        state.report("fill.late", session.name, cid=order.cid, state=order.state)
    if order.ends_as is not None and order.is_live and order.cum_lots >= order.revealed_lots:
        state.orders.fire(order, order.ends_as, state.now_ns)
    if was_live is not order.is_live:
        state.touch(session)
        session.dirty = True
    if not event.maker and not order.reduces:
        state.report("fill.post_only_taken", session.name, cid=order.cid, trade_id=event.trade_id)
    if overfilled:
        halt(state, "order.overfilled", cid=order.cid, filled=order.cum_lots, size=order.size_lots)
