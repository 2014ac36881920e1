"""Which client id belongs to which order number of the venue, as far as it was ever said.

Bounded: the order that was mentioned longest ago is forgotten first. Never guesses.
"""

from typing import Final

KNOWN_MAX: Final = 20_000


class KnownIds:
    """Venue order id -> client order id."""

    def __init__(self, limit: int = KNOWN_MAX) -> None:
        """Remember at most `limit` orders."""
        self._limit = limit
        self._cids: dict[str, str] = {}

    def learn(self, venue_order_id: str, cid: str) -> None:
        """Remember what the venue said; the newest word counts."""
        self._cids.pop(venue_order_id, None)
        self._cids[venue_order_id] = cid
        if len(self._cids) > self._limit:
            del self._cids[next(iter(self._cids))]

    def cid(self, venue_order_id: str) -> str | None:
        """Return the client id of an order, None if it was never said or is forgotten."""
        return self._cids.get(venue_order_id)
