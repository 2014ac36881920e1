"""GLFT: the quotes of the closed form by example."""

from decimal import Decimal

import msgspec
import pytest

from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.sides import Side
from mm.domain.view import Reading, View
from mm.errors import ConfigError
from mm.models.glft import Market, closed_form
from mm.quoting.session import NOT_STARTED
from mm.signals.volatility import VolatilitySpec
from mm.strategies.base import Wake
from mm.strategies.glft import Glft, Method
from tests.builders.asked import asked
from tests.builders.glft_params import Value, some_params
from tests.builders.views import SECOND_NS, a_view, an_instrument, ladder_faults, with_reading

FIG_1 = Market(risk_factor=0.01, arrival_rate=0.9, decay=0.3, volatility=0.3)
"""Figure 1 of arXiv 1105.3115."""


def calm(inventory_lots: int = 0, instrument: Instrument | None = None) -> View[None]:
    """A mid of 10 000 (a basis point is 100 ticks) in a book of one tick more than two."""
    return a_view(
        bid_ticks=999_999, ask_ticks=1_000_001, inventory_lots=inventory_lots, instrument=instrument
    )


def quotes_of(view: View[None], **changes: Value) -> Quotes[None]:
    """The quotes of `some_params` with `changes`."""
    return asked(Glft(some_params(**changes), view.instrument), view)


def test_quotes_stand_at_the_closed_forms_distances_to_the_nearest_tick() -> None:
    """Figure 1 at no inventory is 3.3129 bps on both sides; the lots are one order amount."""
    quotes = quotes_of(calm())

    assert [(q.level, q.price_ticks, q.size_lots) for q in quotes.bids] == [(0, 1_000_000 - 331, 100)]
    assert [(q.level, q.price_ticks, q.size_lots) for q in quotes.asks] == [(0, 1_000_000 + 331, 100)]
    assert quotes.reason == "quoting"


def test_each_order_amount_held_moves_both_quotes_by_the_skew() -> None:
    """Five orders held: bid 3.6522, ask 2.9736 bps away; half an order counts half."""
    five, half = quotes_of(calm(500)), quotes_of(calm(-50))

    assert (five.bids[0].price_ticks, five.asks[0].price_ticks) == (1_000_000 - 365, 1_000_000 + 297)
    assert (half.bids[0].price_ticks, half.asks[0].price_ticks) == (1_000_000 - 328, 1_000_000 + 335)


def test_the_maker_fee_is_part_of_the_formula() -> None:
    """A fee of 1 bps moves both quotes by itself and by the thinner flow behind it."""
    view = calm(instrument=an_instrument(maker_fee_ratio="0.0001"))
    exact = closed_form(
        Market(risk_factor=0.01, arrival_rate=0.9, decay=0.3, volatility=0.3, fee=1.0)
    ).half_spread

    quotes = quotes_of(view)

    assert quotes.asks[0].price_ticks == 1_000_000 + round(100 * exact)


def test_the_measured_volatility_is_used_once_it_is_known() -> None:
    """Before that nothing is quoted, and the reason says what is missing; a reading is half ticks^2 per s."""
    strategy = Glft(some_params(volatility_bps_per_sqrt_s=None), an_instrument())
    blind = asked(strategy, with_reading(calm(), Reading(3_600.0, False, "7 of 20 volatility samples")))
    # 0.3 bps of a mid of 2 000 000 half ticks are 60 half ticks.
    seeing = asked(strategy, with_reading(calm(), Reading(3_600.0, True)))

    assert (blind.bids, blind.asks) == ((), ())
    assert blind.reason == "waits for 7 of 20 volatility samples"
    assert (seeing.bids, seeing.asks) == (quotes_of(calm()).bids, quotes_of(calm()).asks)


def test_all_that_is_not_known_is_said_in_one_short_sentence() -> None:
    """Volatility and fills at once, as their signals say it after twelve seconds of a market."""
    params = some_params(volatility_bps_per_sqrt_s=None, arrival_rate_per_s=None, fill_decay_per_bps=None)
    strategy = Glft(params, an_instrument())
    signals = [spec.start() for spec in strategy.needs]
    start_ns, mid = calm().ts_ns, calm().mid_half_ticks
    for signal in signals:
        signal.on_top(start_ns, 999_999, 5, 1_000_001, 5)
        signal.on_mid(start_ns, mid)
        for second in range(1, 13):
            depth = (200, 100, 300)[second % 3]
            signal.on_trade(start_ns + second * SECOND_NS, 1_000_000 + depth, 5, Side.BUY)
    readings = tuple(signal.reading(start_ns + 13 * SECOND_NS) for signal in signals)

    quotes = asked(strategy, msgspec.structs.replace(calm(), readings=readings))

    assert (quotes.bids, quotes.asks) == ((), ())
    assert quotes.reason == (
        "waits for a fill decay known to 10 % (now 51 %, about 6 min more),"
        " deep enough market orders (11 of 100), volatility (13 of 20 samples, 7 s more)"
    )
    assert len(quotes.reason) <= 160


