"""What checks of the simulator are shown in their tests: a world, quotes, exits, reports, listings."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace as but

from mm.domain.commands import Place, Report, TimeInForce
from mm.domain.events import ListedOrder, OrdersListed
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.runtime.simulate.checks import Checks
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.instruments import IDS
from mm.runtime.simulate.plan import START_NS, TIGHT, Plan
from mm.runtime.simulate.world import World

SYMBOL: Final = "AAA/BBB"
MS: Final = 1_000_000
SECOND: Final = 1_000 * MS


@contextmanager
def tight_world() -> Iterator[World]:
    """Make a world before its first step, whose losses ask for the way out."""
    with tempfile.TemporaryDirectory() as directory:
        made = World(Plan(seed=1, faults=NONE, limits=TIGHT), Path(directory))
        made.checks.scene.now_ns = START_NS
        for strangers in made.strangers.values():
            strangers.step(START_NS)
        yield made


def place(checks: Checks, number: int = 1, *, epoch: int | None = None, **fields: object) -> Place:
    """Return a quote, of the life under way if no other `epoch` is named."""
    own = checks.scene.setup.epoch if epoch is None else epoch
    made = Place(
        cid=IDS.encode(OrderId(IDS.tag, 0, own, number)),
        symbol=SYMBOL,
        side=Side.BUY,
        price_ticks=9_990,
        size_lots=5,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=1,
        market_age_ns=0,
    )
    return but(made, **fields)


def leaving(checks: Checks, number: int, side: Side, price_ticks: int) -> Place:
    """Return an exit."""
    return place(
        checks,
        number,
        side=side,
        price_ticks=price_ticks,
        post_only=False,
        time_in_force=TimeInForce.IOC,
        reduces=True,
    )


def says(code: str, session: str = "", **facts: str) -> Report:
    """Return a report."""
    return Report(ts_ns=1, code=code, session=session, facts=tuple(facts.items()))


def listed(asked_ns: int, heard_ns: int, *cids: str) -> OrdersListed:
    """Return a listing of own orders."""
    rows = tuple(ListedOrder(cid, "1", Side.BUY, 9_990, 5, 0) for cid in cids)
    return OrdersListed(ts_ns=heard_ns, symbol=SYMBOL, asked_ns=asked_ns, orders=rows)
