"""From what a model would quote to a ladder that may be sent: the guards, in their one order.

    1 fair price and the model's distances from it
    2 least half width = maker fee + adverse selection + margin (or half of min_spread_bps, or half a tick,
      where that is more); greatest half width = half of max_spread_bps, unless that is less than the costs
    3 inventory cap: a side is off at the limit; before it, sizes are cut to what the limit leaves
    4 price band: nothing is bought at or above the ceiling, nothing sold at or below the floor
    5 rounding to ticks, nearest or passive
    6 ask - bid >= 1 tick, and each level at least a tick behind the one before it
    7 post-only: asks above the best bid, bids below the best ask
    8 hysteresis: a working order within the tolerance of its wanted price stays (`mm.quoting.hysteresis`)

Width and lean are kept apart: 2 widens both sides alike and leaves the model's lean against the inventory as
it is. Own orders in the way of a quote (self-trade) and the message budget come later, in `mm.risk` and
`mm.engine`: they know what the venue knows. Order and numbers: quant.md section 3.

Pure: floats in, integers out. Invariant: with prices, inventory and distances mirrored the ladder is mirrored
to the tick; whatever a model says, NaN included, the ladder may be sent or is empty with a reason.
"""

from decimal import Decimal
from math import ceil, floor, inf
from typing import Final, NamedTuple

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote
from mm.domain.units import ATOMS_MAX, NS_PER_MS, PPM_PER_BPS, atoms_from_decimal, ceil_div
from mm.domain.view import View
from mm.errors import ConfigError
from mm.quoting.about import BPS_MAX, ppm_from_bps
from mm.quoting.hysteresis import by_falloff, by_width
from mm.quoting.levels import level_gaps, level_lots
from mm.quoting.params import QuotingParams, Rounding
from mm.signals.base import SignalSpec
from mm.signals.markout import MarkoutSpec

HALF_TICKS_PER_BPS: Final = 20_000
"""A mid in half ticks divided by this is one basis point in ticks."""

TICKS_MAX: Final = 1e15
"""A distance from the fair price, or of that from the mid, beyond this many ticks is no quote."""

TICKS_END: Final = 4 * TICKS_MAX
"""Above the sum of both."""

SHARE_MAX: Final = 1e6
"""No size grows by more than this."""

QUOTING: Final = "quoting"
LIMIT: Final = "inventory limit"
CEILING: Final = "ceiling"
FLOOR: Final = "floor"
MODEL: Final = "the model wants none"
NO_BID: Final = "no bid fits"
NO_ASK: Final = "no ask fits"
"""What `Ladder.reason` is made of: "quoting", "only sells: ...", "only buys: ..." or "nothing: ...; ..."."""


class Ideal(NamedTuple):
    """What a model would quote.

    Fields:
        fair_half_ticks: its fair price, half ticks.
        bid_ticks, ask_ticks: distances below and above it, may be negative; infinity or NaN: none wanted.
        decay_per_bps: how fast what a quote is worth falls off with distance (`hysteresis.falloff`), for the
            default tolerance; 0 = unknown, and the width takes its place; infinity = none by default.
        bid_share, ask_share: factors of the sizes, >= 0.
        only_reduces: why nothing may take the inventory away from flat, or beyond it; "" = it may.
        step_ticks: from the first level to the second where the parameters do not say; half the width where
            that is not above 0 (or not finite) either.
    """

    fair_half_ticks: float
    bid_ticks: float
    ask_ticks: float
    decay_per_bps: float = 0.0
    bid_share: float = 1.0
    ask_share: float = 1.0
    only_reduces: str = ""
    step_ticks: float = 0.0


class Ladder(NamedTuple):
    """What may be sent, best level first, and why it is that."""

    bids: tuple[Quote, ...]
    asks: tuple[Quote, ...]
    reason: str


class _Side(NamedTuple):
    # A bid's key is its negated price, an ask's its price: on both sides a larger key is farther from the
    # market, and the tick is found by the same float operations, so that the sides mirror exactly.
    sign: int
    origin: int  # key of the mid, which for an odd number of half ticks is half a tick nearer
    key_min: int
    distance: float  # of the first level from there, ticks
    step: float  # from the first level to the second, ticks
    room_lots: int
    share: float
    tolerance_ticks: int


