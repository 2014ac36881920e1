"""An auditor of paper fills: reads a recording and a run's journal, and says which fills nothing explains.

It knows the rules that a person would check by hand and shares no code with what filled the orders. Its own
estimate of a queue is the smallest that can be argued for, so that it never accuses a fill wrongly, and it
sees every fill that came before its time, from nowhere, or twice from the same print.
"""

import gzip
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from mm.domain.commands import Cancel, Place
from mm.domain.events import (
    BookDelta,
    BookLost,
    BookSnapshot,
    OrderAcked,
    OrderFilled,
    PublicTrade,
    Stream,
    StreamDown,
    TopOfBook,
)
from mm.store.journal.entries import Kind, Record

ATOMS: Final = 10**8
NEVER_NS: Final = 2**63

Levels = dict[int, int]
Told = tuple[Levels, Levels]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How integers are made of the recording's texts. Fields: tick and lot as texts; latency_ns: always."""

    tick: str
    lot: str
    latency_ns: int

    @property
    def lot_atoms(self) -> int:
        """Atoms of a lot."""
        return int(Decimal(self.lot) * ATOMS)

    def levels(self, rows: Iterable[Sequence[str]]) -> Levels:
        """Return rows of price and size as ticks and atoms."""
        return {int(Decimal(price) / Decimal(self.tick)): int(Decimal(size) * ATOMS) for price, size in rows}


class Recording:
    """What was recorded. Fields: trades: by id, as (ticks, atoms, seller takes); depth, tops: by number."""

    def __init__(self, files: Sequence[Path], grid: Grid) -> None:
        """Read the files whole."""
        self.trades: dict[int, tuple[int, int, bool]] = {}
        self.depth: dict[int, Told] = {}
        self.tops: dict[int, Told] = {}
        for stream, data in _frames(files):
            if stream == "trade":
                ((ticks, atoms),) = grid.levels([(data["p"], data["q"])]).items()
                self.trades[data["t"]] = (ticks, atoms, data["m"])
            elif stream == "bookTicker":
                self.tops[data["u"]] = (
                    grid.levels([(data["b"], data["B"])]),
                    grid.levels([(data["a"], data["A"])]),
                )
            elif stream.startswith("depth"):
                self.depth[data["u"]] = (grid.levels(data["b"]), grid.levels(data["a"]))


