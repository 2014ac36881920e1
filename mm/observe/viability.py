"""Whether a market can be made at a profit: costs and reachable edge side by side, and a verdict in words.

For each distance: what a quote there would have cost (maker fee and impact), what was left, the interval that
lies in, and what follows. Recommending takes more than refusing: `FILLS_MIN` fills, and an interval above 0.
Must never recommend on anything else, nor on the touch, whose fills depend on a place in the queue that no
public record shows. Invariant: a verdict is a function of the tape and the terms alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from mm.analytics.fit_before import before_orders
from mm.analytics.fit_mean import Mean
from mm.analytics.fit_touch import HORIZONS_NS, Costs, Touch, touch_costs, touch_markouts
from mm.analytics.lambda_curve import CurveOptions, Point, lambda_curve
from mm.analytics.markets import MarketFacts, Mids, Tape, market_facts
from mm.domain.units import NS_PER_S, PPM_PER_BPS

DISTANCES_BPS: Final = (0.02, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0)
"""Distances that are looked at unless others are named."""

FILLS_MIN: Final = 30
"""Fewer fills than this recommend nothing."""

DAYS_MIN: Final = 5
"""A claim about a market takes as many days."""

SILENCE_S: Final = 10.0
"""A longer time without best prices is told."""


class Answer(StrEnum):
    """What follows for a distance, or for all of them."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what a judgement is made.

    Fields: maker_fee_ppm: parts per million, negative is a rebate; fee_is_assumed: nobody said it.
    horizon_ns: after which a fill is judged. every_ns: how often quotes are moved. distances_bps: rising.
    """

    maker_fee_ppm: int
    fee_is_assumed: bool = False
    horizon_ns: int = 5 * NS_PER_S
    every_ns: int = 100_000_000
    distances_bps: tuple[float, ...] = DISTANCES_BPS

    @property
    def maker_fee_bps(self) -> float:
        """The fee in basis points."""
        return self.maker_fee_ppm / PPM_PER_BPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One distance; basis points.

    Fields:
        fills; rate_per_s: of one side. earned: mean and error before the fee. impact: what the mid took.
        edge: earned less the fee; low, high: its 95 % interval, infinite where nothing is known.
    """

    distance_bps: float
    fills: int
    rate_per_s: float
    earned: Mean
    impact_bps: float
    edge_bps: float
    low_bps: float
    high_bps: float

    @property
    def is_enough(self) -> bool:
        """Whether there are fills enough to recommend on."""
        return self.fills >= FILLS_MIN

    @property
    def answer(self) -> Answer:
        """What follows for this distance."""
        if self.high_bps < 0:
            return Answer.NO
        return Answer.YES if self.low_bps > 0 and self.is_enough else Answer.NOT_KNOWN


