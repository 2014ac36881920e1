"""The verb `mm why`: which run is meant, which moment, and how an explanation looks."""

import json
from pathlib import Path

import pytest
import typer

from mm.cli.main import carry_out
from mm.cli.why import clock, moment_ns
from mm.cli.why_tables import order_lines, why_lines
from mm.errors import EXIT_NOT_RUNNING, EXIT_OK, EXIT_USAGE, NotRunning
from mm.observe.why import why
from tests.builders.daemon import FakeDaemon
from tests.builders.why_cases import CASES, last

S = 1_000_000_000
BEGAN_NS = 1_795_219_200 * S
"""2026-11-21 00:00:00 UTC."""


def explained(name: str, session: str = "main") -> dict[str, object]:
    """Return one session's part of an answer of a daemon."""
    made = why(last(CASES[name].make())) | {"session": session}
    more = {"source": "running", "since_ms": 1_795_219_200_000, "halt": None, "took_ms": 1.2}
    return made | more | {"last_decision": {"reason": "quoting", "age_ms": 400}}


def lines(answer: dict[str, object], *, with_gates: bool = True) -> list[str]:
    """Return the lines for people."""
    return [line.plain for line in why_lines(answer, with_gates=with_gates)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-30s", 2 * 86_400 - 30),
        ("-1h30m", 2 * 86_400 - 5_400),
        ("08:30:05", 86_400 + 8 * 3_600 + 30 * 60 + 5),
        ("08:30", 86_400 + 8 * 3_600 + 30 * 60),
        ("8:30:05.5", 86_400 + 8 * 3_600 + 30 * 60 + 5.5),
        ("2026-11-21T08:30:05", 8 * 3_600 + 30 * 60 + 5),
        ("2026-11-21 08:30:05Z", 8 * 3_600 + 30 * 60 + 5),
        ("2026-11-21T09:30:05+01:00", 8 * 3_600 + 30 * 60 + 5),
    ],
)
def test_a_moment_is_read_as_it_is_meant(text: str, seconds: float) -> None:
    """A time of day is the latest one of the run; a full time may be any; with a minus, before the end."""
    found = moment_ns(text, began_ns=BEGAN_NS, last_ns=BEGAN_NS + 2 * 86_400 * S)
    assert found == BEGAN_NS + int(seconds * S)


def test_a_moment_outside_of_the_run_is_an_error_that_says_how_far_it_goes() -> None:
    """Before it, after it."""
    for text in ("2026-11-20T23:59:59", "2026-11-23T00:00:01", "-3d"):
        with pytest.raises(NotRunning, match="not in the record") as caught:
            moment_ns(text, began_ns=BEGAN_NS, last_ns=BEGAN_NS + 2 * 86_400 * S)
        assert "2026-11-21 00:00:00.000 to 2026-11-23 00:00:00.000" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "25:99",
        "-30",
        "-x",
        "2026-13-01T00:00:00",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "",
    ],
)
def test_what_is_no_moment_is_a_wrong_command_line(text: str) -> None:
    """With an example of each form."""
    with pytest.raises(typer.BadParameter):
        moment_ns(text, began_ns=BEGAN_NS, last_ns=BEGAN_NS + S)


