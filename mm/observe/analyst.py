"""Watches a run and feeds the analytics of its sessions: live, and again when a record is repeated.

Called after each step of the engine, reads its state, and must never change it: nothing of what is measured
comes back into a decision. What breaks here is told once and ends the measuring, never the trading. The mid
of a fill is the engine's own, taken from what the fill earned; everything else is summed up a second time
from the events, and whatever differs from the engine's books is the residue. Invariant: the same steps give
the same figures, in any process.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from mm.analytics.flows import Flows
from mm.analytics.horizons import UNKNOWN, UNKNOWN_LEVEL, Fill
from mm.analytics.session import AVERSION, Analytics
from mm.domain.commands import AnyCommand, Cancel, Place, Report
from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PublicTrade,
    Stream,
)
from mm.domain.orders import Order, OrderState
from mm.domain.position import Position
from mm.domain.sides import BUY
from mm.engine.glide import Glided
from mm.engine.session import Session, SessionState
from mm.engine.state import EngineState
from mm.observe.report_figures import Figures, brief, figures

log = structlog.get_logger(__name__)

STANDING: Final = (OrderState.WORKING, OrderState.CANCEL_SENT)
"""States in which an order that has lived is taken to stand at the venue."""

QUEUES_SPARE: Final = 256
"""Queues of orders that ended are forgotten when there are so many more than live orders."""

_ABOUT_ONE: Final = (OrderAcked, OrderCanceled, OrderExpired, OrderRejected)
# Events that tell of one order.

_FILLED: Final = OrderFilled
_TRADE: Final = PublicTrade
_BALANCE: Final = BalanceChanged
# As constants for the reason given in `sides.py`: every step asks for them.

Standing = dict[str, tuple[int, int]]
"""Orders of one side that stand at the venue: price in ticks and lots left, by client order id."""

_FLOWS: Final = ("ledger.opened", "balance.external", "ledger.explained")


class Watched:
    """One session under watch. Fields: session; analytics; told: that something is unexplained."""

    __slots__ = (
        "analytics",
        "ask",
        "asks",
        "base",
        "bids",
        "fees",
        "fills",
        "held",
        "left",
        "market",
        "mid",
        "other_fees",
        "reason",
        "session",
        "spread_half",
        "state",
        "told",
    )

    def __init__(self, session: Session, ts_ns: int, aversion: float) -> None:
        """Begin at what the engine's books say now."""
        position = session.position
        self.session = session
        self.market = session.market
        self.mid = self.ask = 0
        self.bids: Standing = {}
        self.asks: Standing = {}
        self.held = (0, 0)
        self.told = False
        self.reason = ""
        self.state: SessionState | None = None
        self.base = _books(position)
        self.fees = dict(position.fees_atoms)
        self.fills = position.fills
        self.spread_half = position.spread_half
        self.other_fees = position.other_fees_quote_atoms
        left = (position.net_lots, position.mid_half_ticks)
        self.analytics = Analytics(session.setup.instrument, ts_ns, left=left, aversion=aversion)

    def residues(self) -> dict[str, int]:
        """Return what is unexplained, by name: inside the identity, and beside the engine's own books."""
        analytics, position = self.analytics, self.session.position
        identity = analytics.identity
        mine = (
            identity.cash_half,
            identity.net_lots,
            identity.spread_half,
            identity.revaluation_half + identity.left_half,
            identity.turnover_half,
            identity.fills,
        )
        found = analytics.residues()
        for name, own, now, then in zip(_BOOKS, mine, _books(position), self.base, strict=True):
            if own != now - then:
                found[name] = now - then - own
        for asset in dict.fromkeys((*position.fees_atoms, *analytics.costs.atoms)):
            paid = position.fees_atoms.get(asset, 0) - self.fees.get(asset, 0)
            if paid != analytics.costs.atoms.get(asset, 0):
                found[f"fees_{asset}"] = paid - analytics.costs.atoms.get(asset, 0)
        return found


_BOOKS: Final = ("cash_half", "net_lots", "spread_half", "revaluation_half", "turnover_half", "fills")


def _books(position: Position) -> tuple[int, ...]:
    return (
        position.cash_half,
        position.net_lots,
        position.spread_half,
        position.revaluation_half,
        position.turnover_half,
        position.fills,
    )


