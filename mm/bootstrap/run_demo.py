"""The demo: the bot on an exchange of its own, judged by that exchange's truth."""

import asyncio
import contextlib
import time
import urllib.request
from collections import Counter
from typing import Final

from mm.bootstrap.assemble import limits
from mm.bootstrap.trade import Bot, in_loop, trade
from mm.errors import VenueUnreachable
from mm.logs import add_secrets
from mm.observe import judge
from mm.runtime.clock import AnchoredClock
from mm.runtime.exchange_process import ExchangeProcess, Ready
from mm.settings.models import Settings
from mm.settings.options import DemoOptions, RunReport
from mm.venues.binance import BinanceSettings, BinanceUrls, BinanceVenue

TRUTH_TIMEOUT_S: Final = 10.0


def demo(options: DemoOptions) -> RunReport:
    """Run the demo until its time is over or it is stopped.

    Raises: ForeignAddress if the config points it away from this machine (nothing is sent);
    VenueUnreachable if its exchange does not come up; AlreadyRunning, StateCorrupt.
    """
    return in_loop(lambda: _demo(options))


async def _demo(options: DemoOptions) -> RunReport:
    began_ns, began = time.time_ns(), time.monotonic()
    settings, market = options.settings, options.settings.demo
    arguments = ("--agents", str(market.seed), "--preset", market.preset)
    holdings = ("--start-base", str(market.start_base), "--start-quote", str(market.start_quote))
    async with ExchangeProcess((*arguments, *holdings)) as exchange:
        ready = exchange.ready
        add_secrets((ready.api_secret, ready.api_key))
        clock = AnchoredClock()
        venue = BinanceVenue(_venue_settings(settings, ready, clock))
        bot = await trade(settings, venue, clock, duration_ns=options.duration_ns, show=options.show)
        answer = await asyncio.to_thread(_fetch, f"{ready.url}/_mm/truth")
    return judged(bot, judge.read_truth(answer), began_ns=began_ns, run_s=time.monotonic() - began)


def _venue_settings(settings: Settings, ready: Ready, clock: AnchoredClock) -> BinanceSettings:
    # A config that points the demo elsewhere is taken at its word; the loopback guard has the last one.
    configured = next(iter(settings.venue.values())).url
    return BinanceSettings(
        clock=clock,
        api_key=ready.api_key,
        api_secret=ready.api_secret,
        urls=BinanceUrls(rest=configured or ready.url),
        loopback_only=True,
        stp_mode=settings.stp.venue_mode.upper(),
    )


def judged(bot: Bot, truth: judge.Truth, *, began_ns: int, run_s: float) -> RunReport:
    """Return how a run went by the venue's truth. Args: began_ns: UTC, when the command began."""
    positions = [session.position for session in bot.state.sessions]
    inventory_lots = sum(position.inventory_lots for position in positions)
    residual_half = sum(abs(position.residual_half) for position in positions)
    ledger_atoms: Counter[str] = Counter()
    for position in positions:
        ledger_atoms.update(position.ledger_atoms())
    counters = truth.counters
    first, sent = counters.first_fill_ns, counters.orders_placed + counters.orders_cancelled
    return RunReport(
        orders_placed=counters.orders_placed,
        orders_cancelled=counters.orders_cancelled,
        fills=counters.fills,
        first_fill_s=round((first - began_ns) / 1e9, 3) if first else None,
        self_trades=judge.self_trades(truth),
        limit_breaches=judge.limit_breaches(truth, _judged_by(bot), inventory_lots=inventory_lots),
        open_orders_at_exit=counters.open_orders,
        pnl_residual=judge.pnl_residual(truth, ledger_atoms, residual_half),
        messages_per_fill=round(sent / counters.fills, 2) if counters.fills else None,
        exit_reason=bot.outcome.reason,
        pnl_quote=bot.pnl_quote,
        quote=bot.quote,
        run_s=round(run_s, 3),
        exit_code=bot.exit_code,
    )


def _judged_by(bot: Bot) -> judge.Limits:
    # Of all sessions, which trade the exchange's one symbol: their bands add up, the rest is the account's.
    sessions = bot.state.sessions
    held = [limits(bot.settings, session.name, session.setup.instrument) for session in sessions]
    return judge.Limits(
        band_lots=sum(session.band_lots_seen_max for session in sessions),
        order_lots=max(one.order_lots_max for one in held),
        order_atoms=max(one.order_atoms_max for one in held),
        exposure_atoms=max(one.exposure_atoms_max for one in held),
        open_orders=max(one.open_orders_max for one in held),
        tick_lot_atoms=sessions[0].setup.instrument.tick_lot_atoms,
    )


def _fetch(url: str) -> bytes:
    # A proxy of this machine's user has no business on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), opener.open(url, timeout=TRUTH_TIMEOUT_S) as answer:
        content: bytes = answer.read()
        return content
    raise VenueUnreachable(f"the local exchange did not tell its truth at {url}")
