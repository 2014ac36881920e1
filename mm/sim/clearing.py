"""What orders cost: funds reserved when an order is accepted, moved when it trades, freed when it ends.

Between the book, which knows no money, and the accounts, which know no orders. Invariant: what an owner has
locked of an asset is the sum of what its open orders reserve of it.
"""

from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.sides import BUY, SELL
from mm.sim.accounts import Accounts
from mm.sim.book import Book
from mm.sim.orders import Fill, Order, OrderType

_MARKET: Final = OrderType.MARKET  # as a constant for the reason given in `sides.py`


class Clearing:
    """The money side of one symbol."""

    def __init__(self, instrument: Instrument, accounts: Accounts, book: Book) -> None:
        """Clear the orders of `book` in `accounts`."""
        self._instrument = instrument
        self._accounts = accounts
        self._book = book

    def asset_paid(self, order: Order) -> str:
        """Return the asset that an order pays with: base for a sell, quote for a buy."""
        return self._instrument.base if order.side is SELL else self._instrument.quote

    def asset_received(self, order: Order) -> str:
        """Return the asset that an order receives and in which its fee is charged."""
        return self._instrument.quote if order.side is SELL else self._instrument.base

    def needed_atoms(self, order: Order) -> int:
        """Return how much of the asset that `order` pays with has to be free to accept it.

        A limit buy needs its value at its own price; a market buy exactly what the book asks at this moment,
        because it matches within the same call.
        """
        if order.side is SELL:
            return order.size_lots * self._instrument.lot_atoms
        if order.order_type is _MARKET:
            return self._book.takable(order)[1] * self._instrument.tick_lot_atoms
        return self._instrument.notional_atoms(order.price_ticks, order.size_lots)

    def can_pay(self, order: Order) -> bool:
        """Return whether the owner has free what `order` needs."""
        free_atoms = self._accounts.balance(order.owner, self.asset_paid(order)).free
        return free_atoms >= self.needed_atoms(order)

    def reserve(self, order: Order) -> None:
        """Lock what `order` needs; its owner has to have it (`can_pay`)."""
        order.reserved_atoms = self.needed_atoms(order)
        locked = self._accounts.lock(order.owner, self.asset_paid(order), order.reserved_atoms)
        assert locked

    def fund(self, order: Order) -> None:
        """Create what the owner of `order` lacks for it, and lock what it needs."""
        asset, needed_atoms = self.asset_paid(order), self.needed_atoms(order)
        lacking_atoms = needed_atoms - self._accounts.balance(order.owner, asset).free
        self._accounts.deposit(order.owner, asset, max(0, lacking_atoms))
        self.reserve(order)

    def release(self, order: Order) -> None:
        """Free what an order that has ended still reserves."""
        self._accounts.unlock(order.owner, self.asset_paid(order), order.reserved_atoms)
        order.reserved_atoms = 0

    def give_back(self, order: Order, lots: int) -> None:
        """Free what an open order reserves for `lots` that will not trade: prevented, or amended away.

        A market buy reserves for nothing but what it will trade.
        """
        atoms = lots * self._instrument.lot_atoms
        if order.side is BUY:
            is_market = order.order_type is _MARKET
            atoms = 0 if is_market else self._instrument.notional_atoms(order.price_ticks, lots)
        self._accounts.unlock(order.owner, self.asset_paid(order), atoms)
        order.reserved_atoms -= atoms

    def settle(self, fill: Fill) -> tuple[int, int]:
        """Move the money of a match; return the fees of maker and taker, each in the asset it received."""
        value_atoms = self._instrument.notional_atoms(fill.price_ticks, fill.size_lots)
        base_atoms = fill.size_lots * self._instrument.lot_atoms
        paid = {SELL: base_atoms, BUY: value_atoms}
        taker_fee = self._pay(fill, payer=fill.maker, payee=fill.taker, atoms=paid[fill.maker.side])
        maker_fee = self._pay(fill, payer=fill.taker, payee=fill.maker, atoms=paid[fill.taker.side])
        for order in (fill.maker, fill.taker):
            order.filled_atoms += value_atoms
        return maker_fee, taker_fee

    # A buyer who trades better than its limit gets the difference back at once.
    def _pay(self, fill: Fill, *, payer: Order, payee: Order, atoms: int) -> int:
        instrument, asset = self._instrument, self.asset_paid(payer)
        released_atoms = atoms
        if payer.side is BUY and payer.order_type is not OrderType.MARKET:
            released_atoms = instrument.notional_atoms(payer.price_ticks, fill.size_lots)
        payer.reserved_atoms -= released_atoms
        self._accounts.unlock(payer.owner, asset, released_atoms - atoms)
        fee_ppm = instrument.maker_fee_ppm if payee is fill.maker else instrument.taker_fee_ppm
        return self._accounts.pay(payer.owner, payee.owner, asset, atoms=atoms, fee_ppm=fee_ppm)
