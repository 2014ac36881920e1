"""`mm simulate` as a command."""

import json

import pytest

from mm.cli import soak as cli_soak
from mm.cli.main import carry_out
from mm.domain import orders
from mm.domain.orders import OrderState, Trigger
from mm.errors import EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE

SMALL = ["simulate", "--seeds", "2", "--steps", "300"]
NAMES = (
    *("seeds", "steps", "faults", "violations", "fault_kinds", "state_rows_visited", "state_rows"),
    *("slow_trips", "looked_away"),
    *("steps_per_s", "digest", "worst_exposure_ratio", "lives", "crashes", "failure", "complete"),
)


def test_figures_are_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, last on standard output, with the agreed names."""
    assert carry_out([*SMALL, "--profile", "network", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(NAMES) <= set(told)
    assert told["violations"] == 0
    assert told["failure"] is None
    assert told["steps"] > 600
    assert told["faults"] == sum(told["fault_kinds"].values()) > 0


def test_figures_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """With the digest."""
    assert carry_out([*SMALL, "--profile", "calm"]) == EXIT_OK
    words = capsys.readouterr().out
    assert "violations  none" in words
    assert "slow trips" in words
    assert "looked away I1 0.0 % of " in words
    assert "digest" in words


def test_a_failure_ends_with_its_story_and_the_command_that_shows_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classic mistake: a timeout is taken for a failure."""
    monkeypatch.setitem(orders.TABLE, (OrderState.SENT, Trigger.LOST), OrderState.REJECTED)
    kinds = "place_slow,place_unanswered,report_lost"
    code, told = EXIT_OK, {}
    for first in range(1, 30):
        arguments = ["simulate", "--seeds", "1", "--steps", "800", "--first", str(first), "--only", kinds]
        code = carry_out([*arguments, "--json"])
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        if code != EXIT_OK:
            break
    assert code == EXIT_CHECK_FAILED
    assert told["violations"] == 1
    assert told["failure"]["seed"] == first
    assert told["failure"]["command"].startswith(f"mm simulate --first {first} --seeds 1 --steps ")
    assert told["failure"]["history"]


@pytest.mark.parametrize(
    "option",
    [
        ["--profile", "everything"],
        ["--profile", "crash", "--only", "lie"],
        ["--soak", "2d", "--seeds", "4"],
        ["--only", "rain"],
        ["--steps", "1"],
        ["--seeds", "0"],
        ["--strength", "0"],
        ["--soak", "7"],
        ["--soak", "1d"],
        ["--soak", "36h"],
    ],
)
def test_what_makes_no_sense_is_refused(option: list[str]) -> None:
    """Before anything runs."""
    assert carry_out([*SMALL, *option]) == EXIT_USAGE


@pytest.mark.proof  # seventeen seconds of days; the gate has another soak
def test_a_soak_tells_its_figures_and_what_grew(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day here is ten minutes: what fills within a day does not in that, and is told."""
    monkeypatch.setattr(cli_soak, "DAY_S", 600.0)
    assert carry_out(["simulate", "--soak", "3d", "--json"]) == EXIT_CHECK_FAILED
    out, err = capsys.readouterr()
    told = json.loads(out.splitlines()[-1])
    assert [day["day"] for day in told["days"]] == [1, 2, 3]
    assert "mm.domain.orders.Order" in told["growing_types"]
    assert told["problems"]
    assert err.count("blocks") == 3
    assert carry_out(["simulate", "--soak", "2d"]) in (EXIT_OK, EXIT_CHECK_FAILED)
    assert "after the last day, against the first: objects +" in capsys.readouterr().out
