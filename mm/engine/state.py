"""All that the engine remembers, and the only two ways in which it speaks: commands and reports."""

from collections import deque
from hashlib import sha256
from typing import Final

import msgspec

from mm.domain.commands import AnyCommand, Report
from mm.domain.events import Stream
from mm.domain.ids import FLAG_EXIT, OrderId
from mm.domain.order_table import OrderTable
from mm.domain.orders import Order
from mm.engine.budget import Budget
from mm.engine.ledger import External, Ledger
from mm.engine.legacy import Legacy, Recovery
from mm.engine.market import Market
from mm.engine.own import OwnOrders, Standing
from mm.engine.session import Session
from mm.engine.setup import EngineSetup
from mm.engine.timers import Timers
from mm.engine.trace import Trace
from mm.engine.watch_links import link, unknown_markets, watched_markets

TAKEN_OFF_MAX: Final = 5
"""So often in a row may somebody else cancel an order of ours that was placed after the time before."""


class StreamState:
    """One stream. Fields: up; attempts: failed in a row; due_ns: when to connect next, 0 = not wanted;

    since_ns: when it came up; held_until_ns: nothing is asked there before that, as its venue said.
    """

    def __init__(self) -> None:
        """Start down and wanted at once."""
        self.up = False
        self.attempts = 0
        self.due_ns = 0
        self.since_ns = 0
        self.held_until_ns = 0


class SymbolState:
    """What is asked and known about one symbol's orders at the venue.

    Fields:
        orders_asked_ns, fills_asked_ns: when the listing under way was asked, 0 = none is.
        orders_seen_ns, fills_seen_ns: when the last answered listing had been asked.
        fills_from, fills_begun_ns: of the listing of fills under way, all its pages: which trade it began at,
            and when its first page had been asked, 0 = none was answered yet. fills_deep_ns: when the last
            whole one had begun that went as far back as the next life would: what a listing passed over is in
            that one. fills_end: where the furthest whole one ended.
        clean_ns: when the last listing without an own order had been asked, 0 = never.
        touched_ns: when an own order was last placed or ended, or a stop began: an older clean listing
            proves nothing.
        orphan_free_ns: since which listing none showed an order of an earlier life, 0 = the last one did.
        orphan_seen_ns: when one was last shown.
        agreed_ns: when the last listing had been asked that showed the same orders of ours as the one before
            it, asked after that was answered; shown, heard_ns: what that one showed, and when.
        cursors: where listings of fills ended, and when they had been asked: one a minute for as long as the
            next life lists again, oldest first.
        foreign_listed: orders of others on the account in the last listing.
        unbooked_ns: when an execution was last heard of that moved no position, because the holdings of its
            session are still to be counted: with it in them.
    """

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.orders_asked_ns = 0
        self.fills_asked_ns = 0
        self.orders_seen_ns = 0
        self.fills_seen_ns = 0
        self.fills_from = 0
        self.fills_begun_ns = 0
        self.fills_deep_ns = 0
        self.fills_end = -1
        self.clean_ns = 0
        self.touched_ns = 0
        self.orphan_free_ns = 0
        self.orphan_seen_ns = 0
        self.foreign_listed = 0
        self.agreed_ns = 0
        self.unbooked_ns = 0
        self.shown: tuple[tuple[str, int], ...] | None = None
        self.heard_ns = 0
        self.cursors: list[tuple[int, int]] = []
        self.cancelled_ns: dict[str, int] = {}