class Guards:
    """The guards of one session. Immutable.

    Fields:
        params: as given. size_lots: of the first level. fee_bps: maker fee, negative is a rebate.
        least_bps: least half width as far as it is known before anything is measured; may be negative.
        needs: signals that the guards want; a strategy puts them behind its own, and their readings arrive
            at the end of `View.readings`.
    """

    __slots__ = (
        "_adverse_bps",
        "_age_ns_max",
        "_ceiling_half_ticks",
        "_cost_bps",
        "_floor_half_ticks",
        "_half_max_bps",
        "_half_min_bps",
        "_instrument",
        "_is_nearest",
        "_levels",
        "_life_ns_min",
        "_step_bps",
        "_tolerance_bps",
        "fee_bps",
        "least_bps",
        "needs",
        "params",
        "size_lots",
    )

    def __init__(self, params: QuotingParams, instrument: Instrument) -> None:
        """Turn the parameters into numbers for this instrument.

        Raises: ConfigError if a size is outside the venue's bounds, a number is finer than the grid, or
            max_spread_bps does not cover the costs.
        """
        self.params = params
        self.needs: tuple[SignalSpec, ...] = _needs(params)
        self.fee_bps = instrument.maker_fee_ppm / PPM_PER_BPS
        lots = level_lots(params, instrument)
        self.size_lots = lots[0]
        self._instrument = instrument
        self._levels = tuple(zip(range(len(lots)), level_gaps(params), lots, strict=True))
        self._cost_bps = self.fee_bps + _bps("margin_bps", params.margin_bps, 0.0)
        self._half_min_bps = _bps("min_spread_bps", params.min_spread_bps, 0.0) / 2
        self._half_max_bps = _bps("max_spread_bps", params.max_spread_bps, 2.0 * BPS_MAX) / 2
        self._step_bps = _bps("order_level_spread_bps", params.order_level_spread_bps, 0.0)
        self._tolerance_bps = _bps("order_refresh_tolerance_bps", params.order_refresh_tolerance_bps, -1.0)
        self._life_ns_min = params.order_refresh_time_ms * NS_PER_MS
        self._age_ns_max = (params.max_order_age_ms or 0) * NS_PER_MS
        self._is_nearest = params.rounding is Rounding.NEAREST
        ceiling = _double_atoms("price_ceiling_quote", params.price_ceiling_quote, instrument)
        floor_atoms = _double_atoms("price_floor_quote", params.price_floor_quote, instrument)
        # The mid is above 0 and below any product that an instrument allows.
        self._ceiling_half_ticks = ceil_div(ceiling, instrument.tick_atoms) if ceiling else 2 * ATOMS_MAX
        self._floor_half_ticks = floor_atoms // instrument.tick_atoms
        self._adverse_bps = _bps("adverse_selection_bps", params.adverse_selection_bps, 0.0)
        self.least_bps = max(self._half_min_bps, self._cost_bps + self._adverse_bps)
        self._require_room()

    def adverse_bps(self, view: View[object]) -> float:
        """Return what the mid moves against us after a fill, >= 0: as measured, as given until then."""
        if self.needs:
            reading = view.readings[-1]
            if reading.ready:
                return max(0.0, reading.value)
        return self._adverse_bps

    def ladder(self, view: View[object], ideal: Ideal) -> Ladder:
        """Return what may be sent of what a model would quote; a side that is off is named in the reason."""
        mid = view.mid_half_ticks
        bps_ticks = mid / HALF_TICKS_PER_BPS
        offset = (ideal.fair_half_ticks - mid) / 2
        if not -TICKS_MAX < offset < TICKS_MAX:
            return Ladder((), (), "waits for a fair price")
        adverse_bps = self.adverse_bps(view)
        least = max(0.5, bps_ticks * max(self._half_min_bps, self._cost_bps + adverse_bps))
        bid, ask, half = _widened(ideal.bid_ticks, ideal.ask_ticks, least, bps_ticks * self._half_max_bps)
        step = self._step_bps * bps_ticks
        if not step:
            step = ideal.step_ticks if 0 < ideal.step_ticks < TICKS_MAX else half
        tolerance = self._tolerance(ideal.decay_per_bps, bps_ticks, half, adverse_bps)
        instrument, odd, whole = self._instrument, mid % 2, mid // 2
        bid_room, no_bid, ask_room, no_ask = self._rooms(view, ideal.only_reduces)
        bid, ask = bid - offset - odd / 2, ask + offset - odd / 2
        apart = self._apart(bid, ask, odd)
        bids: tuple[Quote, ...] = ()
        asks: tuple[Quote, ...] = ()
        if not no_bid:
            key_min = -min(view.asks[0].price_ticks - 1, instrument.price_max_ticks)
            side = _Side(-1, apart - whole, key_min, bid, step, bid_room, ideal.bid_share, tolerance)
            bids, no_bid = self._side(side)
        if not no_ask:
            key_min = max(view.bids[0].price_ticks + 1, instrument.price_min_ticks)
            side = _Side(1, apart + whole + odd, key_min, ask, step, ask_room, ideal.ask_share, tolerance)
            asks, no_ask = self._side(side)
        return Ladder(bids, asks, _reason(no_bid, no_ask))

    def _rooms(self, view: View[object], only_reduces: str) -> tuple[int, str, int, str]:
        # Lots that each side may still add up to, and why a side is off.
        inventory, limit, mid = view.inventory_lots, view.inventory_max_lots, view.mid_half_ticks
        bid_room, ask_room = limit - inventory, limit + inventory
        no_bid = LIMIT if bid_room <= 0 else CEILING if mid >= self._ceiling_half_ticks else ""
        no_ask = LIMIT if ask_room <= 0 else FLOOR if mid <= self._floor_half_ticks else ""
        if only_reduces:
            if inventory >= 0:
                no_bid = only_reduces
            if inventory <= 0:
                no_ask = only_reduces
            bid_room, ask_room = min(bid_room, -inventory), min(ask_room, inventory)
        return bid_room, no_bid, ask_room, no_ask

    def _tolerance(self, decay_per_bps: float, bps_ticks: float, half: float, adverse_bps: float) -> int:
        # Ticks, of a half width in ticks.
        if self._tolerance_bps >= 0:
            return int(self._tolerance_bps * bps_ticks)
        if decay_per_bps > 0:
            return int(by_falloff(decay_per_bps) * bps_ticks)
        return int(min(BPS_MAX * bps_ticks, by_width(half, (self.fee_bps + adverse_bps) * bps_ticks)))

    def _apart(self, bid: float, ask: float, odd: int) -> int:
        # What both sides have to give way for a tick between them. The width is a tick or more by now, so
        # that it is only floats too large to tell ticks apart that are short of it.
        if not (bid < TICKS_END and ask < TICKS_END):
            return 0
        missing = 1 - odd - self._rounded(bid) - self._rounded(ask)
        return (missing + 1) // 2 if missing > 0 else 0

    def _rounded(self, distance: float) -> int:
        return floor(distance + 0.5) if self._is_nearest else ceil(distance)

    def _side(self, side: _Side) -> tuple[tuple[Quote, ...], str]:
        # The quotes of one side, or why there are none.
        sign, origin, key_min, distance, step, room, share, tolerance = side
        if not distance < TICKS_END:
            return (), MODEL
        if not share > 0:
            return (), MODEL
        instrument = self._instrument
        key_max = instrument.price_max_ticks if sign > 0 else -instrument.price_min_ticks
        age, life, is_nearest = self._age_ns_max, self._life_ns_min, self._is_nearest
        why = NO_ASK if sign > 0 else NO_BID
        key = key_min - 1
        ladder = []
        for level, gap, lots in self._levels:
            place = distance + gap * step
            key = max(key + 1, origin + (floor(place + 0.5) if is_nearest else ceil(place)))
            if key > key_max:
                break
            size = (
                lots if share == 1.0 else min(instrument.size_max_lots, floor(lots * min(share, SHARE_MAX)))
            )
            size = min(size, room)
            if size < lots and size < self._least_lots(sign * key):
                # Levels farther out may be larger, but not than the room.
                if size == room:
                    why = LIMIT
                    break
                continue
            room -= size
            ladder.append(Quote(sign * key, size, level, tolerance, age, life))
        return tuple(ladder), "" if ladder else why

    def _least_lots(self, price_ticks: int) -> int:
        instrument = self._instrument
        by_value = instrument.notional_min_atoms
        return instrument.size_min_lots_at(price_ticks) if by_value else instrument.size_min_lots

    def _require_room(self) -> None:
        # A user's greatest width has to cover what a fill is known to cost.
        cost_bps = self._cost_bps + self._adverse_bps
        if self._half_max_bps < cost_bps:
            raise ConfigError(
                f"max_spread_bps was {self.params.max_spread_bps}, expected at least {2 * cost_bps:g}: twice"
                f" the maker fee of {self.fee_bps:g} bps, adverse_selection_bps and margin_bps",
                hint="a narrower quote loses with each fill",
            )


