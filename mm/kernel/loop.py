"""The loop over the rows of a tape: what it applies, and where it ends. Leaves; `run` is what gets compiled.

Follows `Stop` of `types.py` to the letter. Must never apply what may fill an order or make a decision due
before it. Invariant: wherever it ends, the arrays are as they would be had every message gone through the
objects.
"""

from mm.domain.tape import DELTA, KEYFRAME, OTHER, SNAPSHOT, TRADE
from mm.engine.market_events import FAR_OFF_PPM
from mm.kernel.layout import (
    AFTER,
    ASK,
    BEFORE,
    BELIEVED,
    BEST,
    BID,
    BLOCKED,
    BOOK,
    DEPTH_NS,
    DUE,
    END,
    ENTRY,
    FULL,
    GOES_ON,
    GROW,
    HAS_VENUE,
    HEARD_NS,
    LAST_TRADE_ID,
    LISTED,
    LOG_MAX,
    MARKET,
    MARKETS,
    MARKETS_COUNT,
    MARKS,
    NAMES,
    NOW_NS,
    NOWHERE,
    NUMBER,
    OWN,
    OWN_BEST,
    PLACE,
    PLACES,
    PLACES_COUNT,
    QUEUE,
    ROW,
    SEEN_ASK,
    SEEN_ASK_ATOMS,
    SEEN_BID,
    SEEN_BID_ATOMS,
    SEEN_MID,
    SEQ,
    SIDE,
    SIGN,
    STALE_NS,
    STANDS,
    STATUS,
    SYNCED,
    TOP,
    TOP_LOG,
    TOP_LOGGED,
    TOP_SEQ,
    TRADE_LOG,
    TRADE_LOGGED,
    UPDATED_NS,
    VENUE,
    VENUE_MS,
    VENUE_SEQ,
    WANTS_KEYFRAME,
    WANTS_TOPS,
    WATCH,
    WATCHED,
    WATCHES,
    Cells,
)
from mm.kernel.messages import may_cross, take_delta, take_top
from mm.kernel.slots import best_of, find, has_room, slot_of
from mm.kernel.venue_view import fills, mark_time, newest_top, part_of, take_print
from mm.sim.queue import L3


def run(  # noqa: PLR0913, PLR0917 - what is compiled takes the columns one by one
    times: Cells,
    kinds: Cells,
    markets: Cells,
    sides: Cells,
    prices: Cells,
    sizes: Cells,
    seqs: Cells,
    venue_times: Cells,
    lasts: Cells,
    cells: Cells,
    row: int,
    rows: int,
    limit_ns: int,
) -> int:
    """Apply messages from `row` on; return why that ended, and leave the next row in ROW."""
    code = begin(cells)
    while code == GOES_ON:
        if row == rows:
            code = END
            break
        end = row + 1
        while lasts[end - 1] == 0:
            end += 1
        kind, ts_ns = kinds[row], times[row]
        if kind < KEYFRAME or (kind == KEYFRAME and cells[WANTS_KEYFRAME] != 0):
            code = _stops(kind, ts_ns, limit_ns)
            if code != GOES_ON:
                break
            market = cells[cells[NAMES] + markets[row]]
            if market >= 0:
                if not has_log(cells, market):
                    code = FULL
                    break
                mark_time(cells, ts_ns)
                code = take(
                    sides, prices, sizes, cells, market, kind, row, end, ts_ns, seqs[row], venue_times[row]
                )
                if code not in (GOES_ON, AFTER):
                    break
            cells[NOW_NS] = ts_ns
        elif kind != KEYFRAME:
            market = cells[cells[NAMES] + markets[row]]
            if market >= 0 and cells[market + QUEUE] == L3:
                code = DUE if ts_ns >= limit_ns else meets_own(cells, market, sides, prices, row, end)
                if code != GOES_ON:
                    break
        cells[NUMBER] += 1
        row = end
    finish(cells)
    cells[ROW] = row
    return code


def meets_own(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells, market: int, sides: Cells, prices: Cells, row: int, end: int
) -> int:
    """Return BEFORE if all orders are told anew, or one at the price of an own one is, else GOES_ON."""
    if sides[row] == 0:
        return BEFORE
    for at in range(row, end):
        side = market + (BID if sides[at] > 0 else ASK)
        if cells[side + PLACES_COUNT] != 0:
            slot = find(cells, side, prices[at])
            if slot >= 0 and cells[slot + MARKS] & OWN:
                return BEFORE
    return GOES_ON


def _stops(kind: int, ts_ns: int, limit_ns: int) -> int:
    if ts_ns >= limit_ns:
        return DUE
    return BEFORE if kind in (SNAPSHOT, OTHER, KEYFRAME) else GOES_ON


def has_log(cells: Cells, market: int) -> bool:
    """Return whether there is room in the logs for what a message may leave there."""
    return cells[market + TOP_LOGGED] < cells[LOG_MAX] and cells[market + TRADE_LOGGED] < cells[LOG_MAX]


