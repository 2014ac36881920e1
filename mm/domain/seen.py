"""What was seen of a market, as rows of integers: the form in which many messages are told at once.

Plain tuples, because there are millions of them; and what is known of it beside its book. Nothing is computed
here.
"""

from typing import TypeAlias

SeenTop: TypeAlias = tuple[int, int, int, int, int, int, int]
"""The best levels after a message that changed them: place of the message in the order of all, local time of
it, bid in ticks, its size in base atoms, ask in ticks, its size, mid in half ticks. Prices of an empty side,
and the mid while there is none, are 0.
"""

SeenTrade: TypeAlias = tuple[int, int, int, int, int, int, int]
"""A print: place, local time, price in ticks, size in base atoms, 1 if the buyer took and -1 if the seller
did, the venue's time in ms (0 where it tells none), the venue's number of it.
"""


class Known:
    """What is known of a market beside its book; `mm.engine.market.Market` derives from it.

    Fields: heard_ns, venue_ms, stands, mid_half_ticks: see there. wants_tops: whether a signal wants to hear
    of the sizes at the best prices, where neither price changed.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.heard_ns = 0
        self.venue_ms = 0
        self.stands = False
        self.mid_half_ticks = 0
        self.wants_tops = False
