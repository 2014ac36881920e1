"""What this life leaves to the next, and how it takes over what an earlier one left.

Sessions are matched by name and symbol, never by index. Invariant: whatever `estate_of` says, an engine that
inherits it says again (apart from whose life it is), and the second inheritance changes nothing.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from mm.domain.estate import Estate, OrderEstate, PositionEstate, SymbolEstate
from mm.domain.orders import Order, OrderState
from mm.domain.position import Position
from mm.domain.quotes import Quote
from mm.engine.learnt import newest, signals_of
from mm.engine.legacy import Legacy, Recovery, Retired
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState

ELSEWHERE_MAX: Final = 1_000
"""So many spans of epochs that were skipped are handed on: what was traded before that is told no more."""

Key = tuple[str, str]
# A session's name and its symbol: what makes it the same session in another life.


def estate_of(state: EngineState) -> Estate:
    """Return everything that the life of `state` leaves if it ends now."""
    legacy = state.legacy
    orders = [order_estate(order, state.sessions[order.session].name) for order in state.orders.live.values()]
    return Estate(
        epoch=state.setup.epoch,
        ts_ns=state.now_ns,
        sequence=state.sequence,
        equity_start_atoms=state.equity_start_atoms,
        positions=tuple(_left_by(session) for session in state.sessions),
        orders=(*orders, *legacy.orders.values()),
        symbols=(*(_trades_of(state, name) for name in state.symbols), *legacy.symbols),
        holdings=tuple(sorted(state.ledger.holdings.items())),
        retired=tuple(_retired(one) for one in legacy.retired.values()),
        signals=signals_of(state),
        placed=state.budget.placed_lately(state.now_ns),
        elsewhere=legacy.elsewhere,
    )


def at_rest(estate: Estate) -> Estate:
    """Return what of `estate` outlasts an orderly end: what the account held, which fills are in that, and
    who was paused. The account of profits and losses is closed; what signals learnt goes its own way, by its
    age. Orders of its sessions have ended; one of a session that was no more is handed on as long as nothing
    proved that it has, with the position that it moves.
    """
    traded = [(left.session, left.symbol) for left in estate.positions]
    orders = tuple(order for order in estate.orders if (order.session, order.symbol) not in traded)
    owners = [(order.session, order.symbol) for order in orders]
    positions = tuple(
        PositionEstate(
            session=left.session,
            symbol=left.symbol,
            index=left.index,
            target_lots=left.target_lots,
            stock_taken=False,
            peak_atoms=0,
            paused=left.paused,
        )
        for left in estate.positions
    )
    retired = tuple(left for left in estate.retired if (left.session, left.symbol) in owners)
    return replace(
        estate, equity_start_atoms=0, positions=positions, orders=orders, retired=retired, signals=()
    )


def inherit(state: EngineState, estate: Estate) -> None:
    """Let a new life take over: every order is UNKNOWN until the venue has spoken, all else goes on."""
    state.legacy = _legacy_of(state, estate)
    take(state, estate)
    for order in state.orders.live.values():
        order.settled_ns = 0
    state.recovery = Recovery(orders=tuple(state.orders.live), retired=len(state.legacy.orders))


def go_on(state: EngineState, estate: Estate | None, checkpoint: Estate | None) -> None:
    """Put what a life had at `checkpoint` into an empty state, or what it began with if there is none.

    Args: estate: what it took over, None if nothing.
    """
    if checkpoint is None:
        if estate is not None:
            inherit(state, estate)
        return
    if estate is not None:
        state.legacy = _legacy_of(state, estate)
    take(state, checkpoint, same_life=True)


def _legacy_of(state: EngineState, estate: Estate) -> Legacy:
    elsewhere = estate.elsewhere
    if estate.epoch + 1 < state.setup.epoch:
        elsewhere = (*elsewhere, (estate.epoch + 1, state.setup.epoch - 1))[-ELSEWHERE_MAX:]
    return Legacy(epoch=estate.epoch, owners=owners_of(estate), elsewhere=elsewhere)


def owners_of(estate: Estate) -> dict[int, Key]:
    """Return whose index it was in the life that left `estate`: (session's name, symbol) by index."""
    owners = {left.index: (left.session, left.symbol) for left in estate.retired}
    owners.update({left.index: (left.session, left.symbol) for left in estate.positions})
    return owners


def take(state: EngineState, estate: Estate, *, same_life: bool = False) -> None:
    """Put `estate` into an empty state. Args: same_life: orders keep their states, their count goes on."""
    left = {(one.session, one.symbol): one for one in (*estate.retired, *estate.positions)}
    indices: dict[Key, int] = {}
    for session in state.sessions:
        key = (session.name, session.setup.instrument.symbol)
        indices[key] = session.index
        known = left.pop(key, None)
        if known is not None:
            _go_on(session, known)
    legacy = state.legacy
    legacy.retired = {key: Retired(left=one, position=_position(state, one)) for key, one in left.items()}
    for order in estate.orders:
        index = indices.get((order.session, order.symbol))
        if index is None:
            legacy.orders[order.cid] = order
        elif state.orders.get(order.cid) is None:
            state.orders.add(_order(order, index, order.state if same_life else OrderState.UNKNOWN))
    legacy.symbols = tuple(known for known in estate.symbols if known.symbol not in state.symbols)
    for known_trades in estate.symbols:
        if known_trades.symbol in state.symbols:
            _know_trades(state, known_trades, estate.ts_ns)
    if estate.holdings:
        state.ledger.open(dict(estate.holdings))
    state.equity_start_atoms = estate.equity_start_atoms
    state.budget.recall(estate.placed)
    state.signals_left = newest((*estate.signals, *state.signals_left))
    if same_life:
        state.sequence = estate.sequence


def order_estate(order: Order, session: str) -> OrderEstate:
    """Return what is handed on of an order of the session of that name."""
    return OrderEstate(
        cid=order.cid,
        session=session,
        symbol=order.symbol,
        side=order.side,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        level=order.level,
        reduces=order.reduces,
        placed_ns=order.placed_ns,
        state=order.state,
        cum_lots=order.cum_lots,
        revealed_lots=order.revealed_lots,
        venue_order_id=order.venue_order_id,
        ends_as=order.ends_as,
        accepted=order.accepted or order.echoed,
    )


def _order(left: OrderEstate, session: int, state: OrderState) -> Order:
    order = Order(
        cid=left.cid,
        session=session,
        symbol=left.symbol,
        side=left.side,
        price_ticks=left.price_ticks,
        size_lots=left.size_lots,
        level=left.level,
        reduces=left.reduces,
        placed_ns=left.placed_ns,
    )
    order.state = state
    order.take(left.cum_lots)
    order.revealed_lots = left.revealed_lots
    order.venue_order_id = left.venue_order_id
    order.ends_as = left.ends_as
    order.accepted = left.accepted
    return order


def _go_on(session: Session, left: PositionEstate) -> None:
    session.position.restore(left)
    session.peak_atoms = left.peak_atoms
    session.stock_taken = left.stock_taken
    session.memory = _read(left.memory, session.memory)
    if session.target_lots < 0:
        session.target_lots = left.target_lots
    elif left.stock_taken:
        # The config may name another target since: the inventory is counted from there.
        session.position.start_lots += left.target_lots - session.target_lots
    if left.paused:
        session.enter(SessionState.PAUSED, left.paused)


def _written(memory: object, first: object) -> bytes:
    # A strategy of the user's may remember what no file can hold: the next life then starts without.
    if memory == first:
        return b""
    try:
        return msgspec.msgpack.encode(memory, enc_hook=_from_quote)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return b""


def _read(memory: bytes, first: object) -> object:
    # Of the kind that the strategy begins with, or that itself; of None nothing else is.
    if not memory:
        return first
    try:
        return msgspec.msgpack.decode(memory, type=type(first), dec_hook=_to_quote)
    except (TypeError, ValueError, RecursionError):
        return first


# A strategy may remember what it wanted: quotes are no structs.
def _from_quote(value: object) -> tuple[int, ...]:
    if isinstance(value, Quote):
        return value.as_tuple()
    raise TypeError(f"a strategy remembers {type(value).__name__}, which cannot be written")


def _to_quote(wanted: type, value: object) -> Quote:
    if wanted is Quote:
        return Quote(*msgspec.convert(value, tuple[int, int, int, int, int, int]))
    raise TypeError(f"a strategy remembers {wanted.__name__}, which cannot be read")


def _position(state: EngineState, left: PositionEstate) -> Position | None:
    market = state.markets.get(left.symbol)
    if market is None:
        return None
    position = Position(market.instrument)
    position.restore(left)
    return position


def _know_trades(state: EngineState, left: SymbolEstate, ts_ns: int) -> None:
    market = state.markets[left.symbol]
    market.next_trade_id = max(market.next_trade_id, left.floor)
    if left.floor >= 0:
        state.orders.inherit_floor(left.symbol, left.floor)
        symbol = state.symbols[left.symbol]
        symbol.cursors.append((0, left.floor))
        symbol.fills_end = max(symbol.fills_end, left.floor)
    for trade_id, side in left.trades:
        state.orders.remember_trade(left.symbol, trade_id, side, ts_ns)


def _trades_of(state: EngineState, name: str) -> SymbolEstate:
    orders = state.orders
    return SymbolEstate(symbol=name, floor=orders.mark_of(name), trades=orders.recent_trades(name))


def _left_by(session: Session) -> PositionEstate:
    return _with_figures(
        PositionEstate(
            session=session.name,
            symbol=session.setup.instrument.symbol,
            index=session.index,
            target_lots=session.target_lots,
            stock_taken=session.stock_taken,
            peak_atoms=session.peak_atoms,
            paused=session.paused,
            memory=_written(session.memory, session.setup.strategy.initial_memory()),
        ),
        session.position,
    )


def _retired(retired: Retired) -> PositionEstate:
    if retired.position is None:
        return retired.left
    return _with_figures(retired.left, retired.position)


def _with_figures(left: PositionEstate, position: Position) -> PositionEstate:
    return replace(
        left,
        start_lots=position.start_lots,
        net_lots=position.net_lots,
        bought_lots=position.bought_lots,
        sold_lots=position.sold_lots,
        fills=position.fills,
        mid_half_ticks=position.mid_half_ticks,
        cash_half=position.cash_half,
        cost_half=position.cost_half,
        turnover_half=position.turnover_half,
        spread_half=position.spread_half,
        revaluation_half=position.revaluation_half,
        fees_atoms=tuple(sorted(position.fees_atoms.items())),
        other_fees_quote_atoms=position.other_fees_quote_atoms,
    )
