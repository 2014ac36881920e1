"""The bench's desk: the production engine quotes on it, and nothing else decides."""

from decimal import Decimal

import pytest

from mm.bench.quoting.contenders import CONTENDERS, Scene
from mm.bench.quoting.desk import HOME, Desk, make_lots
from mm.domain.sides import BUY, SELL
from tests.builders.quoting_scenes import scene

HOME_TICKS = HOME * 1000


def desk(name: str = "glft", *, lots: int = 0, played: Scene | None = None) -> Desk:
    """Return a desk of a contender."""
    found = played or scene()
    instrument = make_lots(found.tick)
    strategy = CONTENDERS[name].make(found, instrument)
    return Desk(strategy, instrument, cap=found.cap, lots=lots, latency_steps=found.latency_steps)


@pytest.mark.parametrize("name", sorted(CONTENDERS))
def test_every_contender_quotes_both_sides_at_home(name: str) -> None:
    """One order a side, a tick or more apart, around the mid."""
    made = desk(name)
    assert made.state == "active: quoting"
    assert made.best(BUY) < HOME_TICKS < made.best(SELL)
    assert made.messages == 2


def test_the_closed_form_stands_at_its_distances_to_the_tick() -> None:
    """0.6712438194 flat, and with five lots held 0.9298 below and 0.4126 above; the mirror when short."""
    flat, long, short = desk(), desk(lots=5), desk(lots=-5)
    assert (HOME_TICKS - flat.best(BUY), flat.best(SELL) - HOME_TICKS) == (671, 671)
    assert (HOME_TICKS - long.best(BUY), long.best(SELL) - HOME_TICKS) == (930, 413)
    assert (HOME_TICKS - short.best(BUY), short.best(SELL) - HOME_TICKS) == (413, 930)


def test_a_fill_moves_inventory_and_cash_and_is_answered_at_once() -> None:
    """The quotes lean the other way before the next step begins."""
    made = desk()
    price = made.best(BUY)
    made.take(BUY)
    assert (made.lots, made.cash_ticks, made.fills) == (1, -price, 1)
    assert HOME_TICKS - made.best(BUY) == 723
    assert made.best(SELL) - HOME_TICKS == 620


def test_both_sides_are_taken_at_the_prices_that_stood() -> None:
    """What the first fill changes comes too late for the second; afterwards both quote again."""
    made = desk()
    bid, ask = made.best(BUY), made.best(SELL)
    made.take(SELL, BUY)
    assert (made.lots, made.cash_ticks, made.fills) == (0, ask - bid, 2)
    made.show(2 * HOME_TICKS + 2, 5_000_000)
    assert (made.best(BUY), made.best(SELL)) == (bid + 1, ask + 1)


def test_at_the_limit_a_side_is_off() -> None:
    """Nothing rests there; the other side goes on."""
    made = desk(lots=40)
    assert made.best(BUY) == 0
    assert made.best(SELL)
    assert made.state == "active: only sells: inventory limit"


def test_the_quotes_follow_the_mid() -> None:
    """By as many ticks as it moved, with a cancel and a placement on each side."""
    made = desk()
    before = made.messages
    made.show(2 * HOME_TICKS + 200, 5_000_000)
    assert (made.best(BUY), made.best(SELL)) == (HOME_TICKS + 100 - 671, HOME_TICKS + 100 + 671)
    assert made.messages == before + 4


def test_with_latency_a_quote_rests_some_steps_later_and_can_be_taken_until_then() -> None:
    """A fill of what is being cancelled counts; the cancel that comes too late finds nothing."""
    made = desk(played=scene(latency_steps=2))
    assert made.best(BUY) == 0
    made.show(2 * HOME_TICKS, 0)
    made.show(2 * HOME_TICKS, 5_000_000)
    old = made.best(BUY)
    assert HOME_TICKS - old == 671
    made.show(2 * HOME_TICKS - 400, 10_000_000)
    assert made.best(BUY) == old
    made.take(BUY)
    for step in range(3, 8):
        made.show(2 * HOME_TICKS - 400, step * 5_000_000)
    assert made.lots == 1
    assert HOME_TICKS - 200 - made.best(BUY) == 723


def test_a_rebate_and_a_fee_are_those_of_the_instrument() -> None:
    """In price units at home: one of them is a basis point."""
    assert make_lots(Decimal("0.01"), Decimal("0.3")).maker_fee_ppm == 30
    assert make_lots(Decimal("0.01"), Decimal("-0.1")).maker_fee_ppm == -10
