"""What signals have learnt: handed on from life to life, taken up where the next life wants the same.

A signal is the same where symbol and spec are. What is older than the config allows is dropped; what no
strategy of this life wants is kept as long as that and handed on. Invariant: a state that does not fit costs
that signal its past and nothing else; what is restored was tried on a copy first.
"""

from collections.abc import Iterable
from math import isfinite

from mm.domain.estate import SignalEstate
from mm.engine.market import Market
from mm.engine.state import EngineState
from mm.signals.base import Signal, SignalSpec, spec_text


def signals_of(state: EngineState) -> tuple[SignalEstate, ...]:
    """Return what the signals of this life, and of those before it, would leave now."""
    left = [
        SignalEstate(symbol=name, spec=spec_text(spec), ts_ns=told_ns, numbers=signal.state())
        for name, market in state.books.items()
        if (told_ns := market.heard_ns or market.left_ns)
        for spec, signal in market.signals
    ]
    return newest((*left, *state.signals_left))


def newest(left: Iterable[SignalEstate]) -> tuple[SignalEstate, ...]:
    """Return each signal once, as it was last: the first of those that are equally new."""
    found: dict[tuple[str, str], SignalEstate] = {}
    for one in left:
        known = found.get((one.symbol, one.spec))
        if known is None or one.ts_ns > known.ts_ns:
            found[one.symbol, one.spec] = one
    return tuple(found.values())


def recall(state: EngineState) -> None:
    """Let signals that an earlier life left go on, now that the time is known; said with the age of each."""
    kept = []
    for left in state.signals_left:
        age_ns = state.now_ns - left.ts_ns
        facts = {"symbol": left.symbol, "signal": left.spec, "age_ms": age_ns // 1_000_000}
        if abs(age_ns) > state.setup.signals_age_ns_max:
            state.report("signal.outdated", "", **facts)
            continue
        market = state.books.get(left.symbol)
        found = None if market is None else _wanted(market, left.spec)
        if market is None or found is None:
            kept.append(left)
        elif _fits(left, found[0], state.now_ns):
            found[1].restore(left.numbers)
            found[1].resume(state.now_ns)
            market.left_ns = max(market.left_ns, left.ts_ns)
            state.report("signal.restored", "", **facts)
        else:
            state.report("signal.unfit", "", **facts)
    state.signals_left = tuple(kept)


def _wanted(market: Market, text: str) -> tuple[SignalSpec, Signal] | None:
    return next(((spec, signal) for spec, signal in market.signals if spec_text(spec) == text), None)


def _fits(left: SignalEstate, spec: SignalSpec, now_ns: int) -> bool:
    if not all(isfinite(number) for number in left.numbers):
        return False
    tried = spec.start()
    try:
        tried.restore(left.numbers)
        tried.resume(now_ns)
        return isfinite(tried.reading(now_ns).value)
    except Exception:  # noqa: BLE001 - whatever a signal says of numbers that are none of its own
        return False
