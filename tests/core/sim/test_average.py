"""The mean price: exact over its window, the last price after it, against a list that is scanned."""

from hypothesis import given
from hypothesis import strategies as st

from mm.sim.average import AveragePrice, Mean

WINDOW_NS = 100


def test_before_the_first_trade_there_is_no_mean() -> None:
    """Nothing is made up."""
    assert AveragePrice(window_ns=WINDOW_NS).mean(5) is None


def test_the_mean_weighs_prices_by_size() -> None:
    """Two trades of different size: an exact fraction."""
    average = AveragePrice(window_ns=WINDOW_NS)
    average.add(100, 3, 1)
    average.add(200, 1, 2)
    assert average.mean(3) == Mean(ticks_atoms=500, atoms=4)


def test_after_the_window_the_last_price_stands_in() -> None:
    """A trade as old as the window no longer counts."""
    average = AveragePrice(window_ns=WINDOW_NS)
    average.add(100, 3, 1)
    average.add(200, 1, 2)
    assert average.mean(101) == Mean(ticks_atoms=200, atoms=1)
    assert average.mean(10_000) == Mean(ticks_atoms=200, atoms=1)


TRADES = st.lists(st.tuples(st.integers(1, 1_000), st.integers(1, 50), st.integers(0, 60)), min_size=1)


@given(trades=TRADES, wait=st.integers(0, 150))
def test_the_mean_is_that_of_the_scanned_list(trades: list[tuple[int, int, int]], wait: int) -> None:
    """Any trades at any distances: the same fraction as the slow way."""
    average = AveragePrice(window_ns=WINDOW_NS)
    seen, now_ns = [], 0
    for price_ticks, size_atoms, gap_ns in trades:
        now_ns += gap_ns
        average.add(price_ticks, size_atoms, now_ns)
        seen.append((now_ns, price_ticks, size_atoms))
    now_ns += wait
    recent = [row for row in seen if row[0] > now_ns - WINDOW_NS]
    expected = Mean(
        ticks_atoms=sum(price * size for _, price, size in recent), atoms=sum(size for _, _, size in recent)
    )
    assert average.mean(now_ns) == (expected if recent else Mean(ticks_atoms=seen[-1][1], atoms=1))
