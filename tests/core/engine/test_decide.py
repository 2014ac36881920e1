"""A decision: view, quotes, shape, quantise, differ, admit; and why a session does not quote."""

import pytest
from msgspec.structs import replace

from mm.domain.commands import Place
from mm.domain.events import BookLost, OrderRejected, Throttled
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import Side
from mm.engine import send
from mm.risk.base import Alarm, AlarmAction, Refusal
from mm.strategies.base import Wake
from tests.builders.engine_ladder import (
    SECOND_NS,
    Collapse,
    Deny,
    Halve,
    Ring,
    Scripted,
    Skew,
    TallySpec,
)
from tests.builders.engine_rig import BASE_ATOMS, MID, QUOTE_ATOMS, Rig, make_session, of
from tests.builders.instruments import INSTRUMENT

BID, ASK = Quote(MID - 20, 10), Quote(MID + 20, 10)


def two_sided(**fields: object) -> Scripted:
    """Return a strategy that wants one bid and one ask."""
    return Scripted(**({"bids": (BID,), "asks": (ASK,)} | fields))  # type: ignore[arg-type]  # named by the caller


def test_what_is_wanted_is_placed_post_only_with_the_book_it_was_decided_on() -> None:
    """Placements carry price, size, side and the book's number and age."""
    rig = Rig(make_session(two_sided()))
    rig.activate()
    assert [
        (p.side, p.price_ticks, p.size_lots, p.post_only, p.reduces, p.market_seq) for p in rig.places()
    ] == [
        (Side.BUY, MID - 20, 10, True, False, rig.seq),
        (Side.SELL, MID + 20, 10, True, False, rig.seq),
    ]
    assert all(place.market_age_ns == 100_000_000 for place in rig.places())


def test_the_view_shows_the_market_without_us_our_orders_and_our_place() -> None:
    """Own size is taken out; holdings are free and locked together; memory is what was returned last."""
    strategy = two_sided(needs=(TallySpec(),))
    rig = Rig(make_session(strategy))
    rig.activate()
    rig.place_all()
    rig.fill(rig.places()[0], 4, 1)
    view = strategy.views[-1]
    assert view.mid_half_ticks == 2 * MID
    assert [level.price_ticks for level in (*view.bids, *view.asks)] == [MID - 10, MID + 10]
    assert (view.inventory_lots, view.inventory_max_lots, view.target_lots) == (
        4,
        1_000,
        BASE_ATOMS // INSTRUMENT.lot_atoms,
    )
    assert (view.base_atoms, view.quote_atoms) == (BASE_ATOMS, QUOTE_ATOMS)
    assert [(own.side, own.size_lots, own.certain) for own in view.own] == [
        (Side.BUY, 6, True),
        (Side.SELL, 10, True),
    ]
    assert view.last_buy is not None
    assert (view.last_buy.size_lots, view.last_sell) == (4, None)
    assert view.entry_half_ticks == 2 * (MID - 20)
    assert view.memory == len(strategy.views) - 1
    assert view.readings[0].ready


def test_rules_narrow_before_anything_is_sent() -> None:
    """What a rule halves is sent halved."""
    rig = Rig(make_session(two_sided(), rules=(Halve(),)))
    rig.activate()
    assert [place.size_lots for place in rig.places()] == [5, 5]


def test_a_strategy_that_raises_halts_trading_and_says_so() -> None:
    """The halt names the session and the error; nothing escapes the step."""
    strategy = two_sided()
    rig = Rig(make_session(strategy))
    rig.activate()
    strategy.error = ArithmeticError("broken")
    rig.move(MID - 8, MID + 10)
    assert rig.reports("halt") == [
        {"reason": "decision.failed", "session": "main", "error": "ArithmeticError", "detail": "broken"}
    ]
    assert rig.session().state == "halted"


def test_a_rule_that_raises_halts_trading() -> None:
    """A gate that fails is a closed gate."""
    rig = Rig(make_session(two_sided(), rules=(Collapse(),)))
    rig.activate()
    assert rig.engine.state.halt_code == "decision.failed"
    assert rig.places() == []


@pytest.mark.parametrize(
    "bids",
    [
        (Quote(MID - 20, 10, 0), Quote(MID - 21, 10, 0)),
        (Quote(MID - 20, 10, -1),),
        (Quote(MID - 20.5, 10),),  # type: ignore[arg-type]  # a strategy from outside may return anything
        (Quote(MID - 20, 10.0),),  # type: ignore[arg-type]  # it may be from outside
        (Quote(float("nan"), 10),),  # type: ignore[arg-type]  # a strategy from outside may return anything
        (Quote(MID - 20, float("nan")),),  # type: ignore[arg-type]  # a strategy from outside may return anything
    ],
)
def test_a_ladder_that_breaks_its_contract_halts_before_anything_leaves(bids: tuple[Quote, ...]) -> None:
    """A level twice, a level below 0, a price or a size that is no integer."""
    rig = Rig(make_session(Scripted(bids=bids)))
    rig.activate()
    assert rig.engine.state.halt_code == "decision.failed"
    assert rig.places() == []


