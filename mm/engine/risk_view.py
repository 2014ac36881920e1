"""Fills the view that the risk rules judge by from the engine's state: worst cases, never hopes."""

from typing import Final

from mm.domain.sides import BUY, SELL
from mm.domain.worth import base_value_atoms
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.risk.base import RiskView
from mm.risk.inventory_band import band_lots

NO_BALANCE: Final = (0, 0)
"""(free, locked) of an asset that the venue never mentioned, atoms."""


def equity_atoms(state: EngineState, quote: str) -> int:
    """Return the value of the account's holdings in `quote` and in what trades against it, quote atoms."""
    balances = state.balances
    free, locked = balances.get(quote, NO_BALANCE)
    total = free + locked
    for market in state.markets.values():
        # No two markets have the same base and quote, so no holding is counted twice.
        instrument, mid = market.instrument, market.mid_half_ticks
        if mid and instrument.quote == quote:
            free, locked = balances.get(instrument.base, NO_BALANCE)
            total += base_value_atoms(instrument, free + locked, mid)
    return total


def worst_atoms(state: EngineState, session: Session) -> int:
    """Return the largest position value that a session can reach if its live orders fill, quote atoms.

    0 as well while its market has had no price in this life: see `is_unpriced`.
    """
    return _worst_lots(state, session) * _price_half(session) * session.setup.instrument.tick_lot_atoms // 2


def is_unpriced(state: EngineState, session: Session) -> bool:
    """Return whether a session has something at stake of which nobody can say what it is worth."""
    return not _price_half(session) and _worst_lots(state, session) > 0


def _price_half(session: Session) -> int:
    # A position does not vanish with its book.
    return session.market.mid_half_ticks or session.market.reference.half_ticks


def _worst_lots(state: EngineState, session: Session) -> int:
    inventory = session.position.inventory_lots
    buys = state.orders.open_lots(session.index, BUY)
    sells = state.orders.open_lots(session.index, SELL)
    return max(abs(inventory + buys), abs(inventory - sells))


def risk_view(state: EngineState, session: Session) -> RiskView:
    """Return the view of `session` as of now; the same object each time, filled anew."""
    now, market, position = state.now_ns, session.market, session.position
    setup, book = session.setup, session.market.book
    instrument, known = setup.instrument, state.standing(session)
    mid, reference = market.mid_half_ticks, market.reference.half_ticks
    equity = equity_atoms(state, instrument.quote)
    if not state.equity_start_atoms and mid and state.balances_seen_ns:
        state.equity_start_atoms = equity
        state.report("equity.start", "", atoms=equity)
    session.band_lots = band_lots(
        setup.band_lots_max,
        setup.band_ratio_ppm,
        equity_atoms=equity,
        mid_half_ticks=mid or reference,
        instrument=instrument,
    )
    session.band_lots_seen_max = max(session.band_lots_seen_max, session.band_lots)
    view = session.risk_view
    view.ts_ns = now
    view.bid_ticks, view.ask_ticks = market.bid_ticks, market.ask_ticks
    view.mid_half_ticks, view.reference_half_ticks = mid, reference
    view.book_status = book.status
    view.book_age_ns = state.step_ns - market.heard_ns
    view.book_crossed_ns = now - book.crossed_since_ns if book.crossed_since_ns else 0
    view.user_stream_up = state.user_synced
    view.inventory_lots, view.net_lots = position.inventory_lots, position.net_lots
    view.inventory_max_lots = session.band_lots
    view.buy_open_lots, view.sell_open_lots = known.buy_lots, known.sell_lots
    view.open_orders = known.open_orders
    view.own_bid_max_ticks, view.own_ask_min_ticks = known.bid_max_ticks, known.ask_min_ticks
    base_free, base_locked = state.balances.get(instrument.base, NO_BALANCE)
    quote_free, quote_locked = state.balances.get(instrument.quote, NO_BALANCE)
    view.base_spendable_atoms = base_free + base_locked - known.base_atoms
    view.quote_spendable_atoms = quote_free + quote_locked - known.quote_atoms
    view.placed_minute = state.budget.placed_minute(now)
    view.fills_minute, view.filled_minute_atoms = session.burst.of_minute(now)
    _fill_pnl(state, session, view)
    view.equity_start_atoms, view.equity_atoms = state.equity_start_atoms, equity
    return view


def _fill_pnl(state: EngineState, session: Session, view: RiskView) -> None:
    position = session.position
    pnl = position.net_quote_atoms
    session.peak_atoms = max(session.peak_atoms, pnl)
    view.session_pnl_atoms, view.session_peak_atoms = pnl, session.peak_atoms
    view.open_pnl_atoms = position.open_quote_atoms
    view.others_worst_atoms, view.account_pnl_atoms = 0, pnl
    if len(state.sessions) > 1:
        others = [other for other in state.sessions if other is not session]
        view.others_worst_atoms = sum(worst_atoms(state, other) for other in others)
        view.others_unpriced = any(is_unpriced(state, other) for other in others)
        view.account_pnl_atoms += sum(other.position.net_quote_atoms for other in others)
