"""Limits that contradict each other, names that lead nowhere, modes without means."""

from decimal import Decimal
from pathlib import Path

import pytest

from mm.settings.models import PairRiskSettings, RiskSettings
from tests.builders.configs import SMALL, loaded, refused

LIVE = (
    SMALL.replace('"demo"', '"live"')
    + "max_order_notional_quote = 100\nsession_loss_quote = 10\n"
    + '[venue.main]\nkey = "env:K"\nsecret = "env:S"\n'
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            SMALL.replace("order_amount_base = 0.01", "order_amount_base = 0.2"),
            "mm.toml:9: pair.btc.params.order_amount_base: makes an order of 0.2,"
            " larger than inventory.max_base, 0.1",
        ),
        (
            SMALL + "max_order_base = 0.005\n",
            "mm.toml:9: pair.btc.params.order_amount_base: makes an order of 0.01,"
            " larger than max_order_base, 0.005",
        ),
        (
            SMALL + "max_order_notional_quote = 6_000\n",
            "mm.toml:17: risk.max_order_notional_quote: was 6000, expected at most max_notional_quote, 5000",
        ),
        (
            SMALL + "[pair.btc.risk]\nmax_order_notional_quote = 90\nmax_notional_quote = 80\n",
            "mm.toml:18: pair.btc.risk.max_order_notional_quote: was 90,"
            " expected at most max_notional_quote, 80",
        ),
        (
            SMALL + "[pair.btc.risk]\nmax_notional_quote = 6_000\n",
            "mm.toml:18: pair.btc.risk.max_notional_quote: was 6000, looser than the account's 5000\n"
            "hint: a session may only tighten: at most 5000, or raise max_notional_quote in [risk]",
        ),
        (
            SMALL + "[pair.btc.risk]\nsession_loss_quote = 101\n",
            "mm.toml:18: pair.btc.risk.session_loss_quote: was 101, looser than the account's 100",
        ),
        (
            SMALL + "price_collar_bps = 10\n",
            "mm.toml:17: risk.price_collar_bps: was 10, expected at least max_slippage_bps, 15",
        ),
        (
            SMALL + "max_slippage_bps = 200\n",
            "mm.toml:17: risk.max_slippage_bps: was 200, expected at most price_collar_bps, 150",
        ),
        (
            SMALL + "[pair.btc.risk]\nprice_collar_bps = 10\n",
            "mm.toml:18: pair.btc.risk.price_collar_bps: was 10, expected at least max_slippage_bps, 15",
        ),
        (
            SMALL + "max_open_orders = 1\n",
            "mm.toml:6: pair.btc.params.order_levels: makes 2 orders on both sides,"
            " more than max_open_orders, 1",
        ),
        (
            SMALL.replace("max_base = 0.1", "max_base = 0.1\nsoft_ratio = 1.5"),
            "mm.toml:14: pair.btc.inventory.soft_ratio: was 1.5, expected at most 1",
        ),
        (
            SMALL.replace('symbol = "BTC/USDT"', 'symbol = "BTC/USDT"\nvenue = "mian"'),
            'mm.toml:5: pair.btc.venue: was "mian", but there is no [venue.mian]\n'
            "hint: did you mean 'main'?",
        ),
        (
            SMALL.replace('symbol = "BTC/USDT"', 'symbol = "BTC/USDT"\nvenue = "xyz"'),
            'mm.toml:5: pair.btc.venue: was "xyz", but there is no [venue.xyz]\nhint: known: main',
        ),
        (
            SMALL.replace('symbol = "BTC/USDT"', 'symbol = "BTC/USDT"\nvenue = "a"')
            + '[venue.a]\n[venue.b]\n[pair.eth]\nsymbol = "ETH/USDT"\nvenue = "b"\n[pair.eth.params]\n'
            + "bid_spread_bps = 1\nask_spread_bps = 1\norder_amount_base = 1\norder_refresh_time_ms = 1\n",
            'mm.toml:22: pair.eth.venue: was "b", but [pair.btc] is on "a"\n'
            "hint: one daemon trades one account",
        ),
    ],
)
def test_what_contradicts_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """Both values are named, at the line of the one to change."""
    assert refused(tmp_path, text).startswith(told)


