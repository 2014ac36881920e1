"""Exits: after a confirmed halt that asked for them, takers that only reduce, bounded in price and number."""

import pytest

from mm.domain.commands import Place, TimeInForce
from mm.domain.events import BookLost, OrderAcked, OrderExpired, Source, Stream, StreamDown
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.exits import EXITS_MAX, REFUSALS_MAX
from mm.risk.base import Alarm, AlarmAction, Refusal, RiskView, Rule
from mm.risk.slippage import Slippage
from tests.builders.engine_ladder import SECOND_NS, Deny, Ring, Scripted
from tests.builders.engine_rig import BASE_ATOMS, EPOCH, MID, MS, Rig, cid_of, make_session
from tests.builders.instruments import INSTRUMENT, make_test_instrument


class CollapseOnExit(Rule):
    """Raises an error when it is asked about an exit."""

    def admit(self, place: Place, view: RiskView) -> Refusal | None:
        """Raise if the placement reduces."""
        if place.reduces:
            raise ArithmeticError("the rule is broken")
        return None


HELD = BASE_ATOMS // INSTRUMENT.lot_atoms
SLIPPAGE_PPM = 1_500


def leaving(
    net_lots: int,
    *rules: Rule,
    target_lots: int | None = None,
    size_max: str = "1000",
    slippage_ppm: int = SLIPPAGE_PPM,
) -> tuple[Rig, Ring]:
    """Return a bench that holds `net_lots` from own fills, halted with the wish to leave, and confirmed."""
    ring = Ring()
    side = "bids" if net_lots > 0 else "asks"
    price = MID - 20 if net_lots > 0 else MID + 20
    strategy = Scripted(**{side: (Quote(price, abs(net_lots)),)})  # type: ignore[arg-type]  # one of two fields
    instrument = make_test_instrument(size_max=size_max)
    setup = make_session(
        strategy,
        rules=(ring, *rules),
        target_lots=target_lots,
        slippage_ppm=slippage_ppm,
        instrument=instrument,
    )
    rig = Rig(setup)
    rig.activate()
    (place,) = rig.place_all()
    ring.alarm = Alarm(AlarmAction.FLATTEN, "loss")
    rig.fill(place, abs(net_lots), 1)
    confirm(rig)
    return rig, ring


def confirm(rig: Rig) -> None:
    """Let the venue show that nothing is left, and the first exit go."""
    rig.advance(100 * MS)
    rig.list_orders()
    rig.advance(200 * MS)


@pytest.mark.parametrize(
    ("net_lots", "side", "price"),
    [(8, Side.SELL, MID - 15), (-8, Side.BUY, MID + 15)],
)
def test_an_exit_takes_within_the_slippage_bound_and_is_repeated_until_flat(
    net_lots: int, side: Side, price: int
) -> None:
    """15 bps of 10 000 ticks: 15 ticks. What an order did not take is tried again a second later."""
    rig, _ = leaving(net_lots, Slippage(slippage_ppm_max=SLIPPAGE_PPM))
    leave = rig.places()[-1]
    assert (leave.side, leave.price_ticks, leave.size_lots) == (side, price, 8)
    assert (leave.reduces, leave.post_only, leave.time_in_force) == (True, False, TimeInForce.IOC)
    rig.fill(leave, 5, 2)
    rig.feed(OrderExpired, cid=leave.cid, cum_lots=5, prevented=False, source=Source.ANSWER)
    rig.keep_alive(2 * SECOND_NS)
    second = rig.places()[-1]
    assert (len(rig.places()), second.size_lots) == (3, 3)
    rig.fill(second, 3, 3)
    rig.keep_alive(2 * SECOND_NS)
    assert rig.reports("exit.done") == [{"left_lots": "0", "tries": "2", "session": "main"}]
    assert rig.session().position.net_lots == 0
    assert len(rig.places()) == 3
    assert rig.is_confirmed()


def test_no_exit_leaves_before_the_venue_confirmed_the_halt() -> None:
    """Nothing may fill beside it."""
    ring = Ring()
    strategy = Scripted(bids=(Quote(MID - 20, 8),), asks=(Quote(MID + 20, 8),))
    rig = Rig(make_session(strategy, rules=(ring,)))
    rig.activate()
    buy, sell = rig.place_all()
    ring.alarm = Alarm(AlarmAction.FLATTEN, "loss")
    rig.fill(buy, 8, 1)
    rig.keep_alive(3 * SECOND_NS)
    assert len(rig.places()) == 2
    rig.canceled(sell)
    confirm(rig)
    assert len(rig.places()) == 3


def test_exits_end_after_so_many_and_an_operator_has_to() -> None:
    """A market that takes nothing is not asked for ever."""
    rig, _ = leaving(8)
    for _ in range(2 * EXITS_MAX):
        leave = rig.places()[-1]
        rig.feed(OrderExpired, cid=leave.cid, cum_lots=0, prevented=False, source=Source.ANSWER)
        rig.keep_alive(2 * SECOND_NS)
    assert len(rig.places()) == 1 + EXITS_MAX
    assert rig.reports("exit.incomplete") == [
        {"left_lots": "8", "tries": str(EXITS_MAX), "refused": "0", "session": "main"}
    ]


