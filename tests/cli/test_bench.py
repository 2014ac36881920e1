"""`mm bench live` as a command."""

import json

import pytest

from mm.cli.main import carry_out
from mm.errors import EXIT_OK, EXIT_USAGE


def test_figures_are_told_in_words_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The agreed names are there."""
    assert carry_out(["bench", "live", "--events", "200"]) == EXIT_OK
    words = capsys.readouterr().out
    assert carry_out(["bench", "live", "--events", "200", "--json"]) == EXIT_OK

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ("decision_us_p50", "decision_us_p99"):
        assert name in words
        assert told[name] >= 0
    assert carry_out(["bench", "live", "--events", "1"]) == EXIT_USAGE
