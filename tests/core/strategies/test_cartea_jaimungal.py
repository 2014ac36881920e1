"""Cartea and Jaimungal: the vectors at each time left, with and without an end, and over all parameters."""

from decimal import Decimal

import msgspec
import pytest

from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.quoting.session import NOT_STARTED
from mm.signals.intensity import IntensitySpec
from mm.signals.markout import MarkoutSpec
from mm.strategies.base import Wake
from mm.strategies.cartea_jaimungal import CarteaJaimungal
from tests.builders.asked import asked, distances_bps, fine
from tests.builders.views import (
    NOW_NS,
    SECOND_NS,
    an_instrument,
)

Params = CarteaJaimungal.Params
Value = Decimal | int | float | bool | str | None


def some_params(**changes: Value) -> Params:
    """A = 140, k = 1.5, phi = 0.2 in basis points, orders of 100 lots, no end."""
    values: dict[str, Value] = {
        "order_amount_base": Decimal("0.01"),
        "running_penalty_bps_per_s": 0.2,
        "arrival_rate_per_s": 140.0,
        "fill_decay_per_bps": 1.5,
    }
    return Params(**(values | changes))  # type: ignore[arg-type]  # the values are of mixed types


def best(params: Params, view: View[None], memory: int = NOT_STARTED) -> tuple[float | None, float | None]:
    """Distances of the first bid and ask in bps, in the market of `fine`."""
    return distances_bps(asked(CarteaJaimungal(params, view.instrument), view, memory))


@pytest.mark.parametrize(
    ("alpha", "left_ms", "bids"),
    [
        (0.0, 1_000, (0.69247833, 0.84679106)),
        (0.0, 100, (0.68341066, 0.78382042)),
        (0.0, 10, (0.66866257, 0.68063796)),
        (0.001, 1_000, (0.69247834, 0.84679106)),
        (0.001, 100, (0.68397312, 0.78774756)),
        (0.001, 10, (0.66965339, 0.68757373)),
        (0.1, 1_000, (0.69247835, 0.84679116)),
        (0.1, 100, (0.70018063, 0.89913964)),
        (0.1, 10, (0.74668220, 1.21275505)),
    ],
)
def test_quotes_are_those_of_the_vectors(alpha: float, left_ms: int, bids: tuple[float, float]) -> None:
    """Bids with none and three orders held, within the steps of time; asks with three short are the same."""
    params = some_params(terminal_penalty_bps=alpha, session_length_ms=left_ms)

    found = [best(params, fine(lots))[0] for lots in (0, 300)]

    assert found == pytest.approx(bids, rel=6e-3)
    assert best(params, fine(-300))[1] == found[1]


def test_at_a_step_of_time_the_vectors_are_met_exactly() -> None:
    """One second is such a step."""
    params = some_params(terminal_penalty_bps=0.1, session_length_ms=1_000)

    assert best(params, fine())[0] == pytest.approx(0.69247835, abs=6e-6)


def test_without_an_end_the_closing_penalty_does_not_matter() -> None:
    """The quotes far from any end."""
    free, closing = some_params(), some_params(terminal_penalty_bps=5.0)

    assert best(free, fine(300)) == best(closing, fine(300))
    assert best(free, fine(300))[0] == pytest.approx(0.84679106, abs=6e-6)


def test_the_fee_is_part_of_the_formula() -> None:
    """A quote at d earns d - f: the quotes of a thinner flow, and the fee on top."""
    with_fee = best(some_params(), fine(200, instrument=an_instrument(maker_fee_ratio="0.00003")))
    thinner = best(some_params(arrival_rate_per_s=140.0 * 0.6376281516217733), fine(200))

    assert with_fee == pytest.approx([0.3 + (side or 0.0) for side in thinner], abs=2e-5)


def test_the_session_ends_as_the_others_do() -> None:
    """After it only flat is sought."""
    params = some_params(session_length_ms=1_000)
    view = msgspec.structs.replace(fine(-200), ts_ns=NOW_NS + 5 * SECOND_NS)

    quotes = asked(CarteaJaimungal(params, an_instrument()), view, NOW_NS)

    assert (len(quotes.bids), quotes.asks, quotes.reason) == (1, (), "only buys: session over")


def test_a_limit_below_an_order_makes_it_the_unit() -> None:
    """A limit of 50 lots and orders of 100 are orders of 50 at half the penalty per order."""
    halved = some_params(order_amount_base=Decimal("0.005"), running_penalty_bps_per_s=0.1)

    assert best(some_params(), fine(25, 50)) == best(halved, fine(25, 50))


@pytest.mark.parametrize("ends", [None, 1_000])
def test_a_limit_beyond_the_largest_table_is_none_near_flat(ends: int | None) -> None:
    """The table is trusted for half of its reach, and goes on along its last two quotes."""
    params = some_params(session_length_ms=ends)

    near, far = best(params, fine(300, 10**6))[0], best(params, fine(20_000, 10**6))[0]

    assert near == pytest.approx(0.84679106, abs=1e-4)
    assert far is not None
    assert far > 2.0


def test_fills_are_measured_where_they_are_not_given() -> None:
    """Then quoting waits for them; no volatility is asked for."""
    own: dict[str, Value] = {"adverse_selection_measured": True, "adverse_selection_bps": Decimal(0)}
    strategy = CarteaJaimungal(some_params(arrival_rate_per_s=None, **own), an_instrument())
    blind = msgspec.structs.replace(fine(), readings=(Reading(0.0, False, "3 of 100 market orders"),) * 2)

    assert strategy.needs == (IntensitySpec(near_ppm=50, step_ppm=10), MarkoutSpec())
    assert asked(strategy, blind).reason == "waits for 3 of 100 market orders"
    assert strategy.wake == Wake()
    assert strategy.initial_memory() == NOT_STARTED
    assert CarteaJaimungal(some_params(), an_instrument()).needs == ()


def test_what_no_float_holds_is_named() -> None:
    """A fee beyond which there are no fills."""
    params = some_params(fill_decay_per_bps=1e4)

    quotes = asked(CarteaJaimungal(params, an_instrument(maker_fee_ratio="0.001")), fine())

    assert quotes.bids == quotes.asks == ()
    assert quotes.reason.startswith("waits for quotes that can be computed: ")


def test_a_size_that_the_venue_does_not_take_is_refused() -> None:
    """Before anything is quoted."""
    with pytest.raises(ConfigError, match=r"order_amount_base was 0\.00001 BTC"):
        CarteaJaimungal(some_params(order_amount_base=Decimal("0.00001")), an_instrument())
