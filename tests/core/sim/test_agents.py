"""The simulated traders: deterministic by seed, independent owners, and markets as their presets promise."""

import pytest

from mm.domain.sides import Side
from mm.domain.units import NEVER_NS, NS_PER_S
from mm.sim.agents import Agents
from mm.sim.orders import CancelOrder, NewOrder
from mm.sim.presets import PRESETS
from mm.sim.reports import Fact, OrderReport, Trade
from mm.sim.world import CLIENT, World
from tests.builders.market_measures import Recording, record
from tests.builders.sim import MARKET_SIZE_MAX_LOTS, START_NS, accepted, fund, limit, make_pair, make_world


def _market(preset: str, seed: int) -> tuple[World, Agents]:
    pair = make_pair()
    agents = Agents(preset=PRESETS[preset], instrument=pair, seed=seed, start_ns=START_NS)
    return World(pair, agents, market_size_max_lots=MARKET_SIZE_MAX_LOTS * 10), agents


def _recorded(preset: str, seed: int, seconds: int) -> Recording:
    world, agents = _market(preset, seed)
    return record(world, agents, start_ns=START_NS, seconds=seconds)


def _lived(world: World, steps_ns: list[int]) -> list[Fact]:
    facts = []
    for ts_ns in steps_ns:
        world.advance(ts_ns)
        facts += world.take_facts()
    return facts


@pytest.mark.parametrize("preset", ["demo", "btc"])
def test_the_same_seed_gives_the_same_market_however_time_is_cut(preset: str) -> None:
    """One step of five seconds or many small ones: the same facts."""
    end_ns = START_NS + 5 * NS_PER_S
    at_once = _lived(make_world(preset, seed=3), [end_ns])
    in_steps = _lived(make_world(preset, seed=3), [*range(START_NS, end_ns, 37_000_000), end_ns])
    assert at_once == in_steps
    assert at_once != _lived(make_world(preset, seed=4), [end_ns])


def test_every_trader_is_an_owner_of_its_own_and_none_is_the_client() -> None:
    """Names are unique; each has funds in both assets."""
    _, agents = _market("demo", 1)
    assert len(agents.owners) == len(dict.fromkeys(agents.owners)) == 14 + 12 + 5
    assert CLIENT not in agents.owners
    assert len(agents.deposits) == 2 * len(agents.owners)


def test_an_empty_market_has_no_traders() -> None:
    """Nobody acts, ever."""
    _, agents = _market("empty", 1)
    assert agents.owners == ()
    assert agents.deposits == ()
    assert agents.next_ns == NEVER_NS


@pytest.mark.parametrize("preset", ["demo", "btc"])
def test_no_trader_crosses_its_own_orders(preset: str) -> None:
    """A trader's bids stay below its asks, and no wish is refused for want of funds or for taking."""
    world, agents = _market(preset, 5)
    for step in range(200):
        world.advance(START_NS + step * 50_000_000)
        for owner in agents.owners:
            orders = world.open_orders(owner)
            bids = [order.price_ticks for order in orders if order.side is Side.BUY]
            asks = [order.price_ticks for order in orders if order.side is Side.SELL]
            assert not bids or not asks or max(bids) < min(asks)
    assert world.refused_agents == 0


def test_a_stranger_who_moves_the_book_makes_wishes_fail_not_traders() -> None:
    """A wish that the venue refuses is counted and forgotten; the market goes on."""

    class Blind(World):
        """Shows traders an empty book, so that their wishes are wrong."""

        def best_ticks(self, side: Side) -> int | None:
            return None

    pair = make_pair()
    agents = Agents(preset=PRESETS["demo"], instrument=pair, seed=1, start_ns=START_NS)
    world = Blind(pair, agents, market_size_max_lots=MARKET_SIZE_MAX_LOTS)
    fund(world, CLIENT)
    accepted(world.place(limit(CLIENT, Side.BUY, 6_100_000, 100_000), START_NS))
    world.advance(START_NS + 20 * NS_PER_S)
    assert world.refused_agents > 0
    assert world.open_orders(agents.owners[0])


