"""Policies whose orders stay while near enough: all paths of a short session, `exact`, many long sessions."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log, sqrt

import numpy as np
import pytest

from mm.bench.quoting import exact_hysteresis
from mm.bench.quoting.exact import (
    OUTCOMES,
    FillLaw,
    Market,
    Numbers,
    Policy,
    certainty_equivalent,
    moments,
    standard_errors,
)
from mm.bench.quoting.exact_hysteresis import Chain, Tolerant
from mm.bench.quoting.exact_optimum import optimum
from tests.builders.model_markets import stoikov
from tests.builders.quoting_policies import CAPS, LITERAL, closed, symmetric

SHORT = Market(volatility=2.0, arrival_rate=60.0, decay=1.5, step_s=0.005, steps=4)
"""All paths of its four steps can be walked."""

LEANING = Policy(
    np.array([[0.1, 0.31, 0.44, 0.83, np.nan]]),
    np.array([[np.nan, 0.9, 0.52, 0.25, -0.3]]),
)
"""No two of its steps from one inventory to the next are alike; two lots at most."""

TOUCHY = Policy(np.array([[0.2, np.nan, 0.3, np.nan, np.nan]]), np.array([[np.nan, 0.4, 0.3, np.nan, 0.2]]))
"""A side may be off elsewhere than at the limit: what rests there goes."""

SHARES = (0.08, 0.15, 0.3, 0.45, 0.75)
"""Tolerances times the decay."""

PATHS = 160_000


def tolerant(of: float, policy: Policy = LEANING) -> Tolerant:
    """A policy with a tolerance."""
    return Tolerant(policy, of)


@dataclass(frozen=True)
class Walk:
    """A session as far as it has come. Prices are those of the orders, None where there is none."""

    odds: float = 1.0
    cash: float = 0.0
    lots: int = 0
    mid: float = 100.0
    bid: float | None = None
    ask: float | None = None
    fills: int = 0
    messages: int = 0


def side(rests: float | None, wanted: float, tolerance: float) -> tuple[float | None, int]:
    """Where an order rests after the rule was applied to it, and the messages that it took."""
    if np.isnan(wanted):
        return None, int(rests is not None)
    if rests is None:
        return wanted, 1
    return (wanted, 2) if abs(rests - wanted) > tolerance else (rests, 0)


def requoted(walk: Walk, asked: Tolerant) -> Walk:
    """Both orders after the rule was applied to them."""
    at = walk.lots + asked.policy.cap
    bid, cost = side(walk.bid, walk.mid - float(asked.policy.bids[0][at]), asked.tolerance)
    ask, more = side(walk.ask, walk.mid + float(asked.policy.asks[0][at]), asked.tolerance)
    return replace(walk, bid=bid, ask=ask, messages=walk.messages + cost + more)


def filled(walk: Walk, market: Market, asked: Tolerant, sold: int, bought: int) -> Walk | None:
    """After the fills and their answers, None where they cannot happen: the sale is told first."""
    bid, ask = walk.bid, walk.ask
    if (sold and ask is None) or (bought and bid is None):
        return None
    if sold and ask is not None:
        cash = walk.cash + ask - market.fee
        walk = requoted(replace(walk, cash=cash, lots=walk.lots - 1, ask=None, fills=walk.fills + 1), asked)
        if bought and walk.bid not in (bid, None):
            # The bid is gone: its cancel is refused, and its successor not placed.
            walk = replace(walk, messages=walk.messages - 1)
    if bought and bid is not None:
        cash = walk.cash - bid - market.fee
        walk = requoted(replace(walk, cash=cash, lots=walk.lots + 1, bid=None, fills=walk.fills + 1), asked)
    return replace(walk, mid=walk.mid + (sold - bought) * market.impact)


def probability(market: Market, distance: float | None, happens: int) -> float:
    """That an order at this distance is filled in a step, or not."""
    odds = 0.0 if distance is None else float(market.fill_probabilities(np.array([distance]))[0])
    return odds if happens else 1 - odds


def walks(walk: Walk, market: Market, asked: Tolerant, steps: int) -> Iterator[Walk]:
    """Every way that a session can end."""
    if not steps:
        yield walk
        return
    bid = None if walk.bid is None else walk.mid - walk.bid
    ask = None if walk.ask is None else walk.ask - walk.mid
    for sold, bought in OUTCOMES:
        odds = probability(market, ask, sold) * probability(market, bid, bought) / 2
        after = filled(walk, market, asked, sold, bought)
        if after is None:
            continue
        for move in (market.move, -market.move):
            moved = replace(after, mid=after.mid + move, odds=walk.odds * odds)
            # After the last move there is nothing left to quote for.
            yield from walks(requoted(moved, asked) if steps > 1 else moved, market, asked, steps - 1)


@pytest.mark.parametrize("policy", [LEANING, TOUCHY])
@pytest.mark.parametrize("of", [0.0, 0.12, 0.2, 0.45, 2.0])
@pytest.mark.parametrize(
    "market",
    [
        SHORT,
        replace(SHORT, fee=0.02, impact=0.0713, law=FillLaw.EXPONENTIAL),
        replace(SHORT, arrival_rate=300.0),
    ],
)
def test_all_paths_of_a_short_session_have_these_moments(policy: Policy, of: float, market: Market) -> None:
    """Walked one by one with orders that have prices: wealth, inventory, fills, messages, and their worth."""
    chain = Chain(market, tolerant(of, policy))
    ends = list(walks(requoted(Walk(), tolerant(of, policy)), market, tolerant(of, policy), market.steps))
    odds = np.array([end.odds for end in ends])
    wealth = np.array([end.cash + end.lots * end.mid for end in ends])
    lots = np.array([float(end.lots) for end in ends])
    assert odds.sum() == pytest.approx(1.0, abs=1e-12)
    found, messages = chain.moments()
    mean = odds @ wealth
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.sd == pytest.approx(sqrt(odds @ (wealth - mean) ** 2), abs=1e-9)
    assert found.kurtosis == pytest.approx(odds @ (wealth - mean) ** 4 / found.sd**4, abs=1e-6)
    assert found.mean_q == pytest.approx(odds @ lots, abs=1e-9)
    assert found.sd_q == pytest.approx(sqrt(odds @ lots**2 - (odds @ lots) ** 2), abs=1e-9)
    assert found.fills == pytest.approx(odds @ [float(end.fills) for end in ends], abs=1e-9)
    assert messages == pytest.approx(odds @ [float(end.messages) for end in ends], abs=1e-9)
    worth = -log(odds @ np.exp(-0.5 * wealth)) / 0.5
    assert chain.certainty_equivalent(0.5) == pytest.approx(worth, abs=1e-9)


@pytest.mark.parametrize("risk_factor", sorted(CAPS))
def test_without_tolerance_it_is_the_recursion_over_inventories(risk_factor: float) -> None:
    """Moments and certainty equivalent to 1e-9, with as many states as inventories."""
    policy = closed(stoikov(risk_factor), CAPS[risk_factor])
    chain = Chain(LITERAL, Tolerant(policy, 0.0))
    found, _ = chain.moments()
    plain = moments(LITERAL, policy)
    assert len(chain) == 2 * policy.cap + 1
    assert (found.mean, found.sd, found.sd_q, found.fills) == pytest.approx(
        (plain.mean, plain.sd, plain.sd_q, plain.fills), abs=1e-9
    )
    worth = certainty_equivalent(LITERAL, policy, risk_factor)
    assert chain.certainty_equivalent(risk_factor) == pytest.approx(worth, abs=1e-9)


def test_orders_that_never_move_take_a_message_each() -> None:
    """Two to begin with, and one for each fill that leaves a side to quote."""
    found, messages = Chain(SHORT, Tolerant(symmetric(1.0, 5), 4.1 * SHORT.move)).moments()
    assert messages == pytest.approx(2 + found.fills, abs=1e-12)


@pytest.mark.proof  # a table of tolerances
def test_the_price_of_hysteresis_grows_with_the_tolerance_and_messages_fall() -> None:
    """No policy is better than the best; with 0.3 / decay a third of the messages is left."""
    best = optimum(LITERAL, 1.0, CAPS[1.0])[1]
    chains = [
        Chain(LITERAL, Tolerant(closed(stoikov(1.0), CAPS[1.0]), share / LITERAL.decay))
        for share in (0.0, 0.3, 0.6)
    ]
    worths = [chain.certainty_equivalent(1.0) for chain in chains]
    messages = [chain.moments()[1] for chain in chains]
    assert best > worths[0] > worths[1] > worths[2] > 0
    assert messages[0] > messages[1] > messages[2]
    assert messages[1] < 0.4 * messages[0]


@pytest.mark.parametrize(
    ("policy", "of", "told"),
    [
        (LEANING, -0.1, "tolerance was -0.1, expected at least 0"),
        (LEANING, np.nan, "tolerance was nan, expected at least 0"),
        (LEANING, np.inf, "tolerance was inf, expected at least 0 and finite"),
        (
            Policy(np.full((2, 1), np.nan), np.full((2, 1), np.nan)),
            0.1,
            "the policy has 2 rows, expected one",
        ),
        (
            Policy(np.full((1, 503), np.nan), np.full((1, 503), np.nan)),
            0.1,
            "cap was 251, expected at most 250",
        ),
    ],
)
def test_what_has_no_chain_is_refused(policy: Policy, of: float, told: str) -> None:
    """Before anything is computed."""
    with pytest.raises(ValueError, match=told):
        Tolerant(policy, of)


def test_without_aversion_there_is_no_certainty_equivalent() -> None:
    """The mean is the first moment."""
    with pytest.raises(ValueError, match=r"risk_factor was 0\.0, expected more than 0"):
        Chain(SHORT, tolerant(0.2)).certainty_equivalent(0.0)


def test_too_many_states_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not counted until the memory is full."""
    monkeypatch.setattr(exact_hysteresis, "STATES_MAX", 20)
    with pytest.raises(ValueError, match="more than 20 states, expected a smaller tolerance"):
        Chain(SHORT, tolerant(0.2))


