"""Pure market making: a fixed ladder around a reference price, leaned against the inventory.

Slot i of a side stands at reference * (1 -/+ (spread + i * level_spread)), or at the distances of a list or
of `order_override`, bids rounded down to the tick, asks up, each at least one tick behind the one before it,
never through the book. Its size is amount + i * level_amount, or that of a list, times a factor that falls
from 2 to 0 as the inventory crosses its range. In this order a side is then narrowed: price bounds and moving
band, ping-pong, order optimisation, minimum spread, the wait after a fill; orders that hang stay beside it.

The times hold per order: an order younger than `order_refresh_time_ms` is not moved for price or size; an
older one is replaced when the wanted price is more than the tolerance away (where none is given, by what the
nearest spread is beyond the maker fee: `mm.quoting.hysteresis`); one older than `max_order_age_ms` is renewed
wherever it stands. Only `minimum_spread_bps` moves a young order.

All of it is integers: spreads in parts per million, prices in ticks, sizes in lots. What is remembered (the
anchor of the moving band, which orders hang) is in `Quotes.memory`; without these two, nothing is. Invariant:
ask - bid >= 1 tick, and the asks are the mirror image of the bids.
"""

from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote, Quotes
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, PPM, atoms_from_decimal, ceil_div, floor_atoms
from mm.domain.view import OwnQuote, View
from mm.errors import ConfigError
from mm.quoting import hanging, price_band
from mm.quoting.fixed_ladder import ANYWHERE, Frame, Orders, Rungs, Stand, filled_slots, key_before, ladder
from mm.quoting.fixed_params import FixedParams, rungs_of
from mm.quoting.hanging import Found, Known
from mm.quoting.hysteresis import by_width
from mm.quoting.reference import OWN, Reference, at_cost, foreign, is_apart
from mm.signals.base import SignalSpec
from mm.strategies.base import Wake, Watch, lots_from_base, ppm_from_bps

CLOCK_NS: Final = 1_000_000_000
"""The ladder is looked at least this often: users of order_refresh_time know a clock of one second."""

CLOCK_NS_MIN: Final = 100_000_000
"""... and at most this often for time alone, however short the refresh time is."""

DEPTH_LEVELS: Final = 50
"""Book levels that are looked at for `order_optimization_depth`."""

QUOTING: Final = "quoting"


class Memory(msgspec.Struct, frozen=True, gc=False):
    """What is remembered.

    Fields: band: of the moving price band; bids, asks: orders that hang; inventory_lots: at the last look.
    """

    band: price_band.Anchor = price_band.Anchor()
    bids: Known = Known()
    asks: Known = Known()
    inventory_lots: int = 0


class _Now(NamedTuple):
    # One decision. held: per side (bids, asks), lots that may stand per level while it waits after a fill.
    view: View[Memory | None]
    reference: Reference
    held: tuple[dict[int, int] | None, dict[int, int] | None]
    bids: Found | None
    asks: Found | None


