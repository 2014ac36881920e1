"""The data of a backtest: recordings of the venue that is traded on, and of others that are only watched.

`NAME=FILE` is a recording of `[venue.NAME]`, whose markets strategies call NAME:SYMBOL; of the venue that is
traded on it is as FILE alone. Invariant: amounts of an asset are counted in the same atoms in every market
that is handed out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from mm.bootstrap.backtest.job import BacktestJob
from mm.domain.instrument import Instrument
from mm.errors import RecordingUnusable, UsageError
from mm.settings.models import Settings
from mm.store.recordings.merged import merged
from mm.store.recordings.opening import open_source
from mm.store.recordings.plausible import PlausibleSource
from mm.store.recordings.renamed import RenamedSource
from mm.store.recordings.source import Source

_SIGN: Final = "="


def opened(job: BacktestJob, settings: Settings, symbols: Sequence[str] = ()) -> Source:
    """Open the data of a job, without prices that cannot be. Args: symbols: names in the config of those that
    matter, empty: all.

    Raises: what `open_source` raises.
    """
    return PlausibleSource(_opened(job, settings, symbols))


def _opened(job: BacktestJob, settings: Settings, symbols: Sequence[str]) -> Source:
    groups = grouped(job.data, settings)
    if list(groups) == [""]:
        return open_source(groups[""], symbol=tuple(symbols) or None, facts=job.facts)
    sources = [
        RenamedSource(open_source(paths), name) if name else open_source(paths, facts=job.facts)
        for name, paths in groups.items()
    ]
    there = tuple(symbol for source in sources for symbol in source.symbols)
    return merged(sources, tuple(one for one in there if not symbols or one in symbols))


def grouped(data: Sequence[Path], settings: Settings) -> dict[str, list[Path]]:
    """Return the recordings by the venue in the config, "" for the one that is traded on, in order.

    Raises: UsageError if one is said to be of a venue that the config does not have.
    """
    groups: dict[str, list[Path]] = {}
    for one in data:
        name, path = _of_venue(one, settings)
        groups.setdefault(name, []).append(path)
    return groups


def unnamed(data: Sequence[Path], settings: Settings) -> tuple[Path, ...]:
    """Return the same data with those of the venue that is traded on under no name; raises as `grouped`."""
    named = [(path, *_of_venue(path, settings)) for path in data]
    return tuple(path if name else rest for path, name, rest in named)


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


def _of_venue(path: Path, settings: Settings) -> tuple[str, Path]:
    # A file whose own name has the sign in it is that file; before the sign stands a name, no path.
    name, sign, rest = str(path).partition(_SIGN)
    if not sign or "/" in name or path.exists():
        return "", path
    if name not in settings.venue:
        raise UsageError(
            f"--data {path}: there is no [venue.{name}] in the config, and no file of that name",
            hint=f"the config has {', '.join(f'[venue.{one}]' for one in settings.venue)}",
        )
    if not rest:
        raise UsageError(f"--data {path}: names no file", hint=f"as --data {name}=FILE")
    is_traded = any(pair.venue == name for pair in settings.pair.values())
    return "" if is_traded else name, Path(rest)


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
