"""What a record holds behind its checkpoint goes on as one process writes it, or none of it is taken over."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mm.domain.commands import Cancel, Place, Query, TimeInForce
from mm.domain.estate import Estate
from mm.domain.events import (
    AnyEvent,
    CancelRejected,
    CancelUnknown,
    OrderAcked,
    OrderNotFound,
    OrderRejected,
    PlaceUnknown,
    Source,
)
from mm.domain.ids import OrderId
from mm.domain.sides import Side
from mm.engine.setup import EngineSetup
from mm.errors import JournalCorrupt
from mm.runtime.continuity import Continuity
from mm.runtime.recover import estate_from
from mm.store.journal.entries import CHECKPOINT, COMMAND, EVENT, Entry, Family, Kind, Record
from mm.store.journal.journal import Journal
from tests.builders.journals import RUN, Hasty, last_segment
from tests.builders.live_runs import LiveRun

BEFORE = 10
"""Orders that were placed before the checkpoint."""


@pytest.fixture(scope="module")
def setup() -> EngineSetup:
    """What the life was built from."""
    return replace(LiveRun().engine.state.setup, epoch=RUN.epoch, estate=None)


def checkpoint(epoch: int = RUN.epoch) -> Estate:
    """What it had when it was last written down."""
    return Estate(
        epoch=epoch, ts_ns=1, sequence=BEFORE, equity_start_atoms=0, positions=(), orders=(), symbols=()
    )


def cid(setup: EngineSetup, number: int, *, epoch: int = RUN.epoch, session: int = 0) -> str:
    """The id of an order."""
    return setup.ids.encode(OrderId(setup.ids.tag, session, epoch, number))


def place(setup: EngineSetup, number: int, **other: object) -> Place:
    """The placement with that number. Args: other: fields that differ."""
    usual = Place(
        cid=cid(setup, number),
        symbol=setup.sessions[0].instrument.symbol,
        side=Side.BUY,
        price_ticks=100,
        size_lots=1,
        post_only=True,
        time_in_force=TimeInForce.GTC,
        reduces=False,
        market_seq=1,
        market_age_ns=0,
    )
    return msgspec.structs.replace(usual, **other)


def first_breach(setup: EngineSetup, *entries: Entry, epoch: int = RUN.epoch) -> str:
    """What is found in records behind the checkpoint, "" if they go on."""
    continuity = Continuity(setup, checkpoint(epoch))
    found = (continuity.breach(_record(number, entry)) for number, entry in enumerate(entries, start=2))
    return next((one for one in found if one), "")


def _record(seq: int, entry: Entry) -> Record:
    kind: Kind = COMMAND if isinstance(entry, Place | Cancel | Query) else EVENT
    return Record(seq, seq, kind, entry, b"")


def answers(name: str) -> tuple[AnyEvent, ...]:
    """Everything that only our own adapter says, of a request that it was handed."""
    return (
        PlaceUnknown(ts_ns=1, cid=name, cause="timeout"),
        CancelUnknown(ts_ns=1, cid=name, cause="timeout"),
        CancelRejected(ts_ns=1, cid=name, code=-2011),
        OrderNotFound(ts_ns=1, cid=name),
    )


def test_what_a_life_writes_goes_on(setup: EngineSetup) -> None:
    """Numbers may be left out, as of orders that were denied; what is older than the checkpoint is let be."""
    asked = cid(setup, 13)
    assert not first_breach(
        setup,
        place(setup, 11),
        *answers(cid(setup, 11)),
        *answers(cid(setup, BEFORE)),
        *answers(cid(setup, 7, epoch=3)),
        *answers("somebody's"),
        place(setup, 15),
        Cancel(cid=asked, symbol="A/B"),
        CancelRejected(ts_ns=1, cid=asked, code=-2011),
        place(setup, 16),
        Query(cid=cid(setup, 20), symbol="A/B"),
        OrderNotFound(ts_ns=1, cid=cid(setup, 20)),
    )


@pytest.mark.parametrize("which", range(4))
def test_an_answer_without_a_request_means_that_an_intent_is_lost(setup: EngineSetup, which: int) -> None:
    """With the id in words."""
    name = cid(setup, 12)
    found = first_breach(setup, place(setup, 11), answers(name)[which])
    assert found == f"an answer about order {name}, and no request that is recorded"


def test_what_a_venue_says_by_itself_breaks_nothing(setup: EngineSetup) -> None:
    """Whatever it names: a second process may bear our mark, and that is the engine's to judge."""
    name = cid(setup, 99)
    acked = OrderAcked(
        ts_ns=1, cid=name, venue_order_id="1", price_ticks=1, size_lots=1, source=Source.STREAM
    )
    assert not first_breach(setup, acked, OrderRejected(ts_ns=1, cid=name, code=1, reason="no"))


@pytest.mark.parametrize("number", [BEFORE, 12, 11])
def test_a_number_that_was_given_out_before_is_not_given_out_again(setup: EngineSetup, number: int) -> None:
    """Two records that were put together, or one that was repeated."""
    found = first_breach(setup, place(setup, 12), place(setup, number))
    assert found == f"order number {number} was placed after number 12"


def test_a_placement_is_of_this_life_and_of_a_session_that_trades_it(setup: EngineSetup) -> None:
    """And bears an id of ours."""
    other = place(setup, 11, cid=cid(setup, 11, epoch=RUN.epoch + 1))
    assert first_breach(setup, other) == f"an order of life {RUN.epoch + 1} was placed in life {RUN.epoch}"
    for wrong in (place(setup, 11, symbol="X/Y"), place(setup, 11, cid=cid(setup, 11, session=900))):
        assert "which does not trade it" in first_breach(setup, wrong)
    assert "none of ours" in first_breach(setup, place(setup, 11, cid="f" * 32))


def test_a_checkpoint_of_another_life_is_none_of_this(setup: EngineSetup) -> None:
    """Whatever follows it."""
    found = first_breach(setup, place(setup, 11), epoch=RUN.epoch - 1)
    assert found == f"the checkpoint is of life {RUN.epoch - 1}, the record of {RUN.epoch}"


def test_a_start_takes_nothing_over_from_a_record_that_does_not_go_on(
    tmp_path: Path, setup: EngineSetup
) -> None:
    """It names the record; the same with its intent is taken over."""
    lost = place(setup, 12)
    for kept in (True, False):
        journal = Journal.open(tmp_path / str(kept), RUN, disk=Hasty())
        journal.append(CHECKPOINT, 1, checkpoint())
        journal.append_commands(2, [place(setup, 11), *([lost] if kept else [])])
        journal.append(EVENT, 3, PlaceUnknown(ts_ns=3, cid=lost.cid, cause="timeout"))
        journal.write()
        if kept:
            found = estate_from(tmp_path / str(kept), lambda _: setup)
            assert found is not None
            assert [one.cid for one in found.estate.orders] == [cid(setup, 11), lost.cid]
        else:
            with pytest.raises(
                JournalCorrupt, match=r"record 3 does not go on from those before it"
            ) as caught:
                estate_from(tmp_path / str(kept), lambda _: setup)
            assert caught.value.path == str(last_segment(tmp_path / str(kept), Family.OWN))
            assert f"{caught.value.path}: byte {caught.value.offset}: record 3" in str(caught.value)
            assert caught.value.offset > 0
            assert caught.value.hint
