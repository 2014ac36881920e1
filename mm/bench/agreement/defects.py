"""What hftbacktest 2.4.4 is known to do wrong, each as a scenario with the fills that it should give.

Must never name a defect that the bench does not show there. Invariant: the same scenarios each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mm.bench.agreement.scenarios import MIDDLE_TICKS, START_NS, OwnOrder, Row, Scenario, row_of
from mm.domain.sides import BUY, SELL
from mm.domain.tape import DELTA, SNAPSHOT, TRADE
from mm.domain.units import NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What hftbacktest 2.4.4 does wrong. Fields: name; scenario; right_lots: what its prints may fill."""

    name: str
    scenario: Scenario
    right_lots: int


def defects() -> tuple[Defect, ...]:
    """Return the known defects, a bid at `MIDDLE_TICKS` in each; 1,000 lots are one unit."""
    at, below = MIDDLE_TICKS, MIDDLE_TICKS - 1
    return (
        _defect("two_orders_share_a_print", (1_000, 1_000), ((at, 5_000), (at, 1_000)), right=1_000),
        _defect("a_print_through_fills_more_than_itself", (50_000,), ((below, 1),), right=1),
        _defect("a_print_ends_with_the_order", (1_000,), ((at, 6_000), (at, 1_000)), right=1_000),
        _defect("a_partial_fill_is_lost", (1_000,), ((at, 5_900), (at, 1_000)), right=1_000),
        _melting(),
    )


def _defect(name: str, own: Sequence[int], prints: Sequence[tuple[int, int]], *, right: int) -> Defect:
    rows = _quiet(5_000)
    for number, (price, lots) in enumerate(prints, 1):
        rows.append(row_of(START_NS + number * 3 * NS_PER_S, TRADE, SELL, price, lots))
    return Defect(name=name, scenario=_scenario("risk_averse", rows, own), right_lots=right)


def _melting() -> Defect:
    # Where others let the front get negative, as if more than all of it had gone.
    rows = _quiet(10_000)
    for number, lots in enumerate((100_000, 5_000), 1):
        rows.append(row_of(START_NS + number * 3 * NS_PER_S, DELTA, BUY, MIDDLE_TICKS, lots))
    rows.append(row_of(START_NS + 9 * NS_PER_S, TRADE, SELL, MIDDLE_TICKS, 1))
    scenario = _scenario("log", rows, (20_000,))
    return Defect(name="a_level_that_melts_fills", scenario=scenario, right_lots=1)


def _quiet(ahead_lots: int) -> list[Row]:
    return [
        row_of(START_NS, SNAPSHOT, BUY, MIDDLE_TICKS, ahead_lots),
        row_of(START_NS, SNAPSHOT, BUY, MIDDLE_TICKS - 1, 50_000),
        row_of(START_NS, SNAPSHOT, SELL, MIDDLE_TICKS + 2, 50_000),
    ]


def _scenario(queue: str, rows: Sequence[Row], own: Sequence[int]) -> Scenario:
    orders = tuple(
        OwnOrder(side=1, price_ticks=MIDDLE_TICKS, size_lots=lots, sent_ns=START_NS + NS_PER_S + number)
        for number, lots in enumerate(own)
    )
    return Scenario(queue=queue, rows=tuple(rows), orders=orders, end_ns=rows[-1].ts_ns + 5 * NS_PER_S)
