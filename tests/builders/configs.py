"""Config files for tests: a small valid one, and ways to change it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mm.errors import ConfigError
from mm.settings.loader import load_settings
from mm.settings.models import Settings

SMALL = """\
mode = "demo"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 4
ask_spread_bps = 4
order_amount_base = 0.01
order_refresh_time_ms = 2_000

[pair.btc.inventory]
max_base = 0.1

[risk]
max_notional_quote = 5_000
"""
"""A valid config; its lines are counted from 1."""


def loaded(
    folder: Path, text: str = SMALL, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of a file `mm.toml` in `folder` with this text; no variables unless given."""
    path = folder / "mm.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, overrides, environ or {})


def refused(
    folder: Path, text: str = SMALL, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> str:
    """Return how the config is refused: message and hint, with the folder's name left out."""
    try:
        loaded(folder, text, overrides, environ)
    except ConfigError as error:
        told = f"{error}\nhint: {error.hint}" if error.hint else str(error)
        return told.replace(f"{folder}/", "")
    raise AssertionError("the config was accepted")
