"""`mm bench live`: what trading costs, on this machine, with the whole production path on.

Four measurements: a decision of the engine alone; a depth frame from text to book beside ccxt.pro's handler;
from frame to order on the wire beside a plain ccxt.pro loop, in turns; a burst of frames while cancels are
wanted. Must never talk to anything but its own exchange on loopback. Bounded in time by its options.
"""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from mm.bench.decision import measure
from mm.bench.frames import measure_frames
from mm.bench.wire import Progress, measure_wire

RATIO_P50_MAX: Final = 1.0
RATIO_FRAME_MAX: Final = 0.4
BURST_CANCEL_MS_MAX: Final = 50.0
"""What has to hold; see `GOALS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is measured. Fields: events: decisions; rounds: turns of each loop; seconds: of one turn.

    frames: decoded by each side.
    """

    events: int = 20_000
    rounds: int = 5
    seconds: float = 1.6
    frames: int = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a figure has to be. Fields: must: at most; reach: hoped for, 0 if that is all."""

    figure: str
    must: float
    reach: float = 0.0


GOALS: Final = (
    Goal(figure="ratio_p50", must=RATIO_P50_MAX, reach=0.5),
    Goal(figure="ratio_frame", must=RATIO_FRAME_MAX),
    Goal(figure="burst_cancel_ms_max", must=BURST_CANCEL_MS_MAX),
    Goal(figure="decision_us_p50", must=150.0, reach=60.0),
)
"""The goals by figure; how fast a machine is shows in the absolute ones, so ratios weigh more."""


async def measure_live(options: Options, progress: Progress) -> dict[str, float]:
    """Return every figure by name; raises VenueUnreachable if the bench's exchange does not serve."""
    progress("decisions")
    figures: dict[str, float] = asdict(measure(options.events))
    progress("frames")
    figures |= asdict(await measure_frames(options.frames))
    with tempfile.TemporaryDirectory(prefix="mm-bench-") as folder:
        wire, burst = await measure_wire(
            Path(folder) / "journal", rounds=options.rounds, seconds=options.seconds, progress=progress
        )
    return figures | asdict(wire) | asdict(burst)
