"""The bench's market shows what it says: a book that flips, in frames of 20 + 20 levels, without a gap."""

from typing import Any

import msgspec

from mm.bench.market import HIGH_MID, LEVELS, LOW_MID, FlippingMarket

Told = dict[str, Any]


def applied(book: dict[str, str], rows: list[list[str]]) -> None:
    """Apply rows of (price, size) to a book by price."""
    for price, size in rows:
        if float(size):
            book[price] = size
        else:
            assert book.pop(price, None) is not None, "a level went that was not there"


def test_the_mid_flips_with_every_frame_and_each_changes_20_levels_a_side() -> None:
    """Applied to the snapshot, frame by frame, by a naive book."""
    market = FlippingMarket()
    told: Told = msgspec.json.decode(market.snapshot())
    bids, asks = dict(told["bids"]), dict(told["asks"])
    assert len(bids) == len(told["bids"]) == 999
    seq, mids = told["lastUpdateId"], []
    for _ in range(200):
        frame: Told = msgspec.json.decode(market.frame(7))
        assert (frame["U"], frame["u"], frame["E"]) == (seq + 1, seq + 1, 7)
        seq = frame["u"]
        for rows in (frame["b"], frame["a"]):
            assert len(rows) == len({price for price, _ in rows}) == LEVELS
        applied(bids, frame["b"])
        applied(asks, frame["a"])
        bid, ask = max(map(float, bids)), min(map(float, asks))
        assert bid < ask
        mids.append(round((bid + ask) / 2 * 100))
    assert mids == [HIGH_MID, LOW_MID] * 100


def test_a_snapshot_at_any_time_is_the_book_of_that_time() -> None:
    """A client that joins late sees what the others hold."""
    market = FlippingMarket()
    told: Told = msgspec.json.decode(market.snapshot())
    bids, asks = dict(told["bids"]), dict(told["asks"])
    for _ in range(33):
        frame: Told = msgspec.json.decode(market.frame(7))
        applied(bids, frame["b"])
        applied(asks, frame["a"])
    late: Told = msgspec.json.decode(market.snapshot())
    assert late["lastUpdateId"] == 34
    assert {float(price) for price, _ in late["bids"]} == set(map(float, bids))
    assert {float(price) for price, _ in late["asks"]} == set(map(float, asks))


def test_two_markets_of_one_seed_tell_the_same_texts() -> None:
    """What is measured is the same on every machine."""
    one, two, other = FlippingMarket(3), FlippingMarket(3), FlippingMarket(4)
    assert [one.frame(1) for _ in range(5)] == [two.frame(1) for _ in range(5)]
    assert one.snapshot() == two.snapshot() != other.snapshot()
