"""What `mm run` does, by the mode that the file states."""

import time
from dataclasses import replace

from mm.bootstrap.other_markets import with_other_venues
from mm.bootstrap.recovery import StartOptions, nothing_to_rebuild
from mm.bootstrap.run_demo import demo
from mm.bootstrap.run_paper import paper
from mm.bootstrap.trade import in_loop, trade
from mm.bootstrap.watch import watched
from mm.errors import ConfigError
from mm.logs import add_secrets
from mm.runtime.clock import AnchoredClock
from mm.runtime.pulse import Pulse
from mm.settings.models import Settings, VenueSettings
from mm.settings.options import DemoOptions, RunOptions, RunReport
from mm.store.lease import Account
from mm.store.secrets import read_secret
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue
from mm.venues.binance.cancel_only import CancelSettings


def run(options: RunOptions) -> RunReport:
    """Run what the config says until stopped.

    Raises: ConfigError if the mode cannot run or was not confirmed; what `trade` raises.
    """
    settings = options.settings
    if options.rebuild_from_venue and settings.mode != "live":
        raise nothing_to_rebuild("only live mode takes over what an earlier life left")
    if settings.mode == "demo":
        return demo(DemoOptions(settings=settings, duration_ns=options.duration_ns, show=options.show))
    if settings.mode == "paper":
        return in_loop(lambda: paper(options, only_venue(settings)))
    if not options.live_confirmed:
        raise ConfigError(
            "mode is live, but --yes-live was not given: nothing was started",
            hint="live mode trades real money; read the README first, then add --yes-live",
        )
    return in_loop(lambda: _live(options))


async def _live(options: RunOptions) -> RunReport:
    settings, clock, began = options.settings, AnchoredClock(), time.monotonic()
    configured = only_venue(settings)
    pulse = Pulse.alone()
    given = replace(live_venue_settings(settings, configured, clock), may_place=pulse.may_place)
    bot = await trade(
        settings,
        with_other_venues(settings, BinanceVenue(given), clock),
        clock,
        duration_ns=options.duration_ns,
        show=options.show,
        options=StartOptions(
            account=Account(venue=configured.id, key_id=given.api_key),
            rebuild=options.rebuild_from_venue,
            watched=watched(settings, configured, given, pulse),
            access=cancel_access(given),
        ),
    )
    return bot.report(time.monotonic() - began)


def cancel_access(given: BinanceSettings) -> CancelSettings:
    """Return with what the account's orders can be listed and cancelled, and nothing else."""
    return CancelSettings(
        rest=given.addresses.rest,
        api_key=given.api_key,
        api_secret=given.api_secret,
        loopback_only=given.loopback_only,
        recv_window_ms=given.recv_window_ms,
    )


def only_venue(settings: Settings) -> VenueSettings:
    """Return the one venue that the sessions use; raises ConfigError if they use several."""
    used = tuple(dict.fromkeys(pair.venue for pair in settings.pair.values()))
    if len(used) != 1:
        raise ConfigError(
            f"sessions use the venues {', '.join(used)}, expected one", hint="run one daemon per account"
        )
    return settings.venue[used[0]]


def live_venue_settings(settings: Settings, venue: VenueSettings, clock: AnchoredClock) -> BinanceSettings:
    """Return what the adapter of the account is given; reads the keys and has them redacted.

    Raises: ConfigError if a key is not there or cannot be read.
    """
    if venue.key is None or venue.secret is None:
        raise ConfigError("mode is live, but the venue has no key and secret", hint='key = "env:NAME"')
    key, secret = read_secret(venue.key).reveal(), read_secret(venue.secret).reveal()
    add_secrets((key, secret))
    return BinanceSettings(
        clock=clock,
        api_key=key,
        api_secret=secret,
        urls=BinanceUrls(rest=venue.url) if venue.url else None,
        stp_mode=settings.stp.venue_mode.upper(),
    )
