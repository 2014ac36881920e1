"""The bar: on a terminal alone, and never on standard output."""

import sys

import pytest

from mm.cli.progress import counting_bar, progress_bar
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


def test_nothing_to_do_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bar of no bytes is shown and done at once."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar(Terminal(), "verifying", 0) as progress:
        progress(0)
    assert "verifying" in capsys.readouterr().err


def test_things_are_counted_with_what_is_to_be_said_of_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where they are not bytes; silent where bars are."""
    with counting_bar(Terminal(quiet=True), "seeds", 3) as tell:
        tell(1, "seeds, 1 broken")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with counting_bar(Terminal(), "seeds", 3) as tell:
        tell(2, "seeds, 1 broken")
    said = capsys.readouterr().err
    assert "seeds, 1 broken" in said
    assert "2/3" in said
