"""From a config to the bot that is drilled, and through the incidents to a safety sheet.

The engine, the strategies, the rules, limits and deadlines are those of the config; the venue, its market and
the account are simulated. Offline and deterministic: the same config gives the same sheet, however many
processes play it. Nothing is written but to a directory that is gone afterwards; no key is read. Invariant:
what cannot be played is on the sheet as not applicable, with the reason.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, Self

from mm.bootstrap.assemble import deadlines, session_setup, started
from mm.bootstrap.drill_market import Account, Ground, grounds, holdings
from mm.domain.capabilities import Capabilities
from mm.domain.units import NS_PER_MS, NS_PER_S, floor_atoms, short_text
from mm.domain.worth import base_value_atoms
from mm.engine.setup import OnExternal, SessionSetup
from mm.errors import ConfigError, UsageError
from mm.observe.drill_words import Deed
from mm.observe.safety_sheet import Case, Market, Moments, Setting, Sheet, Track
from mm.risk.inventory_band import band_lots
from mm.runtime.simulate.plan import TICK_NS
from mm.runtime.simulate.scenarios import Scenario
from mm.runtime.simulate.scenarios_incidents import SCENARIOS
from mm.runtime.simulate.strangers import HOME_TICKS, ROAM_TICKS, STEPS
from mm.runtime.simulate.subject import Subject
from mm.runtime.simulate.witness import SLOT_NS, Witnessed, witness
from mm.settings.loader import DEMO_FILE, read_text, settings_of
from mm.settings.models import Settings
from mm.settings.overlay import PREFIX
from mm.settings.strategies import strategy_class
from mm.strategies.base import watches_of

VENUE: Final = Capabilities(orders_per_10s=100, weight_per_minute=6_000)
"""Limits of messages as Binance spot has them."""

ROOM_PPM: Final = 1_050_000
"""A share of the equity is judged as an amount that is so much larger: prices and the equity move."""

SEED: Final = 1

TRIES: Final = 5
"""Seeds that are tried until what is drawn meets the bot."""

MISSING: Final = "no report of "
"""How a violation begins that is the absence of a report."""

DEMO_NAME: Final = "of mm demo"
"""How the config is called that comes with mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be drilled; another process can make the same of it.

    Fields: path, text, overrides, variables: of the config; prices: stated for symbols.
    """

    path: Path
    text: str
    overrides: tuple[str, ...]
    variables: Mapping[str, str]
    prices: Mapping[str, Decimal]

    @classmethod
    def of(
        cls, path: Path, overrides: Sequence[str] = (), prices: Mapping[str, Decimal] | None = None
    ) -> Self:
        """Return the drill of the file at `path`; raises ConfigError if there is none."""
        variables = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
        return cls(
            path=path,
            text=read_text(path),
            overrides=tuple(overrides),
            variables=variables,
            prices=dict(prices or {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A config that is ready to be drilled. Fields: setting: what it is drilled in, for the sheet."""

    asked: Asked
    settings: Settings
    subject: Subject
    setting: Setting


