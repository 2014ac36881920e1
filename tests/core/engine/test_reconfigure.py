"""A change of the config between two events: limits at once, everything else as far as it can stay."""

import pytest

from mm.domain.commands import Cancel, Place
from mm.domain.events import CancelRejected, ConfigApplied, Operation, OrderSeen
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine.setup import Deadlines
from mm.risk.base import Refusal, RiskView
from mm.runtime.simulate.ladder import Ladder
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import Wake
from tests.builders.config_changes import change
from tests.builders.engine_ladder import SECOND_NS, Collapse, Scripted, TallySpec
from tests.builders.engine_rig import MID, MS, Rig, make_session, of
from tests.builders.instruments import INSTRUMENT, make_test_instrument
from tests.builders.risk_rules import make_test_rules

HOUR_NS = 3_600 * SECOND_NS
YOUNG = Ladder(life_ns_min=HOUR_NS)
"""A ladder whose orders may not be moved for an hour: whatever takes them away earlier is a limit."""


def quoting(strategy: object = None) -> Rig:
    """Return a bench that quotes with everything acknowledged."""
    rig = Rig(make_session(strategy or Ladder(), rules=make_test_rules()))
    rig.activate()
    rig.place_all()
    return rig


def left(rig: Rig) -> list[tuple[Side, int]]:
    """Return side and level of the orders that nobody has cancelled."""
    return [(o.side, o.level) for o in rig.engine.state.orders.live.values() if o.state == "working"]


def cancelled(rig: Rig) -> list[str]:
    """Return the ids of all cancels so far."""
    return [cancel.cid for cancel in rig.cancels()]


def test_the_same_config_again_changes_nothing_but_the_revision() -> None:
    """It is told, and it is in the digest."""
    rig = quoting()
    before = rig.engine.digest()
    assert of(change(rig, make_session(Ladder(), rules=make_test_rules()), revision=7), Cancel) == []
    assert rig.reports("config.applied") == [
        {"revision": "7", "digest": "d" * 64, "who": "tester", "session": ""}
    ]
    assert rig.engine.state.revision == 7
    assert rig.engine.digest() != before


def test_histories_that_differ_in_the_revision_alone_differ_in_the_digest() -> None:
    """A config that was applied is part of what happened."""
    first, second = quoting(), quoting()
    change(first, make_session(Ladder(), rules=make_test_rules()), revision=1)
    change(second, make_session(Ladder(), rules=make_test_rules()), revision=2)
    assert first.engine.digest() != second.engine.digest()


def test_new_parameters_quote_in_the_same_step() -> None:
    """One level more: it is placed at once, the others stay in the queue."""
    rig = quoting(Ladder(levels=2))
    sent = change(rig, make_session(Ladder(levels=3), rules=make_test_rules()))
    assert len(of(sent, Place)) == 2
    assert of(sent, Cancel) == []


def test_parameters_alone_do_not_move_a_young_order() -> None:
    """The least life of an order is kept: they apply to the next quotes."""
    rig = quoting(YOUNG)
    wider = Ladder(life_ns_min=HOUR_NS, half_spread_ticks=9)
    assert of(change(rig, make_session(wider, rules=make_test_rules())), Cancel) == []


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"order_lots_max": 9}, []),
        ({"order_atoms_max": 99_000_000}, []),
        ({"open_orders_max": 2}, [(Side.BUY, 0), (Side.SELL, 0)]),
        ({"exposure_atoms_max": 110_000_000}, [(Side.BUY, 0), (Side.SELL, 0)]),
        ({"collar_ppm": 500, "slippage_ppm_max": 100}, [(Side.BUY, 0), (Side.SELL, 0)]),
        ({"placements_minute_max": 1}, [(Side.BUY, 0), (Side.BUY, 1), (Side.SELL, 0), (Side.SELL, 1)]),
        ({"stale_ns_max": SECOND_NS}, [(Side.BUY, 0), (Side.BUY, 1), (Side.SELL, 0), (Side.SELL, 1)]),
    ],
)
def test_a_limit_that_gets_tighter_takes_away_what_breaks_it_however_young(
    limits: dict[str, int], kept: list[tuple[Side, int]]
) -> None:
    """In the very step, nearest first; the rest keeps its place in the queue."""
    rig = quoting(YOUNG)
    sent = change(rig, make_session(YOUNG, rules=make_test_rules(**limits)))
    assert sorted(left(rig)) == sorted(kept)
    assert len(of(sent, Cancel)) == 4 - len(kept) == len(rig.reports("order.over_limit"))


