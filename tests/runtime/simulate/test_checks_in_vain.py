"""Checks of limits that became tighter while nothing could be learned of the orders that they forbid."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mm.domain.commands import Place
from mm.domain.events import AnyEvent, CancelUnknown, ConfigApplied, OrderSeen, RequestFailed
from mm.runtime.simulate.checks import Broken, Checks
from mm.runtime.simulate.checks_exposure import Exposure
from mm.runtime.simulate.checks_orders import ConfigInForce
from mm.runtime.simulate.world import World
from tests.builders.checks_bench import MS, place, tight_world

LOTS = 20


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world before its first step."""
    with tight_world() as made:
        yield made


def resting(world: World) -> Place:
    """Return a bid that rests at the venue when the band becomes half of it."""
    checks, scene = world.checks, world.checks.scene
    quote = place(checks, size_lots=LOTS, price_ticks=9_000)
    scene.note(quote)
    world.truth.place(scene.now_ns, quote)
    checks.of(Exposure).on_truth()
    tighter = replace(scene.setup.sessions[0], band_lots_max=LOTS // 2, band_ratio_ppm=10**9)
    checks.on_config((tighter,))
    checks.of(Exposure).on_event(ConfigApplied(ts_ns=scene.now_ns, revision=2, digest="", who="me"))
    return quote


def look_after(checks: Checks, for_ns: int) -> None:
    """Let time pass, and look at what could fill."""
    checks.scene.now_ns += for_ns
    checks.of(Exposure).on_truth()


def test_what_a_tighter_band_forbids_goes_as_soon_as_it_can_be_cancelled(world: World) -> None:
    """Nothing stands in the way."""
    resting(world)
    look_after(world.checks, world.checks.scene.kill_ns - 1)
    with pytest.raises(Broken, match="I1: session 0: 0 held, 20 to buy, limit 10"):
        look_after(world.checks, MS)


@pytest.mark.parametrize("what", ["cancel", "query"])
def test_who_asks_in_vain_has_until_it_asks_again(world: World, what: str) -> None:
    """It does not know whether the order still stands: the pause between two questions, and a cancel."""
    checks, scene = world.checks, world.checks.scene
    quote = resting(world)
    failures: dict[str, AnyEvent] = {
        "cancel": CancelUnknown(ts_ns=scene.now_ns, cid=quote.cid, cause="HTTP 503"),
        "query": RequestFailed(ts_ns=scene.now_ns, what="Query", subject=quote.cid, reason="HTTP 503"),
    }
    scene.now_ns += scene.kill_ns - 1
    checks.on_event(failures[what])
    scene.now_ns += scene.kill_ns - 1
    look_after(checks, scene.setup.deadlines.query_max)
    with pytest.raises(Broken, match="I1: session 0: 0 held, 20 to buy, limit 10"):
        look_after(checks, 2 * scene.kill_ns)


def test_who_was_told_that_an_order_stands_has_no_more_time(world: World) -> None:
    """The answer ends what was asked in vain; other requests that fail never begin it."""
    checks, scene = world.checks, world.checks.scene
    quote = resting(world)
    checks.on_event(CancelUnknown(ts_ns=scene.now_ns, cid=quote.cid, cause="HTTP 503"))
    assert scene.asks_again_ns(quote.cid)
    checks.on_event(OrderSeen(ts_ns=scene.now_ns, cid=quote.cid, venue_order_id="1", open=True, cum_lots=0))
    checks.on_event(RequestFailed(ts_ns=scene.now_ns, what="ListOrders", subject=quote.cid, reason="no"))
    assert not scene.asks_again_ns(quote.cid)
    with pytest.raises(Broken, match="I1: session 0: 0 held, 20 to buy, limit 10"):
        look_after(checks, scene.kill_ns + MS)


def test_an_order_over_a_tighter_limit_is_sent_another_cancel_once_it_could_be_asked_about(
    world: World,
) -> None:
    """Its cancel came to nothing before the limit changed; as long as nothing can be learned it may wait."""
    checks, scene = world.checks, world.checks.scene
    check, limits = checks.of(ConfigInForce), scene.limits(0)
    quote = resting(world)
    scene.engine.state.revision = 2
    scene.engine.state.sessions[0].setup = scene.setup.sessions[0]
    scene.engine.state.setup = replace(scene.engine.state.setup, sessions=scene.setup.sessions)
    check.on_event(ConfigApplied(ts_ns=scene.now_ns, revision=2, digest="", who="me"))
    tight = replace(limits, order_lots_max=LOTS // 2)
    scene.limits = lambda session: tight  # type: ignore[method-assign]  # what is allowed is stated
    checks.on_event(CancelUnknown(ts_ns=scene.now_ns, cid=quote.cid, cause="HTTP 503"))
    scene.now_ns += scene.kill_ns + MS
    check.on_step()
    scene.now_ns += scene.setup.deadlines.query_max
    with pytest.raises(Broken, match=r"I17: .* is over the limits of revision 2, uncancelled"):
        check.on_step()
