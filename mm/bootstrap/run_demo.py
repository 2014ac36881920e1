"""The demo: the bot on an exchange of its own, judged by that exchange's truth."""

import asyncio
import time
from dataclasses import replace

from mm.bootstrap.door import fetch_truth
from mm.bootstrap.other_markets import with_other_venues
from mm.bootstrap.recovery import StartOptions
from mm.bootstrap.trade import in_loop, trade
from mm.bootstrap.verdict import judged
from mm.bootstrap.watch import watched
from mm.errors import VenueUnreachable
from mm.logs import add_secrets
from mm.observe import judge
from mm.runtime.clock import AnchoredClock
from mm.runtime.exchange_process import ExchangeProcess, Ready
from mm.runtime.pulse import Pulse
from mm.settings.models import Settings, VenueSettings
from mm.settings.options import DemoOptions, RunReport
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue


def demo(options: DemoOptions) -> RunReport:
    """Run the demo until its time is over or it is stopped.

    Raises: ForeignAddress if the config points it away from this machine (nothing is sent);
    VenueUnreachable if its exchange does not come up; AlreadyRunning, StateCorrupt.
    """
    return in_loop(lambda: _demo(options))


async def _demo(options: DemoOptions) -> RunReport:
    began_ns, began = time.time_ns(), time.monotonic()
    settings = options.settings
    async with demo_exchange(settings) as exchange:
        ready = exchange.ready
        add_secrets((ready.api_secret, ready.api_key))
        clock, pulse = AnchoredClock(), Pulse.alone()
        given = replace(demo_venue_settings(settings, ready, clock), may_place=pulse.may_place)
        configured = _traded(settings)
        bot = await trade(
            settings,
            with_other_venues(settings, BinanceVenue(given), clock),
            clock,
            duration_ns=options.duration_ns,
            show=options.show,
            options=StartOptions(watched=watched(settings, configured, given, pulse)),
        )
        answer = await asyncio.to_thread(fetch_truth, ready.url)
        if not answer:
            raise VenueUnreachable(f"the local exchange did not tell its truth at {ready.url}")
    truth = judge.read_truth(answer)
    return judged(bot, (truth,), began_ns=began_ns, run_s=time.monotonic() - began)


def demo_exchange(settings: Settings) -> ExchangeProcess:
    """Return the exchange of a demo, which is started where it is entered."""
    market = settings.demo
    arguments = ("--agents", str(market.seed), "--preset", market.preset)
    holdings = ("--start-base", str(market.start_base), "--start-quote", str(market.start_quote))
    return ExchangeProcess((*arguments, *holdings))


def demo_venue_settings(settings: Settings, ready: Ready, clock: AnchoredClock) -> BinanceSettings:
    """Return what the adapter of the demo's account is given: a throw-away key, this machine alone."""
    # A config that points the demo elsewhere is taken at its word; the loopback guard has the last one.
    configured = _traded(settings).url
    return BinanceSettings(
        clock=clock,
        api_key=ready.api_key,
        api_secret=ready.api_secret,
        urls=BinanceUrls(rest=configured or ready.url),
        loopback_only=True,
        stp_mode=settings.stp.venue_mode.upper(),
    )


def _traded(settings: Settings) -> VenueSettings:
    # A demo's sessions are all on one venue; others are only watched.
    return settings.venue[next(iter(settings.pair.values())).venue]
