"""The checks one by one, where no planted mistake of the engine reaches them: what breaks them, what not."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mm.domain.commands import Cancel, Report
from mm.domain.events import FillsListed, ListedOrder, OrderFilled, OrdersListed, Source
from mm.domain.sides import Side
from mm.engine.estate import estate_of
from mm.engine.session import SessionState
from mm.risk.rules import make_rules
from mm.runtime.rerun import Difference, RerunResult
from mm.runtime.simulate.checks import CHECKERS, Broken
from mm.runtime.simulate.checks_bounds import Bounds, bounds_of, sizes_of
from mm.runtime.simulate.checks_fills import Ledger
from mm.runtime.simulate.checks_halt import Halt, Loss
from mm.runtime.simulate.checks_life import Liveness, RecoveredOnce, SingleWriter
from mm.runtime.simulate.checks_record import forms_of
from mm.runtime.simulate.checks_scene import SECOND_NS, Extremes
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.looks import LOSSES
from mm.runtime.simulate.plan import START_NS, Plan
from mm.runtime.simulate.world import World
from tests.builders.checks_bench import place
from tests.builders.risk_rules import make_limits


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world before its first step."""
    with tempfile.TemporaryDirectory() as directory:
        yield World(Plan(seed=1, faults=NONE), Path(directory))


def test_every_invariant_that_a_simulation_can_show_has_its_check() -> None:
    """I1 to I20, each under its name."""
    names = {kind.invariant for kind in CHECKERS}
    assert {f"I{number}" for number in range(1, 21)} <= names


def test_a_secret_is_found_in_every_form(world: World) -> None:
    """Raw, for a URL, base 64, hexadecimal, JSON; in reports and in bytes."""
    secret = b'se/cret"key+1'
    world.checks.plant_secrets([secret])
    for form in forms_of(secret):
        with pytest.raises(Broken, match="I15"):
            world.checks.on_bytes("a file", b"before " + form + b" after")
    world.checks.on_bytes("a file", b"se/cret and key")
    with pytest.raises(Broken, match="report x"):
        world.checks.on_command(1, Report(ts_ns=1, code="x", session="", facts=(("a", secret.decode()),)))


def test_a_repetition_that_differs_breaks_determinism(world: World) -> None:
    """With the number of the first command; one that ends in an error too."""
    same = RerunResult(events=1, commands=1, outcomes=0, difference=None, broke="", last_ts_ns=1)
    world.checks.on_rerun(same)
    differs = Difference(number=7, seq=9, ts_ns=1, recorded="this", computed="that")
    with pytest.raises(Broken, match="I10: command 7: recorded this, computed that"):
        world.checks.on_rerun(replace(same, difference=differs))
    with pytest.raises(Broken, match="ended in KeyError"):
        world.checks.on_rerun(replace(same, broke="KeyError"))


def test_a_life_that_repeats_a_number_is_no_single_writer(world: World) -> None:
    """Its ids could not be told from those before."""
    with pytest.raises(Broken, match="I18: a life of epoch 5 follows one of 5"):
        world.checks.of(SingleWriter).begin_life()


def test_a_process_that_is_told_of_its_successor_may_not_place(world: World) -> None:
    """Listed orders of a later life are proof; a person may decide otherwise."""
    check = world.checks.of(SingleWriter)
    later = place(world.checks, epoch=99)
    entry = ListedOrder(later.cid, "1", later.side, later.price_ticks, later.size_lots, 0)
    check.on_command(place(world.checks))
    check.on_event(OrdersListed(ts_ns=1, symbol="AAA/BBB", asked_ns=1, orders=(entry,)))
    with pytest.raises(Broken, match="successor"):
        check.on_command(place(world.checks))
    check.on_report(Report(ts_ns=1, code="unhalt", session="", facts=()))
    check.on_command(place(world.checks))


def test_a_second_recovery_sends_nothing(world: World) -> None:
    """After one that was done, with nothing left; until it is done itself. Where the record of it went with
    the power (seed 300017) it is done again.
    """
    check, scene = world.checks.of(RecoveredOnce), world.checks.scene
    scene.truth.live.clear()
    scene.setup = replace(scene.setup, estate=estate_of(world.engine.state))
    done = Report(ts_ns=1, code="recovered", session="", facts=())
    cancel = Cancel(cid=place(world.checks).cid, symbol="AAA/BBB")
    check.begin_life()
    check.on_command(cancel)
    check.on_report(done)
    check.begin_life()
    with pytest.raises(Broken, match="I20: a second recovery sent a Cancel"):
        check.on_command(cancel)
    check.on_report(done)
    check.on_command(cancel)
    scene.lost_bytes += 1
    check.begin_life()
    check.on_command(cancel)
    check.on_report(done)
    check.begin_life()
    with pytest.raises(Broken, match="I20: a second recovery sent a Cancel"):
        check.on_command(cancel)


