"""`mm record`: a venue's public streams into files, as they come, and beside them the stream of an account if
one is named. Without one no key is read and nothing is signed; nothing is ever traded.

Through the adapter that trades, with an ear on it. Invariant: however it ends, what was heard up to then is
on the disk, and the report says why it ended.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from mm import __version__
from mm.bootstrap.door import pace_of
from mm.bootstrap.record_account import RecordedAccount, address_of, check_account
from mm.bootstrap.trade import in_loop
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S
from mm.errors import ConfigError, RecordingFailed
from mm.runtime.clock import AnchoredClock
from mm.runtime.record import RecordCounts, Recorder, RecordRun, record
from mm.runtime.record_account import OwnCounts
from mm.settings.models import Settings
from mm.settings.values import host_is_loopback
from mm.store.lock import FileLock
from mm.store.recordings.framed.form import FramedHeader
from mm.store.recordings.framed.writer import (
    FramedEnd,
    FramedLimits,
    FramedTotals,
    FramedWriter,
    recording_name,
)
from mm.venues.binance import BinancePublicSettings, BinanceUrls, heard_market_data

VENUES: Final = ("binance",)
"""What can be recorded."""

LOCK_NAME: Final = ".record.lock"
"""Held while a recording is written into a directory."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

TELL_S: Final = 0.5
"""How often the state is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAsked:
    """What is to be recorded. Fields: symbols: unified; into: a directory; for_ns: 0: until stopped; url: of
    a venue in place of the real one; account: a config whose account is heard too, at its own address, which
    then is the market's; limits: of what is written.
    """

    venue: str
    symbols: tuple[str, ...]
    into: Path
    for_ns: int = 0
    url: str | None = None
    account: Settings | None = None
    limits: FramedLimits = field(default_factory=FramedLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState:
    """How a recording goes. Fields: ran_s: of the recorded time; books: in sync now; is_up; waiting_bytes;
    account: what was heard of it, None if none is; account_is_up.
    """

    ran_s: float
    counts: RecordCounts
    totals: FramedTotals
    books: int
    is_up: bool
    waiting_bytes: int
    account: OwnCounts | None = None
    account_is_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReport:
    """How a recording went.

    Fields: recording: its name; began_ns, ended_ns: local time; ended: "done", "stopped" or "max_bytes"; the
    rest as `RecordCounts` and `FramedTotals`; account: None if none was heard.
    """

    recording: str
    directory: str
    venue: str
    symbols: tuple[str, ...]
    began_ns: int
    ended_ns: int
    ended: str
    counts: RecordCounts
    totals: FramedTotals
    account: OwnCounts | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        counts, totals = self.counts, self.totals
        duration_s = (self.ended_ns - self.began_ns) / NS_PER_S
        return {
            "ok": True,
            "recording": self.recording,
            "directory": self.directory,
            "venue": self.venue,
            "symbols": list(self.symbols),
            "began_ns": self.began_ns,
            "ended_ns": self.ended_ns,
            "duration_s": round(duration_s, 3),
            "ended": self.ended,
            "frames": counts.frames,
            "frame_bytes": counts.frame_bytes,
            "frames_per_s": round(counts.frames / duration_s, 1) if duration_s > 0 else 0.0,
            "answers": counts.answers,
            "snapshots": counts.snapshots,
            "snapshots_refused": counts.refused,
            "gaps": counts.gaps,
            "connections": counts.connections,
            "clock_offset_ms": None if counts.offset_ns is None else round(counts.offset_ns / 1e6, 3),
            "clock_round_trip_ms": None if counts.offset_ns is None else round(counts.round_trip_ns / 1e6, 3),
            "files": totals.files,
            "segments": totals.segment,
            "segments_dropped": totals.dropped,
            "bytes": totals.bytes,
            "records": totals.records,
            "account": None if self.account is None else self.account.as_dict(),
        }


Told = Callable[[RecordState], object]
"""Told how it goes, again and again."""


def record_market(asked: RecordAsked, told: Told) -> RecordReport:
    """Record until the time is over, a signal comes or a bound is reached.

    Raises: ConfigError if there is no such venue or symbol, or no account in the config that is named;
    AlreadyRunning if another process records into the directory; VenueUnreachable, VenueRefused before it
    began; RecordingFailed if the disk takes nothing more.
    """
    if asked.venue not in VENUES:
        raise ConfigError(f"venue was {asked.venue!r}, expected {', '.join(VENUES)}")
    if asked.account is not None:
        check_account(asked.account, asked.venue)
        asked = replace(asked, url=address_of(asked.account))
    if asked.into.exists() and not asked.into.is_dir():
        raise RecordingFailed(f"{asked.into}: is no directory", hint="name a directory that you may write to")
    return in_loop(lambda: _record(asked, told))


# Two in one directory would be read as one recording whose connections end again and again.
def _alone(into: Path) -> FileLock:
    refusal = f"{into}: another mm record writes there"
    try:
        into.mkdir(parents=True, exist_ok=True)
        return FileLock(into / LOCK_NAME, refusal=refusal, hint="end that one, or name another directory")
    except OSError as error:
        raise RecordingFailed(
            f"{into}: cannot be written to: {error.strerror or error}",
            hint="name a directory that you may write to",
        ) from None


async def _record(asked: RecordAsked, told: Told) -> RecordReport:
    clock = AnchoredClock(await asyncio.to_thread(pace_of, asked.url))
    ear = _Ear()
    async with AsyncExitStack() as closing:
        account = _account_of(asked, clock)
        if account is not None:
            closing.push_async_callback(account.close)
        venue = heard_market_data(_public_settings(asked, clock), ear)
        closing.push_async_callback(venue.close)
        instruments = await venue.instruments(asked.symbols)
        if account is not None:
            await account.ask_first()
        closing.callback(_alone(asked.into).release)
        began_ns = clock.now_ns()
        writer = FramedWriter(asked.into, _header(asked, clock, instruments, began_ns), asked.limits)
        await asyncio.to_thread(writer.start)
        recorder = Recorder(asked.symbols, writer, clock)
        telling = _Telling(told, (recorder, account), writer, clock, began_ns)
        run = RecordRun(clock=clock, for_ns=asked.for_ns, stop=_stop_on_signals(), told=telling)
        ended = "stopped"
        try:
            ear.hand_over(recorder)
            await venue.start(recorder)
            if account is not None:
                await account.begin(writer)
                run = replace(run, beside=account.ask)
            ended = await record(run, venue, recorder, writer)
        finally:
            ended_ns = clock.now_ns()
            await asyncio.to_thread(writer.close, ended)
        telling.tell()
    if writer.end not in (FramedEnd.CLOSED, FramedEnd.FULL):
        raise RecordingFailed(
            writer.reason, hint=f"what came before is whole: {writer.totals.records} records in {asked.into}"
        )
    return RecordReport(
        recording=writer.header.recording,
        directory=str(asked.into),
        venue=asked.venue,
        symbols=asked.symbols,
        began_ns=began_ns,
        ended_ns=ended_ns,
        ended=ended or str(writer.end),
        counts=recorder.counts,
        totals=writer.totals,
        account=_counts_of(account),
    )


def _public_settings(asked: RecordAsked, clock: AnchoredClock) -> BinancePublicSettings:
    return BinancePublicSettings(
        clock=clock,
        urls=BinanceUrls(rest=asked.url) if asked.url else None,
        loopback_only=asked.url is not None and host_is_loopback(asked.url),
    )


def _account_of(asked: RecordAsked, clock: AnchoredClock) -> RecordedAccount | None:
    return None if asked.account is None else RecordedAccount(asked.account, asked.symbols, clock)


def _counts_of(account: RecordedAccount | None) -> OwnCounts | None:
    return None if account is None or account.recorder is None else account.recorder.counts


def _header(
    asked: RecordAsked, clock: AnchoredClock, instruments: tuple[Instrument, ...], began_ns: int
) -> FramedHeader:
    return FramedHeader(
        recording=recording_name(asked.venue, began_ns),
        venue=asked.venue,
        # What an account pays is no fact of the market.
        instruments=tuple(
            msgspec.structs.replace(one, maker_fee_ppm=0, taker_fee_ppm=0) for one in instruments
        ),
        began_ns=began_ns,
        written_by=__version__,
        segment=1,
        opened_ns=began_ns,
        scale=clock.scale,
        has_account=asked.account is not None,
    )


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


class _Ear:
    # Hears for the recorder before there is one: what was asked to begin with is recorded too.
    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._early: list[tuple[str, str]] = []

    def hand_over(self, recorder: Recorder) -> None:
        self._recorder = recorder
        for request, body in self._early:
            recorder.on_body(request, body)
        self._early.clear()

    def on_frame(self, connection: int, text: str) -> None:
        if self._recorder is not None:
            self._recorder.on_frame(connection, text)

    def on_body(self, request: str, body: str) -> None:
        if self._recorder is None:
            self._early.append((request, body))
        else:
            self._recorder.on_body(request, body)


class _Telling:
    def __init__(
        self,
        told: Told,
        recorders: tuple[Recorder, RecordedAccount | None],
        writer: FramedWriter,
        clock: AnchoredClock,
        began_ns: int,
    ) -> None:
        self._told, self._writer = told, writer
        self._recorder, self._account = recorders
        self._clock, self._began_ns = clock, began_ns
        self._next_s = 0.0

    def __call__(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_s:
            self._next_s = now_s + TELL_S
            self.tell()

    def tell(self) -> None:
        own = None if self._account is None else self._account.recorder
        self._told(
            RecordState(
                ran_s=(self._clock.now_ns() - self._began_ns) / NS_PER_S,
                counts=self._recorder.counts,
                totals=self._writer.totals,
                books=len(self._recorder.in_sync),
                is_up=self._recorder.is_up,
                waiting_bytes=self._writer.waiting_bytes,
                account=_counts_of(self._account),
                account_is_up=own is not None and own.is_up,
            )
        )
