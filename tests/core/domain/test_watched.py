"""Names of markets that are watched: which venue, which symbol."""

import pytest

from mm.domain.watched import joined_name, split_name


@pytest.mark.parametrize(
    ("name", "venue", "symbol"),
    [
        ("ETH/USDT", "", "ETH/USDT"),
        ("one:ETH/USDT", "one", "ETH/USDT"),
        ("BTC/USDT:USDT", "", "BTC/USDT:USDT"),
        ("one:BTC/USDT:USDT", "one", "BTC/USDT:USDT"),
        (":ETH/USDT", "", ":ETH/USDT"),
    ],
)
def test_a_name_tells_the_venue_and_the_symbol_and_they_tell_the_name(
    name: str, venue: str, symbol: str
) -> None:
    """A colon in the symbol of a future is none of a venue."""
    assert split_name(name) == (venue, symbol)
    assert joined_name(venue, symbol) == name
