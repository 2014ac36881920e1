"""How many times as fast as other backtesters we are, on the same rows with the same strategy.

Each peer plays in a process of its own and tells how fast it was. Must never compare unlike with unlike:
decisions on moves and at fixed times have figures of their own, as have the forms in which a peer takes rows.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from mm.bench.replay_peers import FAILURES, PEERS, told_by, unavailable
from mm.domain.tape import Chunk, Columns

RATIOS: Final = (
    ("hftbacktest_python", "hftbacktest", "python"),
    ("hftbacktest_njit", "hftbacktest", "njit"),
    ("nautilus", "nautilus_trader", "python"),
    ("nautilus_batched", "nautilus_trader", "batched"),
)
"""What is compared: the name of the ratio, the peer, and how its strategy runs."""

WAYS: Final = {
    "hftbacktest_python": "hftbacktest, its strategy in plain Python",
    "hftbacktest_njit": "hftbacktest, its strategy compiled",
    "nautilus": "NautilusTrader, single deltas as its own loaders yield them",
    "nautilus_batched": "NautilusTrader, the deltas of each message in one batch",
}
"""What each name stands for, in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerJob:
    """What a peer is told.

    Fields: tick, lot, size, most: decimals as text; size and most: of an order and of the inventory, base
    asset; unit_atoms: base atoms of one unit; latency_ns: of a request and of its answer; away_ticks,
    tolerance_ticks: of the maker.
    """

    tick: str
    lot: str
    unit_atoms: int
    latency_ns: int
    away_ticks: int
    tolerance_ticks: int
    size: str
    most: str


def measured(
    chunks: tuple[Chunk, ...], job: PeerJob, *, say: Callable[[str], object], directory: Path | None = None
) -> dict[str, Mapping[str, object]]:
    """Return what each peer tells, by name: `events_per_s`, `requests`, `fills`, `position` per way of
    playing, or with the reason `unavailable` if it is not installed, `broke` if it did not play.

    Args: say: is told what is being done. directory: of the environments, the user's cache if None.
    """
    told: dict[str, Mapping[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="mm-bench-") as folder:
        tape, asked = Path(folder) / "tape.npz", Path(folder) / "job.json"
        asked.write_text(json.dumps(asdict(job)))
        for peer in PEERS:
            say(f"{peer.name}: playing")
            try:
                _write(tape, chunks, peer.rows_max)
                told[peer.name] = told_by(peer, peer.script, tape, asked, directory=directory)
            except FAILURES as error:
                told[peer.name] = unavailable(error)
                say(f"{peer.name}: {error}")
    return told


def ratios(
    figures: Mapping[str, object], told: Mapping[str, Mapping[str, object]]
) -> dict[str, float | None]:
    """Return the rows a second of each peer (`NAME_events_per_s`) and how many times as fast we were
    (`ratio_NAME`), like against like: with decisions on moves too, and (`_fixed`) every 100 ms alone. None:
    the peer could not be had.

    Args: figures: of `replay.ReplayFigures`; told: as of `measured`.
    """
    found: dict[str, float | None] = {}
    for name, peer, way in RATIOS:
        for end, kind, own in (
            ("", "on_moves", "events_per_s"),
            ("_fixed", "every_100ms", "events_per_s_fixed"),
        ):
            theirs, ours = told[peer].get(f"{way}_{kind}"), figures[own]
            speed = theirs.get("events_per_s") if isinstance(theirs, Mapping) else None
            ratio = None
            if isinstance(speed, int) and isinstance(ours, int) and speed > 0:
                ratio = round(ours / speed, 2)
            found[f"{name}_events_per_s{end}"] = speed if isinstance(speed, int) else None
            found[f"ratio_{name}{end}"] = ratio
    return found


def _write(path: Path, chunks: tuple[Chunk, ...], rows_max: int) -> None:
    import numpy as np  # noqa: PLC0415 - needs the research extra

    most = rows_max or sum(chunk.rows for chunk in chunks)
    columns = {
        name: np.concatenate([np.asarray(getattr(chunk.columns, name), dtype=np.int64) for chunk in chunks])[
            :most
        ]
        for name in Columns._fields
    }
    np.savez(path, **columns)  # type: ignore[arg-type]  # the stub takes names of columns for its flag
