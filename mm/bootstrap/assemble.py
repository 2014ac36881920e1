"""From settings and instruments to an engine: decimals become integers, names become objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mm.bootstrap.other_markets import watched_instruments
from mm.domain.estate import Estate, SignalEstate
from mm.domain.ids import OrderIds
from mm.domain.instrument import Instrument
from mm.domain.units import NS_PER_MS, NS_PER_S, floor_atoms
from mm.engine.engine import Engine
from mm.engine.setup import Deadlines, EngineSetup, OnExternal, SessionSetup
from mm.errors import ConfigError
from mm.ports import Venue
from mm.risk.base import AlarmAction
from mm.risk.rules import RiskLimits, make_rules
from mm.settings.models import Settings
from mm.settings.strategies import StrategyClass, strategy_class
from mm.store.runstate import LastLife, RunState
from mm.strategies.base import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Heritage:
    """What a new life takes over.

    Fields: begin_life: counts it and returns its epoch; estate: what the life before left, None for a fresh
    begin; inherits: the venue may have orders of an earlier life all the same; signals: what was learnt
    before, beside what is in `estate`.
    """

    begin_life: Callable[[], int]
    estate: Estate | None = None
    inherits: bool = False
    signals: tuple[SignalEstate, ...] = ()


async def assemble(
    settings: Settings, venue: Venue, kept: RunState, *, revision: int = 0, heritage: Heritage | None = None
) -> Engine:
    """Return the engine of a new life; asks the venue for its instruments.

    Args: revision: of the config; heritage: what it takes over, nothing unless given.
    Raises: ConfigError if parameters do not fit an instrument; what `Venue.instruments` raises.
    """
    symbols = tuple(pair.symbol for pair in settings.pair.values())
    try:
        instruments = await venue.instruments(symbols)
    except ConfigError as error:
        raise _placed(
            error, settings, {pair.symbol: f"pair.{name}.symbol" for name, pair in settings.pair.items()}
        ) from None
    named = zip(settings.pair, instruments, strict=True)
    sessions = tuple(_session(settings, name, instrument, kept) for name, instrument in named)
    watched = await watched_instruments(settings, venue, sessions)
    heritage = heritage or Heritage(begin_life=kept.begin_life)
    left_orders = settings.mode != "demo" and _may_have_left_orders(kept.life)
    return Engine(
        EngineSetup(
            ids=OrderIds(tag=kept.tag, key=kept.id_key),
            epoch=heritage.begin_life(),
            caps=venue.caps,
            sessions=sessions,
            deadlines=deadlines(settings),
            reference_window_ns=settings.risk.reference.window_ms * NS_PER_MS,
            latched=kept.latched.code if kept.latched else "",
            inherits=left_orders or heritage.inherits or heritage.estate is not None,
            revision=revision,
            estate=heritage.estate,
            on_external=OnExternal(settings.account.on_external),
            watched=watched,
            signals=heritage.signals,
            signals_age_ns_max=settings.signals.max_age_s * NS_PER_S,
        )
    )


def deadlines(settings: Settings) -> Deadlines:
    """Return how long the engine waits."""
    # A session that is more careful than the account has to hear of silence as early as it asks.
    stale_ns = min(settings.risk_of(name).stale_book_ms for name in settings.pair) * NS_PER_MS
    return Deadlines(stale=stale_ns, reconnect=max(8 * NS_PER_S, 3 * stale_ns))


def _may_have_left_orders(life: LastLife | None) -> bool:
    # Asked before the new life is counted. A demo's exchange begins anew with each run.
    return life is not None and not (life.ended and life.open_orders == 0)


def _placed(error: ConfigError, settings: Settings, keys: Mapping[str, str]) -> ConfigError:
    # What the venue or a strategy refuses is told with the place of the value in the config, if it names one.
    # Args: keys: dotted key by the word that names it in a message, longest words first.
    message = str(error)
    for word in sorted(keys, key=len, reverse=True):
        if word in message:
            place = settings.sources.get(keys[word], "")
            return ConfigError(f"{place}: {keys[word]}: {message}", hint=error.hint)
    return error


def _session(settings: Settings, name: str, instrument: Instrument, kept: RunState) -> SessionSetup:
    found = strategy_class(settings.pair[name].strategy, settings.path.parent)
    strategy = started(settings, name, instrument, found)
    target_lots = _target_lots(settings, name, instrument, kept)
    return session_setup(settings, name, instrument, strategy, target_lots=target_lots)


def started(settings: Settings, name: str, instrument: Instrument, found: StrategyClass) -> Strategy[object]:
    """Return the strategy of the session `name`; raises ConfigError if its parameters do not fit."""
    try:
        return found.start(settings.pair[name].params, instrument)
    except ConfigError as error:
        keys = {
            key.rpartition(".")[2]: key for key in settings.sources if key.startswith(f"pair.{name}.params.")
        }
        raise _placed(error, settings, keys) from None


def session_setup(
    settings: Settings,
    name: str,
    instrument: Instrument,
    strategy: Strategy[object],
    *,
    target_lots: int | None,
) -> SessionSetup:
    """Return the session `name` with its limits; raises ConfigError if one does not fit the instrument."""
    inventory = settings.pair[name].inventory
    band_lots = _limit_lots(f"pair.{name}.inventory.max_base", inventory.max_base, instrument)
    ratio = inventory.target_base_ratio
    return SessionSetup(
        name=name,
        instrument=instrument,
        strategy=strategy,
        rules=make_rules(limits(settings, name, instrument)),
        band_lots_max=band_lots or 0,
        band_ratio_ppm=floor_atoms(inventory.max_ratio, 6),
        target_lots=target_lots,
        target_ratio_ppm=None if ratio is None else floor_atoms(ratio, 6),
        slippage_ppm=floor_atoms(settings.risk_of(name).max_slippage_bps, 2),
    )


def limits(settings: Settings, name: str, instrument: Instrument) -> RiskLimits:
    """Return the limits of the session `name` in integers; every rounding is towards the tighter side."""
    risk, scale = settings.risk_of(name), instrument.quote_scale
    order_lots = _limit_lots(f"pair.{name}: max_order_base", risk.max_order_base, instrument)
    return RiskLimits(
        stale_ns_max=risk.stale_book_ms * NS_PER_MS,
        collar_ppm=floor_atoms(risk.price_collar_bps, 2),
        order_lots_max=order_lots or instrument.size_max_lots,
        order_atoms_max=floor_atoms(risk.max_order_notional_quote, scale),
        exposure_atoms_max=floor_atoms(risk.max_notional_quote, scale),
        open_orders_max=min(risk.max_open_orders, instrument.open_orders_max),
        placements_minute_max=risk.max_orders_per_minute,
        session_loss_atoms=floor_atoms(risk.session_loss_quote, scale),
        account_loss_atoms=floor_atoms(settings.risk.session_loss_quote, scale),
        open_loss_atoms=floor_atoms(risk.open_loss_quote, scale),
        drawdown_ppm_max=floor_atoms(risk.max_drawdown_ratio, 6),
        slippage_ppm_max=floor_atoms(risk.max_slippage_bps, 2),
        inventory_soft_ppm=floor_atoms(settings.pair[name].inventory.soft_ratio, 6),
        fills_minute_max=risk.max_fills_per_minute,
        filled_atoms_minute_max=_filled_atoms(risk.max_filled_quote_per_minute, instrument),
        on_breach=AlarmAction.FLATTEN if settings.risk.on_breach == "flatten" else AlarmAction.HALT,
    )


def _filled_atoms(amount: Decimal | None, instrument: Instrument) -> int:
    # 0 is no limit: one of less than an atom is the least there is.
    return 0 if amount is None else max(1, floor_atoms(amount, instrument.quote_scale))


def _limit_lots(key: str, amount: Decimal | None, instrument: Instrument) -> int | None:
    # None is no limit. A limit of less than a lot may not become that: it is an error.
    if amount is None:
        return None
    lots = _lots(amount, instrument)
    if lots < 1:
        least = f"{instrument.size_text(1)} {instrument.base}"
        raise ConfigError(
            f"{key} was {amount}, expected at least {least}, one lot of {instrument.symbol}",
            hint="leave it out for no limit of that kind",
        )
    return lots


def configured_target(settings: Settings, name: str, instrument: Instrument) -> int | None:
    """Return the holding at which the session `name` has no inventory, lots; None: as found at its start."""
    configured = settings.pair[name].inventory.target_base
    return None if configured is None else _lots(configured, instrument)


def _target_lots(settings: Settings, name: str, instrument: Instrument, kept: RunState) -> int | None:
    configured = configured_target(settings, name, instrument)
    # A demo's holdings begin anew with each exchange, and its target with them.
    if configured is not None or settings.mode == "demo":
        return configured
    return kept.target_lots(name)


def _lots(amount: Decimal, instrument: Instrument) -> int:
    return floor_atoms(amount, instrument.base_scale) // instrument.lot_atoms
