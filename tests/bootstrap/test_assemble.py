"""From a config to an engine: every limit arrives, as the right integer, never looser than written."""

import asyncio
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.bootstrap.assemble import Heritage, assemble, limits
from mm.bootstrap.reconfigure import preparation
from mm.engine.engine import Engine
from mm.engine.setup import OnExternal
from mm.errors import ConfigError
from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits
from mm.runtime.clock import AnchoredClock
from mm.settings.models import PairRiskSettings, RiskSettings, Settings
from mm.store.runstate import RunState
from tests.builders.configs import SMALL, loaded
from tests.builders.fake_venue import FakeVenue
from tests.builders.journals import estate
from tests.builders.venue_setup import btc_usdt

BTC = btc_usdt()
"""Lot 0.00001, both assets in 8 decimals."""

ODD = """
max_order_notional_quote = 123.456789019
max_order_base = 0.0123456789
max_open_orders = 17
session_loss_quote = 50.123456789
open_loss_quote = 25.987654321
max_drawdown_ratio = 0.012345
max_slippage_bps = 12.34
max_orders_per_minute = 99
max_fills_per_minute = 33
max_filled_quote_per_minute = 2000.123456789
price_collar_bps = 77.77
stale_book_ms = 1234
on_breach = "flatten"

[risk.reference]
window_ms = 45678
"""
"""Further keys of `[risk]`, none of them round."""

ARRIVES = {
    "max_notional_quote": ("exposure_atoms_max", 5_000 * 10**8),
    "max_order_notional_quote": ("order_atoms_max", 12_345_678_901),
    "max_order_base": ("order_lots_max", 1_234),
    "max_open_orders": ("open_orders_max", 17),
    "session_loss_quote": ("session_loss_atoms", 5_012_345_678),
    "open_loss_quote": ("open_loss_atoms", 2_598_765_432),
    "max_drawdown_ratio": ("drawdown_ppm_max", 12_345),
    "max_slippage_bps": ("slippage_ppm_max", 1_234),
    "max_orders_per_minute": ("placements_minute_max", 99),
    "max_fills_per_minute": ("fills_minute_max", 33),
    "max_filled_quote_per_minute": ("filled_atoms_minute_max", 200_012_345_678),
    "price_collar_bps": ("collar_ppm", 7_777),
    "stale_book_ms": ("stale_ns_max", 1_234_000_000),
    "on_breach": ("on_breach", AlarmAction.FLATTEN),
}
"""Key of `[risk]` -> the limit that it becomes, and its value under `ODD`."""

FROM_ELSEWHERE = {"account_loss_atoms", "inventory_soft_ppm", "exit_reserve", "crossed_ns_max"}
"""Limits that no key of their own states."""


def engine_of(settings: Settings, folder: Path) -> Engine:
    """Return the engine that `settings` describe, of a new life in `folder`."""
    venue = FakeVenue(AnchoredClock(), instrument=BTC)
    return asyncio.run(assemble(settings, venue, RunState.open(folder)))


def test_every_key_of_the_account_arrives_as_the_right_integer(tmp_path: Path) -> None:
    """All that `[risk]` can say is in the limits, rounded down where it is finer than a unit."""
    found = limits(loaded(tmp_path, SMALL + ODD), "btc", BTC)
    assert {key: getattr(found, name) for key, (name, _) in ARRIVES.items()} == {
        key: value for key, (_, value) in ARRIVES.items()
    }
    assert found.account_loss_atoms == found.session_loss_atoms


def test_no_key_and_no_limit_is_forgotten() -> None:
    """A key that nothing acts on, or a limit that nothing sets, is found here."""
    assert set(RiskSettings.model_fields) == {*ARRIVES, "reference"}
    assert {field.name for field in fields(RiskLimits)} == {
        name for name, _ in ARRIVES.values()
    } | FROM_ELSEWHERE


