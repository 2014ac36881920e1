"""An anchor holds as long as the records up to it are there, and no other history fits it."""

from pathlib import Path

import pytest

from mm.errors import ConfigError
from mm.store.journal.anchor import Anchor, digest_at, head, is_anchor, read_anchor
from mm.store.journal.entries import EVENT, MARKET_TYPES, Family
from mm.store.journal.journal import Journal
from mm.store.journal.layout import segment_path, segments
from mm.store.journal.reader import read
from mm.store.journal.verify import verify
from tests.builders.journals import RUN, SMALL, Hasty, append, mixed, moment, write


def test_an_anchor_holds_while_the_journal_goes_on(tmp_path: Path) -> None:
    """Over blocks and segments: after each record an anchor is taken, all hold at the end."""
    journal = Journal.open(tmp_path / "j", RUN, settings=SMALL, disk=Hasty())
    anchors = []
    for kind, entry in mixed(60):
        append(journal, [(kind, entry)])
        journal.write()
        found = head(tmp_path / "j", RUN.run_id)
        if found is not None:
            anchors.append(found)
    journal.close()
    assert len(segments(tmp_path / "j", Family.OWN)) > 2
    assert len({anchor.digest for anchor in anchors}) > 30
    for anchor in anchors:
        assert digest_at(tmp_path / "j", anchor.seq) == anchor.digest


def test_a_journal_that_was_cut_past_an_anchor_has_lost_it(tmp_path: Path) -> None:
    """Whoever writes a shorter or another one whose chain fits: the anchor does not."""
    write(tmp_path / "j", mixed(60))
    write(tmp_path / "short", mixed(40))
    write(tmp_path / "other", [(EVENT, moment(77)), *mixed(60)[1:]])
    anchor = head(tmp_path / "j", RUN.run_id)
    assert anchor is not None
    assert verify(tmp_path / "short").is_whole
    assert verify(tmp_path / "other").is_whole
    assert digest_at(tmp_path / "short", anchor.seq) is None
    assert digest_at(tmp_path / "other", anchor.seq) not in (None, anchor.digest)


def test_a_number_of_the_market_is_no_anchor(tmp_path: Path) -> None:
    """Its records are dropped after days; own records lie around them."""
    write(tmp_path / "j", mixed(20))
    for record in read(tmp_path / "j"):
        is_market = type(record.entry) in MARKET_TYPES
        assert (digest_at(tmp_path / "j", record.seq) is None) == is_market
    assert digest_at(tmp_path / "j", 0) is None


def test_a_run_without_a_record_has_no_anchor(tmp_path: Path) -> None:
    """Or without a journal."""
    Journal.open(tmp_path / "j", RUN, disk=Hasty()).close()
    assert head(tmp_path / "j", "x") is None
    assert head(tmp_path / "nothing", "x") is None
    torn = segment_path(tmp_path / "k", Family.OWN, 1)
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"mmj")
    assert head(tmp_path / "k", "x") is None
    assert digest_at(tmp_path / "k", 1) is None


def test_an_anchor_is_one_word(tmp_path: Path) -> None:
    """It is read as it is told; anything else is refused."""
    anchor = Anchor("20260102T030405Z-000007", 12, "ab" * 32)
    assert is_anchor(anchor.text())
    assert read_anchor(anchor.text()) == anchor
    for wrong in ("", "a:1:b", anchor.text()[:-1], anchor.text() + "\n", anchor.text().upper()):
        assert not is_anchor(wrong)
        with pytest.raises(ConfigError, match="expected RUN:SEQ:DIGEST"):
            read_anchor(wrong)
