"""Sweeps what is ours off an account until the venue shows that nothing is left; its client can only cancel.

Must never take the venue's silence, or a single empty listing, for its word.
"""

import asyncio
import time
from typing import Final

from mm.venues.binance.cancel_only import CancelOnly
from mm.venues.edge.errors import RequestFailure
from mm.venues.edge.sweep import Sweep

CLEAN_IN_A_ROW: Final = 2
AGAIN_S: Final = 0.2
WAIT_S: Final = 1.0
"""Pause between two listings; the longer one while an earlier request may still arrive."""


async def cleared(client: CancelOnly, sweep: Sweep, *, waits_s: float, patience_s: float) -> str:
    """Sweep until the venue shows nothing of ours twice in a row, and no earlier request can be alive.

    Args: waits_s: for how long an earlier request may still arrive; patience_s: how long the venue has to
    show it after that. Returns: "", or why it did not show it in time.
    """
    now_s = time.monotonic()
    gone_s, ends_s = now_s + waits_s, now_s + waits_s + patience_s
    clean, why = 0, "orders are still listed"
    while clean < CLEAN_IN_A_ROW or time.monotonic() < gone_s:
        try:
            if not client.offset_ns:
                await asyncio.to_thread(client.measure_clock)
            clean = clean + 1 if await asyncio.to_thread(sweep.once) == 0 else 0
        except RequestFailure as failure:
            clean, why = 0, str(failure)
        pause_s = max(AGAIN_S if time.monotonic() >= gone_s else WAIT_S, sweep.waits_s)
        if time.monotonic() + pause_s > ends_s:
            return why
        await asyncio.sleep(pause_s)
    return ""
