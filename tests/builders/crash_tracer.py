"""A tracer hurts any process at the system calls themselves, whatever made them: it judges the injector.

It knows calls by their name and number alone, so a hurt has to leave the place open. Each thread's calls are
counted apart. It has to stop at every call: with its filter in the kernel it does not kill on all systems.
"""

import shutil
import subprocess
import sys
from functools import cache
from typing import Final

from tests.builders.crash_hurt import Hurt, Kind, Operation, Place

CALLS: Final = {
    Operation.WRITE: "write,pwrite64,writev",
    Operation.SYNC: "fsync,fdatasync",
    Operation.RENAME: "rename,renameat,renameat2",
    Operation.TRUNCATE: "ftruncate",
    Operation.UNLINK: "unlink,unlinkat",
    Operation.SEND: "sendto,sendmsg",
}
"""The system calls of an operation."""

TOY: Final = "import os\nfor number in range(5): os.write(1, b'x')"


def tracer(hurt: Hurt) -> tuple[str, ...]:
    """Return the command that runs another one and hurts it."""
    if hurt.place is not Place.ANY:
        raise ValueError(f"{hurt}: a tracer does not know what a call works on")
    calls = CALLS[hurt.operation]
    done = "signal=KILL" if hurt.kind is Kind.KILL else f"error={hurt.kind}"
    when = f"when={hurt.nth}{'+' if hurt.lasting else ''}"
    # A single name of a set is counted with the others: one number over all of them.
    return (
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:{done}:{when}",
    )


@cache
def tracer_works() -> bool:
    """Return whether a tracer is there, may trace, and kills where it is told to."""
    if shutil.which("strace") is None:
        return False
    hurt = Hurt(operation=Operation.WRITE, place=Place.ANY, nth=3, kind=Kind.KILL)
    command = [*tracer(hurt), sys.executable, "-S", "-c", TOY]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    return done.stdout == b"xx"
