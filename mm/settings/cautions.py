"""What a valid config will not do as its writer may think: parameters without effect, orders that are cut.

Nothing here stops a start. What needs a price is told where the config knows one (the demo's market opens at
one), or as an assumption that the text names; none is guessed. Invariant: each text opens with the place of
the key that it is about, if somebody wrote it.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from mm.domain.watched import split_name
from mm.quoting.about import DAY_MS
from mm.settings.exposure import Ladder, ladder_of
from mm.settings.lines import KeyPath
from mm.settings.models import PairSettings, Settings
from mm.settings.no_effect import without_effect
from mm.settings.reach import reaches_of
from mm.settings.unplaceable import targets_of
from mm.settings.values import plain
from mm.settings.watched import watched_names
from mm.sim.presets import PRESETS
from mm.strategies.avellaneda_stoikov import AvellanedaStoikov, Horizon
from mm.strategies.basket import Basket
from mm.strategies.volatility_scaled import VolatilityScaled

DEMO_TICK: Final = Decimal("0.01")
"""Tick of the demo's exchange."""

LEAST_VALUES: Final[Mapping[str, Decimal]] = MappingProxyType(
    {**dict.fromkeys(("USDT", "USDC", "FDUSD", "EUR"), Decimal(5)), "BTC": Decimal("0.0001")}
)
"""Smallest value of one order by quote asset, as most symbols of the venue have it; the demo's own is the
first. Where it matters it is told as an assumption."""

PLAUSIBLE: Final = Decimal(1_000_000)
"""No asset is worth as many dollars."""

ASSUMED: Final = "assumed, as of most symbols: `mm doctor --online` asks the venue"

USUAL_VOLATILITY: Final = 1.0
"""Basis points per root second: of a large asset on a calm day, where nothing is said."""

LEAN_BPS_MAX: Final = 50.0
"""More than that per order amount is told."""

Told = Iterator[tuple[KeyPath, str]]


def cautions(settings: Settings, pair: str) -> list[str]:
    """Return what there is to say of the session `pair`, a line each."""
    found = settings.pair[pair]
    path = ("pair", pair, "params")
    ladder = ladder_of(found.params)
    told = [
        *_without_effect(settings, pair),
        *_beyond_collar(settings, pair),
        *_targets(settings, found, path),
        *_width(settings, found, path),
        *_lean(found, path),
        *_other_assets(found, path),
        *(_sizes(settings, pair, ladder) if ladder is not None else ()),
    ]
    return sorted((_line(settings, key, message) for key, message in told), key=_in_file_order)


def first_price(settings: Settings) -> Decimal | None:
    """Return the price at which the config's own market opens; None where markets are real."""
    return PRESETS[settings.demo.preset].price_ticks * DEMO_TICK if settings.mode == "demo" else None


def least_value(settings: Settings, pair: str) -> Decimal | None:
    """Return the smallest value of one order that the venue takes: as assumed but in a demo; None unknown."""
    quote = settings.pair[pair].symbol.split("/")[1]
    return LEAST_VALUES["USDT"] if settings.mode == "demo" else LEAST_VALUES.get(quote)


def _line(settings: Settings, path: KeyPath, message: str) -> str:
    told = f"{'.'.join(path)} {message}"
    for length in range(len(path), 0, -1):
        source = settings.sources.get(".".join(path[:length]), "default")
        if source != "default":
            return f"{source}: {told}"
    return told


def _in_file_order(line: str) -> tuple[str, int, str]:
    place = line.split(": ", 1)[0]
    file, _, number = place.rpartition(":")
    return (file, int(number), line) if number.isdecimal() else ("", 0, line)


def _without_effect(settings: Settings, name: str) -> Told:
    pair, path = settings.pair[name], ("pair", name, "params")

    def is_written(key: str) -> bool:
        return not settings.is_default(".".join((*path, key)))

    for key, reason in without_effect(pair.strategy, pair.params, is_written):
        yield (*path, key), f"has no effect: {reason}"


