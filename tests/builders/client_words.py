"""What a client of the venue is asked and what it tells, in words that no client owns.

A scenario speaks these alone, so that it is written once; how a client says them is its adapter's affair.
Numbers are exact: whoever gets floats from a client turns their shortest text into a decimal.
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

SYMBOL = "BTCUSDT"
"""The one symbol, as the venue writes it."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who asks. Fields: secret: of an HMAC key, or the PEM of a private key."""

    key: str
    secret: str

    @property
    def is_private_key(self) -> bool:
        """Whether signatures are made with a private key."""
        return "PRIVATE KEY" in self.secret

    def __str__(self) -> str:
        """Name the kind of signature."""
        return "ed25519" if self.is_private_key else "hmac"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An order to place, in the venue's words."""

    side: str
    kind: str
    size: str
    price: str | None = None
    time_in_force: str | None = None
    stp: str | None = None
    client_id: str | None = None

    def params(self) -> dict[str, str]:
        """Return the venue's parameters."""
        given = {
            "symbol": SYMBOL,
            "side": self.side,
            "type": self.kind,
            "quantity": self.size,
            "price": self.price,
            "timeInForce": self.time_in_force,
            "selfTradePreventionMode": self.stp,
            "newClientOrderId": self.client_id,
        }
        return {name: value for name, value in given.items() if value is not None}


def limit(side: str, size: str, price: str, **changes: Any) -> Wanted:
    """Return a limit order, good till cancelled."""
    return Wanted(side=side, kind="LIMIT", size=size, price=price, **({"time_in_force": "GTC"} | changes))


def maker(side: str, size: str, price: str, **changes: Any) -> Wanted:
    """Return an order that only rests."""
    return Wanted(side=side, kind="LIMIT_MAKER", size=size, price=price, **changes)


class Symbol(NamedTuple):
    """The grid of the symbol."""

    tick: Decimal
    lot: Decimal
    value_min: Decimal


class Level(NamedTuple):
    """One price of a book."""

    price: Decimal
    size: Decimal


class Book(NamedTuple):
    """Both sides, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Print(NamedTuple):
    """One public trade, or several of one taker and one price."""

    number: int
    price: Decimal
    size: Decimal


class Candle(NamedTuple):
    """One candle."""

    first: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    size: Decimal


class Day(NamedTuple):
    """The day's statistics."""

    last: Decimal
    high: Decimal
    low: Decimal
    size: Decimal


class Told(NamedTuple):
    """Where an order stands. Fields: state: open, closed, canceled or expired."""

    number: int
    client_id: str
    state: str
    size: Decimal
    filled: Decimal


class Fill(NamedTuple):
    """One fill of the account."""

    number: int
    order: int
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool


class Held(NamedTuple):
    """What the account holds of an asset."""

    free: Decimal
    locked: Decimal


class Refused(NamedTuple):
    """A refusal as a client shows it. Fields: kind: its class; whatever the client hides is None."""

    kind: str
    code: int | None
    text: str
    data: Mapping[str, Any] | None = None
    status: int | None = None
    wait_s: int | None = None


@dataclass
class Heard:
    """What a client hears, in order of arrival. Fields: events: of the account; the others: of the market."""

    events: list[Mapping[str, Any]] = field(default_factory=list)
    prints: list[Print] = field(default_factory=list)
    aggregates: list[Print] = field(default_factory=list)
    candles: list[Candle] = field(default_factory=list)
    tops: list[tuple[Level, Level]] = field(default_factory=list)

    def steps(self, order: int) -> list[str]:
        """Return the executions of one order."""
        return [event["x"] for event in self.events if event.get("i") == order]


class Client(Protocol):
    """A client of the venue that is pointed at the local exchange.

    Fields: errors: what it raises when it is refused.
    """

    errors: tuple[type[Exception], ...]

    async def symbol(self) -> Symbol:
        """Load the symbol."""

    async def book(self) -> Book:
        """Ask for the book."""

    async def prints(self) -> list[Print]:
        """Ask for public trades."""

    async def aggregates(self) -> list[Print]:
        """Ask for aggregated trades."""

    async def candles(self, interval: str) -> list[Candle]:
        """Ask for candles."""

    async def average(self) -> Decimal:
        """Ask for the average price."""

    async def day(self) -> Day:
        """Ask for the day's statistics."""

    async def top(self) -> tuple[Level, Level]:
        """Ask for the best bid and ask."""

    async def place(self, wanted: Wanted) -> int:
        """Place an order; return its number."""

    async def check(self, wanted: Wanted) -> None:
        """Have an order tested."""

    async def query(self, number: int) -> Told:
        """Ask for one order."""

    async def query_named(self, client_id: str) -> Told:
        """Ask for one order by the client's own id."""

    async def open_orders(self) -> list[int]:
        """Ask for the open orders."""

    async def amend(self, number: int, size: str) -> None:
        """Make an order smaller where it stands."""

    async def replace(self, number: int, wanted: Wanted, mode: str) -> int:
        """Cancel an order and place another; return its number."""

    async def cancel(self, number: int) -> None:
        """Cancel an order."""

    async def cancel_all(self) -> None:
        """Cancel every order."""

    async def prevented(self, number: int) -> list[int]:
        """Ask for the matches of an order that were prevented; return the orders that it met."""

    async def all_orders(self) -> list[Told]:
        """Ask for every order."""

    async def fills(self) -> list[Fill]:
        """Ask for the account's fills."""

    async def balances(self) -> dict[str, Held]:
        """Ask for the account."""

    async def fees(self) -> tuple[Decimal, Decimal]:
        """Ask for the fees of maker and taker."""

    async def send(self, method: str, path: str, params: Mapping[str, Any], *, signed: bool) -> Any:
        """Send any request by the client's own means."""

    def usage(self) -> dict[str, int]:
        """Return what the last answer said about limits, by header in small letters."""

    def refusal(self, error: Exception) -> Refused:
        """Return what an error says."""

    def hearing_account(self) -> AbstractAsyncContextManager[Heard]:
        """Listen to the account."""

    def hearing_market(self) -> AbstractAsyncContextManager[Heard]:
        """Listen to trades, aggregates, candles and best prices."""

    def keeping_book(self, *, every_ms: int) -> AbstractAsyncContextManager[Callable[[], Book | None]]:
        """Keep the book from its differences; the call returns it as it stands."""


