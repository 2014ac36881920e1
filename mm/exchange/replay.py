"""What a replay is started with: a recording, read once to its end, and the spot symbol that it is served as.

Everything that a person can get wrong is told here, before anything listens: a damaged or unusable recording,
a pair or a grid that does not fit it. Must never serve a recording that has not been read whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from mm.domain.instrument import Instrument, make_instrument
from mm.domain.units import PPM, PPM_PER_BPS
from mm.errors import ConfigError
from mm.store.recordings.pair import pair_of, recorded_of, recorded_spec
from mm.store.recordings.raw.scan import RecordingInfo, scan

SPEED_MIN: Final = 0.1
SPEED_MAX: Final = 1_000.0
"""How fast a recording may be played, in seconds of it per second of the wall clock."""

FEE_BPS: Final = Decimal(10)
"""The venue's fee of an ordinary account, maker and taker, in basis points."""


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """What a person says about a replay.

    Fields:
        files: in order of time. speed: seconds of the recording per second.
        base, quote: the pair; None: told apart by the quote assets that are known.
        tick_size, lot_size: None: what divides all prices, and all sizes traded.
        maker_fee_bps, taker_fee_bps: charged to those who trade here; multiples of 0.01.
    """

    files: Sequence[Path]
    speed: float = 1.0
    base: str | None = None
    quote: str | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    maker_fee_bps: Decimal = FEE_BPS
    taker_fee_bps: Decimal = FEE_BPS


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A recording that has been read whole and can be served."""

    files: tuple[Path, ...]
    speed: float
    info: RecordingInfo
    instrument: Instrument


def prepared(options: ReplayOptions) -> Replay:
    """Read the recording to its end and return what is served of it.

    Raises: ConfigError, RecordingDamaged, RecordingUnusable; nothing is served then.
    """
    if not SPEED_MIN <= options.speed <= SPEED_MAX:
        raise ConfigError(f"speed was {options.speed:g}, expected {SPEED_MIN:g} to {SPEED_MAX:g}")
    if not options.files:
        raise ConfigError("a replay was given no file", hint="mm exchange --replay FILE...")
    info = scan(options.files)
    return Replay(
        files=tuple(options.files),
        speed=options.speed,
        info=info,
        instrument=_instrument(options, info),
    )


def _instrument(options: ReplayOptions, info: RecordingInfo) -> Instrument:
    pair = pair_of(info.symbol, options.base, options.quote)
    spec = msgspec.structs.replace(
        recorded_spec(recorded_of(info), pair, (options.tick_size, options.lot_size)),
        maker_fee_ratio=options.maker_fee_bps * PPM_PER_BPS / PPM,
        taker_fee_ratio=options.taker_fee_bps * PPM_PER_BPS / PPM,
    )
    try:
        return make_instrument(spec)
    except ValueError as error:
        raise ConfigError(f"the recording cannot be served: {error}") from None
