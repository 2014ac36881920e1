"""The way out when nothing can be written down: what is ours goes, what a later process placed stays."""

from mm.domain.commands import Cancel, ListOrders, VenueCommand
from mm.domain.events import Advanced, ListedOrder, OrdersListed, Throttled
from mm.domain.ids import OrderId, OrderIds
from mm.domain.sides import Side
from mm.runtime.emergency import FLIGHT_NS, EmergencyExit

IDS = OrderIds(tag=7, key=b"tests")
EPOCH = 5
SYMBOL = "AAA/BBB"


def cid_of(epoch: int) -> str:
    """Return an id of ours of a life."""
    return IDS.encode(OrderId(IDS.tag, 0, epoch, 1))


def listing(*cids: str, asked_ns: int = 0) -> OrdersListed:
    """Return a listing that shows these."""
    orders = tuple(ListedOrder(cid, "1", Side.BUY, 100, 1, 0) for cid in cids)
    return OrdersListed(ts_ns=asked_ns, symbol=SYMBOL, asked_ns=asked_ns, orders=orders)


def begun(placed_ns: int = 0, banned_until_ns: int = 0) -> tuple[EmergencyExit, list[VenueCommand]]:
    """Return a way out that has begun, and what it sent."""
    sent: list[VenueCommand] = []
    way = EmergencyExit((SYMBOL,), IDS, sent.append, placed_ns=placed_ns, epoch=EPOCH)
    way.begin(1, banned_until_ns=banned_until_ns)
    return way, sent


def test_orders_of_this_life_and_of_earlier_ones_are_cancelled_those_of_a_later_one_never() -> None:
    """A newer process trades the account by then; foreign orders are nobody's business either."""
    way, sent = begun()
    way.on_event(listing(cid_of(EPOCH - 1), cid_of(EPOCH), cid_of(EPOCH + 1), "manual", asked_ns=2))
    cancelled = [command.cid for command in sent if isinstance(command, Cancel)]
    assert cancelled == [cid_of(EPOCH - 1), cid_of(EPOCH)]
    assert not way.clean
    way.on_event(listing(cid_of(EPOCH + 1), "manual", asked_ns=3))
    assert way.clean


def test_a_listing_from_before_the_last_placement_can_have_arrived_proves_nothing() -> None:
    """What was sent last may still be on its way."""
    way, _ = begun(placed_ns=10)
    way.on_event(listing(asked_ns=10 + FLIGHT_NS - 1))
    assert not way.clean
    way.on_event(listing(asked_ns=10 + FLIGHT_NS))
    assert way.clean


def test_while_banned_nothing_is_asked() -> None:
    """With the end of the ban it goes on."""
    way, sent = begun()
    way.on_event(Throttled(ts_ns=2, until_ns=50, banned=True))
    way.on_event(Advanced(ts_ns=49))
    assert [type(command) for command in sent] == [ListOrders]
    way.on_event(Advanced(ts_ns=50))
    assert [type(command) for command in sent] == [ListOrders, ListOrders]


def test_a_ban_that_the_core_knew_of_holds_on_the_way_out_too() -> None:
    """A request now would only make it longer; the listing comes with its end."""
    way, sent = begun(banned_until_ns=50)
    assert not sent
    way.on_event(Advanced(ts_ns=50))
    assert [type(command) for command in sent] == [ListOrders]


def test_a_listing_that_comes_during_a_ban_cancels_nothing_before_its_end() -> None:
    """It was asked for before; what it shows is listed again afterwards, and then cancelled."""
    way, sent = begun()
    way.on_event(Throttled(ts_ns=2, until_ns=50, banned=True))
    way.on_event(listing(cid_of(EPOCH), asked_ns=3))
    way.on_event(Advanced(ts_ns=50))
    way.on_event(listing(cid_of(EPOCH), asked_ns=51))
    assert [type(command) for command in sent] == [ListOrders, ListOrders, Cancel]
