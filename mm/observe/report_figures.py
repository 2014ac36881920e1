"""Everything that was measured of a session as one JSON-ready object: for `mm pnl`, reports and whoever asks.

Amounts are decimal texts of the quote asset made from the integers, each rounded to the nearest atom; the
line `rounding_quote` is what the texts differ by from their total. Ratios are numbers, rounded to what can
mean anything; null is unknown. Read only.
"""

from math import isfinite
from typing import Final

from mm.analytics.fit_mean import student
from mm.analytics.markouts import AGE_NAMES, EXIT, OTHER, QUEUE_NAMES, Clustered, Curve
from mm.analytics.performance import DAYS_PER_YEAR, INTERVAL_NS, INTERVALS_MIN, Mark
from mm.analytics.presence import BANDS_BPS, PROGRAMMES, SNAPSHOT_NS
from mm.analytics.session import Analytics
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S, PPM, nearest_div, short_text, text_from_atoms

EDGE_HORIZON_S: Final = 1.0
"""Horizon of the edge that is judged: long enough to be chosen against, short enough to be about the fill."""

FILLS_MIN: Final = 200
"""Fewer fills than this mean nothing, whatever their interval says."""

Figures = dict[str, object]


class Money:
    """Turns fine units and half ticks x lots of a session into texts of its quote asset."""

    def __init__(self, analytics: Analytics) -> None:
        """Read the units."""
        self._costs = analytics.costs
        self._scale = analytics.instrument.quote_scale

    def fine(self, amount: int) -> str:
        """Return an amount in fine units as text."""
        return text_from_atoms(self.atoms(amount), self._scale)

    def half(self, amount: int) -> str:
        """Return an amount in half ticks x lots as text."""
        return self.fine(amount * self._costs.per_half)

    def atoms(self, amount: int) -> int:
        """Return an amount in fine units in quote atoms, to the nearest."""
        return nearest_div(amount, self._costs.per_atom)

    def units(self, amount: int) -> float:
        """Return an amount in fine units in quote units, for pictures."""
        units: float = amount / (self._costs.per_atom * 10**self._scale)
        return units


def brief(analytics: Analytics, residue: int) -> Figures:
    """Return the essentials, for a status. Args: residue: how many things are unexplained."""
    money, identity = Money(analytics), analytics.identity
    at = _edge_place(analytics)
    markout = _mean(analytics.markouts.every.of_fills[at])
    costs = analytics.costs.fees_fine - analytics.costs.rebates_fine
    watched_ns = max(1, analytics.presence.now_ns - analytics.presence.begun_ns)
    horizon = max(0, at - 1)
    return {
        "net_quote": money.fine(analytics.equity_fine),
        "spread_quote": money.half(identity.spread_half),
        "adverse_quote": money.half(identity.adverse_half(horizon)),
        "carry_quote": money.half(identity.carry_half(horizon)),
        "costs_quote": money.fine(costs),
        "markout_s": _seconds(analytics, at),
        "markout_bps": markout["mean_bps"],
        "markout_error_bps": markout["error_bps"],
        "markout_fills": markout["fills"],
        "presence_bps": BANDS_BPS[1],
        "presence_ratio": _round(analytics.presence.bands_ns[1] / watched_ns),
        "inventory_half_life_s": _round(analytics.inventory.half_life_s),
        "unexplained": residue,
    }


def figures(name: str, analytics: Analytics, residues: dict[str, int]) -> Figures:
    """Return everything. Args: name: of the session; residues: what is unexplained, by name."""
    instrument = analytics.instrument
    return {
        "session": name,
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "begun_ms": analytics.begun_ns // NS_PER_MS,
        "watched_s": _round((analytics.now_ns - analytics.begun_ns) / NS_PER_S),
        "pnl": _pnl(analytics, residues),
        "edge": _edge(analytics),
        "markouts": _markouts(analytics),
        "presence": _presence(analytics),
        "inventory": _inventory(analytics),
        "messages": _messages(analytics),
        "performance": _performance(analytics),
    }