def _beyond_collar(settings: Settings, name: str) -> Told:
    collar, params = settings.risk_of(name).price_collar_bps, ("pair", name, "params")
    limit = f"farther from the mid than price_collar_bps, {plain(collar)}"
    outer: dict[KeyPath, tuple[int, int]] = {}
    for reach in reaches_of(settings.pair[name].params):
        count, total = reach.beyond(collar), len(reach.distances_bps)
        if count == total:
            yield (*params, *reach.key), f"sets every {reach.word} {limit}: it is denied there"
        else:
            before = outer.get(reach.level_key, (0, 0))
            outer[reach.level_key] = (before[0] + count, before[1] + total)
    for key, (count, total) in outer.items():
        if count:
            yield (*params, *key), f"sets {count} of {total} orders {limit}: they are denied there"


def _targets(settings: Settings, pair: PairSettings, path: KeyPath) -> Told:
    inventory = pair.inventory
    soft = None if inventory.max_base is None else inventory.max_base * inventory.soft_ratio
    is_found = inventory.target_base is None and inventory.target_base_ratio is None
    start = {"demo": settings.demo.start_base, "paper": settings.paper.start_base}.get(settings.mode)
    for key, amount in targets_of(pair.params):
        if soft is not None and abs(amount) > soft:
            yield (
                (*path, *key),
                f"aims at an inventory of {plain(amount)}, beyond soft_ratio of inventory.max_base,"
                f" {plain(soft)}: from there on only what reduces the inventory is quoted",
            )
        elif is_found and start is not None and amount < -start:
            yield (
                (*path, *key),
                f"aims at {plain(-amount)} less than at the first start, when the account has"
                f" {plain(start)}, {settings.mode}.start_base",
            )


def _width(settings: Settings, pair: PairSettings, path: KeyPath) -> Told:
    params = pair.params
    if not isinstance(params, VolatilityScaled.Params) or params.min_spread_bps:
        return
    costs = params.margin_bps + (params.adverse_selection_bps or 0)
    if settings.mode == "live":
        if not costs:
            yield (*path, "spread_multiple"), _narrow("where the maker fee is nothing or a rebate")
        return
    fee = settings.paper.maker_fee_bps
    if settings.mode == "demo":
        fee = Decimal(PRESETS[settings.demo.preset].maker_fee_ppm) / 100
    if costs + fee <= 0:
        yield (*path, "spread_multiple"), _narrow(f"the maker fee being {plain(fee)} bps")


def _narrow(why: str) -> str:
    return (
        "is all that keeps bid and ask apart: in a market that stands still they come within a tick,"
        f" {why}; min_spread_bps or margin_bps prevents that"
    )


def _lean(pair: PairSettings, path: KeyPath) -> Told:
    # A session's lean goes with the seconds that are left: of a long one it is the whole of the quote.
    params = pair.params
    if not isinstance(params, AvellanedaStoikov.Params) or params.horizon is not Horizon.SESSION:
        return
    left_s = (params.session_length_ms or DAY_MS) // 1000
    known = params.volatility_bps_per_sqrt_s
    volatility = USUAL_VOLATILITY if known is None else known
    share = 1 if params.linear_demand_reach_bps is None else 0.5
    lean_bps = share * params.risk_factor * volatility**2 * left_s
    if lean_bps > LEAN_BPS_MAX:
        at = f"at {volatility:g} bps per root second" + (" (assumed)" if known is None else "")
        yield (
            (*path, "risk_factor"),
            f"leans quotes by {lean_bps:.0f} bps per order amount held where {left_s} s are left, {at}:"
            " what is held is traded away at the touch, at any price; lower it, shorten the session, or"
            ' write horizon = "frozen"',
        )


