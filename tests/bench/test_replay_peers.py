"""Other backtesters: one that is not there is told with its reason; ratios compare like with like."""

from pathlib import Path

import pytest

from mm.bench.replay import ReplayOptions, peer_job, tapes
from mm.bench.replay_peers import PEERS, environment, install, measured, ratios
from mm.errors import ConfigError

FIGURES = {"events_per_s": 900, "events_per_s_fixed": 2_000}


def test_a_peer_that_is_not_installed_is_told_and_the_bench_goes_on(tmp_path: Path) -> None:
    """With the option that installs it; nothing is asked of a network."""
    (found,) = tapes(ReplayOptions(rows=10_000), lambda _: None)
    said: list[str] = []
    told = measured(found.chunks, peer_job(found), say=said.append, directory=tmp_path)
    assert [*told] == [peer.name for peer in PEERS]
    assert all("--install-peers" in str(one["unavailable"]) for one in told.values())
    assert len(said) == len(PEERS)
    assert not [*tmp_path.iterdir()]
    assert all(ratio is None for ratio in ratios(FIGURES, told).values())


def test_a_peer_that_breaks_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Here its Python is a shell that ends with an error."""
    (found,) = tapes(ReplayOptions(rows=10_000), lambda _: None)
    for peer in PEERS:
        python = environment(peer, tmp_path) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
        python.chmod(0o755)
        (environment(peer, tmp_path) / "ready").touch()
    told = measured(found.chunks, peer_job(found), say=lambda _: None, directory=tmp_path)
    assert all("ended with 3: broken" in str(one["unavailable"]) for one in told.values())


def test_what_a_peer_says_is_taken_as_it_says_it(tmp_path: Path) -> None:
    """Here its Python is a shell that prints one object behind other lines."""
    (found,) = tapes(ReplayOptions(rows=10_000), lambda _: None)
    for peer in PEERS:
        python = environment(peer, tmp_path) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho hello\necho \'{"python_on_moves": {"events_per_s": 300}}\'\n')
        python.chmod(0o755)
        (environment(peer, tmp_path) / "ready").touch()
    told = measured(found.chunks, peer_job(found), say=lambda _: None, directory=tmp_path)
    assert ratios(FIGURES, told) == {
        "ratio_hftbacktest_python": 3.0,
        "ratio_hftbacktest_python_fixed": None,
        "ratio_hftbacktest_njit": None,
        "ratio_hftbacktest_njit_fixed": None,
        "ratio_nautilus": 3.0,
        "ratio_nautilus_fixed": None,
    }


def test_without_the_installer_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="uv"):
        install(lambda _: None, tmp_path / "peers")
    assert not (tmp_path / "peers").exists()
