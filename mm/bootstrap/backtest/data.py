"""The data of a backtest: recordings of the venue that is traded on, and of others that are only watched.

`NAME=FILE` is a recording of `[venue.NAME]`, whose markets strategies call NAME:SYMBOL. Invariant: amounts of
an asset are counted in the same atoms in every market that is handed out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from mm.bootstrap.backtest.job import BacktestJob
from mm.domain.instrument import Instrument
from mm.errors import RecordingUnusable
from mm.settings.models import Settings
from mm.store.recordings.merged import merged
from mm.store.recordings.opening import open_source
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.source import Source

_SIGN: Final = "="


def opened(job: BacktestJob, settings: Settings, symbols: Sequence[str] = ()) -> Source:
    """Open the data of a job. Args: symbols: names in the config of those that matter, empty: all.

    Raises: what `open_source` raises.
    """
    groups = grouped(job.data, settings)
    if list(groups) == [""]:
        return open_source(groups[""], symbol=tuple(symbols) or None)
    sources = [
        RenamedSource(open_source(paths), name) if name else open_source(paths)
        for name, paths in groups.items()
    ]
    there = tuple(symbol for source in sources for symbol in source.symbols)
    return merged(sources, tuple(one for one in there if not symbols or one in symbols))


def grouped(data: Sequence[Path], settings: Settings) -> dict[str, list[Path]]:
    """Return the recordings by the venue in the config, "" for the one that is traded on, in order."""
    groups: dict[str, list[Path]] = {}
    for path in data:
        name, sign, rest = str(path).partition(_SIGN)
        if sign and name in settings.venue and not path.exists():
            groups.setdefault(name, []).append(Path(rest))
        else:
            groups.setdefault("", []).append(path)
    return groups


def in_common_units(instruments: Sequence[Instrument]) -> tuple[Instrument, ...]:
    """Return the instruments with every quote asset in the finest decimals that any of them needs.

    Raises: RecordingUnusable if an asset is the base of one and finer in another: the sizes of a recording
    are counted in its own decimals.
    """
    finest: dict[str, int] = {}
    for one in instruments:
        finest[one.quote] = max(finest.get(one.quote, 0), one.quote_scale)
        finest[one.base] = max(finest.get(one.base, 0), one.base_scale)
    for one in instruments:
        if finest[one.base] != one.base_scale:
            raise RecordingUnusable(
                f"{one.symbol}: {one.base} is recorded in {one.base_scale} decimals, and in"
                f" {finest[one.base]} where it is the money of another market",
                hint="trade them in backtests of their own",
            )
    return tuple(_finer(one, finest[one.quote] - one.quote_scale) for one in instruments)


def _finer(instrument: Instrument, decimals: int) -> Instrument:
    if not decimals:
        return instrument
    times = 10**decimals
    return msgspec.structs.replace(
        instrument,
        quote_scale=instrument.quote_scale + decimals,
        tick_atoms=instrument.tick_atoms * times,
        tick_lot_atoms=instrument.tick_lot_atoms * times,
        notional_min_atoms=instrument.notional_min_atoms * times,
    )
