"""A plan of a config change as plain rows: what control answers, logs and tables are made of.

The shapes are in `mm.cli.shapes`. Amounts are decimal texts in the asset's own unit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from mm.domain.instrument import Instrument
from mm.engine.preview import Fate, OrderFate, Preview
from mm.settings.change import Change, applies_of
from mm.settings.loader import leaves
from mm.settings.models import Settings
from mm.settings.values import plain

Row = dict[str, object]
Instruments = Mapping[str, Instrument]


def plain_value(value: object) -> object:
    """Return a value of the config ready for JSON: decimals and paths as text, None for off."""
    if isinstance(value, tuple):
        return [plain_value(entry) for entry in value]
    if isinstance(value, Decimal):
        return plain(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def change_rows(changes: Iterable[Change]) -> list[Row]:
    """Return one row per change."""
    return [
        {
            "key": change.key,
            "old": plain_value(change.old),
            "new": plain_value(change.new),
            "source": change.source,
            "applies": change.applies.value,
            "loosens": change.loosens,
        }
        for change in changes
    ]


def order_rows(orders: Sequence[OrderFate], instruments: Instruments) -> list[Row]:
    """Return one row per order. Args: instruments: by session."""
    return [_order_row(order, instruments[order.session]) for order in orders]


def _order_row(order: OrderFate, instrument: Instrument) -> Row:
    return {
        "session": order.session,
        "side": order.side.value,
        "level": order.level,
        "fate": order.fate.value,
        "price": _price(order.price_ticks, instrument),
        "size_base": _size(order.size_lots, instrument),
        "new_price": _price(order.new_price_ticks, instrument),
        "new_size_base": _size(order.new_size_lots, instrument),
        "why": order.why,
    }


def _price(ticks: int, instrument: Instrument) -> str | None:
    return instrument.price_text(ticks) if ticks else None


def _size(lots: int, instrument: Instrument) -> str | None:
    return instrument.size_text(lots) if lots else None


def fate_counts(orders: Sequence[OrderFate]) -> dict[str, int]:
    """Return how many orders there are of each fate."""
    counted = Counter(order.fate for order in orders)
    return {fate.value: counted[fate] for fate in Fate}


def stake_rows(seen: Preview, instruments: Instruments, before: Settings, after: Settings) -> list[Row]:
    """Return what each session has at stake before and after, with its limits."""
    return [
        {
            "session": name,
            "base": instrument.base,
            "quote": instrument.quote,
            "worst_quote": instrument.quote_text(seen.before[name].worst_atoms),
            "new_worst_quote": instrument.quote_text(seen.after[name].worst_atoms),
            "inventory_max_base": instrument.size_text(seen.before[name].band_lots),
            "new_inventory_max_base": instrument.size_text(seen.after[name].band_lots),
            "max_notional_quote": plain(before.risk_of(name).max_notional_quote),
            "new_max_notional_quote": plain(after.risk_of(name).max_notional_quote),
        }
        for name, instrument in instruments.items()
    ]


def value_rows(running: Settings, accepted: Settings) -> list[Row]:
    """Return every key with its value in force, its source, when a change of it applies, and what waits."""
    waiting = dict(leaves(accepted))
    rows: list[Row] = []
    for path, value in leaves(running):
        key = ".".join(path)
        waits = path in waiting and waiting[path] != value
        rows.append(
            {
                "key": key,
                "value": plain_value(value),
                "source": running.sources.get(key, "default"),
                "applies": applies_of(path, running, running).value,
                "after_restart": {"value": plain_value(waiting[path])} if waits else None,
            }
        )
    return rows