Open = Callable[..., AbstractAsyncContextManager[Client]]
"""Opens a client of an exchange: `open(exchange, credentials=...)`."""

Scenario = Callable[[Any, Client], Coroutine[Any, Any, None]]


async def refused(client: Client, request: Coroutine[Any, Any, object]) -> Refused:
    """Return how a request was refused; fails if it was not."""
    try:
        answer = await request
    except client.errors as error:
        return client.refusal(error)
    raise AssertionError(f"not refused: {answer}")


# What follows reads the venue's JSON, for clients that hand it on as it came.
_STATES = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}


def symbol_of(info: Mapping[str, Any]) -> Symbol:
    """Read `exchangeInfo`."""
    (row,) = info["symbols"]
    filters = {found["filterType"]: found for found in row["filters"]}
    return Symbol(
        Decimal(filters["PRICE_FILTER"]["tickSize"]),
        Decimal(filters["LOT_SIZE"]["stepSize"]),
        Decimal(filters["NOTIONAL"]["minNotional"]),
    )


def levels_of(rows: Any) -> tuple[Level, ...]:
    """Read one side of a book; sizes may be floats."""
    return tuple(Level(Decimal(str(row[0])), Decimal(str(row[1]))) for row in rows)


def book_of(row: Mapping[str, Any]) -> Book:
    """Read `depth`."""
    return Book(levels_of(row["bids"]), levels_of(row["asks"]))


def print_of(row: Mapping[str, Any]) -> Print:
    """Read one row of `trades`."""
    return Print(int(row["id"]), Decimal(row["price"]), Decimal(row["qty"]))


def aggregate_of(row: Mapping[str, Any]) -> Print:
    """Read one row of `aggTrades`, or its event."""
    return Print(int(row["a"]), Decimal(row["p"]), Decimal(row["q"]))


def print_event_of(row: Mapping[str, Any]) -> Print:
    """Read the event of a trade."""
    return Print(int(row["t"]), Decimal(row["p"]), Decimal(row["q"]))


def candle_of(row: Any) -> Candle:
    """Read one row of `klines`."""
    return Candle(*(Decimal(str(value)) for value in row[1:6]))


def candle_event_of(row: Mapping[str, Any]) -> Candle:
    """Read the event of a candle."""
    return Candle(*(Decimal(row["k"][name]) for name in "ohlcv"))


def day_of(row: Mapping[str, Any]) -> Day:
    """Read `ticker/24hr`."""
    return Day(*(Decimal(row[name]) for name in ("lastPrice", "highPrice", "lowPrice", "volume")))


def top_of(row: Mapping[str, Any]) -> tuple[Level, Level]:
    """Read `ticker/bookTicker`."""
    values = [Decimal(row[name]) for name in ("bidPrice", "bidQty", "askPrice", "askQty")]
    return Level(*values[:2]), Level(*values[2:])


def top_event_of(row: Mapping[str, Any]) -> tuple[Level, Level]:
    """Read the event of best prices."""
    values = [Decimal(row[name]) for name in ("b", "B", "a", "A")]
    return Level(*values[:2]), Level(*values[2:])


def told_of(row: Mapping[str, Any]) -> Told:
    """Read an order."""
    return Told(
        int(row["orderId"]),
        row["clientOrderId"],
        _STATES[row["status"]],
        Decimal(row["origQty"]),
        Decimal(row["executedQty"]),
    )


def fill_of(row: Mapping[str, Any]) -> Fill:
    """Read one row of `myTrades`."""
    return Fill(
        int(row["id"]),
        int(row["orderId"]),
        Decimal(row["price"]),
        Decimal(row["qty"]),
        Decimal(row["commission"]),
        row["commissionAsset"],
        row["isMaker"],
    )


def balances_of(row: Mapping[str, Any]) -> dict[str, Held]:
    """Read `account`."""
    return {held["asset"]: Held(Decimal(held["free"]), Decimal(held["locked"])) for held in row["balances"]}


def fees_of(row: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """Read `account/commission`."""
    standard = row["standardCommission"]
    return Decimal(standard["maker"]), Decimal(standard["taker"])


def met_of(rows: Any, number: int) -> list[int]:
    """Read `myPreventedMatches`: the other order of each."""
    pairs = [(int(row["makerOrderId"]), int(row["takerOrderId"])) for row in rows]
    return [taker if maker == number else maker for maker, taker in pairs]


def hear(heard: Heard, event: Mapping[str, Any]) -> None:
    """Put an event of a market stream where it belongs."""
    match event.get("e"):
        case "trade":
            heard.prints.append(print_event_of(event))
        case "aggTrade":
            heard.aggregates.append(aggregate_of(event))
        case "kline":
            heard.candles.append(candle_event_of(event))
        case None if "B" in event:
            heard.tops.append(top_event_of(event))
