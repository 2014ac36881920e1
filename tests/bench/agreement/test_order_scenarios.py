"""Markets of single orders for two simulators: as a venue that matches by price and time would tell them."""

from itertools import pairwise

from mm.bench.agreement.order_scenarios import ADD, CANCEL, FILL, MODIFY, order_scenarios
from mm.bench.agreement.orders import order_acts
from mm.bench.agreement.scenarios import Row, Scenario
from mm.bench.replay_rig import bench_instrument
from mm.domain.events import BookDelta, BookSnapshot, PublicTrade
from mm.domain.tape import ORDER, TRADE, Chunk

SCENARIOS = list(order_scenarios(30, 4))


def test_the_same_seed_gives_the_same_scenarios() -> None:
    """And another one others."""
    assert list(order_scenarios(30, 4)) == SCENARIOS
    assert list(order_scenarios(30, 5)) != SCENARIOS
    assert {row.kind for one in SCENARIOS for row in one.rows} == {ADD, CANCEL, MODIFY, FILL, TRADE}


def test_those_who_trade_are_first_in_their_queue() -> None:
    """What traded of an order is told before what became of it; nobody is traded past."""
    for scenario in SCENARIOS:
        queue: dict[int, Row] = {}
        for row in scenario.rows:
            if row.kind == FILL:
                assert row.price_ticks == queue[row.order_id].price_ticks
                assert row.size_lots <= queue[row.order_id].size_lots
            elif row.kind == CANCEL:
                del queue[row.order_id]
            elif row.kind != TRADE:
                known = queue.get(row.order_id)
                if known is not None and row.size_lots > known.size_lots:
                    del queue[row.order_id]
                queue[row.order_id] = row


def test_somebody_else_is_always_at_the_price_of_the_order() -> None:
    """So that no trade goes through it and no book locks it; but for one that would take."""
    for scenario in SCENARIOS:
        (own,) = scenario.orders
        sizes: dict[int, Row] = {}
        for ts_ns in sorted({row.ts_ns for row in scenario.rows}):
            for row in moment(scenario, ts_ns):
                if row.kind == CANCEL:
                    del sizes[row.order_id]
                elif row.kind not in (TRADE, FILL):
                    sizes[row.order_id] = row
            bids = [row.price_ticks for row in sizes.values() if row.side > 0]
            asks = [row.price_ticks for row in sizes.values() if row.side < 0]
            assert max(bids) < min(asks)
            prices, best = (bids, min(asks)) if own.side > 0 else (asks, max(bids))
            assert own.price_ticks in prices or (own.price_ticks - best) * own.side >= 0


def moment(scenario: Scenario, ts_ns: int) -> list[Row]:
    """Return the rows of a time."""
    return [row for row in scenario.rows if row.ts_ns == ts_ns]


def test_a_moment_is_its_trades_then_who_changed_then_the_levels() -> None:
    """As a recording has them."""
    acts = order_acts(SCENARIOS[0].rows, bench_instrument())
    first, second, *_ = (act for _, act in acts)
    assert isinstance(first, Chunk)
    assert (first.columns.kind.tolist()[0], first.columns.side.tolist()[0]) == (ORDER, 0)
    assert isinstance(second, BookSnapshot)
    for (_, one), (_, behind) in pairwise(acts):
        assert isinstance(behind, BookDelta | BookSnapshot) == isinstance(one, Chunk)
    assert any(isinstance(act, PublicTrade) for _, act in acts)
