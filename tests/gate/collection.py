"""Each xdist process begins to collect at another place, so that all share the work of a clean clone.

Whoever imports a file first writes its byte code, with the assertions rewritten; the others read it. In the
same order all three would write all of it. The order of the tests is the same in the end, as xdist demands.
"""

from collections.abc import Generator
from typing import Any

import pytest


def begin_of(entries: int, worker: int, workers: int) -> int:
    """Return at which of `entries` a worker begins, counted from 0."""
    return entries * worker // workers


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the list of what is in the folder of all tests."""
    report = yield
    worker: dict[str, Any] | None = getattr(collector.config, "workerinput", None)
    if worker is not None and collector.path == collector.config.rootpath / "tests" and report.result:
        number = int(worker["workerid"].removeprefix("gw"))
        begin = begin_of(len(report.result), number, worker["workercount"])
        report.result = [*report.result[begin:], *report.result[:begin]]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the items into the order of their files, whatever the order in which they were collected."""
    items.sort(key=lambda item: item.path)
