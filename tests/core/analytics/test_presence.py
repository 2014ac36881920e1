"""Presence: time-weighted, by distance and value, and as programmes look at it."""

from random import Random

import pytest

from mm.analytics.presence import BANDS_BPS, DAY_NS, PROGRAMMES, Presence, band
from tests.builders.instruments import make_test_instrument

BIG = make_test_instrument(lot_size="1", size_min="1")
"""A lot is worth its price: tick 0.01."""


def is_within(price: int, sign: int, mid: int, bps: int) -> bool:
    """Whether an order is within `bps` of a mid, by the definition."""
    return sign * (mid - 2 * price) * 10_000 <= bps * mid


@pytest.mark.parametrize("seed", range(5))
def test_time_in_each_band_is_what_one_adds_up_moment_by_moment(seed: int) -> None:
    """Random quotes and mids, with the caller's shortcut that keeps moves between the bounds from it."""
    dice, told = Random(seed), Presence(BIG, 0)
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    mid, ts, hand = 0, 0, [0] * len(BANDS_BPS)
    both = quotes = bid = ask = skipped = 0
    for _ in range(3_000):
        passed = dice.randint(0, 5)
        ts += passed
        for index, bps in enumerate(BANDS_BPS):
            near = mid and bids and asks and is_within(max(bids)[0], 1, mid, bps)
            hand[index] += passed * bool(near and is_within(min(asks)[0], -1, mid, bps))
        both, bid, ask = (
            both + passed * bool(bids and asks),
            bid + passed * bool(bids),
            ask + passed * bool(asks),
        )
        quotes += passed * (len(bids) + len(asks))
        if dice.random() < 0.2:
            middle = mid // 2 or 10_000
            bids = [(middle - dice.randint(-3, 60), 1) for _ in range(dice.randint(0, 2))]
            asks = [(middle + dice.randint(-3, 60), 1) for _ in range(dice.randint(0, 2))]
            told.on_quotes(ts, mid, list(bids), list(asks))
        else:
            mid = 0 if dice.random() < 0.05 else (mid or 20_000) + dice.randint(-9, 9)
            if told.low <= mid <= told.high:
                skipped += 1
            else:
                told.on_mid(ts, mid)
    told.pass_time(ts)
    assert told.bands_ns == hand
    assert (told.both_ns, told.bid_ns, told.ask_ns, told.quote_ns) == (both, bid, ask, quotes)
    assert skipped > 100


def test_the_bounds_of_a_band_are_exact() -> None:
    """The first and the last mid at which both are within, and none beyond; without both sides nowhere."""
    for bps in BANDS_BPS:
        low, high = band((9_990, 10_003), bps)
        for mid in (low - 1, low, high, high + 1):
            near = is_within(9_990, 1, mid, bps) and is_within(10_003, -1, mid, bps)
            assert near is (low <= mid <= high)
    assert [band(best, 5) for best in ((0, 0), (9, 0), (0, 9))] == [(1, 0)] * 3


def test_a_programme_wants_value_on_both_sides_at_its_looks() -> None:
    """40 000 within 5 bps and 50 000 within 10: summed over the orders of a side, best side or not."""
    told = Presence(BIG, 0)
    told.look(0, 0)
    told.on_quotes(0, 20_000, [(9_996, 401), (9_991, 101)], [(10_004, 401), (10_009, 101)])
    told.look(0, 20_000)
    assert (told.looks, told.qualified) == (2, [1, 1, 0, 0, 1])
    told.on_quotes(0, 20_000, [(9_996, 401), (9_991, 98)], [(10_004, 401), (10_009, 101)])
    told.look(0, 20_000)
    told.look(0, 0)
    assert (told.looks, told.qualified) == (4, [1, 2, 0, 0, 2])


def quoting_for(share: float, told: Presence, day: int) -> None:
    """Quotes enough for MM3 for that share of a day's hundred looks."""
    for number in range(100):
        quotes = ([(9_996, 601)], [(10_004, 601)]) if number < 100 * share else ([], [])
        told.on_quotes(day * DAY_NS, 20_000, *quotes)
        told.look(day * DAY_NS + number, 20_000)


def test_a_day_qualifies_by_its_looks_and_a_month_by_its_days() -> None:
    """Three quarters of the looks and not one less; a day that nobody watched is none; 30 days are kept."""
    told = Presence(BIG, 0)
    (mm3,) = [at for at, programme in enumerate(PROGRAMMES) if programme.days_ppm]
    assert told.days[mm3].told() == (0, 0)
    days = []
    for day, share in ((100, 0.75), (101, 0.74), (103, 1.0)):
        quoting_for(share, told, day)
        days.append(told.days[mm3].told())
    assert days == [(1, 1), (1, 2), (2, 4)]
    for day in range(104, 133):
        quoting_for(1.0, told, day)
    assert told.days[mm3].told() == (30, 30)
    quoting_for(1.0, told, 400)
    assert told.days[mm3].told() == (1, 30)


def test_the_score_of_levels_weighs_the_lesser_side_of_each() -> None:
    """Orders at one price are one level; levels beyond the sixth, and of one side alone, do not count."""
    told = Presence(BIG, 0)
    (scored,) = [at for at, programme in enumerate(PROGRAMMES) if programme.level_weights_ppm]
    bids = [(9_000, 10), (10_000, 60), (10_000, 40), (8_000, 99)]
    told.on_quotes(0, 20_000, bids, [(10_010, 500), (10_020, 5)])
    told.look(0, 20_000)
    # Prices are in hundredths: 100 lots of 100, then 5 of 100.20 against 10 of 90.
    assert told.scores[scored] == pytest.approx(100 * (2 * 10_000 + 0.75 * 501) / 10_000)

    told.on_quotes(0, 20_000, [(10_000 - at, 1) for at in range(9)], [(10_001 + at, 1) for at in range(9)])
    before = told.scores[scored]
    told.look(0, 20_000)
    weights = (2, 0.75, 0.5, 0.4, 0.3, 0.2)
    value = sum(weight * (10_000 - at) / 100 for at, weight in enumerate(weights))
    assert told.scores[scored] - before == pytest.approx(100 * value / 10_000)
    told.on_quotes(0, 20_000, [(10_000, 1)], [])
    told.look(0, 20_000)
    assert told.scores[scored] - before == pytest.approx(100 * value / 10_000)


def test_the_score_is_value_over_distance_of_the_weaker_side() -> None:
    """In quote units per basis point; what is beyond the reach does not count, what is at the mid is near."""
    told = Presence(BIG, 0)
    told.on_quotes(0, 20_000, [(10_000, 100), (9_000, 9_999)], [(10_010, 500)])
    told.look(0, 20_000)
    scored = [index for index, programme in enumerate(PROGRAMMES) if programme.scored]
    # The ask: 50 050 at 10 bps; the bid: 10 000 at half a tick, which is half a basis point.
    assert told.scores[scored[0]] == pytest.approx(min(10_000 / 0.5, 50_050 / 10))


def test_time_does_not_run_backwards() -> None:
    """What is told for a time that is over changes nothing."""
    told = Presence(BIG, 10)
    told.on_quotes(10, 20_000, [(9_999, 1)], [])
    told.pass_time(5)
    told.pass_time(13)
    assert (told.now_ns, told.bid_ns, told.ask_ns) == (13, 3, 0)
