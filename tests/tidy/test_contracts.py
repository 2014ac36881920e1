"""The tools that judge the whole tree: import contracts, types, lint and format, each also on planted faults.

What each contract means stands beside it in pyproject.toml.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.gate.core import CORE_PACKAGES, ROOT

LINT_IMPORTS: Final = ("-c", "from importlinter.cli import lint_imports_command as run; run()")
SECONDS_MAX: Final = 240

TYPE_FAULTS: Final = """
from enum import Enum
from typing import Any

LOOSE: Any = 1


class Way(Enum):
    IN = 1
    OUT = 2


def untyped(x):
    return x


def forgets_out(way: Way) -> int:
    match way:
        case Way.IN:
            return 1
    return 2
"""
EDGE_ANY: Final = """
from typing import Any

EDGE: Any = 1
"""
IMPORT_FAULTS: Final = {
    "mm.strategies is not allowed to import": {"mm/strategies/planted.py": "import mm.engine"},
    "mm.unplaced": {"mm/unplaced.py": ""},
    "mm.sim is not allowed to import mm.engine": {"mm/sim/upward.py": "import mm.engine"},
    "mm.engine.planted -> time": {"mm/engine/planted.py": "import time"},
    "mm.sim.planted -> random": {"mm/sim/planted.py": "from random import random"},
    "mm.domain.planted -> asyncio": {"mm/domain/planted.py": "import asyncio.events"},
    "mm.risk.planted -> structlog": {"mm/risk/planted.py": "def f():\n    import structlog"},
    "mm.engine.exact -> decimal": {"mm/engine/exact.py": "import decimal"},
    "mm.runtime.planted -> ccxt": {"mm/runtime/planted.py": "import ccxt.pro"},
    "mm.store.planted -> pydantic": {"mm/store/planted.py": "import pydantic"},
    "mm.observe.planted -> rich": {"mm/observe/planted.py": "import rich.table"},
    "mm.bench.planted -> hypothesis": {"mm/bench/planted.py": "import hypothesis"},
    ".two -> .one": {"mm/domain/one.py": "import mm.domain.two", "mm/domain/two.py": "import mm.domain.one"},
}
"""Files that break a contract, by what is said of them."""
LINT_FAULTS: Final = """
def loop(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    try:
        print(a)
    except Exception:
        print(b, c, d, e, f)
"""


def _tool(root: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    return done.returncode, done.stdout + done.stderr


def _contracts(root: Path, *limits: str) -> tuple[int, str]:
    return _tool(root, *LINT_IMPORTS, "--no-cache", "--no-logo", *limits)


def _contract(root: Path, name: str) -> tuple[int, str]:
    return _contracts(root, "--contract", name)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A copy of the product and its configuration, to plant faults in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "mm", tmp_path / "mm", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _plant(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Planted."""\n\n{text}\n', encoding="utf-8")


def test_types_are_strict_over_product_and_tests() -> None:
    """mypy --strict has nothing to say about `mm` and `tests`."""
    code, output = _tool(ROOT, "-m", "mypy")

    assert code == 0, output


def test_import_contracts_are_kept() -> None:
    """Layers, purity of the core and the places of the big libraries hold."""
    code, output = _contracts(ROOT)

    assert code == 0, output


def test_lint_is_clean() -> None:
    """ruff check has nothing to say."""
    code, output = _tool(ROOT, "-m", "ruff", "check", "--no-cache")

    assert code == 0, output


def test_format_is_the_formatters() -> None:
    """ruff format would change nothing: no diff is about layout."""
    code, output = _tool(ROOT, "-m", "ruff", "format", "--check", "--no-cache")

    assert code == 0, output


def test_contracts_name_every_package_of_the_core() -> None:
    """A package of the core that exists is bound by the contracts of purity; none is forgotten."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in settings["tool"]["importlinter"]["contracts"]}
    wanted = {f"mm.{name}" for name in CORE_PACKAGES if (ROOT / "mm" / name).is_dir()}

    assert wanted <= set(contracts["pure"]["source_modules"])
    assert wanted - {"mm.quoting", "mm.strategies"} == set(contracts["decimal"]["source_modules"])


def test_a_planted_import_breaks_the_contract_it_is_against(planted: Path) -> None:
    """Each contract finds what was planted against it; all at once, for reading the tree takes seconds."""
    for files in IMPORT_FAULTS.values():
        _plant(planted, files)

    code, output = _contracts(planted)

    assert code == 1, output
    unseen = [complaint for complaint in IMPORT_FAULTS if complaint not in output]
    assert not unseen, output
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert f"0 kept, {len(contracts['contracts'])} broken" in output


def test_the_seeded_generator_alone_may_import_random(planted: Path) -> None:
    """`sim/prng.py` owns the generator: its import of `random` breaks nothing."""
    _plant(planted, {"mm/sim/prng.py": "import random"})

    code, output = _contract(planted, "pure")

    assert code == 0, output


def test_planted_type_faults_are_found(planted: Path) -> None:
    """An untyped function, an explicit Any outside the edges and a forgotten case are found."""
    _plant(planted, {"mm/domain/planted.py": TYPE_FAULTS, "mm/venues/planted.py": EDGE_ANY})

    code, output = _tool(planted, "-m", "mypy", "mm/domain/planted.py", "mm/venues/planted.py")

    assert code == 1, output
    for error in ("explicit-any", "no-untyped-def", "exhaustive-match"):
        assert f"[{error}]" in output
    assert "mm/venues" not in output


def test_planted_lint_faults_are_found(planted: Path) -> None:
    """A print outside the command line, a swallowed exception and six parameters are found."""
    _plant(planted, {"mm/runtime/planted.py": LINT_FAULTS, "mm/cli/planted.py": "print(1)"})

    code, output = _tool(planted, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "mm")

    assert code == 1, output
    for rule in ("T201", "BLE001", "PLR0913"):
        assert rule in output
    assert "mm/cli/planted.py" not in output
