"""Wires the gates into every run and holds the fixtures that all tests share. Imports nothing of `mm`.

What it must never do: import `mm` (coverage has not begun), or hide a fault behind a fixture.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests.gate.allowed_skips import NEEDS_SHARED

pytest_plugins = [
    "tests.gate.collection",
    "tests.gate.coverage_gate",
    "tests.gate.network_guard",
    "tests.gate.skip_gate",
]

# The verdict of a test depends on the code, not on the dice nor on how busy the machine is.
hypothesis.settings.register_profile(
    "gate",
    deadline=None,
    derandomize=True,
    print_blob=True,
    max_examples=25,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("proof", hypothesis.settings.get_profile("gate"), max_examples=2_000)


# What is measured and covered are the sources, whatever was compiled on this machine.
os.environ["MM_COMPILED"] = "0"


def pytest_configure(config: pytest.Config) -> None:
    """Choose how long property tests search: more with `-m proof`, all with `-m "proof or not proof"`."""
    hypothesis.settings.load_profile("gate" if config.option.markexpr == "not proof" else "proof")
    # Leases are the machine's: those of tests are in a folder of their own, which ends with the run.
    leases = tempfile.TemporaryDirectory(prefix="mm-leases-")
    config.add_cleanup(leases.cleanup)
    os.environ["MM_LEASE_DIR"] = leases.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the checks of the house first: the type check is the longest single test of the gate."""
    items.sort(key=lambda item: "tests/tidy/test_contracts.py" not in item.nodeid)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    # A command that a test carries out sets where logs go and which are written; the next test has its own.
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """The folder of real recordings beside the repository; the test is skipped where it is absent."""
    folder = pytestconfig.rootpath.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(NEEDS_SHARED)
    return folder
