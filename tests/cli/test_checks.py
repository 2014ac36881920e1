"""What `mm doctor` finds, row by row."""

import os
import socket
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from mm.cli import checks
from mm.cli.checks import CHECKS, Row, Subject, examined
from mm.store.lock import DirectoryLock
from mm.store.runstate import RunState
from tests.builders.configs import SMALL, loaded

LIVE = (
    SMALL.replace('"demo"', '"live"') + "max_order_notional_quote = 900\nsession_loss_quote = 9\n"
    '[venue.main]\nkey = "env:MM_TEST_K"\nsecret = "file:secret"\n'
)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """A machine, a data directory that is not there yet, no config, a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Subject(data_dir=tmp_path / "var", port=port)


def test_every_check_gives_a_row_of_its_name(subject: Subject) -> None:
    """On this machine nothing crashes, and the names are those of the table."""
    rows = examined(subject)

    assert [row.what for row in rows] == [name for name, _ in CHECKS]
    assert not any("Error" in row.measured for row in rows)
    assert not (subject.data_dir).exists()
    assert rows[0].as_dict()["what"] == "python"


def test_a_check_that_crashes_is_a_failed_row(subject: Subject) -> None:
    """The others are made all the same."""

    def crash(_: Subject) -> Row:
        raise ZeroDivisionError("oops")

    (row,) = examined(subject, (("odd", crash),))

    assert (row.what, row.status, row.measured) == ("odd", "fail", "ZeroDivisionError: oops")


def test_versions_out_of_range_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may work; nobody has tried."""
    assert checks.python_version().status == checks.ccxt_version().status == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    monkeypatch.setattr("mm.cli.checks.importlib.metadata.version", lambda _: "5.0.1")

    assert checks.python_version().status == "warn"
    assert checks.ccxt_version().status == "warn"


def test_missing_byte_code_is_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every start would take seconds longer."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert checks.byte_code().status == "ok"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("mm.cli.checks.importlib.util.cache_from_source", lambda _: str(tmp_path / "absent"))

    row = checks.byte_code()

    assert row.status == "warn"
    assert "PYTHONDONTWRITEBYTECODE" in row.fix


def test_a_missing_fast_loop_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one serves too."""
    monkeypatch.setattr("mm.cli.checks.importlib.util.find_spec", lambda _: None)

    assert checks.fast_loop().status == "warn"


def test_a_clock_of_the_past_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed requests carry the time."""
    assert checks.clock().status in ("ok", "warn")
    monkeypatch.setattr("mm.cli.checks.time.time", lambda: 0.0)

    assert checks.clock().status == "fail"


@pytest.mark.parametrize(
    ("state", "status", "said"),
    [(0, "ok", "synchronised"), (5, "warn", "not synchronised"), (-1, "ok", "plausible")],
)
def test_the_kernel_is_asked_whether_the_clock_is_kept(
    monkeypatch: pytest.MonkeyPatch, state: int, status: str, said: str
) -> None:
    """Where it cannot tell, a plausible clock is enough."""

    class Library:
        def __init__(self, *_: object, **__: object) -> None:
            if state < 0:
                raise OSError("no such library")

        def adjtimex(self, _: object) -> int:
            return state

    monkeypatch.setattr("mm.cli.checks.ctypes.CDLL", Library)

    row = checks.clock()

    assert row.status == status
    assert row.measured.startswith(said)


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("total", "free", "status"),
    [
        (10**12, 10**11, "ok"),
        (10**10, 3 * 10**9, "ok"),
        (10**10, 15 * 10**8, "warn"),
        (10**11, 10**9, "fail"),
        (10**9, 10**8, "fail"),
    ],
)
def test_a_filling_disk_is_told(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, total: int, free: int, status: str
) -> None:
    """Large disks are judged by bytes, small ones by share too."""
    monkeypatch.setattr("mm.cli.checks.shutil.disk_usage", lambda _: Usage(total, total - free, free))

    assert checks.disk_space(subject).status == status


