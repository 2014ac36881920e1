"""What a bot did in a drill, in words that people use: one line per kind of report, repeats counted.

Each code has one phrase; its facts stand in braces. A code without a phrase is told with its facts, so that
nothing is lost. Read only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mm.domain.instrument import Instrument
from mm.domain.units import short_text
from mm.observe.reason_words import code_text, reason_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One report. Fields: at_ms: since the incident began; facts: names and values, the engine's own."""

    at_ms: int
    code: str
    session: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is told. Fields: at_ms: the first time; count: how often, last_ms: the last time; weight: 0 for
    what was done to the bot or is of less account, 1 for what it did, 2 for what ends trading.
    """

    at_ms: int
    text: str
    weight: int
    count: int = 1
    last_ms: int = 0


QUIET: Final = frozenset(
    {
        "equity.start",
        "ledger.opened",
        "session.stock",
        "session.target",
        "stream.up",
        "venue.clock",
    }
)
"""Reports that tell nothing about an incident."""

ENDING: Final = frozenset({"fenced", "halt", "halt.unconfirmed", "halt.reopened", "exit.failed"})

BESIDE: Final = frozenset(
    {"orders.foreign", "operator", "request.failed", "order.rejected", "venue.throttled"}
)

PHRASES: Final[dict[str, str]] = {
    "balance.external": "{asset} was moved by somebody else, by {atoms}: policy {policy}",
    "book.lost": "gives its order book up and fetches it anew: {reason}",
    "config.applied": "brings config revision {revision} into force",
    "exit.done": "has left its position",
    "exit.failed": "could not leave its position",
    "exit.incomplete": "has not left its position whole",
    "fence.older_trades": "an older process (life {epoch}) still places orders: it cancels them and waits",
    "fenced": "sees an order of a later process (life {epoch}, its own is {own_epoch}) and stands back",
    "fill.earlier_life": "counts a fill of an order of the life before",
    "fill.foreign": "sees a fill that is none of its own, and does not count it",
    "fill.late": "counts a fill that came after its order was {state}",
    "fill.malformed": "refuses a fill that cannot be true",
    "fill.post_only_taken": "an order that was to rest took liquidity",
    "fill.retired": "counts a fill of a session that is not in the config any more",
    "halt": "halts: {reason}. No placement from here on, every order is cancelled",
    "halt.confirmed": "halt confirmed: the venue shows nothing of ours",
    "halt.reopened": "an order of ours turned up after the halt was confirmed: cancelled",
    "halt.unconfirmed": "the venue has not yet confirmed the halt: {orders} orders",
    "ledger.explained": "explains a difference between ledger and balance",
    "operator": "an operator asks: {operation}",
    "order.abandoned": "an order of the life before could not be settled",
    "order.dead": "an order of unknown fate is proven dead",
    "order.denied": "denies itself an order: {rule}",
    "order.fills_missing": "learns that fills of an order are missing, and asks for them",
    "order.inherited": "an order of the life before counts as live until the venue has told",
    "order.mismatch": "the venue has an order otherwise than asked for",
    "order.orphan": "finds an order with its mark that it does not know: cancelled",
    "order.over_limit": "cancels an order that a tighter limit ({rule}) does not allow",
    "order.rejected": "the venue refuses an order: {detail}",
    "order.retired": "an order of a session that is gone has ended",
    "order.undead": "an order that was told dead lives: it counts again",
    "order.unknown": "an order without a clear answer is unknown: it counts as exposure and blocks its level"
    " until the venue has told",
    "orders.foreign": "leaves {count} order of somebody else alone",
    "pause.lifted": "is not paused any more: it goes on when the halt is lifted",
    "pause.noted": "stays paused when the halt is lifted: {reason}",
    "pnl.residue": "finds that its P&L does not add up",
    "process.stalled": "stood still for {gap_ms} ms and takes everything as old",
    "quotes.unfit": "the strategy's quotes do not fit the venue",
    "recovered": "recovered: took over {orders} orders of the life before ({cancelled} cancelled, {filled}"
    " filled, {fills} fills found) in {took_ms} ms",
    "request.failed": "a request failed ({what}): asked again",
    "self_trade.prevented": "the venue prevents a trade of the account with itself",
    "session.reason": "{session}: {reason}",
    "session.held": "holds new orders back for {seconds} s: {reason}",
    "session.state": "{session} is {state}: {reason}",
    "signal.doubtful": "{session} doubts a measurement and uses it: {detail}",
    "signal.outdated": "what a signal had learnt is too old: it begins anew",
    "signal.restored": "a signal goes on from what it had learnt",
    "signal.unfit": "what a signal had learnt does not fit: it begins anew",
    "stop.waits": "the stop waits for {orders} orders",
    "stream.down": "loses the {stream} stream: {reason}",
    "stream.suspect": "takes the {stream} stream for dead: {reason}",
    "unhalt": "trading begins again",
    "unhalt.refused": "refuses to begin again: {reason}",
    "venue.clock_doubted": "the venue doubts our clock: measured anew",
    "venue.throttled": "the venue asks for a pause",
}
"""The phrase of each code."""

LATCH: Final = "latch"
"""Who asks for the halt that survived a restart."""

_NAMED: Final = re.compile(r"\{([a-z_]+)\}")
_DIGITS: Final = re.compile(r"[0-9]+")
_WHOLE: Final = re.compile(r"-?[0-9]+")


def lines_of(deeds: Iterable[Deed], instruments: Sequence[Instrument]) -> list[Line]:
    """Return what is told of these reports: each thing once, where it first was, with how often it was."""
    scales: dict[str, int] = {}
    for one in instruments:
        scales |= {one.base: one.base_scale, one.quote: one.quote_scale}
    found: dict[str, list[Deed]] = {}
    for deed in deeds:
        if deed.code not in QUIET:
            words = _words(deed, scales)
            # A reason that counts up is one reason.
            key = _DIGITS.sub("#", words) if deed.code == "session.reason" else words
            found.setdefault(key, []).append(deed)
    return [
        Line(
            at_ms=same[0].at_ms,
            text=_words(same[0], scales),
            weight=2 if same[0].code in ENDING else 0 if same[0].code in BESIDE else 1,
            count=len(same),
            last_ms=same[-1].at_ms,
        )
        for same in found.values()
    ]


def line_text(line: Line) -> str:
    """Return a line with how often it was."""
    if line.count == 1:
        return line.text
    return f"{line.text} ({line.count} times, last at +{seconds_text(line.last_ms)})"


def seconds_text(ms: int) -> str:
    """Return a length of time for people."""
    return f"{ms} ms" if ms < 1_000 else f"{ms / 1000:.1f} s"


def _words(deed: Deed, scales: Mapping[str, int]) -> str:
    facts = dict(deed.facts) | {"session": deed.session}
    template = PHRASES.get(deed.code)
    if deed.code == "operator" and facts.get("who") == LATCH:
        return "the halt of before holds after the restart"
    if template is None:
        told = ", ".join(f"{name} {value}" for name, value in deed.facts)
        return f"{deed.code.replace('.', ' ')}{f': {told}' if told else ''}"
    return _NAMED.sub(lambda name: _fact(name[1], facts, scales), template)


def _fact(name: str, facts: Mapping[str, str], scales: Mapping[str, int]) -> str:
    value = facts.get(name, "?")
    if name == "reason":
        return reason_text(value)
    if name == "rule":
        return code_text(value)
    if name == "atoms" and facts.get("asset") in scales and _WHOLE.fullmatch(value):
        return short_text(int(value), scales[facts["asset"]])
    return value