# ---- one message


def take(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    sides: Cells,
    prices: Cells,
    sizes: Cells,
    cells: Cells,
    market: int,
    kind: int,
    row: int,
    end: int,
    ts_ns: int,
    seq: int,
    venue_ms: int,
) -> int:
    """Apply a message, or nothing of it; return GOES_ON or why the loop ends."""
    if kind == TRADE:
        return take_trade(cells, market, row, ts_ns, sides[row], prices[row], sizes[row], seq, venue_ms)
    return take_levels(sides, prices, sizes, cells, market, kind, row, end, ts_ns, seq, venue_ms)


def take_levels(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    sides: Cells,
    prices: Cells,
    sizes: Cells,
    cells: Cells,
    market: int,
    kind: int,
    row: int,
    end: int,
    ts_ns: int,
    seq: int,
    venue_ms: int,
) -> int:
    """Apply a delta or a top, or nothing of it; return GOES_ON or why the loop ends."""
    if _stops_depth(cells, market, ts_ns) or may_cross(cells, market, sides, prices, sizes, row, end):
        return BEFORE
    if kind == DELTA:
        # The clock stands: the top that was heard meanwhile was no news.
        if 0 < venue_ms == cells[market + VENUE_MS] and cells[market + DEPTH_NS] < cells[market + HEARD_NS]:
            return BEFORE
    elif is_far_off(cells, market, seq, prices[row], prices[row + 1]):
        return BEFORE
    bid, ask, new = market + BID, market + ASK, end - row + 1
    if not (has_room(cells, bid, new) and has_room(cells, ask, new)):
        return GROW
    in_book = seq > cells[market + SEQ]
    in_venue = cells[market + HAS_VENUE] != 0 and (seq == 0 or seq > cells[market + VENUE_SEQ])
    if kind == DELTA:
        take_delta(cells, market, sides, prices, sizes, row, end, ts_ns, seq, in_book, in_venue)
        if in_book:
            cells[market + STANDS] = 1 if 0 < venue_ms == cells[market + VENUE_MS] else 0
            cells[market + VENUE_MS] = venue_ms
    else:
        in_book = in_book and (cells[market + TOP] == 0 or seq > cells[market + TOP_SEQ])
        in_venue = in_venue and (seq == 0 or seq > newest_top(cells, market))
        take_top(
            cells,
            market,
            ts_ns,
            seq,
            prices[row],
            sizes[row],
            prices[row + 1],
            sizes[row + 1],
            in_book,
            in_venue,
        )
    _hear(cells, market, ts_ns)
    return look(cells, market, row, ts_ns)


def take_trade(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    row: int,
    ts_ns: int,
    sign: int,
    price_ticks: int,
    size_atoms: int,
    trade_id: int,
    venue_ms: int,
) -> int:
    """Apply a print, or nothing of it; return GOES_ON or why the loop ends."""
    if cells[market + HAS_VENUE] != 0 and trade_id > cells[market + LAST_TRADE_ID] and size_atoms > 0:
        if fills(cells, market, sign, price_ticks, size_atoms):
            return BEFORE
        if not has_room(cells, market + (ASK if sign > 0 else BID), 1):
            return GROW
        cells[market + LAST_TRADE_ID] = trade_id
        take_print(cells, market, sign, price_ticks, size_atoms, ts_ns)
    at = cells[market + TRADE_LOG] + cells[market + TRADE_LOGGED] * ENTRY
    cells[market + TRADE_LOGGED] += 1
    cells[at] = row
    cells[at + 1] = ts_ns
    cells[at + 2] = price_ticks
    cells[at + 3] = size_atoms
    cells[at + 4] = sign
    cells[at + 5] = venue_ms
    cells[at + 6] = trade_id
    _hear(cells, market, ts_ns)
    return look(cells, market, row, ts_ns)


def _stops_depth(cells: Cells, market: int, ts_ns: int) -> bool:
    if cells[market + STATUS] != SYNCED or (cells[market + HAS_VENUE] != 0 and cells[market + BELIEVED] == 0):
        return True
    return ts_ns - cells[market + HEARD_NS] >= cells[market + STALE_NS]


def is_far_off(cells: Cells, market: int, seq: int, bid_ticks: int, ask_ticks: int) -> bool:
    """Return whether a top lies so far beyond the depth that it is not believed."""
    best_bid, best_ask = cells[market + BID + BEST], cells[market + ASK + BEST]
    if NOWHERE in (best_bid, best_ask) or seq <= cells[market + SEQ]:
        return False
    if bid_ticks + best_ask > part_of(-best_ask, FAR_OFF_PPM):
        return True
    return ask_ticks > 0 and best_bid - ask_ticks > part_of(best_bid, FAR_OFF_PPM)


def _hear(cells: Cells, market: int, ts_ns: int) -> None:
    lags = cells[market + TOP] != 0 and ts_ns - cells[market + DEPTH_NS] > cells[market + STALE_NS]
    if cells[market + STANDS] == 0 and not lags:
        cells[market + HEARD_NS] = cells[market + UPDATED_NS]


