"""Executions: each applied exactly once, in every state of its order; the only thing that moves inventory."""

from mm.domain.events import OrderFilled, Source
from mm.domain.units import PPM, ceil_div
from mm.domain.view import LastFill
from mm.engine.halt import halt
from mm.engine.session import Session
from mm.engine.state import EngineState


def on_fill(state: EngineState, event: OrderFilled) -> None:
    """Apply one execution unless it is known."""
    market = state.markets.get(event.symbol)
    if market is None or state.orders.knows_trade(event.symbol, event.trade_id, event.side):
        return
    # The cursor of the listings stays where the last one ended: a fill may have come while another got lost.
    state.orders.remember_trade(event.symbol, event.trade_id, event.side)
    session = _owner(state, event)
    if session is None:
        return
    position = session.position
    if market.mid_half_ticks:
        position.mark(market.mid_half_ticks)
    position.fill(event.side, event.price_ticks, event.size_lots)
    position.pay_fee(event.fee_asset, event.fee_atoms, value_atoms=_fee_value_atoms(session, event))
    session.last_fill[event.side] = LastFill(state.now_ns, event.price_ticks, event.size_lots)
    session.dirty = session.dirty or session.setup.strategy.wake.on_own_fill
    if position.residual_half:
        halt(state, "pnl.residual", session=session.name, residual=position.residual_half)


def _fee_value_atoms(session: Session, event: OrderFilled) -> int:
    # A fee in a third asset is taken to be what the fee in the quote asset would have been; a rebate nothing.
    instrument = session.setup.instrument
    fee_ppm = instrument.maker_fee_ppm if event.maker else instrument.taker_fee_ppm
    if event.fee_atoms <= 0 or fee_ppm <= 0:
        return 0
    return ceil_div(instrument.notional_atoms(event.price_ticks, event.size_lots) * fee_ppm, PPM)


def _owner(state: EngineState, event: OrderFilled) -> Session | None:
    # The session whose position the fill belongs to; None if it is nobody's or already in the holdings.
    order = state.orders.get(event.cid)
    if order is not None:
        _apply(state, event)
        return state.sessions[order.session]
    decoded = state.setup.ids.decode(event.cid)
    if decoded is None or decoded.session >= len(state.sessions):
        if event.source is Source.STREAM:
            state.report("fill.foreign", "", symbol=event.symbol, trade_id=event.trade_id)
        return None
    session = state.sessions[decoded.session]
    if not session.stock_taken or session.setup.instrument.symbol != event.symbol:
        # Of an earlier life: the holdings that the session starts from contain it.
        return None
    state.report("fill.earlier_life", session.name, cid=event.cid, trade_id=event.trade_id)
    return session


def _apply(state: EngineState, event: OrderFilled) -> None:
    order = state.orders.get(event.cid)
    assert order is not None
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
