"""The displayed market of one symbol, brought up to date by messages that come on several streams.

It applies snapshots, depth changes, tops and prints to both sides, drops what is older than what is known,
and lets own places see what falls in front of them. It fills nothing. Invariant: with numbered messages no
older statement about a price replaces a newer one.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, TypeAlias

from mm.domain.book import LEVELS_MAX, Level
from mm.domain.sides import BUY, SELL, Side
from mm.sim.displayed import DisplayedSide
from mm.sim.places import Decrease, Places, Print

_NO_PRICE_TICKS: Final = 2**63
# Beyond every price: what an empty side of asks is known down from.

Top: TypeAlias = tuple[int, int, int]
"""Number, bid and ask in ticks of a top."""


class Tops(Protocol):
    """What a feed keeps its tops in, oldest first, at most LEVELS_MAX: a `deque`, or a kernel's own."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int, /) -> Top:
        """Return one."""

    def __iter__(self) -> Iterator[Top]:
        """Yield them."""

    def append(self, top: Top, /) -> None:
        """Put one at the end."""

    def popleft(self) -> Top:
        """Take the first one out."""

    def clear(self) -> None:
        """Take all out."""


class MarketFeed:
    """What is displayed, and whether it is believed. Fields: sides: what is displayed.

    What another kind of feed keeps elsewhere (`mm.kernel.array_feed`) is a property.
    """

    __slots__ = ("_believed", "_known_seq", "_own", "_tops", "sides")

    def __init__(self, own: dict[Side, Places]) -> None:
        """Start with nothing displayed; the places of `own` see what falls."""
        self._own = own
        self._known_seq, self._believed = 0, False
        # The tops that no depth message has caught up with: (number, bid, ask), oldest first.
        self._tops: Tops = deque(maxlen=LEVELS_MAX)
        self.sides = {BUY: DisplayedSide(BUY), SELL: DisplayedSide(SELL)}

    @property
    def is_believed(self) -> bool:
        """Whether what is displayed is: between a snapshot and a loss."""
        return self._believed

    @is_believed.setter
    def is_believed(self, is_believed: bool) -> None:
        self._believed = is_believed

    @property
    def _seq(self) -> int:
        return self._known_seq

    @_seq.setter
    def _seq(self, seq: int) -> None:
        self._known_seq = seq

    @property
    def is_crossed(self) -> bool:
        """Whether the displayed best bid is at or above the displayed best ask."""
        bid, ask = self.sides[BUY].best_ticks, self.sides[SELL].best_ticks
        return bool(bid and ask) and bid >= ask

    def snapshot(self, bids: Sequence[Level], asks: Sequence[Level], *, seq: int) -> None:
        """Display exactly this, and believe it; one older than what is believed is ignored.

        What happened since the last message is not known, so nothing but the displayed size bounds what is in
        front of an order, whatever the model.
        """
        if self.is_believed and 0 < seq < self._seq:
            return
        for side, levels in ((BUY, bids), (SELL, asks)):
            shown, own = self.sides[side], self._own[side]
            shown.replace(levels)
            own.on_snapshot(shown.size_atoms)
        self._seq = seq
        self._tops.clear()
        self.is_believed = True

    def depth(self, bids: Sequence[Level], asks: Sequence[Level], *, ts_ns: int, seq: int) -> bool:
        """Apply absolute sizes; return whether the message counted (believed, and not an old one)."""
        if not self.is_believed or (seq and seq <= self._seq):
            return False
        for side, levels in ((BUY, bids), (SELL, asks)):
            known = self._known_from(side, seq)
            for price_ticks, size_atoms in levels:
                if known is None or (price_ticks - known) * side.sign < 0:
                    self._set(side, price_ticks, size_atoms, ts_ns)
            self.sides[side].prune()
        self._seq = seq or self._seq
        while self._tops and (not seq or self._tops[0][0] <= seq):
            self._tops.popleft()
        return True

    def top(self, bid: Level, ask: Level, *, ts_ns: int, seq: int) -> bool:
        """Apply a top of the book; return whether the message counted."""
        newest = self._tops[-1][0] if self._tops else 0
        if not self.is_believed or (seq and seq <= max(self._seq, newest)):
            return False
        for side, level in ((BUY, bid), (SELL, ask)):
            for price_ticks in self.sides[side].better_than(level.price_ticks):
                self._set(side, price_ticks, 0, ts_ns)
            if level.price_ticks:
                self._set(side, level.price_ticks, level.size_atoms, ts_ns)
            self.sides[side].prune()
        self._tops.append((seq, bid.price_ticks, ask.price_ticks))
        return True

    def print(self, side: Side, price_ticks: int, size_atoms: int, ts_ns: int) -> Print:
        """Note a print that hit `side`; return it with what of it has been displayed already."""
        shown = self.sides[side].shown
        unprinted_atoms, shown_ns = shown.at(price_ticks, ts_ns)
        shown_atoms = shown.explain(price_ticks, size_atoms, ts_ns) if unprinted_atoms else 0
        if size_atoms > shown_atoms:
            self.sides[side].printed.add(price_ticks, size_atoms - shown_atoms, ts_ns)
        return Print(
            price_ticks=price_ticks,
            size_atoms=size_atoms,
            shown_atoms=shown_atoms,
            unprinted_atoms=unprinted_atoms,
            shown_ns=shown_ns,
        )

    def _set(self, side: Side, price_ticks: int, size_atoms: int, ts_ns: int) -> None:
        shown, own = self.sides[side], self._own[side]
        if not own.at(price_ticks):
            shown.set(price_ticks, size_atoms, ts_ns)
            return
        before_atoms = shown.size_atoms(price_ticks)
        unprinted_atoms = shown.shown.at(price_ticks, ts_ns)[0]
        fell_atoms = shown.set(price_ticks, size_atoms, ts_ns)
        if size_atoms < before_atoms:
            own.on_decrease(
                Decrease(
                    price_ticks=price_ticks,
                    before_atoms=before_atoms,
                    after_atoms=size_atoms,
                    fell_atoms=fell_atoms,
                    unprinted_atoms=unprinted_atoms,
                )
            )

    # Of a depth message the tops with a greater number know better, each at its price and above: the worst of
    # them at all prices of theirs. An empty side (0) is known to the last price.
    def _known_from(self, side: Side, seq: int) -> int | None:
        if not seq or not self._tops or self._tops[-1][0] <= seq:
            return None
        column = 1 if side is BUY else 2
        prices = [top[column] for top in self._tops if top[0] > seq]
        if side is BUY:
            return min(prices)
        return max(prices) if all(prices) else _NO_PRICE_TICKS
