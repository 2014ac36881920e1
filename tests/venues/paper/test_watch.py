"""Markets beside those that are traded on paper: seen by the engine, without an account there."""

import pytest

from mm.domain.book import Level
from mm.domain.commands import Connect, ListOrders, SyncBook
from mm.domain.events import BookSnapshot, Stream, StreamDown
from mm.domain.instrument import Instrument
from mm.errors import ConfigError, ProtocolViolation
from mm.venues.paper import PaperVenue
from tests.builders.instruments import INSTRUMENT, OTHER
from tests.builders.paper_bench import SYMBOL, SilentVenue, bench_settings


class Watching(SilentVenue):
    """A venue that can also show what is not traded."""

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return the second instrument."""
        assert symbols == (OTHER.symbol,)
        return (OTHER,)


async def started(public: SilentVenue) -> PaperVenue:
    """Return a paper venue that trades one symbol and watches another."""
    venue = PaperVenue(public, bench_settings())
    await venue.instruments((SYMBOL,))
    assert await venue.watch((OTHER.symbol,)) == (OTHER,)
    await venue.start(lambda _: None)
    return venue


async def test_no_account_exists_on_a_watched_market() -> None:
    """Its news change nothing of ours, its book is asked for, an order there is a violation."""
    public = Watching(INSTRUMENT)
    venue = await started(public)
    book = BookSnapshot(ts_ns=1, symbol=OTHER.symbol, seq=1, bids=(Level(5, 6),), asks=(Level(7, 8),))
    assert list(venue.witness(book)) == []
    venue.submit(SyncBook(symbol=OTHER.symbol))
    assert public.sent == [SyncBook(symbol=OTHER.symbol)]
    with pytest.raises(ProtocolViolation, match="CCC/BBB"):
        venue.submit(ListOrders(symbol=OTHER.symbol))
    assert [truth.instrument.symbol for truth in venue.truths()] == [SYMBOL]
    assert set(venue.truths()[0].balances) == {"AAA", "BBB"}


async def test_what_is_asked_of_another_venue_is_not_counted_by_this_one() -> None:
    """A book and a connection of its own cost nothing here."""
    public = Watching(INSTRUMENT)
    venue = await started(public)
    venue.submit(SyncBook(symbol=f"away:{OTHER.symbol}"))
    venue.submit(Connect(stream=Stream.MARKET, venue="away"))
    assert venue._desk._limits.weight_used == 0
    venue.submit(Connect(stream=Stream.MARKET))
    assert venue._desk._limits.weight_used == 1
    assert len(public.sent) == 3


async def test_the_fall_of_another_venue_leaves_the_book_here_believed() -> None:
    """Only the stream of the traded market takes it away."""
    venue = await started(Watching(INSTRUMENT))
    market = venue._desk.markets[SYMBOL]
    seen: list[str] = []
    market.lost = lambda: seen.append("lost")  # type: ignore[method-assign]  # it is only counted
    venue.witness(StreamDown(ts_ns=1, stream=Stream.MARKET, reason="test", venue="away"))
    assert seen == []
    venue.witness(StreamDown(ts_ns=1, stream=Stream.MARKET, reason="test"))
    assert seen == ["lost"]


async def test_a_venue_that_shows_only_what_is_traded_says_so() -> None:
    """A config error with the names."""
    venue = PaperVenue(SilentVenue(), bench_settings())
    with pytest.raises(ConfigError, match="CCC/BBB cannot be watched"):
        await venue.watch((OTHER.symbol,))
