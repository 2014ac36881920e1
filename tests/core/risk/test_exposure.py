"""The account's worst-case position value stays under one limit."""

import pytest

from mm.risk.exposure import EXPOSURE, UNPRICED, Exposure
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view, make_sell

UNIT = INSTRUMENT.tick_lot_atoms
RULE = Exposure(atoms_max=10_000 * 100 * UNIT)
"""100 lots at a price of 10 000 ticks."""


def value(lots: int) -> int:
    """Return the value of `lots` at 10 000 ticks, quote atoms."""
    return 10_000 * lots * UNIT


@pytest.mark.parametrize(
    ("inventory", "open_lots", "others", "size"), [(0, 0, 0, 100), (30, 20, 25, 25), (-70, 0, 100, 70)]
)
def test_orders_up_to_the_limit_pass(inventory: int, open_lots: int, others: int, size: int) -> None:
    """Inventory, open orders of that side, the order and the other sessions may reach the limit together."""
    buy = make_risk_view(inventory_lots=inventory, buy_open_lots=open_lots, others_worst_atoms=value(others))
    sell = make_risk_view(
        inventory_lots=-inventory, sell_open_lots=open_lots, others_worst_atoms=value(others)
    )

    assert RULE.admit(make_place(price_ticks=10_000, size_lots=size), buy) is None
    assert RULE.admit(make_sell(price_ticks=10_000, size_lots=size), sell) is None


@pytest.mark.parametrize(
    ("inventory", "open_lots", "others", "size"), [(0, 0, 0, 101), (30, 20, 26, 25), (-70, 0, 100, 71)]
)
def test_one_lot_more_is_refused(inventory: int, open_lots: int, others: int, size: int) -> None:
    """Beyond the limit both sides are refused with the worst case in the facts."""
    buy = make_risk_view(inventory_lots=inventory, buy_open_lots=open_lots, others_worst_atoms=value(others))
    sell = make_risk_view(
        inventory_lots=-inventory, sell_open_lots=open_lots, others_worst_atoms=value(others)
    )
    worst = value(inventory + open_lots + others + size)
    facts = (
        ("worst_atoms", str(worst)),
        ("others_atoms", str(value(others))),
        ("atoms_max", str(value(100))),
    )

    assert RULE.admit(make_place(price_ticks=10_000, size_lots=size), buy) == (EXPOSURE, facts)
    assert RULE.admit(make_sell(price_ticks=10_000, size_lots=size), sell) == (EXPOSURE, facts)


def test_what_only_reduces_passes_however_large_the_position_is() -> None:
    """A position that outgrew the limit, with every other session at its worst, can still be left."""
    view = make_risk_view(inventory_lots=500, sell_open_lots=100, others_worst_atoms=value(1_000))

    assert RULE.admit(make_exit(size_lots=400), view) is None
    assert RULE.admit(make_exit(size_lots=401), view) is not None


def test_quotes_that_fit_stay_the_same_object() -> None:
    """A ladder under the limit on both sides is not touched."""
    quotes = make_quotes(bids=(50, 50), asks=(50, 49))

    assert RULE.shape(quotes, make_risk_view()) is quotes


@pytest.mark.parametrize(("bids", "asks", "price_ticks"), [((20,), (), 9_995), ((), (20,), 10_005)])
def test_a_ladder_that_uses_the_room_to_the_last_atom_stays(
    bids: tuple[int, ...], asks: tuple[int, ...], price_ticks: int
) -> None:
    """The limit itself is inside."""
    quotes = make_quotes(bids=bids, asks=asks)
    view = make_risk_view(others_worst_atoms=value(100) - price_ticks * 20 * UNIT)

    assert RULE.shape(quotes, view) is quotes


def test_sizes_are_cut_nearest_first_to_what_the_others_leave() -> None:
    """The level that crosses the limit is cut, the ones behind it go."""
    view = make_risk_view(inventory_lots=10, others_worst_atoms=value(50))

    shaped = RULE.shape(make_quotes(bids=(20, 30, 1), asks=(40, 30, 1)), view)

    # 50 lots at 10 000 are 50 at 9 990 and 49 at 10 010; 10 are held already.
    assert [quote.size_lots for quote in shaped.bids] == [20, 20]
    assert [quote.size_lots for quote in shaped.asks] == [40, 19]
    assert shaped.reason == "quoting"


def test_a_level_without_room_is_dropped() -> None:
    """When the room ends between two levels, no empty level is left."""
    view = make_risk_view(others_worst_atoms=RULE_ROOM_OF_20)

    shaped = RULE.shape(make_quotes(bids=(20, 5), asks=()), view)

    assert [quote.size_lots for quote in shaped.bids] == [20]


RULE_ROOM_OF_20 = value(100) - 9_995 * 20 * UNIT
"""What others must hold so that exactly 20 lots at the nearest bid of the builder fit."""


def test_a_single_lot_of_room_is_used() -> None:
    """A level is cut down to its last lot before it is dropped."""
    view = make_risk_view(others_worst_atoms=value(100) - 10_005 * 1 * UNIT)

    shaped = RULE.shape(make_quotes(bids=(5, 5), asks=(5, 5)), view)

    assert [quote.size_lots for quote in shaped.bids] == [1]
    assert [quote.size_lots for quote in shaped.asks] == [1]


def test_when_the_others_use_everything_only_the_way_back_to_flat_is_quoted() -> None:
    """A long session may sell what it holds and no more; its bids are off and the reason says why."""
    view = make_risk_view(inventory_lots=15, others_worst_atoms=value(500))

    shaped = RULE.shape(make_quotes(bids=(10,), asks=(10, 10)), view)

    assert shaped.bids == ()
    assert [quote.size_lots for quote in shaped.asks] == [10, 5]
    assert shaped.reason == EXPOSURE


def test_while_a_position_has_no_price_nobody_can_say_that_there_is_room() -> None:
    """It may be worth anything: only the way back to flat is open, and the reason says why."""
    view = make_risk_view(inventory_lots=15, others_unpriced=True)

    assert RULE.admit(make_place(size_lots=1), view) == (UNPRICED, (("others_atoms", "0"),))
    assert RULE.admit(make_sell(size_lots=15), view) is None
    shaped = RULE.shape(make_quotes(bids=(10,), asks=(10, 10)), view)
    assert shaped.bids == ()
    assert [quote.size_lots for quote in shaped.asks] == [10, 5]
    assert shaped.reason == UNPRICED
    shaped = RULE.shape(make_quotes(bids=(), asks=(10, 10)), view)
    assert [quote.size_lots for quote in shaped.asks] == [10, 5]
    assert shaped.reason == "quoting"
