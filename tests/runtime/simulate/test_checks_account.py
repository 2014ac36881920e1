"""The checks of the account's limits one by one: what breaks them, and what does not."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as but

from mm.domain.book import Level
from mm.domain.commands import Place, Report, TimeInForce
from mm.domain.events import OrderFilled, Source, TopOfBook
from mm.domain.ids import OrderId
from mm.domain.sides import BUY, SELL, Side
from mm.risk.rules import RiskLimits, make_rules
from mm.runtime.simulate.checks import Broken, Checks
from mm.runtime.simulate.checks_account import AccountExposure, OrderCount, PlacementRate
from mm.runtime.simulate.checks_exposure import Exposure
from mm.runtime.simulate.checks_limits import NO_LIMIT, limits_of
from mm.runtime.simulate.checks_loss import Falls
from mm.runtime.simulate.checks_scene import SECOND_NS
from mm.runtime.simulate.faults import NONE
from mm.runtime.simulate.instruments import FIRST, IDS
from mm.runtime.simulate.plan import LIMITS, START_NS, Plan
from mm.runtime.simulate.world import World

Making = Callable[..., World]

TICK_LOT_ATOMS = FIRST.tick_lot_atoms


@pytest.fixture
def making() -> Iterator[Making]:
    """Return what makes worlds before their first step, with some limits."""
    with tempfile.TemporaryDirectory() as directory:
        made: list[World] = []

        def make(*, sessions: int = 1, shrunk: int = 1, **limits: int) -> World:
            place = Path(directory) / str(len(made))
            place.mkdir()
            stated = replace(LIMITS, **limits)  # type: ignore[arg-type]  # whoever names a limit knows its type
            fields: dict[str, Any] = {"sessions": sessions, "symbols": sessions, "limits": stated}
            made.append(World(Plan(seed=1, faults=NONE, shrunk=shrunk, **fields), place))
            made[-1].checks.scene.now_ns = START_NS
            quote(made[-1], 9_998, 10_002)
            return made[-1]

        yield make


def quote(world: World, bid_ticks: int, ask_ticks: int) -> None:
    """Let strangers stand at these prices, on every symbol, and nowhere else; let the checks look."""
    for strangers in world.strangers.values():
        strangers.middle_ticks = (bid_ticks + ask_ticks) // 2
        strangers._half_ticks = (ask_ticks - bid_ticks) // 2
        strangers.jump(world.checks.scene.now_ns, 0)
    world.checks.on_truth()


def place(number: int, session: int = 0, **fields: object) -> Place:
    """Return a placement of the life under way: five lots, bought below the market."""
    made = Place(
        cid=IDS.encode(OrderId(IDS.tag, session, 5, number)),
        symbol=("AAA/BBB", "CCC/BBB")[session],
        side=BUY,
        price_ticks=9_990,
        size_lots=5,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=1,
        market_age_ns=0,
    )
    return but(made, **fields)


def sent(world: World, one: Place) -> None:
    """Let a placement leave that nobody judges: it rests at the venue."""
    world.checks.scene.note(one)
    world.truth.place(world.now_ns, one)


def filled(world: World, trade_id: int, side: Side, price_ticks: int, **fields: object) -> None:
    """Tell of an execution of ten lots, at the venue and to the engine."""
    one = place(100 + trade_id, side=side)
    world.checks.scene.note(one)
    told = OrderFilled(
        ts_ns=world.checks.scene.now_ns,
        symbol="AAA/BBB",
        cid=one.cid,
        trade_id=trade_id,
        side=side,
        price_ticks=price_ticks,
        size_lots=10,
        fee_atoms=0,
        fee_asset="BBB",
        maker=True,
        source=Source.STREAM,
    )
    world.checks.of(Falls).on_event(but(told, **fields))


def breaks(name: str, text: str) -> AbstractContextManager[Any]:
    """Return what expects that to break."""
    return pytest.raises(Broken, match=f"^{name}: .*{text}")


@contextmanager
def later(world: World, seconds: int) -> Iterator[None]:
    """Let time pass, and look at what is so then."""
    world.checks.scene.now_ns += seconds * SECOND_NS
    yield
    world.checks.on_truth()


# ---- limits


def test_every_limit_is_read_off_the_rules(making: Making) -> None:
    """As they were stated; a setup without rules has none."""
    limits = RiskLimits(
        stale_ns_max=1,
        collar_ppm=2,
        order_lots_max=3,
        order_atoms_max=4,
        exposure_atoms_max=5,
        open_orders_max=6,
        placements_minute_max=17,
        session_loss_atoms=8,
        account_loss_atoms=9,
        open_loss_atoms=10,
        drawdown_ppm_max=11,
        slippage_ppm_max=2,
    )
    setup = making().checks.scene.setup.sessions[0]
    read = limits_of(replace(setup, rules=make_rules(limits)))
    for name in ("exposure_atoms_max", "open_orders_max", "placements_minute_max", "open_loss_atoms"):
        assert getattr(read, name) == getattr(limits, name)
    assert (read.quotes_minute_max, read.drawdown_ppm_max) == (13, 11)
    none = limits_of(replace(setup, rules=()))
    assert {none.exposure_atoms_max, none.quotes_minute_max, none.open_loss_atoms} == {NO_LIMIT}


# ---- inventory


def test_inventory_beyond_the_band_is_judged_with_nothing_open(making: Making) -> None:
    """It may not grow; less of it is none too much, nor is what was there when stock was taken."""
    world = making()
    check, scene = world.checks.of(Exposure), world.checks.scene
    check.begin_life()
    held = [70]
    scene.inventory.held = lambda session: held[session]  # type: ignore[method-assign]  # what is held is stated

    def look() -> None:
        scene.truth.version += 1
        check.on_truth()

    look()
    for held[0] in (70, 65, 60, 20, 60, -60):
        look()
    held[0] = 61
    with breaks("I1", "61 held, -60 before, limit 60"):
        look()
    held[0] = -61
    with breaks("I1", "-61 held"):
        look()
    held[0] = -62
    scene.deceived.add(0)
    scene.lied_about.add(place(1).cid)
    scene.note(place(1))
    look()


# ---- exposure


def test_the_worth_of_what_could_be_held_is_limited(making: Making) -> None:
    """What rests and what is on its way counts, and the placement itself; the last atom is allowed."""
    world = making(exposure_atoms_max=15 * 9_990 * TICK_LOT_ATOMS)
    check, scene = world.checks.of(AccountExposure), world.checks.scene
    sent(world, place(1))
    transit = place(2)
    scene.note(transit)
    scene.wire.in_transit[transit.cid] = transit
    check.on_command(place(3))
    check.on_command(place(3, side=SELL, price_ticks=9_990, size_lots=15))
    with breaks("R4", "limit 149850000"):
        check.on_command(place(3, size_lots=6))
    with breaks("R4", "limit 149850000"):
        check.on_command(place(3, price_ticks=9_991))
    with breaks("R4", "limit 149850000"):
        check.on_command(place(3, side=SELL, size_lots=16))


def test_what_only_brings_a_position_back_is_no_exposure(making: Making) -> None:
    """However large the position is: it makes nothing larger."""
    world = making(exposure_atoms_max=1_000_000)
    check, scene = world.checks.of(AccountExposure), world.checks.scene
    scene.inventory.held = lambda session: 50 - session  # type: ignore[method-assign]  # what is held is stated
    check.on_command(place(1, side=SELL, size_lots=50))
    with breaks("R4", "limit 1000000"):
        check.on_command(place(1, side=SELL, size_lots=51))


def test_other_sessions_count_with_the_worse_of_their_sides(making: Making) -> None:
    """At the lowest mid of late, less what the engine's may differ by."""
    world = making(sessions=2, exposure_atoms_max=200_000_000)
    check = world.checks.of(AccountExposure)
    sent(world, place(1, 1, size_lots=5))
    sent(world, place(2, 1, side=SELL, size_lots=10, price_ticks=10_020))
    others = 10 * (20_000 - 4) * TICK_LOT_ATOMS // 2
    room = (200_000_000 - others) // (9_990 * TICK_LOT_ATOMS)
    check.on_command(place(3, size_lots=room))
    with breaks("R4", f"others {others}, limit 200000000"):
        check.on_command(place(3, size_lots=room + 1))


