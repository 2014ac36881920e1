"""What a session counts as held when it begins."""

from mm.domain.commands import ListBalances
from mm.domain.events import Advanced, RequestFailed, Stream, StreamUp
from tests.builders.engine_ladder import SECOND_NS
from tests.builders.engine_rig import BASE_ATOMS, MS, Rig, of
from tests.builders.instruments import INSTRUMENT


def test_holdings_that_were_listed_long_ago_are_listed_again_before_they_are_counted() -> None:
    """What came from outside while the book was waited for is in what is counted."""
    rig = Rig()
    rig.feed(Advanced)
    rig.feed(StreamUp, stream=Stream.MARKET)
    rig.feed(StreamUp, stream=Stream.USER)
    rig.advance(100 * MS)
    rig.list_all()
    # An answer to every listing but that of the balances.
    reconcile_ns = rig.engine.state.setup.deadlines.reconcile
    for _ in range(2 * reconcile_ns // SECOND_NS):
        rig.advance(SECOND_NS)
        rig.list_orders()
        rig.list_fills()
    rig.snapshot()
    rig.advance(100 * MS)
    assert (rig.session().state, rig.session().reason) == ("pending", "waits for balances and fills")
    rig.feed(RequestFailed, what="ListBalances", subject="", reason="no answer")
    assert of(rig.keep_alive(SECOND_NS), ListBalances)
    rig.list_balances(base=BASE_ATOMS + 8 * INSTRUMENT.lot_atoms)
    rig.keep_alive(3 * SECOND_NS)
    assert rig.session().state == "active"
    assert rig.session().target_lots == BASE_ATOMS // INSTRUMENT.lot_atoms + 8
