"""Checks of what has to happen: each raises where it did not, and lets pass what was done."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as but

from mm.domain.book import Level
from mm.domain.events import (
    BalancesListed,
    FillsListed,
    Operation,
    OperatorAsked,
    OrderRejected,
    Stream,
    StreamUp,
)
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.engine.external import MOVED
from mm.engine.session import SessionState
from mm.runtime.simulate.checks import Broken
from mm.runtime.simulate.checks_life import Liveness
from mm.runtime.simulate.checks_market import CrossedBooks
from mm.runtime.simulate.checks_outside import Outside
from mm.runtime.simulate.checks_recovery import RecoveryLooks
from mm.runtime.simulate.checks_rejects import SURE, WINDOW_NS, HeldBack
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.plan import START_NS, Plan
from mm.runtime.simulate.world import World
from tests.builders.checks_bench import SYMBOL, leaving, listed, place, says, tight_world


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world before its first step, whose losses ask for the way out."""
    with tight_world() as made:
        yield made


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
