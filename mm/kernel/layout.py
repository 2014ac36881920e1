"""Where everything stands in the kernel's arrays: names of offsets, and the columns that the loops read.

One array of 64-bit integers holds a kernel: the control block, then a block per market with its two sides,
then regions that blocks point to: lists of near prices, own places, tops, watches, the markets of a chunk,
the logs of what is told afterwards; per side the slots of an open-addressing table, from price to what is
known of it; and as much room to spare, for slots that are moved or searched. It is one array, as each costs
a compiled call seven arguments.
Never holds code. Invariant: two kernels with equal markets and equal messages have equal sizes at every
price, whoever ran their loops.
"""

from typing import Final, Protocol

NOWHERE: Final = -(2**63)
"""A key below every price: the best key of an empty side. A key is sign x price: the best is the greatest."""

BEYOND: Final = 2**63 - 1
"""A key above every price."""

# ---- a slot of the table

SLOT: Final = 12
"""Integers of a slot. One that is free is 0 throughout."""

KEY: Final = 0
"""2 x price in ticks + 1, so that no price is 0."""

MARKS: Final = 1
"""LISTED and OWN."""

BOOK: Final = 2
VENUE: Final = 3
"""Displayed at the price in the engine's book, and in the venue's view; base atoms."""

TAKEN: Final = 4
"""What own orders took of the venue's."""

PRINTED: Final = 5
PRINTED_NS: Final = 6
PRINTED_OLD: Final = 7
"""Prints that no decrease explains: the newer generation, when it was last added to, and the one before."""

SHOWN: Final = 8
SHOWN_NS: Final = 9
SHOWN_OLD: Final = 10
SHOWN_OLD_NS: Final = 11
"""Decreases that no print explains, in the same way; of the older ones the time is asked for too."""

LISTED: Final = 1
"""A mark: the price is in the list of near prices."""

OWN: Final = 2
"""A mark: an own order rests at the price (only while a loop runs)."""

# ---- the control block

ROW: Final = 0
"""The row at which a loop ended."""

NOW_NS: Final = 1
"""Time of the last message."""

NUMBER: Final = 2
"""How many messages there were."""

LOG_MAX: Final = 4
"""Entries that a log has room for."""

WATCHES: Final = 5
WATCHED: Final = 6
"""Where the watches stand, and how many."""

NAMES: Final = 7
"""Where the blocks of the markets of a chunk stand, by the number in its column; -1: none of ours."""

MARKETS: Final = 8
MARKETS_COUNT: Final = 9
LEVELS_MAX: Final = 10
PRINTED_FROM_NS: Final = 11
SHOWN_FROM_NS: Final = 12
"""When the current generations of prints and decreases began."""

MASK: Final = 13
"""Slots of a side, less one."""

SPARE: Final = 14
"""Where the spare room begins."""

WANTS_KEYFRAME: Final = 16
CONTROL: Final = 20

# ---- a side, within its market

BASE: Final = 0
"""Where its slots begin."""

SIGN: Final = 1
USED: Final = 2
"""Slots that are not free."""

BOOK_LEVELS: Final = 3
VENUE_LEVELS: Final = 4
"""Prices with a size, per view; their order is that of BOOK and VENUE."""

BEST: Final = 5
"""The best key in the engine's book. Right whenever LOST is 0."""

LOST: Final = 6
NEAR: Final = 7
NEAR_COUNT: Final = 8
"""Where the list of near prices stands: NEAR_MAX keys, the best last, then their slots; and how many."""

FLOOR: Final = 9
"""Every price with a size in either view whose key is not below this is in the list."""

PLACES: Final = 10
PLACES_COUNT: Final = 11
"""Own orders, the best first, then the oldest."""

PLACES_MAX: Final = 12
OWN_BEST: Final = 13
CHANGED: Final = 14
"""Whether a loop changed a front or a credit."""

SIDE: Final = 16

NEAR_MAX: Final = 128
NEAR_KEEP: Final = 64
"""Length of the list, and what it is filled up or cut down to: measured, a longer one costs with every price
that is new in it, a shorter one is searched for anew more often."""

