"""Every strategy on a real recording: its P&L is explained to the last integer, its markouts are right.

The gate plays the first part of the recording with some of them, the long tier the whole of it with all.
Strategies that look at other markets see the recording of another venue from the same minutes.
"""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from mm.analytics.horizons import UNSEEN
from tests.builders.any_params import NAMES
from tests.builders.configs import loaded
from tests.builders.played_bot import PlayedBot, played_bot
from tests.builders.recorded_markets import RawMids, RecordedMarket, recorded_instrument

FOLDER: Final = "binance_raw_2024-08-08"
TRADED: Final = f"{FOLDER}/spot_btcusdt_20240808.gz"
WATCHED: Final = f"{FOLDER}/usdm_btcusdt_20240808.gz"
OTHER: Final = "perp:BTC/USDT"

SLICE_S: Final = 120
"""Of the recording, in the gate."""

WHOLE_S: Final = 10_000
"""Longer than any recording."""

TEXT: Final = """\
mode = "paper"

[venue.main]
id = "binance"

{other}
[pair.btc]
symbol = "BTC/USDT"
strategy = "{strategy}"
venue = "main"

[pair.btc.params]
order_amount_base = 0.002
{params}

[pair.btc.inventory]
max_base = 0.05

[risk]
max_notional_quote = 6_000
max_order_notional_quote = 500
session_loss_quote = 500
open_loss_quote = 300
max_drawdown_ratio = 0.5

[paper]
maker_fee_bps = {fee_bps}
latency_mean_ms = 20
latency_p99_ms = 60
"""

VENUE: Final = """\
[venue.perp]
id = "binance"
"""

FLOW: Final = "arrival_rate_per_s = 2.0\nfill_decay_per_bps = 8.0\n"
DIFFUSION: Final = FLOW + "volatility_bps_per_sqrt_s = 1.3\n"

PARAMS: Final = {
    "avellaneda_stoikov": DIFFUSION + "risk_factor = 0.1\n",
    "basket": FLOW
    + "risk_factor = 0.1\nvolatility_bps_per_sqrt_s = 1.3\nother_volatilities_bps_per_sqrt_s = [1.4]\n"
    + f'symbols = ["{OTHER}"]\ncorrelations = [0.7]\n',
    "cartea_jaimungal": FLOW + "running_penalty_bps_per_s = 0.1\n",
    "cross_reference": f'sources = ["{OTHER}"]\nspread_bps = 0.4\nbasis_window_ms = 10_000\n',
    "glft": DIFFUSION + "risk_factor = 0.1\norder_levels = 2\n",
    "ladder": "spread_bps = 0.4\norder_levels = 3\norder_level_spread_bps = 0.5\n",
    "micro_price": 'spread_bps = 0.4\nfair = "weighted"\n',
    "pure_market_making": "bid_spread_bps = 0.3\nask_spread_bps = 0.3\norder_levels = 2\n"
    "order_level_spread_bps = 0.4\norder_refresh_time_ms = 1_000\n",
    "queue_holding": "min_tick_ratio = 0\n",
    "scheduled": "spread_bps = 0.4\n",
    "volatility_scaled": "spread_multiple = 0.3\nhorizon_ms = 1_000\n",
}
"""Of each strategy, so close to the mid that it is traded with within the slice."""

FILLS_MIN: Final = 8
"""In the slice."""

IN_THE_GATE: Final = ("avellaneda_stoikov", "glft", "pure_market_making")


@cache
def raw_mids(path: Path) -> RawMids:
    """Return the mids of the traded market's frames, read once."""
    return RawMids(path)


def played(shared_data: Path, folder: Path, strategy: str, seconds: float, fee_bps: str = "0.1") -> PlayedBot:
    """Return a bot that has lived through so much of the recording."""
    watches = OTHER in PARAMS[strategy]
    text = TEXT.format(
        strategy=strategy, params=PARAMS[strategy], other=VENUE if watches else "", fee_bps=fee_bps
    )
    settings = loaded(folder, text, [f"data_dir={folder / 'data'}"])
    own = recorded_instrument("BTC/USDT", tick="0.01", lot="0.00001")
    markets = [RecordedMarket(shared_data / TRADED, own)]
    if watches:
        other = recorded_instrument(OTHER, tick="0.1", lot="0.001")
        markets.append(RecordedMarket(shared_data / WATCHED, other))

    async def run() -> PlayedBot:
        bot = await played_bot(settings, *markets)
        bot.run(seconds)
        return bot

    return asyncio.run(run())


def judge(bot: PlayedBot, mids: RawMids, fills_min: int) -> None:
    """Check that all is explained at every horizon, and that the markouts are those of the raw frames."""
    analytics = bot.session
    assert bot.analyst.failure == ""
    assert bot.unexplained == {}
    assert analytics.identity.fills >= fills_min
    for horizon, own in enumerate(means(bot, mids)):
        of_ours, of_frames = own
        assert of_ours == pytest.approx(of_frames, abs=0.1), horizon


def means(bot: PlayedBot, mids: RawMids) -> list[tuple[float, float]]:
    """Return the mean markout in bps at the fill and at each horizon after it: ours, and from the frames."""
    analytics = bot.session
    instrument = analytics.instrument
    tick = instrument.tick_atoms / 10**instrument.quote_scale
    found = []
    for place, horizon_ns in enumerate((0, *analytics.waiting.horizons_ns)):
        values = []
        for fill in bot.fills:
            later = fill.later_half_ticks[:place] if place else [fill.mid_half_ticks]
            if len(later) < max(1, place) or later[-1] == UNSEEN:
                continue
            price = fill.price_ticks * tick
            mid = mids.at(fill.ts_ns + horizon_ns, before=not place)
            values.append(1e4 * fill.side.sign * (mid - price) / price)
        mean = analytics.markouts.every.of_fills[place]
        assert mean.count == len(values)
        if values:
            assert mean.mean is not None
            found.append((mean.mean, sum(values) / len(values)))
    return found


def test_every_strategy_is_played() -> None:
    """A new one has to say here with which parameters it is."""
    assert sorted(PARAMS) == NAMES


@pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=() if name in IN_THE_GATE else pytest.mark.proof) for name in NAMES],
)
def test_what_a_strategy_earns_on_a_recording_is_explained(
    shared_data: Path, tmp_path: Path, strategy: str
) -> None:
    """In the first part of it: residue 0, markouts within 0.1 bp of the frames' own."""
    bot = played(shared_data, tmp_path, strategy, SLICE_S)

    judge(bot, raw_mids(shared_data / TRADED), FILLS_MIN)


@pytest.mark.proof
@pytest.mark.parametrize("strategy", NAMES)
def test_what_a_strategy_earns_on_the_whole_recording_is_explained(
    shared_data: Path, tmp_path: Path, strategy: str
) -> None:
    """To its end, five minutes and more, with a fee and with a rebate."""
    for fee_bps in ("0.1", "-0.05"):
        bot = played(shared_data, tmp_path, strategy, WHOLE_S, fee_bps)

        judge(bot, raw_mids(shared_data / TRADED), 3 * FILLS_MIN)
