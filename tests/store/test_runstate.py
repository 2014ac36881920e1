"""What survives a restart: whole, private, never silently reset."""

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.ids import EPOCH_BITS, OrderIds
from mm.errors import StateCorrupt
from mm.store import runstate
from mm.store.lease import Account
from mm.store.paths import STATE_NAME
from mm.store.runstate import (
    CRASHES_KEPT,
    HISTORY_MAX,
    RESERVE_BYTES,
    RESERVE_NAME,
    TEXT_LENGTH_MAX,
    RunState,
)


class Clock:
    """A clock that moves by one with each look."""

    def __init__(self) -> None:
        """Start at 1000."""
        self.now = 1_000

    def __call__(self) -> int:
        """Return the time."""
        self.now += 1
        return self.now


def opened(data_dir: Path) -> RunState:
    """The state of a directory with a clock of its own."""
    return RunState.open(data_dir, clock_ns=Clock())


def test_a_first_start_has_a_random_identity_that_stays(tmp_path: Path) -> None:
    """Tag and key make order ids; two deployments differ; a restart does not change them."""
    first, again, other = opened(tmp_path / "a"), opened(tmp_path / "a"), opened(tmp_path / "b")

    assert (first.tag, first.id_key) == (again.tag, again.id_key)
    assert first.id_key != other.id_key
    OrderIds(tag=first.tag, key=first.id_key)
    assert first.epoch == 0
    assert first.latched is None
    assert first.life is None


def test_each_life_has_a_number_of_its_own(tmp_path: Path) -> None:
    """Counted on the disk before it is used, so that no two lives share one."""
    assert opened(tmp_path).begin_life() == 1
    state = opened(tmp_path)
    assert state.begin_life() == 2
    assert state.begin_life() == 3
    assert opened(tmp_path).epoch == 3


def test_a_life_is_known_to_have_ended_or_not(tmp_path: Path) -> None:
    """A crash leaves a life without an end; a clean end says what was left."""
    state = opened(tmp_path)
    state.begin_life()

    crashed = opened(tmp_path).life
    state.end_life(open_orders=0, reason="SIGTERM")
    ended = opened(tmp_path).life

    assert crashed is not None
    assert not crashed.ended
    assert crashed.open_orders == -1
    assert ended is not None
    assert (ended.epoch, ended.ended, ended.open_orders, ended.reason) == (1, True, 0, "SIGTERM")
    assert ended.ended_ns > ended.began_ns


def test_a_latch_survives_until_an_operator_lifts_it(tmp_path: Path) -> None:
    """With cause, time and history of who did what."""
    state = opened(tmp_path)
    state.latch("stop_loss.session", "lost 101 of 100", 5_000)

    again = opened(tmp_path)
    assert again.latched is not None
    assert (again.latched.code, again.latched.since_ns) == ("stop_loss.session", 5_000)
    lifted = again.clear_latch("limit raised", "eve@cli")

    last = opened(tmp_path)
    assert lifted == state.latched
    assert last.latched is None
    assert [(change.set, change.code, change.who) for change in last.history] == [
        (True, "stop_loss.session", "mm"),
        (False, "stop_loss.session", "eve@cli"),
    ]


def test_the_first_cause_stays_and_later_ones_are_kept_beside_it(tmp_path: Path) -> None:
    """What happened first is what the operator has to understand; the same again writes nothing."""
    state = opened(tmp_path)
    state.latch("first", "a", 1)
    state.latch("second", "b", 2)
    before = (tmp_path / STATE_NAME).stat().st_ino
    state.latch("second", "b", 3)

    assert state.latched is not None
    assert state.latched.code == "first"
    assert [change.code for change in state.history] == ["first", "second"]
    assert (tmp_path / STATE_NAME).stat().st_ino == before


def test_a_latch_after_a_lift_is_a_new_one(tmp_path: Path) -> None:
    """Even for the same cause."""
    state = opened(tmp_path)
    state.latch("x", "a", 1)
    state.clear_latch("r", "w")
    state.latch("x", "a", 9)

    assert state.latched is not None
    assert state.latched.since_ns == 9


