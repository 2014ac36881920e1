"""Quoting around other markets: each stage of what happens as sources fail has a test of its name."""

from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import TypeAdapter

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.view import Other, View
from mm.errors import ConfigError
from mm.quoting.quorum import Vote
from mm.strategies.cross_reference import NOTHING, BelowQuorum, CrossReference, Memory
from tests.builders.views import NOW_NS, a_view, an_instrument, ladder_faults, mirrored, views

INSTRUMENT = an_instrument()
MS = 1_000_000
MID = 100_000
"""In ticks; the book of `seen` is one tick away on either side, 1 bps is 10 ticks."""

A, B, C = "a:BTC/USDT", "b:BTC/USDT", "ETH/USDT"


def made(*sources: str, **changes: object) -> CrossReference:
    """Return a strategy around `sources`, a width of 10 bps, without guards of its own."""
    fields: dict[str, object] = {
        "order_amount_base": "0.01",
        "spread_bps": "10",
        "sources": sources or (A, B),
    }
    return CrossReference(params(fields | changes), INSTRUMENT)


def params(fields: dict[str, object]) -> CrossReference.Params:
    """Return parameters through the door that the config uses."""
    return TypeAdapter(CrossReference.Params).validate_python(fields)


def other(
    symbol: str, mid_ticks: float = MID, *, age_ms: int = 0, instrument: Instrument = INSTRUMENT
) -> Other:
    """Return a source of that mid, one tick wide; 0 shows none."""
    mid = round(2 * mid_ticks)
    return Other(symbol, instrument, max(0, mid // 2 - 1), mid // 2 + 1, mid, age_ms * MS)


def seen(*others: Other, inventory_lots: int = 0, memory: Memory = NOTHING) -> View[Memory]:
    """Return the own market at MID with `others`."""
    view = a_view(bid_ticks=MID - 1, ask_ticks=MID + 1, inventory_lots=inventory_lots, instrument=INSTRUMENT)
    return remembered(view, memory, others=others)


def remembered(view: View[None] | View[Memory], memory: Memory, **fields: object) -> View[Memory]:
    """Return a view of that memory."""
    return replace(cast("View[Memory]", view), memory=memory, **fields)


def prices(quotes: Quotes[Memory]) -> tuple[list[int], list[int]]:
    """Return the prices of both sides."""
    return [one.price_ticks for one in quotes.bids], [one.price_ticks for one in quotes.asks]


# ---- all is well


def test_with_all_sources_it_quotes_the_stated_width_around_their_price() -> None:
    """10 bps of 100 000 ticks are 100 ticks; both say 30 ticks more than the own book."""
    quotes = made().quotes(seen(other(A, MID + 30), other(B, MID + 30)))

    assert prices(quotes) == ([MID - 20], [MID + 80])
    assert quotes.reason == "quoting"


def test_the_price_is_the_median_or_the_mean_of_those_that_count() -> None:
    """By their weights."""
    others = (other(A, MID + 40), other(B, MID), other(C, MID + 8))

    assert prices(made(A, B, C).quotes(seen(*others))) == ([MID - 42], [MID + 58])
    assert prices(made(A, B, C, vote=Vote.MEAN).quotes(seen(*others))) == ([MID - 34], [MID + 66])
    weighted = made(A, B, C, vote=Vote.MEAN, source_weights=(2.0, 1.0, 1.0))
    assert prices(weighted.quotes(seen(*others))) == ([MID - 28], [MID + 72])


def test_a_source_on_another_grid_is_taken_at_its_price() -> None:
    """Ten times the tick, a tenth of the ticks."""
    coarse = an_instrument(tick="0.1")
    quotes = made(A).quotes(seen(other(A, MID / 10 + 3, instrument=coarse)))

    assert prices(quotes) == ([MID - 20], [MID + 80])


def test_inventory_moves_both_quotes_against_it() -> None:
    """By the stated skew at the limit, no farther beyond it."""
    strategy = made(A, inventory_skew_bps="4")
    assert prices(strategy.quotes(seen(other(A), inventory_lots=500))) == ([MID - 70], [MID + 30])
    assert prices(strategy.quotes(seen(other(A), inventory_lots=-500))) == ([MID - 30], [MID + 70])
    assert prices(strategy.quotes(seen(other(A), inventory_lots=1_500))) == ([], [MID + 10])


# ---- sources fail


def test_a_stale_source_widens_the_quotes() -> None:
    """By the stated factor, around those that are left, and the reason says which is out."""
    quotes = made(weak_spread_factor=3.0).quotes(seen(other(A, MID + 30), other(B, MID, age_ms=1_001)))

    assert prices(quotes) == ([MID - 120], [MID + 180])
    assert quotes.reason == f"quoting, wider: 1 of 2 sources; {B} stale"


def test_each_source_may_have_an_age_of_its_own() -> None:
    """The second may be two seconds old."""
    strategy = made(source_stale_ms=(500, 2_000))

    assert strategy.quotes(seen(other(A), other(B, age_ms=1_999))).reason == "quoting"
    assert f"{A} stale" in strategy.quotes(seen(other(A, age_ms=501), other(B))).reason
    assert strategy.wake.every_ns == 500 * MS


def test_a_source_without_a_price_widens_the_quotes() -> None:
    """As one that is silent does."""
    quotes = made().quotes(seen(other(A, MID + 30), other(B, 0)))

    assert prices(quotes) == ([MID - 70], [MID + 130])
    assert quotes.reason == f"quoting, wider: 1 of 2 sources; {B} no price"


def test_a_source_that_is_off_is_outvoted_by_two() -> None:
    """Its price has no part in the fair one."""
    quotes = made(A, B, C).quotes(seen(other(A, MID + 30), other(B, MID + 30), other(C, MID + 900)))

    assert prices(quotes) == ([MID - 70], [MID + 130])
    assert quotes.reason == f"quoting, wider: 2 of 3 sources; {C} far from the median"


def test_two_sources_that_contradict_each_other_pull_the_quotes() -> None:
    """Nobody can tell which of them is right."""
    quotes = made().quotes(seen(other(A, MID + 500), other(B, MID)))

    assert prices(quotes) == ([], [])
    assert quotes.reason == (
        f"waits for a quorum: 0 of 2 sources; {A} far from the median, {B} far from the median"
    )


def test_a_single_source_far_from_the_own_book_pulls_the_quotes() -> None:
    """A feed that shows another market must not be followed into the own book."""
    quotes = made(A, max_own_deviation_bps="50").quotes(seen(other(A, MID + 501)))

    assert prices(quotes) == ([], [])
    assert quotes.reason == f"waits for a quorum: 0 of 1 sources; {A} far from the own book"


def test_below_the_quorum_only_the_side_is_quoted_that_reduces() -> None:
    """Wider, down to flat and not beyond."""
    strategy = made(min_sources=2)
    said = f"only reduces: 1 of 2 sources; {B} stale"

    long = strategy.quotes(seen(other(A), other(B, age_ms=2_000), inventory_lots=40))
    assert (prices(long), long.reason) == (([], [MID + 100]), said)
    assert [one.size_lots for one in long.asks] == [40]
    short = strategy.quotes(seen(other(A), other(B, age_ms=2_000), inventory_lots=-400))
    assert (prices(short), short.reason) == (([MID - 100], []), said)
    assert [one.size_lots for one in short.bids] == [100]


def test_below_the_quorum_a_ladder_reduces_down_to_flat() -> None:
    """Level by level; what is smaller than the venue takes is left."""
    small = an_instrument(size_min_lots=30)
    strategy = CrossReference(
        params(
            {
                "order_amount_base": "0.01",
                "spread_bps": "10",
                "sources": (A, B),
                "order_levels": 4,
                "min_sources": 2,
            }
        ),
        small,
    )
    view = replace(seen(other(A), other(B, 0), inventory_lots=220), instrument=small)

    assert [one.size_lots for one in strategy.quotes(view).asks] == [100, 100]


def test_below_the_quorum_and_flat_nothing_is_quoted() -> None:
    """There is nothing to reduce."""
    quotes = made(min_sources=2).quotes(seen(other(A), other(B, age_ms=2_000)))

    assert prices(quotes) == ([], [])
    assert quotes.reason == f"waits for a quorum: 1 of 2 sources; {B} stale"


def test_below_the_quorum_nothing_is_quoted_where_that_is_asked_for() -> None:
    """below_quorum = "pull"."""
    strategy = made(min_sources=2, below_quorum=BelowQuorum.PULL)

    assert prices(strategy.quotes(seen(other(A), other(B, age_ms=2_000), inventory_lots=40))) == ([], [])


def test_without_any_source_nothing_is_quoted_whatever_is_held() -> None:
    """Nothing stands for a price."""
    quotes = made(A).quotes(seen(other(A, 0), inventory_lots=40))

    assert prices(quotes) == ([], [])
    assert quotes.reason == f"waits for a quorum: 0 of 1 sources; {A} no price"


# ---- basis


def remembering(strategy: CrossReference, samples: int, *others: Other) -> Memory:
    """Return what it remembers after that many samples, a second apart, of the same market."""
    memory, view = strategy.initial_memory(), seen(*others)
    for at in range(samples):
        now = remembered(view, memory, ts_ns=NOW_NS - (samples - at) * 1_000 * MS)
        memory = strategy.quotes(now).memory
    return memory


def test_until_its_basis_is_known_a_source_does_not_count() -> None:
    """The reason names no number: it stays the same until it is over."""
    strategy = made(C, basis_window_ms=60_000)
    memory = remembering(strategy, 10, other(C, 3_000))

    quotes = strategy.quotes(seen(other(C, 3_000), memory=memory))

    assert quotes.reason == f"waits for a quorum: 0 of 1 sources; {C} waits for its basis"


def test_with_a_basis_another_asset_will_do() -> None:
    """One that costs a third: 4 bps more there are 4 bps more here, or 2 with a beta of a half."""
    for beta, moved in ((1.0, 40), (0.5, 20)):
        strategy = made(C, basis_window_ms=60_000, beta=beta)
        memory = remembering(strategy, 40, other(C, 30_000))

        quotes = strategy.quotes(seen(other(C, 30_012), memory=memory))

        # The sample of this very moment is one of 41 in the mean.
        fair = MID + moved * 40 / 41
        assert prices(quotes)[0][0] == pytest.approx(fair - 50, abs=1)
        assert prices(quotes)[1][0] == pytest.approx(fair + 50, abs=1)
        assert quotes.reason == "quoting"


def test_a_silent_source_adds_nothing_to_its_basis() -> None:
    """What it said last is not said again."""
    strategy = made(C, basis_window_ms=60_000)
    memory = remembering(strategy, 40, other(C, 3_000))
    after = strategy.quotes(seen(other(C, 3_000, age_ms=1_500), memory=memory)).memory

    assert after.bases == memory.bases


def test_what_is_remembered_of_other_sources_is_dropped() -> None:
    """A restart may have brought others, as many as before."""
    memory = remembering(made(C, basis_window_ms=60_000), 40, other(C, 3_000))
    quotes = made(A, basis_window_ms=60_000).quotes(seen(other(A), memory=memory))

    assert [len(basis.rows) for basis in quotes.memory.bases] == [1]
    assert quotes.memory.symbols == (A,)


def test_memory_comes_back_from_bytes_as_it_was() -> None:
    """The next life goes on with it."""
    memory = remembering(made(C, basis_window_ms=60_000), 40, other(C, 3_000))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=Memory) == memory


# ---- what is said


def test_every_vote_and_every_rejection_is_told() -> None:
    """With its distance, its age and its limit; and what came of it."""
    strategy = made(A, B, C, source_weights=(1.0, 2.5, 1.0))
    view = seen(other(A, MID + 30), other(B, MID), other(C, MID - 20, age_ms=1_500))

    assert strategy.votes(view) == (
        (A, "counts 1: +3.00 bps from the own mid, +1.50 bps from the median"),
        (B, "counts 2.5: at the own mid, -1.50 bps from the median"),
        (C, "rejected, stale (-2.00 bps from the own mid, 1500 ms old, at most 1000)"),
        ("fair", "+0.00 bps from the own mid, by 2 of 3"),
    )
    assert made(A).votes(seen(other(A, 0)))[-1] == ("fair", "none")


# ---- parameters


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": (A, A)}, "sources names a market twice"),
        ({"source_weights": (1.0,)}, "source_weights were 1, expected none or 2"),
        ({"source_stale_ms": (1_000,) * 3}, "source_stale_ms were 3, expected 1 or 2"),
        ({"min_sources": 3}, "min_sources was 3, expected at most 2"),
        ({"beta": 0.5}, "beta was 0.5 without basis_window_ms"),
        ({"min_spread_bps": "9", "max_spread_bps": "8"}, "min_spread_bps was 9"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    """By name, with what was expected."""
    with pytest.raises(ValueError, match=message):
        made(**({"sources": (A, B)} | changes))


def test_the_own_market_is_no_source() -> None:
    """It is compared with in any case."""
    with pytest.raises(ConfigError, match="sources names BTC/USDT, the market that is quoted on"):
        made(INSTRUMENT.symbol)


# ---- properties


@st.composite
def strategies(draw: st.DrawFn) -> CrossReference:
    """Any strategy that can be configured."""
    count = draw(st.integers(1, 4))
    window = draw(st.sampled_from((None, 6_000, 60_000)))
    fields: dict[str, object] = {
        "order_amount_base": draw(st.sampled_from(("0.0001", "0.01", "3"))),
        "spread_bps": draw(st.sampled_from(("0.01", "1", "10", "19999"))),
        "sources": (A, B, C, "d")[:count],
        "source_weights": draw(st.sampled_from(((), tuple(float(at + 1) for at in range(count))))),
        "source_stale_ms": draw(st.sampled_from(((50,), (1_000,) * count))),
        "vote": draw(st.sampled_from(Vote)),
        "min_sources": draw(st.integers(1, count)),
        "below_quorum": draw(st.sampled_from(BelowQuorum)),
        "weak_spread_factor": draw(st.floats(1, 100)),
        "max_deviation_bps": draw(st.sampled_from(("0.01", "20", "9999"))),
        "max_own_deviation_bps": draw(st.sampled_from(("0.01", "100", "9999"))),
        "basis_window_ms": window,
        "beta": draw(st.floats(-10, 10)) if window else 1.0,
        "inventory_skew_bps": draw(st.sampled_from(("0", "5", "9999"))),
        "order_levels": draw(st.sampled_from((1, 3))),
    }
    return CrossReference(params(fields), INSTRUMENT)


@st.composite
def markets(draw: st.DrawFn, count: int, mid_half_ticks: int) -> tuple[Other, ...]:
    """Any sources, dead, far off and silent ones among them."""
    grids = (INSTRUMENT, an_instrument(tick="0.5"), an_instrument(tick="0.000001"))
    return tuple(
        Other(
            (A, B, C, "d")[at],
            draw(st.sampled_from(grids)),
            0,
            0,
            draw(
                st.one_of(
                    st.just(0),
                    st.integers(max(1, mid_half_ticks - 99), mid_half_ticks + 99),
                    st.integers(1, 10**12),
                )
            ),
            draw(st.sampled_from((0, 60 * MS, 10**19))),
        )
        for at in range(count)
    )


@given(st.data())
def test_every_market_and_every_parameter_gives_a_ladder_or_a_named_reason(data: st.DataObject) -> None:
    """Step after step with what it remembers; integers within the venue's bounds, none through the book."""
    strategy = data.draw(strategies())
    memory = strategy.initial_memory()
    view = data.draw(views(INSTRUMENT))
    others = data.draw(markets(len(strategy.watches), view.mid_half_ticks))
    for step in range(data.draw(st.sampled_from((1, 3, 25)))):
        now = remembered(view, memory, others=others, ts_ns=NOW_NS + step * 1_000 * MS)
        quotes = strategy.quotes(now)
        memory = quotes.memory
        assert ladder_faults(cast("Quotes[None]", quotes), cast("View[None]", now)) == []
        assert quotes.reason
        assert quotes.bids or quotes.asks or quotes.reason != "quoting"
        assert strategy.votes(now)[-1][0] == "fair"


@given(st.data())
def test_with_mirrored_sources_and_inventory_the_ladder_is_mirrored(data: st.DataObject) -> None:
    """To the tick, whatever fails."""
    strategy = made(A, B, C, inventory_skew_bps="3", min_sources=2, order_levels=2, spread_bps="2")
    view = replace(data.draw(views(INSTRUMENT)), own=())
    mid = view.mid_half_ticks
    others = tuple(
        Other(
            symbol,
            INSTRUMENT,
            0,
            0,
            data.draw(st.one_of(st.just(0), st.integers(mid // 2 + 1, mid + mid // 2))),
            data.draw(st.sampled_from((0, 0, 2_000 * MS))),
        )
        for symbol in (A, B, C)
    )
    flipped = tuple(
        replace(one, mid_half_ticks=2 * mid - one.mid_half_ticks if one.mid_half_ticks else 0)
        for one in others
    )

    quotes = strategy.quotes(remembered(view, NOTHING, others=others))
    twin = strategy.quotes(remembered(mirrored(view), NOTHING, others=flipped))

    low = INSTRUMENT.price_min_ticks
    if all(mid - one.price_ticks >= low for one in (*quotes.bids, *quotes.asks, *twin.bids, *twin.asks)):
        assert [one.but(price_ticks=mid - one.price_ticks) for one in twin.asks] == list(quotes.bids)
        assert [one.but(price_ticks=mid - one.price_ticks) for one in twin.bids] == list(quotes.asks)
