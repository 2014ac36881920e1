"""Only exits take, they reduce, they never flip, and they do not reach too far."""

import pytest

from mm.domain.sides import Side
from mm.risk.slippage import NO_REFERENCE, NOT_REDUCING, PRICE, TAKER, TOO_LARGE, Slippage
from tests.builders.risk_views import make_exit, make_place, make_risk_view

RULE = Slippage(slippage_ppm_max=1_000)
"""0.1 %: ten ticks at the mid of the builder."""


def test_a_resting_quote_is_none_of_its_business() -> None:
    """A post-only placement that does not claim to reduce passes whatever the position is."""
    assert RULE.admit(make_place(), make_risk_view(net_lots=-500)) is None


def test_a_taker_that_does_not_reduce_is_refused() -> None:
    """There is no way to take liquidity but to leave a position."""
    assert RULE.admit(make_place(post_only=False), make_risk_view()) == (TAKER, ())


@pytest.mark.parametrize(("net", "inventory", "side"), [(50, 50, Side.SELL), (-50, -50, Side.BUY)])
def test_an_exit_of_the_whole_position_passes(net: int, inventory: int, side: Side) -> None:
    """A long position is left by selling, a short one by buying."""
    view = make_risk_view(net_lots=net, inventory_lots=inventory)

    assert RULE.admit(make_exit(side=side, size_lots=50), view) is None


@pytest.mark.parametrize(
    ("net", "inventory", "side"),
    [(50, 50, Side.BUY), (-50, -50, Side.SELL), (0, 0, Side.SELL), (50, -10, Side.SELL), (-50, 10, Side.BUY)],
)
def test_what_reduces_nothing_is_refused(net: int, inventory: int, side: Side) -> None:
    """The wrong side, nothing held, or an inventory on the other side of its target: nothing to reduce."""
    view = make_risk_view(net_lots=net, inventory_lots=inventory)

    refusal = RULE.admit(make_exit(side=side, size_lots=1), view)

    assert refusal == (NOT_REDUCING, (("size_lots", "1"), ("open_lots", "0"), ("reducible_lots", "0")))


@pytest.mark.parametrize(("net", "inventory"), [(50, 80), (80, 50)])
@pytest.mark.parametrize("sign", [1, -1])
def test_more_than_the_smaller_position_is_refused(net: int, inventory: int, sign: int) -> None:
    """An exit takes neither what own fills moved nor the inventory past 0."""
    side = Side.SELL if sign > 0 else Side.BUY
    view = make_risk_view(net_lots=sign * net, inventory_lots=sign * inventory)

    refusal = RULE.admit(make_exit(side=side, size_lots=51), view)

    assert refusal == (TOO_LARGE, (("size_lots", "51"), ("open_lots", "0"), ("reducible_lots", "50")))
    assert RULE.admit(make_exit(side=side, size_lots=50), view) is None


def test_a_position_of_one_lot_is_too_small_and_not_absent() -> None:
    """The code tells an exit that is too large from one that has nothing to leave."""
    refusal = RULE.admit(make_exit(size_lots=2), make_risk_view(net_lots=1, inventory_lots=1))

    assert refusal == (TOO_LARGE, (("size_lots", "2"), ("open_lots", "0"), ("reducible_lots", "1")))


@pytest.mark.parametrize("sign", [1, -1])
def test_earlier_orders_that_may_still_fill_count_as_filled(sign: int) -> None:
    """Exits whose answers are lost cannot add up to a flip of the position."""
    side = Side.SELL if sign > 0 else Side.BUY
    open_lots = {"sell_open_lots" if sign > 0 else "buy_open_lots": 30}
    view = make_risk_view(net_lots=sign * 50, inventory_lots=sign * 50, **open_lots)

    assert RULE.admit(make_exit(side=side, size_lots=20), view) is None
    refusal = RULE.admit(make_exit(side=side, size_lots=21), view)
    assert refusal is not None
    assert refusal.code == TOO_LARGE


@pytest.mark.parametrize(
    ("side", "last_ticks", "first_bad_ticks"), [(Side.SELL, 9_990, 9_989), (Side.BUY, 10_010, 10_011)]
)
def test_an_exit_reaches_to_the_bound_and_no_further(
    side: Side, last_ticks: int, first_bad_ticks: int
) -> None:
    """The bound is on the bad side of the reference only: better prices are always welcome."""
    held = 50 if side is Side.SELL else -50
    view = make_risk_view(net_lots=held, inventory_lots=held)
    better = 20_000 if side is Side.SELL else 1

    assert RULE.admit(make_exit(side=side, price_ticks=last_ticks), view) is None
    assert RULE.admit(make_exit(side=side, price_ticks=better), view) is None
    facts = (("price_ticks", str(first_bad_ticks)), ("limit_ticks", str(last_ticks)))
    assert RULE.admit(make_exit(side=side, price_ticks=first_bad_ticks), view) == (PRICE, facts)


def test_an_exit_without_a_reference_is_refused() -> None:
    """A bound that cannot be computed is not kept by luck."""
    view = make_risk_view(net_lots=50, inventory_lots=50, reference_half_ticks=0)

    assert RULE.admit(make_exit(), view) == (NO_REFERENCE, ())


def test_a_resting_exit_is_bounded_in_size_and_not_in_price() -> None:
    """A post-only order that reduces cannot slip, but it can still be too large."""
    view = make_risk_view(net_lots=50, inventory_lots=50, reference_half_ticks=0)

    assert RULE.admit(make_exit(post_only=True, size_lots=50), view) is None
    assert RULE.admit(make_exit(post_only=True, size_lots=51), view) is not None
