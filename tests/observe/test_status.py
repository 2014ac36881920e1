"""What a status says: always JSON, in the documented shape, exact to the last digit."""

import json
from dataclasses import replace

import pytest

from mm.domain.commands import Cancel, ListOrders, Place, Query
from mm.domain.estate import Estate, OrderEstate
from mm.domain.events import Operation, PlaceUnknown, Source, Stream, StreamDown
from mm.domain.orders import OrderState
from mm.domain.sides import Side
from mm.engine.engine import Engine
from mm.observe.history import FillRow, History
from mm.observe.status import RunFacts, fill_row, order_rows, pnl, status
from mm.runtime.simulate.ladder import Ladder
from tests.builders.engine_rig import MS, Rig, make_session
from tests.builders.instruments import INSTRUMENT, make_test_instrument
from tests.builders.live_runs import LiveRun
from tests.builders.shapes import documented
from tests.builders.virtual_time import START_NS
from tests.builders.watching_rigs import FAR, SEEN, abroad, watching

FACTS = RunFacts(mode="demo", venue="fake", strategies={"main": "ladder"}, started_ns=START_NS)


def look(run: LiveRun, now_ns: int) -> dict[str, object]:
    """Return the status as it is after a trip over the socket."""
    seen = status(run.engine.state, run.runtime.history, FACTS, now_ns)
    told: dict[str, object] = json.loads(json.dumps(seen, allow_nan=False))
    assert not documented().differences(told, "status")
    return told


def seen_at(run: LiveRun, *times: float) -> list[dict[str, object]]:
    """Return the status at each of these times of the run, which is over when this returns."""
    seen: list[dict[str, object]] = []
    for seconds in times:
        run.at(seconds, lambda: seen.append(look(run, run.clock.now_ns())))
    run.at(max(times) + 1, lambda: setattr(run.venue, "deaf_to", ()))
    run.at(max(times) + 1, lambda: run.runtime.stop("enough"))
    run.go()
    return seen


def one(told: dict[str, object]) -> dict[str, object]:
    """Return the one session of a status."""
    sessions = told["sessions"]
    assert isinstance(sessions, list)
    session: dict[str, object] = sessions[0]
    return session


