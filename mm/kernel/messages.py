"""A message of several rows applied to both views of a market, and what would stop it. Leaves.

The rules of `domain.book` and of `sim.feed` in arrays: one look-up of a price serves both. Must never apply a
message half. Invariant: what may fill an own order is found before anything of it is applied.
"""

from mm.kernel.layout import (
    ASK,
    BASE,
    BEST,
    BEYOND,
    BID,
    BLOCKED,
    BOOK,
    CROSSED_NS,
    DEPTH_NS,
    FLOOR,
    KEY,
    MASK,
    NEAR,
    NEAR_COUNT,
    NEAR_MAX,
    NOWHERE,
    OWN_BEST,
    SEQ,
    SIGN,
    SLOT,
    TOP,
    TOP_ASK,
    TOP_ASK_ATOMS,
    TOP_BID,
    TOP_BID_ATOMS,
    TOP_SEQ,
    UPDATED_NS,
    VENUE,
    VENUE_SEQ,
    Cells,
)
from mm.kernel.slots import find, list_if_near, prune, set_book, settle, slot_of
from mm.kernel.venue_view import drop_tops, keep_top, known_from, set_venue


def may_cross(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells, market: int, sides: Cells, prices: Cells, sizes: Cells, row: int, end: int
) -> bool:
    """Return whether the rows may put the displayed market through an own order."""
    own_bid, own_ask = cells[market + BID + OWN_BEST], cells[market + ASK + OWN_BEST]
    if own_bid == NOWHERE and own_ask == NOWHERE:
        return False
    if cells[market + BLOCKED] != 0:
        return True
    # An own bid is gone through by an ask below it, an own ask (whose key is negative) by a bid above it.
    lowest_ask = own_bid
    highest_bid = -own_ask if own_ask != NOWHERE else BEYOND
    for at in range(row, end):
        if sides[at] > 0:
            if prices[at] > highest_bid and sizes[at] != 0:
                return True
        elif prices[at] < lowest_ask and sizes[at] != 0 and sides[at] < 0:
            return True
    return False


def take_delta(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    sides: Cells,
    prices: Cells,
    sizes: Cells,
    row: int,
    end: int,
    ts_ns: int,
    seq: int,
    in_book: bool,
    in_venue: bool,
) -> None:
    """Apply absolute sizes of levels to the views that take them."""
    bid, ask = market + BID, market + ASK
    known_bid = known_ask = NOWHERE
    if in_venue:
        known_bid, known_ask = known_from(cells, market, bid, seq), known_from(cells, market, ask, seq)
    for at in range(row, end):
        sign, price_ticks, size_atoms = sides[at], prices[at], sizes[at]
        if sign == 0:
            continue
        side = bid if sign > 0 else ask
        key, known = sign * price_ticks, known_bid if sign > 0 else known_ask
        if size_atoms == 0:
            slot = find(cells, side, price_ticks)
            if slot < 0:
                continue
        else:
            slot = slot_of(cells, side, price_ticks)
        if in_book:
            set_book(cells, side, slot, key, size_atoms)
        if key < known:
            set_venue(cells, market, side, slot, size_atoms, ts_ns)
        if size_atoms != 0 and (in_book or key < known):
            list_if_near(cells, side, slot, key)
    if in_venue:
        prune(cells, bid, VENUE)
        prune(cells, ask, VENUE)
        if seq != 0:
            cells[market + VENUE_SEQ] = seq
        drop_tops(cells, market, seq)
    if in_book:
        settle_delta(cells, market, ts_ns, seq)


def settle_delta(cells: Cells, market: int, ts_ns: int, seq: int) -> None:
    """Let the newest top hold against a delta of the engine's book that is older, and touch the book."""
    bid, ask = market + BID, market + ASK
    prune(cells, bid, BOOK)
    prune(cells, ask, BOOK)
    if cells[market + TOP] != 0:
        if seq < cells[market + TOP_SEQ]:
            price_ticks, size_atoms = cells[market + TOP_BID], cells[market + TOP_BID_ATOMS]
            cut(cells, market, bid, price_ticks, size_atoms, ts_ns, True, False)
            price_ticks, size_atoms = cells[market + TOP_ASK], cells[market + TOP_ASK_ATOMS]
            cut(cells, market, ask, price_ticks, size_atoms, ts_ns, True, False)
        else:
            cells[market + TOP] = 0
    cells[market + DEPTH_NS] = ts_ns
    touch(cells, market, ts_ns, seq)


