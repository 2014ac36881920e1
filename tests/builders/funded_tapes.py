"""Recordings of a perpetual contract with its mark prices, made up, and a config that trades on them."""

from typing import Final

from tests.builders.market_tapes import long_recording
from tests.builders.recorded_configs import RECORDED
from tests.builders.recordings import LATE_NS, START_MS, Tape

PERPETUAL: Final = (
    RECORDED.replace("order_amount_base = 0.002", "order_amount_base = 0.01")
    .replace("max_base = 0.05", "max_base = 0.2")
    .replace("max_notional_quote = 6_000", "max_notional_quote = 20_000")
    .replace("max_order_notional_quote = 500", "max_order_notional_quote = 5_000")
)
"""Trades on the lots of the recordings that are made here."""

MARK: Final = "61000.12345678"
RATE: Final = "0.00030000"
INTERVAL_MS: Final = 8 * 3_600_000
NEXT_MS: Final = START_MS + 30_000
"""When the funding comes, by the venue's clock, unless something else is asked for."""

EVERY: Final = 50
"""Frames from one mark to the next: a second."""


def local_ns(venue_ms: int) -> int:
    """Return when a frame of that time is received."""
    return venue_ms * 1_000_000 - LATE_NS + 2_000_000


def perpetual(
    *,
    seconds: int = 60,
    next_ms: int = NEXT_MS,
    interval_ms: int = INTERVAL_MS,
    hole_ms: tuple[int, int] = (0, 0),
    rate: str = RATE,
) -> Tape:
    """Return a market of a contract that walks and trades, with marks beside its frames.

    Args: next_ms: the first funding, then one each `interval_ms`. hole_ms: no mark from one time to another.
    """
    plain, tape = long_recording(seconds=seconds, linear=True), Tape(linear=True, step_ms=20)
    for number, line in enumerate(plain.lines):
        now_ms = tape.now_ms
        if number and number % EVERY == 0 and not hole_ms[0] <= now_ms < hole_ms[1]:
            while next_ms <= now_ms:
                next_ms += interval_ms
            tape.mark(MARK, rate, next_ms)
            tape.now_ms = now_ms
        tape.line(line)
    return tape
