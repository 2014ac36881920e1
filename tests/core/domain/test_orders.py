"""The table of order states: complete, forward only, and moved out of doubt by nothing but evidence."""

from itertools import permutations, product

import pytest

from mm.domain.orders import LIVE, TABLE, UNCERTAIN, Order, OrderState, Trigger, transition
from mm.errors import ProtocolViolation
from tests.builders.orders import make_order

S, T = OrderState, Trigger

ENDED_BY_VENUE = (S.FILLED, S.CANCELED, S.EXPIRED)
"""Ends that the venue stated of an order that lived."""

ENDED_WITHOUT_LIFE = (S.REJECTED, S.DEAD)
"""Ends that say that there was no life: they give way to any sign of one."""

SILENCE = (T.LOST, T.CANCEL, T.CANCEL_NOT_SENT, T.CANCEL_LOST, T.CANCEL_REFUSED)
"""What we did, or what we did not hear: no proof of anything. (A refused cancel does not say why.)"""

SIGNS_OF_LIFE = (T.ACK, T.SEEN_OPEN, T.FILL)
"""What only happens to an order that exists."""

OURS = (T.CANCEL, T.PROVEN_DEAD)
"""What we do and what we conclude, about live orders alone."""

VENUE = tuple(trigger for trigger in Trigger if trigger not in OURS)


def test_states_are_live_or_ended() -> None:
    """Every state is exactly one of the two, and what is uncertain is live: it counts as exposure."""
    assert sorted([*LIVE, *ENDED_BY_VENUE, *ENDED_WITHOUT_LIFE]) == sorted(OrderState)
    assert set(UNCERTAIN) <= set(LIVE)


def test_the_venue_may_say_anything_at_any_time() -> None:
    """Each trigger of the venue has a row in each state; nothing that it says can raise.

    What is filled cannot be filled in part: the table of orders counts any fill of it as one of everything.
    """
    said = set(product(OrderState, VENUE)) - {(S.FILLED, T.FILL)}
    for state, trigger in said:
        assert transition(state, trigger) in OrderState
    assert set(TABLE) == said | set(product(LIVE, OURS))


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("trigger", OURS)
def test_only_what_may_live_is_cancelled_or_concluded_dead(state: OrderState, trigger: Trigger) -> None:
    """Doing that to what has ended is a bug of ours and changes nothing."""
    if state in LIVE:
        assert transition(state, trigger) in (*LIVE, S.DEAD)
        return
    order = make_order(state=state, is_live=False)

    with pytest.raises(
        ProtocolViolation, match=f"order state was {state}, expected one in which {trigger} is"
    ):
        order.fire(trigger, 5)

    assert (order.state, order.is_live, order.settled_ns) == (state, False, order.placed_ns)


@pytest.mark.parametrize(("state", "trigger"), list(product(LIVE, SILENCE)))
def test_silence_proves_no_death(state: OrderState, trigger: Trigger) -> None:
    """No missing answer and no act of ours takes a live order out of exposure."""
    assert transition(state, trigger) in LIVE


@pytest.mark.parametrize(("state", "trigger"), list(product(LIVE, SIGNS_OF_LIFE)))
def test_a_sign_of_life_kills_nothing(state: OrderState, trigger: Trigger) -> None:
    """An order that shows itself stays exposure."""
    assert transition(state, trigger) in LIVE


@pytest.mark.parametrize(("state", "trigger"), list(product(ENDED_WITHOUT_LIFE, SIGNS_OF_LIFE)))
def test_an_end_without_a_life_gives_way_to_a_sign_of_one(state: OrderState, trigger: Trigger) -> None:
    """A refusal or an inferred death that is contradicted counts as exposure again."""
    assert transition(state, trigger) in LIVE


@pytest.mark.parametrize(
    ("state", "trigger"), [row for row in product(ENDED_BY_VENUE, VENUE) if row in TABLE]
)
def test_an_end_that_the_venue_stated_is_never_left(state: OrderState, trigger: Trigger) -> None:
    """Nothing reopens it; the fill that completes the order is remembered as that."""
    after = transition(state, trigger)

    assert after is (S.FILLED if trigger is T.FILL_ALL else state)


@pytest.mark.parametrize("state", OrderState)
def test_a_fill_of_everything_ends_every_order(state: OrderState) -> None:
    """The last fill is proof in any state."""
    assert transition(state, T.FILL_ALL) is S.FILLED


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize(
    ("trigger", "end"), [(T.CANCELED, S.CANCELED), (T.EXPIRED, S.EXPIRED), (T.PROVEN_DEAD, S.DEAD)]
)
def test_proof_of_an_end_ends_every_live_order(state: OrderState, trigger: Trigger, end: OrderState) -> None:
    """Evidence leads out of every doubt."""
    assert transition(state, trigger) is end


@pytest.mark.parametrize("state", [S.WORKING, S.CANCEL_SENT])
def test_a_refusal_of_what_was_accepted_is_a_contradiction_and_asked_about(state: OrderState) -> None:
    """Two statements of the venue that cannot both be true leave the order in doubt, not dead."""
    assert transition(state, T.REJECT) in UNCERTAIN


@pytest.mark.parametrize("last", [T.CANCELED, T.EXPIRED])
def test_order_of_arrival_does_not_decide(last: Trigger) -> None:
    """However the news of one life are shuffled and doubled, the order ends as the venue ended it."""
    news = (T.ACK, T.SEEN_OPEN, T.FILL, T.LOST, T.CANCEL_REFUSED, last)
    for heard in permutations(news):
        for doubled in (heard, (*heard, heard[0]), (*heard, heard[3])):
            order = make_order()
            for trigger in doubled:
                order.fire(trigger, 5)
            assert order.state is (S.CANCELED if last is T.CANCELED else S.EXPIRED), doubled


