"""A recording without the prints and best prices that cannot be: five times the one before, or a fifth of it.

No market does that from one message to the next; a broken feed does, and in a backtest such a print would
fill every order on its side. Levels of a book are let through: somebody may well wait that far away. A run's
own record is not judged: what the run heard, its backtest has to hear. Invariants: a recording without such
prices is handed on as it is, and what is left out is counted and told.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from statistics import median_low
from types import ModuleType
from typing import Final, NamedTuple

from mm.domain.events import AnyEvent, BookLost
from mm.domain.tape import ANEW, OTHER, TOP, TRADE, Chunk, Column, Columns
from mm.store.recordings.source import DAYS_GONE, Source
from mm.store.recordings.wrapped import WrappedSource

np: Final[ModuleType | None] = import_module("numpy") if find_spec("numpy") else None
"""NumPy where it is installed: it comes with the extra."""

FAR_TIMES: Final = 5
"""A price that is so many times another one, or so small a part of it, is far off."""

FIRST_PRICES: Final = 101
"""The middle one of so many is taken for the price before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a reading left out. Fields: messages: how many; first_ns: local time of the first; symbol: its
    market; price_ticks, near_ticks: its price, and the one before it.
    """

    messages: int
    first_ns: int
    symbol: str
    price_ticks: int
    near_ticks: int


def is_far(price_ticks: int, near_ticks: int) -> bool:
    """Return whether a price above 0 cannot follow another one."""
    return not near_ticks <= price_ticks * FAR_TIMES <= near_ticks * FAR_TIMES**2


def left_out_of(source: Source) -> LeftOut | None:
    """Return what the last reading of a source left out, None for nothing."""
    told: LeftOut | None = getattr(source, "left_out", None)
    return told


class _Prices(NamedTuple):
    # Of one market in one chunk. Fields: middle: of the first ones; low, high, last: of all.
    middle: int
    low: int
    high: int
    last: int


class PlausibleSource(WrappedSource):
    """A source without prices that are far off.

    Fields: left_out: of the rows that were read last, None for nothing.
    """

    def __init__(self, source: Source) -> None:
        """Stand for `source`."""
        super().__init__(source)
        self.left_out: LeftOut | None = None

    def chunks(self, from_ns: int = 0, to_ns: int = 0) -> Iterator[Chunk]:
        """Yield the rows; see `Source.chunks`."""
        self.left_out = None
        near: dict[int, int] = {}
        for chunk in self.source.chunks(from_ns, to_ns):
            yield chunk if self.controls else self._sound(chunk, near)

    def _sound(self, chunk: Chunk, near: dict[int, int]) -> Chunk:
        kept: list[int] | None
        if not any(_is_seam(event) for event in chunk.others):
            kept = self._kept_of(chunk, near)
        else:
            kept = []
            for begin, part, lost in _stretches(chunk):
                if lost in chunk.symbols:
                    near.pop(chunk.symbols.index(lost), None)
                inside = self._kept_of(part, near)
                kept += [begin + at for at in (range(part.rows) if inside is None else inside)]
        if kept is None or len(kept) == chunk.rows:
            return chunk
        columns = Columns(*(_picked(column, kept) for column in chunk.columns))
        return Chunk(chunk.symbols, columns, chunk.others)

    def _kept_of(self, chunk: Chunk, near: dict[int, int]) -> list[int] | None:
        # By the extremes first: almost every chunk is as it should be; None: all of it.
        prices = _prices(chunk)
        for market, found in prices.items():
            near.setdefault(market, found.middle)
        spans = [(min(one.low, near[market]), max(one.high, near[market])) for market, one in prices.items()]
        if not any(is_far(high, low) for low, high in spans):
            near.update((market, found.last) for market, found in prices.items())
            return None
        return self._kept(chunk, near)

    def _kept(self, chunk: Chunk, near: dict[int, int]) -> list[int]:
        # A message is kept or left out as a whole.
        kept: list[int] = []
        begun, far = 0, 0
        rows = zip(*(column.tolist() for column in chunk.columns), strict=True)
        for at, (ts_ns, kind, market, _, price, _, _, _, last) in enumerate(rows):
            if kind in (TRADE, TOP) and price > 0 and not far:
                far = price if is_far(price, near[market]) else 0
            if not last:
                continue
            if far:
                self._leave_out(ts_ns, chunk.symbols[market], far, near[market])
            else:
                kept.extend(range(begun, at + 1))
                if kind in (TRADE, TOP) and price > 0:
                    near[market] = price
            begun, far = at + 1, 0
        return kept

    def _leave_out(self, ts_ns: int, symbol: str, price_ticks: int, near_ticks: int) -> None:
        before = self.left_out
        if before is None:
            self.left_out = LeftOut(
                messages=1, first_ns=ts_ns, symbol=symbol, price_ticks=price_ticks, near_ticks=near_ticks
            )
        else:
            self.left_out = LeftOut(
                messages=before.messages + 1,
                first_ns=before.first_ns,
                symbol=before.symbol,
                price_ticks=before.price_ticks,
                near_ticks=before.near_ticks,
            )


# Behind it everything may be years later: what came before says nothing of its prices.
def _is_seam(event: AnyEvent) -> bool:
    return isinstance(event, BookLost) and event.reason in (*ANEW, DAYS_GONE)


# The parts of a chunk that begin with it or with a seam: the row, the part, and whose book was lost there.
def _stretches(chunk: Chunk) -> Iterator[tuple[int, Chunk, str]]:
    columns = chunk.columns
    begins = {0: ""}
    for at, (kind, seq) in enumerate(zip(columns.kind.tolist(), columns.seq.tolist(), strict=True)):
        event = chunk.others[seq] if kind == OTHER else None
        if isinstance(event, BookLost) and _is_seam(event):
            begins[at] = event.symbol
    for (begin, lost), end in zip(begins.items(), [*list(begins)[1:], chunk.rows], strict=True):
        yield begin, chunk._replace(columns=Columns(*(column[begin:end] for column in columns))), lost


# Of each market that has any, above 0. Every row of a recording passes here, and almost none is a print or a
# best price: where NumPy is installed (the compiled kernel needs it) a row costs a hundredth.
def _prices(chunk: Chunk) -> dict[int, _Prices]:
    columns = chunk.columns
    if np is not None:
        kinds, markets = np.asarray(columns.kind), np.asarray(columns.market)
        prices = np.asarray(columns.price_ticks)
        told = ((kinds == TRADE) | (kinds == TOP)) & (prices > 0)
        its, numbers = markets[told], prices[told]
        return {market: _of(numbers[its == market].tolist()) for market in dict.fromkeys(its.tolist())}
    found: dict[int, list[int]] = {}
    rows = zip(columns.kind.tolist(), columns.market.tolist(), columns.price_ticks.tolist(), strict=True)
    for kind, market, price in rows:
        if kind in (TRADE, TOP) and price > 0:
            found.setdefault(market, []).append(price)
    return {market: _of(numbers) for market, numbers in found.items()}


def _of(prices: list[int]) -> _Prices:
    return _Prices(median_low(prices[:FIRST_PRICES]), min(prices), max(prices), prices[-1])


def _picked(column: Column, kept: list[int]) -> Column:
    numbers = column.tolist()
    return array("q", [numbers[at] for at in kept])
