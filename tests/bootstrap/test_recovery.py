"""A start after any kind of end: what is taken over, what is refused, what is cancelled, and what is told."""

import asyncio
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import pytest
from structlog.testing import capture_logs

from mm.bootstrap import recording, recovery
from mm.bootstrap.records.replay_run import repeat
from mm.bootstrap.recovery import StartOptions, begin
from mm.bootstrap.run_config import run
from mm.domain.commands import Cancel, Place, VenueCommand
from mm.domain.estate import Estate
from mm.domain.events import AnyEvent
from mm.errors import EXIT_HALTED, AlreadyRunning, ConfigError, JournalFailed, StateCorrupt
from mm.runtime.recorder import JournalRecorder
from mm.settings.options import RunOptions
from mm.store.journal.entries import CHECKPOINT, NOTE, OperatorNote
from mm.store.journal.journal import Journal
from mm.store.journal.layout import runs
from mm.store.journal.reader import read
from mm.store.journal.retention import drop_market
from mm.store.journal.verify import verify
from mm.store.lease import Account, AccountLease
from mm.store.lock import DirectoryLock, holder
from mm.store.operator_notes import lift_offline
from mm.store.paths import STATE_NAME
from mm.store.runstate import RunState
from tests.builders.crashed_lives import ACCOUNT, Lives


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Leases of its own.
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    """Lives that begin with nothing."""
    return Lives(tmp_path)


def own(lives: Lives) -> Path:
    """The newest own segment of the newest run."""
    return lives.newest_run().journal / "own" / "000001.mmj"


def damage(path: Path) -> None:
    """Change a byte half-way, as a bad disk does."""
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])


def test_a_fill_that_a_broken_journal_did_not_take_is_found_by_the_next_life(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orders were cancelled and nothing is left open, but the core heard of no fill after it broke."""
    real = JournalRecorder.on_event
    full: list[bool] = []

    def on_event(self: JournalRecorder, event: AnyEvent, *, outside: bool) -> None:
        if full:
            raise JournalFailed("the disk is full")
        real(self, event, outside=outside)

    monkeypatch.setattr(JournalRecorder, "on_event", on_event)
    lives.at(5, lambda: full.append(True))
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    bot = lives.live(10)
    assert bot.exit_code == EXIT_HALTED
    assert not lives.venue.open
    full.clear()
    lift_offline(lives.data_dir, lives.kept(), reason="the disk has room again", who="tester")
    bot = lives.live(20)
    assert "recovered" in lives.codes()
    assert bot.state.sessions[0].position.fills == 1


def test_a_crash_in_the_middle_of_trading_leaves_nothing_unknown(lives: Lives) -> None:
    """Orders are taken over under their ids and cancelled, the position goes on, then it quotes again."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    left = dict(lives.venue.open)
    assert len(left) == 2
    bot = lives.live(20)

    assert lives.codes().count("order.inherited") == 2
    assert "recovered" in lives.codes()
    assert bot.state.sessions[0].position.fills == 1
    assert abs(bot.state.sessions[0].position.net_lots) == 3
    assert not lives.venue.open


def test_crashes_in_a_row_hand_on_what_the_first_one_left(lives: Lives) -> None:
    """Also where a life is gone before it knew anything."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    orders = set(lives.venue.open)
    lives.venue.deaf_to = get_args(VenueCommand)
    lives.crash(3)
    assert set(lives.venue.open) == orders
    bot = lives.live(20)
    assert bot.state.setup.estate is not None
    assert {order.cid for order in bot.state.setup.estate.orders} == orders
    assert abs(bot.state.sessions[0].position.net_lots) == 3
    assert not lives.venue.open


def test_a_crash_before_the_journal_was_begun_hands_on_what_was_left_before(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The life was counted, its journal is not there: the older one holds it still."""
    lives.crash(8)
    run_before = lives.kept().estate_run

    def dies(*_: object, **__: object) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr("mm.bootstrap.trade.begin_recording", dies)
        with pytest.raises(SystemExit):
            lives.live(5)
    assert lives.kept().estate_run == run_before
    bot = lives.live(20)
    assert bot.state.setup.estate is not None
    assert len(bot.state.setup.estate.orders) == 2


def test_every_run_can_be_repeated_however_it_ended(lives: Lives) -> None:
    """The one that crashed and the one that took over: no difference, checkpoints included."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    lives.crash(6)
    lives.live(70)
    places = [place.directory for place in runs(lives.data_dir)]
    assert len(places) == 3
    for place in places:
        report, result = asyncio.run(repeat(place))
        assert result.difference is None, place
        assert result.checkpoints == report.counts[CHECKPOINT] >= 1
    heads = [next(iter(read(place / "journal", own_only=True))).entry for place in reversed(places)]
    assert all(isinstance(head, Estate) for head in heads)


@pytest.mark.parametrize("kind", ["flipped", "segment gone", "journal gone", "newer format", "foreign text"])
def test_a_journal_that_is_damaged_halts_the_start_and_nothing_of_it_is_touched(
    lives: Lives, kind: str
) -> None:
    """What is ours is cancelled by its mark, the code is 6, the damage is told, and told again."""
    lives.crash(8)
    path, run_before = own(lives), lives.kept().estate_run
    if kind == "flipped":
        damage(path)
    elif kind == "segment gone":
        path.rename(path.with_name("000002.mmj"))
    elif kind == "journal gone":
        shutil.rmtree(path.parents[2])
    elif kind == "newer format":
        path.write_bytes(b"mmj-0002" + path.read_bytes()[8:])
    else:
        path.write_bytes(b"this is no journal\n" * 1_000)
    run_directory = path.parents[2]
    for file in run_directory.rglob("*.mmj"):
        os.utime(file, ns=(1, 1))  # so old that market data would be dropped
    before = contents(run_directory)
    for _ in range(2):
        placed = len(lives.venue.commands(Place))
        with capture_logs() as said:
            bot = lives.live(60)
        assert (bot.exit_code, bot.outcome.reason) == (6, "halted: journal.quarantined")
        assert len(lives.venue.commands(Place)) == placed
        assert not lives.venue.open
        told = next(line for line in said if line["event"] == "journal.quarantined")
        assert told["run"] == run_before
        assert "--rebuild-from-venue" in told["hint"]
        assert lives.kept().estate_run == run_before
        assert contents(run_directory) == before
    latched = lives.kept().latched
    assert latched is not None
    assert latched.code == "journal.quarantined"


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file below a directory."""
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_old_market_data_of_a_life_are_dropped_once_the_next_one_needs_no_more_of_it(lives: Lives) -> None:
    """Not before: a start that dies over it leaves what was left whole."""
    lives.crash(8)
    run_directory = own(lives).parents[2]
    for file in run_directory.rglob("*.mmj"):
        os.utime(file, ns=(1, 1))
    seen: list[str] = []

    def drop(directory: Path, *, before_ns: int) -> object:
        seen.append(lives.kept().estate_run)
        return drop_market(directory, before_ns=before_ns)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recording, "drop_market", drop)
        lives.live(60)
    assert seen
    assert all(seen)
    assert run_directory.name not in seen


