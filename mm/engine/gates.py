"""The gates that a decision passed, in order: what each let pass, changed or stopped, and by which numbers.

Read off the trace of the decision itself; where a rule is asked again (it is pure) it is asked what it was
asked then. Nothing here decides, and nothing of the engine is touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mm.domain.commands import Place, Report
from mm.domain.orders import OrderState
from mm.domain.quotes import Quote
from mm.domain.sides import BUY, SELL, Side
from mm.domain.units import NS_PER_MS
from mm.domain.view import Other, View
from mm.engine.quantise import Wanted
from mm.engine.session import SessionState
from mm.engine.trace import Asked, Chain, Facts, LiveOrder
from mm.risk.base import AlarmAction, AnyQuotes, Refusal, RiskView, Rule
from mm.strategies.base import votes_of

WHOLE_SIDE: Final = -1
"""The level of what concerns all of a side."""

LOOKS_AT: Final[dict[str, tuple[str, ...]]] = {
    "book_health": (
        "book_status",
        "book_age_ns",
        "book_crossed_ns",
        "bid_ticks",
        "ask_ticks",
        "user_stream_up",
    ),
    "price_collar": ("reference_half_ticks",),
    "self_trade": ("own_bid_max_ticks", "own_ask_min_ticks"),
    "order_size": (),
    "order_value": (),
    "inventory_band": ("inventory_lots", "inventory_max_lots"),
    "exposure": ("inventory_lots", "others_worst_atoms", "others_unpriced"),
    "funds": ("base_spendable_atoms", "quote_spendable_atoms"),
    "open_orders": ("open_orders",),
    "message_rate": ("placed_minute",),
    "slippage": ("reference_half_ticks", "net_lots"),
    "fill_burst": ("fills_minute", "filled_minute_atoms"),
    "stop_loss": (
        "session_pnl_atoms",
        "account_pnl_atoms",
        "open_pnl_atoms",
        "session_peak_atoms",
        "equity_start_atoms",
    ),
}
"""The fields of the view that a rule compares with its limits, by its name."""


OF_ASKS: Final = {
    "inventory_band.long": "inventory_band.short",
    "self_trade.own_ask": "self_trade.own_bid",
}
"""A rule that takes both sides says only why it took the bids; this is why it took the asks."""


class Verdict(StrEnum):
    """What a gate did: let it pass, changed it, or stopped it."""

    PASSED = "passed"
    CHANGED = "changed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate of a decision.

    Fields: name: "session", "watch.RULE", "book", "strategy", "shape.RULE", "reduce", "quantise", "limits",
    "differ", "hold", "admit", "budget" or "error". code: of the refusal or the reason, "" if there is none.
    side, level: of the quote that it is about, None and `WHOLE_SIDE` if about all. before, after: the quote;
    None where there is none. facts: what was compared; integers as text, the unit in the key.
    """

    name: str
    verdict: Verdict = Verdict.PASSED
    code: str = ""
    side: Side | None = None
    level: int = WHOLE_SIDE
    before: Quote | None = None
    after: Quote | None = None
    facts: Facts = ()


def rule_name(rule: Rule) -> str:
    """Return the name of a rule: its file's."""
    return type(rule).__module__.rpartition(".")[2]


def each(quotes: AnyQuotes | Wanted) -> Iterator[tuple[Side, Quote]]:
    """Yield the quotes of both sides, bids first, nearest first."""
    for quote in quotes.bids:
        yield BUY, quote
    for quote in quotes.asks:
        yield SELL, quote


def gates_of(chain: Chain) -> Iterator[Gate]:
    """Yield the gates of a decision in the order in which it passed them."""
    yield _session(chain)
    yield from _watches(chain)
    yield _book(chain)
    yield from _strategy(chain)
    yield from _shapes(chain)
    yield from _quantised(chain)
    yield from _over_limits(chain)
    yield from _compared(chain)
    if chain.held_ns:
        left = (("left_ns", str(chain.held_ns - chain.ts_ns)),)
        yield Gate(name="hold", verdict=Verdict.STOPPED, code="hold", facts=left)
    for asked in chain.asked:
        yield from _asked(chain, asked)
    if chain.error:
        facts = (("detail", chain.error),)
        yield Gate(name="error", verdict=Verdict.STOPPED, code="decision.failed", facts=facts)