def _pnl(analytics: Analytics, residues: dict[str, int]) -> Figures:
    money, identity, costs = Money(analytics), analytics.identity, analytics.costs
    instrument = analytics.instrument
    parts = {
        "spread_quote": identity.spread_half * costs.per_half,
        "inventory_quote": identity.revaluation_half * costs.per_half,
        "left_quote": identity.left_half * costs.per_half,
        "fees_quote": -costs.fees_fine,
        "rebates_quote": costs.rebates_fine,
        "fee_drift_quote": costs.drift_fine(identity.mid_half_ticks),
        "funding_quote": costs.funding_fine,
    }
    rounded = sum(money.atoms(amount) for amount in parts.values())
    return {
        "net_quote": money.fine(analytics.equity_fine),
        **{key: money.fine(amount) for key, amount in parts.items()},
        "rounding_quote": text_from_atoms(
            money.atoms(analytics.equity_fine) - rounded, instrument.quote_scale
        ),
        "turnover_quote": money.half(identity.turnover_half),
        "fills": identity.fills,
        "bought_base": instrument.size_text(identity.bought_lots),
        "sold_base": instrument.size_text(identity.sold_lots),
        "fees_by_asset_atoms": dict(costs.atoms),
        "horizons": [
            {
                "horizon_s": _round(horizon_ns / NS_PER_S),
                "adverse_quote": money.half(identity.adverse_half(index)),
                "carry_quote": money.half(identity.carry_half(index)),
                "waiting": analytics.waiting.count(index),
            }
            for index, horizon_ns in enumerate(analytics.waiting.horizons_ns)
        ],
        "residues": dict(residues),
        "residue_is_zero": not residues,
    }


def _edge_place(analytics: Analytics) -> int:
    wanted = [index for index in range(1, _places(analytics)) if _seconds(analytics, index) == EDGE_HORIZON_S]
    return wanted[0] if wanted else 0


def _places(analytics: Analytics) -> int:
    return 1 + len(analytics.waiting.horizons_ns)


def _seconds(analytics: Analytics, place: int) -> float:
    # Of a place on a curve: 0 is the fill itself.
    return analytics.waiting.horizons_ns[place - 1] / NS_PER_S if place else 0.0


def _edge(analytics: Analytics) -> Figures:
    turnover_fine = analytics.identity.turnover_half * analytics.costs.per_half
    place = _edge_place(analytics)
    judged = _mean(analytics.markouts.net[place])
    low, high = judged["low_bps"], judged["high_bps"]
    excludes = isinstance(low, float) and isinstance(high, float) and (low > 0 or high < 0)
    enough = analytics.identity.fills >= FILLS_MIN
    return {
        "pnl_bps": _round(1e4 * analytics.equity_fine / turnover_fine) if turnover_fine else None,
        "horizon_s": _seconds(analytics, place),
        **judged,
        "excludes_zero": excludes,
        "fills_needed": FILLS_MIN,
        "is_meaningful": enough and excludes,
        "net": [
            {"horizon_s": _seconds(analytics, at), **_mean(mean)}
            for at, mean in enumerate(analytics.markouts.net)
        ],
    }


def _mean(mean: Clustered) -> Figures:
    # With the 95 % interval, by Student over the seconds that had a fill.
    value, error = mean.mean, mean.error
    half = None if error is None else error * student(mean.clusters - 1)
    return {
        "mean_bps": _round(value),
        "error_bps": _round(error),
        "low_bps": None if value is None or half is None else _round(value - half),
        "high_bps": None if value is None or half is None else _round(value + half),
        "fills": mean.count,
        "seconds": mean.clusters,
    }


