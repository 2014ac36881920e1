"""One session measured as things happen: equal to sums by hand, bounded, honest about what it did not see."""

from random import Random

import pytest

from mm.analytics.horizons import WAITING_MAX, Fill
from mm.analytics.series import POINTS_MAX
from mm.analytics.session import HOLE_NS, QUOTES_MAX, STEP_NS, Analytics
from mm.domain.sides import Side
from tests.builders.fill_tapes import Deal, Move, random_tape
from tests.builders.instruments import INSTRUMENT

S = 10**9
START = 1_000 * S


def a_fill(ts_ns: int, side: Side, price: int, mid: int, size: int = 5) -> Fill:
    """A fill of an order of level 0."""
    return Fill(ts_ns=ts_ns, side=side, price_ticks=price, size_lots=size, mid_half_ticks=mid, level=0)


def measured(seed: int, deals: int, *, left: tuple[int, int] = (0, 0)) -> Analytics:
    """Return what is measured of a random walk."""
    tape = random_tape(seed, deals, unit_ns=S // 20, start_ns=START)
    told = Analytics(INSTRUMENT, START, left=left, horizons_ns=(S, 10 * S))
    mid = 0
    for step in tape.steps:
        if isinstance(step, Move):
            mid = step.mid_half
            told.on_top(step.ts_ns, mid, 3)
            continue
        fill = fill_of(step, mid)
        told.on_fill(fill, step.fee_asset, step.fee_atoms, fee_value_atoms=7)
        told.on_inventory(step.ts_ns, told.identity.net_lots, 10_000)
    told.settle(tape.end_ns)
    return told


def fill_of(deal: Deal, mid: int) -> Fill:
    """Return a fill of a walk."""
    return Fill(
        ts_ns=deal.ts_ns,
        side=deal.side,
        price_ticks=deal.price_ticks,
        size_lots=deal.size_lots,
        mid_half_ticks=mid,
        level=deal.level,
        age_ns=deal.age_ns,
        queue_atoms=deal.queue_atoms,
    )


@pytest.mark.parametrize("seed", range(6))
def test_equity_is_the_sum_of_its_parts_at_every_fee_and_mid(seed: int) -> None:
    """Cash, inventory, fees in three assets, what an earlier life left: nothing unexplained."""
    told = measured(seed, 400, left=(7, 199_000))
    assert told.residues() == {}
    identity, costs = told.identity, told.costs
    held = identity.gross_half + identity.left_half
    paid = costs.fees_fine - costs.rebates_fine - costs.drift_fine(identity.mid_half_ticks)
    assert told.equity_fine == held * costs.per_half - paid
    assert told.performance.peak_fine >= told.equity_fine


def test_what_does_not_add_up_is_named() -> None:
    """By the equation that does not hold."""
    told = measured(1, 50)
    told.costs.fees_fine += 1
    assert told.residues() == {"equity_fine": 1}
    told.identity.spread_half += 1
    assert set(told.residues()) == {"equity_fine", "identity_half"}


def test_funding_is_part_of_the_equity() -> None:
    """Received and paid."""
    told = Analytics(INSTRUMENT, START)
    told.on_funding(START + S, -30)
    told.on_funding(START + 2 * S, 10)
    assert (told.equity_fine, told.residues()) == (-20 * told.costs.per_atom, {})
    assert (told.mark().costs_fine, told.performance.drawdown_fine) == (
        20 * told.costs.per_atom,
        30 * told.costs.per_atom,
    )


def test_a_fill_meets_the_mid_of_its_time_whatever_came_at_the_same_time() -> None:
    """The last move at the very time of the horizon counts, the first after it does not."""
    told = Analytics(INSTRUMENT, START, horizons_ns=(S,))
    told.on_top(START, 1_000, 2)
    told.on_fill(a_fill(START, Side.BUY, 499, 1_000), "BBB", 0)
    for ts_ns, mid in ((START + S, 1_010), (START + S, 1_020), (START + S + 1, 1_500)):
        told.on_top(ts_ns, mid, 2)
    assert told.markouts.every.of_fills[1].mean == pytest.approx(1e4 * (1_020 - 998) / 998)


def test_a_fill_whose_mid_nobody_saw_is_in_no_markout() -> None:
    """The book was lost when it was due; the identity goes on with the last mid."""
    told = Analytics(INSTRUMENT, START, horizons_ns=(S,))
    told.on_top(START, 1_000, 2)
    told.on_fill(a_fill(START, Side.BUY, 499, 1_000), "BBB", 0)
    told.on_top(START + S // 2, 0, 0)
    told.on_top(START + 3 * S, 1_040, 2)
    assert (told.markouts.unseen, told.markouts.every.of_fills[1].count) == ([1], 0)
    assert (told.identity.adverse_half(0), told.identity.carry_half(0), told.residues()) == (0, 200, {})


def test_a_fill_at_another_mid_than_the_last_is_booked_at_its_own() -> None:
    """The best prices moved within the step of the engine."""
    told = Analytics(INSTRUMENT, START)
    told.on_top(START, 1_000, 2)
    told.on_fill(a_fill(START + 1, Side.SELL, 502, 1_002), "BBB", 3)
    told.on_top(START + 1, 1_001, 2)
    assert (told.identity.spread_half, told.identity.revaluation_half) == (10, 5)
    assert told.residues() == {}


def test_each_fill_is_told_once_when_its_last_horizon_is_over() -> None:
    """With the mids that it met; those that wait are still to be had."""
    told = Analytics(INSTRUMENT, START, horizons_ns=(S, 2 * S))
    heard: list[Fill] = []
    told.on_settled = heard.append
    told.on_top(START, 1_000, 2)
    first, second = (a_fill(START + number, Side.BUY, 499, 1_000) for number in (0, 2 * S))
    told.on_fill(first, "BBB", 0)
    told.on_fill(second, "BBB", 0)
    told.on_top(START + 3 * S, 1_002, 2)
    assert heard == [first]
    assert (first.later_half_ticks, told.waiting.left()) == ([1_000, 1_000], [second])


def test_quotes_are_seen_from_their_first_moment_on() -> None:
    """Time with both sides, the nearest own prices in the series, looks every ten seconds."""
    told = Analytics(INSTRUMENT, START)
    told.on_top(START, 200_000, 4)
    told.on_quotes(START + S, [(99_990, 5), (99_980, 5)], [(100_020, 5)])
    told.on_top(START + 11 * S, 200_000, 4)
    told.on_quotes(START + 12 * S, [], [(100_020, 5)])
    told.settle(START + 21 * S)
    assert told.presence.both_ns == 11 * S
    assert told.presence.bands_ns == [11 * S] * 3
    assert told.presence.looks == 2
    tops = [(point.bid_ticks, point.ask_ticks) for _, point in told.series.points]
    assert (tops[5], tops[-1]) == ((99_990, 100_020), (0, 100_020))
    assert told.series.points[3][1].spread_ticks == 4


def test_more_quotes_than_any_venue_takes_are_cut() -> None:
    """Memory is bounded."""
    told = Analytics(INSTRUMENT, START)
    told.on_quotes(START, [(1, 1)] * (QUOTES_MAX + 5), [])
    told.settle(START + 2)
    assert told.presence.quote_ns == 2 * QUOTES_MAX


def test_minutes_are_sampled_and_a_hole_is_none() -> None:
    """An hour and more without a call is no series of samples, and takes no time to pass over."""
    told = Analytics(INSTRUMENT, START)
    told.on_top(START, 1_000, 2)
    told.on_top(START + 180 * S + 1, 1_002, 2)
    assert (told.performance.count, len(told.series.points)) == (3, 180)
    late = START + 180 * S + 1 + 1_000 * HOLE_NS
    told.on_top(late, 1_004, 2)
    assert (told.performance.count, len(told.series.points)) == (3, 181)
    told.on_top(late + 121 * S, 1_004, 2)
    assert told.performance.count == 5
    assert told.mark().ts_ns <= late + 121 * S


def test_a_run_longer_than_the_series_keeps_fewer_points() -> None:
    """Every second step only, once there were too many."""
    told = Analytics(INSTRUMENT, START)
    told.on_top(START, 1_000, 2)
    for minute in range(1, 41):
        told.on_top(START + minute * 60 * S, 1_000 + minute, 2)
    assert told.series.step == 2
    assert len(told.series.points) <= POINTS_MAX


def test_more_fills_than_may_wait_leave_early() -> None:
    """They stay in the identity, and are in no markout."""
    told = Analytics(INSTRUMENT, START, horizons_ns=(10 * S,))
    told.on_top(START, 1_000, 2)
    for _ in range(WAITING_MAX + 1):
        told.on_fill(a_fill(START, Side.BUY, 499, 1_000, size=1), "BBB", 0)
    assert (told.waiting.early, told.markouts.unseen, told.residues()) == (1, [1], {})


def test_time_does_not_run_backwards() -> None:
    """A call for a time that is over belongs to now."""
    told = Analytics(INSTRUMENT, START)
    told.on_top(START + 5 * S, 1_000, 2)
    told.pass_time(START + 4 * S)
    assert told.now_ns == START + 5 * S


def test_the_same_walk_gives_the_same_figures() -> None:
    """And a fast caller, who keeps from it what changes nothing, gets the same."""
    dice = Random(1)
    quick, slow = (Analytics(INSTRUMENT, START, horizons_ns=(S,)) for _ in range(2))
    mid, ts = 200_000, START
    for _ in range(500):
        ts += dice.randint(0, STEP_NS // 3)
        mid += dice.randint(-2, 2)
        for told in (quick, slow):
            told.on_top(ts, mid, 2)
        slow.pass_time(ts)
        if dice.random() < 0.1:
            side = dice.choice((Side.BUY, Side.SELL))
            for told in (quick, slow):
                told.on_fill(a_fill(ts, side, mid // 2, mid), "BBB", 1)
    for told in (quick, slow):
        told.settle(ts + S)
    assert quick.series.points == slow.series.points
    assert quick.equity_fine == slow.equity_fine
    assert [m.mean for m in quick.markouts.net] == [m.mean for m in slow.markouts.net]
