"""The bar: on a terminal alone, and never on standard output."""

import sys

import pytest

from mm.cli.progress import progress_bar
from mm.cli.terminal import Terminal


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_bar_is_shown_to_people_alone(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    quiet: bool,
    shown: bool,
) -> None:
    """It says what is done, and standard output stays free."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with progress_bar(Terminal(quiet=quiet), "verifying", 100) as progress:
        progress(50)
        progress(100)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("verifying" in err) == shown


def test_nothing_to_do_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar of no bytes is done at once."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar(Terminal(), "verifying", 0) as progress:
        progress(0)
