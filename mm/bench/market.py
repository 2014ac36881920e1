"""The market that the bench's exchange shows: a book whose mid flips with every frame, as wire texts.

Each frame changes exactly 20 levels a side and moves the mid by `STEP_TICKS`: up, down, up. As in recorded
frames of a liquid symbol, about half of the levels appear or disappear, most sizes are below 1 and begin with
zeros, and prices seldom come back. Numbers come from a linear congruence, so that every run sees the same
texts. Invariant: the frames of one market are numbered without a gap from its snapshot on.
"""

from collections import deque
from typing import Final

from mm.bench.rig import MID_TICKS, VENUE_SYMBOL

LEVELS: Final = 20
"""Changed levels per side of a frame."""

STEP_TICKS: Final = 20
LOW_BID: Final = MID_TICKS - 40
LOW_MID: Final = LOW_BID + 30
HIGH_MID: Final = LOW_MID + STEP_TICKS
"""The two mids between which the market flips, in ticks."""

_SNAPSHOT_LEVELS: Final = 1_000
_ROOT_TICKS: Final = 200
"""Levels come and go within the square of it behind the touch, more of them near than far."""

_MOVING: Final = LEVELS // 2 - 1
"""Levels behind the touch that come with a frame, and that go; two more are the touch's."""


class FlippingMarket:
    """One connection's market. Fields: seq: number of the last change told."""

    def __init__(self, seed: int = 1) -> None:
        """Begin low, at change 1."""
        self.seq = 1
        self._state = seed
        self._high = False
        self._bids = _Side(self, -1, LOW_BID)
        self._asks = _Side(self, 1, LOW_BID + 60)

    def snapshot(self) -> str:
        """Return the answer to a request for the book as it is now."""
        bids, asks = ",".join(self._bids.all(self._high)), ",".join(self._asks.all(not self._high))
        return f'{{"lastUpdateId":{self.seq},"bids":[{bids}],"asks":[{asks}]}}'

    def frame(self, venue_ms: int) -> str:
        """Return the next depth update: the mid flips, what the touch left behind is emptied."""
        self.seq += 1
        self._high = not self._high
        bids, asks = ",".join(self._bids.next(self._high)), ",".join(self._asks.next(not self._high))
        return (
            f'{{"e":"depthUpdate","E":{venue_ms},"s":"{VENUE_SYMBOL}","U":{self.seq},"u":{self.seq},'
            f'"b":[{bids}],"a":[{asks}]}}'
        )

    def draw(self, below: int) -> int:
        """Return a number from 0 to `below` - 1."""
        self._state = (self._state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (self._state >> 33) % below


class _Side:
    # One side of the book: an inner touch that comes and goes, an outer one that stays, and levels behind.

    def __init__(self, market: FlippingMarket, sign: int, inner_low: int) -> None:
        self._market = market
        self._sign = sign
        self._inner = inner_low if sign > 0 else inner_low + STEP_TICKS
        self._outer = inner_low + STEP_TICKS if sign > 0 else inner_low
        self._behind: deque[int] = deque()
        self._known: set[int] = set()
        for _ in range(_SNAPSHOT_LEVELS - 2):
            self._come()

    def all(self, inner: bool) -> list[str]:
        touch = [self._inner, self._outer] if inner else [self._outer]
        return [self._row(price) for price in (*touch, *sorted(self._behind, key=lambda p: p * self._sign))]

    def next(self, inner: bool) -> list[str]:
        touch = [self._row(self._inner) if inner else _gone(self._inner), self._row(self._outer)]
        coming = [self._come() for _ in range(_MOVING)]
        going = [self._go() for _ in range(_MOVING)]
        rows = [*(_gone(price) for price in going), *(self._row(price) for price in coming)]
        # As a venue lists them: from the touch outwards.
        order = sorted(range(2 * _MOVING), key=lambda i: (going + coming)[i] * self._sign)
        return [*touch, *(rows[i] for i in order)]

    def _come(self) -> int:
        draw = self._market.draw
        while True:
            price = self._outer + self._sign * (1 + draw(_ROOT_TICKS) * draw(_ROOT_TICKS))
            if price not in self._known:
                self._behind.append(price)
                self._known.add(price)
                return price

    def _go(self) -> int:
        price = self._behind.popleft()
        self._known.discard(price)
        return price

    def _row(self, price_ticks: int) -> str:
        draw = self._market.draw
        return f'["{_price(price_ticks)}","{_size(1 + draw(10 ** (5 + draw(4))))}"]'


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02}000000"


def _size(atoms: int) -> str:
    return f"{atoms // 10**8}.{atoms % 10**8:08}"


def _gone(price_ticks: int) -> str:
    return f'["{_price(price_ticks)}","0.00000000"]'
