"""Rules on the repository as a whole: what the top level holds, what no file may name, and the two commands.

The files judged are those that git has or would take (tracked, or neither tracked nor ignored); a copy
without git is read from the disk, less what the tools leave behind.
"""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.tidy.source import Finding

COMMANDS: Final = ("pip install uv && uv run mm demo", "pip install uv && uv run pytest")
"""The two commands, each complete on a fresh machine: the first runs it, the second proves it."""

EXPORT: Final = (
    "uv export --quiet --no-emit-project --no-header --all-groups --all-extras --format requirements.txt"
    " --output-file requirements.lock"
)
"""How requirements.lock is made."""

TOP_LEVEL: Final = ("LICENSE", "README.md", "config", "mm", "pyproject.toml", "requirements.lock", "tests")
"""What the top level holds, besides dot-files."""

LEFT_BY_TOOLS: Final = ("__pycache__", "uv.lock", "var", "build", "dist")

MACHINE: Final = re.compile(r"(?<![\w.~$}])/(?:root|work|home|Users)/\w+")
ADDRESS: Final = re.compile(
    r"\b(?:pypi|test\.pypi)\.org\b|python[h]osted\.org|--(?:extra-)?index-url\b|registry\.npmjs|\btool\.uv\.index\b"
)
PINNED: Final = re.compile(r"^(?P<name>[A-Za-z0-9][\w.\-]*)(?:\[[\w,\-]+\])?==\S+")
NAME: Final = re.compile(r"^[A-Za-z0-9][\w.\-]*")


def repository_files(root: Path) -> list[str]:
    """Return the repository's files, as paths from `root` with slashes, in order."""
    if (root / ".git").exists():
        # The owner of the folder may be another user than the one who runs the tests (containers).
        command = [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
        return sorted(name for name in listed.split("\0") if name and (root / name).is_file())
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not any(part in LEFT_BY_TOOLS for part in path.parts))


def top_level_is_fixed(files: list[str]) -> Iterator[Finding]:
    """The top level holds the named entries and dot-files, and all of the named ones."""
    found = dict.fromkeys(name.partition("/")[0] for name in files)
    for name in found:
        if name not in TOP_LEVEL and not name.startswith("."):
            yield Finding(name, 1, f"the top level holds only {' '.join(TOP_LEVEL)}: move it, or ignore it")
    for name in TOP_LEVEL:
        if name not in found:
            made = f": {EXPORT}" if name == "requirements.lock" else ""
            yield Finding(name, 1, f"it is missing{made}")


def no_addresses(root: Path, files: list[str]) -> Iterator[Finding]:
    """No file names a path of the machine that it was written on, nor where packages come from."""
    for name in files:
        content = (root / name).read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            for match in MACHINE.finditer(line):
                yield Finding(name, number, f"`{match.group()}` is a path of one machine: use a relative one")
            for match in ADDRESS.finditer(line):
                yield Finding(
                    name, number, f"`{match.group()}` says where packages come from: the user's choice"
                )


def readme_opens_with_commands(text: str) -> Iterator[Finding]:
    """The first commands of the README are the two, in their order, before its second heading."""
    opening = re.split(r"^##\s", text, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", opening, flags=re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    commands = tuple(line for line in lines if line)[:2]
    if commands != COMMANDS:
        yield Finding("README.md", 1, f"the first two commands were {commands}, expected {COMMANDS}")


def ci_runs_the_gate(root: Path) -> Iterator[Finding]:
    """`.ci/run` is executable and runs exactly the README's second command."""
    path = root / ".ci" / "run"
    if not path.is_file() or not path.stat().st_mode & 0o111:
        yield Finding(".ci/run", 1, "it is missing or not executable: chmod +x .ci/run")
        return
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    settings = ("#", "set ", "cd ", "unset ")
    commands = [line for line in lines if line and not line.startswith(settings)]
    if commands != [COMMANDS[1]]:
        yield Finding(".ci/run", 1, f"it runs {commands}, expected exactly `{COMMANDS[1]}`")
    if "unset PYTHONDONTWRITEBYTECODE" not in lines:
        yield Finding(
            ".ci/run", 1, "without `unset PYTHONDONTWRITEBYTECODE` every import of ccxt costs seconds"
        )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _asked(pyproject: str) -> list[str]:
    project = tomllib.loads(pyproject)
    groups = project.get("dependency-groups", {}).values()
    extras = project["project"].get("optional-dependencies", {}).values()
    lists = [project["project"]["dependencies"], *groups, *extras]
    names = [NAME.match(item) for entries in lists for item in entries if isinstance(item, str)]
    return [_normal(name.group()) for name in names if name is not None]


def lock_is_complete(lock: str, pyproject: str) -> Iterator[Finding]:
    """requirements.lock pins everything with hashes, names no address, and holds all that is asked for."""
    pinned: list[str] = []
    for number, entry in _entries(lock):
        match = PINNED.match(entry)
        if match is None or "--hash=sha256:" not in entry:
            yield Finding("requirements.lock", number, f"`{entry[:60]}` is not pinned with a hash: {EXPORT}")
        else:
            pinned.append(_normal(match.group("name")))
        if "://" in entry:
            yield Finding("requirements.lock", number, f"`{entry[:60]}` holds an address: {EXPORT}")
    for name in _asked(pyproject):
        if name not in pinned:
            yield Finding("requirements.lock", 1, f"{name} is asked for and not pinned: {EXPORT}")


def _entries(lock: str) -> Iterator[tuple[int, str]]:
    entry, start = "", 0
    for number, line in enumerate(lock.splitlines(), start=1):
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        start = start or number
        entry = f"{entry} {text.removesuffix(chr(92))}".strip()
        if not text.endswith("\\"):
            yield start, entry
            entry, start = "", 0
    if entry:
        yield start, entry
