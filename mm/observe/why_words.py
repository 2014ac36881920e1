"""What each gate says to people: its cause in one phrase, with the number that mattered and its limit.

A phrase names facts in braces; each is written out by the unit in its key. Read only.
"""

import re
from collections.abc import Mapping
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S, short_text
from mm.engine.gates import Gate, Verdict

CAUSES: Final[dict[str, str]] = {
    "session.pending": "the session has not begun: {reason}",
    "session.paused": "the session is paused: {reason}",
    "session.stopping": "the session is stopping: {reason}",
    "session.completed": "the session has ended: {reason}",
    "session.halted": "trading is halted: {reason}",
    "book.one_sided": "book: no two-sided book ({status}, last heard of {age_ns} ago)",
    "book_health.unsynced": "book health: the book is {book_status}, not in sync with the venue",
    "book_health.stale": "book health: the book is {book_age_ns} old, at most {stale_ns_max}",
    "book_health.crossed": "book health: bid {bid_ticks} is at or above ask {ask_ticks} for {book_crossed_ns}"
    ", at most {crossed_ns_max}",
    "book_health.empty_side": "book health: one side shows no order but ours (bid {bid_ticks}, ask"
    " {ask_ticks})",
    "book_health.user_stream": "book health: events about own orders are not flowing",
    "price_collar": "price collar: more than {collar_ppm} from the reference {reference_half_ticks}",
    "price_collar.outside": "price collar: {price_ticks} is more than {collar_ppm} from the reference"
    " {reference_half_ticks}",
    "price_collar.no_reference": "price collar: there is no reference price yet",
    "self_trade": "self-trade: at or through an own order (bid {own_bid_max_ticks}, ask {own_ask_min_ticks})",
    "self_trade.own_ask": "self-trade: {price_ticks} is at or above our own ask {own_ask_min_ticks}",
    "self_trade.own_bid": "self-trade: {price_ticks} is at or below our own bid {own_bid_max_ticks}",
    "self_trade.ladder": "self-trade: the wanted bids and asks cross each other",
    "order_size": "order size: {size_lots} was above the limit {lots_max}",
    "order_size.too_large": "order size: {size_lots} is above the limit {lots_max}",
    "order_size.too_small": "order size: {size_lots} is below the venue's smallest",
    "order_value": "order value: {size_lots} at {price_ticks} was worth more than {atoms_max}",
    "order_value.too_large": "order value: {size_lots} at {price_ticks} is worth more than {atoms_max}",
    "order_value.too_small": "order value: {size_lots} at {price_ticks} is below the venue's smallest value",
    "inventory_band": "inventory band: position {inventory_lots} of at most {inventory_max_lots}",
    "inventory_band.long": "inventory band: position {inventory_lots} of at most {inventory_max_lots};"
    " buying is off from {soft_ppm} of that",
    "inventory_band.short": "inventory band: position {inventory_lots} of at most {inventory_max_lots};"
    " selling is off from {soft_ppm} of that",
    "exposure": "exposure: position {inventory_lots}, others' worst case {others_worst_atoms}, at most"
    " {atoms_max} in all",
    "exposure.unpriced": "exposure: another session holds something that has no price yet",
    "funds": "funds: {base_spendable_atoms} and {quote_spendable_atoms} are free to spend",
    "open_orders": "open orders: {open_orders} are live, at most {orders_max}",
    "open_orders.own": "open orders: {open_orders} are live, at most {orders_max}",
    "open_orders.venue": "open orders: {open_orders} are live, the venue takes no more",
    "message_rate": "message rate: {placed_minute} placements in the last minute, at most {quotes_max} of"
    " quotes",
    "slippage.taker": "slippage: it may take liquidity and does not reduce",
    "slippage.not_reducing": "slippage: there is nothing to reduce on that side",
    "slippage.too_large": "slippage: it could take the position past 0",
    "slippage.no_reference": "slippage: there is no reference price to bound it by",
    "slippage.price": "slippage: {price_ticks} is worse than {limit_ticks}",
    "fill_burst.count": "fill burst: {fills_minute} fills within a minute, at most {fills_max}",
    "fill_burst.value": "fill burst: fills moved {filled_minute_atoms} within a minute, at most"
    " {filled_atoms_max} either way",
    "stop_loss.session": "stop-loss: session P&L {session_pnl_atoms}, the limit is {session_floor}",
    "stop_loss.account": "stop-loss: account P&L {account_pnl_atoms}, the limit is {account_floor}",
    "stop_loss.open": "stop-loss: open position {open_pnl_atoms}, the limit is {open_floor}",
    "stop_loss.drawdown": "stop-loss: P&L {session_pnl_atoms} after a peak of {session_peak_atoms}, it may"
    " fall by {drawdown_ppm_max} of {equity_start_atoms}",
    "reduce": "an alarm lets only reducing quotes through: position {inventory_lots}",
    "quantise.unfit": "venue filters: {size_lots} at {price_ticks} is below the smallest order {least_lots}",
    "quantise.at_the_book": "post-only: {price_ticks} meets the book (bid {bid_ticks}, ask {ask_ticks})",
    "differ.within_tolerance": "within tolerance ({off_by_ticks} off, {tolerance_by_ticks} allowed)",
    "differ.young": "{off_by_ticks} off, but only {age_ns} old: it may go after {life_ns_min}",
    "differ.too_old": "too old ({age_ns}, at most {age_ns_max})",
    "differ.too_far": "too far ({off_by_ticks} off, {tolerance_by_ticks} allowed)",
    "differ.too_large": "too large ({left_lots}, {wanted_lots} wanted)",
    "differ.too_small": "too small ({left_lots}, {wanted_lots} wanted)",
    "differ.unwanted": "not wanted any more",
    "differ.twice": "another order holds its level",
    "differ.sent": "its placement is not answered yet ({age_ns})",
    "differ.cancel_sent": "its cancel is not answered yet",
    "differ.unknown": "the venue has not told whether it lives; the level is blocked until it does",
    "differ.unknown_cancel": "the venue has not told whether it is gone; the level is blocked until it does",
    "hold": "held after repeated rejections, for another {left_ns}",
    "budget": "message budget: {orders_10s} of {orders_max} orders in 10 s, weight {weight_minute} of"
    " {weight_max} in a minute; held by the venue for {held_for_ns}",
    "budget.banned": "the venue has banned us: not even a cancel may be sent",
    "decision.failed": "the decision failed, which halts trading: {detail}",
    "rule.failed": "a rule failed: {detail}",
}
"""The phrase of each code; rules that only narrowed a quote say it by their name."""

