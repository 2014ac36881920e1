"""Strategies that look at more than their own market, against a venue that fails in every way."""

from typing import Any

from pydantic import TypeAdapter

from mm.domain.capabilities import Capabilities
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quotes
from mm.domain.view import View
from mm.engine.setup import SessionSetup
from mm.risk.rules import make_rules
from mm.runtime.simulate.instruments import FIRST, SECOND
from mm.runtime.simulate.plan import DEADLINES, LIMITS, Outcome, plan_of
from mm.runtime.simulate.subject import Subject
from mm.runtime.simulate.world import simulate
from mm.strategies.basket import Basket
from mm.strategies.cross_reference import CrossReference

SECOND_NS = 1_000_000_000


class Seeing(Basket):
    """A basket that keeps what it was shown. Fields: seen: of the other market, (its inventory, its mid)."""

    def __init__(self, params: Basket.Params, instrument: Instrument) -> None:
        """Begin with nothing seen."""
        super().__init__(params, instrument)
        self.seen: set[tuple[int, bool]] = set()

    def quotes(self, view: View[None]) -> Quotes[None]:
        """Return what the basket does."""
        (other,) = view.others
        self.seen.add((other.inventory_lots, other.mid_half_ticks > 0))
        return super().quotes(view)


def basket(instrument: Instrument, other: Instrument) -> Seeing:
    """Return a strategy that is filled often and leans hard on what is held of both."""
    params = TypeAdapter(Basket.Params).validate_python(
        {
            "symbols": (other.symbol,),
            "correlations": (0.9,),
            "order_amount_base": "0.01",
            "risk_factor": 0.02,
            "arrival_rate_per_s": 5.0,
            "fill_decay_per_bps": 0.9,
            "volatility_bps_per_sqrt_s": 2.0,
            "other_volatilities_bps_per_sqrt_s": (2.0,),
        }
    )
    return Seeing(params, instrument)


def around(instrument: Instrument, other: Instrument) -> CrossReference:
    """Return a strategy around another market of the same price."""
    params = TypeAdapter(CrossReference.Params).validate_python(
        {
            "sources": (other.symbol,),
            "spread_bps": "6",
            "order_amount_base": "0.01",
            "max_own_deviation_bps": "300",
        }
    )
    return CrossReference(params, instrument)


def played(first: Any, second: Any, seed: int) -> Outcome:
    """Return how two sessions on two symbols went; each life is repeated from its journal."""
    sessions = tuple(
        SessionSetup(
            name=f"s{index}",
            instrument=instrument,
            strategy=strategy,
            rules=make_rules(LIMITS),
            band_lots_max=60,
            band_ratio_ppm=10**9,
            slippage_ppm=10_000,
        )
        for index, (instrument, strategy) in enumerate(((FIRST, first), (SECOND, second)))
    )
    subject = Subject(
        sessions=sessions,
        caps=Capabilities(orders_per_10s=100, weight_per_minute=6_000, absence_proof_ns=12 * SECOND_NS),
        deadlines=DEADLINES,
        holdings={"AAA": 10**12, "CCC": 10**12, "BBB": 10**15},
        home_ticks={FIRST.symbol: 10_000, SECOND.symbol: 10_000},
        depth_lots={FIRST.symbol: 30, SECOND.symbol: 30},
    )
    return simulate(
        plan_of(
            seed,
            sessions=2,
            symbols=2,
            subject=subject,
            reruns=True,
            latched="",
            orphans=0,
            fault_ns=30 * SECOND_NS,
            heal_ns=45 * SECOND_NS,
            rest_ns=25 * SECOND_NS,
        )
    )


def test_a_basket_on_two_symbols_keeps_every_invariant_and_is_repeated() -> None:
    """Under faults and crashes; each session sees what the other one holds, and that its book is gone."""
    shown: set[bool] = set()
    for seed in (2, 7):
        strategies = basket(FIRST, SECOND), basket(SECOND, FIRST)
        assert played(*strategies, seed).fills > 0
        for one in strategies:
            assert len({inventory for inventory, _ in one.seen}) > 1
            shown |= {has_price for _, has_price in one.seen}
    assert shown == {True, False}


def test_two_markets_quoted_around_each_other_keep_every_invariant() -> None:
    """Prices that wander apart pull the quotes, and they come again."""
    outcome = played(around(FIRST, SECOND), around(SECOND, FIRST), 3)

    assert outcome.places > 0
