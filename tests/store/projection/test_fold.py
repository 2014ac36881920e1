"""Records become rows: each fact once, integers as they are, texts beside them."""

import json
from collections import defaultdict
from collections.abc import Iterable

import pytest

from mm.domain.commands import Cancel
from mm.domain.events import (
    BookLost,
    CancelRejected,
    CancelUnknown,
    OrderCanceled,
    OrderExpired,
    OrderSeen,
    PlaceUnknown,
    Source,
    Stream,
    StreamDown,
)
from mm.domain.units import SCALE_MIN
from mm.store.journal.codec import encode
from mm.store.journal.entries import COMMAND, EVENT, MISSING, Cause, Entry, Family, Kind, Missing, Record
from mm.store.projection import order_lives
from mm.store.projection.facts import RunFacts, utc_text
from mm.store.projection.fold import Fold
from tests.builders import recorded_runs as runs
from tests.builders.instruments import INSTRUMENT

FACTS = RunFacts(
    run_id="r",
    epoch=1,
    sessions=("main",),
    symbols=(runs.SYMBOL,),
    instruments={runs.SYMBOL: INSTRUMENT},
    ids=runs.IDS,
)

Rows = dict[str, list[dict[str, object]]]


def rows_of(entries: Iterable[tuple[Kind, Entry]], facts: RunFacts = FACTS) -> Rows:
    """All rows of a run."""
    fold, rows = Fold(facts), defaultdict(list)
    for number, (kind, entry) in enumerate(entries, start=1):
        for table, row in fold.take(Record(number, runs.at(number), kind, entry, encode(entry))):
            rows[table].append(row)
    for table, row in fold.rest():
        rows[table].append(row)
    return rows


def order(rows: Rows, sequence: int) -> dict[str, object]:
    """The row of an order."""
    (found,) = (row for row in rows["orders"] if row["cid"] == runs.cid(sequence))
    return found


def life(*entries: tuple[Kind, Entry]) -> dict[str, object]:
    """The row of order 1 after it was placed and these came."""
    return order(rows_of([(COMMAND, runs.place(1)), *entries]), 1)


def test_orders_are_told_with_how_they_ended() -> None:
    """Filled, cancelled, refused, still live, inherited; each once."""
    rows = rows_of(runs.usual())
    assert len(rows["orders"]) == 5
    assert {sequence: order(rows, sequence)["state"] for sequence in (1, 2, 3, 4)} == {
        1: "filled",
        2: "canceled",
        3: "rejected",
        4: "sent",
    }
    first = order(rows, 1)
    assert (first["session"], first["price"], first["size"], first["cum"]) == ("main", "100", "0.01", "0.01")
    assert (first["price_ticks"], first["size_lots"], first["cum_lots"]) == (10_000, 10, 10)
    assert (first["venue_order_id"], first["cancels"], first["ended_ns"]) == ("v1", 0, runs.at(12))
    assert (order(rows, 2)["cancels"], order(rows, 3)["reason"]) == (1, "-2010: no funds")
    assert order(rows, 4)["ended_ns"] is None
    (left,) = (row for row in rows["orders"] if row["inherited"])
    assert (left["session"], left["side"], left["state"], left["cum_lots"]) == ("main", "sell", "unknown", 2)


def test_a_fill_is_told_once_with_the_mid_of_its_moment() -> None:
    """In integers, and as decimals; what was repeated counts nothing."""
    fills = rows_of(runs.usual())["fills"]
    assert [(fill["trade_id"], fill["size_lots"], fill["mid_half_ticks"]) for fill in fills] == [
        (100, 4, 20_000),
        (101, 6, 20_001),
    ]
    last = fills[1]
    assert (last["session"], last["value_atoms"], last["mid"]) == ("main", 60_000_000, "100.005")
    assert (last["value"], last["fee"], last["size"]) == ("0.60000000", "0.00000250", "0.006")


