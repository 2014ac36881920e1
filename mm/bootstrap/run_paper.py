"""Paper mode: real market data, an account that exists in this process alone, judged by its own truth.

No key is read and no signer exists: the public adapter has no place for one.
"""

import asyncio
import time
from dataclasses import replace
from decimal import Decimal

import msgspec

from mm.bootstrap.door import pace_of
from mm.bootstrap.other_markets import with_other_venues
from mm.bootstrap.public_feed import fee_ppm, public_settings
from mm.bootstrap.trade import trade
from mm.bootstrap.verdict import judged
from mm.domain.units import floor_atoms
from mm.errors import ConfigError
from mm.observe import judge
from mm.observe.fill_causes import fills_by_cause
from mm.runtime.clock import AnchoredClock
from mm.settings.models import Settings, VenueSettings
from mm.settings.options import RunOptions, RunReport
from mm.sim.queue import QueueModel
from mm.store.fill_model import fill_model_words, said_of
from mm.venues.binance import BinanceMarketData
from mm.venues.paper import PaperTruth, PaperVenue, PaperVenueSettings


async def paper(options: RunOptions, venue: VenueSettings) -> RunReport:
    """Run on paper until stopped; raises what `trade` raises."""
    settings = options.settings
    made = fills_made(settings)
    pace = await asyncio.to_thread(pace_of, venue.url)
    clock = AnchoredClock(pace)
    public = BinanceMarketData(public_settings(settings.paper, venue, clock))
    shown = with_other_venues(settings, public, clock)
    _refuse_orders(settings)
    paper_venue = PaperVenue(shown, paper_settings(settings))
    began_ns, began = clock.now_ns(), time.monotonic()
    bot = await trade(settings, paper_venue, clock, duration_ns=options.duration_ns, show=options.show)
    truths = [_read(truth) for truth in paper_venue.truths()]
    run_s = (time.monotonic() - began) * clock.scale
    touch = paper_venue.touch
    return replace(
        judged(bot, truths, began_ns=began_ns, run_s=run_s),
        orders_filled=touch.honest_fills,
        fills_at_touch=touch.touch_fills,
        phantom_fills=touch.phantom_fills,
        fills_not_at_touch=touch.missed_fills,
        fills_by_cause=fills_by_cause(paper_venue.fills_by_cause()),
        fill_model=made,
    )


def fills_made(settings: Settings) -> str:
    """Return how fills on paper are made, and what own fills say of that: "risk_averse, uncalibrated".

    Raises: StateCorrupt if what is known of own fills cannot be read.
    """
    queue, symbols = settings.paper.queue, [pair.symbol for pair in settings.pair.values()]
    return f"{queue}, {said_of(fill_model_words(settings.data_dir), queue, None, symbols)}"


def paper_settings(settings: Settings) -> PaperVenueSettings:
    """Return what the paper venue is given: each pair's base and quote asset, fees, latency, queue."""
    given = settings.paper
    balances: dict[str, Decimal] = {}
    for pair in settings.pair.values():
        base, _, quote = pair.symbol.partition("/")
        balances.setdefault(base, given.start_base)
        balances.setdefault(quote, given.start_quote)
    return PaperVenueSettings(
        balances=balances,
        latency_mean_ms=given.latency_mean_ms,
        latency_p99_ms=given.latency_p99_ms,
        seed=given.seed,
        queue=given.queue,
        participation_ppm=floor_atoms(given.max_participation_ratio, 6),
        maker_fee_ppm=fee_ppm(given.maker_fee_bps),
        taker_fee_ppm=fee_ppm(given.taker_fee_bps),
        stp_mode=settings.stp.venue_mode.upper(),
    )


def _refuse_orders(settings: Settings) -> None:
    # No stream that is listened to tells who stands in a queue.
    if QueueModel[settings.paper.queue.upper()] is QueueModel.L3:
        place = settings.sources.get("paper.queue", str(settings.path))
        raise ConfigError(
            f"{place}: paper.queue: l3 follows single orders, which no venue's public stream here tells",
            hint="risk_averse or another model here; mm backtest --queue l3 on data with order ids",
        )


def _read(truth: PaperTruth) -> judge.Truth:
    # The paper venue may not know its judge; the names are the same.
    return msgspec.convert(msgspec.to_builtins(truth), judge.Truth)
