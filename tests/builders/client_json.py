"""Clients that hand on the venue's JSON as it came, in the words of the scenarios.

Such a client has a call of its own for each command; an adapter says which. Reading the answers is the same
for all of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

from tests.builders.client_words import (
    SYMBOL,
    Book,
    Candle,
    Day,
    Fill,
    Heard,
    Held,
    Level,
    Print,
    Refused,
    Symbol,
    Told,
    Wanted,
    aggregate_of,
    balances_of,
    book_of,
    candle_of,
    day_of,
    fees_of,
    fill_of,
    met_of,
    print_of,
    symbol_of,
    told_of,
    top_of,
)

_EVERY_LEVEL = 5_000


class JsonClient:
    """The part that all such clients share; an adapter overrides what is left open here."""

    errors: tuple[type[Exception], ...] = ()

    async def call(self, command: str, **params: Any) -> Any:
        """Ask by the client's own call for a command; return the venue's JSON."""
        raise AssertionError(f"the adapter has no {command}")

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request by the client's own means."""
        raise AssertionError(f"the adapter sends no {method} {path}")

    def usage(self) -> dict[str, int]:
        """Return what the last answer said about limits, by header in small letters."""
        raise AssertionError("the adapter shows no headers")

    def refusal(self, error: Exception) -> Refused:
        """Return what an error says."""
        raise AssertionError(f"the adapter reads no {type(error).__name__}")

    def hearing_account(self) -> AbstractAsyncContextManager[Heard]:
        """Listen to the account."""
        raise AssertionError("the adapter does not listen to the account")

    def hearing_market(self) -> AbstractAsyncContextManager[Heard]:
        """Listen to the market."""
        raise AssertionError("the adapter does not listen to the market")

    def keeping_book(self, *, every_ms: int) -> AbstractAsyncContextManager[Callable[[], Book | None]]:
        """Keep the book from its differences."""
        raise AssertionError(f"the adapter keeps no book every {every_ms} ms")

    async def symbol(self) -> Symbol:
        """Load the symbol."""
        return symbol_of(await self.call("info"))

    async def book(self) -> Book:
        """Ask for the book."""
        return book_of(await self.call("depth", symbol=SYMBOL, limit=_EVERY_LEVEL))

    async def prints(self) -> list[Print]:
        """Ask for public trades."""
        return [print_of(row) for row in await self.call("trades", symbol=SYMBOL)]

    async def aggregates(self) -> list[Print]:
        """Ask for aggregated trades."""
        return [aggregate_of(row) for row in await self.call("aggregates", symbol=SYMBOL)]

    async def candles(self, interval: str) -> list[Candle]:
        """Ask for candles."""
        return [candle_of(row) for row in await self.call("candles", symbol=SYMBOL, interval=interval)]

    async def average(self) -> Decimal:
        """Ask for the average price."""
        return Decimal((await self.call("average", symbol=SYMBOL))["price"])

    async def day(self) -> Day:
        """Ask for the day's statistics."""
        return day_of(await self.call("day", symbol=SYMBOL))

    async def top(self) -> tuple[Level, Level]:
        """Ask for the best bid and ask."""
        return top_of(await self.call("top", symbol=SYMBOL))

    async def place(self, wanted: Wanted) -> int:
        """Place an order; return its number."""
        return int((await self.call("place", **wanted.params()))["orderId"])

    async def check(self, wanted: Wanted) -> None:
        """Have an order tested."""
        await self.call("check", **wanted.params())

    async def query(self, number: int) -> Told:
        """Ask for one order."""
        return told_of(await self.call("query", symbol=SYMBOL, orderId=number))

    async def query_named(self, client_id: str) -> Told:
        """Ask for one order by the client's own id."""
        return told_of(await self.call("query", symbol=SYMBOL, origClientOrderId=client_id))

    async def open_orders(self) -> list[int]:
        """Ask for the open orders."""
        return [int(row["orderId"]) for row in await self.call("open", symbol=SYMBOL)]

    async def amend(self, number: int, size: str) -> None:
        """Make an order smaller where it stands."""
        answer = await self.call("amend", symbol=SYMBOL, orderId=number, newQty=size)
        assert answer["amendedOrder"]["orderId"] == number

    async def replace(self, number: int, wanted: Wanted, mode: str) -> int:
        """Cancel an order and place another; return its number."""
        params = wanted.params() | {"cancelReplaceMode": mode, "cancelOrderId": number}
        return int((await self.call("replace", **params))["newOrderResponse"]["orderId"])

    async def cancel(self, number: int) -> None:
        """Cancel an order."""
        assert (await self.call("cancel", symbol=SYMBOL, orderId=number))["status"] == "CANCELED"

    async def cancel_all(self) -> None:
        """Cancel every order."""
        rows = await self.call("cancel_all", symbol=SYMBOL)
        assert [row["status"] for row in rows] == ["CANCELED"] * len(rows)

    async def prevented(self, number: int) -> list[int]:
        """Ask for the matches of an order that were prevented; return the orders that it met."""
        return met_of(await self.call("prevented", symbol=SYMBOL, orderId=number), number)

    async def all_orders(self) -> list[Told]:
        """Ask for every order."""
        return [told_of(row) for row in await self.call("all", symbol=SYMBOL)]

    async def fills(self) -> list[Fill]:
        """Ask for the account's fills."""
        return [fill_of(row) for row in await self.call("fills", symbol=SYMBOL)]

    async def balances(self) -> dict[str, Held]:
        """Ask for the account."""
        return balances_of(await self.call("account"))

    async def fees(self) -> tuple[Decimal, Decimal]:
        """Ask for the fees of maker and taker."""
        return fees_of(await self.call("fees", symbol=SYMBOL))


class KeptBook:
    """A book made of a snapshot and differences, as the venue says that it is to be done.

    For clients that bring no cache of their own: they deliver both parts, nothing is joined for them.
    """

    def __init__(self) -> None:
        """Begin without a snapshot."""
        self._waiting: list[Mapping[str, Any]] = []
        self._sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
        self._last = -1

    def on_difference(self, event: Mapping[str, Any]) -> None:
        """Take a difference; fails if one is missing between it and the one before."""
        if self._last < 0:
            self._waiting.append(event)
            return
        if event["u"] <= self._last:
            return
        assert event["U"] <= self._last + 1, f"a gap between {self._last} and {event['U']}"
        self._last = event["u"]
        for side, rows in self._sides.items():
            for price, size in event[side]:
                rows[Decimal(price)] = Decimal(size)

    def on_snapshot(self, row: Mapping[str, Any]) -> None:
        """Take the snapshot; differences that came before are joined now."""
        self._sides = {
            short: {Decimal(price): Decimal(size) for price, size in row[name]}
            for short, name in (("b", "bids"), ("a", "asks"))
        }
        self._last = row["lastUpdateId"]
        for event in self._waiting:
            self.on_difference(event)

    def book(self) -> Book | None:
        """Return the book as it stands; None before the snapshot."""
        if self._last < 0:
            return None
        bids, asks = (
            tuple(
                Level(price, size)
                for price, size in sorted(self._sides[side].items(), reverse=side == "b")
                if size
            )
            for side in ("b", "a")
        )
        return Book(bids, asks)


@asynccontextmanager
async def keeping(client: JsonClient, kept: KeptBook) -> AsyncIterator[Callable[[], Book | None]]:
    """Fetch the snapshot for differences that already come; yield the book."""
    kept.on_snapshot(await client.call("depth", symbol=SYMBOL, limit=_EVERY_LEVEL))
    yield kept.book
