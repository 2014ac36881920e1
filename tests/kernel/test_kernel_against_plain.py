"""The kernel stops where the plain one stops, tells the same, and leaves the same state: on random tapes."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain import book as book_module
from mm.domain.units import PPM
from mm.kernel import kernel as kernel_module
from mm.kernel import layout, messages, slots, whole
from mm.kernel.kernel import Kernel
from mm.kernel.plain import PlainKernel
from mm.kernel.types import AnyKernel, KernelMarket
from mm.sim import displayed, feed
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.kernel_rig import Make, Rig, quoter, watch_two
from tests.builders.random_tape import RandomTape

SEEDS = st.integers(0, 2**32)


def agree(
    seed: int,
    makes: Sequence[Make],
    *,
    messages_count: int,
    levels_max: int,
    asked: QueueModel | None = None,
) -> None:
    """Assert that kernels do the same on a random tape, with random own orders in a random queue model or
    the one `asked` for.
    """
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        for module in (book_module, displayed, feed, kernel_module):
            patch.setattr(module, "LEVELS_MAX", levels_max)
        tape = RandomTape(seed, width=random.choice((3, 12, 60, 700)), wild=random.random() < 0.4)
        chunk = tape.chunk(messages_count)
        drawn, tops = random.choice(ESTIMATES), random.random() < 0.5
        model = asked or drawn
        threshold, step_ns = random.choice((0, 1, 3)), random.choice((1, 10**6, 10**8, 10**10))
        part_ppm = random.choice((PPM, PPM, 300_000, 7))
        found = []
        for make in makes:
            rig = Rig(make, model, tops=tops, participation_ppm=part_ppm)
            on_due, seen = quoter(seed)
            rig.run(chunk, step_ns=step_ns, threshold=threshold, on_due=on_due)
            found.append((rig, seen))
        first, first_seen = found[0]
        for rig, seen in found[1:]:
            assert rig.told.stops == first.told.stops
            assert rig.told.news == first.told.news
            assert seen == first_seen
            assert rig.view(200) == first.view(200)
            assert rig.kernel.now_ns == first.kernel.now_ns


def as_it_stands(markets: Sequence[KernelMarket]) -> AnyKernel:
    """Return a kernel that is not compiled, with few slots, so that the table has to grow."""
    return Kernel(markets, slots=32, compile_loop=False)


def compiled(markets: Sequence[KernelMarket]) -> AnyKernel:
    """Return a kernel that is compiled where it can be."""
    return Kernel(markets, slots=64)


@settings(max_examples=15)
@given(SEEDS, st.sampled_from((2, 8, 40, 5_000)))
def test_the_loop_as_it_stands_does_what_the_objects_do(seed: int, levels_max: int) -> None:
    """Stops, news, levels, fronts, fills: all equal, whatever the streams do."""
    agree(seed, (PlainKernel, as_it_stands), messages_count=250, levels_max=levels_max)


@settings(max_examples=15)
@given(SEEDS, st.sampled_from((2, 8, 40, 5_000)))
def test_the_compiled_loop_does_what_the_objects_do(seed: int, levels_max: int) -> None:
    """The same, compiled; sizes beyond 2**53 and all queue models included."""
    agree(seed, (PlainKernel, compiled), messages_count=250, levels_max=levels_max)


@settings(max_examples=15)
@given(SEEDS, st.integers(4, 9))
def test_a_short_list_of_near_prices_changes_nothing(seed: int, near_max: int) -> None:
    """However often the list runs out, is cut and is filled again, the best prices are the best prices.

    Nor do short logs, which are read before anybody asks for news.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "LOG_ENTRIES", 1 + seed % 3)
        for module in (layout, slots, messages, whole):
            patch.setattr(module, "NEAR_MAX", near_max)
        for module in (layout, slots, whole):
            patch.setattr(module, "NEAR_MIN", near_max // 4)
        for module in (layout, slots):
            patch.setattr(module, "NEAR_KEEP", near_max // 2)
        agree(seed, (PlainKernel, as_it_stands), messages_count=250, levels_max=40)


@settings(max_examples=20)
@given(SEEDS)
def test_several_markets_that_nobody_trades_on_do_not_touch_each_other(seed: int) -> None:
    """Each has its own book, news and watches; there is no venue's view to keep."""
    chunk = RandomTape(seed, width=12, wild=seed % 3 == 0, others=0.4).chunk(150)
    expected = watch_two(PlainKernel, chunk, step_ns=10**8)
    assert watch_two(as_it_stands, chunk, step_ns=10**8) == expected
    assert watch_two(compiled, chunk, step_ns=10**8) == expected


@pytest.mark.proof
@pytest.mark.parametrize("model", ESTIMATES)
@settings(max_examples=32)
@given(seed=SEEDS, levels_max=st.sampled_from((2, 8, 40, 5_000)))
def test_all_three_agree_on_long_tapes(model: QueueModel, seed: int, levels_max: int) -> None:
    """Four times as long as in the gate, where tables grow and are rebuilt again and again, and each queue
    model on tapes of every kind; the gate has fifteen short ones for all of them.
    """
    makes = (PlainKernel, as_it_stands, compiled)
    agree(seed, makes, messages_count=1_000, levels_max=levels_max, asked=model)