def test_the_signal_is_asked_for_only_when_the_volatility_is_not_given() -> None:
    """Half-life and sampling of the parameters reach the signal."""
    given_one = Glft(some_params(), an_instrument())
    measured = Glft(
        some_params(volatility_bps_per_sqrt_s=None, volatility_half_life_ms=30_000, volatility_sample_ms=500),
        an_instrument(),
    )

    assert given_one.needs == ()
    assert measured.needs == (VolatilitySpec(sample_ns=SECOND_NS // 2, half_life_ns=30 * SECOND_NS),)
    assert measured.wake == Wake()
    assert measured.initial_memory() == NOT_STARTED


def test_the_width_stays_between_minimum_and_maximum() -> None:
    """min_spread_bps and max_spread_bps are widths from bid to ask; the skew stays."""
    wide = quotes_of(calm(500), min_spread_bps=Decimal(20))
    narrow = quotes_of(calm(500), max_spread_bps=Decimal(2))

    assert (wide.bids[0].price_ticks, wide.asks[0].price_ticks) == (1_000_000 - 1_034, 1_000_000 + 966)
    assert (narrow.bids[0].price_ticks, narrow.asks[0].price_ticks) == (1_000_000 - 134, 1_000_000 + 66)


def test_levels_are_half_a_width_apart_unless_told_otherwise() -> None:
    """order_level_spread_bps sets the distance between levels."""
    free = quotes_of(calm(), order_levels=3)
    told = quotes_of(calm(), order_levels=3, order_level_spread_bps=Decimal("1.5"))

    assert [1_000_000 - q.price_ticks for q in free.bids] == [331, 663, 994]
    assert [q.price_ticks - 1_000_000 for q in told.asks] == [331, 481, 631]
    assert [q.level for q in told.asks] == [0, 1, 2]


@pytest.mark.parametrize(("risk_factor", "ticks"), [(0.0, 100), (0.03, 100), (0.3, 55)])
def test_the_very_averse_requote_sooner(risk_factor: float, ticks: int) -> None:
    """Beyond a ninth of the decay a third of 1 / (decay + aversion)."""
    params = some_params(risk_factor=risk_factor)
    quotes = asked(Glft(params, an_instrument()), calm())

    assert {quote.tolerance_ticks for quote in (*quotes.bids, *quotes.asks)} == {ticks}


def test_the_tolerance_is_a_third_of_the_decay_length_unless_told_otherwise() -> None:
    """0.3 / k = 1 bps = 100 ticks; times are per order."""
    free = quotes_of(calm()).bids[0]
    told = quotes_of(
        calm(),
        order_refresh_tolerance_bps=Decimal("0.5"),
        order_refresh_time_ms=2_000,
        max_order_age_ms=60_000,
    ).asks[0]

    assert (free.tolerance_ticks, free.life_ns_min, free.age_ns_max) == (100, 0, 0)
    assert (told.tolerance_ticks, told.life_ns_min, told.age_ns_max) == (50, 2 * SECOND_NS, 60 * SECOND_NS)


def test_at_the_inventory_limit_one_side_is_off() -> None:
    """No bid at the upper limit, no ask at the lower one."""
    long, short = quotes_of(calm(1_000)), quotes_of(calm(-1_000))

    assert (long.bids, len(long.asks), long.reason) == ((), 1, "only sells: inventory limit")
    assert (len(short.bids), short.asks, short.reason) == (1, (), "only buys: inventory limit")


def test_a_quote_that_the_skew_takes_through_the_book_stops_before_it() -> None:
    """Far beyond its optimum the reducing side stands at the best price, the other side far away."""
    view = msgspec.structs.replace(calm(100_000), inventory_max_lots=10**6)

    quotes = quotes_of(view, order_levels=2)

    assert [q.price_ticks for q in quotes.asks] == [1_000_000, 1_000_001]
    assert quotes.bids[0].price_ticks == 1_000_000 - round(100 * closed_form(FIG_1).bid(1_000))


@pytest.mark.parametrize(("ask_ticks", "quoted"), [(1_011, (1_000, 1_001)), (1_010, (999, 1_001))])
def test_quotes_are_at_least_a_tick_apart_even_if_a_rebate_pays_for_less(
    ask_ticks: int, quoted: tuple[int, int]
) -> None:
    """A width of less than a tick is one tick, and symmetric; levels do not share a price."""
    earning = an_instrument(maker_fee_ratio="-0.005")

    quotes = quotes_of(a_view(bid_ticks=990, ask_ticks=ask_ticks, instrument=earning), order_levels=2)

    assert (quotes.bids[0].price_ticks, quotes.asks[0].price_ticks) == quoted
    assert quotes.bids[1].price_ticks < quotes.bids[0].price_ticks


def test_prices_too_large_for_floats_do_not_cross() -> None:
    """Where a float no longer tells ticks apart the bid still stands below the ask."""
    instrument = msgspec.structs.replace(an_instrument(maker_fee_ratio="-0.005"), price_max_ticks=2**62)
    view = a_view(bid_ticks=2**55, ask_ticks=2**55 + 44, instrument=instrument)

    assert ladder_faults(quotes_of(view, max_spread_bps=Decimal("0.01")), view) == []


def test_levels_outside_the_venues_prices_are_left_out() -> None:
    """A bid below the lowest price is not wanted; an ask above the highest neither."""
    instrument = msgspec.structs.replace(an_instrument(), price_min_ticks=999_500, price_max_ticks=1_000_300)

    quotes = quotes_of(calm(instrument=instrument), order_levels=2)

    assert [q.level for q in quotes.bids] == [0]
    assert quotes.asks == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_spread_bps": Decimal(9), "max_spread_bps": Decimal(8)},
            "min_spread_bps was 9, expected at most max_spread_bps, 8",
        ),
        (
            {"order_refresh_time_ms": 9_000, "max_order_age_ms": 8_000},
            "order_refresh_time_ms was 9000, expected at most max_order_age_ms, 8000",
        ),
        (
            {"volatility_sample_ms": 9_000, "volatility_half_life_ms": 8_000},
            "volatility_sample_ms was 9000, expected at most volatility_half_life_ms, 8000",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, Value], message: str) -> None:
    """The message names both and opens with the key to change."""
    with pytest.raises(ValueError, match=message):
        some_params(**changes)


