"""A process that has imported the product and forks a new one for each order it reads: a life of `mm`.

A life is a process of its own, with its own pid, and dies like any other; only the second that Python needs
to import everything is saved. Reads one JSON object per line on standard input, answers each with one. When
its input ends, all that it started is killed. It has no threads, so that forking is safe.

Orders: {"do": "start", "argv", "environ", "out", "err", "hurt", "hit", "trace",
"segment_bytes", "brisk", "planted"} -> {"pid"};
{"do": "poll", "pid"} -> {"code"}, null while it runs.
"""

import functools
import gc
import importlib
import json
import os
import random
import signal
import ssl
import sys
from typing import Any, Final

import certifi

from tests.builders.crash_brisk import quicken
from tests.builders.crash_hurt import Hurt
from tests.builders.crash_injector import Injector
from tests.builders.crash_planted import plant

PRELOADED: Final = (
    "asyncio",
    "ccxt.pro",
    "websockets",
    "mm.cli.main",
    "mm.bootstrap",
    "mm.bootstrap.records.replay_run",
    "mm.bootstrap.trade",
    "mm.exchange.server",
    "mm.exchange.replay_market",
    "mm.exchange.faults.plan",
    "mm.settings.cautions",
    "mm.venues.binance.venue",
    "rich.console",
    "uvloop",
)


def serve() -> None:
    """Answer until the input ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    # Reading the authorities' certificates is a fifth of a start, and no exchange on this machine has one.
    kept = functools.cache(ssl.create_default_context)
    kept(cafile=certifi.where())
    ssl.create_default_context = kept  # type: ignore[assignment]  # takes what it always took
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    _answer({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "start":
            pid = _started(asked)
            children.add(pid)
            _answer({"pid": pid})
        else:
            code = _ended(asked["pid"])
            if code is not None:
                children.discard(asked["pid"])
            _answer({"code": code})
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _answer(content: dict[str, Any]) -> None:
    os.write(1, json.dumps(content).encode() + b"\n")


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _started(asked: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    # From here on it is the life itself; nothing of the parent's may be left in it.
    code = 1
    try:
        _become(asked)
        code = _live(asked)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become(asked: dict[str, Any]) -> None:
    os.setsid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path, opening in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], flags),
        (2, asked["err"], flags),
    ):
        file = os.open(path, opening, 0o600)
        os.dup2(file, number)
        os.close(file)
    for name in [name for name in os.environ if name.startswith("MM_")]:
        del os.environ[name]
    os.environ.update(asked["environ"])
    random.seed()


def _live(asked: dict[str, Any]) -> int:
    trace = -1
    if asked["trace"]:
        trace = os.open(asked["trace"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    if asked["hurt"] or trace >= 0:
        hurt = Hurt.from_json(asked["hurt"]) if asked["hurt"] else None
        Injector(hurt, trace, asked["hit"]).install()
    if asked["segment_bytes"]:
        _shorten_segments(asked["segment_bytes"])
    if asked["brisk"]:
        quicken()
    if asked["planted"]:
        plant(asked["planted"])
    from mm.cli.main import carry_out

    return carry_out(asked["argv"])


def _shorten_segments(size: int) -> None:
    # No user needs segments so small that one second fills several; whoever watches them end does.
    from functools import partial

    from mm.bootstrap import recording
    from mm.store.journal.syncing import JournalSettings

    small: Any = partial(JournalSettings, segment_bytes=size)
    composition: Any = recording
    composition.JournalSettings = small


if __name__ == "__main__":
    serve()