@pytest.mark.parametrize("by", [0.5, float("nan")])
def test_a_rule_that_makes_a_price_of_no_integer_halts_before_anything_leaves(by: float) -> None:
    """A rule's prices are checked as a strategy's are: NaN would be dropped by every comparison, unseen."""
    rig = Rig(make_session(two_sided(), rules=(Skew(by),)))
    rig.activate()
    assert rig.engine.state.halt_code == "decision.failed"
    assert rig.places() == []


def test_an_alarm_to_pause_withholds_quotes_while_it_lasts() -> None:
    """Orders go, the reason is the alarm's, quoting resumes by itself."""
    ring = Ring()
    rig = Rig(make_session(two_sided(), rules=(ring,)))
    rig.activate()
    rig.place_all()
    ring.alarm = Alarm(AlarmAction.PAUSE, "too hot")
    rig.advance(SECOND_NS)
    assert [cancel.cid for cancel in rig.cancels()] == [place.cid for place in rig.places()]
    assert (rig.session().state, rig.session().reason) == ("active", "too hot")
    for place in rig.places():
        rig.canceled(place)
    ring.alarm = None
    rig.advance(SECOND_NS)
    assert len(rig.places()) == 4
    assert rig.session().reason == "quoting"


def test_an_alarm_to_reduce_keeps_only_what_brings_the_inventory_back_and_not_more_of_it() -> None:
    """Long 15: of asks of 10 and 10, 10 and 5 are left, no bid; flat: nothing at all."""
    ring = Ring()
    strategy = two_sided(
        asks=(ASK, Quote(MID + 21, 10, 1), Quote(MID + 22, 10, 2)), bids=(Quote(MID - 20, 15),)
    )
    rig = Rig(make_session(strategy, rules=(ring,)))
    rig.activate()
    buy, *sells = rig.place_all()
    rig.fill(buy, 15, 1)
    ring.alarm = Alarm(AlarmAction.REDUCE, "too much")
    rig.advance(SECOND_NS)
    assert {cancel.cid for cancel in rig.cancels()} >= {sells[1].cid, sells[2].cid}
    for sell in sells[1:]:
        rig.canceled(sell)
    placed = rig.places()[-1]
    assert (placed.side, placed.size_lots, placed.price_ticks) == (Side.SELL, 5, MID + 21)
    assert rig.session().reason == "reduces only"


def test_a_ladder_smaller_than_the_inventory_is_kept_whole_while_reducing() -> None:
    """Short 15: a bid of 10 stays a bid of 10, the asks go."""
    ring = Ring()
    strategy = two_sided(asks=(Quote(MID + 20, 15),))
    rig = Rig(make_session(strategy, rules=(ring,)))
    rig.activate()
    _, sell = rig.place_all()
    ring.alarm = Alarm(AlarmAction.REDUCE, "too much")
    rig.fill(sell, 15, 1)
    assert rig.cancels() == []
    rig.keep_alive(SECOND_NS)
    assert len(rig.places()) == 2


@pytest.mark.parametrize(("action", "flatten"), [(AlarmAction.HALT, False), (AlarmAction.FLATTEN, True)])
def test_an_alarm_to_halt_latches_trading_off(action: AlarmAction, flatten: bool) -> None:
    """With its code and its facts; flatten asks for exits on top."""
    ring = Ring(Alarm(action, "loss", (("pnl", "-5"), ("reason", "of the rule"))))
    rig = Rig(make_session(two_sided(), rules=(ring, Ring(Alarm(AlarmAction.PAUSE, "less grave")))))
    rig.activate()
    assert rig.reports("halt") == [{"reason": "loss", "pnl": "-5", "session": ""}]
    assert rig.session().flatten is flatten
    assert rig.places() == []


def test_the_gravest_alarm_counts_whatever_the_order_of_the_rules() -> None:
    """A halt is not hidden by a pause before it or after it."""
    for rules in (
        (Ring(Alarm(AlarmAction.PAUSE, "p")), Ring(Alarm(AlarmAction.HALT, "h")), Ring()),
        (Ring(), Ring(Alarm(AlarmAction.HALT, "h")), Ring(Alarm(AlarmAction.PAUSE, "p"))),
    ):
        rig = Rig(make_session(two_sided(), rules=rules))
        rig.activate()
        assert rig.engine.state.halt_code == "h"


