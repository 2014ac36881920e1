"""What anybody may ask about the market, over REST and the WebSocket API alike."""

from typing import Any

import msgspec
import pytest

from mm.domain.sides import Side
from mm.exchange.server import LocalExchange
from mm.sim.orders import OrderType, StpMode
from tests.builders.exchange import (
    KEY,
    ManualClock,
    RawClient,
    frames,
    hit,
    raw_client,
    rest,
    running,
)

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
ROUTES = {
    "depth": "depth",
    "exchangeInfo": "exchangeInfo",
    "trades": "trades.recent",
    "aggTrades": "trades.aggregate",
    "klines": "klines",
    "uiKlines": "uiKlines",
    "avgPrice": "avgPrice",
    "ticker/24hr": "ticker.24hr",
    "ticker/price": "ticker.price",
    "ticker/bookTicker": "ticker.book",
}
"""REST path and the name of the same command on the WebSocket API."""


async def _get(client: RawClient, path: str, **params: Any) -> Any:
    texts = {
        name: msgspec.json.encode(value).decode() if isinstance(value, list) else str(value)
        for name, value in params.items()
    }
    query = "&".join(f"{name}={text}" for name, text in texts.items())
    return await client.send("GET", f"/api/v3/{path}", query, key=None)


def _later(exchange: LocalExchange, clock: ManualClock, *, ms: int) -> None:
    """Let time pass; after a jump the market catches up in slices."""
    clock.advance(ms=ms)
    while exchange.floor.now_ns < clock.now_ns():
        exchange.floor.sync()


def _trade(exchange: LocalExchange, clock: ManualClock) -> None:
    """Five trades: one taker meets three makers at two prices, then two more takers, a minute apart."""
    rest(exchange, Side.SELL, 6_000_000, 100)
    rest(exchange, Side.SELL, 6_000_000, 200)
    rest(exchange, Side.SELL, 6_000_100, 500)
    hit(exchange, Side.BUY, 400)
    _later(exchange, clock, ms=60_000)
    rest(exchange, Side.BUY, 5_999_000, 1_000)
    hit(exchange, Side.SELL, 100)
    _later(exchange, clock, ms=60_000)
    hit(exchange, Side.SELL, 50)


async def test_fills_of_one_taker_at_one_price_are_one_aggregate() -> None:
    """First and last trade id; from an id on, of a span, or the latest."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        _trade(exchange, clock)
        rows = await _get(client, "aggTrades", symbol="BTCUSDT")
        assert rows[0] == {
            "a": 1,
            "p": "60000.00000000",
            "q": "0.00300000",
            "f": 1,
            "l": 2,
            "T": NOW_MS,
            "m": False,
            "M": True,
        }
        assert [(row["a"], row["f"], row["l"], row["q"], row["m"]) for row in rows[1:]] == [
            (2, 3, 3, "0.00100000", False),
            (3, 4, 4, "0.00100000", True),
            (4, 5, 5, "0.00050000", True),
        ]
        for params, expected in (
            ({"fromId": 3}, [3, 4]),
            ({"fromId": 2, "limit": 2}, [2, 3]),
            ({"limit": 1}, [4]),
            ({"startTime": NOW_MS + 60_000}, [3, 4]),
            ({"endTime": NOW_MS}, [1, 2]),
            ({"startTime": NOW_MS, "endTime": NOW_MS + 60_000, "limit": 2}, [1, 2]),
            ({"startTime": NOW_MS + 1, "endTime": NOW_MS + 60_000}, [3]),
        ):
            found = await _get(client, "aggTrades", symbol="BTCUSDT", **params)
            assert [row["a"] for row in found] == expected, params
        refusal = await _get(client, "aggTrades", symbol="BTCUSDT", fromId=1, startTime=1)
        assert refusal == {"code": -1128, "msg": "Combination of optional parameters invalid."}


async def test_candles_have_twelve_columns_and_no_gaps() -> None:
    """Integers of money as text; the quiet seconds between two trades carry the close before."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        assert await _get(client, "klines", symbol="BTCUSDT", interval="1m") == []
        _trade(exchange, clock)
        rows = await _get(client, "klines", symbol="BTCUSDT", interval="1m")
        begin = NOW_MS - NOW_MS % 60_000
        assert rows[0] == [
            begin,
            "60000.00000000",
            "60001.00000000",
            "60000.00000000",
            "60001.00000000",
            "0.00400000",
            begin + 59_999,
            "240.00100000",
            3,
            "0.00400000",
            "240.00100000",
            "0",
        ]
        assert [(row[0], row[4], row[8], row[9]) for row in rows[1:]] == [
            (begin + 60_000, "59990.00000000", 1, "0.00000000"),
            (begin + 120_000, "59990.00000000", 1, "0.00000000"),
        ]
        assert await _get(client, "uiKlines", symbol="BTCUSDT", interval="1m") == rows
        seconds = await _get(client, "klines", symbol="BTCUSDT", interval="1s", limit=1_000)
        assert [row[0] for row in seconds] == [NOW_MS + 1_000 * number for number in range(121)]
        assert [row[8] for row in seconds[1:60]] == [0] * 59
        assert seconds[1][1:6] == ["60001.00000000"] * 4 + ["0.00000000"]


