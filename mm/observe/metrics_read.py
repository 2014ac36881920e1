"""How each metric is read from the read model: state, counts, analytics. Read only.

A figure that is not known is no sample, never a zero. Money is a decimal text made from integers; ratios are
shares from 0 to 1, signed where the sign says something. Invariant: reading changes nothing that a decision
looks at, and no time later than the engine's own is shown to its rolling windows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from mm.analytics.session import Analytics
from mm.domain.orders import UNCERTAIN
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_S, PPM, text_from_atoms
from mm.engine.risk_view import equity_atoms, worst_atoms
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.observe.analyst import Analyst
from mm.observe.counts import Counts
from mm.observe.exposition import Sample, Value
from mm.observe.status import RunFacts
from mm.risk.rules import RiskLimits

NS_DIGITS: Final = 9
"""Decimals of a second in nanoseconds."""

BPS: Final = 10_000

OWN_MEDIAN: Final = "own_median"
"""The one reference there is: the median of the symbol's own mid over `risk.reference.window_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What metrics are read from, as of one moment.

    Fields: version: of mm; now_ns: the core's time; failure: "" or what broke in the core; limits: in force,
    by session; journal_bytes: written since this process began; reload_ok: whether the last reload took the
    file over; reloaded_ns: when one last did, or the start.
    """

    state: EngineState
    counts: Counts
    analyst: Analyst
    facts: RunFacts
    version: str
    now_ns: int
    failure: str
    limits: Mapping[str, RiskLimits]
    journal_bytes: int
    reload_ok: bool
    reloaded_ns: int


Reader: TypeAlias = Callable[[Seen], Iterable[Sample]]
"""Yields the samples of one metric."""


# ---- how samples are made


def one(read: Callable[[Seen], Value]) -> Reader:
    """Return the reader of a single figure."""
    return lambda seen: [((), read(seen))]


def per_session(read: Callable[[Seen, Session], Value | None]) -> Reader:
    """Return the reader of a figure of each session; None is no sample."""

    def samples(seen: Seen) -> Iterator[Sample]:
        for session in seen.state.sessions:
            value = read(seen, session)
            if value is not None:
                yield (session.name,), value

    return samples


def by_session(read: Callable[[Session], Value | None]) -> Reader:
    """Return the reader of a figure that each session knows by itself; None is no sample."""
    return per_session(lambda _, session: read(session))


def per_side(read: Callable[[Seen, Session, Side], Value | None]) -> Reader:
    """Return the reader of a figure of each side of each session; None is no sample."""

    def samples(seen: Seen) -> Iterator[Sample]:
        for session in seen.state.sessions:
            for side in (BUY, SELL):
                value = read(seen, session, side)
                if value is not None:
                    yield (session.name, side.value), value

    return samples


def counted(read: Callable[[Counts], Mapping[tuple[str, ...], int]]) -> Reader:
    """Return the reader of counts by their names; none once the counting broke."""
    return lambda seen: [] if seen.counts.failure else sorted(read(seen.counts).items())


def filled(read: Callable[[Counts], Mapping[tuple[str, ...], int]], *, base: bool) -> Reader:
    """Return the reader of amounts that were filled, by session and side."""

    def samples(seen: Seen) -> Iterator[Sample]:
        scales = {
            session.name: instrument.base_scale if base else instrument.quote_scale
            for session in seen.state.sessions
            for instrument in (session.setup.instrument,)
        }
        for names, atoms in counted(read)(seen):
            assert isinstance(atoms, int)
            yield names, text_from_atoms(atoms, scales[names[0]])

    return samples


def _quote(session: Session, atoms: int) -> str:
    return text_from_atoms(atoms, session.setup.instrument.quote_scale)


def seconds(time_ns: int) -> str:
    """Return a time as seconds, exact."""
    return text_from_atoms(time_ns, NS_DIGITS)


def _analytics(seen: Seen, session: Session) -> Analytics | None:
    return None if seen.analyst.failure else seen.analyst.analytics(session.name)


# ---- the run


def build(seen: Seen) -> Iterable[Sample]:
    """Return version and mode."""
    return [((seen.version, seen.facts.mode), 1)]


def kill_switch(seen: Seen) -> int:
    """Return 1 while trading is latched off, or the core broke."""
    return int(bool(seen.state.halt_code or seen.failure))


def reconnects(seen: Seen) -> Iterable[Sample]:
    """Yield how often each stream came up again after its first time."""
    for (venue, stream), value in counted(lambda counts: counts.connected)(seen):
        assert isinstance(value, int)
        yield (venue or seen.facts.venue, stream), value - 1


def rate_limits(seen: Seen) -> Iterable[Sample]:
    """Yield what is used of what placements may use, by bucket."""
    # By the engine's own time: a window that is shown a later one forgets.
    spent = dict(seen.state.budget.spent(seen.state.now_ns))
    for bucket, used, most in (
        ("orders", "orders_10s", "orders_max"),
        ("weight", "weight_minute", "weight_max"),
    ):
        if int(spent[most]) > 0:
            yield (seen.facts.venue, bucket), int(spent[used]) / int(spent[most])


def clock_offset(seen: Seen) -> Iterable[Sample]:
    """Yield the venue's clock less ours, once it was measured."""
    offset_ns = None if seen.counts.failure else seen.counts.clock_offset_ns
    return [] if offset_ns is None else [((seen.facts.venue,), seconds(offset_ns))]


