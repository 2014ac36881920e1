"""What is called from outside: each hands its arrays on by their addresses, and does nothing else. Leaves.

At an address an index is an index. Of an array compiled code first looks whether it is negative, which would
count from the end: a quarter of all that the loop does. One for each of `compiled.ENTRIES`, of its name
behind `enter_`. Must be given contiguous arrays that stay where they are until it returns. Invariant of all
leaves: no index is negative, and none is beyond the end: nobody looks.
"""

from mm.kernel.layout import Cells
from mm.kernel.loop import run
from mm.kernel.messages import settle_delta, take_top
from mm.kernel.slots import best_of, has_room
from mm.kernel.whole import display_book, display_venue, list_levels, move_in


def by_address(cells: Cells) -> Cells:
    """Return the same integers; in compiled code by their address (`compiled.Compiled`)."""
    return cells


def enter_run(  # noqa: PLR0913, PLR0917 - as the leaf of that name
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
    """See `loop.run`."""
    return run(
        by_address(times),
        by_address(kinds),
        by_address(markets),
        by_address(sides),
        by_address(prices),
        by_address(sizes),
        by_address(seqs),
        by_address(venue_times),
        by_address(lasts),
        by_address(cells),
        row,
        rows,
        limit_ns,
    )


def enter_make_room(cells: Cells, side: int, rows: int) -> bool:
    """Return whether `rows` new prices fit into a side, tidying up for them."""
    return has_room(by_address(cells), side, rows)


def enter_best_key(cells: Cells, side: int, view: int) -> int:
    """Return the best key of a view (BOOK or VENUE), NOWHERE if it displays nothing."""
    return best_of(by_address(cells), side, view)


def enter_list_levels(cells: Cells, side: int, view: int, levels: int, worst: int) -> int:
    """See `whole.list_levels`."""
    return list_levels(by_address(cells), side, view, levels, worst)


def enter_apply_top(  # noqa: PLR0913, PLR0917 - a leaf has no objects to pack them in
    cells: Cells,
    market: int,
    ts_ns: int,
    seq: int,
    bid_ticks: int,
    bid_atoms: int,
    ask_ticks: int,
    ask_atoms: int,
) -> None:
    """Apply a top to the engine's book; there must be room for a new price on either side."""
    at = by_address(cells)
    take_top(at, market, ts_ns, seq, bid_ticks, bid_atoms, ask_ticks, ask_atoms, True, False)


def enter_settle_book(cells: Cells, market: int, ts_ns: int, seq: int) -> None:
    """End a delta whose levels the engine's book has taken."""
    settle_delta(by_address(cells), market, ts_ns, seq)


def enter_move_in(cells: Cells, source: int, side: int, count: int) -> None:
    """See `whole.move_in`."""
    move_in(by_address(cells), source, side, count)


def enter_display_book(cells: Cells, side: int, levels: int) -> None:
    """See `whole.display_book`."""
    display_book(by_address(cells), side, levels)


def enter_display_venue(cells: Cells, side: int, levels: int) -> None:
    """See `whole.display_venue`."""
    display_venue(by_address(cells), side, levels)