def test_every_state_of_a_life_can_be_told() -> None:
    """Before anything is connected, quoting, paused, halting, halted, after, stopping, completed."""
    run = LiveRun(latency_s=0.05)
    run.at(3, lambda: run.runtime.operate(Operation.PAUSE, reason="lunch"))
    run.at(5, lambda: run.runtime.operate(Operation.RESUME))
    run.at(7, lambda: run.runtime.operate(Operation.HALT, reason="drill"))
    run.at(12, lambda: run.runtime.operate(Operation.UNHALT, reason="over"))
    run.at(20, lambda: run.runtime.operate(Operation.STOP, reason="end"))
    seen = seen_at(run, 0.001, 2, 4, 6, 7.01, 9, 14, 20.01)
    assert [told["state"] for told in seen] == [
        "pending",
        "active",
        "paused",
        "active",
        "halting",
        "halted",
        "active",
        "stopping",
    ]
    assert look(run, START_NS + 21 * 10**9)["state"] == "completed"
    assert seen[2]["reason"] == "lunch"
    assert (seen[4]["latch"], seen[5]["latch"]) == (
        {"code": "drill", "since_ms": (START_NS + 7 * 10**9) // 10**6, "confirmed": False},
        {"code": "drill", "since_ms": (START_NS + 7 * 10**9) // 10**6, "confirmed": True},
    )
    assert seen[6]["latch"] is None


def test_the_book_and_the_own_quotes_are_told_as_prices() -> None:
    """Best first on either side, exact decimal texts, the own level beside them."""
    (told,) = seen_at(LiveRun(), 3)
    session = one(told)
    assert (session["mid"], session["bid"], session["ask"]) == ("100", "99.9", "100.1")
    assert session["own_bids"] == [["99.97", "0.01", 0], ["99.94", "0.01", 1]]
    assert session["own_asks"] == [["100.03", "0.01", 0], ["100.06", "0.01", 1]]
    assert session["book_bids"][0] == ["99.9", "10000"]  # type: ignore[index] # JSON: it is a list
    assert (session["book_status"], session["user_stream_ok"]) == ("in_sync", True)
    assert told["streams"] == {"market": True, "user": True}
    assert told["orders_placed"] == session["open_orders"] == 4


def test_what_is_not_known_yet_is_empty() -> None:
    """No book, no age, no target: not a zero that somebody could take for a fact."""
    run = LiveRun()
    session = one(look(run, START_NS))
    assert (session["mid"], session["bid"], session["ask"]) == ("", "", "")
    assert session["book_age_ms"] is None
    assert session["target_base"] == "0"


def test_troubled_states_can_be_told() -> None:
    """Unknown orders, a stream that is down, a venue that answers nothing, a stop that is not confirmed."""
    run = LiveRun()
    run.venue.deaf_to = (Place, Query)

    def lose_an_order() -> None:
        run.venue.deaf_to = (Place, Query, Cancel, ListOrders)
        place = run.venue.commands(Place)[0]
        run.venue.tell(PlaceUnknown(ts_ns=run.clock.now_ns(), cid=place.cid, cause="timeout"))
        run.venue.tell(StreamDown(ts_ns=run.clock.now_ns(), stream=Stream.USER, reason="lost"))

    run.at(3, lose_an_order)
    run.at(5, lambda: run.runtime.operate(Operation.STOP, reason="end"))
    first, second = seen_at(run, 3.0, 6)
    assert one(first)["unknown_orders"] == 1
    assert first["streams"] == {"market": True, "user": False}
    assert second["state"] == "stopping"


def test_the_profit_is_explained_to_the_last_digit() -> None:
    """Spread and inventory less fees are the total; the residue is 0."""
    run = LiveRun()
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 4))
    run.at(3, lambda: run.venue.fill(list(run.venue.open)[-1], 4))
    (told,) = seen_at(run, 4)
    profit = one(told)["pnl"]
    assert isinstance(profit, dict)
    parts = [float(profit[name]) for name in ("spread_quote", "inventory_quote", "fees_quote")]
    assert float(profit["total_quote"]) == pytest.approx(parts[0] + parts[1] - parts[2], abs=1e-12)
    assert (profit["fills"], profit["residual"]) == (2, 0)
    assert (profit["bought_base"], profit["sold_base"]) == ("0.004", "0.004")
    assert pnl(run.engine.state.sessions[0]) == profit
    assert len(one(told)["last_fills"]) == 2  # type: ignore[arg-type] # JSON: it is a list


def test_orders_are_told_oldest_first_with_what_is_filled() -> None:
    """Every one that is not proven dead."""
    run = LiveRun()
    rows: list[dict[str, object]] = []
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 4))
    run.at(3, lambda: rows.extend(order_rows(run.engine.state, run.clock.now_ns())))
    run.go(duration_s=5)
    told = json.loads(json.dumps(rows))
    assert not documented().differences({"orders": told}, "orders")
    assert [row["cid"] for row in rows] == sorted(str(row["cid"]) for row in rows)
    assert [(row["side"], row["filled_base"]) for row in rows][:2] == [("buy", "0.004"), ("buy", "0")]
    assert all(0 < row["age_ms"] < 3_000 for row in rows)  # type: ignore[operator] # JSON: it is a number


