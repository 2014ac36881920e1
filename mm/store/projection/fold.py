"""The records of one run to rows of the tables, one after the other: the projection and the exports.

Reads what it is given and decides nothing. Invariant: the same records give the same rows in the same order.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from mm.domain.commands import Cancel, Place, Report
from mm.domain.estate import Estate
from mm.domain.events import ConfigApplied, OperatorAsked, OrderFilled
from mm.store.journal.entries import MISSING, ConfigVersion, OperatorNote, Record
from mm.store.projection.facts import RunFacts, utc_text
from mm.store.projection.mids import Mids
from mm.store.projection.order_lives import OrderLives, Row

EXTERNAL_CODES: Final = ("balance.external", "ledger.explained")
"""Reports of changes of the account that were not ours."""

TRADES_MAX: Final = 100_000
"""Executions that are remembered, so that one told twice is taken once."""

Rows = Iterator[tuple[str, Row]]


def facts_text(facts: Iterable[tuple[str, str]]) -> str:
    """Return the facts of a report as a JSON object."""
    return msgspec.json.encode(dict(facts)).decode()


class Fold:
    """One run. Give it every record, in order, then ask for the rest."""

    def __init__(self, facts: RunFacts) -> None:
        """Begin before the first record."""
        self._facts = facts
        self._mids = Mids()
        self._orders = OrderLives(facts)
        self._counts: dict[tuple[str, str], int] = {}
        self._trades: dict[tuple[str, int], None] = {}
        self._versions: list[Row] = []

    def take(self, record: Record) -> Rows:
        """Yield the rows that a record completes, each with the name of its table."""
        entry, ts_ns = record.entry, record.ts_ns
        counted = (record.kind.name.lower(), type(entry).__name__)
        self._counts[counted] = self._counts.get(counted, 0) + 1
        match entry:
            case Place():
                self._orders.place(entry, ts_ns)
            case Cancel():
                self._orders.cancel(entry.cid, ts_ns)
            case Report():
                yield from self._report(entry, record)
            case OrderFilled():
                yield from self._fill(entry, record)
            case OperatorAsked():
                yield "operator_actions", self._action(record, entry.operation.value, entry)
            case OperatorNote():
                yield "operator_actions", self._action(record, "note", entry)
            case ConfigVersion() | ConfigApplied():
                self._config(entry, record)
            case Estate():
                yield "checkpoints", self._checkpoint(entry, record)
            case _ if record.kind is MISSING:
                self._mids.lose_all()
            case _:
                self._mids.take(entry, ts_ns)
                self._orders.take(entry, ts_ns)
        for row in self._orders.settled():
            yield "orders", row

    def rest(self) -> Rows:
        """Yield what is left at the end: orders that may still change, configurations, counts."""
        for row in self._orders.rest():
            yield "orders", row
        for row in self._versions:
            yield "configs", row
        for (kind, name), count in sorted(self._counts.items()):
            yield "counts", {"run_id": self._facts.run_id, "kind": kind, "type": name, "records": count}

    def _place_of(self, record: Record) -> Row:
        at = {"ts_ns": record.ts_ns, "time_utc": utc_text(record.ts_ns)}
        return {"run_id": self._facts.run_id, "seq": record.seq, **at}

    def _action(self, record: Record, operation: str, entry: OperatorAsked | OperatorNote) -> Row:
        session, said = ("", entry.text) if isinstance(entry, OperatorNote) else (entry.session, entry.reason)
        at = self._place_of(record)
        return {**at, "operation": operation, "session": session, "who": entry.who, "reason": said}

    def _report(self, report: Report, record: Record) -> Rows:
        at, told = self._place_of(record), facts_text(report.facts)
        facts = dict(report.facts)
        yield "reports", {**at, "code": report.code, "session": report.session, "facts": told}
        if report.code in ("halt", "unhalt"):
            is_set = report.code == "halt"
            yield "latches", {**at, "code": facts.get("reason", ""), "facts": told, "is_set": is_set}
        elif report.code in EXTERNAL_CODES:
            asset = facts.get("asset", "")
            yield "balances_external", {**at, "code": report.code, "asset": asset, "facts": told}
        elif report.code == "order.dead":
            self._orders.dead(facts.get("cid", ""), record.ts_ns)

    def _fill(self, fill: OrderFilled, record: Record) -> Rows:
        known = (fill.cid, fill.trade_id)
        if known in self._trades:
            return
        self._trades[known] = None
        if len(self._trades) > TRADES_MAX:
            del self._trades[next(iter(self._trades))]
        self._orders.fill(fill, record.ts_ns)
        facts, symbol = self._facts, fill.symbol
        instrument = facts.instruments.get(symbol)
        mid = self._mids.half_ticks(symbol)
        value = None
        if instrument is not None:
            value = instrument.notional_atoms(fill.price_ticks, fill.size_lots)
        row: Row = {
            **self._place_of(record),
            "cid": fill.cid,
            "trade_id": fill.trade_id,
            "session": self._orders.session_of(fill.cid) or facts.session_of(fill.cid),
            "symbol": symbol,
            "side": fill.side.value,
            "price_ticks": fill.price_ticks,
            "size_lots": fill.size_lots,
            "fee_atoms": fill.fee_atoms,
            "value_atoms": value,
            "mid_half_ticks": mid,
            "price": facts.price_text(symbol, fill.price_ticks),
            "size": facts.size_text(symbol, fill.size_lots),
            "value": None if instrument is None or value is None else instrument.quote_text(value),
            "fee": facts.amount_text(fill.fee_asset, fill.fee_atoms) if facts.instruments else None,
            "mid": None if mid is None else facts.mid_text(symbol, mid),
            "fee_asset": fill.fee_asset,
            "source": fill.source.value,
            "maker": fill.maker,
        }
        yield "fills", row

    def _config(self, entry: ConfigVersion | ConfigApplied, record: Record) -> None:
        if isinstance(entry, ConfigVersion):
            said = {"digest": entry.digest, "who": entry.who, "text": entry.text}
            self._versions.append({**self._place_of(record), **said, "revision": None, "applied_ns": None})
            return
        for version in reversed(self._versions):
            if version["digest"] == entry.digest and version["applied_ns"] is None:
                version["revision"], version["applied_ns"] = entry.revision, record.ts_ns
                return

    def _checkpoint(self, estate: Estate, record: Record) -> Row:
        for order in estate.orders:
            self._orders.inherit(order)
        positions = [
            {
                "session": one.session,
                "symbol": one.symbol,
                "net_lots": one.net_lots,
                "fills": one.fills,
                "peak_atoms": one.peak_atoms,
            }
            for one in (*estate.positions, *estate.retired)
        ]
        return {
            **self._place_of(record),
            "epoch": estate.epoch,
            "live_orders": len(estate.orders),
            "positions": msgspec.json.encode(positions).decode(),
            "holdings": msgspec.json.encode(dict(estate.holdings)).decode(),
        }
