"""What is done while nobody runs is noted first, in a journal of its own."""

from pathlib import Path

import pytest

from mm.errors import JournalCorrupt, StateCorrupt
from mm.store.journal.entries import Family, OperatorNote
from mm.store.journal.layout import segment_path
from mm.store.journal.verify import verify
from mm.store.operator_notes import (
    LATCH_LIFTED,
    LATCH_SET,
    act_of,
    here,
    latch_offline,
    lift_offline,
    notes,
    notes_journal,
)
from mm.store.runstate import RunState


@pytest.fixture
def state(tmp_path: Path) -> RunState:
    """The state of a data directory."""
    return RunState.open(tmp_path)


def acts(data_dir: Path) -> list[tuple[str, str, str, str]]:
    """All notes: act, code, reason, who."""
    found = []
    for _, entry in notes(data_dir):
        act = act_of(entry)
        assert act is not None
        found.append((act.act, act.code, act.reason, entry.who))
    return found


def test_halts_and_their_lifting_are_noted_in_their_order(tmp_path: Path, state: RunState) -> None:
    """Each is on the disk with who and why, the journal is sound after each, and nothing is written twice."""
    assert list(notes(tmp_path)) == []
    assert lift_offline(tmp_path, state, reason="none", who="ann") is None
    latch_offline(tmp_path, state, code="operator", reason="holiday", who="ann")
    assert verify(notes_journal(tmp_path)).is_whole
    lifted = lift_offline(tmp_path, state, reason="back", who="bob")
    assert lifted is not None
    assert acts(tmp_path) == [
        (LATCH_SET, "operator", "holiday", "ann"),
        (LATCH_LIFTED, "operator", "back", "bob"),
    ]
    assert [(change.set, change.who) for change in state.history] == [(True, "ann"), (False, "bob")]
    assert lift_offline(tmp_path, state, reason="file", who="bob", was_asked=True) is None
    assert acts(tmp_path)[2:] == [(LATCH_LIFTED, "halt.file", "file", "bob")]
    assert verify(notes_journal(tmp_path)).is_whole


def test_a_halt_is_latched_even_where_it_cannot_be_noted(tmp_path: Path, state: RunState) -> None:
    """Lifting is not: what nobody can write down is not allowed."""
    latch_offline(tmp_path, state, code="operator", reason="one", who="ann")
    path = segment_path(notes_journal(tmp_path), Family.OWN, 1)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    state.clear_latch("by hand", "test")

    latch_offline(tmp_path, state, code="operator", reason="two", who="ann")
    assert state.latched is not None
    with pytest.raises(JournalCorrupt):
        lift_offline(tmp_path, state, reason="back", who="ann")
    assert RunState.open(tmp_path).latched is not None
    with pytest.raises(StateCorrupt):
        acts(tmp_path)


def test_who_acts_is_told_by_user_and_process() -> None:
    """Not by a name alone."""
    assert here("ann@cli").startswith("ann@cli, uid ")
    assert here("ann@cli").endswith("(offline)")


def test_a_note_in_free_words_is_no_act() -> None:
    """It is told as it is."""
    assert act_of(OperatorNote(who="ann", text="lunch")) is None
    assert act_of(OperatorNote(who="ann", text='{"act": 5}')) is None