def _other_assets(pair: PairSettings, path: KeyPath) -> Told:
    # Other markets whose prices are taken for those of the own one.
    params = pair.params
    base, quote = pair.symbol.split("/")
    key = getattr(params, "watched_key", "")
    for name in watched_names(params):
        there, slash, priced = split_name(name)[1].partition("/")
        if not slash:
            yield (*path, key), f"names {name}, which is no market: expected BASE/QUOTE, as ETH/{quote}"
        elif isinstance(params, Basket.Params):
            if priced.partition(":")[0] != quote:
                yield (*path, key), f"names {name}, which is priced in {priced}: its inventory never counts"
        elif there != base and getattr(params, "basis_window_ms", None) is None:
            yield (*path, key), f"names {name}, the price of another asset, taken as it is for that of {base}"


def _sizes(settings: Settings, name: str, ladder: Ladder) -> Told:
    pair, risk = settings.pair[name], settings.risk_of(name)
    params, band = ("pair", name, "params"), pair.inventory.max_base
    base, quote = pair.symbol.split("/")
    if band is not None and ladder.side_base_max > band:
        yield (
            (*params, "order_amount_base"),
            f"makes one side of the ladder {plain(ladder.side_base_max)} {base}, more than the inventory"
            f" limit of {plain(band)}: the outer orders will be denied",
        )
    if ladder.orders > risk.max_orders_per_minute:
        yield (
            (*params, "order_levels"),
            f"makes {ladder.orders} orders, more than {risk.max_orders_per_minute} placements a minute",
        )
    price, least = first_price(settings), least_value(settings, name)
    limit = min(risk.max_order_notional_quote, risk.max_notional_quote)
    if price is not None:
        yield from _at_price(settings, name, ladder, price)
    elif least is not None and limit < least:
        which = "max_order_notional_quote" if limit == risk.max_order_notional_quote else "max_notional_quote"
        own = getattr(pair.risk, which) is not None
        table = ("pair", name, "risk") if own else ("risk",)
        yield (
            (*table, which),
            f"leaves room for no order: none is taken that is worth less than {plain(least)} {quote}"
            f" ({ASSUMED})",
        )
    elif least is not None and LEAST_VALUES["USDT"] / ladder.order_base_min > PLAUSIBLE:
        needed = significant(least / ladder.order_base_min)
        yield (
            (*params, "order_amount_base"),
            f"makes an order of {plain(ladder.order_base_min)} {base}, worth {plain(least)} {quote} only"
            f" where 1 {base} costs {needed} {quote}: the venue takes none worth less ({ASSUMED})",
        )


def _at_price(settings: Settings, name: str, ladder: Ladder, price: Decimal) -> Told:
    pair, risk = settings.pair[name], settings.risk_of(name)
    key, quote = ("pair", name, "params", "order_amount_base"), pair.symbol.split("/")[1]
    at = f"at {plain(price)}, where the demo's market opens"
    worth, least = ladder.order_base_max * price, ladder.order_base_min * price
    # Without skew: what that makes larger is the side that reduces.
    side = max(sum(ladder.bids_base, Decimal(0)), sum(ladder.asks_base, Decimal(0))) * price
    if worth > risk.max_order_notional_quote:
        limit = plain(risk.max_order_notional_quote)
        message = f"makes an order worth {plain(worth)} {quote} {at}: it is cut to max_order_notional_quote"
        yield key, f"{message}, {limit}"
    if side > risk.max_notional_quote:
        limit = plain(risk.max_notional_quote)
        message = f"makes one side of the ladder worth {plain(side)} {quote} {at}: it is cut"
        yield key, f"{message} to max_notional_quote, {limit}"
    if least < LEAST_VALUES["USDT"]:
        message = f"makes an order worth {plain(least)} {quote} {at}: its exchange takes none worth less than"
        yield key, f"{message} {plain(LEAST_VALUES['USDT'])}"


def significant(number: Decimal, digits: int = 6) -> str:
    """Return a positive number as text, rounded to so many digits that count, without exponent."""
    return plain(Decimal(f"{number:.{digits}g}"))
