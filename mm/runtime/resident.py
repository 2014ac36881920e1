"""What the C library keeps of memory that nobody holds any more, over the weeks that a process lives.

Once a large block was freed, glibc raises the size from which blocks are mapped on their own (mallopt(3),
M_MMAP_THRESHOLD, "dynamic"): later ones are carved out of the heap, and what outlives them there keeps their
space. Resident memory then climbs by half a megabyte now and then, with nothing leaked. A fixed size ends
that, for two system calls per block above it.
"""

import ctypes
from typing import Final

MMAP_BYTES: Final = 128 * 1024
"""Blocks from this size on are mapped on their own and go back to the system at once: where glibc begins."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def give_back_large_blocks() -> bool:
    """Fix the size from which the C library maps blocks on their own, for the rest of this process's life.

    Returns:
        Whether it could be fixed; a C library without `mallopt` has no such size that moves.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(name, MMAP_BYTES) == 1 for name in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD))
