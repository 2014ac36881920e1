"""What a kernel is: it applies the messages of a tape that need nobody's decision, up to the next that does.

A kernel owns the books: the engine's markets and the paper venue's observed books are given its own
(`AnyKernel.book`, `AnyKernel.feed`), so that what goes through the objects and what is fast-forwarded change
one state. Everything else it reads from the objects when it begins (`Known`, `Prints`) and gives back as
`News`. Invariant: a message that is applied has exactly the effects that `EventTime.on_event` would have had.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol, TypeAlias

from mm.domain.book import Book
from mm.domain.seen import Known
from mm.domain.sides import Side
from mm.domain.tape import Chunk
from mm.engine.glide import Glided
from mm.sim.feed import MarketFeed
from mm.sim.places import Places, QueueSettings
from mm.sim.queue import QueueModel


class Stop(IntEnum):
    """Why an advance ended.

    END: the chunk is used up. DUE: the next message is at or after the limit: what is due comes first.

    BEFORE: the next message has to go through the objects, and nothing of it was applied:
    - a SNAPSHOT, an OTHER, a KEYFRAME while one is wanted (any other keyframe is passed over);
    - a DELTA or TOP while the engine's book is not in sync, or the venue's is not believed;
    - a DELTA or TOP when the market was not heard of for `stale_ns` or longer (`now - heard_ns >= stale_ns`);
    - a DELTA whose time is that of the one before (`venue_ms`, > 0), if a TOP was heard between them;
    - a TOP that `market_events` would hold for far off;
    - a TRADE that counts (its number above `Prints.last_trade_id`, size > 0) and fills an own order
      (`Places.on_print`, with what was displayed of it before it came); where single orders are followed
      (`KernelMarket.follows_orders`), one that counts and is at or through the price of an own order;
    - an ORDER or ORDERS of a market whose single orders are followed, that names no order but says that all
      are gone, or one at the price of an own order; where it is at or after the limit: DUE. Any other is
      passed over as a keyframe: whoever follows orders has to see those afterwards;
    - a DELTA or TOP while an own order rests, if the displayed opposite best is strictly through the best
      own price already, or a level of the message with a size > 0 on that side is.

    AFTER: the last message was applied and changed the mid, and a watch of its market says that a decision is
    due: there is no mid, or there was none at the last decision, or it moved by the threshold (0: never).
    """

    END = 0
    DUE = 1
    BEFORE = 2
    AFTER = 3


class Watch(NamedTuple):
    """When a move makes a decision due. Fields: decided_mid_half: at the last decision, half ticks, 0 = there
    was none; threshold_half: 0 = no move does.
    """

    market: int
    decided_mid_half: int
    threshold_half: int


class Prints(Protocol):
    """What the venue knows of the prints of a market (`mm.venues.paper.market.PaperMarket`); read by each
    advance, as `Known`.
    """

    last_trade_id: int


class KernelMarket(NamedTuple):
    """A market of the kernel, in the order of their indices.

    Fields: symbol: unified name. stale_ns: the engine's deadline. known: the engine's market. prints, queue:
    of the venue's, None where nothing is traded: then `feed` is never asked for.
    """

    symbol: str
    stale_ns: int
    known: Known
    prints: Prints | None = None
    queue: QueueSettings | None = None

    @property
    def follows_orders(self) -> bool:
        """Whether its queues are those of single orders."""
        return self.queue is not None and self.queue.model is QueueModel.L3


News: TypeAlias = Glided
"""What happened to one market since news were asked for: a top after each message that changed the best bid,
the best ask or the mid, or, if wanted, the sizes there; every print; and what `Known` becomes.
"""


class AnyKernel(Protocol):
    """A kernel over some markets; messages of others pass without effect but for the time.

    After an advance the news of every market have to be taken, and told to the engine and the venue, before
    the next one.
    """

    @property
    def now_ns(self) -> int:
        """Time of the last message that was applied or let pass, keyframes aside; 0 before the first."""
        ...

    @property
    def messages(self) -> int:
        """So many were applied or let pass, keyframes included."""
        ...

    def book(self, market: int) -> Book:
        """Return what becomes the engine's book of a market."""
        ...

    def feed(self, market: int, own: Mapping[Side, Places]) -> MarketFeed:
        """Return what becomes the venue's view of a market; its own orders are in the places `own`."""
        ...

    def load(self, chunk: Chunk) -> None:
        """Go on with the rows of `chunk`."""
        ...

    def advance(
        self, row: int, limit_ns: int, watches: Sequence[Watch], *, wants_keyframe: bool = False
    ) -> tuple[Stop, int]:
        """Apply messages from `row` on, the first of one; return why it ended, and the row of the next.

        Args: watches: what is given again is known, and has to be the same.
        """
        ...

    def news(self, market: int) -> News:
        """Return what happened to a market since the last call, and forget it."""
        ...
