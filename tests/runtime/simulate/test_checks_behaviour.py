"""Checks of what has to happen: each raises where it did not, and lets pass what was done."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as but

from mm.domain.book import Level
from mm.domain.commands import Place, Report, TimeInForce
from mm.domain.events import (
    BalancesListed,
    BookDelta,
    BookSnapshot,
    FillsListed,
    ListedOrder,
    Operation,
    OperatorAsked,
    OrderFilled,
    OrderRejected,
    OrdersListed,
    Source,
    Stream,
    StreamUp,
    Throttled,
)
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.engine.external import MOVED
from mm.engine.session import SessionState
from mm.runtime.simulate.checks import Broken, Checks
from mm.runtime.simulate.checks_exits import PATIENCE_NS, ExitPrices, Flattens
from mm.runtime.simulate.checks_life import Liveness
from mm.runtime.simulate.checks_market import CrossedBooks
from mm.runtime.simulate.checks_outside import Outside
from mm.runtime.simulate.checks_recovery import RecoveryLooks
from mm.runtime.simulate.checks_rejects import SURE, WINDOW_NS, HeldBack
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.instruments import IDS
from mm.runtime.simulate.plan import START_NS, TIGHT, Plan
from mm.runtime.simulate.world import World

SYMBOL = "AAA/BBB"
MS = 1_000_000
SECOND = 1_000 * MS


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world before its first step, whose losses ask for the way out."""
    with tempfile.TemporaryDirectory() as directory:
        made = World(Plan(seed=1, faults=NONE, limits=TIGHT), Path(directory))
        made.checks.scene.now_ns = START_NS
        for strangers in made.strangers.values():
            strangers.step(START_NS)
        yield made