def test_lifting_nothing_writes_nothing(tmp_path: Path) -> None:
    """There is no history of what did not happen."""
    state = opened(tmp_path)

    assert state.clear_latch("r", "w") is None
    assert state.history == ()


def test_history_and_texts_are_bounded(tmp_path: Path) -> None:
    """The file cannot grow without end."""
    state = opened(tmp_path)
    for number in range(HISTORY_MAX + 20):
        state.latch(f"c{number}", "x" * 2_000, number, "w" * 2_000)
    state.clear_latch("y" * 2_000, "z" * 2_000)

    assert len(state.history) == HISTORY_MAX
    assert state.history[-1].set is False
    assert max(len(change.reason) + len(change.who) for change in state.history) == 2 * TEXT_LENGTH_MAX
    assert opened(tmp_path).history == state.history


def test_targets_of_sessions_are_kept(tmp_path: Path) -> None:
    """What a session held at its first start is where its inventory is zero, for ever."""
    state = opened(tmp_path)
    assert state.target_lots("btc") is None
    state.set_target_lots("btc", 100_000)
    state.set_target_lots("eth", 0)

    again = opened(tmp_path)
    assert again.target_lots("btc") == 100_000
    assert again.target_lots("eth") == 0


def test_the_file_is_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Mode 0600, and no temporary file stays; the other one is room for a latch."""
    state = opened(tmp_path / "var")
    state.begin_life()

    path = tmp_path / "var" / STATE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in (tmp_path / "var").iterdir()) == [STATE_NAME, RESERVE_NAME]
    assert (tmp_path / "var" / RESERVE_NAME).stat().st_size == RESERVE_BYTES


def test_a_temporary_file_of_a_crash_does_not_matter(tmp_path: Path) -> None:
    """A half-written one is replaced; what was whole stays."""
    opened(tmp_path).begin_life()
    (tmp_path / "runstate.tmp").write_text("half")

    assert opened(tmp_path).begin_life() == 2


@pytest.mark.parametrize("keep", [0, 1, 10, 50, 200])
def test_a_torn_file_is_refused_and_kept(tmp_path: Path, keep: int) -> None:
    """Trading does not start on it, and nothing overwrites it."""
    opened(tmp_path).begin_life()
    path = tmp_path / STATE_NAME
    torn = path.read_bytes()[:keep]
    path.write_bytes(torn)

    with pytest.raises(StateCorrupt) as caught:
        opened(tmp_path)

    assert "check the venue for open orders" in caught.value.hint
    assert path.read_bytes() == torn


def test_a_halt_cannot_be_edited_away(tmp_path: Path) -> None:
    """A file that was changed by hand is not believed."""
    opened(tmp_path).latch("x", "y", 1)
    path = tmp_path / STATE_NAME
    content = json.loads(path.read_text())
    content["state"]["latch"] = None
    path.write_text(json.dumps(content))

    with pytest.raises(StateCorrupt, match="digest does not fit"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"tag": 65_536},
        {"tag": -1},
        {"epoch": 1 << EPOCH_BITS},
        {"id_key": "ab"},
        {"id_key": "x" * 64},
        {"epoch": "1"},
        {"surprise": 1},
    ],
)
def test_a_file_with_impossible_values_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """Even with a digest that fits: it may be of another version of mm."""
    opened(tmp_path)
    path = tmp_path / STATE_NAME
    body = msgspec.json.encode({**json.loads(path.read_text())["state"], **change})
    envelope = {"state": msgspec.Raw(body), "digest": runstate._digest(body)}
    path.write_bytes(msgspec.json.encode(envelope))

    with pytest.raises(StateCorrupt):
        opened(tmp_path)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_no_damage_is_taken_for_a_state(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    """Any change of any byte is found."""
    data_dir = tmp_path_factory.mktemp("state", numbered=True)
    opened(data_dir).latch("x", "y", 1)
    path = data_dir / STATE_NAME
    good = path.read_bytes()
    at %= len(good)
    damaged = good[:at] + junk + good[at + len(junk) :]
    path.write_bytes(damaged)

    if damaged == good:
        assert opened(data_dir).latched is not None
    else:
        with pytest.raises(StateCorrupt):
            opened(data_dir)


def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """A link could lead anywhere."""
    (tmp_path / STATE_NAME).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateCorrupt, match="cannot be read"):
        opened(tmp_path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A directory, or a pipe that nobody writes to."""
    for folder, make in (("directory", Path.mkdir), ("pipe", os.mkfifo)):
        (tmp_path / folder).mkdir(mode=0o700)
        make(tmp_path / folder / STATE_NAME)
        with pytest.raises(StateCorrupt):
            opened(tmp_path / folder)