def test_lifting_the_halt_does_not_make_the_damage_good(lives: Lives) -> None:
    """It is the journal that is missing, not a word of the operator: the next start halts again."""
    lives.crash(8)
    damage(own(lives))
    lives.live(60)
    lives.kept().clear_latch("let us see", "me")
    assert lives.live(60).exit_code == 6


def test_a_journal_that_was_restored_is_taken_over_once_the_halt_is_lifted(lives: Lives) -> None:
    """From a backup of the file: nothing of what it held is lost, although a life was in between."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    path = own(lives)
    whole = path.read_bytes()
    damage(path)
    assert lives.live(60).exit_code == 6
    path.write_bytes(whole)
    assert lives.live(60).exit_code == 6
    lives.kept().clear_latch("restored", "me")
    bot = lives.live(30)
    assert bot.exit_code == 0
    assert abs(bot.state.sessions[0].position.net_lots) == 3


def test_an_operator_may_give_up_what_a_damaged_journal_held(lives: Lives) -> None:
    """Once, by a flag: our orders go, P&L begins anew, and the new journal says what was given up."""
    lives.at(5, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    lives.crash(8)
    run_before, damaged = lives.kept().estate_run, lives.newest_run()
    damage(damaged.journal / "own" / "000001.mmj")
    assert lives.live(60).exit_code == 6
    bot = lives.live(30, rebuild=True)
    assert (bot.exit_code, bot.state.sessions[0].position.net_lots) == (0, 0)
    assert not lives.venue.open
    records = read(lives.newest_run().journal, own_only=True)
    notes = [record.entry for record in records if record.kind is NOTE]
    texts = [note.text for note in notes if isinstance(note, OperatorNote) and note.who == "operator"]
    assert len(texts) == 1
    assert f"what run {run_before} left was given up" in texts[0]
    assert lives.kept().latched is None
    assert lives.kept().history[-1].who == "operator"
    assert lives.live(5).exit_code == 0


def test_a_start_that_gave_something_up_and_failed_has_given_up_nothing(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a life that wrote it down did."""
    lives.crash(8)
    damage(own(lives))
    with monkeypatch.context() as patch:
        patch.setattr("mm.bootstrap.trade.assemble", _unreachable)
        with pytest.raises(StateCorrupt, match="the venue is gone"):
            lives.live(5, rebuild=True)
    assert lives.live(60).exit_code == 6


