"""Which instrument a recording is of: pair and grid, from what a person says, its own numbers or the venue.

Must never round: a grid that the numbers do not lie on is an error. Invariant: an instrument made here bears
no fees; whoever trades on a recording says what is paid.
"""

import gzip
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.errors import ConfigError, RecordingUnusable
from mm.store.recordings.facts import Facts
from mm.store.recordings.grid import GridStep, off_grid
from mm.store.recordings.raw.records import Market
from mm.store.recordings.raw.scan import RecordingInfo

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

INVERSE_QUOTE: Final = "USD"
"""What contracts that are settled in their base are quoted in."""

VENUES: Final = {Market.SPOT: "binance", Market.LINEAR: "binanceusdm", Market.INVERSE: "binancecoinm"}
"""Names of the venue's three markets, which have symbols of one name."""

# Bounds that keep the largest order's value well inside what an integer of the wire holds.
_PRICE_ROOM: Final = 10
_VALUE_MAX: Final = Decimal(4 * 10**10)
_SIZE_MAX: Final = Decimal(9 * 10**9)


def pair_of(
    venue_symbol: str, base: str | None, quote: str | None, *, market: Market = Market.SPOT
) -> tuple[str, str]:
    """Return base and quote of a venue's symbol. Args: base, quote: what a person says, None: told apart.

    Raises: ConfigError if it cannot be told, or what is said does not make the symbol.
    """
    # A contract with a date or a kind behind its name ("BTCUSDT_240927") goes by its pair.
    symbol = venue_symbol.partition("_")[0]
    if not symbol:
        raise ConfigError("the recording names no symbol", hint="it holds no frame of a market stream")
    names = (INVERSE_QUOTE,) if market is Market.INVERSE else tuple(QUOTES)
    if base is None and quote is None:
        quote = next((name for name in names if symbol.endswith(name) and symbol != name), None)
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


def grid_of(name: str, asked: Decimal | None, found: str, steps: Sequence[GridStep] = ()) -> Decimal:
    """Return the tick or the lot: as asked, else as found.

    Args: found: what divides all numbers, "" if there were none; steps: which made it so fine.
    Raises: ConfigError if neither is there, or they do not fit: the finest grid on which all numbers lie is
    the coarsest that may be asked for.
    """
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
        where = off_grid(name, asked, steps)
        raise ConfigError(
            f"--{name} was {asked}, but the recording lies on a grid of {found}{where and f': {where}'}",
            hint="expected a divisor of it",
        )
    return asked


class Recorded(NamedTuple):
    """What a recording tells of its instrument.

    Fields: where: file; symbol: the venue's, upper case; tick_size, lot_size: what divides all prices and all
    sizes traded, as text, "" if there were none; price_max: the highest price, as text; price_steps,
    size_steps: the numbers that made the grid, where that is known.
    """

    where: str
    symbol: str
    market: Market
    tick_size: str
    lot_size: str
    price_max: str
    price_steps: tuple[GridStep, ...] = ()
    size_steps: tuple[GridStep, ...] = ()


def recorded_of(info: RecordingInfo) -> Recorded:
    """Return what one pass over raw files tells of their instrument."""
    return Recorded(
        info.files[0],
        info.symbol,
        info.market,
        info.tick_size,
        info.lot_size,
        info.price_max,
        info.price_steps,
        info.size_steps,
    )


def recorded_spec(
    recorded: Recorded, pair: tuple[str, str], asked: tuple[Decimal | None, Decimal | None]
) -> InstrumentSpec:
    """Return what a recording itself tells of its instrument. Args: asked: tick and lot, None: as found.

    Raises: ConfigError.
    """
    tick = grid_of("tick", asked[0], recorded.tick_size, recorded.price_steps)
    lot = grid_of("lot", asked[1], recorded.lot_size, recorded.size_steps)
    price_max = Decimal(recorded.price_max) * _PRICE_ROOM
    return InstrumentSpec(
        symbol="/".join(pair),
        venue_symbol="".join(pair),
        base=pair[0],
        quote=pair[1],
        tick_size=tick,
        lot_size=lot,
        size_min=lot,
        size_max=max(lot, min(_SIZE_MAX, _VALUE_MAX / price_max)),
        notional_min=QUOTES.get(pair[1], Decimal(0)),
        price_min=tick,
        price_max=price_max,
    )


