"""What is traded: one symbol of one venue with its grid, its filters and its fees.

Prices are counted in ticks, own sizes in lots, money in atoms per asset. Everything the core needs to turn
one into another is an integer here; texts for the venue are made here too, never by a float.
"""

from decimal import Decimal

import msgspec

from mm.domain.units import (
    PPM,
    SCALE_MIN,
    atoms_from_decimal,
    atoms_from_text,
    ceil_div,
    checked,
    decimals_of,
    short_text,
    text_from_atoms,
)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable symbol, valid by construction (see `make_instrument`).

    Fields:
        symbol: unified name, "BTC/USDT"; venue_symbol: the venue's own, "BTCUSDT".
        base, quote: asset names. base_scale, quote_scale: decimals of their atoms, >= 8.
        tick_atoms: one tick of price, in quote atoms per whole base unit; > 0.
        lot_atoms: one lot of size, in base atoms; > 0.
        tick_lot_atoms: value of one lot per tick of price, in quote atoms; > 0.
        size_min_lots, size_max_lots: bounds of one order, lots.
        notional_min_atoms: smallest value of one order, quote atoms.
        price_min_ticks, price_max_ticks: bounds of the venue's price filter.
        maker_fee_ppm, taker_fee_ppm: parts per million of the value; negative is a rebate.
        open_orders_max: the venue's own cap of open orders on this symbol.
    """

    symbol: str
    venue_symbol: str
    base: str
    quote: str
    base_scale: int
    quote_scale: int
    tick_atoms: int
    lot_atoms: int
    tick_lot_atoms: int
    size_min_lots: int
    size_max_lots: int
    notional_min_atoms: int
    price_min_ticks: int
    price_max_ticks: int
    maker_fee_ppm: int = 0
    taker_fee_ppm: int = 0
    open_orders_max: int = 200

    def notional_atoms(self, price_ticks: int, size_lots: int) -> int:
        """Return the value of `size_lots` at `price_ticks` in quote atoms, exactly."""
        return checked(price_ticks * size_lots * self.tick_lot_atoms)

    def price_text(self, price_ticks: int) -> str:
        """Return the price as exact decimal text, as the venue wants it."""
        return short_text(price_ticks * self.tick_atoms, self.quote_scale)

    def size_text(self, size_lots: int) -> str:
        """Return the size as exact decimal text, as the venue wants it."""
        return short_text(size_lots * self.lot_atoms, self.base_scale)

    def quote_text(self, quote_atoms: int) -> str:
        """Return an amount of the quote asset as decimal text."""
        return text_from_atoms(quote_atoms, self.quote_scale)

    def base_text(self, base_atoms: int) -> str:
        """Return an amount of the base asset as decimal text."""
        return text_from_atoms(base_atoms, self.base_scale)

    def price_ticks(self, text: str) -> int:
        """Return the price in ticks; raises ValueError if it is off the tick grid."""
        ticks, rest = divmod(atoms_from_text(text, self.quote_scale), self.tick_atoms)
        if rest:
            raise ValueError(f"price was {text}, expected a multiple of {self.price_text(1)}")
        return ticks

    def size_atoms(self, text: str) -> int:
        """Return a market size in base atoms; market sizes may be off the lot grid."""
        return atoms_from_text(text, self.base_scale)

    def size_lots(self, text: str) -> int:
        """Return an own size in lots; raises ValueError if it is off the lot grid."""
        lots, rest = divmod(self.size_atoms(text), self.lot_atoms)
        if rest:
            raise ValueError(f"size was {text}, expected a multiple of {self.size_text(1)}")
        return lots

    def size_min_lots_at(self, price_ticks: int) -> int:
        """Return the fewest lots that pass both the size and the value filter at this price (> 0 ticks)."""
        by_value = ceil_div(self.notional_min_atoms, price_ticks * self.tick_lot_atoms)
        return max(self.size_min_lots, by_value)


class InstrumentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue publishes about a symbol, in decimals, before it becomes integers.

    Fields: as the venue names them; sizes in base units, prices and `notional_min` in quote units. A
    `price_max` or `size_max` of 0 means that the venue gives none.
    """

    symbol: str
    venue_symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    size_min: Decimal
    size_max: Decimal = Decimal(0)
    notional_min: Decimal = Decimal(0)
    price_min: Decimal = Decimal(0)
    price_max: Decimal = Decimal(0)
    maker_fee_ratio: Decimal = Decimal(0)
    taker_fee_ratio: Decimal = Decimal(0)
    open_orders_max: int = 200


def asset_scales(specs: tuple[InstrumentSpec, ...]) -> dict[str, int]:
    """Return the decimals in which each asset is held, so that every tick x lot quoted in it is exact."""
    scales: dict[str, int] = {}
    for spec in specs:
        quote = max(SCALE_MIN, decimals_of(spec.tick_size), decimals_of(spec.tick_size * spec.lot_size))
        scales[spec.quote] = max(scales.get(spec.quote, SCALE_MIN), quote, decimals_of(spec.notional_min))
        base = max(SCALE_MIN, decimals_of(spec.lot_size), decimals_of(spec.size_min))
        scales[spec.base] = max(scales.get(spec.base, SCALE_MIN), base)
    return scales


def make_instrument(spec: InstrumentSpec, scales: dict[str, int] | None = None) -> Instrument:
    """Return the integer form of `spec`.

    Args: scales: decimals per asset for several symbols of one account (`asset_scales`); own when absent.
    Raises: ValueError if a grid is not positive, a filter is off its grid or a fee is finer than 1 ppm.
    """
    if spec.tick_size <= 0 or spec.lot_size <= 0:
        raise ValueError(f"{spec.symbol}: tick {spec.tick_size}, lot {spec.lot_size}: expected both > 0")
    own = scales or asset_scales((spec,))
    base_scale, quote_scale = own[spec.base], own[spec.quote]
    tick_atoms = atoms_from_decimal(spec.tick_size, quote_scale)
    lot_atoms = atoms_from_decimal(spec.lot_size, base_scale)
    size_max = spec.size_max or Decimal(10) ** 9
    price_max = spec.price_max or spec.tick_size * 10**12
    return Instrument(
        symbol=spec.symbol,
        venue_symbol=spec.venue_symbol,
        base=spec.base,
        quote=spec.quote,
        base_scale=base_scale,
        quote_scale=quote_scale,
        tick_atoms=tick_atoms,
        lot_atoms=lot_atoms,
        tick_lot_atoms=atoms_from_decimal(spec.tick_size * spec.lot_size, quote_scale),
        size_min_lots=max(1, ceil_div(atoms_from_decimal(spec.size_min, base_scale), lot_atoms)),
        size_max_lots=int(size_max // spec.lot_size),
        notional_min_atoms=atoms_from_decimal(spec.notional_min, quote_scale),
        price_min_ticks=max(1, ceil_div(atoms_from_decimal(spec.price_min, quote_scale), tick_atoms)),
        price_max_ticks=int(price_max // spec.tick_size),
        maker_fee_ppm=atoms_from_decimal(spec.maker_fee_ratio * PPM, 0),
        taker_fee_ppm=atoms_from_decimal(spec.taker_fee_ratio * PPM, 0),
        open_orders_max=spec.open_orders_max,
    )
