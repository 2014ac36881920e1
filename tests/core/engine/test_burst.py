"""Fills of the last minute: counted as a naive list counts them, forgotten in time; what the engine does."""

from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import Place
from mm.domain.events import Operation, Source
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S as SECOND_NS
from mm.engine.burst import MINUTE_S, FillBurst
from mm.engine.session import SessionState
from tests.builders.engine_rig import Rig
from tests.builders.instruments import INSTRUMENT
from tests.builders.risk_rules import make_test_rules
from tests.builders.why_cases import quoting, two_sided


def test_it_begins_with_none() -> None:
    """Nothing was filled, whenever it is asked."""
    assert FillBurst().of_minute(0) == (0, 0)
    assert FillBurst().of_minute(10**18) == (0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 40 * SECOND_NS), st.integers(-(10**15), 10**15)), max_size=40),
    st.integers(0, 100 * SECOND_NS),
)
def test_it_counts_as_a_list_of_all_fills_does(fills: list[tuple[int, int]], wait_ns: int) -> None:
    """Those of this second and of the sixty before it; rows are one per second."""
    burst, now_ns, every = FillBurst(), 10**18, []
    for pause_ns, value in fills:
        now_ns += pause_ns
        every.append((now_ns, value))
        burst.add(now_ns, value)
    now_ns += wait_ns

    first = now_ns // SECOND_NS - MINUTE_S
    kept = [value for at_ns, value in every if at_ns // SECOND_NS >= first]

    assert burst.of_minute(now_ns) == (len(kept), sum(kept))


def test_a_storm_of_fills_takes_a_row_per_second() -> None:
    """However many there are, what is kept is a minute's seconds."""
    burst = FillBurst()
    for fill in range(10_000):
        burst.add(fill * SECOND_NS // 40, 1)

    assert burst.of_minute(250 * SECOND_NS) == (60 * 40, 60 * 40)
    assert len(burst._seconds) <= MINUTE_S + 1


def test_clearing_begins_anew() -> None:
    """Nothing of before counts."""
    burst = FillBurst()
    burst.add(SECOND_NS, 5)
    burst.clear()
    burst.add(2 * SECOND_NS, 7)

    assert burst.of_minute(3 * SECOND_NS) == (1, 7)


def the_bid(rig: Rig) -> Place:
    """Return the first bid that was placed."""
    return next(place for place in rig.places() if place.side is Side.BUY)


def burst_of_two() -> Rig:
    """Return a session that may be filled once a minute and was filled twice."""
    rig = quoting(two_sided(), rules=make_test_rules(fills_minute_max=1))
    rig.fill(the_bid(rig), 2, 1)
    assert not rig.reports("halt")
    rig.fill(the_bid(rig), 3, 2)
    return rig


def test_one_fill_too_many_pulls_everything_in_that_very_step() -> None:
    """What is live is cancelled, the halt is latched under the rule's code, nothing is placed any more."""
    rig = burst_of_two()

    (halt,) = rig.reports("halt")
    assert (halt["reason"], halt["fills_minute"]) == ("fill_burst.count", "2")
    assert halt["filled_minute_atoms"] == str(INSTRUMENT.notional_atoms(the_bid(rig).price_ticks, 5))
    assert rig.session().state is SessionState.HALTED
    assert {cancel.cid for cancel in rig.cancels()} == {place.cid for place in rig.places()}
    placed = len(rig.places())
    rig.advance(120 * SECOND_NS)
    assert len(rig.places()) == placed


def test_a_person_lifts_it_and_the_count_begins_anew() -> None:
    """Within the same minute: whoever lifts it has looked at those fills."""
    rig = burst_of_two()
    for place in rig.places():
        rig.canceled(place, 5 if place is the_bid(rig) else 0)
    while not rig.is_confirmed():
        rig.list_all()
        rig.advance(SECOND_NS)

    rig.operate(Operation.UNHALT)

    assert rig.reports("unhalt")
    assert rig.session().burst.of_minute(rig.engine.state.now_ns) == (0, 0)


def test_fills_on_both_sides_cancel_out_in_value_but_not_in_number() -> None:
    """What was bought less what was sold is what counts."""
    rig = quoting(two_sided(), rules=make_test_rules())
    bid = the_bid(rig)
    ask = next(place for place in rig.places() if place.side is Side.SELL)
    rig.fill(bid, 2, 1)
    rig.fill(ask, 2, 2)

    count, net_atoms = rig.session().burst.of_minute(rig.engine.state.now_ns)

    assert count == 2
    assert net_atoms == INSTRUMENT.notional_atoms(bid.price_ticks, 2) - INSTRUMENT.notional_atoms(
        ask.price_ticks, 2
    )


def test_fills_that_a_listing_finds_count_when_it_finds_them() -> None:
    """What happened while nobody looked is a burst as well: it is heard of all at once."""
    rig = quoting(two_sided(), rules=make_test_rules(fills_minute_max=1))
    bid = the_bid(rig)
    rig.fill(bid, 1, 1, source=Source.QUERY)
    rig.fill(bid, 1, 2, source=Source.QUERY)

    (halt,) = rig.reports("halt")
    assert halt["reason"] == "fill_burst.count"
