"""Compiled modules are found before their sources, by whoever is told the folder, and nobody else's are."""

import subprocess
import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path

import pytest

from mm.native import sources, use
from mm.native.finder import CompiledFinder
from mm.native.sources import compiled_files, compiled_names

LOOK = "from pathlib import Path\nfrom mm.native.finder import install\ninstall"
"""What is given the folder."""


def compiled_file(folder: Path, name: str) -> Path:
    """Make an empty file where a compiled module of that name would be."""
    file = folder.joinpath(*name.split("."))
    file.parent.mkdir(parents=True, exist_ok=True)
    file = file.with_name(file.name + EXTENSION_SUFFIXES[0])
    file.touch()
    return file


def test_what_lies_in_the_folder_is_found_by_its_name(tmp_path: Path) -> None:
    """A module of ours, and the library that they share."""
    finder = CompiledFinder(tmp_path)
    for name in ("mm.engine.decide", "0a1b__mypyc"):
        file = compiled_file(tmp_path, name)
        spec = finder.find_spec(name, None)
        assert spec is not None
        assert spec.origin == str(file)
        assert isinstance(spec.loader, ExtensionFileLoader)


def test_what_is_not_ours_or_not_there_is_left_to_others(tmp_path: Path) -> None:
    """Another package may have a module of the same name."""
    compiled_file(tmp_path, "json.decoder")
    finder = CompiledFinder(tmp_path)
    assert finder.find_spec("json.decoder", None) is None
    assert finder.find_spec("mm.engine.decide", None) is None


def test_a_process_that_is_told_the_folder_looks_there_first(tmp_path: Path) -> None:
    """Before it imports what is compiled; a file that is no library of Python's is an error."""
    compiled_file(tmp_path, "mm.engine.quantise")
    told = subprocess.run(
        [sys.executable, "-c", f"{LOOK}(Path({str(tmp_path)!r}))\nimport mm.engine.quantise"],
        env={"PATH": "", "PYTHONPATH": str(sources.PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "ImportError" in told.stderr
    assert str(tmp_path) in told.stderr


def test_the_name_of_what_is_made_changes_with_any_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added, changed or moved."""
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(sources, "PACKAGE", tmp_path)
    names = [sources.digest()]
    (tmp_path / "a.py").write_text("x = 2\n")
    names.append(sources.digest())
    (tmp_path / "b.py").write_text("")
    names.append(sources.digest())
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    names.append(sources.digest())
    assert len(set(names)) == 4
    assert sources.digest() == names[-1]


def test_what_strategies_derive_from_and_what_has_keywords_stays_as_it_is() -> None:
    """And every module that is compiled is one that can be imported."""
    names = compiled_names()
    assert "mm.engine.decide" in names
    assert "mm.kernel.array_book" in names
    assert "mm.signals.base" not in names
    assert "mm.sim.orders" not in names, "its classes have keywords, which mypyc drops"
    assert not [name for name in names if name.endswith("__init__")]
    assert len(names) == len(compiled_files()) == len(dict.fromkeys(names))


@pytest.mark.parametrize("wish", ["", "0"])
def test_nothing_is_used_that_was_made_of_other_sources_or_is_not_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    """The folder has the name of what it was made of; 0 says never."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(use.WISH_KEY, wish)
    found = tmp_path / "mm" / "compiled" / ("0" * 16 if not wish else sources.digest())
    found.mkdir(parents=True)
    assert use.use() == use.core() == "interpreted"


def test_in_a_process_that_imported_a_source_the_sources_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one and half of the other would be two programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(use.WISH_KEY, "1")
    (tmp_path / "mm" / "compiled" / sources.digest()).mkdir(parents=True)
    import_module("mm.engine.decide")
    assert use.use() == "interpreted"