class Interval(NamedTuple):
    """A figure in basis points, and its 95 % interval: infinite where nothing is known of it."""

    bps: float
    low_bps: float
    high_bps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that is told of a market.

    Fields: facts; terms; touch: makers' results at the standard horizons, print by print; costs: the same by
    market order, against the mid before it; judged: of these at the horizon of the terms, None if the tape is
    too short for it or no mid before is known; orders_known: market orders of which it is; by_venue: by the
    venue's clock; rows: rising distances.
    """

    facts: MarketFacts
    terms: Terms
    touch: tuple[Touch, ...]
    costs: tuple[Costs, ...]
    judged: Costs | None
    orders_known: int
    by_venue: bool
    rows: tuple[Row, ...]

    @property
    def verdict(self) -> Answer:
        """What follows for the market: yes if for any distance, no if for all that have fills enough."""
        if any(row.answer is Answer.YES for row in self.rows):
            return Answer.YES
        known = [row.answer for row in self.rows if row.is_enough]
        return Answer.NO if known and all(answer is Answer.NO for answer in known) else Answer.NOT_KNOWN

    @property
    def yes_from_bps(self) -> float | None:
        """The nearest distance that is worth quoting at, None if there is none."""
        return next((row.distance_bps for row in self.rows if row.answer is Answer.YES), None)

    @property
    def break_even(self) -> Interval | None:
        """The half-spread at which a fill as informed as those at the touch costs nothing: fee and impact."""
        if self.judged is None:
            return None
        return _interval(self.judged.impact, plus=self.terms.maker_fee_bps)

    @property
    def touch_fee(self) -> Interval | None:
        """The maker fee at which the touch breaks even; below 0 it takes a rebate."""
        return None if self.judged is None else _interval(self.judged.markout)

    @property
    def bearable(self) -> tuple[float, float] | None:
        """The highest maker fee with which some distance would be a yes, and that distance."""
        fees = [
            (row.earned.mean - row.earned.half_width, row.distance_bps) for row in self.rows if row.is_enough
        ]
        return max(fees, default=None)


def sheet(tape: Tape, terms: Terms) -> Sheet:
    """Judge a tape that `mm.analytics.markets.refusal` lets pass."""
    mids, before = Mids(tape), before_orders(tape)
    options = CurveOptions(
        distances_bps=terms.distances_bps, horizons_ns=(terms.horizon_ns,), every_ns=terms.every_ns
    )
    horizons = sorted({*HORIZONS_NS, terms.horizon_ns})
    costs = touch_costs(tape, mids, before, horizons)
    judged = next((one for one in costs if one.horizon_ns == terms.horizon_ns and one.markout.n), None)
    return Sheet(
        facts=market_facts(tape, mids),
        terms=terms,
        touch=touch_markouts(tape, mids, horizons),
        costs=costs,
        judged=judged,
        orders_known=before.known,
        by_venue=before.by_venue,
        rows=tuple(_row(point, terms) for point in lambda_curve(tape, mids, options).points),
    )


def _interval(mean: Mean, *, plus: float = 0.0) -> Interval:
    # What is added is known exactly.
    middle, half = mean.mean + plus, mean.half_width
    return Interval(middle, middle - half, middle + half)


def _row(point: Point, terms: Terms) -> Row:
    earned = point.markouts[0]
    edge = earned.mean - terms.maker_fee_bps
    return Row(
        distance_bps=point.distance_bps,
        fills=point.fills,
        rate_per_s=point.rate_per_s,
        earned=earned,
        impact_bps=point.distance_bps - earned.mean,
        edge_bps=edge,
        low_bps=edge - earned.half_width,
        high_bps=edge + earned.half_width,
    )


def unknowns(told: Sheet, tape: Tape) -> tuple[str, ...]:
    """Return what cannot be told from this, one sentence each."""
    minutes = told.facts.duration_s / 60
    found = [
        f"other hours: this is {minutes:.1f} min of one market, a claim takes {DAYS_MIN} days or more",
        "your fills at the touch: they depend on a place in the queue; here only prints beyond a quote fill",
        "what your own size does to the market, and the time that your orders are under way: here quotes"
        f" are moved at once, every {told.terms.every_ns / NS_PER_S:g} s",
    ]
    if told.verdict is Answer.YES:
        found.append(
            f"luck: each of {len(told.rows)} intervals stands by itself, and of forty that are worth nothing"
            " one says yes"
        )
    if told.terms.fee_is_assumed:
        found.append("your fee: an ordinary account's is assumed, --maker-fee-bps says yours")
    if told.facts.silence_s > SILENCE_S:
        found.append(
            f"what happened in silence: for up to {told.facts.silence_s:.0f} s no best prices came,"
            " and quotes stand through that here"
        )
    if tape.skipped:
        found.append(f"{tape.skipped} best prices were crossed or one-sided, and left out")
    return tuple(found)


def words(told: Sheet) -> tuple[str, ...]:
    """Return the verdict for people, a sentence each."""
    return (_answer_words(told), *_rest_words(told))


def _answer_words(told: Sheet) -> str:
    fee_bps = told.terms.maker_fee_bps
    fee = f"a maker fee of {fee_bps:g} bps" if fee_bps >= 0 else f"a rebate of {-fee_bps:g} bps"
    match told.verdict:
        case Answer.YES:
            row = next(row for row in told.rows if row.answer is Answer.YES)
            return (
                f"Yes, from {row.distance_bps:g} bps: with {fee}, {row.fills} fills left"
                f" {row.edge_bps:+.2f} bps each ({_interval_words(row)})."
            )
        case Answer.NO:
            far = max(row.distance_bps for row in told.rows if row.is_enough)
            return f"No: with {fee} every distance up to {far:g} bps loses with each fill."
        case Answer.NOT_KNOWN:
            return f"Not recommended: with {fee} no distance is known to earn."


def _rest_words(told: Sheet) -> list[str]:
    found = []
    if told.verdict is not Answer.YES:
        found.append(_where_words(told.rows))
        bearable = told.bearable
        if bearable is not None:
            fee, distance = bearable
            found.append(f"It would be yes at {distance:g} bps with {_fee_words(fee)}.")
    open_rows = [row for row in told.rows if row.answer is Answer.NOT_KNOWN]
    few = [row for row in open_rows if not row.is_enough]
    if few:
        found.append(f"From {few[0].distance_bps:g} bps on there are fewer than {FILLS_MIN} fills: too few.")
    return found


def _where_words(rows: Sequence[Row]) -> str:
    # The distance at which it would be yes, as far as anything points there.
    far = max((row for row in rows if row.is_enough), key=lambda row: row.distance_bps, default=None)
    hoped = next((row for row in rows if row.edge_bps > 0 and row.fills), None)
    said = "It would be yes at none of these distances"
    if hoped is not None:
        said += (
            f"; the nearest with a mean above 0 is {hoped.distance_bps:g} bps"
            f" ({hoped.fills} fills, {_interval_words(hoped)}), which shows nothing yet"
        )
    elif far is not None:
        cost = far.distance_bps - far.edge_bps
        said += f"; a fill at {far.distance_bps:g} bps cost {cost:.1f} bps, so it would be beyond that"
    return said + "."


def _fee_words(fee_bps: float) -> str:
    # Rounded against whoever hopes: what is said would hold.
    return f"a fee below {fee_bps:.2f} bps" if fee_bps > 0 else f"a rebate above {-fee_bps:.2f} bps"


def _interval_words(row: Row) -> str:
    if row.fills < 2 or row.high_bps == row.low_bps or row.high_bps - row.low_bps > 1e6:
        return "no interval"
    return f"95 % between {row.low_bps:+.2f} and {row.high_bps:+.2f}"
