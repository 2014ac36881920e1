"""Places among single orders: exact, against lists that are walked, and in small markets by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.sides import BUY, SELL
from mm.domain.tape import ORDER, TapeWriter, messages
from mm.sim.fifo import FifoPlaces, OrderChange, changes_of
from mm.sim.places import Place, Print, QueueSettings
from mm.sim.queue import QueueModel
from tests.builders.order_runs import OrderRun
from tests.builders.sim import make_order

LOT = 10
SETTINGS = QueueSettings(model=QueueModel.L3, shape=1.0, lot_atoms=LOT)
SEEDS = st.integers(0, 2**32)


class Bids:
    """Bids at 99 and around it; own orders are of three lots."""

    def __init__(self, *sizes: int, participation_ppm: int = 1_000_000) -> None:
        """Begin with orders 1, 2, ... of these sizes at 99."""
        settings_ = QueueSettings(
            model=QueueModel.L3, shape=1.0, lot_atoms=LOT, participation_ppm=participation_ppm
        )
        self.places = FifoPlaces(BUY, settings_)
        for number, size in enumerate(sizes, 1):
            self.places.change(number, 99, size)
        self._id = 0

    def join(self, price_ticks: int = 99, lots: int = 3) -> Place:
        """Let an own order rest."""
        self._id += 1
        order = make_order(self._id, "client", BUY, price_ticks, lots)
        place = Place(order=order, front_atoms=10**9, credit_atoms=7, live_ns=0)
        self.places.add(place)
        return place

    def sold(self, atoms: int, price_ticks: int = 99) -> list[tuple[int, int]]:
        """Print a trade; return who was filled with how many lots, which they count at once."""
        seen = Print(
            price_ticks=price_ticks, size_atoms=atoms, shown_atoms=atoms, unprinted_atoms=atoms, shown_ns=1
        )
        filled = self.places.on_print(seen)
        for place, lots in filled:
            place.order.filled_lots += lots
        return [(place.order.order_id, lots) for place, lots in filled]


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, part=st.sampled_from([1_000_000, 400_000, 50_000]))
def test_places_and_fills_are_those_of_lists_that_are_walked(seed: int, part: int) -> None:
    """Each own order has in front of it what stands before it in the list of its price, after every step."""
    run = OrderRun(seed, participation_ppm=part)
    for _ in run.steps(150):
        fronts = {number: run.book.ahead_atoms(number) for number in run.book.orders}
        assert fronts == run.naive.fronts()
        assert run.printed == run.naive.fills


def test_the_markets_of_these_tests_have_everything() -> None:
    """Own orders come, go and shrink; prints fill some at their price and some through it."""
    did, at_price, through = set[str](), 0, 0
    for seed in range(20):
        run = OrderRun(seed)
        for _ in run.steps(150):
            did.add(run.did)
        counts = {cause.value: count.fills for cause, count in run.book.causes.counts.items()}
        at_price, through = at_price + counts["print_at_price"], through + counts["print_through"]
    assert did == {"", "nothing", "place", "cancel", "amend"}
    assert min(at_price, through) > 50


def test_an_order_stands_behind_all_that_are_there_and_before_all_that_come() -> None:
    """Whatever was thought of its place is replaced; what joins later is behind it."""
    bids = Bids(50, 30)
    own = bids.join()
    bids.places.change(3, 99, 40)
    assert (own.front_atoms, own.credit_atoms) == (80, 0)
    assert bids.join().front_atoms == 120
    assert bids.join(98).front_atoms == 0


def test_those_in_front_take_exactly_what_they_were_with_them() -> None:
    """A cancellation and a reduction in front move the order up, those behind do not."""
    bids = Bids(50, 30)
    own = bids.join()
    bids.places.change(3, 99, 40)
    bids.places.change(1, 99, 20)
    assert own.front_atoms == 50
    bids.places.change(3, 99, 0)
    assert own.front_atoms == 50
    bids.places.change(1, 99, 0)
    assert own.front_atoms == 30
    bids.places.change(9, 99, 0)
    assert own.front_atoms == 30


@pytest.mark.parametrize("price_ticks", [99, 98])
def test_who_becomes_larger_or_changes_its_price_is_behind(price_ticks: int) -> None:
    """The order moves up by all that it was; coming back makes it no better."""
    bids = Bids(50, 30)
    own = bids.join()
    bids.places.change(1, price_ticks, 60)
    assert own.front_atoms == 30
    bids.places.change(1, 99, 20)
    assert own.front_atoms == 30


def test_a_print_takes_from_the_front_once_whatever_is_told_of_the_orders_after_it() -> None:
    """Sixty printed: all of the first and ten of the second; being told so changes nothing."""
    bids = Bids(50, 30)
    own = bids.join()
    assert bids.sold(60) == []
    assert own.front_atoms == 20
    bids.places.change(1, 99, 0)
    bids.places.change(2, 99, 20)
    assert own.front_atoms == 20
    bids.places.change(2, 99, 5)
    assert own.front_atoms == 5


def test_a_print_goes_through_the_queue_own_orders_in_their_place() -> None:
    """Front, first own order, those between, second own order, those behind: each what is left."""
    bids = Bids(50)
    bids.join()
    bids.places.change(2, 99, 20)
    second = bids.join()
    bids.places.change(3, 99, 500)
    assert bids.sold(50 + 30 + 15) == [(1, 3)]
    assert second.front_atoms == 5
    assert bids.sold(5 + 14) == [(2, 1)]
    third = bids.join()
    # Of those behind four were hit: what own orders had of the print reached nobody else.
    assert third.front_atoms == 496
    assert bids.sold(10_000) == [(2, 2), (3, 3)]


def test_a_print_through_the_price_asks_no_queue_and_gives_no_more_than_itself() -> None:
    """The better own order first; what it has had moves nobody at the price of the print."""
    bids = Bids(50)
    bids.places.change(2, 98, 30)
    own = bids.join(98)
    assert bids.join(99).front_atoms == 50
    assert bids.sold(35, 98) == [(2, 3)]
    assert own.front_atoms == 25
    bids.places.remove(bids.places.at(99)[0].order)
    assert bids.sold(9, 97) == []
    assert own.front_atoms == 25


def test_of_a_print_own_orders_get_their_part_and_those_behind_the_rest() -> None:
    """Half of eighty may be ours, and three lots are wanted; with a tenth nothing of it is."""
    bids = Bids(10, participation_ppm=100_000)
    own = bids.join()
    bids.places.change(2, 99, 100)
    assert bids.sold(90) == []
    assert own.front_atoms == 0
    assert bids.join().front_atoms == 20


def test_a_book_that_is_told_anew_leaves_nobody_a_better_place() -> None:
    """All named now are before own orders, which have no more in front than they had, in their old order."""
    bids = Bids(50, 30)
    own, other, lower = bids.join(), bids.join(), bids.join(98)
    bids.places.change(1, 99, 0)
    bids.places.replace(
        [OrderChange(7, BUY, 99, 20), OrderChange(8, BUY, 99, 25), OrderChange(9, BUY, 98, 4)]
    )
    assert [one.front_atoms for one in (own, other, lower)] == [30, 30, 0]
    bids.places.change(7, 99, 0)
    assert [one.front_atoms for one in (own, other)] == [25, 25]
    bids.places.change(10, 99, 80)
    assert bids.sold(25 + 30 + 30) == [(1, 3), (2, 3)]
    bids.places.replace([])
    assert lower.front_atoms == 0


def test_the_version_grows_with_all_that_may_change_a_place() -> None:
    """A change where an own order rests; one elsewhere changes nothing that anybody copied."""
    bids = Bids(50, 30)
    bids.join()
    seen = [bids.places.version]
    bids.places.change(1, 99, 10)
    seen.append(bids.places.version)
    bids.places.change(5, 97, 10)
    assert bids.places.version == seen[-1]
    bids.places.replace([])
    assert bids.places.version > seen[-1] > seen[0]


def test_rows_of_orders_are_changes_of_a_side_or_all_that_there_is() -> None:
    """A row of side 0 in front says that all before it are gone."""
    writer = TapeWriter(("BTC/USDT",))
    writer.add_orders(5, "BTC/USDT", [(1, 99, 40, 7), (-1, 101, 0, -8)])
    writer.add_orders(6, "BTC/USDT", [(-1, 101, 30, 9)], whole=True)
    first, second = messages(writer.take())
    assert [row[1] for row in (*first, *second)] == [ORDER] * 4
    assert changes_of(first) == (False, [OrderChange(7, BUY, 99, 40), OrderChange(-8, SELL, 101, 0)])
    assert changes_of(second) == (True, [OrderChange(9, SELL, 101, 30)])
