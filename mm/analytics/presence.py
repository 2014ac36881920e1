"""Quote presence: how long both sides stood at the venue, near enough to the mid and large enough.

A rule asks for a distance from the mid and a value per side, summed from the best price on. For what stands
now each rule holds exactly while the mid is in one interval; it is computed when own quotes change, and a
move of the mid costs one comparison. Only what the venue has acknowledged and not ended counts. Programmes of
venues are presets with a date: their rules change, and most look at moments, not at time.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeAlias

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_S, PPM, ceil_div

BANDS_BPS: Final = (5, 10, 50)
"""Distances from the mid at which presence is told for any value quoted, basis points."""

SNAPSHOT_NS: Final = 10 * NS_PER_S
"""Between two looks of a programme."""

DAY_NS: Final = 86_400 * NS_PER_S

MONTH_DAYS: Final = 30
"""Days of a month, as a rule over months is told here: the last ones, in UTC."""

BPS: Final = 10_000

FAR_MID: Final = 2**62
"""A mid, in half ticks, beyond all."""

Quoted: TypeAlias = list[tuple[int, int]]
"""Orders of one side: price in ticks, lots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a side has to show. Fields: bps: farthest from the mid; value: at least so much within that, in
    whole units of the quote asset, 0: anything.
    """

    bps: int
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A venue's programme for market makers. Fields: name; source: of the rule and its date; reaches: all
    have to hold on both sides at a look; needed_ppm: share of a day's looks that qualifies, 0 if it is scored
    otherwise; days_ppm: share of a month's days that have to; scored: the sum of depth over distance counts
    as well; level_weights_ppm: instead, the value at the nearest price of own quotes, the next, ... counts by
    these, each of it in parts of `level_value`; volume_ppm: share of the market's volume that qualifies, 0 if
    none does; told: of the rule what the fields do not say.
    """

    name: str
    source: str
    reaches: tuple[Reach, ...] = ()
    needed_ppm: int = 0
    days_ppm: int = 0
    scored: bool = False
    level_weights_ppm: tuple[int, ...] = ()
    level_value: int = 0
    volume_ppm: int = 0
    told: str = ""


PROGRAMMES: Final = (
    Programme(
        name="Bybit spot MM3",
        source="help centre, 2024-11 and 2025-09",
        reaches=(Reach(bps=5, value=40_000), Reach(bps=10, value=50_000)),
        needed_ppm=750_000,
        days_ppm=750_000,
    ),
    Programme(
        name="Injective open liquidity",
        source="programme's rules as known in 2025",
        reaches=(Reach(bps=50, value=4_000),),
        scored=True,
    ),
    Programme(name="Binance USD-M tier 1", source="fee page as known in 2025", volume_ppm=1_000),
    Programme(
        name="Bybit 2021 score",
        source="programme's rules of 2021",
        level_weights_ppm=(2_000_000, 750_000, 500_000, 400_000, 300_000, 200_000),
        level_value=10_000,
        told="the venue sets the value that a level is measured by for each market: scale the score by it",
    ),
    Programme(
        name="Pacifica",
        source="programme's rules as known in 2025",
        reaches=(Reach(bps=10),),
        scored=True,
        told="scored on maker volume, pairs, spread, depth and uptime by a formula that is not public: here"
        " uptime, and depth over distance",
    ),
)
"""Presets; a snapshot each `SNAPSHOT_NS`. Values are in dollars: they say nothing in another quote asset."""


