"""`mm exchange --replay`: the options of a replay, and what is said while it serves.

The line that tells where in the recording it is, is for people at a terminal; elsewhere nothing is written
but what a person has to know: a recording without a snapshot, gaps, a damage.
"""

import sys
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from mm.cli.facts import positive_number
from mm.cli.terminal import NS_PER, Terminal
from mm.errors import UsageError

if TYPE_CHECKING:
    from mm.exchange.replay_market import RecordedMarket
    from mm.exchange.settings import ExchangeSettings
    from mm.store.recordings.raw.scan import RecordingInfo

_FEE_BPS_MAX: Final = 100


@dataclass(frozen=True, kw_only=True)
class ReplayAsked:
    """What the command line says of a replay, as written; None where it says nothing."""

    files: tuple[Path, ...]
    speed: float | None
    base: str | None
    quote: str | None
    tick: str | None
    lot: str | None
    maker_fee_bps: str | None
    taker_fee_bps: str | None

    @property
    def options(self) -> list[str]:
        """The options that mean something for a recording alone, as they were given."""
        values = {name: value for name, value in vars(self).items() if name != "files"}
        return [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None]


def check_choice(agents: int | None, preset: str | None, asked: ReplayAsked, *, is_replay: bool) -> None:
    """Raise a usage error unless exactly one market was asked for, with the options that go with it."""
    if (agents is None) == (not is_replay):
        raise typer.BadParameter("give exactly one of --agents SEED and --replay FILE...")
    if is_replay and preset is not None:
        raise typer.BadParameter("--preset chooses simulated traders: it does not go with --replay")
    if not is_replay and asked.files:
        raise typer.BadParameter(f"unexpected {asked.files[0]}: recordings are named by --replay FILE...")
    if not is_replay and asked.options:
        raise typer.BadParameter(f"{asked.options[0]} is for a recording: it does not go with --agents")


def recorded_market(terminal: Terminal, asked: ReplayAsked, settings: "ExchangeSettings") -> "RecordedMarket":
    """Read the recording to its end and return its market; says what a person has to know about it.

    Raises: ConfigError, RecordingDamaged, RecordingUnusable.
    """
    from mm.exchange.replay import FEE_BPS, ReplayOptions, prepared
    from mm.exchange.replay_market import RecordedMarket

    options = ReplayOptions(
        files=asked.files,
        speed=1.0 if asked.speed is None else asked.speed,
        base=asked.base,
        quote=asked.quote,
        tick_size=positive_number("--tick", asked.tick),
        lot_size=positive_number("--lot", asked.lot),
        maker_fee_bps=FEE_BPS
        if asked.maker_fee_bps is None
        else _fee("--maker-fee-bps", asked.maker_fee_bps),
        taker_fee_bps=FEE_BPS
        if asked.taker_fee_bps is None
        else _fee("--taker-fee-bps", asked.taker_fee_bps),
    )
    replay = prepared(options)
    _warn(terminal, replay.info)
    return RecordedMarket(replay, rows_max=settings.tape_max)


def _warn(terminal: Terminal, info: "RecordingInfo") -> None:
    if not info.has_snapshot:
        terminal.say("the recording has no snapshot of the book: it is never shown, nobody can quote on it")
    for gap in info.gaps[:1]:
        missing = f"changes {gap.expected} to {gap.found - 1} are missing, one of {info.gap_count} gaps"
        terminal.say(f"{gap.place}: {missing}: the book is gone from there to the next snapshot")


def _fee(option: str, text: str) -> Decimal:
    try:
        fee = Decimal(text)
        if abs(fee) <= _FEE_BPS_MAX and fee % Decimal("0.01") == 0:
            return fee
    except InvalidOperation:
        pass
    raise UsageError(
        f"{option} was {text[:40]!r}, expected basis points from -{_FEE_BPS_MAX} to {_FEE_BPS_MAX} by 0.01"
    )


PAUSE_S: Final = 0.5
"""How often the line is renewed."""


async def tell_position(terminal: Terminal, market: "RecordedMarket") -> None:
    """Keep telling where the replay is, until cancelled."""
    import asyncio

    shows_line = sys.stderr.isatty() and not terminal.quiet and not terminal.as_json
    was_damaged = False
    try:
        while True:
            if market.damage and not was_damaged:
                was_damaged = True
                print(f"error: {market.damage}", file=sys.stderr, flush=True)
            if shows_line:
                print(f"\r{position(market)}", end="", file=sys.stderr, flush=True)
            await asyncio.sleep(PAUSE_S)
    finally:
        if shows_line:
            print(file=sys.stderr, flush=True)


def position(market: "RecordedMarket") -> str:
    """Return the line: time played and in all, frames, speed, and what it waits for."""
    told = market.about()["recording"]
    played_ns, whole_ns = (told[name] - told["first_ns"] for name in ("position_ns", "last_ns"))
    if market.damage:
        state = "damaged: nothing is served any more"
    elif told["ended"]:
        state = "ended: the streams stay open"
    elif not told["started"]:
        state = "waits for the first listener"
    else:
        state = "book" if told["has_book"] else "no book"
    frames = f"{told['frames_served']}/{told['frames_total']} frames"
    times = f"{clock_text(min(played_ns, whole_ns))} of {clock_text(whole_ns)}"
    return f"{told['symbol']} {times}  {frames}  x{market.time_scale:g}  {state}".ljust(90)


def clock_text(duration_ns: int) -> str:
    """Return a duration as h:mm:ss."""
    seconds = duration_ns // NS_PER["s"]
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
