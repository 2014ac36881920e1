"""The depth of a recorded market as its snapshots and changes leave it, for keyframes and for checks.

No best prices are laid over it: a keyframe says what the numbered changes say. Must never grow without bound:
beyond twice LEVELS_MAX a side the farthest levels go, as they do in a book.
"""

from collections.abc import Iterable

from mm.domain.book import LEVELS_MAX, Level


class Depth:
    """Sizes by price, two sides.

    Fields: seq: number of the last change, -1 without a book; bids, asks: base atoms by price in ticks.
    """

    __slots__ = ("asks", "bids", "seq")

    def __init__(self) -> None:
        """Begin without a book."""
        self.seq = -1
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def replace(self, seq: int, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Put a whole book in place."""
        self.seq = seq
        self.bids = {price: size for price, size in bids if size}
        self.asks = {price: size for price, size in asks if size}

    def change(self, seq: int, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> None:
        """Put changed levels in; a size of 0 takes one out. Without a book nothing happens."""
        if self.seq < 0:
            return
        self.seq = seq
        self.bids = _changed(self.bids, bids, sign=1)
        self.asks = _changed(self.asks, asks, sign=-1)

    def lose(self) -> None:
        """Forget the book."""
        self.seq = -1
        self.bids, self.asks = {}, {}

    def levels(self) -> tuple[list[Level], list[Level]]:
        """Return bids and asks, best first, at most LEVELS_MAX each."""
        bids = [Level(price, self.bids[price]) for price in sorted(self.bids, reverse=True)[:LEVELS_MAX]]
        asks = [Level(price, self.asks[price]) for price in sorted(self.asks)[:LEVELS_MAX]]
        return bids, asks


def _changed(side: dict[int, int], levels: Iterable[tuple[int, int]], *, sign: int) -> dict[int, int]:
    for price, size in levels:
        if size:
            side[price] = size
        else:
            side.pop(price, None)
    if len(side) <= 2 * LEVELS_MAX:
        return side
    best = sorted(side, key=lambda price: -sign * price)[:LEVELS_MAX]
    return {price: side[price] for price in best}