def _session(chain: Chain) -> Gate:
    active = chain.state is SessionState.ACTIVE
    return Gate(
        name="session",
        verdict=Verdict.PASSED if active else Verdict.STOPPED,
        code=f"session.{chain.state}",
        facts=(("reason", chain.reason),),
    )


def _watches(chain: Chain) -> Iterator[Gate]:
    view = chain.risk
    if view is None:
        return
    for rule in chain.setup.rules:
        if type(rule).watch is Rule.watch:
            continue
        alarm = rule.watch(view)
        facts = _facts(rule, view)
        if alarm is None:
            yield Gate(name=f"watch.{rule_name(rule)}", facts=facts)
            continue
        verdict = Verdict.CHANGED if alarm.action is AlarmAction.REDUCE else Verdict.STOPPED
        facts = (("action", alarm.action.value), *_joined(facts, alarm.facts))
        yield Gate(name=f"watch.{rule_name(rule)}", verdict=verdict, code=alarm.code, facts=facts)


def _book(chain: Chain) -> Gate:
    market = chain.market
    facts = (
        ("status", market.status.value),
        ("age_ns", str(chain.ts_ns - market.heard_ns if market.heard_ns else -1)),
        ("bid_ticks", str(market.bid_ticks)),
        ("ask_ticks", str(market.ask_ticks)),
        ("mid_half_ticks", str(market.mid_half_ticks)),
        ("seq", str(market.seq)),
    )
    if market.mid_half_ticks:
        return Gate(name="book", facts=facts)
    return Gate(name="book", verdict=Verdict.STOPPED, code="book.one_sided", facts=facts)


def _strategy(chain: Chain) -> Iterator[Gate]:
    view, quotes = chain.view, chain.wanted
    if view is None or quotes is None:
        return
    facts = [
        ("mid_half_ticks", str(view.mid_half_ticks)),
        ("inventory_lots", str(view.inventory_lots)),
        ("inventory_max_lots", str(view.inventory_max_lots)),
        ("target_lots", str(view.target_lots)),
        ("bids", str(len(quotes.bids))),
        ("asks", str(len(quotes.asks))),
    ]
    for spec, reading in zip(chain.setup.strategy.needs, view.readings, strict=True):
        value = f"{reading.value:.6g}" if reading.ready else f"not ready: {reading.waits_for}"
        told = f"{value} ({reading.doubt})" if reading.doubt else value
        facts.append((f"signal {type(spec).__name__}", told))
    facts += [(f"market {other.symbol}", _told(other)) for other in view.others]
    facts += [(f"vote {name}", said) for name, said in _votes(chain.setup.strategy, view)]
    yield Gate(name="strategy", code=quotes.reason, facts=tuple(facts))
    for side, quote in each(quotes):
        yield Gate(name="strategy", code=quotes.reason, side=side, level=quote.level, after=quote)


def _votes(strategy: object, view: View[object]) -> Facts:
    try:
        return votes_of(strategy, view)
    except Exception as error:  # noqa: BLE001 - whoever asks why hears all else; nothing depends on this
        return (("failed", f"{type(error).__name__}: {error}"),)


def _told(other: Other) -> str:
    if not other.mid_half_ticks:
        return "no price"
    prices = [other.instrument.price_text(ticks) for ticks in (other.bid_ticks, other.ask_ticks)]
    held = other.instrument.size_text(other.inventory_lots) if other.inventory_max_lots else "none"
    age_ms = other.age_ns // NS_PER_MS
    return f"bid {prices[0]} ask {prices[1]}, {age_ms} ms old, position {held}"


