"""The venue that is traded on and others that are watched, as one: what goes where, and what comes back."""

from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from mm.domain.book import Level
from mm.domain.capabilities import Capabilities
from mm.domain.commands import Cancel, Connect, ListOrders, SyncBook, VenueCommand
from mm.domain.events import (
    AccessDenied,
    AnyEvent,
    BookDelta,
    BookLost,
    BookSnapshot,
    ClockDoubted,
    PublicTrade,
    RateUsed,
    RequestFailed,
    Stream,
    StreamDown,
    StreamUp,
    Throttled,
    TopOfBook,
)
from mm.domain.instrument import Instrument
from mm.domain.sides import Side
from mm.errors import ConfigError, ProtocolViolation
from mm.ports import Venue, Watches
from mm.runtime.joined_venue import JoinedVenue
from tests.builders.instruments import INSTRUMENT, OTHER

LEVEL = Level(5, 6)


class Feed:
    """A venue that shows what it is asked for. Fields: sent, watched, closed: what it was told."""

    def __init__(self) -> None:
        """Begin without a sink."""
        self.sent: list[VenueCommand] = []
        self.watched: list[str] = []
        self.closed = 0
        self.sink: Callable[[AnyEvent], None] = lambda _: None

    @property
    def caps(self) -> Capabilities:
        """What is asked of the venue that is traded on."""
        return Capabilities(orders_per_10s=7, weight_per_minute=8)

    async def instruments(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return one per symbol."""
        return tuple(replace(INSTRUMENT, symbol=symbol) for symbol in symbols)

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return one per symbol."""
        self.watched.extend(symbols)
        return tuple(replace(OTHER, symbol=symbol) for symbol in symbols)

    async def start(self, sink: Callable[[AnyEvent], None]) -> None:
        """Keep the sink."""
        self.sink = sink

    def submit(self, command: VenueCommand) -> None:
        """Keep the command."""
        self.sent.append(command)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1


class Deaf(Feed):
    """A venue that can show nothing beside what is traded."""

    watch = None  # type: ignore[assignment]  # there is no such method


def kept(made: dict[str, Feed], name: str) -> Venue:
    """Make a feed and keep it by its name."""
    return made.setdefault(name, Feed())


async def joined(traded: Feed, *symbols: str) -> tuple[JoinedVenue, dict[str, Feed], list[AnyEvent]]:
    """Return a started venue that watches `symbols`, the feeds that were made for it, and what it tells."""
    made: dict[str, Feed] = {}
    told: list[AnyEvent] = []
    venue = JoinedVenue(traded, {name: partial(kept, made, name) for name in ("one", "two")})
    if symbols:
        await venue.watch(symbols)
    await venue.start(told.append)
    return venue, made, told


async def test_each_market_is_asked_for_where_it_is() -> None:
    """In the order of the names, under the names that were asked for."""
    traded = Feed()
    made: dict[str, Feed] = {}
    venue = JoinedVenue(traded, {name: partial(kept, made, name) for name in ("one", "two")})
    assert isinstance(venue, Watches)

    found = await venue.watch(("two:A/B", "C/D", "one:E/F", "two:G/H"))

    assert [one.symbol for one in found] == ["two:A/B", "C/D", "one:E/F", "two:G/H"]
    assert traded.watched == ["C/D"]
    assert {name: feed.watched for name, feed in made.items()} == {"two": ["A/B", "G/H"], "one": ["E/F"]}
    assert [one.symbol for one in await venue.instruments(("X/Y",))] == ["X/Y"]
    assert venue.caps == traded.caps


async def test_a_venue_that_is_not_there_or_cannot_show_it_is_a_config_error() -> None:
    """With its name."""
    venue = JoinedVenue(Deaf(), {"deaf": Deaf})
    with pytest.raises(ConfigError, match=r"there is no \[venue.three\]"):
        await venue.watch(("three:A/B",))
    with pytest.raises(ConfigError, match="deaf:A/B cannot be watched"):
        await venue.watch(("deaf:A/B",))
    with pytest.raises(ConfigError, match="A/B cannot be watched"):
        await venue.watch(("A/B",))


async def test_commands_go_to_the_venue_that_they_are_about() -> None:
    """Under the names that it knows; everything about orders goes to the one that is traded on."""
    traded = Feed()
    venue, made, _ = await joined(traded, "one:A/B")
    venue.submit(Connect(stream=Stream.MARKET, venue="one"))
    venue.submit(SyncBook(symbol="one:A/B"))
    assert made["one"].sent == [Connect(stream=Stream.MARKET), SyncBook(symbol="A/B")]

    own: list[VenueCommand] = [
        Connect(stream=Stream.MARKET),
        SyncBook(symbol="C/D"),
        ListOrders(symbol="one:A/B"),
        Cancel(cid="x", symbol="C/D"),
    ]
    for command in own:
        venue.submit(command)
    assert traded.sent == own
    assert len(made["one"].sent) == 2


@pytest.mark.parametrize(
    "command",
    [Connect(stream=Stream.MARKET, venue="two"), SyncBook(symbol="two:A/B")],
    ids=["connect", "sync"],
)
async def test_a_command_to_a_venue_of_which_nothing_is_watched_is_a_violation(command: VenueCommand) -> None:
    """It was never made."""
    venue, made, _ = await joined(Feed(), "one:A/B")
    with pytest.raises(ProtocolViolation, match="'two'"):
        venue.submit(command)
    assert list(made) == ["one"]


async def test_what_another_venue_says_of_its_markets_bears_its_name() -> None:
    """Books, trades, connections, failures and pauses."""
    _, made, told = await joined(Feed(), "one:A/B")
    sink, name = made["one"].sink, "one:A/B"
    trade = PublicTrade(
        ts_ns=1, symbol="A/B", trade_id=1, price_ticks=2, size_atoms=3, aggressor=Side.BUY, venue_ms=0
    )
    for event in (
        StreamUp(ts_ns=1, stream=Stream.MARKET),
        BookSnapshot(ts_ns=1, symbol="A/B", seq=1, bids=(LEVEL,), asks=()),
        BookDelta(ts_ns=1, symbol="A/B", seq=2, venue_ms=3, bids=(), asks=(LEVEL,)),
        TopOfBook(ts_ns=1, symbol="A/B", seq=3, bid=LEVEL, ask=LEVEL),
        trade,
        BookLost(ts_ns=1, symbol="A/B", reason="gap"),
        RequestFailed(ts_ns=1, what="SyncBook", subject="A/B", reason="gone"),
        Throttled(ts_ns=1, until_ns=9, banned=True),
        StreamDown(ts_ns=1, stream=Stream.MARKET, reason="closed"),
    ):
        sink(event)

    assert told == [
        StreamUp(ts_ns=1, stream=Stream.MARKET, venue="one"),
        BookSnapshot(ts_ns=1, symbol=name, seq=1, bids=(LEVEL,), asks=()),
        BookDelta(ts_ns=1, symbol=name, seq=2, venue_ms=3, bids=(), asks=(LEVEL,)),
        TopOfBook(ts_ns=1, symbol=name, seq=3, bid=LEVEL, ask=LEVEL),
        replace(trade, symbol=name),
        BookLost(ts_ns=1, symbol=name, reason="gap"),
        RequestFailed(ts_ns=1, what="SyncBook", subject=name, reason="gone"),
        Throttled(ts_ns=1, until_ns=9, banned=True, venue="one"),
        StreamDown(ts_ns=1, stream=Stream.MARKET, reason="closed", venue="one"),
    ]


async def test_what_another_venue_says_of_itself_is_no_fact_about_the_account() -> None:
    """Its budget, its clock, its refusals, a stream that nobody asked for."""
    _, made, told = await joined(Feed(), "one:A/B")
    for event in (
        RateUsed(ts_ns=1, weight=5_999, orders=-1),
        ClockDoubted(ts_ns=1),
        AccessDenied(ts_ns=1, code=1, reason="no"),
        StreamUp(ts_ns=1, stream=Stream.USER),
    ):
        made["one"].sink(event)

    assert told == []


async def test_what_the_traded_venue_says_is_handed_on_as_it_is() -> None:
    """To the very object."""
    traded = Feed()
    _, _, told = await joined(traded, "one:A/B")
    event = RateUsed(ts_ns=1, weight=5, orders=6)
    traded.sink(event)

    assert told[0] is event


async def test_all_are_closed_and_what_was_never_made_is_not() -> None:
    """Also where the first one breaks."""
    traded = Feed()
    venue, made, _ = await joined(traded, "one:A/B")
    await venue.close()
    assert (traded.closed, {name: feed.closed for name, feed in made.items()}) == (1, {"one": 1})

    broken = Feed()
    venue, made, _ = await joined(broken, "one:A/B")

    async def fail() -> None:
        raise OSError("closing failed")

    broken.close = fail  # type: ignore[method-assign]  # it breaks at its end
    with pytest.raises(OSError, match="closing failed"):
        await venue.close()
    assert made["one"].closed == 1
