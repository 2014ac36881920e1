"""A table of quotes per inventory."""

import pytest

from mm.models.glft import OutOfRange
from mm.models.glft_table import table


def test_the_next_lots_value_moves_the_quotes_on_both_sides_of_it() -> None:
    """The bid for a lot gives its value up, the ask that sells it demands it."""
    found = table(1.0, [0.25, -0.5], eigenvalue=None, ce=3.0)

    assert found.cap == 1
    assert found.bids == (0.75, 1.5, None)
    assert found.asks == (None, 1.25, 0.5)


def test_beyond_the_cap_the_quotes_are_those_at_the_cap() -> None:
    """An inventory may lie beyond it: deposits, or a cap that was lowered."""
    found = table(1.0, [0.25, -0.5], eigenvalue=None, ce=3.0)

    assert (found.bid(-9), found.ask(-9)) == (0.75, None)
    assert (found.bid(9), found.ask(9)) == (None, 0.5)
    assert (found.bid(0), found.ask(0)) == (1.5, 1.25)


def test_mirrored_twice_is_the_table_itself() -> None:
    """Bids become asks, and lots held lots owed."""
    found = table(1.0, [0.25, -0.5], eigenvalue=-2.0, ce=3.0)

    assert found.mirrored().bid(-1) == found.ask(1)
    assert found.mirrored().mirrored() == found


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    """In the quotes, the eigenvalue or the worth."""
    with pytest.raises(OutOfRange, match="not finite"):
        table(1.0, [number], eigenvalue=None, ce=3.0)
    with pytest.raises(OutOfRange, match="not finite"):
        table(1.0, [0.1], eigenvalue=number, ce=3.0)
    with pytest.raises(OutOfRange, match="not finite"):
        table(1.0, [0.1], eigenvalue=None, ce=number)
