"""Nothing is placed that could not be paid for."""

import pytest

from mm.risk.funds import FUNDS, Funds
from tests.builders.instruments import INSTRUMENT, make_test_instrument
from tests.builders.risk_views import make_exit, make_place, make_quotes, make_risk_view, make_sell

RULE = Funds()
UNIT, LOT = INSTRUMENT.tick_lot_atoms, INSTRUMENT.lot_atoms
COST = 9_995 * 10 * UNIT * 10_005 // 10_000
"""Value of 10 lots at 9 995 ticks and 500 ppm of it: an even number of atoms."""


def test_a_buy_needs_its_value_and_the_takers_fee() -> None:
    """Exactly value plus fee is enough, one atom less is not."""
    place = make_place(price_ticks=9_995, size_lots=10)

    assert RULE.admit(place, make_risk_view(quote_spendable_atoms=COST)) is None
    refusal = RULE.admit(place, make_risk_view(quote_spendable_atoms=COST - 1))
    facts = (("asset", "BBB"), ("needed_atoms", str(COST)), ("held_atoms", str(COST - 1)))
    assert refusal == (FUNDS, facts)


def test_a_fraction_of_an_atom_of_fee_counts_as_one() -> None:
    """The fee is rounded against us."""
    instrument = make_test_instrument(tick_size="0.00000001", lot_size=1)
    place = make_place(price_ticks=1, size_lots=1)
    view = make_risk_view(instrument=instrument, quote_spendable_atoms=1)

    assert instrument.tick_lot_atoms == 1
    refusal = RULE.admit(place, view)
    assert refusal is not None
    assert ("needed_atoms", "2") in refusal.facts
    assert RULE.admit(place, make_risk_view(instrument=instrument, quote_spendable_atoms=2)) is None


def test_a_rebate_makes_nothing_cheaper() -> None:
    """A taker that would be paid still needs the whole value."""
    instrument = make_test_instrument(taker_fee_ratio="-0.0001")
    value = 9_995 * 10 * UNIT
    place = make_place(price_ticks=9_995, size_lots=10)

    assert RULE.admit(place, make_risk_view(instrument=instrument, quote_spendable_atoms=value)) is None
    assert (
        RULE.admit(place, make_risk_view(instrument=instrument, quote_spendable_atoms=value - 1)) is not None
    )


def test_a_sell_needs_the_base_asset() -> None:
    """Exactly the size is enough, one atom less is not; exits are no exception."""
    for place in (make_sell(size_lots=10), make_exit(size_lots=10)):
        assert RULE.admit(place, make_risk_view(base_spendable_atoms=10 * LOT)) is None
        refusal = RULE.admit(place, make_risk_view(base_spendable_atoms=10 * LOT - 1))
        facts = (("asset", "AAA"), ("needed_atoms", str(10 * LOT)), ("held_atoms", str(10 * LOT - 1)))
        assert refusal == (FUNDS, facts)


def test_quotes_that_can_be_paid_stay_the_same_object() -> None:
    """A ladder that both balances carry is not touched."""
    quotes = make_quotes(bids=(10,), asks=(10,))

    view = make_risk_view(quote_spendable_atoms=COST, base_spendable_atoms=10 * LOT)

    assert RULE.shape(quotes, view) is quotes


def test_a_ladder_that_lacks_one_atom_of_fee_loses_its_level() -> None:
    """Shaping counts the fee as exactly as admitting does."""
    shaped = RULE.shape(make_quotes(bids=(10,), asks=()), make_risk_view(quote_spendable_atoms=COST - 1))

    assert shaped.bids == ()


def test_the_outermost_quotes_go_first() -> None:
    """Levels are dropped from the outside until the rest can be paid."""
    view = make_risk_view(quote_spendable_atoms=2 * COST, base_spendable_atoms=25 * LOT)

    quotes = make_quotes(bids=(10, 10, 10), asks=(10, 10, 10))
    shaped = RULE.shape(quotes, view)

    assert shaped.bids == quotes.bids[:2]
    assert shaped.asks == quotes.asks[:2]
    assert shaped.reason == "quoting"


def test_what_own_live_orders_reserve_counts_for_the_ladder_that_replaces_them() -> None:
    """A ladder that is already on the book is not dropped because its own orders used up the balance."""
    view = make_risk_view(
        quote_spendable_atoms=2 * COST - 9_995 * 20 * UNIT,
        base_spendable_atoms=LOT - 1,
        buy_open_lots=20,
        sell_open_lots=20,
        own_bid_max_ticks=9_995,
        own_ask_min_ticks=10_005,
    )
    quotes = make_quotes(bids=(10, 10), asks=(10, 10))

    assert RULE.shape(quotes, view) is quotes
    assert RULE.shape(make_quotes(bids=(10, 11), asks=(10, 11)), view) != quotes


@pytest.mark.parametrize(("quote_atoms", "base_atoms"), [(0, 10**12), (10**12, 0), (-(10**9), 10**12)])
def test_a_side_that_cannot_be_paid_is_the_reason(quote_atoms: int, base_atoms: int) -> None:
    """A balance of nothing, or less, empties its side and says so."""
    view = make_risk_view(quote_spendable_atoms=quote_atoms, base_spendable_atoms=base_atoms)

    shaped = RULE.shape(make_quotes(), view)

    assert bool(shaped.bids) is (quote_atoms > 0)
    assert bool(shaped.asks) is (base_atoms > 0)
    assert shaped.reason == FUNDS


def test_an_overdrawn_balance_leaves_an_empty_ladder_alone() -> None:
    """A side without quotes needs no money."""
    quotes = make_quotes(bids=(), asks=())

    view = make_risk_view(quote_spendable_atoms=-5, base_spendable_atoms=-5)

    assert RULE.shape(quotes, view) is quotes
