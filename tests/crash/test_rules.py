"""The rules of behaviour find each breach in a made-up history, and nothing in the same one without it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from mm.domain.book import Level
from mm.domain.commands import Place, Report, TimeInForce
from mm.domain.events import AnyEvent, BookDelta, BookLost, BookSnapshot, Stream, StreamDown, TopOfBook
from mm.domain.sides import Side
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.store.journal.entries import COMMAND, EVENT, Record
from tests.builders.crash_decided import Decided, Followed
from tests.builders.crash_rules import Bounds, Watched, broken
from tests.builders.crash_truth import Gathered, Written

BEGAN_NS: Final = 1_795_000_020 * NS_PER_S
"""A full minute of the venue's."""

PRICE: Final = 6_000_000
BOUNDS: Final = Bounds(stale_ns=2 * NS_PER_S, collar_bps=150, slippage_bps=15, orders_per_minute=240)

Spoil = Callable[["History"], object]


class History:
    """A deployment's behaviour. Fields: as in `Watched`; place, cancel: add a request a second later."""

    def __init__(self) -> None:
        """Two lives that quote each side three times, with a halt and its lifting in between."""
        self.gathered = Gathered("")
        self.written = object.__new__(Written)
        self.written.decided = []
        self.written.lives = [BEGAN_NS, BEGAN_NS + 10 * NS_PER_S]
        self.halts = [(BEGAN_NS + 8 * NS_PER_S, "a drill")]
        self.lifts = [(BEGAN_NS + 9 * NS_PER_S, BEGAN_NS + 9 * NS_PER_S + NS_PER_S // 2)]
        self.count = 0
        for second in range(0, 20, 2):
            self.gathered.prices[second] = (BEGAN_NS + second * NS_PER_S, PRICE)
        for second in (1, 3, 5, 11, 13, 15):
            self.place(second, "BUY", PRICE - 3_000)
            self.place(second, "SELL", PRICE + 3_000)

    def place(self, second: float, side: str, price_ticks: int, **more: Any) -> str:
        """Add a placement that was decided and left at once; return its id. Args: more: of the request."""
        self.count += 1
        cid, ts_ns = f"order-{self.count}", BEGAN_NS + round(second * NS_PER_S)
        self.written.decided.append(
            Decided(
                cid=cid,
                ts_ns=ts_ns,
                exits="timeInForce" in more,
                stated_age_ns=NS_PER_MS,
                stated_seq=7,
                silent_ns=NS_PER_MS,
                seqs=(5, 9),
                lost=False,
            )
        )
        price = f"{price_ticks // 100}.{price_ticks % 100:02d}"
        self.ask(second, "POST", newClientOrderId=cid, side=side, price=price, **more)
        return cid

    def ask(self, second: float, method: str, *, status: int = 200, code: int = 0, **params: str) -> None:
        """Add a request about an order that left at a second and arrived 3 ms later."""
        left_ns = BEGAN_NS + round(second * NS_PER_S)
        self.gathered.requests.append(
            {
                "ts_ns": left_ns + 3 * NS_PER_MS,
                "method": method,
                "path": "/api/v3/order",
                "params": {"timestamp": str(left_ns // NS_PER_MS)} | params,
                "status": status,
                "code": code,
            }
        )

    def spoil(self, number: int, **changes: Any) -> None:
        """Change what was written down of a placement."""
        self.written.decided[number] = replace(self.written.decided[number], **changes)

    def broken(self) -> list[str]:
        """Return what is found."""
        seen = Watched(
            gathered=self.gathered,
            written=self.written,
            bounds=BOUNDS,
            halts=self.halts,
            lifts=self.lifts,
        )
        return list(broken(seen))


def after_a_halt(history: History) -> None:
    """A quote is decided and leaves between the halt and its lifting."""
    history.place(8.5, "BUY", PRICE)


def by_a_life_that_forgot(history: History) -> None:
    """Nobody lifted it; the next life trades."""
    history.lifts.clear()


def long_on_its_way(history: History) -> None:
    """It was decided before the halt and left long after it."""
    history.place(9.6, "BUY", PRICE)
    history.lifts = [(BEGAN_NS + 10 * NS_PER_S, BEGAN_NS + 11 * NS_PER_S)]
    history.spoil(-1, ts_ns=BEGAN_NS + 7 * NS_PER_S)


def not_written_down(history: History) -> None:
    """It is in no journal: its own stamp tells when it left."""
    history.place(8.5, "BUY", PRICE)
    history.written.decided.pop()


def on_an_old_book(history: History) -> None:
    """It says so itself."""
    history.spoil(0, stated_age_ns=BOUNDS.stale_ns + 1)


def on_a_silent_market(history: History) -> None:
    """It says that its book is young, and no news had come."""
    history.spoil(0, silent_ns=BOUNDS.stale_ns + NS_PER_S)


def without_a_book(history: History) -> None:
    """The book was lost and not fetched anew."""
    history.spoil(0, seqs=None, lost=True)


def on_a_book_that_never_was(history: History) -> None:
    """It names a change that nobody was told of."""
    history.spoil(0, stated_seq=10)


def too_many_at_once(history: History) -> None:
    """More than the venue takes in ten seconds."""
    for number in range(101):
        history.place(20 + number / 100, "BUY", PRICE)


def too_many_a_minute(history: History) -> None:
    """More than the config allows, never too many for the venue."""
    for number in range(241):
        history.place(20 + number / 5, "BUY", PRICE)


def in_a_ban(history: History) -> None:
    """A cancel is no exception."""
    history.ask(16, "GET", status=418, code=-1003)
    history.ask(18, "DELETE")


def against_the_wait(history: History) -> None:
    """An order in the same minute after the venue said that its weight is used up."""
    history.ask(16, "GET", status=429, code=-1003)
    history.place(18, "BUY", PRICE)


def outside_the_collar(history: History) -> None:
    """Two per cent away from the market."""
    history.place(16, "BUY", PRICE * 98 // 100)


def without_a_price(history: History) -> None:
    """A market order is bounded by nothing."""
    history.place(16, "BUY", PRICE)
    del history.gathered.requests[-1]["params"]["price"]


def at_any_price(history: History) -> None:
    """An exit that gives away one per cent."""
    history.place(16, "SELL", PRICE * 99 // 100, timeInForce="IOC")


BREACHES: Final = (
    (after_a_halt, "I7: order-13 was decided 500 ms after the halt: a drill"),
    (by_a_life_that_forgot, "I7: order-7 was decided"),
    (long_on_its_way, "I7: order-13 left 1600 ms after the halt"),
    (not_written_down, "I7: order-13 was decided 500 ms after"),
    (on_an_old_book, "I8: order-1 says that its book was 2000 ms old"),
    (on_a_silent_market, "I8: order-1 was decided 3000 ms after the last news"),
    (without_a_book, "I8: order-1 was decided without a book"),
    (on_a_book_that_never_was, "I8: order-1 says book 10, there were 5 to 9"),
    (too_many_at_once, "I9: 101 orders in ten seconds"),
    (too_many_a_minute, "I9: 247 placements within a minute"),
    (in_a_ban, "I9: DELETE /api/v3/order 1997 ms after the ban"),
    (against_the_wait, "I9: POST /api/v3/order 1997 ms after it was told to wait"),
    (outside_the_collar, "I19: an order at 58800.00"),
    (without_a_price, "I19: order-13 has no price"),
    (at_any_price, "I19: an exit at 59400.00"),
)


@pytest.mark.parametrize(("spoil", "said"), BREACHES)
def test_a_breach_is_found(spoil: Spoil, said: str) -> None:
    """Each by its name."""
    history = History()
    spoil(history)
    assert any(one.startswith(said) for one in history.broken()), history.broken()


def exits_during_a_halt(history: History) -> None:
    """What only reduces may leave."""
    history.place(8.5, "SELL", PRICE - 600, timeInForce="IOC")


def under_way_at_the_halt(history: History) -> None:
    """It was decided before, and left within the same moment."""
    history.place(8.2, "BUY", PRICE)
    history.spoil(-1, ts_ns=BEGAN_NS + 8 * NS_PER_S)


def cancels_while_told_to_wait(history: History) -> None:
    """Orders come off whatever the venue thinks of our haste; after its minute all goes on."""
    history.ask(16, "GET", status=429, code=-1003)
    history.ask(18, "DELETE")
    history.place(61, "BUY", PRICE)


def under_way_at_the_ban(history: History) -> None:
    """What was asked before the answer came; and a life that begins later has not been told."""
    history.ask(16, "GET", status=418, code=-1003)
    history.ask(16.5, "DELETE")
    history.written.lives.append(BEGAN_NS + 17 * NS_PER_S)
    history.ask(18, "DELETE", status=418, code=-1003)


def far_better_than_the_market(history: History) -> None:
    """An exit that asks for more than the market pays gives nothing away."""
    history.place(16, "SELL", PRICE * 103 // 100, timeInForce="IOC")


def where_nothing_was_traded(history: History) -> None:
    """Without a trade nobody knows where the market is."""
    history.gathered.prices.clear()
    history.place(16, "BUY", PRICE * 98 // 100)


def where_records_are_missing(history: History) -> None:
    """What a crash tore off may have been the news."""
    history.spoil(0, silent_ns=-1, seqs=None)


def exits_on_an_old_book(history: History) -> None:
    """They are bounded by their price."""
    history.place(8.5, "SELL", PRICE, timeInForce="IOC")
    history.spoil(-1, stated_age_ns=BOUNDS.stale_ns + 1, lost=True)


def nothing(history: History) -> None:
    """As it is."""


@pytest.mark.parametrize(
    "change",
    [
        nothing,
        exits_during_a_halt,
        under_way_at_the_halt,
        cancels_while_told_to_wait,
        under_way_at_the_ban,
        far_better_than_the_market,
        where_nothing_was_traded,
        where_records_are_missing,
        exits_on_an_old_book,
    ],
)
def test_what_is_allowed_is_no_breach(change: Spoil) -> None:
    """Each of them looks like one."""
    history = History()
    change(history)
    assert not history.broken()


SNAPSHOT: Final = BookSnapshot(ts_ns=1, symbol="BTC/USDT", seq=5, bids=(), asks=())
DELTA: Final = BookDelta(ts_ns=2, symbol="BTC/USDT", seq=6, venue_ms=0, bids=(), asks=())
TOP: Final = TopOfBook(ts_ns=3, symbol="BTC/USDT", seq=8, bid=Level(1, 1), ask=Level(2, 1))
LOST: Final = BookLost(ts_ns=4, symbol="BTC/USDT", reason="gap")
DOWN: Final = StreamDown(ts_ns=4, stream=Stream.MARKET, reason="gone")
ELSEWHERE: Final = StreamDown(ts_ns=4, stream=Stream.MARKET, reason="gone", venue="other")
PLACE: Final = Place(
    cid="order",
    symbol="BTC/USDT",
    side=Side.BUY,
    price_ticks=PRICE,
    size_lots=1,
    post_only=True,
    time_in_force=TimeInForce.GTC,
    reduces=False,
    market_seq=8,
    market_age_ns=4,
)


def followed(*entries: AnyEvent | None) -> Decided:
    """Return what a placement after these events was based on. Args: entries: None is a missing record."""
    run = Followed()
    for number, entry in enumerate(entries, 1):
        if entry is not None:
            run.take(Record(number, 10 * number, EVENT, entry, b""))
    run.take(Record(len(entries) + 1, 10 * len(entries) + 10, COMMAND, PLACE, b""))
    (decided,) = run.decided
    return decided


@pytest.mark.parametrize(
    ("entries", "silent_ns", "seqs", "lost"),
    [
        ((SNAPSHOT, DELTA, TOP), 10, (5, 8), False),
        ((SNAPSHOT, DELTA, TOP, ELSEWHERE), 20, (5, 8), False),
        ((SNAPSHOT, DELTA, LOST), 20, None, True),
        ((SNAPSHOT, DELTA, DOWN), 20, None, True),
        ((SNAPSHOT, DOWN, SNAPSHOT), 10, (5, 5), False),
        ((DELTA,), 10, None, True),
        ((SNAPSHOT, None, DELTA), 10, None, False),
        ((SNAPSHOT, None), -1, None, False),
    ],
)
def test_the_market_beside_a_placement_is_counted_anew(
    entries: tuple[AnyEvent | None, ...], silent_ns: int, seqs: tuple[int, int] | None, lost: bool
) -> None:
    """From the records alone; where one is missing nothing is claimed."""
    decided = followed(*entries)
    assert (decided.silent_ns, decided.seqs, decided.lost) == (silent_ns, seqs, lost)


def test_a_halt_is_taken_from_the_record() -> None:
    """With its time and its reason."""
    run = Followed()
    told = Report(ts_ns=3, code="halt", session="", facts=(("reason", "a drill"),))
    run.take(Record(1, 5, COMMAND, told, b""))
    run.take(Record(2, 6, COMMAND, Report(ts_ns=4, code="fill", session="", facts=()), b""))
    assert run.halts == [(5, "a drill")]
