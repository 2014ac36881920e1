"""The configs that were in force: numbers are given out once, texts are whole, a cut line hides no other."""

from pathlib import Path

import pytest

from mm.errors import NotRunning, StateCorrupt
from mm.store import config_history
from mm.store.config_history import ConfigHistory, Revision, text_digest


def line(revision: int, **changes: object) -> Revision:
    """Return the line of a revision."""
    fields: dict[str, object] = {
        "revision": revision,
        "time": "2026-01-01T00:00:00.000Z",
        "who": "me",
        "origin": "cli",
        "digest": text_digest("x"),
        "path": "mm.toml",
        "changed": ("a.b",),
    }
    return Revision(**(fields | changes))  # type: ignore[arg-type] # the caller names the fields


@pytest.fixture
def history(tmp_path: Path) -> ConfigHistory:
    """Return the history of a directory without one."""
    return ConfigHistory(tmp_path / "data")


def test_a_directory_without_a_history_has_none(history: ConfigHistory, tmp_path: Path) -> None:
    """Looking makes nothing."""
    assert history.revisions() == []
    assert history.newest() is None
    with pytest.raises(NotRunning, match="no revision 1"):
        history.text(1)
    assert not (tmp_path / "data").exists()


def test_texts_are_kept_under_numbers_that_rise(history: ConfigHistory, tmp_path: Path) -> None:
    """Comments and line ends included; readable by their owner alone."""
    for number, text in enumerate(("# a\r\n", "b = 1\n"), start=1):
        assert history.keep(text) == number
        history.note(line(number))
        assert history.text(number) == text
    assert [one.revision for one in history.revisions()] == [1, 2]
    assert history.newest() == line(2)
    assert (tmp_path / "data" / "config").stat().st_mode & 0o077 == 0


def test_a_text_that_was_never_applied_keeps_its_number(history: ConfigHistory) -> None:
    """The process was killed between the text and the line: the next one gets another."""
    assert history.keep("a") == 1
    assert ConfigHistory(history._folder.parent).keep("b") == 2
    assert history.revisions() == []
    history.note(line(7))
    assert history.keep("c") == 8


def test_a_line_that_was_cut_off_hides_no_other(history: ConfigHistory) -> None:
    """Neither the ones before nor the ones after it."""
    history.keep("a")
    history.note(line(1))
    lines = history._folder / config_history.LINES_NAME
    lines.write_bytes(lines.read_bytes() + b'{"revision": 2, "ti')
    history.note(line(3))
    assert [one.revision for one in history.revisions()] == [1, 3]


def test_only_the_end_of_a_long_history_is_read(
    history: ConfigHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest line is in it."""
    for number in range(1, 30):
        history.note(line(number))
    monkeypatch.setattr(config_history, "LINES_BYTES_MAX", 1_000)
    found = history.revisions()
    assert 1 < len(found) < 29
    assert found[-1].revision == 29


def test_what_cannot_be_written_or_read_is_an_error_of_ours(
    history: ConfigHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the path in it."""
    history.keep("a")
    folder = history._folder
    (folder / "0002.toml").write_bytes(b"\xff")
    with pytest.raises(StateCorrupt, match=r"0002.toml: cannot be read"):
        history.text(2)
    (folder / config_history.LINES_NAME).mkdir()
    with pytest.raises(StateCorrupt, match=r"history.jsonl: cannot be read"):
        history.revisions()
    with pytest.raises(StateCorrupt, match=r"history.jsonl: cannot be written"):
        history.note(line(1))
    (folder / config_history.LINES_NAME).rmdir()

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(config_history, "new_file", crash)
    with pytest.raises(StateCorrupt, match=r"0003.toml: cannot be written: No space"):
        history.keep("b")
