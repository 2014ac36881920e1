"""A venue with one account in a page, and lives of the engine on it that end at any instant.

The truth that recovery is judged by, with a book-keeping of its own: nothing of the engine's is looked at but
what it sends. Requests get lost on either way, answers too; what was lost is found by listings alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from random import Random
from typing import Any, Final

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import (
    AnyCommand,
    Cancel,
    Command,
    Connect,
    ListBalances,
    ListFills,
    ListOrders,
    MeasureClock,
    Place,
    Query,
    Report,
    SyncBook,
)
from mm.domain.estate import Estate
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BalancesListed,
    BookSnapshot,
    CancelRejected,
    ClockMeasured,
    FillsListed,
    ListedOrder,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderSeen,
    OrdersListed,
    PlaceUnknown,
    RequestFailed,
    Source,
    StreamUp,
)
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.engine.estate import estate_of
from mm.engine.fold import Fold
from mm.engine.setup import Deadlines, EngineSetup, OnExternal, SessionSetup
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import IDS, MID, MS, SECOND_NS, START_NS, make_session
from tests.builders.instruments import INSTRUMENT

DEADLINES: Final = Deadlines(
    answer=SECOND_NS, echo=60 * SECOND_NS, stale=60 * SECOND_NS, venue_lag=300 * MS, reconcile=2 * SECOND_NS
)
CAPS: Final = Capabilities(orders_per_10s=10**4, weight_per_minute=10**7, absence_proof_ns=3 * SECOND_NS)
REQUEST_LIFE_NS: Final = 2 * SECOND_NS
"""A request that takes longer never arrives."""

FEE_ATOMS: Final = 700
"""Taken for each execution, in a third asset every other time."""


@dataclass(slots=True, kw_only=True)
class Resting:
    """An order as the venue has it."""

    place: Place
    left: int
    open: bool = True

    @property
    def cum(self) -> int:
        """What was filled, lots."""
        return self.place.size_lots - self.left


@dataclass(slots=True, kw_only=True)
class LittleVenue:
    """The truth. Fields: trouble: how often something is lost; holdings: atoms by asset; orders: all that
    ever arrived; fills: of ours and of whoever trades by hand.
    """

    random: Random
    trouble: float
    instruments: tuple[Instrument, ...] = (INSTRUMENT,)
    holdings: dict[str, int] = field(default_factory=dict)
    orders: dict[str, Resting] = field(default_factory=dict)
    fills: list[OrderFilled] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give the account something of everything."""
        for instrument in self.instruments:
            self.holdings[instrument.base] = 10**12
            self.holdings[instrument.quote] = 10**16
        self.holdings["FFF"] = 10**9

    def loses(self) -> bool:
        """Return whether what is on its way now gets lost."""
        return self.random.random() < self.trouble

    def place(self, place: Place) -> None:
        """Take an order in."""
        assert place.cid not in self.orders, "one intent was sent twice"
        self.orders[place.cid] = Resting(place=place, left=place.size_lots)

    def fill(self, cid: str, lots: int) -> OrderFilled:
        """Let an open order trade."""
        order = self.orders[cid]
        order.left -= lots
        order.open = order.left > 0
        return self.trade(cid, order.place.symbol, order.place.side, order.place.price_ticks, lots)

    def trade(self, cid: str, symbol: str, side: Side, price_ticks: int, lots: int) -> OrderFilled:
        """Book an execution on the account, whoever's order it was."""
        instrument = next(one for one in self.instruments if one.symbol == symbol)
        trade_id = sum(fill.symbol == symbol for fill in self.fills) + 10
        fee_asset = "FFF" if trade_id % 2 else instrument.quote
        self.holdings[instrument.base] += side.sign * lots * instrument.lot_atoms
        self.holdings[instrument.quote] -= side.sign * instrument.notional_atoms(price_ticks, lots)
        self.holdings[fee_asset] -= FEE_ATOMS
        fill = OrderFilled(
            ts_ns=0,
            symbol=symbol,
            cid=cid,
            trade_id=trade_id,
            side=side,
            price_ticks=price_ticks,
            size_lots=lots,
            fee_atoms=FEE_ATOMS,
            fee_asset=fee_asset,
            maker=True,
            source=Source.STREAM,
        )
        self.fills.append(fill)
        return fill

    def open_orders(self, symbol: str) -> Iterable[Resting]:
        """Return what is on the book."""
        return [order for order in self.orders.values() if order.open and order.place.symbol == symbol]

    def net_lots(self, cids: Iterable[str]) -> int:
        """Return what the fills of these orders moved."""
        known = set(cids)
        return sum(fill.side.sign * fill.size_lots for fill in self.fills if fill.cid in known)

    def answer(self, command: AnyCommand) -> list[dict[str, Any]]:
        """Carry a request out; return what is told of it: the event's type as `kind`, and its fields."""
        random = self.random
        match command:
            case Place():
                return self._placed(command)
            case Cancel():
                if self.loses():
                    return []
                order = self.orders.get(command.cid)
                if order is None or not order.open:
                    return [{"kind": CancelRejected, "cid": command.cid, "code": -2011}]
                order.open = False
                said = -1 if random.random() < self.trouble else order.cum
                fields = {"cid": command.cid, "cum_lots": said, "source": Source.ANSWER}
                return [] if self.loses() else [{"kind": OrderCanceled, **fields}]
            case Query():
                order = self.orders.get(command.cid)
                if order is None:
                    return [{"kind": OrderNotFound, "cid": command.cid}]
                fields = {"cid": command.cid, "venue_order_id": "v", "open": order.open}
                return [{"kind": OrderSeen, "cum_lots": order.cum, **fields}]
            case ListOrders() | ListFills() | ListBalances():
                return self._listed(command)
            case _:
                return []

    def _placed(self, place: Place) -> list[dict[str, Any]]:
        unknown = {"kind": PlaceUnknown, "cid": place.cid, "cause": "lost"}
        if self.loses():
            return [unknown]
        self.place(place)
        if self.loses():
            return [unknown]
        fields = {"price_ticks": place.price_ticks, "size_lots": place.size_lots, "source": Source.STREAM}
        return [{"kind": OrderAcked, "cid": place.cid, "venue_order_id": "v", **fields}]

    def _listed(self, command: ListOrders | ListFills | ListBalances) -> list[dict[str, Any]]:
        subject = "" if isinstance(command, ListBalances) else command.symbol
        if self.loses():
            name = type(command).__name__
            return [{"kind": RequestFailed, "what": name, "subject": subject, "reason": "lost"}]
        if isinstance(command, ListBalances):
            rows = tuple((asset, atoms, 0) for asset, atoms in self.holdings.items())
            return [{"kind": BalancesListed, "asked_ns": 0, "balances": rows}]
        if isinstance(command, ListOrders):
            shown = tuple(
                ListedOrder(
                    order.place.cid,
                    "v",
                    order.place.side,
                    order.place.price_ticks,
                    order.place.size_lots,
                    order.cum,
                )
                for order in self.open_orders(subject)
            )
            return [{"kind": OrdersListed, "symbol": subject, "asked_ns": 0, "orders": shown}]
        found = [fill for fill in self.fills if fill.symbol == subject]
        found = [fill for fill in found if fill.trade_id >= command.from_trade_id]
        after = max(found[-1].trade_id + 1 if found else 0, command.from_trade_id, 0)
        end = {"kind": FillsListed, "symbol": subject, "asked_ns": 0, "next_trade_id": after}
        return [*({"fill": fill, "source": Source.QUERY} for fill in found), end | {"complete": True}]