def test_the_rest_of_what_is_configured_arrives_in_the_engine(tmp_path: Path) -> None:
    """Inventory, target, deadlines, reference, slippage of exits, epoch, ids."""
    text = SMALL.replace(
        "max_base = 0.1",
        "max_base = 0.0123456\nmax_ratio = 0.0123\nsoft_ratio = 0.75\ntarget_base = 0.500009",
    )
    settings = loaded(tmp_path, text + ODD)
    kept = RunState.open(tmp_path)
    setup = engine_of(settings, tmp_path).state.setup
    session = setup.sessions[0]
    assert (session.name, session.band_lots_max, session.band_ratio_ppm) == ("btc", 1_234, 12_300)
    assert (session.target_lots, session.slippage_ppm) == (50_000, 1_234)
    assert session.target_ratio_ppm is None
    share = loaded(tmp_path, text.replace("target_base = 0.500009", "target_base_ratio = 0.375") + ODD)
    (other,) = engine_of(share, tmp_path / "other").state.setup.sessions
    assert (other.target_lots, other.target_ratio_ppm) == (None, 375_000)
    assert limits(settings, "btc", BTC).inventory_soft_ppm == 750_000
    assert setup.reference_window_ns == 45_678_000_000
    assert (setup.deadlines.stale, setup.deadlines.reconnect) == (1_234_000_000, 8_000_000_000)
    assert (setup.epoch, setup.ids.tag, setup.latched) == (1, kept.tag, "")
    assert engine_of(settings, tmp_path).state.setup.epoch == 2


@pytest.mark.parametrize("key", PairRiskSettings.model_fields)
def test_a_session_can_tighten_every_limit_for_itself_alone(tmp_path: Path, key: str) -> None:
    """Its own value counts for it; the account's stays for the others."""
    account = loaded(tmp_path, SMALL + ODD)
    value = getattr(account.risk, key)
    tighter = value // 2 if isinstance(value, int) else value / 2
    settings = loaded(tmp_path, SMALL + ODD, [f"pair.btc.risk.{key}={tighter:.2f}".replace(".00", "")])
    name = ARRIVES[key][0]
    before, after = limits(account, "btc", BTC), limits(settings, "btc", BTC)
    assert getattr(after, name) < getattr(before, name)
    assert after.account_loss_atoms == before.account_loss_atoms


def test_silence_is_noticed_as_early_as_the_most_careful_session_asks(tmp_path: Path) -> None:
    """The engine's own timer is that of the tightest limit, whichever session states it."""
    settings = loaded(tmp_path, SMALL, ["pair.btc.risk.stale_book_ms=300"])
    setup = engine_of(settings, tmp_path).state.setup
    assert setup.deadlines.stale == 300_000_000
    assert limits(settings, "btc", BTC).stale_ns_max == 300_000_000


@given(amount=st.decimals("0.00000001", "1000000", places=12))
def test_money_is_never_rounded_to_the_looser_side(
    tmp_path_factory: pytest.TempPathFactory, amount: Decimal
) -> None:
    """A limit in atoms is the largest one that is not above what is written."""
    settings = _shared(tmp_path_factory)
    risk = settings.risk.model_copy(update={"max_notional_quote": amount, "session_loss_quote": amount})
    found = limits(settings.model_copy(update={"risk": risk}), "btc", BTC)
    for atoms in (found.exposure_atoms_max, found.session_loss_atoms, found.account_loss_atoms):
        assert Decimal(atoms) <= amount * 10**8 < Decimal(atoms + 1)


@given(amount=st.decimals("0.00001", "1000", places=11))
def test_sizes_are_never_rounded_to_the_looser_side(
    tmp_path_factory: pytest.TempPathFactory, amount: Decimal
) -> None:
    """A limit in lots is the largest one that is not above what is written."""
    settings = _shared(tmp_path_factory)
    risk = settings.risk.model_copy(update={"max_order_base": amount})
    found = limits(settings.model_copy(update={"risk": risk}), "btc", BTC)
    assert Decimal(found.order_lots_max) <= amount * 10**5 < Decimal(found.order_lots_max + 1)


_KNOWN: list[Settings] = []


def _shared(factory: pytest.TempPathFactory) -> Settings:
    # The same settings for all examples of a property.
    if not _KNOWN:
        _KNOWN.append(loaded(factory.mktemp("shared"), SMALL))
    return _KNOWN[0]


def test_a_limit_of_less_than_a_lot_is_an_error_and_not_no_limit(tmp_path: Path) -> None:
    """Rounded down it would be 0, which stands for none."""
    for key in ("pair.btc.inventory.max_base", "risk.max_order_base"):
        text = SMALL.replace("max_base = 0.1\n", "").replace(
            "order_amount_base = 0.01", "order_amount_base = 0.000001"
        )
        settings = loaded(tmp_path, text, [f"{key}=0.000009"])
        with pytest.raises(ConfigError, match=r"at least 0\.00001 BTC, one lot of") as error:
            engine_of(settings.model_copy(update={"pair": _larger(settings)}), tmp_path)
        assert error.value.exit_code == 4
        assert error.value.hint


