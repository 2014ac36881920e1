"""The nine invariants of honest fills, as the account on paper meets them, and determinism to the byte."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.events import (
    AnyEvent,
    BalanceChanged,
    BookLost,
    CancelRejected,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Source,
    Stream,
    StreamDown,
)
from mm.domain.sides import BUY, SELL
from mm.domain.tape import ENDS, SEAM
from tests.builders.instruments import INSTRUMENT
from tests.builders.paper_bench import LOT, MS, START_NS, Bench, make_bench


def filled(bench: Bench) -> dict[str, int]:
    """Return the lots filled so far by order, each trade counted once."""
    lots: dict[str, int] = {}
    for fill in {fill.trade_id: fill for fill in bench.all(OrderFilled)}.values():
        lots[fill.cid] = lots.get(fill.cid, 0) + fill.size_lots
    return lots


# ---- 1: conservation


async def test_a_print_is_consumed_once_across_all_own_orders() -> None:
    """Two orders of 10 behind 50: prints of 50 and 10 fill 10 in all, the earlier order first."""
    bench = await make_bench()
    first, second = bench.resting(), bench.resting()
    bench.trade(SELL, 9_990, 50)
    assert filled(bench) == {}
    bench.trade(SELL, 9_990, 10)
    assert filled(bench) == {first: 10}
    bench.trade(SELL, 9_990, 4)
    assert filled(bench) == {first: 10, second: 4}


async def test_a_print_through_the_price_fills_no_more_than_its_size() -> None:
    """However large the order; the better price first."""
    bench = await make_bench()
    large, better = bench.resting(lots=50), bench.resting(9_995, 2)
    bench.trade(SELL, 9_980, 3)
    assert filled(bench) == {better: 2, large: 1}


async def test_own_fills_of_a_print_are_at_most_their_part_of_it() -> None:
    """A tenth of 50 through the price, for both orders together."""
    bench = await make_bench(participation_ppm=100_000)
    first, second = bench.resting(9_995, 4), bench.resting(9_995, 4)
    bench.trade(SELL, 9_990, 50)
    assert filled(bench) == {first: 4, second: 1}


async def test_own_fills_of_a_level_through_the_price_are_at_most_their_part_of_it() -> None:
    """A tenth of 50 that cross both orders, once; and it is told what filled them."""
    bench = await make_bench(participation_ppm=100_000)
    first, second = bench.resting(9_995, 4), bench.resting(9_995, 4)
    for _ in range(3):
        bench.depth(asks=((9_993, 50),))
    assert filled(bench) == {first: 4, second: 1}
    (counts,) = bench.venue.fills_by_cause().values()
    assert {cause.value: tuple(count) for cause, count in counts.items() if count.fills} == {
        "displayed_cross": (2, 5)
    }


async def test_without_the_comparison_the_same_fills_and_nothing_wishful() -> None:
    """The touch model hears of nothing; what fills is as with it."""
    told = []
    for compares in (True, False):
        bench = await make_bench(compares=compares)
        cid = bench.resting()
        bench.top((9_980, 50), (9_990, 5))
        bench.trade(SELL, 9_985, 4)
        bench.cancel(cid)
        bench.at(200)
        told.append((list(filled(bench).values()), sum(bench.venue.touch) > 0))
    assert told == [([4], True), ([4], False)]


async def test_a_print_that_comes_twice_is_one_print() -> None:
    """Streams repeat frames; an order of frames that was mixed up costs us prints, never gives any."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    for trade_id in (7, 7, 6, 8):
        bench.trade(SELL, 9_995, 1, trade_id=trade_id)
    assert filled(bench) == {cid: 2}


async def test_prints_of_a_new_connection_count_whatever_their_numbers() -> None:
    """A venue that began anew numbers from the start."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    bench.trade(SELL, 9_995, 1, trade_id=1_000)
    bench.see(StreamDown(ts_ns=bench.now_ns, stream=Stream.MARKET, reason="test"))
    bench.trade(SELL, 9_995, 1, trade_id=1)
    assert filled(bench) == {cid: 2}


@pytest.mark.parametrize(("reason", "lots"), [(SEAM, 2), (ENDS, 2), ("a gap in the changes", 1)])
async def test_prints_of_another_recording_count_whatever_their_numbers(reason: str, lots: int) -> None:
    """Files without numbers are numbered from the start, each by itself; a gap within one changes nothing."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    bench.trade(SELL, 9_995, 1, trade_id=1_000)
    bench.see(BookLost(ts_ns=bench.now_ns, symbol=INSTRUMENT.symbol, reason=reason))
    bench.trade(SELL, 9_995, 1, trade_id=1)
    assert filled(bench) == {cid: lots}


