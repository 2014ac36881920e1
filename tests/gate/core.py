"""What counts as the core, said once for the coverage gate, the contracts and the tidy tests."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder that holds pyproject.toml."""

CORE_PACKAGES: Final = (
    "domain",
    "models",
    "signals",
    "quoting",
    "strategies",
    "risk",
    "analytics",
    "engine",
    "sim",
)
"""Packages under `mm/` that are pure: no clock, no I/O, no randomness. One that is absent is no fault."""


def core_folders(root: Path) -> list[Path]:
    """Return the folders of the core that exist under `root`, in the order of the layers."""
    return [folder for name in CORE_PACKAGES if (folder := root / "mm" / name).is_dir()]