class PureMarketMaking:
    """Quotes fixed distances around a reference price. Needs no signal; may watch one other market."""

    Params: TypeAlias = FixedParams
    """What can be set; every change applies to the next quotes."""

    __slots__ = (
        "_apart_ppm",
        "_asks",
        "_band_ppm",
        "_bids",
        "_cancel_ppm",
        "_ceiling_atoms",
        "_delay_ns",
        "_depth_atoms",
        "_floor_atoms",
        "_is_plain",
        "_minimum_ppm",
        "_orders",
        "_price_skew_ppm",
        "_range_lots",
        "_start_half_ticks",
        "_tick_atoms",
        "_tolerance_ppm",
        "needs",
        "params",
        "wake",
        "watches",
    )

    def __init__(self, params: FixedParams, instrument: Instrument) -> None:
        """Turn the parameters into integers for this instrument.

        Raises: ConfigError if a size is outside the venue's bounds or a number is finer than the grid.
        """
        self.params = params
        self.needs: tuple[SignalSpec, ...] = ()
        self.wake = _wake(params)
        self.watches = tuple(Watch(symbol=name) for name in params.watched_names)
        self._bids = _side(Side.BUY, params, instrument)
        self._asks = _side(Side.SELL, params, instrument)
        self._orders = Orders(
            instrument.size_min_lots,
            instrument.size_max_lots,
            (params.max_order_age_ms or 0) * NS_PER_MS,
            params.order_refresh_time_ms * NS_PER_MS,
        )
        self._range_lots = _range_lots(params, self._bids, self._asks)
        self._delay_ns = (params.filled_order_delay_ms or 0) * NS_PER_MS
        self._tolerance_ppm = _tolerance_ppm(params, instrument)
        self._minimum_ppm = _ppm("minimum_spread_bps", params.minimum_spread_bps)
        self._price_skew_ppm = _ppm("inventory_price_skew_bps", params.inventory_price_skew_bps) or 0
        self._tick_atoms = instrument.tick_atoms
        self._ceiling_atoms = _double_atoms("price_ceiling_quote", params.price_ceiling_quote, instrument)
        self._floor_atoms = _double_atoms("price_floor_quote", params.price_floor_quote, instrument)
        start = _double_atoms("inventory_price_quote", params.inventory_price_quote, instrument) or 0
        self._start_half_ticks = ceil_div(start, instrument.tick_atoms)
        self._is_plain = not (
            params.hanging_orders_enabled
            or params.ping_pong_enabled
            or params.order_optimization_enabled
            or params.minimum_spread_bps is not None
        )
        apart_bps = params.price_source_max_deviation_bps
        self._apart_ppm = ppm_from_bps("price_source_max_deviation_bps", apart_bps)
        self._cancel_ppm = ppm_from_bps("hanging_orders_cancel_bps", params.hanging_orders_cancel_bps)
        self._band_ppm = (
            ppm_from_bps("price_ceiling_bps", params.price_ceiling_bps),
            ppm_from_bps("price_floor_bps", params.price_floor_bps),
        )
        self._depth_atoms = {
            -1: _atoms(
                "bid_order_optimization_depth_base", params.bid_order_optimization_depth_base, instrument
            ),
            1: _atoms(
                "ask_order_optimization_depth_base", params.ask_order_optimization_depth_base, instrument
            ),
        }

    def initial_memory(self) -> Memory | None:
        """Return what is remembered at first; None where nothing is ever remembered."""
        remembers = self.params.hanging_orders_enabled or self.params.moving_price_band_enabled
        return Memory() if remembers else None

    def quotes(self, view: View[Memory | None]) -> Quotes[Memory | None]:
        """Return the ladder; a side is empty beyond a bound, or where inventory or fills leave it nothing."""
        reference = self._reference(view)
        if isinstance(reference, str):
            return Quotes((), (), reference, view.memory)
        memory, bids, asks = view.memory, None, None
        if memory is not None:
            memory, bids, asks = self._remembering(view, memory, reference)
        held_bids = held_asks = None
        if self._delay_ns:
            held_bids, held_asks = self._held(view, Side.BUY), self._held(view, Side.SELL)
        now = _Now(view, reference, (held_bids, held_asks), bids, asks)
        buys, sells, bound = self._bounds(reference, memory)
        frame_bids = frame_asks = self._frame(view, reference)
        if self.params.price_type == "inventory_cost":
            around_bids, around_asks = at_cost(reference, view, self._start_half_ticks)
            frame_bids, frame_asks = self._frame(view, around_bids), self._frame(view, around_asks)
        quotes_bid = self._laid(now, self._bids, frame_bids) if buys else ()
        quotes_ask = self._laid(now, self._asks, frame_asks) if sells else ()
        reason = bound or self._reason(now, bool(quotes_bid), bool(quotes_ask))
        if bids is None or asks is None or not (bids.hanging or asks.hanging):
            return Quotes(quotes_bid, quotes_ask, reason, memory)
        return Quotes(
            hanging.merged(quotes_bid, bids, -1),
            hanging.merged(quotes_ask, asks, 1),
            f"{reason}, {len(bids.hanging) + len(asks.hanging)} hanging",
            memory,
        )

    def _reference(self, view: View[Memory | None]) -> Reference | str:
        # A text says what is waited for.
        params = self.params
        if not self.watches:
            return OWN[params.price_type](view) or "waits for a trade"
        if not view.others:
            return f"waits for {self.watches[0].symbol}"
        other = view.others[0]
        if other.age_ns > params.price_source_max_age_ms * NS_PER_MS:
            return f"waits for {other.symbol}"
        reference = foreign(params.price_type, other, view.instrument)
        if reference is None:
            return f"waits for {other.symbol}"
        if is_apart(reference, view.mid_half_ticks, self._apart_ppm):
            apart_bps = f"{params.price_source_max_deviation_bps:f}"
            return f"waits: {other.symbol} is farther than {apart_bps} bps from the own mid"
        return reference

    def _remembering(
        self, view: View[Memory | None], memory: Memory, reference: Reference
    ) -> tuple[Memory, Found | None, Found | None]:
        params, band = self.params, memory.band
        if params.moving_price_band_enabled:
            refresh_ns = params.price_band_refresh_time_ms * NS_PER_MS
            band = price_band.renewed(band, view.ts_ns, reference, refresh_ns)
        if not params.hanging_orders_enabled:
            return (memory if band is memory.band else Memory(band)), None, None
        moved_lots = view.inventory_lots - memory.inventory_lots
        bids = hanging.look(memory.bids, _own(view, Side.BUY), -1, view.last_buy, moved_lots)
        asks = hanging.look(memory.asks, _own(view, Side.SELL), 1, view.last_sell, moved_lots)
        bids, asks = hanging.hang(bids, asks), hanging.hang(asks, bids)
        bids = hanging.untouched(bids, -1, -view.asks[0].price_ticks)
        asks = hanging.untouched(asks, 1, view.bids[0].price_ticks)
        bids, asks = hanging.uncrossed(
            hanging.let_go(bids, reference, self._cancel_ppm),
            hanging.let_go(asks, reference, self._cancel_ppm),
        )
        known_bids = hanging.remembered(memory.bids, bids, view.last_buy)
        known_asks = hanging.remembered(memory.asks, asks, view.last_sell)
        return Memory(band, known_bids, known_asks, view.inventory_lots), bids, asks

    def _bounds(self, reference: Reference, memory: Memory | None) -> tuple[bool, bool, str]:
        # Whether it may buy, whether it may sell, and why not; the ceiling comes before the floor.
        ceiling, floor = self._ceiling_atoms, self._floor_atoms
        if ceiling is not None and reference.numerator * self._tick_atoms >= ceiling * reference.divisor:
            return False, True, "only sells: ceiling"
        if floor is not None and reference.numerator * self._tick_atoms <= floor * reference.divisor:
            return True, False, "only buys: floor"
        if memory is not None and self.params.moving_price_band_enabled:
            side = price_band.beyond(memory.band, reference, *self._band_ppm)
            if side:
                return side < 0, side > 0, f"only {'sells' if side > 0 else 'buys'}: moving price band"
        return True, True, ""

    def _reason(self, now: _Now, has_bids: bool, has_asks: bool) -> str:
        if now.held != (None, None):
            return "waits after a fill"
        if has_bids and has_asks:
            return QUOTING
        if not (has_bids or has_asks):
            return "nothing fits"
        rungs, way, side = (self._asks, "buys", "ask") if has_bids else (self._bids, "sells", "bid")
        if self._dropped(now.view, rungs) >= len(rungs.slots) > 0:
            return f"only {way}: ping-pong"
        return f"only {way}: no {side} fits"

    def _held(self, view: View[Memory | None], side: Side) -> dict[int, int] | None:
        # Lots that may still stand at the venue per level, while no new size may be put on this side.
        fill = view.last_buy if side is Side.BUY else view.last_sell
        if fill is None or view.ts_ns >= fill.ts_ns + self._delay_ns:
            return None
        return {own.level: own.size_lots for own in view.own if own.side is side}

    def _dropped(self, view: View[Memory | None], rungs: Rungs) -> int:
        return filled_slots(rungs, view.inventory_lots) if self.params.ping_pong_enabled else 0

    def _laid(self, now: _Now, rungs: Rungs, frame: Frame) -> tuple[Quote, ...]:
        view, sign = now.view, rungs.sign
        own, others = (view.asks, view.bids) if sign > 0 else (view.bids, view.asks)
        part, whole = self._share(view, sign) if self._range_lots else (1, 1)
        # Post-only: asks begin above the best bid, bids below the best ask.
        stand = Stand(others[0].price_ticks * sign, part, whole, now.held[sign > 0])
        if self._is_plain:
            return ladder(rungs, self._orders, frame, stand)
        names: tuple[int, ...] = ()
        waiting: tuple[int, ...] = ()
        behind = stand.behind
        found, partners = (now.asks, now.bids) if sign > 0 else (now.bids, now.asks)
        if found is not None and partners is not None:
            behind = hanging.nearest_key(partners, sign, behind)
            names = hanging.names(found, len(rungs.slots))
            if now.held[sign < 0] is not None:
                # A pair is laid anew together, when the side that was filled may be.
                waiting = hanging.waiting(found)
        nearest, hurried = self._minimum(now, rungs)
        if nearest is not None:
            behind = max(behind, nearest - 1)
        join = ANYWHERE
        if self.params.order_optimization_enabled:
            join = key_before(own, sign, self._depth_atoms[sign])
        dropped = self._dropped(view, rungs)
        stand = Stand(behind, part, whole, stand.held, nearest, hurried, join, dropped, waiting, names)
        return ladder(rungs, self._orders, frame, stand)

    def _minimum(self, now: _Now, rungs: Rungs) -> tuple[int | None, tuple[int, ...]]:
        # The key that no quote of the side may be nearer than, and the levels of the orders that are.
        if self._minimum_ppm is None:
            return None, ()
        sign = rungs.sign
        numerator, divisor = now.reference
        nearest = ceil_div(numerator * (sign * PPM + self._minimum_ppm), 2 * PPM * divisor)
        own = _own(now.view, rungs.side)
        return nearest, tuple([one.level for one in own if one.price_ticks * sign < nearest])

    def _frame(self, view: View[Memory | None], around: Reference) -> Frame:
        numerator, divisor = around
        scale = 2 * PPM * divisor
        tolerance_ticks = numerator * self._tolerance_ppm // scale
        if not self._price_skew_ppm:
            return Frame(numerator, 0, scale, tolerance_ticks)
        # Everything times the limit, so that the shift is a whole number and rounds with the price, once.
        limit = view.inventory_max_lots
        leaning = max(-limit, min(limit, view.inventory_lots))
        shift = -numerator * self._price_skew_ppm * leaning
        return Frame(numerator * limit, shift, scale * limit, tolerance_ticks)

    def _share(self, view: View[Memory | None], sign: int) -> tuple[int, int]:
        # The size factor as a fraction: 2 at the far end of the range, 1 at the target, 0 at the near end.
        whole = min(self._range_lots, view.inventory_max_lots)
        return max(0, min(2 * whole, whole + sign * view.inventory_lots)), whole


