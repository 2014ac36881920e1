"""Fills the view that the risk rules judge by from the engine's state: worst cases, never hopes."""

from mm.domain.book import BookStatus
from mm.domain.sides import Side
from mm.engine.session import Session
from mm.engine.state import EngineState
from mm.risk.base import RiskView
from mm.risk.inventory_band import band_lots


class _Scan:
    # What the account's live orders amount to on one symbol, in one pass.

    def __init__(self, state: EngineState, session: Session) -> None:
        instrument = session.setup.instrument
        symbol, base, quote = instrument.symbol, instrument.base, instrument.quote
        self.open_orders = 0
        self.bid_max = 0
        self.ask_min = 0
        self.base_atoms = 0
        self.quote_atoms = 0
        for order in state.orders.live.values():
            traded = instrument if order.symbol == symbol else state.markets[order.symbol].instrument
            price, left = order.price_ticks, order.left_lots
            if order.side is Side.BUY:
                if traded.quote == quote:
                    self.quote_atoms += price * left * traded.tick_lot_atoms
                if traded is instrument:
                    self.open_orders += 1
                    self.bid_max = max(self.bid_max, price)
            else:
                if traded.base == base:
                    self.base_atoms += left * traded.lot_atoms
                if traded is instrument:
                    self.open_orders += 1
                    self.ask_min = min(self.ask_min, price) if self.ask_min else price


def equity_atoms(state: EngineState, quote: str) -> int:
    """Return the value of the account's holdings in `quote` and in what trades against it, quote atoms."""
    free, locked = state.balances.get(quote, (0, 0))
    total = free + locked
    counted: list[str] = []
    for market in state.markets.values():
        instrument = market.instrument
        if instrument.quote == quote and instrument.base not in counted and market.mid_half_ticks:
            counted.append(instrument.base)
            held = sum(state.balances.get(instrument.base, (0, 0)))
            total += instrument.base_value_atoms(held, market.mid_half_ticks)
    return total


def worst_atoms(state: EngineState, session: Session) -> int:
    """Return the largest position value that a session can reach if its live orders fill, quote atoms."""
    inventory = session.position.inventory_lots
    buys = state.orders.open_lots(session.index, Side.BUY)
    sells = state.orders.open_lots(session.index, Side.SELL)
    lots = max(abs(inventory + buys), abs(inventory - sells))
    return lots * session.market.mid_half_ticks * session.setup.instrument.tick_lot_atoms // 2


def risk_view(state: EngineState, session: Session) -> RiskView:
    """Return the view of `session` as of now."""
    now, market, book = state.now_ns, session.market, session.market.book
    instrument, position = session.setup.instrument, session.position
    scan = _Scan(state, session)
    equity = equity_atoms(state, instrument.quote)
    if not state.equity_start_atoms and market.mid_half_ticks and state.balances_seen_ns:
        state.equity_start_atoms = equity
    pnl = position.net_quote_atoms
    session.peak_atoms = max(session.peak_atoms, pnl)
    others = [other for other in state.sessions if other is not session]
    reference = market.reference.half_ticks
    crossed_ns = now - book.crossed_since_ns if book.crossed_since_ns else 0
    session.band_lots = band_lots(
        session.setup.band_lots_max,
        session.setup.band_ratio_ppm,
        equity_atoms=equity,
        mid_half_ticks=market.mid_half_ticks or reference,
        instrument=instrument,
    )
    return RiskView(
        ts_ns=now,
        session=session.name,
        instrument=instrument,
        bid_ticks=market.bid_ticks,
        ask_ticks=market.ask_ticks,
        mid_half_ticks=market.mid_half_ticks,
        reference_half_ticks=reference,
        book_status=book.status if market.heard_ns else BookStatus.EMPTY,
        book_age_ns=now - market.heard_ns,
        book_crossed_ns=crossed_ns,
        user_stream_up=state.user_synced,
        inventory_lots=position.inventory_lots,
        inventory_max_lots=session.band_lots,
        net_lots=position.net_lots,
        buy_open_lots=state.orders.open_lots(session.index, Side.BUY),
        sell_open_lots=state.orders.open_lots(session.index, Side.SELL),
        open_orders=scan.open_orders,
        own_bid_max_ticks=scan.bid_max,
        own_ask_min_ticks=scan.ask_min,
        base_spendable_atoms=sum(state.balances.get(instrument.base, (0, 0))) - scan.base_atoms,
        quote_spendable_atoms=sum(state.balances.get(instrument.quote, (0, 0))) - scan.quote_atoms,
        placed_minute=state.budget.placed_minute(now),
        others_worst_atoms=sum(worst_atoms(state, other) for other in others),
        session_pnl_atoms=pnl,
        session_peak_atoms=session.peak_atoms,
        open_pnl_atoms=position.open_quote_atoms,
        account_pnl_atoms=pnl + sum(other.position.net_quote_atoms for other in others),
        equity_start_atoms=state.equity_start_atoms,
        equity_atoms=equity,
    )
