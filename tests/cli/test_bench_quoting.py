"""`mm bench quoting` as a command."""

import builtins
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mm.bench.quoting import compare
from mm.cli.main import carry_out
from mm.errors import EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE

SMALL = ["bench", "quoting", "--sims", "2", "--strategy", "glft"]


def test_figures_are_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, last on standard output, with the agreed names."""
    assert carry_out([*SMALL, "--gamma", "0.1", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["market"], told["gamma"], told["cap"]) == ("as", 0.1, 40)
    row = told["strategies"]["glft"]
    for name in ("mean", "sd", "fills", "ce_percent", "exact_mean", "exact_sd", "exact_sd_q"):
        assert row[name] > 0
    # Two sessions may end with the same inventory.
    assert row["sd_q"] >= 0
    assert row["exact_mean"] == pytest.approx(67.729, abs=0.01)
    assert told["without_exact"] == told["without_production"] == {}


def test_figures_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Exact above simulated, and by how many standard errors they differ."""
    assert carry_out([*SMALL, "--strategy", "glft_production"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["mean", "sd"]
    assert [line.split()[0] for line in lines[1:4]] == ["glft", "simulated", "off"]
    assert lines[1].split()[1:3] == ["exact", "67.729"]
    assert lines[4].split()[:3] == ["glft_production", "exact", "66.802"]
    assert "+-" not in lines[6]


def test_a_certainty_equivalent_of_simulated_sessions_is_told_with_its_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is no exact one with a latency."""
    assert carry_out([*SMALL, "--latency-steps", "1"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [
        "glft",
        "exact",
        *["none:", "with", "a", "latency", "what", "rests", "depends", "on", "the", "path"],
    ]
    assert "+-" in lines[3]


def test_every_strategy_is_shown_twice_by_default_or_it_is_said_why_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without hysteresis and with production's defaults; without sessions the exact figures stand alone."""
    assert carry_out(["bench", "quoting", "--sims", "0", "--gamma", "1", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    plain = [name for name in told["strategies"] if not name.endswith("_production")]
    assert "pure_market_making" in plain
    for name in plain:
        assert (f"{name}_production" in told["strategies"]) is (name not in told["without_production"])
    assert list(told["without_production"]) == ["symmetric"]
    assert list(told["without_exact"]) == ["avellaneda_stoikov_production"]
    assert told["strategies"]["ladder_production"]["exact_mean"] == pytest.approx(62.481, abs=0.001)


def test_without_sessions_only_what_is_exact_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, none of them empty; what has no twin says why."""
    names = ["--strategy", "symmetric", "--strategy", "avellaneda_stoikov_production"]
    assert carry_out(["bench", "quoting", "--sims", "0", *names]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].split()[:2] == ["symmetric", "exact"]
    assert lines[2].split()[:3] == ["avellaneda_stoikov_production", "exact", "none:"]
    assert lines[3].startswith("symmetric has no twin with production's defaults: a yardstick")


@pytest.mark.parametrize("where", [["--market", "grid"], ["--latency-steps", "1"], ["--tick", "0.1"]])
def test_without_sessions_nothing_is_asked_for_where_nothing_is_exact(
    capsys: pytest.CaptureFixture[str], where: Sequence[str]
) -> None:
    """An empty table says nothing."""
    assert carry_out(["bench", "quoting", "--sims", "0", *where]) == EXIT_USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert "--sims was 0, but glft has no exact figures here: with a " in told.err


@pytest.mark.parametrize("market", ["continuous", "adverse", "grid"])
def test_every_market_is_played(capsys: pytest.CaptureFixture[str], market: str) -> None:
    """With what exists of exact figures there."""
    assert carry_out([*SMALL, "--market", market, "--json"]) == EXIT_OK
    row = json.loads(capsys.readouterr().out.splitlines()[-1])["strategies"]["glft"]
    assert row["fills"] > 50
    assert ("exact_mean" in row) is (market == "adverse")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--market", "bull"], "--market was 'bull', expected one of as"),
        (["--strategy", "luck"], "--strategy was 'luck', expected one of glft"),
        (["--tick", "much"], "--tick was 'much', expected 0.0001 to 1"),
        (["--tick", "5"], "--tick was '5'"),
    ],
)
def test_what_cannot_be_played_is_refused(
    capsys: pytest.CaptureFixture[str], wrong: Sequence[str], told: str
) -> None:
    """Before anything is computed."""
    assert carry_out([*SMALL, *wrong]) == EXIT_USAGE
    assert told in capsys.readouterr().err


def test_without_numpy_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base install trades without it."""
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("mm.bench.quoting"):
            raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert carry_out(SMALL) == EXIT_USAGE
    assert "uv run --extra research mm bench quoting" in capsys.readouterr().err


def test_a_figure_that_lies_far_off_ends_with_9(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated and exact have to agree, or one of them is wrong."""

    def made_up(*_: object) -> Mapping[str, Mapping[str, float]]:
        return {"glft": {"mean": 60.0, "exact_mean": 67.0, "z_mean": -30.0}}

    monkeypatch.setattr(compare, "compared", made_up)
    assert carry_out(SMALL) == EXIT_CHECK_FAILED
    assert "wrong: glft: mean lies -30.0 standard errors off" in capsys.readouterr().out