async def _unreachable(*_: object, **__: object) -> None:
    raise StateCorrupt("the venue is gone")


def test_where_nothing_is_damaged_nothing_is_rebuilt(lives: Lives) -> None:
    """A flag that is left in a service's command would give up every crash's positions."""
    with pytest.raises(ConfigError, match="the last life left nothing: nothing was started"):
        lives.live(5, rebuild=True)
    lives.crash(8)
    with pytest.raises(ConfigError, match="is whole: nothing was started"):
        lives.live(5, rebuild=True)
    paper = lives.settings.model_copy(update={"mode": "paper"})
    with pytest.raises(ConfigError, match="only live mode"):
        run(RunOptions(settings=paper, rebuild_from_venue=True))


def test_three_crashes_within_minutes_halt_the_next_start(lives: Lives) -> None:
    """What they left is still there when an operator has looked; then they are forgotten."""
    lives.at(3, lambda: lives.venue.fill(next(iter(lives.venue.open)), 3))
    for _ in range(3):
        lives.crash(5)
    bot = lives.live(60)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: crash.loop")
    assert not lives.venue.open
    lives.kept().clear_latch("the disk was full", "me")
    bot = lives.live(30)
    assert bot.exit_code == 0
    assert abs(bot.state.sessions[0].position.net_lots) == 3


def test_crashes_long_ago_and_a_limit_of_none_halt_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes are looked back, and 0 switches it off."""
    tolerant = Lives(tmp_path / "one", "recovery.max_crashes=0")
    for _ in range(4):
        tolerant.crash(1)
    assert tolerant.live(5).exit_code == 0
    lives = Lives(tmp_path / "two")
    for _ in range(3):
        lives.crash(1)
    monkeypatch.setattr(recovery, "CRASH_WINDOW_NS", 0)
    assert lives.live(5).exit_code == 0


def test_a_directory_that_was_lost_is_known_by_its_orders(lives: Lives) -> None:
    """The tag comes from the account: what the lost one left is cancelled, then a fresh life begins."""
    lives.crash(8)
    assert len(lives.venue.open) == 2
    left = set(lives.venue.open)
    before = lives.kept().epoch
    shutil.rmtree(lives.data_dir)
    with capture_logs() as said:
        bot = lives.live(30)
    assert "state.lost" in [line["event"] for line in said]
    assert not lives.venue.open
    assert left & {command.cid for command in lives.venue.commands(Cancel)} or bot.exit_code == 0
    assert bot.state.setup.inherits
    assert bot.state.setup.epoch > before
    assert bot.state.setup.estate is None


def test_an_older_copy_of_the_directory_halts_the_start(lives: Lives) -> None:
    """A backup that was put back knows less than the account's lease; an operator has to look."""
    lives.crash(5)
    copy = lives.data_dir.with_name("backup")
    shutil.copytree(lives.data_dir, copy)
    lives.live(5)
    shutil.rmtree(lives.data_dir)
    copy.rename(lives.data_dir)
    bot = lives.live(60)
    assert (bot.exit_code, bot.outcome.reason) == (6, "halted: state.restored")
    lives.kept().clear_latch("it was me", "me")
    assert lives.live(20).exit_code == 0


def test_another_directory_of_the_same_account_is_told_of(tmp_path: Path) -> None:
    """It trades, above the numbers of the other one."""
    one, two = Lives(tmp_path / "one"), Lives(tmp_path / "two")
    first = one.live(2).state.setup.epoch
    with capture_logs() as said:
        second = two.live(8).state.setup.epoch
    assert second > first
    assert next(line for line in said if line["event"] == "lease.elsewhere")["number"] == first


def test_an_account_that_is_traded_from_elsewhere_is_refused(lives: Lives, tmp_path: Path) -> None:
    """Nothing is counted, nothing is sent, the directory is free again."""
    with AccountLease(ACCOUNT, tmp_path / "elsewhere"), pytest.raises(AlreadyRunning, match="elsewhere"):
        lives.live(5)
    assert not lives.venue.sent
    assert holder(lives.data_dir) is None
    assert not (lives.data_dir / STATE_NAME).exists()


def test_another_key_of_the_same_account_is_refused(lives: Lives, tmp_path: Path) -> None:
    """Once the venue has said which account it is, before a life is counted and before any order."""
    lives.venue.identity = "https://venue#7"
    same = Account(venue=ACCOUNT.venue, key_id="https://venue#7")
    with AccountLease(same, tmp_path / "elsewhere"), pytest.raises(AlreadyRunning, match="elsewhere"):
        lives.live(5)
    assert not lives.venue.commands(Place)
    assert lives.kept().epoch == 0
    assert lives.live(5).exit_code == 0


