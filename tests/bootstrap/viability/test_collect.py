"""A market that is listened to: over a local exchange, and event by event."""

import asyncio
from pathlib import Path

import pytest

from mm.bootstrap.viability.collect import RETRIES, Ear, Listening, listen
from mm.bootstrap.viability.tape import read_tape
from mm.bootstrap.viability.verdict import Wish, judge_market
from mm.domain.book import Level
from mm.domain.events import Advanced, AnyEvent, PublicTrade, Stream, StreamDown, StreamUp, TopOfBook
from mm.domain.sides import Side
from mm.errors import ConfigError, RecordingUnusable, VenueUnreachable
from tests.builders.exchange_thread import hosted_replay
from tests.builders.instruments import make_test_instrument
from tests.builders.market_tapes import long_recording

S = 1_000_000_000

BTC_USDT = make_test_instrument(
    symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", tick_size="0.01", lot_size="0.00001"
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a market."""
    return long_recording(seconds=120).save(tmp_path_factory.mktemp("data") / "tape")


def test_a_market_is_heard_as_it_was_recorded(recording: Path) -> None:
    """Through the adapter and a local exchange's sockets, in the recording's own time; then it is judged."""
    said: list[float] = []
    with hosted_replay(recording, speed=40.0) as exchange:
        asked = Listening(symbol="BTC/USDT", url=exchange.url, for_ns=60 * S)
        judged = judge_market(asked, Wish(maker_fee_ppm=100, horizon_ns=S), said.append)
    heard, recorded = judged.heard.tape, read_tape([recording], lambda done: None).tape
    assert (judged.heard.symbol, judged.heard.market.value) == ("BTCUSDT", "spot")
    assert 40 < heard.duration_s < 65
    # What was heard is a stretch of what was recorded, print by print.
    begin = next(at for at in range(len(recorded.price)) if recorded.order[at] == heard.order[0])
    count = len(heard.price)
    assert count > 200
    assert list(heard.price) == list(recorded.price)[begin : begin + count]
    assert list(heard.size) == list(recorded.size)[begin : begin + count]
    assert list(heard.aggressor) == list(recorded.aggressor)[begin : begin + count]
    assert said[0] == pytest.approx(0, abs=5)
    assert said == sorted(said)
    assert judged.told.terms.maker_fee_bps == 1


def test_too_little_of_a_market_is_refused(recording: Path) -> None:
    """It was heard, but it says nothing."""
    with hosted_replay(recording, speed=10.0) as exchange:
        asked = Listening(symbol="BTC/USDT", url=exchange.url, for_ns=5 * S)
        with pytest.raises(RecordingUnusable, match=r"BTC/USDT: it is \d+\.\d s long, expected at least"):
            judge_market(asked, Wish(), lambda done: None)


def test_a_symbol_that_is_not_there_or_a_venue_that_is_not_is_told(recording: Path) -> None:
    """Before anything is waited for."""
    with hosted_replay(recording, speed=10.0) as exchange:
        url = exchange.url
        with pytest.raises(ConfigError, match="ETH/USDT"):
            asyncio.run(listen(Listening(symbol="ETH/USDT", url=url, for_ns=S), lambda done: None))
    with pytest.raises(VenueUnreachable):
        asyncio.run(listen(Listening(symbol="BTC/USDT", url=url, for_ns=S), lambda done: None))


async def test_streams_that_stay_away_end_it(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few tries, with the reason."""
    monkeypatch.setattr("mm.bootstrap.viability.collect.RETRY_S", 0.0)
    monkeypatch.setattr("mm.bootstrap.viability.collect.PAUSE_S", 0.01)

    class Deaf(Ear):
        """Never hears anything."""

        def dial(self) -> None:
            """The line goes at once."""
            super().dial()
            super().__call__(StreamDown(ts_ns=1, stream=Stream.MARKET, reason="hung up"))

        def __call__(self, event: AnyEvent) -> None:
            """What comes all the same is not for this ear."""

    monkeypatch.setattr("mm.bootstrap.viability.collect.Ear", Deaf)
    with (
        hosted_replay(recording, speed=10.0) as exchange,
        pytest.raises(VenueUnreachable, match="no market data of BTC/USDT: hung up"),
    ):
        await listen(Listening(symbol="BTC/USDT", url=exchange.url, for_ns=60 * S), lambda done: None)


def trade(ts_ns: int, side: Side, *, venue_ms: int = 0, size_atoms: int = 10) -> PublicTrade:
    """A print."""
    return PublicTrade(
        ts_ns=ts_ns,
        symbol="BTC/USDT",
        trade_id=ts_ns,
        price_ticks=6_100_000,
        size_atoms=size_atoms,
        aggressor=side,
        venue_ms=venue_ms,
    )


def test_prints_are_one_market_order_by_the_venues_time_or_else_by_ours() -> None:
    """Of one side, and within a millisecond; one without a size is none."""
    ear = Ear(BTC_USDT)
    for event in (
        trade(S + 1_000_000, Side.BUY),
        trade(S + 1_900_000, Side.BUY),
        trade(S + 3_000_000, Side.BUY),
        trade(S + 3_100_000, Side.SELL),
        trade(S + 3_200_000, Side.SELL, size_atoms=0),
    ):
        ear(event)
    tape = ear.writer.tape()
    assert list(tape.order) == [1, 1, 2, 3]
    assert list(tape.aggressor) == [1, 1, 1, -1]
    told = Ear(BTC_USDT)
    for ts_ns in (1, 2, 5 * S):
        told(trade(ts_ns, Side.BUY, venue_ms=77))
    assert list(told.writer.tape().order) == [77, 77, 77]


def test_a_stream_that_goes_is_dialled_again_and_what_is_heard_forgives_it() -> None:
    """The count of tries begins anew with the first best prices."""
    ear = Ear(BTC_USDT)
    assert ear.is_down
    for _ in range(RETRIES):
        ear.dial()
    assert (ear.is_down, ear.tries) == (False, RETRIES)
    ear(StreamUp(ts_ns=1, stream=Stream.MARKET))
    ear(Advanced(ts_ns=2))
    ear(TopOfBook(ts_ns=3, symbol="BTC/USDT", seq=1, bid=Level(6_100_000, 5), ask=Level(6_100_001, 5)))
    assert ear.tries == 1
    ear(StreamDown(ts_ns=4, stream=Stream.MARKET, reason="gone"))
    assert (ear.is_down, ear.reason) == (True, "gone")
    assert list(ear.writer.tape().bid) == [61_000 * 10**8]
