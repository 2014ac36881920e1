"""`mm bench live` as a command."""

import json
from collections.abc import Callable

import pytest

from mm.bench import live
from mm.cli.main import carry_out
from mm.errors import EXIT_OK, EXIT_USAGE

SMALL = ["bench", "live", "--events", "100", "--rounds", "1", "--seconds", "0.1"]
NAMES = (
    *("p50_us", "p99_us", "ccxt_p50_us", "ratio_p50", "frame_us_p50", "ccxt_frame_us_p50", "ratio_frame"),
    *("burst_cancel_ms_max", "decision_us_p50", "decision_us_p99"),
)


@pytest.mark.proof  # the whole bench; `tests/bench` measures it in the gate
def test_figures_are_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, last on standard output, with the agreed names."""
    assert carry_out([*SMALL, "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in NAMES:
        assert told[name] > 0


def test_figures_are_told_in_words_with_what_they_must_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table with the goals beside the figures."""

    async def measured(options: live.Options, progress: Callable[[str], None]) -> dict[str, float]:
        del options, progress
        return dict.fromkeys(NAMES, 0.75)

    monkeypatch.setattr(live, "measure_live", measured)
    assert carry_out(SMALL) == EXIT_OK
    words = capsys.readouterr().out
    for name in NAMES:
        assert name in words
    (line,) = [line for line in words.splitlines() if line.startswith("ratio_p50")]
    assert line.split()[1:] == ["0.75", "1", "0.5"]


@pytest.mark.parametrize(
    "option", [["--events", "1"], ["--rounds", "0"], ["--rounds", "100"], ["--seconds", "600"]]
)
def test_a_bench_that_would_not_end_or_not_begin_is_refused(option: list[str]) -> None:
    """The whole command takes less than a minute."""
    assert carry_out(["bench", "live", *option]) == EXIT_USAGE
