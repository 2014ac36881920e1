"""An explanation as one JSON-ready object: for each quote a sentence, then the gates that it passed.

Amounts are decimal texts made from the integers; the facts of a gate stay as they were compared. Read only.
"""

from collections.abc import Iterable
from typing import Final

from mm.domain.commands import AnyCommand, Cancel, Place
from mm.domain.instrument import Instrument
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, Side
from mm.domain.units import NS_PER_MS
from mm.engine.explain import Explanation, Fate, Outcome
from mm.engine.gates import WHOLE_SIDE, Gate
from mm.observe.why_words import age_text, phrase
from mm.strategies.base import watches_of

SIDES: Final = {"bid": BUY, "ask": Side.SELL}
"""The sides of a quote as they are named on the command line and in answers."""


def why(made: Explanation, *, side: str = "", level: int | None = None) -> dict[str, object]:
    """Return an explanation for people and machines. Args: side: "bid", "ask" or "" for both; level: of the
    ladder, None for all.
    """
    instrument = made.setup.instrument
    fates = [fate for fate in made.fates if _is_asked(fate.side, fate.level, side, level)]
    gates = [
        gate for gate in made.gates if gate.side is None or _is_asked(gate.side, gate.level, side, level)
    ]
    return {
        "session": made.setup.name,
        "symbol": instrument.symbol,
        "decided_ms": made.ts_ns // NS_PER_MS,
        "state": made.state.value,
        "reason": made.reason,
        "quotes": [_quote(fate, instrument) for fate in fates],
        "gates": [_gate(gate, instrument) for gate in gates],
        "commands": _commands(made.commands, instrument),
        "next": _next(made),
    }


def sentence(fate: Fate, instrument: Instrument) -> str:
    """Return in one sentence what became of a quote, and why."""
    cause = phrase(fate.cause, instrument)
    place = name_of(fate.side)
    if fate.level != WHOLE_SIDE:
        place += f" level {fate.level}"
    size = f"{instrument.size_text(fate.size_lots)} {instrument.base}"
    order = f"at {instrument.price_text(fate.price_ticks)} for {size}"
    if fate.outcome is Outcome.KEPT:
        return f"{place}: working {order}, {age_text(fate.age_ns)} old, kept: {cause}"
    if fate.outcome is Outcome.PLACED:
        return f"{place}: placed {order}: {cause}"
    if fate.outcome is Outcome.MOVED:
        moves = f", to stand {_wanted(fate.wanted, instrument)}" if fate.wanted is not None else ""
        return f"{place}: the order {order} is cancelled{moves}: {cause}"
    if fate.outcome is Outcome.CANCELLED:
        return f"{place}: the order {order} is cancelled: {_not_wanted(fate, cause)}"
    if fate.outcome is Outcome.WAITS:
        behind = _behind(fate, instrument)
        return f"{place}: the order {order} is left alone: {cause}{behind}"
    if fate.outcome is Outcome.DENIED:
        return f"{place}: wanted {_wanted(fate.wanted, instrument)}, not sent: {cause}"
    return f"{place}: nothing is quoted: {_not_wanted(fate, cause)}"


def name_of(side: Side) -> str:
    """Return a side as that of a quote: bid or ask."""
    return "bid" if side is BUY else "ask"


def _behind(fate: Fate, instrument: Instrument) -> str:
    behind = fate.behind
    if behind is None or behind is fate.cause:
        return ""
    return f"; nothing is wanted there: {phrase(behind, instrument)}"


def _not_wanted(fate: Fate, cause: str) -> str:
    if fate.cause.name != "strategy":
        return cause
    return f"the strategy wants no {name_of(fate.side)} there: {cause}"


def _is_asked(of: Side, at: int, side: str, level: int | None) -> bool:
    return (not side or SIDES[side] is of) and (level is None or at in (level, WHOLE_SIDE))


def _wanted(quote: Quote | None, instrument: Instrument) -> str:
    if quote is None:
        return "nowhere"
    return (
        f"at {instrument.price_text(quote.price_ticks)} for {instrument.size_text(quote.size_lots)}"
        f" {instrument.base}"
    )


def _quote(fate: Fate, instrument: Instrument) -> dict[str, object]:
    wanted = fate.wanted
    return {
        "side": name_of(fate.side),
        "level": None if fate.level == WHOLE_SIDE else fate.level,
        "outcome": fate.outcome.value,
        "sentence": sentence(fate, instrument),
        "gate": fate.cause.name,
        "code": fate.cause.code,
        "cid": fate.cid,
        "order_state": None if fate.state is None else fate.state.value,
        "price": instrument.price_text(fate.price_ticks) if fate.cid else None,
        "size_base": instrument.size_text(fate.size_lots) if fate.cid else None,
        "age_ms": fate.age_ns // NS_PER_MS if fate.cid else None,
        "wanted": None if wanted is None else _pair(wanted, instrument),
    }


def _gate(gate: Gate, instrument: Instrument) -> dict[str, object]:
    return {
        "gate": gate.name,
        "verdict": gate.verdict.value,
        "code": gate.code,
        "side": None if gate.side is None else name_of(gate.side),
        "level": None if gate.level == WHOLE_SIDE else gate.level,
        "before": None if gate.before is None else _pair(gate.before, instrument),
        "after": None if gate.after is None else _pair(gate.after, instrument),
        "words": phrase(gate, instrument),
        "facts": dict(gate.facts),
    }


def _pair(quote: Quote, instrument: Instrument) -> list[str]:
    return [instrument.price_text(quote.price_ticks), instrument.size_text(quote.size_lots)]


def _commands(commands: Iterable[AnyCommand], instrument: Instrument) -> list[str]:
    told = []
    for command in commands:
        if isinstance(command, Place):
            at = instrument.price_text(command.price_ticks)
            size = instrument.size_text(command.size_lots)
            told.append(f"place {name_of(command.side)} {at} {size} {command.cid}")
        elif isinstance(command, Cancel):
            told.append(f"cancel {command.cid}")
    return told


def _next(made: Explanation) -> str:
    # What brings the next decision: the wake of the strategy.
    wake = made.setup.strategy.wake
    when = []
    if wake.move_half_ticks:
        half = wake.move_half_ticks
        ticks = half // 2 if half % 2 == 0 else half / 2
        watches = watches_of(made.setup.strategy)
        others = (
            f", or that of {', '.join(watch.symbol for watch in watches)} by as large a share"
            if watches
            else ""
        )
        when.append(f"when the mid moves by {ticks} ticks{others}")
    if wake.every_ns:
        when.append(f"after {age_text(wake.every_ns)}")
    if wake.on_own_fill:
        when.append("after an own fill")
    return "decides again " + ", or ".join(when) if when else "decides again when an order's state changes"