def test_a_running_daemon_is_asked_about_each_session_in_turn(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One request each, so that it goes on in between; the answers are one object."""
    data_dir = folder / "data"

    def answer(request: dict[str, object]) -> dict[str, object]:
        name = str(request["session"] or "main")
        return {"ok": True, "sessions": ["main", "eth"], "explained": explained("kept", name)}

    with FakeDaemon(data_dir, answer) as daemon:
        assert carry_out(["why", str(data_dir), "--side", "bid", "--level", "0"]) == EXIT_OK
        out = capsys.readouterr().out
        assert carry_out(["why", str(data_dir), "--pair", "eth", "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    asked = [(one["do"], one["session"], one["side"], one["level"]) for one in daemon.asked]
    assert asked == [("why", "", "bid", 0), ("why", "eth", "bid", 0), ("why", "eth", "", None)]
    assert [one["session"] for one in told["explained"]] == ["eth"]
    assert "bid level 0: working at 99.8 for 0.01 AAA" in out
    assert out.count("last decision 400 ms ago: quoting") == 2
    assert "active since 2026-11-21 00:00:00.000" in out
    assert "\x1b[" not in out


def test_without_a_daemon_and_without_a_run_it_says_how_to_start(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty directory, none at all, and a time that cannot be read."""
    assert carry_out(["why", str(folder)]) == EXIT_NOT_RUNNING
    assert "holds no recorded run" in capsys.readouterr().err
    assert carry_out(["why", str(folder / "gone"), "--json"]) == EXIT_NOT_RUNNING
    assert json.loads(capsys.readouterr().out)["exit_code"] == EXIT_NOT_RUNNING
    assert carry_out(["why"]) == EXIT_NOT_RUNNING
    assert carry_out(["why", str(folder), "--side", "left"]) == EXIT_USAGE
    assert carry_out(["why", str(folder), "--order", "x"]) == EXIT_NOT_RUNNING
    assert carry_out(["why", str(folder), "--order", "x", "--level", "0"]) == EXIT_USAGE


@pytest.mark.parametrize("name", CASES)
def test_every_explanation_is_a_chain_of_aligned_lines(name: str) -> None:
    """First the sentences, then one line for each gate with the verdict at its place."""
    answer: dict[str, object] = {"source": "running", "explained": [explained(name)]}
    all_lines = lines(answer)
    gates = all_lines[all_lines.index("") + 1 :]
    assert any(line.startswith(("bid", "ask")) for line in all_lines)
    assert gates[0].startswith("session ")
    words = [line[28:36].strip() for line in gates if line[:1].isalpha() and not line.startswith("decided")]
    assert set(words) <= {"passed", "changed", "stopped"}
    assert lines(answer, with_gates=False)[0].startswith("main  AAA/BBB  ")
    assert len(lines(answer, with_gates=False)) < len(all_lines)


def test_a_quote_that_a_gate_changed_shows_before_and_after() -> None:
    """And one that it took shows what it was."""
    text = "\n".join(lines({"explained": [explained("collar")]}))
    assert "70 x 0.01 -> nothing: price collar" in text
    text = "\n".join(lines({"explained": [explained("too far")]}))
    assert "  would cancel " in text


def test_a_level_that_the_ladder_has_not_is_said_to_be_empty() -> None:
    """Instead of nothing at all."""
    text = "\n".join(lines({"explained": [explained("kept") | {"quotes": []}]}))
    assert "no quote is wanted there, and no order of ours stands there" in text


def test_a_halt_and_what_came_after_the_last_decision_are_told() -> None:
    """With the time and the facts."""
    made = explained("halted") | {
        "halt": {"ts_ms": 1_795_219_200_000, "reason": "drill"},
        "later": {"ts_ms": 1_795_219_201_000, "state": "stopping", "reason": "duration"},
    }
    text = "\n".join(lines({"explained": [made]}))
    assert "halted at 2026-11-21 00:00:00.000: reason drill" in text
    assert "then, at 2026-11-21 00:00:01.000, stopping: duration, without another decision" in text


def test_a_recorded_answer_ends_with_whether_the_record_agrees() -> None:
    """With the counts; a difference in red words."""
    answer: dict[str, object] = {
        "source": "journal",
        "run": "R",
        "records": 10,
        "commands": 3,
        "records_per_s": 1_000,
        "explained": [explained("kept") | {"last_decision": None}],
    }
    all_lines = lines(answer)
    assert all_lines[-1] == "run R: journal and computation agree (10 records, 3 commands, 1000 records/s)"
    assert any(line.startswith("decided 20") for line in all_lines)
    difference = {"ts_ms": 1_795_219_200_000, "recorded": "A", "computed": "B"}
    parted = lines(answer | {"difference": difference})[-1]
    assert "part at 2026-11-21 00:00:00.000: recorded A, computed B" in parted


def test_the_life_of_an_order_is_a_line_for_each_moment() -> None:
    """After why it was placed and why it was cancelled."""
    answer: dict[str, object] = {
        "cid": "abc",
        "run": "R",
        "placed": "it was wanted",
        "cancelled": None,
        "unexplained": "market data are dropped",
        "moments": [{"ts_ms": 1_795_219_200_000, "what": "cancel sent", "words": ""}],
    }
    assert [line.plain for line in order_lines(answer)] == [
        "order abc, run R",
        "placed     because it was wanted",
        "not all is explained: market data are dropped",
        "",
        "2026-11-21 00:00:00.000  cancel sent",
    ]
    assert clock(BEGAN_NS) == "2026-11-21 00:00:00.000"
