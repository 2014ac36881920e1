"""What the account should hold of each asset if nobody but us moved it, and how the venue's word differs.

Holdings were counted once; own fills and their fees move them, exact, in atoms; what the venue holds beside
that came from outside. Must never move a position: inventory is what own fills moved. Invariant: `holdings`
= first count + every own movement + every difference that was booked.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

EXTERNAL_MAX: Final = 100
"""So many differences that were booked are kept for whoever asks; all of them are in the journal."""

ASSETS_MAX: Final = 5_000
"""Assets that are held against what is expected, more than any venue has; further names are let pass."""


class External(msgspec.Struct, frozen=True, gc=False):
    """A balance that somebody else moved. Fields: ts_ns: when it was booked; asset; atoms: by how much,
    signed; expected_atoms, found_atoms: before that.
    """

    ts_ns: int
    asset: str
    atoms: int
    expected_atoms: int
    found_atoms: int


class Look(msgspec.Struct, frozen=True, gc=False):
    """A listing of balances held against the ledger. Fields: asked_ns, heard_ns: of the listing; movements:
    of the ledger at that time; differences: found minus expected by asset, where that is not 0.
    """

    asked_ns: int
    heard_ns: int
    movements: int
    differences: dict[str, int]


class Ledger:
    """Expected holdings of one account.

    Fields:
        holdings: atoms by asset; empty until they were counted. is_open: they were.
        movements: own fills so far. moved_ns: when the last one was booked.
        agreed_ns: by asset, when the last listing had been asked that showed what was expected.
        look: the last listing, None when all that it says was taken in. suspected: what an earlier quiet look
            differed by.
        others: what fills moved that bear no mark of ours, by asset, since a look last had no difference.
        external: the last differences that were booked; external_count: of all of them.
    """

    def __init__(self) -> None:
        """Start without a count."""
        self.holdings: dict[str, int] = {}
        self.is_open = False
        self.movements = 0
        self.moved_ns = 0
        self.agreed_ns: dict[str, int] = {}
        self.look: Look | None = None
        self.suspected: dict[str, int] = {}
        self.others: dict[str, int] = {}
        self.external: deque[External] = deque(maxlen=EXTERNAL_MAX)
        self.external_count = 0
        self._agreed_movements: dict[str, int] = {}
        # By symbol, where the listings of own fills ended: when balances were last asked for, and when those
        # were asked for that the first count is taken from.
        self._asked_ns = 0
        self._asked_ends: dict[str, int] = {}
        self._counted_ends: dict[str, int] = {}

    def open(self, holdings: Mapping[str, int]) -> None:
        """Begin from `holdings`, atoms by asset."""
        self.holdings = dict(holdings)
        self.is_open = True

    def note_asked(self, ts_ns: int, ends: Mapping[str, int]) -> None:
        """Note that balances are asked for. Args: ends: by symbol, where the listings of own fills ended by
        then, -1 if none had: every execution below that had happened.
        """
        self._asked_ns, self._asked_ends = ts_ns, dict(ends)

    def has_counted(self, symbol: str, trade_id: int) -> bool:
        """Return whether an execution is in the first count, however late it is told of: it had happened
        before those balances were asked for.
        """
        return self.is_open and trade_id < self.counted_end(symbol)

    def counted_end(self, symbol: str) -> int:
        """Return below which number the executions of a symbol are in the first count, or would be in one
        that is taken from the last listing of balances; -1 if that is not known.
        """
        return self._counted_ends.get(symbol, -1)

    def move(self, ts_ns: int, movements: Mapping[str, int]) -> None:
        """Book an own execution: what it moved, its fee included, atoms by asset."""
        self.movements += 1
        self.moved_ns = ts_ns
        if self.is_open:
            for asset, atoms in movements.items():
                self.holdings[asset] = self.holdings.get(asset, 0) + atoms

    def note_other(self, movements: Mapping[str, int]) -> None:
        """Note an execution of an order that is not ours: it explains a difference, it is no movement."""
        for asset, atoms in movements.items():
            self.others[asset] = self.others.get(asset, 0) + atoms

    def compare(self, asked_ns: int, heard_ns: int, found: Mapping[str, int]) -> None:
        """Hold a whole listing of balances, totals in atoms by asset, against what is expected."""
        if not self.is_open:
            # An answer to a request that was given up shows the account as it was before the last one.
            self._counted_ends = self._asked_ends if asked_ns >= self._asked_ns else {}
        differences: dict[str, int] = {}
        for asset in (*self.holdings, *(asset for asset in found if asset not in self.holdings)):
            if not self._has_room(asset):
                continue
            difference = found.get(asset, 0) - self.holdings.get(asset, 0)
            if difference:
                differences[asset] = difference
            else:
                self.agreed_ns[asset] = asked_ns
                self._agreed_movements[asset] = self.movements
        known = self.look
        if known is None or not self.is_valid(known) or known.differences != differences:
            # One that says the same as the one before makes that no younger.
            self.look = Look(asked_ns, heard_ns, self.movements, differences)
        if not differences:
            self.suspected = {}
            self.others.clear()

    def _has_room(self, asset: str) -> bool:
        known = asset in self.holdings or asset in self.agreed_ns
        return known or len(self.holdings) + len(self.agreed_ns) < ASSETS_MAX

    def is_valid(self, look: Look) -> bool:
        """Return whether no own fill was booked since the listing of `look` was asked."""
        return look.movements == self.movements and self.moved_ns < look.asked_ns

    def book(self, ts_ns: int, asset: str, atoms: int, *, external: bool = True) -> External:
        """Add `atoms` to what is expected of an asset: from outside, or else what rounding left."""
        expected = self.holdings.get(asset, 0)
        self.holdings[asset] = expected + atoms
        booked = External(ts_ns, asset, atoms, expected, expected + atoms)
        if external:
            self.external.append(booked)
            self.external_count += 1
        return booked

    def fills_since_agreed(self, asset: str) -> int:
        """Return how many own fills were booked since the venue last showed what was expected of an asset."""
        return self.movements - self._agreed_movements.get(asset, 0)
