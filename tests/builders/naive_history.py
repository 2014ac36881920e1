"""What `mm.exchange.history` keeps step by step, counted again from the whole tape: slow and obvious."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from mm.domain.sides import Side
from mm.domain.units import NS_PER_S
from mm.exchange.candles import Candle, Print

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of(name: str, ts_ns: int) -> datetime:
    """Return when the candle of an interval that holds a moment begins, by the calendar."""
    moment = EPOCH + timedelta(seconds=ts_ns // NS_PER_S)
    midnight = moment.replace(hour=0, minute=0, second=0)
    count, unit = int(name[:-1]), name[-1]
    if unit == "M":
        return midnight.replace(day=1)
    if unit == "w":
        return midnight - timedelta(days=midnight.weekday())
    if unit == "d":
        return midnight - timedelta(days=(midnight - EPOCH).days % count)
    seconds = count * {"s": 1, "m": 60, "h": 3_600}[unit]
    return midnight + timedelta(seconds=int((moment - midnight).total_seconds()) // seconds * seconds)


def counted(number: int, prints: Sequence[Print]) -> Candle:
    """Return the candle of at least one print."""
    prices = [row.price_ticks for row in prints]
    taken = [row for row in prints if row.taker_side is Side.BUY]
    return Candle(
        number=number,
        open_ticks=prices[0],
        high_ticks=max(prices),
        low_ticks=min(prices),
        close_ticks=prices[-1],
        size_atoms=sum(row.size_atoms for row in prints),
        value=sum(row.price_ticks * row.size_atoms for row in prints),
        taken_size_atoms=sum(row.size_atoms for row in taken),
        taken_value=sum(row.price_ticks * row.size_atoms for row in taken),
        trades=len(prints),
        first_id=prints[0].trade_id,
        last_id=prints[-1].trade_id,
    )


def grouped(name: str, prints: Sequence[Print]) -> list[tuple[datetime, list[Print]]]:
    """Return the prints of every candle in which something traded, with its start."""
    groups = groupby(prints, key=lambda row: start_of(name, row.ts_ns))
    return [(start, list(rows)) for start, rows in groups]


def aggregated(prints: Sequence[Print]) -> list[tuple[int, int, int, int]]:
    """Return (first id, last id, price, size) of every aggregate."""
    groups = groupby(prints, key=lambda row: (row.taker_order_id, row.price_ticks, row.ts_ns, row.taker_side))
    found = []
    for (_, price_ticks, _, _), rows in groups:
        same = list(rows)
        found.append((same[0].trade_id, same[-1].trade_id, price_ticks, sum(row.size_atoms for row in same)))
    return found
