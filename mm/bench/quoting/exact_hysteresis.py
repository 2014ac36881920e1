"""What a stationary policy earns whose orders stay while they are near enough: exactly, as in `exact`.

An order rests where it was placed; it makes way only when its distance from the mid differs from the wanted
one by more than a tolerance. So what is quoted depends on the path, but on little of it: the state is the
inventory and the distances at which the two orders rest. They are those of their placement and what the mid
has moved since; a tolerance and a limit of the inventory leave finitely many, and all that can be reached are
counted: none is dropped, whatever its probability.

A step: both orders stand, each is filled or not; what was filled is replaced at the distance that the new
inventory calls for, what was not moves if it has to (a sale is answered before a purchase of the same step);
the mid jumps by the impact and moves up or down; what has to moves. Invariant: with a tolerance of 0 the
figures are those of `exact`.
"""

from dataclasses import dataclass
from math import comb
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm.bench.quoting.exact import OUTCOMES, Market, Moments, Numbers, Policy, moments_of

Places = NDArray[np.int64]

STATES_MAX: Final = 1_000_000
"""More than this take minutes; a market whose mid moves by far less than the tolerance has them."""

OFFSET_BITS: Final = 26
"""Offsets from the wanted distance are told apart to the tolerance divided by 2 to the power of one less."""

OFF: Final = (1 << OFFSET_BITS + 1) - 1
"""Stands for the offset of a side without an order."""

CAP_MAX: Final = 250
"""Inventories have nine bits beside the offsets."""

MOVES: Final = (1, -1)
"""Of the mid, each as likely."""


@dataclass(frozen=True, slots=True)
class Tolerant:
    """A policy of one row, and how far an order may rest from where it is wanted.

    Fields: tolerance: price units, >= 0; an order that is farther off is replaced.
    """

    policy: Policy
    tolerance: float

    def __post_init__(self) -> None:
        """Raise ValueError unless the policy is one for all times, and tolerance and cap are in range."""
        if len(self.policy.bids) != 1:
            raise ValueError(f"the policy has {len(self.policy.bids)} rows, expected one for all times")
        if not 0 <= self.tolerance < np.inf:
            raise ValueError(f"tolerance was {self.tolerance}, expected at least 0 and finite")
        if self.policy.cap > CAP_MAX:
            raise ValueError(f"the policy's cap was {self.policy.cap}, expected at most {CAP_MAX}")


class _States(NamedTuple):
    # Inventory, and the distances of the orders from the mid; not a number where there is none.
    lots: Places
    bids: Numbers
    asks: Numbers

    def at(self, places: Places) -> "_States":
        return _States(self.lots[places], self.bids[places], self.asks[places])


class _Way(NamedTuple):
    # What a step can do to every state: its probability, what it adds to the wealth, where it leads, and how
    # many messages it takes: after fills and after the move.
    odds: Numbers
    gains: Numbers
    places: Places
    answers: Numbers
    requotes: Numbers


