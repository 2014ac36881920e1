"""A day-sized recording streams through a store in bounded memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 25_000_000
MEMORY_MIB_MAX = 1_536
SECONDS_MAX = 900

_SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from mm.store.recordings.opening import open_source
from mm.store.recordings.parquet.writer import store
from tests.builders.generated_day import GeneratedDay
step, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
began = time.monotonic()
if step == "import":
    done = store(GeneratedDay(rows), folder, (), lambda _: None).rows
elif step == "read":
    done = sum(chunk.rows for chunk in open_source([folder]).chunks())
else:
    source = open_source([folder])
    middle = (source.first_ns + source.last_ns) // 2
    done = next(source.chunks(middle)).rows
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": done, "seconds": time.monotonic() - began, "mib": mib}))
"""


def measured(step: str, folder: Path, root: Path) -> dict[str, float]:
    """What a step took, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, step, str(folder), str(ROWS)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    told: dict[str, float] = json.loads(ran.stdout)
    return told


@pytest.mark.proof
def test_a_day_of_25_million_rows_needs_less_than_1_5_gib(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Importing, reading it all, and beginning in the middle, which does not read what comes before."""
    root = pytestconfig.rootpath
    stored = measured("import", tmp_path / "store", root)
    assert stored["rows"] >= ROWS
    read = measured("read", tmp_path / "store", root)
    assert read["rows"] == stored["rows"]
    middle = measured("middle", tmp_path / "store", root)
    assert middle["seconds"] < read["seconds"] / 4
    assert max(one["mib"] for one in (stored, read, middle)) < MEMORY_MIB_MAX
