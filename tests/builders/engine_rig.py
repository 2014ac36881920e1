"""A bench for the engine: feeds events in order of time, keeps every command, plays a venue that behaves.

For tests of single behaviours: step in, commands out. Nothing here looks at private state of the engine.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar, cast

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import AnyCommand, Cancel, Place, Report
from mm.domain.estate import Estate, SignalEstate
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookSnapshot,
    FillsListed,
    ListedOrder,
    Operation,
    OperatorAsked,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrdersListed,
    Source,
    Stream,
    StreamUp,
)
from mm.domain.ids import OrderId, OrderIds
from mm.domain.instrument import Instrument
from mm.domain.orders import Order, OrderState
from mm.domain.sides import Side
from mm.engine.engine import Engine, session_named
from mm.engine.session import Session
from mm.engine.setup import Deadlines, EngineSetup, OnExternal, SessionSetup
from mm.risk.base import Rule
from tests.builders.engine_ladder import Scripted
from tests.builders.instruments import INSTRUMENT

START_NS: Final = 1_800_000_000_000_000_000
MS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
MID: Final = 10_000
"""Mid in ticks of the book that `Rig.activate` shows: bid 9 990, ask 10 010."""

CAPS: Final = Capabilities(orders_per_10s=1_000, weight_per_minute=1_000_000)
IDS: Final = OrderIds(tag=7, key=b"tests")
BASE_ATOMS: Final = 10**12
QUOTE_ATOMS: Final = 10**16
EPOCH: Final = 5

C = TypeVar("C", bound=AnyCommand)


def make_session(
    strategy: Any = None,
    *,
    name: str = "main",
    rules: tuple[Rule, ...] = (),
    instrument: Instrument = INSTRUMENT,
    **fields: Any,
) -> SessionSetup:
    """Return a session without rules whose band is 1 000 lots; it wants nothing unless told otherwise."""
    fields = {"band_lots_max": 1_000, "band_ratio_ppm": 10**9} | fields
    return SessionSetup(
        name=name, instrument=instrument, strategy=cast(Any, strategy or Scripted()), rules=rules, **fields
    )


def cid_of(sequence: int, *, session: int = 0, epoch: int = EPOCH - 1) -> str:
    """Return a client order id of ours, of an earlier life unless told otherwise."""
    return IDS.encode(OrderId(IDS.tag, session, epoch, sequence))


class Rig:
    """One engine, its clock and everything it ever sent.

    Fields: now_ns: time of the next event; sent: all commands so far; last: those of the last step.
    """

    def __init__(
        self,
        *sessions: SessionSetup,
        caps: Capabilities = CAPS,
        deadlines: Deadlines | None = None,
        latched: str = "",
        inherits: bool = False,
        estate: Estate | None = None,
        on_external: OnExternal = OnExternal.PAUSE,
        watched: tuple[Instrument, ...] = (),
        stand_ins: tuple[tuple[str, str], ...] = (),
        signals: tuple[SignalEstate, ...] = (),
        signals_age_ns_max: int = 900 * SECOND_NS,
    ) -> None:
        """Build the engine; nothing happens before the first event."""
        self.engine = Engine(
            EngineSetup(
                ids=IDS,
                epoch=EPOCH,
                caps=caps,
                sessions=sessions or (make_session(),),
                deadlines=deadlines or Deadlines(),
                latched=latched,
                inherits=inherits,
                estate=estate,
                on_external=on_external,
                watched=watched,
                stand_ins=stand_ins,
                signals=signals,
                signals_age_ns_max=signals_age_ns_max,
            )
        )
        self.now_ns = START_NS
        self.sent: list[AnyCommand] = []
        self.last: Sequence[AnyCommand] = ()
        self.seq = 100

    # ---- time and events

    def feed(self, kind: type[AnyEvent], **fields: Any) -> Sequence[AnyCommand]:
        """Step with an event that is known now; return the commands."""
        return self.step(kind(ts_ns=self.now_ns, **fields))

    def step(self, event: AnyEvent) -> Sequence[AnyCommand]:
        """Step with `event`; return the commands."""
        self.last = self.engine.step(event)
        self.sent.extend(self.last)
        return self.last

    def advance(self, duration_ns: int) -> list[AnyCommand]:
        """Let time pass as a runtime does, timer by timer; return all commands of that time."""
        end_ns, before = self.now_ns + duration_ns, len(self.sent)
        while (due_ns := self.engine.next_due_ns) is not None and due_ns <= end_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.feed(Advanced)
        self.now_ns = end_ns
        self.feed(Advanced)
        return self.sent[before:]

    def keep_alive(self, duration_ns: int, *, symbol: str = INSTRUMENT.symbol) -> list[AnyCommand]:
        """Let time pass while the book keeps bringing news that change nothing."""
        before = len(self.sent)
        for _ in range(0, duration_ns, SECOND_NS // 2):
            self.advance(SECOND_NS // 2)
            self.touch_book(symbol=symbol)
        return self.sent[before:]

    # ---- a venue that behaves

    def activate(self, *, orders: tuple[ListedOrder, ...] = ()) -> None:
        """Connect, show books and holdings, until every session is active."""
        self.feed(Advanced)
        self.feed(StreamUp, stream=Stream.MARKET)
        self.feed(StreamUp, stream=Stream.USER)
        self.advance(100 * MS)
        for symbol in self.engine.state.markets:
            self.snapshot(symbol=symbol)
            self.list_all(symbol=symbol, orders=orders)
        self.advance(100 * MS)

    def snapshot(self, bid: int = MID - 10, ask: int = MID + 10, *, symbol: str = INSTRUMENT.symbol) -> None:
        """Show a whole book of one deep level a side; 0 leaves a side empty."""
        self.seq += 1
        bids = (Level(bid, 10**12),) if bid else ()
        asks = (Level(ask, 10**12),) if ask else ()
        self.feed(BookSnapshot, symbol=symbol, seq=self.seq, bids=bids, asks=asks)

    def move(self, bid: int, ask: int, *, symbol: str = INSTRUMENT.symbol) -> Sequence[AnyCommand]:
        """Show by a delta that the best prices are now these."""
        self.seq += 1
        book = self.engine.state.books[symbol].book
        gone_bids = tuple(Level(price, 0) for price, _ in book.bids(50, {}) if price != bid)
        gone_asks = tuple(Level(price, 0) for price, _ in book.asks(50, {}) if price != ask)
        return self.feed(
            BookDelta,
            symbol=symbol,
            seq=self.seq,
            venue_ms=0,
            bids=(*gone_bids, Level(bid, 10**12)) if bid else gone_bids,
            asks=(*gone_asks, Level(ask, 10**12)) if ask else gone_asks,
        )

    def touch_book(self, *, symbol: str = INSTRUMENT.symbol) -> Sequence[AnyCommand]:
        """Show that nothing changed."""
        self.seq += 1
        return self.feed(BookDelta, symbol=symbol, seq=self.seq, venue_ms=0, bids=(), asks=())

    def list_orders(
        self, *, symbol: str = INSTRUMENT.symbol, orders: tuple[ListedOrder, ...] = (), asked_ns: int = 0
    ) -> Sequence[AnyCommand]:
        """Answer a listing of open orders that was asked now, or at `asked_ns`."""
        return self.feed(OrdersListed, symbol=symbol, asked_ns=asked_ns or self.now_ns, orders=orders)

    def list_fills(
        self,
        *,
        symbol: str = INSTRUMENT.symbol,
        next_trade_id: int = 0,
        complete: bool = True,
        asked_ns: int = 0,
    ) -> Sequence[AnyCommand]:
        """Answer a listing of fills that was asked now, or at `asked_ns`."""
        return self.feed(
            FillsListed,
            symbol=symbol,
            asked_ns=asked_ns or self.now_ns,
            next_trade_id=next_trade_id,
            complete=complete,
        )

    def list_balances(self, *, base: int = BASE_ATOMS, quote: int = QUOTE_ATOMS) -> Sequence[AnyCommand]:
        """Answer a listing of balances that was asked now."""
        assets: dict[str, int] = {}
        for market in self.engine.state.markets.values():
            assets[market.instrument.base] = base
            assets[market.instrument.quote] = quote
        rows = tuple((asset, atoms, 0) for asset, atoms in assets.items())
        return self.feed(BalancesListed, asked_ns=self.now_ns, balances=rows)

    def list_all(self, *, symbol: str = INSTRUMENT.symbol, orders: tuple[ListedOrder, ...] = ()) -> None:
        """Answer all three listings as asked now."""
        self.list_orders(symbol=symbol, orders=orders)
        self.list_fills(symbol=symbol)
        self.list_balances()

    def ack(self, place: Place, *, source: Source = Source.STREAM, **changes: Any) -> Sequence[AnyCommand]:
        """Acknowledge a placement as it was asked, `changes` applied."""
        fields = {
            "cid": place.cid,
            "venue_order_id": "v" + place.cid[-4:],
            "price_ticks": place.price_ticks,
            "size_lots": place.size_lots,
            "source": source,
        }
        return self.feed(OrderAcked, **(fields | changes))

    def fill(self, place: Place, lots: int, trade_id: int, **changes: Any) -> Sequence[AnyCommand]:
        """Report an execution of a placement as maker, `changes` applied."""
        fields = {
            "symbol": place.symbol,
            "cid": place.cid,
            "trade_id": trade_id,
            "side": place.side,
            "price_ticks": place.price_ticks,
            "size_lots": lots,
            "fee_atoms": 0,
            "fee_asset": "BBB",
            "maker": not place.reduces,
            "source": Source.STREAM,
        }
        return self.feed(OrderFilled, **(fields | changes))

    def canceled(self, place: Place, cum_lots: int = 0) -> Sequence[AnyCommand]:
        """Confirm a cancellation."""
        return self.feed(OrderCanceled, cid=place.cid, cum_lots=cum_lots, source=Source.ANSWER)

    def operate(self, operation: Operation, session: str = "", reason: str = "test") -> Sequence[AnyCommand]:
        """Ask as an operator."""
        return self.feed(OperatorAsked, operation=operation, session=session, reason=reason, who="tester")

    def place_all(self) -> list[Place]:
        """Acknowledge every placement that is still unanswered; return them."""
        open_places = [place for place in self.places() if self.state_of(place) is OrderState.SENT]
        for place in open_places:
            self.ack(place)
        return open_places

    # ---- looking

    def places(self) -> list[Place]:
        """Return every placement so far."""
        return of(self.sent, Place)

    def cancels(self) -> list[Cancel]:
        """Return every cancel so far."""
        return of(self.sent, Cancel)

    def order(self, place: Place) -> Order:
        """Return what the engine knows about a placement."""
        order = self.engine.state.orders.get(place.cid)
        assert order is not None
        return order

    def state_of(self, place: Place) -> OrderState:
        """Return the state of a placement."""
        return self.order(place).state

    def session(self, name: str = "main") -> Session:
        """Return a session's state."""
        session = session_named(self.engine, name)
        assert session is not None
        return session

    def is_confirmed(self) -> bool:
        """Return whether the venue has confirmed the halt."""
        return self.engine.state.halt_confirmed

    def script(self, name: str = "main") -> Scripted:
        """Return the strategy of a session that follows a script."""
        strategy: Any = self.session(name).setup.strategy
        assert isinstance(strategy, Scripted)
        return strategy

    def reports(self, code: str) -> list[dict[str, str]]:
        """Return the facts of every report of that code so far, the session's name among them."""
        return [
            dict(report.facts) | {"session": report.session} | dict(report.facts)
            for report in of(self.sent, Report)
            if report.code == code
        ]


def of(commands: Iterable[AnyCommand], kind: type[C]) -> list[C]:
    """Return the commands of one kind."""
    return [command for command in commands if isinstance(command, kind)]


def listed(place: Place, cum_lots: int = 0) -> ListedOrder:
    """Return a placement as a listing of open orders shows it."""
    return ListedOrder(place.cid, "v1", place.side, place.price_ticks, place.size_lots, cum_lots)


def orphan(sequence: int = 1, *, session: int = 0, side: Side = Side.BUY) -> ListedOrder:
    """Return an order of an earlier life as a listing of open orders shows it."""
    return ListedOrder(cid_of(sequence, session=session), "v9", side, MID - 50, 5, 0)