# ---- sessions


def session_states(seen: Seen) -> Iterator[Sample]:
    """Yield 1 for the state that each session is in, 0 for the others."""
    for session in seen.state.sessions:
        for state in SessionState:
            yield (session.name, state.value), int(session.state is state)


def orders_open(seen: Seen, session: Session, side: Side) -> int:
    """Return the orders not proven dead."""
    return sum(order.side is side for order in seen.state.orders.of_session(session.index))


def orders_unknown(seen: Seen, session: Session) -> int:
    """Return the orders whose fate is unknown."""
    return sum(order.state in UNCERTAIN for order in seen.state.orders.of_session(session.index))


def position_base(session: Session) -> str | None:
    """Return the inventory, signed, once the holdings were counted."""
    instrument = session.setup.instrument
    if not session.stock_taken:
        return None
    return text_from_atoms(session.position.inventory_lots * instrument.lot_atoms, instrument.base_scale)


def pnl_realized(session: Session) -> str:
    """Return the P&L after fees without that of the open fills."""
    position = session.position
    return _quote(session, position.net_quote_atoms - position.open_quote_atoms)


def pnl_unrealized(session: Session) -> str:
    """Return the P&L of the open fills at the mid."""
    return _quote(session, session.position.open_quote_atoms)


def fees_paid(seen: Seen, session: Session) -> str | None:
    """Return what was paid, each fee at the mid of its fill; rebates are not taken off."""
    analytics = _analytics(seen, session)
    return (
        None if analytics is None else _quote(session, analytics.costs.fees_fine // analytics.costs.per_atom)
    )


def equity(seen: Seen, session: Session) -> str | None:
    """Return the worth of the account's holdings in the session's quote asset and what trades against it."""
    state = seen.state
    known = state.balances_seen_ns and session.market.mid_half_ticks
    return _quote(session, equity_atoms(state, session.setup.instrument.quote)) if known else None


def drawdown(seen: Seen, session: Session) -> float | None:
    """Return the fall of the P&L from its peak as a share of the equity at the start."""
    start_atoms, net_atoms = seen.state.equity_start_atoms, session.position.net_quote_atoms
    return max(0, session.peak_atoms - net_atoms) / start_atoms if start_atoms > 0 else None


def quoting_seconds(seen: Seen) -> Iterator[Sample]:
    """Yield how long each side, and both at once, stood at the venue."""
    for session in seen.state.sessions:
        analytics = _analytics(seen, session)
        if analytics is not None:
            presence = analytics.presence
            yield (session.name, BUY.value), seconds(presence.bid_ns)
            yield (session.name, SELL.value), seconds(presence.ask_ns)
            yield (session.name, "both"), seconds(presence.both_ns)


def markouts(seen: Seen) -> Iterator[Sample]:
    """Yield the mean markout of fills by horizon in seconds, once a fill came to it."""
    for session in seen.state.sessions:
        analytics = _analytics(seen, session)
        if analytics is None:
            continue
        for place, horizon_ns in enumerate(analytics.waiting.horizons_ns, start=1):
            mean = analytics.markouts.every.of_fills[place].mean
            if mean is not None:
                yield (session.name, f"{horizon_ns / NS_PER_S:g}"), mean / BPS


# ---- the market


def mid_price(session: Session) -> str | None:
    """Return the mid without own orders."""
    instrument, mid = session.setup.instrument, session.market.mid_half_ticks
    # A half tick may be half an atom.
    return text_from_atoms(mid * instrument.tick_atoms * 5, instrument.quote_scale + 1) if mid else None


def quote_price(seen: Seen, session: Session, side: Side) -> str | None:
    """Return the price of the nearest own order."""
    price = _nearest(seen, session, side)
    return session.setup.instrument.price_text(price) if price else None


def quote_spread(seen: Seen, session: Session) -> float | None:
    """Return the distance of the nearest own orders as a share of the mid."""
    bid, ask = _nearest(seen, session, BUY), _nearest(seen, session, SELL)
    mid = session.market.mid_half_ticks
    return 2 * (ask - bid) / mid if bid and ask and mid else None


def market_spread(session: Session) -> float | None:
    """Return the distance of the best prices of others as a share of the mid."""
    market = session.market
    mid = market.mid_half_ticks
    return 2 * (market.ask_ticks - market.bid_ticks) / mid if mid else None


def _nearest(seen: Seen, session: Session, side: Side) -> int:
    # In ticks, 0 without an order.
    live = seen.state.orders.of_session(session.index)
    prices = [order.price_ticks for order in live if order.side is side]
    return (max(prices) if side is BUY else min(prices)) if prices else 0


def data_age(seen: Seen, session: Session) -> str | None:
    """Return how long ago the book was last heard of."""
    heard_ns = session.market.heard_ns
    return seconds(max(0, seen.now_ns - heard_ns)) if heard_ns else None


def data_gaps(seen: Seen, session: Session) -> int | None:
    """Return how often the book of the symbol was lost."""
    counts = seen.counts
    return None if counts.failure else counts.books_lost.get((session.setup.instrument.symbol,), 0)


def reference_deviation(seen: Seen) -> Iterator[Sample]:
    """Yield how far the mid is from the reference, as a share of that."""
    for session in seen.state.sessions:
        mid, reference = session.market.mid_half_ticks, session.market.reference.half_ticks
        if mid and reference:
            yield (session.name, OWN_MEDIAN), (mid - reference) / reference


# ---- limits


def limits_used(seen: Seen) -> Iterator[Sample]:
    """Yield what is used of each limit, named by the key that sets it; 1 and more is a breach."""
    for session in seen.state.sessions:
        limits = seen.limits.get(session.name)
        if limits is None:
            continue
        for name, used, most in _limits(seen, session, limits):
            if most > 0:
                yield (session.name, name), max(0, used) / most


def _limits(seen: Seen, session: Session, limits: RiskLimits) -> Iterator[tuple[str, int, int]]:
    state, position, market = seen.state, session.position, session.market
    net_atoms = position.net_quote_atoms
    account_atoms = sum(other.position.net_quote_atoms for other in state.sessions)
    worst = sum(worst_atoms(state, other) for other in state.sessions)
    fall_ppm = max(0, session.peak_atoms - net_atoms) * PPM
    fills_minute, _ = session.burst.of_minute(state.now_ns)
    if session.stock_taken:
        yield "inventory", abs(position.inventory_lots), session.band_lots
        yield "max_notional_quote", worst, limits.exposure_atoms_max
    yield "max_open_orders", len(state.orders_of(session.setup.instrument.symbol)), limits.open_orders_max
    yield "session_loss_quote", -net_atoms, limits.session_loss_atoms
    yield "account_loss_quote", -account_atoms, limits.account_loss_atoms
    yield "open_loss_quote", -position.open_quote_atoms, limits.open_loss_atoms
    yield "max_drawdown_ratio", fall_ppm, state.equity_start_atoms * limits.drawdown_ppm_max
    yield "max_orders_per_minute", state.budget.placed_minute(state.now_ns), limits.placements_minute_max
    yield "max_fills_per_minute", fills_minute, limits.fills_minute_max
    if market.heard_ns:
        yield "stale_book_ms", seen.now_ns - market.heard_ns, limits.stale_ns_max