def test_a_lie_makes_exposure_doubtful_until_it_fits_again(making: Making) -> None:
    """Nobody can bound what a venue hides; nor where it is known to tell too little."""
    world = making(exposure_atoms_max=60_000_000)
    check, scene = world.checks.of(AccountExposure), world.checks.scene
    scene.deceived.add(0)
    check.on_truth()
    check.on_command(place(1, size_lots=7))
    scene.deceived.clear()
    check.on_truth()
    check.on_command(place(1, size_lots=7))
    check.on_command(place(1))
    scene.lied_about.add(place(2).cid)
    check.on_command(place(1, size_lots=7))
    scene.lied_about.clear()
    with breaks("R4", "limit 60000000"):
        check.on_command(place(1, size_lots=7))
    check.begin_life()
    scene.bounds_exposure = False
    check.on_command(place(1, size_lots=7))


def test_no_limit_is_no_exposure_too_large(making: Making) -> None:
    """A setup without the rule is not judged."""
    world = making()
    scene = world.checks.scene
    scene.setup = replace(scene.setup, sessions=(replace(scene.setup.sessions[0], rules=()),))
    check = world.checks.of(AccountExposure)
    check.begin_life()
    check.on_command(place(1, size_lots=10**6))


# ---- the number of orders


def test_live_orders_are_counted_with_those_on_their_way(making: Making) -> None:
    """Of the symbol alone; an exit may go beyond our own cap, not beyond the venue's."""
    world = making(sessions=2, open_orders_max=3)
    check, scene = world.checks.of(OrderCount), world.checks.scene
    sent(world, place(1))
    sent(world, place(2, 1))
    transit = place(3)
    scene.note(transit)
    scene.wire.in_transit[transit.cid] = transit
    check.on_command(place(4))
    sent(world, place(4))
    check.on_command(place(5, 1))
    check.on_command(place(5, reduces=True))
    with breaks("R7", "4 orders on AAA/BBB, limit 3"):
        check.on_command(place(5))
    scene.lied_about.add(transit.cid)
    check.on_command(place(5))


