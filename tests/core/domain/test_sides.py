"""Two sides, each the other's opposite."""

from mm.domain.sides import BUY, SELL, Side


def test_a_buy_adds_and_a_sell_takes_away() -> None:
    """The sign is what a fill does to the inventory."""
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_each_side_is_the_opposite_of_its_opposite() -> None:
    """Twice the other side is the same side."""
    for side in Side:
        assert side.opposite is not side
        assert side.opposite.opposite is side


def test_the_plain_constants_are_the_members() -> None:
    """Code that compares by identity may use either."""
    assert (BUY, SELL) == (Side.BUY, Side.SELL)
    assert BUY is Side.BUY
    assert SELL is Side.SELL
