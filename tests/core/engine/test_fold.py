"""The estate that a journal gives is the one that the engine would have said, and nothing in it can raise."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mm.domain.commands import Cancel, ListBalances, Place, Report, TimeInForce
from mm.domain.estate import Estate, OrderEstate, PositionEstate
from mm.domain.events import (
    Advanced,
    AnyEvent,
    BalancesListed,
    ConfigApplied,
    FillsListed,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderRejected,
    OrderSeen,
    OrdersListed,
    Source,
)
from mm.domain.orders import OrderState
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.engine.fold import Fold
from mm.engine.setup import EngineSetup
from tests.builders.engine_rig import CAPS, EPOCH, IDS, SECOND_NS, START_NS, Rig, cid_of, make_session
from tests.builders.estates import left
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.little_venue import Story

SYMBOL = INSTRUMENT.symbol
MARKS = {"mid_half_ticks": 0, "spread_half": 0, "revaluation_half": 0, "peak_atoms": 0, "memory": b""}
"""What market events make of a position, and of what a strategy remembers: they are not folded."""


def comparable(estate: Estate) -> Estate:
    """Return `estate` without what the fold does not know, written to bytes and read again."""
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(estate), type=Estate)
    assert read == estate
    orders = [replace(one, level=0, placed_ns=0, state=OrderState.UNKNOWN) for one in read.orders]
    return replace(
        read,
        ts_ns=0,
        sequence=0,
        positions=tuple(replace(one, **MARKS) for one in read.positions),
        orders=tuple(sorted(orders, key=lambda one: one.cid)),
        retired=tuple(replace(one, **MARKS) for one in read.retired),
    )


def check_folds(story: Story) -> None:
    """Compare the fold from every checkpoint, and from the beginning, with what the engine says."""
    said = comparable(estate_of(story.engine.state))
    for start, checkpoint in ((0, None), *story.checkpoints):
        assert comparable(story.fold(start, checkpoint)) == said


@given(seed=st.integers(0, 10**6), two=st.booleans())
def test_the_journal_from_any_checkpoint_gives_what_the_engine_would_have_said(seed: int, two: bool) -> None:
    """In lives that lose requests and answers, end anywhere, and go on from what the fold says."""
    story = Story(seed, trouble=0.15, instruments=(INSTRUMENT, OTHER) if two else (INSTRUMENT,))
    for _ in range(3):
        for _ in range(3):
            story.run(story.random.randrange(1, 25) * SECOND_NS // 10)
            story.checkpoint()
        story.run(story.random.randrange(1, 25) * SECOND_NS // 10)
        check_folds(story)
        story.again(story.die())


def test_a_fold_without_anything_says_what_the_life_began_with() -> None:
    """A fresh life leaves nothing but its sessions; one that took over leaves that."""
    rig = Rig()
    assert fold_of(rig).estate() == estate_of(rig.engine.state) == estate_of(fold_of(rig).state)
    story = Story(1)
    story.run(5 * SECOND_NS)
    left = story.die()
    story.again(left)
    assert Fold(story.setup, None).estate().positions == left.positions


def fold_of(rig: Rig, checkpoint: Estate | None = None) -> Fold:
    """Return a fold of the life of `rig`."""
    return Fold(rig.engine.state.setup, checkpoint)


def place(sequence: int = 1, **changes: Any) -> Place:
    """Return the command of an own order of this life."""
    fields: dict[str, Any] = {
        "cid": cid_of(sequence, epoch=EPOCH),
        "symbol": SYMBOL,
        "side": Side.BUY,
        "price_ticks": 9_980,
        "size_lots": 10,
        "post_only": True,
        "time_in_force": TimeInForce.GTC,
        "reduces": False,
        "market_seq": 0,
        "market_age_ns": 0,
    }
    return Place(**(fields | changes))


def report(code: str, session: str = "", **facts: str) -> Report:
    """Return a report."""
    return Report(ts_ns=START_NS, code=code, session=session, facts=tuple(facts.items()))


def test_what_was_sent_is_left_until_the_record_says_what_became_of_it() -> None:
    """Exits have no level; a cancel changes nothing about that an order may be there."""
    fold = fold_of(Rig())
    fold.on_command(place(), START_NS)
    fold.on_command(place(2, reduces=True, side=Side.SELL), START_NS)
    fold.on_command(Cancel(cid=place().cid, symbol=SYMBOL), START_NS)
    fold.on_command(Cancel(cid="never heard of", symbol=SYMBOL), START_NS)
    left = fold.estate()
    assert [(one.cid, one.level, one.state) for one in left.orders] == [
        (place(1).cid, 0, OrderState.CANCEL_SENT),
        (place(2).cid, -1, OrderState.SENT),
    ]
    assert left.sequence == 2
    fold.on_command(report("order.dead", "main", cid=place(2).cid), START_NS)
    fold.on_event(OrderCanceled(ts_ns=START_NS, cid=place(1).cid, cum_lots=0, source=Source.ANSWER))
    assert fold.estate().orders == ()


def test_what_the_engine_did_by_time_alone_is_taken_from_its_reports() -> None:
    """Stock, pauses, the account's first value, the first count, differences that were booked."""
    fold = fold_of(Rig())
    for one in (
        report("session.stock", "main", held_lots="9", target_lots="7", start_lots="2"),
        report("session.state", "main", state="paused", reason="lunch"),
        report("equity.start", atoms="77"),
        report("ledger.opened", AAA="100", BBB="5"),
        report("balance.external", asset="AAA", atoms="-40"),
        report("ledger.explained", asset="BBB", atoms="1"),
    ):
        fold.on_command(one, START_NS)
    left = fold.estate()
    (position,) = left.positions
    assert (position.stock_taken, position.target_lots, position.start_lots) == (True, 7, 2)
    assert position.paused == "lunch"
    fold.on_command(report("session.state", "main", state="halted", reason="operator"), START_NS)
    assert fold.estate().positions[0].paused == "lunch"
    fold.on_command(report("pause.lifted", "main"), START_NS)
    assert fold.estate().positions[0].paused == ""
    fold.on_command(report("pause.noted", "main", reason="tea"), START_NS)
    assert fold.estate().positions[0].paused == "tea"
    assert left.equity_start_atoms == 77
    assert left.holdings == (("AAA", 60), ("BBB", 6))
    fold.on_command(report("session.state", "main", state="active", reason="resumed"), START_NS)
    assert fold.estate().positions[0].paused == ""


