"""The state of a run as one JSON-ready object, for the terminal, the control socket and whoever asks.

Amounts are decimal texts made from the integers; ages are milliseconds. Read only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mm.domain.instrument import Instrument
from mm.domain.orders import UNCERTAIN, Order
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, SCALE_MIN, short_text, text_from_atoms
from mm.engine.market import Market
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.observe.analyst import Analyst
from mm.observe.history import FillRow, History

BOOK_LEVELS = 8
"""Book levels per side in a status."""

FILLS_SHOWN = 8
"""Fills in a status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a status says about the run itself. Fields: mode; venue: where; strategies: name by session."""

    mode: str
    venue: str
    strategies: Mapping[str, str]
    started_ns: int


def status(
    state: EngineState,
    history: History,
    facts: RunFacts,
    now_ns: int,
    *,
    analyst: Analyst | None = None,
) -> dict[str, object]:
    """Return the whole status. Args: analyst: measures the sessions, if anybody does."""
    measured = {s.name: None if analyst is None else analyst.brief(s.name) for s in state.sessions}
    streams = {stream.value: known.up for stream, known in state.streams.items()}
    return {
        "mode": facts.mode,
        "state": _overall(state),
        "reason": state.halt_code or "; ".join(dict.fromkeys(s.reason for s in state.sessions)),
        "run_seconds": round((now_ns - facts.started_ns) / 1e9, 1),
        "venue": facts.venue,
        "streams": streams,
        "latch": {
            "code": state.halt_code,
            "since_ms": state.halt_ns // NS_PER_MS,
            "confirmed": state.halt_confirmed,
        }
        if state.halt_code
        else None,
        "recovery": _recovery(state),
        "orders_placed": history.placed,
        "orders_cancelled": history.canceled,
        "fills": history.fills_total,
        "sessions": [
            {**_session(state, session, history, facts, now_ns), "measured": measured[session.name]}
            for session in state.sessions
        ],
        "watched": [_watched(state, market, now_ns) for market in state.watched.values() if market.watchers],
        "reports": [
            {"ts_ms": r.ts_ns // NS_PER_MS, "code": r.code, "session": r.session, "facts": dict(r.facts)}
            for r in list(history.reports)[-FILLS_SHOWN:]
        ],
    }


def _recovery(state: EngineState) -> dict[str, object] | None:
    taken = state.recovery
    if taken is None:
        return None
    return {
        "epoch": state.legacy.epoch,
        "orders": len(taken.orders) + taken.retired,
        "unresolved": sum(cid in state.orders.live for cid in taken.orders) + len(state.legacy.orders),
        "done": taken.done,
    }


def _overall(state: EngineState) -> str:
    if state.halt_code:
        return "halted" if state.halt_confirmed else "halting"
    states = [session.state for session in state.sessions]
    for candidate in (SessionState.STOPPING, SessionState.ACTIVE, SessionState.PENDING, SessionState.PAUSED):
        if candidate in states:
            return candidate.value
    return SessionState.COMPLETED.value


def _session(
    state: EngineState, session: Session, history: History, facts: RunFacts, now_ns: int
) -> dict[str, object]:
    market, position, instrument = session.market, session.position, session.setup.instrument
    live = state.orders.of_session(session.index)
    return {
        "name": session.name,
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "strategy": facts.strategies.get(session.name, ""),
        "state": session.state.value,
        "reason": session.reason,
        "paused": session.paused,
        "mid": _half(instrument, market.mid_half_ticks),
        "bid": instrument.price_text(market.bid_ticks) if market.bid_ticks else "",
        "ask": instrument.price_text(market.ask_ticks) if market.ask_ticks else "",
        "book_bids": [_level(instrument, *level) for level in market.book.bids(BOOK_LEVELS, {})],
        "book_asks": [_level(instrument, *level) for level in market.book.asks(BOOK_LEVELS, {})],
        "own_bids": _own(instrument, live, Side.BUY),
        "own_asks": _own(instrument, live, Side.SELL),
        "inventory_base": short_text(position.inventory_lots * instrument.lot_atoms, instrument.base_scale),
        "inventory_max_base": short_text(session.band_lots * instrument.lot_atoms, instrument.base_scale),
        "target_base": short_text(max(0, session.target_lots) * instrument.lot_atoms, instrument.base_scale),
        "pnl": pnl(session),
        "book_status": market.book.status.value,
        "book_age_ms": (now_ns - market.heard_ns) // NS_PER_MS if market.heard_ns else None,
        "user_stream_ok": state.user_synced,
        "open_orders": len(live),
        "unknown_orders": sum(order.state in UNCERTAIN for order in live),
        "fills": position.fills,
        "last_fills": [fill_row(row, instrument) for row in history.fills if row.session == session.name][
            -FILLS_SHOWN:
        ],
    }


def _watched(state: EngineState, market: Market, now_ns: int) -> dict[str, object]:
    # A market that somebody watches and nobody trades.
    instrument = market.instrument
    return {
        "symbol": instrument.symbol,
        "sessions": [state.sessions[index].name for index, _ in market.watchers],
        "connected": state.feeds[market.venue].up,
        "book_status": market.book.status.value,
        "book_age_ms": (now_ns - market.heard_ns) // NS_PER_MS if market.heard_ns else None,
        "mid": _half(instrument, market.mid_half_ticks),
    }


def pnl(session: Session) -> dict[str, str | int]:
    """Return the P&L of a session in the quote asset, explained: spread + inventory - fees = total."""
    position, instrument = session.position, session.setup.instrument
    half = instrument.tick_lot_atoms

    def text(atoms: int) -> str:
        return text_from_atoms(atoms, instrument.quote_scale)

    return {
        "session": session.name,
        "quote": instrument.quote,
        "total_quote": text(position.net_quote_atoms),
        "spread_quote": text(position.spread_half * half // 2),
        "inventory_quote": text(position.revaluation_half * half // 2),
        "fees_quote": text(position.fees_quote_atoms),
        "open_quote": text(position.open_quote_atoms),
        "peak_quote": text(session.peak_atoms),
        "bought_base": short_text(position.bought_lots * instrument.lot_atoms, instrument.base_scale),
        "sold_base": short_text(position.sold_lots * instrument.lot_atoms, instrument.base_scale),
        "turnover_quote": text(position.turnover_half * half // 2),
        "fills": position.fills,
        "residual": position.residual_half,
    }


def order_rows(
    state: EngineState, now_ns: int, queue_ahead: Mapping[str, int] = MappingProxyType({})
) -> list[dict[str, object]]:
    """Return every order that is not proven dead, oldest first.

    Args: queue_ahead: base atoms estimated to trade before an order, by client order id, where it is known.
    """
    rows: list[dict[str, object]] = []
    for order in state.orders.live.values():
        instrument = state.markets[order.symbol].instrument
        ahead = queue_ahead.get(order.cid)
        rows.append(
            {
                "cid": order.cid,
                "session": state.sessions[order.session].name,
                "symbol": order.symbol,
                "side": order.side.value,
                "level": order.level,
                "price": instrument.price_text(order.price_ticks),
                "size_base": instrument.size_text(order.size_lots),
                "filled_base": instrument.size_text(order.cum_lots),
                "ahead_base": short_text(ahead, instrument.base_scale) if ahead is not None else None,
                "state": order.state.value,
                "age_ms": (now_ns - order.placed_ns) // NS_PER_MS,
            }
        )
    return rows


def fill_row(row: FillRow, instrument: Instrument) -> dict[str, object]:
    """Return one fill for people and machines."""
    # Fees in a third asset are held in its smallest scale.
    scales = {instrument.quote: instrument.quote_scale, instrument.base: instrument.base_scale}
    scale = scales.get(row.fee_asset, SCALE_MIN)
    return {
        "ts_ms": row.ts_ns // NS_PER_MS,
        "session": row.session,
        "symbol": row.symbol,
        "side": row.side.value,
        "price": instrument.price_text(row.price_ticks),
        "size_base": instrument.size_text(row.size_lots),
        "fee": text_from_atoms(row.fee_atoms, scale),
        "fee_asset": row.fee_asset,
        "maker": row.maker,
        "trade_id": row.trade_id,
        "cid": row.cid,
    }


def _half(instrument: Instrument, half_ticks: int) -> str:
    return (
        short_text(half_ticks * instrument.tick_atoms * 5, instrument.quote_scale + 1) if half_ticks else ""
    )


def _level(instrument: Instrument, price_ticks: int, size_atoms: int) -> list[str]:
    return [instrument.price_text(price_ticks), short_text(size_atoms, instrument.base_scale)]


def _own(instrument: Instrument, live: list[Order], side: Side) -> list[list[object]]:
    rows = [order for order in live if order.side is side]
    rows.sort(key=lambda order: -side.sign * order.price_ticks)
    return [[instrument.price_text(o.price_ticks), instrument.size_text(o.left_lots), o.level] for o in rows]