def test_a_complete_fill_wins_over_every_other_news() -> None:
    """A filled order is filled, whatever was or will be heard about it."""
    news = (T.ACK, T.FILL, T.LOST, T.CANCELED, T.EXPIRED, T.FILL_ALL)
    for heard in permutations(news):
        order = make_order()
        for trigger in heard:
            if (order.state, trigger) in TABLE:
                order.fire(trigger, 5)
        assert order.state is S.FILLED, heard


def test_no_short_life_breaks_the_rules() -> None:
    """All sequences of up to four triggers: ends stay, live is what the states say, fills always count."""
    for life in product(Trigger, repeat=4):
        order = make_order()
        for trigger in life:
            step(order, trigger)


def step(order: Order, trigger: Trigger) -> None:
    """Apply one trigger as the table of orders does, and look at what may never happen."""
    before, cum_lots = order.state, order.cum_lots
    if trigger in (T.FILL, T.FILL_ALL):
        order.take(3 if trigger is T.FILL else order.size_lots)
        trigger = T.FILL_ALL if order.cum_lots >= order.size_lots else trigger
    try:
        changed = order.fire(trigger, 5)
    except ProtocolViolation:
        assert trigger in OURS
        assert before not in LIVE
        changed = False
    assert changed is (order.state is not before)
    assert order.is_live is (order.state in LIVE)
    assert order.cum_lots >= cum_lots
    assert order.left_lots == max(0, order.size_lots - order.cum_lots)
    if before in ENDED_BY_VENUE:
        assert order.state in ENDED_BY_VENUE
    if not order.is_live and before in LIVE:
        assert trigger not in (*SILENCE, *SIGNS_OF_LIFE)


@pytest.mark.parametrize("trigger", [*SIGNS_OF_LIFE, T.FILL_ALL])
def test_a_sign_of_life_ends_a_proof_of_absence(trigger: Trigger) -> None:
    """What was not found before an order showed itself proves nothing, also in an unchanged state."""
    order = make_order(state=S.UNKNOWN_CANCEL)
    order.not_found, order.absent_since_ns = 3, 7
    order.absent_in_orders = order.absent_in_fills = True

    order.fire(trigger, 9)

    assert (order.not_found, order.absent_since_ns) == (0, 0)
    assert not order.absent_in_orders
    assert not order.absent_in_fills


def test_silence_in_an_unchanged_state_keeps_a_proof_of_absence() -> None:
    """A repeated cancel without an answer does not begin the proof anew."""
    order = make_order(state=S.UNKNOWN_CANCEL)
    order.not_found, order.absent_since_ns = 3, 7

    assert not order.fire(T.CANCEL_LOST, 9)

    assert (order.not_found, order.absent_since_ns) == (3, 7)


def test_a_change_of_state_is_dated() -> None:
    """The time of the last change is kept, the time of no change is not."""
    order = make_order()

    assert order.fire(T.ACK, 5)
    assert not order.fire(T.ACK, 9)

    assert (order.state, order.settled_ns) == (S.WORKING, 5)


def test_fills_count_up_and_what_is_left_never_goes_below_nothing() -> None:
    """An overfill is kept in full."""
    order = make_order(size_lots=10, cum_lots=2)
    assert order.left_lots == 8

    order.take(5)
    assert (order.cum_lots, order.left_lots, order.revealed_lots) == (7, 3, 7)
    order.take(5)
    assert (order.cum_lots, order.left_lots, order.revealed_lots) == (12, 0, 12)


def test_a_new_order_is_exposure_of_which_nothing_is_known() -> None:
    """Sent, live, wholly open, never asked about; a lot at a tick is an order."""
    order = make_order(price_ticks=1, size_lots=1)

    assert (order.state, order.is_live, order.left_lots) == (S.SENT, True, 1)
    counts = (order.cum_lots, order.revealed_lots, order.attempts, order.cancels, order.not_found)
    assert counts == (0, 0, 0, 0, 0)
    times = (order.settled_ns, order.asked_ns, order.cancelled_ns, order.absent_since_ns)
    assert times == (order.placed_ns, 0, 0, 0)
    assert (order.venue_order_id, order.echoed, order.ends_as) == ("", False, None)


@pytest.mark.parametrize("changes", [{"price_ticks": 0}, {"size_lots": 0}, {"size_lots": -1}])
def test_an_order_without_price_or_size_is_a_bug(changes: dict[str, object]) -> None:
    """Both are asserted where the order is made."""
    with pytest.raises(AssertionError):
        make_order(**changes)


@pytest.mark.parametrize("sign", ["venue_order_id", "echoed", "cum_lots", "accepted"])
def test_an_order_has_lived_once_the_venue_has_shown_it_in_any_way(sign: str) -> None:
    """By its number, on the stream, by a fill, or by saying that the id is in use."""
    assert not make_order().has_lived
    order = make_order()
    setattr(order, sign, "v" if sign == "venue_order_id" else 1)
    assert order.has_lived


def test_a_doubted_proof_of_absence_leaves_nothing_of_itself() -> None:
    """Its times and counts go with it."""
    order = make_order()
    fields = [name for name in Order.__slots__ if name.startswith(("absent", "not_found"))]
    fresh = {name: getattr(order, name) for name in fields}
    for name in fields:
        setattr(order, name, 1)
    order.doubt_absence()
    assert {name: getattr(order, name) for name in fields} == fresh
    assert len(fields) == 9
