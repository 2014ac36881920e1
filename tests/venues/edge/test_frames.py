"""Tests of mm/venues/edge/frames.py: texts become integers exactly, and nothing else passes."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
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
        venue_ms=1,
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


SIDES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)
WHOLE = st.builds("{}.{:08d}".format, st.integers(0, 10**4), st.integers(0, 10**8 - 1))
ON_GRID = st.builds("{}.{:02d}000000".format, st.integers(1, 10**7 - 1), st.integers(0, 99))
PLAIN_SIDES = st.lists(st.tuples(ON_GRID, WHOLE | st.just("0.00000000")), max_size=6)


def naive(rows: Sequence[tuple[str, str]]) -> tuple[Level, ...]:
    """Return rows as the exact conversion makes levels of them; raises ValueError where it refuses."""
    instrument = btc_usdt()
    levels = tuple(Level(instrument.price_ticks(price), instrument.size_atoms(size)) for price, size in rows)
    if any(min(level) < 0 for level in levels):
        raise ValueError
    return levels


@given(SIDES, SIDES)
def test_a_change_is_what_the_exact_conversion_makes_of_it(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    """Naive reference, on whole frames: the same levels, or a refusal by both."""
    frame = framed(DEPTH | {"b": bids, "a": asks})
    try:
        expected = naive(bids), naive(asks)
    except ValueError:
        with pytest.raises(ValueError):
            decoder().diff(frame)
    else:
        change = decoder().diff(frame)
        assert (change.bids, change.asks) == expected


LONG = st.builds("{}.{}".format, st.integers(0, 10**9), st.text(alphabet="0123456789", max_size=14))


@given(st.lists(st.tuples(LONG, LONG), max_size=3), st.lists(st.tuples(LONG, LONG), max_size=3))
@example([("1234567.12000000", "1234567.123456780001")], [])
@example([("1.00000000", "90071992.54740993")], [])
@example([("1.00000000", "0.1234567800000000000000000000001")], [])
def test_a_number_that_a_float_cannot_hold_is_not_rounded(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    """The short way goes through the decoder's floats: it is taken only where they are exact."""
    at_once = decoder()._at_once(msgspec.json.encode(bids), msgspec.json.encode(asks))
    assert at_once is None or at_once == (naive(bids), naive(asks))


@given(PLAIN_SIDES, PLAIN_SIDES)
def test_what_the_venue_writes_goes_the_short_way(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    """All decimals, on the grid: converted at once, with any number of zeros in front and behind."""
    frame = framed(DEPTH | {"b": bids, "a": asks})
    at_once = decoder()._at_once(bytes(frame.bids), bytes(frame.asks))
    assert at_once == (naive(bids), naive(asks))
    assert at_once is not None
    assert all(type(level) is Level for side in at_once for level in side)


@pytest.mark.parametrize(
    "text",
    [
        '[["1e0.00000000","1.00000000"]]',
        '[["1.00000000e","1.00000000"]]',
        '[[" 1.00000000","1.00000000"]]',
        '[["1.00000000","1.000000000","00000000"]]',
        '[["1.0000000","1.000000000"]]',
        '[["1.000000001","1.0000000"]]',
        '[["1.00.000000","1.00000000"]]',
        '[["1.00000000","1.00000000.00000000"]]',
        '[["1.00000000",1.00000000]]',
        '[[1.00000000,"1.00000000"]]',
        '[["92233720368547758.08000000","1.00000000"]]',
        '[["1.00000000","92233720368547758.08000000"]]',
        '[["1.00500000","1.00000000"]]',
        '[[["1.00000000","1.00000000"]]]',
        '["1.00000000","1.00000000"]',
        '[["1.00000000","1.00000000"],null]',
        '[["1.00000000",true]]',
        "7",
        '"1"',
        "{}",
    ],
)
@pytest.mark.parametrize("side", ["b", "a"])
def test_the_short_way_takes_nothing_that_the_exact_one_refuses(text: str, side: str) -> None:
    """What only looks like levels is left to the slow way, which refuses it or knows better."""
    good = '[["1.00000000","1.00000000"]]'
    told = {"b": good, "a": good} | {side: text}
    frame = market_frame(
        f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":{told["b"]},"a":{told["a"]}}}'
    )
    try:
        rows = msgspec.json.decode(text, type=list[tuple[str, str]])
        expected = naive(rows)
    except ValueError:
        with pytest.raises(ValueError):
            decoder().diff(frame)
    else:
        change = decoder().diff(frame)
        assert (change.bids if side == "b" else change.asks) == expected


def test_a_tick_that_is_no_power_of_ten_is_decoded_as_well() -> None:
    """Half a cent is a grid too, on which the zeros at the end say nothing."""
    decoded = FrameDecoder(make_test_instrument(tick_size="0.05"))
    change = decoded.diff(framed(DEPTH | {"b": [["100.05000000", "1.00000000"]], "a": []}))
    assert [level.price_ticks for level in change.bids] == [2_001]
    with pytest.raises(ValueError):
        decoded.diff(framed(DEPTH | {"b": [["100.01000000", "1.00000000"]]}))


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