def _widened(bid: float, ask: float, least: float, most: float) -> tuple[float, float, float]:
    # Both distances with the half width between the bounds and the lean as it was, and that half width.
    # The lower bound wins: what costs more than the user's greatest width is not quoted inside of it.
    has_bid, has_ask = -TICKS_MAX < bid < TICKS_MAX, -TICKS_MAX < ask < TICKS_MAX
    if has_bid and has_ask:
        half = max(least, min(most, (bid + ask) / 2))
        lean = (bid - ask) / 2
        return half + lean, half - lean, half
    # Without the other side nothing tells width from lean; the one that is left keeps the least distance.
    if has_bid:
        return max(least, bid), inf, max(least, bid)
    return inf, max(least, ask) if has_ask else inf, max(least, ask)


def _reason(no_bid: str, no_ask: str) -> str:
    if not (no_bid or no_ask):
        return QUOTING
    if not no_ask:
        return f"only sells: {no_bid}"
    if not no_bid:
        return f"only buys: {no_ask}"
    return f"nothing: {no_bid}" if no_bid == no_ask else f"nothing: {no_bid}; {no_ask}"


def _needs(params: QuotingParams) -> tuple[SignalSpec, ...]:
    if not params.adverse_selection_measured:
        return ()
    return (MarkoutSpec(horizon_ns=params.adverse_selection_horizon_ms * NS_PER_MS),)


def _bps(name: str, value: Decimal | None, otherwise: float) -> float:
    return otherwise if value is None else ppm_from_bps(name, value) / PPM_PER_BPS


def _double_atoms(name: str, price_quote: Decimal | None, instrument: Instrument) -> int:
    # Twice the price in quote atoms: divided by a tick that is half ticks, the unit of the mid. 0 = off.
    try:
        return 2 * atoms_from_decimal(price_quote or Decimal(0), instrument.quote_scale)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}", hint=f"a price in {instrument.quote}") from None