def test_the_venues_own_cap_holds_for_every_order(making: Making) -> None:
    """Exits included."""
    world = making()
    check = world.checks.of(OrderCount)
    for number in range(FIRST.open_orders_max):
        transit = place(number)
        world.checks.scene.note(transit)
        world.wire.in_transit[transit.cid] = transit
    with breaks("R7", "201 orders on AAA/BBB, the venue takes 200"):
        check.on_command(place(999, reduces=True))


# ---- the number of placements


def test_placements_of_a_minute_are_counted_and_some_kept_for_exits(making: Making) -> None:
    """Of all sessions together; what is a minute old does not count."""
    world = making(sessions=2, placements_minute_max=6)
    check, scene = world.checks.of(PlacementRate), world.checks.scene
    check.on_command(place(1))
    scene.now_ns += SECOND_NS
    check.on_command(place(1, 1))
    with breaks("R3", "3 placements within a minute, limit 2"):
        check.on_command(place(2))
    for number in (3, 4, 5):
        check.on_command(place(number, reduces=True))
    with breaks("R3", "7 placements within a minute, limit 6"):
        check.on_command(place(6, reduces=True))
    scene.now_ns += 60 * SECOND_NS - 1
    with breaks("R3", "7 placements within a minute, limit 6"):
        check.on_command(place(7, reduces=True))
    scene.now_ns += 1
    check.on_command(place(8))


def test_placements_of_an_earlier_life_count_in_one_that_inherits(making: Making) -> None:
    """Unless the power failed: what was not on the disk, nobody can know of."""
    world = making(placements_minute_max=6)
    check, scene = world.checks.of(PlacementRate), world.checks.scene

    def fill_up() -> None:
        for number in (1, 2):
            check.on_command(place(number))

    fill_up()
    check.begin_life()
    fill_up()
    scene.setup = replace(scene.setup, estate=object())  # type: ignore[arg-type]  # whether there is one
    scene.wire.crash(machine=True)
    check.begin_life()
    fill_up()
    scene.wire.crash(machine=False)
    check.begin_life()
    with breaks("R3", "3 placements within a minute, limit 2"):
        fill_up()


# ---- losses


def test_a_loss_on_what_is_open_ends_quoting(making: Making) -> None:
    """Marked at the best mid of the last seconds; exits may leave; long and short."""
    for side, away in ((BUY, -100), (SELL, 100)):
        world = making(open_loss_atoms=900_000)
        check = world.checks.of(Falls)
        filled(world, 1, side, 10_000)
        check.on_command(place(1))
        quote(world, 9_998 + away, 10_002 + away)
        check.on_command(place(2))
        with later(world, 4):
            pass
        with breaks("I19", "open loss of 980000, limit 900000"):
            check.on_command(place(3))
        check.on_command(place(3, reduces=True))


def test_what_is_open_cost_what_its_own_executions_did(making: Making) -> None:
    """On average; what closes takes its share along, and a loss that was taken is none on what is open."""
    world = making(open_loss_atoms=90_000)
    check = world.checks.of(Falls)
    filled(world, 1, BUY, 10_100)
    filled(world, 2, BUY, 9_900)
    filled(world, 2, BUY, 9_900)
    check.on_command(place(1))
    filled(world, 3, SELL, 9_500)
    check.on_command(place(2))
    filled(world, 4, SELL, 10_010, size_lots=20)
    check.on_command(place(3))
    filled(world, 5, BUY, 10_010)
    filled(world, 6, BUY, 10_000)
    filled(world, 7, BUY, 10_012)
    check.on_command(place(4))
    filled(world, 8, BUY, 10_003)
    with breaks("I19", "open loss of 90000, limit 90000"):
        check.on_command(place(5))


