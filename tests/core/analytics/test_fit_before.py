"""What stood before a market order, although the book's news came before the order's own."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mm.analytics.fit_before import LATE_NS, UNKNOWN, before_orders, mids_before
from mm.analytics.markets import Mids, Tape, market_orders
from tests.builders.tapes import START_NS, Hit, S, Top, calm, random_tape, tape_of

LATE_S = LATE_NS / S

MOVED = [Top(0, 100_000, 100_010), Top(9.99, 100_020, 100_030), Top(20, 100_000, 100_010)]
"""A buyer takes the ask of 100,010 away: the book says so ten milliseconds before the print arrives."""


def naive_place(tape: Tape, first: int) -> int:
    """Return the latest best prices with the print's price, of all that stood in the time before it."""
    found = UNKNOWN
    for place, since_ns in enumerate(tape.top_ns):
        until_ns = tape.top_ns[place + 1] if place + 1 < len(tape.top_ns) else since_ns + 10**12
        price = tape.ask[place] if tape.aggressor[first] > 0 else tape.bid[place]
        stood = since_ns <= tape.print_ns[first] and until_ns >= tape.print_ns[first] - LATE_NS
        if stood and price == tape.price[first]:
            found = place
    return found


def test_by_the_price_it_hit_an_order_is_put_before_the_book_that_it_moved() -> None:
    """By its arrival it would lie a spread beyond the wrong side of the mid."""
    tape = tape_of(MOVED, [Hit(10, 100_010, 1), Hit(10, 100_020, 1)])
    before = before_orders(tape)
    assert (before.tops, before.known, before.by_venue) == ((0,), 1, False)
    assert Mids(tape).before(tape.print_ns[0]) == 200_050
    assert mids_before(tape, Mids(tape), before) == [200_010]


def test_by_the_venues_clock_what_has_the_orders_own_time_is_what_it_left() -> None:
    """However long after the book the print arrives."""
    tape = replace(tape_of(MOVED, [Hit(15, 100_010, 1, order=500)]), top_venue=[100, 500, 900])
    before = before_orders(tape)
    assert (before.tops, before.known, before.by_venue) == ((0,), 1, True)
    assert before_orders(replace(tape, top_venue=())).tops == (UNKNOWN,)


def test_where_the_clock_gives_another_price_than_was_hit_the_price_decides() -> None:
    """The second order of a millisecond, one before all that is told, and one that nothing tells."""
    hits = [
        Hit(10, 100_010, 1, order=500),
        Hit(10, 100_020, -1, order=500),
        Hit(11, 100_030, 1, order=90),
        Hit(12, 100_500, 1, order=700),
    ]
    tape = replace(tape_of(MOVED, hits), top_venue=[100, 500, 900])
    assert before_orders(tape).tops == (0, 1, 1, UNKNOWN)


def test_an_order_that_nothing_tells_of_is_unknown_and_its_mid_that_of_its_arrival() -> None:
    """Too long ago, a price that never stood, and nothing heard yet."""
    hits = [
        Hit(-1, 100_010, 1),
        Hit(9.99 + LATE_S - 0.001, 100_000, -1),
        Hit(9.99 + LATE_S + 0.001, 100_010, 1),
        Hit(12, 100_050, 1),
    ]
    tape = tape_of(MOVED, hits)
    before = before_orders(tape)
    assert before.tops == (UNKNOWN, 0, UNKNOWN, UNKNOWN)
    assert before.known == 1
    assert mids_before(tape, Mids(tape), before) == [200_010, 200_010, 200_050, 200_050]


def test_a_market_without_trades_has_no_orders() -> None:
    """And nothing is known of any."""
    before = before_orders(calm(40))
    assert (before.orders, before.tops, before.known) == ((), (), 0)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_the_places_are_those_of_looking_at_all_best_prices(seed: int) -> None:
    """By price; and by the venue's clock those of counting what is earlier, if that has the price."""
    tape = random_tape(seed, seconds=10)
    before = before_orders(tape)
    assert before.orders == tuple(market_orders(tape))
    assert before.tops == tuple(naive_place(tape, order.first) for order in before.orders)

    timed = replace(tape, top_venue=[(at - START_NS) // 10**6 // 30 * 30 for at in tape.top_ns])
    timed = replace(timed, order=[(at - START_NS) // 10**6 for at in tape.print_ns])
    by_venue = before_orders(timed)
    for place, order in zip(by_venue.tops, by_venue.orders, strict=True):
        clock = sum(told < timed.order[order.first] for told in timed.top_venue) - 1
        best = timed.ask if timed.aggressor[order.first] > 0 else timed.bid
        is_so = clock >= 0 and best[clock] == timed.price[order.first]
        assert place == (clock if is_so else naive_place(timed, order.first))