class Analyst:
    """Watches one engine.

    Fields: sessions: by name, in the engine's order, empty before the first step; flows: of the account.
    failure: "" or what broke: then nothing is measured any more.
    """

    def __init__(self, state: EngineState, *, aversion: float = AVERSION) -> None:
        """Watch the engine whose state this is, from before its first step on."""
        self.sessions: dict[str, Watched] = {}
        self.flows = Flows()
        self.failure = ""
        self._state = state
        self._aversion = aversion
        self._watched: tuple[Watched, ...] = ()
        self._changes = -1
        self._sent = 0
        self._market = state.streams[Stream.MARKET]
        self._movements = state.ledger.movements
        self._queues: dict[str, int] = {}
        self._told = False
        if state.ledger.is_open:
            self.flows.open(state.ledger.holdings)

    def brief(self, session: str) -> Figures | None:
        """Return the essentials of a session, for a status; None before the first step."""
        analytics = self.analytics(session)
        return None if analytics is None else brief(analytics, len(self.sessions[session].residues()))

    def figures(self, session: str) -> Figures | None:
        """Return all that was measured of a session, JSON-ready; None before the first step."""
        analytics = self.analytics(session)
        if analytics is None:
            return None
        return figures(session, analytics, self.sessions[session].residues())

    def analytics(self, session: str) -> Analytics | None:
        """Return what was measured of a session up to now; None before the first step."""
        watched = self.sessions.get(session)
        if watched is None:
            return None
        watched.analytics.settle(self._state.now_ns)
        return watched.analytics

    def on_step(self, event: AnyEvent, commands: Sequence[AnyCommand]) -> Sequence[Report]:
        """Take in a step that the engine has taken; return what somebody has to be told."""
        if self.failure:
            return ()
        try:
            return self._take(event, commands)
        except Exception as error:  # noqa: BLE001 - measuring may not end trading, whatever breaks in it
            self._fail(error)
            return ()

    def on_glide(self, glided: Glided, before_row: int) -> None:
        """Take in what the engine took in without a step for each message (`mm.engine.glide`).

        Args: before_row: place of the message for which `on_step` follows: its top is left to that.
        """
        if self.failure:
            return
        try:
            self._take_glided(glided, before_row)
        except Exception as error:  # noqa: BLE001 - measuring may not end trading, whatever breaks in it
            self._fail(error)

    def _take_glided(self, glided: Glided, before_row: int) -> None:
        for watched in self._watched:
            if watched.market.instrument.symbol != glided.symbol:
                continue
            analytics, mid, ask = watched.analytics, watched.mid, watched.ask
            for top in glided.tops:
                if top[0] < before_row and (top[6] != mid or top[4] != ask):
                    mid, ask = top[6], top[4]
                    analytics.on_top(top[1], mid, 2 * ask - mid if mid else 0)
            watched.mid, watched.ask = mid, ask
            if glided.trades:
                watched.analytics.turnover.market_atoms += sum([trade[3] for trade in glided.trades])

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        log.critical("analytics.failed", error=type(error).__name__, detail=str(error))

    def _take(self, event: AnyEvent, commands: Sequence[AnyCommand]) -> Sequence[Report]:
        state = self._state
        now_ns = state.now_ns
        if not self._watched:
            self._begin(now_ns)
        kind = type(event)
        # What timers led to comes before the event: the count of the holdings before a fill that moves them.
        self._sent = 0
        flowed = bool(commands) and self._on_commands(commands)
        booked, owner = False, None
        if kind is _FILLED:
            booked, owner = self._on_fill(event)  # type: ignore[arg-type]  # the kind says it
        for watched in self._watched:
            market = watched.market
            mid, ask = market.mid_half_ticks, market.ask_ticks
            if mid != watched.mid or ask != watched.ask:
                watched.mid, watched.ask = mid, ask
                watched.analytics.on_top(now_ns, mid, 2 * ask - mid if mid else 0)
            session = watched.session
            if session.reason != watched.reason or session.state is not watched.state:
                watched.reason, watched.state = session.reason, session.state
                watched.analytics.on_reason(now_ns, _said(session))
        changes = state.orders.changes
        if changes != self._changes:
            # A placement and a cancel are one change each, and change nothing of what stands.
            others, self._changes = changes - self._changes - self._sent, changes
            if others == 1 and kind in _ABOUT_ONE:
                self._on_order(event.cid, now_ns)  # type: ignore[union-attr]  # its kind has one
            elif others:
                self._on_orders(now_ns)
        if kind is _TRADE:
            self._on_trade(event)  # type: ignore[arg-type]  # the kind says it
        elif kind is _BALANCE:
            self._on_balance(event)  # type: ignore[arg-type]  # the kind says it
        return self._alarms(owner) if flowed or booked else ()

    def _begin(self, now_ns: int) -> None:
        state = self._state
        self.sessions = {s.name: Watched(s, now_ns, self._aversion) for s in state.sessions}
        self._watched = tuple(self.sessions.values())

    # ---- fills

    # Returns whether anything was booked, and whose fill it was, None if it was known or nobody's.
    def _on_fill(self, event: OrderFilled) -> tuple[bool, Watched | None]:
        state, owner = self._state, None
        for watched in self._watched:
            if watched.session.position.fills != watched.fills:
                owner = watched
                self._book(watched, event)
        if state.ledger.movements != self._movements:
            self._movements = state.ledger.movements
            self.flows.trade(_movements(state, event))
            return True, owner
        return owner is not None, owner

    def _book(self, watched: Watched, event: OrderFilled) -> None:
        state, position = self._state, watched.session.position
        now_ns, order = state.now_ns, state.orders.get(event.cid)
        earned_half = position.spread_half - watched.spread_half
        fee_value_atoms = position.other_fees_quote_atoms - watched.other_fees
        watched.fills = position.fills
        watched.spread_half = position.spread_half
        watched.other_fees = position.other_fees_quote_atoms
        # What it earned says at which mid it was booked: the best prices may have moved since, in this step.
        signed = event.side.sign * event.size_lots
        fill = Fill(
            ts_ns=now_ns,
            side=event.side,
            price_ticks=event.price_ticks,
            size_lots=event.size_lots,
            mid_half_ticks=2 * event.price_ticks + earned_half // signed,
            level=UNKNOWN_LEVEL if order is None else order.level,
            age_ns=UNKNOWN if order is None else now_ns - order.placed_ns,
            queue_atoms=self._queues.get(event.cid, UNKNOWN),
            maker=event.maker,
            trade_id=event.trade_id,
            cid=event.cid,
        )
        watched.analytics.on_fill(fill, event.fee_asset, event.fee_atoms, fee_value_atoms=fee_value_atoms)
        watched.mid = -1
        self._hold(watched, now_ns)

    def _hold(self, watched: Watched, now_ns: int) -> None:
        session = watched.session
        position = session.position
        held = (position.start_lots + position.net_lots, session.band_lots)
        if held != watched.held:
            watched.held = held
            watched.analytics.on_inventory(now_ns, *held)

    # ---- orders

    def _on_order(self, cid: str, now_ns: int) -> None:
        order = self._state.orders.get(cid)
        if order is None:
            return
        watched = self._watched[order.session]
        quotes = watched.bids if order.side is BUY else watched.asks
        stands = self._stands(order)
        if quotes.get(cid) != stands:
            if stands is None:
                del quotes[cid]
            else:
                quotes[cid] = stands
            self._tell_quotes(watched, now_ns)

    def _on_orders(self, now_ns: int) -> None:
        state = self._state
        sides: tuple[tuple[Standing, Standing], ...] = tuple(({}, {}) for _ in self._watched)
        for order in state.orders.live.values():
            stands = self._stands(order)
            if stands is not None:
                sides[order.session][order.side is not BUY][order.cid] = stands
        for watched, (bids, asks) in zip(self._watched, sides, strict=True):
            if bids != watched.bids or asks != watched.asks:
                watched.bids, watched.asks = bids, asks
                self._tell_quotes(watched, now_ns)
            self._hold(watched, now_ns)
        if len(self._queues) > len(state.orders.live) + QUEUES_SPARE:
            live = state.orders.live
            self._queues = {cid: ahead for cid, ahead in self._queues.items() if cid in live}

    # Its price and what is left of it, None if it does not stand at the venue as far as is known.
    def _stands(self, order: Order) -> tuple[int, int] | None:
        if order.state not in STANDING or not order.has_lived:
            return None
        if order.cid not in self._queues:
            self._queues[order.cid] = self._queue(order)
        return order.price_ticks, order.left_lots

    def _tell_quotes(self, watched: Watched, now_ns: int) -> None:
        bids, asks = list(watched.bids.values()), list(watched.asks.values())
        watched.analytics.on_quotes(now_ns, bids, asks)

    def _queue(self, order: Order) -> int:
        # What others display at its price when it is first known to stand: it joined behind them.
        market = self._state.markets[order.symbol]
        book, price = market.book, order.price_ticks
        if order.side is BUY:
            shown, own = book.bid_atoms(price), market.own_bids
        else:
            shown, own = book.ask_atoms(price), market.own_asks
        # The book does not show it yet: its acknowledgement is faster.
        mine = own.get(price, 0) - order.left_lots * market.instrument.lot_atoms
        return max(0, shown - max(0, mine))

    # Returns whether the holdings were counted, or moved by others.
    def _on_commands(self, commands: Sequence[AnyCommand]) -> bool:
        flowed = False
        for command in commands:
            if isinstance(command, Place):
                self._sent += 1
                order = self._state.orders.get(command.cid)
                if order is not None:
                    watched = self._watched[order.session]
                    watched.analytics.turnover.place(command.size_lots)
                    self._hold(watched, self._state.now_ns)
            elif isinstance(command, Cancel):
                self._sent += 1
                self._on_cancel(command)
            elif isinstance(command, Report):
                if command.code in _FLOWS:
                    self._on_flow(command)
                    flowed = True
                elif command.code == "session.stock":
                    self._hold(self.sessions[command.session], self._state.now_ns)
        return flowed

    def _on_cancel(self, command: Cancel) -> None:
        state = self._state
        order = state.orders.get(command.cid)
        if order is not None:
            excused = bool(state.halt_code) or not (self._market.up and state.user_stream.up)
            turnover = self._watched[order.session].analytics.turnover
            turnover.cancel(order.left_lots, excused=excused)

    def _on_trade(self, event: PublicTrade) -> None:
        for watched in self._watched:
            if watched.market.instrument.symbol == event.symbol:
                watched.analytics.turnover.market_atoms += event.size_atoms

    # ---- the account

    # Funding is settled beside the balances, so that it is no flow of the account that the ledger counts.
    def _on_balance(self, event: BalanceChanged) -> None:
        watched = self.sessions.get(event.session) if event.funding_atoms else None
        if watched is not None:
            watched.analytics.on_funding(self._state.now_ns, event.funding_atoms)

    def _on_flow(self, report: Report) -> None:
        facts = dict(report.facts)
        if report.code == "ledger.opened":
            self.flows.open({asset: int(atoms) for asset, atoms in facts.items()})
        elif report.code == "balance.external":
            self.flows.move(facts["asset"], int(facts["atoms"]))
        else:
            self.flows.explain(facts["asset"], int(facts["atoms"]))

    def residue_atoms(self) -> dict[str, int]:
        """Return what of the account's holdings is unexplained, by asset."""
        return self.flows.residue(self._state.ledger.holdings) if self._state.ledger.is_open else {}

    def _alarms(self, owner: Watched | None) -> Sequence[Report]:
        # Each is told once: it stays.
        told = []
        if owner is not None and not owner.told and (found := owner.residues()):
            owner.told = True
            told.append(self._alarm(owner.session.name, found))
        if not self._told and (left := self.residue_atoms()):
            self._told = True
            told.append(self._alarm("", left))
        return told

    def _alarm(self, session: str, found: dict[str, int]) -> Report:
        facts = tuple((name, str(value)) for name, value in found.items())
        return Report(ts_ns=self._state.now_ns, code="pnl.residue", session=session, facts=facts)


def _said(session: Session) -> str:
    if session.state in (SessionState.PENDING, SessionState.ACTIVE):
        return session.reason
    return f"{session.state.value}: {session.reason}"


def _movements(state: EngineState, event: OrderFilled) -> dict[str, int]:
    instrument = state.markets[event.symbol].instrument
    signed = event.side.sign * event.size_lots
    moved = {
        instrument.base: signed * instrument.lot_atoms,
        instrument.quote: -signed * event.price_ticks * instrument.tick_lot_atoms,
    }
    moved[event.fee_asset] = moved.get(event.fee_asset, 0) - event.fee_atoms
    return moved
