"""Statistics of own fills: against numbers worked out by hand, and silence where nothing can be said."""

from math import erfc, inf, sqrt

import pytest

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import BUY, SELL, Side
from mm.observe.fill_model import fill_fit, kaplan_meier, log_rank, wilson
from mm.observe.fill_model_ghosts import MOMENTS, NOT_FILLED, Bounds, Candidate, Ghosts, OwnOrder, Trial
from mm.sim.queue import QueueModel
from tests.builders.instruments import INSTRUMENT

S = 1_000_000_000
MS = 1_000_000
LOT = INSTRUMENT.lot_atoms
SYMBOL = INSTRUMENT.symbol
BOTH = (Candidate(QueueModel.RISK_AVERSE), Candidate(QueueModel.POWER, 2.0))


def order(
    number: int = 0,
    *,
    begins_ns: int = S,
    life_ns: int = 10 * S,
    fills: tuple[tuple[int, int], ...] = (),
    price_ticks: int = 100,
    size_lots: int = 2,
    side: Side = BUY,
) -> OwnOrder:
    """An order whose times are known exactly."""
    return OwnOrder(
        cid=str(number),
        symbol=SYMBOL,
        side=side,
        price_ticks=price_ticks,
        size_lots=size_lots,
        sent_ns=begins_ns,
        live_ns=begins_ns,
        ends_ns=begins_ns + life_ns,
        ended_ns=begins_ns + life_ns,
        fills=fills,
    )


def snapshot(ts_ns: int, *, bid: float = 10, ask: float = 10, ask_ticks: int = 102) -> BookSnapshot:
    """A book of one level a side; sizes in lots."""
    return BookSnapshot(
        ts_ns=ts_ns,
        symbol=SYMBOL,
        seq=1,
        bids=(Level(100, round(bid * LOT)),),
        asks=(Level(ask_ticks, round(ask * LOT)),),
    )


def bids(ts_ns: int, seq: int, lots: float) -> BookDelta:
    """A new size of the best bid."""
    level = (Level(100, round(lots * LOT)),)
    return BookDelta(ts_ns=ts_ns, symbol=SYMBOL, seq=seq, venue_ms=0, bids=level, asks=())


def sold(ts_ns: int, trade_id: int, lots: float, price_ticks: int = 100) -> PublicTrade:
    """A print into the bids."""
    return PublicTrade(
        ts_ns=ts_ns,
        symbol=SYMBOL,
        trade_id=trade_id,
        price_ticks=price_ticks,
        size_atoms=round(lots * LOT),
        aggressor=SELL,
    )


def tried(ghosts: Ghosts, number: int = 0) -> list[set[int]]:
    """When the trials of an order filled, by candidate."""
    return [{trial.filled_ns for trial in row} for row in ghosts.finish()[str(number)]]


# ---- ghosts


def test_a_ghost_waits_for_what_is_in_front_of_it() -> None:
    """Ten lots are, and the print that takes the eleventh fills it."""
    ghosts = Ghosts(INSTRUMENT, [order()], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 1, 10))
    ghosts.take(sold(3 * S, 2, 1))
    ghosts.take(sold(4 * S, 3, 5))
    assert tried(ghosts) == [{3 * S}, {3 * S}]


def test_a_cancel_in_the_queue_is_seen_by_each_model_in_its_own_way() -> None:
    """Six of twenty go without a print, five of them in front by power 2: less is left to wait for."""
    ghosts = Ghosts(INSTRUMENT, [order()], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(bids(2 * S, 2, 20))
    ghosts.take(bids(3 * S, 3, 14))
    ghosts.take(sold(4 * S, 1, 9))
    ghosts.take(sold(5 * S, 2, 9))
    assert tried(ghosts) == [{5 * S}, {4 * S}]


def test_an_order_that_was_cancelled_is_filled_by_nothing_later() -> None:
    """Its life ends where it was observed to end."""
    ghosts = Ghosts(INSTRUMENT, [order(life_ns=S)], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(3 * S, 1, 50))
    assert tried(ghosts) == [{NOT_FILLED}, {NOT_FILLED}]


def test_an_order_that_filled_is_watched_a_moment_longer() -> None:
    """The print may have come after the news of the fill."""
    filled = order(life_ns=S, fills=((2 * S, 2),))
    ghosts = Ghosts(INSTRUMENT, [filled], BOTH, displayed=False, bounds=Bounds(100 * MS))
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S + 50 * MS, 1, 50))
    assert tried(ghosts) == [{2 * S + 50 * MS}] * 2


def test_a_market_that_trades_through_fills_at_once() -> None:
    """A print below, or an ask displayed below: nothing waits in front of that."""
    ghosts = Ghosts(INSTRUMENT, [order(0), order(1, begins_ns=4 * S)], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 1, 3, price_ticks=99))
    ghosts.take(snapshot(3 * S))
    top = TopOfBook(ts_ns=5 * S, symbol=SYMBOL, seq=9, bid=Level(98, LOT), ask=Level(99, LOT))
    ghosts.take(top)
    assert tried(ghosts, 0) == [{2 * S}] * 2
    assert tried(ghosts, 1) == [{5 * S}] * 2


