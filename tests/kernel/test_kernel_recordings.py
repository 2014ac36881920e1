"""On the recordings: tops and queues at every tenth of a second are those of the objects, compiled or not."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from mm.domain.tape import Chunk
from mm.kernel.kernel import Kernel
from mm.kernel.plain import PlainKernel
from mm.kernel.types import AnyKernel, KernelMarket
from mm.sim.queue import QueueModel
from tests.builders.kernel_rig import Make, Rig
from tests.builders.tape_files import NAMES, chunk_of, head, recording

STEP_NS = 100_000_000


def digest_of(make: Make, chunk: Chunk, model: QueueModel) -> tuple[str, int]:
    """Return a hash of all tops and fronts while two orders rest at the touch, and how many fills."""
    found = hashlib.sha256()
    rig = Rig(make, model)

    def on_due(rig: Rig) -> None:
        found.update(repr(rig.touch()).encode())
        rig.requote(lots=200)

    rig.run(chunk, step_ns=STEP_NS, on_due=on_due)
    found.update(repr((rig.told.stops, rig.told.news)).encode())
    found.update(repr(rig.view(500)).encode())
    return found.hexdigest(), len(rig.ear.fills)


def as_it_stands(markets: Sequence[KernelMarket]) -> AnyKernel:
    """Return a kernel that is not compiled."""
    return Kernel(markets, compile_loop=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_recording_gives_equal_digests(shared_data: Path, name: str) -> None:
    """Objects, arrays, arrays compiled: levels, fronts, fills and news are the same."""
    chunk = head(chunk_of(recording(shared_data, name)), 15_000)
    expected = digest_of(PlainKernel, chunk, QueueModel.POWER)
    assert expected[1] > 0
    assert digest_of(as_it_stands, chunk, QueueModel.POWER) == expected
    assert digest_of(Kernel, chunk, QueueModel.POWER) == expected


@pytest.mark.proof
@pytest.mark.parametrize("model", [QueueModel.RISK_AVERSE, QueueModel.LOG])
@pytest.mark.parametrize("name", NAMES)
def test_whole_recordings_give_equal_digests(shared_data: Path, name: str, model: QueueModel) -> None:
    """The same from the first row to the last."""
    chunk = chunk_of(recording(shared_data, name))
    expected = digest_of(PlainKernel, chunk, model)
    assert expected[1] > 100
    assert digest_of(Kernel, chunk, model) == expected