def test_without_room_nothing_is_begun(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than a segment of the journal: no life is counted."""
    monkeypatch.setattr(recovery, "SPACE_FLOOR_BYTES", 1 << 62)
    with pytest.raises(JournalFailed, match="are free, expected at least") as caught:
        lives.live(5)
    assert "nothing was sent" in caught.value.hint
    assert lives.kept().epoch == 0


def test_a_step_that_fails_names_itself(lives: Lives) -> None:
    """And those that went well say so where somebody looks closely."""
    lives.crash(5)
    with capture_logs() as said, ExitStack() as held:
        begin(lives.settings, StartOptions(account=ACCOUNT), held)
    steps = [(line["number"], line["step"]) for line in said if line["event"] == "start.step"]
    assert steps == [(1, "lock"), (2, "directory"), (3, "scan and estate")]
    with capture_logs() as said, DirectoryLock(lives.data_dir), pytest.raises(AlreadyRunning):
        lives.live(5)
    failed = [line["step"] for line in said if line["event"] == "start.step_failed"]
    assert failed == ["lock"]


def test_what_ends_with_the_process_is_not_taken_over(lives: Lives) -> None:
    """Demo and paper have no account: their venue forgot, and so does the bot."""
    lives.crash(5)
    run_before = lives.kept().estate_run
    with ExitStack() as held:
        start = begin(lives.settings, StartOptions(), held)
        assert start.heritage.estate is None
        start.leave("another")
    assert lives.kept().estate_run == run_before


def test_numbers_go_on_where_only_the_runs_are_left(lives: Lives) -> None:
    """A state file that was removed: no run is ever named, and no order marked, as an earlier one."""
    lives.live(2)
    before = lives.kept().epoch
    (lives.data_dir / STATE_NAME).unlink()
    with ExitStack() as held:
        start = begin(lives.settings, StartOptions(), held)
        assert start.begin_life() == before + 1
    assert RunState.open(lives.data_dir).epoch == before + 1


def test_a_state_file_that_was_taken_away_lifts_no_halt(lives: Lives) -> None:
    """Runs are recorded and nothing says how they ended: it cancels what is ours, and an operator decides."""
    lives.crash(8)
    RunState.open(lives.data_dir, account=ACCOUNT).latch("operator", "do not trade", 1)
    (lives.data_dir / STATE_NAME).unlink()
    bot = lives.live(30)
    assert bot.exit_code == EXIT_HALTED
    assert not lives.venue.open
    latched = RunState.open(lives.data_dir, account=ACCOUNT).latched
    assert latched is not None
    assert latched.code == "state.lost"


def test_a_fresh_directory_has_lost_nothing(lives: Lives) -> None:
    """Nor has one that was halted and lifted before its first run."""
    RunState.open(lives.data_dir, account=ACCOUNT)
    assert lives.live(5).exit_code == 0


def test_the_journal_of_another_account_is_no_past_of_ours(
    lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its orders bear another mark: nothing of it is taken over, and an operator decides."""
    lives.crash(8)
    monkeypatch.setattr(RunState, "id_key", property(lambda _: b"of another account"))
    with capture_logs() as said, ExitStack() as held:
        start = begin(lives.settings, StartOptions(account=ACCOUNT), held)
        assert start.is_quarantined
        assert start.heritage.estate is None
    (told,) = [line["damage"] for line in said if line["event"] == "journal.quarantined"]
    assert "bear another mark" in told


def test_a_journal_that_lost_its_end_is_not_taken_for_one_of_a_crash(lives: Lives) -> None:
    """The life ended with orders left, and said so: what is there is not all, nothing of it is taken over."""
    lives.crash(8)
    lives.kept().end_life(open_orders=-1, reason="killed")
    with capture_logs() as said, ExitStack() as held:
        start = begin(lives.settings, StartOptions(account=ACCOUNT), held)
        assert start.is_quarantined
        assert start.heritage.estate is None
    (told,) = [line["damage"] for line in said if line["event"] == "journal.quarantined"]
    assert f"{own(lives)}: byte " in told
    assert "its journal has no end" in told


def test_a_life_says_whether_its_journal_was_closed(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where the disk took nothing at the very end: then the record is as after a crash, and no damage."""
    lives.live(5)
    first = lives.kept().epoch
    assert lives.kept().closed_lives == (first,)

    def close(self: Journal) -> None:
        raise JournalFailed("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "close", close)
        lives.live(5)
    assert lives.kept().closed_lives == (first,)
    assert verify(lives.newest_run().journal).is_sound
    lives.live(5)
    assert lives.kept().closed_lives == (first, lives.kept().epoch)
