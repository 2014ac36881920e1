"""The P&L identity: exact at every horizon, and equal to what one would add up by hand."""

import pytest

from mm.analytics.horizons import Fill, Waiting
from mm.analytics.identity import Identity
from mm.domain.sides import Side
from tests.builders.fill_tapes import Deal, Move, Tape, random_tape

HORIZONS_NS = (1, 10, 100, 1_000)


class ByHand:
    """The sums of quant.md 7, fill by fill. Fields: as in `Identity`."""

    def __init__(self, tape: Tape, horizon_ns: int) -> None:
        """Add up."""
        moves: list[Move] = [step for step in tape.steps if isinstance(step, Move)]
        last = moves[-1].mid_half
        self.spread = self.adverse = self.carry = self.total = 0
        now = 0
        # In order: of several moves at one time the last one counts, and a fill meets the one before.
        times, mids = [move.ts_ns for move in moves], [move.mid_half for move in moves]
        for step in tape.steps:
            if isinstance(step, Move):
                now = step.mid_half
                continue
            signed = step.side.sign * step.size_lots
            due = step.ts_ns + horizon_ns
            later = last if due >= times[-1] else mids[_last_before(times, due)]
            self.spread += signed * (now - 2 * step.price_ticks)
            self.adverse -= signed * (later - now)
            self.carry += signed * (last - later)
            self.total += signed * (last - 2 * step.price_ticks)


def _last_before(times: list[int], ts_ns: int) -> int:
    low, high = 0, len(times)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if times[middle] <= ts_ns else (low, middle)
    return low


def played(tape: Tape, horizons_ns: tuple[int, ...] = HORIZONS_NS) -> Identity:
    """Return the sums after a walk, settled as the session does."""
    identity, waiting = Identity(len(horizons_ns)), Waiting(horizons_ns)
    for step in tape.steps:
        for index, fill, mid in waiting.due(step.ts_ns, identity.mid_half_ticks):
            identity.settle(index, fill, mid)
        if isinstance(step, Move):
            identity.mark(step.mid_half)
        else:
            made = fill_of(step, identity.mid_half_ticks)
            identity.fill(made)
            assert not list(waiting.add(made, identity.mid_half_ticks))
    return identity


def fill_of(deal: Deal, mid_half: int) -> Fill:
    """Return a fill at a mid."""
    return Fill(
        ts_ns=deal.ts_ns,
        side=deal.side,
        price_ticks=deal.price_ticks,
        size_lots=deal.size_lots,
        mid_half_ticks=mid_half,
    )


def test_three_thousand_random_fills_add_up_to_the_unit_at_every_horizon() -> None:
    """Equal to the sums by hand, part by part, and no residue."""
    tape = random_tape(7, 3_000)
    identity = played(tape)
    assert identity.fills == 3_000
    for index, horizon_ns in enumerate(HORIZONS_NS):
        hand = ByHand(tape, horizon_ns)
        told = (identity.spread_half, identity.adverse_half(index), identity.carry_half(index))
        assert told == (hand.spread, hand.adverse, hand.carry)
        assert identity.gross_half == hand.total == hand.spread - hand.adverse + hand.carry
        assert identity.carry_half(index) - identity.adverse_half(index) == identity.revaluation_half
    assert identity.residue_half() == 0


@pytest.mark.parametrize("seed", range(8))
def test_it_holds_at_every_moment_of_a_walk(seed: int) -> None:
    """Not only at the end: whatever still waits is capped at now."""
    tape = random_tape(seed, 60)
    for count in range(1, len(tape.steps) + 1):
        cut = Tape(tape.steps[:count], tape.steps[count - 1].ts_ns)
        identity = played(cut)
        hand = ByHand(cut, 10)
        assert (identity.adverse_half(1), identity.carry_half(1)) == (hand.adverse, hand.carry)
        assert identity.residue_half() == 0


def test_turnover_and_sides_are_counted() -> None:
    """Bought and sold lots, and what was paid and received without signs."""
    tape = random_tape(3, 200)
    identity = played(tape)
    deals = [step for step in tape.steps if isinstance(step, Deal)]
    assert identity.turnover_half == sum(2 * deal.price_ticks * deal.size_lots for deal in deals)
    assert identity.bought_lots == sum(deal.size_lots for deal in deals if deal.side is Side.BUY)
    assert identity.sold_lots == sum(deal.size_lots for deal in deals if deal.side is Side.SELL)
    assert identity.net_lots == identity.bought_lots - identity.sold_lots


def test_what_an_earlier_life_left_is_revalued_apart() -> None:
    """From the mid at which it was left, or from the first one seen; it touches no other part."""
    known, unknown = Identity(1, left_lots=5, left_mid_half_ticks=100), Identity(1, left_lots=-5)
    for identity in (known, unknown):
        identity.mark(110)
        identity.mark(112)
    assert (known.left_half, unknown.left_half) == (60, -10)
    assert (known.gross_half, known.revaluation_half, known.residue_half()) == (0, 0, 0)


def test_a_wrong_sum_is_a_residue() -> None:
    """Either equation may be the one that does not hold."""
    spoiled = played(random_tape(1, 50))
    spoiled.cash_half += 3
    assert spoiled.residue_half() == 3
    spoiled.cash_half -= 3
    spoiled.revaluation_half -= 2
    assert spoiled.residue_half() == 2
    assert Identity(0).residue_half() == 0


def test_a_fill_at_another_mid_than_the_marked_one_is_a_bug_of_ours() -> None:
    """The caller marks first."""
    identity = Identity(1)
    identity.mark(100)
    with pytest.raises(AssertionError):
        identity.fill(fill_of(Deal(0, Side.BUY, 49, 1, 0, 0, 0, "", 0), 99))
