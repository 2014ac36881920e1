"""`mm calibrate`: what a recorded market says about a session's parameters, and writing it into the config.

Proposes only parameters that the session's strategy has, only values that are known well enough, and only
what can be written. The file is changed with `write` alone: single lines, comments kept, whole or not at
all, and only to what the loader takes. Must never touch a limit. Invariant: a proposal without a new value
says why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mm.analytics.fit_intensity import Band
from mm.analytics.markets import SECONDS_MIN
from mm.bootstrap.calibrate.estimates import Estimates, Question, estimates
from mm.bootstrap.calibrate.proposals import Proposal, left_measured, proposals, writable
from mm.bootstrap.viability.heard import Heard, checked
from mm.bootstrap.viability.tape import Progress, read_tape
from mm.domain.units import NS_PER_MS, NS_PER_S, PPM_PER_BPS
from mm.errors import ConfigError
from mm.settings.edit import with_key
from mm.settings.loader import DEMO_FILE, load_settings, read_text, settings_of
from mm.settings.models import PairSettings, Settings
from mm.store.recordings.raw.records import Market
from mm.store.textfile import replace_file

BOM: Final = b"\xef\xbb\xbf"

HORIZON_NS: Final = NS_PER_S
"""Of adverse selection, where neither the session nor the person says one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked. Fields: path: of the config; pair: None: the one that trades the symbol.
    maker_fee_ppm, band, horizon_ns: None: of the config, around the costs, of the session or a second.
    fix_volatility: a number for the volatility also where it is off.
    """

    path: Path
    files: Sequence[Path]
    pair: str | None = None
    maker_fee_ppm: int | None = None
    band: Band | None = None
    horizon_ns: int | None = None
    fix_volatility: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What was found. Fields: settings: as loaded; pair: the session; fee_bps, horizon_ns: as used."""

    settings: Settings
    heard: Heard
    pair: str
    fee_bps: float
    horizon_ns: int
    found: Estimates
    proposals: tuple[Proposal, ...]
    notes: tuple[str, ...]


def calibrate(asked: Order, progress: Progress) -> Calibration:
    """Estimate from the files what a session's parameters should be; nothing is written.

    Raises: ConfigError if the config cannot be used, no session fits the data, or its strategy has no such
    parameter; RecordingDamaged, RecordingUnusable.
    """
    settings = load_settings(asked.path)
    if asked.pair is not None:
        _known(settings, asked.pair)
    heard = read_tape(asked.files, progress)
    name = _fitting(settings, asked.pair, heard)
    pair = settings.pair[name]
    horizon_ns = asked.horizon_ns or _horizon_ns(pair.params)
    checked(heard, seconds_min=max(SECONDS_MIN, 3 * horizon_ns / NS_PER_S))
    fee_bps = _fee_bps(settings, asked.maker_fee_ppm)
    question = Question(
        fee_bps=fee_bps,
        horizon_ns=horizon_ns,
        band=asked.band,
        is_searched=hasattr(pair.params, "fill_decay_per_bps"),
    )
    found = estimates(heard.tape, question)
    proposed = list(proposals(f"pair.{name}.params", pair.params, found, fee_bps))
    if not proposed:
        raise ConfigError(
            f"pair.{name}: strategy {pair.strategy} has no parameter that is estimated from a market",
            hint="glft and avellaneda_stoikov have; mm viability says what the market gives",
        )
    if not asked.fix_volatility:
        proposed = list(map(left_measured, proposed))
    return Calibration(
        settings=settings,
        heard=heard,
        pair=name,
        fee_bps=fee_bps,
        horizon_ns=horizon_ns,
        found=found,
        proposals=writable(proposed, settings, pair.params),
        notes=(*found.notes, *_market_notes(heard, settings, asked.maker_fee_ppm)),
    )


def write(found: Calibration) -> int:
    """Write what is proposed into the config and return how many keys changed; atomic, comments kept.

    Raises: ConfigError if the loader does not take the result, the file was changed meanwhile or cannot be
    written: it is as it was then.
    """
    path = found.settings.path
    if path == DEMO_FILE.absolute():
        raise ConfigError("`mm demo` runs the config that comes with mm", hint="copy it and calibrate that")
    text = read_text(path, again=True)
    before = path.read_bytes()
    if text != found.settings.text:
        raise ConfigError(f"{path}: was changed while the data were read", hint="calibrate again")
    changed = [one for one in found.proposals if one.new and one.new != one.old]
    for one in changed:
        text = with_key(text, one.key, one.new)
    settings_of(text, path)
    if changed:
        prefix = BOM if before.startswith(BOM) else b""
        replace_file(path, prefix + text.encode(), expected=before)
    return len(changed)


def _known(settings: Settings, name: str) -> PairSettings:
    pair = settings.pair.get(name)
    if pair is None:
        raise ConfigError(f"there is no [pair.{name}]", hint=f"there is {', '.join(settings.pair) or 'none'}")
    return pair


def _fitting(settings: Settings, asked: str | None, heard: Heard) -> str:
    # A contract with a kind behind its name is taken for its pair.
    symbol = heard.symbol.partition("_")[0]
    names = [name for name, pair in settings.pair.items() if pair.symbol.replace("/", "") == symbol]
    if asked is not None:
        if asked not in names:
            raise ConfigError(
                f"the data are of {heard.symbol}, [pair.{asked}] trades {settings.pair[asked].symbol}"
            )
        return asked
    if len(names) != 1:
        trades = ", ".join(f"{name}: {pair.symbol}" for name, pair in settings.pair.items())
        raise ConfigError(
            f"the data are of {heard.symbol}: {len(names)} sessions trade that ({trades})",
            hint="name the session: --pair NAME",
        )
    return names[0]


def _horizon_ns(params: object) -> int:
    found = getattr(params, "adverse_selection_horizon_ms", None)
    return found * NS_PER_MS if isinstance(found, int) else HORIZON_NS


def _fee_bps(settings: Settings, fee_ppm: int | None) -> float:
    return float(settings.paper.maker_fee_bps) if fee_ppm is None else fee_ppm / PPM_PER_BPS


def _market_notes(heard: Heard, settings: Settings, fee_ppm: int | None) -> Iterator[str]:
    yield f"{heard.tape.duration_s / 60:.1f} min of one market: another hour can look different"
    if heard.market is not Market.SPOT:
        yield "the data are of a futures contract, the session trades spot: its flow differs"
    if fee_ppm is None:
        yield f"the fee is that of [paper], {settings.paper.maker_fee_bps} bps; --maker-fee-bps says yours"
