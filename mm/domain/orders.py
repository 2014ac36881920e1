"""The life of an order: one table, and the book-keeping of every order that may exist.

Rule 1: everything that affects the state of an order is in this file. A row says what a trigger does in a
state. Triggers of ours (CANCEL, PROVEN_DEAD) in a state without a row are bugs and raise; triggers of the
venue have a row in every state, because a venue may say anything at any time, in any order, twice.

Theory. Three things are kept apart: what we asked, what the venue has proved, and what we do not know.
`UNKNOWN` is a state like any other and counts as live exposure; no timer leads out of it, only evidence.
Evidence, not arrival order, decides: a terminal state proved by the venue is never left for an older open
state, and every state accepts fills, because fills are facts. A death that was only inferred (`DEAD`:
queries found nothing for longer than a request can live, no fill in the history) gives way to any sign of
life. The filled size never decreases; a fill beyond the order's size is kept and flagged.
"""

from enum import StrEnum
from typing import Final

from mm.domain.sides import Side
from mm.errors import ProtocolViolation


class OrderState(StrEnum):
    """What is known about an order. Live states count as exposure for what is left to fill."""

    SENT = "sent"
    WORKING = "working"
    CANCEL_SENT = "cancel_sent"
    UNKNOWN = "unknown"
    UNKNOWN_CANCEL = "unknown_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DEAD = "dead"


class Trigger(StrEnum):
    """What can happen to an order. All but CANCEL, and PROVEN_DEAD, which we conclude, come from the venue or
    from the lack of its answer.
    """

    ACK = "ack"
    REJECT = "reject"
    LOST = "lost"
    CANCEL = "cancel"
    CANCEL_NOT_SENT = "cancel_not_sent"
    CANCEL_LOST = "cancel_lost"
    CANCEL_REFUSED = "cancel_refused"
    CANCELED = "canceled"
    EXPIRED = "expired"
    FILL = "fill"
    FILL_ALL = "fill_all"
    SEEN_OPEN = "seen_open"
    PROVEN_DEAD = "proven_dead"


_S, _T = OrderState, Trigger

TABLE: Final[dict[tuple[OrderState, Trigger], OrderState]] = {
    # Sent, nothing heard yet.
    (_S.SENT, _T.ACK): _S.WORKING,
    (_S.SENT, _T.REJECT): _S.REJECTED,
    (_S.SENT, _T.LOST): _S.UNKNOWN,
    (_S.SENT, _T.CANCEL): _S.CANCEL_SENT,
    (_S.SENT, _T.CANCEL_NOT_SENT): _S.SENT,
    (_S.SENT, _T.CANCEL_LOST): _S.UNKNOWN_CANCEL,
    (_S.SENT, _T.CANCEL_REFUSED): _S.UNKNOWN,
    (_S.SENT, _T.CANCELED): _S.CANCELED,
    (_S.SENT, _T.EXPIRED): _S.EXPIRED,
    (_S.SENT, _T.FILL): _S.WORKING,
    (_S.SENT, _T.FILL_ALL): _S.FILLED,
    (_S.SENT, _T.SEEN_OPEN): _S.WORKING,
    (_S.SENT, _T.PROVEN_DEAD): _S.DEAD,
    # On the book.
    (_S.WORKING, _T.ACK): _S.WORKING,
    (_S.WORKING, _T.REJECT): _S.UNKNOWN,  # contradiction: ask
    (_S.WORKING, _T.LOST): _S.WORKING,  # the stream was faster than the answer that got lost
    (_S.WORKING, _T.CANCEL): _S.CANCEL_SENT,
    (_S.WORKING, _T.CANCEL_NOT_SENT): _S.WORKING,
    (_S.WORKING, _T.CANCEL_LOST): _S.UNKNOWN_CANCEL,
    (_S.WORKING, _T.CANCEL_REFUSED): _S.UNKNOWN,
    (_S.WORKING, _T.CANCELED): _S.CANCELED,
    (_S.WORKING, _T.EXPIRED): _S.EXPIRED,
    (_S.WORKING, _T.FILL): _S.WORKING,
    (_S.WORKING, _T.FILL_ALL): _S.FILLED,
    (_S.WORKING, _T.SEEN_OPEN): _S.WORKING,
    (_S.WORKING, _T.PROVEN_DEAD): _S.DEAD,
    # Cancellation on its way.
    (_S.CANCEL_SENT, _T.ACK): _S.CANCEL_SENT,
    (_S.CANCEL_SENT, _T.REJECT): _S.UNKNOWN_CANCEL,  # only what lived is cancelled: ask
    (_S.CANCEL_SENT, _T.LOST): _S.CANCEL_SENT,
    (_S.CANCEL_SENT, _T.CANCEL): _S.CANCEL_SENT,
    (_S.CANCEL_SENT, _T.CANCEL_NOT_SENT): _S.WORKING,
    (_S.CANCEL_SENT, _T.CANCEL_LOST): _S.UNKNOWN_CANCEL,
    (_S.CANCEL_SENT, _T.CANCEL_REFUSED): _S.UNKNOWN_CANCEL,
    (_S.CANCEL_SENT, _T.CANCELED): _S.CANCELED,
    (_S.CANCEL_SENT, _T.EXPIRED): _S.EXPIRED,
    (_S.CANCEL_SENT, _T.FILL): _S.CANCEL_SENT,
    (_S.CANCEL_SENT, _T.FILL_ALL): _S.FILLED,
    (_S.CANCEL_SENT, _T.SEEN_OPEN): _S.CANCEL_SENT,
    (_S.CANCEL_SENT, _T.PROVEN_DEAD): _S.DEAD,
    # The placement's outcome is unknown.
    (_S.UNKNOWN, _T.ACK): _S.WORKING,
    (_S.UNKNOWN, _T.REJECT): _S.REJECTED,
    (_S.UNKNOWN, _T.LOST): _S.UNKNOWN,
    (_S.UNKNOWN, _T.CANCEL): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN, _T.CANCEL_NOT_SENT): _S.UNKNOWN,
    (_S.UNKNOWN, _T.CANCEL_LOST): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN, _T.CANCEL_REFUSED): _S.UNKNOWN,
    (_S.UNKNOWN, _T.CANCELED): _S.CANCELED,
    (_S.UNKNOWN, _T.EXPIRED): _S.EXPIRED,
    (_S.UNKNOWN, _T.FILL): _S.UNKNOWN,  # it lived; whether it still does is to be asked
    (_S.UNKNOWN, _T.FILL_ALL): _S.FILLED,
    (_S.UNKNOWN, _T.SEEN_OPEN): _S.WORKING,
    (_S.UNKNOWN, _T.PROVEN_DEAD): _S.DEAD,
    # The cancellation's outcome is unknown.
    (_S.UNKNOWN_CANCEL, _T.ACK): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.REJECT): _S.REJECTED,
    (_S.UNKNOWN_CANCEL, _T.LOST): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.CANCEL): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.CANCEL_NOT_SENT): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.CANCEL_LOST): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.CANCEL_REFUSED): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.CANCELED): _S.CANCELED,
    (_S.UNKNOWN_CANCEL, _T.EXPIRED): _S.EXPIRED,
    (_S.UNKNOWN_CANCEL, _T.FILL): _S.UNKNOWN_CANCEL,
    (_S.UNKNOWN_CANCEL, _T.FILL_ALL): _S.FILLED,
    (_S.UNKNOWN_CANCEL, _T.SEEN_OPEN): _S.WORKING,  # it survived: cancel again
    (_S.UNKNOWN_CANCEL, _T.PROVEN_DEAD): _S.DEAD,
}

