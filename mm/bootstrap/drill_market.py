"""The simulated market of a drill: which grid, which price, which fees, what the account holds. Offline.

What a run of this config recorded comes first, then what is known of a few symbols, then defaults that fit
the config's own amounts. Each choice is told in words, for nobody may take a drill for a prediction.
Invariant: no venue is asked, nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Final

from mm.bootstrap.recipe import read_recipe
from mm.domain.instrument import Instrument, InstrumentSpec, asset_scales, make_instrument
from mm.domain.units import floor_atoms
from mm.errors import ConfigError, JournalCorrupt, JournalForeign, StateCorrupt
from mm.settings.exposure import ladder_of
from mm.settings.models import Settings
from mm.settings.values import plain
from mm.sim.presets import PRESETS
from mm.store.journal.layout import runs
from mm.store.journal.reader import read

RUNS_LOOKED_AT: Final = 5
"""So many of the newest runs are looked through for instruments."""

LIVE_FEE_PPM: Final = 1_000
"""What an account without any discount pays on Binance spot; live mode learns the real one from the venue."""

TICKS_DIGITS: Final = 5
"""A default grid has this many digits of ticks below the price's first."""

LOT_DIGITS: Final = 2
"""And this many digits of lots below the smallest order's first."""

ORDERS_PER_LEVEL: Final = 2
"""What others show on each level: so many times our largest order."""

MARKET_ORDERS: Final = 200
"""So many orders of others, at their price, have to be countable: what they hold is summed."""

