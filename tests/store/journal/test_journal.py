"""What is appended is read, in its order, from two families of segments."""

import shutil
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm.errors import JournalFailed, StateCorrupt
from mm.store.journal import appender
from mm.store.journal.entries import (
    COMMAND,
    CONFIG,
    EVENT,
    MARKET_TYPES,
    MISSING,
    NOTE,
    ConfigVersion,
    Family,
    OperatorNote,
    RunHeader,
)
from mm.store.journal.journal import WAITING_BYTES_MAX, Journal
from mm.store.journal.layout import segments
from mm.store.journal.reader import read
from mm.store.journal.syncing import JournalSettings, SyncPolicy
from mm.store.journal.verify import verify
from tests.builders.journals import (
    RUN,
    SMALL,
    BrokenDisk,
    Hasty,
    all_of,
    append,
    cancel,
    files,
    mixed,
    moment,
    top,
    write,
)

COUNTING = 10**9
"""A failure that never comes: the disk only counts."""


class Counting(BrokenDisk):
    """A disk that counts its writes and syncs."""

    def __init__(self) -> None:
        """Count from 0."""
        super().__init__("none", COUNTING)
        self.writes = 0
        self.syncs = 0

    def write(self, file: int, content: bytes) -> None:
        """Count and write."""
        self.writes += 1
        super().write(file, content)

    def sync(self, file: int) -> None:
        """Count and sync."""
        self.syncs += 1
        super().sync(file)


def test_everything_is_read_in_the_order_in_which_it_was_written(tmp_path: Path) -> None:
    """Over several segments of both families; numbers, times, kinds and bytes are those of the writing."""
    entries = mixed(120)
    write(tmp_path / "j", entries)

    records = all_of(tmp_path / "j")

    assert [(record.kind, record.entry) for record in records] == entries
    assert [record.seq for record in records] == list(range(1, 121))
    assert [record.ts_ns for record in records] == [1_000 + seq for seq in range(1, 121)]
    for family in Family:
        assert len(segments(tmp_path / "j", family)) > 2
    report = verify(tmp_path / "j")
    assert report.is_whole
    assert report.run == RUN
    assert (report.records, report.last_seq, report.segments) == (120, 120, len(files(tmp_path / "j")))
    assert (report.first_ts_ns, report.last_ts_ns) == (1_001, 1_120)
    assert sum(report.counts.values()) == 120
    assert report.counts[COMMAND] == 27


@settings(max_examples=25)
@given(
    turns=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), max_size=60),
    settings_=st.builds(
        JournalSettings,
        policy=st.sampled_from(SyncPolicy),
        segment_bytes=st.sampled_from([1_500, 3_000, 50_000]),
        block_records=st.sampled_from([1, 4, 256]),
    ),
)
def test_any_mixture_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int]], settings_: JournalSettings
) -> None:
    """Whatever the order of kinds, the syncs in between, the policy and the sizes."""
    directory = tmp_path_factory.mktemp("journal") / "j"
    entries = [mixed(9)[turn] for turn, _ in turns]
    with Journal.open(directory, RUN, settings=settings_) as journal:
        for (kind, entry), (_, sync) in zip(entries, turns, strict=True):
            journal.append(kind, 5, entry)
            if sync == 1:
                journal.sync()
            elif sync == 2 and (job := journal.begin_sync()) is not None:
                job.run()
                journal.finish_sync(job)

    assert [(record.kind, record.entry) for record in all_of(directory)] == entries
    assert verify(directory).is_whole


def test_market_events_lie_apart_from_our_own(tmp_path: Path) -> None:
    """So that they can be dropped: our own records are all there without them."""
    entries = mixed(40)
    write(tmp_path / "j", entries)
    shutil.rmtree(tmp_path / "j" / "market")

    own = list(read(tmp_path / "j", own_only=True))

    assert [record.entry for record in own] == [one for _, one in entries if type(one) not in MARKET_TYPES]
    assert {type(entry) for _, entry in entries} & MARKET_TYPES
    assert "records 2 to 2 are missing" in verify(tmp_path / "j").problem


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """What was traded is nobody else's business."""
    write(tmp_path / "j", mixed(20))

    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path / "j")} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files(tmp_path / "j")} == {0o700}


