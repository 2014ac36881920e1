"""`mm journal export`: everything that a journal holds, exact, line by line."""

import json
from pathlib import Path

import pytest

from mm.bootstrap.records.journal_export import KINDS, RECORD_COLUMNS, columns_of, csv_row, exported, flat
from mm.domain.book import Level
from mm.domain.events import (
    BalanceChanged,
    BalancesListed,
    BookDelta,
    ListedOrder,
    OrderCanceled,
    OrdersListed,
    Source,
)
from mm.domain.sides import Side
from mm.errors import JournalCorrupt, StateCorrupt
from mm.store.journal.entries import EVENT, Family
from mm.store.journal.layout import segment_path
from tests.builders import recorded_runs as recorded
from tests.builders.journals import RUN, mixed, write


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a run."""
    return recorded.write_run(tmp_path, recorded.usual())


def rows(journal: Path, kind: str) -> list[dict[str, object]]:
    """Everything of a kind."""
    return list(exported(journal, kind))


def test_each_kind_holds_what_its_name_says(journal: Path) -> None:
    """All is everything, in its order; commands leave as orders, reports are facts."""
    whole = rows(journal, "all")
    assert [row["seq"] for row in whole] == list(range(1, len(recorded.usual()) + 1))
    assert {row["kind"] for row in rows(journal, "events")} == {"event"}
    assert {row["type"] for row in rows(journal, "commands")} == {"Place", "Cancel"}
    assert {row["type"] for row in rows(journal, "reports")} == {"Report"}
    assert [row["trade_id"] for row in rows(journal, "fills")] == [100, 101]
    assert len(rows(journal, "orders")) == 5


def test_times_are_utc_and_amounts_are_decimals_too(journal: Path) -> None:
    """Beside the integers that are recorded."""
    (first, *_) = rows(journal, "commands")
    assert first["time_utc"] == "2026-01-02T03:04:05.005000Z"
    assert (first["price_ticks"], first["price"]) == (10_000, "100")
    assert (first["size_lots"], first["size"]) == (10, "0.01")
    assert (first["session"], first["symbol"]) == ("main", recorded.SYMBOL)
    ack = next(row for row in rows(journal, "events") if row["type"] == "OrderAcked")
    assert (ack["symbol"], ack["price"]) == (recorded.SYMBOL, "100")
    halt = next(row for row in rows(journal, "reports") if row["code"] == "halt")
    assert halt["facts"] == {"reason": "drill"}


def test_amounts_within_lists_are_decimals_too(tmp_path: Path) -> None:
    """Levels of a book, listed orders, balances; a size that was not said is none."""
    listed = ListedOrder(recorded.cid(1), "v", Side.BUY, 10_000, 10, 0)
    symbol = recorded.SYMBOL
    journal = recorded.write_run(
        tmp_path,
        [
            (EVENT, BookDelta(ts_ns=1, symbol=symbol, seq=7, venue_ms=0, bids=(Level(5, 10**8),), asks=())),
            (EVENT, OrdersListed(ts_ns=1, symbol=symbol, asked_ns=0, orders=(listed,))),
            (EVENT, BalancesListed(ts_ns=1, asked_ns=0, balances=(("AAA", 10**8, 0),))),
            (EVENT, BalanceChanged(ts_ns=1, asset="AAA", free_atoms=1, locked_atoms=0)),
            (EVENT, OrderCanceled(ts_ns=1, cid=recorded.cid(1), cum_lots=-1, source=Source.STREAM)),
        ],
    )
    found = {row["type"]: row for row in rows(journal, "events")}
    assert found["BookDelta"]["bids_text"] == [["0.05", "1"]]
    assert (found["BookDelta"]["seq"], found["BookDelta"]["venue_seq"]) == (1, 7)
    (order,) = json.loads(json.dumps(found["OrdersListed"]["orders"]))
    assert (order["price"], order["size"], order["cum"]) == ("100", "0.01", "0")
    assert json.loads(json.dumps(found["BalancesListed"]["balances_text"])) == [
        ["AAA", "1.00000000", "0.00000000"]
    ]
    assert found["BalanceChanged"]["free"] == "0.00000001"
    assert found["OrderCanceled"]["cum"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fits_its_columns(journal: Path, kind: str) -> None:
    """As JSON lines and as rows of a table; nothing of a record is lost in its columns."""
    columns = columns_of(kind)
    for row in rows(journal, kind):
        assert json.loads(json.dumps(row))
        cells = csv_row(row if kind in ("fills", "orders") else flat(row), columns)
        assert len(cells) == len(columns)
        assert None not in cells
        if columns == RECORD_COLUMNS:
            assert json.loads(str(cells[-1])) == json.loads(json.dumps(row))


def test_a_journal_of_any_kind_of_record_is_exported(tmp_path: Path) -> None:
    """Without a recipe too: then there are integers alone, and what is missing is told."""
    write(tmp_path / "j", mixed(60), close=False)
    own = segment_path(tmp_path / "j", Family.OWN, 1)
    assert own.exists()
    found = rows(tmp_path / "j", "all")
    assert len(found) == 60
    assert {row["kind"] for row in found} >= {"event", "outcome", "command", "note", "config"}
    assert all("price" not in row or row["price"] is None for row in found)


def test_damage_ends_an_export_after_what_came_before_it(journal: Path) -> None:
    """With the byte; never passed over."""
    path = segment_path(journal, Family.OWN, 1)
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    found: list[object] = []
    with pytest.raises(JournalCorrupt) as caught:
        found.extend(row["seq"] for row in exported(journal, "all"))
    assert caught.value.offset > 0
    assert found == list(range(1, len(found) + 1))


def test_a_journal_in_which_nothing_is_whole_is_an_error(tmp_path: Path) -> None:
    """Not an empty answer."""
    path = segment_path(tmp_path / RUN.run_id, Family.OWN, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mmj-")
    for kind in ("all", "fills"):
        with pytest.raises(StateCorrupt, match="nothing whole"):
            rows(tmp_path / RUN.run_id, kind)