def test_what_operators_and_configs_did_is_told() -> None:
    """Requests, notes, texts with the revision that came into force, halts, foreign changes of a balance."""
    rows = rows_of(runs.usual())
    assert [row["operation"] for row in rows["operator_actions"]] == ["note", "pause", "halt", "unhalt"]
    assert rows["operator_actions"][1]["who"] == runs.WHO
    (config,) = rows["configs"]
    assert (config["revision"], config["applied_ns"], config["text"]) == (2, runs.at(20), runs.TIGHTER)
    assert [(row["code"], row["is_set"]) for row in rows["latches"]] == [("drill", True), ("", False)]
    assert [(row["asset"], row["code"]) for row in rows["balances_external"]] == [("AAA", "balance.external")]
    (checkpoint,) = rows["checkpoints"]
    assert json.loads(str(checkpoint["holdings"])) == {"BBB": 5}
    assert json.loads(str(checkpoint["positions"]))[0]["net_lots"] == 3
    assert [row["code"] for row in rows["reports"]] == [
        "order.rejected",
        "halt",
        "unhalt",
        "balance.external",
    ]
    counts = {(row["kind"], row["type"]): row["records"] for row in rows["counts"]}
    assert (counts["command", "Place"], counts["event", "OrderFilled"]) == (4, 3)
    assert sum(count for count in counts.values() if isinstance(count, int)) == len(runs.usual())


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([PlaceUnknown(ts_ns=1, cid=runs.cid(1), cause="timeout")], "unknown"),
        ([OrderSeen(ts_ns=1, cid=runs.cid(1), venue_order_id="v", open=True, cum_lots=0)], "working"),
        ([OrderSeen(ts_ns=1, cid=runs.cid(1), venue_order_id="v", open=False, cum_lots=0)], "canceled"),
        (
            [OrderSeen(ts_ns=1, cid=runs.cid(1), venue_order_id="", open=False, cum_lots=0, rejected=True)],
            "rejected",
        ),
        (
            [OrderExpired(ts_ns=1, cid=runs.cid(1), cum_lots=0, prevented=False, source=Source.STREAM)],
            "expired",
        ),
        ([OrderCanceled(ts_ns=1, cid=runs.cid(1), cum_lots=-1, source=Source.STREAM)], "unknown_cancel"),
        ([OrderCanceled(ts_ns=1, cid=runs.cid(1), cum_lots=4, source=Source.STREAM)], "unknown_cancel"),
        (
            [
                OrderCanceled(ts_ns=1, cid=runs.cid(1), cum_lots=0, source=Source.STREAM),
                runs.filled(1, 5, trade_id=1),
            ],
            "filled",
        ),
        ([CancelRejected(ts_ns=1, cid=runs.cid(1), code=-2011)], "unknown"),
        ([CancelUnknown(ts_ns=1, cid=runs.cid(1), cause="timeout")], "unknown_cancel"),
        ([CancelUnknown(ts_ns=1, cid=runs.cid(1), cause="full", sent=False)], "sent"),
        ([runs.filled(1, 5, trade_id=1, size_lots=3)], "working"),
    ],
)
def test_an_order_goes_the_way_of_the_table_of_states(entries: list[Entry], state: str) -> None:
    """What the venue says of it, as the engine takes it."""
    assert life(*((EVENT, entry) for entry in entries))["state"] == state


def test_an_order_that_was_proven_dead_gives_way_to_a_sign_of_life() -> None:
    """As in the table; it has not ended then."""
    dead = (COMMAND, runs.report("order.dead", 3, cid=runs.cid(1)))
    assert life(dead)["state"] == "dead"
    alive = life(dead, (EVENT, runs.acked(1, 4)))
    assert (alive["state"], alive["ended_ns"]) == ("unknown", None)