def _shapes(chain: Chain) -> Iterator[Gate]:
    view, rules = chain.risk, chain.setup.rules
    if chain.wanted is None or view is None:
        return
    changes = iter(chain.shaped)
    change = next(changes, None)
    for rule in rules:
        if type(rule).shape is Rule.shape:
            continue
        name, found = f"shape.{rule_name(rule)}", False
        # By class: a copy of an engine has copies of its rules.
        if change is not None and type(change.rule) is type(rule):
            for gate in _narrowed(name, change.before, change.after, _facts(rule, view)):
                yield gate
                found = True
            change = next(changes, None)
        if not found:
            yield Gate(name=name, facts=_facts(rule, view))
    if change is not None:
        facts = (("inventory_lots", str(view.inventory_lots)),)
        for gate in _narrowed("reduce", change.before, change.after, facts):
            yield _with(gate, "reduce", gate.facts)


def _quantised(chain: Chain) -> Iterator[Gate]:
    touch, wanted = chain.touch, chain.wanted
    if touch is None or wanted is None:
        return
    instrument = chain.setup.instrument
    before = chain.shaped[-1].after if chain.shaped else wanted
    after = type(before)(chain.final.bids, chain.final.asks, before.reason, before.memory)
    facts = (
        ("bid_ticks", str(touch.bid_ticks)),
        ("ask_ticks", str(touch.ask_ticks)),
        ("size_max_lots", str(instrument.size_max_lots)),
    )
    found = False
    for gate in _narrowed("quantise", before, after, facts):
        assert gate.before is not None
        least_lots = instrument.size_min_lots_at(max(1, gate.before.price_ticks))
        least = (("least_lots", str(least_lots)),)
        code = "quantise.unfit" if gate.before.size_lots < least_lots else "quantise.at_the_book"
        yield _with(gate, code, (*gate.facts, *least))
        found = True
    if not found:
        yield Gate(name="quantise", facts=facts)


def _narrowed(name: str, before: AnyQuotes, after: AnyQuotes, facts: Facts) -> Iterator[Gate]:
    # One gate for each quote that is no longer what it was. The reason is the rule's where it took all.
    for side, was, now in ((BUY, before.bids, after.bids), (SELL, before.asks, after.asks)):
        left = {quote.level: quote for quote in now}
        code = after.reason if was and not now and after.reason != before.reason else ""
        if side is SELL:
            code = OF_ASKS.get(code, code)
        for quote in was:
            kept = left.get(quote.level)
            if kept == quote:
                continue
            yield Gate(
                name=name,
                verdict=Verdict.CHANGED if kept is not None else Verdict.STOPPED,
                code=code or name.partition(".")[2] or name,
                side=side,
                level=quote.level,
                before=quote,
                after=kept,
                facts=(("price_ticks", str(quote.price_ticks)), ("size_lots", str(quote.size_lots)), *facts),
            )


def _over_limits(chain: Chain) -> Iterator[Gate]:
    # What a change of the limits does not let through any more; told by the judge itself.
    for command in chain.commands:
        if isinstance(command, Report) and command.code == "order.over_limit":
            said = dict(command.facts)
            for order in chain.live:
                if order.cid == said["cid"]:
                    yield Gate(
                        name="limits",
                        verdict=Verdict.STOPPED,
                        code=said["rule"],
                        side=order.side,
                        level=order.level,
                        facts=_broken(chain, order, said["rule"]),
                    )


def _broken(chain: Chain, order: LiveOrder, code: str) -> Facts:
    facts: Facts = (("price_ticks", str(order.price_ticks)), ("size_lots", str(order.left_lots)))
    for rule in chain.setup.rules:
        if chain.risk is not None and rule_name(rule) == code.partition(".")[0]:
            facts = (*facts, *_facts(rule, chain.risk))
    return facts


def _compared(chain: Chain) -> Iterator[Gate]:
    if not chain.compared:
        return
    sent = chain.cancelled
    wanted = {(side, quote.level): quote for side, quote in each(chain.final)}
    for order in sorted(chain.live, key=lambda one: (one.side is SELL, one.level)):
        if order.level < 0:
            continue
        quote = wanted.get((order.side, order.level))
        cause = chain.causes.get(order.cid)
        yield _judged(chain, order, quote, cause)
        if cause is not None and order.cid not in sent:
            yield Gate(
                name="budget",
                verdict=Verdict.STOPPED,
                code="budget.banned",
                side=order.side,
                level=order.level,
            )


