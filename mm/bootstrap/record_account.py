"""`mm record --account`: what a config names as its account is heard beside the market, never acted for.

Must never trade: what listens holds nothing that could. Invariant: no key is read unless the config is one
that trades live.
"""

from collections.abc import Sequence
from dataclasses import replace

from mm.bootstrap.run_config import live_venue_settings, only_venue
from mm.errors import ConfigError
from mm.runtime.clock import AnchoredClock
from mm.runtime.record_account import AccountRecorder
from mm.settings.models import Settings
from mm.settings.values import host_is_loopback
from mm.store.recordings.framed.writer import FramedWriter
from mm.venues.binance import BinanceSettings, heard_account_data


def check_account(settings: Settings, venue: str) -> None:
    """Raise ConfigError unless a config has an account that can be heard at a venue; no key is read."""
    if settings.mode != "live":
        raise ConfigError(
            f"{settings.path}: mode is {settings.mode}: it has no account whose orders could be recorded",
            hint='name a config of mode = "live", with key and secret; nothing is traded',
        )
    used = only_venue(settings)
    if used.id != venue:
        raise ConfigError(f"{settings.path}: its account is at {used.id}, what is recorded is {venue}")
    if used.key is None or used.secret is None:
        raise ConfigError(
            f"{settings.path}: the venue has no key and secret: its account cannot be heard",
            hint='key = "env:NAME"; a key that may only read will do',
        )


def address_of(settings: Settings) -> str | None:
    """Return where the account is, None for the venue's own addresses."""
    return only_venue(settings).url


class RecordedAccount:
    """The account of a config, heard. Fields: recorder: None before `begin`."""

    def __init__(self, settings: Settings, symbols: Sequence[str], clock: AnchoredClock) -> None:
        """Read the keys and send nothing.

        Args: symbols: unified names, whose open orders are listed. Raises: ConfigError, ForeignAddress.
        """
        self.recorder: AccountRecorder | None = None
        self._symbols, self._clock = tuple(symbols), clock
        self._early: list[tuple[str, str]] = []
        self._venue = heard_account_data(_given(settings, clock), self)

    async def ask_first(self) -> None:
        """Ask for the account once: a key that is refused is told before anything is written.

        Raises: VenueRefused, VenueUnreachable; ConfigError if there is no such symbol.
        """
        await self._venue.instruments(self._symbols)

    async def begin(self, writer: FramedWriter) -> None:
        """Hand on to a writer from now on, what was asked to begin with first."""
        recorder = self.recorder = AccountRecorder(self._symbols, writer, self._clock)
        for request, body in self._early:
            recorder.on_body(request, body)
        self._early.clear()
        await self._venue.start(recorder)

    def ask(self) -> None:
        """Ask for what is due."""
        if self.recorder is not None:
            self.recorder.ask(self._venue)

    async def close(self) -> None:
        """Close every connection."""
        await self._venue.close()

    # ---- the ear

    def on_own(self, connection: int, text: str) -> None:
        """A text of the account's stream came."""
        if self.recorder is not None:
            self.recorder.on_own(connection, text)

    def on_body(self, request: str, body: str) -> None:
        """A listing came."""
        if self.recorder is None:
            self._early.append((request, body))
        else:
            self.recorder.on_body(request, body)


def _given(settings: Settings, clock: AnchoredClock) -> BinanceSettings:
    venue = only_venue(settings)
    given = live_venue_settings(settings, venue, clock)
    # Where it is meant to stay on this machine it is also held there, whatever a name leads to.
    return replace(given, loopback_only=venue.url is not None and host_is_loopback(venue.url))