def test_the_way_to_a_new_journal_is_on_the_disk_once_it_is_open(tmp_path: Path) -> None:
    """The state of the data directory names it: no power failure leaves that pointing at nothing."""
    synced: list[Path] = []

    class Noting(Hasty):
        """Notes which directories are synced."""

        def sync_directory(self, path: Path) -> None:
            """Note it."""
            synced.append(path)

    journal = tmp_path / "runs" / "one" / "journal"
    Journal.open(journal, RUN, disk=Noting())
    assert {journal / family for family in Family} < set(synced)
    assert {journal, journal.parent, journal.parent.parent} < set(synced)


def test_a_command_is_in_the_kernel_with_all_that_led_to_it(tmp_path: Path) -> None:
    """Without any sync, another reader sees the command and the events before it; later events may wait."""
    journal = Journal.open(tmp_path / "j", RUN)
    append(
        journal, [(EVENT, top(1)), (EVENT, moment(2)), (COMMAND, cancel(3)), (EVENT, top(4))], sync_every=99
    )

    assert [record.seq for record in all_of(tmp_path / "j")] == [1, 2, 3]
    journal.write()
    assert [record.seq for record in all_of(tmp_path / "j")] == [1, 2, 3, 4]


def test_the_commands_of_a_step_share_a_write(tmp_path: Path) -> None:
    """One for each family that has something to say, none for nothing."""
    disk = Counting()
    journal = Journal.open(tmp_path / "j", RUN, disk=disk)
    before = disk.writes

    journal.append_commands(7, [cancel(number) for number in range(5)])
    assert disk.writes == before + 1
    journal.append(EVENT, 8, top(1))
    journal.append_commands(8, [cancel(6), cancel(7)])
    assert disk.writes == before + 3
    journal.append_commands(9, [])
    assert disk.writes == before + 3
    assert [record.seq for record in all_of(tmp_path / "j")] == list(range(1, 9))


def test_events_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    """However long nobody syncs and nothing is commanded, more than a bound is handed over."""
    journal = Journal.open(tmp_path / "j", RUN)
    for number in range(1, 2_000):
        journal.append(EVENT, number, top(number))

    written = sum(path.stat().st_size for path in files(tmp_path / "j"))
    assert written > WAITING_BYTES_MAX
    journal.close()
    assert len(all_of(tmp_path / "j")) == 1_999