@pytest.mark.parametrize(("trade_id", "atoms"), [(39, 100), (40, 100 + 4 * INSTRUMENT.lot_atoms)])
def test_a_fill_of_long_ago_that_is_told_after_the_first_count_is_in_it(trade_id: int, atoms: int) -> None:
    """As for the engine: what listings had passed when the counted balances were asked for."""
    fold = fold_of(Rig())
    fold.on_event(
        FillsListed(ts_ns=START_NS, symbol=SYMBOL, asked_ns=START_NS, next_trade_id=40, complete=True)
    )
    fold.on_command(ListBalances(), START_NS + 1)
    fold.on_event(BalancesListed(ts_ns=START_NS + 2, asked_ns=START_NS + 1, balances=(("AAA", 100, 0),)))
    fold.on_command(report("ledger.opened", AAA="100"), START_NS + 3)
    fold.on_event(
        OrderFilled(
            ts_ns=START_NS + 4,
            symbol=SYMBOL,
            cid=cid_of(3),
            trade_id=trade_id,
            side=Side.BUY,
            price_ticks=10_000,
            size_lots=4,
            fee_atoms=0,
            fee_asset="BBB",
            maker=True,
            source=Source.STREAM,
        )
    )
    assert dict(fold.estate().holdings)["AAA"] == atoms


@pytest.mark.parametrize("ahead_ns", [0, 3_600 * SECOND_NS, -3_600 * SECOND_NS])
@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_placements_taken_over_count_from_the_first_record_of_the_life(
    ahead_ns: int, has_checkpoint: bool
) -> None:
    """Whatever clock they were placed by: a checkpoint of before the first step cannot say."""
    rig = Rig(estate=left(placed=((START_NS + ahead_ns, 3),)))
    fold = fold_of(rig, estate_of(rig.engine.state) if has_checkpoint else None)
    assert fold.estate().placed == ((START_NS + ahead_ns, 3),)
    fold.on_event(Advanced(ts_ns=START_NS))
    fold.on_command(place(), START_NS + SECOND_NS)
    assert fold.estate().placed == ((START_NS, 3), (START_NS + SECOND_NS, 1))


def test_placements_of_a_checkpoint_within_the_life_keep_their_time() -> None:
    """They are by its own clock."""
    rig = Rig()
    checkpoint = left(epoch=EPOCH, ts_ns=START_NS, placed=((START_NS - 50 * SECOND_NS, 3),))
    fold = fold_of(rig, checkpoint)
    fold.on_event(Advanced(ts_ns=START_NS + 9 * SECOND_NS))
    assert fold.estate().placed == ((START_NS - 50 * SECOND_NS, 3),)
    fold.on_event(Advanced(ts_ns=START_NS + 10 * SECOND_NS))
    assert fold.estate().placed == ()


def test_orders_of_nobody_are_left_on_until_they_were_found_gone() -> None:
    """Of a session that this life does not have."""
    gone = PositionEstate(
        session="gone", symbol=SYMBOL, index=3, target_lots=0, stock_taken=True, peak_atoms=0, paused=""
    )
    orphan = OrderEstate(
        cid=cid_of(9),
        session="gone",
        symbol=SYMBOL,
        side=Side.BUY,
        price_ticks=9_000,
        size_lots=5,
        level=0,
        reduces=False,
        placed_ns=START_NS,
        state=OrderState.WORKING,
        cum_lots=0,
        revealed_lots=0,
        venue_order_id="",
    )
    estate = replace(estate_of(Rig().engine.state), epoch=EPOCH - 1, orders=(orphan,), retired=(gone,))
    fold = fold_of(Rig(estate=estate))
    assert fold.estate().orders == (orphan,)
    fold.on_command(report("order.retired", cid="another"), START_NS)
    assert fold.estate().orders == (orphan,)
    fold.on_command(report("order.retired", cid=orphan.cid), START_NS)
    assert fold.estate().orders == ()
    assert fold.estate().retired == (gone,)


