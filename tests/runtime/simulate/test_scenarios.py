"""The incidents by name: the bot comes through each, and one with the incident's own mistake does not."""

from dataclasses import replace
from typing import Any

import pytest

from mm.domain.capabilities import Capabilities
from mm.domain.events import StreamDown
from mm.engine import halt, market_events, order_events, session, sweep
from mm.engine.setup import SessionSetup
from mm.engine.state import EngineState
from mm.errors import JournalFailed
from mm.risk import exposure, inventory_band, order_size, order_value, price_collar
from mm.risk.rules import make_rules
from mm.runtime.simulate.instruments import FIRST
from mm.runtime.simulate.plan import DEADLINES, LIMITS
from mm.runtime.simulate.recording import SimRecorder
from mm.runtime.simulate.scenarios import BUSY, play
from mm.runtime.simulate.scenarios_incidents import CANARY, SCENARIOS
from mm.runtime.simulate.subject import Subject
from tests.builders import planted_bugs_limits as of_limits
from tests.builders import planted_bugs_lives as of_lives
from tests.builders import planted_bugs_orders as of_orders
from tests.builders.planted_bugs import Patch

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def _nothing_is_limited(patch: pytest.MonkeyPatch) -> None:
    for rule in (
        order_size.OrderSize,
        order_value.OrderValue,
        inventory_band.InventoryBand,
        exposure.Exposure,
    ):
        patch.setattr(rule, "admit", lambda *_: None)
        patch.setattr(rule, "shape", lambda _, quotes, view: quotes)


def _prices_are_not_judged(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(price_collar.PriceCollar, "admit", lambda *_: None)
    patch.setattr(price_collar.PriceCollar, "shape", lambda _, quotes, view: quotes)


def _refusals_are_tried_again_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_events, "_hold_back", lambda *_: None)


def _silence_of_the_user_stream_is_borne(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "suspect", lambda *_: None)


def _a_full_disk_is_borne(patch: pytest.MonkeyPatch) -> None:
    real = SimRecorder.on_commands

    def on_commands(self: SimRecorder, *args: Any) -> None:
        try:
            real(self, *args)
        except JournalFailed:
            return

    patch.setattr(SimRecorder, "on_commands", on_commands)
    real_event = SimRecorder.on_event

    def on_event(self: SimRecorder, *args: Any) -> None:
        try:
            real_event(self, *args)
        except JournalFailed:
            return

    patch.setattr(SimRecorder, "on_event", on_event)


def _a_broken_strategy_breaks_the_bot(patch: pytest.MonkeyPatch) -> None:
    from mm.engine import decide

    def fail(state: EngineState, session: Any, error: Exception) -> None:
        raise error

    patch.setattr(decide, "_fail", fail)


def _a_stream_that_ends_breaks_the_bot(patch: pytest.MonkeyPatch) -> None:
    def on_stream_event(state: EngineState, event: Any) -> None:
        real(state, event)
        if isinstance(event, StreamDown):
            raise ConnectionError(event.reason)

    real = market_events.on_stream_event
    patch.setattr(market_events, "on_stream_event", on_stream_event)


def _the_halt_tells_the_key(patch: pytest.MonkeyPatch) -> None:
    real = halt.halt

    def halted(state: EngineState, code: str, /, **facts: Any) -> None:
        real(state, code, **(facts | {"key": CANARY.decode()}))

    from mm.engine import account_events

    patch.setattr(account_events, "halt", halted)


def _old_trades_are_new(patch: pytest.MonkeyPatch) -> None:
    from mm.domain.order_table import OrderTable

    patch.setattr(OrderTable, "inherit_floor", lambda *_: None)


def _frozen_times_are_fresh(patch: pytest.MonkeyPatch) -> None:
    from mm.engine.market import Market

    patch.setattr(Market, "stands", property(lambda _: False, lambda *_: None), raising=False)


def _adopts_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session.Session, "adopt", lambda *_: None)


MISTAKES: dict[str, Patch] = {
    "knight_2012": _refusals_are_tried_again_at_once,
    "citi_2022": _nothing_is_limited,
    "merrill_2016": _nothing_is_limited,
    "goldman_2013": _prices_are_not_judged,
    "hummingbot_timeout_taken_for_failure": of_orders._timeout_is_failure,
    "hummingbot_orders_after_stop": of_lives._a_halt_does_not_wait_for_orders_in_flight,
    "cancel_fill_race": of_orders._racing_fill_is_dropped,
    "fill_untracked": of_orders._cursor_follows_the_stream,
    "fills_doubled_on_restart": of_lives._a_restart_counts_fills_anew,
    "config_overwritten": _adopts_nothing,
    "nautilus_timeout_to_rejected": of_orders._timeout_is_failure,
    "inferred_and_real_fill": of_orders._duplicate_counts,
    "duplicate_trade_id_on_restart": _old_trades_are_new,
    "listen_key_expiry": _silence_of_the_user_stream_is_borne,
    "unknown_enum": of_limits._position_follows_the_balance,
    "cancel_vs_fill": of_orders._refused_cancel_is_an_end,
    "restart_with_open_entry": of_lives._a_restart_forgets_an_order,
    "disk_full": _a_full_disk_is_borne,
    "maintenance": _a_stream_that_ends_breaks_the_bot,
    "reload_crash": _a_broken_strategy_breaks_the_bot,
    "secrets_logged": _the_halt_tells_the_key,
    "ccxt_crossed_book": of_orders._crossed_books_are_kept,
    "ccxt_stale_stream": of_orders._book_is_always_fresh,
    "ccxt_frozen_timestamp": _frozen_times_are_fresh,
    "ccxt_silent_depth": of_orders._tops_keep_a_book_alive,
    "ccxt_order_exists_after_timeout": of_orders._not_found_is_proof,
    "ccxt_fills_repeated": of_orders._duplicate_counts,
    "ccxt_orders_never_told": _silence_of_the_user_stream_is_borne,
    "two_processes": of_lives._a_successor_is_not_noticed,
}
"""The mistake that each incident is about."""


