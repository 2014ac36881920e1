"""What a life left is made again from its journal: exact up to the last whole record, and never guessed."""

from pathlib import Path

import pytest

from mm.domain.estate import Estate
from mm.engine.estate import estate_of
from mm.engine.fold import Fold
from mm.engine.setup import EngineSetup
from mm.errors import JournalCorrupt
from mm.runtime import recover
from mm.runtime.recorder import JournalRecorder
from mm.runtime.recover import Recovered, estate_from
from mm.store.journal.entries import CHECKPOINT, EVENT, Family, RunHeader
from mm.store.journal.frames import Frame, parse
from mm.store.journal.journal import Journal
from mm.store.journal.reader import read
from tests.builders.journals import Hasty, last_segment, moment
from tests.builders.live_runs import EPOCH, LiveRun
from tests.builders.virtual_time import START_NS

HEADER = RunHeader(
    run_id="20270115T080000Z-000005",
    epoch=EPOCH,
    code_version="test",
    began_ns=START_NS,
    config_digest="",
    config_text="",
)


class Recorded:
    """A run that is written down. Fields: run; left: what it left at the time that was chosen; directory."""

    def __init__(self, folder: Path, *, dies_s: float, checkpoints: tuple[float, ...] = ()) -> None:
        """Run it; at `dies_s` its journal is copied as it stands in the kernel."""
        self.directory = folder / "died"
        journal = Journal.open(folder / "j", HEADER, disk=Hasty())
        self.left: Estate

        def made() -> Estate:
            return estate_of(self.run.engine.state)

        recorder = JournalRecorder(journal, estate=made)
        self.run = LiveRun(latency_s=0.003, recorder=recorder)

        def die() -> None:
            journal.write()
            self.left = made()
            for path in (folder / "j").rglob("*.mmj"):
                copy = self.directory / path.relative_to(folder / "j")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())

        recorder.checkpoint(START_NS)
        for seconds in checkpoints:
            self.run.at(seconds, lambda: recorder.checkpoint(START_NS))
        self.run.at(dies_s, die)
        self.run.go(duration_s=dies_s + 1)

    def found(self) -> Recovered:
        """What is made again."""
        found = estate_from(self.directory, self.setup)
        assert found is not None
        return found

    def setup(self, header: RunHeader) -> EngineSetup:
        """What the run's engine was built from."""
        assert header == HEADER
        return self.run.engine.state.setup


@pytest.mark.parametrize(("dies_s", "checkpoints"), [(0.5, ()), (20.0, ()), (20.0, (5.0, 19.99))])
def test_it_is_what_the_life_would_have_left(
    tmp_path: Path, dies_s: float, checkpoints: tuple[float, ...]
) -> None:
    """Orders, positions and fills; from the first checkpoint on or from a later one."""
    recorded = Recorded(tmp_path, dies_s=dies_s, checkpoints=checkpoints)
    found, left = recorded.found(), recorded.left

    assert [order.cid for order in found.estate.orders] == [order.cid for order in left.orders]
    assert [order.cum_lots for order in found.estate.orders] == [order.cum_lots for order in left.orders]
    assert [one.net_lots for one in found.estate.positions] == [one.net_lots for one in left.positions]
    assert (found.estate.symbols, found.estate.sequence) == (left.symbols, left.sequence)
    assert found.estate.epoch == EPOCH


def test_the_evidence_says_from_what(tmp_path: Path) -> None:
    """The run, the checkpoint, how many records behind it, and that nothing was torn off."""
    recorded = Recorded(tmp_path, dies_s=10.0, checkpoints=(5.0,))
    own = list(read(recorded.directory, own_only=True))
    seqs = [record.seq for record in own if record.kind is CHECKPOINT]
    evidence = recorded.found().evidence

    assert (evidence.run_id, evidence.epoch) == (HEADER.run_id, EPOCH)
    assert evidence.checkpoint_seq == seqs[-1]
    assert evidence.records == sum(record.seq > seqs[-1] for record in own) > 3
    assert (evidence.last_seq, evidence.last_ts_ns) == (own[-1].seq, own[-1].ts_ns)
    assert (evidence.torn_bytes, evidence.closed) == (0, False)
    assert evidence.looked_at == len(own)


def test_a_torn_end_is_counted_and_passed_over(tmp_path: Path) -> None:
    """As if the life had died a record earlier."""
    recorded = Recorded(tmp_path, dies_s=10.0)
    whole = recorded.found().evidence
    path = last_segment(recorded.directory, Family.OWN)
    path.write_bytes(path.read_bytes()[:-3])
    torn = recorded.found().evidence

    assert torn.torn_bytes > 0
    assert torn.last_seq < whole.last_seq
    assert torn.records == whole.records - 1


def test_damage_before_the_end_is_an_error(tmp_path: Path) -> None:
    """With the file and the offset; nothing is written."""
    recorded = Recorded(tmp_path, dies_s=10.0)
    path = last_segment(recorded.directory, Family.OWN)
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    with pytest.raises(JournalCorrupt, match="byte") as caught:
        recorded.found()
    assert caught.value.path == str(path)
    assert 0 <= caught.value.offset <= half


def test_a_record_that_cannot_be_followed_is_an_error_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core broke on it then, or would now: what came of it nobody knows."""
    recorded = Recorded(tmp_path, dies_s=2.0)

    class Breaking(Fold):
        """Breaks on every event."""

        def on_event(self, event: object) -> None:
            """Break."""
            raise ArithmeticError("the core is broken")

    monkeypatch.setattr(recover, "Fold", Breaking)
    with pytest.raises(
        JournalCorrupt, match=r"record \d+ cannot be followed: ArithmeticError: the core"
    ) as caught:
        recorded.found()
    place = parse(Path(caught.value.path).read_bytes(), caught.value.offset)
    assert isinstance(place, Frame)
    assert f"byte {caught.value.offset}: record {place.seq} cannot" in str(caught.value)


def test_a_run_that_never_said_anything_left_nothing(tmp_path: Path) -> None:
    """No checkpoint, as older versions wrote it, or not even a header: there is nothing to go on from."""
    journal = Journal.open(tmp_path / "j", HEADER, disk=Hasty())
    journal.append(EVENT, START_NS, moment(START_NS))
    journal.write()
    assert estate_from(tmp_path / "j", lambda _: pytest.fail("nothing is followed")) is None
    (tmp_path / "j" / "own" / "000001.mmj").write_bytes(b"")
    assert estate_from(tmp_path / "j", lambda _: pytest.fail("nothing is followed")) is None
