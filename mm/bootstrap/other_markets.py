"""Markets that strategies watch beside those that they trade: which they are, and where they come from.

No key is read and nothing is signed for them, in any mode: the feed of another venue is a public one.
"""

from collections.abc import Iterable, Mapping
from functools import partial

from mm.bootstrap.public_feed import public_settings
from mm.domain.instrument import Instrument
from mm.domain.watched import split_name
from mm.engine.setup import SessionSetup
from mm.errors import ConfigError
from mm.ports import Venue, Watches
from mm.runtime.joined_venue import JoinedVenue
from mm.settings.models import Settings
from mm.strategies.base import watches_of
from mm.venues.binance import BinanceMarketData
from mm.venues.binance.settings import Clock


def with_other_venues(settings: Settings, traded: Venue, clock: Clock) -> Venue:
    """Return `traded` with the markets of the config's other venues behind it; itself if there are none."""
    others = _others(settings)
    if not others:
        return traded
    return JoinedVenue(traded, {name: partial(_feed, settings, name, clock) for name in others})


async def watched_instruments(
    settings: Settings, venue: Venue, sessions: Iterable[SessionSetup]
) -> tuple[Instrument, ...]:
    """Return the instruments that strategies watch and no session trades, in the order of the config.

    Raises: ConfigError if a name leads nowhere; what `Watches.watch` raises.
    """
    sessions = tuple(sessions)
    traded = {session.instrument.symbol for session in sessions}
    asked = {watch.symbol: session.name for session in sessions for watch in watches_of(session.strategy)}
    names = {symbol: name for symbol, name in asked.items() if symbol not in traded}
    for symbol, name in names.items():
        _check(settings, name, symbol)
    if not names:
        return ()
    if not isinstance(venue, Watches):
        raise ConfigError(f"{', '.join(names)} cannot be watched: this venue shows only what is traded")
    try:
        return await venue.watch(tuple(names))
    except ConfigError as error:
        raise ConfigError(_placed(str(error), names), hint=error.hint) from None


def check_known(sessions: Iterable[SessionSetup], known: Mapping[str, object]) -> None:
    """Check that a change of the config brings no market that is not there; raises ConfigError."""
    for session in sessions:
        for watch in watches_of(session.strategy):
            if watch.symbol not in known:
                raise ConfigError(
                    f"pair.{session.name}: it would watch {watch.symbol}, which this run does not",
                    hint="another market to watch takes a restart",
                )


def _others(settings: Settings) -> tuple[str, ...]:
    used = {pair.venue for pair in settings.pair.values()}
    return tuple(name for name in settings.venue if name not in used)


def _check(settings: Settings, session: str, symbol: str) -> None:
    venue = split_name(symbol)[0]
    others = _others(settings)
    if venue in settings.venue and venue not in others:
        raise ConfigError(
            f"pair.{session}: it watches {symbol}, which is of the venue that is traded on",
            hint=f'leave "{venue}:" out',
        )
    if venue and venue not in others:
        known = ", ".join(others) or "none"
        raise ConfigError(
            f"pair.{session}: it watches {symbol}, but there is no [venue.{venue}]",
            hint=f"other venues of this config: {known}",
        )


def _placed(message: str, names: Mapping[str, str]) -> str:
    for symbol, session in names.items():
        if split_name(symbol)[1] in message:
            return f"pair.{session}: it watches {symbol}: {message}"
    return f"pair.{next(iter(names.values()))}: {message}"


def _feed(settings: Settings, name: str, clock: Clock) -> Venue:
    venue = settings.venue[name]
    if settings.mode == "demo" and venue.url is None:
        raise ConfigError(
            f"venue.{name}: a demo stays on this machine, and that venue is elsewhere",
            hint=f'write url = "http://127.0.0.1:PORT" in [venue.{name}], the address of an `mm exchange`',
        )
    return BinanceMarketData(public_settings(settings.paper, venue, clock))
