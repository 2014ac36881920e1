"""What the venue says about the account as a whole: listings, balances, limits, clock, access."""

from typing import Final, assert_never

from mm.domain.events import (
    AccessDenied,
    AccountEvent,
    BalanceChanged,
    BalancesListed,
    ClockDoubted,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderSeen,
    OrdersListed,
    RateUsed,
    RequestFailed,
    Stream,
    Throttled,
)
from mm.domain.orders import UNCERTAIN, Order, OrderState, Trigger
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.engine import send, watching
from mm.engine.fence import fence, is_alien, note_orphan
from mm.engine.halt import halt
from mm.engine.ledger import ASSETS_MAX
from mm.engine.order_events import after, on_order_event
from mm.engine.state import EngineState, SymbolState

LISTINGS: Final = ("ListOrders", "ListFills", "ListBalances")
"""Names of the requests that list."""

INFERRED: Final = (OrderState.REJECTED, OrderState.DEAD)
"""Ends of orders that, if they hold, never were on a book."""

READ_PAUSE_NS: Final = 500 * NS_PER_MS
"""Pause after a listing that brought no answer."""

READ_PAUSE_NS_MAX: Final = 10 * NS_PER_S
"""It doubles with each failure in a row up to this: a venue that refuses is not asked in a loop."""

OVERLAP_NS: Final = 900 * NS_PER_S
"""The next life lists fills again from where the listings of so long ago ended."""

CURSOR_PAUSE_NS: Final = 60 * NS_PER_S
"""So coarse is that: one place a minute is kept."""

CLOCK_PAUSE_NS: Final = NS_PER_S
"""Pause between two measurements of the venue's clock, however often it is doubted."""

FAILURE_SAID_AGAIN_NS: Final = 30 * NS_PER_S
"""The same failure is reported again after this."""


def on_account_event(state: EngineState, event: AccountEvent) -> None:
    """Apply one event about the account."""
    # The two that come with every request first: each pattern that is tried in vain costs.
    if isinstance(event, BalanceChanged):
        if event.asset in state.balances or len(state.balances) < ASSETS_MAX:
            state.balances[event.asset] = (event.free_atoms, event.locked_atoms)
        return
    if isinstance(event, RateUsed):
        state.budget.correct(state.now_ns, weight=event.weight, orders=event.orders)
        return
    match event:
        case OrdersListed() | FillsListed() | BalancesListed():
            _on_listing(state, event)
        case RequestFailed():
            _on_request_failed(state, event)
        case Throttled() if event.venue:
            watching.on_throttled(state, event)
        case Throttled():
            state.budget.throttle(event.until_ns, banned=event.banned)
            state.report("venue.throttled", "", until_ns=event.until_ns, banned=event.banned)
        case ClockMeasured():
            state.report("venue.clock", "", offset_ns=event.offset_ns, round_trip_ns=event.round_trip_ns)
        case ClockDoubted():
            _on_clock_doubted(state)
        case AccessDenied():
            halt(state, "venue.access_denied", venue_code=event.code, detail=event.reason)
        case _:
            assert_never(event)


def _on_clock_doubted(state: EngineState) -> None:
    # Until it is measured anew, everything signed is refused: cancels too.
    asked_ns = state.clock_due_ns - state.setup.deadlines.clock
    due_ns = max(state.now_ns, asked_ns + CLOCK_PAUSE_NS)
    if due_ns < state.clock_due_ns:
        state.clock_due_ns = due_ns
        state.report("venue.clock_doubted")


def _on_listing(state: EngineState, event: OrdersListed | FillsListed | BalancesListed) -> None:
    was_synced = state.user_synced
    match event:
        case OrdersListed():
            _on_orders_listed(state, event)
        case FillsListed():
            _on_fills_listed(state, event)
        case BalancesListed():
            state.reads_failed = 0
            state.balances_asked_ns = 0
            state.balances_seen_ns = max(state.balances_seen_ns, event.asked_ns)
            state.balances = {asset: (free, locked) for asset, free, locked in event.balances}
            found = {asset: free + locked for asset, (free, locked) in state.balances.items()}
            state.ledger.compare(event.asked_ns, state.now_ns, found)
        case _:
            assert_never(event)
    if state.user_synced and not was_synced:
        # Whoever stopped quoting because own orders could not be seen begins again.
        for session in state.sessions:
            session.dirty = True


