"""Balances per owner and asset, in atoms: free and locked, with fees kept in an account of their own.

Money only moves; it is created by `deposit` alone. Invariants: no balance is ever negative except the fee
account under a rebate, and the total of an asset over all owners changes by deposits alone.
"""

from dataclasses import dataclass
from typing import Final

from mm.domain.units import PPM, ceil_div, checked

FEES: Final = "fees"
"""The owner that collects the fees (and pays the rebates)."""


@dataclass(slots=True, kw_only=True)
class Balance:
    """What an owner holds of one asset, in atoms. Fields: free can be used, locked backs open orders."""

    free: int = 0
    locked: int = 0


def fee_atoms(received_atoms: int, fee_ppm: int) -> int:
    """Return the fee on an amount received, rounded up, that is against the payer; negative is a rebate."""
    return ceil_div(received_atoms * fee_ppm, PPM)


class Accounts:
    """The balances of everybody at the simulated venue."""

    def __init__(self) -> None:
        """Open without any owner."""
        self._balances: dict[tuple[str, str], Balance] = {}

    def balance(self, owner: str, asset: str) -> Balance:
        """Return the live balance; it exists, empty, from the first time that it is asked for."""
        key = (owner, asset)
        found = self._balances.get(key)
        if found is None:
            found = self._balances[key] = Balance()
        return found

    def deposit(self, owner: str, asset: str, atoms: int) -> None:
        """Create `atoms` (>= 0) for an owner."""
        assert atoms >= 0
        held = self.balance(owner, asset)
        held.free = checked(held.free + atoms)

    def lock(self, owner: str, asset: str, atoms: int) -> bool:
        """Move `atoms` (>= 0) from free to locked; return False, nothing changed, if too few are free."""
        assert atoms >= 0
        held = self.balance(owner, asset)
        if held.free < atoms:
            return False
        held.free -= atoms
        held.locked += atoms
        return True

    def unlock(self, owner: str, asset: str, atoms: int) -> None:
        """Move `atoms` from locked back to free."""
        held = self.balance(owner, asset)
        assert 0 <= atoms <= held.locked
        held.locked -= atoms
        held.free += atoms

    def pay(self, payer: str, payee: str, asset: str, *, atoms: int, fee_ppm: int) -> int:
        """Move locked `atoms` of the payer to the payee, less the payee's fee; return the fee in atoms."""
        source = self.balance(payer, asset)
        assert 0 <= atoms <= source.locked
        fee = fee_atoms(atoms, fee_ppm)
        source.locked -= atoms
        target = self.balance(payee, asset)
        target.free = checked(target.free + atoms - fee)
        self.balance(FEES, asset).free += fee
        return fee

    def total(self, asset: str) -> int:
        """Return the atoms of an asset held by everybody, fees included."""
        return sum(held.free + held.locked for (_, name), held in self._balances.items() if name == asset)