class Chain:
    """The states that a tolerant policy reaches on a market, and the ways between them.

    Invariant: whatever has a probability above 0 leads from one of the states to another one of them.
    """

    def __init__(self, market: Market, tolerant: Tolerant) -> None:
        """Find all states. Raises: ValueError if there are more than `STATES_MAX`."""
        self._market = market
        self._tolerance = tolerant.tolerance
        self._cap = tolerant.policy.cap
        self._bids, self._asks = tolerant.policy.row(0)
        nothing = np.full(1, np.nan)
        start, _ = self._replaced(_States(np.zeros(1, np.int64), nothing, nothing))
        self._states, self._keys = self._reached(start)
        self._start = int(np.searchsorted(self._keys, self._keys_of(start))[0])

    def __len__(self) -> int:
        """Return how many states there are."""
        return len(self._keys)

    def moments(self) -> tuple[Moments, float]:
        """Return the exact moments and the expected number of messages, one each to cancel and to place.

        The two that the first quotes take are counted.
        """
        ways = [self._way(*fills, move) for fills in OUTCOMES for move in MOVES]
        odds = self._odds()
        # Row j holds E[wealth^j; state] per state.
        held = np.zeros((5, len(self)))
        held[0, self._start] = 1.0
        answers = sum(way.odds * way.answers for way in ways)
        requotes = sum(way.odds * way.requotes for way in ways)
        per_step = np.array((odds[0] + odds[1], answers, requotes))
        counts = np.zeros(3)
        for left in reversed(range(self._market.steps)):
            # After the last move there is nothing left to quote for.
            counts += per_step @ held[0] * (1.0, 1.0, left > 0)
            held = _stepped(ways, held)
        fills, messages = float(counts[0]), float(counts[1] + counts[2])
        lots = self._states.lots.astype(np.float64)
        wealth = held.sum(axis=1)
        ends = np.array([(held[0] * lots**power).sum() for power in range(5)])
        start = self._states.at(np.array([self._start]))
        first = int(np.isfinite(start.bids).sum() + np.isfinite(start.asks).sum())
        return moments_of(wealth, ends, fills), messages + first

    def certainty_equivalent(self, risk_factor: float) -> float:
        """Return the sure wealth that is worth as much, begun without inventory.

        Args: risk_factor: g > 0 of the utility -exp(-g * wealth).
        Raises: ValueError if g is not above 0.
        """
        if not risk_factor > 0:
            raise ValueError(f"risk_factor was {risk_factor}, expected more than 0")
        weights, places = [], []
        for fills in OUTCOMES:
            for move in MOVES:
                way = self._way(*fills, move)
                # Only what can happen; each way has its own states.
                with np.errstate(divide="ignore"):
                    weights.append(np.log(way.odds) - risk_factor * way.gains)
                places.append(way.places)
        # The logarithm of the mean of exp(-g * wealth to come), per state.
        values = np.zeros(len(self))
        for _ in range(self._market.steps):
            terms = [weight + values[place] for weight, place in zip(weights, places, strict=True)]
            values = _log_sum(terms)
        return -float(values[self._start]) / risk_factor

    # ---- the states

    def _reached(self, start: _States) -> tuple[_States, Places]:
        # All that can follow the start, by key.
        fresh, keys = start, self._keys_of(start)
        parts, known = [start], keys
        while len(fresh.lots):
            found: list[_States] = []
            for fills in OUTCOMES:
                able = self._able(fresh, *fills)
                found += [self._after(fresh.at(able), *fills, move)[0] for move in MOVES]
            joined = _joined(found)
            keys, firsts = np.unique(self._keys_of(joined), return_index=True)
            is_new = ~np.isin(keys, known, assume_unique=True)
            fresh = joined.at(firsts[is_new])
            parts.append(fresh)
            known = np.concatenate((known, keys[is_new]))
            if len(known) > STATES_MAX:
                raise ValueError(f"there are more than {STATES_MAX} states, expected a smaller tolerance")
        order = np.argsort(known)
        return _joined(parts).at(order), known[order]

    def _keys_of(self, states: _States) -> Places:
        return (
            ((states.lots + self._cap) << 2 * (OFFSET_BITS + 1))
            | (self._codes(states.bids - self._bids[states.lots + self._cap]) << (OFFSET_BITS + 1))
            | self._codes(states.asks - self._asks[states.lots + self._cap])
        )

    def _codes(self, offsets: Numbers) -> Places:
        scaled = offsets / self._tolerance if self._tolerance else np.where(np.isnan(offsets), offsets, 0.0)
        codes = np.rint((np.nan_to_num(scaled) + 1.0) * (1 << OFFSET_BITS - 1)).astype(np.int64)
        return np.where(np.isnan(offsets), OFF, codes)

    # ---- the ways between them

    def _odds(self) -> tuple[Numbers, Numbers]:
        market, states = self._market, self._states
        return market.fill_probabilities(states.bids), market.fill_probabilities(states.asks)

    def _able(self, states: _States, sold: int, bought: int) -> Places:
        # Where these fills can happen.
        able = np.ones(len(states.lots), bool)
        if sold:
            able &= np.isfinite(states.asks)
        if bought:
            able &= np.isfinite(states.bids)
        return np.flatnonzero(able)

    def _way(self, sold: int, bought: int, move: int) -> _Way:
        market, states = self._market, self._states
        bid_odds, ask_odds = self._odds()
        odds = (ask_odds if sold else 1 - ask_odds) * (bid_odds if bought else 1 - bid_odds) / len(MOVES)
        before = states.lots.astype(np.float64)
        edges = sold * market.ask_edge(states.asks, before) + bought * market.bid_edge(states.bids, before)
        gains = edges + 2 * sold * bought * market.impact + move * market.move * (before + bought - sold)
        # What cannot happen has a probability of 0 and leads to the first state.
        able = self._able(states, sold, bought)
        places = np.zeros(len(self), np.int64)
        answers, requotes = np.zeros(len(self)), np.zeros(len(self))
        after, answers[able], requotes[able] = self._after(states.at(able), sold, bought, move)
        keys = self._keys_of(after)
        places[able] = np.searchsorted(self._keys, keys)
        assert (self._keys[places[able]] == keys).all()
        return _Way(odds, gains, places, answers, requotes)

    def _after(self, states: _States, sold: int, bought: int, move: int) -> tuple[_States, Numbers, Numbers]:
        # Where a step leads, and the messages after its fills and after its move.
        lots, bids, asks = states
        answers = np.zeros(len(lots))
        if sold:
            # With both filled the bid is gone already, which is heard of only after this answer.
            (lots, bids, asks), sent = self._replaced(_States(lots - 1, bids, np.full_like(asks, np.nan)))
            answers += sent
            if bought:
                answers -= self._placements(states.bids, bids)
        if bought:
            (lots, bids, asks), sent = self._replaced(_States(lots + 1, np.full_like(bids, np.nan), asks))
            answers += sent
        up = (sold - bought) * self._market.impact + move * self._market.move
        after, requotes = self._replaced(_States(lots, bids + up, asks - up))
        return after, answers, requotes

    def _placements(self, before: Numbers, after: Numbers) -> Numbers:
        # An order that was to move and was gone: the cancel is refused, and nothing takes its place yet.
        return np.where(np.isfinite(after) & (before != after), 1.0, 0.0)

    def _replaced(self, states: _States) -> tuple[_States, Numbers]:
        # What rests after the rule was applied, and the messages that it took.
        lots, bids, asks = states
        bids, bids_sent = self._side(bids, self._bids[lots + self._cap])
        asks, asks_sent = self._side(asks, self._asks[lots + self._cap])
        return _States(lots, bids, asks), bids_sent + asks_sent

    def _side(self, rests: Numbers, wanted: Numbers) -> tuple[Numbers, Numbers]:
        stays = np.abs(rests - wanted) <= self._tolerance
        sent = ~stays & np.isfinite(rests), ~stays & np.isfinite(wanted)
        return np.where(stays, rests, wanted), sent[0].astype(np.float64) + sent[1]


def _joined(parts: list[_States]) -> _States:
    lots = np.concatenate([part.lots for part in parts])
    bids, asks = (np.concatenate([part[at] for part in parts]) for at in (1, 2))
    return _States(lots, bids, asks)


def _stepped(ways: list[_Way], held: Numbers) -> Numbers:
    found = np.zeros_like(held)
    for way in ways:
        powers = [way.odds]
        for _ in range(len(held) - 1):
            powers.append(powers[-1] * way.gains)
        for j in range(len(held)):
            raised = sum(comb(j, i) * powers[j - i] * held[i] for i in range(j + 1))
            found[j] += np.bincount(way.places, raised, held.shape[1])
    return found


def _log_sum(terms: list[Numbers]) -> Numbers:
    # ln of the sum of exp, every state by its largest term.
    top = np.maximum.reduce(terms)
    total = np.zeros_like(top)
    for term in terms:
        total += np.exp(term - top)
    found: Numbers = np.log(total) + top
    return found