_FINAL = (_S.FILLED, _S.CANCELED, _S.EXPIRED)
_VENUE_TRIGGERS = tuple(trigger for trigger in Trigger if trigger not in (_T.CANCEL, _T.PROVEN_DEAD))

# Ends that the venue stated: nothing reopens them, but a fill that completes the order is remembered.
TABLE.update({(state, trigger): state for state in _FINAL for trigger in _VENUE_TRIGGERS})
TABLE.update({(state, _T.FILL_ALL): _S.FILLED for state in _FINAL})
# Nothing that is filled can be filled in part: what comes on top is more than all.
del TABLE[_S.FILLED, _T.FILL]
# Ends without a life (a refusal, an inferred death) give way to proof that there was one.
for _end in (_S.REJECTED, _S.DEAD):
    TABLE.update({(_end, trigger): _end for trigger in _VENUE_TRIGGERS})
    TABLE[_end, _T.ACK] = _S.UNKNOWN  # it lived; whether it still does is to be asked
    TABLE[_end, _T.FILL] = _S.UNKNOWN
    TABLE[_end, _T.FILL_ALL] = _S.FILLED
    TABLE[_end, _T.SEEN_OPEN] = _S.WORKING
    TABLE[_end, _T.CANCELED] = _S.CANCELED
    TABLE[_end, _T.EXPIRED] = _S.EXPIRED
TABLE[_S.DEAD, _T.REJECT] = _S.REJECTED

LIVE: Final = (_S.SENT, _S.WORKING, _S.CANCEL_SENT, _S.UNKNOWN, _S.UNKNOWN_CANCEL)
"""States that count as exposure: the order is not proven dead."""

UNCERTAIN: Final = (_S.UNKNOWN, _S.UNKNOWN_CANCEL)
"""States that only the venue's evidence resolves."""

_SENT: Final = _S.SENT  # as a constant for the reason given in `sides.py`

_SIGNS_OF_LIFE: Final = (_T.ACK, _T.FILL, _T.FILL_ALL, _T.SEEN_OPEN)


