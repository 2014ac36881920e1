"""Whether what Parquet needs is installed. Imports nothing of it."""

from importlib.util import find_spec
from pathlib import Path

from mm.errors import ConfigError


def require_research(path: Path) -> None:
    """Raise ConfigError, with the command that helps, unless the research extra is there."""
    absent = [name for name in ("duckdb", "numpy") if find_spec(name) is None]
    if absent:
        raise ConfigError(
            f"{path}: Parquet is read and written with {' and '.join(absent)}, which is not installed",
            hint="uv run --extra research mm ...; raw recordings and runs need nothing",
        )
