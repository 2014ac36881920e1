"""What a life left, made again from its journal: the newest checkpoint, and what the record holds behind it.

Reads one journal and changes nothing. The same code serves a start after a crash and the simulation. What is
there has to go on as one process can have written it (`continuity`), else nothing of it is taken over.
Invariant: the estate holds what the dead process had written down, up to the last whole record, nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.domain.estate import Estate
from mm.engine.fold import Fold
from mm.engine.setup import EngineSetup
from mm.runtime.continuity import Continuity
from mm.store.journal.entries import COMMAND, EVENT, OUTCOME, Record, RunHeader
from mm.store.journal.latest import latest

_EVENTS: Final = (EVENT, OUTCOME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an estate was made from.

    Fields: run_id, epoch: of the life that left it; checkpoint_seq: number of the record that held the estate
    last; records: that were folded behind it; last_seq, last_ts_ns: of the newest record of our own;
    torn_bytes: that a crash left behind it; looked_at: records whose place in the chain was checked; closed:
    the record was ended in good order, although the life was not.
    """

    run_id: str
    epoch: int
    checkpoint_seq: int
    records: int
    last_seq: int
    last_ts_ns: int
    torn_bytes: int
    looked_at: int
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """An estate and what it was made from."""

    estate: Estate
    evidence: Evidence


def estate_from(
    journal: Path,
    setup_of: Callable[[RunHeader], EngineSetup],
    began: Callable[[Fold], None] | None = None,
) -> Recovered | None:
    """Return what the run of a journal left, None if nothing was written in it that could be left.

    Args: journal: its directory; setup_of: what the run's engine was built from, by the record's header;
        began: is shown the fold before the first record.
    Raises: JournalCorrupt where the record is damaged as no crash damages it, cannot be followed, or does not
    go on as one process writes it;
    JournalForeign; StateCorrupt if there is no journal; what `setup_of` raises.
    """
    found = latest(journal)
    if found.checkpoint is None or found.run is None:
        return None
    checkpoint = found.checkpoint.entry
    assert isinstance(checkpoint, Estate)  # the codec has one type for the kind
    setup = setup_of(found.run)
    fold, continuity = Fold(setup, checkpoint), Continuity(setup, checkpoint)
    if began is not None:
        began(fold)
    for record in found.records():
        breach = continuity.breach(record)
        if breach:
            raise found.damage(record.seq, f"does not go on from those before it: {breach}")
        try:
            _follow(fold, record)
        except Exception as error:
            # The core broke on this record then, or would now: what it led to is not known.
            told = f"cannot be followed: {type(error).__name__}: {error}"
            raise found.damage(record.seq, told) from error
    return Recovered(
        estate=fold.estate(),
        evidence=Evidence(
            run_id=found.run.run_id,
            epoch=found.run.epoch,
            checkpoint_seq=found.checkpoint.seq,
            records=found.behind,
            last_seq=found.last_seq,
            last_ts_ns=found.last_ts_ns,
            torn_bytes=found.torn_bytes,
            looked_at=found.looked_at,
            closed=found.closed,
        ),
    )


def _follow(fold: Fold, record: Record) -> None:
    if record.kind in _EVENTS:
        fold.on_event(record.entry)  # type: ignore[arg-type] # the kind says what the entry is
    elif record.kind is COMMAND:
        fold.on_command(record.entry, record.ts_ns)  # type: ignore[arg-type] # the kind says what the entry is
