"""Two machines on one account: the newer process wins, the older one halts, and never do both place."""

from pathlib import Path
from typing import Final

import pytest

from mm.domain.commands import Place, VenueCommand
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.instruments import EPOCH, IDS
from mm.runtime.simulate.people import ByHand
from mm.runtime.simulate.plan import SECOND_NS, START_NS, Plan
from mm.runtime.simulate.scenarios import BUSY
from mm.runtime.simulate.world import World

PLAN: Final = Plan(
    seed=1,
    faults=NONE,
    fault_ns=40 * SECOND_NS,
    heal_ns=20 * SECOND_NS,
    rest_ns=20 * SECOND_NS,
    strategy=BUSY,
)
ROUND_NS: Final = SECOND_NS // 2


class Account(World):
    """One of ours, and another process somewhere. Fields: placed_ns: when ours sent placements."""

    def __init__(self, directory: Path) -> None:
        """Build the world."""
        self.placed_ns: list[int] = []
        super().__init__(PLAN, directory)

    def sent(self, command: VenueCommand) -> None:
        """Note placements."""
        if isinstance(command, Place):
            self.placed_ns.append(self.now_ns)
        super().sent(command)

    def every_round(self, first_s: int, last_s: int, act: str) -> None:
        """Let the other process act twice a second."""
        for number in range(first_s * 2, last_s * 2):
            self.after(number * ROUND_NS, getattr(self, act))

    def take_off(self) -> None:
        """A newer process cancels what it sees of ours, and sends nothing."""
        for cid in list(self.truth.live):
            if cid in self.checks.placed:
                self.people._cancel(cid)

    def place_as_older(self) -> None:
        """An older process, whose orders were taken off, places one anew."""
        number = len(self.truth.orders)
        cid = IDS.encode(OrderId(IDS.tag, 0, EPOCH - 1, 10_000 + number))
        symbol = next(iter(self.truth.markets))
        self.truth.intruders.add(cid)
        order = ByHand(symbol=symbol, side=Side.BUY, price_ticks=9_000, size_lots=3, rests=True, cid=cid)
        self.people._by_hand(order)

    def trade_as_newer(self) -> None:
        """A newer process takes what it finds, at once."""
        cid = IDS.encode(OrderId(IDS.tag, 0, EPOCH + 1_000, 1))
        symbol = next(iter(self.truth.markets))
        self.truth.intruders.add(cid)
        order = ByHand(symbol=symbol, side=Side.BUY, price_ticks=10_500, size_lots=3, rests=False, cid=cid)
        self.people._by_hand(order)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """Return an account that two processes trade."""
    return Account(tmp_path)


def test_an_older_process_stops_although_it_never_sees_an_order_of_the_newer_one(account: Account) -> None:
    """Its orders go again and again: it halts within seconds, and nothing of it is left."""
    account.people.attending = False
    account.every_round(8, 30, "take_off")
    account.run()
    began_ns = START_NS + 8 * SECOND_NS
    assert account.engine.state.halt_code == "orders.taken_off"
    assert [at_ns for at_ns in account.placed_ns if at_ns < began_ns]
    assert max(account.placed_ns) - began_ns <= 5 * SECOND_NS
    assert account.engine.state.halt_confirmed


def test_a_newer_process_sends_nothing_while_the_older_one_trades_and_begins_when_it_stopped(
    account: Account,
) -> None:
    """However long that takes."""
    account.every_round(0, 30, "place_as_older")
    account.run()
    stopped_ns = START_NS + 30 * SECOND_NS
    assert min(account.placed_ns) > stopped_ns
    assert min(account.placed_ns) - stopped_ns < 8 * SECOND_NS
    assert account.engine.state.older_ns > START_NS + 20 * SECOND_NS
    assert account.engine.state.halt_code == ""


def test_what_a_newer_process_trades_is_money_that_somebody_else_moved(account: Account) -> None:
    """It bears our mark and is none of ours: no position has it, and the owner of the account is told."""
    account.after(12 * SECOND_NS, account.trade_as_newer)
    account.run()
    assert any(fill.cid in account.truth.intruders for fill in account.truth.fills)
    assert account.checks.reports["fenced"] == 1
    assert account.checks.reports["balance.external"] == 2
