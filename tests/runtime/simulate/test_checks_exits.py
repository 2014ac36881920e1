"""Checks of the way out: each raises where an exit is missing or goes too far, and lets pass the rest."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace as but

from mm.domain.commands import Place
from mm.domain.events import (
    AnyEvent,
    BalancesListed,
    BookDelta,
    BookSnapshot,
    FillsListed,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    Source,
    Stream,
    StreamUp,
    Throttled,
)
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.engine.session import SessionState
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.checks_exits import PATIENCE_NS, ExitPrices, Flattens
from mm.runtime.simulate.instruments import IDS
from mm.runtime.simulate.plan import START_NS
from mm.runtime.simulate.world import World
from tests.builders.checks_bench import MS, SECOND, SYMBOL, leaving, listed, place, says, tight_world


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world before its first step, whose losses ask for the way out."""
    with tight_world() as made:
        yield made


def test_an_exit_may_not_reach_beyond_its_bound(world: World) -> None:
    """One per cent, and half of one for what a book may be off, from the venue's mid; on both sides."""
    checks = world.checks
    check = checks.of(ExitPrices)
    check.on_command(leaving(checks, 1, Side.SELL, 1))
    check.on_truth()
    mid_ticks = checks.scene.mid_half_ticks(SYMBOL) // 2
    assert mid_ticks > 0
    check.on_command(leaving(checks, 1, Side.SELL, mid_ticks * 986 // 1_000))
    check.on_command(leaving(checks, 2, Side.BUY, mid_ticks * 1_014 // 1_000))
    check.on_command(place(checks, 3, price_ticks=2 * mid_ticks))
    with pytest.raises(Broken, match="slippage: an exit to sell"):
        check.on_command(leaving(checks, 4, Side.SELL, mid_ticks * 983 // 1_000))
    with pytest.raises(Broken, match="slippage: an exit to buy"):
        check.on_command(leaving(checks, 5, Side.BUY, mid_ticks * 1_017 // 1_000))


def filled(ts_ns: int, place: Place, *, trade_id: int, size_lots: int) -> OrderFilled:
    """Return what the user stream tells of an execution at the price of the order."""
    return OrderFilled(
        ts_ns=ts_ns,
        symbol=SYMBOL,
        cid=place.cid,
        trade_id=trade_id,
        side=place.side,
        price_ticks=place.price_ticks,
        size_lots=size_lots,
        fee_atoms=0,
        fee_asset="BBB",
        maker=False,
        source=Source.STREAM,
    )


class Leaving:
    """A session that is halted for a loss, holds something, and has nothing in its way."""

    def __init__(self, world: World) -> None:
        """Fill an order at the venue, tell of it, list all, halt, confirm."""
        self.world, self.scene = world, world.checks.scene
        self.check = world.checks.of(Flattens)
        self.now_ns = START_NS + SECOND
        quote = place(world.checks, price_ticks=10_050, size_lots=20)
        self.scene.note(quote)
        world.truth.place(START_NS, but(quote, post_only=False))
        for fill in world.truth.fills:
            self.check.on_event(filled(self.now_ns, quote, trade_id=fill.trade_id, size_lots=fill.size_lots))
        self.session = world.engine.state.sessions[0]
        self.session.state = SessionState.HALTED
        self.session.market.reference.half_ticks = 20_000
        self.venue_ms = 0
        self.connect()
        self.check.on_report(says("halt", reason="stop_loss.session"))
        self.say("halt.confirmed")

    def connect(self) -> None:
        """Bring the user stream up and list everything."""
        at_ns, check = self.now_ns, self.check
        check.on_event(StreamUp(ts_ns=at_ns, stream=Stream.USER))
        check.on_event(listed(at_ns, at_ns))
        check.on_event(
            FillsListed(ts_ns=at_ns, symbol=SYMBOL, asked_ns=at_ns, next_trade_id=9, complete=True)
        )
        check.on_event(BalancesListed(ts_ns=at_ns, asked_ns=at_ns, balances=()))
        check.on_event(BookSnapshot(ts_ns=at_ns, symbol=SYMBOL, seq=1, bids=(), asks=()))

    def say(self, code: str, session: str = "", **facts: str) -> None:
        """Report something now."""
        self.scene.now_ns = self.now_ns
        self.check.on_report(says(code, session, **facts))

    def wait(self, for_ns: int, *, fresh: bool = True) -> None:
        """Let time pass, with news of the depth or without."""
        end_ns = self.now_ns + for_ns
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + 500 * MS)
            self.venue_ms += fresh
            self.check.on_event(
                BookDelta(ts_ns=self.now_ns, symbol=SYMBOL, seq=2, venue_ms=self.venue_ms, bids=(), asks=())
            )
            self.scene.now_ns = self.now_ns
            self.check.on_step()


def test_who_has_to_leave_and_sends_no_exit_is_told(world: World) -> None:
    """Within seconds of a confirmed halt, not before."""
    one = Leaving(world)
    one.wait(PATIENCE_NS)
    with pytest.raises(Broken, match="flatten: s0 was to leave 20 lots and sends no exit"):
        one.wait(500 * MS)


@pytest.mark.parametrize(
    "code",
    ["unhalt", "halt.reopened", "exit.incomplete", "exit.failed", "order.denied", "journal"],
)
def test_what_ends_the_duty_to_leave(world: World, code: str) -> None:
    """A person, orders that came back, what it says of itself, a limit on messages, another halt."""
    one = Leaving(world)
    if code == "journal":
        one.say("halt", reason="journal.failed")
    elif code in ("unhalt", "halt.reopened"):
        one.say(code)
    else:
        one.say(code, "s0", rule="message_rate.minute", level="-1")
    one.wait(3 * PATIENCE_NS)


def test_what_was_refused_for_another_reason_is_owed_again(world: World) -> None:
    """The newest refusal counts, and that of an exit alone."""
    one = Leaving(world)
    one.say("order.denied", "s0", rule="budget", level="-1")
    one.wait(3 * PATIENCE_NS)
    one.say("order.denied", "s0", rule="budget", level="0")
    one.say("order.denied", "s0", rule="slippage.price", level="-1")
    with pytest.raises(Broken, match="flatten: s0 was to leave"):
        one.wait(3 * PATIENCE_NS)


def test_an_exit_is_what_was_owed(world: World) -> None:
    """What becomes of it is another matter."""
    one = Leaving(world)
    one.check.on_command(leaving(world.checks, 7, Side.SELL, 9_900))
    one.wait(3 * PATIENCE_NS)


def test_as_long_as_something_stands_in_the_way_nobody_has_to_leave(world: World) -> None:
    """Depth that stands still, a book that was lost, a stream that fell, a venue that wants to be left alone;
    once that is over there are seconds again.
    """
    one = Leaving(world)
    one.wait(3 * PATIENCE_NS, fresh=False)
    one.wait(PATIENCE_NS)
    one.check.on_event(Throttled(ts_ns=one.now_ns, until_ns=one.now_ns + 2 * PATIENCE_NS, banned=False))
    one.wait(3 * PATIENCE_NS)
    one.say("book.lost", symbol=SYMBOL, reason="crossed")
    one.wait(3 * PATIENCE_NS)
    one.connect()
    one.wait(PATIENCE_NS)
    one.say("stream.suspect", stream="user", reason="silent")
    one.wait(3 * PATIENCE_NS)
    one.connect()
    one.wait(PATIENCE_NS)
    with pytest.raises(Broken, match="flatten: s0 was to leave"):
        one.wait(SECOND)


def of_another(world: World, side: Side) -> Place:
    """Return an exit of 20 lots of a second session on the same symbol."""
    made = leaving(world.checks, 9, side, 10_100)
    epoch = world.checks.scene.setup.epoch
    return but(made, cid=IDS.encode(OrderId(IDS.tag, 1, epoch, 9)), size_lots=20)


@pytest.mark.parametrize(
    "ended", ["canceled", "expired", "rejected", "seen", "filled", "order.dead", "halt.confirmed"]
)
def test_an_exit_waits_until_that_of_another_session_on_the_other_side_has_ended(
    world: World, ended: str
) -> None:
    """They would meet; once the venue has told of its end, or it is proven, there are seconds again."""
    one = Leaving(world)
    other = of_another(world, Side.BUY)
    one.check.on_command(other)
    one.scene.note(other)
    half = filled(one.now_ns, other, trade_id=901, size_lots=10)
    one.check.on_event(half)
    one.check.on_event(OrderSeen(ts_ns=one.now_ns, cid=other.cid, venue_order_id="1", open=True, cum_lots=10))
    one.wait(3 * PATIENCE_NS)
    events: dict[str, AnyEvent] = {
        "canceled": OrderCanceled(ts_ns=one.now_ns, cid=other.cid, cum_lots=10, source=Source.ANSWER),
        "expired": OrderExpired(
            ts_ns=one.now_ns, cid=other.cid, cum_lots=10, prevented=False, source=Source.STREAM
        ),
        "rejected": OrderRejected(ts_ns=one.now_ns, cid=other.cid, code=-1, reason="no"),
        "seen": OrderSeen(ts_ns=one.now_ns, cid=other.cid, venue_order_id="1", open=False, cum_lots=10),
        "filled": but(half, ts_ns=one.now_ns, trade_id=902),
    }
    if ended in events:
        one.check.on_event(events[ended])
    else:
        one.say(ended, cid=other.cid)
    one.wait(PATIENCE_NS)
    with pytest.raises(Broken, match="flatten: s0 was to leave 20 lots and sends no exit"):
        one.wait(SECOND)


def test_an_exit_does_not_wait_for_one_on_its_own_side(world: World) -> None:
    """Those cannot meet."""
    one = Leaving(world)
    one.check.on_command(of_another(world, Side.SELL))
    one.wait(PATIENCE_NS)
    with pytest.raises(Broken, match="flatten: s0 was to leave"):
        one.wait(SECOND)


def test_who_holds_something_is_not_out(world: World) -> None:
    """What was told says so; who could not know of all executions may be mistaken."""
    one = Leaving(world)
    with pytest.raises(Broken, match="flatten: s0 says that it is out and holds 20"):
        one.say("exit.done", "s0")
    one.check._told.pop()
    one.say("exit.done", "s0")


def test_another_life_has_nothing_to_leave(world: World) -> None:
    """A halt that it inherits is told of by nobody."""
    one = Leaving(world)
    one.check.begin_life()
    one.wait(3 * PATIENCE_NS)
    assert not one.check._leaves(0)