def test_a_default_does_not_contradict_what_is_stated(tmp_path: Path) -> None:
    """Whoever states a small position need not state the size of an order too."""
    settings = loaded(tmp_path, SMALL.replace("max_notional_quote = 5_000", "max_notional_quote = 100"))

    assert settings.risk.max_order_notional_quote > settings.risk.max_notional_quote


def test_every_limit_of_a_session_is_one_of_the_account() -> None:
    """A session cannot state a limit that the account does not know."""
    assert set(PairRiskSettings.model_fields) < set(RiskSettings.model_fields)


@pytest.mark.parametrize("key", sorted(PairRiskSettings.model_fields))
def test_no_limit_of_a_session_may_be_looser(tmp_path: Path, key: str) -> None:
    """For each limit, one step above the account's is refused."""
    account = getattr(RiskSettings(), key)
    whole = isinstance(account, int) and not isinstance(account, Decimal)
    stated = "" if account is not None else f"{key} = 1\n"
    looser = 2 if account is None else account + 1 if whole else account + Decimal("0.01")

    told = refused(tmp_path, f"{SMALL}{stated}[pair.btc.risk]\n{key} = {looser}\n")

    assert f"pair.btc.risk.{key}: was" in told or "expected at most" in told


def test_live_mode_needs_keys_and_limits_in_money(tmp_path: Path) -> None:
    """What money is worth is the user's to say; a key has to come from somewhere."""
    told = refused(tmp_path, SMALL.replace('"demo"', '"live"'))

    for key in (
        "venue.main.key",
        "venue.main.secret",
        "risk.max_order_notional_quote",
        "risk.session_loss_quote",
    ):
        assert f"{key}: missing" in told
    assert "risk.max_notional_quote" not in told


def test_a_complete_live_config_is_accepted(tmp_path: Path) -> None:
    """With keys by reference and limits stated, live mode is a valid config; starting it needs a flag."""
    settings = loaded(tmp_path, LIVE)

    assert settings.mode == "live"
    assert settings.venue["main"].key == "env:K"


def test_the_mode_of_the_account_is_not_live_by_a_pair_without_venue(tmp_path: Path) -> None:
    """A pair on a venue that is missing is one problem, not two."""
    told = refused(tmp_path, LIVE.replace("[venue.main]", "[venue.other]"))

    assert told.count("mm.toml") == 1


def test_the_slowest_latency_of_paper_is_no_faster_than_the_average(tmp_path: Path) -> None:
    """A percentile below the mean describes no distribution."""
    told = refused(tmp_path, f"{SMALL}[paper]\nlatency_mean_ms = 80\nlatency_p99_ms = 40\n")

    assert "paper.latency_p99_ms: was 40, below latency_mean_ms = 80" in told
    told = refused(tmp_path, f"{SMALL}[paper]\nlatency_mean_ms = 10\nlatency_p99_ms = 141\n")
    assert "paper.latency_p99_ms: was 141, more than 14 times" in told
    told = refused(tmp_path, f"{SMALL}[paper]\nlatency_mean_ms = 60_000\nlatency_p99_ms = 60_001\n")
    assert "mm.toml:19: paper.latency_p99_ms: was 60001, expected at most 60000" in told
    widest = loaded(tmp_path, f"{SMALL}[paper]\nlatency_mean_ms = 10\nlatency_p99_ms = 140\n")
    assert widest.paper.latency_p99_ms == 140


@pytest.mark.parametrize(
    ("given", "missing"), [("watchdog_key", "watchdog_secret"), ("watchdog_secret", "watchdog_key")]
)
def test_a_key_of_the_watchdogs_own_needs_both_halves(tmp_path: Path, given: str, missing: str) -> None:
    """Half of one is a mistake, not a reason to use the account's."""
    told = refused(tmp_path, f'{SMALL}[venue.main]\n{given} = "env:X"\n')
    assert f"venue.main.{missing}: missing, but {given} is there" in told


def test_a_target_is_an_amount_or_a_share(tmp_path: Path) -> None:
    """Not both; either alone is."""
    text = SMALL.replace("max_base = 0.1", "max_base = 0.1\ntarget_base = 1\ntarget_base_ratio = 0.5")
    told = refused(tmp_path, text)
    assert "pair.btc.inventory.target_base_ratio: was 0.5 beside target_base, expected one of them" in told
    share = loaded(tmp_path, text.replace("target_base = 1\n", ""))
    assert share.pair["btc"].inventory.target_base_ratio == Decimal("0.5")
