"""Observed markets for tests: a book whose listener writes everything down, and worlds over such a book."""

from mm.domain.book import Level
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.sim.book import BookListener
from mm.sim.observed import MARKET, ObservedBook
from mm.sim.orders import Fill, Order, OrderType, Prevention
from mm.sim.queue import QueueModel
from mm.sim.world import World
from tests.builders.sim import MARKET_SIZE_MAX_LOTS, START_NS, make_order, make_pair

OWNER = "client"
LOT = make_pair().lot_atoms
"""Base atoms of one lot of the pair used here."""


def levels(*rows: tuple[int, float]) -> list[Level]:
    """Return levels from (price in ticks, size in lots); lots may be broken, as displayed sizes are."""
    return [Level(price, round(lots * LOT)) for price, lots in rows]


class Ear:
    """Writes down what a book tells. Fields: fills: our order id, price, lots, "maker" or "taker"."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.fills: list[tuple[int, int, int, str]] = []
        self.heard: list[Fill] = []
        self.preventions: list[tuple[int, int, int, int]] = []

    def on_fill(self, fill: Fill) -> None:
        """Note a fill; one side of it is the market's and exactly as large as the match."""
        ours, other = (fill.maker, fill.taker) if fill.taker.owner == MARKET else (fill.taker, fill.maker)
        assert (other.owner, other.order_id, other.size_lots, other.left_lots) == (
            MARKET,
            0,
            fill.size_lots,
            0,
        )
        assert ours.owner != MARKET
        assert ours.side is not other.side
        role = "maker" if ours is fill.maker else "taker"
        self.fills.append((ours.order_id, fill.price_ticks, fill.size_lots, role))
        self.heard.append(fill)

    def on_prevention(self, prevention: Prevention) -> None:
        """Note a prevented match: maker, taker, lots that each lost."""
        ids = (prevention.maker.order_id, prevention.taker.order_id)
        self.preventions.append((*ids, prevention.maker_lots, prevention.taker_lots))

    def on_level(self, side: Side, price_ticks: int, size_lots: int, update_id: int) -> None:
        """Own orders display nothing."""
        raise AssertionError((side, price_ticks, size_lots, update_id))


class Observed:
    """A book with its ear and a clock that moves one microsecond per call; sizes are in lots."""

    def __init__(self, queue: QueueModel = QueueModel.RISK_AVERSE, *, power: float | None = None) -> None:
        """Open a book that believes nothing yet."""
        self.ear = Ear()
        self.funded: list[Order] = []
        self.book = ObservedBook(
            self.ear, instrument=make_pair(), fund=self.funded.append, queue=queue, power=power
        )
        self.now_ns = START_NS
        self._order_id = 0

    def pause(self, ns: int) -> None:
        """Let time pass."""
        self.now_ns += ns

    def snapshot(self, bids: list[Level], asks: list[Level], *, seq: int = 0) -> None:
        """Show the whole book."""
        self.book.on_snapshot(bids, asks, ts_ns=self._tick(), seq=seq)

    def bids(self, *rows: tuple[int, float], seq: int = 0) -> None:
        """Show bids by depth."""
        self.book.on_depth(levels(*rows), [], ts_ns=self._tick(), seq=seq)

    def asks(self, *rows: tuple[int, float], seq: int = 0) -> None:
        """Show asks by depth."""
        self.book.on_depth([], levels(*rows), ts_ns=self._tick(), seq=seq)

    def top(self, bid: tuple[int, float], ask: tuple[int, float], *, seq: int = 0) -> None:
        """Show the top."""
        (bid_level, ask_level) = levels(bid, ask)
        self.book.on_top(bid_level, ask_level, ts_ns=self._tick(), seq=seq)

    def sold(self, price_ticks: int, lots: float) -> None:
        """Print a trade in which the taker sold."""
        self.book.on_trade(price_ticks, round(lots * LOT), Side.SELL, self._tick())

    def bought(self, price_ticks: int, lots: float) -> None:
        """Print a trade in which the taker bought."""
        self.book.on_trade(price_ticks, round(lots * LOT), Side.BUY, self._tick())

    def place(self, side: Side, price_ticks: int, lots: int, **changes: object) -> Order:
        """Place an order; by default it may take and rests."""
        self._order_id += 1
        owner = str(changes.pop("owner", OWNER))
        order = make_order(self._order_id, owner, side, price_ticks, lots, **changes)
        self.book.place(order, self._tick())
        return order

    def bid(self, price_ticks: int, lots: int, **changes: object) -> Order:
        """Place a buy."""
        return self.place(Side.BUY, price_ticks, lots, **changes)

    def ask(self, price_ticks: int, lots: int, **changes: object) -> Order:
        """Place a sell."""
        return self.place(Side.SELL, price_ticks, lots, **changes)

    def market(self, side: Side, lots: int, **changes: object) -> Order:
        """Place a market order."""
        return self.place(side, 0, lots, order_type=OrderType.MARKET, **changes)

    def ahead(self, order: Order) -> float:
        """Return what is in front of an order, in lots."""
        return self.book.ahead_atoms(order.order_id) / LOT

    def _tick(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


def opened(queue: QueueModel = QueueModel.RISK_AVERSE) -> Observed:
    """Return a market that displays 50 lots at each of 97..99 and 101..103."""
    market = Observed(queue)
    market.snapshot(levels((99, 50), (98, 50), (97, 50)), levels((101, 50), (102, 50), (103, 50)))
    return market


def quiet(bid: float = 5, ask: float = 5) -> Observed:
    """Return a market with one level each: so many lots bid at 100 and asked at 102."""
    market = Observed()
    market.snapshot(levels((100, bid)), levels((102, ask)))
    return market


def make_observed_world(
    instrument: Instrument | None = None, *, queue: QueueModel = QueueModel.RISK_AVERSE
) -> tuple[World, ObservedBook]:
    """Return a world over an observed market, and its book; nobody has funds."""
    pair = instrument or make_pair()

    def make_book(listener: BookListener) -> ObservedBook:
        assert isinstance(listener, World)
        return ObservedBook(listener, instrument=pair, fund=listener.fund, queue=queue)

    world = World(pair, market_size_max_lots=MARKET_SIZE_MAX_LOTS, make_book=make_book)
    assert isinstance(world.book, ObservedBook)
    return world, world.book
