"""The tidy rules hold for every file of the repository. What each refuses is shown beside this file."""

import pytest

from tests.gate.core import ROOT
from tests.tidy import drawers, manners, purity, repository, shape
from tests.tidy.source import Source, sources

RULES = (*shape.RULES, *purity.RULES, *drawers.RULES, *manners.RULES)


@pytest.fixture(scope="module")
def files() -> list[Source]:
    """Every Python file of the product and its tests."""
    return list(sources(ROOT))


@pytest.fixture(scope="module")
def listed() -> list[str]:
    """Every file of the repository."""
    return repository.repository_files(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds_for_every_file(rule: shape.Rule, files: list[Source]) -> None:
    """No file of the product or its tests breaks the rule."""
    findings = [str(finding) for source in files for finding in rule(source)]

    assert not findings, "\n" + "\n".join(findings)


def test_top_level_holds_only_what_is_named(listed: list[str]) -> None:
    """The top level shows a newcomer the product, its tests and its configuration, nothing else."""
    findings = [str(finding) for finding in repository.top_level_is_fixed(listed)]

    assert not findings, "\n" + "\n".join(findings)


def test_no_file_names_a_machine_or_a_registry(listed: list[str]) -> None:
    """A clone works anywhere: no file knows where it was written or where packages come from."""
    findings = [str(finding) for finding in repository.no_addresses(ROOT, listed)]

    assert not findings, "\n" + "\n".join(findings)


def test_lock_files_with_addresses_are_ignored(listed: list[str]) -> None:
    """uv.lock names hosts: git ignores it and does not have it."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert "uv.lock" in ignored
    assert not [name for name in listed if name.endswith(("uv.lock", "pylock.toml"))]


def test_readme_opens_with_the_two_commands() -> None:
    """Whoever opens the README can run the product and its tests by copying one line each."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    findings = [str(finding) for finding in repository.readme_opens_with_commands(text)]

    assert not findings, "\n".join(findings)


def test_ci_runs_exactly_the_second_command() -> None:
    """The machine runs what a newcomer runs."""
    findings = [str(finding) for finding in repository.ci_runs_the_gate(ROOT)]

    assert not findings, "\n".join(findings)


def test_requirements_lock_is_complete_and_names_no_address() -> None:
    """A plain pip can install the very versions that were tested, checked by their hashes."""
    path = ROOT / "requirements.lock"
    assert path.is_file(), f"requirements.lock is missing: {repository.EXPORT}"
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    lock = path.read_text(encoding="utf-8")
    findings = [str(finding) for finding in repository.lock_is_complete(lock, pyproject)]

    assert not findings, "\n" + "\n".join(findings)
