"""Simulated worlds for tests: a real pair, worlds with and without traders, orders in one line."""

from decimal import Decimal

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.sides import Side
from mm.sim.agents import Agents
from mm.sim.orders import NewOrder, Order, OrderType, Refusal, StpMode, TimeInForce
from mm.sim.presets import PRESETS
from mm.sim.world import World

START_NS = 1_700_000_000_000_000_000
"""When simulated worlds open."""

MARKET_SIZE_MAX_LOTS = 1_000_000
"""Largest market order of the worlds built here."""


def make_pair(*, maker_fee: str = "0.0001", taker_fee: str = "0.0004", **changes: object) -> Instrument:
    """Return BTC/USDT: tick 0.01, lot 0.00001, value at least 5; fees as ratios."""
    fields: dict[str, object] = {
        "symbol": "BTC/USDT",
        "venue_symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.00001"),
        "size_min": Decimal("0.00001"),
        "size_max": Decimal(9_000),
        "notional_min": Decimal(5),
        "price_min": Decimal("0.01"),
        "price_max": Decimal(1_000_000),
        "maker_fee_ratio": Decimal(maker_fee),
        "taker_fee_ratio": Decimal(taker_fee),
    }
    return make_instrument(InstrumentSpec(**(fields | changes)))  # type: ignore[arg-type] # named by the caller


def make_world(preset: str = "empty", *, seed: int = 1, instrument: Instrument | None = None) -> World:
    """Return a world whose traders have not acted yet; nobody but them has funds."""
    pair = instrument or make_pair()
    agents = Agents(preset=PRESETS[preset], instrument=pair, seed=seed, start_ns=START_NS)
    return World(pair, agents, market_size_max_lots=MARKET_SIZE_MAX_LOTS)


def fund(world: World, *owners: str, base: int = 10, quote: int = 1_000_000) -> None:
    """Give each owner whole units of both assets."""
    for owner in owners:
        world.accounts.deposit(owner, "BTC", base * 10**8)
        world.accounts.deposit(owner, "USDT", quote * 10**8)


def limit(owner: str, side: Side, price_ticks: int, size_lots: int, **changes: object) -> NewOrder:
    """Return a limit order, good till cancelled, with `changes` applied."""
    fields: dict[str, object] = {"order_type": OrderType.LIMIT, "stp_mode": StpMode.EXPIRE_MAKER}
    return NewOrder(
        owner=owner,
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        **(fields | changes),  # type: ignore[arg-type] # the caller names the fields
    )


def market(owner: str, side: Side, size_lots: int, **changes: object) -> NewOrder:
    """Return a market order with `changes` applied."""
    return limit(owner, side, 0, size_lots, order_type=OrderType.MARKET, **changes)


def accepted(outcome: Order | Refusal) -> Order:
    """Return the order that the world answered; fails if it refused."""
    assert isinstance(outcome, Order), outcome
    return outcome


def make_order(
    order_id: int, owner: str, side: Side, price_ticks: int, size_lots: int, **changes: object
) -> Order:
    """Return an order as the book takes it, with `changes` applied."""
    fields: dict[str, object] = {
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "stp_mode": StpMode.EXPIRE_MAKER,
    }
    return Order(
        order_id=order_id,
        owner=owner,
        client_id="",
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        created_ns=START_NS,
        updated_ns=START_NS,
        **(fields | changes),  # type: ignore[arg-type] # the caller names the fields
    )
