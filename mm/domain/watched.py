"""Names of markets that are watched: "ETH/USDT" of the venue that is traded on, "NAME:ETH/USDT" of another.

A unified symbol may hold a colon of its own ("BTC/USDT:USDT"); the name of a venue never holds a slash.
"""


def split_name(name: str) -> tuple[str, str]:
    """Return the venue's name in the config and the symbol; "" for the venue that is traded on."""
    venue, colon, symbol = name.partition(":")
    return (venue, symbol) if colon and venue and "/" not in venue else ("", name)


def joined_name(venue: str, symbol: str) -> str:
    """Return the name of a symbol of another venue; that of the symbol itself where `venue` is ""."""
    return f"{venue}:{symbol}" if venue else symbol