def _larger(settings: Settings) -> object:
    # Parameters that would do, so that the limit alone is wrong.
    pair = settings.pair["btc"]
    params = replace(pair.params, order_amount_base=Decimal("0.01"))  # type: ignore[type-var] # a dataclass
    return {"btc": pair.model_copy(update={"params": params})}


def test_the_venues_own_cap_of_open_orders_counts_if_it_is_lower(tmp_path: Path) -> None:
    """A limit beyond what the venue takes is the venue's."""
    settings = loaded(tmp_path, SMALL, ["risk.max_open_orders=100000"])
    assert limits(settings, "btc", BTC).open_orders_max == BTC.open_orders_max


def test_without_a_limit_of_its_own_an_order_is_as_large_as_the_venue_takes(tmp_path: Path) -> None:
    """The value of an order is bounded all the same."""
    assert limits(loaded(tmp_path), "btc", BTC).order_lots_max == BTC.size_max_lots


def test_an_order_size_under_the_venues_minimum_is_refused_with_what_would_do(tmp_path: Path) -> None:
    """Told in the asset, before anything is sent."""
    settings = loaded(tmp_path, SMALL, ["pair.btc.params.order_amount_base=0.000001"])
    with pytest.raises(ConfigError, match=r"was 0\.000001 BTC, expected 0\.00001 to") as error:
        engine_of(settings, tmp_path)
    assert error.value.exit_code == 4


def test_a_demo_measures_its_inventory_anew_and_live_goes_on_from_the_first_start(tmp_path: Path) -> None:
    """The demo's holdings begin anew with each exchange; an account's do not."""
    RunState.open(tmp_path).set_target_lots("btc", 77_000)
    settings = loaded(tmp_path)
    demo = engine_of(settings, tmp_path)
    live = engine_of(settings.model_copy(update={"mode": "live"}), tmp_path)
    assert demo.state.setup.sessions[0].target_lots is None
    assert live.state.setup.sessions[0].target_lots == 77_000


def test_a_latch_that_survived_is_handed_to_the_engine(tmp_path: Path) -> None:
    """It begins halted."""
    RunState.open(tmp_path).latch("drill", "by hand", 5)
    assert engine_of(loaded(tmp_path), tmp_path).state.halt_code == "drill"


def test_a_life_that_did_not_end_clean_is_inherited_but_not_by_a_demo(tmp_path: Path) -> None:
    """What it left may show late at the venue; a demo's venue is new."""
    demo = loaded(tmp_path)
    live = demo.model_copy(update={"mode": "live"})
    assert not engine_of(live, tmp_path).state.setup.inherits
    assert engine_of(live, tmp_path).state.setup.inherits
    assert not engine_of(demo, tmp_path).state.setup.inherits
    kept = RunState.open(tmp_path)
    kept.begin_life()
    kept.end_life(open_orders=-1, reason="given up")
    assert engine_of(live, tmp_path).state.setup.inherits
    kept = RunState.open(tmp_path)
    kept.begin_life()
    kept.end_life(open_orders=0, reason="stopped")
    assert not engine_of(live, tmp_path).state.setup.inherits


def test_what_a_life_left_and_what_others_move_reach_the_engine(tmp_path: Path) -> None:
    """The estate, under a number of its own, and what the config says of balances that others moved."""
    kept, venue = RunState.open(tmp_path), FakeVenue(AnchoredClock(), instrument=BTC)
    left = estate(5)
    heritage = Heritage(begin_life=lambda: kept.begin_life(at_least=70), estate=left)
    made = asyncio.run(assemble(loaded(tmp_path), venue, kept, heritage=heritage)).state.setup
    assert (made.estate, made.epoch, made.inherits) == (left, 70, True)
    assert made.on_external is OnExternal.PAUSE
    accepting = loaded(tmp_path, overrides=['account.on_external="accept"'])
    engine = asyncio.run(assemble(accepting, venue, kept))
    assert engine.state.setup.on_external is OnExternal.ACCEPT
    assert preparation(engine)(loaded(tmp_path)).on_external is OnExternal.PAUSE


def test_every_rule_gets_its_limits_in_its_place(tmp_path: Path) -> None:
    """All twelve rules are there for each session, in the order of the file that knows them."""
    rules = engine_of(loaded(tmp_path), tmp_path).state.setup.sessions[0].rules
    assert [type(rule).__name__ for rule in rules] == [
        "BookHealth",
        "PriceCollar",
        "SelfTrade",
        "OrderSize",
        "OrderValue",
        "InventoryBand",
        "Exposure",
        "Funds",
        "OpenOrders",
        "MessageRate",
        "Slippage",
        "FillBurst",
        "StopLoss",
    ]