TELLING = (
    "knight_2012",
    "hummingbot_timeout_taken_for_failure",
    "hummingbot_orders_after_stop",
    "cancel_fill_race",
    "restart_with_open_entry",
    "disk_full",
    "secrets_logged",
    "ccxt_crossed_book",
    "ccxt_stale_stream",
    "two_processes",
)
"""Played at each change, with and without their mistakes; the others in the long tier."""


def _tier(name: str) -> Any:
    return pytest.param(name, marks=() if name in TELLING else (pytest.mark.proof,))


@pytest.mark.parametrize("name", [_tier(name) for name in BY_NAME])
def test_the_bot_comes_through_an_incident(name: str) -> None:
    """No invariant breaks, and it did what had to be done."""
    result = play(BY_NAME[name])
    assert result.violations == ()
    assert result.passed
    assert 0 < result.worst_ppm <= 1_000_000


@pytest.mark.parametrize("name", [_tier(name) for name in MISTAKES])
def test_a_bot_that_makes_the_mistake_of_the_incident_fails(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scenario that nothing can fail would say nothing."""
    with monkeypatch.context() as patch:
        MISTAKES[name](patch)
        results = [play(BY_NAME[name], seed=seed) for seed in (1,)]
        while results[-1].passed and len(results) < 6:
            results.append(play(BY_NAME[name], seed=1 + len(results)))
    assert results[-1].violations


def test_every_incident_has_its_mistake() -> None:
    """None is left out, and names are given once."""
    assert [scenario.name for scenario in SCENARIOS] == list(MISTAKES)
    assert set(TELLING) <= set(MISTAKES)


def test_the_same_seed_gives_the_same_sheet() -> None:
    """To the last word."""
    scenario = BY_NAME["restart_with_open_entry"]
    assert play(scenario, seed=3) == play(scenario, seed=3)


def test_a_sheet_says_what_happened_and_what_the_bot_did() -> None:
    """In order, with times since the incident began, and how long it took until nothing was left."""
    result = play(BY_NAME["hummingbot_orders_after_stop"])
    codes = [deed.code for deed in result.deeds]
    assert codes.index("halt") < codes.index("halt.confirmed")
    assert [deed.at_ms for deed in result.deeds] == sorted(deed.at_ms for deed in result.deeds)
    assert result.all_cancelled_ms is not None
    assert "HB#1508" in result.story


def test_the_time_until_all_was_cancelled_counts_from_what_asks_for_it() -> None:
    """From the halt or the pull; where quoting may go on there is none."""
    pulled = play(BY_NAME["ccxt_stale_stream"])
    assert pulled.all_cancelled_ms is not None
    assert pulled.all_cancelled_ms < 5_000
    assert play(BY_NAME["citi_2022"]).all_cancelled_ms is None


@pytest.mark.proof  # a scenario of the long kind
def test_a_band_that_is_a_share_of_the_equity_is_held_too() -> None:
    """There is no other; a bot that looks at no band at all breaks it."""
    subject = _subject(band_lots_max=0, band_ratio_ppm=2)
    result = play(BY_NAME["maintenance"], subject)
    assert result.violations == ()
    assert 500_000 < result.worst_ppm <= 1_000_000
    with pytest.MonkeyPatch.context() as patch:
        _nothing_is_limited(patch)
        unlimited = play(BY_NAME["maintenance"], subject)
    assert any("I1" in text for text in unlimited.violations)


def test_a_users_own_bot_is_drilled() -> None:
    """Its sessions, limits, deadlines and the price at which it trades."""
    result = play(BY_NAME["maintenance"], _subject())
    assert result.violations == ()
    assert 0 < result.worst_lots <= 25
    assert result.places > 0


def _subject(*, band_lots_max: int = 25, band_ratio_ppm: int = 10**9) -> Subject:
    instrument = FIRST
    setup = SessionSetup(
        name="mine",
        instrument=instrument,
        strategy=BUSY,  # type: ignore[arg-type]  # any strategy
        rules=make_rules(LIMITS),
        band_lots_max=band_lots_max,
        band_ratio_ppm=band_ratio_ppm,
        slippage_ppm=10_000,
    )
    return Subject(
        sessions=(setup,),
        caps=Capabilities(orders_per_10s=100, weight_per_minute=6_000, absence_proof_ns=12 * 10**9),
        deadlines=DEADLINES,
        holdings={"AAA": 10**12, "BBB": 10**15},
        home_ticks={instrument.symbol: 40_000},
        depth_lots={instrument.symbol: 30},
    )


def test_a_scenario_says_what_is_missing() -> None:
    """A report that was to come and did not is a violation by name."""
    scenario = replace(BY_NAME["maintenance"], expects=("no such report",))
    result = play(scenario)
    assert not result.passed
    assert result.violations == ("no report of no such report",)
