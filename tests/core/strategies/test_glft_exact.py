"""GLFT: the exact quotes against their oracles, a session with an end, and what is measured."""

from decimal import Decimal
from typing import cast

import msgspec
import pytest

from mm.domain.view import Reading, View
from mm.quoting.session import NOT_STARTED, SessionEnd
from mm.signals.intensity import IntensitySpec
from mm.signals.markout import MarkoutSpec
from mm.signals.volatility import VolatilitySpec
from mm.strategies.glft import Glft, Method
from tests.builders.asked import asked, distances_bps, fine
from tests.builders.glft_params import Params, Value, stoikov
from tests.builders.views import NOW_NS, SECOND_NS, an_instrument, with_reading


def best(params: Params, view: View[None], memory: int = NOT_STARTED) -> tuple[float | None, float | None]:
    """Distances of the first bid and ask in bps, in the market of `fine`."""
    return distances_bps(asked(Glft(params, view.instrument), view, memory))


@pytest.mark.parametrize(
    ("risk_factor", "lots", "bid"),
    [
        (0.1, 0, 0.6716276142),
        (0.1, 500, 0.9317798933),
        (0.1, 1_000, 1.1814201029),
        (0.01, 0, 0.6725493529),
        (0.5, 0, 0.6389254116),
        (1.0, 0, 0.6084034930),
        (1.0, 1_000, 2.1062227221),
    ],
)
def test_asymptotic_quotes_are_those_of_the_oracle(risk_factor: float, lots: int, bid: float) -> None:
    """A limit of 30 orders; the ask at the opposite inventory is the same number."""
    params = stoikov(risk_factor=risk_factor)

    assert best(params, fine(lots))[0] == pytest.approx(bid, abs=6e-6)
    assert best(params, fine(-lots))[1] == pytest.approx(bid, abs=6e-6)


def test_the_inventory_limit_steepens_the_quotes() -> None:
    """A limit of 5 orders: bids for 0 to 4 held, none at 5; asks for 1 to 5."""
    bids = [best(stoikov(), fine(100 * held, 500))[0] for held in range(6)]
    asks = [best(stoikov(), fine(100 * held, 500))[1] for held in range(1, 6)]

    expected = [0.6776545724, 0.7444464127, 0.8201738479, 0.9225012973, 1.1258764944]
    assert bids[:5] == pytest.approx(expected, abs=6e-6)
    assert bids[5] is None
    assert asks == pytest.approx(
        [0.6131158504, 0.5463240100, 0.4705965749, 0.3682691254, 0.1648939283], abs=6e-6
    )


def test_between_two_orders_held_quotes_are_between_theirs() -> None:
    """A partial fill moves the quotes by its part."""
    low, high = best(stoikov(), fine(100))[0], best(stoikov(), fine(200))[0]
    assert low is not None
    assert high is not None

    assert best(stoikov(), fine(150))[0] == pytest.approx((low + high) / 2, abs=2e-5)


@pytest.mark.parametrize(
    ("changes", "fee", "bids"),
    [
        ({"drift_bps_per_s": 0.5}, "0", (0.50133346, 0.60602490, 0.71096815)),
        ({"funding_ratio": -0.003, "funding_period_ms": 60_000}, "0", (0.50133346, 0.60602490, 0.71096815)),
        ({"drift_bps_per_s": 1.0}, "0", (0.43632236, 0.54052085, 0.64538521)),
        ({"adverse_selection_bps": Decimal("0.1")}, "0", (0.61365035, 0.72264594, 0.83145300)),
        ({"adverse_selection_bps": Decimal("0.3")}, "0", (0.70718648, 0.82480467, 0.94218538)),
        ({}, "0.00001", (None, 0.7737044123, None)),
        ({}, "0.00003", (None, 0.9783735665, None)),
        ({}, "0.00006", (None, 1.2868946764, None)),
        ({}, "0.0001", (None, 1.7018882464, None)),
        ({}, "-0.00001", (None, 0.5697052147, None)),
    ],
)
def test_drift_funding_impact_and_fee_are_those_of_the_oracle(
    changes: dict[str, Value], fee: str, bids: tuple[float | None, ...]
) -> None:
    """Bids with two orders short, none, and two long."""
    instrument = an_instrument(maker_fee_ratio=fee)
    for lots, bid in zip((-200, 0, 200), bids, strict=True):
        if bid is not None:
            found = best(stoikov(**changes), fine(lots, instrument=instrument))[0]
            assert found == pytest.approx(bid, abs=6e-6), lots