def test_a_refused_placement_is_the_reason_of_a_session_that_quotes_nothing() -> None:
    """It is reported once, tried again without a reason from the market, and forgotten when it passes."""
    buys, sells = Deny(Side.BUY, "no"), Deny(Side.SELL, "no", (("side", "of the rule"), ("why", "test")))
    strategy = two_sided(wake=Wake(move_half_ticks=0, every_ns=0, on_own_fill=False))
    rig = Rig(make_session(strategy, rules=(buys, sells)))
    rig.activate()
    assert rig.session().reason == "no"
    rig.keep_alive(5 * SECOND_NS)
    assert rig.reports("order.denied") == [
        {"rule": "no", "side": "buy", "level": "0", "session": "main"},
        {"rule": "no", "side": "sell", "level": "0", "why": "test", "session": "main"},
    ]
    buys.code = ""
    rig.keep_alive(2 * SECOND_NS)
    assert [place.side for place in rig.places()] == [Side.BUY]
    assert rig.session().reason == "quoting"
    sells.code = "other"
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.reports("order.denied")) == 3


def test_a_session_that_asks_by_the_clock_is_not_asked_more_often_for_a_refusal() -> None:
    """The pause before a retry is at most the strategy's own."""
    strategy = two_sided(wake=Wake(move_half_ticks=0, every_ns=SECOND_NS // 4))
    rig = Rig(make_session(strategy, rules=(Deny(Side.BUY, "no"),)))
    rig.activate()
    before = len(strategy.views)
    rig.keep_alive(2 * SECOND_NS)
    assert len(strategy.views) - before == 8


def test_repeated_rejections_hold_a_session_back_and_it_comes_back_by_itself() -> None:
    """Five within ten seconds: ten seconds of silence, then the same again."""
    strategy = two_sided(asks=(), wake=Wake(move_half_ticks=0, every_ns=0))
    rig = Rig(make_session(strategy))
    rig.activate()
    for number in range(5):
        assert len(rig.places()) == number + 1
        rig.feed(OrderRejected, cid=rig.places()[-1].cid, code=-2010, reason="would take", crossed=True)
    assert len(rig.places()) == 5
    assert rig.reports("session.held") == [
        {"reason": "repeated rejections", "seconds": "10", "session": "main"}
    ]
    assert rig.session().reason == "held after repeated rejections"
    rig.keep_alive(9 * SECOND_NS)
    assert len(rig.places()) == 5
    rig.keep_alive(2 * SECOND_NS)
    assert len(rig.places()) == 6


def test_rejections_that_are_far_apart_hold_nobody_back() -> None:
    """Only so many within a short time are a loop."""
    rig = Rig(make_session(two_sided(asks=())))
    rig.activate()
    for _ in range(7):
        rig.feed(OrderRejected, cid=rig.places()[-1].cid, code=-2010, reason="would take")
        rig.keep_alive(3 * SECOND_NS)
    assert len(rig.places()) == 8
    assert rig.reports("session.held") == []


def test_cancels_that_a_ban_held_up_are_sent_when_it_is_over() -> None:
    """Without any move of the market."""
    strategy = two_sided(wake=Wake(move_half_ticks=0, every_ns=0))
    rig = Rig(make_session(strategy))
    rig.activate()
    rig.place_all()
    strategy.bids = strategy.asks = ()
    rig.feed(Throttled, until_ns=rig.now_ns + 3 * SECOND_NS, banned=True)
    rig.session().dirty = True
    rig.touch_book()
    assert rig.cancels() == []
    rig.keep_alive(5 * SECOND_NS)
    assert len(rig.cancels()) == 2


def test_without_a_two_sided_book_nothing_is_wanted() -> None:
    """A side that is empty, a book that crosses, a book that is lost: orders go, the reason is said."""
    rig = Rig(make_session(two_sided()))
    rig.activate()
    rig.place_all()
    rig.move(MID - 10, 0)
    assert rig.session().reason == "waits for a two-sided book"
    assert len(rig.cancels()) == 2
    for place in rig.places():
        rig.canceled(place)
    rig.move(MID - 10, MID + 10)
    assert len(rig.place_all()) == 2
    rig.feed(BookLost, symbol=INSTRUMENT.symbol, reason="gap")
    assert len(rig.cancels()) == 4
    assert of(rig.last, Place) == []


def test_orders_in_flight_block_their_level_until_the_venue_has_spoken() -> None:
    """No second order for a level whose first one is sent, being cancelled or unknown."""
    strategy = two_sided(asks=())
    rig = Rig(make_session(strategy))
    rig.activate()
    (place,) = rig.places()
    strategy.bids = (Quote(MID - 30, 10),)
    rig.keep_alive(2 * SECOND_NS)
    assert (len(rig.places()), len(rig.cancels())) == (1, 0)
    rig.ack(place)
    assert len(rig.cancels()) == 1
    rig.keep_alive(4 * SECOND_NS)
    assert len(rig.places()) == 1
    assert rig.state_of(place) is OrderState.CANCEL_SENT
    rig.canceled(place)
    assert rig.places()[-1].price_ticks == MID - 30


def test_a_refusal_carries_its_code() -> None:
    """A guard for the tests themselves: the rule refuses as it was told."""
    rule = Deny(Side.BUY, "x")
    rig = Rig(make_session(two_sided(), rules=(rule,)))
    rig.activate()
    assert rule.admit(rig.places()[0], rig.session().risk_view) is None
    buy = Place(
        cid="",
        symbol="",
        side=Side.BUY,
        price_ticks=1,
        size_lots=1,
        post_only=True,
        time_in_force=rig.places()[0].time_in_force,
        reduces=False,
        market_seq=0,
        market_age_ns=0,
    )
    assert rule.admit(buy, rig.session().risk_view) == Refusal("x")


def test_a_limit_that_breaks_between_two_decisions_ends_trading_all_the_same() -> None:
    """A strategy that asks to be asked rarely is watched no less."""
    ring = Ring()
    lazy = two_sided(wake=Wake(move_half_ticks=0, every_ns=3_600 * SECOND_NS, on_own_fill=False))
    rig = Rig(make_session(lazy, rules=(ring,)))
    rig.activate()
    rig.place_all()
    ring.alarm = Alarm(AlarmAction.HALT, "loss")
    rig.advance(SECOND_NS // 10)
    assert rig.engine.state.halt_code == "loss"
    assert len(rig.cancels()) == 2


def test_a_rule_that_breaks_between_two_decisions_ends_trading() -> None:
    """What watches must not fail silently either."""
    ring = Ring()
    rig = Rig(make_session(two_sided(wake=Wake(every_ns=3_600 * SECOND_NS)), rules=(ring,)))
    rig.activate()
    ring.alarm = "not an alarm"  # type: ignore[assignment]  # a rule from outside may return anything
    rig.advance(SECOND_NS // 10)
    assert rig.engine.state.halt_code == "decision.failed"


def test_a_ladder_that_the_venue_cannot_take_is_told_once_and_why() -> None:
    """Not silence: the size, the price and the least size that would do."""
    small = Quote(MID - 20, 1)
    rig = Rig(
        make_session(two_sided(bids=(small,), asks=()), instrument=replace(INSTRUMENT, size_min_lots=5))
    )
    rig.activate()
    rig.keep_alive(3 * SECOND_NS)
    assert rig.places() == []
    assert rig.session().reason == "every order is outside the venue's filters"
    assert rig.reports("quotes.unfit") == [
        {"size_lots": "1", "price_ticks": str(MID - 20), "least_lots": "5", "session": "main"}
    ]


def test_a_measurement_that_is_doubted_is_used_and_told_once() -> None:
    """Each signal's own doubt; after a new setup of the session it is told anew."""
    strategy = two_sided(needs=(TallySpec("a"), TallySpec("b")))
    rig = Rig(make_session(strategy))
    rig.activate()
    rig.keep_alive(2 * SECOND_NS)
    assert rig.reports("signal.doubtful") == []
    for place in (1, 0):
        rig.session().readers[place].doubt = f"odd {place}"  # type: ignore[attr-defined]  # the test's signal
        rig.keep_alive(3 * SECOND_NS)
    told = {"session": "main", "signal": "TallySpec"}
    assert rig.reports("signal.doubtful") == [told | {"detail": "odd 1"}, told | {"detail": "odd 0"}]
    assert len(rig.session().market.own_bids) == 1
    rig.session().adopt(rig.session().setup)
    rig.keep_alive(3 * SECOND_NS)
    assert len(rig.reports("signal.doubtful")) == 4


def test_a_strategy_that_numbers_its_levels_anew_each_time_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the refusals of too many levels the oldest are forgotten; the one of this moment is the reason."""
    monkeypatch.setattr(send, "DENIED_MAX", 3)
    rig = Rig(make_session(two_sided(), rules=(Deny(Side.BUY, "no"), Deny(Side.SELL, "no"))))
    rig.activate()
    for level in range(1, 30):
        rig.script().bids = (Quote(MID - 20, 10, level),)
        rig.keep_alive(SECOND_NS)
    assert len(rig.session().denied) == 3
    assert (Side.BUY, 29) in rig.session().denied
    assert rig.session().reason == "no"