def test_a_full_disk_is_told_and_the_halt_holds_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory a halt is in force even if it could not be written; a lift that is not written is none."""
    state = opened(tmp_path)
    state.latch("first", "a", 1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StateCorrupt, match="No space left") as caught:
            state.clear_latch("r", "w")
        assert state.latched is not None
        assert "free disk space" in caught.value.hint
    fresh = opened(tmp_path / "fresh")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StateCorrupt):
            fresh.latch("x", "y", 1)
    assert fresh.latched is not None


def test_a_latch_is_written_down_on_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What filled it halts trading, and the next start has to know: room for that was kept."""
    state, sync = opened(tmp_path), os.fsync
    state.begin_life()
    state.begin_life()

    def full(file: int) -> None:
        if (tmp_path / RESERVE_NAME).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    state.latch("journal.failed", "disk full", 1)
    latch = opened(tmp_path).latched
    assert latch is not None
    assert latch.code == "journal.failed"


def test_without_room_for_a_latch_no_life_begins(tmp_path: Path) -> None:
    """A halt that could not be written down would be forgotten by the next start."""
    state = opened(tmp_path)
    (tmp_path / RESERVE_NAME).mkdir()
    with pytest.raises(StateCorrupt, match="cannot be written"):
        state.begin_life()


def test_lives_that_are_used_up_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order id has no room for more."""
    monkeypatch.setattr(runstate, "EPOCH_BITS", 1)

    state = opened(tmp_path)
    assert state.begin_life() == 1
    with pytest.raises(StateCorrupt, match="used up"):
        state.begin_life()


ACCOUNT = Account(venue="binance", key_id="a-key-id-of-a-test")


def test_a_first_state_of_an_account_has_the_identity_that_a_lost_one_had(tmp_path: Path) -> None:
    """So that orders that a lost directory left are known; a state that is there keeps what it has."""
    first, again = (RunState.open(tmp_path / name, account=ACCOUNT) for name in ("a", "b"))
    other = RunState.open(tmp_path / "c", account=Account(venue="binance", key_id="other"))
    old = opened(tmp_path / "d")

    assert (first.tag, first.id_key) == (again.tag, again.id_key)
    assert first.id_key != other.id_key
    assert RunState.open(tmp_path / "d", account=ACCOUNT).id_key == old.id_key
    assert ACCOUNT.key_id.encode() not in (tmp_path / "a" / STATE_NAME).read_bytes()


def test_a_life_gets_at_least_the_number_that_is_asked_for(tmp_path: Path) -> None:
    """And never one that was given out: smaller wishes change nothing."""
    state = opened(tmp_path)
    assert state.begin_life(at_least=400) == 400
    assert state.begin_life(at_least=7) == 401
    assert opened(tmp_path).epoch == 401
    with pytest.raises(StateCorrupt, match="used up"):
        state.begin_life(at_least=1 << EPOCH_BITS)


def crashes(state: RunState) -> int:
    """How many lives did not end, as far as nobody has seen it."""
    return len(state.crashed_ns)


def test_lives_that_did_not_end_are_counted_until_an_operator_has_seen_them(tmp_path: Path) -> None:
    """With their beginnings; a life that ended is none of them, whatever it left."""
    for ends in (False, True, False, False):
        state = opened(tmp_path)
        state.begin_life()
        if ends:
            state.end_life(open_orders=-1, reason="r")
    assert crashes(opened(tmp_path)) == 3
    state = opened(tmp_path)
    state.begin_life()
    assert crashes(state) == 4
    state.end_life(open_orders=0, reason="r")
    assert crashes(state) == 3
    state.latch("crash.loop", "many", 5)
    state.clear_latch("seen", "me")
    assert opened(tmp_path).crashed_ns == ()


def test_not_more_crashes_are_kept_than_matter(tmp_path: Path) -> None:
    """The newest ones."""
    for _ in range(CRASHES_KEPT + 5):
        opened(tmp_path).begin_life()
    assert len(opened(tmp_path).crashed_ns) == CRASHES_KEPT + 1


def test_what_a_life_leaves_is_owed_until_one_ends_without_orders(tmp_path: Path) -> None:
    """A life that left orders, or that could not trade on it, leaves it to the next."""
    state = opened(tmp_path)
    assert state.estate_run == ""
    state.begin_life()
    state.leave_estate("run-1")
    assert opened(tmp_path).estate_run == "run-1"
    state.end_life(open_orders=-1, reason="killed")
    assert opened(tmp_path).estate_run == "run-1"
    state.end_life(open_orders=0, reason="halted", keeps_estate=True)
    assert opened(tmp_path).estate_run == "run-1"
    state.end_life(open_orders=0, reason="stopped")
    assert opened(tmp_path).estate_run == ""


def test_a_state_of_an_older_version_is_read(tmp_path: Path) -> None:
    """Fields that it did not have are as if nothing had happened."""
    opened(tmp_path).begin_life()
    path = tmp_path / STATE_NAME
    state = json.loads(path.read_bytes())["state"]
    for new in ("crashed_ns", "estate_run"):
        del state[new]
    body = msgspec.json.encode(state)
    digest = hashlib.sha256(body).hexdigest()
    path.write_bytes(msgspec.json.encode({"state": msgspec.Raw(body), "digest": digest}))
    found = opened(tmp_path)
    assert (found.epoch, found.estate_run, len(found.crashed_ns)) == (1, "", 1)


def test_lives_that_closed_their_journal_are_known_also_when_others_came_after(tmp_path: Path) -> None:
    """Not one that crashed, nor one that ended while its journal had failed; the newest is among them."""
    state = opened(tmp_path)
    assert not state.closed_lives
    for closed in (True, False):
        state.begin_life()
        state.end_life(open_orders=0, reason="stopped", closed=closed)
    state.begin_life()
    assert _closed(tmp_path) == [1]
    state.begin_life()
    state.end_life(open_orders=2, reason="killed")
    assert _closed(tmp_path) == [1, 4]
    assert list(state.closed_lives) == [1, 4]


def _closed(data_dir: Path) -> list[int]:
    read = RunState.read(data_dir)
    assert read is not None
    return list(read.closed_lives)


def test_not_more_closed_lives_are_kept_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are dropped."""
    monkeypatch.setattr(runstate, "CLOSED_KEPT", 3)
    state = opened(tmp_path)
    for _ in range(6):
        state.begin_life()
        state.end_life(open_orders=0, reason="stopped")
    assert state.closed_lives == (3, 4, 5, 6)


def test_an_end_that_an_older_version_noted_was_one_of_its_journal_too_unless_that_had_failed(
    tmp_path: Path,
) -> None:
    """It said no more than that the life ended."""
    for name, code, closed in (("a", "stop_loss", (1,)), ("b", "journal.failed", ())):
        state = opened(tmp_path / name)
        state.begin_life()
        state.latch(code, "why", 10**18)
        state.end_life(open_orders=0, reason="halted")
        path = tmp_path / name / STATE_NAME
        told = json.loads(path.read_bytes())["state"]
        del told["closed"], told["life"]["closed"]
        body = json.dumps(told).encode()
        path.write_bytes(
            b'{"state":' + body + b',"digest":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'
        )
        assert opened(tmp_path / name).closed_lives == closed


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """Neither a directory nor a state; one that cannot be read is an error all the same."""
    assert RunState.read(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()
    (tmp_path / STATE_NAME).write_bytes(b"{")
    with pytest.raises(StateCorrupt, match="not a state file"):
        RunState.read(tmp_path)
