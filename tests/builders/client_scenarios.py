"""The life of a client on the exchange, written once: what it does, and what the exchange then knows.

Every scenario takes a running exchange with an empty market and a client that is pointed at it. Whatever the
client says it did is compared with the floor; counterparties are strangers with funds of their own.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.exchange.server import LocalExchange
from mm.sim.orders import Order
from mm.sim.reports import Fact, TopChange
from mm.sim.world import CLIENT
from tests.builders.client_words import (
    Book,
    Candle,
    Client,
    Day,
    Heard,
    Held,
    Level,
    Print,
    Refused,
    Told,
    Wanted,
    limit,
    maker,
    refused,
)
from tests.builders.exchange import ManualClock, hit, rest

DEADLINE_S = 60.0
"""How long a scenario waits for what has to come."""

_TICK_MS = 20
D = Decimal


async def _until(met: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not met():  # noqa: ASYNC110 # clients of several kinds share no event to wait for
                await asyncio.sleep(_TICK_MS / 1_000)
    except TimeoutError:
        raise AssertionError(f"it never came to this: {what}") from None


def _truth(exchange: LocalExchange, number: int) -> Order:
    return exchange.floor.records.orders[number].order


def _price(instrument: Instrument, ticks: int) -> Decimal:
    return D(instrument.quote_text(ticks * instrument.tick_atoms))


def _size(instrument: Instrument, lots: int) -> Decimal:
    return D(instrument.base_text(lots * instrument.lot_atoms))


def _book(exchange: LocalExchange) -> Book:
    instrument, market = exchange.floor.instrument, exchange.floor.displayed
    bids, asks = (
        tuple(
            Level(_price(instrument, row.price_ticks), D(instrument.base_text(row.size_atoms)))
            for row in market.depth(side, 5_000)
        )
        for side in (Side.BUY, Side.SELL)
    )
    return Book(bids, asks)


def _tape(exchange: LocalExchange) -> list[Print]:
    instrument = exchange.floor.instrument
    return [
        Print(trade.trade_id, _price(instrument, trade.price_ticks), _size(instrument, trade.size_lots))
        for trade in exchange.floor.records.tape
    ]


def _told(exchange: LocalExchange, number: int) -> tuple[str, Decimal]:
    order = _truth(exchange, number)
    return order.status.value, _size(exchange.floor.instrument, order.filled_lots)


async def reads_the_market(exchange: LocalExchange, client: Client) -> None:
    """Grid, book, trades, aggregates, candles, average, the day, best prices: each as the exchange has it."""
    assert await client.symbol() == (D("0.01"), D("0.00001"), D(5))
    rest(exchange, Side.SELL, 6_000_000, 1_000)
    rest(exchange, Side.SELL, 6_000_100, 700)
    rest(exchange, Side.BUY, 5_999_000, 1_000)
    rest(exchange, Side.BUY, 5_998_950, 444)
    hit(exchange, Side.BUY, 1_200)
    hit(exchange, Side.SELL, 100)
    assert await client.book() == _book(exchange)
    assert await client.prints() == _tape(exchange)
    assert [row.size for row in await client.aggregates()] == [D("0.01"), D("0.002"), D("0.001")]
    candle = Candle(D("60000"), D("60001"), D("59990"), D("59990"), D("0.013"))
    assert await client.candles("1M") == [candle]
    assert await client.average() == D("59999.38461538")
    assert await client.day() == Day(candle.last, candle.high, candle.low, candle.size)
    assert await client.top() == (Level(D("59990"), D("0.009")), Level(D("60001"), D("0.005")))


async def places_every_kind(exchange: LocalExchange, client: Client) -> None:
    """Resting, taking, immediate, all or nothing, and a test that changes nothing."""
    await client.symbol()
    rest(exchange, Side.SELL, 6_000_000, 1_000)
    rest(exchange, Side.BUY, 5_900_000, 1_000)
    resting = await client.place(limit("BUY", "0.001", "58000.00", client_id="resting-1"))
    posted = await client.place(maker("SELL", "0.002", "61000.00"))
    taken = await client.place(Wanted(side="BUY", kind="MARKET", size="0.002"))
    partly = await client.place(limit("BUY", "0.02", "60000.00", time_in_force="IOC"))
    none = await client.place(limit("SELL", "0.02", "59000.00", time_in_force="FOK"))
    whole = await client.place(limit("SELL", "0.01", "59000.00", time_in_force="FOK"))
    assert [_told(exchange, number) for number in (resting, posted, taken, partly, none, whole)] == [
        ("NEW", D(0)),
        ("NEW", D(0)),
        ("FILLED", D("0.002")),
        ("EXPIRED", D("0.008")),
        ("EXPIRED", D(0)),
        ("FILLED", D("0.01")),
    ]
    states = [(await client.query(number)).state for number in (resting, posted, taken, partly, none, whole)]
    assert states == ["open", "open", "closed", "expired", "expired", "closed"]
    assert await client.query(partly) == Told(
        partly, _truth(exchange, partly).client_id, "expired", D("0.02"), D("0.008")
    )
    assert await client.query_named("resting-1") == Told(resting, "resting-1", "open", D("0.001"), D(0))
    before = len(exchange.floor.records.orders)
    await client.check(limit("BUY", "0.001", "58000.00"))
    assert len(exchange.floor.records.orders) == before
    assert await client.open_orders() == [resting, posted]
    assert exchange.floor.records.counters.self_trades == 0


async def works_its_orders(exchange: LocalExchange, client: Client) -> None:
    """A partial fill by a stranger, smaller without losing the place, replaced, cancelled, all cancelled."""
    await client.symbol()
    first = await client.place(maker("BUY", "0.01", "59000.00", client_id="first-1"))
    rest(exchange, Side.BUY, 5_900_000, 1_000)
    hit(exchange, Side.SELL, 300)
    assert await client.query(first) == Told(first, "first-1", "open", D("0.01"), D("0.003"))
    await client.amend(first, "0.00800")
    told = await client.query(first)
    assert (told.state, told.size, told.filled) == ("open", D("0.008"), D("0.003"))
    hit(exchange, Side.SELL, 200)
    assert (await client.query(first)).filled == D("0.005")
    second = await client.replace(first, maker("BUY", "0.004", "58900.00"), "STOP_ON_FAILURE")
    assert (await client.query(first)).state == "canceled"
    assert await client.open_orders() == [second]
    await client.cancel(second)
    assert _told(exchange, second) == ("CANCELED", D(0))
    gone = await refused(client, client.cancel(second))
    assert (gone.code, gone.text) == (-2011, "Unknown order sent.")
    third, fourth = [await client.place(limit(*order)) for order in _TWO]
    assert await client.open_orders() == [third, fourth]
    await client.cancel_all()
    assert await client.open_orders() == []
    assert [_told(exchange, number)[0] for number in (third, fourth)] == ["CANCELED", "CANCELED"]
    assert (await refused(client, client.cancel_all())).code == -2011
    counters = exchange.floor.records.counters
    assert (counters.orders_amended, counters.fills, counters.self_trades) == (1, 2, 0)


_TWO = (("BUY", "0.001", "58000.00"), ("SELL", "0.001", "62000.00"))


async def fails_to_replace(exchange: LocalExchange, client: Client) -> None:
    """Each half of a cancel-replace fails alone and both fail together; the answer says what happened."""
    await client.symbol()
    rest(exchange, Side.SELL, 6_000_000, 1_000)
    good, crossing = maker("BUY", "0.001", "58000.00"), maker("BUY", "0.001", "60000.00")
    first = await client.place(good)
    for number, wanted, mode, code, halves in (
        (999, good, "STOP_ON_FAILURE", -2022, ("FAILURE", "NOT_ATTEMPTED")),
        (999, good, "ALLOW_FAILURE", -2021, ("FAILURE", "SUCCESS")),
        (999, crossing, "ALLOW_FAILURE", -2022, ("FAILURE", "FAILURE")),
        (first, crossing, "STOP_ON_FAILURE", -2021, ("SUCCESS", "FAILURE")),
    ):
        answer = await refused(client, client.replace(number, wanted, mode))
        texts = {
            -2021: "Order cancel-replace partially failed.",
            -2022: "Order cancel-replace failed.",
        }
        assert (answer.code or code, answer.text) == (code, texts[code])
        assert answer.status in (None, {-2021: 409, -2022: 400}[code])
        if answer.data is not None:
            assert (answer.data["cancelResult"], answer.data["newOrderResult"]) == halves
    assert _told(exchange, first) == ("CANCELED", D(0))
    assert len(await client.open_orders()) == 1


async def never_trades_with_itself(exchange: LocalExchange, client: Client) -> None:
    """Each mode of prevention: who loses what, and the prevented match is found from both its orders."""
    await client.symbol()
    for mode, resting, taking, left in (
        ("EXPIRE_TAKER", "open", "expired", ("0", "0.003")),
        ("EXPIRE_MAKER", "expired", "open", ("0.002", "0")),
        ("EXPIRE_BOTH", "expired", "expired", ("0.002", "0.003")),
        ("DECREMENT", "expired", "open", ("0.002", "0.002")),
    ):
        own = await client.place(maker("BUY", "0.002", "59000.00"))
        other = await client.place(limit("SELL", "0.003", "59000.00", stp=mode))
        assert ((await client.query(own)).state, (await client.query(other)).state) == (resting, taking)
        prevented = [
            _size(exchange.floor.instrument, _truth(exchange, number).prevented_lots)
            for number in (own, other)
        ]
        assert prevented == [D(text) for text in left]
        assert (await client.prevented(own), await client.prevented(other)) == ([other], [own])
        if "open" in (resting, taking):
            await client.cancel_all()
    counters = exchange.floor.records.counters
    assert (counters.prevented_matches, counters.self_trades, counters.fills) == (4, 0, 0)


async def reads_its_account(exchange: LocalExchange, client: Client) -> None:
    """Orders, fills with their fees, balances and fees, as the exchange has booked them."""
    await client.symbol()
    own = await client.place(maker("SELL", "0.01", "60000.00", client_id="own-1"))
    hit(exchange, Side.BUY, 400)
    rest(exchange, Side.BUY, 5_900_000, 1_000)
    taking = await client.place(Wanted(side="SELL", kind="MARKET", size="0.003", client_id="taking-1"))
    assert await client.all_orders() == [
        Told(own, "own-1", "open", D("0.01"), D("0.004")),
        Told(taking, "taking-1", "closed", D("0.003"), D("0.003")),
    ]
    rates = await client.fees()
    instrument = exchange.floor.instrument
    assert rates == (D(instrument.maker_fee_ppm) / 10**6, D(instrument.taker_fee_ppm) / 10**6)
    fills = await client.fills()
    assert [(row.order, row.price, row.size, row.fee_asset, row.is_maker) for row in fills] == [
        (own, D(60_000), D("0.004"), "USDT", True),
        (taking, D(59_000), D("0.003"), "USDT", False),
    ]
    assert [row.fee for row in fills] == [D(240) * rates[0], D(177) * rates[1]]
    assert [row.number for row in fills] == [row.number for row in _tape(exchange)]
    booked = {}
    for row in exchange.floor.world.held(CLIENT):
        text = instrument.base_text if row.asset == instrument.base else instrument.quote_text
        booked[row.asset] = Held(D(text(row.free_atoms)), D(text(row.locked_atoms)))
    assert await client.balances() == booked
    assert booked["BTC"].locked == D("0.006")


async def hears_its_account(exchange: LocalExchange, client: Client) -> None:
    """Every step of an order as an event, in order, and the balances after it."""
    await client.symbol()
    async with client.hearing_account() as heard:
        first = await client.place(maker("BUY", "0.01", "59000.00", client_id="first-1"))
        await _heard(heard, first, ["NEW"])
        hit(exchange, Side.SELL, 300)
        await _heard(heard, first, ["NEW", "TRADE"])
        trade = heard.events[_last(heard, first)]
        assert (trade["X"], trade["l"], trade["z"], trade["L"], trade["m"]) == (
            "PARTIALLY_FILLED",
            "0.00300000",
            "0.00300000",
            "59000.00000000",
            True,
        )
        await client.amend(first, "0.00800")
        await _heard(heard, first, ["NEW", "TRADE", "REPLACED"])
        replaced = heard.events[_last(heard, first)]
        assert (replaced["C"], replaced["c"] != "first-1", replaced["q"]) == ("first-1", True, "0.00800000")
        other = await client.place(limit("SELL", "0.01", "59000.00", stp="EXPIRE_MAKER"))
        await _heard(heard, first, ["NEW", "TRADE", "REPLACED", "TRADE_PREVENTION"])
        assert heard.events[_last(heard, first)]["X"] == "EXPIRED_IN_MATCH"
        await _heard(heard, other, ["NEW"])
        await client.cancel(other)
        await _heard(heard, other, ["NEW", "CANCELED"])
        cancelled = heard.events[_last(heard, other)]
        assert (cancelled["X"], cancelled["C"]) == ("CANCELED", _truth(exchange, other).client_id)
        await _until(lambda: heard.events[-1]["e"] == "outboundAccountPosition", "balances come last")
        held = {row["a"]: Held(D(row["f"]), D(row["l"])) for row in heard.events[-1]["B"]}
        assert held == await client.balances()
        assert held["BTC"].locked == held["USDT"].locked == 0
        times = [event["E"] for event in heard.events]
        assert times == sorted(times)


def _last(heard: Heard, number: int) -> int:
    return max(place for place, event in enumerate(heard.events) if event.get("i") == number)


# An event comes with its balances behind it; where a client tells both apart, the balances may come later.
async def _heard(heard: Heard, number: int, steps: list[str]) -> None:
    await _until(lambda: heard.steps(number) == steps, f"{steps}, but {heard.steps(number)}")


async def hears_the_market(exchange: LocalExchange, client: Client) -> None:
    """Trades, aggregates, candles and best prices as they happen, all of them true."""
    await client.symbol()
    tops: set[tuple[Level, Level]] = set()
    with _watching(exchange, tops):
        rest(exchange, Side.SELL, 6_000_000, 100_000)
        rest(exchange, Side.BUY, 5_999_000, 100_000)
        async with client.hearing_market() as heard:
            await _while_trading(
                exchange,
                lambda: (
                    min(len(heard.prints), len(heard.aggregates), len(heard.candles), len(heard.tops)) > 1
                ),
            )
    tape = _tape(exchange)
    first = heard.prints[0].number
    assert heard.prints == [row for row in tape if row.number >= first][: len(heard.prints)]
    known = {row.size for row in tape}
    numbers = [row.number for row in heard.aggregates]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(row.price in (D(60_000), D(59_990)) and row.size in known for row in heard.aggregates)
    for candle in heard.candles:
        assert D(59_990) <= candle.low <= min(candle.first, candle.last), candle
        assert max(candle.first, candle.last) <= candle.high <= D(60_000), candle
    assert set(heard.tops) <= tops


async def keeps_the_book(exchange: LocalExchange, client: Client, *, every_ms: int = 100) -> None:
    """Snapshot and differences joined by the client; at rest its book is the exchange's to the last level."""
    await client.symbol()
    for step in range(5):
        rest(exchange, Side.SELL, 6_000_000 + step * 10, 1_000 + step)
        rest(exchange, Side.BUY, 5_999_000 - step * 10, 900 + step)
    async with client.keeping_book(every_ms=every_ms) as kept:
        await _while_trading(exchange, lambda: kept() is not None)
        hit(exchange, Side.BUY, 2_500)
        rest(exchange, Side.BUY, 5_999_500, 77)
        await _until(lambda: kept() == _book(exchange), "its book is the exchange's")


