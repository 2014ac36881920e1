"""Orders on a recorded market: they rest behind what is displayed and fill by what the recording shows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from mm.exchange.truth import truth
from mm.sim.accounts import Accounts
from tests.builders.exchange import Frames, RawClient, frames, raw_client
from tests.builders.recordings import Tape
from tests.builders.replays import Played, played

BID, ASK = "61000.00000000", "61000.01000000"
"""The best prices of the builder's book: 1.5 are bid, 0.7 are asked."""

SUBSCRIBE_USER = "userDataStream.subscribe.signature"


@asynccontextmanager
async def trading(folder: Path, *records: Tape, **options: Any) -> AsyncIterator[tuple[Played, RawClient]]:
    """A replay of the first tape, whose snapshot has been served, and a client of it."""
    async with (
        played(records[0].save(folder / "tape"), **options) as replay,
        raw_client(replay.exchange) as client,
    ):
        replay.clock.start()
        replay.play(60)
        yield replay, client


def book() -> Tape:
    """A tape that begins with a trade, for the grid, and the whole book."""
    return Tape().trade("61000.00000000", "0.00001000", buyer_is_maker=True).snapshot()


def total(replay: Played, asset: str) -> int:
    """All atoms of an asset, whoever holds them."""
    accounts: Accounts = replay.market.world.accounts
    return accounts.total(asset)


async def followed(client: RawClient, ws: Frames) -> None:
    """Subscribe to the user stream."""
    answer = await ws.ask({"id": 1, "method": SUBSCRIBE_USER, "params": client.socket_params()})
    assert answer["status"] == 200


async def next_report(ws: Frames) -> Any:
    """The next report of an order; other events are dropped."""
    while True:
        event = (await ws.next()).get("event", {})
        if event.get("e") == "executionReport":
            return event


async def test_an_order_waits_behind_what_is_displayed_and_fills_by_prints(tmp_path: Path) -> None:
    """1.5 stand before it; what a print leaves of them is its own, at its price, as maker."""
    tape = book()
    tape.trade(BID, "1.00000000", buyer_is_maker=True)
    tape.trade(BID, "0.60000000", buyer_is_maker=True)
    tape.trade(BID, "5.00000000", buyer_is_maker=True)
    async with trading(tmp_path, tape) as (replay, client), frames(client, "/ws-api/v3") as ws:
        await followed(client, ws)
        placed = await client.place(quantity="0.3", price=BID)
        ahead = [replay.market.ahead_atoms(placed["orderId"])]
        for _ in range(2):
            replay.play(50)
            ahead.append(replay.market.ahead_atoms(placed["orderId"]))
        assert ahead == [150_000_000, 50_000_000, 0]
        replay.play(50)
        assert replay.market.ahead_atoms(placed["orderId"]) is None
        reports = [(await next_report(ws)) for _ in range(3)]
        assert [(report["x"], report["l"], report["z"]) for report in reports] == [
            ("NEW", "0.00000000", "0.00000000"),
            ("TRADE", "0.10000000", "0.10000000"),
            ("TRADE", "0.20000000", "0.30000000"),
        ]
        assert all(report["m"] for report in reports[1:])
        order = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
        assert (order["status"], order["executedQty"]) == ("FILLED", "0.30000000")
        fills = await client.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")
        assert [(fill["price"], fill["qty"], fill["isMaker"]) for fill in fills] == [
            (BID, "0.10000000", True),
            (BID, "0.20000000", True),
        ]


async def test_the_queue_estimate_of_each_open_order_is_at_the_truth_door(tmp_path: Path) -> None:
    """In base atoms."""
    async with trading(tmp_path, book()) as (_, client):
        await client.place(quantity="0.3", price=BID)
        await client.place(quantity="0.3", price="60999.99")
        told = await client.send("GET", "/_mm/truth", "only=open_orders")
        assert [row["ahead_atoms"] for row in told["open_orders"]] == [150_000_000, 0]