@pytest.mark.proof  # a long market
def test_demo_is_a_market_in_which_a_careful_maker_earns() -> None:
    """Spread 5-10 bps, one market order a second, 3-8 bps deep, and the touch earns after a second."""
    recordings = [_recorded("demo", seed, 200) for seed in (1, 2)]
    for market in recordings:
        assert 5.0 <= market.spread_bps(0.05) <= market.spread_bps(0.95) <= 10.0
        assert 0.85 <= market.market_orders_per_s() <= 1.25
        reaches = market.reaches_bps()
        assert reaches[len(reaches) // 20] >= 2.5
        assert reaches[len(reaches) * 19 // 20] <= 8.5
        assert 2.0 <= market.touch_markout_bps() <= 3.5
        assert 0.8 <= market.sigma_bps() <= 3.0


@pytest.mark.proof  # a long market, beside a recording
def test_btc_is_as_tight_and_toxic_as_the_recording() -> None:
    """One tick wide, 9-13 market orders a second, sigma about 1.3, and the touch loses 0.5-0.8 bp."""
    recordings = [_recorded("btc", seed, 120) for seed in (1, 2, 3)]
    for market in recordings:
        assert market.one_tick_share() >= 0.9
        assert 9.0 <= market.market_orders_per_s() <= 13.0
        assert 0.9 <= market.sigma_bps() <= 1.8
        assert -1.0 <= market.touch_markout_bps() <= -0.25
    mean = sum(market.touch_markout_bps() for market in recordings) / len(recordings)
    assert -0.8 <= mean <= -0.5


@pytest.mark.parametrize("distance_ticks", [0, pytest.param(500, marks=pytest.mark.proof)])
def test_a_maker_at_or_inside_the_touch_is_filled_within_three_seconds(distance_ticks: int) -> None:
    """In the demo market, from any moment of any seed, quoting both sides."""
    for seed in range(20):
        world, _ = _market("demo", seed)
        fund(world, CLIENT)
        start_ns = START_NS + (1 + seed) * NS_PER_S
        world.advance(start_ns)
        bid, ask = world.book.top(Side.BUY)[0], world.book.top(Side.SELL)[0]
        accepted(world.place(limit(CLIENT, Side.BUY, bid + distance_ticks, 200), start_ns))
        accepted(world.place(limit(CLIENT, Side.SELL, ask - distance_ticks, 200), start_ns))
        world.take_facts()
        world.advance(start_ns + 3 * NS_PER_S)
        fills = [fact for fact in world.take_facts() if isinstance(fact, OrderReport) and fact.match]
        assert fills, seed
        assert fills[0].match is not None
        assert fills[0].match.is_maker


def test_the_informed_trade_before_the_price_moves_their_way() -> None:
    """A second after an informed order the mid stands further in its direction, on average."""
    market = _recorded("btc", 1, 60)
    moves = [
        fills[0].taker_side.sign * (market.mid(fills[0].ts_ns + NS_PER_S) - market.mid(fills[0].ts_ns - 1))
        for fills in market.market_orders()
        if fills[0].taker_owner.startswith("informed") and fills[0].ts_ns + NS_PER_S < market.end_ns
    ]
    assert len(moves) > 100
    assert sum(moves) / len(moves) > 100


def test_a_trader_without_a_book_to_trade_on_stays_home() -> None:
    """A taker that finds the other side empty wishes nothing."""
    world, agents = _market("demo", 1)

    class Nothing:
        """A market without a single order."""

        def best_ticks(self, side: Side) -> int | None:
            return None

        def lots_within(self, side: Side, limit_ticks: int) -> int:
            return 0

        def open_orders(self, owner: str) -> tuple[()]:
            return ()

    kinds = []
    while agents.next_ns < START_NS + 60 * NS_PER_S:
        _, actions = agents.step(Nothing())
        kinds += [type(action) for action in actions]
        assert not any(isinstance(action, CancelOrder) for action in actions)
        assert all(isinstance(action, NewOrder) and action.price_ticks for action in actions)
    assert kinds
    assert not any(isinstance(fact, Trade) for fact in world.take_facts())