# ---- long sessions, drawn


@dataclass
class Drawn:
    """Sessions side by side."""

    wealth: Numbers
    lots: Numbers
    fills: Numbers


def drawn(asked: Tolerant, paths: int) -> Drawn:
    """Draw sessions of the literal market."""
    draws, cap = np.random.default_rng(3), asked.policy.cap
    lots, mid, cash, fills = (np.zeros(paths) for _ in range(4))
    bids, asks = np.full(paths, asked.policy.bids[0, cap]), np.full(paths, asked.policy.asks[0, cap])

    def ruled(rests: Numbers, wanted: Numbers) -> Numbers:
        at = (lots + cap).astype(np.int64)
        return np.where(np.abs(rests - wanted[0, at]) <= asked.tolerance, rests, wanted[0, at])

    for _ in range(LITERAL.steps):
        sold = draws.random(paths) < LITERAL.fill_probabilities(asks)
        bought = draws.random(paths) < LITERAL.fill_probabilities(bids)
        cash += np.where(sold, mid + asks, 0.0) - np.where(bought, mid - bids, 0.0)
        fills += sold.astype(float) + bought
        for is_filled, is_sale in ((sold, True), (bought, False)):
            lots = lots + is_filled * (-1 if is_sale else 1)
            gone = np.where(is_filled, np.nan, asks if is_sale else bids)
            new_bids = ruled(bids if is_sale else gone, asked.policy.bids)
            new_asks = ruled(gone if is_sale else asks, asked.policy.asks)
            bids, asks = np.where(is_filled, new_bids, bids), np.where(is_filled, new_asks, asks)
        move = np.where(draws.random(paths) < 0.5, LITERAL.move, -LITERAL.move)
        mid, rest_bids, rest_asks = mid + move, bids + move, asks - move
        bids, asks = ruled(rest_bids, asked.policy.bids), ruled(rest_asks, asked.policy.asks)
    return Drawn(cash + lots * mid, lots, fills)


def worth_of(wealth: Numbers, risk_factor: float) -> float:
    """The certainty equivalent of a sample."""
    return -log(float(np.exp(-risk_factor * wealth).mean())) / risk_factor


@pytest.mark.proof
@pytest.mark.parametrize("share", SHARES)
def test_drawn_sessions_agree(share: float) -> None:
    """With the chain's figures, within four standard errors."""
    asked = Tolerant(closed(stoikov(0.1), CAPS[0.1]), share / LITERAL.decay)
    new = drawn(asked, PATHS)
    chain = Chain(LITERAL, asked)
    found, _ = chain.moments()
    errors = standard_errors(found, PATHS)
    assert abs(new.wealth.mean() - found.mean) <= 4 * errors.mean
    assert abs(new.wealth.std() - found.sd) <= 4 * errors.sd
    assert abs(new.lots.std() - found.sd_q) <= 4 * errors.sd_q
    assert abs(new.fills.mean() - found.fills) <= 4 * new.fills.std() / sqrt(PATHS)
    assert abs(worth_of(new.wealth, 0.1) - chain.certainty_equivalent(0.1)) <= 4 * 1.2 * errors.mean
