"""What the signals of a session learn from recorded data, saved for its next start.

The strategy says which signals it wants; each is told the data as the engine would tell it, and what it then
knows goes into DATA_DIR/signals (`mm.store.signal_state`). Numbers are in ticks, so the recording has to be
of the market that is traded. Must never save what learnt nothing. Invariant: a start that wants the same
signals goes on with exactly these numbers, or, if they are too old for its config, with none.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from mm.analytics.markets import Tape
from mm.bootstrap.calibrate.markets import Calibration
from mm.bootstrap.viability.heard import UNIT
from mm.domain.estate import SignalEstate
from mm.domain.instrument import Instrument, InstrumentSpec, make_instrument
from mm.domain.sides import Side
from mm.domain.units import NS_PER_S, PPM, PPM_PER_BPS
from mm.errors import ConfigError
from mm.settings.loader import load_settings
from mm.settings.strategies import strategy_class
from mm.signals.base import Signal, SignalSpec, spec_text
from mm.store.recordings.raw.records import Market
from mm.store.signal_state import SignalState, write_signal_state

PRICES_MIN: Final = 100
"""With fewer different prices the tick of the market cannot be told from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was saved. Fields: path: of the file; names: of the signals; notes: what to know of it."""

    path: Path
    names: tuple[str, ...]
    notes: tuple[str, ...]


def save_state(found: Calibration) -> Saved:
    """Tell the session's signals the data, and save what they know.

    Raises: ConfigError if the data are of another market, or the strategy wants no signal; StateCorrupt if
    it cannot be written.
    """
    heard, tape = found.heard, found.heard.tape
    if heard.market is not Market.SPOT:
        raise ConfigError(
            f"the data are of {heard.market.value} contracts, the session trades spot: their ticks differ",
            hint="leave --save-state out, or name a recording of the spot market",
        )
    if len({*tape.price, *tape.bid}) < PRICES_MIN:
        raise ConfigError("there are too few different prices to tell the tick by")
    # Read again: what was written just now may have changed which signals are wanted.
    settings = load_settings(found.settings.path)
    pair = settings.pair[found.pair]
    instrument = _instrument(pair.symbol, tape, found.fee_bps)
    needs = strategy_class(pair.strategy, settings.path.parent).start(pair.params, instrument).needs
    signals = [(spec, spec.start()) for spec in dict.fromkeys(needs)]
    tell(tape, [signal for _, signal in signals])
    left = tuple(_learnt(pair.symbol, tape, signals))
    if not left:
        raise ConfigError(
            f"pair.{found.pair}: its strategy wants no signal that learns from market data",
            hint="what is measured while it runs is what is off in its parameters",
        )
    end_ns = _end_ns(tape)
    path = write_signal_state(settings.data_dir, found.pair, SignalState(source=heard.name, signals=left))
    return Saved(
        path=path,
        names=tuple(one.spec.partition("(")[0].rpartition(".")[2] for one in left),
        notes=tuple(_notes(end_ns, settings.signals.max_age_s, tape)),
    )


def tell(tape: Tape, signals: list[Signal]) -> None:
    """Tell signals a tape in order of time, as the engine would without orders of its own."""
    tick, place, mid = tape.tick, 0, 0
    for at, top_ns in enumerate(tape.top_ns):
        place = _tell_prints(tape, signals, place, before_ns=top_ns)
        bid, ask = tape.bid[at] // tick, tape.ask[at] // tick
        moved, mid = bid + ask != mid, bid + ask
        for signal in signals:
            if moved:
                signal.on_mid(top_ns, mid)
            signal.on_top(top_ns, bid, tape.bid_size[at], ask, tape.ask_size[at])
    _tell_prints(tape, signals, place, before_ns=_end_ns(tape) + 1)


def _tell_prints(tape: Tape, signals: list[Signal], place: int, *, before_ns: int) -> int:
    while place < len(tape.print_ns) and tape.print_ns[place] < before_ns:
        side = Side.BUY if tape.aggressor[place] > 0 else Side.SELL
        price, size = tape.price[place] // tape.tick, tape.size[place]
        for signal in signals:
            signal.on_trade(tape.print_ns[place], price, size, side, tape.order[place])
        place += 1
    return place


def _end_ns(tape: Tape) -> int:
    return max(tape.top_ns[-1], tape.print_ns[-1])


def _learnt(symbol: str, tape: Tape, signals: list[tuple[SignalSpec, Signal]]) -> Iterator[SignalEstate]:
    for spec, signal in signals:
        # A tape has no fills of our own: what learns from those alone would begin anew with what is saved.
        is_of_own = type(signal).on_own_fill is not Signal.on_own_fill
        if not is_of_own and signal.state() != spec.start().state():
            yield SignalEstate(
                symbol=symbol, spec=spec_text(spec), ts_ns=_end_ns(tape), numbers=signal.state()
            )


def _instrument(symbol: str, tape: Tape, fee_bps: float) -> Instrument:
    # A lot of one atom: whatever size the config names is one.
    base, _, quote = symbol.partition("/")
    lot = Decimal(1) / UNIT
    return make_instrument(
        InstrumentSpec(
            symbol=symbol,
            venue_symbol=base + quote,
            base=base,
            quote=quote,
            tick_size=Decimal(tape.tick) / UNIT,
            lot_size=lot,
            size_min=lot,
            maker_fee_ratio=Decimal(round(fee_bps * PPM_PER_BPS)) / PPM,
        )
    )


def _notes(end_ns: int, age_s: int, tape: Tape) -> Iterator[str]:
    yield f"in ticks of {Decimal(tape.tick) / UNIT:f}, the step of all prices in the data"
    old_s = (time.time_ns() - end_ns) / NS_PER_S
    if old_s > age_s:
        yield (
            f"the data end {old_s / 3600:.1f} h ago: a start takes nothing that is older than"
            f" signals.max_age_s, {age_s} s"
        )
