"""Large blocks go back to the system, however large the ones were that went back before."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mm.runtime.resident import MMAP_BYTES, give_back_large_blocks

CHILD: Final = """
import ctypes, sys

class Info(ctypes.Structure):
    NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    _fields_ = [(name, ctypes.c_size_t) for name in NAMES]

mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Info

if sys.argv[1] == "fixed":
    from mm.runtime.resident import give_back_large_blocks
    assert give_back_large_blocks()
large = bytes(4_000_000)
del large  # now glibc would take blocks up to this size from its heap
held = [bytes(int(sys.argv[2])) for _ in range(8)]  # whatever holes of that size the imports have left
before = mallinfo2().hblkhd
blocks = [bytes(int(sys.argv[2])) for _ in range(8)]
print((mallinfo2().hblkhd - before) // len(blocks))
"""

HAS_MALLINFO2: Final = hasattr(ctypes.CDLL(None), "mallinfo2")


@pytest.mark.skipif(not HAS_MALLINFO2, reason="the C library is not glibc 2.33 or newer")
@pytest.mark.parametrize("size", [MMAP_BYTES + 1, 3 * MMAP_BYTES, 3_000_000])
def test_a_large_block_is_mapped_on_its_own_even_after_a_larger_one_went_back(size: int) -> None:
    """Without, it comes out of the heap, where it leaves a hole."""
    assert size <= _mapped_each("fixed", size) < size + 3 * os.sysconf("SC_PAGE_SIZE")
    assert _mapped_each("as it was", size) == 0


@pytest.mark.skipif(not HAS_MALLINFO2, reason="the C library is not glibc 2.33 or newer")
def test_a_small_block_still_comes_out_of_the_heap() -> None:
    """Nothing that is made all the time costs a system call."""
    assert _mapped_each("fixed", MMAP_BYTES // 2) == 0


def test_a_c_library_without_the_setting_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not give_back_large_blocks()


def _mapped_each(how: str, size: int) -> int:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", CHILD, how, str(size)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env=settings, cwd=root
    )
    return int(done.stdout)