@pytest.mark.parametrize(
    "command",
    [
        place(price_ticks=0),
        place(size_lots=-1),
        place(symbol="never heard of"),
        place(cid="foreign"),
        place(cid=cid_of(1, session=7, epoch=EPOCH)),
        report("order.dead"),
        report("session.stock", "main"),
        report("session.stock", "main", target_lots="many", start_lots=""),
        report("session.state", "main", state="dancing"),
        report("session.state", "nobody", state="paused", reason="no"),
        report("equity.start", atoms="rich"),
        report("anything.else", what="ever"),
    ],
)
def test_a_command_that_makes_no_sense_leaves_nothing(command: Place | Report) -> None:
    """It does not raise either."""
    fold = fold_of(Rig())
    fold.on_command(command, START_NS)
    left = fold.estate()
    assert left.orders == ()
    assert left.equity_start_atoms == 0


def test_a_placement_that_is_there_twice_is_one_order() -> None:
    """A record may be doubled."""
    fold = fold_of(Rig())
    fold.on_command(place(), START_NS)
    fold.on_command(place(), START_NS)
    assert len(fold.estate().orders) == 1
    assert fold.estate().placed == ((START_NS, 1),)


def test_an_order_of_an_earlier_life_in_the_record_does_not_count_as_one_of_this() -> None:
    """The count of this life's orders is its own."""
    fold = fold_of(Rig())
    fold.on_command(place(cid=cid_of(900)), START_NS)
    assert fold.estate().sequence == 0


TEXTS = st.sampled_from(["", "x", SYMBOL, place(1).cid, place(2).cid, cid_of(1), cid_of(99, epoch=EPOCH + 1)])
NUMBERS = st.integers(-3, 20)
KINDS: tuple[tuple[type[AnyEvent], dict[str, Any]], ...] = (
    (OrderAcked, {"price_ticks": NUMBERS, "size_lots": NUMBERS, "venue_order_id": TEXTS}),
    (OrderRejected, {"code": NUMBERS, "reason": TEXTS}),
    (OrderCanceled, {"cum_lots": NUMBERS}),
    (OrderSeen, {"venue_order_id": TEXTS, "open": st.booleans(), "cum_lots": NUMBERS}),
    (OrderNotFound, {}),
    (
        OrderFilled,
        {
            "symbol": TEXTS,
            "trade_id": NUMBERS,
            "side": st.sampled_from(Side),
            "price_ticks": NUMBERS,
            "size_lots": NUMBERS,
            "fee_atoms": NUMBERS,
            "fee_asset": TEXTS,
            "maker": st.booleans(),
        },
    ),
    (FillsListed, {"symbol": TEXTS, "next_trade_id": NUMBERS, "complete": st.booleans()}),
    (OrdersListed, {"symbol": TEXTS, "orders": st.just(())}),
    (BalancesListed, {"balances": st.lists(st.tuples(TEXTS, NUMBERS, NUMBERS), max_size=3).map(tuple)}),
    (Advanced, {}),
    (ConfigApplied, {"revision": NUMBERS, "digest": TEXTS, "who": TEXTS}),
)


@st.composite
def any_event(draw: st.DrawFn) -> AnyEvent:
    """Return an event whose every field is anything."""
    kind, values = draw(st.sampled_from(KINDS))
    fields: dict[str, Any] = {name: draw(value) for name, value in values.items()}
    names = kind.__struct_fields__
    if "cid" in names:
        fields["cid"] = draw(TEXTS)
    if "asked_ns" in names:
        fields["asked_ns"] = START_NS + draw(NUMBERS)
    if "source" in names:
        fields["source"] = draw(st.sampled_from(Source))
    event: AnyEvent = kind(ts_ns=START_NS + draw(NUMBERS), **fields)
    return event


@settings(max_examples=60, deadline=None)
@given(events=st.lists(any_event(), max_size=25))
def test_whatever_a_journal_holds_the_fold_does_not_raise(events: list[AnyEvent]) -> None:
    """Sizes below 0, unknown symbols, times that go back, ids of a later life."""
    fold = Fold(EngineSetup(ids=IDS, epoch=EPOCH, caps=CAPS, sessions=(make_session(),)), None)
    fold.on_command(place(1), START_NS)
    fold.on_command(place(2, side=Side.SELL), START_NS)
    for event in events:
        fold.on_event(event)
    left = fold.estate()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(left), type=Estate) == left