PASSES: Final[dict[str, str]] = {
    "session": "{reason}",
    "watch.fill_burst": "{fills_minute} fills within a minute, net {filled_minute_atoms}",
    "watch.stop_loss": "session P&L {session_pnl_atoms}, stops at {session_floor}; account"
    " {account_pnl_atoms}, stops at {account_floor}",
    "book": "{status}, {age_ns} old, bid {bid_ticks}, ask {ask_ticks}",
    "strategy": "mid {mid_half_ticks}, position {inventory_lots} of at most {inventory_max_lots}; wants"
    " {bids} bids, {asks} asks",
    "shape.book_health": "{book_status}, {book_age_ns} old, at most {stale_ns_max}",
    "shape.price_collar": "all within {collar_ppm} of {reference_half_ticks}",
    "shape.order_size": "at most {lots_max} each",
    "shape.order_value": "at most {atoms_max} each",
    "shape.inventory_band": "position {inventory_lots} of at most {inventory_max_lots}",
    "shape.exposure": "at most {atoms_max} in all",
    "shape.funds": "{base_spendable_atoms} and {quote_spendable_atoms} are free to spend",
    "shape.open_orders": "{open_orders} are live, at most {orders_max}",
    "admit": "worst case {worst_lots} of at most {inventory_max_lots}",
}
"""The phrase of each gate that let everything pass, where there is something to say."""

_NAMED: Final = re.compile(r"\{([a-z_0-9]+)\}")
_WHOLE: Final = re.compile(r"-?[0-9]+")


def phrase(gate: Gate, instrument: Instrument) -> str:
    """Return what a gate says: why it changed or stopped something, or what it looked at."""
    facts = dict(gate.facts)
    if gate.verdict is not Verdict.PASSED or gate.name == "differ":
        template = CAUSES.get(gate.code)
        if template is None:
            return ", ".join([gate.code.replace("_", " "), *(f"{key} {facts[key]}" for key in facts)])
    else:
        template = PASSES.get(gate.name, "")
    if gate.name == "strategy" and gate.side is not None:
        return gate.code
    words = _NAMED.sub(lambda found: told(found[1], facts, instrument), template)
    if gate.name != "strategy":
        return words
    said = [f"{key.partition(' ')[2]}: {facts[key]}" for key in facts if key.startswith(("market ", "vote "))]
    return "; ".join([f"{gate.code}: {words}", *said])


def told(key: str, facts: Mapping[str, str], instrument: Instrument) -> str:
    """Return one fact by the unit in its key; "?" where it is not there."""
    value = facts.get(key, "?")
    if not _WHOLE.fullmatch(value):
        return value.replace("_", " ")
    number = int(value)
    if key.endswith("_by_ticks"):
        return f"{number} tick" if number == 1 else f"{number} ticks"
    if key.endswith("_half_ticks"):
        return half_text(number, instrument)
    if key.endswith("_ticks"):
        return instrument.price_text(number)
    if key.endswith("_lots") or key.startswith("lots_"):
        return f"{instrument.size_text(number)} {instrument.base}"
    if key.startswith("base_"):
        return f"{short_text(number, instrument.base_scale)} {instrument.base}"
    if "atoms" in key or key.endswith("_floor"):
        return f"{short_text(number, instrument.quote_scale)} {instrument.quote}"
    if "_ns" in key:
        return age_text(number)
    if "_ppm" in key:
        return f"{short_text(number, 4)} %"
    return value


def half_text(half_ticks: int, instrument: Instrument) -> str:
    """Return a price in half ticks as decimal text, "none" for 0."""
    price = short_text(half_ticks * instrument.tick_atoms * 5, instrument.quote_scale + 1)
    return price if half_ticks else "none"


def age_text(age_ns: int) -> str:
    """Return a length of time for people: 250 ms, 3.2 s, 4 min; "never" below 0."""
    if age_ns < 0:
        return "never"
    if age_ns < NS_PER_S:
        return f"{age_ns // NS_PER_MS} ms"
    if age_ns < 100 * NS_PER_S:
        return f"{age_ns / NS_PER_S:.1f} s"
    return f"{age_ns // (60 * NS_PER_S)} min"
