"""`mm viability`: a market is read or listened to, and judged. Nothing is written, no key is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mm.analytics.fit_flow import Decile, Flow, next_moves, order_flow
from mm.analytics.lambda_curve import MARGIN_NS
from mm.analytics.markets import SECONDS_MIN, Mids
from mm.bootstrap.trade import in_loop
from mm.bootstrap.viability.collect import Listening, Told, listen
from mm.bootstrap.viability.heard import Heard, checked
from mm.bootstrap.viability.tape import Progress, read_tape
from mm.domain.units import NS_PER_S
from mm.errors import RecordingUnusable
from mm.observe.viability import DISTANCES_BPS, Sheet, Terms, sheet, unknowns
from mm.store.recordings.raw.records import Market

ASSUMED_PPM: Final = MappingProxyType({Market.SPOT: 1_000, Market.LINEAR: 200, Market.INVERSE: 200})
"""What an ordinary account pays as a maker, if nobody says what this one does."""


REFRESHES_MIN: Final = 30
"""Quotes that are moved less often than this within the tape say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a market is to be judged; as `Terms`. Fields: maker_fee_ppm: None: an ordinary account's."""

    maker_fee_ppm: int | None = None
    horizon_ns: int = 5 * NS_PER_S
    every_ns: int = 100_000_000
    distances_bps: tuple[float, ...] = DISTANCES_BPS

    @property
    def seconds_min(self) -> float:
        """How long a market has to be heard."""
        return max(SECONDS_MIN, 3 * self.horizon_ns / NS_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A market that was judged. Fields: heard: where it is from; told: the sheet; unknown: what it cannot
    tell, in words; flow, deciles: what the order flow says.
    """

    heard: Heard
    told: Sheet
    unknown: tuple[str, ...]
    flow: Flow
    deciles: tuple[Decile, ...]


def judge_files(files: Sequence[Path], wish: Wish, progress: Progress) -> Judged:
    """Judge a recorded market; raises RecordingDamaged, RecordingUnusable, ConfigError."""
    return _judged(read_tape(files, progress), wish)


def judge_market(asked: Listening, wish: Wish, told: Told) -> Judged:
    """Listen to a market and judge it; raises as `listen`, and RecordingUnusable if too little was heard."""
    return _judged(in_loop(lambda: listen(asked, told)), wish)


def _judged(heard: Heard, wish: Wish) -> Judged:
    # The horizon, and the seconds that the curve leaves out, have to fit in several times.
    checked(heard, seconds_min=wish.seconds_min)
    needed_ns = REFRESHES_MIN * wish.every_ns + wish.horizon_ns + 2 * MARGIN_NS
    if needed_ns > heard.tape.duration_s * NS_PER_S:
        raise RecordingUnusable(
            f"{heard.name}: it is {heard.tape.duration_s:.1f} s long, which is too short for quotes that are"
            f" moved every {wish.every_ns / NS_PER_S:g} s: that takes {needed_ns / NS_PER_S:g} s",
            hint=f"--refresh shorter, as 100ms or 1s; it has to fit in {REFRESHES_MIN} times",
        )
    fee_ppm = wish.maker_fee_ppm
    terms = Terms(
        maker_fee_ppm=ASSUMED_PPM[heard.market] if fee_ppm is None else fee_ppm,
        fee_is_assumed=fee_ppm is None,
        horizon_ns=wish.horizon_ns,
        every_ns=wish.every_ns,
        distances_bps=wish.distances_bps,
    )
    told = sheet(heard.tape, terms)
    return Judged(
        heard=heard,
        told=told,
        unknown=unknowns(told, heard.tape),
        flow=order_flow(heard.tape, Mids(heard.tape)),
        deciles=next_moves(heard.tape),
    )
