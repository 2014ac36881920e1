"""Other backtesters on the bench's tape, each by the Python of an environment of its own.

The environments are made once, by uv, in the user's cache; nothing of them is imported here. Each peer plays
the same rows with the same strategy in a process of its own and tells how fast it was. Must never be needed:
a peer that cannot be had is told with its reason, and the bench goes on.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.domain.tape import Chunk, Columns

PYTHON: Final = "3.11"
INSTALL_S: Final = 600
PLAY_S: Final = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """Another backtester. Fields: name; package: with its version; script: in `peers/`; rows_max: of the tape
    that it is given, 0 = all.
    """

    name: str
    package: str
    script: str
    rows_max: int = 0


PEERS: Final = (
    Peer("hftbacktest", "hftbacktest==2.4.4", "hftbacktest_maker.py"),
    Peer("nautilus_trader", "nautilus_trader==1.221.0", "nautilus_maker.py", rows_max=600_000),
)
"""Nautilus is given a part of the tape: at a tenth of a million rows a second the whole would say no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerJob:
    """What a peer is told.

    Fields: tick, lot: as numbers of the peer's own kind; unit_atoms: base atoms of one unit; latency_ns: of a
    request and of its answer; away_ticks, tolerance_ticks, size, most: of the maker, the last two in the base
    asset.
    """

    tick: float
    lot: float
    unit_atoms: int
    latency_ns: int
    away_ticks: int
    tolerance_ticks: int
    size: float
    most: float


def cache_directory() -> Path:
    """Return where the environments of peers are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "mm" / "bench"


def measured(
    chunks: tuple[Chunk, ...], job: PeerJob, *, say: Callable[[str], object], directory: Path | None = None
) -> dict[str, Mapping[str, object]]:
    """Return what each peer tells, by name: `events_per_s`, `orders`, `fills`, `position` per way of playing,
    or `unavailable` with the reason.

    Args: say: is told what is being done. directory: of the environments, the user's cache if None.
    """
    told: dict[str, Mapping[str, object]] = {}
    home = directory or cache_directory()
    with tempfile.TemporaryDirectory(prefix="mm-bench-") as folder:
        for peer in PEERS:
            try:
                python = _environment(peer, home, say)
                say(f"{peer.name}: playing")
                told[peer.name] = _played(peer, python, Path(folder), chunks, job)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                told[peer.name] = {"unavailable": str(error)[:500]}
                say(f"{peer.name}: unavailable: {error}")
    return told


def _environment(peer: Peer, home: Path, say: Callable[[str], object]) -> Path:
    place = home / peer.package.replace("==", "-")
    python, ready = place / "bin" / "python", place / "ready"
    if ready.exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise FileNotFoundError("uv is needed to make its environment")
    say(f"{peer.name}: installing {peer.package} in an environment of its own, once")
    home.mkdir(parents=True, exist_ok=True)
    for words in (
        [uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(place)],
        [uv, "pip", "install", "--quiet", "--python", str(python), peer.package],
    ):
        _run(words, INSTALL_S)
    ready.touch()
    return python


def _played(
    peer: Peer, python: Path, folder: Path, chunks: tuple[Chunk, ...], job: PeerJob
) -> Mapping[str, object]:
    tape, asked = folder / f"{peer.name}.npz", folder / "job.json"
    _write(tape, chunks, peer.rows_max)
    asked.write_text(json.dumps({name: getattr(job, name) for name in PeerJob.__slots__}))
    script = Path(__file__).parent / "peers" / peer.script
    told = json.loads(_run([str(python), str(script), str(tape), str(asked)], PLAY_S).splitlines()[-1])
    if not isinstance(told, dict):
        raise ValueError("it told nothing")
    return told


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


def _run(words: list[str], limit_s: int) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise ValueError(f"{Path(words[0]).name} ended with {done.returncode}: {last}")
    return done.stdout
