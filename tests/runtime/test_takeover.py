"""What a start makes of the journal that a life left, and the halt that goes with it."""

from dataclasses import replace

import pytest

from mm.engine.estate import at_rest
from mm.errors import ConfigError, JournalCorrupt, JournalForeign, StateCorrupt
from mm.observe.latch import QUARANTINED
from mm.runtime.recover import Evidence, Recovered
from mm.runtime.takeover import GIVEN_UP_BY, Judged, take_over
from tests.builders.estates import left, left_order, left_position

WHOLE = Recovered(
    estate=left(epoch=4),
    evidence=Evidence(
        run_id="r",
        epoch=4,
        checkpoint_seq=1,
        records=0,
        last_seq=1,
        last_ts_ns=9,
        torn_bytes=0,
        looked_at=1,
        closed=False,
    ),
)


class Noted:
    """Notes what is latched and lifted."""

    estate_run = "20270101-000004"
    rest_run = ""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.latched: list[tuple[str, str, int]] = []
        self.lifted: list[tuple[str, str]] = []

    def latch(self, code: str, reason: str, ts_ns: int) -> None:
        """Note a halt."""
        self.latched.append((code, reason, ts_ns))

    def clear_latch(self, reason: str, who: str) -> object:
        """Note its end."""
        self.lifted.append((reason, who))
        return None


def judged(*, latched: str = "", rebuild: bool = False) -> Judged:
    """Return what a start knows."""
    return Judged(latched=latched, now_ns=7, rebuild=rebuild)


@pytest.mark.parametrize("rebuild", [False, True])
def test_what_can_be_read_is_taken_over_and_no_halt_moves(rebuild: bool) -> None:
    """Also if a person gave it up for nothing: that is for the caller to refuse."""
    kept, asked = Noted(), []

    def read(run: str) -> Recovered:
        asked.append(run)
        return WHOLE

    taken = take_over(kept, read, judged(latched=QUARANTINED, rebuild=rebuild))
    assert taken.recovered is WHOLE
    assert (taken.quarantined, taken.given_up) == ("", "")
    assert (kept.latched, kept.lifted, asked) == ([], [], [Noted.estate_run])


@pytest.mark.parametrize(
    "damage",
    [
        JournalCorrupt("byte 3: no", path="x"),
        JournalForeign("format mmj-0002", path="x"),
        StateCorrupt("holds no journal"),
        ConfigError("its config cannot be read"),
        OSError(5, "Input/output error"),
    ],
)
def test_damage_halts_until_a_person_gives_it_up(damage: Exception) -> None:
    """Nothing of it is used; giving it up lifts the halt for it, and none for anything else."""
    kept = Noted()

    def read(run: str) -> Recovered:
        assert run
        raise damage

    taken = take_over(kept, read, judged())
    assert taken.recovered is None
    assert taken.quarantined == str(damage)
    assert kept.latched == [(QUARANTINED, str(damage), 7)]
    assert take_over(kept, read, judged(latched="stop_loss", rebuild=True)).given_up == str(damage)
    assert kept.lifted == []
    assert take_over(kept, read, judged(latched=QUARANTINED, rebuild=True)).given_up == str(damage)
    assert kept.lifted == [(GIVEN_UP_BY, "operator")]
    assert len(kept.latched) == 1


class AtRest(Noted):
    """The last life ended in good order."""

    estate_run = ""
    rest_run = "20270101-000004"


def test_of_an_orderly_end_the_holdings_and_the_pauses_outlast_it() -> None:
    """The account of profits and losses is closed, and no order is left."""
    estate = left(epoch=4, positions=(left_position(paused="lunch"),), orders=(left_order(),))
    taken = take_over(AtRest(), lambda _: replace(WHOLE, estate=estate), judged())
    assert taken.recovered is None
    assert taken.rest == at_rest(estate)
    assert taken.rest.orders == ()


def test_of_an_orderly_end_nothing_is_owed() -> None:
    """Its journal may be gone or damaged: it is said, and nobody is halted."""
    kept = AtRest()

    def read(run: str) -> Recovered:
        assert run == AtRest.rest_run
        raise StateCorrupt("holds no journal")

    assert take_over(kept, read, judged()).forgotten == "holds no journal"
    assert "no checkpoint" in take_over(kept, lambda _: None, judged()).forgotten
    kept.rest_run = ""
    assert take_over(kept, read, judged()).forgotten == ""
    assert (kept.latched, kept.lifted) == ([], [])


def test_a_journal_without_a_checkpoint_is_as_good_as_damaged() -> None:
    """The state file named it after its first one was on the disk."""
    kept = Noted()
    taken = take_over(kept, lambda _: None, judged())
    assert "holds no checkpoint" in taken.quarantined
    assert kept.latched[0][0] == QUARANTINED