async def test_a_book_through_our_price_gives_what_it_displays_once() -> None:
    """Two lots that cross our bid fill two lots, however often they are displayed."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    for _ in range(3):
        bench.depth(asks=((9_993, 2),))
    assert filled(bench) == {cid: 2}
    assert bench.last(OrderFilled).price_ticks == 9_995


# ---- 2: what is in front


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), queue=st.sampled_from(["risk_averse", "power", "power3", "log2"]))
async def test_what_is_in_front_never_grows_and_is_never_negative(seed: int, queue: str) -> None:
    """Whatever the displayed size does."""
    random, bench = Random(seed), await make_bench(queue=queue)
    bench.resting(lots=40)
    ahead = 50 * LOT
    for _ in range(30):
        if random.random() < 0.4:
            bench.trade(SELL, 9_990, random.randint(1, 20))
        else:
            bench.depth(bids=((9_990, random.randint(0, 90)),))
        for row in bench.venue.estimates():
            assert 0 <= row.ahead_atoms <= ahead
            ahead = row.ahead_atoms


# ---- 3: own size


async def test_own_size_is_never_in_the_market() -> None:
    """What the market displays stays what it was; our order is behind all of it."""
    bench = await make_bench()
    bench.resting(lots=30)
    second = bench.resting(lots=30)
    assert not bench.venue.caps.own_orders_in_book
    assert {row.ahead_atoms for row in bench.venue.estimates()} == {50 * LOT}
    bench.cancel(second)
    bench.at(200)
    assert [row.ahead_atoms for row in bench.venue.estimates()] == [50 * LOT]


# ---- 4: exchange time


async def test_an_order_is_filled_by_what_comes_after_its_effect_alone() -> None:
    """Not by a print that was on its way before; by one that comes before we heard of the order."""
    bench = await make_bench()
    cid = bench.place(9_995, 10)
    bench.at(29)
    bench.trade(SELL, 9_995, 10)
    assert filled(bench) == {}
    bench.at(30)
    bench.told.clear()
    told = bench.trade(SELL, 9_995, 4)
    assert filled(bench) == {cid: 4}
    ack, fill = told[0], next(event for event in told if isinstance(event, OrderFilled))
    assert isinstance(ack, OrderAcked)
    assert (ack.source, ack.ts_ns, fill.ts_ns) == (Source.STREAM, START_NS + 30 * MS, START_NS + 30 * MS)
    bench.at(40)
    assert [event.source for event in bench.all(OrderAcked)] == [Source.STREAM, Source.ANSWER]


async def test_an_order_is_filled_while_its_cancellation_is_on_its_way() -> None:
    """Until the cancellation takes effect, and not a moment longer."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    bench.cancel(cid)
    bench.at(49.9)
    bench.trade(SELL, 9_995, 3)
    bench.at(50)
    bench.trade(SELL, 9_995, 3)
    assert filled(bench) == {cid: 3}
    bench.at(60)
    assert [end.cum_lots for end in bench.all(OrderCanceled)] == [3, 3]


async def test_a_cancellation_that_comes_too_late_is_refused() -> None:
    """The order was filled while it was on its way."""
    bench = await make_bench()
    cid = bench.resting(9_995, 10)
    bench.cancel(cid)
    bench.trade(SELL, 9_995, 10)
    bench.at(100)
    assert bench.last(CancelRejected).cid == cid
    assert filled(bench) == {cid: 10}


async def test_messages_do_not_overtake_each_other() -> None:
    """A cancellation never gets there before its order, whatever is drawn for it."""
    bench = await make_bench(latency_mean_ms=20, latency_p99_ms=200)
    cids = []
    for number in range(40):
        cids.append(bench.place(9_900 + number, 1))
        bench.cancel(cids[-1])
    bench.at(10_000)
    assert bench.all(CancelRejected) == []
    assert [end.cid for end in bench.all(OrderCanceled) if end.source is Source.STREAM] == cids


# ---- 5: partial fills


