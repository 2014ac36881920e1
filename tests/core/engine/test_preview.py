"""A plan is what would happen: tried on a copy by the code that decides, and nothing leaves."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import Cancel, ListOrders, Place
from mm.domain.events import ListedOrder, Operation
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.preview import Fate, OrderFate, preview
from mm.engine.setup import SessionSetup
from mm.runtime.simulate.ladder import Ladder
from tests.builders.config_changes import applied, change, foreseen, new_setup
from tests.builders.engine_ladder import SECOND_NS, Deny, Scripted, TallySpec
from tests.builders.engine_rig import MID, MS, Rig, cid_of, make_session, of, orphan
from tests.builders.risk_rules import make_test_rules

HOUR_NS = 3_600 * SECOND_NS


def quoting(strategy: object = None) -> Rig:
    """Return a bench that quotes with everything acknowledged."""
    rig = Rig(make_session(strategy or Ladder(), rules=make_test_rules()))
    rig.activate()
    rig.place_all()
    return rig


def fates(orders: tuple[OrderFate, ...]) -> dict[tuple[Side, int], Fate]:
    """Return the fate per side and level."""
    return {(order.side, order.level): order.fate for order in orders}


def test_kept_moved_cancelled_and_new_are_told_apart() -> None:
    """By side and level, with the price and the size that each gets."""
    before = (Quote(MID - 20, 10), Quote(MID - 30, 10, 1), Quote(MID - 40, 10, 2))
    after = (Quote(MID - 20, 10), Quote(MID - 33, 12, 1), Quote(MID - 50, 10, 3))
    rig = quoting(Scripted(bids=before))
    seen = foreseen(rig, make_session(Scripted(bids=after), rules=make_test_rules()))
    assert [(o.level, o.fate) for o in seen.orders] == [
        (0, Fate.KEPT),
        (1, Fate.MOVED),
        (2, Fate.CANCELLED),
        (3, Fate.NEW),
    ]
    kept, moved, gone, new = seen.orders
    assert (kept.price_ticks, kept.new_price_ticks, kept.size_lots) == (MID - 20, MID - 20, 10)
    assert (moved.price_ticks, moved.new_price_ticks, moved.new_size_lots) == (MID - 30, MID - 33, 12)
    assert (gone.price_ticks, gone.new_price_ticks, gone.new_size_lots) == (MID - 40, 0, 0)
    assert (new.price_ticks, new.size_lots, new.new_price_ticks) == (0, 0, MID - 50)


def test_nothing_leaves_and_the_engine_is_as_it_was() -> None:
    """Not a command, not a number, not an object of it: what follows is what would have followed anyway."""
    rig, twin = quoting(Ladder(needs=(TallySpec(),))), quoting(Ladder(needs=(TallySpec(),)))
    before = rig.engine.digest()
    seen = foreseen(rig, make_session(Ladder(levels=4, size_lots=3), rules=make_test_rules(order_lots_max=5)))
    assert of(seen.commands, Cancel)
    assert rig.engine.digest() == before
    assert all(order.state is OrderState.WORKING for order in rig.engine.state.orders.live.values())
    for one in (rig, twin):
        one.move(MID - 30, MID - 10)
        one.fill(one.places()[0], 3, 1)
        one.advance(3 * SECOND_NS)
    assert rig.sent == twin.sent
    assert rig.engine.digest() == twin.engine.digest()


def test_what_is_at_stake_is_told_before_and_after() -> None:
    """The worst case of the orders that are left, and the band."""
    rig = quoting()
    narrow = make_session(Ladder(size_lots=5), rules=make_test_rules(), band_lots_max=8)
    seen = foreseen(rig, narrow)
    assert (seen.before["main"].band_lots, seen.after["main"].band_lots) == (1_000, 8)
    assert seen.before["main"].worst_atoms == 20 * MID * 1_000
    assert seen.after["main"].worst_atoms == 8 * MID * 1_000


def test_a_level_that_a_rule_refuses_to_fill_again_says_why() -> None:
    """The order goes for its size, and a new one is denied."""
    rig = quoting(Scripted(bids=(Quote(MID - 20, 10),)))
    refusing = make_session(Scripted(bids=(Quote(MID - 20, 5),)), rules=(Deny(Side.BUY, "no.more"),))
    (gone,) = foreseen(rig, refusing).orders
    assert (gone.fate, gone.why) == (Fate.CANCELLED, "no.more")


def test_an_order_without_an_answer_is_pending() -> None:
    """Nobody can say what becomes of it before the venue has spoken."""
    rig = Rig(make_session(Ladder(), rules=make_test_rules()))
    rig.activate()
    seen = foreseen(rig, make_session(Ladder(half_spread_ticks=9), rules=make_test_rules()))
    assert set(fates(seen.orders).values()) == {Fate.PENDING}


def test_a_change_that_would_end_trading_is_told() -> None:
    """And once trading is halted, a change does not halt it again."""
    rig = quoting(Scripted())
    broken = make_session(Scripted(error=ArithmeticError("broken")))
    assert foreseen(rig, broken).halts == "decision.failed"
    change(rig, broken)
    assert foreseen(rig, broken).halts == ""


def test_orders_of_an_earlier_life_are_no_fate_of_ours() -> None:
    """They are cleared by listings, whatever the config; what that needs may fall due in the same step."""
    rig = Rig(make_session(Ladder()))
    rig.activate(orders=(orphan(),))
    rig.advance(2 * SECOND_NS)
    rig.list_orders(orders=(ListedOrder(cid_of(2), "v", Side.BUY, MID - 50, 5, 0),))
    event = applied(rig)
    late = type(event)(ts_ns=event.ts_ns + SECOND_NS, revision=1, digest="", who="")
    seen = preview(rig.engine, late, new_setup(make_session(Ladder())))
    assert of(seen.commands, ListOrders)
    assert seen.orders == ()


def test_a_strategy_that_moves_its_orders_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan ends, whatever it plans for."""
    monkeypatch.setattr("mm.engine.preview.CONFIRMED_MAX", 1)
    rig = quoting(Ladder(levels=3))
    seen = foreseen(rig, make_session(Ladder(levels=3, half_spread_ticks=9), rules=make_test_rules()))
    assert len(seen.orders) == 6


