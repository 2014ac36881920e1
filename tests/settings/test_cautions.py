"""What a valid config will not do as its writer may think is told, and nothing else is."""

from decimal import Decimal
from pathlib import Path

import pytest

from mm.settings.cautions import cautions, significant
from mm.settings.loader import DEMO_FILE, load_settings
from tests.builders.configs import SMALL, loaded

FITS = SMALL + "max_order_notional_quote = 900\n"
PAPER = FITS.replace('"demo"', '"paper"')
OTHER = """\
mode = "paper"
[pair.btc]
symbol = "BTC/USDT"
strategy = "{}"
[pair.btc.inventory]
max_base = 0.1
[pair.btc.params]
order_amount_base = 0.001
"""


def told(folder: Path, text: str) -> list[str]:
    """What is said of a config, without the folder's name."""
    return [line.replace(f"{folder}/", "") for line in cautions(loaded(folder, text), "btc")]


def params(text: str, lines: str) -> str:
    """The small config with more parameters, from line 11 on."""
    return text.replace("order_refresh_time_ms = 2_000\n", f"order_refresh_time_ms = 2_000\n{lines}")


@pytest.mark.parametrize(
    "text",
    [
        FITS,
        PAPER,
        params(FITS, "order_levels = 1\n"),
        params(FITS, 'order_override.a = { side = "buy", spread_bps = 90, amount_base = 0.01 }\n'),
        OTHER.format("scheduled") + "spread_bps = 9\npath_ms = [0]\npath_base = [0.05]\n",
        OTHER.format("avellaneda_stoikov")
        + 'risk_factor = 0.01\nhorizon = "session"\nsession_length_ms = 600_000\n',
        OTHER.format("cross_reference") + 'sources = ["BTC/USDC"]\nspread_bps = 9\n',
        OTHER.format("cross_reference")
        + 'sources = ["ETH/USDT"]\nspread_bps = 9\nbasis_window_ms = 60_000\n',
    ],
)
def test_a_config_that_does_what_it_says_is_passed_in_silence(tmp_path: Path, text: str) -> None:
    """No caution without a cause."""
    assert told(tmp_path, text) == []


