"""Quotes between whole lots and beyond a table."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.models.glft import Distances, Market, closed_form
from mm.models.glft_asymptotic import asymptotic
from mm.models.glft_finite import finite
from mm.models.glft_table import Table
from mm.quoting.sheet import Sheet, sheet_of_line, sheet_of_table

STOIKOV = Market(risk_factor=0.1, arrival_rate=140.0, decay=1.5, volatility=2.0)
TABLE = Table(2, (1.0, 2.0, 4.0, 7.0, None), (None, 7.0, 4.0, 2.0, 1.0), None, 0.0)


def test_whole_lots_are_those_of_the_table() -> None:
    """On both sides, wherever the table has a quote."""
    sheet = sheet_of_table(TABLE, 2)

    assert [sheet.bid(lots) for lots in range(-2, 2)] == [1.0, 2.0, 4.0, 7.0]
    assert [sheet.ask(lots) for lots in range(-1, 3)] == [7.0, 4.0, 2.0, 1.0]


def test_between_two_lots_is_between_their_quotes() -> None:
    """A quarter of a lot is a quarter of the way."""
    sheet = sheet_of_table(TABLE, 2)

    assert sheet.bid(0.25) == 4.75
    assert sheet.ask(0.25) == 3.5
    assert sheet.bid(-1.5) == 1.5


def test_at_the_cap_the_last_two_are_continued() -> None:
    """The side that adds is off at the cap, but not half a lot before it."""
    sheet = sheet_of_table(TABLE, 2)

    assert (sheet.bid(1.5), sheet.bid(2.0), sheet.bid(3.0)) == (8.5, 10.0, 13.0)
    assert (sheet.ask(-1.5), sheet.ask(-2.0)) == (8.5, 10.0)
    assert sheet.bid(-4.0) == -1.0


def test_a_table_of_one_lot_goes_on_flat() -> None:
    """There are no two quotes to continue."""
    sheet = sheet_of_table(Table(1, (1.0, 2.0, None), (None, 2.0, 1.0), None, 0.0), 1)
    single = sheet_of_table(asymptotic(STOIKOV, 1), 1)

    assert (sheet.bid(1.0), sheet.bid(5.0)) == (3.0, 7.0)
    assert single.bid(0.0) == single.ask(0.0)


def test_beyond_its_reach_a_table_is_not_trusted() -> None:
    """The closed form takes over, but never quotes nearer than the table did."""
    line = closed_form(STOIKOV)
    sheet = sheet_of_table(asymptotic(STOIKOV, 100), 50, line)

    assert sheet.bid(50) == asymptotic(STOIKOV, 100).bid(50)
    assert sheet.bid(80) == line.bid(80)
    assert sheet.ask(-80) == line.ask(-80)
    assert sheet.bid(-80) == line.bid(-80)
    low = sheet_of_table(TABLE, 1, Distances(0.0, 0.5))
    assert (low.bid(2.0), low.bid(100.0), low.bid(-2.0), low.bid(-100.0)) == (7.0, 50.0, -1.0, -50.0)


def test_a_line_is_the_closed_form() -> None:
    """At every inventory, shift included."""
    line = Distances(1.0, 0.25, 0.125)
    sheet = sheet_of_line(line)

    for lots in (-7.5, -1.0, 0.0, 0.5, 3.0):
        assert sheet.bid(lots) == line.bid(lots)
        assert sheet.ask(lots) == line.ask(lots)


@given(
    st.floats(0, 2),
    st.floats(-5, 5),
    st.integers(1, 12),
    st.booleans(),
    st.lists(st.floats(-40, 40), min_size=2, max_size=2),
)
def test_more_inventory_never_brings_the_bid_nearer(
    risk_factor: float, drift: float, cap: int, ends: bool, places: list[float]
) -> None:
    """Nor the ask farther away, for any table; without drift the sides are the same numbers."""
    market = Market(
        risk_factor=risk_factor, arrival_rate=140.0, decay=1.5, volatility=2.0, drift=drift or 0.0
    )
    table = finite(market, cap, 0.5) if ends else asymptotic(market, cap)
    sheet: Sheet = sheet_of_table(table, max(1, cap // 2), None if ends or drift else closed_form(market))
    less, more = sorted(places)

    assert sheet.bid(less) <= sheet.bid(more) + 1e-9
    assert sheet.ask(less) >= sheet.ask(more) - 1e-9
    assert isfinite(sheet.bid(more) + sheet.ask(more))
    if not drift:
        assert sheet.bid(more) == sheet.ask(-more)


@pytest.mark.parametrize("reach", [1, 2])
def test_the_ends_of_the_reach_have_neighbours(reach: int) -> None:
    """Looking up exactly there is no step off the table."""
    sheet = sheet_of_table(TABLE, reach)

    assert sheet.bid(-reach) == TABLE.bid(-reach)
    assert sheet.ask(reach) == TABLE.ask(reach)