async def test_a_partial_fill_counts_at_once() -> None:
    """Holdings and the order's rest, with a fee in what was received."""
    bench = await make_bench(maker_fee_ppm=1_000)
    bench.resting(9_995, 10)
    bench.told.clear()
    bench.trade(SELL, 9_995, 4)
    fill = bench.last(OrderFilled)
    assert (fill.size_lots, fill.maker, fill.fee_asset, fill.fee_atoms) == (4, True, "AAA", 4 * LOT // 1_000)
    held = {event.asset: event for event in bench.all(BalanceChanged)}
    assert held["AAA"].free_atoms == 10 * 10**8 + 4 * LOT - 4 * LOT // 1_000
    assert held["BBB"].locked_atoms == INSTRUMENT.notional_atoms(9_995, 6)


# ---- 6: queue models


async def test_the_more_careful_model_has_more_in_front() -> None:
    """After the same fall of the same displayed size."""
    fronts = []
    for queue in ("risk_averse", "power3", "power", "power2"):
        bench = await make_bench(queue=queue)
        bench.resting()
        bench.depth(bids=((9_990, 120),))
        bench.depth(bids=((9_990, 80),))
        (row,) = bench.venue.estimates()
        fronts.append(row.ahead_atoms)
    assert fronts == sorted(fronts, reverse=True)
    assert len(set(fronts)) > 1


# ---- 8: post-only at exchange time


async def test_post_only_is_judged_when_the_order_takes_effect() -> None:
    """The market came to it on its way; another one crossed when it was sent and rests when it gets there."""
    bench = await make_bench()
    met = bench.place(10_005)
    bench.at(25)
    bench.top((9_990, 50), (10_005, 5))
    bench.at(40)
    refused = bench.last(OrderRejected)
    assert (refused.cid, refused.crossed) == (met, True)
    left = bench.place(10_006)
    bench.at(45)
    bench.top((9_990, 50), (10_010, 5))
    bench.at(60)
    assert [row.cid for row in bench.venue.estimates()] == [left]


# ---- 9: quotes alone


async def test_no_fill_at_the_touch_on_quotes_alone() -> None:
    """An opposite quote at our price proves nothing; whoever met us would have printed."""
    bench = await make_bench()
    bench.resting(9_995, 10)
    bench.top((9_990, 50), (9_995, 500))
    bench.depth(asks=((9_995, 300),))
    bench.depth(asks=((9_995, 0), (10_010, 50)))
    bench.depth(bids=((9_990, 0),))
    assert filled(bench) == {}


async def test_an_older_top_does_not_bring_back_what_a_newer_depth_has_changed() -> None:
    """Numbers say which is newer, not the order in which they come."""
    bench = await make_bench()
    bench.resting(9_995, 10)
    bench.depth(bids=((9_990, 40),), seq=200)
    bench.top((9_970, 50), (9_980, 500), seq=150)
    assert filled(bench) == {}
    bench.top((9_970, 50), (9_980, 3), seq=201)
    assert sum(filled(bench).values()) == 3


# ---- 7: determinism


async def _life(seed: int, cuts: int) -> bytes:
    # The same commands and events at the same times; only how often time is let pass in between differs.
    random = Random(seed)
    bench = await make_bench(
        latency_mean_ms=20, latency_p99_ms=90, seed=seed, maker_fee_ppm=150, queue="power"
    )
    cutter = Random(cuts)
    told: list[AnyEvent] = []
    cids: list[str] = []
    ms = 30.0
    for _ in range(120):
        end = ms + random.uniform(0, 25)
        for cut in sorted(cutter.uniform(ms, end) for _ in range(cuts)):
            told += bench.at(cut)
        told += bench.at(end)
        ms = end
        kind = random.random()
        if kind < 0.3:
            side = random.choice((BUY, SELL))
            price = 10_000 - side.sign * random.randint(2, 8)
            cids.append(bench.place(price, random.randint(1, 9), side=side, taking=kind < 0.04))
        elif kind < 0.45 and cids:
            bench.cancel(random.choice(cids))
        elif kind < 0.7:
            told += bench.trade(
                random.choice((BUY, SELL)), 10_000 + random.randint(-9, 9), random.randint(1, 30)
            )
        elif kind < 0.85:
            told += bench.top((random.randint(9_990, 9_999), 20), (random.randint(10_001, 10_010), 20))
        else:
            price = random.randint(9_985, 9_999)
            told += bench.depth(bids=((price, random.randint(0, 60)),))
    told += bench.at(ms + 10_000)
    return msgspec.msgpack.encode([told, bench.venue.estimates(), bench.venue.truths(), bench.venue.touch])


@pytest.mark.parametrize("seed", range(5))
async def test_the_same_life_is_the_same_to_the_byte_however_time_is_cut(seed: int) -> None:
    """Nothing depends on when somebody looks."""
    whole = await _life(seed, 0)
    assert await _life(seed, 0) == whole
    assert await _life(seed, 1) == whole
    assert await _life(seed, 7) == whole
    assert await _life(seed + 100, 0) != whole