def test_a_slow_disk_is_warned_of(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The halt latch waits for it."""
    assert "ms median" in checks.sync_latency(subject).measured
    monkeypatch.setattr(checks, "SYNC_MS_WARN", 0.0)

    assert checks.sync_latency(subject).status == "warn"


def test_a_data_directory_is_free_held_or_not_usable(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that runs is fine; a directory that others can enter is not."""
    assert "to be made in" in checks.data_dir(subject).measured
    with DirectoryLock(subject.data_dir):
        assert f"pid {os.getpid()}" in checks.data_dir(subject).measured
        monkeypatch.setattr(checks, "holder", lambda _: None)
        assert "held by another process" in checks.data_dir(subject).measured
        monkeypatch.undo()
    assert "writable, not in use" in checks.data_dir(subject).measured
    subject.data_dir.chmod(0o755)
    (row,) = examined(subject, (("data_dir", checks.data_dir),))
    assert row.status == "fail"
    assert row.fix.startswith("chmod 700")


def test_a_data_directory_that_cannot_be_made_fails(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before a run tries."""
    monkeypatch.setattr("mm.cli.checks.os.access", lambda *_: False)

    assert checks.data_dir(subject).status == "fail"


def test_a_config_is_valid_wrong_or_not_given(subject: Subject, tmp_path: Path) -> None:
    """The error is the one that `mm check` tells."""
    settings = loaded(tmp_path)

    assert checks.config_valid(subject).status == "skip"
    good = Subject(data_dir=subject.data_dir, port=1, config=settings.path, settings=settings)
    assert checks.config_valid(good).measured.endswith("mode demo")
    wrong = Subject(data_dir=subject.data_dir, port=1, config=settings.path, config_error="line 3")
    assert checks.config_valid(wrong).status == "fail"


def test_keys_are_looked_for_and_never_shown(
    subject: Subject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing or readable by others fails in live mode; the row names where, not what."""
    settings = loaded(folder, LIVE)
    live = Subject(data_dir=subject.data_dir, port=1, config=settings.path, settings=settings)

    assert checks.secrets_private(subject).status == "skip"
    assert checks.secrets_private(live).status == "fail"
    monkeypatch.setenv("MM_TEST_K", "c4n4ry")
    (folder / "secret").write_text("c4n4ry")
    (folder / "secret").chmod(0o644)
    row = checks.secrets_private(live)
    assert (row.status, row.fix) == ("fail", "chmod 600 secret")
    (folder / "secret").chmod(0o600)
    fine = checks.secrets_private(live)
    assert (fine.status, fine.measured) == ("ok", "2 found")
    assert "c4n4ry" not in str((row, fine))


def test_a_port_in_use_is_warned_of(subject: Subject) -> None:
    """It may be an exchange of the user's own."""
    assert checks.port_free(subject).status == "ok"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", subject.port))
        listener.listen()

        assert checks.port_free(subject).status == "warn"


def test_a_halt_fails_with_how_to_lift_it(subject: Subject) -> None:
    """A start would end at once."""
    assert checks.latch(subject).status == "ok"
    RunState.open(subject.data_dir).latch("stop_loss.session", "lost 101", time.time_ns())

    row = checks.latch(subject)

    assert row.status == "fail"
    assert "stop_loss.session: lost 101" in row.measured
    assert row.fix.startswith("mm unhalt")


def test_the_last_run_tells_what_it_left(subject: Subject) -> None:
    """Nothing, some orders, or not a word."""
    assert checks.last_run(subject).status == "skip"
    state = RunState.open(subject.data_dir)
    state.begin_life()
    assert "ended without a word; orders may remain" in checks.last_run(subject).measured
    with DirectoryLock(subject.data_dir):
        assert checks.last_run(subject).status == "skip"
    state.end_life(open_orders=2, reason="killed")
    assert "run 1: killed; 2 orders left" in checks.last_run(subject).measured
    state.end_life(open_orders=0, reason="stopped")
    assert checks.last_run(subject).status == "ok"


def test_a_watchdog_that_starts_is_fine(subject: Subject) -> None:
    """Measured; slow is warned of."""
    row = checks.watchdog(subject)
    assert row.status in ("ok", "warn")
    assert row.measured.startswith("starts in ")


def test_a_watchdog_that_cannot_start_fails(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the last thing that it said."""
    (tmp_path / "python").write_text("#!/bin/sh\necho first >&2\necho no such module >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    row = checks.watchdog(subject)
    assert (row.status, row.measured) == ("fail", "no such module")


def test_a_watchdog_that_is_off_is_warned_of_and_paper_has_none(subject: Subject, tmp_path: Path) -> None:
    """By the config."""
    off = replace(subject, settings=loaded(tmp_path, overrides=["watchdog.enabled=false"]))
    assert checks.watchdog(off).status == "warn"
    paper = replace(subject, settings=loaded(tmp_path, SMALL.replace('"demo"', '"paper"')))
    assert checks.watchdog(paper).status == "skip"