async def test_candles_are_chosen_by_when_they_open() -> None:
    """Inclusive on both ends; a start asks for the first ones, an end alone for the last ones."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        _trade(exchange, clock)
        for params, expected in (
            ({"limit": 2}, [119, 120]),
            ({"startTime": NOW_MS + 5_000, "limit": 2}, [5, 6]),
            ({"startTime": NOW_MS + 4_001, "limit": 2}, [5, 6]),
            ({"endTime": NOW_MS + 5_999, "limit": 2}, [4, 5]),
            ({"startTime": NOW_MS + 5_000, "endTime": NOW_MS + 6_000}, [5, 6]),
            ({"startTime": 0, "limit": 1}, [0]),
            ({"startTime": 10**19}, []),
            ({"endTime": 10**19, "limit": 1}, [120]),
            ({"endTime": 1}, []),
        ):
            rows = await _get(client, "klines", symbol="BTCUSDT", interval="1s", **params)
            assert [(row[0] - NOW_MS) // 1_000 for row in rows] == expected, params


async def test_average_and_day_statistics_follow_the_trades() -> None:
    """Five minutes and a day; what has left the window is no longer counted."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        empty = await _get(client, "ticker/24hr", symbol="BTCUSDT")
        assert (empty["count"], empty["firstId"], empty["lastPrice"]) == (0, -1, "0.00000000")
        nothing = await _get(client, "avgPrice", symbol="BTCUSDT")
        assert nothing == {"mins": 5, "price": "0.00000000", "closeTime": 0}
        _trade(exchange, clock)
        average = await _get(client, "avgPrice", symbol="BTCUSDT")
        assert average == {"mins": 5, "price": "59997.45454545", "closeTime": NOW_MS + 120_000}
        now_ms = NOW_MS + 120_000
        full = await _get(client, "ticker/24hr", symbol="BTCUSDT")
        assert full == {
            "symbol": "BTCUSDT",
            "priceChange": "-10.00000000",
            "priceChangePercent": "-0.017",
            "weightedAvgPrice": "59997.45454545",
            "prevClosePrice": "60000.00000000",
            "lastPrice": "59990.00000000",
            "lastQty": "0.00050000",
            "bidPrice": "59990.00000000",
            "bidQty": "0.00850000",
            "askPrice": "60001.00000000",
            "askQty": "0.00400000",
            "openPrice": "60000.00000000",
            "highPrice": "60001.00000000",
            "lowPrice": "59990.00000000",
            "volume": "0.00550000",
            "quoteVolume": "329.98600000",
            "openTime": (now_ms - DAY_MS) // 60_000 * 60_000,
            "closeTime": now_ms,
            "firstId": 1,
            "lastId": 5,
            "count": 5,
        }
        mini = await _get(client, "ticker/24hr", symbol="BTCUSDT", type="MINI")
        assert list(mini) == [
            "symbol",
            "openPrice",
            "highPrice",
            "lowPrice",
            "lastPrice",
            "volume",
            "quoteVolume",
            "openTime",
            "closeTime",
            "firstId",
            "lastId",
            "count",
        ]
        assert mini == {name: full[name] for name in mini}
        _later(exchange, clock, ms=400_000)
        assert (await _get(client, "avgPrice", symbol="BTCUSDT"))["price"] == "59990.00000000"
        _later(exchange, clock, ms=DAY_MS)
        later = await _get(client, "ticker/24hr", symbol="BTCUSDT")
        assert (later["count"], later["volume"], later["lastPrice"]) == (0, "0.00000000", "59990.00000000")
        assert (later["prevClosePrice"], later["priceChangePercent"]) == ("59990.00000000", "0.000")