PRICE_DEFAULT: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A symbol as Binance spot listed it in 2025, and a price of the right size."""

    tick: Decimal
    lot: Decimal
    notional_min: Decimal
    price: Decimal


KNOWN: Final[Mapping[str, Known]] = {
    "BTC/USDT": Known(
        tick=Decimal("0.01"), lot=Decimal("0.00001"), notional_min=Decimal(5), price=Decimal(60_000)
    ),
    "ETH/USDT": Known(
        tick=Decimal("0.01"), lot=Decimal("0.0001"), notional_min=Decimal(5), price=Decimal(2_500)
    ),
    "ETH/BTC": Known(
        tick=Decimal("0.00001"), lot=Decimal("0.0001"), notional_min=Decimal("0.0001"), price=Decimal("0.04")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the market of one symbol is made of.

    Fields: instrument; home_ticks: the price around which it wanders; depth_lots: of others on each level;
    grid_from, price_from: where they are from, in words.
    """

    instrument: Instrument
    home_ticks: int
    depth_lots: int
    grid_from: str
    price_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the account starts with. Fields: held: atoms by asset; origin: where that is from, in words."""

    held: Mapping[str, int]
    origin: str


def grounds(settings: Settings, prices: Mapping[str, Decimal]) -> dict[str, Ground]:
    """Return the market of each symbol of a config. Args: prices: stated ones, by symbol.

    Raises: ConfigError if a price or a grid cannot be used; ValueError, OverflowError if amounts are beyond
    what can be counted.
    """
    pairs = {pair.symbol: name for name, pair in reversed(settings.pair.items())}
    for symbol in prices:
        if symbol not in pairs:
            raise ConfigError(
                f"--price {symbol}: the config does not trade it", hint=f"it trades {', '.join(pairs)}"
            )
    found, run = _recorded(settings, tuple(pairs))
    told = {symbol: _price(settings, symbol, pairs[symbol], prices) for symbol in pairs}
    if not found:
        specs = tuple(_spec(settings, symbol, pairs[symbol], told[symbol][0]) for symbol in pairs)
        scales = asset_scales(specs)
        try:
            found = {spec.symbol: make_instrument(spec, scales) for spec in specs}
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"no market can be made for this config: {error}") from None
    made: dict[str, Ground] = {}
    for symbol in settings_symbols(settings):
        instrument, (price, price_from) = found[symbol], told[symbol]
        grid = f"as run {run} traded it" if run else _grid_from(symbol)
        home_ticks, depth_lots = _home_ticks(instrument, price), _depth_lots(settings, instrument)
        instrument.notional_atoms(home_ticks, MARKET_ORDERS * depth_lots)  # or it raises
        made[symbol] = Ground(
            instrument=instrument,
            home_ticks=home_ticks,
            depth_lots=depth_lots,
            grid_from=grid,
            price_from=price_from,
        )
    return made


def settings_symbols(settings: Settings) -> tuple[str, ...]:
    """Return what a config trades, each once, in its order."""
    return tuple(dict.fromkeys(pair.symbol for pair in settings.pair.values()))


def holdings(settings: Settings, markets: Mapping[str, Ground]) -> Account:
    """Return what the account holds at the start."""
    scales: dict[str, int] = {}
    for ground in markets.values():
        one = ground.instrument
        scales |= {one.base: one.base_scale, one.quote: one.quote_scale}
    amounts: dict[str, Decimal] = {}
    if settings.mode == "live":
        origin = (
            "chosen so that the inventory limits can be reached: what your account holds is not known here"
        )
        for base_and_quote in _live_amounts(settings, markets):
            for asset, amount in base_and_quote:
                amounts[asset] = amounts.get(asset, Decimal(0)) + amount
    else:
        given = settings.paper if settings.mode == "paper" else settings.demo
        origin = f"the start balances of [{settings.mode}]"
        for ground in markets.values():
            amounts.setdefault(ground.instrument.base, given.start_base)
            amounts.setdefault(ground.instrument.quote, given.start_quote)
    held = {asset: floor_atoms(amount, scales[asset]) for asset, amount in amounts.items()}
    return Account(held=held, origin=origin)


def _recorded(settings: Settings, symbols: Sequence[str]) -> tuple[dict[str, Instrument], str]:
    # Instruments of the newest run of the data directory that traded all these symbols, as its venue told.
    try:
        places = runs(settings.data_dir)[:RUNS_LOOKED_AT]
    except StateCorrupt:
        return {}, ""
    for place in places:
        reading = read(place.journal, own_only=True)
        try:
            next(iter(reading), None)
            recipe = read_recipe(reading.run.config_text) if reading.run is not None else None
        except (StateCorrupt, JournalCorrupt, JournalForeign):
            continue
        known = {one.symbol: one for one in recipe.instruments} if recipe is not None else {}
        if all(symbol in known for symbol in symbols):
            return {symbol: known[symbol] for symbol in symbols}, place.run_id
    return {}, ""


def _price(settings: Settings, symbol: str, name: str, stated: Mapping[str, Decimal]) -> tuple[Decimal, str]:
    if symbol in stated:
        return stated[symbol], "as --price says"
    known = KNOWN.get(symbol)
    price, origin = (known.price, "a round price") if known else (_fitting(settings, name), "")
    origin = origin or "no price is known offline: one at which the largest order uses half of its limit"
    params = settings.pair[name].params
    floor, ceiling = getattr(params, "price_floor_quote", None), getattr(params, "price_ceiling_quote", None)
    if isinstance(ceiling, Decimal) and price >= ceiling:
        return _rounded(ceiling * Decimal("0.95")), "just below price_ceiling_quote"
    if isinstance(floor, Decimal) and price <= floor:
        return _rounded(floor * Decimal("1.05")), "just above price_floor_quote"
    return price, origin


def _fitting(settings: Settings, name: str) -> Decimal:
    # At which price amounts and limits of the config go together.
    risk, pair = settings.risk_of(name), settings.pair[name]
    ladder = ladder_of(pair.params)
    if ladder is not None:
        order, side = ladder.order_base_max, ladder.side_base_max
        return _rounded(min(risk.max_order_notional_quote / order, risk.max_notional_quote / side) / 2)
    band = pair.inventory.max_base
    return _rounded(risk.max_notional_quote / band / 2) if band else PRICE_DEFAULT


def _rounded(price: Decimal) -> Decimal:
    return Context(prec=2, rounding=ROUND_DOWN).create_decimal(price)


def _spec(settings: Settings, symbol: str, name: str, price: Decimal) -> InstrumentSpec:
    base, _, quote = symbol.partition("/")
    maker, taker = _fees_ppm(settings)
    known = KNOWN.get(symbol)
    tick = known.tick if known else Decimal(1).scaleb(price.adjusted() - TICKS_DIGITS)
    lot = known.lot if known else Decimal(1).scaleb(_smallest(settings, name).adjusted() - LOT_DIGITS)
    return InstrumentSpec(
        symbol=symbol,
        venue_symbol=f"{base}{quote}",
        base=base,
        quote=quote,
        tick_size=tick,
        lot_size=lot,
        size_min=lot,
        notional_min=known.notional_min if known else Decimal(0),
        price_min=tick,
        maker_fee_ratio=Decimal(maker) / 1_000_000,
        taker_fee_ratio=Decimal(taker) / 1_000_000,
    )


def _fees_ppm(settings: Settings) -> tuple[int, int]:
    if settings.mode == "paper":
        return floor_atoms(settings.paper.maker_fee_bps, 2), floor_atoms(settings.paper.taker_fee_bps, 2)
    if settings.mode == "demo":
        preset = PRESETS[settings.demo.preset]
        return preset.maker_fee_ppm, preset.taker_fee_ppm
    return LIVE_FEE_PPM, LIVE_FEE_PPM


def _smallest(settings: Settings, name: str) -> Decimal:
    # The smallest amount that has to be a whole number of lots, or nearly.
    ladder, band = ladder_of(settings.pair[name].params), settings.pair[name].inventory.max_base
    amounts = [*((*ladder.bids_base, *ladder.asks_base) if ladder else ()), *((band,) if band else ())]
    return min(amounts, default=Decimal("0.01"))


def _home_ticks(instrument: Instrument, price: Decimal) -> int:
    ticks = floor_atoms(price, instrument.quote_scale) // instrument.tick_atoms
    if ticks < 1_000 or ticks * 2 > (instrument.price_max_ticks or ticks * 4):
        raise ConfigError(
            f"{instrument.symbol}: a price of {plain(price)} does not fit a tick of"
            f" {instrument.price_text(1)}",
            hint=f"state another one: --price {instrument.symbol}=PRICE",
        )
    return ticks


def _depth_lots(settings: Settings, instrument: Instrument) -> int:
    largest = Decimal(0)
    for pair in settings.pair.values():
        ladder = ladder_of(pair.params)
        if pair.symbol == instrument.symbol and ladder is not None:
            largest = max(largest, ladder.order_base_max)
    lots = floor_atoms(largest, instrument.base_scale) // instrument.lot_atoms
    return max(50, ORDERS_PER_LEVEL * lots)


def _grid_from(symbol: str) -> str:
    return "as Binance spot listed it in 2025" if symbol in KNOWN else "a default: no venue was asked"


def _live_amounts(
    settings: Settings, markets: Mapping[str, Ground]
) -> Iterator[tuple[tuple[str, Decimal], tuple[str, Decimal]]]:
    # Twice of what lets each session's share of the equity reach its limit, half of it in each asset.
    for pair in settings.pair.values():
        ladder, limit = ladder_of(pair.params), pair.inventory.max_base
        wanted = limit or (2 * ladder.side_base_max if ladder is not None else Decimal(1))
        equity_base = 2 * wanted / pair.inventory.max_ratio
        ground = markets[pair.symbol]
        instrument = ground.instrument
        price = Decimal(ground.home_ticks * instrument.tick_atoms).scaleb(-instrument.quote_scale)
        half = equity_base / 2
        yield (instrument.base, _rounded(half)), (instrument.quote, _rounded(half * price))