def _frames(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files:
        with gzip.open(file, "rb") as lines:
            for line in lines:
                frame = json.loads(line.partition(b" ")[2])
                if "stream" in frame:
                    yield frame["stream"].partition("@")[2], frame["data"]


class Side:
    """What is displayed on one side. Fields: sign: 1 for bids; levels; taken: by us, until more is shown."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: Levels = {}
        self.taken: Levels = {}
        self._tops: list[tuple[int, int]] = []

    @property
    def best(self) -> int | None:
        """The best price."""
        return max(self.levels, key=lambda price: price * self.sign, default=None)

    def replace(self, levels: Levels) -> None:
        """A snapshot."""
        self.levels = {}
        self._tops = []
        for price, atoms in levels.items():
            self._set(price, atoms)
        self.taken = {price: min(atoms, self.levels.get(price, 0)) for price, atoms in self.taken.items()}

    def change(self, number: int, levels: Levels) -> None:
        """A change of depth: a later top knows better, at its price and above."""
        self._tops = [(seq, price) for seq, price in self._tops if seq > number]
        for price, atoms in levels.items():
            if all((price - top) * self.sign < 0 for _, top in self._tops):
                self._set(price, atoms)

    def top(self, number: int, level: Levels) -> None:
        """A top: nothing is better."""
        ((price, atoms),) = level.items()
        self._tops.append((number, price))
        for better in [known for known in self.levels if (known - price) * self.sign > 0]:
            self._set(better, 0)
        self._set(price, atoms)

    def through(self, price: int) -> list[int]:
        """Return the prices at which an order on the other side at `price` is crossed, best first."""
        found = [shown for shown in self.levels if (shown - price) * self.sign > 0]
        return sorted(found, key=lambda shown: -shown * self.sign)

    def _set(self, price: int, atoms: int) -> None:
        if atoms:
            self.levels[price] = atoms
        else:
            self.levels.pop(price, None)
        if price in self.taken:
            self.taken[price] = min(self.taken[price], atoms)


@dataclass(kw_only=True)
class Own:
    """An own order. Fields: front: the least that can be in front of it, atoms, None before it rests."""

    cid: str
    sign: int
    price: int
    left: int
    post_only: bool
    live_ns: int
    gone_ns: int = NEVER_NS
    front: int | None = None
    would_take: bool = False


@dataclass
class Findings:
    """What came out. Fields: fills, of which by_print and by_cross; told: what nothing explains."""

    by_print: int = 0
    by_cross: int = 0
    fills: int = 0
    told: list[str] = field(default_factory=list)


class Auditor:
    """Goes through a journal once."""

    def __init__(self, recording: Recording, grid: Grid) -> None:
        self.found = Findings()
        self._recording, self._grid = recording, grid
        self._sides = {1: Side(1), -1: Side(-1)}
        self._seq, self._top_seq, self._believed = 0, 0, False
        self._own: dict[str, Own] = {}
        self._coming: deque[Own] = deque()
        self._here: list[Own] = []
        self._fills: list[OrderFilled] = []
        self._trade_ids: set[int] = set()
        self._last_print = -1
        self._now_ns = 0

    def audit(self, records: Iterable[Record]) -> Findings:
        """Return what is found in the records of a run on one symbol."""
        for record in records:
            entry = record.entry
            if isinstance(entry, Place):
                self._place(entry, record.ts_ns + self._grid.latency_ns)
            elif isinstance(entry, Cancel) and entry.cid in self._own:
                own = self._own[entry.cid]
                own.gone_ns = min(own.gone_ns, record.ts_ns + self._grid.latency_ns)
            elif isinstance(entry, OrderAcked) and self._own[entry.cid].would_take:
                self._tell(entry.cid, "post-only, accepted although it would have taken")
            elif isinstance(entry, OrderFilled) and entry.trade_id not in self._trade_ids:
                self._trade_ids.add(entry.trade_id)
                if entry.cid in self._own:
                    self._fills.append(entry)
                else:
                    self._tell(entry.cid, "filled before it was placed")
            elif record.kind is Kind.EVENT:
                self._happen(entry, record.ts_ns)
        return self.found

    def _place(self, place: Place, live_ns: int) -> None:
        own = Own(
            cid=place.cid,
            sign=place.side.sign,
            price=place.price_ticks,
            left=place.size_lots * self._grid.lot_atoms,
            post_only=place.post_only,
            live_ns=live_ns,
        )
        self._own[place.cid] = own
        self._coming.append(own)

    # The fills told since the last event are what this one did: they are recorded before it.
    def _happen(self, event: object, ts_ns: int) -> None:
        self._now_ns = max(self._now_ns, ts_ns)
        self._arrive()
        fills, self._fills = [self._checked(fill) for fill in self._fills], []
        makers = [(own, atoms) for own, atoms, maker in fills if maker]
        if isinstance(event, PublicTrade):
            self._print(event, makers)
        elif isinstance(event, BookSnapshot | BookDelta | TopOfBook):
            self._show(event)
            if makers:
                self._cross(makers)
            for own in self._resting():
                own.front = min(own.front or 0, self._sides[own.sign].levels.get(own.price, 0))
        else:
            for own, _ in makers:
                self._tell(own.cid, f"filled by {type(event).__name__}")
        if isinstance(event, BookLost) or (isinstance(event, StreamDown) and event.stream is Stream.MARKET):
            self._believed = False

    def _arrive(self) -> None:
        while self._coming and self._coming[0].live_ns <= self._now_ns:
            own = self._coming.popleft()
            best = self._sides[-own.sign].best
            crossed = best is not None and (own.price - best) * own.sign >= 0
            own.would_take = own.post_only and (crossed or not self._believed)
            own.front = self._sides[own.sign].levels.get(own.price, 0)
            self._here.append(own)

    def _resting(self) -> list[Own]:
        self._here = [own for own in self._here if own.left and own.gone_ns > self._now_ns]
        return self._here

    def _checked(self, fill: OrderFilled) -> tuple[Own, int, bool]:
        own, atoms = self._own[fill.cid], fill.size_lots * self._grid.lot_atoms
        self.found.fills += 1
        if atoms > own.left:
            self._tell(fill.cid, "filled beyond its size")
        own.left -= atoms
        if fill.maker and fill.price_ticks != own.price:
            self._tell(fill.cid, "a maker's fill at another price than the order's")
        if (own.price - fill.price_ticks) * own.sign < 0:
            self._tell(fill.cid, "filled beyond its limit")
        if not fill.maker and own.post_only:
            self._tell(fill.cid, "post-only, but it took")
        if own.live_ns > self._now_ns:
            self._tell(fill.cid, "filled before it took effect")
        if fill.maker and own.gone_ns < self._now_ns:
            self._tell(fill.cid, "filled after its cancel took effect")
        return own, atoms, fill.maker

    def _print(self, event: PublicTrade, fills: list[tuple[Own, int]]) -> None:
        price, atoms, seller_takes = self._recording.trades.get(event.trade_id, (0, 0, False))
        sign = 1 if seller_takes else -1
        if (price, atoms, sign) != (event.price_ticks, event.size_atoms, -event.aggressor.sign):
            self._tell("", f"print {event.trade_id} is not the recorded one")
        left = atoms if event.trade_id > self._last_print else 0
        self._last_print = max(self._last_print, event.trade_id)
        for own, filled in fills:
            self.found.by_print += 1
            in_front = (own.front or 0) if own.price == price else 0
            if own.sign != sign or (own.price - price) * sign < 0:
                self._tell(own.cid, f"print {event.trade_id} did not come to its price")
            if filled > left - in_front:
                self._tell(
                    own.cid, f"print {event.trade_id} had {left - in_front} atoms for it, not {filled}"
                )
            left -= filled
            for other in self._resting():
                is_first = (own.price - other.price) * sign < 0 and other.live_ns <= own.live_ns
                if other.sign == sign and is_first and not other.would_take:
                    self._tell(own.cid, f"filled before {other.cid}, which is better and older")
        for own in self._resting():
            if own.sign == sign and own.price == price:
                own.front = max(0, (own.front or 0) - atoms)

    def _show(self, event: BookSnapshot | BookDelta | TopOfBook) -> None:
        if isinstance(event, TopOfBook):
            told = (
                {event.bid.price_ticks: event.bid.size_atoms},
                {event.ask.price_ticks: event.ask.size_atoms},
            )
            if self._recording.tops.get(event.seq) != told:
                self._tell("", f"top {event.seq} is not the recorded one")
            if not self._believed or event.seq <= max(self._seq, self._top_seq):
                return
            self._top_seq = event.seq
            for side, level in zip((1, -1), told, strict=True):
                self._sides[side].top(event.seq, level)
            return
        rows = (dict(event.bids), dict(event.asks))
        if isinstance(event, BookSnapshot):
            self._believed, self._top_seq = True, 0
        elif self._recording.depth.get(event.seq) != rows:
            self._tell("", f"change {event.seq} is not the recorded one")
        if not self._believed or (isinstance(event, BookDelta) and event.seq <= self._seq):
            return
        self._seq = event.seq
        for side, levels in zip((1, -1), rows, strict=True):
            if isinstance(event, BookSnapshot):
                self._sides[side].replace(levels)
            else:
                self._sides[side].change(event.seq, levels)

    def _cross(self, fills: list[tuple[Own, int]]) -> None:
        bid, ask = self._sides[1].best, self._sides[-1].best
        for own, filled in fills:
            self.found.by_cross += 1
            if not self._believed or (bid and ask and bid >= ask):
                self._tell(own.cid, "filled by a book that is not to be believed")
            side, left = self._sides[-own.sign], filled
            for price in side.through(own.price):
                part = min(left, side.levels[price] - side.taken.get(price, 0))
                side.taken[price] = side.taken.get(price, 0) + part
                left -= part
            if left:
                self._tell(own.cid, f"the book showed {left} atoms less than it was filled with")

    def _tell(self, cid: str, text: str) -> None:
        self.found.told.append(f"{self._now_ns} {cid}: {text}")