async def test_prices_come_as_one_object_or_as_a_list() -> None:
    """`symbol` names one; `symbols` and none give a list."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        _trade(exchange, clock)
        for path in ("ticker/price", "ticker/bookTicker", "ticker/24hr"):
            one = await _get(client, path, symbol="BTCUSDT")
            assert await _get(client, path, symbols=["BTCUSDT"]) == [one]
            assert await _get(client, path) == [one]
        assert await _get(client, "ticker/price", symbol="BTCUSDT") == {
            "symbol": "BTCUSDT",
            "price": "59990.00000000",
        }


async def test_the_book_is_cut_to_the_limit_and_costs_by_it() -> None:
    """1 to 5000 levels; the documented weights."""
    clock = ManualClock()
    async with running(clock) as exchange, raw_client(exchange) as client:
        for number in range(7):
            rest(exchange, Side.BUY, 6_000_000 - number, 100)
        for limit, levels, weight in ((1, 1, 5), (5, 5, 5), (500, 7, 25), (1_000, 7, 50), (9_000, 7, 250)):
            before = exchange.floor.limits.weight.used
            book = await _get(client, "depth", symbol="BTCUSDT", limit=limit)
            assert len(book["bids"]) == levels
            assert exchange.floor.limits.weight.used - before == weight
        book = await _get(client, "depth", symbol="BTCUSDT")
        assert book["lastUpdateId"] == 7
        assert book["bids"][0] == ["60000.00000000", "0.00100000"]


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("aggTrades", {"symbol": "BTCUSDT"}, 4),
        ("klines", {"symbol": "BTCUSDT", "interval": "1h"}, 2),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": ["BTCUSDT"]}, 2),
        ("ticker/24hr", {"symbols": [f"S{number}" for number in range(21)]}, 40),
        ("ticker/24hr", {"symbols": [f"S{number}" for number in range(101)]}, 80),
        ("ticker/24hr", {}, 80),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {}, 4),
        ("ticker/bookTicker", {}, 4),
    ],
)
async def test_requests_have_the_documented_weights(path: str, params: dict[str, Any], weight: int) -> None:
    """Charged even if the answer is a refusal."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        await _get(client, path, **params)
        assert exchange.floor.limits.weight.used == weight


@pytest.mark.parametrize(
    ("path", "params", "code", "text"),
    [
        ("klines", {"interval": "1m"}, -1102, "Mandatory parameter 'symbol' was not sent, "),
        ("klines", {"symbol": "BTCUSDT"}, -1102, "Mandatory parameter 'interval' was not sent, "),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        ("klines", {"symbol": "BTCUSDT", "interval": "1H"}, -1120, "Invalid interval."),
        ("klines", {"symbol": "ETHUSDT", "interval": "1m"}, -1121, "Invalid symbol."),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": "x"}, -1100, "Illegal characters found in "),
        ("ticker/24hr", {"type": "HUGE"}, -1139, "Invalid ticker type."),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": ["BTCUSDT"]}, -1128, "Combination of "),
        ("ticker/price", {"symbols": ["BTCUSDT", "BTCUSDT"]}, -1151, "Symbol is present multiple "),
        ("ticker/price", {"symbols": ["ETHUSDT"]}, -1121, "Invalid symbol."),
        ("ticker/price", {"symbols": []}, -1130, "Data sent for parameter 'symbols' is not valid."),
        ("ticker/bookTicker", {"symbols": "BTC"}, -1130, "Data sent for parameter 'symbols' is not "),
        ("exchangeInfo", {"symbolStatus": "ASLEEP"}, -1122, "Invalid symbolStatus."),
        ("exchangeInfo", {"symbol": "BTCUSDT", "permissions": "SPOT"}, -1128, "Combination of "),
        ("exchangeInfo", {"permissions": "[1"}, -1130, "Data sent for parameter 'permissions' is "),
        ("avgPrice", {"symbol": "BTCUSDT", "mins": 5}, -1104, "Not all sent parameters were read; "),
    ],
)
async def test_a_bad_request_is_refused_as_the_venue_does(
    path: str, params: dict[str, Any], code: int, text: str
) -> None:
    """Code and text, the same on both surfaces."""
    async with (
        running(ManualClock()) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws-api/v3") as ws,
    ):
        refusal = await _get(client, path, **params)
        assert (client.status, refusal["code"]) == (400, code)
        assert refusal["msg"].startswith(text)
        answer = await ws.ask({"id": 1, "method": ROUTES[path], "params": params})
        assert answer["error"] == refusal


