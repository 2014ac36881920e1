"""What a person is told to do about a halt."""

import pytest

from mm.observe.latch import QUARANTINED, STATE_LOST, way_out


@pytest.mark.parametrize("code", ["operator", "stop_loss.session", "a code of tomorrow"])
def test_most_halts_are_lifted_with_a_reason(code: str) -> None:
    """Whatever they are called."""
    assert way_out(code) == "mm unhalt --reason '...'"


def test_a_journal_that_cannot_be_read_is_not_lifted_away() -> None:
    """The next start would find the same damage."""
    assert "unhalt" not in way_out(QUARANTINED)
    assert "--rebuild-from-venue" in way_out(QUARANTINED)


def test_a_state_that_is_gone_is_looked_for_before_anything_is_lifted() -> None:
    """It knew of halts that nobody lifted."""
    assert way_out(STATE_LOST).startswith("restore runstate.json")


@pytest.mark.parametrize("code", ["fenced", "orders.taken_off"])
def test_where_somebody_else_trades_that_has_to_end_first(code: str) -> None:
    """Else the same halt comes again at once."""
    assert way_out(code).endswith(", then mm unhalt --reason '...'")
