"""Other backtesters: one that is not there is told with its reason; ratios compare like with like."""

from pathlib import Path

import pytest

from mm.bench.replay import ReplayOptions, peer_job, tapes
from mm.bench.replay import measured as replay_measured
from mm.bench.replay_peers import BROKE, PEERS, environment
from mm.bench.replay_ratios import RATIOS, WAYS, measured, ratios

FIGURES = {"events_per_s": 900, "events_per_s_fixed": 2_000}


def test_a_peer_that_is_not_installed_is_told_and_the_bench_goes_on(tmp_path: Path) -> None:
    """With the option that installs it; nothing is asked of a network."""
    (found,) = tapes(ReplayOptions(rows=10_000), lambda _: None)
    said: list[str] = []
    told = measured(found.chunks, peer_job(found), say=said.append, directory=tmp_path)
    assert [*told] == [peer.name for peer in PEERS]
    assert all("--install-peers" in str(one["unavailable"]) for one in told.values())
    assert sum("--install-peers" in line for line in said) == len(PEERS)
    assert not [*tmp_path.iterdir()]
    found_ratios = ratios(FIGURES, told)
    assert len(found_ratios) == 4 * len(RATIOS)
    assert set(found_ratios.values()) == {None}


def played(directory: Path, script: str) -> dict[str, object]:
    """Return what peers tell whose Python is this shell script."""
    (found,) = tapes(ReplayOptions(rows=10_000), lambda _: None)
    for peer in PEERS:
        python = environment(peer, directory) / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        (environment(peer, directory) / "ready").touch()
    return dict(measured(found.chunks, peer_job(found), say=lambda _: None, directory=directory))


def test_a_peer_that_breaks_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Here its Python is a shell that ends with an error."""
    told = played(tmp_path, "echo broken >&2\nexit 3")
    assert all("ended with 3: broken" in str(one) for one in told.values())


def test_a_peer_that_says_nothing_is_told_too(tmp_path: Path) -> None:
    """Neither does one that prints something else than an object."""
    assert all(BROKE in str(one) for one in played(tmp_path / "mute", "true").values())
    assert all("it told nothing" in str(one) for one in played(tmp_path / "list", "echo []").values())


@pytest.mark.proof  # a whole recording, played by every peer that is installed
def test_the_same_strategy_sends_about_as_many_requests_everywhere(shared_data: Path) -> None:
    """One that sends more, a cancel that is under way once more, say, would be slower by its own fault."""
    file = shared_data / "normalised" / "binance_spot_BTCUSDT_2024-08-08.parquet"
    installed = [peer.name for peer in PEERS if environment(peer).joinpath("ready").exists()]
    if not installed:
        pytest.skip("no other backtester is installed: mm bench replay --install-peers")
    figures = replay_measured(ReplayOptions(rows=10_000, turns=1, data=(file,), peers=True), lambda _: None)
    assert figures["peers_broke"] == []
    tapes_told = figures["tapes"]
    assert isinstance(tapes_told, dict)
    own = tapes_told[file.stem]
    for name in installed:
        for way, told in own["peers"][name].items():
            ours = own["requests" if way.endswith("on_moves") else "requests_fixed"]
            assert 0.75 * ours < told["requests"] < 1.33 * ours, (name, way, told, ours)


def test_what_a_peer_says_is_taken_as_it_says_it(tmp_path: Path) -> None:
    """Each way of playing has its own speed and ratio; the fixed ones are compared with our fixed ones."""
    ways = '"python_on_moves": {"events_per_s": 300}, "batched_every_100ms": {"events_per_s": 800}'
    told = played(tmp_path, f"echo hello\necho '{{{ways}}}'")
    found = ratios(FIGURES, {name: one for name, one in told.items() if isinstance(one, dict)})
    assert {name: value for name, value in found.items() if value is not None} == {
        "hftbacktest_python_events_per_s": 300,
        "ratio_hftbacktest_python": 3.0,
        "nautilus_events_per_s": 300,
        "ratio_nautilus": 3.0,
        "nautilus_batched_events_per_s_fixed": 800,
        "ratio_nautilus_batched_fixed": 2.5,
    }


def test_each_name_is_explained() -> None:
    """In a line of the printed table."""
    assert set(WAYS) == {name for name, _, _ in RATIOS}
    assert all(len(words) <= 60 for words in WAYS.values())
