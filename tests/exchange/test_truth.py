"""The truth door: what it tells, in integers, and that it can be asked for parts."""

from mm.domain.sides import Side
from tests.builders.exchange import ManualClock, hit, raw_client, rest, running

START_NS = 1_700_000_000_000_000_000


async def test_the_truth_holds_tape_orders_balances_and_counters() -> None:
    """One maker's fill, one cancellation, one refusal: everything with owners and times."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        placed = await client.place(newClientOrderId="mine")
        clock.advance(ms=10)
        hit(exchange, Side.SELL, 40)
        exchange.pump()
        await client.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"])
        await client.place(side="UP")
        await client.place(newClientOrderId="open")
        truth = await client.send("GET", "/_mm/truth", key=None)
        assert truth == truth | {
            "seed": 1,
            "preset": "empty",
            "time_scale": 1,
            "start_ns": START_NS,
            "uptime_ns": 10_000_000,
            "client": "client",
        }
        assert (truth["instrument"]["tick_lot_atoms"], truth["instrument"]["maker_fee_ppm"]) == (10, 50)
        assert truth["counters"] == {
            "orders_placed": 2,
            "orders_amended": 0,
            "orders_cancelled": 1,
            "orders_rejected": 1,
            "cancels_rejected": 0,
            "fills": 1,
            "trades": 1,
            "self_trades": 0,
            "prevented_matches": 0,
            "first_order_ns": START_NS,
            "first_fill_ns": START_NS,
            "open_orders": 1,
            "requests": 4,
            "faults": {},
        }
        assert truth["tape"] == [
            {
                "trade_id": 1,
                "ts_ns": START_NS,
                "price_ticks": 5_900_000,
                "size_lots": 40,
                "taker_side": "sell",
                "maker_owner": "client",
                "taker_owner": "passer-by",
                "maker_order_id": 1,
                "taker_order_id": 2,
            }
        ]
        assert truth["balances_at_start"]["BTC"] == {"free_atoms": 10**8, "locked_atoms": 0}
        assert truth["balances"]["BTC"] == {"free_atoms": 10**8 + 40_000 - 2, "locked_atoms": 0}
        assert [row["client_id"] for row in truth["open_orders"]] == ["open"]
        mine = truth["orders"][0]
        assert [(step["execution"], step["status"]) for step in mine["history"]] == [
            ("NEW", "NEW"),
            ("TRADE", "PARTIALLY_FILLED"),
            ("CANCELED", "CANCELED"),
        ]
        assert (mine["history"][1]["fee_atoms"], mine["history"][1]["fee_asset"]) == (2, "BTC")


async def test_the_truth_can_be_asked_for_parts() -> None:
    """Only what is named; unknown names are left out."""
    async with running() as exchange, raw_client(exchange) as client:
        parts = await client.send("GET", "/_mm/truth", "only=counters,open_orders,nothing")
        assert list(parts)[-2:] == ["counters", "open_orders"]
        assert "tape" not in parts
        assert parts["counters"]["first_fill_ns"] is None


async def test_prevented_matches_and_self_trades_are_counted() -> None:
    """A prevented match is listed with both orders; without prevention the trade counts as a self-trade."""
    async with running() as exchange, raw_client(exchange) as client:
        sell = {"side": "SELL", "type": "LIMIT", "timeInForce": "IOC"}
        for mode in ("EXPIRE_MAKER", "NONE"):
            await client.place()
            await client.place(selfTradePreventionMode=mode, **sell)
        truth = await client.send("GET", "/_mm/truth")
        assert truth["prevented_matches"] == [
            truth["prevented_matches"][0]
            | {
                "prevention_id": 1,
                "owner": "client",
                "maker_order_id": 1,
                "taker_order_id": 2,
                "maker_lots": 100,
                "taker_lots": 0,
            }
        ]
        counters = truth["counters"]
        assert (counters["prevented_matches"], counters["self_trades"], counters["fills"]) == (1, 1, 2)


async def test_what_is_remembered_is_bounded_but_open_orders_stay() -> None:
    """The oldest closed orders and trades go first; totals do not shrink."""
    async with running(orders_max=2, tape_max=2) as exchange, raw_client(exchange) as client:
        await client.place(newClientOrderId="stays")
        for _ in range(4):
            rest(exchange, Side.BUY, 5_950_000, 100)
            await client.place(newClientOrderId="same", type="MARKET", price=None, side="SELL")
        truth = await client.send("GET", "/_mm/truth")
        assert [row["client_id"] for row in truth["orders"]] == ["stays", "same", "same"]
        assert [row["trade_id"] for row in truth["tape"]] == [3, 4]
        assert truth["counters"]["fills"] == 4
        found = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same")
        assert found["orderId"] == truth["orders"][-1]["order_id"]
        for number in range(3):
            fields = {"newClientOrderId": f"later-{number}", "type": "MARKET", "price": None, "side": "SELL"}
            rest(exchange, Side.BUY, 5_950_000, 100)
            await client.place(**fields)
        gone = await client.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same")
        assert gone["code"] == -2013
