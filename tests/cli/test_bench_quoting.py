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
    assert told["without_exact"] == told["without_production"] == told["without_effect"] == {}
    assert isinstance(row["sims"], int)
    # quant.md 6.5 and 6.6: the best there is, and the closed form's share of it.
    assert told["best"] == pytest.approx({"ce": 65.248980, "ce_rate": 63.90160974}, abs=1e-6)
    assert row["exact_ce"] == pytest.approx(0.9991 * 65.24898, abs=0.005)
    assert row["ce_rate_percent"] >= 99.99


def test_figures_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Exact above simulated, and by how many standard errors they differ."""
    assert carry_out([*SMALL, "--strategy", "glft_production"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["mean", "sd"]
    assert [line.split()[0] for line in lines[1:4]] == ["glft", "simulated", "off"]
    assert lines[1].split()[1:3] == ["exact", "67.729"]
    assert lines[4].split()[:3] == ["glft_production", "exact", "66.802"]
    # Two sessions do not tell a certainty equivalent: its error stands in place of how far off it is.
    assert lines[6].split()[-4::2] == ["+-", "+-"]
    assert lines[7] == "glft_production has no ce rate: " + (
        "orders that stay depend on the path, in continuous time on all of it"
    )


def test_a_certainty_equivalent_of_simulated_sessions_is_told_with_its_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is no exact one with a latency."""
    assert carry_out([*SMALL, "--latency-steps", "1"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [
        "glft",
        "exact",
        *["none:", "with", "a", "latency", "what", "rests", "depends", "on", "the", "path:"],
        *["a", "side", "is", "empty", "from", "a", "cancel", "to", "its", "answer"],
    ]
    assert "+-" in lines[3]


@pytest.mark.proof  # every strategy twice
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
    assert list(told["without_exact"]) == ["glft_finite_production", "avellaneda_stoikov_production"]
    assert told["strategies"]["ladder_production"]["exact_mean"] == pytest.approx(62.481, abs=0.001)
    # A tolerance of 0.134 with a move of 0.141: a figure that is none of hysteresis says so.
    assert "glft_production" in told["without_effect"]


def test_without_sessions_only_what_is_exact_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, none of them empty; what has no twin says why."""
    names = ["--strategy", "symmetric", "--strategy", "avellaneda_stoikov_production"]
    assert carry_out(["bench", "quoting", "--sims", "0", *names]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[1].split()[:2] == ["symmetric", "exact"]
    assert lines[2].split()[:3] == ["avellaneda_stoikov_production", "exact", "none:"]
    assert lines[3].startswith("best there is: ce 65.249 in a session (100 of ce %), 63.902 per second")
    assert lines[4].startswith("symmetric has no twin with production's defaults: a yardstick")


@pytest.mark.parametrize("where", [["--latency-steps", "1"], ["--market", "grid", "--latency-steps", "2"]])
def test_without_sessions_nothing_is_asked_for_where_nothing_is_exact(
    capsys: pytest.CaptureFixture[str], where: Sequence[str]
) -> None:
    """An empty table says nothing."""
    assert carry_out(["bench", "quoting", "--sims", "0", *where, "--strategy", "glft"]) == EXIT_USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert "--sims was 0, but glft has no exact figures here: with a " in told.err


@pytest.mark.parametrize(("market", "percent"), [("continuous", 99.897), ("adverse", 98.207)])
def test_every_market_is_played_and_known(
    capsys: pytest.CaptureFixture[str], market: str, percent: float
) -> None:
    """quant.md 6.6 in continuous time; with fills that move the mid by 0.4 the share of a session's best that
    quotes without an end leave, and all of the rate for ever.
    """
    assert carry_out([*SMALL, "--market", market, "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    row = told["strategies"]["glft"]
    assert row["fills"] > 50
    assert told["without_exact"] == told["without_rate"] == {}
    assert row["ce_percent"] == pytest.approx(percent, abs=6e-3)
    assert row["ce_percent_se"] == 0
    assert row["ce_rate_percent"] >= 99.99
    for name in ("mean", "sd", "sd_q", "fills"):
        assert row[f"exact_{name}"] > 0
        assert abs(row[f"z_{name}"]) <= 4


@pytest.mark.proof  # the whole grid
def test_the_grid_is_one_of_ticks_and_latencies(capsys: pytest.CaptureFixture[str]) -> None:
    """Four by four; exact at every tick without latency, where it is said why with one."""
    assert carry_out(["bench", "quoting", "--market", "grid", "--sims", "0", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    points = {(one["tick"], one["latency_steps"]): one for one in told["points"]}
    assert sorted(points) == [(tick, late) for tick in (0.02, 0.1, 0.2, 0.4) for late in (0, 1, 2, 4)]
    worth = []
    for (_, late), one in points.items():
        assert ("glft" in one["without_exact"]) is (late > 0)
        if not late:
            worth.append(one["strategies"]["glft"]["ce_percent"])
    # quant.md 10, nearest: 100.00, 99.90, 99.60 and 98.40 % of 99.91.
    assert worth == pytest.approx([99.91, 99.81, 99.51, 98.31], abs=0.5)
    assert worth == sorted(worth, reverse=True)


def test_one_point_of_the_grid_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    """Ticks and latency can be chosen; both figures stand side by side, and the point is named."""
    where = ["--market", "grid", "--tick", "0.1", "--latency-steps", "0"]
    assert carry_out([*SMALL, *where]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tick 0.1, latency 0 steps"
    assert [line.split()[0] for line in lines[2:5]] == ["glft", "simulated", "off"]
    assert lines[2].split()[1:3] == ["exact", "67.704"]
    assert "glft has no ce rate: the tick is above 0.02" in lines


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

    def made_up(exact: object, best: object) -> Mapping[str, float]:
        return {"z_mean": -30.0, "ce_percent": 90.0}

    monkeypatch.setattr(compare, "_exact", made_up)
    assert carry_out(SMALL) == EXIT_CHECK_FAILED
    assert "wrong: glft: mean lies -30.0 standard errors off" in capsys.readouterr().out