def take_top(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    ts_ns: int,
    seq: int,
    bid_ticks: int,
    bid_atoms: int,
    ask_ticks: int,
    ask_atoms: int,
    in_book: bool,
    in_venue: bool,
) -> None:
    """Apply a top of the book to the views that take it: what is better is gone."""
    bid, ask = market + BID, market + ASK
    cut(cells, market, bid, bid_ticks, bid_atoms, ts_ns, in_book, in_venue)
    cut(cells, market, ask, ask_ticks, ask_atoms, ts_ns, in_book, in_venue)
    if in_venue:
        keep_top(cells, market, seq, bid_ticks, ask_ticks)
    if in_book:
        cells[market + TOP] = 1
        cells[market + TOP_SEQ] = seq
        cells[market + TOP_BID] = bid_ticks
        cells[market + TOP_BID_ATOMS] = bid_atoms
        cells[market + TOP_ASK] = ask_ticks
        cells[market + TOP_ASK_ATOMS] = ask_atoms
        touch(cells, market, ts_ns, cells[market + SEQ])


def cut(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    side: int,
    price_ticks: int,
    size_atoms: int,
    ts_ns: int,
    in_book: bool,
    in_venue: bool,
) -> None:
    """Take away what is better than a stated top, and display that; a price of 0: the side is empty."""
    key = cells[side + SIGN] * price_ticks if price_ticks != 0 else NOWHERE
    near = cells[side + NEAR]
    place = near + cells[side + NEAR_COUNT] - 1
    while place >= near and cells[place] > key:
        slot = cells[place + NEAR_MAX]
        _clear(cells, market, side, slot, cells[place], ts_ns, in_book, in_venue)
        place -= 1
    if cells[side + FLOOR] > key + 1:
        base, sign = cells[side + BASE], cells[side + SIGN]
        for slot in range(base, base + (cells[MASK] + 1) * SLOT, SLOT):
            beyond = sign * (cells[slot + KEY] >> 1)
            if cells[slot + KEY] != 0 and beyond > key:
                _clear(cells, market, side, slot, beyond, ts_ns, in_book, in_venue)
    if price_ticks != 0:
        slot = slot_of(cells, side, price_ticks)
        if in_book:
            set_book(cells, side, slot, key, size_atoms)
        if in_venue:
            set_venue(cells, market, side, slot, size_atoms, ts_ns)
        if size_atoms != 0:
            list_if_near(cells, side, slot, key)
    if in_book:
        prune(cells, side, BOOK)
    if in_venue:
        prune(cells, side, VENUE)


def _clear(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    side: int,
    slot: int,
    key: int,
    ts_ns: int,
    in_book: bool,
    in_venue: bool,
) -> None:
    if in_book and cells[slot + BOOK] != 0:
        set_book(cells, side, slot, key, 0)
    if in_venue and cells[slot + VENUE] != 0:
        set_venue(cells, market, side, slot, 0, ts_ns)


def touch(cells: Cells, market: int, ts_ns: int, seq: int) -> None:
    """Note that the engine's book has changed, and since when its sides cross."""
    bid, ask = market + BID, market + ASK
    settle(cells, bid)
    settle(cells, ask)
    cells[market + SEQ] = seq
    cells[market + UPDATED_NS] = ts_ns
    bid_key, ask_key = cells[bid + BEST], cells[ask + BEST]
    if NOWHERE in (bid_key, ask_key) or bid_key < -ask_key:
        cells[market + CROSSED_NS] = 0
    elif cells[market + CROSSED_NS] == 0:
        cells[market + CROSSED_NS] = ts_ns
