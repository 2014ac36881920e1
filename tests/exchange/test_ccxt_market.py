"""The unmodified ccxt.pro client reads the market side: candles, statistics, trades, and their streams."""

import asyncio
from typing import Any

from mm.domain.sides import Side
from tests.builders.exchange import DEADLINE_S, ccxt_client, hit, rest, running

SYMBOL = "BTC/USDT"


async def _soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, DEADLINE_S)


async def test_ccxt_fetches_candles_statistics_and_trades() -> None:
    """Its own parsers find every number where they look for it."""
    async with running() as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        market = client.market(SYMBOL)
        assert market["limits"]["market"]["max"] == 100.0
        rest(exchange, Side.SELL, 6_000_000, 1_000)
        rest(exchange, Side.BUY, 5_999_000, 1_000)
        hit(exchange, Side.BUY, 300)
        hit(exchange, Side.SELL, 100)
        (candle,) = await client.fetch_ohlcv(SYMBOL, "1d")
        assert candle[1:] == [60_000.0, 60_000.0, 59_990.0, 59_990.0, 0.004]
        ticker = await client.fetch_ticker(SYMBOL)
        assert (ticker["last"], ticker["baseVolume"], ticker["quoteVolume"]) == (59_990.0, 0.004, 239.99)
        assert (ticker["bid"], ticker["ask"], ticker["vwap"]) == (59_990.0, 60_000.0, 59_997.5)
        assert (await client.fetch_tickers([SYMBOL]))[SYMBOL]["change"] == -10.0
        trades = await client.fetch_trades(SYMBOL)
        assert [(row["id"], row["side"], row["amount"]) for row in trades] == [
            ("1", "buy", 0.003),
            ("2", "sell", 0.001),
        ]
        assert (await client.fetch_bids_asks([SYMBOL]))[SYMBOL]["askVolume"] == 0.007
        assert (await client.fetch_last_prices([SYMBOL]))[SYMBOL]["price"] == 59_990.0


async def test_ccxt_watches_candles_statistics_and_trades() -> None:
    """In the demo market every stream has something to say within seconds."""
    async with running(preset="demo") as exchange, ccxt_client(exchange) as client:
        await client.load_markets()
        client.options["watchTrades"] = {"name": "aggTrade"}
        candles, ticker, trades = await _soon(
            asyncio.gather(
                client.watch_ohlcv(SYMBOL, "1s"),
                client.watch_ticker(SYMBOL, {"name": "ticker"}),
                client.watch_trades(SYMBOL),
            )
        )
        assert candles[-1][1] > 0
        assert ticker["bid"] < ticker["ask"]
        assert trades[0]["price"] > 0