# ---- what it did to the best prices


def look(cells: Cells, market: int, row: int, ts_ns: int) -> int:
    """Note what is new at the top; return AFTER if that makes a decision due, else GOES_ON."""
    bid_key, ask_key = cells[market + BID + BEST], cells[market + ASK + BEST]
    bid = bid_key if bid_key != NOWHERE else 0
    ask = -ask_key if ask_key != NOWHERE else 0
    mid = bid + ask if 0 < bid < ask and cells[market + STATUS] == SYNCED else 0
    known_mid = cells[market + SEEN_MID]
    is_new = bid != cells[market + SEEN_BID] or ask != cells[market + SEEN_ASK] or mid != known_mid
    if not is_new and cells[market + WANTS_TOPS] == 0:
        return GOES_ON
    bid_atoms, ask_atoms = best_atoms(cells, market + BID), best_atoms(cells, market + ASK)
    if (
        not is_new
        and bid_atoms == cells[market + SEEN_BID_ATOMS]
        and ask_atoms == cells[market + SEEN_ASK_ATOMS]
    ):
        return GOES_ON
    cells[market + SEEN_BID] = bid
    cells[market + SEEN_BID_ATOMS] = bid_atoms
    cells[market + SEEN_ASK] = ask
    cells[market + SEEN_ASK_ATOMS] = ask_atoms
    cells[market + SEEN_MID] = mid
    at = cells[market + TOP_LOG] + cells[market + TOP_LOGGED] * ENTRY
    cells[market + TOP_LOGGED] += 1
    cells[at] = row
    cells[at + 1] = ts_ns
    cells[at + 2] = bid
    cells[at + 3] = bid_atoms
    cells[at + 4] = ask
    cells[at + 5] = ask_atoms
    cells[at + 6] = mid
    return AFTER if mid != known_mid and _is_due(cells, market, mid) else GOES_ON


def best_atoms(cells: Cells, side: int) -> int:
    """Return what the engine's book displays at its best price of a side, 0 if that is empty."""
    if cells[side + BEST] == NOWHERE:
        return 0
    return cells[find(cells, side, cells[side + SIGN] * cells[side + BEST]) + BOOK]


def _is_due(cells: Cells, market: int, mid: int) -> bool:
    at = cells[WATCHES]
    for watch in range(at, at + cells[WATCHED] * WATCH, WATCH):
        if cells[watch] == market:
            decided, threshold = cells[watch + 1], cells[watch + 2]
            if mid == 0 or decided == 0 or 0 < threshold <= abs(mid - decided):
                return True
    return False


# ---- before and after


def begin(cells: Cells) -> int:
    """Get ready: note the best prices, and where own orders rest; return GOES_ON, or GROW."""
    first = cells[MARKETS]
    for market in range(first, first + cells[MARKETS_COUNT] * MARKET, MARKET):
        bid, ask = market + BID, market + ASK
        bid_key, ask_key = cells[bid + BEST], cells[ask + BEST]
        cells[market + SEEN_BID] = bid_key if bid_key != NOWHERE else 0
        cells[market + SEEN_ASK] = -ask_key if ask_key != NOWHERE else 0
        if cells[market + WANTS_TOPS] != 0:
            cells[market + SEEN_BID_ATOMS] = best_atoms(cells, bid)
            cells[market + SEEN_ASK_ATOMS] = best_atoms(cells, ask)
        cells[market + BLOCKED] = 0
        if not (mark_own(cells, bid, ask, market) and mark_own(cells, ask, bid, market)):
            return GROW
    return GOES_ON


def mark_own(cells: Cells, side: int, other: int, market: int) -> bool:
    """Mark the prices at which own orders of a side rest; return whether there was room."""
    at, count = cells[side + PLACES], cells[side + PLACES_COUNT]
    cells[side + OWN_BEST] = NOWHERE
    if count == 0:
        return True
    if not has_room(cells, side, count):
        return False
    for place in range(at, at + count * PLACE, PLACE):
        cells[slot_of(cells, side, cells[place]) + MARKS] |= OWN
    cells[side + OWN_BEST] = cells[side + SIGN] * cells[at]
    displayed = best_of(cells, other, VENUE)
    if displayed != NOWHERE and cells[side + OWN_BEST] > -displayed:
        cells[market + BLOCKED] = 1
    return True


def finish(cells: Cells) -> None:
    """Take the marks away."""
    first = cells[MARKETS]
    for market in range(first, first + cells[MARKETS_COUNT] * MARKET, MARKET):
        for side in range(market, market + 2 * SIDE, SIDE):
            at = cells[side + PLACES]
            for place in range(at, at + cells[side + PLACES_COUNT] * PLACE, PLACE):
                slot = find(cells, side, cells[place])
                if slot >= 0:
                    cells[slot + MARKS] &= LISTED