def place(checks: Checks, number: int = 1, **fields: object) -> Place:
    """Return a quote of the life under way."""
    made = Place(
        cid=IDS.encode(OrderId(IDS.tag, 0, checks.scene.setup.epoch, number)),
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


# ---- what the venue refuses


def test_who_is_refused_again_and_again_may_not_quote_before_the_window_is_over(world: World) -> None:
    """Fewer refusals are let pass, an exit is, and so is another life."""
    checks = world.checks
    check, scene = checks.of(HeldBack), checks.scene
    quote = place(checks)
    scene.note(quote)

    def refuse(at_ns: int) -> None:
        check.on_event(OrderRejected(ts_ns=at_ns, cid=quote.cid, code=-1, reason="no"))

    for number in range(SURE - 1):
        refuse(START_NS + number)
        check.on_command(quote)
    refuse(START_NS + SURE)
    scene.now_ns = START_NS + WINDOW_NS - 1
    with pytest.raises(Broken, match="B8: a quote after 9 refusals"):
        check.on_command(quote)
    check.on_command(leaving(checks, 2, Side.SELL, 9_900))
    scene.now_ns += 1
    check.on_command(quote)
    scene.now_ns -= 1
    check.begin_life()
    check.on_command(quote)


# ---- recovery


def listed(asked_ns: int, heard_ns: int, *cids: str) -> OrdersListed:
    """Return a listing of own orders."""
    rows = tuple(ListedOrder(cid, "1", Side.BUY, 9_990, 5, 0) for cid in cids)
    return OrdersListed(ts_ns=heard_ns, symbol=SYMBOL, asked_ns=asked_ns, orders=rows)


def recovering(world: World) -> RecoveryLooks:
    """Return the check of a life that took something over."""
    scene = world.checks.scene
    scene.setup = replace(scene.setup, estate=estate_of(world.engine.state))
    check = world.checks.of(RecoveryLooks)
    check.begin_life()
    return check


def test_a_recovery_that_looked_as_it_should_is_over(world: World) -> None:
    """Two listings that agree, then executions to the last page, then balances; from then on it may place."""
    check = recovering(world)
    with pytest.raises(Broken, match="recovery: a placement before"):
        check.on_command(place(world.checks))
    check.on_event(StreamUp(ts_ns=5, stream=Stream.USER))
    check.on_event(listed(10, 11))
    check.on_event(listed(12, 13))
    check.on_event(FillsListed(ts_ns=15, symbol=SYMBOL, asked_ns=14, next_trade_id=2, complete=True))
    check.on_event(BalancesListed(ts_ns=17, asked_ns=16, balances=()))
    check.on_report(says("recovered"))
    check.on_command(place(world.checks))


@pytest.mark.parametrize("missing", ["stream", "agreement", "fills", "balances"])
def test_a_recovery_that_left_a_look_out_is_told(world: World, missing: str) -> None:
    """Each of them; a listing asked for before the one before was heard agrees with nothing."""
    check = recovering(world)
    if missing != "stream":
        check.on_event(StreamUp(ts_ns=5, stream=Stream.USER))
    check.on_event(listed(10, 13))
    check.on_event(listed(12 if missing == "agreement" else 13, 14))
    complete = missing != "fills"
    check.on_event(FillsListed(ts_ns=15, symbol=SYMBOL, asked_ns=14, next_trade_id=2, complete=complete))
    asked_ns = 9 if missing == "balances" else 16
    check.on_event(BalancesListed(ts_ns=17, asked_ns=asked_ns, balances=()))
    said = {
        "stream": "without a user stream",
        "agreement": "before two listings",
        "fills": "before the executions",
        "balances": "before the balances",
    }
    with pytest.raises(Broken, match=said[missing]):
        check.on_report(says("recovered"))


def test_listings_that_differ_agree_on_nothing(world: World) -> None:
    """An order of ours in one of them alone."""
    check = recovering(world)
    check.on_event(StreamUp(ts_ns=5, stream=Stream.USER))
    check.on_event(listed(10, 11, place(world.checks).cid))
    check.on_event(listed(12, 13))
    check.on_event(FillsListed(ts_ns=15, symbol=SYMBOL, asked_ns=14, next_trade_id=2, complete=True))
    check.on_event(BalancesListed(ts_ns=17, asked_ns=16, balances=()))
    with pytest.raises(Broken, match="before two listings"):
        check.on_report(says("recovered"))


# ---- money from outside


def test_money_that_moved_has_to_be_told_of_to_the_atom(world: World) -> None:
    """What was told of is no more and no less than what happened."""
    check, scene = world.checks.of(Outside), world.checks.scene
    held = {asset: str(atoms) for asset, atoms in world.truth.holdings.items()}
    check.on_report(says("ledger.opened", **held))
    check.at_rest()
    world.truth.deposit("client", "BBB", 7)
    with pytest.raises(Broken, match="E1: 7 of BBB were moved from outside, 0 were told of"):
        check.at_rest()
    scene.engine.state.sessions[0].enter(SessionState.PAUSED, MOVED)
    check.on_report(says("balance.external", asset="BBB", atoms="7"))
    check.at_rest()
    check.on_report(says("ledger.explained", asset="BBB", atoms="1"))
    with pytest.raises(Broken, match="E1: 7 of BBB were moved from outside, 8 were told of"):
        check.at_rest()
    check.begin_life()
    check.at_rest()


def test_who_trades_what_was_moved_pauses_until_a_person_says_so(world: World) -> None:
    """Who quotes on is told; another asset is no business of its."""
    checks = world.checks
    check, session = checks.of(Outside), world.engine.state.sessions[0]
    session.state = SessionState.ACTIVE
    check.on_report(says("balance.external", asset="ZZZ", atoms="7"))
    with pytest.raises(Broken, match="E1: s0 is active after BBB was moved"):
        check.on_report(says("balance.external", asset="BBB", atoms="7"))
    session.enter(SessionState.PAUSED, MOVED)
    session.enter(SessionState.HALTED, "a drill")
    check.on_report(says("balance.external", asset="BBB", atoms="7"))
    with pytest.raises(Broken, match="E1: s0 quotes although it was paused"):
        check.on_command(place(checks))
    check.on_command(leaving(checks, 2, Side.SELL, 9_900))
    asked = OperatorAsked(ts_ns=1, operation=Operation.RESUME, session="s0", reason="", who="me")
    check.on_event(asked)
    check.on_command(place(checks))
    check.on_event(but(asked, operation=Operation.PAUSE, session=""))
    with pytest.raises(Broken, match="E1: s0 quotes although it was paused"):
        check.on_command(place(checks))


# ---- books


def test_a_crossed_book_is_found_by_its_prices_whatever_its_own_clock_says(world: World) -> None:
    """For a second it may be; one that was lost, or is right again, may be for another."""
    check, scene = world.checks.of(CrossedBooks), world.checks.scene
    book = world.engine.state.markets[SYMBOL].book
    limit_ns = scene.setup.deadlines.crossed + 8 * scene.setup.deadlines.sweep

    def look(at_ns: int) -> None:
        book._crossed_since_ns = 0
        scene.now_ns = START_NS + at_ns
        check.on_step()

    book.apply_snapshot(1, 1, [Level(10_000, 5)], [Level(10_001, 5)])
    look(0)
    book.apply_delta(2, 2, [Level(10_001, 5)], [])
    look(1)
    look(1 + limit_ns)
    book.lose()
    look(2 + limit_ns)
    book.apply_snapshot(3, 3, [Level(10_001, 5)], [Level(10_001, 5)])
    look(3 + limit_ns)
    look(3 + 2 * limit_ns)
    with pytest.raises(Broken, match="A3: a book that is crossed"):
        look(4 + 2 * limit_ns)
    check.begin_life()
    look(5 + 2 * limit_ns)


# ---- exits


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
            self.check.on_event(
                OrderFilled(
                    ts_ns=self.now_ns,
                    symbol=SYMBOL,
                    cid=fill.cid,
                    trade_id=fill.trade_id,
                    side=fill.side,
                    price_ticks=fill.price_ticks,
                    size_lots=fill.size_lots,
                    fee_atoms=fill.fee_atoms,
                    fee_asset=fill.fee_asset,
                    maker=fill.maker,
                    source=Source.STREAM,
                )
            )
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


# ---- liveness


def test_who_is_on_its_way_has_time_to_arrive(world: World) -> None:
    """Seed 41: a person lifted a halt at the very moment of the verdict."""
    check, scene = world.checks.of(Liveness), world.checks.scene
    session = world.engine.state.sessions[0]
    session.state, session.reason = SessionState.PENDING, "starting again"
    check.begin_life()
    check.on_report(says("session.state", "s0", state="halted", reason="x"))
    check.on_report(says("session.state", "s0", state="pending", reason="x"))
    assert not check.is_steady()
    scene.now_ns += scene.reconciled_ns
    check.when_healed()
    scene.now_ns += 1
    with pytest.raises(Broken, match="I13: s0 is pending: starting again"):
        check.when_healed()
    session.state = SessionState.PAUSED
    assert check.is_steady()
    check.when_healed()


def test_who_has_just_begun_is_waited_for_and_who_stays_silent_is_told(world: World) -> None:
    """Seed 301128: a person lifted a halt, and the first orders were on their way at the verdict."""
    check, scene = world.checks.of(Liveness), world.checks.scene
    session = world.engine.state.sessions[0]
    session.state, session.reason = SessionState.ACTIVE, "quoting"
    scene.truth.live.clear()
    scene.now_ns += 2 * scene.reconciled_ns
    check.begin_life()
    assert check.is_steady()
    check.on_report(says("session.state", "s0", state="active", reason="quoting starts"))
    assert not check.is_steady()
    scene.now_ns += scene.reconciled_ns + 1
    assert check.is_steady()
    with pytest.raises(Broken, match="I13: s0 is active, quotes nothing"):
        check.when_healed()


def test_every_run_has_a_secret_that_is_looked_for_from_the_first_byte(world: World) -> None:
    """What requests are signed with; another seed has another one."""
    with pytest.raises(Broken, match="I15: a secret stands in a file"):
        world.checks.on_bytes("a file", b"before " + world.wire.secret + b" after")
    with tempfile.TemporaryDirectory() as directory:
        other = World(Plan(seed=2, faults=NONE), Path(directory))
    assert other.wire.secret != world.wire.secret
