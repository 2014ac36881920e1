"""Why a decision came out as it did: whatever gate it was, it is the one that is named."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm.domain.commands import Cancel, Report
from mm.domain.events import OrderRejected, PlaceUnknown
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL
from mm.engine.explain import Outcome, explain, explanation
from mm.engine.gates import WHOLE_SIDE, Verdict
from mm.engine.trace import Chain, Trace
from mm.runtime.simulate.ladder import Ladder
from tests.builders.engine_ladder import SECOND_NS, TallySpec
from tests.builders.engine_rig import MID, Rig, make_session, of
from tests.builders.risk_rules import make_test_rules
from tests.builders.why_cases import (
    CASES,
    Case,
    fate,
    last,
    quoting,
    twice,
    two_sided,
    unlike_its_commands,
)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_gate_that_is_the_reason_is_named(case: Case) -> None:
    """With the outcome and the code, for every gate that there is."""
    found = fate(last(case.make()), case.side, case.level)
    assert (found.outcome, found.cause.name, found.cause.code) == (case.outcome, case.gate, case.code)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_fates_are_the_placements_and_cancels_of_the_decision(case: Case) -> None:
    """No more and no fewer, whatever stopped it."""
    rig = case.make()
    trace = rig.engine.state.trace
    assert trace is not None
    chain = trace.chains["main"]
    live = [order.cid for order in chain.live if order.level >= 0]
    assert unlike_its_commands(explanation(chain), live) == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_explaining_now_changes_nothing(case: Case) -> None:
    """Not the digest, not an order, not what follows; and it is what is decided when it is decided."""
    rig = case.make()
    rig.engine.state.trace = None
    twin = deepcopy(rig)
    before = rig.engine.digest()
    made = explain(rig.engine.state, rig.session(), now_ns=rig.now_ns)
    assert rig.engine.digest() == before == twin.engine.digest()
    assert made.setup is rig.session().setup
    for one in (rig, twin):
        one.move(MID - 16, MID + 10)
        one.advance(2 * SECOND_NS)
    assert rig.sent == twin.sent
    assert rig.engine.digest() == twin.engine.digest()


def test_what_is_explained_for_now_is_what_is_decided_then() -> None:
    """The same gates, the same commands: the copy decides by the same code."""
    rig = quoting()
    rig.script().bids = (Quote(MID - 40, 10),)
    made = explain(rig.engine.state, rig.session(), now_ns=rig.now_ns)
    assert fate(made).outcome is Outcome.MOVED
    rig.session().dirty = True
    rig.touch_book()
    then = last(rig)
    assert then.fates == made.fates
    # The touch makes the book younger, nothing else.
    assert [(gate.name, gate.verdict, gate.code, gate.after) for gate in then.gates] == [
        (gate.name, gate.verdict, gate.code, gate.after) for gate in made.gates
    ]
    assert of(then.commands, Cancel) == of(made.commands, Cancel) != []


def test_later_than_the_engine_is_explained_as_of_then() -> None:
    """A book that nothing was heard of since is old."""
    rig = quoting()
    assert fate(explain(rig.engine.state, rig.session())).outcome is Outcome.KEPT
    made = explain(rig.engine.state, rig.session(), now_ns=rig.now_ns + 5 * SECOND_NS)
    assert fate(made).cause.code == "book_health.stale"
    assert made.ts_ns == rig.now_ns + 5 * SECOND_NS


def test_the_gates_come_in_the_order_in_which_they_are_passed() -> None:
    """From the session to the budget, every rule at its place."""
    rig = quoting(two_sided(needs=(TallySpec(),)))
    rig.script().asks = (Quote(MID + 20, 10), Quote(MID + 30, 10, 1))
    rig.advance(SECOND_NS)
    made = last(rig)
    names = list(dict.fromkeys(gate.name for gate in made.gates))
    assert names == [
        "session",
        "watch.fill_burst",
        "watch.stop_loss",
        "book",
        "strategy",
        "shape.book_health",
        "shape.price_collar",
        "shape.self_trade",
        "shape.order_size",
        "shape.order_value",
        "shape.inventory_band",
        "shape.exposure",
        "shape.funds",
        "shape.open_orders",
        "quantise",
        "differ",
        "admit",
        "budget",
    ]
    (strategy,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(strategy.facts)["signal TallySpec"] == "1"
    (admit,) = [gate for gate in made.gates if gate.name == "admit"]
    facts = dict(admit.facts)
    assert (facts["worst_lots"], facts["open_lots"], facts["inventory_max_lots"]) == ("20", "10", "1000")
    assert len(facts["passed"].split()) == 13


def test_a_signal_that_is_not_ready_says_what_it_waits_for() -> None:
    """So that whoever asks sees why a strategy wants nothing."""
    rig = quoting(two_sided(needs=(TallySpec(),)))
    rig.session().readers[0].mids = 0  # type: ignore[attr-defined]  # the signal of the test
    made = explain(rig.engine.state, rig.session())
    (strategy,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(strategy.facts)["signal TallySpec"].startswith("not ready")


def test_a_signal_that_is_used_against_doubts_says_which() -> None:
    """Beside its value."""
    rig = quoting(two_sided(needs=(TallySpec(),)))
    rig.session().readers[0].doubt = "too far off"  # type: ignore[attr-defined]  # the signal of the test
    made = explain(rig.engine.state, rig.session())
    (strategy,) = [gate for gate in made.gates if gate.name == "strategy" and gate.side is None]
    assert dict(strategy.facts)["signal TallySpec"] == "1 (too far off)"


def test_every_verdict_on_a_placement_is_told_also_behind_the_one_that_refused() -> None:
    """A rule that fails is told, not raised."""
    made = last(CASES["denied"].make())
    said = [(gate.code, gate.verdict) for gate in made.gates if gate.name == "admit" and gate.side is BUY]
    assert said == [("test.deny", Verdict.STOPPED), ("rule.failed", Verdict.STOPPED)]


def test_what_only_waits_tells_what_took_its_quote() -> None:
    """An order whose cancel is under way is gone for a reason."""
    found = fate(last(CASES["stale"].make()))
    assert found.behind is not None
    assert found.behind.code == "book_health.stale"
    assert fate(last(CASES["unknown"].make())).behind is None


def test_a_second_order_on_a_level_is_told_beside_the_first() -> None:
    """Another one held its level while it was taken for dead."""
    made = last(twice())
    outcomes = [(one.outcome, one.cause.code) for one in made.fates if one.side is BUY]
    assert outcomes == [
        (Outcome.KEPT, "differ.within_tolerance"),
        (Outcome.CANCELLED, "differ.twice"),
    ]


def test_a_price_that_meets_the_book_is_told_with_both_prices() -> None:
    """Post-only: it is lowered to where it rests."""
    rig = quoting(two_sided(bids=(Quote(MID + 15, 10),)), rules=())
    gate = next(gate for gate in last(rig).gates if gate.name == "quantise")
    assert (gate.verdict, gate.code) == (Verdict.CHANGED, "quantise.at_the_book")
    assert (gate.before, gate.after) == (Quote(MID + 15, 10), Quote(MID + 9, 10))


def test_both_sides_that_are_taken_are_told_each_by_its_own_reason() -> None:
    """A rule says one reason for both; a band of nothing takes the asks for being short."""
    made = last(quoting(band_ratio_ppm=0, band_lots_max=0))
    assert fate(made, BUY).cause.code == "inventory_band.long"
    assert fate(made, SELL).cause.code == "inventory_band.short"


def test_a_side_that_nobody_wants_is_one_line() -> None:
    """Not one for each level that there could be."""
    made = last(quoting(two_sided(asks=(), reason="sells nothing")))
    found = fate(made, SELL, WHOLE_SIDE)
    assert (found.outcome, found.cause.code, found.wanted) == (Outcome.WITHHELD, "sells nothing", None)


def test_exits_and_orders_of_a_halt_are_no_quotes() -> None:
    """An exit has no level: it is told with its own life."""
    rig = CASES["halted"].make()
    for place in rig.places():
        rig.order(place).level = -1
    rig.engine.state.orders.changes += 1
    made = explain(rig.engine.state, rig.session())
    assert {(one.side, one.level) for one in made.fates} == {(BUY, WHOLE_SIDE), (SELL, WHOLE_SIDE)}
    rig = quoting()
    for place in rig.places():
        rig.order(place).level = -1
    rig.engine.state.orders.changes += 1
    made = explain(rig.engine.state, rig.session())
    assert not any(gate.name == "differ" for gate in made.gates)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-40, 40)), min_size=5, max_size=40))
def test_every_decision_of_a_run_is_explained_as_what_it_sent(steps: list[tuple[int, int]]) -> None:
    """Whatever the market and the venue do, fates and commands are the same; the trace changes no command."""
    wrong: list[str] = []
    seen: list[Chain] = []

    def check(chain: Chain) -> bool:
        seen.append(chain)
        live = [order.cid for order in chain.live if order.level >= 0]
        wrong.extend(unlike_its_commands(explanation(chain), live))
        return True

    rig, twin = (Rig(make_session(Ladder(), rules=make_test_rules(), band_lots_max=30)) for _ in range(2))
    rig.engine.state.trace = Trace(check)
    for one in (rig, twin):
        one.activate()
        for number, (kind, size) in enumerate(steps):
            act(one, kind, size, number)
    assert wrong == []
    assert seen
    assert rig.sent == twin.sent
    assert rig.engine.digest() == twin.engine.digest()
    said = [command for chain in seen for command in chain.commands]
    assert [command for command in said if not isinstance(command, Report)]


def act(rig: Rig, kind: int, size: int, number: int) -> None:
    """Let one thing happen."""
    orders = [place for place in rig.places() if rig.order(place).is_live]
    order = orders[abs(size) % len(orders)] if orders else None
    if kind == 0 or order is None:
        rig.move(MID + size - 10, MID + size + 10)
    elif kind == 1:
        rig.place_all()
    elif kind == 2:
        rig.fill(order, min(3, rig.order(order).left_lots) or 1, 1_000 + number)
    elif kind == 3 and rig.state_of(order) is OrderState.CANCEL_SENT:
        rig.canceled(order, rig.order(order).cum_lots)
    elif kind == 4 and rig.state_of(order) is OrderState.SENT:
        rig.feed(PlaceUnknown, cid=order.cid, cause="timeout")
    elif kind == 5 and rig.state_of(order) is OrderState.SENT:
        rig.feed(OrderRejected, cid=order.cid, code=-1, reason="no")
    else:
        rig.advance(abs(size) * SECOND_NS // 20)
