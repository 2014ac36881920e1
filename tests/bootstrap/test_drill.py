"""A drill: a config becomes the bot that is simulated, and goes through incidents the same way every time."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from mm.bootstrap.drill import Asked, Drill, chosen, not_applicable, one_case, played, prepared, sheet_of
from mm.errors import ConfigError, UsageError
from mm.observe.safety_sheet import Case, sheet_fields, warnings
from tests.builders.configs import SMALL
from tests.builders.instruments import INSTRUMENT
from tests.builders.planted_bugs_lives import BUGS as LIFE_BUGS
from tests.builders.planted_bugs_orders import BUGS as ORDER_BUGS
from tests.builders.recorded_runs import lived

CONFIGS = ("demo.toml", "paper.toml", "live.example.toml")
FOLDER = Path(__file__).parents[2] / "config"

TWO = (
    SMALL
    + """
[pair.eth]
symbol = "SOL/EUR"

[pair.eth.params]
bid_spread_bps = 5
ask_spread_bps = 5
order_amount_base = 0.5
order_refresh_time_ms = 1_000
"""
)


def ready(
    folder: Path, text: str = SMALL, prices: dict[str, Decimal] | None = None, overrides: tuple[str, ...] = ()
) -> Drill:
    """Return the drill of a config in `folder`; nothing was recorded there."""
    path = folder / "mm.toml"
    path.write_text(f'data_dir = "{folder}/var"\n{text}', encoding="utf-8")
    return prepared(Asked.of(path, overrides, prices))


def case(drill: Drill, name: str) -> Case:
    """Return how an incident went."""
    return one_case(drill, *chosen([name]))


def test_the_bot_is_the_one_of_the_config(tmp_path: Path) -> None:
    """Strategy, limits, deadlines and balances are its own; the grid is a known one."""
    drill = ready(tmp_path, overrides=("risk.stale_book_ms=900",))

    (session,) = drill.subject.sessions
    assert session.name == "btc"
    assert session.band_lots_max == session.instrument.size_lots("0.1")
    assert session.instrument.price_text(1) == "0.01"
    assert drill.subject.deadlines.stale == 900_000_000
    assert drill.setting.holdings == {"BTC": "1", "USDT": "60000"}
    assert session.instrument.price_text(drill.subject.home_ticks["BTC/USDT"]) == "60000"


def test_an_unknown_symbol_gets_a_market_that_fits_its_amounts(tmp_path: Path) -> None:
    """At which the largest order is worth half of its limit; a stated price goes before that."""
    drill = ready(tmp_path, TWO)
    stated = ready(tmp_path, TWO, {"SOL/EUR": Decimal(140)})

    (market,) = [one for one in drill.setting.markets if one.instrument.symbol == "SOL/EUR"]
    assert market.instrument.price_text(market.home_ticks) == "250"
    assert "no price is known" in market.price_from
    assert "no venue was asked" in market.grid_from
    assert stated.setting.markets[1].price_from == "as --price says"
    assert len(drill.subject.instruments) == 2


def test_the_grid_is_the_one_that_a_run_of_the_config_recorded(tmp_path: Path) -> None:
    """As its venue told it then; a data directory that is none tells nothing."""
    lived(tmp_path / "var")
    text = SMALL.replace("BTC/USDT", INSTRUMENT.symbol)

    drill = ready(tmp_path, text, {INSTRUMENT.symbol: Decimal(100)})

    assert drill.subject.instruments == (INSTRUMENT,)
    assert "as run 2026" in drill.setting.markets[0].grid_from
    (tmp_path / "other").write_text("no directory")
    assert ready(tmp_path, overrides=(f"data_dir={tmp_path}/other",)).setting.markets[0].grid_from != ""


def test_a_config_that_no_market_fits_is_refused(tmp_path: Path) -> None:
    """A price for what it does not trade, one that is no multiple of ticks, an account with nothing in it."""
    with pytest.raises(ConfigError, match="does not trade it"):
        ready(tmp_path, SMALL, {"DOGE/USDT": Decimal(1)})
    with pytest.raises(ConfigError, match="does not fit a tick"):
        ready(tmp_path, SMALL, {"BTC/USDT": Decimal("0.01")})
    with pytest.raises(ConfigError, match="holds too little"):
        ready(tmp_path, overrides=("demo.start_base=0", "demo.start_quote=0"))
    with pytest.raises(ConfigError, match="no such file"):
        Asked.of(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="is no scenario"):
        chosen(["nothing_2020"])


def test_a_floor_and_a_ceiling_of_the_strategy_move_the_market(tmp_path: Path) -> None:
    """A bot that may only sell at 60,000 would show nothing there."""
    for key, bound, word in (
        ("price_ceiling_quote", 50_000, "below"),
        ("price_floor_quote", 70_000, "above"),
    ):
        drill = ready(tmp_path, overrides=(f"pair.btc.params.{key}={bound}",))
        assert f"just {word} {key}" in drill.setting.markets[0].price_from


def test_what_a_config_cannot_be_put_through_is_said(tmp_path: Path) -> None:
    """An incident of two sessions is not passed by a bot with one."""
    drill = ready(tmp_path)
    wants_two = replace(chosen(["two_processes"])[0], plan=(("sessions", 2),))

    made = one_case(drill, wants_two)

    assert made.not_applicable == "it takes 2 sessions, the config has 1"
    assert not made.passed
    assert not not_applicable(ready(tmp_path, TWO), wants_two)


@pytest.mark.proof  # every seed that is tried
def test_an_incident_that_does_not_touch_a_bot_is_tried_again_and_then_said(tmp_path: Path) -> None:
    """Faults that never happen show nothing; a script that happens and goes unnoticed is a failure."""
    drill = ready(tmp_path)
    lost = chosen(["hummingbot_timeout_taken_for_failure"])[0]

    never = one_case(
        drill, replace(lost, script=lambda stage: stage.at(0, lambda: stage.strike(place_lost=1e-12)))
    )
    unseen = one_case(drill, replace(lost, script=lambda stage: None))

    assert "nothing of what it does met this bot" in never.not_applicable
    assert unseen.violations == ("no report of order.unknown",)


@pytest.mark.proof  # every incident, three times
def test_the_same_config_gives_the_same_sheet_in_one_process_or_two(tmp_path: Path) -> None:
    """To the last figure."""
    drill, names = ready(tmp_path), chosen(["two_processes", "hummingbot_orders_after_stop"])

    alone = sheet_of(drill, tuple(played(drill, names)))
    together = sheet_of(drill, tuple(played(ready(tmp_path), names, jobs=2)))

    assert sheet_fields(alone) == sheet_fields(together)
    assert alone.is_good


def test_the_sheet_tells_what_was_risked_and_how_fast_it_was_over(tmp_path: Path) -> None:
    """A second process is seen, trading halts, nothing is left within a second, the limit holds."""
    made = case(ready(tmp_path), "two_processes")

    (track,) = made.tracks
    moments = made.moments
    assert made.passed, made.violations
    assert "fenced" in [deed.code for deed in made.deeds]
    assert moments.halted_ms is not None
    assert moments.halt_gone_ms is not None
    assert 0 <= moments.halted_ms <= moments.halt_gone_ms < moments.halted_ms + 1_000
    assert 0 < track.worst_ppm <= 1_000_000
    assert max(lots for lots, _ in track.slots) >= track.worst_lots
    assert made.lives == 2


def test_loose_limits_show_on_the_sheet(tmp_path: Path) -> None:
    """A size that was typed wrong fills whatever the limits allow: loose ones, more of the account."""
    loose = (
        "pair.btc.inventory.max_base=0.9",
        "pair.btc.inventory.max_ratio=0.9",
        "risk.max_notional_quote=60000",
        "risk.max_order_notional_quote=50000",
    )
    tight, wide = (
        case(ready(tmp_path, overrides=overrides), "citi_2022").tracks[0] for overrides in ((), loose)
    )

    assert wide.worst_quote_atoms > 4 * tight.worst_quote_atoms
    assert wide.order_quote_atoms > 10 * tight.order_quote_atoms
    assert wide.worst_ppm <= 1_000_000
    drill = ready(tmp_path, overrides=(*loose, "risk.session_loss_quote=50000", "risk.open_loss_quote=50000"))
    told = " ".join(warnings(sheet_of(drill, (case(drill, "citi_2022"),))))
    assert "of the account: inventory.max_base" in told
    assert "trading ends at a loss of 50,000.00 USDT, 42 % of the account" in told
    assert not warnings(sheet_of(ready(tmp_path), ()))


def test_a_bot_with_a_bug_does_not_pass(tmp_path: Path) -> None:
    """Two mistakes that cost others money, planted in the engine."""
    known = {bug.name: bug for bug in (*ORDER_BUGS, *LIFE_BUGS)}
    for name, incident in (
        ("a timeout is taken for a failure", "hummingbot_timeout_taken_for_failure"),
        ("a restart forgets an order", "restart_with_open_entry"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            known[name].plant(patch)
            assert case(ready(tmp_path), incident).violations, name


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_that_comes_with_mm_can_be_drilled(name: str, tmp_path: Path) -> None:
    """One incident of each here; all of them in the long tier."""
    drill = prepared(Asked.of(FOLDER / name, (f"data_dir={tmp_path}",)))

    assert case(drill, "maintenance").passed


@pytest.mark.proof
@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_that_comes_with_mm_passes_every_incident(name: str, tmp_path: Path) -> None:
    """None breaks an invariant; each incident leaves a mark on the sheet."""
    drill = prepared(Asked.of(FOLDER / name, (f"data_dir={tmp_path}",)))

    sheet = sheet_of(drill, tuple(played(drill, chosen(()), jobs=2)))

    assert sheet.is_good, [(one.name, one.violations) for one in sheet.failed]
    assert all(one.tracks[0].worst_lots for one in sheet.cases)
