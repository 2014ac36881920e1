"""Random tapes of one market, as wild as streams can be: what a kernel has to take as the objects do.

Numbers out of order and missing, tops older and newer than the depth, empty sides, crossed and far tops,
bursts at one time, sizes off the lot, prices far away, silences, losses, keyframes, prints that repeat.
"""

from random import Random

from mm.domain.book import Level
from mm.domain.events import BookDelta, BookLost, BookSnapshot, PublicTrade, TopOfBook
from mm.domain.sides import BUY, SELL
from mm.domain.tape import Chunk, TapeWriter

SYMBOL, OTHER = "BTC/USDT", "ETH/USDT"
LOT = 1_000
GAPS_NS = (0, 0, 1, 1_000_000, 9_000_000, 60_000_000, 250_000_000)
SILENCE_NS = (700_000_000, 1_200_000_000, 2_500_000_000)


class RandomTape:
    """Writes messages that move around a price."""

    def __init__(self, seed: int, *, width: int = 12, wild: bool = True, others: float = 0.05) -> None:
        """Begin. Args: width: how far levels lie from the middle, in ticks, but for a few. wild: False: no
        silences, losses and crossed sides, so that a kernel goes a long way. others: part of the messages
        that are of another market.
        """
        self.random = Random(seed)
        self.wild = wild
        self.others = others
        self.writer = TapeWriter((OTHER, SYMBOL))
        self.ts_ns, self.seq, self.trade_id = 1_000_000_000_000, 100, 0
        self.middle, self.width = 1_000, width
        self.venue_ms = 1

    def chunk(self, messages: int) -> Chunk:
        """Return so many messages, the first a snapshot."""
        self._snapshot()
        kinds = (self._delta, self._top, self._trade, self._lost, self._keyframe, self._snapshot)
        for _ in range(messages):
            gaps = GAPS_NS if not self.wild or self.random.random() < 0.98 else SILENCE_NS
            self.ts_ns += self.random.choice(gaps)
            if self.random.random() < 0.1:
                self.middle += self.random.randint(-3, 3)
            self.random.choices(kinds, (30, 25, 25, 0.3 * self.wild, 0.5, 0.3 * self.wild))[0]()
        return self.writer.take()

    def _symbol(self) -> str:
        return SYMBOL if self.random.random() >= self.others else OTHER

    def _number(self) -> int:
        chance = self.random.random()
        if chance < 0.03:
            return 0
        if chance < 0.12:
            return max(1, self.seq - self.random.randint(0, 4))
        self.seq += self.random.randint(1, 3)
        return self.seq

    def _size(self) -> int:
        chance = self.random.random()
        if chance < 0.35:
            return 0
        if chance < 0.4:
            return self.random.choice((2**53 + 1, 2**55 - 3, 2**60 + 7))
        return self.random.choice((1, 3, 10, 100)) * LOT + self.random.choice((0, 0, 1, 333))

    def _price(self, sign: int) -> int:
        chance, random = self.random.random(), self.random
        if not self.wild:
            return self.middle - sign * random.randint(1, self.width if chance < 0.97 else 10**6)
        if chance < 0.03:
            return random.choice((1, 5, 990 + sign * 200, 10**6, 2**40, 2**28 + 997))
        return self.middle - sign * (
            random.randint(-1, self.width) if chance < 0.9 else random.randint(-4, 40)
        )

    def _levels(self, sign: int, count: int) -> tuple[Level, ...]:
        return tuple(Level(self._price(sign), self._size()) for _ in range(count))

    def _snapshot(self) -> None:
        bids = dict(self._levels(1, self.random.choice((0, 3, 30) if self.wild else (30, 300))))
        asks = dict(self._levels(-1, self.random.choice((0, 3, 30) if self.wild else (30, 300))))
        for side in (bids, asks):
            for price in [price for price, size in side.items() if not size]:
                del side[price]
        sides = (tuple(Level(*one) for one in side.items()) for side in (bids, asks))
        seq = self._number()
        bids_told, asks_told = sides
        event = BookSnapshot(ts_ns=self.ts_ns, symbol=SYMBOL, seq=seq, bids=bids_told, asks=asks_told)
        self.writer.add(event)

    def _keyframe(self) -> None:
        levels = self._levels(1, 2), self._levels(-1, 2)
        frame = BookSnapshot(ts_ns=self.ts_ns, symbol=SYMBOL, seq=self.seq, bids=levels[0], asks=levels[1])
        self.writer.add_keyframe(frame)

    def _delta(self) -> None:
        if self.random.random() < 0.8:
            self.venue_ms += self.random.randint(0, 2)
        count = self.random.choice((0, 1, 1, 2, 5, 12))
        bids = self._levels(1, self.random.randint(0, count))
        asks = self._levels(-1, count)
        self.writer.add(
            BookDelta(
                ts_ns=self.ts_ns,
                symbol=self._symbol(),
                seq=self._number(),
                venue_ms=self.venue_ms if self.random.random() < 0.95 else 0,
                bids=bids,
                asks=asks,
            )
        )

    def _top(self) -> None:
        wide, most = self.wild and self.random.random() < 0.05, 3 if self.wild else self.width
        bid = self.middle - self.random.randint(0, most) - 100 * wide * self.random.randint(-1, 1)
        ask = self.middle + self.random.randint(-1 if self.wild else 1, most)
        ask += 100 * wide * self.random.randint(-1, 1)
        sides = [Level(price, self._size() or 5 * LOT) for price in (bid, ask)]
        for side in (0, 1):
            chance = self.random.random()
            if chance < 0.02 and self.wild:
                sides[side] = Level(0, 0)
            elif chance < 0.04:
                sides[side] = Level(sides[side].price_ticks, 0)
        self.writer.add(
            TopOfBook(ts_ns=self.ts_ns, symbol=self._symbol(), seq=self._number(), bid=sides[0], ask=sides[1])
        )

    def _trade(self) -> None:
        if self.random.random() < 0.95:
            self.trade_id += 1
        self.writer.add(
            PublicTrade(
                ts_ns=self.ts_ns,
                symbol=self._symbol(),
                trade_id=self.trade_id,
                price_ticks=self.middle + self.random.randint(-3, 3),
                size_atoms=self._size(),
                aggressor=self.random.choice((BUY, SELL)),
                venue_ms=self.venue_ms,
            )
        )

    def _lost(self) -> None:
        self.writer.add(BookLost(ts_ns=self.ts_ns, symbol=SYMBOL, reason="a gap"))
