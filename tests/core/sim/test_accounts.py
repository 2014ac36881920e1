"""Balances: locking, paying, fees against the payer, and money that only ever moves."""

import pytest

from mm.sim.accounts import FEES, Accounts, Balance, fee_atoms


@pytest.mark.parametrize(
    ("received_atoms", "fee_ppm", "fee"),
    [(1_000_000, 100, 100), (1, 100, 1), (0, 100, 0), (1_000_000, 0, 0), (1_000_001, -100, -100)],
)
def test_a_fee_is_rounded_against_the_payer(received_atoms: int, fee_ppm: int, fee: int) -> None:
    """A fraction of an atom costs a whole one; a rebate loses its fraction."""
    assert fee_atoms(received_atoms, fee_ppm) == fee


def test_what_is_locked_is_not_free() -> None:
    """Locking moves; too little free refuses and changes nothing."""
    accounts = Accounts()
    accounts.deposit("a", "USDT", 100)
    assert accounts.lock("a", "USDT", 60)
    assert not accounts.lock("a", "USDT", 41)
    assert accounts.balance("a", "USDT") == Balance(free=40, locked=60)
    accounts.unlock("a", "USDT", 60)
    assert accounts.balance("a", "USDT") == Balance(free=100, locked=0)


def test_paying_moves_locked_money_and_takes_the_fee_of_the_receiver() -> None:
    """Nothing is created or lost: the fee account holds the difference."""
    accounts = Accounts()
    accounts.deposit("a", "USDT", 1_000_000)
    accounts.lock("a", "USDT", 1_000_000)
    assert accounts.pay("a", "b", "USDT", atoms=999_999, fee_ppm=100) == 100
    assert accounts.balance("a", "USDT") == Balance(free=0, locked=1)
    assert accounts.balance("b", "USDT").free == 999_899
    assert accounts.balance(FEES, "USDT").free == 100
    assert accounts.total("USDT") == 1_000_000
    assert accounts.total("BTC") == 0


@pytest.mark.parametrize("atoms", [-1, 11])
def test_money_that_is_not_there_cannot_move(atoms: int) -> None:
    """Negative amounts and more than is locked are bugs of the caller."""
    accounts = Accounts()
    accounts.deposit("a", "USDT", 10)
    accounts.lock("a", "USDT", 10)
    with pytest.raises(AssertionError):
        accounts.unlock("a", "USDT", atoms)
    with pytest.raises(AssertionError):
        accounts.pay("a", "b", "USDT", atoms=atoms, fee_ppm=0)


def test_deposits_and_locks_are_not_negative() -> None:
    """There is no withdrawal by the back door."""
    accounts = Accounts()
    with pytest.raises(AssertionError):
        accounts.deposit("a", "USDT", -1)
    with pytest.raises(AssertionError):
        accounts.lock("a", "USDT", -1)