class EngineState:
    """Everything. Fields speak for themselves; `out` collects the commands of the step under way.

    Fields: markets: that sessions trade; watched: that are only watched, without orders; books: both, and
    those that nothing is known of; feeds: streams of market data by venue, "" for the one traded on.
    now_ns: of the timer or event being handled; started_ns: of the first event; swept_ns: of the last sweep;
    step_ns: of the event of the step under way: what is decided for a timer that comes late leaves at that
    time. halt_code: "" or why trading is latched off; halt_confirmed: the venue showed nothing of ours since;
    halt_ns: its begin.
    equity_start_atoms: account's value at the first complete look, per quote asset of the first session.
    reads_held_until_ns: no listing before that, after one failed. echo_due_ns: by when the user stream has to
    say anything, because an order was acknowledged that it did not show; 0 = nothing is owed.
    reconciled: passes over orders, fills and balances so far. revision: of the config in force. trace: hears
    the gates of each decision, if anybody asks; it influences none. ledger: what the account should hold.
    legacy: what earlier lives left to nobody; recovery: how far the taking over of the rest is, None where
    nothing was taken over. signals_left: what those of earlier lives knew, as far as nothing went on with it.
    fenced: an order was seen that only another process could have sent. sequence_used: highest number of this
    very epoch that another process gave out: no id is used twice. taken_off_ns:
    when orders ended that somebody else cancelled, each placed after the one before; older_ns: when an order
    of a process of an older life was last met for the first time, older_said_ns: and when that was said.
    """

    def __init__(self, setup: EngineSetup) -> None:
        """Build the empty state of `setup`."""
        self.setup = setup
        self.now_ns = self.step_ns = 0
        self.started_ns = self.swept_ns = 0
        self.out: list[AnyCommand] = []
        self.timers = Timers()
        self.budget = Budget(setup.caps)
        self.orders = OrderTable()
        self.streams = {stream: StreamState() for stream in Stream}
        self.user_stream = self.streams[Stream.USER]
        self.markets: dict[str, Market] = {}
        self.symbols: dict[str, SymbolState] = {}
        self.sessions: list[Session] = []
        for index, session in enumerate(setup.sessions):
            instrument = session.instrument
            if instrument.symbol not in self.markets:
                own_in_book = setup.caps.own_orders_in_book
                self.markets[instrument.symbol] = Market(
                    instrument, own_in_book=own_in_book, reference_window_ns=setup.reference_window_ns
                )
                self.symbols[instrument.symbol] = SymbolState()
            self.sessions.append(Session(index, session, self.markets[instrument.symbol]))
        self.watched = watched_markets(setup, self.markets)
        self.books = self.markets | self.watched
        self.books |= unknown_markets(setup, self.books)
        self.feeds = {"": self.streams[Stream.MARKET]}
        for market in self.books.values():
            self.feeds.setdefault(market.venue, StreamState())
        link(self.sessions, self.books)
        # Derived from orders, by session; see `own.py`.
        self._standings: dict[int, Standing] = {}
        self._own_orders: dict[int, OwnOrders] = {}
        self.balances: dict[str, tuple[int, int]] = {}
        self.balances_asked_ns = self.balances_seen_ns = 0
        self.reads_held_until_ns = 0
        self.reads_failed = 0
        self.failure_said = ("", "", "")
        self.failure_said_ns = 0
        self.echo_due_ns = 0
        self.clock_due_ns = 0
        self.reconcile_due_ns = 0
        self.reconciled = 0
        self.halt_code = setup.latched
        self.halt_ns = 0
        self.halt_confirmed = False
        self.halt_alarmed = False
        self.equity_start_atoms = 0
        self.ledger = Ledger()
        self.legacy = Legacy()
        self.recovery: Recovery | None = None
        self.signals_left = setup.signals
        self.fenced = False
        self.taken_off_ns: deque[int] = deque(maxlen=TAKEN_OFF_MAX)
        self.older_ns = self.older_said_ns = 0
        self.sequence = self.sequence_used = 0
        self.commands = 0
        self.revision = setup.revision
        self.trace: Trace | None = None

    def emit(self, command: AnyCommand) -> None:
        """Send a command out of this step."""
        self.out.append(command)

    def report(self, code: str, session: str = "", /, **facts: object) -> None:
        """Tell observers a fact; keys in the order given."""
        pairs = tuple((key, str(value)) for key, value in facts.items())
        self.emit(Report(ts_ns=self.now_ns, code=code, session=session, facts=pairs))

    def next_cid(self, session: int, *, reduces: bool) -> str:
        """Return the id of the next order of `session` in this life."""
        self.sequence += 1
        flags = FLAG_EXIT if reduces else 0
        setup = self.setup
        return setup.ids.encode(OrderId(setup.ids.tag, session, setup.epoch, self.sequence, flags))

    def touch(self, session: Session) -> None:
        """Note that something happened to a session's orders: only listings asked from now on count."""
        session.touched_ns = self.now_ns
        self.symbols[session.setup.instrument.symbol].touched_ns = self.now_ns

    def standing(self, session: Session) -> Standing:
        """Return what the account's live orders amount to on the session's symbol."""
        known = self._standings.get(session.index)
        if known is None or known.version != self.orders.version:
            known = self._standings[session.index] = Standing(self.orders, self.markets, session)
        return known

    def own(self, session: Session) -> OwnOrders:
        """Return the session's live orders; not to be changed."""
        known = self._own_orders.get(session.index)
        if known is None or known.changes != self.orders.changes:
            known = self._own_orders[session.index] = OwnOrders(self.orders, session)
        return known

    def note_balances_asked(self) -> None:
        """Note that balances are asked for: what listings of fills have passed will be in the answer."""
        self.ledger.note_asked(self.now_ns, {name: known.fills_end for name, known in self.symbols.items()})

    def count_in(self, session: Session) -> None:
        """Note that the holdings were counted for a session: whatever was executed before is in them.

        A report of it that comes later is none, unless it is of another session that trades the symbol
        already: then its position is what the execution moves, whenever it is told.
        """
        symbol = session.setup.instrument.symbol
        session.stock_floor = floor = self.symbols[symbol].fills_end
        for other in self.sessions:
            if other is not session and other.stock_taken and other.setup.instrument.symbol == symbol:
                return
        self.orders.inherit_floor(symbol, floor)

    @property
    def arrived_ns(self) -> int:
        """From when on nothing arrives at the venue any more that an earlier life sent and nobody here knows
        of; 0 if there was no such life, or it left what it had sent.
        """
        if self.setup.estate is not None or not self.setup.inherits:
            return 0
        return self.started_ns + self.setup.caps.absence_proof_ns

    def shown_ns(self, symbol: str = "") -> int:
        """Return from when on the venue must show all that an earlier life did, on a symbol or on all; 0 if
        there was none that matters.

        A life that left an estate did nothing after it that is not in it; of any other it is only known that
        it was over when this one began, so that what it had sent may arrive for a while.
        """
        estate = self.setup.estate
        seen_ns = max(known.orphan_seen_ns for name, known in self.symbols.items() if symbol in ("", name))
        if not self.setup.inherits and estate is None:
            # Nobody knows of an earlier life; what is shown may be of one that goes on elsewhere.
            return seen_ns + self.setup.deadlines.venue_lag if seen_ns else 0
        over_ns = self.arrived_ns if estate is None else min(self.started_ns, estate.ts_ns)
        return max(over_ns, seen_ns) + self.setup.deadlines.venue_lag

    @property
    def external(self) -> tuple[External, ...]:
        """The last balances that somebody else moved, oldest first."""
        return tuple(self.ledger.external)

    def orders_of(self, symbol: str) -> list[Order]:
        """Return the live orders of a symbol in order of placement."""
        return [order for order in self.orders.live.values() if order.symbol == symbol]

    @property
    def user_synced(self) -> bool:
        """Whether the user stream is up and everything was listed since it came up."""
        stream = self.user_stream
        since_ns = stream.since_ns
        if not stream.up or self.balances_seen_ns < since_ns:
            return False
        for symbol in self.symbols.values():
            if symbol.orders_seen_ns < since_ns or symbol.fills_seen_ns < since_ns:
                return False
        return True

    def digest(self) -> str:
        """Return a hash of the whole state: equal histories give equal digests, in every process."""
        orders = [
            (o.cid, o.state.value, o.cum_lots, o.price_ticks, o.size_lots) for o in self.orders.live.values()
        ]
        sessions = [
            (
                s.name,
                s.state.value,
                s.reason,
                repr(s.memory),
                s.position.net_lots,
                s.position.cash_half,
                s.position.revaluation_half,
                s.position.fees_atoms,
                [signal.state() for signal in s.readers],
                [[signal.state() for signal in one.readers] for one in s.watching],
                (s.target_lots, s.position.start_lots, s.peak_atoms, s.held_until_ns, s.flatten, s.exits),
                (s.paused, s.stopped),
            )
            for s in self.sessions
        ]
        books = [
            (
                (m.book.seq, m.bid_ticks, m.ask_ticks, m.reference.half_ticks, m.last_trade_ticks),
                (m.sync_attempts, m.sync_asked_ns, m.sync_due_ns, m.synced_ns),
            )
            for m in self.books.values()
        ]
        parts = (
            self.now_ns,
            self.commands,
            self.sequence,
            self.revision,
            (self.halt_code, self.halt_confirmed, self.equity_start_atoms),
            (self.timers.next_due_ns, self.budget.held_until_ns, self.budget.banned_until_ns),
            orders,
            sessions,
            books,
            [[*vars(stream).values()] for stream in (self.user_stream, *self.feeds.values())],
            [[*vars(symbol).values()] for symbol in self.symbols.values()],
            self.balances,
            (sorted(self.ledger.holdings.items()), self.ledger.movements, self.ledger.external_count),
            (
                (self.fenced, self.sequence_used),
                list(self.taken_off_ns),
                self.older_ns,
                list(self.legacy.orders),
                self.recovery is not None and self.recovery.done,
            ),
        )
        return sha256(msgspec.msgpack.encode(parts)).hexdigest()
