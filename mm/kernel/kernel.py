"""The kernel: books of several markets in arrays, and the loop that brings them up to the next decision.

It holds no rules of its own: the leaves have those. What it does is to hand over: what the engine and the
venue know goes into the arrays before a loop, and what the loop found comes out after it. Must never fill an
order. Invariant: it stops where `PlainKernel` stops, with the same news, compiled or not.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Final, TypeAlias

from mm.domain.book import LEVELS_MAX
from mm.domain.sides import BUY, SELL, Side
from mm.domain.tape import Chunk, Column
from mm.engine.glide import Glided
from mm.kernel import layout as at
from mm.kernel.array_book import ArrayBook
from mm.kernel.array_feed import ArrayFeed
from mm.kernel.compiled import compiled
from mm.kernel.memory import SLOTS, Memory
from mm.kernel.types import KernelMarket, Stop, Watch
from mm.sim.places import Places

WATCHES_AT_FIRST: Final = 8

_STOPS: Final = tuple(Stop)

_Entry: TypeAlias = tuple[int, int, int, int, int, int, int]
# `SeenTop` or `SeenTrade`.

_Columns: TypeAlias = tuple[object, object, object, object, object, object, object, object, object]
# Those of a chunk as the loop takes them.

_ENTRIES: Final = Struct(f"{at.ENTRY}q")
_TOLD: Final = Struct(f"{at.LAST_TRADE_ID + 1 - at.TOP_LOG}q")
_KNOWN: Final = Struct(f"{at.LAST_TRADE_ID + 1 - at.HEARD_NS}q")
_WATCH: Final = Struct(f"{at.WATCH}q")
# What stands together in the array, read and written in one step: one by one costs several times as much.

_BYTES: Final = 8


class _Facts:
    # What is known of a market beside its book, and what of it stands in the array.
    __slots__ = ("block", "known", "prints", "stated")

    def __init__(self, block: int, market: KernelMarket) -> None:
        self.block = block
        self.known = market.known
        self.prints = market.prints
        # In the order of the array.
        self.stated: tuple[int, int, bool, bool, int, int] = (-1, 0, False, False, 0, 0)


class _Held:
    # The own places of a side whose block begins at `side`, and the version of them that is in the array.
    __slots__ = ("places", "side", "version")

    def __init__(self, side: int, places: Places) -> None:
        self.side = side
        self.places = places
        self.version = -1


class Kernel:
    """See `mm.kernel.types.AnyKernel`. Fields: is_compiled: whether the loop is compiled."""

    def __init__(
        self,
        markets: Sequence[KernelMarket],
        *,
        say: Callable[[str], object] | None = None,
        levels_max: int | None = None,
        slots: int = SLOTS,
        compile_loop: bool = True,
    ) -> None:
        """Begin without rows, with empty books.

        Args: say: is told before the loop is compiled for the first time on a machine. levels_max: that a
            side keeps, as of `domain.book` if None. slots: of a side at first, a power of 2. compile_loop:
            False: run it as it stands.
        """
        self._markets = tuple(markets)
        self._compiled = compiled(say) if compile_loop else None
        self._memory = Memory(
            len(markets), levels_max=levels_max or LEVELS_MAX, slots=slots, made=self._compiled
        )
        self._held: list[_Held] = []
        self._watched: Sequence[Watch] = ()
        # Of each market what was read out of its full logs.
        self._early: dict[int, tuple[list[_Entry], list[_Entry]]] = {}
        self._watches_max = 0
        self._wants_keyframe = False
        self._columns: _Columns = (None,) * 9
        self._rows = 0
        self._facts = [
            _Facts(block, one) for block, one in zip(self._memory.blocks, self._markets, strict=True)
        ]
        self._symbols: tuple[str, ...] = ()
        for index, market in enumerate(markets):
            block = self._memory.blocks[index]
            self._memory.cells[block + at.STALE_NS] = market.stale_ns
            if market.queue is not None:
                self._memory.cells[block + at.QUEUE] = int(market.queue.model)
                self._memory.cells[block + at.LOT_ATOMS] = market.queue.lot_atoms
                self._memory.cells[block + at.PARTICIPATION] = market.queue.participation_ppm
                self._memory.set_shape(block, market.queue.shape)

    @property
    def is_compiled(self) -> bool:
        """Whether the loop is compiled: Numba is installed and not switched off."""
        return self._compiled is not None

    @property
    def now_ns(self) -> int:
        """Time of the last message that was applied or let pass, keyframes aside; 0 before the first."""
        return self._memory.cells[at.NOW_NS]

    @property
    def messages(self) -> int:
        """So many were applied or let pass, keyframes included."""
        return self._memory.cells[at.NUMBER]

    def book(self, market: int) -> ArrayBook:
        """Return what becomes the engine's book of a market."""
        return ArrayBook(self._memory, self._memory.blocks[market])

    def feed(self, market: int, own: Mapping[Side, Places]) -> ArrayFeed:
        """Return what becomes the venue's view of a market; its own orders are in the places `own`."""
        block = self._memory.blocks[market]
        self._memory.cells[block + at.HAS_VENUE] = 1
        bids, asks = _Held(block + at.BID, own[BUY]), _Held(block + at.ASK, own[SELL])
        self._held = [one for one in self._held if one.side not in (bids.side, asks.side)] + [bids, asks]
        return ArrayFeed(self._memory, block, dict(own))

    def load(self, chunk: Chunk) -> None:
        """Go on with the rows of `chunk`."""
        made = self._compiled
        columns = [_plain(one) if made is None else made.column(one) for one in chunk.columns]
        ts_ns, kind, market, side, price, size, seq, venue_ms, last = columns
        self._columns = (ts_ns, kind, market, side, price, size, seq, venue_ms, last)
        self._rows = chunk.rows
        if chunk.symbols != self._symbols:
            self._symbols = chunk.symbols
            begin = self._memory.region(len(chunk.symbols))
            cells, places = self._memory.cells, {one.symbol: index for index, one in enumerate(self._markets)}
            cells[at.NAMES] = begin
            for number, symbol in enumerate(chunk.symbols):
                index = places.get(symbol, -1)
                cells[begin + number] = -1 if index < 0 else self._memory.blocks[index]

    def advance(
        self, row: int, limit_ns: int, watches: Sequence[Watch], *, wants_keyframe: bool = False
    ) -> tuple[Stop, int]:
        """Apply messages from `row` on, the first of one; return why it ended, and the row of the next."""
        self._take_in(watches, wants_keyframe=wants_keyframe)
        memory = self._memory
        # One by one: that many arguments out of a sequence would cost a tenth of the call.
        a, b, c, d, e, f, g, h, i = self._columns
        while True:
            code = memory.run(a, b, c, d, e, f, g, h, i, memory.view, row, self._rows, limit_ns)
            row = memory.cells[at.ROW]
            if code == at.GROW:
                memory.grow()
            elif code == at.FULL:
                self._empty_logs()
            else:
                break
        cells = memory.cells
        for held in self._held:
            if cells[held.side + at.CHANGED]:
                _give_back(cells, held.side, held.places)
        return _STOPS[code], row

    def news(self, market: int) -> Glided:
        """Return what happened to a market since the last call, and forget it."""
        tops, trades, heard_ns, venue_ms, stands = self._told(market)
        if self._early:
            early_tops, early_trades = self._early.pop(market, ([], []))
            tops, trades = early_tops + tops, early_trades + trades
        return Glided(self._markets[market].symbol, tops, trades, heard_ns, venue_ms, stands != 0)

    # ---- what goes in, what comes out

    def _take_in(self, watches: Sequence[Watch], *, wants_keyframe: bool) -> None:
        memory = self._memory
        if watches is not self._watched:
            self._take_watches(watches)
        for held in self._held:
            if held.places.version != held.version:
                self._take_places(held)
        cells = memory.cells
        for facts in self._facts:
            known, prints = facts.known, facts.prints
            stated = (
                known.heard_ns,
                known.venue_ms,
                known.stands,
                known.wants_tops,
                known.mid_half_ticks,
                -1 if prints is None else prints.last_trade_id,
            )
            if stated != facts.stated:
                facts.stated = stated
                _KNOWN.pack_into(cells, (facts.block + at.HEARD_NS) * _BYTES, *stated)
        if wants_keyframe != self._wants_keyframe:
            cells[at.WANTS_KEYFRAME] = self._wants_keyframe = wants_keyframe

    def _take_watches(self, watches: Sequence[Watch]) -> None:
        memory, self._watched = self._memory, watches
        if len(watches) > self._watches_max:
            self._watches_max = 2 * len(watches) + WATCHES_AT_FIRST
            begin = memory.region(self._watches_max * at.WATCH)
            memory.cells[at.WATCHES] = begin
        cells, blocks = memory.cells, memory.blocks
        place = cells[at.WATCHES]
        cells[at.WATCHED] = len(watches)
        for market, decided, threshold in watches:
            _WATCH.pack_into(cells, place * _BYTES, blocks[market], decided, threshold)
            place += at.WATCH

    def _take_places(self, held: _Held) -> None:
        side, own, cells, count = held.side, held.places, self._memory.cells, 0
        place, room = cells[side + at.PLACES], cells[side + at.PLACES_MAX]
        for one in own.all():
            if count == room:
                place = self._memory.make_places(side, count + 1) + count * at.PLACE
                cells = self._memory.cells
                room = cells[side + at.PLACES_MAX]
            cells[place] = one.order.price_ticks
            cells[place + at.FRONT] = one.front_atoms
            cells[place + at.CREDIT] = one.credit_atoms
            cells[place + at.LIVE_NS] = one.live_ns
            place += at.PLACE
            count += 1
        cells[side + at.PLACES_COUNT] = count
        held.version = own.version

    # Returns what is in the logs, and empties them; then HEARD_NS, VENUE_MS, STANDS. What of it the objects
    # say as well need not be written again.
    def _told(self, market: int) -> tuple[list[_Entry], list[_Entry], int, int, int]:
        cells, block = self._memory.cells, self._memory.blocks[market]
        told = _TOLD.unpack_from(cells, (block + at.TOP_LOG) * _BYTES)
        top_log, topped, trade_log, traded, heard_ns, venue_ms, stands, wants_tops, mid, last_trade_id = told
        facts = self._facts[market]
        facts.stated = (heard_ns, venue_ms, stands != 0, wants_tops != 0, mid, last_trade_id)
        tops = _entries(cells, top_log, topped) if topped else []
        trades = _entries(cells, trade_log, traded) if traded else []
        if topped:
            cells[block + at.TOP_LOGGED] = 0
        if traded:
            cells[block + at.TRADE_LOGGED] = 0
        return tops, trades, heard_ns, venue_ms, stands

    # So that there is room for more before anybody asks for news.
    def _empty_logs(self) -> None:
        for market in range(len(self._markets)):
            tops, trades = self._early.setdefault(market, ([], []))
            more_tops, more_trades, _, _, _ = self._told(market)
            tops += more_tops
            trades += more_trades


def _entries(cells: "array[int]", begin: int, count: int) -> list[_Entry]:
    if count == 1:
        # As it mostly is.
        return [_ENTRIES.unpack_from(cells, begin * _BYTES)]
    return list(_ENTRIES.iter_unpack(cells[begin : begin + count * at.ENTRY]))


def _give_back(cells: "array[int]", side: int, own: Places) -> None:
    place, cells[side + at.CHANGED] = cells[side + at.PLACES], 0
    for one in own.all():
        one.front_atoms, one.credit_atoms = cells[place + at.FRONT], cells[place + at.CREDIT]
        place += at.PLACE


def _plain(column: Column) -> "array[int]":
    return column if isinstance(column, array) else array("q", column.tolist())
