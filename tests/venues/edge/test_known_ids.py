"""Tests of mm/venues/edge/known_ids.py."""

from mm.venues.edge.known_ids import KnownIds


def test_what_was_said_is_known_and_nothing_else() -> None:
    """An order that was never mentioned has no client id."""
    ids = KnownIds()
    ids.learn("1", "a")
    assert ids.cid("1") == "a"
    assert ids.cid("2") is None


def test_the_order_mentioned_longest_ago_is_forgotten_first() -> None:
    """The memory is bounded; mentioning an order again keeps it."""
    ids = KnownIds(limit=2)
    ids.learn("1", "a")
    ids.learn("2", "b")
    ids.learn("1", "a")
    ids.learn("3", "c")
    assert (ids.cid("1"), ids.cid("2"), ids.cid("3")) == ("a", None, "c")
