"""The rules on the repository refuse what was planted."""

import subprocess
from pathlib import Path

import pytest

from tests.tidy import repository
from tests.tidy.repository import COMMANDS

README = f"# mm\n\n```sh\n{COMMANDS[0]}  # runs it\n{COMMANDS[1]}\n```\n\n## More\n"
LOCK = (
    "rich==15.0 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n    # via mm\n"
    "tomlkit==1.0 ; x \\\n    --hash=sha256:ef\n"
)
PYPROJECT = '[project]\ndependencies = ["Rich>=13"]\n[dependency-groups]\ndev = ["tomlkit"]\n'


def test_stray_entry_at_the_top_is_found() -> None:
    """An entry that is not named is found; dot-files are free."""
    files = [*repository.TOP_LEVEL, ".gitignore", "notes.txt", "scripts/run.py", "config/demo.toml"]

    found = [finding.path for finding in repository.top_level_is_fixed(files)]

    assert found == ["notes.txt", "scripts"]


def test_missing_entry_at_the_top_is_found_with_how_to_make_it() -> None:
    """An entry that is named and absent is found; the lock's message is the command that makes it."""
    files = [name for name in repository.TOP_LEVEL if name != "requirements.lock"]

    found = [str(finding) for finding in repository.top_level_is_fixed(files)]

    assert found == [f"requirements.lock:1: it is missing: {repository.EXPORT}"]


def test_files_are_those_that_git_would_take(tmp_path: Path) -> None:
    """Tracked and new files count; ignored and removed ones do not."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("uv.lock\n")
    for name in ("uv.lock", "new.py", "gone.py"):
        (tmp_path / name).write_text("")
    subprocess.run(["git", "add", "gone.py"], cwd=tmp_path, check=True)
    (tmp_path / "gone.py").unlink()

    assert repository.repository_files(tmp_path) == [".gitignore", "new.py"]


def test_files_of_a_copy_without_git_are_read_from_the_disk(tmp_path: Path) -> None:
    """Without git the disk is read, less what the tools leave behind."""
    (tmp_path / "mm" / "__pycache__").mkdir(parents=True)
    for name in ("uv.lock", "README.md", "mm/a.py", "mm/__pycache__/a.pyc"):
        (tmp_path / name).write_text("")

    assert repository.repository_files(tmp_path) == ["README.md", "mm/a.py"]


@pytest.mark.parametrize(
    "text",
    [
        "/".join(("", "root", "x")),
        "in '" + "/".join(("", "home", "ann", "x'")),
        "py" + "pi.org",
        "--index" + "-url x",
    ],
)
def test_address_is_found_with_its_line(tmp_path: Path, text: str) -> None:
    """A path of one machine and the name of a registry are found in any text file."""
    (tmp_path / "a.toml").write_text(f"first\n{text}\n")

    found = [(finding.path, finding.line) for finding in repository.no_addresses(tmp_path, ["a.toml"])]

    assert found == [("a.toml", 2)]


@pytest.mark.parametrize(
    "text", ["https://docs.example/home/page", "tests/home/a.py", "~/home/x", "ProtectHome=yes"]
)
def test_harmless_text_names_no_machine(tmp_path: Path, text: str) -> None:
    """Addresses of documents, relative paths and settings pass."""
    (tmp_path / "a.md").write_text(text)

    assert not list(repository.no_addresses(tmp_path, ["a.md"]))


def test_binary_file_is_not_searched(tmp_path: Path) -> None:
    """A recording may hold any bytes."""
    (tmp_path / "a.bin").write_bytes(b"\0" + "/".join(("", "root", "x")).encode())

    assert not list(repository.no_addresses(tmp_path, ["a.bin"]))


def test_readme_with_both_commands_first_passes() -> None:
    """One block or two, with or without a comment behind the command."""
    split = README.replace("# runs it\n", "\n```\n\nand\n\n```sh\n")

    assert not list(repository.readme_opens_with_commands(README))
    assert not list(repository.readme_opens_with_commands(split))


@pytest.mark.parametrize(
    "text",
    [
        "",
        README.replace("mm demo", "mm run"),
        README.replace("```sh\n", "```sh\ncd mm\n", 1),
        README.replace("# mm", "# mm\n\n## Before"),
    ],
)
def test_readme_that_opens_otherwise_is_found(text: str) -> None:
    """Another command, a step before it, or a heading before it is found."""
    assert len(list(repository.readme_opens_with_commands(text))) == 1


def _ci(root: Path, text: str, mode: int = 0o755) -> list[str]:
    path = root / ".ci" / "run"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(mode)
    return [finding.message for finding in repository.ci_runs_the_gate(root)]


def test_ci_that_runs_something_else_is_found(tmp_path: Path) -> None:
    """A gate with a selection, or with steps that a newcomer does not run, is not the gate."""
    found = _ci(tmp_path, f"unset PYTHONDONTWRITEBYTECODE\npip install x\n{COMMANDS[1]} -x\n")

    assert len(found) == 1
    assert "expected exactly" in found[0]


def test_ci_that_cannot_run_is_found(tmp_path: Path) -> None:
    """A script without the executable bit is found."""
    assert "chmod +x" in _ci(tmp_path, COMMANDS[1], mode=0o644)[0]


def test_ci_that_runs_without_byte_code_is_found(tmp_path: Path) -> None:
    """The variable that keeps Python from writing byte code must be unset."""
    assert "unset PYTHONDONTWRITEBYTECODE" in _ci(tmp_path, COMMANDS[1])[0]


def test_complete_lock_passes() -> None:
    """Pinned entries with hashes for everything that is asked for, whatever the spelling of the name."""
    assert not list(repository.lock_is_complete(LOCK, PYPROJECT))


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (LOCK.replace("    --hash=sha256:ef\n", ""), "not pinned with a hash"),
        (LOCK.replace("rich==15.0", "rich>=15"), "rich is asked for and not pinned"),
        (LOCK.replace("tomlkit", "other"), "tomlkit is asked for and not pinned"),
        (LOCK.replace("==1.0", "==1.0 @ https://host/x"), "holds an address"),
    ],
)
def test_incomplete_lock_is_found_with_how_to_make_it(lock: str, message: str) -> None:
    """A missing hash, a loose version, a missing package and an address are found."""
    found = [finding.message for finding in repository.lock_is_complete(lock, PYPROJECT)]

    assert any(message in text for text in found)
    assert all(repository.EXPORT in text for text in found)