def _row(**changes: object) -> FillRow:
    fields: dict[str, object] = {
        "ts_ns": 1_500_000_000,
        "session": "main",
        "symbol": "AAA/BBB",
        "side": Side.BUY,
        "price_ticks": 9_990,
        "size_lots": 4,
        "fee_atoms": 123,
        "fee_asset": "BBB",
        "maker": True,
        "trade_id": 5,
        "cid": "c",
    }
    return FillRow(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


def test_a_fill_is_told_in_the_units_of_its_assets() -> None:
    """A fee in the base asset, in the quote asset, or in a third one, each in its own scale."""
    fine = make_test_instrument(tick_size="0.0000000001")
    assert fine.quote_scale > 8
    assert fill_row(_row(), fine)["fee"] == f"0.{'123'.zfill(fine.quote_scale)}"
    assert fill_row(_row(fee_asset="AAA"), fine)["fee"] == "0.00000123"
    assert fill_row(_row(fee_asset="BNB"), fine)["fee"] == "0.00000123"
    told = json.loads(json.dumps(fill_row(_row(), INSTRUMENT)))
    assert not documented().differences({"fills": [told]}, "fills")
    assert (told["price"], told["size_base"], told["side"], told["ts_ms"]) == ("99.9", "0.004", "buy", 1_500)


def test_several_sessions_are_told_beside_each_other() -> None:
    """Each with its own name, quotes and profit; the whole is as awake as the most awake of them."""
    run = LiveRun(make_session(Ladder(), name="one"), make_session(Ladder(levels=1), name="two"))
    run.at(2, lambda: run.runtime.operate(Operation.PAUSE, session="one"))
    (told,) = seen_at(run, 3)
    sessions = told["sessions"]
    assert isinstance(sessions, list)
    assert [(s["name"], s["state"], s["open_orders"]) for s in sessions] == [
        ("one", "paused", 0),
        ("two", "active", 2),
    ]
    assert told["state"] == "active"


def test_sources_are_texts() -> None:
    """Enumerations are told by their values."""
    assert json.dumps({"side": Side.BUY, "source": Source.STREAM}) == '{"side": "buy", "source": "stream"}'


def test_what_was_taken_over_is_told_until_it_is_known() -> None:
    """From which life, how many orders, how many are still open questions; nothing after a clean end."""
    run = LiveRun()
    setup = run.engine.state.setup
    left = replace(setup, estate=ESTATE)
    state = Engine(left).state
    told = status(state, run.runtime.history, FACTS, START_NS)
    assert told["recovery"] == {"epoch": 4, "orders": 1, "unresolved": 1, "done": False}
    assert not documented().differences(json.loads(json.dumps(told)), "status")
    assert look(run, START_NS)["recovery"] is None


ESTATE = Estate(
    epoch=4,
    ts_ns=START_NS - 1,
    sequence=1,
    equity_start_atoms=0,
    positions=(),
    orders=(
        OrderEstate(
            cid="f" * 32,
            session="main",
            symbol=INSTRUMENT.symbol,
            side=Side.BUY,
            price_ticks=9_000,
            size_lots=5,
            level=0,
            reduces=False,
            placed_ns=START_NS - 2,
            state=OrderState.WORKING,
            cum_lots=0,
            revealed_lots=0,
            venue_order_id="1",
        ),
    ),
    symbols=(),
)


def test_what_was_measured_is_told_where_somebody_measures() -> None:
    """In the documented shape; null for whoever does not."""
    run = LiveRun()
    run.at(2, lambda: run.venue.fill(next(iter(run.venue.open)), 4))
    seen: list[object] = []

    def see() -> None:
        now_ns, analyst = run.clock.now_ns(), run.runtime.analyst
        told = status(run.engine.state, run.runtime.history, FACTS, now_ns, analyst=analyst)
        seen.append(json.loads(json.dumps(told)))

    run.at(4, see)
    run.go(duration_s=5)
    assert not documented().differences(seen[0], "status")
    assert isinstance(seen[0], dict)
    measured = seen[0]["sessions"][0]["measured"]
    assert (measured["markout_fills"], measured["unexplained"]) == (1, 0)
    assert look(run, START_NS)["sessions"][0]["measured"] is None  # type: ignore[index] # JSON: it is a list


def test_a_market_that_is_only_watched_is_told_with_its_state_and_age() -> None:
    """Of the own venue and of another one, before it shows anything and after; a traded one is a session."""
    near = watching()
    near.advance(300 * MS)
    (row,) = watched_of(near)
    assert row == {
        "symbol": SEEN,
        "sessions": ["main"],
        "connected": True,
        "book_status": "in_sync",
        "book_age_ms": 300,
        "mid": "100",
    }
    bare = watching(show=False)
    assert [(one["book_status"], one["book_age_ms"], one["mid"]) for one in watched_of(bare)] == [
        ("empty", None, "")
    ]
    far = abroad(FAR.symbol)
    far.feed(StreamDown, stream=Stream.MARKET, reason="gone", venue="away")
    (row,) = watched_of(far)
    assert (row["symbol"], row["connected"], row["book_status"]) == (FAR.symbol, False, "out_of_sync")


def watched_of(rig: Rig) -> list[dict[str, object]]:
    """Return what a status says of the markets that are only watched."""
    told = status(rig.engine.state, History(), FACTS, rig.engine.state.now_ns)
    assert not documented().differences(json.loads(json.dumps(told, allow_nan=False)), "status")
    found = told["watched"]
    assert isinstance(found, list)
    return found