def instrument_of(told: Recorded | RecordingInfo, facts: Facts) -> Instrument:
    """Return the instrument of a recording of Binance. Raises: ConfigError, RecordingUnusable."""
    recorded = recorded_of(told) if isinstance(told, RecordingInfo) else told
    where, symbol = recorded.where, recorded.symbol
    pair = pair_of(symbol, facts.base, facts.quote, market=recorded.market)
    if facts.exchange_info is None:
        spec = recorded_spec(recorded, pair, (facts.tick_size, facts.lot_size))
    else:
        if facts.tick_size is not None or facts.lot_size is not None:
            raise ConfigError("--tick and --lot do not go with --info, which says both")
        spec = _published(facts.exchange_info, symbol, pair)
        if recorded.tick_size and Decimal(recorded.tick_size) % spec.tick_size:
            first = off_grid("tick", spec.tick_size, recorded.price_steps)
            raise RecordingUnusable(
                f"{where}: its prices lie on a grid of {recorded.tick_size}, {facts.exchange_info} says that"
                f" the tick of {symbol} is {spec.tick_size}{first and f': {first}'}",
                hint="name what the venue said when it was recorded, or --tick and --lot",
            )
    try:
        return make_instrument(msgspec.structs.replace(spec, venue_symbol=symbol))
    except ValueError as error:
        raise ConfigError(f"{where}: no instrument can be made of it: {error}") from None


class _Filter(msgspec.Struct):
    kind: str = msgspec.field(name="filterType")
    tick: str = msgspec.field(name="tickSize", default="0")
    price_min: str = msgspec.field(name="minPrice", default="0")
    price_max: str = msgspec.field(name="maxPrice", default="0")
    step: str = msgspec.field(name="stepSize", default="0")
    size_min: str = msgspec.field(name="minQty", default="0")
    size_max: str = msgspec.field(name="maxQty", default="0")
    notional: str = "0"
    notional_min: str = msgspec.field(name="minNotional", default="0")


class _Symbol(msgspec.Struct):
    symbol: str
    base: str = msgspec.field(name="baseAsset")
    quote: str = msgspec.field(name="quoteAsset")
    filters: list[_Filter]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def _published(path: Path, venue_symbol: str, pair: tuple[str, str]) -> InstrumentSpec:
    found = _symbols(path)
    known = next((one for one in found if one.symbol == venue_symbol), None)
    if known is None:
        raise ConfigError(f"{path}: tells nothing of {venue_symbol}", hint="name one of the right market")
    filters = {one.kind: one for one in known.filters}
    try:
        price, size = filters["PRICE_FILTER"], filters["LOT_SIZE"]
        value = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
        notional = "0" if value is None else max(value.notional, value.notional_min, key=Decimal)
        return InstrumentSpec(
            symbol="/".join(pair),
            venue_symbol=venue_symbol,
            base=known.base,
            quote=known.quote,
            tick_size=Decimal(price.tick),
            lot_size=Decimal(size.step),
            size_min=Decimal(size.size_min),
            size_max=Decimal(size.size_max),
            notional_min=Decimal(notional),
            price_min=Decimal(price.price_min),
            price_max=Decimal(price.price_max),
        )
    except (KeyError, ArithmeticError) as error:
        raise ConfigError(f"{path}: {venue_symbol} has no usable filter: {error!r}") from None


def _symbols(path: Path) -> Sequence[_Symbol]:
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return msgspec.json.decode(content, type=_ExchangeInfo).symbols
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: not the venue's answer about its instruments: {error}") from None