def chosen(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the incidents of these names, in the order of all; all of them for none.

    Raises: ConfigError for a name that is none.
    """
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise UsageError(f"{name[:60]!r} is no scenario", hint="mm drill --list tells all of them")
    return tuple(scenario for scenario in SCENARIOS if not names or scenario.name in names)


def prepared(asked: Asked) -> Drill:
    """Return the drill of a config.

    Raises: ConfigError if the config is none, or parameters, limits or prices do not fit what is traded.
    """
    settings = settings_of(asked.text, asked.path, asked.overrides, asked.variables)
    try:
        return _ready(asked, settings)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{asked.path}: amounts or prices are beyond what can be reckoned with: {error}",
            hint="smaller amounts, or another --price",
        ) from None


def _ready(asked: Asked, settings: Settings) -> Drill:
    markets = grounds(settings, asked.prices)
    account = holdings(settings, markets)
    held = account.held
    sessions = tuple(
        _session(settings, name, pair.symbol, markets, held) for name, pair in settings.pair.items()
    )
    subject = Subject(
        sessions=sessions,
        caps=VENUE,
        deadlines=deadlines(settings),
        holdings=held,
        home_ticks={symbol: ground.home_ticks for symbol, ground in markets.items()},
        depth_lots={symbol: ground.depth_lots for symbol, ground in markets.items()},
        reference_window_ns=settings.risk.reference.window_ms * NS_PER_MS,
        on_external=OnExternal(settings.account.on_external),
    )
    setting = _setting(settings, markets, sessions, account)
    return Drill(asked=asked, settings=settings, subject=subject, setting=setting)


def played(drill: Drill, scenarios: Sequence[Scenario], *, jobs: int = 1) -> Iterator[Case]:
    """Yield how each incident went, in their order, as they are played. Args: jobs: processes."""
    if jobs <= 1:
        for scenario in scenarios:
            yield one_case(drill, scenario)
        return
    names = [scenario.name for scenario in scenarios]
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_leave_signals) as pool:
        yield from pool.imap(partial(_named_case, asked=drill.asked), names)


def one_case(drill: Drill, scenario: Scenario) -> Case:
    """Return how one incident goes, or why it cannot be played."""
    reason = not_applicable(drill, scenario)
    if reason:
        return _aside(scenario, reason)
    seen = witness(scenario, drill.subject, SEED)
    for seed in range(SEED + 1, SEED + TRIES):
        # A bot that asks little may not be touched by what is drawn; nothing was shown then.
        if not _is_untouched(seen):
            break
        seen = witness(scenario, drill.subject, seed)
    if seen.missed and seen.result.violations:
        return _aside(scenario, f"in {TRIES} tries nothing of what it does met this bot")
    return case_of(scenario, seen)


def _aside(scenario: Scenario, reason: str) -> Case:
    return Case(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        moments=Moments(before_ms=0, slot_ms=SLOT_NS // NS_PER_MS, healed_ms=0),
        not_applicable=reason,
    )


def _is_untouched(seen: Witnessed) -> bool:
    # Nothing broke but that something expected was not reported.
    broke = seen.result.violations
    return bool(broke) and all(text.startswith(MISSING) for text in broke)


def not_applicable(drill: Drill, scenario: Scenario) -> str:
    """Return why this config cannot be put through an incident, "" if it can."""
    needs = dict(scenario.plan)
    for what, has in (("sessions", len(drill.subject.sessions)), ("symbols", len(drill.subject.instruments))):
        wanted = needs.get(what, 1)
        if isinstance(wanted, int) and wanted > has:
            return f"it takes {wanted} {what}, the config has {has}"
    return ""


def _named_case(name: str, *, asked: Asked) -> Case:
    # In a process of its own, where nothing is at hand but what was asked for.
    (scenario,) = chosen([name])
    return one_case(prepared(asked), scenario)


def _leave_signals() -> None:
    # What interrupts the command interrupts its first process alone; the pool is ended by that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def sheet_of(drill: Drill, cases: Sequence[Case], *, complete: bool = True) -> Sheet:
    """Return the sheet of what was played. Args: complete: nothing was broken off."""
    return Sheet(setting=drill.setting, cases=tuple(cases), complete=complete)


def case_of(scenario: Scenario, seen: Witnessed) -> Case:
    """Return what the sheet says of one incident."""
    result = seen.result
    return Case(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        violations=result.violations,
        deeds=tuple(
            Deed(at_ms=at_ms, code=report.code, session=report.session, facts=report.facts)
            for at_ms, report in seen.reports
        ),
        tracks=tuple(
            Track(
                session=track.session,
                instrument=track.instrument,
                worst_lots=track.worst_lots,
                worst_ppm=track.worst_ppm,
                worst_quote_atoms=track.worst_quote_atoms,
                loss_atoms=track.loss_atoms,
                order_lots=track.order_lots,
                order_quote_atoms=track.order_quote_atoms,
                slots=track.slots,
            )
            for track in seen.tracks
        ),
        moments=Moments(
            before_ms=seen.before_ms,
            slot_ms=SLOT_NS // NS_PER_MS,
            healed_ms=seen.healed_ms,
            counted_ms=seen.counted_ms,
            stopped_ms=seen.stopped_ms,
            halted_ms=seen.halted_ms,
            halt_gone_ms=seen.halt_gone_ms,
            stop_gone_ms=seen.stop_gone_ms,
            last_cancel_ms=seen.last_cancel_ms,
        ),
        places=seen.places,
        fills=seen.fills,
        lives=seen.lives,
    )


def _session(
    settings: Settings, name: str, symbol: str, markets: Mapping[str, Ground], held: Mapping[str, int]
) -> SessionSetup:
    found = strategy_class(settings.pair[name].strategy, settings.path.parent)
    instrument, target = markets[symbol].instrument, settings.pair[name].inventory.target_base
    strategy = started(settings, name, instrument, found)
    lots = None if target is None else floor_atoms(target, instrument.base_scale) // instrument.lot_atoms
    setup = session_setup(settings, name, instrument, strategy, target_lots=lots)
    # The engine follows a share of the equity by itself; who judges it needs an amount.
    judged = _share_lots(setup, markets, held, ROOM_PPM) + 1
    if judged <= 1:
        raise ConfigError(
            f"pair.{name}: the account holds too little for an inventory limit of a single lot",
            hint=f"raise the start balances of [{settings.mode}], or inventory.max_ratio",
        )
    return replace(setup, band_lots_max=min(judged, setup.band_lots_max or judged))


def _share_lots(
    setup: SessionSetup, markets: Mapping[str, Ground], held: Mapping[str, int], room_ppm: int
) -> int:
    ground, instrument = markets[setup.instrument.symbol], setup.instrument
    ratio, equity = (
        setup.band_ratio_ppm * room_ppm // 1_000_000,
        _equity_atoms(instrument.quote, markets, held),
    )
    return band_lots(
        0, ratio, equity_atoms=equity, mid_half_ticks=2 * ground.home_ticks, instrument=instrument
    )


def _equity_atoms(quote: str, markets: Mapping[str, Ground], held: Mapping[str, int]) -> int:
    # What the account is worth in a quote asset at the prices of the start.
    total = held[quote]
    for ground in markets.values():
        one = ground.instrument
        if one.quote == quote:
            total += base_value_atoms(one, held[one.base], 2 * ground.home_ticks)
    return total


def _setting(
    settings: Settings, markets: Mapping[str, Ground], sessions: Sequence[SessionSetup], account: Account
) -> Setting:
    scales: dict[str, int] = {}
    held = account.held
    for ground in markets.values():
        one = ground.instrument
        scales |= {one.base: one.base_scale, one.quote: one.quote_scale}
    limits = tuple((setup.name, setup.instrument, _limit_lots(setup, markets, held)) for setup in sessions)
    return Setting(
        config=DEMO_NAME if settings.path == DEMO_FILE else str(settings.path),
        mode=settings.mode,
        strategies={name: pair.strategy for name, pair in settings.pair.items()},
        markets=tuple(_market(ground, markets, held) for ground in markets.values()),
        holdings={asset: short_text(atoms, scales[asset]) for asset, atoms in held.items()},
        holdings_from=account.origin,
        limits=limits,
        loss_atoms={
            name: _loss_atoms(settings, setup) for name, setup in zip(settings.pair, sessions, strict=True)
        },
        bursts={name: _burst(settings, name) for name in settings.pair},
        watched=_watched(sessions, markets),
        seed=SEED,
    )


def _watched(sessions: Sequence[SessionSetup], markets: Mapping[str, Ground]) -> tuple[str, ...]:
    # Each once, in the order of the sessions.
    names = (watch.symbol for setup in sessions for watch in watches_of(setup.strategy))
    return tuple(dict.fromkeys(name for name in names if name not in markets))


def _burst(settings: Settings, name: str) -> str:
    risk = settings.risk_of(name)
    worth = risk.max_filled_quote_per_minute
    quote = settings.pair[name].symbol.partition("/")[2]
    return f"{risk.max_fills_per_minute} fills" + (f" or {worth:f} {quote} one way" if worth else "")


def _loss_atoms(settings: Settings, setup: SessionSetup) -> int:
    risk = settings.risk_of(setup.name)
    return floor_atoms(min(risk.session_loss_quote, risk.open_loss_quote), setup.instrument.quote_scale)


def _limit_lots(setup: SessionSetup, markets: Mapping[str, Ground], held: Mapping[str, int]) -> int:
    share = _share_lots(setup, markets, held, 1_000_000)
    return min(share, setup.band_lots_max or share)


def _market(ground: Ground, markets: Mapping[str, Ground], held: Mapping[str, int]) -> Market:
    # How it moves is what the strangers do; see there.
    unit_bps = 10_000 * max(1, ground.home_ticks // HOME_TICKS) / ground.home_ticks
    mean_square = sum(step * step for step in STEPS) / len(STEPS)
    per_s = mean_square * NS_PER_S / TICK_NS
    return Market(
        instrument=ground.instrument,
        home_ticks=ground.home_ticks,
        depth_lots=ground.depth_lots,
        roam_bps=round(ROAM_TICKS * unit_bps),
        moves_bps_s=round(per_s**0.5 * unit_bps, 1),
        equity_atoms=_equity_atoms(ground.instrument.quote, markets, held),
        grid_from=ground.grid_from,
        price_from=ground.price_from,
    )