async def test_both_surfaces_answer_alike() -> None:
    """Every public command, with arrays as arrays on the socket."""
    clock = ManualClock()
    async with (
        running(clock) as exchange,
        raw_client(exchange) as client,
        frames(client, "/ws-api/v3") as ws,
    ):
        _trade(exchange, clock)
        for path, name in ROUTES.items():
            params: dict[str, Any] = {"symbol": "BTCUSDT"}
            if path.startswith("ticker") or path == "exchangeInfo":
                params = {"symbols": ["BTCUSDT"]}
            if path.endswith("lines"):
                params |= {"interval": "1m", "limit": 2}
            answer = await ws.ask({"id": path, "method": name, "params": params})
            assert answer["result"] == await _get(client, path, **params), path
        assert (await ws.ask({"id": 1, "method": "ping"}))["result"] == {}
        assert (await ws.ask({"id": 1, "method": "time"}))["result"] == {"serverTime": NOW_MS + 120_000}


async def test_exchange_info_says_what_the_venue_does() -> None:
    """Limits, filters, permissions and what may be done with an order."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        info = await _get(client, "exchangeInfo")
        assert {row["rateLimitType"] for row in info["rateLimits"]} >= {"REQUEST_WEIGHT", "ORDERS"}
        (symbol,) = info["symbols"]
        filters = {row.pop("filterType"): row for row in symbol["filters"]}
        assert filters["PERCENT_PRICE_BY_SIDE"] == {
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        }
        assert filters["MAX_NUM_ORDERS"] == {"maxNumOrders": 200}
        assert set(filters["MARKET_LOT_SIZE"]) == {"minQty", "maxQty", "stepSize"}
        assert filters["NOTIONAL"]["applyMaxToMarket"] is False
        assert symbol["permissionSets"] == [["SPOT"]]
        assert (symbol["cancelReplaceAllowed"], symbol["amendAllowed"]) == (True, True)
        assert symbol["allowedSelfTradePreventionModes"] == [mode.value for mode in StpMode]
        assert symbol["orderTypes"] == [kind.value for kind in OrderType]
        for params, count in (
            ({"permissions": "SPOT"}, 1),
            ({"permissions": ["MARGIN", "SPOT"]}, 1),
            ({"permissions": "MARGIN"}, 0),
            ({"symbolStatus": "TRADING"}, 1),
            ({"symbolStatus": "HALT"}, 0),
        ):
            assert len((await _get(client, "exchangeInfo", **params))["symbols"]) == count, params
        bare = await _get(client, "exchangeInfo", symbol="BTCUSDT", showPermissionSets="false")
        assert bare["symbols"][0]["permissionSets"] == []


async def test_public_commands_need_no_key() -> None:
    """A key that comes along does no harm."""
    async with running(ManualClock()) as exchange, raw_client(exchange) as client:
        assert await client.send("GET", "/api/v3/avgPrice", "symbol=BTCUSDT", key=KEY)
        assert client.status == 200
