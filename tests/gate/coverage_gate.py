"""Coverage of the core by the core's own tests: 100 % of lines and branches, or the run fails.

Tracing runs while the core is imported and around every item under `tests/core/`, and nowhere else: a line
that only a test of the shell reaches does not count, and tests of the shell run at full speed. Each xdist
process measures for itself and sends its data home; the controller adds them up and judges.

Invariant: judged if and only if the whole gate runs. A selection (path, -k, -m, --lf ...) is never judged.
"""

import contextlib
import functools
import importlib
import io
import itertools
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from coverage import Coverage, CoverageData
from coverage.exceptions import CoverageException

from tests.gate.core import core_folders

GATE_MARKERS: Final = "not proof"
"""The marker expression of the gate, as `addopts` in pyproject.toml gives it."""

CHANNEL: Final = "core_coverage"
"""Key under which the controller tells a worker to measure, and the worker sends what it measured."""

EXAMPLES_TRACED: Final = 10
"""Examples of a property test that are measured; the others search on untraced, twice as fast."""

TRACER: Final = pytest.StashKey[Coverage]()
MEASURED: Final = pytest.StashKey[list[bytes]]()
VERDICT: Final = pytest.StashKey[tuple[bool, str]]()


def is_whole_gate(config: pytest.Config) -> bool:
    """Return whether this run is the whole gate: all test paths, no selection of any kind."""
    option = config.option
    folder = config.invocation_params.dir
    asked = [(folder / argument).resolve() for argument in config.args]
    wanted = [(config.rootpath / path).resolve() for path in config.getini("testpaths")]
    narrowed = (
        option.keyword,
        option.deselect,
        option.ignore,
        option.ignore_glob,
        option.collectonly,
        option.maxfail,
        getattr(option, "lf", False),
        getattr(option, "stepwise", False),
    )
    return asked == wanted and option.markexpr == GATE_MARKERS and not any(narrowed)


def new_coverage(root: Path) -> Coverage:
    """Return a coverage object that measures the core under `root` and touches no file."""
    return Coverage(
        data_file=None,
        config_file=str(root / "pyproject.toml"),
        source=[str(folder) for folder in core_folders(root)],
        messages=False,
    )


def import_core(root: Path) -> None:
    """Import every module of the core, so that what runs at import is measured whoever imports it first."""
    for folder in core_folders(root):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            # A module that cannot be imported stays uncovered, and the test that imports it says why.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


@contextlib.contextmanager
def closing(data: CoverageData) -> Iterator[CoverageData]:
    """Close the database in memory that holds `data`: left open it is a warning, and warnings are errors."""
    try:
        yield data
    finally:
        data.close(force=True)


def judge(root: Path, measured: list[bytes]) -> tuple[bool, str]:
    """Return whether `measured` covers the core under `root` wholly, and the report of what it misses."""
    total = new_coverage(root)
    text = io.StringIO()
    with closing(total.get_data()) as data:
        for blob in measured:
            with closing(CoverageData(no_disk=True)) as part:
                part.loads(blob)
                data.update(part)
        try:
            percent = total.report(file=text, show_missing=True, skip_covered=True, precision=2)
        except CoverageException as error:
            return False, f"core coverage was not measured: {error}\n"
    return percent == 100.0, text.getvalue()


def pytest_configure(config: pytest.Config) -> None:
    """Start measuring, in every process that runs tests of the whole gate, before the core is imported."""
    config.stash[MEASURED] = []
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is None:
        measures = is_whole_gate(config) and config.getoption("dist", "no") == "no"
    else:
        measures = bool(worker_input.get(CHANNEL))
    if not measures:
        return
    early = [name for name in sys.modules if name.startswith("mm.")]
    assert not early, (
        f"imported before coverage began: {early}; import mm in fixtures or tests, not in plugins"
    )
    config.stash[TRACER] = new_coverage(config.rootpath)
    with config.stash[TRACER].collect():
        import_core(config.rootpath)


@contextlib.contextmanager
def traced(config: pytest.Config, path: Path) -> Iterator[None]:
    """Measure what runs inside the block if `path` is one of the core's own tests."""
    tracer = config.stash.get(TRACER, None)
    if tracer is None or not path.is_relative_to(config.rootpath / "tests" / "core"):
        yield
        return
    with tracer.collect():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """Measure the import of the core's test modules: they may build their cases with the core."""
    with traced(collector.config, getattr(collector, "path", Path())):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure a test of the core, its fixtures included; of a property test, the first examples."""
    with traced(item.config, item.path), measured_at_first(item):
        return (yield)


@contextlib.contextmanager
def measured_at_first(item: pytest.Item) -> Iterator[None]:
    """Stop measuring inside the block after `EXAMPLES_TRACED` examples, if `item` is a property test."""
    tracer = item.config.stash.get(TRACER, None)
    handle: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
    if tracer is None or handle is None:
        yield
        return
    inner, seen = handle.inner_test, itertools.count()

    @functools.wraps(inner)
    def counted(*args: object, **given: object) -> object:
        if next(seen) == EXAMPLES_TRACED:
            tracer.stop()
        return inner(*args, **given)

    handle.inner_test = counted
    try:
        yield
    finally:
        handle.inner_test = inner


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new xdist worker whether the whole gate runs."""
    node.workerinput[CHANNEL] = is_whole_gate(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Keep what a finished xdist worker measured; one that crashed has nothing to give."""
    blob = getattr(node, "workeroutput", {}).get(CHANNEL)
    if blob is not None:
        node.config.stash[MEASURED].append(blob)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Send home what this worker measured or, in the controller, judge and fail the run."""
    config = session.config
    tracer = config.stash.get(TRACER, None)
    if tracer is not None:
        with closing(tracer.get_data()) as data:
            config.stash[MEASURED].append(data.dumps())
    worker_output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if worker_output is not None:
        if tracer is not None:
            worker_output[CHANNEL] = config.stash[MEASURED][0]
        return
    finished = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    if not (finished and is_whole_gate(config) and core_folders(config.rootpath)):
        return
    config.stash[VERDICT] = judge(config.rootpath, config.stash[MEASURED])
    if not config.stash[VERDICT][0]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the verdict: one line when the core is covered, the missed lines when it is not."""
    covered, report = config.stash.get(VERDICT, (True, ""))
    if covered and report:
        terminalreporter.write_line("core coverage: 100 % of lines and branches, by tests/core alone")
    elif not covered:
        terminalreporter.section("core coverage: FAILED", red=True)
        terminalreporter.write(report)
        terminalreporter.write_line(
            "every line and branch of the core needs a test under tests/core/; tests elsewhere do not count"
            " (`12->14`: the jump from line 12 to line 14 never happened)"
        )