def test_of_one_print_all_ghosts_of_a_trial_get_no_more_than_it_has() -> None:
    """Two orders of two lots, three lots through them: the second gets one, and waits no longer."""
    orders = [order(0, size_lots=2), order(1, size_lots=2, begins_ns=S + 1)]
    ghosts = Ghosts(INSTRUMENT, orders, BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 1, 2, price_ticks=99))
    ghosts.take(sold(3 * S, 2, 1, price_ticks=99))
    assert tried(ghosts, 0) == [{2 * S}] * 2
    assert tried(ghosts, 1) == [{3 * S}] * 2


def test_own_fills_of_a_print_can_be_bounded() -> None:
    """Half of ten lots through the price: the first order takes them, the second waits."""
    orders = [order(0, size_lots=5), order(1, size_lots=5, begins_ns=S + 1)]
    ghosts = Ghosts(INSTRUMENT, orders, BOTH, displayed=False, bounds=Bounds(0, 500_000))
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 1, 10, price_ticks=99))
    ghosts.take(sold(3 * S, 2, 2, price_ticks=99))
    assert tried(ghosts, 0) == [{2 * S}] * 2
    assert tried(ghosts, 1) == [{3 * S}] * 2


def test_an_order_is_tried_at_several_moments_between_sent_and_known() -> None:
    """What traded in between fills those of them that were there."""
    late = OwnOrder(
        cid="0",
        symbol=SYMBOL,
        side=BUY,
        price_ticks=100,
        size_lots=2,
        sent_ns=S,
        live_ns=3 * S,
        ends_ns=9 * S,
        ended_ns=9 * S,
    )
    ghosts = Ghosts(INSTRUMENT, [late], BOTH[:1], displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 1, 50))
    ghosts.take(sold(4 * S, 2, 1))
    (row,) = ghosts.finish()["0"]
    assert len(row) == MOMENTS
    assert [bool(trial.filled_ns) for trial in row] == [True, True, True, False, False]


