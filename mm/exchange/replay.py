"""What a replay is started with: a recording, read once to its end, and the spot symbol that it is served as.

Everything that a person can get wrong is told here, before anything listens: a damaged or unusable recording,
a pair or a grid that does not fit it. Must never serve a recording that has not been read whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.units import PPM, PPM_PER_BPS
from mm.errors import ConfigError
from mm.store.recordings.scan import RecordingInfo, scan

SPEED_MIN: Final = 0.1
SPEED_MAX: Final = 1_000.0
"""How fast a recording may be played, in seconds of it per second of the wall clock."""

FEE_BPS: Final = Decimal(10)
"""The venue's fee of an ordinary account, maker and taker, in basis points."""

_DOLLARS: Final = Decimal(5)
QUOTES: Final[dict[str, Decimal]] = {
    "FDUSD": _DOLLARS,
    "USDT": _DOLLARS,
    "USDC": _DOLLARS,
    "TUSD": _DOLLARS,
    "BUSD": _DOLLARS,
    "USDP": _DOLLARS,
    "DAI": _DOLLARS,
    "EUR": _DOLLARS,
    "GBP": _DOLLARS,
    "AUD": _DOLLARS,
    "TRY": Decimal(10),
    "BRL": Decimal(10),
    "JPY": Decimal(500),
    "BTC": Decimal("0.0001"),
    "ETH": Decimal("0.001"),
    "BNB": Decimal("0.01"),
}
"""Quote assets that a symbol's end is recognised by, each with the least value of an order that is served."""

# Bounds that keep the largest order's value well inside what an integer of the wire holds.
_PRICE_ROOM: Final = 10
_VALUE_MAX: Final = Decimal(4 * 10**10)
_SIZE_MAX: Final = Decimal(9 * 10**9)


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
    base, quote = _pair(options, info)
    tick = _grid("tick", options.tick_size, info.tick_size)
    lot = _grid("lot", options.lot_size, info.lot_size)
    price_max = Decimal(info.price_max) * _PRICE_ROOM
    spec = InstrumentSpec(
        symbol=f"{base}/{quote}",
        venue_symbol=f"{base}{quote}",
        base=base,
        quote=quote,
        tick_size=tick,
        lot_size=lot,
        size_min=lot,
        size_max=max(lot, min(_SIZE_MAX, _VALUE_MAX / price_max)),
        notional_min=QUOTES.get(quote, Decimal(0)),
        price_min=tick,
        price_max=price_max,
        maker_fee_ratio=options.maker_fee_bps * PPM_PER_BPS / PPM,
        taker_fee_ratio=options.taker_fee_bps * PPM_PER_BPS / PPM,
    )
    try:
        return make_instrument(spec)
    except ValueError as error:
        raise ConfigError(f"the recording cannot be served: {error}") from None


def _pair(options: ReplayOptions, info: RecordingInfo) -> tuple[str, str]:
    # A contract with a date or a kind behind its name ("BTCUSDT_240927") is served as its pair.
    symbol = info.symbol.partition("_")[0]
    if not symbol:
        raise ConfigError("the recording names no symbol", hint="it holds no frame of a market stream")
    base, quote = options.base, options.quote
    if base is None and quote is None:
        quote = next((name for name in QUOTES if symbol.endswith(name) and symbol != name), None)
        if quote is None:
            raise ConfigError(
                f"{symbol} ends with no quote asset that is known", hint="name the pair: --base X --quote Y"
            )
    if base is None:
        base = symbol.removesuffix(quote or "")
    if quote is None:
        quote = symbol.removeprefix(base)
    if base + quote != symbol or not base or not quote:
        raise ConfigError(
            f"base {base} and quote {quote} do not make {symbol}, the symbol of the recording",
            hint="its frames bear that name: base and quote together have to be it",
        )
    return base, quote


# The finest grid on which all numbers lie is the coarsest that may be asked for.
def _grid(name: str, asked: Decimal | None, found: str) -> Decimal:
    if asked is None:
        if not found:
            raise ConfigError(
                f"the recording shows no {'price' if name == 'tick' else 'trade'} to tell the {name} by",
                hint=f"name it: --{name} 0.01",
            )
        return Decimal(found)
    if asked <= 0:
        raise ConfigError(f"--{name} was {asked}, expected a number above zero")
    if found and Decimal(found) % asked:
        raise ConfigError(
            f"--{name} was {asked}, but the recording lies on a grid of {found}",
            hint="expected a divisor of it",
        )
    return asked