def test_after_a_crash_the_cost_is_known_once_it_was_flat(making: Making) -> None:
    """What was told just before may be counted in another order; so it is where the peak was."""
    world = making(open_loss_atoms=100_000)
    check, scene = world.checks.of(Falls), world.checks.scene
    scene.setup = replace(scene.setup, estate=object())  # type: ignore[arg-type]  # whether there is one
    filled(world, 1, BUY, 10_100)
    check.begin_life()
    filled(world, 2, BUY, 10_100)
    check.on_command(place(1))
    filled(world, 3, SELL, 10_100, size_lots=20)
    filled(world, 4, BUY, 10_100)
    with breaks("I19", "open loss"):
        check.on_command(place(2))
    scene.setup = replace(scene.setup, estate=None)
    check.begin_life()
    check.on_command(place(3))


def test_a_fall_from_the_peak_ends_quoting(making: Making) -> None:
    """As a share of what the account was worth before the first placement, as an upper bound."""
    world = making(drawdown_ppm_max=20, shrunk=50_000)
    check, scene = world.checks.of(Falls), world.checks.scene
    equity = scene.equity_atoms("BBB") * 101 // 100
    check.on_command(place(1))
    filled(world, 1, BUY, 10_000)
    filled(world, 2, SELL, 10_060)
    check.on_command(place(2))
    filled(world, 3, BUY, 10_060)
    filled(world, 4, SELL, 10_016)
    check.on_command(place(3))
    filled(world, 5, BUY, 10_002)
    filled(world, 6, SELL, 10_000)
    with breaks("I19", f"fall of 460000 from the peak, limit 20 ppm of {equity}"):
        check.on_command(place(4))
    check.on_report(Report(ts_ns=1, code="unhalt", session="", facts=()))
    check.on_command(place(5))


def test_fees_are_no_part_of_a_peak(making: Making) -> None:
    """Of those in the base nobody knows what they are taken to be worth; of another asset's even less."""
    for asset, atoms, falls in (
        ("BBB", 500_000, True),
        ("AAA", 5_000, False),
        ("XXX", 1, False),
        ("BBB", 0, True),
    ):
        world = making(drawdown_ppm_max=20, shrunk=50_000)
        check = world.checks.of(Falls)
        check.on_command(place(1))
        filled(world, 1, BUY, 10_000, fee_asset=asset, fee_atoms=atoms)
        filled(world, 2, SELL, 10_060)
        check.on_command(place(2))
        filled(world, 3, BUY, 10_060)
        filled(world, 4, SELL, 10_000)
        if falls:
            with breaks("I19", "fall of"):
                check.on_command(place(3))
        else:
            check.on_command(place(3))


def test_an_account_that_was_valued_by_wrong_prices_is_not_judged_by_its_worth(making: Making) -> None:
    """A top far from the truth before the first placement; later ones value nothing."""
    for told, falls in ((1_000, False), (10_000, True)):
        world = making(drawdown_ppm_max=20, shrunk=50_000)
        check = world.checks.of(Falls)
        far = TopOfBook(ts_ns=1, symbol="AAA/BBB", seq=1, bid=Level(told - 1, 1), ask=Level(told + 1, 1))
        check.on_event(far)
        check.on_command(place(1))
        check.on_event(but(far, bid=Level(1, 1), ask=Level(2, 1)))
        filled(world, 1, BUY, 10_000)
        filled(world, 2, SELL, 9_900)
        if falls:
            with breaks("I19", "fall of 1000000"):
                check.on_command(place(2))
        else:
            check.on_command(place(2))


def test_where_a_side_is_empty_no_loss_is_judged(making: Making) -> None:
    """Its last mid was between what nobody else left."""
    world = making(open_loss_atoms=1)
    check = world.checks.of(Falls)
    filled(world, 1, BUY, 10_100)
    strangers = world.strangers["AAA/BBB"]
    strangers.blank = (BUY,)
    strangers.jump(START_NS, 0)
    check.on_command(place(1))


def test_every_one_is_asked(making: Making) -> None:
    """A check that is not listed judges nothing."""
    checks: Checks = making().checks
    for kind in (AccountExposure, OrderCount, PlacementRate, Falls):
        assert isinstance(checks.of(kind), kind)