NEAR_MIN: Final = 24
"""A list shorter than this is filled up when its best price has gone: who asks for some levels gets them from
it at once."""

PLACE: Final = 4
"""Integers of a place: price, front, credit, and since when the order rests."""

FRONT: Final = 1
CREDIT: Final = 2
LIVE_NS: Final = 3

# ---- a market

BID: Final = 0
ASK: Final = SIDE
STATUS: Final = 2 * SIDE
"""Of the engine's book: 0 empty, 1 in sync, 2 out of sync."""

SEQ: Final = STATUS + 1
UPDATED_NS: Final = STATUS + 2
CROSSED_NS: Final = STATUS + 3
DEPTH_NS: Final = STATUS + 4
TOP: Final = STATUS + 5
"""Whether there is a top that no delta has caught up with: then its number and its levels."""

TOP_SEQ: Final = STATUS + 6
TOP_BID: Final = STATUS + 7
TOP_BID_ATOMS: Final = STATUS + 8
TOP_ASK: Final = STATUS + 9
TOP_ASK_ATOMS: Final = STATUS + 10
STALE_NS: Final = STATUS + 11
TOP_LOG: Final = STATUS + 12
TOP_LOGGED: Final = STATUS + 13
TRADE_LOG: Final = STATUS + 14
TRADE_LOGGED: Final = STATUS + 15
"""Where the logs of tops and of trades stand, each with how many entries it has right behind it."""

HEARD_NS: Final = STATUS + 16
VENUE_MS: Final = STATUS + 17
STANDS: Final = STATUS + 18
"""Of the engine's market; from TOP_LOG to here is what is told of a market, and read at once."""

WANTS_TOPS: Final = STATUS + 19
SEEN_MID: Final = STATUS + 20
LAST_TRADE_ID: Final = STATUS + 21
"""From HEARD_NS to here is what the objects know, written at once."""

BELIEVED: Final = STATUS + 22
VENUE_SEQ: Final = STATUS + 23
TOPS: Final = STATUS + 24
TOPS_FIRST: Final = STATUS + 25
TOPS_COUNT: Final = STATUS + 26
"""The venue's tops that no depth has caught up with: a ring of LEVELS_MAX times number, bid and ask."""

QUEUE: Final = STATUS + 27
"""The queue model."""

PARTICIPATION: Final = STATUS + 28
"""Own fills of a print are at most this part of it, parts per million."""

SEEN_BID: Final = STATUS + 29
SEEN_BID_ATOMS: Final = STATUS + 30
SEEN_ASK: Final = STATUS + 31
SEEN_ASK_ATOMS: Final = STATUS + 32
"""What the last message left at the top, with SEEN_MID."""

BLOCKED: Final = STATUS + 33
"""Whether the displayed market is through an own order already."""

LOT_ATOMS: Final = STATUS + 34
HAS_VENUE: Final = STATUS + 35
"""Whether there is a venue's view at all."""

SHAPE: Final = STATUS + 36
SHAPE_POWER: Final = STATUS + 37
"""The parameter of the queue model: the first x 2 ** the second."""

MARKET: Final = STATUS + 38

EMPTY: Final = 0
SYNCED: Final = 1
UNSYNCED: Final = 2
"""The values of STATUS."""

TOPS_ROW: Final = 3

# ---- the logs

ENTRY: Final = 7
"""Integers of an entry: what `SeenTop` or `SeenTrade` hold, in their order."""

LOG_ENTRIES: Final = 4_096

# ---- why a loop ended: the values of `Stop`, and two that are the memory's own affair

END: Final = 0
DUE: Final = 1
BEFORE: Final = 2
AFTER: Final = 3
GROW: Final = 4
FULL: Final = 5
GOES_ON: Final = -1

WATCH: Final = 3
"""Integers of a watch: the market's block, the mid at the last decision, the threshold."""


class Cells(Protocol):
    """Integers that are read and written by number: an `array("q")`, or NumPy's in compiled code."""

    def __getitem__(self, index: int, /) -> int:
        """Return one."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Write one."""
