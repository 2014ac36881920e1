"""After a life of which nothing is known, what it had sent may arrive for as long as a request lives.

Its journal is damaged, or its state is gone: no order of it can be asked about by its id. Simulated: seeds 6
and 9 with `journal_damaged` and `crash`, where a halt was confirmed before an order of the dead process came.
"""

import pytest
from msgspec.structs import replace

from mm.domain.commands import ListBalances, ListFills, ListOrders
from mm.domain.quotes import Quote
from mm.engine.session import SessionState
from tests.builders.engine_ladder import Scripted
from tests.builders.engine_rig import CAPS, MID, MS, SECOND_NS, START_NS, Rig, make_session, of, orphan

PROOF_NS = CAPS.absence_proof_ns


def _answered(rig: Rig, until_ns: int) -> None:
    while rig.now_ns < until_ns:
        before = len(rig.sent)
        rig.keep_alive(SECOND_NS)
        if of(rig.sent[before:], ListOrders):
            rig.list_orders()
        rig.list_fills()
        rig.list_balances()


def test_a_halt_over_it_is_not_confirmed_before_nothing_can_arrive() -> None:
    """One listing without ours is no proof: an order may be on its way."""
    rig = Rig(inherits=True, latched="journal.quarantined")
    rig.activate()
    _answered(rig, START_NS + PROOF_NS - 2 * SECOND_NS)
    assert not rig.reports("halt.confirmed")
    _answered(rig, START_NS + PROOF_NS + 20 * SECOND_NS)
    assert len(rig.reports("halt.confirmed")) == 1


def test_nothing_is_quoted_over_it_before_that() -> None:
    """What arrives late is found and cancelled first: beside it the new quotes would be too many."""
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),))), inherits=True)
    rig.activate()
    _answered(rig, START_NS + PROOF_NS - 2 * SECOND_NS)
    assert rig.session().state is SessionState.PENDING
    rig.list_orders(orders=(orphan(),))
    assert rig.cancels()
    _answered(rig, START_NS + PROOF_NS + 30 * SECOND_NS)
    assert rig.session().state is SessionState.ACTIVE


@pytest.mark.parametrize(
    "answers",
    [("list_balances", "list_orders", "list_fills"), ("list_fills", "list_orders", "list_balances")],
)
def test_the_heir_of_a_life_that_ended_badly_waits_until_the_venue_must_show_what_it_left(
    answers: tuple[str, ...],
) -> None:
    """Lists may be a little older than the end of the process: an order or a fill may not be in them yet."""
    rig = Rig(inherits=True, caps=replace(CAPS, absence_proof_ns=0))
    rig.activate()
    rig.keep_alive(2_500 * MS)
    assert (rig.session().state, rig.session().reason) == ("pending", "waits for balances and fills")
    sent = rig.keep_alive(SECOND_NS)
    assert (len(of(sent, ListOrders)), len(of(sent, ListFills)), len(of(sent, ListBalances))) == (1, 1, 1)
    rig.list_orders(orders=(orphan(),))
    rig.list_fills()
    rig.list_balances()
    rig.advance(100 * MS)
    assert rig.session().reason.startswith("an older process still trades")
    rig.list_orders()
    rig.keep_alive(2_500 * MS)
    assert rig.session().state == "pending"
    rig.keep_alive(SECOND_NS)
    for answer in answers:
        assert rig.session().state == "pending"
        getattr(rig, answer)()
        rig.advance(100 * MS)
    assert rig.session().state == "active"