async def runs_into_limits(exchange: LocalExchange, clock: ManualClock, client: Client) -> None:
    """Usage in every answer; too many orders; too much weight; and whoever goes on is banned, for a while."""
    rest(exchange, Side.SELL, 6_000_000, 1_000)
    rest(exchange, Side.BUY, 5_700_000, 1_000)
    await client.symbol()
    limits = exchange.floor.limits
    assert client.usage()[_WEIGHT] == limits.weight.used
    for count in (1, 2):
        await client.place(maker("BUY", "0.001", "58000.00"))
        assert client.usage()[_ORDERS] == count
    answer = await refused(client, client.place(maker("BUY", "0.001", "58000.00")))
    assert answer.code == -1015
    assert answer.text == "Too many new orders; current limit is 2 orders per 10 SECOND."
    assert (answer.status or 429, (answer.wait_s or 10) <= 10) == (429, True)
    answer = await _pressed(client, lambda: limits.weight.used + 500 > limits.weight.limit)
    assert (answer.code, answer.text) == (-1003, _TOO_MUCH.format(limits.weight.limit))
    assert (answer.status or 429, (answer.wait_s or 60) <= 60) == (429, True)
    for _ in range(_WARNINGS):
        answer = await refused(client, client.book())
    until_ms = clock.now_ns() // 10**6 + 120_000
    assert answer.text == _BANNED.format(until_ms)
    assert (answer.code, answer.status or 418, answer.wait_s or 120) == (-1003, 418, 120)
    assert (await refused(client, client.top())).text == answer.text
    clock.advance(ms=120_000)
    assert await client.book() == _book(exchange)


