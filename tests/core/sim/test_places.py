"""Who keeps a copy of own places can tell by their version whether it still holds."""

from mm.domain.sides import BUY
from mm.sim.places import Decrease, Place, Places, Print, QueueSettings
from mm.sim.queue import QueueModel
from tests.builders.sim import make_order

LOT = 10
SETTINGS = QueueSettings(model=QueueModel.RISK_AVERSE, shape=1.0, lot_atoms=LOT)


def test_the_version_grows_with_all_that_may_change_a_place() -> None:
    """An order that comes or goes, a print, a fall, the whole market anew; not when somebody asks."""
    places = Places(BUY, SETTINGS)
    order = make_order(1, "client", BUY, 99, 3)
    seen = [places.version]
    places.add(Place(order=order, front_atoms=50, credit_atoms=0, live_ns=0))
    seen.append(places.version)
    fell = Decrease(price_ticks=99, before_atoms=50, after_atoms=40, fell_atoms=10, unprinted_atoms=0)
    places.on_decrease(fell)
    seen.append(places.version)
    places.on_print(Print(price_ticks=99, size_atoms=5, shown_atoms=0, unprinted_atoms=0, shown_ns=0))
    seen.append(places.version)
    places.on_snapshot(lambda price_ticks: 7)
    seen.append(places.version)
    assert [(one.front_atoms, one.credit_atoms) for one in places.all()] == [(7, 0)]
    assert (places.best_ticks, places.at(98), [*places.until(100)]) == (99, [], [])
    assert places.version == seen[-1]
    places.remove(order)
    seen.append(places.version)
    assert sorted(set(seen)) == seen
