"""Tests of mm/venues/edge/frames.py: texts become integers exactly, and nothing else passes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.events import PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.venues.edge.frames import Diff, FrameDecoder, MarketFrame, market_frame, whole
from tests.builders.instruments import make_test_instrument
from tests.builders.venue_setup import btc_usdt

DEPTH: dict[str, Any] = {
    "e": "depthUpdate",
    "E": 1_700,
    "s": "BTCUSDT",
    "U": 5,
    "u": 7,
    "b": [["100.01000000", "0.00000000"]],
    "a": [["100.02000000", "25.42618900"], ["100.03", "1"]],
}


def framed(content: dict[str, Any]) -> MarketFrame:
    """Return a frame as it would be decoded from the wire."""
    return market_frame(msgspec.json.encode(content))


def decoder() -> FrameDecoder:
    """Return a decoder of BTC/USDT."""
    return FrameDecoder(btc_usdt())


def test_a_depth_frame_becomes_a_change_of_the_book() -> None:
    """Prices are ticks, sizes atoms, also those that are no multiple of a lot."""
    assert decoder().diff(framed(DEPTH)) == Diff(
        first=5,
        last=7,
        venue_ms=1_700,
        bids=(Level(10_001, 0),),
        asks=(Level(10_002, 2_542_618_900), Level(10_003, 100_000_000)),
    )
    assert isinstance(decoder().diff(framed(DEPTH)).asks[0], Level)


def test_a_book_ticker_frame_becomes_the_top_of_the_book() -> None:
    """Its number is that of the changes."""
    frame = {"u": 9, "s": "BTCUSDT", "b": "100.01", "B": "1.5", "a": "100.02", "A": "2.5"}
    assert decoder().top(framed(frame), ts_ns=3) == TopOfBook(
        ts_ns=3,
        symbol="BTC/USDT",
        seq=9,
        bid=Level(10_001, 150_000_000),
        ask=Level(10_002, 250_000_000),
    )


@pytest.mark.parametrize(("maker", "aggressor"), [(True, Side.SELL), (False, Side.BUY)])
def test_a_trade_frame_names_the_side_that_took(maker: bool, aggressor: Side) -> None:
    """Where the buyer was the maker, the seller came to him."""
    frame = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 42, "p": "100.01", "q": "0.5", "T": 1, "m": maker}
    assert decoder().trade(framed(frame), ts_ns=3) == PublicTrade(
        ts_ns=3,
        symbol="BTC/USDT",
        trade_id=42,
        price_ticks=10_001,
        size_atoms=50_000_000,
        aggressor=aggressor,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"b": [["100.011", "1"]]},
        {"b": [["-100.01", "1"]]},
        {"b": [["100.01", "1.000000001"]]},
        {"b": [["100.01000000", "-1.00000000"]]},
        {"b": [["-100.01000000", "1.00000000"]]},
        {"b": [["1.1.00000000", "1.00000000"]]},
        {"b": [["100.01000000", "99999999999999.00000000"]]},
        {"b": [["nan", "1"]]},
        {"b": [["", "1"]]},
        {"b": [[100.01, "1"]]},
        {"b": [["100.01"]]},
        {"b": [["100.01", "1", "2"]]},
        {"b": None},
        {"u": "7"},
        {"U": 5.0},
        {"E": True},
    ],
)
def test_a_frame_that_is_not_exact_is_not_decoded(change: dict[str, Any]) -> None:
    """Off the grid, negative, a float, a missing part: all of them raise."""
    with pytest.raises(ValueError):
        decoder().diff(framed(DEPTH | change))


@pytest.mark.parametrize("missing", ["b", "a", "U", "u", "E"])
def test_a_frame_without_a_part_is_not_decoded(missing: str) -> None:
    """There is no default for what the venue did not say."""
    with pytest.raises(ValueError):
        decoder().diff(framed({key: value for key, value in DEPTH.items() if key != missing}))


@pytest.mark.parametrize(
    "change", [{"m": "true"}, {"m": None}, {"t": None}, {"t": "42"}, {"p": 1.5}, {"q": ""}]
)
def test_a_trade_that_is_not_whole_is_not_decoded(change: dict[str, Any]) -> None:
    """A guess would turn the flow around."""
    frame = {"e": "trade", "t": 42, "p": "100.01", "q": "0.5", "m": True} | change
    with pytest.raises(ValueError):
        decoder().trade(framed(frame), ts_ns=3)


@pytest.mark.parametrize("change", [{"u": None}, {"b": [["1", "1"]]}, {"a": 7}, {"B": ""}, {"A": None}])
def test_a_top_that_is_not_whole_is_not_decoded(change: dict[str, Any]) -> None:
    """Half a top would be a wrong price."""
    frame = {"u": 9, "s": "BTCUSDT", "b": "100.01", "B": "1.5", "a": "100.02", "A": "2.5"} | change
    with pytest.raises(ValueError):
        decoder().top(framed(frame), ts_ns=3)


def test_a_frame_of_a_combined_stream_is_taken_out_of_its_wrapper() -> None:
    """The name of the stream says nothing that the frame does not."""
    assert framed({"stream": "btcusdt@depth@100ms", "data": DEPTH}) == framed(DEPTH)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '"x"', '{"e":7}', '{"b":[["1"]]}', '{"b":[["1","2","3"]]}']
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    """Broken JSON, another form, a wrong type."""
    with pytest.raises(msgspec.DecodeError):
        market_frame(text)


NUMBERS = st.one_of(
    st.builds("{}.{:08d}".format, st.integers(0, 10**9), st.integers(0, 10**8 - 1)),
    st.builds("{}.{:02d}000000".format, st.integers(0, 10**9), st.integers(0, 99)),
    st.builds("{}.{:02d}".format, st.integers(0, 10**9), st.integers(0, 99)),
    st.builds("{}.{:08d}000".format, st.integers(0, 10**9), st.integers(0, 10**8 - 1)),
    st.integers(-5, 10**12).map(str),
    st.text(alphabet="0123456789.-e", max_size=14),
)


@given(NUMBERS, NUMBERS)
def test_a_level_is_what_the_exact_conversion_makes_of_it(price: str, size: str) -> None:
    """Naive reference: the instrument's own conversion; where that refuses, so does the decoder."""
    instrument = btc_usdt()
    try:
        expected = Level(instrument.price_ticks(price), instrument.size_atoms(size))
        if min(expected) < 0:
            raise ValueError
    except ValueError:
        with pytest.raises(ValueError):
            decoder().levels([[price, size]])
    else:
        assert decoder().levels([[price, size]]) == (expected,)


def test_an_asset_of_more_decimals_is_decoded_as_well() -> None:
    """The venue may write fewer decimals than we hold."""
    instrument = make_test_instrument(tick_size="0.0000000001", lot_size="0.001")
    assert instrument.quote_scale > 8
    assert FrameDecoder(instrument).levels([["0.00000012", "1.00000000"]]) == (
        Level(instrument.price_ticks("0.00000012"), instrument.size_atoms("1")),
    )


@pytest.mark.parametrize("value", ["7", 7.0, True, None])
def test_whole_numbers_are_whole_numbers(value: object) -> None:
    """JSON has no integers: what is none by its text is refused."""
    assert whole(7) == 7
    with pytest.raises(ValueError, match="whole number"):
        whole(value)