class Days:
    """Which of the last days qualified, by the looks of each; a day that nobody watched did not."""

    __slots__ = ("_day", "_held", "_looks", "_needed_ppm", "_past")

    def __init__(self, needed_ppm: int) -> None:
        """Start before the first look. Args: needed_ppm: share of a day's looks."""
        self._needed_ppm = needed_ppm
        self._day = self._looks = self._held = 0
        self._past: deque[bool] = deque(maxlen=MONTH_DAYS)

    def look(self, ts_ns: int, *, held: bool) -> None:
        """Take in a look, never before the last one. Args: held: whether the rules did."""
        day = ts_ns // DAY_NS
        if day != self._day:
            if self._looks:
                self._past.append(self._is_good())
                self._past.extend([False] * min(MONTH_DAYS, day - self._day - 1))
            self._day, self._looks, self._held = day, 0, 0
        self._looks += 1
        self._held += held

    def told(self) -> tuple[int, int]:
        """Return how many days qualified, and of how many; the one under way as it is so far."""
        under_way = (self._is_good(),) if self._looks else ()
        days = (*self._past, *under_way)[-MONTH_DAYS:]
        return sum(days), len(days)

    def _is_good(self) -> bool:
        return self._held * PPM >= self._needed_ppm * self._looks


class Presence:
    """Time and looks of one session.

    Fields: begun_ns, now_ns: what was watched; bands_ns: both sides within each of `BANDS_BPS`; bid_ns,
    ask_ns, both_ns: a side was quoted at all; quote_ns: sum over live quotes of their time, so that 1e9 is
    one quote for one second. looks; qualified: looks at which a programme's rules held; days: of each
    programme; scores: sums of the scores. best: nearest own bid and ask, ticks, 0 without one. low, high:
    mids between which no band changes, for the caller's quick test.
    """

    def __init__(self, instrument: Instrument, ts_ns: int) -> None:
        """Begin to watch."""
        self.begun_ns = self.now_ns = ts_ns
        self.bands_ns = [0] * len(BANDS_BPS)
        self.bid_ns = self.ask_ns = self.both_ns = 0
        self.quote_ns = 0
        self.looks = 0
        self.qualified = [0] * len(PROGRAMMES)
        self.days = [Days(programme.needed_ppm) for programme in PROGRAMMES]
        self.scores = [0.0] * len(PROGRAMMES)
        self.low, self.high = 0, 0
        self.best = (0, 0)
        self._instrument = instrument
        self._unit: int = 10**instrument.quote_scale
        # Of each band: the mids at which it holds, both included; nowhere if the second is less.
        self._bands = [(1, 0)] * len(BANDS_BPS)
        self._holds = [False] * len(BANDS_BPS)
        self._banked_ns = ts_ns
        self._bids: Quoted = []
        self._asks: Quoted = []

    @property
    def absent_ns(self) -> int:
        """Time in which a side was missing."""
        return self.now_ns - self.begun_ns - self.both_ns

    def on_quotes(self, ts_ns: int, mid_half_ticks: int, bids: Quoted, asks: Quoted) -> None:
        """Take in what stands at the venue now, in any order; the mid as it is known, 0 if there is none."""
        self._pass_time(ts_ns)
        self._bids, self._asks = bids, asks
        best = (max(bids)[0] if bids else 0, min(asks)[0] if asks else 0)
        if best != self.best:
            self.best = best
            self._bands = [band(best, bps) for bps in BANDS_BPS]
            self._hold(ts_ns, mid_half_ticks)

    def on_mid(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take in the mid, 0 if there is none; one between `low` and `high` may be kept from it."""
        self._hold(ts_ns, mid_half_ticks)

    def pass_time(self, ts_ns: int) -> None:
        """Let time pass up to `ts_ns`, so that all is told as of then; nothing changed in between."""
        self._pass_time(ts_ns)
        self._bank(self.now_ns)

    def _pass_time(self, ts_ns: int) -> None:
        passed = ts_ns - self.now_ns
        if passed <= 0:
            return
        self.now_ns = ts_ns
        bids, asks = len(self._bids), len(self._asks)
        self.quote_ns += passed * (bids + asks)
        if bids:
            self.bid_ns += passed
            if asks:
                self.both_ns += passed
        if asks:
            self.ask_ns += passed

    # Bands are counted when one of them changes.
    def _bank(self, ts_ns: int) -> None:
        passed = ts_ns - self._banked_ns
        if passed > 0:
            self._banked_ns = ts_ns
            for index, holds in enumerate(self._holds):
                if holds:
                    self.bands_ns[index] += passed

    def look(self, ts_ns: int, mid_half_ticks: int) -> None:
        """Take a snapshot as programmes do. Args: mid_half_ticks: now, 0 if there is none."""
        self.looks += 1
        is_quoted = bool(mid_half_ticks and self._bids and self._asks)
        for index, programme in enumerate(PROGRAMMES):
            held = is_quoted and bool(programme.reaches)
            for reach in programme.reaches:
                held = held and self._shows(reach, mid_half_ticks)
            self.qualified[index] += held
            self.days[index].look(ts_ns, held=held)
            if held and programme.scored:
                self.scores[index] += self._score(programme.reaches[0], mid_half_ticks)
            if is_quoted and programme.level_weights_ppm:
                self.scores[index] += self._level_score(programme)

    def _shows(self, reach: Reach, mid: int) -> bool:
        sides = (self._near(self._bids, 1, reach, mid), self._near(self._asks, -1, reach, mid))
        shown: int = min(sum(value for value, _ in side) for side in sides)
        return shown >= reach.value * self._unit

    # The lesser of both sides' sums of value over distance, in quote units per basis point.
    def _score(self, reach: Reach, mid: int) -> float:
        sides = (self._near(self._bids, 1, reach, mid), self._near(self._asks, -1, reach, mid))
        least: float = min(sum(value / away for value, away in side) for side in sides)
        return least * mid / (BPS * self._unit)

    # 100 times the sum over levels of weight and the lesser value of both sides in parts of what is asked.
    def _level_score(self, programme: Programme) -> float:
        asked: int = programme.level_value * self._unit
        bids, asks = self._by_level(self._bids, -1), self._by_level(self._asks, 1)
        levels = zip(programme.level_weights_ppm, bids, asks, strict=False)
        return sum(100 * weight * min(bid, ask) / (PPM * asked) for weight, bid, ask in levels)

    # Value in quote atoms at each price of one side, nearest first. Args: sign: of the order of prices.
    def _by_level(self, quotes: Quoted, sign: int) -> list[int]:
        found: dict[int, int] = {}
        for price, lots in sorted(quotes, key=lambda quote: sign * quote[0]):
            found[price] = found.get(price, 0) + price * lots * self._instrument.tick_lot_atoms
        return list(found.values())

    # Value in quote atoms, and distance from the mid in half ticks, of what is within a reach. An order at
    # the mid counts as one away.
    def _near(self, quotes: Quoted, sign: int, reach: Reach, mid: int) -> list[tuple[int, int]]:
        per = self._instrument.tick_lot_atoms
        found = [(price * lots * per, max(1, sign * (mid - 2 * price))) for price, lots in quotes]
        return [(value, away) for value, away in found if away * BPS <= reach.bps * mid]

    # Which bands hold at this mid, and how far it may go without changing that.
    def _hold(self, ts_ns: int, mid: int) -> None:
        low, high = (1, FAR_MID) if mid else (0, 0)
        holds = []
        for least, most in self._bands:
            held = least <= mid <= most
            holds.append(held)
            if held:
                low, high = max(low, least), min(high, most)
            elif least <= most and mid:
                if mid < least:
                    high = min(high, least - 1)
                else:
                    low = max(low, most + 1)
        self.low, self.high = low, high
        if holds != self._holds:
            self._bank(ts_ns)
            self._holds = holds


def band(best: tuple[int, int], bps: int) -> tuple[int, int]:
    """Return the mids, in half ticks and both included, at which a bid and an ask are within `bps` of it.

    None if the second is less than the first. Args: best: their prices in ticks, 0 without one.
    """
    bid, ask = best
    if not bid or not ask:
        return 1, 0
    return ceil_div(2 * BPS * ask, BPS + bps), 2 * BPS * bid // (BPS - bps)