@pytest.mark.parametrize("file", [DEMO_FILE, Path("config/paper.toml"), Path("config/live.example.toml")])
def test_our_own_configs_need_no_caution(file: Path) -> None:
    """Neither the demo's nor the examples."""
    settings = load_settings(file, environ={})

    assert [cautions(settings, name) for name in settings.pair] == [[]] * len(settings.pair)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            params(FITS, "order_levels = 2\norder_level_spread_bps = 160\n"),
            "mm.toml:12: pair.btc.params.order_level_spread_bps sets 2 of 4 orders farther from the mid"
            " than price_collar_bps, 150: they are denied there",
        ),
        (
            FITS.replace("bid_spread_bps = 4", 'bid_spread_bps = 160\nprice_type = "last_price"'),
            "mm.toml:7: pair.btc.params.bid_spread_bps sets every bid farther from the mid than"
            " price_collar_bps, 150: it is denied there",
        ),
        (
            OTHER.format("ladder") + "spread_bps = 100\norder_levels = 4\n",
            "mm.toml:10: pair.btc.params.order_levels sets 1 of 4 orders farther from the mid than"
            " price_collar_bps, 150: they are denied there",
        ),
        (
            OTHER.format("ladder") + "spread_bps = 100\norder_levels = 2\nlast_spread_bps = 400\n",
            "mm.toml:11: pair.btc.params.last_spread_bps sets 1 of 2 orders farther from the mid"
            " than price_collar_bps, 150: they are denied there",
        ),
        (
            OTHER.format("glft") + "risk_factor = 0.1\nmin_spread_bps = 400\n",
            "mm.toml:10: pair.btc.params.min_spread_bps sets every order farther from the mid than"
            " price_collar_bps, 150: it is denied there",
        ),
        (
            OTHER.format("avellaneda_stoikov")
            + 'risk_factor = 0.01\nhorizon = "session"\nsession_close_ms = 36_000_000\n',
            "mm.toml:9: pair.btc.params.risk_factor leans quotes by 864 bps per order amount held where"
            " 86400 s are left, at 1 bps per root second (assumed): what is held is traded away at the"
            ' touch, at any price; lower it, shorten the session, or write horizon = "frozen"',
        ),
        (
            OTHER.format("avellaneda_stoikov")
            + "risk_factor = 0.1\nsession_length_ms = 600_000\nvolatility_bps_per_sqrt_s = 2\n"
            + 'horizon = "session"\n',
            "mm.toml:9: pair.btc.params.risk_factor leans quotes by 240 bps per order amount held where 600 s"
            " are left, at 2 bps per root second: what is held is traded away at the touch, at any"
            ' price; lower it, shorten the session, or write horizon = "frozen"',
        ),
        (
            OTHER.format("avellaneda_stoikov")
            + "risk_factor = 0.1\nsession_length_ms = 600_000\nvolatility_bps_per_sqrt_s = 2\n"
            + 'linear_demand_reach_bps = 40\nhorizon = "session"\n',
            "mm.toml:9: pair.btc.params.risk_factor leans quotes by 120 bps per order amount held where 600 s"
            " are left, at 2 bps per root second: what is held is traded away at the touch, at any"
            ' price; lower it, shorten the session, or write horizon = "frozen"',
        ),
        (
            params(FITS, 'price_source_symbol = "ETH/BTC"\n'),
            "mm.toml:11: pair.btc.params.price_source_symbol names ETH/BTC, the price of another asset, taken"
            " as it is for that of BTC",
        ),
        (
            OTHER.format("cross_reference") + 'sources = ["ETH/USDT"]\nspread_bps = 9\n',
            "mm.toml:9: pair.btc.params.sources names ETH/USDT, the price of another asset, taken as it is"
            " for that of BTC",
        ),
        (
            OTHER.format("basket")
            + "risk_factor = 0.1\narrival_rate_per_s = 1\nfill_decay_per_bps = 1\n"
            + 'correlations = [0.5, 0.5, 0.5]\nsymbols = ["ETH/BTC", "eth"]\n',
            "mm.toml:13: pair.btc.params.symbols names ETH/BTC, which is priced in BTC: its inventory never"
            " counts\n"
            "mm.toml:13: pair.btc.params.symbols names eth, which is no market: expected BASE/QUOTE,"
            " as ETH/USDT",
        ),
        (
            OTHER.format("scheduled") + "spread_bps = 10\npath_ms = [0]\npath_base = [0.09]\n",
            "mm.toml:11: pair.btc.params.path_base.0 aims at an inventory of 0.09, beyond soft_ratio of"
            " inventory.max_base, 0.08: from there on only what reduces the inventory is quoted",
        ),
        (
            OTHER.format("scheduled").replace("max_base = 0.1\n", "")
            + "spread_bps = 10\npath_ms = [0]\npath_base = [-2]\n",
            "mm.toml:10: pair.btc.params.path_base.0 aims at 2 less than at the first start, when the account"
            " has 1, paper.start_base",
        ),
        (
            OTHER.format("scheduled")
            + 'spread_bps = 9\ninventory_skew_bps = 3\noutside = "nothing"\n'
            + "windows.a = { start_ms = 0, end_ms = 9, inventory_skew_bps = 5 }\n",
            "mm.toml:10: pair.btc.params.inventory_skew_bps has no effect: outside is nothing and each of"
            " windows has its own",
        ),
        (
            PAPER.replace("max_base = 0.1", "max_base = 0.015").replace(
                "order_amount_base = 0.01",
                "order_amount_base = 0.01\norder_levels = 2\norder_level_spread_bps = 1",
            )
            + "max_orders_per_minute = 3\n",
            "mm.toml:9: pair.btc.params.order_amount_base makes one side of the ladder 0.02 BTC, more than"
            " the inventory limit of 0.015: the outer orders will be denied\n"
            "mm.toml:10: pair.btc.params.order_levels makes 4 orders, more than 3 placements a minute",
        ),
        (
            OTHER.format("volatility_scaled") + "spread_multiple = 1.0\n[paper]\nmaker_fee_bps = 0\n",
            "mm.toml:9: pair.btc.params.spread_multiple is all that keeps bid and ask apart: in a market that"
            " stands still they come within a tick, the maker fee being 0 bps; min_spread_bps or margin_bps"
            " prevents that",
        ),
        (
            SMALL,
            "mm.toml:9: pair.btc.params.order_amount_base makes an order worth 600 USDT at 60000, where the"
            " demo's market opens: it is cut to max_order_notional_quote, 250",
        ),
        (
            FITS.replace("max_notional_quote = 5_000", "max_notional_quote = 500").replace("= 900", "= 500")
            + "[demo]\npreset = 'btc'\n",
            "mm.toml:9: pair.btc.params.order_amount_base makes an order worth 600 USDT at 60000, where the"
            " demo's market opens: it is cut to max_order_notional_quote, 500\n"
            "mm.toml:9: pair.btc.params.order_amount_base makes one side of the ladder worth 600 USDT at"
            " 60000, where the demo's market opens: it is cut to max_notional_quote, 500",
        ),
        (
            FITS.replace("order_amount_base = 0.01", "order_amount_base = 0.00005"),
            "mm.toml:9: pair.btc.params.order_amount_base makes an order worth 3 USDT at 60000, where the"
            " demo's market opens: its exchange takes none worth less than 5",
        ),
        (
            PAPER.replace("order_amount_base = 0.01", "order_amount_base = 0.0000001"),
            "mm.toml:9: pair.btc.params.order_amount_base makes an order of 0.0000001 BTC, worth 5 USDT only"
            " where 1 BTC costs 50000000 USDT: the venue takes none worth less (assumed, as of most symbols:"
            " `mm doctor --online` asks the venue)",
        ),
        (
            PAPER.replace("= 900", "= 3"),
            "mm.toml:17: risk.max_order_notional_quote leaves room for no order: none is taken that is worth"
            " less than 5 USDT (assumed, as of most symbols: `mm doctor --online` asks the venue)",
        ),
        (
            PAPER + "[pair.btc.risk]\nmax_notional_quote = 4\n",
            "mm.toml:19: pair.btc.risk.max_notional_quote leaves room for no order: none is taken that is"
            " worth less than 5 USDT (assumed, as of most symbols: `mm doctor --online` asks the venue)",
        ),
    ],
)
def test_what_will_not_work_as_meant_is_told(tmp_path: Path, text: str, said: str) -> None:
    """At the line of the key that it is about, with the numbers and with what is assumed."""
    assert "\n".join(told(tmp_path, text)) == said