def _markouts(analytics: Analytics) -> Figures:
    markouts = analytics.markouts
    order = (*AGE_NAMES, *QUEUE_NAMES, EXIT, OTHER)

    def place(name: str) -> tuple[int, int, str]:
        return (1 + order.index(name) if name in order else 0, len(name), name)

    def curves(kind: dict[str, Curve]) -> Figures:
        names = sorted(kind, key=place)
        return {name: _curve(analytics, kind[name]) for name in names}

    return {
        "every": _curve(analytics, markouts.every),
        "by_side": curves(markouts.by_side),
        "by_level": curves(markouts.by_level),
        "by_age": curves(markouts.by_age),
        "by_queue": curves(markouts.by_queue),
        "unseen": list(markouts.unseen),
        "early": analytics.waiting.early,
    }


def _curve(analytics: Analytics, curve: Curve) -> list[Figures]:
    rows = []
    for place in range(_places(analytics)):
        money = _mean(curve.of_money[place])
        told = {f"money_{name}": money[name] for name in ("mean_bps", "error_bps", "low_bps", "high_bps")}
        rows.append({"horizon_s": _seconds(analytics, place), **_mean(curve.of_fills[place]), **told})
    return rows


def _presence(analytics: Analytics) -> Figures:
    presence, turnover = analytics.presence, analytics.turnover
    watched_ns = max(1, presence.now_ns - presence.begun_ns)

    def share(part_ns: int) -> float | None:
        return _round(part_ns / watched_ns)

    bands = zip(BANDS_BPS, presence.bands_ns, strict=True)
    return {
        "watched_s": _round(watched_ns / NS_PER_S),
        "bid_ratio": share(presence.bid_ns),
        "ask_ratio": share(presence.ask_ns),
        "both_ratio": share(presence.both_ns),
        "absent": [
            {"reason": said.text, "times": said.times, "ratio": share(said.absent_ns)}
            for said in analytics.absence.told()
        ],
        "bands": [{"bps": bps, "both_ratio": share(band_ns)} for bps, band_ns in bands],
        "looks": presence.looks,
        "look_s": SNAPSHOT_NS / NS_PER_S,
        "programmes": [
            _programme(analytics, index, turnover.market_share(analytics.instrument.lot_atoms))
            for index in range(len(PROGRAMMES))
        ],
    }


def _programme(analytics: Analytics, index: int, market_share: float | None) -> Figures:
    programme, presence = PROGRAMMES[index], analytics.presence
    share = presence.qualified[index] / presence.looks if presence.looks and programme.reaches else None
    if programme.volume_ppm:
        share = market_share
    needed = (programme.needed_ppm or programme.volume_ppm) / PPM
    qualifies = None if share is None or not needed else share >= needed
    good, days = presence.days[index].told() if programme.days_ppm else (0, 0)
    if days:
        qualifies = good * PPM >= programme.days_ppm * days
    is_scored = programme.scored or programme.level_weights_ppm
    return {
        "name": programme.name,
        "source": programme.source,
        "rule": _rule(analytics.instrument, index),
        "share_ratio": _round(share),
        "needed_ratio": needed or None,
        "qualifies": qualifies,
        "days": days,
        "days_qualified": good,
        "days_needed_ratio": programme.days_ppm / PPM or None,
        "score": _round(presence.scores[index] / presence.looks) if is_scored and presence.looks else None,
    }


def _rule(instrument: Instrument, index: int) -> str:
    programme = PROGRAMMES[index]
    if programme.volume_ppm:
        return f"{programme.volume_ppm / PPM:.2%} of the market's volume by own maker fills"
    told = f"; {programme.told}" if programme.told else ""
    if programme.level_weights_ppm:
        weights = ", ".join(f"{weight / PPM:g}" for weight in programme.level_weights_ppm)
        return (
            f"100 times the sum over own levels of weight ({weights}) and the lesser side in parts of"
            f" {programme.level_value:,} {instrument.quote}{told}"
        )
    reaches = " and ".join(
        f"{f'{reach.value:,} {instrument.quote}' if reach.value else 'anything'} within {reach.bps} bps"
        for reach in programme.reaches
    )
    month = f"; {programme.days_ppm / PPM:.0%} of a month's days" if programme.days_ppm else ""
    return f"{reaches}, on both sides{month}{told}"


