"""The small markets are what both simulators have to be right about: never crossed, nothing at one time."""

from itertools import pairwise

from mm.bench.agreement.scenarios import UNIT_LOTS, Row, Scenario, scenarios
from mm.domain.tape import DELTA, SNAPSHOT, TRADE
from mm.domain.units import NS_PER_MS, NS_PER_S

COUNT = 40


def test_the_same_seed_gives_the_same_scenarios() -> None:
    """And another one others."""
    assert list(scenarios(COUNT, 3)) == list(scenarios(COUNT, 3))
    assert list(scenarios(COUNT, 3)) != list(scenarios(COUNT, 4))


def test_a_book_is_never_crossed_nor_locked_with_the_order() -> None:
    """After every message; no level is below zero, and both sides have some."""
    for scenario in scenarios(COUNT, 1):
        books: dict[int, dict[int, int]] = {1: {}, -1: {}}
        (order,) = scenario.orders
        for at, row in enumerate(scenario.rows):
            if row.kind == TRADE:
                continue
            books[row.side][row.price_ticks] = row.size_lots
            if not row.size_lots:
                del books[row.side][row.price_ticks]
            if at + 1 < len(scenario.rows) and same_message(row, scenario.rows[at + 1]):
                continue
            assert max(books[1]) < min(books[-1])
            assert min(*books[1].values(), *books[-1].values()) >= UNIT_LOTS
            other = min(books[-1]) if order.side > 0 else max(books[1])
            assert other != order.price_ticks or order.price_ticks == first_of(scenario, -order.side)


def same_message(row: Row, following: Row) -> bool:
    """Return whether two rows are of one message of the book."""
    return (row.ts_ns, row.kind) == (following.ts_ns, following.kind)


def first_of(scenario: Scenario, side: int) -> int:
    """Return the best price of a side at the start."""
    prices = [row.price_ticks for row in scenario.rows if row.kind == SNAPSHOT and row.side == side]
    return max(prices) if side > 0 else min(prices)


def test_what_happens_is_seconds_apart_and_a_decrease_follows_its_print_at_once() -> None:
    """No simulator has to guess which decrease belongs to which print."""
    for scenario in scenarios(COUNT, 1):
        for before, row in pairwise(scenario.rows):
            gap_ns = row.ts_ns - before.ts_ns
            assert gap_ns >= 0
            if before.kind == TRADE and row.kind == DELTA:
                assert gap_ns <= NS_PER_MS
            elif gap_ns > 1_000:
                assert gap_ns >= NS_PER_S


def test_requests_are_never_in_the_midst_of_a_change() -> None:
    """Neither when they are sent nor when they arrive: who comes first would be a matter of taste."""
    for scenario in scenarios(COUNT, 1):
        (order,) = scenario.orders
        times = [row.ts_ns for row in scenario.rows]
        for sent_ns in (order.sent_ns, order.cancel_ns):
            arrives_ns = sent_ns + 10 * NS_PER_MS
            assert not any(-NS_PER_MS < arrives_ns - ts_ns < 0 for ts_ns in times)
            assert arrives_ns not in times
        assert not order.cancel_ns or order.cancel_ns > order.sent_ns