def _own(view: View[Memory | None], side: Side) -> list[OwnQuote]:
    return [own for own in view.own if own.side is side]


def _wake(params: FixedParams) -> Wake:
    # Only these parameters have anything to say between two looks at the clock; without them a move of the
    # mid would cost a decision and change nothing.
    life_ns = params.order_refresh_time_ms * NS_PER_MS
    watched = (params.minimum_spread_bps, params.price_ceiling_quote, params.price_floor_quote)
    moves = (
        life_ns < CLOCK_NS
        or any(bound is not None for bound in watched)
        or params.moving_price_band_enabled
        or params.hanging_orders_enabled
    )
    return Wake(
        move_half_ticks=1 if moves else 0,
        every_ns=min(CLOCK_NS, max(life_ns, CLOCK_NS_MIN)),
        book_levels=DEPTH_LEVELS if params.order_optimization_enabled else 1,
    )


def _side(side: Side, params: FixedParams, instrument: Instrument) -> Rungs:
    bids = side is Side.BUY
    name, sign = ("bid", -1) if bids else ("ask", 1)
    fee_ppm = max(0, instrument.maker_fee_ppm) if params.add_transaction_costs else 0
    slots = []
    for slot, (spread, amount) in enumerate(rungs_of(side, params)):
        spread_ppm = ppm_from_bps(f"{name}_spread_bps", spread)
        lots = lots_from_base(f"order_amount_base of level {slot}", amount, instrument)
        # Negated, so that floor division rounds outwards: away from the market on both sides.
        slots.append((slot, -(sign * PPM + spread_ppm + fee_ppm), lots))
    key_max = -instrument.price_min_ticks if bids else instrument.price_max_ticks
    return Rungs(side, sign, tuple(slots), key_max)


