"""Other backtesters on the bench's tape, each by the Python of an environment of its own.

The environments are made where they are asked for, by uv, in the user's cache: a bench alone speaks to nobody
outside this machine. Nothing of them is imported here. Each peer plays
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
from mm.errors import ConfigError

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


RATIOS: Final = (
    ("hftbacktest_python", "hftbacktest", "python"),
    ("hftbacktest_njit", "hftbacktest", "njit"),
    ("nautilus", "nautilus_trader", "python"),
)
"""What is compared: the name of the ratio, the peer, and how its strategy runs."""


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
    with tempfile.TemporaryDirectory(prefix="mm-bench-") as folder:
        for peer in PEERS:
            place = environment(peer, directory)
            try:
                if not place.joinpath("ready").exists():
                    raise FileNotFoundError(f"{peer.package} is not installed: --install-peers")
                say(f"{peer.name}: playing")
                told[peer.name] = _played(peer, place, Path(folder), chunks, job)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                told[peer.name] = {"unavailable": str(error)[:500]}
                say(f"{peer.name}: {error}")
    return told


def install(say: Callable[[str], object], directory: Path | None = None) -> None:
    """Make the environments that are not there yet; needs uv, and a package index.

    Raises: ConfigError if that fails.
    """
    for peer in PEERS:
        place = environment(peer, directory)
        if place.joinpath("ready").exists():
            continue
        uv = shutil.which("uv")
        if uv is None:
            raise ConfigError(
                "other backtesters are installed by uv, which is not there", hint="pip install uv"
            )
        say(f"{peer.name}: installing {peer.package} in an environment of its own, once")
        place.parent.mkdir(parents=True, exist_ok=True)
        python = str(place / "bin" / "python")
        try:
            _run([uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(place)], INSTALL_S)
            _run([uv, "pip", "install", "--quiet", "--python", python, peer.package], INSTALL_S)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise ConfigError(f"{peer.package} cannot be installed: {error}") from None
        place.joinpath("ready").touch()


def environment(peer: Peer, directory: Path | None = None) -> Path:
    """Return where the environment of a peer is, or would be."""
    return (directory or cache_directory()) / peer.package.replace("==", "-")


def ratios(
    figures: Mapping[str, object], told: Mapping[str, Mapping[str, object]]
) -> dict[str, float | None]:
    """Return how many times as fast as each peer we were, like against like: with decisions on moves too, and
    (`_fixed`) every 100 ms alone. None: the peer could not be had.

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
            found[f"ratio_{name}{end}"] = ratio
    return found


def _played(
    peer: Peer, place: Path, folder: Path, chunks: tuple[Chunk, ...], job: PeerJob
) -> Mapping[str, object]:
    tape, asked = folder / f"{peer.name}.npz", folder / "job.json"
    _write(tape, chunks, peer.rows_max)
    asked.write_text(json.dumps({name: getattr(job, name) for name in PeerJob.__slots__}))
    script = Path(__file__).parent / "peers" / peer.script
    python = str(place / "bin" / "python")
    told = json.loads(_run([python, str(script), str(tape), str(asked)], PLAY_S).splitlines()[-1])
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