def test_where_it_could_not_have_been_placed_there_is_no_trial() -> None:
    """No book is believed, or the order would have taken."""
    taking = order(1, price_ticks=102)
    ghosts = Ghosts(INSTRUMENT, [order(0, begins_ns=S), taking], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.lost(S // 2)
    ghosts.take(snapshot(2 * S))
    assert ghosts.finish() == {"0": ((), ()), "1": ((), ())}


def test_a_print_that_comes_twice_counts_once() -> None:
    """By its number; with another stream the numbers may begin again, after a lost book they go on."""
    ghosts = Ghosts(INSTRUMENT, [order()], BOTH, displayed=False)
    ghosts.take(snapshot(0))
    ghosts.take(sold(2 * S, 7, 6))
    ghosts.take(sold(2 * S, 7, 6))
    ghosts.lost(3 * S)
    ghosts.take(sold(3 * S, 7, 6))
    ghosts.lost(3 * S, anew=True)
    ghosts.take(sold(4 * S, 1, 6))
    assert tried(ghosts) == [{4 * S}] * 2


def test_our_own_size_is_taken_out_of_a_market_that_displays_it() -> None:
    """Twelve are shown, two of them ours: ten were in front, and what is cancelled behind is not ours."""
    ghosts = Ghosts(INSTRUMENT, [order(life_ns=20 * S)], BOTH[:1], displayed=True)
    ghosts.take(snapshot(0))
    ghosts.take(bids(2 * S, 2, 12))
    ghosts.take(sold(3 * S, 1, 10))
    ghosts.take(bids(3 * S + MS, 3, 2))
    ghosts.take(sold(4 * S, 2, 1))
    assert tried(ghosts) == [{4 * S}]


# ---- statistics


def test_the_interval_of_a_share_is_wilsons() -> None:
    """Worked out: 5 of 10, 0 of 10, nothing of nothing."""
    assert wilson(5, 10) == pytest.approx((0.236593, 0.763407), abs=1e-6)
    assert wilson(0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


def test_kaplan_and_meier_count_whoever_is_still_watched() -> None:
    """Fills at 1 and 3, one left at 2: 3/4 after 1 s, 3/8 after 3 s; ties fill first."""
    seen = [(1 * S, True), (2 * S, False), (3 * S, True), (4 * S, False)]
    assert kaplan_meier(seen, S)[0] == pytest.approx(0.75)
    share, error = kaplan_meier(seen, 3 * S)
    assert share == pytest.approx(0.375)
    assert error == pytest.approx(0.375 * (1 / 12 + 1 / 2) ** 0.5)
    assert kaplan_meier([(S, False), (S, True)], S)[0] == pytest.approx(0.5)
    assert kaplan_meier([(S, True)], S) == (0.0, 0.0)
    assert kaplan_meier([], S) == (1.0, 0.0)


def test_the_log_rank_test_tells_two_groups_apart() -> None:
    """One fills at once, the other never: hardly chance. The same twice: nothing to see. No fill: no test."""
    fast = [(S + number, True) for number in range(20)]
    slow = [(100 * S, False)] * 20
    told = log_rank(fast, slow)
    assert told is not None
    assert told < 1e-6
    assert log_rank(fast, fast) == pytest.approx(1.0)
    assert log_rank(slow, slow) is None


def test_the_log_rank_test_agrees_with_one_worked_out_by_hand() -> None:
    """Fills at 1, 2 and 3 s, with 3 of 6, 2 of 5 and 2 of 4 watched in the first group: 2 against 1.4."""
    first = [(1 * S, True), (3 * S, True), (5 * S, False)]
    second = [(2 * S, True), (4 * S, False), (6 * S, False)]
    expected = 3 / 6 + 2 / 5 + 2 / 4
    variance = 0.25 + 0.4 * 0.6 + 0.25
    chi = (2 - expected) ** 2 / variance
    assert log_rank(first, second) == pytest.approx(erfc(sqrt(chi / 2)), abs=1e-9)


def rows(
    count: int, filled: int, *, right: bool
) -> tuple[list[OwnOrder], dict[str, tuple[tuple[Trial, ...], ...]]]:
    """Orders of which some filled, one candidate that says so and one that says the reverse."""
    orders: list[OwnOrder] = []
    trials: dict[str, tuple[tuple[Trial, ...], ...]] = {}
    for number in range(count):
        fills = ((3 * S, 2),) if number < filled else ()
        one = order(number, fills=fills, life_ns=2 * S if fills else 10 * S)
        said = Trial(S, 3 * S if bool(fills) is right else NOT_FILLED)
        other = Trial(S, NOT_FILLED if said.filled_ns else 3 * S)
        orders.append(one)
        trials[one.cid] = ((said,), (other,))
    return orders, trials


def test_the_model_that_says_what_happened_is_the_best() -> None:
    """And the table says how reliable it is."""
    orders, trials = rows(100, 40, right=True)
    fit = fill_fit(orders, trials, BOTH)
    assert fit.doubt == ""
    assert fit.best.candidate == BOTH[0]
    assert fit.best.predicted_ratio == pytest.approx(0.4)
    assert fit.best.time_error_s == 0.0
    assert fit.best.log_likelihood > fit.fits[1].log_likelihood + 50
    assert [(row.predicted, row.orders, row.filled) for row in fit.reliability] == [
        (0.0, 60, 0),
        (1.0, 40, 40),
    ]
    assert fit.reliability[0].interval == wilson(0, 60)
    assert fit.fill_interval == wilson(40, 100)
    assert fit.as_good == ()
    assert [row.at_s for row in fit.survival] == [0.1, 0.3, 1.0, 3.0, 10.0]
    assert fit.survival[0].observed == fit.survival[0].predicted == 1.0
    assert fit.survival[3].observed == pytest.approx(0.6)


def test_a_power_that_fits_has_an_interval() -> None:
    """Of the exponents that fit about as well."""
    orders, trials = rows(100, 40, right=True)
    powers = (Candidate(QueueModel.POWER, 2.0), Candidate(QueueModel.POWER, 3.0), BOTH[0])
    threefold = {cid: (row[0], row[0], row[1]) for cid, row in trials.items()}
    fit = fill_fit(orders, threefold, powers)
    assert fit.power_interval == (2.0, 3.0)
    assert fill_fit(orders, trials, BOTH).power_interval is None


def test_on_few_fills_nothing_is_said() -> None:
    """However well they fit."""
    fit = fill_fit(*rows(40, 20, right=True), BOTH)
    assert "20 orders that filled are too few" in fit.doubt


def test_where_every_order_filled_nothing_is_said() -> None:
    """Nothing says when one would not have."""
    assert "every order filled" in fill_fit(*rows(40, 40, right=True), BOTH).doubt


def test_where_all_models_say_the_same_nothing_is_said() -> None:
    """No likelihood is higher for what all say."""
    orders, trials = rows(100, 40, right=True)
    alike = {cid: (row[0], row[0]) for cid, row in trials.items()}
    fit = fill_fit(orders, alike, BOTH)
    assert "nothing tells them apart" in fit.doubt
    assert fit.as_good == ("power",)


def test_orders_that_nobody_could_try_are_left_out() -> None:
    """They say nothing of any model; without any order nothing is said at all."""
    orders, trials = rows(100, 40, right=True)
    lost = order(1_000)
    fit = fill_fit([*orders, lost], {**trials, lost.cid: ((), ())}, BOTH)
    assert fit.orders == 100
    nothing = fill_fit([lost], {lost.cid: ((), ())}, BOTH)
    assert (nothing.orders, nothing.fills, nothing.reliability, nothing.survival) == (0, 0, (), ())
    assert nothing.doubt
    assert nothing.best.log_likelihood < inf
