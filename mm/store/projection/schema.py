"""The tables of the projection, and the number of their form.

Invariant: a projection whose number is another one is not read but made anew.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text

VERSION: Final = 1
"""Number of this form of the tables; any change of them is a new one."""

METADATA: Final = MetaData()


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _number_key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _texts(*names: str) -> tuple[Column[str], ...]:
    return tuple(Column(name, Text, nullable=False) for name in names)


def _numbers(*names: str) -> tuple[Column[int], ...]:
    return tuple(Column(name, BigInteger, nullable=False) for name in names)


def _flags(*names: str) -> tuple[Column[bool], ...]:
    return tuple(Column(name, Boolean, nullable=False) for name in names)


def _seen(name: str) -> Column[int]:
    # A number that may be unknown.
    return Column(name, BigInteger, nullable=True)


def _told(name: str) -> Column[str]:
    # A text that may be unknown.
    return Column(name, Text, nullable=True)


META: Final = Table("meta", METADATA, _key("name"), *_texts("value"))
"""Facts about the projection itself: `schema_version`."""

RUNS: Final = Table(
    "runs",
    METADATA,
    _key("run_id"),
    *_numbers("epoch"),
    *_texts("mode", "code_version", "config_digest", "began_utc", "ended_utc"),
    *_numbers("began_ns", "first_ts_ns", "last_ts_ns", "last_seq", "records", "own_bytes", "torn_bytes"),
    *_flags("closed"),
    *_texts("missing"),
)
"""One row per life. own_bytes: size of our own segments when they were read; missing: JSON, records that are
known not to be there; closed: whether its end was written in good order."""

COUNTS: Final = Table("counts", METADATA, _key("run_id"), _key("kind"), _key("type"), *_numbers("records"))
"""Records of each kind and type."""

ORDERS: Final = Table(
    "orders",
    METADATA,
    _key("run_id"),
    _key("cid"),
    *_texts("session", "symbol", "side"),
    *_numbers("price_ticks", "size_lots", "cum_lots"),
    _told("price"),
    _told("size"),
    _told("cum"),
    *_flags("post_only", "reduces", "inherited"),
    *_texts("time_in_force", "state", "venue_order_id", "placed_utc", "reason"),
    *_numbers("placed_ns", "cancels"),
    _seen("acked_ns"),
    _seen("ended_ns"),
)
"""Orders as each run knew them. inherited: placed by an earlier life; reason: why it was refused."""

FILLS: Final = Table(
    "fills",
    METADATA,
    _key("cid"),
    _number_key("trade_id"),
    *_texts("run_id"),
    *_numbers("seq", "ts_ns"),
    *_texts("time_utc", "session", "symbol", "side"),
    *_numbers("price_ticks", "size_lots", "fee_atoms"),
    _seen("value_atoms"),
    _seen("mid_half_ticks"),
    *(_told(name) for name in ("price", "size", "value", "fee", "mid")),
    *_texts("fee_asset", "source"),
    *_flags("maker"),
)
"""Executions of own orders, each once, by the run that heard of it first. mid_half_ticks: bid + ask as the
venue showed them last; null where the market's data are gone."""

REPORTS: Final = Table(
    "reports",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns"),
    *_texts("time_utc", "code", "session", "facts"),
)
"""What the engine told. facts: JSON object."""

ACTIONS: Final = Table(
    "operator_actions",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns"),
    *_texts("time_utc", "operation", "session", "who", "reason"),
)
"""What operators asked for, and notes (operation "note")."""

CONFIGS: Final = Table(
    "configs",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns"),
    *_texts("time_utc", "digest", "who", "text"),
    _seen("revision"),
    _seen("applied_ns"),
)
"""Configurations handed to a run; seq 0: the one it began with. applied_ns: when it came into force, null
where all of it waits for a restart."""

LATCHES: Final = Table(
    "latches",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns"),
    *_texts("time_utc", "code", "facts"),
    *_flags("is_set"),
)
"""Halts latched and lifted."""

EXTERNAL: Final = Table(
    "balances_external",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns"),
    *_texts("time_utc", "code", "asset", "facts"),
)
"""Changes of the account that were not ours."""

CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    _key("run_id"),
    _number_key("seq"),
    *_numbers("ts_ns", "epoch", "live_orders"),
    *_texts("time_utc", "positions", "holdings"),
)
"""What a run would have left. positions: JSON list with session, symbol, net_lots, fills and peak_atoms of
each; holdings: JSON object of atoms by asset."""

TABLES: Final = tuple(METADATA.sorted_tables)
"""All tables."""

OF_A_RUN: Final = tuple(table for table in TABLES if "run_id" in table.columns)
"""Those whose rows belong to a run."""
