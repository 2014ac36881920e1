"""What can never be placed is refused, with the line of the key that asks for it."""

from pathlib import Path

import pytest

from mm.exchange.settings import ExchangeSettings
from mm.settings.cautions import DEMO_TICK, LEAST_VALUES
from tests.builders.configs import SMALL, loaded, refused

PAIR = """\
mode = "{mode}"
[pair.btc]
symbol = "BTC/USDT"
strategy = "{strategy}"
[pair.btc.inventory]
max_base = 0.1
[pair.btc.params]
order_amount_base = 0.001
"""


def of(strategy: str, lines: str, mode: str = "paper") -> str:
    """A config of a strategy with these parameters, from line 9 on."""
    return PAIR.format(mode=mode, strategy=strategy) + lines


BASKET = (
    'symbols = ["ETH/USDT", "SOL/USDT"]\nrisk_factor = 0.01\narrival_rate_per_s = 0.9\n'
    "fill_decay_per_bps = 0.3\ncorrelations = "
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            SMALL.replace("bid_spread_bps = 4", "bid_spread_bps = 151"),
            "mm.toml:7: pair.btc.params.bid_spread_bps: sets the nearest bid 151 bps from the mid, farther"
            " than price_collar_bps, 150: none would ever be placed",
        ),
        (
            SMALL.replace("ask_spread_bps = 4", "ask_spread_bps = 40")
            + "[pair.btc.risk]\nprice_collar_bps = 30\n",
            "mm.toml:8: pair.btc.params.ask_spread_bps: sets the nearest ask 40 bps",
        ),
        (
            SMALL.replace(
                "[pair.btc.inventory]", "bid_order_level_spreads_bps = [200, 300]\n[pair.btc.inventory]"
            ),
            "mm.toml:12: pair.btc.params.bid_order_level_spreads_bps: sets the nearest bid 200 bps",
        ),
        (
            of("ladder", "spread_bps = 301\n"),
            "mm.toml:9: pair.btc.params.spread_bps: sets the nearest order 150.5 bps",
        ),
        (
            of("scheduled", "spread_bps = 10\nwindows.a = { start_ms = 0, end_ms = 9, spread_bps = 400 }\n"),
            "mm.toml:10: pair.btc.params.windows.a.spread_bps: sets the nearest order 200 bps",
        ),
        (
            of("queue_holding", "min_spread_bps = 400\n"),
            "mm.toml:9: pair.btc.params.min_spread_bps: sets the nearest order 200 bps",
        ),
        (
            of("cross_reference", 'sources = ["BTC/USDC"]\nspread_bps = 600\n'),
            "mm.toml:10: pair.btc.params.spread_bps: sets the nearest order 300 bps",
        ),
        (
            SMALL.replace(
                "order_amount_base = 0.01",
                "order_amount_base = 0.01\norder_levels = 3\norder_level_spread_bps = 1\n"
                "order_level_amount_base = -0.005",
            ),
            "mm.toml:12: pair.btc.params.order_level_amount_base: makes order 3 of a side one of 0,"
            " expected more than 0",
        ),
        (
            of("ladder", "spread_bps = 9\norder_levels = 2\norder_level_amount_base = -0.002\n"),
            "mm.toml:11: pair.btc.params.order_level_amount_base: makes order 2 of a side one of -0.001",
        ),
        (
            of("scheduled", "spread_bps = 10\npath_ms = [0, 9]\npath_base = [0.05, -0.2]\n"),
            "mm.toml:11: pair.btc.params.path_base.1: aims at an inventory of -0.2, beyond"
            " inventory.max_base, 0.1",
        ),
        (
            of(
                "scheduled",
                "spread_bps = 10\ntwap_start_ms = 1\ntwap_end_ms = 2\n"
                "twap_from_base = 0\ntwap_to_base = 0.3\n",
            ),
            "mm.toml:13: pair.btc.params.twap_to_base: aims at an inventory of 0.3",
        ),
        (
            of("scheduled", "spread_bps = 10\npath_ms = [0]\npath_base = [-0.08]\n").replace(
                "max_base = 0.1", "target_base = 0.05"
            ),
            "mm.toml:11: pair.btc.params.path_base.0: aims at 0.08 less than inventory.target_base, 0.05\n"
            "hint: on a spot market there is no less than nothing to hold",
        ),
        (
            of("basket", BASKET + "[0.9, 0.9, -0.9]\n"),
            "mm.toml:13: pair.btc.params.correlations: were 0.9, 0.9, -0.9: correlations contradict each"
            " other: the smallest eigenvalue was -0.8",
        ),
        (
            of("cross_reference", 'sources = ["BTC/USDT"]\nspread_bps = 6\n'),
            "mm.toml:9: pair.btc.params.sources: names BTC/USDT, the market that is quoted on",
        ),
        (
            of("basket", BASKET.replace("SOL/USDT", "BTC/USDT") + "[0.1, 0.1, 0.1]\n"),
            "mm.toml:9: pair.btc.params.symbols: names BTC/USDT",
        ),
        (
            SMALL.replace("[pair.btc.inventory]", 'price_source_symbol = "BTC/USDT"\n[pair.btc.inventory]'),
            "mm.toml:12: pair.btc.params.price_source_symbol: names BTC/USDT",
        ),
        (
            of("ladder", "spread_bps = 10\nmax_spread_bps = 12\n"),
            "mm.toml:10: pair.btc.params.max_spread_bps: was 12, expected at least 20: twice the maker fee"
            " of 10 bps",
        ),
        (
            of("avellaneda_stoikov", "risk_factor = 0.0\nfill_decay_per_bps = 0.0001\n"),
            "mm.toml:9: pair.btc.params.risk_factor: was 0: it leans quotes by 0 bps per order amount held",
        ),
    ],
)
def test_what_can_never_be_placed_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """With what it is and what it is beyond; one problem, one line."""
    said = refused(tmp_path, text)

    assert said.startswith(told)
    assert said.count("mm.toml:") == 1


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("bid_spread_bps = 4", "bid_spread_bps = 150"),
        # Leaning, or around a price that may be off the own mid, the orders may come within the collar.
        SMALL.replace("bid_spread_bps = 4", "bid_spread_bps = 160\ninventory_price_skew_bps = 20"),
        SMALL.replace("bid_spread_bps = 4", 'bid_spread_bps = 160\nprice_type = "last_price"'),
        SMALL.replace("bid_spread_bps = 4", 'bid_spread_bps = 160\nprice_source_symbol = "ETH/USDT"'),
        of("ladder", "spread_bps = 320\ninventory_skew_bps = 20\n"),
        of("ladder", "spread_bps = 320\nmax_spread_bps = 40\n"),
        of("cross_reference", 'sources = ["BTC/USDC"]\nspread_bps = 320\n'),
        of("glft", "risk_factor = 0.1\nmin_spread_bps = 400\n"),
        of("scheduled", "spread_bps = 10\npath_ms = [0, 9]\npath_base = [0.1, -0.1]\n"),
        of("basket", BASKET + "[0.9, 0.9, 0.9]\n"),
        # What a venue with a rebate would take is not refused where the fee is not known.
        of("ladder", "spread_bps = 10\nmax_spread_bps = 12\n", mode="demo"),
    ],
)
def test_what_may_work_is_not_refused(tmp_path: Path, text: str) -> None:
    """Within the limits, or not known to be outside of them."""
    assert loaded(tmp_path, text).pair["btc"].params is not None


def test_the_strategy_of_a_user_is_not_started_by_a_check(tmp_path: Path) -> None:
    """Whatever its first lines do: nothing of it runs before there is a market."""
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "class Mine:\n"
        "    @dataclass(frozen=True)\n"
        "    class Params:\n"
        "        width_bps: int = 3\n"
        "    def __init__(self, params, instrument): raise RuntimeError('started')\n"
        "    def initial_memory(self): return None\n"
        "    def quotes(self, view): return None\n"
    )
    text = 'mode = "paper"\n[pair.btc]\nsymbol = "BTC/USDT"\nstrategy = "./mine.py"\n'

    assert loaded(tmp_path, text).pair["btc"].strategy == "./mine.py"


def test_the_demos_market_is_as_it_is_taken_to_be() -> None:
    """Its grid and its least value are the exchange's own."""
    there = ExchangeSettings(seed=7, api_key="k", api_secret="s")

    assert (there.tick_size, there.notional_min) == (DEMO_TICK, LEAST_VALUES["USDT"])