def test_what_waits_to_be_hashed_does_not_pile_up_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nobody syncs: beyond a bound it is hashed at once, and the chain fits."""
    monkeypatch.setattr(appender, "UNHASHED_BYTES_MAX", 5_000)
    journal = Journal.open(tmp_path / "j", RUN)
    most = 0
    for number in range(1, 500):
        journal.append(EVENT, number, top(number))
        journal.write()
        most = max(most, journal._market._unhashed_bytes)
    assert 2_500 < most <= 5_000
    journal.close()
    assert verify(tmp_path / "j").is_whole


def stands(journal: Journal) -> tuple[int | None, int]:
    """When the next sync is due, and what is on the disk."""
    return journal.due_ns, journal.durable_seq


def test_a_group_is_due_after_its_first_record(tmp_path: Path) -> None:
    """10 ms by the times in the records; syncing ends it, and so does handing it to a thread."""
    journal = Journal.open(tmp_path / "j", RUN)
    assert stands(journal) == (None, 0)
    journal.append(EVENT, 1_000_000, moment(1))
    journal.append(EVENT, 9_000_000, top(1))
    assert stands(journal) == (11_000_000, 0)

    journal.sync()
    assert stands(journal) == (None, 2)
    journal.append(COMMAND, 20_000_000, cancel(1))
    assert stands(journal) == (30_000_000, 2)
    job = journal.begin_sync()
    assert job is not None
    assert stands(journal) == (None, 2)
    journal.append(EVENT, 21_000_000, moment(2))
    thread = threading.Thread(target=job.run)
    thread.start()
    thread.join()
    journal.finish_sync(job)
    assert stands(journal) == (31_000_000, 3)
    journal.sync()
    assert journal.durable_seq == 4
    assert journal.begin_sync() is None


def test_a_sync_waits_for_what_a_thread_has_not_yet_finished(tmp_path: Path) -> None:
    """What was handed over is on the disk only when its job says so."""
    disk = Counting()
    journal = Journal.open(tmp_path / "j", RUN, disk=disk)
    journal.append(COMMAND, 1, cancel(1))
    job = journal.begin_sync()
    assert job is not None
    before = disk.syncs

    journal.sync()
    assert disk.syncs > before
    job.run()
    journal.finish_sync(job)
    before = disk.syncs
    journal.sync()
    assert disk.syncs == before


def test_segments_end_while_a_thread_syncs_them(tmp_path: Path) -> None:
    """The thread has handles of its own: it can finish after the file was closed."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL)
    append(journal, mixed(10), sync_every=99)
    job = journal.begin_sync()
    assert job is not None
    append(journal, mixed(60), sync_every=1)
    job.run()
    journal.finish_sync(job)
    journal.close()

    assert job.error is None
    assert verify(tmp_path / "j").is_whole


@pytest.mark.parametrize("policy", SyncPolicy)
def test_the_policy_decides_when_a_command_is_on_the_disk(tmp_path: Path, policy: SyncPolicy) -> None:
    """STRICT: when append returns. GROUP: when it is synced. A configuration or a note always at once."""
    journal = Journal.open(tmp_path / "j", RUN, settings=JournalSettings(policy=policy))
    journal.append(EVENT, 1, top(1))
    journal.append(COMMAND, 2, cancel(1))
    assert journal.durable_seq == (2 if policy is SyncPolicy.STRICT else 0)
    journal.append_commands(3, (cancel(2),))
    assert journal.durable_seq == (3 if policy is SyncPolicy.STRICT else 0)
    journal.append(NOTE, 4, OperatorNote(who="me", text="t"))
    assert journal.durable_seq == 4
    journal.append(EVENT, 5, moment(2))
    journal.append(CONFIG, 6, ConfigVersion(digest="d", text="t", who="me"))
    assert journal.durable_seq == 6


def test_some_kinds_can_be_asked_for_alone(tmp_path: Path) -> None:
    """The others are passed over; numbers stay what they are."""
    write(tmp_path / "j", mixed(40))

    commands = list(read(tmp_path / "j", kinds=(COMMAND,)))

    assert [record.seq for record in commands] == [n for n in range(1, 41) if mixed(40)[n - 1][0] is COMMAND]
    assert list(read(tmp_path / "j", kinds=())) == []


@pytest.mark.parametrize("from_seq", [-5, 0, 1, 2, 17, 50, 99, 100, 101, 5_000])
def test_reading_can_begin_anywhere(tmp_path: Path, from_seq: int) -> None:
    """Segments before that are not opened, however they lie; behind the end there is nothing."""
    write(tmp_path / "j", mixed(100))

    reading = read(tmp_path / "j", from_seq=from_seq)

    assert [record.seq for record in reading] == list(range(max(1, from_seq), 101))
    if from_seq >= 99:
        assert reading.segments < 5


def test_a_journal_is_read_while_it_is_written(tmp_path: Path) -> None:
    """At every moment what was handed over is there, whole and without gaps."""
    entries = mixed(150)
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL)
    seen = 0
    for at, one in enumerate(entries):
        append(journal, [one], sync_every=5)
        if at % 7 == 0:
            report = verify(tmp_path / "j")
            assert report.is_sound
            assert not report.missing
            assert seen <= report.last_seq <= at + 1
            seen = report.last_seq
    journal.close()
    assert verify(tmp_path / "j").last_seq == 150