async def test_what_takes_gets_what_is_displayed_once(tmp_path: Path) -> None:
    """IOC, FOK, MARKET and a crossing limit; a level gives its size one time."""
    async with trading(tmp_path, book()) as (_, client):

        async def take(**changes: Any) -> tuple[str, str]:
            answer = await client.place(newOrderRespType="RESULT", **changes)
            return answer["status"], answer["executedQty"]

        asked = {"type": "LIMIT", "price": ASK, "timeInForce": "IOC"}
        assert await take(**asked, quantity="0.5") == ("FILLED", "0.50000000")
        assert await take(**asked, quantity="0.5") == ("EXPIRED", "0.20000000")
        assert await take(**asked, quantity="0.5") == ("EXPIRED", "0.00000000")
        fok = {"type": "LIMIT", "price": "61000.50", "timeInForce": "FOK"}
        assert await take(**fok, quantity="3.5", side="BUY") == ("EXPIRED", "0.00000000")
        sold = {"type": "MARKET", "price": None, "side": "SELL"}
        assert await take(**sold, quantity="0.2") == ("FILLED", "0.20000000")
        crossing = {"type": "LIMIT", "price": "61000.50", "timeInForce": "GTC"}
        assert await take(**crossing, quantity="0.1") == ("FILLED", "0.10000000")
        refused = await client.place(price="61000.50", quantity="0.1")
        assert (refused["code"], refused["msg"]) == (-2010, "Order would immediately match and take.")


async def test_orders_are_amended_cancelled_replaced_and_queried(tmp_path: Path) -> None:
    """The same commands as on any market of the exchange; a smaller order keeps its place."""
    tape = book().trade(BID, "1.20000000", buyer_is_maker=True)
    async with trading(tmp_path, tape) as (replay, client):
        placed = await client.place(quantity="0.3", price=BID)
        replay.play(50)
        named = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        await client.signed("PUT", "/api/v3/order/amend/keepPriority", **named, newQty="0.1")
        assert client.status == 200
        assert replay.market.ahead_atoms(placed["orderId"]) == 30_000_000
        listed = await client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")
        assert [row["origQty"] for row in listed] == ["0.10000000"]
        cancelled = await client.signed("DELETE", "/api/v3/order", **named)
        assert cancelled["status"] == "CANCELED"
        assert (await client.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")) == []
        balances = (await client.signed("GET", "/api/v3/account"))["balances"]
        assert all(Decimal(row["locked"]) == 0 for row in balances)


async def test_money_is_conserved_but_for_what_the_market_brings(tmp_path: Path) -> None:
    """What the client gained of one asset it paid in the other, at the prices of its fills."""
    tape = book().trade(BID, "5.00000000", buyer_is_maker=True)
    async with trading(tmp_path, tape) as (replay, client):
        before = {row["asset"]: row for row in (await client.signed("GET", "/api/v3/account"))["balances"]}
        await client.place(quantity="0.3", price=BID)
        replay.play(50)
        after = {row["asset"]: row for row in (await client.signed("GET", "/api/v3/account"))["balances"]}
        gained = {asset: Decimal(after[asset]["free"]) - Decimal(before[asset]["free"]) for asset in after}
        assert gained["BTC"] == Decimal("0.3") * (1 - Decimal("0.001"))
        assert gained["USDT"] == -Decimal("0.3") * 61_000
        tape_rows = truth(replay.exchange.floor, replay.exchange._log, only="tape")["tape"]
        assert [(row["maker_owner"], row["taker_owner"]) for row in tape_rows] == [("client", "market")]


async def test_what_the_client_does_changes_no_recorded_frame(tmp_path: Path) -> None:
    """Its orders and fills are not displayed: the recording is what happened."""
    tape = book().trade(BID, "2.00000000", buyer_is_maker=True).diff(((BID, "0.50000000"),))
    async with trading(tmp_path, tape) as (replay, client), frames(client, "/ws") as ws:
        names = ["btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker"]
        await ws.ask({"method": "SUBSCRIBE", "params": names, "id": 1})
        await client.place(quantity="0.3", price=BID)
        await client.place(quantity="0.2", price=ASK, type="LIMIT", timeInForce="IOC")
        replay.play(200)
        assert [(await ws.next())["e"] for _ in range(2)] == ["trade", "depthUpdate"]
        shown = await client.send("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1")
        assert shown["bids"] == [[BID, "0.50000000"]]
        assert shown["asks"] == [[ASK, "0.70000000"]]


async def test_a_clock_that_was_set_while_time_stood_still_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """Who asked for the time, waited and only then listened is ahead by as long as that took."""
    async with played(book().save(tmp_path / "tape")) as replay, raw_client(replay.exchange) as client:
        asked_ms, asked_ns = client.now_ms(), replay.counter.ns
        replay.counter.ns += 20_000_000_000
        replay.clock.start()
        replay.play(100)

        def by_own_clock() -> int:
            return asked_ms + (replay.counter.ns - asked_ns) // 1_000_000

        await client.signed("GET", "/api/v3/account", timestamp=by_own_clock())
        assert client.status == 200
        late = await client.signed("GET", "/api/v3/account", timestamp=by_own_clock() + 2_000)
        assert late["code"] == -1021
