"""What a config asks for that can never be placed, whatever the market does: refused before anything starts.

Offline: no price, no venue's grid, no holdings are known here, and none is guessed. Each check is a generator
of problems. Invariant: what is refused here would have been denied or cut away with every single quote, or
refused at the start.
"""

import dataclasses
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.units import floor_atoms
from mm.domain.watched import split_name
from mm.errors import ConfigError
from mm.settings.lines import KeyPath
from mm.settings.models import FileSettings, PairSettings, RiskSettings
from mm.settings.problems import Problem
from mm.settings.reach import reaches_of
from mm.settings.strategies import builtin_strategies, strategy_class
from mm.settings.values import plain
from mm.settings.watched import watched_names
from mm.sim.presets import PRESETS
from mm.strategies.scheduled import Scheduled

LEAST_FEE_BPS: Final = Decimal(-100)
"""Maker fee of a venue that does not tell it without a key: whatever it is, it is no less."""

GRIDLESS: Final = ("correlations", "fill_decay_per_bps", "risk_factor", "max_spread_bps", "intensity_far_bps")
"""Parameters that a strategy refuses whatever the symbol's grid is."""


def limits_of(settings: FileSettings, pair: str) -> RiskSettings:
    """Return the limits that hold for a session: its own where it states one, else the account's."""
    return settings.risk.model_copy(update=settings.pair[pair].risk.model_dump(exclude_none=True))


def unplaceable(settings: FileSettings) -> Iterator[Problem]:
    """Yield every problem of this kind, session by session."""
    for name, pair in settings.pair.items():
        path = ("pair", name, "params")
        empty = list(_empty_orders(pair, path))
        yield from empty
        yield from _beyond_collar(pair, path, limits_of(settings, name).price_collar_bps)
        yield from _beyond_band(pair, path)
        yield from _own_market(pair, path)
        if not empty:
            yield from _refused_anywhere(settings, name, path)


def _empty_orders(pair: PairSettings, path: KeyPath) -> Iterator[Problem]:
    for side in getattr(pair.params, "sizes_base", ()):
        for level, size in enumerate(side, start=1):
            if size <= 0:
                yield Problem(
                    path=(*path, "order_level_amount_base"),
                    message=f"makes order {level} of a side one of {plain(size)}, expected more than 0",
                    hint="a smaller step, or fewer order_levels",
                )
                return


def _beyond_collar(pair: PairSettings, path: KeyPath, collar: Decimal) -> Iterator[Problem]:
    for reach in reaches_of(pair.params):
        if reach.never_within(collar):
            yield Problem(
                path=(*path, *reach.key),
                message=f"sets the nearest {reach.word} {plain(reach.distances_bps[0])} bps from the mid,"
                f" farther than price_collar_bps, {plain(collar)}: none would ever be placed",
                hint="set it nearer, or raise price_collar_bps in [risk]",
            )


def targets_of(params: object) -> Iterator[tuple[KeyPath, Decimal]]:
    """Yield each inventory that a path of the parameters aims at, by its key below params."""
    if isinstance(params, Scheduled.Params):
        for index, amount in enumerate(params.path_base):
            yield ("path_base", str(index)), amount
        for key in ("twap_from_base", "twap_to_base"):
            amount = getattr(params, key)
            if amount is not None:
                yield (key,), amount


def _beyond_band(pair: PairSettings, path: KeyPath) -> Iterator[Problem]:
    band, holding = pair.inventory.max_base, pair.inventory.target_base
    for key, amount in targets_of(pair.params):
        if band is not None and abs(amount) > band:
            yield Problem(
                path=(*path, *key),
                message=f"aims at an inventory of {plain(amount)}, beyond inventory.max_base, {plain(band)}",
                hint="it would never be reached: the inventory stays within max_base of its target",
            )
        elif holding is not None and amount < -holding:
            yield Problem(
                path=(*path, *key),
                message=f"aims at {plain(-amount)} less than inventory.target_base, {plain(holding)}",
                hint="on a spot market there is no less than nothing to hold",
            )


def _own_market(pair: PairSettings, path: KeyPath) -> Iterator[Problem]:
    for symbol in watched_names(pair.params):
        if split_name(symbol) == ("", pair.symbol):
            yield Problem(
                path=(*path, getattr(pair.params, "watched_key", "")),
                message=f"names {symbol}, the market that is quoted on",
                hint="name another market, or leave it out: the own book is looked at in any case",
            )


def _refused_anywhere(settings: FileSettings, name: str, path: KeyPath) -> Iterator[Problem]:
    # A strategy of ours is started once, on a symbol that takes nearly everything: what it refuses there for
    # another reason than the grid, it refuses at every venue.
    pair = settings.pair[name]
    if pair.strategy not in builtin_strategies() or not dataclasses.is_dataclass(pair.params):
        return
    try:
        strategy_class(pair.strategy, Path()).start(pair.params, _anything(settings, pair.symbol))
    except ConfigError as error:
        message = str(error)
        word = re.match(r"\w*", message)
        assert word is not None  # it matches the empty text too
        if word[0] in GRIDLESS:
            yield Problem(path=(*path, word[0]), message=message.removeprefix(f"{word[0]} "), hint=error.hint)


def _anything(settings: FileSettings, symbol: str) -> Instrument:
    base, quote = symbol.split("/")
    return make_instrument(
        InstrumentSpec(
            symbol=symbol,
            venue_symbol=base + quote,
            base=base,
            quote=quote,
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.00000001"),
            size_min=Decimal("0.00000001"),
            size_max=Decimal(10) ** 12,
            maker_fee_ratio=Decimal(_fee_ppm(settings)).scaleb(-6),
        )
    )


def _fee_ppm(settings: FileSettings) -> int:
    if settings.mode == "demo":
        return PRESETS[settings.demo.preset].maker_fee_ppm
    fee = settings.paper.maker_fee_bps if settings.mode == "paper" else LEAST_FEE_BPS
    return floor_atoms(fee, 2)