def test_losses_of_an_order_without_a_record_count_for_no_later_life(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeds 400746, 901161: what is told of it afterwards counts where it is for us, because it may have been
    found at the venue; what was counted before ends the judging, and that is said.
    """
    check, scene = world.checks.of(Loss), world.checks.scene
    setup = scene.setup.sessions[0]
    rules = make_rules(make_limits(session_loss_atoms=1_000_000, account_loss_atoms=1_000_000))
    scene.setup = replace(scene.setup, sessions=(replace(setup, rules=rules),))
    scene.setup = replace(scene.setup, estate=estate_of(world.engine.state))
    monkeypatch.setattr(type(scene), "mid_half_ticks", lambda scene, symbol: 20_000)
    check.begin_life()
    check.on_truth()

    def buys_dear(number: int, price_ticks: int = 20_000) -> str:
        bought = place(world.checks, number)
        scene.note(bought)
        check.on_event(
            OrderFilled(
                ts_ns=1,
                symbol="AAA/BBB",
                cid=bought.cid,
                trade_id=number,
                side=Side.BUY,
                price_ticks=price_ticks,
                size_lots=10,
                fee_atoms=0,
                fee_asset="BBB",
                maker=True,
                source=Source.STREAM,
            )
        )
        return bought.cid

    scene.forgotten.add(place(world.checks, 1).cid)
    buys_dear(1)
    check.on_command(place(world.checks, 9))
    counted = buys_dear(2)
    with pytest.raises(Broken, match="I19: a placement after a loss of"):
        check.on_command(place(world.checks, 9))
    check.begin_life()
    with pytest.raises(Broken, match="I19: a placement after a loss of"):
        check.on_command(place(world.checks, 9))
    scene.forgotten.add(place(world.checks, 3).cid)
    buys_dear(3, price_ticks=1)
    check.on_command(place(world.checks, 9))
    buys_dear(4)
    with pytest.raises(Broken, match="I19: a placement after a loss of"):
        check.on_command(place(world.checks, 9))
    scene.forgotten.add(counted)
    check.begin_life()
    check.on_command(place(world.checks, 9))
    assert scene.looks.counts[LOSSES] == (6, 1)


def test_who_was_silent_because_its_messages_were_used_up_has_time_to_quote_again(world: World) -> None:
    """It said so; what it sends now is on its way yet (seed 30176); silence after that is told."""
    check, scene = world.checks.of(Liveness), world.checks.scene
    session = scene.engine.state.sessions[0]
    session.state, session.reason = SessionState.ACTIVE, "quoting"
    scene.now_ns = START_NS + 1_000 * SECOND_NS

    def says(reason: str) -> None:
        report = Report(ts_ns=1, code="session.reason", session=session.name, facts=(("reason", reason),))
        check.on_report(report)

    for reason in ("quoting", "budget", "quoting"):
        with pytest.raises(Broken, match="quotes nothing"):
            check.when_healed()
        says(reason)
    scene.now_ns += scene.reconciled_ns
    check.when_healed()
    scene.now_ns += 1
    with pytest.raises(Broken, match="quotes nothing"):
        check.when_healed()


def test_a_restart_does_not_lift_a_halt(world: World) -> None:
    """What was latched in one life is latched in the next, whatever its setup says."""
    check = world.checks.of(Halt)
    check.on_command(place(world.checks))
    check.on_report(Report(ts_ns=1, code="halt", session="", facts=()))
    check.begin_life()
    with pytest.raises(Broken, match="I7: a placement left after the halt"):
        check.on_command(place(world.checks))


def test_money_from_nowhere_breaks_the_ledger(world: World) -> None:
    """A flow that somebody told of is none."""
    check = world.checks.of(Ledger)
    check.at_rest()
    world.truth.deposit("client", "BBB", 0)
    world.truth.holdings["BBB"] += 5
    with pytest.raises(Broken, match="I4"):
        check.at_rest()
    world.checks.on_external("BBB", 5)
    check.at_rest()


def test_a_container_that_grows_is_found_though_nobody_named_it(world: World) -> None:
    """Whatever is not known to be large is held to a small bound."""
    check = world.checks.of(Bounds)
    check.walk(world.engine)
    vars(world.engine.state)["forgotten"] = list(range(600))
    with pytest.raises(Broken, match="I12: forgotten holds 600, bound 512"):
        check.walk(world.engine)


def test_the_walk_reaches_what_is_inside(world: World) -> None:
    """Orders, timers, books and windows among them, each with its bound stated where it is large."""
    paths = {path.removeprefix(".") for path, _ in sizes_of(world.engine.state, "")}
    for path in ("orders.live", "orders._ended", "orders._trades", "timers._heap", "budget._weight._spent"):
        assert path in paths
        assert path in bounds_of(world.engine.state)


def test_extremes_forget_what_is_old_but_not_the_last_before(world: World) -> None:
    """The value that held at the beginning of the span is one of it."""
    seen = Extremes(10)
    for now_ns, value in ((0, 5), (1, 5), (4, 9), (12, 7), (14, 0)):
        seen.see(now_ns, value)
    assert list(seen.values()) == [9, 7]
    seen.see(23, 8)
    assert list(seen.values()) == [7, 8]


def test_fills_of_a_page_are_no_news_of_a_successor(world: World) -> None:
    """Only open orders are: an execution may be of long ago."""
    check = world.checks.of(SingleWriter)
    fill = OrderFilled(
        ts_ns=1,
        symbol="AAA/BBB",
        cid=place(world.checks, epoch=99).cid,
        trade_id=1,
        side=Side.BUY,
        price_ticks=9_990,
        size_lots=1,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.QUERY,
    )
    check.on_event(fill)
    check.on_event(FillsListed(ts_ns=1, symbol="AAA/BBB", asked_ns=1, next_trade_id=2, complete=True))
    check.on_command(place(world.checks))