@pytest.mark.parametrize(
    "text",
    [
        OTHER.format("volatility_scaled") + "spread_multiple = 1.0\n",
        OTHER.format("volatility_scaled")
        + "spread_multiple = 1.0\nmargin_bps = 1\n[paper]\nmaker_fee_bps = 0\n",
        OTHER.format("volatility_scaled")
        + "spread_multiple = 1.0\nmin_spread_bps = 1\n[paper]\nmaker_fee_bps = -1\n",
        OTHER.format("volatility_scaled").replace("paper", "demo").replace("0.001", "0.002")
        + "spread_multiple = 1.0\n",
    ],
)
def test_a_width_that_something_keeps_open_is_passed_in_silence(tmp_path: Path, text: str) -> None:
    """A fee, a margin, a least width."""
    assert told(tmp_path, text) == []


def test_in_live_mode_the_fee_is_not_known(tmp_path: Path) -> None:
    """So that a width without a floor is told about, unless a margin keeps it open."""
    live = (
        OTHER.format("volatility_scaled").replace('"paper"', '"live"')
        + "spread_multiple = 1.0\n[risk]\nmax_notional_quote = 900\nmax_order_notional_quote = 90\n"
        + 'session_loss_quote = 9\n[venue.main]\nkey = "env:K"\nsecret = "env:S"\n'
    )

    assert "within a tick, where the maker fee is nothing or a rebate" in told(tmp_path, live)[0]
    assert told(tmp_path, live.replace("spread_multiple", "margin_bps = 1\nspread_multiple")) == []


def test_only_what_somebody_wrote_is_told_about(tmp_path: Path) -> None:
    """In the file or beside it, with where that was; defaults are nobody's."""
    lines = params(FITS, "inventory_range_multiplier = 2\nprice_ceiling_bps = 50\n")
    said = told(tmp_path, lines)

    assert said == [
        "mm.toml:11: pair.btc.params.inventory_range_multiplier has no effect: inventory_skew_enabled is off",
        "mm.toml:12: pair.btc.params.price_ceiling_bps has no effect: moving_price_band_enabled is off",
    ]
    given = cautions(loaded(tmp_path, FITS, ["pair.btc.params.inventory_range_multiplier=2"]), "btc")
    assert given == [
        "--set: pair.btc.params.inventory_range_multiplier has no effect: inventory_skew_enabled is off"
    ]


def test_numbers_are_told_with_the_digits_that_count() -> None:
    """Never with an exponent."""
    assert [significant(Decimal(text)) for text in ("62500", "1e9", "0.000012345678", "333333.3333")] == [
        "62500",
        "1000000000",
        "0.0000123457",
        "333333",
    ]