def test_a_funding_that_longs_pay_lowers_the_quotes() -> None:
    """It is a drift the other way."""
    paid = best(stoikov(funding_ratio=0.003, funding_period_ms=60_000), fine())
    free = best(stoikov(), fine())
    assert None not in (*paid, *free)

    assert paid[0] > free[0]  # type: ignore[operator]  # both are there
    assert paid[1] < free[1]  # type: ignore[operator]  # both are there


@pytest.mark.parametrize(
    ("deviation", "risk_factor"), [(2.0, 0.2480045759), (3.0, 0.0520850392), (5.0, 0.0068514414)]
)
def test_an_inventory_budget_is_the_aversion_that_keeps_it(deviation: float, risk_factor: float) -> None:
    """Quotes for a deviation are those for the aversion of the oracle, at every inventory."""
    budget = stoikov(risk_factor=None, target_inventory_deviation=deviation)

    for lots in (-300, 0, 700):
        found = best(budget, fine(lots))
        assert found == pytest.approx(best(stoikov(risk_factor=risk_factor), fine(lots)), abs=2e-5)


def test_without_aversion_and_budget_the_inventory_may_stray_three_orders() -> None:
    """What a user who gives neither gets."""
    neither = stoikov(risk_factor=None)

    assert best(neither, fine(300)) == best(
        stoikov(risk_factor=None, target_inventory_deviation=3.0), fine(300)
    )


def test_a_limit_below_an_order_makes_it_the_unit() -> None:
    """A limit of 50 lots and orders of 100 are orders of 50 with half the aversion per order."""
    small = fine(25, 50)

    cut = asked(Glft(stoikov(), small.instrument), small)
    halved = stoikov(order_amount_base=Decimal("0.005"), risk_factor=0.05)

    assert [quote.size_lots for quote in (*cut.bids, *cut.asks)] == [25, 75]
    assert distances_bps(cut) == best(halved, small)  # 75 lots sold would still end at the limit
    budget = stoikov(risk_factor=None, target_inventory_deviation=2.0)
    twice = stoikov(order_amount_base=Decimal("0.005"), risk_factor=None, target_inventory_deviation=4.0)
    assert best(budget, small) == best(twice, small)


def test_beyond_the_largest_table_the_closed_form_takes_over() -> None:
    """With a limit of 1000 orders, 80 held; near flat the table holds."""
    far, near = fine(8_000, 100_000), fine(500, 100_000)
    closed = stoikov(method=Method.CLOSED_FORM)

    assert best(stoikov(), far)[0] == best(closed, far)[0]
    assert best(stoikov(), near)[0] == pytest.approx(0.9317798933, abs=6e-6)


# A session with an end.


def ending(**changes: Value) -> Params:
    """Avellaneda's and Stoikov's market for one second."""
    return stoikov(method=Method.FINITE, session_length_ms=1_000, **changes)


@pytest.mark.parametrize(
    ("risk_factor", "lots", "bid"),
    [(0.1, 0, 0.6716276014), (0.1, 500, 0.9317797590), (0.1, 1_000, 1.1814198755), (0.01, 0, 0.6724340160)],
)
def test_finite_quotes_are_those_of_the_oracle(risk_factor: float, lots: int, bid: float) -> None:
    """One second before the end, with a limit of 30 orders, of which the table holds 20."""
    assert best(ending(risk_factor=risk_factor), fine(lots))[0] == pytest.approx(bid, abs=2e-4)


def test_a_session_begins_with_its_first_quote() -> None:
    """Its end is remembered; at it nothing leans any more, and only flat is sought."""
    strategy, view = Glft(ending(), an_instrument()), fine(300)

    first = strategy.quotes(cast("View[int]", msgspec.structs.replace(view, memory=NOT_STARTED)))
    late = msgspec.structs.replace(view, ts_ns=NOW_NS + SECOND_NS - 1_000)
    over = msgspec.structs.replace(view, ts_ns=NOW_NS + SECOND_NS)

    assert first.memory == NOW_NS + SECOND_NS
    near_the_end = distances_bps(asked(strategy, late, first.memory))
    assert near_the_end == pytest.approx((0.6453852, 0.6453852), abs=1e-4)
    after = asked(strategy, over, first.memory)
    assert (after.bids, [quote.size_lots for quote in after.asks]) == ((), [100])
    assert after.reason == "only sells: session over"
    assert after.memory == first.memory


