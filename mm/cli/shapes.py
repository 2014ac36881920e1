"""Reads what a daemon answers: JSON of a form that is agreed, but never trusted to be complete.

The shapes (amounts are decimal texts in the asset's own unit, ages milliseconds, absent or "" is unknown):

status: {mode, state, reason, run_seconds, venue, streams: {market, user}, latch: null | {code, since_ms,
  confirmed}, recovery: null | {epoch, orders, unresolved, done}, orders_placed, orders_cancelled, fills,
  sessions: [SESSION], watched: [WATCHED], reports: [{ts_ms, code, session, facts: {}}]}
WATCHED: {symbol, sessions: [name], connected, book_status, book_age_ms, mid}
SESSION: {name, symbol, base, quote, strategy, state, reason, paused, mid, bid, ask, book_bids: [[price,
  size]], book_asks, own_bids: [[price, size, level]], own_asks, inventory_base, inventory_max_base,
  target_base, pnl: PNL, book_status, book_age_ms, user_stream_ok, open_orders, unknown_orders, fills,
  last_fills: [FILL], measured: null | MEASURED}
MEASURED: {net_quote, spread_quote, adverse_quote, carry_quote, costs_quote, markout_s, markout_bps,
  markout_error_bps, markout_fills, presence_bps, presence_ratio, inventory_half_life_s, unexplained}
PNL: {session, quote, total_quote, spread_quote, inventory_quote, fees_quote, open_quote, peak_quote,
  bought_base, sold_base, turnover_quote, fills, residual}
orders: {orders: [{cid, session, symbol, side, level, price, size_base, filled_base, ahead_base, state,
  age_ms}]}
fills: {fills: [FILL]}; FILL: {ts_ms, session, symbol, side, price, size_base, fee, fee_asset, maker,
  trade_id, cid}
pnl: {sessions: [PROFIT]}
PROFIT: {session, quote, total_quote, spread_quote, inventory_quote, fees_quote, open_quote, peak_quote,
  bought_base, sold_base, turnover_quote, fills, residual, figures: null | {}}
config_get: {path, revision, values: [VALUE]}
VALUE: {key, value, source, applies, after_restart: null | {value}}
config_plan: {path, revision, digest, changes: [CHANGE], confirm: [key], restart: [key], halts,
  counts: {kept, moved, cancelled, new, pending}, orders: [MOVE], sessions: [STAKE]}
config_apply: {path, revision, digest, changes: [CHANGE], confirm: [key], restart: [key], halts, applied,
  counts: {kept, moved, cancelled, new, pending}, orders: [MOVE], sessions: [STAKE]}
CHANGE: {key, old, new, source, applies, loosens}
MOVE: {session, side, level, fate, price, size_base, new_price, new_size_base, why}
STAKE: {session, base, quote, worst_quote, new_worst_quote, inventory_max_base, new_inventory_max_base,
  max_notional_quote, new_max_notional_quote}
why: {sessions: [name], explained: WHY}
WHY: {source, session, symbol, decided_ms, state, reason, quotes: [QUOTE], gates: [GATE], commands: [text],
  next, last_decision: {reason, age_ms}, since_ms, halt: null | {}, took_ms}
QUOTE: {side, level, outcome, sentence, gate, code, cid, order_state, price, size_base, age_ms,
  wanted: null | [text]}
GATE: {gate, verdict, code, side, level, before: null | [text], after: null | [text], words, facts: {}}
metrics: {text}
config_history: {path, revision, revisions: [{revision, time, who, origin, digest, path, changed: [key]}]}
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from mm.cli.terminal import printable

Fields = Mapping[str, object]

DIGITS_MAX = 30
"""Most digits on either side of the point; what is beyond is no amount of anything."""


def text(fields: Fields, name: str, absent: str = "-") -> str:
    """Return a field as printable text; `absent` where it is missing, empty or null."""
    value = fields.get(name)
    return absent if value is None or value == "" else printable(value)


def number(fields: Fields, name: str) -> Decimal | None:
    """Return a field as a number, None where it is none."""
    return decimal(fields.get(name))


def decimal(value: object) -> Decimal | None:
    """Return a number or a decimal text as a number, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    except InvalidOperation:
        return None
    exponent = found.as_tuple().exponent
    if not isinstance(exponent, int) or found.adjusted() > DIGITS_MAX or exponent < -DIGITS_MAX:
        return None
    return found


def count(fields: Fields, name: str) -> int:
    """Return a field as a whole number, 0 where it is none."""
    value = number(fields, name)
    return int(value) if value is not None else 0


def table(fields: Fields, name: str) -> Fields:
    """Return a field as a mapping, empty where it is none."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def tables(fields: Fields, name: str) -> list[Fields]:
    """Return a field as a list of mappings; what is none is left out."""
    value = fields.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def rows(fields: Fields, name: str) -> list[list[object]]:
    """Return a field as a list of lists; what is none is left out."""
    value = fields.get(name)
    if not isinstance(value, list | tuple):
        return []
    return [list(entry) for entry in value if isinstance(entry, list | tuple) and entry]


def texts(fields: Fields, name: str) -> list[str]:
    """Return a field as a list of texts; what is none is left out."""
    value = fields.get(name)
    return (
        [printable(one) for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
    )


def clock_time(fields: Fields, name: str) -> str:
    """Return a field of milliseconds since 1970 as a time of day, UTC."""
    value = number(fields, name)
    if value is None or not 0 < value < 10**14:
        return "-"
    return datetime.fromtimestamp(float(value) / 1000, UTC).strftime("%H:%M:%S")


def age(milliseconds: Decimal | None) -> str:
    """Return a length of time for people: 250 ms, 3.2 s, 4 min, 2.5 h."""
    if milliseconds is None:
        return "-"
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 100_000:
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds < 6_000_000:
        return f"{milliseconds / 60_000:.0f} min"
    return f"{milliseconds / 3_600_000:.1f} h"


def run_time(seconds: Decimal | None) -> str:
    """Return a running time as HH:MM:SS."""
    if seconds is None or seconds < 0:
        return "--:--:--"
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def money(fields: Fields, name: str) -> str:
    """Return an amount of money with its sign and at least two decimals, at most four."""
    value = number(fields, name)
    if value is None:
        return "-"
    return f"{value:+,.4f}" if abs(value) < 1 else f"{value:+,.2f}"
