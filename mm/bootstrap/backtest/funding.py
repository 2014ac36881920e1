"""The funding of a backtest: which contracts are funded when, by recorded marks or a file, and what is said.

A funding time of a file is one of the venue's clock; in the data it stands where the fastest message of that
moment was received. Must never guess a rate: where none is known nothing is paid, and that is told.
Invariant: every contract that is traded has its words in the result, whether funding was applied or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.bootstrap.backtest.funding_file import FundingRow, read_funding
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S
from mm.engine.engine import Engine
from mm.errors import UsageError
from mm.runtime.backtest import Span
from mm.sim.funding import RATE_SCALE, FundingTime
from mm.store.recordings.detailed import MARK_SCALE
from mm.store.recordings.marks import STALE_MS, Marks, lag_ns, marks_of, venue_of
from mm.store.recordings.pair import VENUES
from mm.store.recordings.raw.records import Market
from mm.store.recordings.source import Source
from mm.venues.funded import Held, Tally

NEAR_NS: Final = 60 * NS_PER_S
"""How far a receiver's clock is taken to be off at most, before that is looked for."""

_FINER: Final = 10 ** (RATE_SCALE - MARK_SCALE)
_AS_SPOT: Final = "traded as spot: no margin, no liquidation; funding applied:"


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFunding:
    """The funding of one symbol.

    Fields: symbol; market: what it is, None: not known; by: "marks", the name of a file, or "" where nothing
    tells of rates; times: those that lie in the data, in order.
    """

    symbol: str
    market: Market | None
    by: str = ""
    times: tuple[FundingTime, ...] = ()

    def note(self, tally: Tally) -> str:
        """Return what a reader has to know, "" of what is no contract. Args: tally: what it came to."""
        if self.market is Market.INVERSE:
            words = "no; contracts settled in coins are counted as if they were spot: the P&L is not theirs"
        elif self.by:
            by = "the recorded marks" if self.by == "marks" else self.by
            words = (
                f"yes, by {by}, {tally.times or 'but no'} time{'' if tally.times == 1 else 's'} in the data"
            )
            if tally.at_mid:
                words += f", {tally.at_mid} paid at the mid for want of a mark"
            if tally.payments:
                words += "; it is in the P&L, and moves neither balances nor limits"
        elif self.market is Market.LINEAR:
            words = "no, the data hold no mark prices: --funding FILE tells the rates"
        else:
            return ""
        return f"{self.symbol} is a contract {_AS_SPOT} {words}"

    def fields(self, tally: Tally, instrument: Instrument) -> dict[str, object]:
        """Return what it came to, for JSON. Args: tally, instrument: of the symbol."""
        return {
            "applied": bool(self.by),
            "by": self.by,
            "times": tally.times,
            "payments": tally.payments,
            "at_mid": tally.at_mid,
            "quote": instrument.quote_text(tally.quote_atoms),
        }


class EngineHoldings:
    """What an engine holds. Implements `mm.venues.funded.Holdings`."""

    def __init__(self, engine: Engine) -> None:
        """Look at `engine`, whenever somebody asks."""
        self._state = engine.state

    def held(self, symbol: str) -> Sequence[Held]:
        """Return the sessions on a symbol, in order."""
        return [
            Held(session.name, session.position.net_lots, session.position.mid_half_ticks)
            for session in self._state.sessions
            if session.setup.instrument.symbol == symbol
        ]

    def instrument(self, symbol: str) -> Instrument:
        """Return what a symbol is."""
        return self._state.markets[symbol].instrument

    def balance(self, asset: str) -> tuple[int, int]:
        """Return the free and the locked atoms of an asset, as they were told last."""
        return self._state.balances.get(asset, (0, 0))


def funding_of(
    path: Path | None, source: Source, traded: Mapping[str, Instrument], span: Span
) -> tuple[SymbolFunding, ...]:
    """Return the funding of what is traded.

    Args: path: of rates, None: by the recorded marks. span: of the data that is played.
    Raises: UsageError if the file cannot be meant; RecordingUnusable if it is none, with its row;
    RecordingDamaged.
    """
    markets = {symbol: _market_of(source, symbol) for symbol in traded}
    rates = {} if path is None else _rates(path, markets, traded)
    marks = marks_of(source) if any(one is not Market.SPOT for one in markets.values()) else {}
    found = []
    for symbol, market in markets.items():
        own = marks.get(symbol, Marks())
        by, times = "", list[FundingTime]()
        if symbol in rates and path is not None:
            by, times = path.name, _by_rates(rates[symbol], source, symbol, own)
        elif own and market is not Market.INVERSE:
            by, times = "marks", _by_marks(own, symbol, source.last_ns)
        inside = tuple(sorted(one for one in times if _lies_in(one.ts_ns, source, span)))
        found.append(SymbolFunding(symbol=symbol, market=market, by=by, times=inside))
    return tuple(found)


def _market_of(source: Source, symbol: str) -> Market | None:
    venue = venue_of(source, symbol)
    return next((market for market, name in VENUES.items() if name == venue), None)


# What is held when the first row comes is nothing; what is due with the last one is due before it.
def _lies_in(ts_ns: int, source: Source, span: Span) -> bool:
    begins_ns = max(span.from_ns, source.first_ns)
    return begins_ns <= ts_ns and (ts_ns < span.to_ns if span.to_ns else ts_ns <= source.last_ns)


def _rates(
    path: Path, markets: Mapping[str, Market | None], traded: Mapping[str, Instrument]
) -> dict[str, list[FundingRow]]:
    for symbol, market in markets.items():
        if market in (Market.INVERSE, Market.SPOT):
            kind = "a contract settled in its base asset" if market is Market.INVERSE else "a spot market"
            raise UsageError(
                f"--funding {path}: {symbol} of the recording is {kind}, which is not funded here",
                hint="funding is applied to contracts that are settled in their quote asset",
            )
    return read_funding(path, {symbol: one.venue_symbol for symbol, one in traded.items()})


def _by_marks(marks: Marks, symbol: str, last_ns: int) -> list[FundingTime]:
    # A mark that is stale says the rate, which was announced; of the price the market's mid knows more.
    return [
        FundingTime(one.ts_ns, symbol, one.mark.rate * _FINER, 0 if one.is_stale else one.mark.price)
        for one in marks.funding_times(last_ns)
    ]


def _by_rates(rates: Sequence[FundingRow], source: Source, symbol: str, marks: Marks) -> list[FundingTime]:
    near = [
        one
        for one in rates
        if source.first_ns - NEAR_NS <= one.venue_ms * NS_PER_MS <= source.last_ns + NEAR_NS
    ]
    fastest_ns = lag_ns(source, symbol) if near else 0
    found = []
    for one in near:
        known = marks.before(one.venue_ms)
        mark, late_ns = one.mark, fastest_ns
        if known is not None and one.venue_ms - known.event_ms <= STALE_MS:
            mark, late_ns = known.price, known.ts_ns - known.event_ms * NS_PER_MS
        found.append(FundingTime(one.venue_ms * NS_PER_MS + late_ns, symbol, one.rate, mark))
    return found