class Story:
    """Lives of the engine on one venue, one after the other, each journalled as far as it got.

    Fields: venue; engine: of the life under way; journal: its records, (record, time); checkpoints: (place in
    the journal, estate); reports: of all lives; lives: begun so far.
    """

    def __init__(self, seed: int, *, trouble: float = 0.0, instruments: tuple[Instrument, ...] = ()) -> None:
        """Begin the first life."""
        self.random = Random(seed)
        self.venue = LittleVenue(
            random=self.random, trouble=trouble, instruments=instruments or (INSTRUMENT,)
        )
        self.now_ns = START_NS
        self.lives = 0
        self.mid = MID
        self.reports: list[Report] = []
        self.placed: dict[str, list[str]] = {}
        self._sequence = 0
        self._way: list[tuple[int, int, dict[str, Any]]] = []
        self.begin(
            tuple(
                make_session(name=f"s{number}", instrument=instrument)
                for number, instrument in enumerate(self.venue.instruments)
            )
        )

    # ---- lives

    def begin(
        self,
        sessions: tuple[SessionSetup, ...],
        estate: Estate | None = None,
        on_external: OnExternal = OnExternal.PAUSE,
    ) -> None:
        """Begin a life that takes `estate` over."""
        self.lives += 1
        self.setup = EngineSetup(
            ids=IDS,
            epoch=self.lives,
            caps=CAPS,
            sessions=sessions,
            deadlines=DEADLINES,
            estate=estate,
            on_external=on_external,
        )
        self.engine = Engine(self.setup)
        self.journal: list[tuple[AnyEvent | AnyCommand, int]] = []
        self.checkpoints: list[tuple[int, Estate]] = []
        self.commands: list[AnyCommand] = []
        self.step(Advanced(ts_ns=self.now_ns))

    def die(self) -> Estate:
        """End the life here; return what its journal says that it left.

        A request that is on its way is lost, or arrives now, or in the next life, as long as it can live.
        """
        estate = self.fold(*(self.checkpoints[-1] if self.checkpoints else (0, None)))
        way, self._way = self._way, []
        for _, _, fields in way:
            fate = self.random.random()
            if isinstance(fields.get("arrives"), Place | Cancel) and fate < 0.6:
                late = {"late": fields["arrives"]}
                due_ns = self.now_ns + (self.random.randrange(REQUEST_LIFE_NS) if fate < 0.3 else 0)
                self._sequence += 1
                heappush(self._way, (due_ns, self._sequence, late))
        return estate

    def again(self, estate: Estate) -> None:
        """Begin the next life with the same sessions."""
        sessions = tuple(
            replace(one, strategy=make_session(instrument=one.instrument).strategy)
            for one in self.setup.sessions
        )
        self.begin(sessions, estate)

    def fold(self, start: int, checkpoint: Estate | None) -> Estate:
        """Return the estate by a checkpoint and the journal from there."""
        fold = Fold(self.setup, checkpoint)
        for record, ts_ns in self.journal[start:]:
            if isinstance(record, Command):
                fold.on_command(record, ts_ns)
            else:
                fold.on_event(record)
        return fold.estate()

    # ---- time

    def run(self, duration_ns: int, *, busy: bool = True) -> None:
        """Let time pass. Args: busy: quotes are moved and orders filled meanwhile."""
        end_ns = self.now_ns + duration_ns
        while self.now_ns < end_ns:
            self.now_ns += 100 * MS
            while self._way and self._way[0][0] <= self.now_ns:
                self._arrive(heappop(self._way)[2])
            self.step(Advanced(ts_ns=self.now_ns))
            if busy:
                self._live()
            if self.now_ns % (2 * SECOND_NS) == 0:
                for instrument in self.venue.instruments:
                    self._later(self._book(instrument.symbol))

    def checkpoint(self) -> None:
        """Write down what the engine says that it would leave."""
        self.checkpoints.append((len(self.journal), estate_of(self.engine.state)))

    def step(self, event: AnyEvent) -> None:
        """Hand an event in, and what it causes out."""
        self.journal.append((event, 0))
        commands = self.engine.step(event)
        for command in commands:
            self.journal.append((command, self.engine.state.now_ns))
            self.commands.append(command)
            if isinstance(command, Report):
                self.reports.append(command)
            else:
                self._submit(command)

    def tell(self, fill: OrderFilled) -> None:
        """Let the stream tell of a fill, or lose it."""
        if not self.venue.loses():
            self._later({"fill": fill, "source": Source.STREAM})

    def _submit(self, command: AnyCommand) -> None:
        if isinstance(command, Place):
            decoded = IDS.decode(command.cid)
            assert decoded is not None
            name = self.setup.sessions[decoded.session].name
            self.placed.setdefault(name, []).append(command.cid)
        if isinstance(command, Connect):
            self._later({"kind": StreamUp, "stream": command.stream})
        elif isinstance(command, SyncBook):
            self._later(self._book(command.symbol))
        elif isinstance(command, MeasureClock):
            self._later({"kind": ClockMeasured, "offset_ns": 0, "round_trip_ns": 1})
        else:
            self._later({"arrives": command, "asked_ns": self.now_ns})

    def _later(self, fields: dict[str, Any]) -> None:
        self._sequence += 1
        due_ns = self.now_ns + self.random.randrange(1, 250) * MS
        heappush(self._way, (due_ns, self._sequence, fields))

    def _arrive(self, fields: dict[str, Any]) -> None:
        if "late" in fields:
            self.venue.answer(fields["late"])  # whoever asked is dead
            return
        if "arrives" in fields:
            told = self.venue.answer(fields["arrives"])
            listing = [one for one in told if "asked_ns" in one]
            for one in listing:
                one["asked_ns"] = fields["asked_ns"]
            if listing or any("fill" in one for one in told):
                self._later({"all": told})  # a listing and its fills come together
            else:
                for one in told:
                    self._later(one)
            return
        for one in fields.get("all", [fields]):
            if "fill" in one:
                fill: OrderFilled = one["fill"]
                values = {name: getattr(fill, name) for name in fill.__struct_fields__}
                self.step(OrderFilled(**(values | {"ts_ns": self.now_ns, "source": one["source"]})))
            else:
                rest = {name: value for name, value in one.items() if name != "kind"}
                self.step(one["kind"](ts_ns=self.now_ns, **rest))

    def _book(self, symbol: str) -> dict[str, Any]:
        self._sequence += 1
        levels = (Level(self.mid - 10, 10**12),), (Level(self.mid + 10, 10**12),)
        return {
            "kind": BookSnapshot,
            "symbol": symbol,
            "seq": self._sequence,
            "bids": levels[0],
            "asks": levels[1],
        }

    def _live(self) -> None:
        random, venue = self.random, self.venue
        if random.random() < 0.2:
            self.mid = MID + random.randrange(-3, 4)
            for instrument in venue.instruments:
                self._later(self._book(instrument.symbol))
        for session in self.engine.state.sessions:
            script: Any = session.setup.strategy
            assert isinstance(script, Scripted)
            if random.random() < 0.1:
                off = random.randrange(15, 40)
                script.bids = (Quote(MID - off, 5), Quote(MID - off - 5, 7, 1))
                script.asks = (Quote(MID + off, 5), Quote(MID + off + 5, 7, 1))
        ours = [cid for cid, order in venue.orders.items() if order.open]
        if ours and random.random() < 0.15:
            cid = random.choice(ours)
            self.tell(venue.fill(cid, random.randrange(1, venue.orders[cid].left + 1)))

    # ---- looking

    def told(self, code: str) -> list[dict[str, str]]:
        """Return the facts of every report of that code, of all lives."""
        return [dict(report.facts) for report in self.reports if report.code == code]

    def settle(self, duration_ns: int = 20 * SECOND_NS) -> None:
        """Let everything come to rest: nothing is lost any more and nothing new is wanted."""
        self.venue.trouble = 0.0
        for session in self.engine.state.sessions:
            script: Any = session.setup.strategy
            script.bids = script.asks = ()
        self.run(duration_ns, busy=False)