def _judged(chain: Chain, order: LiveOrder, quote: Quote | None, cause: str | None) -> Gate:
    facts = [("age_ns", str(chain.ts_ns - order.placed_ns))]
    young = False
    if quote is not None:
        off = abs(order.price_ticks - quote.price_ticks)
        young = off > quote.tolerance_ticks
        facts += [
            ("off_by_ticks", str(off)),
            ("tolerance_by_ticks", str(quote.tolerance_ticks)),
            ("life_ns_min", str(quote.life_ns_min)),
            ("age_ns_max", str(quote.age_ns_max)),
            ("wanted_lots", str(quote.size_lots)),
            ("left_lots", str(order.left_lots)),
        ]
    if cause is not None:
        code, verdict = cause, Verdict.CHANGED
    elif order.state is not OrderState.WORKING:
        code, verdict = order.state.value, Verdict.STOPPED
    else:
        # Too far and not moved: it is too young for that.
        code, verdict = "young" if young else "within_tolerance", Verdict.PASSED
    return Gate(
        name="differ",
        verdict=verdict,
        code=f"differ.{code}",
        side=order.side,
        level=order.level,
        after=quote,
        facts=tuple(facts),
    )


def _asked(chain: Chain, asked: Asked) -> Iterator[Gate]:
    place, view, refusal = asked.place, asked.view, asked.refusal
    quote = Quote(place.price_ticks, place.size_lots, asked.level)
    passed = []
    for rule in chain.setup.rules:
        if type(rule).admit is Rule.admit:
            continue
        said = _verdict(rule, place, view)
        if said is None:
            passed.append(rule_name(rule))
            continue
        yield Gate(
            name="admit",
            verdict=Verdict.STOPPED,
            code=said.code,
            side=place.side,
            level=asked.level,
            before=quote,
            facts=_joined(
                (("price_ticks", str(place.price_ticks)), ("size_lots", str(place.size_lots))),
                _joined(_facts(rule, view), said.facts),
            ),
        )
    budget = refusal is not None and refusal.code == "budget"
    if refusal is None or budget:
        yield Gate(
            name="admit", side=place.side, level=asked.level, after=quote, facts=_exposure(asked, passed)
        )
        yield Gate(
            name="budget",
            verdict=Verdict.STOPPED if budget else Verdict.PASSED,
            code="budget" if budget else "",
            side=place.side,
            level=asked.level,
            before=quote,
            after=None if budget else quote,
            facts=asked.budget,
        )


def _verdict(rule: Rule, place: Place, view: RiskView) -> Refusal | None:
    try:
        return rule.admit(place, view)
    except Exception as error:  # noqa: BLE001 - a rule behind the one that refused was not asked then
        return Refusal("rule.failed", (("detail", f"{type(error).__name__}: {error}"),))


def _exposure(asked: Asked, passed: list[str]) -> Facts:
    view, place = asked.view, asked.place
    is_buy = place.side is BUY
    inventory, opened = view.inventory_lots, view.buy_open_lots if is_buy else view.sell_open_lots
    worst = (inventory if is_buy else -inventory) + opened + place.size_lots
    return (
        ("inventory_lots", str(inventory)),
        ("open_lots", str(opened)),
        ("worst_lots", str(worst)),
        ("inventory_max_lots", str(view.inventory_max_lots)),
        ("passed", " ".join(passed)),
    )


def _facts(rule: Rule, view: RiskView) -> Facts:
    # What it compares, then its limits: a rule is its limits and nothing else.
    seen = [(name, getattr(view, name)) for name in LOOKS_AT.get(rule_name(rule), ())]
    limits = getattr(rule, "__dict__", {}).items()
    return (
        *((name, str(value)) for name, value in seen),
        *((name.lstrip("_"), str(value)) for name, value in limits),
    )


def _joined(first: Facts, then: Facts) -> Facts:
    # The later ones say it better where both say it.
    return tuple((dict(first) | dict(then)).items())


def _with(gate: Gate, code: str, facts: Facts) -> Gate:
    return Gate(
        name=gate.name,
        verdict=gate.verdict,
        code=code,
        side=gate.side,
        level=gate.level,
        before=gate.before,
        after=gate.after,
        facts=facts,
    )
