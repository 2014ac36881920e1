"""Other backtesters' environments: nothing is begun that cannot be ended."""

from pathlib import Path

import pytest

from mm.bench.replay_peers import install
from mm.errors import ConfigError


def test_without_the_installer_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="uv"):
        install(lambda _: None, tmp_path / "peers")
    assert not (tmp_path / "peers").exists()