def test_a_reader_that_is_under_way_sees_what_is_written_meanwhile(tmp_path: Path) -> None:
    """Its end is the end at the time when it gets there, new segments included."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL)
    append(journal, mixed(8), sync_every=2)
    records = iter(read(tmp_path / "j"))
    assert next(records).seq == 1

    append(journal, mixed(80), sync_every=3)
    journal.close()

    assert [record.seq for record in records] == list(range(2, 89))


def test_a_thread_reads_what_another_writes(tmp_path: Path) -> None:
    """Whatever the moment: no damage, no record out of turn; a file just born is no damage."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL)
    problems: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            report = verify(tmp_path / "j")
            problems.extend(filter(None, [report.problem]))

    reader = threading.Thread(target=look)
    reader.start()
    append(journal, mixed(600), sync_every=9)
    journal.close()
    done.set()
    reader.join()

    assert problems == []
    assert verify(tmp_path / "j").is_whole


def test_a_record_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    """Records may be longer than a chunk; one beyond all bounds ends the journal, not the disk."""
    texts = ["x" * 300_000, "y" * 5, "z" * 700_000]
    journal = Journal.open(tmp_path / "j", RUN)
    for text in texts:
        journal.append(NOTE, 1, OperatorNote(who="me", text=text))
    with pytest.raises(JournalFailed, match="a record of 8000"):
        journal.append(NOTE, 1, OperatorNote(who="me", text="w" * 8_000_000))

    read_back = [
        record.entry.text for record in all_of(tmp_path / "j") if isinstance(record.entry, OperatorNote)
    ]
    assert read_back == texts


def test_a_journal_is_never_overwritten(tmp_path: Path) -> None:
    """A second run in the same directory is refused, and nothing changes."""
    write(tmp_path / "j", mixed(5))
    before = {path: path.read_bytes() for path in files(tmp_path / "j")}

    with pytest.raises(StateCorrupt, match="holds a journal already"):
        Journal.open(tmp_path / "j", RUN)

    assert {path: path.read_bytes() for path in files(tmp_path / "j")} == before


def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    """As everywhere in the data directory."""
    (tmp_path / "j").mkdir()
    (tmp_path / "j" / "own").mkdir(mode=0o755)
    (tmp_path / "j" / "own").chmod(0o755)

    with pytest.raises(StateCorrupt, match="others can enter"):
        Journal.open(tmp_path / "j", RUN)


def test_what_is_no_journal_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    """Nothing there is an error; a run without records is a journal."""
    with pytest.raises(StateCorrupt, match="holds no journal"):
        all_of(tmp_path / "absent")
    assert "holds no journal" in verify(tmp_path / "absent").problem
    with pytest.raises(StateCorrupt):
        Journal.resume(tmp_path / "absent")

    Journal.open(tmp_path / "j", RUN).close()
    assert all_of(tmp_path / "j") == []
    assert verify(tmp_path / "j").is_whole


def test_a_closed_journal_takes_nothing_more(tmp_path: Path) -> None:
    """Closing twice is harmless, writing to it is an error."""
    journal = Journal.open(tmp_path / "j", RUN)
    journal.close()
    journal.close()

    for call in (lambda: journal.append(EVENT, 1, moment(1)), journal.sync, journal.begin_sync):
        with pytest.raises(JournalFailed, match="it is closed"):
            call()
    assert verify(tmp_path / "j").is_whole


def test_an_entry_that_cannot_be_encoded_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """A number beyond 64 bits is our own bug; the next record has the number that it would have had."""
    journal = Journal.open(tmp_path / "j", RUN)
    with pytest.raises(OverflowError):
        journal.append(EVENT, 1, moment(1 << 70))

    assert journal.append(EVENT, 1, moment(1)) == 1
    assert MISSING not in {record.kind for record in all_of(tmp_path / "j")}
    assert isinstance(journal.run, RunHeader)