def test_an_exit_that_is_denied_for_too_long_calls_an_operator() -> None:
    """Five minutes without a gate that opens are enough."""
    rig, _ = leaving(8, Deny(Side.SELL, "book"))
    rig.keep_alive(2 * REFUSALS_MAX * SECOND_NS)
    assert rig.reports("exit.incomplete") == [
        {"left_lots": "8", "tries": "0", "refused": str(REFUSALS_MAX), "session": "main"}
    ]


def test_an_exit_that_is_denied_does_not_count_and_is_tried_again() -> None:
    """A book that is away for a minute does not use the tries up."""
    deny = Deny(Side.SELL, "book")
    rig, _ = leaving(8, deny)
    rig.keep_alive(30 * SECOND_NS)
    assert len(rig.places()) == 1
    assert len(rig.reports("order.denied")) == 1
    deny.code = ""
    rig.keep_alive(2 * SECOND_NS)
    assert rig.places()[-1].reduces


def test_a_rule_that_raises_ends_the_exit_and_not_the_engine() -> None:
    """An operator has to: the gate cannot be passed."""
    rig, _ = leaving(8, CollapseOnExit())
    assert rig.reports("exit.failed") == [
        {
            "left_lots": "8",
            "tries": "0",
            "error": "ArithmeticError",
            "detail": "the rule is broken",
            "session": "main",
        }
    ]
    rig.keep_alive(5 * SECOND_NS)
    assert len(rig.places()) == 1


@pytest.mark.parametrize(
    ("net_lots", "target_lots", "wanted"),
    [(8, HELD + 5, 3), (8, HELD + 20, 0), (8, HELD - 20, 8), (-8, HELD - 5, 3), (-8, HELD - 20, 0)],
)
def test_an_exit_takes_neither_the_fills_nor_the_inventory_past_nothing(
    net_lots: int, target_lots: int, wanted: int
) -> None:
    """Bought 8 while 5 were missing to the target: 3 are too many."""
    rig, _ = leaving(net_lots, Slippage(slippage_ppm_max=SLIPPAGE_PPM), target_lots=target_lots)
    assert [place.size_lots for place in rig.places()[1:]] == ([wanted] if wanted else [])
    assert len(rig.reports("exit.done")) == (not wanted)


def test_an_exit_is_at_most_the_largest_order_that_the_venue_takes() -> None:
    """The rest follows."""
    rig, _ = leaving(8, size_max="0.008")
    rig.session().position.fill(Side.BUY, MID, 5)
    first = rig.places()[-1]
    rig.feed(OrderExpired, cid=first.cid, cum_lots=0, prevented=False, source=Source.ANSWER)
    rig.keep_alive(2 * SECOND_NS)
    assert rig.places()[-1].size_lots == 8


def test_without_a_reference_there_is_no_exit_and_no_claim_that_it_is_done() -> None:
    """Halted before the first price: the position waits for one."""
    ring = Ring()
    rig = Rig(make_session(Scripted(), rules=(ring,)))
    rig.activate()
    rig.session().market.reference.half_ticks = 0
    ring.alarm = Alarm(AlarmAction.FLATTEN, "loss")
    rig.keep_alive(SECOND_NS)
    rig.session().position.fill(Side.BUY, MID, 5)
    rig.feed(BookLost, symbol=INSTRUMENT.symbol, reason="gap")
    rig.list_orders()
    rig.advance(SECOND_NS)
    assert rig.is_confirmed()
    assert rig.reports("exit.done") == []
    assert rig.session().flatten


@pytest.mark.parametrize(("net_lots", "price"), [(8, MID - 14), (-8, MID + 14)])
def test_the_bound_of_an_exit_is_rounded_towards_the_reference(net_lots: int, price: int) -> None:
    """14.5 bps of 10 000 ticks are 14.5 ticks: 15 would be beyond the bound."""
    rig, _ = leaving(net_lots, slippage_ppm=1_450)
    assert rig.places()[-1].price_ticks == price


def test_a_process_that_is_fenced_leaves_no_position() -> None:
    """The account is another one's by then, and so is what it holds (simulated: seed 216)."""
    rig, _ = leaving(8)
    leave = rig.places()[-1]
    rig.feed(
        OrderAcked,
        cid=cid_of(1, epoch=EPOCH + 1),
        venue_order_id="9",
        price_ticks=MID,
        size_lots=1,
        source=Source.STREAM,
    )
    rig.feed(OrderExpired, cid=leave.cid, cum_lots=0, prevented=False, source=Source.ANSWER)
    before = len(rig.places())
    rig.keep_alive(SECOND_NS)
    confirm(rig)
    rig.keep_alive(5 * SECOND_NS)
    assert len(rig.places()) == before
    assert [said["refused"] for said in rig.reports("exit.incomplete")] == ["fenced"]


def test_an_exit_waits_while_own_orders_cannot_be_seen_and_not_for_ever() -> None:
    """After so many attempts an operator has to look."""
    rig, _ = leaving(8)
    leave = rig.places()[-1]
    rig.feed(StreamDown, stream=Stream.USER, reason="gone")
    rig.feed(OrderExpired, cid=leave.cid, cum_lots=0, prevented=False, source=Source.ANSWER)
    before = len(rig.places())
    rig.keep_alive((REFUSALS_MAX + 5) * SECOND_NS)
    assert len(rig.places()) == before
    assert [said["refused"] for said in rig.reports("exit.incomplete")] == [str(REFUSALS_MAX)]