def _inventory(analytics: Analytics) -> Figures:
    inventory, instrument = analytics.inventory, analytics.instrument
    lot = instrument.lot_atoms / 10**instrument.base_scale

    def base(lots: float) -> float | None:
        return _round(lots * lot)

    return {
        "now_base": short_text(inventory.lots * instrument.lot_atoms, instrument.base_scale),
        "deviation_base": base(inventory.deviation_lots),
        "mean_base": base(inventory.mean_lots),
        "mean_abs_base": base(inventory.mean_abs_lots),
        "max_base": base(inventory.max_lots),
        "min_base": base(inventory.min_lots),
        "worst_of_limit_ratio": _round(inventory.worst_ppm / PPM),
        "at_limit_ratio": _round(inventory.capped_ns / max(1, inventory.watched_ns)),
        "half_life_s": _round(inventory.half_life_s),
        "samples": inventory.pairs,
    }


def _messages(analytics: Analytics) -> Figures:
    turnover, presence = analytics.turnover, analytics.presence
    return {
        "places": turnover.places,
        "cancels": turnover.cancels,
        "cancels_excused": turnover.excused,
        "fills": turnover.fills,
        "maker_fills": turnover.maker_fills,
        "per_fill": _round(turnover.messages_per_fill),
        "fill_ratio": _round(turnover.fill_ratio),
        "order_to_trade": _round(turnover.order_to_trade),
        "volume_order_to_trade": _round(turnover.volume_order_to_trade),
        "fills_per_quote_s": _round(turnover.fills_per_quote_second(presence.quote_ns)),
        "quote_s": _round(presence.quote_ns / NS_PER_S),
        "market_share_ratio": _round(turnover.market_share(analytics.instrument.lot_atoms)),
    }


def _performance(analytics: Analytics) -> Figures:
    money, performance = Money(analytics), analytics.performance
    sharpe, drawdown = performance.sharpe, money.units(performance.drawdown_fine)
    net = money.units(analytics.equity_fine)
    return {
        "interval_s": INTERVAL_NS / NS_PER_S,
        "intervals": performance.count,
        "intervals_needed": INTERVALS_MIN,
        "days_per_year": DAYS_PER_YEAR,
        "mean_quote": _round(performance.mean_quote),
        "deviation_quote": _round(performance.deviation_quote),
        "sharpe": None if sharpe is None else _round(sharpe[0]),
        "sharpe_error": None if sharpe is None else _round(sharpe[1]),
        "sortino": _round(performance.sortino),
        "max_drawdown_quote": money.fine(performance.drawdown_fine),
        "return_over_drawdown": _round(net / drawdown) if drawdown else None,
        "certain_quote_per_day": _round(performance.certain_quote_per_day),
        "aversion_per_quote": performance.aversion,
        "sums": list(performance.sums),
        "worst": _worst(analytics, performance.worst(analytics.mark())),
    }


def _worst(analytics: Analytics, worst: tuple[Mark, Mark] | None) -> Figures | None:
    if worst is None:
        return None
    money, (first, last) = Money(analytics), worst
    return {
        "begun_ms": first.ts_ns // NS_PER_MS,
        "ended_ms": last.ts_ns // NS_PER_MS,
        "net_quote": money.fine(last.equity_fine - first.equity_fine),
        "spread_quote": money.half(last.spread_half - first.spread_half),
        "inventory_quote": money.half(last.revaluation_half - first.revaluation_half),
        "costs_quote": money.fine(last.costs_fine - first.costs_fine),
        "fills": last.fills - first.fills,
        "inventory_base": short_text(
            last.inventory_lots * analytics.instrument.lot_atoms, analytics.instrument.base_scale
        ),
    }


def _round(value: float | None) -> float | None:
    return float(f"{value:.6g}") if value is not None and isfinite(value) else None