def transition(state: OrderState, trigger: Trigger) -> OrderState:
    """Return the state after `trigger`; raises ProtocolViolation if we asked for what cannot be."""
    try:
        return TABLE[state, trigger]
    except KeyError:
        raise ProtocolViolation(
            f"order state was {state}, expected one in which {trigger} is possible"
        ) from None


class Order:
    """One order of ours and everything that is known about it.

    Fields:
        cid, session, symbol, side, price_ticks, size_lots: as placed; session: index of the session.
        level: of the ladder, -1 for an exit. reduces: it only takes an open position back.
        state: see OrderState. cum_lots: filled so far, never decreases; left_lots: what can still fill.
        is_live: counts as exposure.
        venue_order_id: empty until the venue gave one. echoed: seen on the user stream.
        placed_ns, settled_ns: local time of sending and of the last change of state.
        asked_ns, cancelled_ns: local time of the last query and cancel, 0 before. attempts, cancels: how many
            of them so far.
        not_found: queries in a row that found nothing since the last sign of life.
            not_found_first_ns, not_found_last_ns: when the first and the last of them were answered.
        absent_since_ns: when the proof of absence was asked for, 0 if it was not; absent_in_orders,
            absent_in_fills: which listings asked after that did not show it; absent_listings: how many of
            open orders; absent_orders_ns, absent_fills_ns: when the last such listing had been asked.
        accepted: the venue said that it holds an order of this id, without saying what became of it.
        ends_as: how it ended according to the venue, while fills that it stated are still missing.
        revealed_lots: the largest filled size that the venue stated; above cum_lots: fills are missing.
    """

    __slots__ = (
        "absent_fills_ns",
        "absent_in_fills",
        "absent_in_orders",
        "absent_listings",
        "absent_orders_ns",
        "absent_since_ns",
        "accepted",
        "asked_ns",
        "attempts",
        "cancelled_ns",
        "cancels",
        "cid",
        "cum_lots",
        "echoed",
        "ends_as",
        "is_live",
        "left_lots",
        "level",
        "not_found",
        "not_found_first_ns",
        "not_found_last_ns",
        "placed_ns",
        "price_ticks",
        "reduces",
        "revealed_lots",
        "session",
        "settled_ns",
        "side",
        "size_lots",
        "state",
        "symbol",
        "venue_order_id",
    )

    def __init__(  # noqa: PLR0913 - as many as are given when it is placed
        self,
        *,
        cid: str,
        session: int,
        symbol: str,
        side: Side,
        price_ticks: int,
        size_lots: int,
        level: int,
        reduces: bool,
        placed_ns: int,
    ) -> None:
        """Be sent, and nothing heard of yet."""
        # Not a dataclass: the constructor of one stays byte-code where this is compiled.
        assert price_ticks > 0
        assert size_lots > 0
        self.cid = cid
        self.session = session
        self.symbol = symbol
        self.side = side
        self.price_ticks = price_ticks
        self.size_lots = self.left_lots = size_lots
        self.level = level
        self.reduces = reduces
        self.placed_ns = self.settled_ns = placed_ns
        self.state = _SENT
        self.is_live = True
        self.cum_lots = self.revealed_lots = 0
        self.venue_order_id = ""
        self.echoed = self.accepted = False
        self.asked_ns = self.cancelled_ns = self.attempts = self.cancels = 0
        self.ends_as: Trigger | None = None
        self.not_found = self.not_found_first_ns = self.not_found_last_ns = 0
        self.absent_since_ns = self.absent_listings = self.absent_orders_ns = self.absent_fills_ns = 0
        self.absent_in_orders = self.absent_in_fills = False

    @property
    def has_lived(self) -> bool:
        """Whether the venue has ever shown that it took this order in."""
        return bool(self.venue_order_id or self.echoed or self.cum_lots or self.accepted)

    def doubt_absence(self) -> None:
        """Forget a proof of absence that has begun: it is none any more."""
        self.not_found = 0
        self.not_found_first_ns = self.not_found_last_ns = 0
        self.absent_since_ns = 0
        self.absent_in_orders = self.absent_in_fills = False
        self.absent_orders_ns = self.absent_fills_ns = self.absent_listings = 0

    def take(self, size_lots: int) -> None:
        """Count `size_lots` as filled; what is left never falls below 0, also after an overfill."""
        self.cum_lots += size_lots
        self.left_lots = max(0, self.size_lots - self.cum_lots)
        self.revealed_lots = max(self.revealed_lots, self.cum_lots)

    def fire(self, trigger: Trigger, ts_ns: int) -> bool:
        """Apply `trigger`; return whether the state changed."""
        before = self.state
        # The table itself, not `transition`: this runs for every message about every order.
        after = TABLE.get((before, trigger)) or transition(before, trigger)
        changed = after is not before
        if (self.not_found or self.absent_since_ns) and (changed or trigger in _SIGNS_OF_LIFE):
            self.doubt_absence()
        if changed:
            self.state = after
            self.is_live = after in LIVE
            self.settled_ns = ts_ns
        return changed
