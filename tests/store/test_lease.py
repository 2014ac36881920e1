"""One trader per account on a machine, and numbers that are never given out twice."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mm.domain.ids import EPOCH_BITS
from mm.errors import EXIT_CONFIG, AlreadyRunning, StateCorrupt
from mm.store.lease import BEGINNING, Account, AccountLease, lease_directory

ACCOUNT = Account(venue="binance", key_id="a-key-id-of-a-test")
OTHER = Account(venue="binance", key_id="another-key-id")

HOLD = (
    "import sys, pathlib; from mm.store.lease import Account, AccountLease\n"
    f"lease = AccountLease(Account(venue='binance', key_id={ACCOUNT.key_id!r}), pathlib.Path('elsewhere'),"
    " directory=pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def at(minutes: float) -> int:
    """The time so many minutes after numbers began, ns since 1970."""
    return round((BEGINNING + timedelta(minutes=minutes)).timestamp() * 1e9)


def held(
    folder: Path, data_dir: str = "data", *, minutes: float = 0, account: Account = ACCOUNT
) -> AccountLease:
    """The lease, taken at a time."""
    return AccountLease(account, Path(data_dir), directory=folder / "leases", clock_ns=lambda: at(minutes))


def test_a_second_trader_of_the_account_is_refused_whatever_its_directory(tmp_path: Path) -> None:
    """The message names who holds it; another account is another lease."""
    with held(tmp_path), held(tmp_path, account=OTHER):
        with pytest.raises(
            AlreadyRunning, match=f"pid {os.getpid()} on .*data, since 2026-01-01T00"
        ) as caught:
            held(tmp_path, "elsewhere")
        assert caught.value.exit_code == EXIT_CONFIG
        assert "mm stop" in caught.value.hint
    held(tmp_path, "elsewhere").release()


def test_a_killed_holder_leaves_no_lease(tmp_path: Path) -> None:
    """The kernel drops the lock with the process, whatever the files say."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "leases")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"pid {process.pid} on .*elsewhere"):
            held(tmp_path)
        process.kill()
        process.wait()
    lease = held(tmp_path)
    assert lease.before is not None
    assert lease.before.pid == process.pid
    lease.release()
    lease.release()


def test_a_number_is_above_all_that_were_noted_all_that_are_known_and_the_minutes(tmp_path: Path) -> None:
    """Whichever is most; only what is noted counts later."""
    with held(tmp_path, minutes=100) as lease:
        assert lease.before is None
        assert lease.next_number(above=0) == 100
        assert lease.next_number(above=500) == 501
        lease.note(501)
    with held(tmp_path, minutes=102) as lease:
        assert lease.before is not None
        assert lease.before.fencing == 501
        assert lease.next_number(above=3) == 502
    with held(tmp_path, minutes=900.5) as lease:
        assert lease.before is not None
        assert (lease.before.fencing, lease.next_number(above=3)) == (501, 900)


@pytest.mark.parametrize("minutes", [-1_000_000, 1 << (EPOCH_BITS - 1), 1 << 25])
def test_a_clock_in_another_century_does_not_use_numbers_up(tmp_path: Path, minutes: int) -> None:
    """Before numbers began, or so late that half of them would be gone: they just go on."""
    with held(tmp_path, minutes=minutes) as lease:
        assert lease.next_number(above=7) == 8


def test_nothing_says_whose_account_it_is(tmp_path: Path) -> None:
    """Neither names nor contents hold the key; the files are for their owner alone."""
    with held(tmp_path) as lease:
        lease.note(5)
        files = sorted((tmp_path / "leases").iterdir())
        assert [file.suffix for file in files] == [".json", ".lock"]
        assert lease.path == files[0]
        for file in files:
            assert ACCOUNT.key_id not in file.name
            assert ACCOUNT.key_id.encode() not in file.read_bytes()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "leases").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff" * 20,
        b'{"holder": {"fencing": 1, "pid": 2, "data_dir": "x", "since": "y"}, "digest": "0"}',
    ],
)
def test_a_lease_that_cannot_be_read_is_refused_and_left_as_it_is(tmp_path: Path, wrong: bytes) -> None:
    """With the file and the way forward; the next look is refused as well."""
    with held(tmp_path) as lease:
        path = lease.path
    path.write_bytes(wrong)
    for _ in range(2):
        with pytest.raises(StateCorrupt, match=str(path)) as caught:
            held(tmp_path)
        assert "remove the file" in caught.value.hint
    assert path.read_bytes() == wrong
    path.unlink()
    held(tmp_path).release()


def test_an_edited_number_is_seen(tmp_path: Path) -> None:
    """By its digest; and a number that no order id can hold is none, even with a digest that fits."""
    with held(tmp_path) as lease:
        lease.note(41)
        path = lease.path
    path.write_bytes(path.read_bytes().replace(b'"fencing":41', b'"fencing":40'))
    with pytest.raises(StateCorrupt, match="digest does not fit"):
        held(tmp_path)
    path.unlink()
    with held(tmp_path) as lease:
        lease.note(1 << EPOCH_BITS)
    with pytest.raises(StateCorrupt, match="impossible"):
        held(tmp_path)


def test_a_place_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A link where the lock would be, a directory where the lease would be, one that others can enter."""
    with held(tmp_path) as lease:
        path = lease.path
    lock = path.with_suffix(".lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateCorrupt, match="cannot be opened"):
        held(tmp_path)
    lock.unlink()
    path.unlink()
    path.mkdir()
    with pytest.raises(StateCorrupt, match="cannot be read"):
        held(tmp_path)
    path.parent.chmod(0o755)
    with pytest.raises(StateCorrupt, match="others can enter it"):
        held(tmp_path)


def test_leases_lie_where_the_user_keeps_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable first, then the state directory (absolute ones alone), then the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lease_directory({"MM_LEASE_DIR": "/x/y", "XDG_STATE_HOME": "/z"}) == Path("/x/y")
    assert lease_directory({"XDG_STATE_HOME": "/z"}) == Path("/z/mm/leases")
    for state in ("", "relative"):
        assert lease_directory({"XDG_STATE_HOME": state}) == tmp_path / ".local" / "state" / "mm" / "leases"


def test_what_is_written_is_what_people_can_read(tmp_path: Path) -> None:
    """Who, where and since when, for whoever looks into the file."""
    with held(tmp_path, minutes=3) as lease:
        lease.note(9)
        holder = json.loads(lease.path.read_bytes())["holder"]
    assert holder == {
        "fencing": 9,
        "pid": os.getpid(),
        "data_dir": str(Path("data").absolute()),
        "since": datetime(2026, 1, 1, 0, 3, tzinfo=UTC).isoformat(),
    }


def test_an_account_stands_for_itself_alone() -> None:
    """Other accounts, other purposes and other lengths give other bytes."""
    known = {
        account.digest(size, purpose)
        for account in (
            ACCOUNT,
            OTHER,
            Account(venue="b", key_id="inance"),
            Account(venue="binance", key_id=""),
        )
        for size in (2, 32)
        for purpose in ("mm.tag", "mm.lease")
    }
    assert len(known) == 16
