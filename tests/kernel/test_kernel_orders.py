"""Tapes that tell single orders: the kernel stops for those that matter, and for nothing where none does."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.domain.tape import ORDER, ORDERS, Chunk, TapeWriter, messages
from mm.kernel.kernel import Kernel
from mm.kernel.plain import PlainKernel
from mm.kernel.types import AnyKernel, KernelMarket, Stop
from mm.sim.queue import ESTIMATES, QueueModel
from tests.builders.kernel_rig import Make, Rig, quoter
from tests.builders.order_tapes import order_chunk

SEEDS = st.integers(0, 2**32)
LOT = 600
"""A lot of the rig is 1,000 atoms: most sizes are off it."""


def as_it_stands(markets: Sequence[KernelMarket]) -> AnyKernel:
    """Return a kernel that is not compiled, with few slots."""
    return Kernel(markets, slots=32, compile_loop=False)


def agree(
    seed: int, makes: Sequence[Make], model: QueueModel = QueueModel.L3, *, moments: int = 150
) -> list[Rig]:
    """Assert that kernels do the same on a generated tape of orders, with own orders; return their rigs."""
    random = Random(seed)
    chunk = order_chunk(seed, moments, lot_atoms=LOT, keyframes=0.02)
    step_ns, part_ppm = random.choice((1, 10**7, 10**8)), random.choice((1_000_000, 300_000))
    found = []
    for make in makes:
        rig = Rig(make, model, tops=seed % 2 == 0, participation_ppm=part_ppm)
        on_due, seen = quoter(seed)
        rig.run(chunk, step_ns=step_ns, threshold=1, on_due=on_due)
        found.append((rig, seen))
    first, first_seen = found[0]
    for rig, seen in found[1:]:
        assert (rig.told.stops, rig.told.news) == (first.told.stops, first.told.news)
        assert seen == first_seen
        assert rig.view(200) == first.view(200)
    return [rig for rig, _ in found]


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_loop_as_it_stands_does_what_the_objects_do(seed: int) -> None:
    """Stops, news, levels, fronts, fills: all equal."""
    agree(seed, (PlainKernel, as_it_stands))


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_compiled_loop_does_what_the_objects_do(seed: int) -> None:
    """The same, compiled."""
    agree(seed, (PlainKernel, Kernel))


@pytest.mark.parametrize("model", ESTIMATES)
def test_where_queues_are_estimated_single_orders_are_passed_over(model: QueueModel) -> None:
    """The same stops and fills as on the same tape without them."""
    for make in (PlainKernel, as_it_stands, Kernel):
        chunk = order_chunk(7, 150, lot_atoms=LOT)
        plain = TapeWriter(chunk.symbols)
        bare = without_orders(chunk, plain)
        found = []
        for tape in (chunk, bare):
            rig = Rig(make, model)
            on_due, seen = quoter(7)
            rig.run(tape, step_ns=10**7, on_due=on_due)
            found.append((rig.ear.fills, rig.view(200), [stop for stop, _ in rig.told.stops], len(seen)))
        assert found[0] == found[1]
        assert found[0][0]


def test_without_own_orders_nothing_stops_but_what_is_told_whole() -> None:
    """Single orders are seen afterwards, so that an own order that comes finds them all."""
    chunk = order_chunk(3, 200, lot_atoms=LOT)
    for make in (PlainKernel, as_it_stands, Kernel):
        rig = Rig(make, QueueModel.L3)
        rig.run(chunk, step_ns=10**15)
        stops = [stop for stop, _ in rig.told.stops]
        assert (stops.count(Stop.BEFORE), stops[:2]) == (2, [Stop.BEFORE, Stop.BEFORE])
        side = next(iter(rig.observed._own))
        best = rig.book.bid_ticks if side.sign > 0 else rig.book.ask_ticks
        assert rig.place(side, best, 1)
        assert rig.places()[0][2] == rig.observed.displayed(side, 1)[0].size_atoms


def without_orders(chunk: Chunk, writer: TapeWriter) -> Chunk:
    """Return a tape without its single orders. Args: writer: is given the rest."""
    for message in messages(chunk):
        if message[0][1] not in (ORDER, ORDERS):
            for row in message:
                writer._row(row)
    return writer.take()


@pytest.mark.proof
@settings(max_examples=100)
@given(SEEDS)
def test_all_three_agree_on_long_tapes_of_orders(seed: int) -> None:
    """Ten times as long as in the gate; two thousand of them would take longer than a test may."""
    rigs = agree(seed, (PlainKernel, as_it_stands, Kernel), moments=1_500)
    assert rigs[0].ear.fills