def test_a_narrower_band_takes_away_what_could_pass_it() -> None:
    """The band is no rule's own, but whoever judges by it judges again."""
    rig = quoting(YOUNG)
    change(rig, make_session(YOUNG, rules=make_test_rules(), band_lots_max=10))
    assert sorted(left(rig)) == [(Side.BUY, 0), (Side.SELL, 0)]
    assert {fact["rule"] for fact in rig.reports("order.over_limit")} == {
        "inventory_band.long",
        "inventory_band.short",
    }
    assert rig.session().band_lots == 10


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_orders_of_one_side_are_counted_on_that_side_and_once(side: Side) -> None:
    """Two that fit exactly stay, also in what they may spend; by one lot less the farther goes."""
    if side is Side.BUY:
        script = Scripted(bids=(Quote(MID - 20, 10), Quote(MID - 30, 10, 1)))
    else:
        script = Scripted(asks=(Quote(MID + 20, 10), Quote(MID + 30, 10, 1)))
    rig = Rig(make_session(script, rules=make_test_rules()))
    rig.activate()
    placed = rig.place_all()
    quote_atoms = sum(INSTRUMENT.notional_atoms(place.price_ticks, place.size_lots) for place in placed)
    rig.list_balances(base=20 * INSTRUMENT.lot_atoms, quote=quote_atoms * 101 // 100)  # a fee beside
    change(rig, make_session(script, rules=make_test_rules(), band_lots_max=20))
    assert left(rig) == [(side, 0), (side, 1)]
    change(rig, make_session(script, rules=make_test_rules(), band_lots_max=19), revision=2)
    assert left(rig) == [(side, 0)]


def test_limits_of_all_sessions_hold_before_any_of_them_places_anew() -> None:
    """What goes because of a limit goes first, in whichever session it is."""
    rig = Rig(make_session(YOUNG, name="a", rules=make_test_rules()), make_session(YOUNG, name="b"))
    rig.activate()
    rig.place_all()
    more = Ladder(levels=3, life_ns_min=HOUR_NS)
    sent = change(
        rig,
        make_session(more, name="a", rules=make_test_rules()),
        make_session(YOUNG, name="b", rules=make_test_rules(open_orders_max=2)),
    )
    kinds = [type(command) for command in sent if isinstance(command, Cancel | Place)]
    assert Place in kinds
    assert Cancel in kinds
    assert kinds == sorted(kinds, key=lambda kind: kind is Place)


def test_a_rule_that_breaks_once_while_it_judges_again_ends_trading() -> None:
    """Even if it would do by the time of the next decision."""

    class Hiccup(Collapse):
        fails = True

        def admit(self, place: Place, view: RiskView) -> Refusal | None:
            fails, self.fails = self.fails, False
            return super().admit(place, view) if fails else None

    rig = quoting(YOUNG)
    change(rig, make_session(YOUNG, rules=(Hiccup(),)))
    assert rig.engine.state.halt_code == "decision.failed"


def test_an_order_that_is_not_answered_yet_is_left_alone() -> None:
    """A cancel could overtake it; it counts, and is dealt with once the venue has spoken."""
    rig = Rig(make_session(YOUNG, rules=make_test_rules()))
    rig.activate()
    assert of(change(rig, make_session(YOUNG, rules=make_test_rules(order_lots_max=9))), Cancel) == []


def test_an_order_that_is_answered_late_is_judged_then_however_young() -> None:
    """Those that it lets through stay; the others go with the answer, whatever else changed since."""
    rig = Rig(make_session(YOUNG, rules=make_test_rules()))
    rig.activate()
    sent = rig.places()
    change(rig, make_session(YOUNG, rules=make_test_rules(open_orders_max=2)))
    change(rig, make_session(YOUNG, rules=make_test_rules(open_orders_max=2, order_lots_max=99)), revision=2)
    for place in sent:
        rig.ack(place)
    assert left(rig) == [(Side.BUY, 0), (Side.SELL, 0)]
    assert {fact["rule"] for fact in rig.reports("order.over_limit")} == {"open_orders.own"}
    assert rig.session().unjudged == [place.cid for place in sent if place.cid in cancelled(rig)]


def test_an_order_that_survives_its_cancel_is_cancelled_again() -> None:
    """The venue refused to, and shows it open: it still breaks the limit."""
    rig = quoting(YOUNG)
    change(rig, make_session(YOUNG, rules=make_test_rules(order_lots_max=9)))
    place = rig.places()[0]
    rig.feed(CancelRejected, cid=place.cid, code="-2011")
    rig.feed(OrderSeen, cid=place.cid, venue_order_id="v", open=True, cum_lots=0)
    assert cancelled(rig).count(place.cid) == 2
    for gone in rig.places():
        rig.canceled(gone)
    rig.advance(SECOND_NS)
    assert rig.session().unjudged == []


def test_what_an_earlier_change_left_to_judge_is_forgotten_with_the_last_such_order() -> None:
    """A later change is judged by what it changed alone."""
    rig = quoting(YOUNG)
    change(rig, make_session(YOUNG, rules=make_test_rules(order_lots_max=12)))
    assert (len(rig.session().judges), rig.session().unjudged) == (1, [])
    change(rig, make_session(YOUNG, rules=make_test_rules(order_lots_max=12, open_orders_max=39)), revision=2)
    assert [type(rule).__name__ for rule in rig.session().judges] == ["OpenOrders"]


def test_during_a_ban_nothing_is_reported_as_taken_away() -> None:
    """It could not be sent; it is once the ban is over."""
    rig = quoting(YOUNG)
    rig.engine.state.budget.throttle(rig.now_ns + SECOND_NS, banned=True)
    change(rig, make_session(YOUNG, rules=make_test_rules(order_lots_max=9)))
    assert rig.reports("order.over_limit") == []
    rig.keep_alive(3 * SECOND_NS)
    assert len(rig.reports("order.over_limit")) == 4
    assert left(rig) == []


def test_a_rule_that_breaks_while_it_judges_again_ends_trading() -> None:
    """A gate that fails is a closed gate."""
    rig = quoting(YOUNG)
    change(rig, make_session(YOUNG, rules=(Collapse(),)))
    assert rig.engine.state.halt_code == "decision.failed"


@pytest.mark.parametrize("operation", [Operation.STOP, Operation.HALT])
def test_a_session_that_ends_goes_on_ending(operation: Operation) -> None:
    """Its orders are on their way out already; no change of the config wakes it."""
    rig = quoting(YOUNG)
    rig.operate(operation)
    assert (
        of(change(rig, make_session(Ladder(levels=5), rules=make_test_rules(order_lots_max=1))), Place) == []
    )
    assert rig.reports("order.over_limit") == []


def test_position_target_and_memory_stay() -> None:
    """What fills did is not forgotten, and the strategy goes on where it was."""
    rig = quoting()
    rig.fill(rig.places()[0], 10, 1)
    session = rig.session()
    held, target, memory = session.position.net_lots, session.target_lots, int(str(session.memory))
    change(rig, make_session(Ladder(size_lots=12), rules=make_test_rules()))
    assert (session.position.net_lots, session.target_lots) == (held, target)
    assert session.memory == memory + 1
    assert memory > 0


def test_another_kind_of_strategy_begins_with_its_own_memory() -> None:
    """What one remembered means nothing to the other."""
    rig = quoting()
    script = Scripted(bids=(Quote(MID - 20, 10),))
    change(rig, make_session(script, rules=make_test_rules()))
    assert [view.memory for view in script.views] == [0]


def test_signals_that_are_asked_for_again_go_on_and_others_are_forgotten() -> None:
    """A changed parameter does not start the estimators anew."""
    first, second, third = (TallySpec(name) for name in ("first", "second", "third"))
    rig = quoting(Ladder(needs=(first, second)))
    market = rig.session().market
    kept = market.signals[1][1]
    change(rig, make_session(Ladder(needs=(second, third)), rules=make_test_rules()))
    assert [spec for spec, _ in market.signals] == [second, third]
    assert market.signals[0][1] is kept is rig.session().readers[0]
    change(rig, make_session(Ladder(needs=(VolatilitySpec(),)), rules=make_test_rules()))
    assert [spec for spec, _ in market.signals] == [VolatilitySpec()]


def test_a_refusal_is_told_anew_under_a_new_config() -> None:
    """What was denied under the old limits is news when the new ones deny it too."""
    tight = make_test_rules(order_atoms_max=1)
    rig = Rig(make_session(Scripted(bids=(Quote(MID - 20, 10),)), rules=tight[-3:-1]))
    rig.activate()
    rig.place_all()
    rig.session().denied[Side.BUY, 3] = "x"
    change(rig, make_session(Scripted(bids=(Quote(MID - 20, 10),)), rules=tight[-3:-1]))
    assert rig.session().denied == {}


def test_quotes_are_pulled_by_the_new_age_of_the_book() -> None:
    """Also when nothing is heard any more after the change."""
    rig = quoting(YOUNG)
    sooner = make_session(YOUNG, rules=make_test_rules(stale_ns_max=500 * MS))
    change(rig, sooner, deadlines=Deadlines(stale=500 * MS))
    assert of(rig.advance(400 * MS), Cancel) == []
    assert len(of(rig.advance(200 * MS), Cancel)) == 4


def test_a_book_that_was_never_there_has_no_age_to_watch() -> None:
    """A change before the first book sets no alarm."""
    rig = Rig(make_session(Ladder()))
    change(rig, make_session(Ladder()))
    assert not rig.engine.state.timers.is_set(("stale", rig.session().setup.instrument.symbol))


def test_a_strategy_that_wants_to_be_asked_more_often_is() -> None:
    """Its clock is the new one from this step on."""
    rig = quoting(Scripted(wake=Wake(move_half_ticks=0, every_ns=HOUR_NS)))
    script = Scripted(wake=Wake(move_half_ticks=0, every_ns=SECOND_NS))
    change(rig, make_session(script, rules=make_test_rules()))
    rig.advance(3 * SECOND_NS + MS)
    assert len(script.views) == 4


def test_sessions_cannot_be_swapped_or_moved_to_another_symbol() -> None:
    """That is a bug of whoever prepared it: the core stops rather than trade something else."""
    rig = quoting()
    other = make_test_instrument(symbol="CCC/BBB", venue_symbol="CCCBBB", base="CCC")
    for wrong in (make_session(name="other"), make_session(instrument=other)):
        with pytest.raises(AssertionError):
            change(rig, wrong)


def test_what_was_not_prepared_cannot_be_applied() -> None:
    """The event alone does not say what it brings."""
    rig = quoting()
    with pytest.raises(KeyError):
        rig.feed(ConfigApplied, revision=3, digest="", who="")


def test_rules_are_their_limits() -> None:
    """Made twice of the same limits they are equal; of others, or of another class, they are not."""
    first, second, other = make_test_rules(), make_test_rules(), make_test_rules(order_lots_max=5)
    assert first == second
    assert [one != two for one, two in zip(first, other, strict=True)].count(True) == 1
    assert first[0] != first[1]