def _on_request_failed(state: EngineState, event: RequestFailed) -> None:
    # Only listings wait for listings: a query that fails may not hold up what a halt needs.
    symbol = state.symbols.get(event.subject)
    if event.what in LISTINGS:
        pause_ns = min(READ_PAUSE_NS_MAX, READ_PAUSE_NS << min(state.reads_failed, 10))
        state.reads_held_until_ns = state.now_ns + pause_ns
        state.reads_failed += 1
    if event.what == "ListBalances":
        state.balances_asked_ns = 0
    elif symbol is not None and event.what == "ListOrders":
        symbol.orders_asked_ns = 0
    elif symbol is not None and event.what == "ListFills":
        symbol.fills_asked_ns = 0
    said = (event.what, event.subject, event.reason)
    if said != state.failure_said or state.now_ns - state.failure_said_ns >= FAILURE_SAID_AGAIN_NS:
        state.failure_said, state.failure_said_ns = said, state.now_ns
        state.report("request.failed", "", what=event.what, subject=event.subject, reason=event.reason)


def _on_orders_listed(state: EngineState, event: OrdersListed) -> None:
    symbol = state.symbols.get(event.symbol)
    if symbol is None:
        return
    state.reads_failed = 0
    symbol.orders_asked_ns = 0
    symbol.orders_seen_ns = max(symbol.orders_seen_ns, event.asked_ns)
    listed: dict[str, ListedOrder] = {}
    owners: list[int] = []
    foreign = orphans = 0
    for entry in event.orders:
        decoded = state.setup.ids.decode(entry.cid)
        if decoded is None:
            foreign += 1
        elif is_alien(state, decoded):
            # Another process's: it is not ours to cancel, and no listing is the less clean for it.
            fence(state, decoded, entry.cid)
        else:
            listed[entry.cid] = entry
            owners.append(decoded.session)
            orphans += state.orders.get(entry.cid) is None
            _on_listed(state, event, entry)
    if foreign != symbol.foreign_listed:
        symbol.foreign_listed = foreign
        state.report("orders.foreign", "", symbol=event.symbol, count=foreign)
    _note_clean(state, event, owners, orphans)
    _note_agreed(symbol, event, listed, state.now_ns)
    symbol.cancelled_ns = {cid: ns for cid, ns in symbol.cancelled_ns.items() if cid in listed}
    for order in state.orders_of(event.symbol):
        if order.cid not in listed:
            _on_unlisted(state, event, order)


def _note_clean(state: EngineState, event: OrdersListed, owners: list[int], orphans: int) -> None:
    # What this listing does not show: orders of a session, orders of ours at all, orders of earlier lives.
    symbol = state.symbols[event.symbol]
    for session in state.sessions:
        if session.setup.instrument.symbol == event.symbol and session.index not in owners:
            session.clean_ns = max(session.clean_ns, event.asked_ns)
    if not owners:
        symbol.clean_ns = max(symbol.clean_ns, event.asked_ns)
    if orphans:
        symbol.orphan_free_ns = 0
        symbol.orphan_seen_ns = state.now_ns
    elif symbol.orphan_free_ns < max(1, state.streams[Stream.USER].since_ns):
        symbol.orphan_free_ns = event.asked_ns


def _note_agreed(
    symbol: SymbolState, event: OrdersListed, listed: dict[str, ListedOrder], now_ns: int
) -> None:
    shown = tuple(sorted((cid, entry.cum_lots) for cid, entry in listed.items()))
    if shown == symbol.shown and event.asked_ns >= symbol.heard_ns:
        symbol.agreed_ns = max(symbol.agreed_ns, event.asked_ns)
    symbol.shown, symbol.heard_ns = shown, now_ns