@pytest.mark.parametrize(
    ("changes", "fee", "message"),
    [
        ({"order_amount_base": Decimal("0.00001")}, "0", "order_amount_base was 0.00001 BTC"),
        ({"min_spread_bps": Decimal("0.001")}, "0", "min_spread_bps was 0.001, expected .* 2 decimals"),
        ({"fill_decay_per_bps": 0.0001, "risk_factor": 0.0}, "0", "fill_decay_per_bps was 0.0001 with arri"),
        ({"arrival_rate_per_s": 1e-12}, "0", "fill_decay_per_bps was 0.3 with arrival_rate_per_s 1e-12"),
        ({"fill_decay_per_bps": 1e4}, "0.001", "move inf bps with each fill"),
        ({"fill_decay_per_bps": 1e4}, "-0.001", "move inf bps with each fill"),
    ],
)
def test_parameters_that_make_no_sense_on_the_instrument_are_refused(
    changes: dict[str, Value], fee: str, message: str
) -> None:
    """Absurd distances are an error that shows them in basis points, before anything is quoted."""
    params = some_params(**changes)

    with pytest.raises(ConfigError, match=message) as caught:
        Glft(params, an_instrument(maker_fee_ratio=fee))

    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_inventory_deviation": 2.0}, "risk_factor and target_inventory_deviation are both set"),
        ({"method": Method.FINITE}, "method was finite, expected finite with session_length_ms or"),
        ({"session_close_ms": 5}, "method was closed_form, expected finite with session_length_ms or"),
        (
            {"drift_bps_per_s": 1.0, "risk_factor": 0.0},
            "risk_factor and volatility_bps_per_sqrt_s have to be",
        ),
        (
            {"funding_ratio": 0.1, "volatility_bps_per_sqrt_s": 0.0},
            "risk_factor and volatility_bps_per_sqrt_s have to be above 0 with a drift",
        ),
        (
            {"risk_factor": None, "volatility_bps_per_sqrt_s": 0.0},
            "volatility_bps_per_sqrt_s was 0, expected more without risk_factor",
        ),
    ],
)
def test_ways_that_contradict_each_other_are_refused(changes: dict[str, Value], message: str) -> None:
    """The message names what to change."""
    with pytest.raises(ValueError, match=message):
        some_params(**changes)