_WEIGHT, _ORDERS = "x-mbx-used-weight-1m", "x-mbx-order-count-10s"
_WARNINGS = 20
_TOO_MUCH = (
    "Too much request weight used; current limit is {} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)
_BANNED = (
    "Way too much request weight used; IP banned until {}. "
    "Please use WebSocket Streams for live updates to avoid bans."
)


# Asks until there is no room for one more, and then once.
async def _pressed(client: Client, is_full: Callable[[], bool]) -> Refused:
    while not is_full():
        await client.book()
    while True:
        try:
            await client.top()
        except client.errors as error:
            return client.refusal(error)


async def _while_trading(exchange: LocalExchange, met: Callable[[], bool]) -> None:
    side, lots = Side.BUY, 20

    def traded() -> bool:
        nonlocal side, lots
        hit(exchange, side, lots)
        side, lots = side.opposite, lots + 1
        return met()

    await _until(traded, "it hears what is traded")


@contextmanager
def _watching(exchange: LocalExchange, tops: set[tuple[Level, Level]]) -> Iterator[None]:
    instrument = exchange.floor.instrument

    def note(fact: Fact) -> None:
        if isinstance(fact, TopChange):
            bid, ask = (
                Level(_price(instrument, ticks), _size(instrument, lots))
                for ticks, lots in ((fact.bid_ticks, fact.bid_lots), (fact.ask_ticks, fact.ask_lots))
            )
            tops.add((bid, ask))

    exchange.floor.listeners.append(note)
    try:
        yield
    finally:
        exchange.floor.listeners.remove(note)


SIGNED = (
    places_every_kind,
    works_its_orders,
    fails_to_replace,
    never_trades_with_itself,
    reads_its_account,
    hears_its_account,
)
"""Scenarios that need a key: for both kinds of signature."""

PUBLIC = (reads_the_market, hears_the_market, keeps_the_book)
"""Scenarios that need none."""
