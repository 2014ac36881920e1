"""Tests of mm/venues/edge/frames.py: texts become integers exactly, and nothing else passes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.book import Level
from mm.domain.events import PublicTrade, TopOfBook
from mm.domain.sides import Side
from mm.venues.edge.frames import NUMBERS_MAX, Diff, FrameDecoder, Numbers, whole
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


def decoder() -> FrameDecoder:
    """Return a decoder of BTC/USDT."""
    return FrameDecoder(btc_usdt())


def test_a_depth_frame_becomes_a_change_of_the_book() -> None:
    """Prices are ticks, sizes atoms, also those that are no multiple of a lot."""
    assert decoder().diff(DEPTH) == Diff(
        first=5,
        last=7,
        venue_ms=1_700,
        bids=(Level(10_001, 0),),
        asks=(Level(10_002, 2_542_618_900), Level(10_003, 100_000_000)),
    )
    assert isinstance(decoder().diff(DEPTH).asks[0], Level)


def test_a_book_ticker_frame_becomes_the_top_of_the_book() -> None:
    """Its number is that of the changes."""
    frame = {"u": 9, "s": "BTCUSDT", "b": "100.01", "B": "1.5", "a": "100.02", "A": "2.5"}
    assert decoder().top(frame, ts_ns=3) == TopOfBook(
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
    assert decoder().trade(frame, ts_ns=3) == PublicTrade(
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
    with pytest.raises((ValueError, TypeError, AttributeError)):
        decoder().diff(DEPTH | change)


@pytest.mark.parametrize("missing", ["b", "a", "U", "u", "E"])
def test_a_frame_without_a_part_is_not_decoded(missing: str) -> None:
    """There is no default for what the venue did not say."""
    with pytest.raises(KeyError):
        decoder().diff({key: value for key, value in DEPTH.items() if key != missing})


def test_a_trade_that_does_not_name_its_maker_is_not_decoded() -> None:
    """A guess would turn the flow around."""
    frame = {"t": 42, "p": "100.01", "q": "0.5", "m": "true"}
    with pytest.raises(ValueError, match="maker"):
        decoder().trade(frame, ts_ns=3)


@given(st.integers(0, 10**15), st.integers(0, 10**8 - 1), st.integers(0, 4))
def test_levels_equal_the_exact_conversion_of_the_instrument(size: int, fraction: int, zeros: int) -> None:
    """Naive reference: convert every text anew."""
    price, amount = f"{size % 10**9}.{fraction % 100:02d}", f"{size % 10**6}.{fraction:08d}" + "0" * zeros
    instrument = btc_usdt()
    once = decoder()
    for _ in range(2):
        assert once.levels([[price, amount]]) == (
            Level(instrument.price_ticks(price), instrument.size_atoms(amount)),
        )


def test_the_memory_of_numbers_is_bounded_and_right_after_it_was_emptied() -> None:
    """A market that wanders does not fill the memory."""
    numbers = Numbers(int)
    assert [numbers[str(value)] for value in range(NUMBERS_MAX + 10)] == list(range(NUMBERS_MAX + 10))
    assert len(numbers) == 10
    assert numbers["0"] == 0


@pytest.mark.parametrize("value", ["7", 7.0, True, None])
def test_whole_numbers_are_whole_numbers(value: object) -> None:
    """JSON has no integers: what is none by its text is refused."""
    assert whole(7) == 7
    with pytest.raises(ValueError, match="whole number"):
        whole(value)
