"""The compiled kernel leaves what the plain loop leaves: on generated tapes, and on recordings of a venue."""

from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.instrument import Instrument
from mm.domain.tape import Chunk
from mm.kernel.kernel import Kernel
from mm.kernel.plain import PlainKernel
from mm.store.recordings.opening import open_source
from mm.strategies.pure_market_making import PureMarketMaking
from tests.builders.any_params import NAMES, started
from tests.builders.configs import loaded
from tests.builders.engine_rig import START_NS
from tests.builders.generated_tape import generated_chunks
from tests.builders.glide_rig import play, same, steps_of, steps_of_config
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.paper_rig import CLOSE

FOLDER: Final = "normalised"
FILES: Final = (
    "binance_usdm_BTCUSDT_2024-08-08.parquet",
    "binance_spot_BTCUSDT_2024-08-08.parquet",
    "binance_cm_BTCUSD_PERP_2024-08-08.parquet",
)
SLICE_NS: Final = 20 * 10**9
"""Of a recording, in the gate."""

UNCOMPILED: Final = partial(Kernel, compile_loop=False)

TEXT: Final = """\
mode = "paper"

[venue.main]
id = "binance"

[pair.btc]
symbol = "{symbol}"
strategy = "{strategy}"
venue = "main"

[pair.btc.params]
{params}

[pair.btc.inventory]
max_base = {max_base}

[risk]
max_notional_quote = 1_000_000_000
max_order_notional_quote = 1_000_000_000
session_loss_quote = 1_000_000_000
open_loss_quote = 1_000_000_000
max_drawdown_ratio = 0.9

[paper]
start_base = {start_base}
start_quote = 1_000_000
maker_fee_bps = 0.1
latency_mean_ms = 20
latency_p99_ms = 60
queue = "{queue}"
"""

FLOW: Final = "arrival_rate_per_s = 2.0\nfill_decay_per_bps = 8.0\n"
PARAMS: Final = {
    "avellaneda_stoikov": FLOW + "volatility_bps_per_sqrt_s = 1.3\nrisk_factor = 0.1\n",
    "cartea_jaimungal": FLOW + "running_penalty_bps_per_s = 0.1\n",
    "glft": FLOW + "volatility_bps_per_sqrt_s = 1.3\nrisk_factor = 0.1\norder_levels = 2\n",
    "ladder": "spread_bps = 0.4\norder_levels = 3\norder_level_spread_bps = 0.5\n",
    "micro_price": "spread_bps = 0.4\n",
    "pure_market_making": "bid_spread_bps = 0.3\nask_spread_bps = 0.3\norder_levels = 2\n"
    "order_level_spread_bps = 0.4\norder_refresh_time_ms = 1_000\n",
    "queue_holding": "min_tick_ratio = 0\n",
    "scheduled": "spread_bps = 0.4\n",
    "volatility_scaled": "spread_multiple = 0.3\nhorizon_ms = 1_000\n",
}
"""Of each strategy that watches one market, so close to the mid that it is traded with."""


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    queue=st.sampled_from(("risk_averse", "power", "log2")),
    mischief=st.sampled_from((0.0, 0.01, 0.1)),
)
def test_no_tape_tells_the_compiled_loop_from_the_plain_one(seed: int, queue: str, mischief: float) -> None:
    """Nor from the kernel as it stands, uncompiled."""
    strategy = PureMarketMaking(CLOSE, INSTRUMENT)
    make = steps_of([strategy], [INSTRUMENT], queue=queue, seed=seed)
    chunks = generated_chunks(INSTRUMENT, seed=seed, seconds=5.0, start_ns=START_NS, mischief=mischief)
    expected = same(make, chunks, Kernel)
    assert play(make, chunks, UNCOMPILED).facts == expected.facts


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_does_the_same_with_the_compiled_kernel(name: str) -> None:
    """Where it watches other markets, they pass through the kernel as well."""
    make, instruments = steps_of_any(name)
    chunks = generated_chunks(*instruments, seed=11, seconds=8.0, start_ns=START_NS)
    assert same(make, chunks, Kernel).steps.decisions


def steps_of_any(name: str) -> Any:
    """Return what makes a run of a strategy with its example parameters, and its markets."""
    from mm.strategies.base import watches_of
    from tests.builders.instruments import make_test_instrument

    strategy = started(name, INSTRUMENT)
    watched = [
        make_test_instrument(symbol=watch.symbol, venue_symbol="X", base="CCC")
        for watch in watches_of(strategy)
    ]
    return steps_of([strategy], [INSTRUMENT], watched=watched), [INSTRUMENT, *watched]


def test_several_sessions_on_several_markets_do_the_same_with_the_compiled_kernel() -> None:
    """Two on one symbol, one on another."""
    strategies = [PureMarketMaking(CLOSE, INSTRUMENT), started("ladder", INSTRUMENT)]
    strategies.append(PureMarketMaking(CLOSE, OTHER))
    make = steps_of(strategies, [INSTRUMENT, INSTRUMENT, OTHER])
    chunks = generated_chunks(INSTRUMENT, OTHER, seed=5, seconds=12.0, start_ns=START_NS)
    assert same(make, chunks, Kernel).steps.fills


@cache
def recording(path: Path, to_ns: int) -> tuple[Instrument, tuple[Chunk, ...]]:
    """Return a recording in memory, as far as asked for. Args: to_ns: after its begin, 0: all of it."""
    source = open_source([path])
    end_ns = source.first_ns + to_ns if to_ns else 0
    return source.instruments[0], tuple(source.chunks(0, end_ns))


def config(folder: Path, instrument: Instrument, strategy: str, queue: str) -> Any:
    """Return what makes a run of a strategy on a recorded instrument."""
    is_inverse = instrument.lot_atoms >= 10**8
    amount = "order_amount_base = " + ("10" if is_inverse else "0.01")
    text = TEXT.format(
        symbol=instrument.symbol,
        strategy=strategy,
        params=f"{amount}\n{PARAMS[strategy]}",
        max_base="1_000" if is_inverse else "0.2",
        start_base="100_000" if is_inverse else "10",
        queue=queue,
    )
    settings_of_it = loaded(folder, text, [f"data_dir={folder / 'data'}"])
    return steps_of_config(settings_of_it, [instrument])


@pytest.mark.parametrize("file", FILES)
def test_a_slice_of_a_recording_is_the_same_in_all_loops(
    file: str, shared_data: Path, tmp_path: Path
) -> None:
    """The plain loop, the plain kernel, the compiled one: state, commands, fills, figures."""
    instrument, chunks = recording(shared_data / FOLDER / file, SLICE_NS)
    make = config(tmp_path, instrument, "ladder", "power")
    expected = same(make, chunks, Kernel)
    assert play(make, chunks, PlainKernel).facts == expected.facts


@pytest.mark.proof
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("strategy", PARAMS)
def test_a_whole_recording_is_the_same_with_the_compiled_kernel(
    file: str, strategy: str, shared_data: Path, tmp_path: Path
) -> None:
    """Every strategy that watches one market, three queue models among them."""
    instrument, chunks = recording(shared_data / FOLDER / file, 0)
    queue = ("risk_averse", "power", "log2")[list(PARAMS).index(strategy) % 3]
    same(config(tmp_path, instrument, strategy, queue), chunks, Kernel, deep=False)