def test_a_session_may_begin_anew() -> None:
    """After its end, if told to."""
    again = Glft(ending(session_end=SessionEnd.RESTART), an_instrument())

    quotes = asked(again, fine(), NOW_NS - 5)

    assert quotes.reason == "quoting"
    assert quotes.memory == NOW_NS + SECOND_NS


def test_a_session_does_not_begin_while_something_is_waited_for() -> None:
    """The first quote begins it."""
    strategy = Glft(ending(volatility_bps_per_sqrt_s=None), an_instrument())

    assert asked(strategy, with_reading(fine(), Reading(0.0, False, "samples"))).memory == NOT_STARTED


# What is measured.


def measured(**changes: Value) -> Glft:
    """Everything measured."""
    unknown: dict[str, Value] = {
        "arrival_rate_per_s": None,
        "fill_decay_per_bps": None,
        "volatility_bps_per_sqrt_s": None,
    }
    return Glft(stoikov(**(unknown | changes)), an_instrument())


def seen(
    inventory_lots: int = 0, *, variance: float = 1.6e11, rate: float = 140.0, decay: float = 1.5
) -> View[None]:
    """`fine` with volatility (2 bps unless told otherwise), flow and the markout of own fills."""
    readings = (
        Reading(variance, True),
        Reading(decay, True, "", (rate, 0.05, 500.0)),
        Reading(0.3, True),
    )
    return msgspec.structs.replace(fine(inventory_lots), readings=readings)


def test_everything_can_be_measured() -> None:
    """Signals stand in one order: volatility, flow, guards; quotes are within the steps of 1 %."""
    strategy = measured(adverse_selection_bps=Decimal(0), adverse_selection_measured=True)

    quotes = asked(strategy, seen(200))

    assert strategy.needs == (VolatilitySpec(), IntensitySpec(near_ppm=50, step_ppm=10), MarkoutSpec())
    assert distances_bps(quotes)[0] == pytest.approx(0.94218538, rel=0.01)


def test_a_table_is_kept_until_a_number_has_moved_by_a_step() -> None:
    """Within half a percent the quotes are the very same; two percent show."""
    strategy = measured()
    base = asked(strategy, seen(500))

    assert asked(strategy, seen(500, variance=1.6e11 * 1.002)).bids == base.bids
    assert asked(strategy, seen(500, variance=1.6e11 * 1.05)).bids != base.bids


@pytest.mark.parametrize(
    ("changes", "view", "reason"),
    [
        ({}, seen(variance=0.0), "quoting"),
        ({}, seen(rate=0.0), "waits for an arrival rate above 0"),
        ({}, seen(decay=0.0), "waits for a fill decay of 0.0001 to 10000 per bps"),
        (
            {"risk_factor": None},
            seen(variance=0.0),
            "waits for a market that can be quoted: volatility was 0.0, expected more than 0",
        ),
        (
            {"drift_bps_per_s": 1.0, "method": Method.CLOSED_FORM},
            seen(variance=0.0),
            "waits for quotes that can be computed: the shift by the drift was inf",
        ),
        ({"drift_bps_per_s": 1.0}, seen(variance=0.0), "quoting"),
        (
            {},
            msgspec.structs.replace(seen(rate=1e-306), inventory_max_lots=10**5),
            "nothing: the model wants none",
        ),
        (
            {"drift_bps_per_s": 1.0, "adverse_selection_bps": Decimal(9_000)},
            seen(decay=1.0),
            "waits for quotes that can be computed: the rate of fills at the mid after fee and impact",
        ),
    ],
)
def test_what_cannot_be_quoted_is_named(changes: dict[str, Value], view: View[None], reason: str) -> None:
    """No volatility, no fills, numbers beyond floats: a reason, never an exception."""
    quotes = asked(measured(**changes), view)

    assert quotes.reason.startswith(reason)
    assert bool(quotes.bids and quotes.asks) == (reason == "quoting")