def test_a_copy_of_the_engine_shares_nothing_that_changes() -> None:
    """Whatever happens to the copy, the engine's digest stays; and the other way round."""
    rig = quoting(Ladder(needs=(TallySpec(),)))
    rig.fill(rig.places()[0], 10, 1)
    copied = Rig(make_session())
    copied.engine, copied.now_ns, copied.seq, copied.sent = (
        deepcopy(rig.engine),
        rig.now_ns,
        rig.seq,
        rig.sent[:],
    )
    before = rig.engine.digest()
    assert copied.engine.digest() == before
    copied.move(MID - 40, MID - 20)
    copied.fill(copied.places()[1], 4, 2)
    copied.list_orders()
    copied.advance(5 * SECOND_NS)
    assert rig.engine.digest() == before
    assert copied.engine.digest() != before
    assert not rig.engine.state.orders.knows_trade(copied.places()[1].symbol, 2, copied.places()[1].side)


LADDERS = st.builds(
    Ladder,
    levels=st.integers(1, 4),
    half_spread_ticks=st.integers(1, 12),
    step_ticks=st.integers(1, 6),
    size_lots=st.integers(1, 30),
    tolerance_ticks=st.integers(0, 3),
    life_ns_min=st.sampled_from([0, HOUR_NS]),
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "order_lots_max": st.integers(1, 40),
        "order_atoms_max": st.integers(1, 40 * MID * 1_000),
        "exposure_atoms_max": st.integers(1, 100 * MID * 1_000),
        "open_orders_max": st.integers(1, 8),
        "placements_minute_max": st.integers(5, 40),
        "collar_ppm": st.integers(1_500, 20_000),
        "session_loss_atoms": st.integers(1, 10**7),
    },
)
ACTS = st.lists(
    st.tuples(st.sampled_from(["ack", "fill", "move", "pass", "pause", "resume"]), st.integers(0, 30)),
    max_size=8,
)


def act(rig: Rig, what: str, number: int) -> None:
    """Let something happen."""
    places = rig.places()
    if what == "ack":
        rig.place_all()
    elif what == "fill" and places:
        place = places[number % len(places)]
        order = rig.order(place)
        if order.is_live and order.left_lots:
            rig.fill(place, 1 + number % order.left_lots, len(rig.sent))
    elif what == "move":
        rig.move(MID - 10 + number, MID + 10 + number)
    elif what == "pass":
        rig.advance(number * 50 * MS)
    elif what in ("pause", "resume"):
        rig.operate(Operation(what))


def sessions(ladder: Ladder, limits: dict[str, int], band: int) -> tuple[SessionSetup, ...]:
    """Return two sessions of one config on one symbol."""
    rules = make_test_rules(**limits)
    return (
        make_session(ladder, rules=rules, band_lots_max=band),
        make_session(Ladder(levels=1, half_spread_ticks=14), name="other", rules=rules, band_lots_max=band),
    )


@given(configs=st.lists(st.tuples(LADDERS, LIMITS, st.integers(1, 80)), min_size=2, max_size=4), acts=ACTS)
def test_what_was_planned_is_what_is_sent(
    configs: list[tuple[Ladder, dict[str, int], int]], acts: list[tuple[str, int]]
) -> None:
    """Whatever happened before: with no event in between, the very same commands; and new limits hold."""
    rig = Rig(*sessions(*configs[0]))
    rig.activate()
    for revision, config in enumerate(configs[1:], start=1):
        for what, number in acts:
            act(rig, what, number)
        new = sessions(*config)
        digest = rig.engine.digest()
        planned = preview(rig.engine, applied(rig, revision), new_setup(*new))
        assert rig.engine.digest() == digest
        assert tuple(change(rig, *new, revision=revision)) == planned.commands
        assert (rig.engine.state.halt_code != "") >= (planned.halts != "")
        order_lots_max = config[1].get("order_lots_max", 1_000)
        for order in rig.engine.state.orders.live.values():
            assert order.state is not OrderState.WORKING or order.left_lots <= order_lots_max
        working = [fate for fate in planned.orders if fate.fate in (Fate.KEPT, Fate.MOVED, Fate.NEW)]
        assert len(working) <= len(rig.engine.state.orders.live) + len(of(planned.commands, Place)) + 10