def _on_listed(state: EngineState, event: OrdersListed, entry: ListedOrder) -> None:
    order = state.orders.get(entry.cid)
    if order is None:
        # Left by an earlier life: nobody answers for it any more.
        if entry.cid not in state.symbols[event.symbol].cancelled_ns:
            note_orphan(state, entry.cid)
        state.report("order.orphan", "", symbol=event.symbol, cid=entry.cid)
        send.cancel_listed(state, event.symbol, entry.cid)
    elif order.is_live:
        if order.state in UNCERTAIN or entry.cum_lots > order.cum_lots:
            seen = OrderSeen(
                ts_ns=state.now_ns,
                cid=entry.cid,
                venue_order_id=entry.venue_order_id,
                open=True,
                cum_lots=entry.cum_lots,
            )
            on_order_event(state, seen)
    elif order.state in INFERRED or event.asked_ns - order.settled_ns > state.setup.deadlines.venue_lag:
        # We hold it for ended and the venue still lists it: the venue is right. A listing may be a little
        # older than an end that the venue stated, but what was never there at all is never listed.
        was_live = order.is_live
        state.orders.fire(order, Trigger.SEEN_OPEN, state.now_ns)
        state.report("order.undead", "", cid=entry.cid, state=order.state)
        if not order.is_live:
            send.cancel_listed(state, event.symbol, entry.cid)
        after(state, order, was_live=was_live)


def _on_unlisted(state: EngineState, event: OrdersListed, order: Order) -> None:
    if order.absent_since_ns and event.asked_ns >= order.absent_since_ns:
        order.absent_in_orders = True
        order.absent_listings += 1
        order.absent_orders_ns = event.asked_ns
    elif (
        order.state is OrderState.WORKING
        and event.asked_ns - order.settled_ns > state.setup.deadlines.venue_lag
        and state.now_ns - order.asked_ns > state.setup.deadlines.query_max
    ):
        send.query(state, order)


def _on_fills_listed(state: EngineState, event: FillsListed) -> None:
    symbol = state.symbols.get(event.symbol)
    if symbol is None:
        return
    if event.asked_ns < symbol.fills_asked_ns:
        # To a request that was given up: its fills were told, but it goes on where another listing is.
        return
    symbol.fills_asked_ns = 0
    symbol.fills_begun_ns = symbol.fills_begun_ns or event.asked_ns
    market = state.markets[event.symbol]
    market.next_trade_id = max(market.next_trade_id, event.next_trade_id)
    if not event.complete:
        send.list_fills(state, event.symbol)
        return
    symbol.fills_seen_ns = max(symbol.fills_seen_ns, event.asked_ns)
    symbol.fills_end = max(symbol.fills_end, market.next_trade_id)
    if not symbol.cursors or symbol.fills_from <= symbol.cursors[0][1]:
        symbol.fills_deep_ns = symbol.fills_begun_ns
    symbol.fills_begun_ns = 0
    _note_cursor(state, event)
    for order in state.orders_of(event.symbol):
        # That no fill was listed says something of a listing that had to show it: from before the order.
        if order.absent_since_ns and symbol.fills_deep_ns >= order.absent_since_ns:
            order.absent_in_fills = True
            order.absent_fills_ns = symbol.fills_deep_ns


def _note_cursor(state: EngineState, event: FillsListed) -> None:
    # The next life lists the fills of the last while again: what a listing of then did not show yet, or what
    # came in while this one died, is found there.
    cursors = state.symbols[event.symbol].cursors
    if not cursors or event.asked_ns - cursors[-1][0] >= CURSOR_PAUSE_NS:
        cursors.append((event.asked_ns, state.markets[event.symbol].next_trade_id))
    while len(cursors) > 1 and cursors[1][0] <= event.asked_ns - OVERLAP_NS:
        del cursors[0]
    state.orders.mark_trades(event.symbol, cursors[0][1])