def _ppm(name: str, value: Decimal | None) -> int | None:
    return None if value is None else ppm_from_bps(name, value)


def _tolerance_ppm(params: FixedParams, instrument: Instrument) -> int:
    given = _ppm("order_refresh_tolerance_bps", params.order_refresh_tolerance_bps)
    if given is not None:
        return given
    fee_ppm = instrument.maker_fee_ppm
    nearest_ppm = ppm_from_bps("the smaller spread", params.nearest_bps)
    if params.add_transaction_costs:
        nearest_ppm += max(0, fee_ppm)
    return int(by_width(nearest_ppm, fee_ppm))


def _range_lots(params: FixedParams, bids: Rungs, asks: Rungs) -> int:
    # 0 when there is no skew by size.
    if not params.inventory_skew_enabled:
        return 0
    total_lots = sum(lots for side in (bids, asks) for _, _, lots in side.slots)
    hundredths = atoms_from_decimal(params.inventory_range_multiplier, 2)
    return max(1, total_lots * hundredths // 100)


def _atoms(name: str, amount_base: Decimal, instrument: Instrument) -> int:
    try:
        return floor_atoms(amount_base, instrument.base_scale)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", hint=f"an amount of {instrument.base}") from None


def _double_atoms(name: str, price_quote: Decimal | None, instrument: Instrument) -> int | None:
    # Twice the price in quote atoms: divided by a tick that is half ticks, the unit of the mid.
    if price_quote is None:
        return None
    try:
        return 2 * atoms_from_decimal(price_quote, instrument.quote_scale)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", hint=f"a price in {instrument.quote}") from None
