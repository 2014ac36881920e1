"""Other backtesters, each run by the Python of an environment of its own.

The environments are made where they are asked for, by uv, in the user's cache: a bench alone speaks to nobody
outside this machine. Nothing of them is imported here: a script of `peers/` runs in a process and tells one
JSON object. Must never be needed: a peer that cannot be had is told with its reason, and the bench goes on.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.errors import ConfigError

PYTHON: Final = "3.11"
INSTALL_S: Final = 600
PLAY_S: Final = 900

BROKE: Final = "broke"
"""Where a peer that is installed did not play, this says why."""

FAILURES: Final = (OSError, subprocess.SubprocessError, ValueError)
"""What a peer that cannot be had raises."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another backtester. Fields: name; package: with its version; script: in `peers/`; rows_max: of the tape
    that it is given, 0 = all.
    """

    name: str
    package: str
    script: str
    rows_max: int = 0


HFTBACKTEST: Final = Peer("hftbacktest", "hftbacktest==2.4.4", "hftbacktest_maker.py")

PEERS: Final = (
    HFTBACKTEST,
    Peer("nautilus_trader", "nautilus_trader==1.221.0", "nautilus_maker.py", rows_max=600_000),
)
"""Nautilus is given a part of the tape: at a tenth of a million rows a second the whole would say no more."""


def cache_directory() -> Path:
    """Return where the environments of peers are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "mm" / "bench"


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


def told_by(peer: Peer, script: str, *words: object, directory: Path | None = None) -> Mapping[str, object]:
    """Run a script of `peers/` by the peer's Python and return the object that it prints last.

    Raises: FileNotFoundError if the peer is not installed; OSError, subprocess.SubprocessError or ValueError
    if the script ends otherwise than well: `FAILURES`.
    """
    place = environment(peer, directory)
    if not place.joinpath("ready").exists():
        raise FileNotFoundError(f"{peer.package} is not installed: --install-peers")
    path = Path(__file__).parent / "peers" / script
    said = _run([str(place / "bin" / "python"), str(path), *map(str, words)], PLAY_S)
    told = json.loads((said.splitlines() or [""])[-1])
    if not isinstance(told, dict):
        raise ValueError("it told nothing")
    return told


def unavailable(error: Exception) -> dict[str, object]:
    """Return what a report says of a peer that could not be had: why it is not here, or how it broke."""
    return {"unavailable" if isinstance(error, FileNotFoundError) else BROKE: str(error)[:500]}


def _run(words: list[str], limit_s: int) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise ValueError(f"{Path(words[0]).name} ended with {done.returncode}: {last}")
    return done.stdout
