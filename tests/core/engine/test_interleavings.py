"""Every sequence of a few words that a venue can say about one order: small scope, nothing left out."""

from itertools import product
from typing import Any, Final

import pytest

from mm.domain.commands import Place
from mm.domain.events import (
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    PlaceUnknown,
    Source,
)
from mm.domain.orders import LIVE
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import MID, MS, Rig, make_session

SIZE: Final = 10

News = tuple[type[AnyEvent], dict[str, Any]]

WORDS: Final[dict[str, News]] = {
    "ack": (OrderAcked, {"venue_order_id": "1", "source": Source.STREAM}),
    "reject": (OrderRejected, {"code": -1, "reason": "?"}),
    "lost": (PlaceUnknown, {"cause": "?"}),
    "part": (OrderFilled, {"trade_id": 1, "size_lots": 4}),
    "rest": (OrderFilled, {"trade_id": 2, "size_lots": 6}),
    "cancelled": (OrderCanceled, {"cum_lots": 0, "source": Source.ANSWER}),
    "cancelled part": (OrderCanceled, {"cum_lots": 4, "source": Source.STREAM}),
    "cancelled unsaid": (OrderCanceled, {"cum_lots": -1, "source": Source.ANSWER}),
    "expired": (OrderExpired, {"cum_lots": 0, "prevented": False, "source": Source.STREAM}),
    "refused": (CancelRejected, {"code": -2011}),
    "cancel lost": (CancelUnknown, {"cause": "?"}),
    "unsent": (CancelUnknown, {"cause": "?", "sent": False}),
    "open": (OrderSeen, {"venue_order_id": "1", "open": True, "cum_lots": 0}),
    "closed": (OrderSeen, {"venue_order_id": "1", "open": False, "cum_lots": 4}),
    "not found": (OrderNotFound, {}),
}
"""What a venue can say, each word about the same order."""


def start(*, wanted: bool) -> tuple[Rig, Place]:
    """Return a bench with one bid just sent; it is to be cancelled at once if it is not wanted."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, SIZE),))))
    rig.activate()
    (place,) = rig.places()
    if not wanted:
        rig.script().bids = ()
    return rig, place


def say(rig: Rig, place: Place, word: str) -> None:
    """Feed one word."""
    kind, fields = WORDS[word]
    if kind is OrderAcked:
        fields = fields | {"price_ticks": place.price_ticks, "size_lots": SIZE}
    if kind is OrderFilled:
        rig.fill(place, fields["size_lots"], fields["trade_id"])
        return
    rig.feed(kind, cid=place.cid, **fields)


DEADLY: Final = {"reject", "cancelled", "cancelled part", "expired", "closed"}
"""Words that prove an end; without one of them an order lives until it is filled."""


def hold(words: tuple[str, ...], *, wanted: bool) -> None:
    """Say the words and judge: fills counted once, what may still fill is exposure, no end without proof."""
    rig, place = start(wanted=wanted)
    for word in words:
        say(rig, place, word)
        rig.advance(MS)
    filled = 4 * ("part" in words) + 6 * ("rest" in words)
    order, orders = rig.order(place), rig.engine.state.orders
    assert rig.session().position.net_lots == order.cum_lots == filled, words
    assert (order.state in LIVE) is order.is_live, words
    assert orders.open_lots(0, Side.BUY) == sum(one.left_lots for one in orders.live.values()), words
    assert rig.engine.state.halt_code == "", words
    assert order.is_live or filled == SIZE or set(words) & DEADLY, words


@pytest.mark.parametrize("first", list(WORDS))
@pytest.mark.parametrize("wanted", [True, False])
def test_no_three_words_break_the_books(first: str, wanted: bool) -> None:
    """Whether the order is to stay or on its way out."""
    for rest in product(WORDS, repeat=2):
        hold((first, *rest), wanted=wanted)


@pytest.mark.proof
@pytest.mark.parametrize("first", list(WORDS))
@pytest.mark.parametrize("wanted", [True, False])
def test_no_four_words_break_the_books(first: str, wanted: bool) -> None:
    """As above, one word longer."""
    for rest in product(WORDS, repeat=3):
        hold((first, *rest), wanted=wanted)