def test_what_is_about_no_known_order_changes_nothing() -> None:
    """Of an earlier life, or foreign: the fill is told, with what is known of it."""
    other = runs.cid(5, epoch=0)
    entries: list[tuple[Kind, Entry]] = [
        (COMMAND, Cancel(cid=other, symbol=runs.SYMBOL)),
        (COMMAND, runs.report("order.dead", 3, cid=other)),
        (EVENT, OrderCanceled(ts_ns=1, cid=other, cum_lots=0, source=Source.STREAM)),
        (EVENT, runs.filled(77, 4, trade_id=1)),
    ]
    rows = rows_of(entries)
    assert rows["orders"] == []
    assert [(row["session"], row["mid"]) for row in rows["fills"]] == [("main", None)]


def test_without_the_beginnings_of_a_run_its_integers_are_told() -> None:
    """No text is invented where the instrument is not known."""
    rows = rows_of(runs.usual(), RunFacts(run_id="r", epoch=1))
    (fill, _) = rows["fills"]
    assert (fill["price_ticks"], fill["price"], fill["value"], fill["fee"], fill["mid"]) == (10_000,) + (
        None,
    ) * 4
    assert fill["session"] == ""


@pytest.mark.parametrize(
    "loss",
    [
        BookLost(ts_ns=1, symbol=runs.SYMBOL, reason="gap"),
        StreamDown(ts_ns=1, stream=Stream.MARKET, reason="closed"),
    ],
)
def test_no_mid_is_told_of_a_book_that_is_lost(loss: Entry) -> None:
    """The user stream that ends takes no book with it, nor does that of a venue that is only watched."""
    before = runs.usual()[:8]
    down = StreamDown(ts_ns=1, stream=Stream.USER, reason="closed")
    away = StreamDown(ts_ns=1, stream=Stream.MARKET, reason="closed", venue="other")
    fill = (EVENT, runs.filled(1, 9, trade_id=1))
    (kept,) = rows_of([*before, (EVENT, down), (EVENT, away), fill])["fills"]
    (lost,) = rows_of([*before, (EVENT, loss), fill])["fills"]
    assert (kept["mid_half_ticks"], lost["mid_half_ticks"]) == (20_000, None)


def test_no_mid_is_told_where_records_are_missing() -> None:
    """What the market did in between is not known."""
    gap = Missing(family=Family.MARKET, cause=Cause.DROPPED, segment=1, first_seq=5, last_seq=9)
    rows = rows_of([*runs.usual()[:8], (MISSING, gap), (EVENT, runs.filled(1, 9, trade_id=1))])
    assert rows["fills"][0]["mid_half_ticks"] is None
    assert [row["records"] for row in rows["counts"] if row["type"] == "Missing"] == [1]


def test_orders_that_ended_long_ago_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and each is told once."""
    monkeypatch.setattr(order_lives, "ENDED_MAX", 2)
    fold, told = Fold(FACTS), []
    for sequence in range(1, 10):
        canceled = OrderCanceled(ts_ns=1, cid=runs.cid(sequence), cum_lots=0, source=Source.STREAM)
        steps: list[tuple[Kind, Entry]] = [(COMMAND, runs.place(sequence)), (EVENT, canceled)]
        for kind, entry in steps:
            for _, row in fold.take(Record(sequence, runs.at(1), kind, entry, b"")):
                told.append(row["cid"])
    assert told == [runs.cid(sequence) for sequence in range(1, 8)]
    assert sorted(str(row["cid"]) for table, row in fold.rest() if table == "orders") == sorted(
        runs.cid(sequence) for sequence in (8, 9)
    )


def test_times_and_amounts_are_told_exactly() -> None:
    """To the microsecond; an asset that is not traded here in eight decimals; no time is no text."""
    assert utc_text(runs.at(1)) == "2026-01-02T03:04:05.001000Z"
    assert utc_text(0) == ""
    assert utc_text(2**63 - 1).startswith("2262-")
    assert utc_text(10**30) == f"{10**30} ns"
    assert FACTS.amount_text("ZZZ", 1) == "0." + "0" * (SCALE_MIN - 1) + "1"
    assert FACTS.amount_text("AAA", -5).startswith("-0.")
    assert FACTS.mid_text("X/Y", 3) is None
